/* host/stream/client.c -- one stream: what its caller may know, at the pace of its client. */
#include "host/stream/internal.h"

#include "cim/store.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/store/store.h"
#include "kit/buf.h"

#include <errno.h>
#include <stdlib.h>

enum { PIECE_MAX_BYTES = 256 << 10, RETRY_MS = 3000 };

/* ---- limits: a place per stream, in all and per account ---- */

static cim_status
take_place(struct host_stream_client *client, cim_error *err)
{
    struct host_streams *streams = client->streams;
    int64_t mine = 0;
    bool full = false;
    (void)pthread_mutex_lock(&streams->lock);
    for (struct host_stream_client *other = streams->clients; other != NULL; other = other->next) {
        mine += strcmp(other->account, client->account) == 0;
    }
    full = streams->n_clients >= streams->max_clients || mine >= streams->max_per_account;
    if (!full) {
        client->next = streams->clients;
        if (client->next != NULL) {
            client->next->prev = client;
        }
        streams->clients = client;
        streams->n_clients++;
    }
    (void)pthread_mutex_unlock(&streams->lock);
    if (!full) {
        return CIM_OK;
    }
    atomic_fetch_add(&streams->n_refused, 1);
    return cim_fail(err, CIM_E_BUSY, NULL, NULL, "推送连接过多（每个账号至多 %lld 个）",
                    "too many streams (at most %lld per account)",
                    (long long)streams->max_per_account);
}

static void
leave_place(struct host_stream_client *client)
{
    struct host_streams *streams = client->streams;
    (void)pthread_mutex_lock(&streams->lock);
    *(client->prev != NULL ? &client->prev->next : &streams->clients) = client->next;
    if (client->next != NULL) {
        client->next->prev = client->prev;
    }
    streams->n_clients--;
    (void)pthread_mutex_unlock(&streams->lock);
}

/* ---- what is asked for ---- */

static cim_status
read_layers(struct host_stream_client *client, const char *text, cim_error *err)
{
    while (text != NULL && *text != '\0') {
        const size_t len = strcspn(text, ",");
        if (len == 0 || len >= HOST_CHANGE_LAYER_SIZE ||
            client->n_layers == HOST_STREAM_LAYERS_MAX) {
            return cim_fail(err, CIM_E_INVALID, "layers", text,
                            "layers 应为逗号分隔的图层编号，至多 %d 个",
                            "layers: expected ids of layers separated by commas, at most %d",
                            HOST_STREAM_LAYERS_MAX);
        }
        client->layers[client->n_layers] = strndup(text, len);
        if (client->layers[client->n_layers++] == NULL) {
            return cim_fail_nomem(err);
        }
        text += len;
        text += *text == ',';
    }
    return CIM_OK;
}

/* The position to go on from; a newcomer begins now. One that we never gave out (the store was
 * restored meanwhile) begins now too, after a resync. */
static cim_status
read_position(struct host_stream_client *client, const char *text, cim_error *err)
{
    char *end = NULL;
    client->seen = host_store_pos(client->streams->app->store);
    if (text == NULL) {
        return CIM_OK;
    }
    errno = 0;
    const long long pos = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || pos < 0) {
        return cim_fail(err, CIM_E_INVALID, "Last-Event-ID", text,
                        "Last-Event-ID 应为此前收到的事件编号",
                        "Last-Event-ID: expected the id of an event received before");
    }
    client->seen = pos;
    return CIM_OK;
}

static bool
wants(const struct host_stream_client *client, const char *layer)
{
    for (size_t i = 0; i < client->n_layers; i++) {
        if (strcmp(client->layers[i], layer) == 0) {
            return true;
        }
    }
    return client->n_layers == 0;
}

/* ---- events ---- */

void
host_change_write(const struct host_change *change, struct cim_buf *out)
{
    static const char *const ops[] = {[CIM_CHANGE_CREATE] = "create",
                                      [CIM_CHANGE_UPDATE] = "update",
                                      [CIM_CHANGE_DELETE] = "delete",
                                      [CIM_CHANGE_BULK] = "bulk"};
    const bool known = change->op >= CIM_CHANGE_CREATE && change->op <= CIM_CHANGE_BULK;
    cim_buf_add_text(out, "\"layer\":");
    cim_buf_add_json_text(out, change->layer, SIZE_MAX);
    cim_buf_addf(out, ",\"op\":\"%s\"", known ? ops[change->op] : "bulk");
    if (change->fid != 0) {
        cim_buf_addf(out, ",\"fid\":%lld", (long long)change->fid);
    }
    if (change->area[0] != '\0') {
        cim_buf_add_text(out, ",\"area_code\":");
        cim_buf_add_json_text(out, change->area, SIZE_MAX);
    }
}

static void
add_change(struct cim_buf *out, const struct host_change *change)
{
    cim_buf_addf(out, "event: change\nid: %lld\ndata: {", (long long)change->pos);
    host_change_write(change, out);
    cim_buf_add_text(out, "}\n\n");
}

static void
add_resync(struct cim_buf *out, int64_t pos)
{
    cim_buf_addf(out, "event: resync\nid: %lld\ndata: {}\n\n", (long long)pos);
}

/* ---- the producer ---- */

/* Session, account and grants of now: a stream never outlives them by more than the recheck. */
static cim_status
recheck(struct host_stream_client *client, cim_error *err)
{
    struct host_principal *principal = NULL;
    const int64_t now_ms = host_monotonic_ms();
    if (client->principal != NULL && now_ms - client->checked_ms < HOST_STREAM_RECHECK_MS) {
        return CIM_OK;
    }
    CIM_TRY(host_identity_refresh(client->streams->app->identity, client->req, &principal, err));
    host_principal_release(client->principal);
    client->principal = principal;
    client->checked_ms = now_ms;
    return CIM_OK;
}

static cim_status
add_changes(struct host_stream_client *client, const cim_call *call, struct cim_buf *out,
            bool *ret_more, cim_error *err)
{
    struct host_change changes[HOST_CHANGES_PAGE];
    bool gap = false;
    int32_t n = 0;
    const int64_t newest = host_store_pos(client->streams->app->store);
    if (client->seen > newest) {
        gap = true;
    } else {
        CIM_TRY(host_changes_after(client->streams, client->seen, HOST_CHANGES_PAGE, changes, &n,
                                   &gap, err));
    }
    *ret_more = !gap && n == HOST_CHANGES_PAGE;
    if (gap) {
        add_resync(out, newest);
        client->seen = newest;
        return CIM_OK;
    }
    for (int32_t i = 0; i < n; i++) {
        bool visible = false;
        if (wants(client, changes[i].layer)) {
            CIM_TRY(host_change_visible(client, call, &changes[i], &visible, err));
        }
        if (visible) {
            add_change(out, &changes[i]);
            atomic_fetch_add(&client->streams->n_events, 1);
        }
        client->seen = changes[i].pos;
    }
    return CIM_OK;
}

/* From the second piece on: before, the response was not under way. */
static void
become_ready(struct host_stream_client *client)
{
    (void)pthread_mutex_lock(&client->streams->lock);
    client->ready = true;
    (void)pthread_mutex_unlock(&client->streams->lock);
}

static void
begin(struct host_stream_client *client, struct cim_buf *out)
{
    cim_buf_addf(out, "retry: %d\nevent: hello\nid: %lld\ndata: {}\n\n", RETRY_MS,
                 (long long)client->seen);
    client->begun = true;
}

/* An id without data moves the position that the client comes back with, and proves that both ends
 * are there. */
static void
keep_alive(struct host_stream_client *client, struct cim_buf *out)
{
    if (host_monotonic_ms() - client->written_ms >= HOST_STREAM_ALIVE_MS) {
        cim_buf_addf(out, ": alive\nid: %lld\n\n", (long long)client->seen);
    }
}

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    struct host_stream_client *client = self;
    CIM_AUTO_BUF struct cim_buf out;
    cim_call now = *call;
    bool more = false;
    cim_buf_init(&out, PIECE_MAX_BYTES);
    now.now_ms = host_clock_now_ms(client->streams->app->clock);
    const cim_status status = recheck(client, err);
    if (status == CIM_E_DENIED) {
        static const char over[] = "event: signed-out\ndata: {}\n\n";
        *ret_more = CIM_HTTP_END;
        return host_http_write(writer, over, sizeof over - 1, err);
    }
    CIM_TRY(status);
    if (!client->begun) {
        begin(client, &out);
    } else {
        become_ready(client);
        CIM_TRY(add_changes(client, &now, &out, &more, err));
        keep_alive(client, &out);
    }
    CIM_TRY(cim_buf_status(&out, err));
    if (out.len > 0) {
        client->written_ms = host_monotonic_ms();
        CIM_TRY(host_http_write(writer, out.data, out.len, err));
    }
    *ret_more = more ? CIM_HTTP_MORE : HOST_HTTP_WAIT;
    return CIM_OK;
}

static void
client_free(struct host_stream_client *client)
{
    for (size_t i = 0; i < client->n_layers; i++) {
        free(client->layers[i]);
    }
    host_principal_release(client->principal);
    free(client);
}

static void
release(void *self)
{
    leave_place(self);
    client_free(self);
}

cim_status
host_stream_open(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_stream_client *client = calloc(1, sizeof *client);
    cim_status status = CIM_OK;
    if (client == NULL) {
        return cim_fail_nomem(err);
    }
    client->streams = self;
    client->req = req;
    cim_copy_text(client->account, sizeof client->account, call->principal);
    status = read_layers(client, host_http_query_param(req, "layers"), err);
    if (status == CIM_OK) {
        status = read_position(client, host_http_header(req, "Last-Event-ID"), err);
    }
    if (status == CIM_OK) {
        status = take_place(client, err);
    }
    if (status != CIM_OK) {
        client_free(client);
        return status;
    }
    const cim_http_producer producer = {
        .struct_size = sizeof producer, .self = client, .produce = produce, .release = release};
    return host_http_respond_events(req, &producer, err);
}

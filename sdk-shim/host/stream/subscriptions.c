/* host/stream/subscriptions.c -- telling subscribers; see subscriptions.h. */
#include "host/stream/subscriptions.h"
#include "host/stream/internal.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/crypt/crypt.h"
#include "host/identity/identity.h"
#include "host/ogc/webhook.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <time.h>

enum { LOOK_MS = 250, AT_ONCE = 200, BODY_MAX = 256 << 10, SECRET_MAX = 512, FIRST_WAIT_MS = 1000 };

struct host_subscriptions {
    struct host_streams *streams;
    pthread_t thread;
    atomic_bool stopping;
};

/* What is needed of a row to tell it. */
struct due {
    char uid[40];
    char owner[72];
    char url[HOST_WEBHOOK_URL_MAX + 1];
    char layers[2048]; /* "": all */
    char secret[SECRET_MAX];
    int64_t pos;
    int64_t failures;
};

/* By the machine's clock: a retry waits whatever time it is on the platform. */
static int64_t
real_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- rows ---- */

static cim_status
load_due(const struct host_app *app, struct due *list, size_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_i64("now", real_ms()),
                                host_value_i64("pos", host_store_pos(app->store)),
                                host_value_i64("most", AT_ONCE)};
    CIM_TRY(host_store_read(app->platform,
                            "select uid, owner, url, layers, secret, pos, failures from "
                            "cim_subscription where state = 'active' and next_ms <= :now and pos "
                            "<> :pos order by next_ms limit :most",
                            values, 3, &rows, err));
    row.rows = rows;
    for (*ret_n = 0; *ret_n < AT_ONCE; (*ret_n)++) {
        struct due *due = &list[*ret_n];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, due->uid, sizeof due->uid);
        host_row_copy(&row, 1, due->owner, sizeof due->owner);
        host_row_copy(&row, 2, due->url, sizeof due->url);
        host_row_copy(&row, 3, due->layers, sizeof due->layers);
        host_row_copy(&row, 4, due->secret, sizeof due->secret);
        due->pos = host_row_i64(&row, 5);
        due->failures = host_row_i64(&row, 6);
    }
    return CIM_OK;
}

static cim_status
keep_told(const struct host_app *app, const struct due *due, int64_t pos, int64_t n_told,
          cim_error *err)
{
    const cim_value values[] = {host_value_text("uid", due->uid), host_value_i64("pos", pos),
                                host_value_i64("now", host_clock_now_ms(app->clock)),
                                host_value_i64("n", n_told)};
    return host_store_write_one(
        app->platform,
        n_told > 0 ? "update cim_subscription set pos = :pos, failures = 0, next_ms = 0, told_ms = "
                     ":now, n_told = n_told + :n, error_zh = null, error_en = null where uid = :uid"
                   : "update cim_subscription set pos = :pos where uid = :uid",
        values, n_told > 0 ? 4 : 2, NULL, err);
}

/* Later once more, or never until somebody resumes it; that is told loudly. */
static cim_status
keep_failure(const struct host_app *app, const struct due *due, bool dead, const cim_error *why,
             cim_error *err)
{
    int64_t wait_ms = FIRST_WAIT_MS;
    for (int64_t i = 0; i < due->failures && wait_ms < HOST_SUBSCRIPTION_WAIT_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < HOST_SUBSCRIPTION_WAIT_MAX_MS ? wait_ms : HOST_SUBSCRIPTION_WAIT_MAX_MS;
    const cim_value values[] = {
        host_value_text("uid", due->uid),
        host_value_text("state", dead ? HOST_SUBSCRIPTION_DEAD : HOST_SUBSCRIPTION_ACTIVE),
        host_value_i64("failures", due->failures + 1),
        host_value_i64("next", real_ms() + wait_ms),
        host_value_text("zh", why->zh),
        host_value_text("en", why->en)};
    if (dead) {
        const cim_call call = {.struct_size = sizeof call,
                               .principal = due->owner,
                               .request_id = due->uid,
                               .now_ms = host_clock_now_ms(app->clock)};
        const cim_audit_entry entry = {.struct_size = sizeof entry,
                                       .action = "subscription.dead",
                                       .layer = "cim.catalogue",
                                       .uid = due->uid,
                                       .result = "refused"};
        host_log(CIM_LOG_ERROR, "subscription", "%s of %s is given up after %lld failures: %s",
                 due->uid, due->owner, (long long)due->failures + 1, why->en);
        host_audit_note(app->audit, &call, &entry);
    }
    return host_store_write_one(app->platform,
                                "update cim_subscription set state = :state, failures = :failures, "
                                "next_ms = :next, error_zh = :zh, error_en = :en where uid = :uid",
                                values, 6, NULL, err);
}

/* ---- one message ---- */

static bool
wants(const struct due *due, const char *layer)
{
    const size_t len = strlen(layer);
    for (const char *at = due->layers; *at != '\0';) {
        const size_t part = strcspn(at, ",");
        if (part == len && strncmp(at, layer, len) == 0) {
            return true;
        }
        at += part + (at[part] == ',' ? 1 : 0);
    }
    return due->layers[0] == '\0';
}

/* What the owner may know of the next changes; *ret_to: the position up to which that is all. */
static cim_status
write_changes(struct host_subscriptions *subscriptions, const struct due *due, struct cim_buf *body,
              int64_t *ret_to, int64_t *ret_n, cim_error *err)
{
    struct host_streams *streams = subscriptions->streams;
    struct host_app *app = streams->app;
    struct host_change changes[HOST_CHANGES_PAGE];
    struct host_stream_client client = {.streams = streams};
    const int64_t newest = host_store_pos(app->store);
    bool gap = due->pos > newest; /* the store was restored meanwhile */
    int32_t n = 0;
    if (!gap) {
        CIM_TRY(host_changes_after(streams, due->pos, HOST_CHANGES_PAGE, changes, &n, &gap, err));
    }
    CIM_TRY(host_principal_get(app->identity, due->owner, &client.principal, err));
    struct host_call_context context = {.principal = client.principal};
    const cim_call call = {.struct_size = sizeof call,
                           .principal = due->owner,
                           .request_id = due->uid,
                           .lang = "zh",
                           .now_ms = host_clock_now_ms(app->clock),
                           .impl = &context};
    cim_status status = CIM_OK;
    *ret_to = gap ? newest : n > 0 ? changes[n - 1].pos : due->pos;
    *ret_n = gap ? 1 : 0;
    cim_buf_addf(body,
                 "{\"subscription\":\"%s\",\"from\":%lld,\"to\":%lld,\"resync\":%s,\"changes\":[",
                 due->uid, (long long)due->pos, (long long)*ret_to, gap ? "true" : "false");
    for (int32_t i = 0; i < n && !gap && status == CIM_OK; i++) {
        bool visible = false;
        if (wants(due, changes[i].layer)) {
            status = host_change_visible(&client, &call, &changes[i], &visible, err);
        }
        if (status == CIM_OK && visible) {
            cim_buf_add_text(body, (*ret_n)++ > 0 ? "," : "");
            cim_buf_addf(body, "{\"pos\":%lld,", (long long)changes[i].pos);
            host_change_write(&changes[i], body);
            cim_buf_add_char(body, '}');
        }
    }
    cim_buf_add_text(body, "]}");
    host_principal_release(client.principal);
    CIM_TRY(status);
    return cim_buf_status(body, err);
}

static cim_status
open_secret(const struct host_app *app, const struct due *due, char out[SECRET_MAX], cim_error *err)
{
    const cim_crypt_place place = host_subscription_place(due->uid);
    size_t len = 0;
    CIM_TRY(host_crypt_unseal(app->crypt, &place, due->secret, strlen(due->secret), out,
                              SECRET_MAX - 1, &len, err));
    out[len] = '\0';
    return CIM_OK;
}

static cim_status
post(struct host_subscriptions *subscriptions, const struct due *due, const struct cim_buf *body,
     int64_t to, cim_error *err)
{
    const struct host_app *app = subscriptions->streams->app;
    char secret[SECRET_MAX];
    char id[96];
    CIM_TRY(open_secret(app, due, secret, err));
    (void)snprintf(id, sizeof id, "%s-%lld-%lld", due->uid, (long long)due->pos, (long long)to);
    const struct host_webhook hook = {
        .url = due->url,
        .id = id,
        .mime = "application/json",
        .body = body->data,
        .len = body->len,
        .networks = host_config_text(app->config, "jobs.callback_networks"),
        .secret = secret,
        .give_up = &subscriptions->stopping,
    };
    return host_webhook_post(&hook, err);
}

static cim_status
tell(struct host_subscriptions *subscriptions, const struct due *due, cim_error *err)
{
    const struct host_app *app = subscriptions->streams->app;
    CIM_AUTO_BUF struct cim_buf body;
    cim_error why = {.code = CIM_OK};
    int64_t to = 0;
    int64_t n = 0;
    cim_buf_init(&body, BODY_MAX);
    cim_status status = write_changes(subscriptions, due, &body, &to, &n, &why);
    if (status == CIM_OK && n > 0) {
        status = post(subscriptions, due, &body, to, &why);
    }
    if (status == CIM_OK) {
        return keep_told(app, due, to, n, err);
    }
    if (atomic_load(&subscriptions->stopping)) {
        return CIM_OK; /* it counts as not tried */
    }
    /* Whoever is gone, and an account that is no more, is not asked again. */
    const bool gone = status == CIM_E_DENIED || status == CIM_E_NOTFOUND;
    return keep_failure(app, due, gone || due->failures + 1 >= HOST_SUBSCRIPTION_ATTEMPTS, &why,
                        err);
}

/* ---- the thread ---- */

static void
look(struct host_subscriptions *subscriptions, struct due *list, bool *failing)
{
    cim_error why = {.code = CIM_OK};
    size_t n = 0;
    cim_status status = load_due(subscriptions->streams->app, list, &n, &why);
    for (size_t i = 0; i < n && status == CIM_OK && !atomic_load(&subscriptions->stopping); i++) {
        status = tell(subscriptions, &list[i], &why);
    }
    if (status != CIM_OK && !*failing) {
        host_log_error("subscription", "telling", &why); /* said once */
    }
    *failing = status != CIM_OK;
}

static void *
run(void *arg)
{
    struct host_subscriptions *subscriptions = arg;
    const struct host_http_gate gate = host_plugins_http_gate(subscriptions->streams->app->plugins);
    const struct timespec period = {.tv_nsec = LOOK_MS * 1000000L};
    struct due *list = calloc(AT_ONCE, sizeof *list);
    bool failing = false;
    gate.thread_begin(gate.self);
    while (list != NULL && !atomic_load(&subscriptions->stopping)) {
        look(subscriptions, list, &failing);
        (void)nanosleep(&period, NULL);
    }
    gate.thread_end(gate.self);
    free(list);
    return NULL;
}

cim_status
host_subscriptions_start(struct host_streams *streams,
                         struct host_subscriptions **ret_subscriptions, cim_error *err)
{
    struct host_subscriptions *subscriptions = calloc(1, sizeof *subscriptions);
    if (subscriptions == NULL) {
        return cim_fail_nomem(err);
    }
    subscriptions->streams = streams;
    if (pthread_create(&subscriptions->thread, NULL, run, subscriptions) != 0) {
        free(subscriptions);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动订阅线程",
                        "the thread of subscriptions cannot be started");
    }
    *ret_subscriptions = subscriptions;
    return CIM_OK;
}

void
host_subscriptions_stop(struct host_subscriptions *subscriptions)
{
    if (subscriptions != NULL) {
        atomic_store(&subscriptions->stopping, true);
        (void)pthread_join(subscriptions->thread, NULL);
        free(subscriptions);
    }
}

/* host/ogc/page.c -- see page.h. */
#include "host/ogc/page.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/identity.h"
#include "host/ogc/encode.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

struct host_page {
    struct host_ogc *ogc;
    char *layer_id;
    struct host_items_request *request;
    enum host_format format;
    uint32_t action;
    char *url;        /* of the items, without parameters */
    char *self;       /* parameters of this request, from '?' */
    char *next;       /* the same without paging and format, ready for more */
    char *cursor;     /* where the next piece goes on; NULL: from the request's */
    int64_t began_ms; /* by what the caller held then it goes to the end, or breaks off */
    int64_t sent;
    int64_t count; /* -1: not known */
    bool started;
    bool ended;
    struct host_page_sink sink; /* without `take`: the buffer */
    struct cim_buf buf;
};

void
host_query_text(const struct host_ask *ask, const char *const *without, struct cim_buf *out)
{
    char separator = '?';
    for (size_t i = 0; i < ask->n_pairs; i++) {
        bool skip = false;
        for (size_t k = 0; without[k] != NULL && !skip; k++) {
            skip = strcmp(without[k], ask->pairs[i].name) == 0;
        }
        if (!skip) {
            cim_buf_add_char(out, separator);
            host_url_encode(out, ask->pairs[i].name);
            cim_buf_add_char(out, '=');
            host_url_encode(out, ask->pairs[i].value);
            separator = '&';
        }
    }
    cim_buf_add_char(out, separator);
}

static cim_status
query_copy(const struct host_ask *ask, const char *const *without, char **ret_text, cim_error *err)
{
    struct cim_buf text;
    cim_buf_init(&text, HOST_DOC_BYTES_MAX);
    host_query_text(ask, without, &text);
    const cim_status status = cim_buf_status(&text, err);
    if (status != CIM_OK) {
        cim_buf_done(&text);
        return status;
    }
    *ret_text = text.data;
    return CIM_OK;
}

cim_status
host_page_new(const struct host_ask *ask, const char *layer_id, struct host_items_request *request,
              struct host_page **ret_page, cim_error *err)
{
    static const char *const none[] = {"f", NULL};
    static const char *const paging[] = {"f", "cursor", NULL};
    struct host_page *page = calloc(1, sizeof *page);
    cim_status status = CIM_OK;
    if (page == NULL) {
        host_items_request_free(request);
        return cim_fail_nomem(err);
    }
    page->ogc = ask->ogc;
    page->request = request;
    page->format = ask->offer->format;
    page->action = request->export_all ? CIM_ACT_EXPORT : CIM_ACT_READ;
    page->count = request->known_count;
    page->began_ms = ask->call->now_ms;
    cim_buf_init(&page->buf, HOST_ITEMS_PIECE_BYTES);
    page->layer_id = strdup(layer_id);
    const size_t size = strlen(ask->base) + strlen(ask->path) + 1;
    page->url = malloc(size);
    if (page->layer_id == NULL || page->url == NULL) {
        status = cim_fail_nomem(err);
    } else {
        (void)snprintf(page->url, size, "%s%s", ask->base, ask->path);
        status = query_copy(ask, none, &page->self, err);
    }
    if (status == CIM_OK) {
        status = query_copy(ask, paging, &page->next, err);
    }
    if (status != CIM_OK) {
        host_page_free(page);
        return status;
    }
    *ret_page = page;
    return CIM_OK;
}

void
host_page_free(struct host_page *page)
{
    if (page == NULL) {
        return;
    }
    host_items_request_free(page->request);
    cim_buf_done(&page->buf);
    free(page->layer_id);
    free(page->url);
    free(page->self);
    free(page->next);
    free(page->cursor);
    free(page);
}

void
host_page_deliver(struct host_page *page, const struct host_page_sink *sink)
{
    page->sink = *sink;
}

struct cim_buf *
host_page_buffer(struct host_page *page)
{
    return &page->buf;
}

/* ---- what surrounds the features ---- */

static void
add_url(const struct host_page *page, const char *query, const char *f, const char *cursor,
        struct cim_buf *out)
{
    cim_buf_add_text(out, page->url);
    cim_buf_add_text(out, query);
    cim_buf_add_text(out, "f=");
    cim_buf_add_text(out, f);
    if (cursor != NULL) {
        cim_buf_add_text(out, "&cursor=");
        if (page->count >= 0) {
            cim_buf_add_int(out, page->count);
        }
        cim_buf_add_char(out, '.');
        host_url_encode(out, cursor);
    }
}

bool
host_page_next(const struct host_page *page, const char *f, struct cim_buf *out)
{
    if (!page->ended || page->cursor == NULL) {
        return false;
    }
    add_url(page, page->next, f, page->cursor, out);
    return true;
}

static void
add_link(struct host_page *page, const char *rel, const char *mime, const char *query,
         const char *f, const char *cursor)
{
    struct cim_buf *out = &page->buf;
    struct cim_buf url;
    cim_buf_addf(out, "{\"rel\":\"%s\",\"type\":\"%s\",\"href\":", rel, mime);
    cim_buf_init(&url, HOST_DOC_BYTES_MAX);
    add_url(page, query, f, cursor, &url);
    if (url.failed != CIM_OK) {
        out->failed = url.failed;
    } else {
        cim_buf_add_json_text(out, url.data, url.len);
    }
    cim_buf_done(&url);
    cim_buf_add_char(out, '}');
}

static void
add_json_tail(struct host_page *page, int64_t now_ms, const char *next)
{
    struct cim_buf *out = &page->buf;
    char now[CIM_TIME_TEXT_MAX];
    cim_time_format(now_ms, now);
    cim_buf_add_text(out, "],\"numberMatched\":");
    cim_buf_add_int(out, page->count);
    cim_buf_add_text(out, ",\"numberReturned\":");
    cim_buf_add_int(out, page->sent);
    cim_buf_add_text(out, ",\"timeStamp\":\"");
    cim_buf_add_text(out, now);
    cim_buf_add_text(out, "\",\"links\":[");
    add_link(page, "self", "application/geo+json", page->self, "json", NULL);
    cim_buf_add_char(out, ',');
    add_link(page, "alternate", "text/html", page->self, "html", NULL);
    cim_buf_add_char(out, ',');
    add_link(page, "alternate", "text/csv", page->self, "csv", NULL);
    if (next != NULL) {
        cim_buf_add_char(out, ',');
        add_link(page, "next", "application/geo+json", page->next, "json", next);
    }
    cim_buf_add_text(out, "]}");
}

/* numberMatched: known from an earlier page, or all that there is was sent, or asked for. */
static cim_status
find_count(struct host_page *page, const struct host_visit *visit, bool complete, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    cim_query query = page->request->query;
    if (page->count >= 0 || page->format != HOST_FORMAT_JSON) {
        return CIM_OK;
    }
    if (complete && query.cursor == NULL) {
        page->count = page->sent;
        return CIM_OK;
    }
    query.cursor = NULL;
    query.limit = 0;
    query.n_sort = 0;
    return layer->count(layer->self, &visit->call, &query, &page->count, err);
}

/* ---- features ---- */

static cim_status
encode_row(struct host_page *page, struct host_encoder *encoder, const cim_batch *batch,
           int64_t row, cim_error *err)
{
    struct cim_buf *out = &page->buf;
    switch (page->format) {
    case HOST_FORMAT_CSV:
        return host_encode_csv_line(encoder, batch, row, out, err);
    case HOST_FORMAT_GEOJSON_LINES:
        CIM_TRY(host_encode_feature(encoder, batch, row, out, err));
        cim_buf_add_char(out, '\n');
        return CIM_OK;
    default:
        if (page->sent > 0) {
            cim_buf_add(out, ",\n", 2);
        }
        return host_encode_feature(encoder, batch, row, out, err);
    }
}

static cim_status
encode_rows(struct host_page *page, struct host_encoder *encoder, cim_rows *rows, cim_error *err)
{
    static const char head[] = "{\"type\":\"FeatureCollection\",\"features\":[";
    const cim_batch *batch = NULL;
    if (!page->started) {
        page->started = true;
        if (page->format == HOST_FORMAT_JSON) {
            cim_buf_add(&page->buf, head, sizeof head - 1);
        } else if (page->format == HOST_FORMAT_CSV) {
            host_encode_csv_head(encoder, rows, &page->buf);
        }
    }
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(encode_row(page, encoder, batch, row, err));
            page->sent++;
        }
    }
}

/* Keeps the token after the last row: NULL when there are no more. */
static cim_status
keep_cursor(struct host_page *page, cim_rows *rows, cim_error *err)
{
    const char *cursor = rows->cursor != NULL ? rows->cursor(rows) : NULL;
    char *copy = cursor != NULL ? strdup(cursor) : NULL;
    if (cursor != NULL && copy == NULL) {
        return cim_fail_nomem(err);
    }
    free(page->cursor);
    page->cursor = copy;
    return CIM_OK;
}

static cim_status
deliver_rows(struct host_page *page, const struct cim_definition *definition, cim_rows *rows,
             cim_error *err)
{
    const cim_batch *batch = NULL;
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        CIM_TRY(page->sink.take(page->sink.arg, definition, rows, batch, err));
        page->sent += batch->n_rows;
    } while (batch->n_rows > 0);
    return CIM_OK;
}

static cim_status
encode_query(struct host_page *page, const struct host_visit *visit, const cim_query *query,
             struct host_crs_worker *crs, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const bool point = visit->layer->definition->geometry == CIM_GEOMETRY_POINT;
    const struct host_encode_crs out_crs = {page->request->crs, page->request->crs_degrees, crs};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_encoder encoder;
    CIM_TRY(layer->query(layer->self, &visit->call, query, &rows, err));
    if (page->sink.take != NULL) {
        CIM_TRY(deliver_rows(page, visit->layer->definition, rows, err));
        return keep_cursor(page, rows, err);
    }
    CIM_TRY(host_encoder_init(&encoder, rows, &out_crs, point, err));
    cim_status status = encode_rows(page, &encoder, rows, err);
    host_encoder_done(&encoder);
    CIM_TRY(status);
    return keep_cursor(page, rows, err);
}

/* Later pieces go by what the caller may see now. When that is no longer what the first piece went
 * by, the answer breaks off: one that is short must not look whole. */
static cim_status
check_unchanged(const struct host_page *page, const cim_call *now, cim_error *err)
{
    bool same = false;
    CIM_TRY(host_identity_unchanged(page->ogc->app->identity, host_http_principal(now),
                                    page->layer_id, page->action, page->began_ms, now->now_ms,
                                    &same, err));
    return same ? CIM_OK
                : cim_fail(err, CIM_E_STATE, NULL, NULL, "导出期间您的授权有变，导出中止",
                           "your grants changed during the export, which breaks off");
}

cim_status
host_page_piece(struct host_page *page, const cim_call *call, bool *ret_more, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    cim_query query = page->request->query;
    const int64_t left = page->request->limit > 0 ? page->request->limit - page->sent : INT64_MAX;
    cim_call now = *call;
    now.now_ms = host_clock_now_ms(page->ogc->app->clock);
    CIM_TRY(check_unchanged(page, &now, err));
    CIM_TRY(host_visit_layer(&visit, page->ogc, &now, page->layer_id, page->action, err));
    query.limit = left < HOST_ITEMS_PIECE_ROWS ? left : HOST_ITEMS_PIECE_ROWS;
    if (page->cursor != NULL) {
        query.cursor = page->cursor;
    }
    struct host_crs_worker *crs = host_crs_take(page->ogc->crs);
    if (crs == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = encode_query(page, &visit, &query, crs, err);
    host_crs_give(page->ogc->crs, crs);
    CIM_TRY(status);
    const bool full = page->request->limit > 0 && page->sent >= page->request->limit;
    page->ended = page->cursor == NULL || full;
    if (page->ended) {
        CIM_TRY(find_count(page, &visit, page->cursor == NULL, err));
        if (page->format == HOST_FORMAT_JSON) {
            add_json_tail(page, now.now_ms, page->cursor);
        }
    }
    *ret_more = !page->ended;
    return cim_buf_status(&page->buf, err);
}

/* ---- as a response body ---- */

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    struct host_page *page = self;
    bool more = !page->ended;
    if (page->buf.len == 0 && more) {
        CIM_TRY(host_page_piece(page, call, &more, err));
    }
    CIM_TRY(host_http_write(writer, page->buf.data, page->buf.len, err));
    cim_buf_clear(&page->buf);
    *ret_more = more ? CIM_HTTP_MORE : CIM_HTTP_END;
    return CIM_OK;
}

static void
release(void *self)
{
    host_page_free(self);
}

void
host_page_producer(struct host_page *page, cim_http_producer *ret_producer)
{
    *ret_producer = (cim_http_producer){
        .struct_size = sizeof *ret_producer, .self = page, .produce = produce, .release = release};
}

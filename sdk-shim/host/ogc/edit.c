/* host/ogc/edit.c -- OGC API Features Part 4: create, replace, update, delete.
 *
 * Every edit is one transaction of the layer, with its Idempotency-Key where one was sent; the
 * answer is made after its commit. */
#include "cim/util.h"
#include "host/idempotency/idempotency.h"
#include "host/ogc/edit_answer.h"
#include "host/ogc/edit_read.h"
#include "host/ogc/edit_topology.h"
#include "host/ogc/item.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <stdlib.h>
#include <strings.h>

enum body_kind { BODY_NONE, BODY_DOCUMENT, BODY_STREAM };

struct edit {
    struct host_ask ask;
    const char *layer_id;
    enum body_kind body;
    struct json_object *document;
    struct host_edit_reader reader;
    struct host_edit_errors errors;
    struct host_edit_errors warnings;
    struct host_edit_topology *topology;
    struct host_idempotency once;
    bool answered; /* it was done before */
    cim_edit edit;
};

/* ---- the request ---- */

static bool
is_media(const char *header, const char *media)
{
    const size_t len = strlen(media);
    return strncasecmp(header, media, len) == 0 && strchr("; \t", header[len]) != NULL;
}

static cim_status
choose_body(struct edit *edit, int32_t op, cim_error *err)
{
    static const char *const creates[] = {"application/geo+json", "application/json", NULL};
    static const char *const patches[] = {"application/merge-patch+json", "application/geo+json",
                                          "application/json", NULL};
    static const char *const streams[] = {"application/geo+json-seq", "application/x-ndjson",
                                          "application/ndjson", NULL};
    const char *type = host_http_header(edit->ask.req, "Content-Type");
    const char *const *documents = op == CIM_EDIT_UPDATE ? patches : creates;
    if (op == CIM_EDIT_DELETE) {
        return CIM_OK;
    }
    for (size_t i = 0; type != NULL && documents[i] != NULL; i++) {
        edit->body = is_media(type, documents[i]) ? BODY_DOCUMENT : edit->body;
    }
    for (size_t i = 0; type != NULL && op == CIM_EDIT_CREATE && streams[i] != NULL; i++) {
        edit->body = is_media(type, streams[i]) ? BODY_STREAM : edit->body;
    }
    if (edit->body != BODY_NONE) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_UNSUPPORTED, "Content-Type", type,
                    op == CIM_EDIT_CREATE ? "应为 application/geo+json、application/geo+json-seq "
                                            "或 application/x-ndjson"
                    : op == CIM_EDIT_UPDATE ? "应为 application/merge-patch+json"
                                            : "应为 application/geo+json",
                    op == CIM_EDIT_CREATE   ? "expected application/geo+json, "
                                              "application/geo+json-seq or application/x-ndjson"
                    : op == CIM_EDIT_UPDATE ? "expected application/merge-patch+json"
                                            : "expected application/geo+json");
}

static cim_status
read_crs(struct edit *edit, cim_error *err)
{
    const char *header = host_http_header(edit->ask.req, "Content-Crs");
    char text[HOST_CRS_URI_MAX + 2];
    struct host_crs crs = {.kind = HOST_CRS_LON_LAT};
    if (header == NULL) {
        return CIM_OK;
    }
    cim_copy_text(text, sizeof text, header[0] == '<' ? header + 1 : header);
    const size_t len = strlen(text);
    if (header[0] == '<' && len > 0 && text[len - 1] == '>') {
        text[len - 1] = '\0';
    }
    CIM_TRY(host_crs_parse("Content-Crs", text, &crs, err));
    if (crs.kind == HOST_CRS_OTHER) {
        return cim_fail(err, CIM_E_INVALID, "Content-Crs", header,
                        "写入只接受 CRS84、EPSG:4490 和 EPSG:4326；其他参考系请用导入",
                        "edits take CRS84, EPSG:4490 and EPSG:4326 only; import a file for others");
    }
    edit->reader.lat_lon = crs.kind == HOST_CRS_LAT_LON;
    return CIM_OK;
}

/* The entity tag of a feature begins with its version. */
static cim_status
read_if_match(struct edit *edit, cim_error *err)
{
    const char *tag = host_http_header(edit->ask.req, "If-Match");
    int64_t version = 0;
    if (tag == NULL || strcmp(tag, "*") == 0) {
        return CIM_OK;
    }
    if (strchr(tag, ',') != NULL) {
        return cim_fail(err, CIM_E_INVALID, "If-Match", tag, "应为一个 ETag",
                        "expected one entity tag");
    }
    const size_t digits = tag[0] == '"' ? strspn(tag + 1, "0123456789") : 0;
    if (digits == 0 || strchr("-\"", tag[1 + digits]) == NULL || tag[1 + digits] == '\0' ||
        !host_parse_integer(tag + 1, digits, &version) || version < 1) {
        return cim_fail(err, CIM_E_VERSION, "If-Match", tag, "不是本要素的 ETag",
                        "this is no entity tag of the feature");
    }
    edit->reader.version = version;
    return CIM_OK;
}

static cim_status
read_row_wise(struct edit *edit, cim_error *err)
{
    const char *value = host_ask_param(&edit->ask, "row-wise");
    const char *prefer = host_http_header(edit->ask.req, "Prefer");
    if (value != NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cim_fail(err, CIM_E_INVALID, "row-wise", value, "应为 true 或 false",
                        "expected true or false");
    }
    edit->reader.row_wise = value != NULL ? strcmp(value, "true") == 0
                                          : prefer != NULL && strstr(prefer, "handling=lenient");
    if (value == NULL && edit->reader.row_wise) {
        return host_http_add_header(edit->ask.req, "Preference-Applied", "handling=lenient", err);
    }
    return CIM_OK;
}

static cim_status
read_document(struct edit *edit, cim_error *err)
{
    const char *text = NULL;
    uint64_t len = 0;
    if (edit->body != BODY_DOCUMENT) {
        return CIM_OK;
    }
    const cim_status status =
        host_http_body_text(edit->ask.req, HOST_EDIT_DOCUMENT_BYTES_MAX, &text, &len, err);
    if (status == CIM_E_TOO_LARGE) {
        return cim_fail(err, CIM_E_TOO_LARGE, "body", NULL,
                        "整体读取的内容不能超过 %d 字节；更多要素请用 application/x-ndjson",
                        "a body that is read as a whole holds at most %d bytes; send more features "
                        "as application/x-ndjson",
                        (int)HOST_EDIT_DOCUMENT_BYTES_MAX);
    }
    CIM_TRY(status);
    CIM_TRY(cim_json_parse("body", text, (size_t)len, &edit->document, err));
    edit->reader.document = edit->document;
    if (edit->document == NULL) {
        return cim_fail(err, CIM_E_INVALID, "body", "null", "应为 GeoJSON 对象",
                        "expected an object of GeoJSON");
    }
    return CIM_OK;
}

/* ---- the edit ---- */

static cim_status
read_piece(void *arg, void *buffer, uint64_t capacity, uint64_t *ret_len, cim_error *err)
{
    const struct edit *edit = arg;
    return host_http_read_body(edit->ask.req, buffer, capacity, ret_len, err);
}

static void
on_unreadable(void *arg, int64_t row, const cim_error *why)
{
    struct edit *edit = arg;
    host_edit_errors_add(&edit->errors, row, why);
}

static void
on_refused(cim_edit *of, int64_t row, const cim_error *why)
{
    struct edit *edit = of->caller;
    host_edit_errors_add(&edit->errors, host_edit_reader_row_of(&edit->reader, row), why);
}

static void
on_warned(cim_edit *of, int64_t row, const cim_error *what)
{
    struct edit *edit = of->caller;
    host_edit_errors_add(&edit->warnings, host_edit_reader_row_of(&edit->reader, row), what);
}

static void
on_found(void *arg, int64_t row, const cim_error *what)
{
    struct edit *edit = arg;
    host_edit_errors_add(&edit->warnings, row, what);
}

/* Anew for each pass: features are also held against those before them. */
static cim_status
open_topology(struct edit *edit, cim_error *err)
{
    struct host_layer_reading reading = {.app = edit->ask.ogc->app, .call = edit->ask.call};
    host_edit_topology_free(edit->topology);
    edit->topology = NULL;
    CIM_TRY(host_edit_topology_open(&edit->reader, &reading, on_found, edit, &edit->topology, err));
    edit->reader.check = edit->topology != NULL ? host_edit_topology_check : NULL;
    edit->reader.check_arg = edit->topology;
    return CIM_OK;
}

static bool
is_single(const struct edit *edit)
{
    return edit->body != BODY_STREAM &&
           (edit->document == NULL ||
            strcmp(host_doc_get(edit->document, "type"), "FeatureCollection") != 0);
}

static cim_status
on_begun(cim_edit *of, cim_tx *tx, cim_error *err)
{
    struct edit *edit = of->caller;
    return host_idempotency_take(&edit->once, tx, err);
}

/* The short answer, which is all that is left if the host ends before the long one is kept. */
static cim_status
on_ending(cim_edit *of, cim_tx *tx, cim_error *err)
{
    struct edit *edit = of->caller;
    char body[256];
    char location[512];
    const bool creates = of->op == CIM_EDIT_CREATE;
    const long long fid = of->last_fid;
    if (of->n_written == 0) {
        return host_idempotency_drop(&edit->once, tx, err);
    }
    if (!is_single(edit)) {
        (void)snprintf(body, sizeof body,
                       "{\"collection\":\"%.100s\",\"read\":%lld,\"written\":%lld}", edit->layer_id,
                       (long long)edit->reader.n_read, (long long)of->n_written);
        return host_idempotency_note(&edit->once, tx, 201, NULL, body, err);
    }
    (void)snprintf(body, sizeof body, "{\"id\":%lld}", fid);
    (void)snprintf(location, sizeof location, "%s/collections/%s/items/%lld", edit->ask.base,
                   edit->layer_id, fid);
    return host_idempotency_note(&edit->once, tx,
                                 creates                     ? 201
                                 : of->op == CIM_EDIT_DELETE ? 204
                                                             : 200,
                                 creates ? location : NULL, of->op == CIM_EDIT_DELETE ? NULL : body,
                                 err);
}

static cim_status
write_rows(struct edit *edit, const struct host_visit *visit, uint32_t flags, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_edit_reader_rows(&edit->reader, &rows, err));
    edit->edit = (cim_edit){.struct_size = sizeof edit->edit,
                            .flags = flags,
                            .op = edit->reader.op,
                            .rows = rows,
                            .refused = on_refused,
                            .warned = on_warned,
                            .caller = edit};
    if ((flags & CIM_EDIT_DRY_RUN) == 0) {
        edit->edit.begun = on_begun;
        edit->edit.ending = on_ending;
    }
    const cim_status status = layer->write(layer->self, &visit->call, &edit->edit, err);
    edit->edit.rows = NULL;
    return status;
}

/* The reader refused features and so ended the edit before the layer looked at the others. A second
 * pass that writes nothing collects what is wrong with each. */
static void
collect_errors(struct edit *edit, const struct host_visit *visit)
{
    host_edit_errors_done(&edit->errors);
    host_edit_errors_done(&edit->warnings);
    host_edit_reader_rewind(&edit->reader);
    edit->reader.row_wise = true;
    (void)open_topology(edit, NULL);
    (void)write_rows(edit, visit, CIM_EDIT_ROW_WISE | CIM_EDIT_DRY_RUN, NULL);
    edit->reader.row_wise = false;
}

static uint32_t
action_of(int32_t op)
{
    return op == CIM_EDIT_CREATE   ? CIM_ACT_CREATE
           : op == CIM_EDIT_DELETE ? CIM_ACT_DELETE
                                   : CIM_ACT_UPDATE;
}

/* *ret_why: what was refused, with the features in edit->errors. */
static cim_status
run(struct edit *edit, cim_error *why, cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    CIM_TRY(host_visit_layer(&visit, edit->ask.ogc, edit->ask.call, edit->layer_id,
                             action_of(edit->reader.op), err));
    if (visit.layer->layer.write == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "collection", edit->layer_id, "此图层只读",
                        "this collection is read-only");
    }
    CIM_TRY(host_idempotency_begin(&edit->once, edit->ask.ogc->app, edit->ask.call, edit->ask.req,
                                   &edit->answered, err));
    if (edit->answered) {
        return CIM_OK;
    }
    CIM_TRY(read_document(edit, err));
    edit->reader.def = visit.layer->definition;
    CIM_TRY(host_edit_reader_open(&edit->reader, err));
    CIM_TRY(open_topology(edit, err));
    const cim_status status =
        write_rows(edit, &visit, edit->reader.row_wise ? (uint32_t)CIM_EDIT_ROW_WISE : 0U, why);
    if (status != CIM_OK && edit->once.taken) {
        edit->answered = true;
        return host_idempotency_answer_taken(&edit->once, err);
    }
    if (status != CIM_OK && edit->errors.total == 0) {
        if (err != NULL) {
            *err = *why;
        }
        return status;
    }
    why->code = status;
    if (status != CIM_OK && edit->reader.n_skipped > 0 && edit->body == BODY_DOCUMENT) {
        collect_errors(edit, &visit);
    }
    host_edit_errors_sort(&edit->errors);
    return CIM_OK;
}

static cim_status
answer(struct edit *edit, const cim_error *why, cim_error *err)
{
    if (why->code != CIM_OK) {
        return host_edit_answer_problem(&edit->ask, &edit->errors, why, err);
    }
    if (!is_single(edit)) {
        return host_edit_answer_report(&edit->ask, edit->layer_id, &edit->edit, edit->reader.n_read,
                                       &edit->errors, &edit->warnings, err);
    }
    if (edit->errors.n > 0) { /* one feature, row-wise: there is nothing else to report */
        return host_edit_answer_problem(&edit->ask, &edit->errors, &edit->errors.list[0].why, err);
    }
    if (edit->reader.op == CIM_EDIT_DELETE) {
        return host_http_respond(edit->ask.req, 204, NULL, NULL, err);
    }
    return host_edit_answer_feature(&edit->ask, edit->layer_id, edit->edit.last_fid,
                                    edit->reader.op == CIM_EDIT_CREATE, &edit->warnings, err);
}

static cim_status
prepare(struct edit *edit, struct host_ogc *ogc, const cim_call *call, cim_http_req *req,
        int32_t op, cim_error *err)
{
    static const char *const create_names[] = {"row-wise", NULL};
    cim_query key = {.fid = 0};
    edit->layer_id = host_http_path_param(req, "id");
    edit->reader.op = op;
    edit->reader.read = read_piece;
    edit->reader.refused = on_unreadable;
    edit->reader.arg = edit;
    CIM_TRY(host_ask_begin(&edit->ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&edit->ask, op == CIM_EDIT_CREATE ? create_names : NULL, err));
    CIM_TRY(choose_body(edit, op, err));
    CIM_TRY(read_crs(edit, err));
    if (op == CIM_EDIT_CREATE) {
        return read_row_wise(edit, err);
    }
    edit->reader.key = host_http_path_param(req, "fid");
    CIM_TRY(host_item_key(edit->reader.key, &key, err));
    edit->reader.key_name = key.fid > 0 ? "fid" : "uid";
    return read_if_match(edit, err);
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, int32_t op, cim_error *err)
{
    struct edit *edit = calloc(1, sizeof *edit);
    cim_error why = {.code = CIM_OK};
    if (edit == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = prepare(edit, self, call, req, op, err);
    if (status == CIM_OK) {
        status = run(edit, &why, err);
    }
    if (status == CIM_OK && !edit->answered) {
        status = answer(edit, &why, err);
        if (status == CIM_OK && why.code == CIM_OK) {
            host_idempotency_keep(&edit->once);
        }
    }
    host_edit_reader_done(&edit->reader);
    host_edit_topology_free(edit->topology);
    host_edit_errors_done(&edit->errors);
    host_edit_errors_done(&edit->warnings);
    json_object_put(edit->document);
    free(edit);
    return status;
}

static cim_status
create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, CIM_EDIT_CREATE, err);
}

static cim_status
replace(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, CIM_EDIT_REPLACE, err);
}

static cim_status
update(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, CIM_EDIT_UPDATE, err);
}

static cim_status
delete_item(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, CIM_EDIT_DELETE, err);
}

/* ---- routes ---- */

static const struct host_route_param create_params[] = {
    {"Idempotency-Key", "header", "{\"type\":\"string\",\"maxLength\":255}",
     "重发时用同一个键：只写一次，回答相同",
     "The same key when sent again: done once, the same answer"},
    {"row-wise", "query", "{\"type\":\"boolean\",\"default\":false}",
     "逐个写入，跳过有误的要素（同 Prefer: handling=lenient）",
     "Write the good features and leave the others out (as Prefer: handling=lenient)"},
    {"Prefer", "header", "{\"type\":\"string\"}", "handling=lenient：逐个写入",
     "handling=lenient: row by row"},
    {"Content-Crs", "header", "{\"type\":\"string\"}", "坐标的参考系，默认 CRS84",
     "Reference system of the coordinates, CRS84 by default"},
    {NULL, NULL, NULL, NULL, NULL}};
static const struct host_route_param change_params[] = {
    {"Idempotency-Key", "header", "{\"type\":\"string\",\"maxLength\":255}",
     "重发时用同一个键：只写一次，回答相同",
     "The same key when sent again: done once, the same answer"},
    {"If-Match", "header", "{\"type\":\"string\"}", "读取时得到的 ETag；已被他人修改则拒绝（412）",
     "The ETag that reading gave; 412 when the feature was changed since"},
    {"Content-Crs", "header", "{\"type\":\"string\"}", "坐标的参考系，默认 CRS84",
     "Reference system of the coordinates, CRS84 by default"},
    {NULL, NULL, NULL, NULL, NULL}};

cim_status
host_ogc_edit_routes(struct host_ogc *ogc, cim_error *err)
{
    static const char items[] = "/collections/{id}/items";
    static const char item[] = "/collections/{id}/items/{fid}";
    const struct host_route routes[] = {
        {"POST", items, HOST_ROUTE_LARGE_BODY, NULL, "createItems", "新建要素", "Create features",
         create_params, create, ogc, NULL},
        {"PUT", item, 0, NULL, "replaceItem", "替换要素", "Replace a feature", change_params,
         replace, ogc, NULL},
        {"PATCH", item, 0, NULL, "updateItem", "修改要素", "Update a feature", change_params,
         update, ogc, NULL},
        {"DELETE", item, 0, NULL, "deleteItem", "删除要素", "Delete a feature", change_params,
         delete_item, ogc, NULL}};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(ogc->app->http, &routes[i], err));
    }
    return CIM_OK;
}

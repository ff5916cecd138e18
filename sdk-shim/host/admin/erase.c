/* host/admin/erase.c -- erasing the person of a record: the right that PIPL 47 gives.
 *
 * Who may: holders of the function point cim.admin.erasures who may also update the record, so that
 * nobody erases what he could not have emptied field by field.
 */
#include "host/admin/admin.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/reason.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/identity/json_in.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/rows.h"

#include <json-c/json.h>

enum { BODY_MAX = 16 << 10, ANSWER_MAX = 4 << 10, DETAIL_MAX = 4 << 10, TEXT_MAX = 128 };

struct erase {
    struct host_app *app;
    const struct host_layer *layer; /* entered */
    cim_call call;
    const struct host_erasure *erasure;
    struct host_erased record;
    char area[TEXT_MAX]; /* "": none */
    char owner[TEXT_MAX];
    bool given; /* the row was handed over */
};

/* ---- the record ---- */

static cim_status
check_layer(const struct erase *erase, cim_error *err)
{
    const struct cim_definition *def = erase->layer->definition;
    bool has_persons = false;
    for (size_t i = 0; i < def->n_fields; i++) {
        has_persons = has_persons || def->fields[i].sensitive != CIM_SENSITIVE_NO;
    }
    return has_persons && erase->layer->layer.write != NULL
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "layer", erase->erasure->layer,
                          "此图层没有个人信息字段", "this layer has no personal data");
}

static void
copy_cell(const cim_batch *batch, uint32_t column, char *to, size_t size)
{
    size_t len = 0;
    to[0] = '\0';
    if (cim_column_present(batch->columns[column], 0)) {
        const uint8_t *bytes = cim_column_bytes(batch->columns[column], 0, &len);
        (void)snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), (const char *)bytes);
    }
}

/* Under the scope of the update. */
static cim_status
find_record(struct erase *erase, cim_error *err)
{
    static const char *const nothing[] = {NULL};
    const cim_layer *layer = &erase->layer->layer;
    const cim_query query = {.struct_size = sizeof query,
                             .flags = CIM_QUERY_NO_GEOMETRY,
                             .fid = erase->erasure->fid,
                             .uid = erase->erasure->uid,
                             .properties = nothing,
                             .limit = 1};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(layer->query(layer->self, &erase->call, &query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, erase->erasure->fid > 0 ? "fid" : "uid", NULL,
                        "没有此记录，或您无权修改", "no such record, or none that you may update");
    }
    erase->record.fid = cim_column_i64(batch->columns[CIM_RECORD_FID], 0);
    copy_cell(batch, CIM_RECORD_UID, erase->record.uid, sizeof erase->record.uid);
    copy_cell(batch, CIM_RECORD_AREA_CODE, erase->area, sizeof erase->area);
    copy_cell(batch, CIM_RECORD_OWNER_ORG, erase->owner, sizeof erase->owner);
    return CIM_OK;
}

/* ---- the edit ---- */

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct erase *erase = self;
    if (erase->given) {
        return CIM_OK;
    }
    erase->given = true;
    cim_batch_append_i64(builder, 0, erase->record.fid);
    return cim_batch_builder_end_row(builder, err);
}

static void
release(void *self)
{
    (void)self; /* its opener's */
}

/* What would bring the person back by an undo. */
static cim_status
forget_images(const struct erase *erase, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {host_value_i64("fid", erase->record.fid),
                                host_value_text("layer", erase->erasure->layer)};
    return host_store_exec(tx,
                           "delete from cim_batch_row where record_fid = :fid and last_fid = :fid "
                           "and image is not null and batch in (select id from cim_batch where "
                           "layer = :layer)",
                           values, 2, NULL, err);
}

static cim_status
on_ending(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct erase *erase = edit->caller;
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, DETAIL_MAX);
    cim_buf_add_text(&detail, "{\"reason\":");
    cim_buf_add_json_text(&detail, erase->erasure->reason, SIZE_MAX);
    cim_buf_add_char(&detail, '}');
    CIM_TRY(cim_buf_status(&detail, err));
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "erase",
                                   .layer = erase->erasure->layer,
                                   .fid = erase->record.fid,
                                   .uid = erase->record.uid,
                                   .area_code = erase->area[0] != '\0' ? erase->area : NULL,
                                   .owner_org = erase->owner[0] != '\0' ? erase->owner : NULL,
                                   .detail = detail.data};
    CIM_TRY(forget_images(erase, tx, err));
    return host_audit_record(tx, &erase->call, &entry, err);
}

static cim_status
write_edit(struct erase *erase, cim_error *err)
{
    static const char *const names[] = {"fid"};
    static const uint32_t types[] = {CIM_COL_INT64};
    const cim_layer *layer = &erase->layer->layer;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(check_layer(erase, err));
    CIM_TRY(find_record(erase, err));
    CIM_TRY(cim_rows_new(1, names, types, fill, release, erase, &rows, err));
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = CIM_EDIT_ERASE,
                     .op = CIM_EDIT_UPDATE,
                     .rows = rows,
                     .caller = erase,
                     .ending = on_ending};
    return layer->write(layer->self, &erase->call, &edit, err);
}

cim_status
host_erase_person(struct host_app *app, const cim_call *call, const struct host_erasure *erasure,
                  struct host_erased *ret_erased, cim_error *err)
{
    struct erase erase = {.app = app, .call = *call, .erasure = erasure};
    if ((erasure->fid > 0) == (erasure->uid != NULL)) {
        return cim_fail(err, CIM_E_INVALID, "fid", NULL, "应给出记录的 fid（正整数）或 uid 之一",
                        "give either the record's fid, a positive number, or its uid");
    }
    CIM_TRY(host_reason_check(erasure->reason, "删除个人信息", "erasing the person", err));
    CIM_TRY(host_identity_scope(app->identity, host_http_principal(call), erasure->layer,
                                CIM_ACT_UPDATE, call->now_ms, &erase.call.scope, err));
    CIM_TRY(host_plugins_enter_layer(app->plugins, erasure->layer, &erase.call, &erase.layer, err));
    const cim_status status = write_edit(&erase, err);
    host_plugins_leave(app->plugins, erase.layer->plugin_id);
    *ret_erased = erase.record;
    return status;
}

/* ---- the route ---- */

static cim_status
read_body(cim_http_req *req, struct json_object **root, struct host_erasure *erasure,
          cim_error *err)
{
    static const char *const keys[] = {"layer", "fid", "uid", "reason", NULL};
    struct host_json_in in = {.where = "body"};
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, BODY_MAX, &text, &len, err));
    CIM_TRY(host_json_parse("body", text, (size_t)len, root, err));
    in.value = *root;
    CIM_TRY(host_json_keys(&in, keys, err));
    CIM_TRY(host_json_text(&in, "layer", HOST_JSON_REQUIRED, &erasure->layer, err));
    CIM_TRY(host_json_int(&in, "fid", HOST_JSON_OPTIONAL, 1, INT64_MAX, &erasure->fid, err));
    CIM_TRY(host_json_text(&in, "uid", HOST_JSON_OPTIONAL, &erasure->uid, err));
    return host_json_text(&in, "reason", HOST_JSON_OPTIONAL, &erasure->reason, err);
}

static cim_status
answer(cim_http_req *req, const struct host_erasure *erasure, const struct host_erased *erased,
       cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, ANSWER_MAX);
    cim_buf_add_text(&body, "{\"layer\":");
    cim_buf_add_json_text(&body, erasure->layer, SIZE_MAX);
    cim_buf_addf(&body, ",\"fid\":%lld,\"uid\":", (long long)erased->fid);
    cim_buf_add_json_text(&body, erased->uid, SIZE_MAX);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_erasure erasure = {.fid = 0};
    struct host_erased erased = {.fid = 0};
    struct json_object *root = NULL;
    cim_status status = read_body(req, &root, &erasure, err);
    if (status == CIM_OK) {
        status = host_erase_person(self, call, &erasure, &erased, err);
    }
    if (status == CIM_OK) {
        status = answer(req, &erasure, &erased, err);
    }
    json_object_put(root);
    return status;
}

cim_status
host_erase_add_routes(struct host_app *app, cim_error *err)
{
    const struct host_route route = {
        .method = "POST",
        .pattern = "/admin/api/erasures",
        .permission = "cim.admin.erasures",
        .operation_id = "erasePerson",
        .summary_zh = "删除一条记录中的个人信息并销毁其密钥，不可恢复",
        .summary_en = "Erase the personal data of a record and destroy its key, for good",
        .handle = handle,
        .self = app,
    };
    return host_http_add_route(app->http, &route, err);
}

/* host/ogc/reveal.c -- see reveal.h. */
#include "host/ogc/reveal.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/reason.h"
#include "host/identity/identity.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

#include <stdlib.h>

enum { DETAIL_BYTES_MAX = 12 << 10 };

/* ---- parameters ---- */

static const char *
take(struct host_ask *ask, const char *name)
{
    const char *value = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (strcmp(ask->pairs[i].name, name) == 0) {
            value = ask->pairs[i].value;
        } else {
            ask->pairs[kept++] = ask->pairs[i];
        }
    }
    ask->n_pairs = kept;
    return value;
}

static cim_status
check_names(const struct host_reveal *reveal, const struct cim_definition *def, cim_error *err)
{
    for (size_t i = 0; i < reveal->n_names; i++) {
        const struct cim_field *field = cim_definition_field(def, reveal->names[i]);
        if (field == NULL || !field->encrypted) {
            return cim_fail(err, CIM_E_INVALID, "reveal", reveal->names[i],
                            "此字段没有加密，不需要申请查看明文",
                            "this field is not encrypted: there is nothing to reveal");
        }
    }
    return CIM_OK;
}

cim_status
host_reveal_take(struct host_ask *ask, const char *layer_id, struct host_reveal *reveal,
                 cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    const char *names = take(ask, "reveal");
    const char *reason = take(ask, "reason");
    if (names == NULL && reason == NULL) {
        return CIM_OK;
    }
    if (names == NULL || names[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "reveal", names, "应为要查看明文的字段，逗号分隔",
                        "expected the fields to show in clear, commas between");
    }
    CIM_TRY(host_reason_check(reason, "查看明文", "reading it clear", err));
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, layer_id, CIM_ACT_READ, err));
    reveal->text = strdup(names);
    if (reveal->text == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_parse_names("reveal", reveal->text, visit.layer->definition, false, reveal->names,
                             HOST_QUERY_NAMES_MAX, &reveal->n_names, err));
    CIM_TRY(check_names(reveal, visit.layer->definition, err));
    reveal->reason = reason;
    return CIM_OK;
}

void
host_reveal_done(struct host_reveal *reveal)
{
    free(reveal->text);
}

/* ---- rights ---- */

static cim_status
check_function(const struct host_ask *ask, const char *layer_id, cim_error *err)
{
    char function[96];
    (void)snprintf(function, sizeof function, "%.*s.reveal", (int)strcspn(layer_id, "."), layer_id);
    return host_principal_has_function(host_http_principal(ask->call), function) != 0
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "reveal", function, "您没有功能点 %s，不能查看明文",
                          "you do not hold the function point %s for reading in clear", function);
}

/* What no term shows clear is refused at once; what only terms for other records show stays masked,
 * as the layer decides record by record. */
static cim_status
check_terms(const struct host_visit *visit, const struct host_reveal *reveal, cim_error *err)
{
    const cim_scope *scope = visit->call.scope;
    for (size_t i = 0; i < reveal->n_names; i++) {
        const struct cim_field *field =
            cim_definition_field(visit->layer->definition, reveal->names[i]);
        bool shown = false;
        for (uint32_t k = 0; k < scope->n_terms && !shown; k++) {
            shown = cim_term_field_mode(scope->terms[k], field) == CIM_FIELD_CLEAR;
        }
        if (!shown) {
            return cim_fail(err, CIM_E_DENIED, "reveal", field->name, "您的权限不显示此字段的明文",
                            "your grants do not show this field in clear");
        }
    }
    return CIM_OK;
}

/* ---- the entry ---- */

static void
copy_text(const cim_rows *rows, const cim_batch *batch, const char *name, char *to, size_t size)
{
    const int32_t i = cim_rows_column(rows, name);
    size_t len = 0;
    to[0] = '\0';
    if (i >= 0 && cim_column_present(batch->columns[i], 0)) {
        const uint8_t *bytes = cim_column_bytes(batch->columns[i], 0, &len);
        (void)snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), (const char *)bytes);
    }
}

static void
write_detail(const struct host_reveal *reveal, struct cim_buf *detail)
{
    cim_buf_add_text(detail, "{\"fields\":[");
    for (size_t i = 0; i < reveal->n_names; i++) {
        cim_buf_add_text(detail, i > 0 ? "," : "");
        cim_buf_add_json_text(detail, reveal->names[i], SIZE_MAX);
    }
    cim_buf_add_text(detail, "],\"reason\":");
    cim_buf_add_json_text(detail, reveal->reason, SIZE_MAX);
    cim_buf_add_char(detail, '}');
}

static cim_status
note(const struct host_ask *ask, const struct host_visit *visit, const struct host_reveal *reveal,
     const cim_query *query, cim_error *err)
{
    static const char *const nothing[] = {NULL};
    const cim_layer *layer = &visit->layer->layer;
    cim_query which = *query;
    const cim_batch *batch = NULL;
    char uid[40];
    char area[64];
    char owner[128];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, DETAIL_BYTES_MAX);
    which.flags |= CIM_QUERY_NO_GEOMETRY;
    which.properties = nothing;
    which.n_properties = 0;
    CIM_TRY(layer->query(layer->self, &visit->call, &which, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "fid", host_http_path_param(ask->req, "fid"),
                        "没有此要素，或您无权查看", "no such feature, or none that you may see");
    }
    const int32_t fid = cim_rows_column(rows, "fid");
    copy_text(rows, batch, "uid", uid, sizeof uid);
    copy_text(rows, batch, "area_code", area, sizeof area);
    copy_text(rows, batch, "owner_org", owner, sizeof owner);
    write_detail(reveal, &detail);
    CIM_TRY(cim_buf_status(&detail, err));
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "reveal",
                                   .layer = layer->id,
                                   .fid = fid >= 0 ? cim_column_i64(batch->columns[fid], 0) : 0,
                                   .uid = uid,
                                   .area_code = area[0] != '\0' ? area : NULL,
                                   .owner_org = owner[0] != '\0' ? owner : NULL,
                                   .detail = detail.data};
    return host_audit_event(ask->ogc->app->audit, ask->call, &entry, err);
}

static void
note_refused(const struct host_ask *ask, const struct host_visit *visit,
             const struct host_reveal *reveal)
{
    const char *fid = host_http_path_param(ask->req, "fid");
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, DETAIL_BYTES_MAX);
    write_detail(reveal, &detail);
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "reveal",
                                   .layer = visit->layer->layer.id,
                                   .fid = fid != NULL ? strtoll(fid, NULL, 10) : 0,
                                   .detail = detail.data,
                                   .result = "refused"};
    host_audit_note(ask->ogc->app->audit, ask->call, &entry);
}

cim_status
host_reveal_allow(const struct host_ask *ask, const struct host_visit *visit,
                  const struct host_reveal *reveal, cim_query *query, cim_error *err)
{
    if (reveal->reason == NULL) {
        return CIM_OK;
    }
    cim_status status = check_function(ask, visit->layer->layer.id, err);
    if (status == CIM_OK) {
        status = check_terms(visit, reveal, err);
    }
    if (status != CIM_OK) {
        note_refused(ask, visit, reveal);
        return status;
    }
    CIM_TRY(note(ask, visit, reveal, query, err));
    query->reveal = reveal->names;
    query->n_reveal = (uint32_t)reveal->n_names;
    return CIM_OK;
}

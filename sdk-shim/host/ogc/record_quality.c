/* host/ogc/record_quality.c -- how complete a layer is, as far as the caller sees it. */
#include "host/ogc/records.h"

#include "cim/util.h"
#include "kit/scope_eval.h"

static cim_status
count_with(const struct host_visit *visit, const char *filter, int64_t *ret_count, cim_error *err)
{
    const cim_layer *layer = &visit->layer->layer;
    const cim_query query = {.struct_size = sizeof query, .filter_json = filter};
    return layer->count(layer->self, &visit->call, &query, ret_count, err);
}

/* A field that the caller sees masked or not at all tells nothing, not even whether it is there. */
static cim_status
add_field(const struct host_ask *ask, const struct host_visit *visit, const struct cim_field *field,
          int64_t total, struct json_object *list, cim_error *err)
{
    char filter[256];
    int64_t present = 0;
    if (cim_scope_field_mode_min(visit->call.scope, field) != CIM_FIELD_CLEAR || field->encrypted) {
        return CIM_OK;
    }
    (void)snprintf(
        filter, sizeof filter,
        "{\"op\":\"not\",\"args\":[{\"op\":\"isNull\",\"args\":[{\"property\":\"%s\"}]}]}",
        field->name);
    CIM_TRY(count_with(visit, filter, &present, err));
    struct json_object *one = host_doc_object_in(list, NULL);
    host_doc_text(one, "field", field->name);
    host_doc_text(one, "title", host_title(ask, &field->title));
    host_doc_bool(one, "required", field->required);
    host_doc_int(one, "present", present);
    host_doc_int(one, "missing", total - present);
    host_doc_add(one, "completeness",
                 total > 0 ? host_doc_number_new((double)present / (double)total) : NULL);
    return CIM_OK;
}

cim_status
host_record_quality(const struct host_ask *ask, const char *layer_id, struct json_object **ret_doc,
                    cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    int64_t total = 0;
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, layer_id, CIM_ACT_READ, err));
    const struct cim_definition *def = visit.layer->definition;
    CIM_TRY(count_with(&visit, NULL, &total, err));
    host_doc_text(doc, "id", layer_id);
    host_doc_int(doc, "records", total);
    struct json_object *fields = host_doc_array_in(doc, "fields");
    for (size_t i = 0; i < def->n_fields && visit.call.cancelled(&visit.call) == 0; i++) {
        CIM_TRY(add_field(ask, &visit, &def->fields[i], total, fields, err));
    }
    *ret_doc = doc;
    doc = NULL;
    return CIM_OK;
}

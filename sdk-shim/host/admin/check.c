/* host/admin/check.c -- a grant's fields and row filter against the definitions of the layers that
 * it covers. It may cover analyses alone, which have neither. */
#include "host/admin/admin.h"

#include "cim/util.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"
#include "kit/scope_eval.h"

struct check {
    struct host_app *app;
    const cim_call *call;
    const char *pattern;
    const char *const *fields;
    size_t n_fields;
    const char *filter_json;
    size_t n_layers;
    size_t n_analyses;
    uint64_t known[HOST_CHECK_FIELDS_MAX / 64]; /* fields that some layer has, by bit */
};

/* A question with the filter in it, about a record that there need not be: what does not fit the
 * definition is refused by the layer in its own words. */
static cim_status
check_filter(struct check *check, const struct host_layer *layer, cim_error *err)
{
    static const cim_term term = {.struct_size = sizeof term,
                                  .actions = CIM_ACT_READ,
                                  .resource = "*",
                                  .all_areas = 1,
                                  .sensitive_mode = CIM_FIELD_CLEAR,
                                  .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&term};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    const cim_query query = {
        .struct_size = sizeof query, .fid = 1, .filter_json = check->filter_json};
    const struct host_layer *entered = NULL;
    cim_call call = *check->call;
    int64_t count = 0;
    CIM_TRY(host_plugins_enter_layer(check->app->plugins, layer->layer.id, &call, &entered, err));
    call.scope = &scope;
    const cim_status status = entered->layer.count(entered->layer.self, &call, &query, &count, err);
    host_plugins_leave(check->app->plugins, entered->plugin_id);
    return status;
}

static cim_status
check_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct check *check = arg;
    (void)has_tiles;
    if (!cim_resource_matches(check->pattern, layer->layer.id)) {
        return CIM_OK;
    }
    check->n_layers++;
    for (size_t i = 0; i < check->n_fields; i++) {
        if (cim_definition_field(layer->definition, check->fields[i]) != NULL) {
            check->known[i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    return check->filter_json != NULL ? check_filter(check, layer, err) : CIM_OK;
}

static cim_status
check_analysis(void *arg, const struct host_work *work, cim_error *err)
{
    struct check *check = arg;
    (void)err;
    check->n_analyses += cim_resource_matches(check->pattern, work->kind.id);
    return CIM_OK;
}

static cim_status
check_resource(void *self, const cim_call *call, const char *pattern, const char *const *fields,
               size_t n_fields, const char *filter_json, cim_error *err)
{
    struct host_app *app = self;
    struct check check = {.app = app,
                          .call = call,
                          .pattern = pattern,
                          .fields = fields,
                          .n_fields = n_fields,
                          .filter_json = filter_json};
    if (n_fields > HOST_CHECK_FIELDS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "fields", NULL, "至多 %d 个字段", "at most %d fields",
                        (int)HOST_CHECK_FIELDS_MAX);
    }
    CIM_TRY(host_plugins_each_layer(app->plugins, check_layer, &check, err));
    CIM_TRY(host_plugins_each_analysis(app->plugins, check_analysis, &check, err));
    if (check.n_layers == 0 && check.n_analyses == 0) {
        return cim_fail(err, CIM_E_INVALID, "resource", pattern, "没有启用的图层或分析符合“%s”",
                        "no enabled layer or analysis is covered by '%s'", pattern);
    }
    if (check.n_layers == 0 && filter_json != NULL) {
        return cim_fail(err, CIM_E_INVALID, "filter", NULL, "“%s”不是图层，没有可筛选的记录",
                        "'%s' is no layer: there are no records to filter", pattern);
    }
    for (size_t i = 0; i < n_fields; i++) {
        if ((check.known[i / 64] >> (i % 64) & 1U) == 0) {
            return cim_fail(err, CIM_E_INVALID, "fields", fields[i], "“%s”没有字段“%s”",
                            "'%s' has no field '%s'", pattern, fields[i]);
        }
    }
    return CIM_OK;
}

/* ---- what may be asked for ---- */

struct question {
    struct host_app *app;
    const cim_call *call;
    const char *resource;
    void (*each)(void *arg, const char *field);
    void *arg;
    bool found;
};

static cim_status
ask_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct question *question = arg;
    const struct cim_definition *def = layer->definition;
    const cim_scope *scope = NULL;
    (void)has_tiles;
    if (strcmp(question->resource, layer->layer.id) != 0) {
        return CIM_OK;
    }
    CIM_TRY(host_identity_scope(question->app->identity, host_http_principal(question->call),
                                layer->layer.id, CIM_ACT_READ, question->call->now_ms, &scope,
                                err));
    question->found = def->catalogue.sharing != CIM_SHARING_NONE || scope->n_terms > 0;
    for (size_t i = 0; i < def->n_fields && question->found; i++) {
        question->each(question->arg, def->fields[i].name);
    }
    return CIM_OK;
}

static cim_status
may_ask(void *self, const cim_call *call, const char *resource,
        void (*each)(void *arg, const char *field), void *arg, cim_error *err)
{
    struct question question = {
        .app = self, .call = call, .resource = resource, .each = each, .arg = arg};
    CIM_TRY(host_plugins_each_layer(question.app->plugins, ask_layer, &question, err));
    return question.found ? CIM_OK
                          : cim_fail(err, CIM_E_NOTFOUND, "resource", resource,
                                     "目录中没有可申请的数据集“%.100s”",
                                     "no dataset '%.100s' can be asked for", resource);
}

void
host_admin_check_grants(struct host_app *app)
{
    const struct host_resource_check check = {
        .self = app, .check = check_resource, .may_ask = may_ask};
    host_identity_check_resources(app->identity, &check);
}

/* Analyses and kinds of job: the same thing to who runs them, one list. */
#include "cim/util.h"
#include "host/jobs/process.h"
#include "host/plugins/plugin.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <json-c/json.h>

_Static_assert(sizeof(cim_analysis) == HOST_ANALYSIS_SIZE_V1_0, "append only; keep the first size");
_Static_assert(sizeof(cim_job_kind) == HOST_JOB_KIND_SIZE_V1_0, "append only; keep the first size");

void
host_registered_work_free(struct host_registered_work *work)
{
    if (work != NULL) {
        free((char *)work->inner.id);
        free((char *)work->inner.title_zh);
        free((char *)work->inner.title_en);
        free((char *)work->pub.version);
        free((char *)work->pub.description_zh);
        free((char *)work->pub.description_en);
        json_object_put(work->pub.inputs);
        json_object_put(work->pub.outputs);
        free(work);
    }
}

static void
cleanup_work(struct host_registered_work **work)
{
    host_registered_work_free(*work);
}

static const struct host_registered_work *
find(const struct host_registry *registry, const char *id)
{
    for (size_t i = 0; i < registry->n_works; i++) {
        if (strcmp(registry->works[i]->inner.id, id) == 0) {
            return registry->works[i];
        }
    }
    return NULL;
}

bool
host_registry_has_work(const struct host_registry *registry, const char *id, bool is_analysis)
{
    const struct host_registered_work *work = find(registry, id);
    return work != NULL && work->pub.is_analysis == is_analysis;
}

/* Ids are unique over all plugins: jobs and addresses name them alone. */
static cim_status
check_id(const struct host_plugin *plugin, const char *resource, const char *what, const char *id,
         cim_error *err)
{
    const struct host_plugins *plugins = plugin->owner;
    if (!host_manifest_has_resource(plugin->manifest, resource, id)) {
        return host_registry_refuse_unlisted(plugin, what, id, err);
    }
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        if (find(&plugins->plugins[i]->registry, id) != NULL) {
            return host_registry_refuse_taken(plugin, what, id, err);
        }
    }
    if (plugin->registry.n_works >= HOST_PLUGIN_WORKS_MAX) {
        return host_registry_refuse(plugin, CIM_E_TOO_LARGE, what, id, "超过 200 个分析与作业",
                                    "is more than 200 analyses and kinds of job", err);
    }
    return CIM_OK;
}

static cim_status
copy_kind(struct host_plugin *plugin, const cim_job_kind *kind,
          struct host_registered_work **ret_work, cim_error *err)
{
    __attribute__((cleanup(cleanup_work))) struct host_registered_work *made =
        calloc(1, sizeof *made);
    if (made == NULL) {
        return cim_fail_nomem(err);
    }
    made->plugin = plugin;
    made->inner.struct_size = sizeof made->inner;
    made->inner.flags = kind->flags;
    made->inner.run = kind->run;
    made->inner.self = kind->self;
    made->pub.plugin_id = plugin->id;
    CIM_TRY(host_registry_copy(kind->id, &made->inner.id, err));
    CIM_TRY(host_registry_copy(kind->title_zh, &made->inner.title_zh, err));
    CIM_TRY(host_registry_copy(kind->title_en, &made->inner.title_en, err));
    *ret_work = CIM_TAKE(made);
    return CIM_OK;
}

static void
keep(struct host_plugin *plugin, struct host_registered_work *work)
{
    struct host_registry *registry = &plugin->registry;
    host_serial_work(work);
    registry->works[registry->n_works++] = work;
}

cim_status
host_registry_add_job_kind(struct host_plugin *plugin, const cim_job_kind *kind, cim_error *err)
{
    struct host_registered_work *made = NULL;
    CIM_TRY(host_registry_check_call(plugin, "cim_job_kind", kind->struct_size,
                                     HOST_JOB_KIND_SIZE_V1_0, err));
    if (kind->id == NULL || kind->title_zh == NULL || kind->title_en == NULL || kind->run == NULL ||
        (kind->flags & ~(uint32_t)(CIM_JOB_ISOLATED | CIM_JOB_RETRY)) != 0) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "kind of job", kind->id,
                                    "缺少 id、title_zh、title_en 或 run，或 flags 有未知的位",
                                    "lacks id, title_zh, title_en or run, or has unknown flags",
                                    err);
    }
    CIM_TRY(check_id(plugin, "jobs", "kind of job", kind->id, err));
    CIM_TRY(copy_kind(plugin, kind, &made, err));
    keep(plugin, made);
    return CIM_OK;
}

static cim_status
parse_part(const struct host_plugin *plugin, const cim_analysis *analysis, const char *part,
           const char *text, struct json_object **ret_value, cim_error *err)
{
    char where[200];
    (void)snprintf(where, sizeof where, "%.32s: %.100s: %s", plugin->id, analysis->id, part);
    CIM_TRY(cim_json_parse(where, text, strlen(text), ret_value, err));
    if (!json_object_is_type(*ret_value, json_type_object)) {
        return host_registry_refuse(plugin, CIM_E_INVALID, "analysis", analysis->id,
                                    "的 inputs 或 outputs 不是 JSON 对象",
                                    "has inputs or outputs that are no JSON object", err);
    }
    return CIM_OK;
}

cim_status
host_registry_add_analysis(struct host_plugin *plugin, const cim_analysis *analysis, cim_error *err)
{
    __attribute__((cleanup(cleanup_work))) struct host_registered_work *made = NULL;
    char where[160];
    const uint32_t short_and_isolated = CIM_ANALYSIS_SHORT | CIM_JOB_ISOLATED;
    CIM_TRY(host_registry_check_call(plugin, "cim_analysis", analysis->struct_size,
                                     HOST_ANALYSIS_SIZE_V1_0, err));
    if (analysis->id == NULL || analysis->version == NULL || analysis->title_zh == NULL ||
        analysis->title_en == NULL || analysis->description_zh == NULL ||
        analysis->description_en == NULL || analysis->inputs == NULL || analysis->outputs == NULL ||
        analysis->run == NULL ||
        (analysis->flags & ~(uint32_t)(CIM_ANALYSIS_SHORT | CIM_JOB_ISOLATED | CIM_JOB_RETRY)) !=
            0 ||
        (analysis->flags & short_and_isolated) == short_and_isolated) {
        return host_registry_refuse(
            plugin, CIM_E_INVALID, "analysis", analysis->id,
            "缺少 id、version、title、description、inputs、outputs 或 run，或 flags 无效",
            "lacks id, version, titles, descriptions, inputs, outputs or run, or has invalid flags",
            err);
    }
    CIM_TRY(check_id(plugin, "analyses", "analysis", analysis->id, err));
    const cim_job_kind kind = {.flags = analysis->flags | CIM_JOB_RETRY,
                               .id = analysis->id,
                               .title_zh = analysis->title_zh,
                               .title_en = analysis->title_en,
                               .run = analysis->run,
                               .self = analysis->self};
    CIM_TRY(copy_kind(plugin, &kind, &made, err));
    made->pub.is_analysis = true;
    CIM_TRY(host_registry_copy(analysis->version, &made->pub.version, err));
    CIM_TRY(host_registry_copy(analysis->description_zh, &made->pub.description_zh, err));
    CIM_TRY(host_registry_copy(analysis->description_en, &made->pub.description_en, err));
    CIM_TRY(parse_part(plugin, analysis, "inputs", analysis->inputs, &made->pub.inputs, err));
    CIM_TRY(parse_part(plugin, analysis, "outputs", analysis->outputs, &made->pub.outputs, err));
    (void)snprintf(where, sizeof where, "%.32s: %.100s", plugin->id, analysis->id);
    CIM_TRY(host_process_check(where, made->pub.inputs, made->pub.outputs, err));
    keep(plugin, CIM_TAKE(made));
    return CIM_OK;
}

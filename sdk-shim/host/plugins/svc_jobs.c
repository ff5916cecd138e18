/* cim.jobs/1: a plugin's own kinds of job. */
#include "cim/util.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/plugins/plugin.h"

static cim_status
jobs_add_kind(const cim_host *host, const cim_job_kind *kind, cim_error *err)
{
    return host_registry_add_job_kind(host_plugin_of(host), kind, err);
}

/* The plugin's own kind of that id; an analysis is none. */
static const struct host_registered_work *
own_kind(const struct host_plugin *plugin, const char *id)
{
    for (size_t i = 0; i < plugin->registry.n_works; i++) {
        const struct host_registered_work *work = plugin->registry.works[i];
        if (!work->pub.is_analysis && strcmp(work->inner.id, id) == 0) {
            return work;
        }
    }
    return NULL;
}

static cim_status
jobs_submit(const cim_host *host, const cim_call *call, const char *kind, const char *inputs_json,
            char ret_id[CIM_JOB_ID_TEXT], cim_error *err)
{
    struct host_plugin *plugin = host_plugin_of(host);
    const struct host_registered_work *work = own_kind(plugin, kind);
    if (work == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "kind", kind, "插件 %.32s 没有作业类型 %.64s",
                        "plugin %.32s has no kind of job %.64s", plugin->id, kind);
    }
    const struct host_job_request request = {
        .kind = kind,
        .owner = call != NULL ? host_http_principal(call) : NULL,
        .lang = call != NULL ? call->lang : NULL,
        .inputs_json = inputs_json,
        .flags = work->inner.flags,
    };
    return host_jobs_submit(plugin->owner->app->jobs, &request, ret_id, err);
}

static cim_status
own_job(const cim_host *host, const char *id, struct host_job_info *ret_info, cim_error *err)
{
    struct host_plugin *plugin = host_plugin_of(host);
    struct host_job_info info;
    CIM_TRY(host_jobs_get(plugin->owner->app->jobs, NULL, id, &info, err));
    if (own_kind(plugin, info.kind) == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有作业 %.64s", "there is no job %.64s",
                        id);
    }
    *ret_info = info;
    return CIM_OK;
}

static cim_status
jobs_cancel(const cim_host *host, const char *id, cim_error *err)
{
    struct host_job_info info;
    CIM_TRY(own_job(host, id, &info, err));
    return host_jobs_cancel(host_plugin_of(host)->owner->app->jobs, NULL, id, err);
}

static cim_status
jobs_info(const cim_host *host, const char *id, cim_job_info *ret_info, cim_error *err)
{
    struct host_job_info info;
    const uint32_t size = ret_info->struct_size;
    CIM_TRY(own_job(host, id, &info, err));
    const cim_job_info found = {.struct_size = size,
                                .state = info.state,
                                .fraction = info.fraction,
                                .created_ms = info.created_ms,
                                .updated_ms = info.updated_ms};
    memcpy(ret_info, &found, size < sizeof found ? size : sizeof found);
    return CIM_OK;
}

const cim_jobs_v1 host_svc_jobs = {
    .struct_size = sizeof(cim_jobs_v1),
    .add_kind = jobs_add_kind,
    .submit = jobs_submit,
    .cancel = jobs_cancel,
    .info = jobs_info,
};

/* host/bundles/routes.c -- installing and going back over the admin API. */
#include "host/bundles/bundles.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/http/http.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <string.h>

enum { ANSWER_BYTES_MAX = 4 << 20 };

static void
add_line(void *arg, const char *line)
{
    struct cim_buf *out = arg;
    cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "" : ",");
    cim_buf_add_json_text(out, line, SIZE_MAX);
}

static cim_status
answer(cim_http_req *req, const struct host_bundle_report *report, struct cim_buf *out,
       cim_error *err)
{
    cim_blob body = {0};
    cim_status status = CIM_OK;
    cim_buf_add_member(out, "id", report->id);
    cim_buf_add_member(out, "version", report->version);
    cim_buf_add_member(out, "from", report->from);
    cim_buf_addf(out, ",\"takes_over\":%s}", report->takes_over ? "true" : "false");
    CIM_TRY(cim_buf_status(out, err));
    cim_buf_to_blob(out, &body);
    status = host_http_respond(req, 200, "application/json", &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

static cim_status
note(const struct host_app *app, const cim_call *call, const char *action, const char *id,
     cim_status status)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = action,
                                   .layer = id,
                                   .result = status == CIM_OK ? NULL : "failed"};
    host_audit_note(app->audit, call, &entry);
    return status;
}

/* Who may install reads why it does not go, whatever the reason. */
static cim_status
say_reason(cim_status status, cim_error *err)
{
    if (status == CIM_OK || status == CIM_E_NOTFOUND || status == CIM_E_INVALID ||
        status == CIM_E_TOO_LARGE) {
        return status;
    }
    if (err != NULL) {
        err->code = CIM_E_STATE;
    }
    return CIM_E_STATE;
}

static cim_status
handle_install(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    const char *dry_run = host_http_query_param(req, "dry_run");
    const bool tries = dry_run != NULL && strcmp(dry_run, "true") == 0;
    struct host_bundle_report report = {.id = ""};
    const char *path = NULL;
    CIM_AUTO_BUF struct cim_buf out;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    cim_buf_add_text(&out, "{\"changes\":[");
    if (dry_run != NULL && !tries && strcmp(dry_run, "false") != 0) {
        return cim_fail(err, CIM_E_INVALID, "dry_run", dry_run, "应为 true 或 false",
                        "expected true or false");
    }
    CIM_TRY(host_http_body_file(req, &path, err));
    const cim_status status = host_bundle_install(app, path, tries, add_line, &out, &report, err);
    if (!tries) {
        (void)note(app, call, "plugin.install", report.id, status);
    }
    CIM_TRY(say_reason(status, err));
    cim_buf_add_char(&out, ']');
    return answer(req, &report, &out, err);
}

static cim_status
handle_rollback(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    struct host_bundle_report report = {.id = ""};
    CIM_AUTO_BUF struct cim_buf out;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    cim_buf_add_text(&out, "{\"changes\":[]");
    CIM_TRY(say_reason(
        note(app, call, "plugin.rollback", id, host_bundle_rollback(app, id, &report, err)), err));
    return answer(req, &report, &out, err);
}

cim_status
host_bundles_add_routes(struct host_app *app, cim_error *err)
{
    static const struct host_route_param dry_run[] = {{"dry_run", "query", "{\"type\":\"boolean\"}",
                                                       "只检查与试行迁移",
                                                       "check and rehearse only"},
                                                      {.name = NULL}};
    static const struct host_route_param id[] = {
        {"id", "path", "{\"type\":\"string\"}", "插件编号", "Id of the plugin"}, {.name = NULL}};
    const struct host_route install = {
        .method = "POST",
        .pattern = "/admin/api/plugins/bundles",
        .flags = HOST_ROUTE_LARGE_BODY | HOST_ROUTE_HEAVY,
        .operation_id = "installBundle",
        .summary_zh = "安装或升级插件：请求体为插件包（.tar.gz 或 .zip）",
        .summary_en = "Install or upgrade a plugin: the body is its bundle, .tar.gz or .zip",
        .permission = "cim.admin.plugins",
        .params = dry_run,
        .handle = handle_install,
        .self = app};
    const struct host_route rollback = {.method = "POST",
                                        .pattern = "/admin/api/plugins/{id}/rollback",
                                        .operation_id = "rollbackPlugin",
                                        .summary_zh = "插件退回上一个版本",
                                        .summary_en = "Put the version before of a plugin back",
                                        .permission = "cim.admin.plugins",
                                        .params = id,
                                        .handle = handle_rollback,
                                        .self = app};
    CIM_TRY(host_http_add_route(app->http, &install, err));
    return host_http_add_route(app->http, &rollback, err);
}

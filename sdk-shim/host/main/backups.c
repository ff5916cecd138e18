/* host/main/backups.c -- backups in the console: what is there, and what the keeper is asked for.
 */
#include "backups.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/backup/backup.h"
#include "host/base/config.h"
#include "host/http/http.h"
#include "kit/buf.h"
#include "kit/time.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 4 << 20 };

static const char *const works[] = {NULL, "make", "check", "copy"};

static void
write_plan(struct cim_buf *out, const struct host_app *app, const struct host_backup_plan *plan)
{
    cim_buf_add_text(out, "{\"folder\":");
    cim_buf_add_json_text(out, plan->options.parent, SIZE_MAX);
    cim_buf_add_member(out, "copy_folder", plan->copies != NULL ? plan->copies : "");
    cim_buf_add_member(out, "archive_folder",
                       plan->options.archive != NULL ? plan->options.archive : "");
    cim_buf_addf(out, ",\"every_hours\":%lld,\"keep\":%d,\"copy_keep\":%d,\"with_keys\":%s",
                 (long long)host_config_int(app->config, "backup.every_hours"), (int)plan->keep,
                 (int)plan->keep_copies,
                 host_config_bool(app->config, "backup.with_keys") ? "true" : "false");
}

static void
write_state(struct cim_buf *out, const struct host_backup_state *state)
{
    cim_buf_add_text(out, ",\"doing\":");
    if (state->work != HOST_BACKUP_IDLE) {
        cim_buf_addf(out, "{\"work\":\"%s\"", works[state->work]);
        cim_buf_add_member(out, "name", state->name);
        cim_buf_add_member_time(out, "since", state->since_ms);
        cim_buf_addf(out, ",\"done\":%lld,\"total\":%lld}", (long long)state->done,
                     (long long)state->total);
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_add_text(out, ",\"last\":");
    if (state->last.work != HOST_BACKUP_IDLE) {
        cim_buf_addf(out, "{\"work\":\"%s\"", works[state->last.work]);
        cim_buf_add_member(out, "name", state->last.name);
        cim_buf_add_member_time(out, "at", state->last.at_ms);
        if (state->last.error.code != CIM_OK) {
            cim_buf_add_text(out, ",\"error\":{\"zh\":");
            cim_buf_add_json_text(out, state->last.error.zh, SIZE_MAX);
            cim_buf_add_member(out, "en", state->last.error.en);
            cim_buf_add_char(out, '}');
        }
        cim_buf_add_char(out, '}');
    } else {
        cim_buf_add_text(out, "null");
    }
}

/* Requests are answered from a moment before the keeper runs. */
static cim_status
need_keeper(const struct host_ops *ops, cim_error *err)
{
    return ops->backups != NULL ? CIM_OK
                                : cim_fail(err, CIM_E_BUSY, NULL, NULL, "平台正在启动，请稍后再试",
                                           "the platform is starting: try again");
}

/* ---- those that are there ---- */

struct backups {
    struct host_backup_info *infos;
    size_t n;
};

static void
free_backups(struct backups *backups)
{
    free(backups->infos);
}
#define AUTO_BACKUPS __attribute__((cleanup(free_backups)))

static const struct host_backup_info *
find(const struct backups *backups, const char *name)
{
    for (size_t i = 0; i < backups->n; i++) {
        if (strcmp(backups->infos[i].name, name) == 0) {
            return &backups->infos[i];
        }
    }
    return NULL;
}

static void
write_backup(struct cim_buf *out, const struct host_backup_info *info, bool here, bool copied)
{
    cim_buf_add_text(out, out->data[out->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    cim_buf_add_json_text(out, info->name, SIZE_MAX);
    cim_buf_add_member_time(out, "at", info->at_ms);
    cim_buf_add_member(out, "store", info->store);
    cim_buf_addf(out, ",\"bytes\":%lld,\"tables\":%d,\"rows\":%lld,\"pos\":%lld",
                 (long long)info->bytes, (int)info->n_tables, (long long)info->n_rows,
                 (long long)info->pos);
    cim_buf_addf(out, ",\"here\":%s,\"copied\":%s}", here ? "true" : "false",
                 copied ? "true" : "false");
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_ops *ops = self;
    CIM_AUTO_BUF struct cim_buf body;
    AUTO_BACKUPS struct backups here = {.n = 0};
    AUTO_BACKUPS struct backups copies = {.n = 0};
    struct host_backup_state state;
    (void)call;
    cim_buf_init(&body, ANSWER_MAX);
    CIM_TRY(need_keeper(ops, err));
    const struct host_backup_plan *plan = host_backup_plan(ops->backups);
    CIM_TRY(host_backup_list(plan->options.parent, &here.infos, &here.n, err));
    if (plan->copies != NULL) {
        CIM_TRY(host_backup_list(plan->copies, &copies.infos, &copies.n, err));
    }
    host_backup_state(ops->backups, &state);
    write_plan(&body, ops->app, plan);
    write_state(&body, &state);
    cim_buf_add_text(&body, ",\"backups\":[");
    for (size_t i = 0; i < here.n; i++) {
        write_backup(&body, &here.infos[i], true, find(&copies, here.infos[i].name) != NULL);
    }
    for (size_t i = 0; i < copies.n; i++) {
        if (find(&here, copies.infos[i].name) == NULL) {
            write_backup(&body, &copies.infos[i], false, true);
        }
    }
    cim_buf_add_text(&body, "]}");
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* ---- asking ---- */

static cim_status
ask(const struct host_ops *ops, const cim_call *call, cim_http_req *req, enum host_backup_work work,
    const char *name, cim_error *err)
{
    static const char text[] = "{\"status\":\"accepted\"}";
    cim_blob body = {text, sizeof text - 1, NULL, NULL};
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action =
                                       work == HOST_BACKUP_MAKE ? "backup.ask" : "backup.check.ask",
                                   .layer = name};
    CIM_TRY(need_keeper(ops, err));
    CIM_TRY(host_backup_ask(ops->backups, work, name, err));
    host_audit_note(ops->app->audit, call, &entry);
    return host_http_respond(req, 202, "application/json", &body, err);
}

static cim_status
handle_make(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return ask(self, call, req, HOST_BACKUP_MAKE, NULL, err);
}

static cim_status
handle_check(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_ops *ops = self;
    const char *name = host_http_path_param(req, "name");
    AUTO_BACKUPS struct backups here = {.n = 0};
    CIM_TRY(need_keeper(ops, err));
    CIM_TRY(host_backup_list(host_backup_plan(ops->backups)->options.parent, &here.infos, &here.n,
                             err));
    if (find(&here, name) == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "name", name, "没有这份备份",
                        "there is no such backup");
    }
    return ask(ops, call, req, HOST_BACKUP_CHECK, name, err);
}

cim_status
host_backups_add_routes(struct host_ops *ops, cim_error *err)
{
    static const struct host_route_param name[] = {{"name", "path", "{\"type\":\"string\"}",
                                                    "备份的名称，如 20261127T103000Z",
                                                    "Name of the backup, such as 20261127T103000Z"},
                                                   {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/backups",
         .permission = "cim.admin.backups",
         .operation_id = "listBackups",
         .summary_zh = "备份与异地副本，以及正在进行的备份、核对与复制",
         .summary_en =
             "Backups and their copies elsewhere, and what is being made, checked or copied",
         .handle = handle_list,
         .self = ops},
        {.method = "POST",
         .pattern = "/admin/api/backups",
         .permission = "cim.admin.backups",
         .operation_id = "makeBackup",
         .summary_zh = "立即备份并核对（随后可查进度）",
         .summary_en = "Make and check a backup now; the list tells how far it is",
         .handle = handle_make,
         .self = ops},
        {.method = "POST",
         .pattern = "/admin/api/backups/{name}/check",
         .permission = "cim.admin.backups",
         .operation_id = "checkBackup",
         .summary_zh = "读出一份备份的全部文件与各表并与清单核对",
         .summary_en = "Read all files and tables of a backup and compare them with its manifest",
         .params = name,
         .handle = handle_check,
         .self = ops},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(ops->app->http, &routes[i], err));
    }
    return CIM_OK;
}

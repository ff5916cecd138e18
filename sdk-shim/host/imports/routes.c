/* host/imports/routes.c -- imports over HTTP: begin, watch, cancel, fetch what they left. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/http/http.h"
#include "host/idempotency/idempotency.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 16 << 20, LIST_MAX = 100, PIECE_BYTES = 1 << 16 };

static const struct {
    const char *name;
    const char *mime;
} left_files[] = {
    {"report.csv", "text/csv; charset=utf-8"},
    {"report.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"refused.csv", "text/csv; charset=utf-8"},
};
enum { N_LEFT = sizeof left_files / sizeof left_files[0] };

/* ---- begin ---- */

/* Refused here already, so that nobody waits for it: what the request says, and the right to the
 * layer. The job looks again. */
static cim_status
check_request(struct host_app *app, const cim_call *call, const char *text, size_t len,
              cim_error *err)
{
    HOST_AUTO_IMPORT_REQUEST struct host_import_request request = {.json = NULL};
    const struct host_layer *layer = NULL;
    cim_call inner;
    CIM_TRY(host_import_request_parse(text, len, &request, err));
    CIM_TRY(host_exchange_enter(app, call, request.layer, CIM_ACT_CREATE, &inner, &layer, err));
    host_plugins_leave(app->plugins, layer->plugin_id);
    return CIM_OK;
}

struct beginning {
    struct host_app *app;
    const cim_call *call;
    const char *text; /* the request */
    struct host_idempotency once;
    struct cim_buf *answer;
};

static void
write_answer(struct cim_buf *out, const char *id)
{
    cim_buf_clear(out);
    cim_buf_addf(out, "{\"job\":\"%s\"}", id);
}

/* The answer is stored with the job, so that a request that is sent twice begins one. */
static cim_status
on_taken(void *arg, cim_tx *tx, const char *id, cim_error *err)
{
    struct beginning *beginning = arg;
    CIM_TRY(host_idempotency_take(&beginning->once, tx, err));
    write_answer(beginning->answer, id);
    CIM_TRY(cim_buf_status(beginning->answer, err));
    return host_idempotency_note(&beginning->once, tx, 201, NULL, beginning->answer->data, err);
}

static cim_status
submit(struct beginning *beginning, const char *file_id, cim_error *err)
{
    char path[HOST_IMPORT_PATH_MAX + 64];
    char id[CIM_JOB_ID_TEXT];
    struct host_import_file file;
    struct host_job_request job = {.kind = HOST_IMPORT_KIND,
                                   .owner = host_http_principal(beginning->call),
                                   .lang = beginning->call->lang,
                                   .inputs_json = beginning->text,
                                   .file = path,
                                   .taken = on_taken,
                                   .arg = beginning};
    cim_status status = CIM_OK;
    CIM_TRY(host_import_file_get(beginning->app, beginning->call->principal, file_id, &file, err));
    CIM_TRY(host_import_file_link(&file, path, sizeof path, err));
    status = host_jobs_submit(beginning->app->jobs, &job, id, err);
    if (status != CIM_OK) {
        (void)unlink(path); /* moved away otherwise */
    }
    return status;
}

static cim_status
handle_begin(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    struct beginning beginning = {.app = self, .call = call, .answer = &out};
    uint64_t len = 0;
    bool answered = false;
    cim_buf_init(&out, 1 << 10);
    CIM_TRY(host_http_body_text(req, HOST_IMPORT_REQUEST_MAX, &beginning.text, &len, err));
    CIM_TRY(check_request(self, call, beginning.text, (size_t)len, err));
    CIM_TRY(host_idempotency_begin(&beginning.once, self, call, req, &answered, err));
    if (answered) {
        return CIM_OK;
    }
    const cim_status status = submit(&beginning, host_http_query_param(req, "file"), err);
    if (status != CIM_OK) {
        return beginning.once.taken ? host_idempotency_answer_taken(&beginning.once, err) : status;
    }
    CIM_TRY(host_import_respond(req, 201, &out, err));
    host_idempotency_keep(&beginning.once);
    return CIM_OK;
}

/* ---- watch ---- */

static cim_status
dir_of(struct host_app *app, const char *id, char *out, size_t size, cim_error *err)
{
    char *slash = NULL;
    CIM_TRY(host_jobs_result_path(app->jobs, id, out, size, err));
    slash = strrchr(out, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return CIM_OK;
}

static void
add_pair(struct cim_buf *out, const char *name, const char *zh, const char *en)
{
    cim_buf_addf(out, ",\"%s\":{\"zh\":", name);
    cim_buf_add_json_text(out, zh, SIZE_MAX);
    cim_buf_add_text(out, ",\"en\":");
    cim_buf_add_json_text(out, en, SIZE_MAX);
    cim_buf_add_char(out, '}');
}

static void
add_state(struct cim_buf *out, const struct host_job_info *info)
{
    static const char *const states[] = {[CIM_JOB_ACCEPTED] = "accepted",
                                         [CIM_JOB_RUNNING] = "running",
                                         [CIM_JOB_SUCCESSFUL] = "successful",
                                         [CIM_JOB_FAILED] = "failed",
                                         [CIM_JOB_DISMISSED] = "dismissed"};
    cim_buf_addf(out, "{\"job\":\"%s\",\"state\":\"%s\",\"owner\":", info->id, states[info->state]);
    cim_buf_add_json_text(out, info->owner, SIZE_MAX);
    cim_buf_add_text(out, ",\"fraction\":");
    cim_buf_add_double(out, info->fraction);
    add_pair(out, "message", info->message_zh, info->message_en);
    cim_buf_add_member_time(out, "created", info->created_ms);
    cim_buf_add_member_time(out, "started", info->started_ms);
    cim_buf_add_member_time(out, "finished", info->finished_ms);
    cim_buf_add_member_time(out, "expires", info->expires_ms);
    if (info->error.code != CIM_OK) {
        add_pair(out, "error", info->error.zh, info->error.en);
    } else {
        cim_buf_add_text(out, ",\"error\":null");
    }
}

static cim_status
add_request(struct host_app *app, const char *id, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_FREE char *inputs = NULL;
    CIM_TRY(host_jobs_inputs(app->jobs, id, &inputs, NULL, err));
    cim_buf_add_text(out, ",\"request\":");
    cim_buf_add_text(out, inputs);
    return CIM_OK;
}

static void
add_report(const char *dir, struct cim_buf *out)
{
    char path[HOST_IMPORT_PATH_MAX + 64];
    char piece[4096];
    FILE *file = NULL;
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%s/report.json", dir);
    file = fopen(path, "rbe");
    cim_buf_add_text(out, ",\"report\":");
    if (file == NULL) {
        cim_buf_add_text(out, "null"); /* it has not come to its end */
    }
    while (file != NULL && (n = fread(piece, 1, sizeof piece, file)) > 0) {
        cim_buf_add(out, piece, n);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
}

static void
add_left_files(const char *dir, struct cim_buf *out)
{
    const char *comma = "";
    cim_buf_add_text(out, ",\"files\":[");
    for (size_t i = 0; i < N_LEFT; i++) {
        char path[HOST_IMPORT_PATH_MAX + 64];
        (void)snprintf(path, sizeof path, "%s/%s", dir, left_files[i].name);
        if (access(path, R_OK) == 0) {
            cim_buf_addf(out, "%s\"%s\"", comma, left_files[i].name);
            comma = ",";
        }
    }
    cim_buf_add_char(out, ']');
}

/* CIM_E_NOTFOUND also for jobs of another kind. */
static cim_status
find(struct host_app *app, const cim_call *call, cim_http_req *req, struct host_job_info *ret_info,
     cim_error *err)
{
    const char *id = host_http_path_param(req, "job");
    CIM_TRY(host_jobs_get(app->jobs, host_http_principal(call), id, ret_info, err));
    return strcmp(ret_info->kind, HOST_IMPORT_KIND) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_NOTFOUND, "job", id, "没有这个导入作业",
                          "there is no such import");
}

/* What it wrote and refused is the owner's alone: the rows hold what others may not see. */
static bool
is_mine(const cim_call *call, const struct host_job_info *info)
{
    return strcmp(info->owner, call->principal) == 0;
}

static cim_status
handle_get(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf out;
    struct host_job_info info;
    char dir[HOST_IMPORT_PATH_MAX];
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    CIM_TRY(find(app, call, req, &info, err));
    CIM_TRY(dir_of(app, info.id, dir, sizeof dir, err));
    add_state(&out, &info);
    CIM_TRY(add_request(app, info.id, &out, err));
    if (info.state > CIM_JOB_RUNNING && is_mine(call, &info)) { /* whole from then on */
        add_report(dir, &out);
        add_left_files(dir, &out);
    } else {
        cim_buf_add_text(&out, ",\"report\":null,\"files\":[]");
    }
    cim_buf_add_char(&out, '}');
    return host_import_respond(req, 200, &out, err);
}

struct listing {
    struct host_job_info infos[LIST_MAX];
    size_t n;
};

static void
take_info(void *arg, const struct host_job_info *info)
{
    struct listing *listing = arg;
    if (listing->n < LIST_MAX) {
        listing->infos[listing->n++] = *info;
    }
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    CIM_AUTO_BUF struct cim_buf out;
    CIM_AUTO_FREE struct listing *listing = calloc(1, sizeof *listing);
    const struct host_job_filter filter = {
        .kind = HOST_IMPORT_KIND, .after = host_http_query_param(req, "after"), .limit = LIST_MAX};
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    if (listing == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_jobs_list(app->jobs, host_http_principal(call), &filter, take_info, listing, err));
    cim_buf_add_text(&out, "{\"jobs\":[");
    for (size_t i = 0; i < listing->n; i++) {
        cim_buf_add_text(&out, i > 0 ? "," : "");
        add_state(&out, &listing->infos[i]);
        CIM_TRY(add_request(app, listing->infos[i].id, &out, err));
        cim_buf_add_char(&out, '}');
    }
    cim_buf_add_text(&out, "]}");
    return host_import_respond(req, 200, &out, err);
}

static cim_status
handle_cancel(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    struct host_job_info info;
    cim_blob none = {0};
    CIM_TRY(find(app, call, req, &info, err));
    CIM_TRY(host_jobs_cancel(app->jobs, host_http_principal(call), info.id, err));
    return host_http_respond(req, 204, NULL, &none, err);
}

/* ---- what it left ---- */

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    FILE *file = self;
    char piece[PIECE_BYTES];
    const size_t n = fread(piece, 1, sizeof piece, file);
    (void)call;
    if (ferror(file) != 0) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "文件无法读取", "the file cannot be read");
    }
    *ret_more = n < sizeof piece ? CIM_HTTP_END : CIM_HTTP_MORE;
    return n > 0 ? host_http_write(writer, piece, n, err) : CIM_OK;
}

static void
release(void *self)
{
    (void)fclose(self); /* only read */
}

static cim_status
handle_file(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const char *name = host_http_path_param(req, "name");
    struct host_job_info info;
    char dir[HOST_IMPORT_PATH_MAX];
    char path[HOST_IMPORT_PATH_MAX + 64];
    char header[128];
    CIM_TRY(find(app, call, req, &info, err));
    if (!is_mine(call, &info)) {
        return cim_fail(err, CIM_E_DENIED, "job", info.id, "导入留下的文件只给导入人",
                        "what an import left is for who began it");
    }
    CIM_TRY(dir_of(app, info.id, dir, sizeof dir, err));
    for (size_t i = 0; i < N_LEFT; i++) {
        cim_http_producer producer = {
            .struct_size = sizeof producer, .produce = produce, .release = release};
        (void)snprintf(path, sizeof path, "%s/%s", dir, left_files[i].name);
        if (strcmp(name, left_files[i].name) != 0 || info.state <= CIM_JOB_RUNNING ||
            (producer.self = fopen(path, "rbe")) == NULL) {
            continue;
        }
        (void)snprintf(header, sizeof header, "attachment; filename=\"%s\"", left_files[i].name);
        if (host_http_add_header(req, "Content-Disposition", header, err) != CIM_OK) {
            release(producer.self);
            return CIM_E_NOMEM;
        }
        return host_http_respond_stream(req, 200, left_files[i].mime, &producer, err);
    }
    return cim_fail(err, CIM_E_NOTFOUND, "name", name,
                    "没有此文件：应为 report.csv、report.xlsx 或 refused.csv，且作业已结束",
                    "there is no such file: expected report.csv, report.xlsx or refused.csv of an "
                    "import that is over");
}

static cim_status
add_kind(struct host_app *app, cim_error *err)
{
    static cim_job_kind kind; /* kept by the jobs, of which a process has one */
    kind = (cim_job_kind){.struct_size = sizeof kind,
                          .id = HOST_IMPORT_KIND,
                          .title_zh = "数据导入",
                          .title_en = "Import",
                          .run = host_import_run,
                          .self = app};
    return host_jobs_add_kind(app->jobs, &kind, err);
}

cim_status
host_imports_add(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const struct host_route_param begin[] = {
        {"file", "query", text, "文件编号", "id of the file"}, {.name = NULL}};
    static const struct host_route_param list[] = {
        {"after", "query", text, "接着此作业之后", "continue after this job"}, {.name = NULL}};
    static const struct host_route_param one[] = {
        {"job", "path", text, "作业编号", "id of the job"}, {.name = NULL}};
    static const struct host_route_param file[] = {
        {"job", "path", text, "作业编号", "id of the job"},
        {"name", "path", text, "文件名", "name of the file"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {"POST", "/admin/api/imports/jobs", 0, NULL, "beginImport", "开始导入作业",
         "Begin an import", begin, handle_begin, app, NULL},
        {"GET", "/admin/api/imports/jobs", 0, NULL, "listImports", "导入记录", "List imports", list,
         handle_list, app, NULL},
        {"GET", "/admin/api/imports/jobs/{job}", 0, NULL, "getImport", "导入作业的状态与报告",
         "State and report of an import", one, handle_get, app, NULL},
        {"POST", "/admin/api/imports/jobs/{job}/cancel", 0, NULL, "cancelImport", "取消导入作业",
         "Cancel an import", one, handle_cancel, app, NULL},
        {"GET", "/admin/api/imports/jobs/{job}/files/{name}", 0, NULL, "getImportFile",
         "下载导入报告或被拒绝的行", "Fetch the report or the refused rows", file, handle_file, app,
         NULL},
    };
    CIM_TRY(add_kind(app, err));
    CIM_TRY(host_imports_add_file_routes(app, err));
    CIM_TRY(host_imports_add_mapping_routes(app, err));
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(app->http, &routes[i], err));
    }
    return CIM_OK;
}

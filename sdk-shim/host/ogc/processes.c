/* host/ogc/processes.c -- OGC API Processes: what analyses there are, and running them. */
#include "host/ogc/processes.h"

#include "cim/util.h"
#include "host/base/log.h"
#include "host/base/problem.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/jobs/process.h"
#include "host/ogc/callback.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <strings.h>

static const char json_mime[] = "application/json";

/* ---- into an analysis ---- */

static cim_status
may_run(struct host_ogc *ogc, const cim_call *call, const char *id, const cim_scope **ret_scope,
        cim_error *err)
{
    return host_identity_scope(ogc->app->identity, host_http_principal(call), id, CIM_ACT_RUN,
                               call->now_ms, ret_scope, err);
}

cim_status
host_visit_work(struct host_work_visit *visit, struct host_ogc *ogc, const cim_call *call,
                const char *id, cim_error *err)
{
    visit->plugins = NULL;
    visit->call = *call;
    CIM_TRY(host_plugins_enter_work(ogc->app->plugins, id, &visit->call, &visit->work, err));
    visit->plugins = ogc->app->plugins;
    if (!visit->work->is_analysis) {
        return cim_fail(err, CIM_E_NOTFOUND, "processID", id, "没有分析 %.120s",
                        "there is no process %.120s", id);
    }
    CIM_TRY(may_run(ogc, &visit->call, id, &visit->call.scope, err));
    return visit->call.scope->n_terms > 0
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有运行分析 %.64s 的权限",
                          "you may not run the process %.64s", id);
}

void
host_work_visit_end(struct host_work_visit *visit)
{
    if (visit->plugins != NULL) {
        host_plugins_leave(visit->plugins, visit->work->plugin_id);
        visit->plugins = NULL;
    }
}

cim_status
host_processes_send(cim_http_req *req, int32_t http_status, const char *mime, struct cim_buf *body,
                    cim_error *err)
{
    cim_blob blob = {.data = NULL};
    cim_status status = CIM_OK;
    CIM_TRY(cim_buf_status(body, err));
    cim_buf_to_blob(body, &blob);
    status = host_http_respond(req, http_status, mime, &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

cim_status
host_processes_problem(cim_http_req *req, const cim_call *call, int32_t http_status,
                       const char *name, const cim_error *why, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char type[160];
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    (void)snprintf(type, sizeof type,
                   "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/%s", name);
    host_problem_write_typed(&body, http_status, type, why, call->request_id);
    return host_processes_send(req, http_status, "application/problem+json", &body, err);
}

/* ---- descriptions ---- */

static void
add_titles(struct json_object *doc, bool chinese, const char *title_zh, const char *title_en,
           const char *text_zh, const char *text_en)
{
    host_doc_text(doc, "title", chinese ? title_zh : title_en);
    host_doc_text(doc, "description", chinese ? text_zh : text_en);
    host_doc_add(doc, "x-cim-title", host_doc_text2(title_zh, title_en));
}

static struct json_object *
summary(const struct host_ask *ask, const struct host_work *work)
{
    const cim_job_kind *kind = &work->kind;
    const bool zh = ask->chinese;
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    const char *const options[] = {"async-execute", "sync-execute"};
    const char *const value[] = {"value"};
    host_doc_text(doc, "id", kind->id);
    host_doc_text(doc, "version", work->version);
    add_titles(doc, zh, kind->title_zh, kind->title_en, work->description_zh, work->description_en);
    host_doc_add(doc, "jobControlOptions",
                 host_doc_texts(options, (kind->flags & CIM_ANALYSIS_SHORT) != 0 ? 2 : 1));
    host_doc_add(doc, "outputTransmission", host_doc_texts(value, 1));
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, zh ? "说明" : "Description", "%s/processes/%s?f=json",
                  ask->base, kind->id);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML",
                  "%s/processes/%s?f=html", ask->base, kind->id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/execute", json_mime,
                  zh ? "运行" : "Execution", "%s/processes/%s/execution", ask->base, kind->id);
    return doc;
}

static void
copy_member(struct json_object *to, struct json_object *from, const char *key)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(from, key, &value)) {
        host_doc_add(to, key, json_object_get(value));
    }
}

static void
describe_parts(const struct host_ask *ask, struct json_object *doc, const char *key,
               struct json_object *parts)
{
    const char *language = ask->chinese ? "zh" : "en";
    struct json_object *out = host_doc_object_in(doc, key);
    json_object_object_foreach(parts, id, part)
    {
        struct json_object *one = host_doc_object_in(out, id);
        struct json_object *text = NULL;
        if (json_object_object_get_ex(part, "title", &text)) {
            host_doc_text(one, "title", host_doc_get(text, language));
        }
        if (json_object_object_get_ex(part, "description", &text)) {
            host_doc_text(one, "description", host_doc_get(text, language));
        }
        copy_member(one, part, "minOccurs");
        copy_member(one, part, "maxOccurs");
        copy_member(one, part, "schema");
    }
}

static struct json_object *
description(const struct host_ask *ask, const struct host_work *work)
{
    struct json_object *doc = summary(ask, work);
    struct json_object *outputs = NULL;
    struct json_object *run = NULL;
    describe_parts(ask, doc, "inputs", work->inputs);
    describe_parts(ask, doc, "outputs", work->outputs);
    if (json_object_object_get_ex(doc, "outputs", &outputs)) {
        run = host_doc_object_in(outputs, HOST_PROCESS_RUN);
        host_doc_text(run, "title", ask->chinese ? "本次运行" : "This run");
        host_doc_text(run, "description",
                      ask->chinese ? "分析、版本、输入与数据位置 pos：据此可得到同样的结果"
                                   : "Process, version, inputs and position of the data: what it "
                                     "takes to get the same result again");
        host_doc_text(host_doc_object_in(run, "schema"), "type", "object");
    }
    return doc;
}

struct listing {
    const struct host_ask *ask;
    struct json_object *list;
};

static cim_status
take_work(void *arg, const struct host_work *work, cim_error *err)
{
    const struct listing *listing = arg;
    const cim_scope *scope = NULL;
    CIM_TRY(may_run(listing->ask->ogc, listing->ask->call, work->kind.id, &scope, err));
    if (scope->n_terms > 0) {
        host_doc_append(listing->list, summary(listing->ask, work));
    }
    return CIM_OK;
}

static cim_status
processes(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, json_mime, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct listing listing = {&ask, host_doc_array_in(doc, "processes")};
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/processes?f=json", ask.base);
    host_doc_link(links, "alternate", "text/html", NULL, "%s/processes?f=html", ask.base);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/job-list", json_mime, NULL,
                  "%s/jobs", ask.base);
    CIM_TRY(host_plugins_each_analysis(ogc->app->plugins, take_work, &listing, err));
    return host_ask_send_doc(&ask, doc, "分析", "Processes", err);
}

static cim_status
process(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    HOST_AUTO_WORK_VISIT struct host_work_visit visit = {.plugins = NULL};
    cim_error why = {0};
    cim_status status = CIM_OK;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    status = host_visit_work(&visit, self, call, host_http_path_param(req, "id"), &why);
    if (status == CIM_E_NOTFOUND) {
        return host_processes_problem(req, call, 404, HOST_NO_SUCH_PROCESS, &why, err);
    }
    if (status != CIM_OK) {
        *err = why;
        return status;
    }
    HOST_AUTO_DOC struct json_object *doc = description(&ask, visit.work);
    return host_ask_send_doc(&ask, doc, visit.work->kind.title_zh, visit.work->kind.title_en, err);
}

/* ---- running ---- */

/* What a client asked for. */
struct execution {
    struct json_object *body;
    struct json_object *inputs; /* checked; owned */
    struct host_process_wish wish;
};

static void
execution_done(struct execution *execution)
{
    json_object_put(execution->inputs);
    json_object_put(execution->body);
}

static struct json_object *
member(const struct execution *execution, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(execution->body, key, &value) ? value : NULL;
}

static cim_status
check_body(struct json_object *body, cim_error *err)
{
    if (!json_object_is_type(body, json_type_object)) {
        return cim_fail(err, CIM_E_INVALID, "body", NULL,
                        "请求体应为 JSON 对象，如 {\"inputs\":{}}",
                        "the body: expected a JSON object such as {\"inputs\":{}}");
    }
    json_object_object_foreach(body, key, unused)
    {
        (void)unused;
        if (strcmp(key, "inputs") != 0 && strcmp(key, "outputs") != 0 &&
            strcmp(key, "response") != 0 && strcmp(key, "subscriber") != 0) {
            return cim_fail(err, CIM_E_INVALID, key, NULL,
                            "没有 %.40s 这一项；可用：inputs、outputs、response、subscriber",
                            "there is no member %.40s; there are inputs, outputs, response, "
                            "subscriber",
                            key);
        }
    }
    return CIM_OK;
}

static cim_status
read_execution(cim_http_req *req, const struct host_work *work, struct execution *execution,
               cim_error *err)
{
    const char *mime = host_http_header(req, "Content-Type");
    const char *text = NULL;
    uint64_t len = 0;
    if (mime != NULL && strncasecmp(mime, json_mime, strlen(json_mime)) != 0) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "Content-Type", mime, "应为 application/json",
                        "expected application/json");
    }
    CIM_TRY(host_http_body_text(req, HOST_JOB_INPUTS_BYTES_MAX, &text, &len, err));
    CIM_TRY(cim_json_parse("body", text, (size_t)len, &execution->body, err));
    CIM_TRY(check_body(execution->body, err));
    CIM_TRY(host_process_wish(work, member(execution, "outputs"), member(execution, "response"),
                              &execution->wish, err));
    return host_process_inputs(work, member(execution, "inputs"), &execution->inputs, err);
}

static cim_status
check_subscriber(const struct host_ogc *ogc, const struct execution *execution, cim_error *err)
{
    struct json_object *subscriber = member(execution, "subscriber");
    return subscriber == NULL ? CIM_OK : host_subscriber_check(ogc->app, subscriber, err);
}

static bool
prefers_async(cim_http_req *req)
{
    const char *prefer = host_http_header(req, "Prefer");
    return prefer != NULL && strcasestr(prefer, "respond-async") != NULL;
}

static const char *
text_of(struct json_object *value)
{
    return json_object_to_json_string_ext(value,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* A run within the request is a job that nobody sees. */
struct sync_job {
    cim_job pub;
    const cim_call *call;
};

static void
no_progress(cim_job *job, double fraction, const char *zh, const char *en)
{
    (void)job;
    (void)fraction;
    (void)zh;
    (void)en;
}

static int32_t
client_gone(cim_job *job)
{
    const struct sync_job *sync = job->impl;
    return sync->call->cancelled != NULL ? sync->call->cancelled(sync->call) : 0;
}

static void
log_sync(cim_job *job, int32_t level, const char *text)
{
    const struct sync_job *sync = job->impl;
    host_log(level, "processes", "%s: %.400s", sync->call->request_id, text);
}

static cim_status
answer_sync(struct host_ogc *ogc, cim_http_req *req, const struct host_work_visit *visit,
            const struct execution *execution, cim_error *err)
{
    const struct host_work *work = visit->work;
    const char *inputs = text_of(execution->inputs);
    const char *mime = NULL;
    cim_blob result = {0};
    CIM_AUTO_BUF struct cim_buf run;
    CIM_AUTO_BUF struct cim_buf body;
    struct sync_job sync = {.call = &visit->call};
    cim_status status = CIM_OK;
    cim_buf_init(&run, HOST_JOB_INPUTS_BYTES_MAX * 2);
    cim_buf_init(&body, HOST_JOB_RESULT_BYTES_MAX);
    sync.pub = (cim_job){.struct_size = sizeof sync.pub,
                         .id = "",
                         .pos = host_store_pos(ogc->app->store),
                         .progress = no_progress,
                         .should_stop = client_gone,
                         .log = log_sync,
                         .impl = &sync};
    CIM_TRY(work->kind.run(work->kind.self, &visit->call, &sync.pub, inputs, &result, err));
    host_process_run_json(work, inputs, sync.pub.pos, &run);
    status = cim_buf_status(&run, err);
    if (status == CIM_OK) {
        status = host_process_check_result(work, result.data, result.len, err);
    }
    if (status == CIM_OK) {
        status = host_process_answer(work, &execution->wish, result.data, result.len, run.data,
                                     &body, &mime, err);
    }
    if (result.release != NULL) {
        result.release(&result);
    }
    CIM_TRY(status);
    return host_processes_send(req, 200, mime, &body, err);
}

static cim_status
answer_async(const struct host_ask *ask, const struct host_work *work,
             const struct execution *execution, cim_error *err)
{
    struct host_jobs *jobs = ask->ogc->app->jobs;
    HOST_AUTO_DOC struct json_object *kept = json_object_new_object();
    char id[CIM_JOB_ID_TEXT];
    char location[512];
    struct host_job_info info;
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    copy_member(kept, execution->body, "outputs");
    copy_member(kept, execution->body, "response");
    copy_member(kept, execution->body, "subscriber");
    host_doc_text(kept, "base", ask->base); /* for the links of what subscribers are told */
    host_doc_text(kept, "lang", ask->chinese ? "zh" : "en");
    const struct host_job_request request = {.kind = work->kind.id,
                                             .owner = host_http_principal(ask->call),
                                             .lang = ask->chinese ? "zh" : "en",
                                             .inputs_json = text_of(execution->inputs),
                                             .request_json = text_of(kept),
                                             .flags = work->kind.flags,
                                             .subscribed = member(execution, "subscriber") != NULL};
    CIM_TRY(host_jobs_submit(jobs, &request, id, err));
    CIM_TRY(host_jobs_get(jobs, request.owner, id, &info, err));
    (void)snprintf(location, sizeof location, "%s/jobs/%s", ask->base, id);
    CIM_TRY(host_http_add_header(ask->req, "Location", location, err));
    if (prefers_async(ask->req)) {
        CIM_TRY(host_http_add_header(ask->req, "Preference-Applied", "respond-async", err));
    }
    HOST_AUTO_DOC struct json_object *doc = host_job_doc(ask->base, ask->chinese, &info);
    host_doc_write(doc, &body);
    return host_processes_send(ask->req, 201, json_mime, &body, err);
}

static cim_status
execute(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    HOST_AUTO_WORK_VISIT struct host_work_visit visit = {.plugins = NULL};
    __attribute__((cleanup(execution_done))) struct execution execution = {.body = NULL};
    cim_error why = {0};
    cim_status status = CIM_OK;
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    status = host_visit_work(&visit, ogc, call, host_http_path_param(req, "id"), &why);
    if (status == CIM_E_NOTFOUND) {
        return host_processes_problem(req, call, 404, HOST_NO_SUCH_PROCESS, &why, err);
    }
    if (status != CIM_OK) {
        *err = why;
        return status;
    }
    CIM_TRY(read_execution(req, visit.work, &execution, err));
    if ((visit.work->kind.flags & CIM_ANALYSIS_SHORT) == 0 || prefers_async(req)) {
        CIM_TRY(check_subscriber(ogc, &execution, err));
        return answer_async(&ask, visit.work, &execution, err);
    }
    return member(&execution, "subscriber") == NULL
               ? answer_sync(ogc, req, &visit, &execution, err)
               : cim_fail(err, CIM_E_INVALID, "subscriber", NULL,
                          "回调只用于作业：请加请求头 Prefer: respond-async",
                          "callbacks are for jobs: expected the header Prefer: respond-async");
}

cim_status
host_ogc_add_process_routes(struct host_app *app, cim_error *err)
{
    struct host_ogc *ogc = app->ogc;
    static const struct host_route_param prefer[] = {
        {"Prefer", "header", "{\"type\":\"string\",\"enum\":[\"respond-async\"]}",
         "respond-async：作为作业运行", "respond-async: run it as a job"},
        {NULL, NULL, NULL, NULL, NULL}};
    const struct host_route execution = {.method = "POST",
                                         .pattern = "/processes/{id}/execution",
                                         .flags = HOST_ROUTE_HEAVY,
                                         .operation_id = "execute",
                                         .summary_zh = "运行一个分析",
                                         .summary_en = "Run a process",
                                         .params = prefer,
                                         .handle = execute,
                                         .self = ogc};
    CIM_TRY(host_ogc_route(ogc, "/processes", 0, "getProcesses", "分析列表", "The processes", NULL,
                           processes, err));
    CIM_TRY(host_ogc_route(ogc, "/processes/{id}", 0, "getProcess", "一个分析的说明",
                           "Description of a process", NULL, process, err));
    CIM_TRY(host_http_add_route(app->http, &execution, err));
    return host_ogc_job_routes(ogc, err);
}

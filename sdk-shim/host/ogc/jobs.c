/* host/ogc/jobs.c -- OGC API Processes: jobs, their state, their results, dismissing them. */
#include "cim/util.h"
#include "host/base/problem.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/jobs/process.h"
#include "host/ogc/processes.h"
#include "kit/cleanup.h"
#include "kit/time.h"

enum { JOBS_LIMIT_DEFAULT = 100, N_STATES = 5 };

static const char json_mime[] = "application/json";

/* CIM_JOB_ACCEPTED … CIM_JOB_DISMISSED */
static const char *const state_names[N_STATES + 1] = {"",           "accepted", "running",
                                                      "successful", "failed",   "dismissed"};

/* ---- the status document ---- */

static void
add_time(struct json_object *doc, const char *key, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    if (ms > 0) {
        cim_time_format(ms, text);
        host_doc_text(doc, key, text);
    }
}

struct json_object *
host_job_doc(const char *base, bool zh, const struct host_job_info *info)
{
    const bool failed = info->error.code != CIM_OK;
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    const char *message = zh ? info->message_zh : info->message_en;
    if (failed) {
        message = host_problem_http_status(&info->error) == 500
                      ? (zh ? "平台内部出错" : "something failed inside the platform")
                      : (zh ? info->error.zh : info->error.en);
    }
    host_doc_text(doc, "jobID", info->id);
    host_doc_text(doc, "processID", info->kind);
    host_doc_text(doc, "type", "process");
    host_doc_text(doc, "status", state_names[info->state]);
    if (message[0] != '\0') {
        host_doc_text(doc, "message", message);
    }
    host_doc_int(doc, "progress", (int64_t)(info->fraction * 100));
    add_time(doc, "created", info->created_ms);
    add_time(doc, "started", info->started_ms);
    add_time(doc, "finished", info->finished_ms);
    add_time(doc, "updated", info->updated_ms);
    add_time(doc, "x-cim-expires", info->expires_ms);
    host_doc_text(doc, "x-cim-owner", info->owner);
    host_doc_int(doc, "x-cim-attempts", info->attempts);
    host_doc_int(doc, "x-cim-pos", info->pos);
    if (failed && info->error.param[0] != '\0') {
        host_doc_text(doc, "x-cim-param", info->error.param);
        host_doc_text(doc, "x-cim-value", info->error.value);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, zh ? "作业" : "This job", "%s/jobs/%s?f=json", base,
                  info->id);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML", "%s/jobs/%s?f=html",
                  base, info->id);
    if (info->state == CIM_JOB_SUCCESSFUL || info->state == CIM_JOB_FAILED) {
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/results", json_mime,
                      zh ? "结果" : "Results", "%s/jobs/%s/results", base, info->id);
    }
    return doc;
}

/* The job of the path, or a problem that was answered already (*ret_there false). */
static cim_status
find(const struct host_ask *ask, struct host_job_info *ret_info, bool *ret_there, cim_error *err)
{
    cim_error why = {0};
    const cim_status status = host_jobs_get(ask->ogc->app->jobs, host_http_principal(ask->call),
                                            host_http_path_param(ask->req, "id"), ret_info, &why);
    *ret_there = status == CIM_OK;
    if (status == CIM_E_NOTFOUND) {
        return host_processes_problem(ask->req, ask->call, 404, HOST_NO_SUCH_JOB, &why, err);
    }
    if (status != CIM_OK && err != NULL) {
        *err = why;
    }
    return status;
}

static cim_status
job(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    struct host_job_info info;
    bool there = false;
    CIM_TRY(host_ask_plain(&ask, self, call, req, json_mime, err));
    CIM_TRY(find(&ask, &info, &there, err));
    if (!there) {
        return CIM_OK;
    }
    HOST_AUTO_DOC struct json_object *doc = host_job_doc(ask.base, ask.chinese, &info);
    return host_ask_send_doc(&ask, doc, "作业", "Job", err);
}

/* Cancels what is not over, forgets what is. */
static cim_status
dismiss(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    struct host_job_info info;
    CIM_AUTO_BUF struct cim_buf body;
    bool there = false;
    cim_status status = CIM_OK;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(find(&ask, &info, &there, err));
    if (!there) {
        return CIM_OK;
    }
    status = host_jobs_cancel(ogc->app->jobs, host_http_principal(call), info.id, err);
    if (status == CIM_E_STATE) {
        status = host_jobs_remove(ogc->app->jobs, host_http_principal(call), info.id, err);
    }
    CIM_TRY(status);
    info.state = CIM_JOB_DISMISSED;
    info.message_zh[0] = '\0';
    info.message_en[0] = '\0';
    HOST_AUTO_DOC struct json_object *doc = host_job_doc(ask.base, ask.chinese, &info);
    host_doc_write(doc, &body);
    return host_processes_send(req, 200, json_mime, &body, err);
}

/* ---- results ---- */

/* A result holds what its owner might see when it was made. */
static cim_status
check_grants(const cim_call *call, const struct host_job_info *info, cim_error *err)
{
    const struct host_principal *owner = host_http_principal(call);
    if (owner == NULL ||
        (uint64_t)info->grants != host_principal_fingerprint(owner, call->now_ms)) {
        return cim_fail(err, CIM_E_DENIED, "jobID", info->id,
                        "作业完成后您的权限已变更，其结果不再提供；请重新运行",
                        "your grants have changed since the job ran, so its result is not given "
                        "out; run it again");
    }
    return CIM_OK;
}

cim_status
host_job_results(struct host_ogc *ogc, const cim_call *call, const struct host_job_info *info,
                 struct cim_buf *body, const char **ret_mime, cim_error *err)
{
    struct host_jobs *jobs = ogc->app->jobs;
    HOST_AUTO_WORK_VISIT struct host_work_visit visit = {.plugins = NULL};
    CIM_AUTO_FREE char *result = NULL;
    CIM_AUTO_FREE char *run = NULL;
    CIM_AUTO_FREE char *request = NULL;
    HOST_AUTO_DOC struct json_object *wanted = NULL;
    struct json_object *outputs = NULL;
    struct json_object *response = NULL;
    struct host_process_wish wish;
    size_t len = 0;
    *ret_mime = json_mime;
    CIM_TRY(check_grants(call, info, err));
    CIM_TRY(host_jobs_result(jobs, info->id, &result, &len, &run, err));
    if (run[0] == '\0') { /* no analysis: what it answered is the answer */
        cim_buf_add(body, result, len);
        return cim_buf_status(body, err);
    }
    CIM_TRY(host_visit_work(&visit, ogc, call, info->kind, err));
    CIM_TRY(host_jobs_inputs(jobs, info->id, NULL, &request, err));
    wanted = json_tokener_parse(request);
    (void)json_object_object_get_ex(wanted, "outputs", &outputs);
    (void)json_object_object_get_ex(wanted, "response", &response);
    CIM_TRY(host_process_wish(visit.work, outputs, response, &wish, err));
    return host_process_answer(visit.work, &wish, result, len, run, body, ret_mime, err);
}

static cim_status
send_result(const struct host_ask *ask, const struct host_job_info *info, cim_error *err)
{
    const char *mime = json_mime;
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_JOB_RESULT_BYTES_MAX * 2UL);
    CIM_TRY(host_job_results(ask->ogc, ask->call, info, &body, &mime, err));
    return host_processes_send(ask->req, 200, mime, &body, err);
}

/* NULL: as the request that made the job asked for it. */
static cim_status
read_format(const struct host_ask *ask, const char **ret_format, cim_error *err)
{
    const char *f = host_ask_param(ask, "f");
    *ret_format = host_job_file_format(f) ? f : NULL;
    return f == NULL || *ret_format != NULL || strcmp(f, "json") == 0
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_INVALID, "f", f,
                     "不提供此格式；可用：json、pdf、docx、geojson、shp、dxf",
                     "this format is not offered; there are: json, pdf, docx, geojson, shp, dxf");
}

static cim_status
results(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ask ask;
    struct host_job_info info;
    cim_error why = {.code = CIM_E_NOTFOUND};
    static const char *const names[] = {"output", NULL};
    const char *format = NULL;
    bool there = false;
    CIM_TRY(host_ask_begin(&ask, self, call, req, err));
    CIM_TRY(host_ask_allow(&ask, names, err));
    CIM_TRY(read_format(&ask, &format, err));
    CIM_TRY(find(&ask, &info, &there, err));
    if (!there) {
        return CIM_OK;
    }
    if (strcmp(info.owner, call->principal) != 0) { /* it holds what the owner may see */
        return cim_fail(err, CIM_E_DENIED, "jobID", info.id, "作业的结果只给提交人",
                        "the results of a job are for who submitted it");
    }
    if (info.state == CIM_JOB_SUCCESSFUL && format != NULL) {
        CIM_TRY(check_grants(call, &info, err));
        return host_job_send_file(&ask, &info, format, err);
    }
    if (info.state == CIM_JOB_SUCCESSFUL) {
        return send_result(&ask, &info, err);
    }
    if (info.state == CIM_JOB_FAILED) {
        *err = info.error;
        return info.error.code;
    }
    (void)cim_fail(&why, CIM_E_NOTFOUND, NULL, NULL, "作业 %.40s 没有结果，状态为 %s",
                   "job %.40s has no result: it is %s", info.id, state_names[info.state]);
    return host_processes_problem(req, call, 404, HOST_NOT_READY, &why, err);
}

/* ---- the list ---- */

static cim_status
parse_states(const char *text, uint32_t *ret_states, cim_error *err)
{
    CIM_AUTO_FREE char *list = strdup(text);
    char *rest = list;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        const char *name = strsep(&rest, ",");
        uint32_t state = 1;
        while (state <= N_STATES && strcmp(state_names[state], name) != 0) {
            state++;
        }
        if (state > N_STATES) {
            return cim_fail(err, CIM_E_INVALID, "status", name,
                            "应为 accepted、running、successful、failed、dismissed，可用逗号并列",
                            "expected accepted, running, successful, failed, dismissed, with "
                            "commas between several");
        }
        *ret_states |= 1U << state;
    }
    return CIM_OK;
}

/* Seconds, as the standard has durations. */
static cim_status
parse_seconds(const struct host_ask *ask, const char *name, int64_t *ret_ms, cim_error *err)
{
    const char *text = host_ask_param(ask, name);
    int64_t seconds = 0;
    if (text == NULL) {
        return CIM_OK;
    }
    if (!host_parse_integer(text, strlen(text), &seconds) || seconds < 0 ||
        seconds > INT64_C(1000000000)) {
        return cim_fail(err, CIM_E_INVALID, name, text, "应为秒数", "expected a number of seconds");
    }
    *ret_ms = seconds * 1000;
    return CIM_OK;
}

static cim_status
parse_filter(const struct host_ask *ask, struct host_job_filter *filter, cim_error *err)
{
    const char *type = host_ask_param(ask, "type");
    const char *states = host_ask_param(ask, "status");
    const char *datetime = host_ask_param(ask, "datetime");
    const char *limit = host_ask_param(ask, "limit");
    *filter = (struct host_job_filter){.kind = host_ask_param(ask, "processID"),
                                       .after = host_ask_param(ask, "after"),
                                       .limit = JOBS_LIMIT_DEFAULT};
    if (type != NULL && strcmp(type, "process") != 0) {
        return cim_fail(err, CIM_E_INVALID, "type", type, "应为 process", "expected process");
    }
    if (states != NULL) {
        CIM_TRY(parse_states(states, &filter->states, err));
    }
    if (datetime != NULL) {
        CIM_TRY(host_parse_datetime(datetime, &filter->from_ms, &filter->to_ms, err));
    }
    CIM_TRY(parse_seconds(ask, "minDuration", &filter->least_ms, err));
    CIM_TRY(parse_seconds(ask, "maxDuration", &filter->most_ms, err));
    return limit != NULL ? host_parse_limit(limit, HOST_JOB_LIST_MAX, &filter->limit, err) : CIM_OK;
}

struct listing {
    const struct host_ask *ask;
    struct json_object *list;
    int64_t left;
    char last[CIM_JOB_ID_TEXT];
    bool more;
};

static void
take(void *arg, const struct host_job_info *info)
{
    struct listing *listing = arg;
    if (listing->left-- > 0) {
        host_doc_append(listing->list,
                        host_job_doc(listing->ask->base, listing->ask->chinese, info));
        memcpy(listing->last, info->id, sizeof listing->last);
    } else {
        listing->more = true;
    }
}

/* The same question, after the last job of this page. */
static void
add_next(const struct host_ask *ask, struct json_object *links, const char *last)
{
    CIM_AUTO_BUF struct cim_buf query;
    cim_buf_init(&query, HOST_DOC_BYTES_MAX);
    for (size_t i = 0; i < ask->n_pairs; i++) {
        if (strcmp(ask->pairs[i].name, "after") != 0) {
            cim_buf_addf(&query, "%s=", ask->pairs[i].name);
            host_url_encode(&query, ask->pairs[i].value);
            cim_buf_add_char(&query, '&');
        }
    }
    if (query.failed == CIM_OK) {
        host_doc_link(links, "next", json_mime, ask->chinese ? "下一页" : "Next page",
                      "%s/jobs?%safter=%s", ask->base, query.data != NULL ? query.data : "", last);
    }
}

static cim_status
jobs(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const names[] = {"type",     "processID",   "status",
                                        "datetime", "minDuration", "maxDuration",
                                        "limit",    "after",       NULL};
    struct host_ogc *ogc = self;
    struct host_ask ask;
    struct host_job_filter filter;
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, names, err));
    CIM_TRY(host_ask_choose_doc(&ask, json_mime, err));
    CIM_TRY(parse_filter(&ask, &filter, err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    struct listing listing = {
        .ask = &ask, .list = host_doc_array_in(doc, "jobs"), .left = filter.limit};
    struct json_object *links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", json_mime, NULL, "%s/jobs?f=json", ask.base);
    host_doc_link(links, "alternate", "text/html", NULL, "%s/jobs?f=html", ask.base);
    filter.limit++; /* one more tells whether there is another page */
    CIM_TRY(
        host_jobs_list(ogc->app->jobs, host_http_principal(call), &filter, take, &listing, err));
    if (listing.more) {
        add_next(&ask, links, listing.last);
    }
    return host_ask_send_doc(&ask, doc, "作业", "Jobs", err);
}

cim_status
host_ogc_job_routes(struct host_ogc *ogc, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const char seconds[] = "{\"type\":\"integer\",\"minimum\":0}";
    static const struct host_route_param params[] = {
        {"type", "query", "{\"type\":\"string\",\"enum\":[\"process\"]}", "作业种类",
         "kind of job"},
        {"processID", "query", text, "分析标识", "id of the process"},
        {"status", "query", text, "状态，逗号并列", "states, with commas between"},
        {"datetime", "query", text, "提交时间", "when it was submitted"},
        {"minDuration", "query", seconds, "至少运行的秒数", "seconds it ran at least"},
        {"maxDuration", "query", seconds, "至多运行的秒数", "seconds it ran at most"},
        {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}",
         "每页个数", "jobs on a page"},
        {"after", "query", text, "上一页最后一个作业", "last job of the page before"},
        {NULL, NULL, NULL, NULL, NULL}};
    const struct host_route dismissal = {.method = "DELETE",
                                         .pattern = "/jobs/{id}",
                                         .operation_id = "dismiss",
                                         .summary_zh = "取消作业；已结束的则删除",
                                         .summary_en = "Cancel a job; forget one that is over",
                                         .handle = dismiss,
                                         .self = ogc};
    CIM_TRY(host_ogc_route(ogc, "/jobs", 0, "getJobs", "作业列表", "The jobs", params, jobs, err));
    CIM_TRY(
        host_ogc_route(ogc, "/jobs/{id}", 0, "getStatus", "一个作业", "One job", NULL, job, err));
    static const struct host_route_param result_params[] = {
        {"f", "query",
         "{\"type\":\"string\",\"enum\":[\"json\",\"pdf\",\"docx\",\"geojson\",\"shp\","
         "\"dxf\"]}",
         "格式：报告 pdf、docx，图层 geojson、shp、dxf",
         "form: a report as pdf or docx, layers as geojson, shp or dxf"},
        {"output", "query", text, "只取这一项结果的图层", "layers of this output alone"},
        {NULL, NULL, NULL, NULL, NULL}};
    CIM_TRY(host_ogc_route(ogc, "/jobs/{id}/results", HOST_ROUTE_HEAVY, "getResult", "作业的结果",
                           "Results of a job", result_params, results, err));
    return host_http_add_route(ogc->app->http, &dismissal, err);
}

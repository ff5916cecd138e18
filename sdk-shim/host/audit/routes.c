/* host/audit/routes.c -- GET /admin/api/audit. */
#include "host/audit/audit.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/http/http.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 32 << 20, LIMIT_DEFAULT = 100 };

static cim_status
read_number(const char *name, const char *value, int64_t most, int64_t *ret_number, cim_error *err)
{
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < 1 || number > most) {
        return cim_fail(err, CIM_E_INVALID, name, value, "应为 1 到 %lld 的整数",
                        "expected an integer from 1 to %lld", (long long)most);
    }
    *ret_number = number;
    return CIM_OK;
}

static cim_status
read_time(const char *name, const char *value, int64_t *ret_ms, cim_error *err)
{
    return cim_time_parse(value, SIZE_MAX, ret_ms) == CIM_OK
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, name, value,
                          "应为 RFC 3339 时间，例如 2026-11-22T08:00:00Z",
                          "expected an RFC 3339 time such as 2026-11-22T08:00:00Z");
}

static cim_status
read_param(void *arg, const char *name, const char *value, cim_error *err)
{
    struct host_audit_filter *filter = arg;
    int64_t limit = 0;
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"principal", &filter->principal},
                 {"action", &filter->action},
                 {"layer", &filter->layer},
                 {"uid", &filter->uid}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return CIM_OK;
        }
    }
    if (strcmp(name, "fid") == 0) {
        return read_number(name, value, INT64_MAX, &filter->fid, err);
    }
    if (strcmp(name, "before") == 0) {
        return read_number(name, value, INT64_MAX, &filter->after, err);
    }
    if (strcmp(name, "from") == 0) {
        return read_time(name, value, &filter->from_ms, err);
    }
    if (strcmp(name, "to") == 0) {
        return read_time(name, value, &filter->to_ms, err);
    }
    if (strcmp(name, "limit") == 0) {
        CIM_TRY(read_number(name, value, HOST_AUDIT_PAGE_MAX, &limit, err));
        filter->limit = (int32_t)limit;
        return CIM_OK;
    }
    return host_http_no_such_param(name, value, err);
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = self;
    struct host_audit_filter filter = {
        .from_ms = INT64_MIN, .to_ms = INT64_MAX, .limit = LIMIT_DEFAULT};
    struct host_audit_page page = {.n = 0};
    CIM_AUTO_BUF struct cim_buf body;
    (void)call;
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    CIM_TRY(host_http_each_query(req, read_param, &filter, err));
    cim_buf_add_text(&body, "{\"entries\":[");
    CIM_TRY(host_audit_list(app->store, &filter, ",", &body, &page, err));
    cim_buf_addf(&body, "],\"numberReturned\":%d,\"next\":", (int)page.n);
    if (page.more) {
        cim_buf_add_int(&body, page.last);
    } else {
        cim_buf_add_text(&body, "null");
    }
    cim_buf_addf(&body, ",\"retention_days\":%lld}",
                 (long long)host_config_int(app->config, "retention.audit_days"));
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_audit_add_routes(struct host_app *app, cim_error *err)
{
    static const char text[] = "{\"type\":\"string\"}";
    static const char number[] = "{\"type\":\"integer\",\"minimum\":1}";
    static const char time[] = "{\"type\":\"string\",\"format\":\"date-time\"}";
    static const struct host_route_param params[] = {
        {"principal", "query", text, "谁", "Who"},
        {"action", "query", text, "操作，如 update、sign-in",
         "What was done, such as update or sign-in"},
        {"layer", "query", text, "图层", "Layer"},
        {"fid", "query", number, "记录编号", "Record"},
        {"uid", "query", text, "记录的 uid", "Record by its uid"},
        {"from", "query", time, "起始时间", "From this time on"},
        {"to", "query", time, "截止时间（不含）", "Before this time"},
        {"before", "query", number, "上一页的 next", "The next of the page before"},
        {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}",
         "条数", "Entries at most"},
        {NULL, NULL, NULL, NULL, NULL}};
    const struct host_route route = {
        .method = "GET",
        .pattern = "/admin/api/audit",
        .permission = "cim.audit.read",
        .operation_id = "listAudit",
        .summary_zh = "审计记录，新的在前",
        .summary_en = "Audit entries, newest first",
        .params = params,
        .handle = handle,
        .self = app,
    };
    return host_http_add_route(app->http, &route, err);
}

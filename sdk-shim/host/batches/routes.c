/* host/batches/routes.c -- /admin/api/batches. */
#include "host/batches/batches.h"

#include "cim/util.h"
#include "host/base/problem.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <stdlib.h>

enum { ANSWER_BYTES_MAX = 4 << 20, LIMIT_DEFAULT = 100 };

static bool
sees_all(const cim_call *call)
{
    return host_principal_has_function(host_http_principal(call), "cim.admin.batches") != 0;
}

/* ---- the list ---- */

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
read_param(void *arg, const char *name, const char *value, cim_error *err)
{
    struct host_batch_filter *filter = arg;
    int64_t limit = 0;
    if (strcmp(name, "layer") == 0) {
        filter->layer = value;
        return CIM_OK;
    }
    if (strcmp(name, "before") == 0) {
        return read_number(name, value, INT64_MAX, &filter->before, err);
    }
    if (strcmp(name, "limit") == 0) {
        CIM_TRY(read_number(name, value, HOST_BATCH_PAGE_MAX, &limit, err));
        filter->limit = (int32_t)limit;
        return CIM_OK;
    }
    return host_http_no_such_param(name, value, err);
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_batch_filter filter = {.principal = sees_all(call) ? NULL : call->principal,
                                       .limit = LIMIT_DEFAULT};
    CIM_AUTO_BUF struct cim_buf body;
    int64_t next = 0;
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    CIM_TRY(host_http_each_query(req, read_param, &filter, err));
    cim_buf_add_text(&body, "{\"batches\":[");
    CIM_TRY(host_batches_list(self, &filter, ",", &body, &next, err));
    cim_buf_add_text(&body, "],\"next\":");
    if (next > 0) {
        cim_buf_add_int(&body, next);
    } else {
        cim_buf_add_text(&body, "null");
    }
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

/* ---- the undo ---- */

static cim_status
read_row_wise(void *arg, const char *name, const char *value, cim_error *err)
{
    bool *row_wise = arg;
    if (strcmp(name, "row_wise") != 0) {
        return host_http_no_such_param(name, value, err);
    }
    *row_wise = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
    return *row_wise || strcmp(value, "0") == 0 || strcmp(value, "false") == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, name, value, "应为 1 或 0", "expected 1 or 0");
}

/* A refused undo is a conflict, and says which records are in the way. */
static cim_status
respond_refused(cim_http_req *req, const cim_call *call, const struct host_undo_report *report,
                const struct host_batch *batch, const cim_error *why, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    host_problem_write(&body, 409, why, call->request_id);
    CIM_TRY(cim_buf_status(&body, err));
    body.len--; /* its closing brace: the report's members follow */
    cim_buf_add_char(&body, ',');
    host_undo_report_write(report, batch, &body);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 409, "application/problem+json", &body, err);
}

static cim_status
handle_undo(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_app *app = self;
    const char *id = host_http_path_param(req, "id");
    struct host_batch batch;
    struct host_undo_report report = {.n_written = 0};
    CIM_AUTO_BUF struct cim_buf body;
    cim_error why = {0};
    bool row_wise = false;
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    CIM_TRY(host_http_each_query(req, read_row_wise, &row_wise, err));
    CIM_TRY(host_batch_load(app, id, &batch, err));
    if (!sees_all(call) && strcmp(batch.principal, call->principal) != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有这个批次，或已过保留期",
                        "there is no such batch, or its time is over");
    }
    cim_status status = host_batch_undo(app, call, &batch, row_wise, &report, &why);
    if (status == CIM_OK) {
        cim_buf_add_char(&body, '{');
        host_undo_report_write(&report, &batch, &body);
        cim_buf_add_char(&body, '}');
        status = host_http_respond_no_store(req, 200, "application/json", &body, err);
    } else if (report.n_refused > 0) {
        status = respond_refused(req, call, &report, &batch, &why, err);
    } else if (err != NULL) {
        *err = why;
    }
    host_undo_report_done(&report);
    return status;
}

cim_status
host_batches_add_routes(struct host_app *app, cim_error *err)
{
    static const char number[] = "{\"type\":\"integer\",\"minimum\":1}";
    static const struct host_route_param list_params[] = {
        {"layer", "query", "{\"type\":\"string\"}", "图层", "Layer"},
        {"before", "query", number, "上一页的 next", "The next of the page before"},
        {"limit", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}",
         "条数", "Batches at most"},
        {NULL, NULL, NULL, NULL, NULL}};
    static const struct host_route_param undo_params[] = {
        {"id", "path", "{\"type\":\"string\"}", "批次编号", "Id of the batch"},
        {"row_wise", "query", "{\"type\":\"boolean\"}", "跳过之后又被修改的记录",
         "Leave records out that were changed since"},
        {NULL, NULL, NULL, NULL, NULL}};
    const struct host_route routes[] = {{.method = "GET",
                                         .pattern = "/admin/api/batches",
                                         .operation_id = "listBatches",
                                         .summary_zh = "批量写入，新的在前",
                                         .summary_en = "Edits of many records, newest first",
                                         .params = list_params,
                                         .handle = handle_list},
                                        {.method = "POST",
                                         .pattern = "/admin/api/batches/{id}/undo",
                                         .operation_id = "undoBatch",
                                         .summary_zh = "撤销一次批量写入",
                                         .summary_en = "Undo an edit of many records",
                                         .params = undo_params,
                                         .handle = handle_undo}};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.self = app;
        CIM_TRY(host_http_add_route(app->http, &route, err));
    }
    return CIM_OK;
}

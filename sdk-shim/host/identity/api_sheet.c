/* host/identity/api_sheet.c -- POST /admin/api/users/sheet and /admin/api/orgs/sheet: people and
 * organisations out of a sheet (CSV, XLSX), with a report of what is different before anything is
 * done. The sheet is read by who reads sheets for imports (host_identity_read_tables). */
#include "host/identity/compare.h"

#include "cim/util.h"

#include <sys/stat.h>

enum { SHEET_BYTES_MAX = 4 << 20, ROWS_MAX = 2000 };

cim_status
host_api_read_apply(cim_http_req *req, bool *ret_applies, cim_error *err)
{
    const char *apply = host_http_query_param(req, "apply");
    if (apply != NULL && strcmp(apply, "1") != 0) {
        return cim_fail(err, CIM_E_INVALID, "apply", apply, "应为 1（执行）或省略（只比较）",
                        "expected 1, or nothing: only a comparison");
    }
    *ret_applies = apply != NULL;
    return CIM_OK;
}

static cim_status
read_sheet(struct host_compare *compare, cim_error *err)
{
    const host_table_read_fn read = compare->api->identity->read_table;
    const char *path = NULL;
    struct stat info;
    CIM_TRY(host_http_body_file(compare->api->req, &path, err));
    if (stat(path, &info) == 0 && info.st_size > SHEET_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "表格至多 %d MiB",
                        "a sheet of at most %d MiB", SHEET_BYTES_MAX >> 20);
    }
    return read(path, host_http_query_param(compare->api->req, "source_layer"), host_compare_take,
                compare, err);
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, const struct host_compare_kind *kind,
       cim_error *err)
{
    struct host_api api = host_api_begin(self, call, req);
    struct host_compare compare = {.api = &api, .kind = kind, .rows_max = ROWS_MAX};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_api_read_apply(req, &compare.applies, err));
    cim_status status = read_sheet(&compare, err);
    if (status == CIM_OK) {
        status = host_compare_report(&compare, &body, err);
    }
    host_compare_end(&compare);
    return status == CIM_OK ? host_api_answer(&api, 200, &body, err) : status;
}

static cim_status
handle_users(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, &host_compare_people, err);
}

static cim_status
handle_orgs(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return handle(self, call, req, &host_compare_orgs, err);
}

cim_status
host_api_sheet_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"apply", "query", "{\"type\":\"string\",\"enum\":[\"1\"]}", "1：执行；省略：只比较",
         "1: do it; without it: compare alone"},
        {"source_layer", "query", "{\"type\":\"string\"}", "XLSX 中的工作表；省略：第一张",
         "sheet of an XLSX; without it: the first"},
        {.name = NULL}};
    const struct host_route users = {.method = "POST",
                                     .pattern = "/admin/api/users/sheet",
                                     .flags = HOST_ROUTE_HEAVY,
                                     .operation_id = "importUsers",
                                     .summary_zh = "按表格（CSV、XLSX）比较、导入人员",
                                     .summary_en =
                                         "People out of a sheet (CSV, XLSX): compare, import",
                                     .params = params,
                                     .handle = handle_users};
    const struct host_route orgs = {.method = "POST",
                                    .pattern = "/admin/api/orgs/sheet",
                                    .flags = HOST_ROUTE_HEAVY,
                                    .operation_id = "importOrgs",
                                    .summary_zh = "按表格（CSV、XLSX）比较、导入组织",
                                    .summary_en =
                                        "Organisations out of a sheet (CSV, XLSX): compare, import",
                                    .params = params,
                                    .handle = handle_orgs};
    CIM_TRY(host_api_add_routes(identity, http, HOST_ADMIN_USERS, &users, 1, err));
    return host_api_add_routes(identity, http, HOST_ADMIN_ORGS, &orgs, 1, err);
}

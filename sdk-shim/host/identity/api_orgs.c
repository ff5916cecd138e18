/* host/identity/api_orgs.c -- /admin/api/orgs. */
#include "host/identity/api.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

static const char *const kinds[][2] = {
    {"gas", "燃气主管部门"},    {"market", "市场监管"}, {"transport", "交通运输"},
    {"emergency", "应急管理"},  {"police", "公安"},     {"community", "街道社区"},
    {"enterprise", "燃气企业"}, {"station", "站点"},    {"other", "其他"}};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

const char *
host_org_kind(const char *word)
{
    for (size_t i = 0; word != NULL && i < N_KINDS; i++) {
        if (strcmp(word, kinds[i][1]) == 0) {
            return kinds[i][0];
        }
    }
    return word;
}

void
host_org_done(struct host_org *org)
{
    free(org->code);
    free(org->name);
    free(org->kind);
    free(org->parent);
    free(org->area);
    free(org->source);
}

#define ORG_COLUMNS                                                                                \
    "select o.code, o.name, o.kind, o.parent, o.area, o.ended_ms, (select count(*) from "          \
    "cim_account a where a.org = o.code and a.ended_ms is null), o.source from cim_org o "

static cim_status
read_org(const struct host_row *row, struct host_org *org, cim_error *err)
{
    org->code = host_row_text(row, 0);
    org->name = host_row_text(row, 1);
    org->kind = host_row_text(row, 2);
    org->area = host_row_text(row, 4);
    org->ended = host_row_has(row, 5);
    org->n_users = host_row_i64(row, 6);
    return org->code != NULL && org->name != NULL && org->kind != NULL && org->area != NULL &&
                   host_row_text_or_null(row, 3, &org->parent) &&
                   host_row_text_or_null(row, 7, &org->source)
               ? CIM_OK
               : cim_fail_nomem(err);
}

static void
add_org(struct cim_buf *out, const struct host_org *org)
{
    cim_buf_add_text(out, "{\"code\":");
    cim_buf_add_json_text(out, org->code, SIZE_MAX);
    host_api_add(out, "name", org->name);
    host_api_add(out, "kind", org->kind);
    host_api_add(out, "parent", org->parent);
    host_api_add(out, "area", org->area);
    host_api_add(out, "source", org->source);
    cim_buf_addf(out, ",\"ended\":%s,\"users\":%lld}", org->ended ? "true" : "false",
                 (long long)org->n_users);
}

static cim_status
list(const struct host_api *api, struct host_listing *listing, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(api->identity->options.platform, ORG_COLUMNS "order by o.code", NULL, 0,
                            &rows, err));
    row.rows = rows;
    for (;;) {
        HOST_AUTO_ORG struct host_org org = {0};
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(read_org(&row, &org, err));
        const char *const texts[] = {org.code, org.name};
        if (host_delegate_inside(api->giver, &listing->areas, org.area) &&
            host_listing_matches(listing, texts, 2) && host_listing_take(listing)) {
            cim_buf_add_text(out, listing->written > 1 ? "," : "");
            add_org(out, &org);
        }
    }
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return host_api_answer_list(self, call, req, HOST_ADMIN_ORGS, "orgs", list, err);
}

/* ---- changes ---- */

cim_status
host_api_load_org(const struct host_api *api, const char *code, struct host_org *org,
                  cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("code", code)};
    CIM_TRY(host_store_read(api->identity->options.platform, ORG_COLUMNS "where o.code = :code",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "org", code, "没有组织“%s”",
                        "there is no organisation '%s'", code);
    }
    return read_org(&row, org, err);
}

static bool
code_ok(const char *code)
{
    const size_t len = strlen(code);
    return len > 0 && len <= 64 &&
           code[strspn(
               code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* In the store, or among those that a comparison would make. */
static cim_status
find_parent_of(const struct host_api *api, const char *code, char **ret_parent, cim_error *err)
{
    HOST_AUTO_ORG struct host_org org = {0};
    for (const struct host_planned_org *planned = api->planned; planned != NULL;
         planned = planned->next) {
        if (strcmp(planned->code, code) == 0) {
            *ret_parent = planned->parent != NULL ? strdup(planned->parent) : NULL;
            return planned->parent == NULL || *ret_parent != NULL ? CIM_OK : cim_fail_nomem(err);
        }
    }
    if (host_api_load_org(api, code, &org, NULL) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "parent", code, "没有组织“%s”",
                        "there is no organisation '%s'", code);
    }
    *ret_parent = CIM_TAKE(org.parent);
    return CIM_OK;
}

static cim_status
check_parent(const struct host_api *api, const struct host_org_input *input, cim_error *err)
{
    /* Up the tree: it must not come back to where it began. */
    CIM_AUTO_FREE char *at = input->parent != NULL ? strdup(input->parent) : NULL;
    for (int depth = 0; at != NULL; depth++) {
        char *above = NULL;
        if (strcmp(at, input->code) == 0 || depth > 32) {
            return cim_fail(err, CIM_E_INVALID, "parent", input->parent,
                            "上级不能是自己或自己的下级",
                            "the parent is the organisation itself or below it");
        }
        CIM_TRY(find_parent_of(api, at, &above, err));
        free(at);
        at = above;
    }
    return CIM_OK;
}

static cim_status
check(const struct host_api *api, const struct host_org_input *input, cim_error *err)
{
    bool known = false;
    if (!code_ok(input->code)) {
        return cim_fail(err, CIM_E_INVALID, "code", input->code,
                        "组织代码应为 1 到 64 个字母、数字或 . _ -",
                        "a code has 1 to 64 letters, digits or . _ -");
    }
    if (input->name == NULL || input->name[0] == '\0' || strlen(input->name) > HOST_API_TEXT_MAX) {
        return cim_fail(err, CIM_E_INVALID, "name", input->name, "应为 1 到 %d 字节的文字",
                        "expected 1 to %d bytes", (int)HOST_API_TEXT_MAX);
    }
    for (size_t i = 0; input->kind != NULL && i < N_KINDS; i++) {
        known = known || strcmp(kinds[i][0], input->kind) == 0;
    }
    if (!known) {
        return cim_fail(err, CIM_E_INVALID, "kind", input->kind,
                        "类别应为 gas、market、transport、emergency、police、community、"
                        "enterprise、station 或 other",
                        "kind is gas, market, transport, emergency, police, community, "
                        "enterprise, station or other");
    }
    if (input->area == NULL) {
        return cim_fail(err, CIM_E_INVALID, "area", NULL, "缺少区划", "the area is missing");
    }
    CIM_TRY(check_parent(api, input, err));
    return host_delegate_areas(api->giver, HOST_ADMIN_ORGS, input->area, "area", err);
}

static cim_status
read_input(const struct host_api *api, struct host_org_input *input, cim_error *err)
{
    const enum host_json_need need = input->name == NULL ? HOST_JSON_REQUIRED : HOST_JSON_OPTIONAL;
    CIM_TRY(host_api_text(api, "name", need, &input->name, err));
    CIM_TRY(host_api_text(api, "kind", need, &input->kind, err));
    CIM_TRY(host_api_text(api, "area", need, &input->area, err));
    return host_api_text_or_none(api, "parent", &input->parent, err);
}

static cim_status
answer_org(const struct host_api *api, int32_t http_status, const char *code, cim_error *err)
{
    HOST_AUTO_ORG struct host_org org = {0};
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_api_load_org(api, code, &org, err));
    add_org(&body, &org);
    return host_api_answer(api, http_status, &body, err);
}

struct saving {
    const char *sql;
    const struct host_org_input *input;
    struct host_trail *trail;
};

static cim_status
save_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct saving *saving = arg;
    const struct host_org_input *input = saving->input;
    HOST_AUTO_STEP struct host_step step = {
        .trail = saving->trail, .kind = HOST_TRAIL_ORG, .name = input->code};
    const cim_value values[] = {
        host_value_text("code", input->code), host_value_text("name", input->name),
        host_value_text("kind", input->kind), host_value_text("parent", input->parent),
        host_value_text("area", input->area), host_value_text("source", input->source),
    };
    CIM_TRY(host_step_begin(&step, tx, err));
    CIM_TRY(host_store_exec(tx, saving->sql, values, 6, NULL, err));
    return host_step_end(&step, tx, "", err);
}

static cim_status
save(const struct host_api *api, const char *sql, const struct host_org_input *input,
     cim_error *err)
{
    struct saving saving = {.sql = sql, .input = input, .trail = api->trail};
    const cim_status status =
        host_store_write(api->identity->options.platform, save_in_tx, &saving, NULL, err);
    if (status == CIM_E_EXISTS) {
        return cim_fail(err, CIM_E_EXISTS, "code", input->code, "组织代码“%s”已存在",
                        "the organisation '%s' is there already", input->code);
    }
    (void)atomic_fetch_add(&api->identity->generation, 1);
    return status;
}

static cim_status
plan(struct host_api *api, const struct host_org_input *input, cim_error *err)
{
    struct host_planned_org *planned = host_http_alloc(api->req, sizeof *planned);
    if (planned == NULL) {
        return cim_fail_nomem(err);
    }
    *planned = (struct host_planned_org){.next = api->planned};
    CIM_TRY(host_api_keep(api, input->code, &planned->code, err));
    CIM_TRY(host_api_keep(api, input->area, &planned->area, err));
    if (input->parent != NULL) {
        CIM_TRY(host_api_keep(api, input->parent, &planned->parent, err));
    }
    api->planned = planned;
    return CIM_OK;
}

cim_status
host_api_add_org(struct host_api *api, const struct host_org_input *input, bool dry_run,
                 cim_error *err)
{
    CIM_TRY(check(api, input, err));
    if (dry_run) {
        return plan(api, input, err);
    }
    CIM_TRY(
        save(api,
             "insert into cim_org (code, name, kind, parent, area, source) values (:code, :name, "
             ":kind, :parent, :area, :source)",
             input, err));
    host_api_note(api, "org.create", input->code, input->name);
    return CIM_OK;
}

static cim_status
handle_create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"code", "name", "kind", "parent", "area", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_org_input input = {0};
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "code", HOST_JSON_REQUIRED, &input.code, err));
    CIM_TRY(read_input(&api, &input, err));
    CIM_TRY(host_api_add_org(&api, &input, false, err));
    return answer_org(&api, 201, input.code, err);
}

/* Grants without areas of their own hold where the organisation is: they must not move with it. */
static cim_status
check_move(const struct host_api *api, const char *code, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("code", code)};
    CIM_TRY(host_store_read(api->identity->options.platform,
                            "select uid from cim_grant where holder_kind = 'org' and holder = "
                            ":code and areas is null and ended_ms is null limit 1",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return there ? cim_fail(err, CIM_E_STATE, "area", code,
                            "该组织有随其区划的授权，请先结束这些授权再改区划",
                            "grants hold in the organisation's area: end them before it moves")
                 : CIM_OK;
}

cim_status
host_api_change_org(const struct host_api *api, const struct host_org *org,
                    const struct host_org_input *input, bool dry_run, cim_error *err)
{
    CIM_TRY(host_delegate_areas(api->giver, HOST_ADMIN_ORGS, org->area, "area", err));
    CIM_TRY(check(api, input, err));
    if (strcmp(input->area, org->area) != 0) {
        CIM_TRY(check_move(api, org->code, err));
    }
    if (dry_run) {
        return CIM_OK;
    }
    CIM_TRY(save(api,
                 "update cim_org set name = :name, kind = :kind, parent = :parent, area = :area, "
                 "source = :source where code = :code",
                 input, err));
    host_api_note(api, "org.change", input->code, input->name);
    return CIM_OK;
}

static cim_status
handle_change(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"name", "kind", "parent", "area", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_ORG struct host_org org = {0};
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_load_org(&api, host_http_path_param(req, "code"), &org, err));
    /* Before what is asked for is looked at: it may be somebody else's. */
    CIM_TRY(host_delegate_areas(api.giver, HOST_ADMIN_ORGS, org.area, "area", err));
    struct host_org_input input = {.code = org.code,
                                   .name = org.name,
                                   .kind = org.kind,
                                   .parent = org.parent,
                                   .area = org.area,
                                   .source = org.source};
    CIM_TRY(read_input(&api, &input, err));
    CIM_TRY(host_api_change_org(&api, &org, &input, false, err));
    return answer_org(&api, 200, input.code, err);
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_ORG struct host_org org = {0};
    CIM_TRY(host_api_load_org(&api, host_http_path_param(req, "code"), &org, err));
    CIM_TRY(host_delegate_areas(api.giver, HOST_ADMIN_ORGS, org.area, "area", err));
    if (org.n_users > 0) {
        return cim_fail(err, CIM_E_STATE, "code", org.code, "组织“%s”还有 %lld 名在用人员",
                        "the organisation '%s' still has %lld people", org.code,
                        (long long)org.n_users);
    }
    const cim_value values[] = {host_value_text("code", org.code),
                                host_value_i64("now", host_clock_now_ms(api.giver->clock))};
    CIM_TRY(host_store_write_one(api.identity->options.platform,
                                 "update cim_org set ended_ms = :now where code = :code and "
                                 "ended_ms is null",
                                 values, 2, NULL, err));
    host_api_note(&api, "org.end", org.code, NULL);
    return answer_org(&api, 200, org.code, err);
}

cim_status
host_api_org_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param code[] = {
        {"code", "path", "{\"type\":\"string\"}", "组织代码", "Code of the organisation"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/orgs",
         .operation_id = "listOrgs",
         .summary_zh = "组织列表",
         .summary_en = "List organisations",
         .params = host_listing_params,
         .handle = handle_list},
        {.method = "POST",
         .pattern = "/admin/api/orgs",
         .operation_id = "createOrg",
         .summary_zh = "新建组织",
         .summary_en = "Create an organisation",
         .handle = handle_create},
        {.method = "PATCH",
         .pattern = "/admin/api/orgs/{code}",
         .operation_id = "changeOrg",
         .summary_zh = "修改组织",
         .summary_en = "Change an organisation",
         .params = code,
         .handle = handle_change},
        {.method = "POST",
         .pattern = "/admin/api/orgs/{code}/end",
         .operation_id = "endOrg",
         .summary_zh = "停用组织",
         .summary_en = "End an organisation",
         .params = code,
         .handle = handle_end},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_ORGS, routes,
                               sizeof routes / sizeof routes[0], err);
}

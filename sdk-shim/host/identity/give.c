/* host/identity/give.c -- may this administrator give this to that holder? */
#include "host/identity/api.h"
#include "host/store/row.h"

#include "host/base/clock.h"
#include "host/store/store.h"

#include <json-c/json.h>

cim_status
host_api_keep(const struct host_api *api, const char *text, const char **ret_text, cim_error *err)
{
    const size_t size = strlen(text) + 1;
    char *copy = host_http_alloc(api->req, size);
    if (copy == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(copy, text, size);
    *ret_text = copy;
    return CIM_OK;
}

/* One text of one row; *ret_text stays NULL where there is no row. In request memory. */
static cim_status
look_up(const struct host_api *api, const char *sql, const char *id, const char **ret_text,
        cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("id", id)};
    CIM_TRY(host_store_read(api->identity->options.platform, sql, values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return CIM_OK;
    }
    CIM_AUTO_FREE char *text = host_row_text(&row, 0);
    return text != NULL ? host_api_keep(api, text, ret_text, err) : cim_fail_nomem(err);
}

static bool
role_exists(struct host_identity *identity, const char *id)
{
    bool found = false;
    (void)pthread_mutex_lock(&identity->roles_lock);
    for (size_t s = 0; s < identity->n_role_sets; s++) {
        const struct host_roles *roles = identity->role_sets[s].roles;
        for (size_t r = 0; r < roles->n_roles; r++) {
            found = found || strcmp(roles->roles[r].id, id) == 0;
        }
    }
    (void)pthread_mutex_unlock(&identity->roles_lock);
    return found;
}

cim_status
host_give_role_area(const struct host_api *api, const char *role, const char **ret_area,
                    cim_error *err)
{
    const char *area = "*";
    if (strncmp(role, HOST_OWN_ROLE, strlen(HOST_OWN_ROLE)) == 0) {
        area = NULL;
        CIM_TRY(look_up(api, "select area from cim_role where id = :id and ended_ms is null", role,
                        &area, err));
    }
    if (area == NULL || !role_exists(api->identity, role)) {
        return cim_fail(err, CIM_E_NOTFOUND, "role", role, "没有角色“%s”", "there is no role '%s'",
                        role);
    }
    *ret_area = area;
    return CIM_OK;
}

/* ---- to whom ---- */

static cim_status
find_user(const struct host_api *api, const char *id, struct host_holder *holder, cim_error *err)
{
    struct host_account *account = NULL;
    if (strcmp(id, api->giver->username) == 0) {
        return cim_fail(err, CIM_E_DENIED, "holder", id, "不能给自己授权",
                        "nobody grants to himself");
    }
    CIM_TRY(host_account_load(api->identity, id, &account, err));
    cim_status status = account->ended
                            ? cim_fail(err, CIM_E_STATE, "holder", id, "账号“%s”已停用",
                                       "the account '%s' has ended", id)
                            : host_delegate_areas(api->giver, HOST_ADMIN_GRANTS,
                                                  host_account_home(account), "holder", err);
    if (status == CIM_OK && account->org != NULL) {
        status = host_api_keep(api, account->org, &holder->org, err);
    }
    host_account_free(account);
    holder->areas = "";
    return status;
}

static cim_status
find_org(const struct host_api *api, const char *id, struct host_holder *holder, cim_error *err)
{
    CIM_TRY(look_up(api, "select area from cim_org where code = :id and ended_ms is null", id,
                    &holder->areas, err));
    if (holder->areas == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "holder", id, "没有组织“%s”",
                        "there is no organisation '%s'", id);
    }
    if (api->giver->org != NULL && strcmp(api->giver->org, id) == 0) {
        return cim_fail(err, CIM_E_DENIED, "holder", id, "不能给自己所在的组织授权",
                        "nobody grants to his own organisation");
    }
    CIM_TRY(host_api_keep(api, id, &holder->org, err));
    return host_delegate_areas(api->giver, HOST_ADMIN_GRANTS, holder->areas, "holder", err);
}

static cim_status
find_role(const struct host_api *api, const char *id, struct host_holder *holder, cim_error *err)
{
    for (size_t i = 0; i < api->giver->n_roles; i++) {
        if (strcmp(api->giver->roles[i], id) == 0) {
            return cim_fail(err, CIM_E_DENIED, "holder", id, "不能给自己持有的角色授权",
                            "nobody grants to a role that he holds");
        }
    }
    CIM_TRY(host_give_role_area(api, id, &holder->areas, err));
    return host_delegate_areas(api->giver, HOST_ADMIN_GRANTS, holder->areas, "holder", err);
}

cim_status
host_give_find_holder(const struct host_api *api, const char *kind, const char *id,
                      struct host_holder *ret_holder, cim_error *err)
{
    struct host_holder holder = {.kind = kind, .id = id};
    cim_status status = CIM_OK;
    if (strcmp(kind, "user") == 0) {
        status = find_user(api, id, &holder, err);
    } else if (strcmp(kind, "org") == 0) {
        status = find_org(api, id, &holder, err);
    } else if (strcmp(kind, "role") == 0) {
        status = find_role(api, id, &holder, err);
    } else {
        status = cim_fail(err, CIM_E_INVALID, "holder_kind", kind, "应为 user、org 或 role",
                          "expected user, org or role");
    }
    CIM_TRY(status);
    *ret_holder = holder;
    return CIM_OK;
}

/* ---- what ---- */

cim_status
host_give_check_content(const struct host_api *api, const struct host_role_grant *grant,
                        cim_error *err)
{
    const struct host_resource_check *check = &api->identity->check;
    return check->check != NULL ? check->check(check->self, api->call, grant->resource,
                                               (const char *const *)grant->field_names,
                                               grant->n_fields, grant->filter_json, err)
                                : CIM_OK;
}

static cim_status
check_resource(const struct host_api *api, const struct host_holder *holder,
               const struct host_grant *grant, cim_error *err)
{
    struct json_object *root = NULL;
    struct host_json_in in = {.where = "body", .path = "content"};
    struct host_role_grant content = {0};
    CIM_TRY(host_json_parse("body", grant->content, strlen(grant->content), &root, err));
    in.value = root;
    cim_status status = host_role_grant_parse(&in, NULL, &content, err);
    if (status == CIM_OK && content.all_areas) {
        status = host_json_refuse(&in, "all_areas", "不用此项，由 areas 给出区划",
                                  "nothing here: areas says where", err);
    }
    if (status == CIM_OK && content.own_org && strcmp(holder->kind, "role") == 0) {
        status = host_json_refuse(&in, "own_org", "不用于角色的授权；请写入角色本身",
                                  "no grant to a role; write it into the role itself", err);
    }
    if (status == CIM_OK) {
        status = host_give_check_content(api, &content, err);
    }
    host_role_grant_done(&content);
    json_object_put(root);
    return status;
}

/* An administrator's own role counts inside its area only. */
static cim_status
check_role(const struct host_api *api, const struct host_holder *holder,
           const struct host_grant *grant, cim_error *err)
{
    const char *area = NULL;
    struct host_area_set set = {0};
    if (strcmp(holder->kind, "role") == 0) {
        return cim_fail(err, CIM_E_INVALID, "kind", "role", "角色不能授予角色",
                        "a role is not granted to a role");
    }
    CIM_TRY(host_give_role_area(api, grant->name, &area, err));
    CIM_TRY(host_area_set_of(api->giver->areas, area, api->giver->areas_ms, &set, err));
    const char *areas = grant->areas != NULL ? grant->areas : holder->areas;
    const bool inside = host_delegate_inside(api->giver, &set, areas);
    free(set.bits);
    return inside ? CIM_OK
                  : cim_fail(err, CIM_E_DENIED, "areas", areas, "角色“%s”只能在区划 %s 内授予",
                             "the role '%s' is granted inside the area %s only", grant->name, area);
}

static cim_status
check_shape(const struct host_api *api, const struct host_holder *holder,
            const struct host_grant *grant, cim_error *err)
{
    if (grant->until_ms <= grant->from_ms ||
        grant->until_ms <= host_clock_now_ms(api->giver->clock)) {
        return cim_fail(err, CIM_E_INVALID, "until", NULL, "截止时间应在开始时间和现在之后",
                        "the end must lie after the beginning and after now");
    }
    if (grant->areas == NULL && strcmp(holder->kind, "user") == 0) {
        return cim_fail(err, CIM_E_INVALID, "areas", NULL, "给人员的授权应写明区划",
                        "a grant to a person names its areas");
    }
    if (strcmp(grant->kind, "role") == 0) {
        return check_role(api, holder, grant, err);
    }
    if (strcmp(grant->kind, "resource") == 0) {
        return check_resource(api, holder, grant, err);
    }
    return strcmp(grant->kind, "function") == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "kind", grant->kind,
                          "应为 role、resource 或 function", "expected role, resource or function");
}

cim_status
host_give_check(const struct host_api *api, const struct host_holder *holder,
                const struct host_grant *grant, cim_error *err)
{
    const char *areas = grant->areas != NULL ? grant->areas : holder->areas;
    struct host_principal *gift = NULL;
    CIM_TRY(check_shape(api, holder, grant, err));
    CIM_TRY(host_delegate_areas(api->giver, HOST_ADMIN_GRANTS, areas, "areas", err));
    /* What the holder would have of it, as the principal that would be made. */
    gift = host_principal_new(holder->id, holder->id, holder->org, api->giver->clock,
                              api->giver->areas);
    if (gift == NULL) {
        return cim_fail_nomem(err);
    }
    const struct host_holding base = {
        .areas = holder->areas, .org = holder->org, .from_ms = INT64_MIN, .until_ms = INT64_MAX};
    cim_status status = host_principal_add(api->identity, gift, grant, &base, err);
    if (status == CIM_OK) {
        status = host_delegate_all(api->giver, gift, err);
    }
    if (status == CIM_OK && strcmp(holder->kind, "user") == 0) {
        status = host_separate_check(api->identity, holder->id, gift, err);
    }
    host_principal_release(gift);
    return status;
}

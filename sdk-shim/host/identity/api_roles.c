/* host/identity/api_roles.c -- /admin/api/roles: templates of plugins, and administrators' own. */
#include "host/identity/api.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>

/* ---- what the store holds, in force ---- */

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}
#define AUTO_JSON __attribute__((cleanup(cleanup_json)))

/* {"id", "title", "grants", …} of a row, as host_roles_parse() reads it. */
static cim_status
add_definition(const char *id, const char *zh, const char *en, const char *content,
               struct json_object *list, cim_error *err)
{
    struct json_object *role = NULL;
    CIM_TRY(host_json_parse(id, content, strlen(content), &role, err));
    struct json_object *title = json_object_new_object();
    if (title == NULL || json_object_object_add(title, "zh", json_object_new_string(zh)) != 0 ||
        json_object_object_add(title, "en", json_object_new_string(en)) != 0 ||
        json_object_object_add(role, "id", json_object_new_string(id)) != 0 ||
        json_object_object_add(role, "title", title) != 0 ||
        json_object_array_add(list, role) != 0) {
        json_object_put(role);
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

cim_status
host_roles_reload_own(struct host_identity *identity, cim_error *err)
{
    AUTO_JSON struct json_object *list = json_object_new_array();
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_store_read(identity->options.platform,
                            "select id, zh, en, content from cim_role where ended_ms is null "
                            "order by id",
                            NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            break;
        }
        CIM_AUTO_FREE char *id = host_row_text(&row, 0);
        CIM_AUTO_FREE char *zh = host_row_text(&row, 1);
        CIM_AUTO_FREE char *en = host_row_text(&row, 2);
        CIM_AUTO_FREE char *content = host_row_text(&row, 3);
        if (id == NULL || zh == NULL || en == NULL || content == NULL) {
            return cim_fail_nomem(err);
        }
        CIM_TRY(add_definition(id, zh, en, content, list, err));
    }
    return host_identity_set_roles(identity, HOST_OWN_ROLES,
                                   json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
                                   err);
}

/* ---- list ---- */

static void
add_templates(const struct host_api *api, struct host_listing *listing, struct cim_buf *out)
{
    struct host_identity *identity = api->identity;
    (void)pthread_mutex_lock(&identity->roles_lock);
    for (size_t s = 0; s < identity->n_role_sets; s++) {
        const struct host_role_set *set = &identity->role_sets[s];
        const char *source = set->plugin_id != NULL ? set->plugin_id : "cim";
        for (size_t r = 0; r < set->roles->n_roles && strcmp(source, HOST_OWN_ROLES) != 0; r++) {
            const struct host_role *role = &set->roles->roles[r];
            const char *const texts[] = {role->id, role->zh, role->en};
            if (host_listing_matches(listing, texts, 3) && host_listing_take(listing)) {
                cim_buf_add_text(out, listing->written > 1 ? ",{\"id\":" : "{\"id\":");
                cim_buf_add_json_text(out, role->id, SIZE_MAX);
                host_api_add(out, "zh", role->zh);
                host_api_add(out, "en", role->en);
                host_api_add(out, "source", source);
                cim_buf_addf(out, ",\"own\":false,\"grants\":%zu,\"functions\":%zu}",
                             role->n_grants, role->n_functions);
            }
        }
    }
    (void)pthread_mutex_unlock(&identity->roles_lock);
}

struct own_role {
    char *texts[5]; /* id, zh, en, area, content */
    bool ended;
};

static void
own_role_done(struct own_role *role)
{
    for (size_t i = 0; i < 5; i++) {
        free(role->texts[i]);
    }
}
#define AUTO_ROLE __attribute__((cleanup(own_role_done)))

#define ROLES_SQL "select id, zh, en, area, content, ended_ms from cim_role "

static cim_status
read_role(const struct host_row *row, struct own_role *role, cim_error *err)
{
    for (uint32_t i = 0; i < 5; i++) {
        role->texts[i] = host_row_text(row, i);
        if (role->texts[i] == NULL) {
            return cim_fail_nomem(err);
        }
    }
    role->ended = host_row_has(row, 5);
    return CIM_OK;
}

static void
add_role(struct cim_buf *out, const struct own_role *role)
{
    cim_buf_add_text(out, "{\"id\":");
    cim_buf_add_json_text(out, role->texts[0], SIZE_MAX);
    host_api_add(out, "zh", role->texts[1]);
    host_api_add(out, "en", role->texts[2]);
    host_api_add(out, "area", role->texts[3]);
    cim_buf_addf(out, ",\"own\":true,\"ended\":%s,\"content\":%s}", role->ended ? "true" : "false",
                 role->texts[4]);
}

static cim_status
list_own(const struct host_api *api, struct host_listing *listing, struct cim_buf *out,
         cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(api->identity->options.platform, ROLES_SQL "order by id", NULL, 0,
                            &rows, err));
    row.rows = rows;
    for (;;) {
        AUTO_ROLE struct own_role role = {0};
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(read_role(&row, &role, err));
        if (host_delegate_inside(api->giver, &listing->areas, role.texts[3]) &&
            host_listing_matches(listing, (const char *const *)role.texts, 3) &&
            host_listing_take(listing)) {
            cim_buf_add_text(out, listing->written > 1 ? "," : "");
            add_role(out, &role);
        }
    }
}

static cim_status
list(const struct host_api *api, struct host_listing *listing, struct cim_buf *out, cim_error *err)
{
    add_templates(api, listing, out);
    return list_own(api, listing, out, err);
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return host_api_answer_list(self, call, req, HOST_ADMIN_ROLES, "roles", list, err);
}

/* ---- changes ---- */

static cim_status
load(const struct host_api *api, struct own_role *role, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const char *id = host_http_path_param(api->req, "id");
    const cim_value values[] = {host_value_text("id", id)};
    CIM_TRY(host_store_read(api->identity->options.platform,
                            ROLES_SQL "where id = :id and ended_ms is null", values, 1, &rows,
                            err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有自建角色“%s”",
                        "there is no role '%s' of your own", id);
    }
    CIM_TRY(read_role(&row, role, err));
    for (size_t i = 0; i < api->giver->n_roles; i++) {
        if (strcmp(api->giver->roles[i], id) == 0) {
            return cim_fail(err, CIM_E_DENIED, "id", id, "不能更改自己持有的角色",
                            "nobody changes a role that he holds");
        }
    }
    return host_delegate_areas(api->giver, HOST_ADMIN_ROLES, role->texts[3], "area", err);
}

/* All of it must be the caller's to give, in the role's area. Whose records "own" are is not known
 * yet: anybody's. */
static cim_status
check_role(const struct host_api *api, const struct host_role *role, const char *area,
           cim_error *err)
{
    const struct host_holding held = {
        .role = role->id, .areas = area, .from_ms = 0, .until_ms = INT64_MAX};
    struct host_principal *gift =
        host_principal_new(role->id, role->id, NULL, api->giver->clock, api->giver->areas);
    struct host_role open = *role;
    cim_status status = gift != NULL ? CIM_OK : cim_fail_nomem(err);
    open.n_grants = 0;
    for (size_t i = 0; i < role->n_grants && status == CIM_OK; i++) {
        struct host_role_grant grant = role->grants[i];
        grant.own_org = false;
        status = host_give_check_content(api, &grant, err);
        if (status == CIM_OK) {
            status = host_principal_add_grant(gift, &grant, &held, err);
        }
    }
    if (status == CIM_OK) {
        status = host_principal_add_role(gift, &open, &held, err);
    }
    if (status == CIM_OK) {
        status = host_delegate_all(api->giver, gift, err);
    }
    host_principal_release(gift);
    return status;
}

/* Parses what the row would hold and checks it. */
static cim_status
check(const struct host_api *api, const struct own_role *role, cim_error *err)
{
    AUTO_JSON struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct host_roles *roles = NULL;
    struct host_json_in in = {.where = "body", .value = root};
    struct host_json_in roles_in;
    if (root == NULL || list == NULL || json_object_object_add(root, "roles", list) != 0) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_delegate_areas(api->giver, HOST_ADMIN_ROLES, role->texts[3], "area", err));
    CIM_TRY(
        add_definition(role->texts[0], role->texts[1], role->texts[2], role->texts[4], list, err));
    CIM_TRY(host_json_list(&in, "roles", HOST_JSON_REQUIRED, &roles_in, err));
    CIM_TRY(host_roles_parse(&roles_in, NULL, &roles, err));
    const cim_status status = check_role(api, &roles->roles[0], role->texts[3], err);
    host_roles_free(roles);
    return status;
}

static cim_status
replace(char **text, const char *with, cim_error *err)
{
    if (with != NULL) {
        free(*text);
        *text = strdup(with);
    }
    return *text != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
read_body(const struct host_api *api, struct own_role *role, cim_error *err)
{
    static const char *const names[] = {"zh", "en"};
    const enum host_json_need need =
        role->texts[1] == NULL ? HOST_JSON_REQUIRED : HOST_JSON_OPTIONAL;
    struct host_json_in content;
    for (size_t i = 0; i < 2; i++) {
        const char *text = NULL;
        CIM_TRY(host_api_text(api, names[i], need, &text, err));
        CIM_TRY(replace(&role->texts[i + 1], text, err));
    }
    CIM_TRY(host_json_object(&api->in, "content", need, &content, err));
    return replace(&role->texts[4],
                   content.value != NULL
                       ? json_object_to_json_string_ext(content.value, JSON_C_TO_STRING_PLAIN)
                       : NULL,
                   err);
}

static cim_status
save(const struct host_api *api, const struct own_role *role, const char *sql, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("id", role->texts[0]),
        host_value_text("zh", role->texts[1]),
        host_value_text("en", role->texts[2]),
        host_value_text("area", role->texts[3]),
        host_value_text("content", role->texts[4]),
        host_value_text("by", api->call->principal),
        host_value_i64("now", host_clock_now_ms(api->giver->clock)),
    };
    const cim_status status =
        host_store_write_one(api->identity->options.platform, sql, values, 7, NULL, err);
    if (status == CIM_E_EXISTS) {
        return cim_fail(err, CIM_E_EXISTS, "id", role->texts[0], "角色“%s”已存在",
                        "the role '%s' is there already", role->texts[0]);
    }
    CIM_TRY(status);
    return host_roles_reload_own(api->identity, err);
}

static cim_status
answer_role(const struct host_api *api, int32_t http_status, const struct own_role *role,
            cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    add_role(&body, role);
    return host_api_answer(api, http_status, &body, err);
}

static cim_status
handle_create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"id", "zh", "en", "area", "content", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    AUTO_ROLE struct own_role role = {0};
    const char *id = NULL;
    const char *area = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "id", HOST_JSON_REQUIRED, &id, err));
    CIM_TRY(host_api_text(&api, "area", HOST_JSON_REQUIRED, &area, err));
    if (strncmp(id, HOST_OWN_ROLE, strlen(HOST_OWN_ROLE)) != 0) {
        return cim_fail(err, CIM_E_INVALID, "id", id, "自建角色的编号应以 own- 开头",
                        "the id of a role of your own begins with own-");
    }
    CIM_TRY(replace(&role.texts[0], id, err));
    CIM_TRY(replace(&role.texts[3], area, err));
    CIM_TRY(read_body(&api, &role, err));
    CIM_TRY(check(&api, &role, err));
    CIM_TRY(save(&api, &role,
                 "insert into cim_role (id, zh, en, area, content, changed_by, changed_ms) values "
                 "(:id, :zh, :en, :area, :content, :by, :now)",
                 err));
    host_api_note(&api, "role.create", role.texts[0], role.texts[1]);
    return answer_role(&api, 201, &role, err);
}

static cim_status
handle_change(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"zh", "en", "content", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    AUTO_ROLE struct own_role role = {0};
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(load(&api, &role, err));
    CIM_TRY(read_body(&api, &role, err));
    CIM_TRY(check(&api, &role, err));
    CIM_TRY(save(&api, &role,
                 "update cim_role set zh = :zh, en = :en, content = :content, changed_by = :by, "
                 "changed_ms = :now where id = :id and area = :area",
                 err));
    host_api_note(&api, "role.change", role.texts[0], role.texts[1]);
    return answer_role(&api, 200, &role, err);
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    AUTO_ROLE struct own_role role = {0};
    CIM_TRY(load(&api, &role, err));
    role.ended = true;
    const cim_value values[] = {host_value_text("id", role.texts[0]),
                                host_value_text("by", call->principal),
                                host_value_i64("now", host_clock_now_ms(api.giver->clock))};
    CIM_TRY(host_store_write_one(api.identity->options.platform,
                                 "update cim_role set ended_ms = :now, changed_by = :by, "
                                 "changed_ms = :now where id = :id",
                                 values, 3, NULL, err));
    CIM_TRY(host_roles_reload_own(api.identity, err));
    host_api_note(&api, "role.end", role.texts[0], NULL);
    return answer_role(&api, 200, &role, err);
}

cim_status
host_api_role_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param id[] = {
        {"id", "path", "{\"type\":\"string\"}", "角色编号", "Id of the role"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/roles",
         .operation_id = "listRoles",
         .summary_zh = "角色：插件的模板与自建角色",
         .summary_en = "Roles: templates of plugins and administrators' own",
         .params = host_listing_params,
         .handle = handle_list},
        {.method = "POST",
         .pattern = "/admin/api/roles",
         .operation_id = "createRole",
         .summary_zh = "新建角色",
         .summary_en = "Create a role",
         .handle = handle_create},
        {.method = "PATCH",
         .pattern = "/admin/api/roles/{id}",
         .operation_id = "changeRole",
         .summary_zh = "修改自建角色",
         .summary_en = "Change a role of one's own",
         .params = id,
         .handle = handle_change},
        {.method = "POST",
         .pattern = "/admin/api/roles/{id}/end",
         .operation_id = "endRole",
         .summary_zh = "停用自建角色",
         .summary_en = "End a role of one's own",
         .params = id,
         .handle = handle_end},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_ROLES, routes,
                               sizeof routes / sizeof routes[0], err);
}

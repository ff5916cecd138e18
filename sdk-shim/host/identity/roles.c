#include "host/identity/roles.h"

#include "cim/scope.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <json-c/json.h>

static const struct {
    const char *name;
    uint32_t bit;
} action_names[] = {
    {"read", CIM_ACT_READ},     {"create", CIM_ACT_CREATE}, {"update", CIM_ACT_UPDATE},
    {"delete", CIM_ACT_DELETE}, {"export", CIM_ACT_EXPORT}, {"run", CIM_ACT_RUN},
};

static const char *const mode_names[] = {"absent", "masked", "clear"}; /* by CIM_FIELD_… */

bool
host_function_matches(const char *pattern, const char *id)
{
    const size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*' && (len == 1 || pattern[len - 2] == '.')) {
        return strncmp(pattern, id, len - 1) == 0;
    }
    return strcmp(pattern, id) == 0;
}

void
host_role_grant_done(struct host_role_grant *grant)
{
    for (size_t i = 0; i < grant->n_fields; i++) {
        free(grant->field_names[i]);
    }
    free(grant->field_names);
    free(grant->field_modes);
    free(grant->filter_json);
    free(grant->resource);
    free(grant->owner);
}

void
host_roles_free(struct host_roles *roles)
{
    if (roles == NULL) {
        return;
    }
    for (size_t r = 0; r < roles->n_roles; r++) {
        struct host_role *role = &roles->roles[r];
        for (size_t i = 0; i < role->n_grants; i++) {
            host_role_grant_done(&role->grants[i]);
        }
        for (size_t i = 0; i < role->n_functions; i++) {
            free(role->functions[i]);
        }
        for (size_t i = 0; i < role->n_pass_on; i++) {
            free(role->pass_on[i]);
        }
        free(role->grants);
        free(role->functions);
        free(role->pass_on);
        free(role->id);
        free(role->zh);
        free(role->en);
    }
    free(roles->roles);
    free(roles);
}

static void
cleanup_roles(struct host_roles **roles)
{
    host_roles_free(*roles);
}

static cim_status
copy(const char *text, char **ret_copy, cim_error *err)
{
    char *made = strdup(text);
    if (made == NULL) {
        return cim_fail_nomem(err);
    }
    *ret_copy = made;
    return CIM_OK;
}

/* True if `text` lies below the plugin: "lpg.something" or, where allowed, "lpg.*". */
static bool
below(const char *text, const char *plugin_id, bool star_ok)
{
    const size_t len = plugin_id != NULL ? strlen(plugin_id) : 0;
    const char *rest = text + len + 1;
    if (plugin_id == NULL) {
        return true;
    }
    if (strncmp(text, plugin_id, len) != 0 || text[len] != '.' || *rest == '\0') {
        return false;
    }
    return (star_ok && strcmp(rest, "*") == 0) || strchr(rest, '*') == NULL;
}

static cim_status
read_actions(const struct host_json_in *in, uint32_t *ret_actions, cim_error *err)
{
    struct host_json_in list;
    CIM_TRY(host_json_list(in, "actions", HOST_JSON_REQUIRED, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *name = NULL;
        uint32_t bit = 0;
        CIM_TRY(host_json_text_at(&list, i, &name, err));
        for (size_t k = 0; k < sizeof action_names / sizeof action_names[0]; k++) {
            bit |= strcmp(name, action_names[k].name) == 0 ? action_names[k].bit : 0U;
        }
        if (bit == 0) {
            return host_json_refuse(&list, NULL, "read、create、update、delete、export、run 之一",
                                    "some of read, create, update, delete, export, run", err);
        }
        *ret_actions |= bit;
    }
    if (*ret_actions == 0) {
        return host_json_refuse(&list, NULL, "至少一个操作", "at least one action", err);
    }
    return CIM_OK;
}

static cim_status
mode_of(const struct host_json_in *in, const char *key, const char *name, uint32_t *ret_mode,
        cim_error *err)
{
    for (uint32_t mode = 0; mode < 3; mode++) {
        if (strcmp(name, mode_names[mode]) == 0) {
            *ret_mode = mode;
            return CIM_OK;
        }
    }
    return host_json_refuse(in, key, " absent、masked 或 clear", "absent, masked or clear", err);
}

static cim_status
read_fields(const struct host_json_in *in, struct host_role_grant *grant, cim_error *err)
{
    struct host_json_in fields;
    size_t n = 0;
    CIM_TRY(host_json_object(in, "fields", HOST_JSON_OPTIONAL, &fields, err));
    if (fields.value == NULL) {
        return CIM_OK;
    }
    n = (size_t)json_object_object_length(fields.value);
    if (n == 0 || n > HOST_JSON_LIST_MAX) {
        return host_json_refuse(&fields, NULL, " 1 到 1000 个字段", "1 to 1000 fields", err);
    }
    grant->field_names = calloc(n, sizeof *grant->field_names);
    grant->field_modes = calloc(n, sizeof *grant->field_modes);
    if (grant->field_names == NULL || grant->field_modes == NULL) {
        return cim_fail_nomem(err);
    }
    json_object_object_foreach(fields.value, key, unused)
    {
        const char *name = NULL;
        uint32_t mode = 0;
        (void)unused;
        CIM_TRY(host_json_text(&fields, key, HOST_JSON_REQUIRED, &name, err));
        CIM_TRY(mode_of(&fields, key, name, &mode, err));
        CIM_TRY(copy(key, &grant->field_names[grant->n_fields], err));
        grant->field_modes[grant->n_fields++] = (uint8_t)mode;
    }
    return CIM_OK;
}

static cim_status
read_grant(const struct host_json_in *in, const char *plugin_id, struct host_role_grant *grant,
           cim_error *err)
{
    static const char *const keys[] = {"resource", "actions", "sensitive", "own_org", "all_areas",
                                       "fields",   "filter",  "owner",     "pass_on", NULL};
    const char *resource = NULL;
    const char *owner = NULL;
    const char *mode = "masked";
    struct host_json_in filter;
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(host_json_text(in, "resource", HOST_JSON_REQUIRED, &resource, err));
    if (!below(resource, plugin_id, true)) {
        return host_json_refuse(in, "resource", "本插件的资源（id.名称 或 id.*）",
                                "a resource of this plugin (id.name or id.*)", err);
    }
    CIM_TRY(copy(resource, &grant->resource, err));
    CIM_TRY(read_actions(in, &grant->actions, err));
    CIM_TRY(host_json_text(in, "sensitive", HOST_JSON_OPTIONAL, &mode, err));
    CIM_TRY(mode_of(in, "sensitive", mode, &grant->sensitive_mode, err));
    CIM_TRY(host_json_bool(in, "own_org", HOST_JSON_OPTIONAL, &grant->own_org, err));
    CIM_TRY(host_json_bool(in, "all_areas", HOST_JSON_OPTIONAL, &grant->all_areas, err));
    CIM_TRY(host_json_bool(in, "pass_on", HOST_JSON_OPTIONAL, &grant->pass_on, err));
    CIM_TRY(host_json_text(in, "owner", HOST_JSON_OPTIONAL, &owner, err));
    if (owner != NULL) {
        if (grant->own_org || owner[0] == '\0') {
            return host_json_refuse(in, "owner", "一个组织代码，且不与 own_org 同用",
                                    "the code of an organisation, and not beside own_org", err);
        }
        CIM_TRY(copy(owner, &grant->owner, err));
    }
    CIM_TRY(host_json_object(in, "filter", HOST_JSON_OPTIONAL, &filter, err));
    if (filter.value != NULL) {
        CIM_TRY(copy(json_object_to_json_string_ext(filter.value, JSON_C_TO_STRING_PLAIN),
                     &grant->filter_json, err));
    }
    return read_fields(in, grant, err);
}

cim_status
host_role_grant_parse(const struct host_json_in *in, const char *plugin_id,
                      struct host_role_grant *ret_grant, cim_error *err)
{
    struct host_role_grant grant = {0};
    const cim_status status = read_grant(in, plugin_id, &grant, err);
    if (status != CIM_OK) {
        host_role_grant_done(&grant);
        return status;
    }
    *ret_grant = grant;
    return CIM_OK;
}

static cim_status
read_functions(const struct host_json_in *in, const char *key, const char *plugin_id, size_t *ret_n,
               char ***ret_functions, cim_error *err)
{
    struct host_json_in list;
    size_t n = 0;
    CIM_TRY(host_json_list(in, key, HOST_JSON_OPTIONAL, &list, err));
    n = host_json_length(&list);
    if (n > HOST_ROLE_FUNCTIONS_MAX) {
        return host_json_refuse(&list, NULL, "至多 400 个功能点", "at most 400 function points",
                                err);
    }
    *ret_functions = calloc(n + 1, sizeof **ret_functions);
    if (*ret_functions == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;
        CIM_TRY(host_json_text_at(&list, i, &name, err));
        if (!below(name, plugin_id, false)) {
            return host_json_refuse(&list, NULL, "本插件的功能点（id.名称）",
                                    "function points of this plugin (id.name)", err);
        }
        CIM_TRY(copy(name, &(*ret_functions)[*ret_n], err));
        ++*ret_n;
    }
    return CIM_OK;
}

/* "own-…" is for the roles that administrators make. */
static bool
role_id_ok(const char *id, const char *plugin_id)
{
    const size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len > 0 && len <= 40 && id[len] == '\0' &&
           (plugin_id == NULL || strncmp(id, HOST_OWN_ROLE, strlen(HOST_OWN_ROLE)) != 0);
}

static cim_status
read_role(const struct host_json_in *in, const char *plugin_id, struct host_role *role,
          cim_error *err)
{
    static const char *const keys[] = {"id", "title", "grants", "functions", "pass_on", NULL};
    const char *id = NULL;
    const char *zh = NULL;
    const char *en = NULL;
    struct host_json_in list;
    size_t n = 0;
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(host_json_text(in, "id", HOST_JSON_REQUIRED, &id, err));
    if (!role_id_ok(id, plugin_id)) {
        return host_json_refuse(in, "id", "小写字母、数字和连字符，至多 40 个，不以 own- 开头",
                                "at most 40 lower-case letters, digits and hyphens, not own-…",
                                err);
    }
    CIM_TRY(host_json_title(in, "title", HOST_JSON_REQUIRED, &zh, &en, err));
    CIM_TRY(copy(id, &role->id, err));
    CIM_TRY(copy(zh, &role->zh, err));
    CIM_TRY(copy(en, &role->en, err));
    CIM_TRY(host_json_list(in, "grants", HOST_JSON_OPTIONAL, &list, err));
    n = host_json_length(&list);
    if (n > HOST_ROLE_GRANTS_MAX) {
        return host_json_refuse(&list, NULL, "至多 64 项授权", "at most 64 grants", err);
    }
    role->grants = calloc(n + 1, sizeof *role->grants);
    if (role->grants == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        struct host_json_in grant;
        CIM_TRY(host_json_object_at(&list, i, &grant, err));
        role->n_grants++; /* before reading: what was made of a refused grant is freed too */
        CIM_TRY(read_grant(&grant, plugin_id, &role->grants[i], err));
    }
    CIM_TRY(read_functions(in, "functions", plugin_id, &role->n_functions, &role->functions, err));
    return read_functions(in, "pass_on", plugin_id, &role->n_pass_on, &role->pass_on, err);
}

cim_status
host_roles_parse(const struct host_json_in *list, const char *plugin_id,
                 struct host_roles **ret_roles, cim_error *err)
{
    __attribute__((cleanup(cleanup_roles))) struct host_roles *roles = calloc(1, sizeof *roles);
    const size_t n = host_json_length(list);
    if (roles == NULL || (roles->roles = calloc(n + 1, sizeof *roles->roles)) == NULL) {
        return cim_fail_nomem(err);
    }
    if (n > HOST_ROLES_MAX) {
        return host_json_refuse(list, NULL, "至多 500 个角色", "at most 500 roles", err);
    }
    for (size_t i = 0; i < n; i++) {
        struct host_json_in in;
        CIM_TRY(host_json_object_at(list, i, &in, err));
        roles->n_roles++;
        CIM_TRY(read_role(&in, plugin_id, &roles->roles[i], err));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(roles->roles[k].id, roles->roles[i].id) == 0) {
                return host_json_refuse(&in, "id", "未被占用的角色", "an id that is not taken",
                                        err);
            }
        }
    }
    *ret_roles = CIM_TAKE(roles);
    return CIM_OK;
}

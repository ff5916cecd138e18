/* Opening and closing, role sets. */
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/identity/provider.h"
#include "host/identity/shared.h"
#include "host/store/row.h"

#include "host/base/clock.h"
#include "host/store/store.h"

#include <json-c/json.h>

/* Roles of the platform itself. Who runs it, or grants to others, does not by that see anybody's
 * data: "pass_on" shows nothing. */
static const char own_roles[] =
    "[{\"id\":\"platform-admin\",\"title\":{\"zh\":\"平台管理员\",\"en\":\"Platform "
    "administrator\"},\"functions\":[\"cim.admin.plugins\",\"cim.admin.imports\",\"cim.admin.*\"],"
    "\"grants\":[{\"resource\":\"*\",\"actions\":[\"read\",\"create\",\"update\",\"delete\","
    "\"export\",\"run\"],\"sensitive\":\"clear\",\"pass_on\":true}],\"pass_on\":[\"*\"]},"
    "{\"id\":\"access-admin\",\"title\":{\"zh\":\"授权管理员\",\"en\":\"Access administrator\"},"
    "\"functions\":[\"cim.admin.orgs\",\"cim.admin.users\",\"cim.admin.roles\",\"cim.admin."
    "grants\"],"
    "\"grants\":[{\"resource\":\"*\",\"actions\":[\"read\",\"create\",\"update\",\"delete\","
    "\"export\",\"run\"],\"sensitive\":\"clear\",\"pass_on\":true}],\"pass_on\":[\"*\"]},"
    "{\"id\":\"system-admin\",\"title\":{\"zh\":\"系统管理员\",\"en\":\"System "
    "administrator\"},\"functions\":[\"cim.admin.plugins\",\"cim.admin.bindings\",\"cim.admin."
    "jobs\","
    "\"cim.admin.metrics\",\"cim.admin.usage\",\"cim.admin.backups\"]},"
    "{\"id\":\"auditor\",\"title\":{\"zh\":\"审计管理员\",\"en\":\"Auditor\"},"
    "\"functions\":[\"cim.audit.read\"]}]";

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}

static bool
same_id(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static cim_status
set_roles(struct host_identity *identity, const char *plugin_id, const char *roles_json,
          cim_error *err)
{
    __attribute__((cleanup(cleanup_json))) struct json_object *root = NULL;
    CIM_AUTO_FREE char *text = NULL;
    struct host_json_in in = {.where = plugin_id != NULL ? plugin_id : "cim-host"};
    struct host_json_in list;
    struct host_roles *roles = NULL;
    struct host_roles *old = NULL;
    char *id = NULL;
    size_t at = 0;
    if (asprintf(&text, "{\"roles\":%s}", roles_json) < 0) {
        text = NULL;
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_json_parse(in.where, text, strlen(text), &root, err));
    in.value = root;
    CIM_TRY(host_json_list(&in, "roles", HOST_JSON_REQUIRED, &list, err));
    id = plugin_id != NULL ? strdup(plugin_id) : NULL;
    if (plugin_id != NULL && id == NULL) {
        return cim_fail_nomem(err);
    }
    const bool own = plugin_id == NULL || strcmp(plugin_id, HOST_OWN_ROLES) == 0;
    if (host_roles_parse(&list, own ? NULL : plugin_id, &roles, err) != CIM_OK) {
        free(id);
        return CIM_E_INVALID;
    }
    (void)pthread_mutex_lock(&identity->roles_lock);
    while (at < identity->n_role_sets && !same_id(identity->role_sets[at].plugin_id, id)) {
        at++;
    }
    if (at < HOST_ROLE_SETS_MAX) {
        old = identity->role_sets[at].roles;
        free(identity->role_sets[at].plugin_id);
        identity->role_sets[at].plugin_id = id;
        identity->role_sets[at].roles = roles;
        identity->n_role_sets += at == identity->n_role_sets ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&identity->roles_lock);
    if (at >= HOST_ROLE_SETS_MAX) {
        free(id);
        host_roles_free(roles);
        return cim_fail(err, CIM_E_TOO_LARGE, "roles", plugin_id, "角色来源过多",
                        "too many plugins with roles");
    }
    host_roles_free(old);
    (void)atomic_fetch_add(&identity->generation, 1);
    return CIM_OK;
}

cim_status
host_identity_set_roles(struct host_identity *identity, const char *plugin_id,
                        const char *roles_json, cim_error *err)
{
    return set_roles(identity, plugin_id, roles_json, err);
}

void
host_identity_check_resources(struct host_identity *identity,
                              const struct host_resource_check *check)
{
    identity->check = *check;
}

void
host_identity_read_tables(struct host_identity *identity, host_table_read_fn read)
{
    identity->read_table = read;
}

cim_status
host_identity_set_directory(struct host_identity *identity,
                            const struct host_identity_directory *directory, cim_error *err)
{
    if (directory->sign_in[0] != '\0' &&
        host_provider_find(identity->providers, directory->sign_in) == NULL) {
        return cim_fail(err, CIM_E_INVALID, "directory.sign_in", directory->sign_in,
                        "没有这个统一认证登录方式", "there is no such sign-in provider");
    }
    identity->directory = *directory;
    return CIM_OK;
}

cim_status
host_identity_open(const struct host_identity_options *options, struct host_identity **ret_identity,
                   cim_error *err)
{
    struct host_identity *identity = calloc(1, sizeof *identity);
    char token[HOST_TOKEN_TEXT];
    cim_status status = CIM_OK;
    if (identity == NULL) {
        return cim_fail_nomem(err);
    }
    identity->options = *options;
    host_password_gate_init(&identity->passwords);
    (void)pthread_mutex_init(&identity->roles_lock, NULL);
    (void)pthread_mutex_init(&identity->principals_lock, NULL);
    if (options->redis_url != NULL && options->redis_url[0] != '\0') {
        status = host_shared_open(options->redis_url, &identity->shared, err);
    }
    if (status == CIM_OK) {
        status =
            host_sessions_open(&identity->sessions, options->platform, identity->shared,
                               options->session_idle_ms, host_clock_now_ms(options->clock), err);
    }
    if (status == CIM_OK) {
        status = host_providers_load(options->providers, &identity->providers, err);
    }
    if (status == CIM_OK) {
        status = host_random_token(token, err);
    }
    if (status == CIM_OK) {
        status = host_password_hash(&identity->passwords, token, identity->dummy_hash, err);
    }
    if (status == CIM_OK) {
        status = set_roles(identity, NULL, own_roles, err);
    }
    if (status == CIM_OK) {
        status = host_roles_reload_own(identity, err);
    }
    if (status != CIM_OK) {
        host_identity_free(identity);
        return status;
    }
    *ret_identity = identity;
    return CIM_OK;
}

void
host_identity_free(struct host_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    host_principals_clear(identity);
    host_sessions_close(&identity->sessions);
    host_providers_free(identity->providers);
    host_shared_close(identity->shared);
    for (size_t i = 0; i < identity->n_role_sets; i++) {
        free(identity->role_sets[i].plugin_id);
        host_roles_free(identity->role_sets[i].roles);
    }
    for (struct host_api_route *route = identity->api_routes; route != NULL;) {
        struct host_api_route *next = route->next;
        free(route);
        route = next;
    }
    host_password_gate_done(&identity->passwords);
    (void)pthread_mutex_destroy(&identity->roles_lock);
    (void)pthread_mutex_destroy(&identity->principals_lock);
    free(identity);
}

struct host_principal *
host_identity_system_principal(struct host_identity *identity)
{
    struct host_role_grant grant = {
        .resource = (char *)"*",
        .actions = CIM_ACT_READ | CIM_ACT_CREATE | CIM_ACT_UPDATE | CIM_ACT_DELETE |
                   CIM_ACT_EXPORT | CIM_ACT_RUN,
        .sensitive_mode = CIM_FIELD_CLEAR,
        .all_areas = true,
    };
    char *functions[] = {(char *)"*"};
    const struct host_role role = {
        .grants = &grant, .n_grants = 1, .functions = functions, .n_functions = 1};
    const struct host_holding held = {.role = "system", .areas = "*", .until_ms = INT64_MAX};
    struct host_principal *principal = host_principal_new(
        "cim-host", "cim-host", NULL, identity->options.clock,
        identity->options.areas != NULL ? host_areas_tree(identity->options.areas) : NULL);
    if (principal != NULL && host_principal_add_role(principal, &role, &held, NULL) != CIM_OK) {
        host_principal_release(principal);
        principal = NULL;
    }
    return principal;
}

/* Principals from the store: what an account's grants make of it, and those kept. */
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/store/row.h"

#include "host/base/clock.h"
#include "host/base/log.h"

#include <json-c/json.h>

/* ---- when they change ---- */

static size_t
hash_of(const char *username)
{
    size_t hash = 5381;
    for (const char *at = username; *at != '\0'; at++) {
        hash = hash * 33 + (unsigned char)*at;
    }
    return hash % HOST_PRINCIPAL_BUCKETS;
}

/* Both only grow, so an equal sum means that neither has changed. */
static int64_t
generation_of(struct host_identity *identity, const char *username)
{
    return atomic_load(&identity->generation) +
           atomic_load(&identity->generations[hash_of(username)]);
}

void
host_grants_changed(struct host_identity *identity, const char *holder_kind, const char *holder)
{
    if (strcmp(holder_kind, "user") == 0) {
        (void)atomic_fetch_add(&identity->generations[hash_of(holder)], 1);
    } else {
        (void)atomic_fetch_add(&identity->generation, 1);
    }
}

/* ---- from the store ---- */

static cim_status
add_text(char ***texts, size_t *n, const char *text, cim_error *err)
{
    char **more = NULL;
    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*texts)[i], text) == 0) {
            return CIM_OK;
        }
    }
    more = realloc((void *)*texts, (*n + 1) * sizeof *more);
    if (more == NULL) {
        return cim_fail_nomem(err);
    }
    *texts = more;
    more[*n] = strdup(text);
    if (more[*n] == NULL) {
        return cim_fail_nomem(err);
    }
    (*n)++;
    return CIM_OK;
}

static cim_status
append_code(struct host_principal *principal, const char *code, cim_error *err)
{
    char **more = NULL;
    if (principal->n_area_codes == principal->area_codes_capacity) {
        const size_t capacity = principal->n_area_codes > 0 ? 2 * principal->n_area_codes : 8;
        more = realloc((void *)principal->area_codes, capacity * sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        principal->area_codes = more;
        principal->area_codes_capacity = capacity;
    }
    principal->area_codes[principal->n_area_codes] = strdup(code);
    if (principal->area_codes[principal->n_area_codes] == NULL) {
        return cim_fail_nomem(err);
    }
    principal->n_area_codes++;
    return CIM_OK;
}

/* What the account says it holds, for /auth/me. */
static cim_status
add_names(struct host_principal *principal, const char *role, const char *areas, cim_error *err)
{
    CIM_AUTO_FREE char *list = strdup(areas);
    char *rest = list;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        const char *code = strsep(&rest, ",");
        if (*code != '\0') {
            CIM_TRY(append_code(principal, code, err));
        }
    }
    return role != NULL ? add_text(&principal->roles, &principal->n_roles, role, err) : CIM_OK;
}

/* True if `name` is "regulator" or "<plugin>.regulator" for this role. */
static bool
role_is(const struct host_role_set *set, const struct host_role *role, const char *name)
{
    const size_t len = set->plugin_id != NULL ? strlen(set->plugin_id) : 0;
    if (strcmp(role->id, name) == 0) {
        return true;
    }
    return len > 0 && strncmp(name, set->plugin_id, len) == 0 && name[len] == '.' &&
           strcmp(name + len + 1, role->id) == 0;
}

static cim_status
add_roles_named(struct host_identity *identity, struct host_principal *principal,
                const struct host_holding *held, cim_error *err)
{
    cim_status status = CIM_OK;
    (void)pthread_mutex_lock(&identity->roles_lock);
    for (size_t s = 0; s < identity->n_role_sets && status == CIM_OK; s++) {
        const struct host_role_set *set = &identity->role_sets[s];
        for (size_t r = 0; r < set->roles->n_roles && status == CIM_OK; r++) {
            if (role_is(set, &set->roles->roles[r], held->role)) {
                struct host_holding of_set = *held;
                of_set.template =
                    set->plugin_id != NULL && strcmp(set->plugin_id, HOST_OWN_ROLES) != 0;
                status = host_principal_add_role(principal, &set->roles->roles[r], &of_set, err);
            }
        }
    }
    (void)pthread_mutex_unlock(&identity->roles_lock);
    return status;
}

static cim_status
add_resource(struct host_principal *principal, const struct host_grant *grant,
             const struct host_holding *held, cim_error *err)
{
    struct json_object *root = NULL;
    struct host_json_in in = {.where = grant->uid};
    struct host_role_grant content = {0};
    CIM_TRY(host_json_parse(in.where, grant->content, strlen(grant->content), &root, err));
    in.value = root;
    cim_status status = host_role_grant_parse(&in, NULL, &content, err);
    json_object_put(root);
    if (status == CIM_OK) {
        status = host_principal_add_grant(principal, &content, held, err);
        host_role_grant_done(&content);
    }
    return status;
}

cim_status
host_principal_add(struct host_identity *identity, struct host_principal *principal,
                   const struct host_grant *grant, const struct host_holding *base, cim_error *err)
{
    struct host_holding held = *base;
    held.areas = grant->areas != NULL ? grant->areas : held.areas;
    held.from_ms = held.from_ms > grant->from_ms ? held.from_ms : grant->from_ms;
    held.until_ms = held.until_ms < grant->until_ms ? held.until_ms : grant->until_ms;
    held.org = grant->org != NULL ? grant->org : held.org;
    held.grant = grant->uid;
    if (strcmp(grant->kind, "role") == 0) {
        held.role = grant->name;
        CIM_TRY(add_names(principal, grant->name, held.areas, err));
        return add_roles_named(identity, principal, &held, err);
    }
    if (strcmp(grant->kind, "function") == 0) {
        return host_principal_add_function(principal, grant->name, false, &held, err);
    }
    CIM_TRY(add_names(principal, NULL, held.areas, err));
    return add_resource(principal, grant, &held, err);
}

/* A grant to a role, once for each way in which the account holds the role. */
static cim_status
add_by_role(struct host_identity *identity, struct host_principal *principal,
            const struct host_grants *grants, const struct host_grant *of_role,
            const struct host_account *account, cim_error *err)
{
    for (size_t i = 0; i < grants->n; i++) {
        const struct host_grant *by = &grants->grants[i];
        if (strcmp(by->kind, "role") != 0 || strcmp(by->name, of_role->holder) != 0) {
            continue;
        }
        const struct host_holding held = {
            .role = by->name,
            .areas = by->areas != NULL           ? by->areas
                     : account->org_area != NULL ? account->org_area
                                                 : "",
            .org = by->org != NULL ? by->org : account->org,
            .from_ms = by->from_ms,
            .until_ms = by->until_ms,
        };
        CIM_TRY(host_principal_add(identity, principal, of_role, &held, err));
    }
    return CIM_OK;
}

static cim_status
add_all(struct host_identity *identity, struct host_principal *principal,
        const struct host_account *account, int64_t now_ms, cim_error *err)
{
    struct host_grants grants = {0};
    cim_status status = CIM_OK;
    if (account->ended) {
        return CIM_OK;
    }
    CIM_TRY(host_grants_of(identity, account, now_ms, &grants, err));
    const struct host_holding direct = {
        .areas = account->org_area != NULL ? account->org_area : "",
        .org = account->org,
        .from_ms = INT64_MIN,
        .until_ms = INT64_MAX,
    };
    for (size_t i = 0; i < grants.n && status == CIM_OK; i++) {
        const struct host_grant *grant = &grants.grants[i];
        status = strcmp(grant->holder_kind, "role") == 0
                     ? add_by_role(identity, principal, &grants, grant, account, err)
                     : host_principal_add(identity, principal, grant, &direct, err);
    }
    host_grants_free(&grants);
    return status;
}

static const struct cim_area_tree *
tree_of(const struct host_identity *identity)
{
    return identity->options.areas != NULL ? host_areas_tree(identity->options.areas) : NULL;
}

static cim_status
make(struct host_identity *identity, const struct host_account *account, int64_t generation,
     const struct cim_area_tree *areas, int64_t now_ms, struct host_principal **ret_principal,
     cim_error *err)
{
    struct host_principal *principal = host_principal_new(
        account->username, account->display_name, account->org, identity->options.clock, areas);
    if (principal == NULL) {
        return cim_fail_nomem(err);
    }
    principal->generation = generation;
    const cim_status status = add_all(identity, principal, account, now_ms, err);
    if (status != CIM_OK) {
        host_principal_release(principal);
        return status;
    }
    *ret_principal = principal;
    return CIM_OK;
}

static cim_status
build(struct host_identity *identity, const char *username, int64_t generation,
      const struct cim_area_tree *areas, int64_t now_ms, struct host_principal **ret_principal,
      cim_error *err)
{
    struct host_account *account = NULL;
    CIM_TRY(host_account_load(identity, username, &account, err));
    const cim_status status =
        make(identity, account, generation, areas, now_ms, ret_principal, err);
    host_account_free(account);
    return status;
}

cim_status
host_principal_of(struct host_identity *identity, const struct host_account *account,
                  struct host_principal **ret_principal, cim_error *err)
{
    return make(identity, account, generation_of(identity, account->username), tree_of(identity),
                host_clock_now_ms(identity->options.clock), ret_principal, err);
}

cim_status
host_principal_explain(struct host_identity *identity, const char *username,
                       struct host_principal **ret_principal, cim_error *err)
{
    return build(identity, username, generation_of(identity, username), tree_of(identity),
                 INT64_MIN, ret_principal, err);
}

/* ---- the cache ---- */

/* One reference for the caller, or NULL. What is stale leaves the cache. */
static struct host_principal *
cached(struct host_identity *identity, const char *username, int64_t generation,
       const struct cim_area_tree *areas, int64_t now_ms)
{
    struct host_principal **link = NULL;
    struct host_principal *found = NULL;
    struct host_principal *stale = NULL;
    (void)pthread_mutex_lock(&identity->principals_lock);
    link = &identity->principals[hash_of(username)];
    while (*link != NULL && strcmp((*link)->username, username) != 0) {
        link = &(*link)->next;
    }
    found = *link;
    if (found != NULL && (found->generation != generation || found->areas != areas ||
                          now_ms >= found->areas_until_ms ||
                          atomic_load(&found->n_scopes) >= HOST_PRINCIPAL_SCOPES_MAX / 2)) {
        *link = found->next;
        stale = found;
        found = NULL;
    }
    if (found != NULL) {
        (void)atomic_fetch_add(&found->references, 1);
    }
    (void)pthread_mutex_unlock(&identity->principals_lock);
    host_principal_release(stale);
    return found;
}

cim_status
host_principal_get(struct host_identity *identity, const char *username,
                   struct host_principal **ret_principal, cim_error *err)
{
    /* Read before building: a change meanwhile makes the next call build again. */
    const int64_t generation = generation_of(identity, username);
    const struct cim_area_tree *areas = tree_of(identity);
    struct host_principal *principal =
        cached(identity, username, generation, areas, host_clock_now_ms(identity->options.clock));
    struct host_principal *other = NULL;
    struct host_principal **link = NULL;
    if (principal == NULL) {
        CIM_TRY(build(identity, username, generation, areas,
                      host_clock_now_ms(identity->options.clock), &principal, err));
        host_separate(identity, principal);
        host_principal_merge(principal);
        (void)pthread_mutex_lock(&identity->principals_lock);
        link = &identity->principals[hash_of(username)];
        while (*link != NULL && strcmp((*link)->username, username) != 0) {
            link = &(*link)->next;
        }
        if (*link != NULL) { /* built by two at once: the later one stays */
            other = *link;
            *link = other->next;
        }
        principal->next = *link;
        *link = principal;
        (void)atomic_fetch_add(&principal->references, 1);
        (void)pthread_mutex_unlock(&identity->principals_lock);
        host_principal_release(other);
    }
    *ret_principal = principal;
    return CIM_OK;
}

void
host_principals_clear(struct host_identity *identity)
{
    for (size_t i = 0; i < HOST_PRINCIPAL_BUCKETS; i++) {
        while (identity->principals[i] != NULL) {
            struct host_principal *principal = identity->principals[i];
            identity->principals[i] = principal->next;
            host_principal_release(principal);
        }
    }
}

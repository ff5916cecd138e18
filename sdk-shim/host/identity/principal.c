/* Principals: what an account may do, ready to be asked. */
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/identity/row.h"

#include "host/base/clock.h"
#include "host/base/log.h"
#include "kit/scope_eval.h"

static void
term_done(cim_term *term)
{
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        free((char *)term->field_names[i]);
    }
    free((void *)term->field_names);
    free((void *)term->field_modes);
    free((char *)term->resource);
    free((void *)term->areas);
    free((char *)term->owner_org);
    free((char *)term->filter_json);
}

static void
free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(texts[i]);
    }
    free((void *)texts);
}

static void
principal_free(struct host_principal *principal)
{
    while (principal->scopes != NULL) {
        struct host_scope_entry *entry = principal->scopes;
        principal->scopes = entry->next;
        free((void *)entry->terms);
        free(entry);
    }
    for (size_t i = 0; i < principal->n_terms; i++) {
        term_done(&principal->terms[i]);
    }
    for (size_t i = 0; i < principal->n_functions; i++) {
        free(principal->functions[i].id);
    }
    free_texts(principal->roles, principal->n_roles);
    free_texts(principal->area_codes, principal->n_area_codes);
    free(principal->terms);
    free(principal->functions);
    free(principal->username);
    free(principal->display_name);
    free(principal->org);
    (void)pthread_mutex_destroy(&principal->lock);
    free(principal);
}

void
host_principal_release(struct host_principal *principal)
{
    if (principal != NULL && atomic_fetch_sub(&principal->references, 1) == 1) {
        principal_free(principal);
    }
}

struct host_principal *
host_principal_new(const char *username, const char *display_name, const char *org,
                   const struct host_clock *clock, const struct cim_area_tree *areas)
{
    struct host_principal *principal = calloc(1, sizeof *principal);
    if (principal == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&principal->lock, NULL);
    atomic_init(&principal->references, 1);
    principal->clock = clock;
    principal->areas = areas;
    principal->username = strdup(username);
    principal->display_name = strdup(display_name);
    principal->org = org != NULL ? strdup(org) : NULL;
    if (principal->username == NULL || principal->display_name == NULL ||
        (org != NULL && principal->org == NULL)) {
        principal_free(principal);
        return NULL;
    }
    return principal;
}

/* ---- building ---- */

/* `list` grown by one zeroed element of `size`; NULL when out of memory, and the list stays. */
static void *
grown(void *list, size_t n, size_t size)
{
    char *more = realloc(list, (n + 1) * size);
    if (more != NULL) {
        memset(more + n * size, 0, size);
    }
    return more;
}

/* Bits of the areas and of all below them. Codes that the tree does not know grant nothing. */
static cim_status
area_bits(const struct host_principal *principal, const char *areas, uint64_t **ret_bits,
          uint32_t *ret_words, cim_error *err)
{
    const int32_t count = principal->areas != NULL ? cim_area_tree_count(principal->areas) : 0;
    const uint32_t words = (uint32_t)(count + 63) / 64;
    uint64_t *bits = calloc(words + 1U, sizeof *bits);
    CIM_AUTO_FREE char *list = strdup(areas);
    char *rest = list;
    if (bits == NULL || list == NULL) {
        free(bits);
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        const char *code = strsep(&rest, ",");
        const int32_t ordinal =
            principal->areas != NULL ? cim_area_tree_ordinal(principal->areas, code) : -1;
        const cim_area *area = ordinal >= 0 ? cim_area_tree_at(principal->areas, ordinal) : NULL;
        if (area == NULL) {
            if (*code != '\0') {
                host_log(CIM_LOG_WARNING, "identity", "account %s: unknown area %s grants nothing",
                         principal->username, code);
            }
            continue;
        }
        for (int32_t i = area->ordinal; i < area->ordinal_end; i++) {
            bits[i / 64] |= UINT64_C(1) << (unsigned)(i % 64);
        }
    }
    *ret_bits = bits;
    *ret_words = words;
    return CIM_OK;
}

static cim_status
copy_fields(const struct host_role_grant *grant, cim_term *term, cim_error *err)
{
    const char **names = NULL;
    uint8_t *modes = NULL;
    if (grant->n_fields == 0) {
        return CIM_OK;
    }
    names = calloc(grant->n_fields, sizeof *names);
    modes = calloc(grant->n_fields, sizeof *modes);
    term->field_names = names;
    term->field_modes = modes;
    if (names == NULL || modes == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < grant->n_fields; i++) {
        names[i] = strdup(grant->field_names[i]);
        modes[i] = grant->field_modes[i];
        if (names[i] == NULL) {
            return cim_fail_nomem(err);
        }
        term->n_field_modes++;
    }
    return CIM_OK;
}

static cim_status
fill_term(struct host_principal *principal, const struct host_role_grant *grant,
          const struct host_account_role *held, const char *org, cim_term *term, cim_error *err)
{
    uint64_t *bits = NULL;
    term->struct_size = sizeof *term;
    term->actions = grant->actions;
    term->sensitive_mode = grant->sensitive_mode;
    term->from_ms = INT64_MIN;
    term->until_ms = held->until_ms;
    term->resource = strdup(grant->resource);
    if (term->resource == NULL) {
        return cim_fail_nomem(err);
    }
    if (grant->own_org) {
        term->owner_org = strdup(org);
        if (term->owner_org == NULL) {
            return cim_fail_nomem(err);
        }
    }
    if (grant->filter_json != NULL) {
        term->filter_json = strdup(grant->filter_json);
        if (term->filter_json == NULL) {
            return cim_fail_nomem(err);
        }
    }
    if (grant->all_areas || strcmp(held->areas, "*") == 0) {
        term->all_areas = 1;
    } else {
        CIM_TRY(area_bits(principal, held->areas, &bits, &term->n_area_words, err));
        term->areas = bits;
    }
    return copy_fields(grant, term, err);
}

static cim_status
add_function(struct host_principal *principal, const char *id, int64_t until_ms, cim_error *err)
{
    struct host_granted_function *more = NULL;
    for (size_t i = 0; i < principal->n_functions; i++) {
        struct host_granted_function *function = &principal->functions[i];
        if (strcmp(function->id, id) == 0) {
            function->until_ms = function->until_ms > until_ms ? function->until_ms : until_ms;
            return CIM_OK;
        }
    }
    more = grown(principal->functions, principal->n_functions, sizeof *more);
    if (more == NULL) {
        return cim_fail_nomem(err);
    }
    principal->functions = more;
    more[principal->n_functions].id = strdup(id);
    more[principal->n_functions].until_ms = until_ms;
    if (more[principal->n_functions].id == NULL) {
        return cim_fail_nomem(err);
    }
    principal->n_functions++;
    return CIM_OK;
}

cim_status
host_principal_add_role(struct host_principal *principal, const struct host_role *role,
                        const struct host_account_role *held, cim_error *err)
{
    const char *org = held->org != NULL ? held->org : principal->org;
    for (size_t i = 0; i < role->n_grants; i++) {
        const struct host_role_grant *grant = &role->grants[i];
        cim_term *more = NULL;
        if (grant->own_org && (org == NULL || org[0] == '\0')) {
            continue; /* bound to an organisation that the member does not have: nothing */
        }
        more = grown(principal->terms, principal->n_terms, sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        principal->terms = more;
        principal->n_terms++;
        CIM_TRY(fill_term(principal, grant, held, org, &more[principal->n_terms - 1], err));
    }
    for (size_t i = 0; i < role->n_functions; i++) {
        CIM_TRY(add_function(principal, role->functions[i], held->until_ms, err));
    }
    return CIM_OK;
}

static cim_status
add_text(char ***texts, size_t *n, const char *text, cim_error *err)
{
    char **more = NULL;
    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*texts)[i], text) == 0) {
            return CIM_OK;
        }
    }
    more = grown((void *)*texts, *n, sizeof *more);
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

/* What the account says it holds, for /auth/me. */
static cim_status
add_names(struct host_principal *principal, const struct host_account_role *held, cim_error *err)
{
    CIM_AUTO_FREE char *list = strdup(held->areas);
    char *rest = list;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        const char *code = strsep(&rest, ",");
        if (*code != '\0') {
            CIM_TRY(add_text(&principal->area_codes, &principal->n_area_codes, code, err));
        }
    }
    return add_text(&principal->roles, &principal->n_roles, held->role, err);
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
add_held(struct host_identity *identity, struct host_principal *principal,
         const struct host_account_role *held, cim_error *err)
{
    cim_status status = add_names(principal, held, err);
    (void)pthread_mutex_lock(&identity->roles_lock);
    for (size_t s = 0; s < identity->n_role_sets && status == CIM_OK; s++) {
        const struct host_role_set *set = &identity->role_sets[s];
        for (size_t r = 0; r < set->roles->n_roles && status == CIM_OK; r++) {
            if (role_is(set, &set->roles->roles[r], held->role)) {
                status = host_principal_add_role(principal, &set->roles->roles[r], held, err);
            }
        }
    }
    (void)pthread_mutex_unlock(&identity->roles_lock);
    return status;
}

static cim_status
build(struct host_identity *identity, const char *username, int64_t generation,
      const struct cim_area_tree *areas, struct host_principal **ret_principal, cim_error *err)
{
    struct host_account *account = NULL;
    struct host_principal *principal = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(host_account_load(identity, username, &account, err));
    principal = host_principal_new(account->username, account->display_name, account->org,
                                   identity->options.clock, areas);
    if (principal == NULL) {
        status = cim_fail_nomem(err);
    } else {
        principal->generation = generation;
    }
    for (size_t i = 0; i < account->n_roles && status == CIM_OK; i++) {
        status = add_held(identity, principal, &account->roles[i], err);
    }
    host_account_free(account);
    if (status != CIM_OK) {
        host_principal_release(principal);
        return status;
    }
    *ret_principal = principal;
    return CIM_OK;
}

/* ---- the cache ---- */

static struct host_principal **
bucket_of(struct host_identity *identity, const char *username)
{
    size_t hash = 5381;
    for (const char *at = username; *at != '\0'; at++) {
        hash = hash * 33 + (unsigned char)*at;
    }
    return &identity->principals[hash % HOST_PRINCIPAL_BUCKETS];
}

/* One reference for the caller, or NULL. What is stale leaves the cache. */
static struct host_principal *
cached(struct host_identity *identity, const char *username, int64_t generation,
       const struct cim_area_tree *areas)
{
    struct host_principal **link = NULL;
    struct host_principal *found = NULL;
    struct host_principal *stale = NULL;
    (void)pthread_mutex_lock(&identity->principals_lock);
    link = bucket_of(identity, username);
    while (*link != NULL && strcmp((*link)->username, username) != 0) {
        link = &(*link)->next;
    }
    found = *link;
    if (found != NULL && (found->generation != generation || found->areas != areas)) {
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
    const int64_t generation = atomic_load(&identity->generation);
    const struct cim_area_tree *areas =
        identity->options.areas != NULL ? host_areas_tree(identity->options.areas) : NULL;
    struct host_principal *principal = cached(identity, username, generation, areas);
    struct host_principal *other = NULL;
    struct host_principal **link = NULL;
    if (principal == NULL) {
        CIM_TRY(build(identity, username, generation, areas, &principal, err));
        (void)pthread_mutex_lock(&identity->principals_lock);
        link = bucket_of(identity, username);
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

/* ---- questions ---- */

int32_t
host_principal_has_function(const struct host_principal *principal, const char *function_id)
{
    int64_t now_ms = 0;
    if (principal == NULL) {
        return 0;
    }
    now_ms = host_clock_now_ms(principal->clock);
    for (size_t i = 0; i < principal->n_functions; i++) {
        if (now_ms < principal->functions[i].until_ms &&
            host_function_matches(principal->functions[i].id, function_id)) {
            return 1;
        }
    }
    return 0;
}

const char *
host_principal_name(const struct host_principal *principal)
{
    return principal != NULL ? principal->username : "";
}

const char *
host_principal_org(const struct host_principal *principal)
{
    return principal != NULL ? principal->org : NULL;
}

/* Principals: what an account may do, ready to be asked. */
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/store/row.h"

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
held_done(struct host_held_term *held)
{
    term_done(&held->term);
    free(held->grant);
    free(held->role);
}

static void
function_done(struct host_granted_function *function)
{
    free(function->id);
    free(function->areas.bits);
}

static void
scopes_free(struct host_principal *principal)
{
    while (principal->scopes != NULL) {
        struct host_scope_entry *entry = principal->scopes;
        principal->scopes = entry->next;
        free((void *)entry->terms);
        free(entry);
    }
    for (size_t i = 0; i < HOST_SCOPE_BUCKETS; i++) {
        while (principal->answers[i] != NULL) {
            struct host_scope_answer *answer = principal->answers[i];
            principal->answers[i] = answer->next;
            free(answer);
        }
    }
}

static void
principal_free(struct host_principal *principal)
{
    scopes_free(principal);
    for (size_t i = 0; i < principal->n_terms; i++) {
        held_done(&principal->terms[i]);
    }
    for (size_t i = 0; i < principal->n_functions; i++) {
        function_done(&principal->functions[i]);
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
    principal->areas_ms = host_clock_now_ms(clock);
    principal->areas_until_ms =
        areas != NULL ? cim_area_tree_steady_until(areas, principal->areas_ms) : INT64_MAX;
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

/* `list` with room for one more element of `size`, which is zeroed; NULL when out of memory, and
 * the list stays. */
static void *
grown(void *list, size_t n, size_t *capacity, size_t size)
{
    char *more = list;
    if (n == *capacity) {
        const size_t wanted = n > 0 ? 2 * n : 8;
        more = realloc(list, wanted * size);
        if (more == NULL) {
            return NULL;
        }
        *capacity = wanted;
    }
    memset(more + n * size, 0, size);
    return more;
}

static void
set_bits(const struct cim_area_tree *tree, const char *code, int64_t now_ms, uint64_t *bits)
{
    const int32_t ordinal = tree != NULL ? cim_area_tree_ordinal(tree, code) : -1;
    const cim_area *area = ordinal >= 0 ? cim_area_tree_at(tree, ordinal) : NULL;
    if (area == NULL) {
        if (*code != '\0') {
            host_log(CIM_LOG_WARNING, "identity", "unknown area %s grants nothing", code);
        }
        return;
    }
    if (now_ms < area->from_ms || now_ms >= area->until_ms) {
        host_log(CIM_LOG_WARNING, "identity", "area %s is not in force and grants nothing", code);
        return;
    }
    for (int32_t i = area->ordinal; i < area->ordinal_end; i++) {
        bits[i / 64] |= UINT64_C(1) << (unsigned)(i % 64);
    }
}

cim_status
host_area_set_of(const struct cim_area_tree *tree, const char *areas, int64_t now_ms,
                 struct host_area_set *ret_set, cim_error *err)
{
    const int32_t count = tree != NULL ? cim_area_tree_count(tree) : 0;
    struct host_area_set set = {.n_words = (uint32_t)(count + 63) / 64,
                                .all = strcmp(areas, "*") == 0};
    CIM_AUTO_FREE char *list = strdup(areas);
    char *rest = set.all ? NULL : list;
    set.bits = calloc(set.n_words + 1U, sizeof *set.bits);
    if (set.bits == NULL || list == NULL) {
        free(set.bits);
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        set_bits(tree, strsep(&rest, ","), now_ms, set.bits);
    }
    *ret_set = set;
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
copy_text(const char *text, const char **ret_copy, cim_error *err)
{
    if (text != NULL) {
        *ret_copy = strdup(text);
        return *ret_copy != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    return CIM_OK;
}

static cim_status
fill_term(struct host_principal *principal, const struct host_role_grant *grant,
          const struct host_holding *held, struct host_held_term *into, cim_error *err)
{
    cim_term *term = &into->term;
    const char *owner = grant->own_org ? held->org : grant->owner;
    struct host_area_set areas = {0};
    into->pass_on = grant->pass_on;
    into->shared = grant->all_areas && held->template;
    term->struct_size = sizeof *term;
    term->actions = grant->actions;
    term->sensitive_mode = grant->sensitive_mode;
    term->from_ms = held->from_ms;
    term->until_ms = held->until_ms;
    CIM_TRY(copy_text(grant->resource, &term->resource, err));
    CIM_TRY(copy_text(owner, &term->owner_org, err));
    CIM_TRY(copy_text(grant->filter_json, &term->filter_json, err));
    CIM_TRY(copy_text(held->grant, (const char **)&into->grant, err));
    CIM_TRY(copy_text(held->role, (const char **)&into->role, err));
    if (grant->all_areas || strcmp(held->areas, "*") == 0) {
        term->all_areas = 1;
    } else {
        CIM_TRY(host_area_set_of(principal->areas, held->areas, principal->areas_ms, &areas, err));
        term->areas = areas.bits;
        term->n_area_words = areas.n_words;
    }
    return copy_fields(grant, term, err);
}

cim_status
host_principal_add_grant(struct host_principal *principal, const struct host_role_grant *grant,
                         const struct host_holding *held, cim_error *err)
{
    struct host_held_term *more = NULL;
    if (grant->own_org && (held->org == NULL || held->org[0] == '\0')) {
        return CIM_OK; /* bound to an organisation that the member does not have: nothing */
    }
    more = grown(principal->terms, principal->n_terms, &principal->terms_capacity, sizeof *more);
    if (more == NULL) {
        return cim_fail_nomem(err);
    }
    principal->terms = more;
    return fill_term(principal, grant, held, &more[principal->n_terms++], err);
}

cim_status
host_principal_add_function(struct host_principal *principal, const char *id, bool pass_on,
                            const struct host_holding *held, cim_error *err)
{
    struct host_granted_function *function = NULL;
    struct host_granted_function *more = grown(principal->functions, principal->n_functions,
                                               &principal->functions_capacity, sizeof *more);
    if (more == NULL) {
        return cim_fail_nomem(err);
    }
    principal->functions = more;
    function = &more[principal->n_functions++];
    function->from_ms = held->from_ms;
    function->until_ms = held->until_ms;
    function->pass_on = pass_on;
    function->id = strdup(id);
    if (function->id == NULL) {
        return cim_fail_nomem(err);
    }
    return host_area_set_of(principal->areas, held->areas, principal->areas_ms, &function->areas,
                            err);
}

cim_status
host_principal_add_role(struct host_principal *principal, const struct host_role *role,
                        const struct host_holding *held, cim_error *err)
{
    struct host_holding of_role = *held;
    of_role.org = held->org != NULL ? held->org : principal->org;
    for (size_t i = 0; i < role->n_grants; i++) {
        CIM_TRY(host_principal_add_grant(principal, &role->grants[i], &of_role, err));
    }
    for (size_t i = 0; i < role->n_functions; i++) {
        CIM_TRY(host_principal_add_function(principal, role->functions[i], false, held, err));
    }
    for (size_t i = 0; i < role->n_pass_on; i++) {
        CIM_TRY(host_principal_add_function(principal, role->pass_on[i], true, held, err));
    }
    return CIM_OK;
}

/* ---- one of what differs in nothing but areas ---- */

static int
compare_texts(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return (a != NULL) - (b != NULL);
    }
    return strcmp(a, b);
}

static int
compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_fields(const cim_term *a, const cim_term *b)
{
    int order = compare_numbers(a->n_field_modes, b->n_field_modes);
    for (uint32_t i = 0; i < a->n_field_modes && order == 0; i++) {
        order = strcmp(a->field_names[i], b->field_names[i]);
        order = order != 0 ? order : (int)a->field_modes[i] - (int)b->field_modes[i];
    }
    return order;
}

int
host_term_compare(const struct host_held_term *x, const struct host_held_term *y)
{
    const cim_term *a = &x->term;
    const cim_term *b = &y->term;
    const int orders[] = {
        strcmp(a->resource, b->resource),
        compare_numbers(a->actions, b->actions),
        compare_texts(a->owner_org, b->owner_org),
        compare_numbers(a->sensitive_mode, b->sensitive_mode),
        compare_numbers(a->from_ms, b->from_ms),
        compare_numbers(a->until_ms, b->until_ms),
        compare_texts(a->filter_json, b->filter_json),
        (int)x->pass_on - (int)y->pass_on,
        (int)x->shared - (int)y->shared,
        compare_fields(a, b),
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (orders[i] != 0) {
            return orders[i];
        }
    }
    return 0;
}

static int
compare_terms(const void *left, const void *right)
{
    return host_term_compare(left, right);
}

static int
compare_functions(const void *left, const void *right)
{
    const struct host_granted_function *a = left;
    const struct host_granted_function *b = right;
    int order = strcmp(a->id, b->id);
    order = order != 0 ? order : compare_numbers(a->from_ms, b->from_ms);
    order = order != 0 ? order : compare_numbers(a->until_ms, b->until_ms);
    return order != 0 ? order : (int)a->pass_on - (int)b->pass_on;
}

/* Adds the areas of `from` to `to`; both are of the principal's tree. */
static void
add_areas(cim_term *to, const cim_term *from)
{
    uint64_t *bits = (uint64_t *)(uintptr_t)to->areas; /* our own */
    to->all_areas |= from->all_areas;
    for (uint32_t i = 0; i < to->n_area_words && from->areas != NULL; i++) {
        bits[i] |= from->areas[i];
    }
    if (to->all_areas != 0) {
        free(bits);
        to->areas = NULL;
        to->n_area_words = 0;
    }
}

static void
merge_terms(struct host_principal *principal)
{
    struct host_held_term *terms = principal->terms;
    size_t n = 0;
    if (principal->n_terms > 0) {
        qsort(terms, principal->n_terms, sizeof *terms, compare_terms);
    }
    for (size_t i = 0; i < principal->n_terms; i++) {
        if (n > 0 && host_term_compare(&terms[n - 1], &terms[i]) == 0) {
            add_areas(&terms[n - 1].term, &terms[i].term);
            held_done(&terms[i]);
        } else {
            terms[n++] = terms[i];
        }
    }
    principal->n_terms = n;
}

static void
merge_functions(struct host_principal *principal)
{
    struct host_granted_function *functions = principal->functions;
    size_t n = 0;
    if (principal->n_functions > 0) {
        qsort(functions, principal->n_functions, sizeof *functions, compare_functions);
    }
    for (size_t i = 0; i < principal->n_functions; i++) {
        if (n > 0 && compare_functions(&functions[n - 1], &functions[i]) == 0) {
            struct host_area_set *set = &functions[n - 1].areas;
            set->all = set->all || functions[i].areas.all;
            for (uint32_t w = 0; w < set->n_words; w++) {
                set->bits[w] |= functions[i].areas.bits[w];
            }
            function_done(&functions[i]);
        } else {
            functions[n++] = functions[i];
        }
    }
    principal->n_functions = n;
}

static int
compare_codes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void
merge_area_codes(struct host_principal *principal)
{
    char **codes = principal->area_codes;
    size_t n = 0;
    if (principal->n_area_codes > 0) {
        qsort((void *)codes, principal->n_area_codes, sizeof *codes, compare_codes);
    }
    for (size_t i = 0; i < principal->n_area_codes; i++) {
        if (n > 0 && strcmp(codes[n - 1], codes[i]) == 0) {
            free(codes[i]);
        } else {
            codes[n++] = codes[i];
        }
    }
    principal->n_area_codes = n;
}

void
host_principal_merge(struct host_principal *principal)
{
    merge_terms(principal);
    merge_functions(principal);
    merge_area_codes(principal);
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
        const struct host_granted_function *function = &principal->functions[i];
        if (!function->pass_on && function->from_ms <= now_ms && now_ms < function->until_ms &&
            host_function_matches(function->id, function_id)) {
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

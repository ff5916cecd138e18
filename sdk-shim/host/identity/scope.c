/* A principal's terms for one resource and action, those in force now. Scopes with the same terms
 * are the same scope: made once, kept with the principal. */
#include "host/identity/internal.h"

#include "cim/util.h"
#include "kit/area_tree.h"
#include "kit/scope_eval.h"

#include <stddef.h>
#include <stdlib.h>

static const cim_scope empty_scope = {.struct_size = sizeof(cim_scope)};

static bool
is_about(const struct host_held_term *held, const char *resource, uint32_t action)
{
    return !held->pass_on && (held->term.actions & action) != 0 &&
           cim_resource_matches(held->term.resource, resource);
}

static bool
in_force(const cim_term *term, int64_t now_ms)
{
    return now_ms >= term->from_ms && now_ms < term->until_ms;
}

static struct host_scope_entry *
entry_new(const struct host_principal *principal, const char *resource, uint32_t action,
          int64_t now_ms)
{
    struct host_scope_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return NULL;
    }
    entry->terms = calloc(principal->n_terms + 1, sizeof *entry->terms);
    if (entry->terms == NULL) {
        free(entry);
        return NULL;
    }
    for (size_t i = 0; i < principal->n_terms; i++) {
        const struct host_held_term *held = &principal->terms[i];
        if (is_about(held, resource, action) && in_force(&held->term, now_ms)) {
            entry->terms[entry->n_terms++] = &held->term;
        }
    }
    entry->scope.struct_size = sizeof entry->scope;
    entry->scope.n_terms = (uint32_t)entry->n_terms;
    entry->scope.terms = entry->terms;
    entry->scope.areas_version =
        principal->areas != NULL ? cim_area_tree_version(principal->areas) : 0;
    return entry;
}

/* How long the terms in force stay the same: until the next one begins or ends. */
static void
find_window(const struct host_principal *principal, int64_t now_ms,
            struct host_scope_answer *answer)
{
    answer->from_ms = INT64_MIN;
    answer->until_ms = INT64_MAX;
    for (size_t i = 0; i < principal->n_terms; i++) {
        const struct host_held_term *held = &principal->terms[i];
        const int64_t edges[] = {held->term.from_ms, held->term.until_ms};
        for (size_t k = 0; k < 2 && is_about(held, answer->resource, answer->action); k++) {
            if (edges[k] <= now_ms) {
                answer->from_ms = edges[k] > answer->from_ms ? edges[k] : answer->from_ms;
            } else {
                answer->until_ms = edges[k] < answer->until_ms ? edges[k] : answer->until_ms;
            }
        }
    }
}

static struct host_scope_answer **
bucket_of(struct host_principal *principal, const char *resource, uint32_t action)
{
    uint32_t hash = 5381 + action;
    for (const char *at = resource; *at != '\0'; at++) {
        hash = hash * 33 + (unsigned char)*at;
    }
    return &principal->answers[hash % HOST_SCOPE_BUCKETS];
}

static const struct host_scope_entry *
find_answer(struct host_principal *principal, const char *resource, uint32_t action, int64_t now_ms)
{
    const struct host_scope_answer *answer = *bucket_of(principal, resource, action);
    while (answer != NULL &&
           (answer->action != action || now_ms < answer->from_ms || now_ms >= answer->until_ms ||
            strcmp(answer->resource, resource) != 0)) {
        answer = answer->next;
    }
    return answer != NULL ? answer->entry : NULL;
}

/* Keeps the entry, or takes one with the same terms in its stead. */
static const struct host_scope_entry *
keep_entry(struct host_principal *principal, struct host_scope_entry *entry)
{
    for (const struct host_scope_entry *other = principal->scopes; other != NULL;
         other = other->next) {
        if (other->n_terms == entry->n_terms &&
            memcmp((const void *)other->terms, (const void *)entry->terms,
                   entry->n_terms * sizeof *entry->terms) == 0) {
            free((void *)entry->terms);
            free(entry);
            return other;
        }
    }
    entry->next = principal->scopes;
    principal->scopes = entry;
    return entry;
}

/* NULL when out of memory. The lock is held. */
static const struct host_scope_entry *
make_answer(struct host_principal *principal, const char *resource, uint32_t action, int64_t now_ms)
{
    const size_t size = strlen(resource) + 1;
    struct host_scope_answer **bucket = bucket_of(principal, resource, action);
    struct host_scope_answer *answer = calloc(1, sizeof *answer + size);
    struct host_scope_entry *entry =
        answer != NULL ? entry_new(principal, resource, action, now_ms) : NULL;
    if (entry == NULL) {
        free(answer);
        return NULL;
    }
    memcpy(answer->resource, resource, size);
    answer->action = action;
    find_window(principal, now_ms, answer);
    answer->entry = keep_entry(principal, entry);
    answer->next = *bucket;
    *bucket = answer;
    (void)atomic_fetch_add(&principal->n_scopes, 1);
    return answer->entry;
}

cim_status
host_identity_scope(struct host_identity *identity, const struct host_principal *principal,
                    const char *resource, uint32_t action, int64_t now_ms,
                    const cim_scope **ret_scope, cim_error *err)
{
    /* The cache is no part of what the principal means. */
    struct host_principal *own = (struct host_principal *)principal;
    const struct host_scope_entry *entry = NULL;
    bool full = false;
    (void)identity;
    if (principal == NULL) {
        *ret_scope = &empty_scope;
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&own->lock);
    entry = find_answer(own, resource, action, now_ms);
    full = entry == NULL && atomic_load(&own->n_scopes) >= HOST_PRINCIPAL_SCOPES_MAX;
    if (entry == NULL && !full) {
        entry = make_answer(own, resource, action, now_ms);
    }
    (void)pthread_mutex_unlock(&own->lock);
    if (entry == NULL) {
        return full ? cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "权限范围过多",
                               "too many different scopes for one account")
                    : cim_fail_nomem(err);
    }
    *ret_scope = &entry->scope;
    return CIM_OK;
}

/* ---- has it changed ---- */

static const struct host_held_term *
held_of(const cim_term *term)
{
    return (const struct host_held_term *)(const void *)((const char *)term -
                                                         offsetof(struct host_held_term, term));
}

static bool
same_areas(const cim_term *a, const cim_term *b)
{
    return a->all_areas == b->all_areas && a->n_area_words == b->n_area_words &&
           (a->n_area_words == 0 ||
            memcmp(a->areas, b->areas, a->n_area_words * sizeof *a->areas) == 0);
}

/* Terms of merged principals come in one order. */
static bool
same_scope(const cim_scope *a, const cim_scope *b)
{
    bool same = a->n_terms == b->n_terms && a->areas_version == b->areas_version;
    for (uint32_t i = 0; i < a->n_terms && same; i++) {
        same = host_term_compare(held_of(a->terms[i]), held_of(b->terms[i])) == 0 &&
               same_areas(a->terms[i], b->terms[i]);
    }
    return same;
}

cim_status
host_identity_unchanged(struct host_identity *identity, const struct host_principal *principal,
                        const char *resource, uint32_t action, int64_t since_ms, int64_t now_ms,
                        bool *ret_same, cim_error *err)
{
    const cim_scope *before = NULL;
    const cim_scope *after = NULL;
    struct host_principal *now = NULL;
    if (principal == NULL) {
        *ret_same = true;
        return CIM_OK;
    }
    CIM_TRY(host_identity_scope(identity, principal, resource, action, since_ms, &before, err));
    if (host_principal_get(identity, principal->username, &now, NULL) != CIM_OK) {
        *ret_same = false; /* the account is gone */
        return CIM_OK;
    }
    const cim_status status =
        host_identity_scope(identity, now, resource, action, now_ms, &after, err);
    *ret_same = status == CIM_OK && same_scope(before, after);
    host_principal_release(now);
    return status;
}

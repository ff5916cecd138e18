/* A principal's terms for one resource and action, those in force now. Scopes with the same terms
 * are the same scope: made once, kept with the principal. */
#include "host/identity/internal.h"

#include "cim/util.h"
#include "kit/area_tree.h"
#include "kit/scope_eval.h"

#include <stdlib.h>

static const cim_scope empty_scope = {.struct_size = sizeof(cim_scope)};

static bool
in_force(const cim_term *term, const char *resource, uint32_t action, int64_t now_ms)
{
    return (term->actions & action) != 0 && now_ms >= term->from_ms && now_ms < term->until_ms &&
           cim_resource_matches(term->resource, resource);
}

/* True if the entry holds exactly the terms in force; both are in the principal's order. */
static bool
is_of(const struct host_scope_entry *entry, const struct host_principal *principal,
      const char *resource, uint32_t action, int64_t now_ms)
{
    size_t at = 0;
    for (size_t i = 0; i < principal->n_terms; i++) {
        const cim_term *term = &principal->terms[i];
        const bool held = at < entry->n_terms && entry->terms[at] == term;
        if (held != in_force(term, resource, action, now_ms)) {
            return false;
        }
        at += held ? 1 : 0;
    }
    return true;
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
        if (in_force(&principal->terms[i], resource, action, now_ms)) {
            entry->terms[entry->n_terms++] = &principal->terms[i];
        }
    }
    entry->scope.struct_size = sizeof entry->scope;
    entry->scope.n_terms = (uint32_t)entry->n_terms;
    entry->scope.terms = entry->terms;
    entry->scope.areas_version =
        principal->areas != NULL ? cim_area_tree_version(principal->areas) : 0;
    return entry;
}

cim_status
host_identity_scope(struct host_identity *identity, const struct host_principal *principal,
                    const char *resource, uint32_t action, int64_t now_ms,
                    const cim_scope **ret_scope, cim_error *err)
{
    /* The cache is no part of what the principal means. */
    struct host_principal *own = (struct host_principal *)principal;
    struct host_scope_entry *entry = NULL;
    bool full = false;
    (void)identity;
    if (principal == NULL) {
        *ret_scope = &empty_scope;
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&own->lock);
    entry = own->scopes;
    while (entry != NULL && !is_of(entry, principal, resource, action, now_ms)) {
        entry = entry->next;
    }
    full = entry == NULL && own->n_scopes >= HOST_PRINCIPAL_SCOPES_MAX;
    if (entry == NULL && !full) {
        entry = entry_new(principal, resource, action, now_ms);
        if (entry != NULL) {
            entry->next = own->scopes;
            own->scopes = entry;
            own->n_scopes++;
        }
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

/* host/identity/grants.h -- grants as they lie in platform.db. */
#ifndef HOST_GRANTS_H
#define HOST_GRANTS_H

#include "cim/store.h"

#include <stdbool.h>
#include <stddef.h>

struct host_row;

/* What every reader of grants selects, in this order. */
#define HOST_GRANT_COLUMNS                                                                         \
    "uid, holder_kind, holder, kind, name, content, areas, org, from_ms, until_ms, granted_by, "   \
    "granted_ms, why, ended_by, ended_ms"

/* A row of cim_grant; texts are owned, NULL where absent. */
struct host_grant {
    char *uid;
    char *holder_kind; /* user, role, org */
    char *holder;
    char *kind; /* role, resource, function */
    char *name;
    char *content; /* of a resource: JSON as in a role */
    char *areas;   /* codes separated by commas; "*": all; NULL: the holder's */
    char *org;     /* that own_org means; NULL: the holder's */
    char *granted_by;
    char *why;
    char *ended_by;
    int64_t from_ms;
    int64_t until_ms;
    int64_t granted_ms;
    int64_t ended_ms; /* 0: not ended */
};

struct host_grants {
    size_t n;
    size_t capacity;
    struct host_grant *grants;
};

cim_status host_grant_read(const struct host_row *row, struct host_grant *ret_grant,
                           cim_error *err);
void host_grant_done(struct host_grant *grant);
cim_status host_grant_insert(cim_tx *tx, const struct host_grant *grant, cim_error *err);
/* Appends a row; refuses more than `max`. */
cim_status host_grants_add(struct host_grants *grants, const struct host_row *row, size_t max,
                           cim_error *err);
void host_grants_free(struct host_grants *grants); /* what it holds; NULL-safe */

#endif

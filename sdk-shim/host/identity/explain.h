/* host/identity/explain.h -- why somebody may see a record, or what he lacks. */
#ifndef HOST_EXPLAIN_H
#define HOST_EXPLAIN_H

#include "host/identity/identity.h"

struct cim_buf;

/* What a term lacks to cover a record; bits. */
enum {
    HOST_LACKS_ACTION = 1,
    HOST_LACKS_AREA = 2,
    HOST_LACKS_OWNER = 4,
    HOST_LACKS_TIME = 8,    /* not yet, or no more */
    HOST_LACKS_FILTER = 16, /* set by who can read the record */
    HOST_LACKS_SIGHT = 32   /* held only to be granted to others */
};

struct host_question {
    const char *resource;
    uint32_t action;
    int64_t now_ms;
    int32_t area_ordinal; /* -1: the record's area is unknown */
    const char *owner;    /* NULL: none */
};

/* The account with each term as it was granted, also those that are past. Released by
 * host_principal_release(). `call` is the asker's: an administrator (cim.admin.grants) where the
 * account is at home, or the account itself. CIM_E_NOTFOUND, CIM_E_DENIED. */
cim_status host_explain_open(struct host_identity *identity, const cim_call *call,
                             const char *username, struct host_principal **ret_principal,
                             cim_error *err);
/* May the asker be told of a record there? */
bool host_explain_may_tell(const cim_call *call, const char *area_code);

size_t host_explain_count(const struct host_principal *principal);
const cim_term *host_explain_term(const struct host_principal *principal, size_t i);
/* Is the i-th term about the resource at all? */
bool host_explain_is_about(const struct host_principal *principal, size_t i, const char *resource);
/* HOST_LACKS_…, 0: it covers; the row filter is not judged. */
uint32_t host_explain_lacks(const struct host_principal *principal, size_t i,
                            const struct host_question *question);
/* Members of a JSON object, the first without a comma before it: grant, role, resource, actions,
 * areas, owner, sensitive, fields, filter, from, until. `own`: for the holder himself, who is told
 * that there is a row filter ("filter":true) and not which: it may name values that he sees masked.
 */
void host_explain_write(const struct host_principal *principal, size_t i, bool own,
                        struct cim_buf *out);
/* The function points, as a JSON list. */
void host_explain_write_functions(const struct host_principal *principal, struct cim_buf *out);

#endif

/* host/identity/requests.h -- requests for data: asked by anybody, decided by who administers
 * grants there, and then a grant that ends by itself.
 *
 *   waiting ─ approve ─▶ approved ─ until ─▶ expired      (or ended with its grant)
 *      ├──── refuse ──▶ refused
 *      └──── withdraw ▶ withdrawn
 */
#ifndef HOST_REQUESTS_H
#define HOST_REQUESTS_H

#include "cim/store.h"

#include <stdbool.h>

struct host_row;
struct cim_buf;

enum {
    HOST_REQUESTS_WAITING_MAX = 50, /* of one person */
    HOST_REQUEST_DAYS_MAX = 1100,   /* from now to the end that is asked for */
    HOST_REQUEST_FIELDS_MAX = 4000  /* bytes of the names */
};

#define HOST_REQUEST_WAITING   "waiting"
#define HOST_REQUEST_APPROVED  "approved"
#define HOST_REQUEST_REFUSED   "refused"
#define HOST_REQUEST_WITHDRAWN "withdrawn"

/* A row of cim_request with what its grant says; texts owned, NULL where absent. */
struct host_request {
    char *uid;
    char *requester;
    char *holder_kind; /* user, org */
    char *holder;
    char *resource;
    char *actions; /* "read" or "read,export" */
    char *fields;  /* with commas; NULL: all */
    char *areas;
    char *reason;
    char *renews;
    char *state;
    char *decided_by;
    char *decision;
    char *grant_uid;
    char *requester_name;
    int64_t until_ms;
    int64_t created_ms;
    int64_t decided_ms;
    int64_t ended_ms; /* of the grant; 0: it was not ended */
};

/* What readers select, in this order. */
#define HOST_REQUESTS_SQL                                                                          \
    "select q.uid, q.requester, q.holder_kind, q.holder, q.resource, q.actions, q.fields, "        \
    "q.areas, q.reason, q.renews, q.state, q.decided_by, q.decision, q.grant_uid, "                \
    "coalesce(a.display_name, q.requester), coalesce(g.until_ms, q.until_ms), q.created_ms, "      \
    "q.decided_ms, g.ended_ms from cim_request q "                                                 \
    "left join cim_account a on a.username = q.requester "                                         \
    "left join cim_grant g on g.uid = q.grant_uid "

cim_status host_request_read(const struct host_row *row, struct host_request *ret_request,
                             cim_error *err);
void host_request_done(struct host_request *request);
#define HOST_AUTO_REQUEST __attribute__((cleanup(host_request_done)))
cim_status host_request_insert(cim_tx *tx, const struct host_request *request, cim_error *err);
/* From waiting to another state, with the grant that was made (may be NULL). CIM_E_STATE: it waits
 * no more. */
cim_status host_request_decide(cim_tx *tx, const struct host_request *request, const char *state,
                               cim_error *err);
/* As JSON; `now_ms`: an approved one whose time is over is told as expired. */
void host_request_write(const struct host_request *request, int64_t now_ms, struct cim_buf *out);

#endif

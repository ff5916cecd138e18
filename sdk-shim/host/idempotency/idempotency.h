/* host/idempotency/idempotency.h -- a request that is sent twice is done once.
 *
 * The header Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header) names a request of a
 * principal. The key is stored in the transaction of the change, with a fingerprint of the request,
 * so that of two requests at the same time exactly one writes, whatever crashes. A request that
 * changed nothing (it was refused, or only tried) leaves its key free.
 *
 * The answer is stored twice: in the transaction a short one, and after it the one that the client
 * gets. The first is all that is left when the host ends in between; nobody has seen another one
 * then.
 */
#ifndef HOST_IDEMPOTENCY_H
#define HOST_IDEMPOTENCY_H

#include "cim/store.h"
#include "host/app.h"
#include "host/http/http.h"

#include <stdbool.h>

struct cim_buf;

enum {
    HOST_IDEMPOTENCY_KEY_MAX = 255,          /* characters */
    HOST_IDEMPOTENCY_ANSWER_BYTES = 1 << 20, /* of a larger answer the short one is kept */
    HOST_IDEMPOTENCY_TARGET_MAX = 512,
    HOST_IDEMPOTENCY_WAIT_MS = 10000 /* for the answer of a request at the same time */
};

/* Of one request. Zeroed and without a key: every function does nothing and succeeds. */
struct host_idempotency {
    const struct host_app *app;
    const cim_call *call;
    cim_http_req *req;
    const char *key;                          /* NULL: none was sent */
    char target[HOST_IDEMPOTENCY_TARGET_MAX]; /* "POST /collections/lpg.places/items" */
    char fingerprint[65];
    bool taken;  /* by another request, found inside the transaction */
    bool stored; /* by this one */
};

/* Reads key and body. *ret_answered: the request was done before and is answered now, or its key
 * stands for another request, which answers 422. CIM_E_INVALID: this is no key. The caller has
 * checked that the principal may do what it asks. */
cim_status host_idempotency_begin(struct host_idempotency *once, const struct host_app *app,
                                  const cim_call *call, cim_http_req *req, bool *ret_answered,
                                  cim_error *err);
/* First in the transaction; fails when the key is taken. */
cim_status host_idempotency_take(struct host_idempotency *once, cim_tx *tx, cim_error *err);
/* Last in the transaction, where nothing was written: the key stays free. */
cim_status host_idempotency_drop(struct host_idempotency *once, cim_tx *tx, cim_error *err);
/* Last in the transaction: the short answer, JSON or NULL. */
cim_status host_idempotency_note(struct host_idempotency *once, cim_tx *tx, int32_t http_status,
                                 const char *location, const char *body, cim_error *err);
/* After an edit that failed because its key was taken: answers as the other one. */
cim_status host_idempotency_answer_taken(struct host_idempotency *once, cim_error *err);
/* After the request was answered: keeps the answer. What cannot be kept is logged. */
void host_idempotency_keep(struct host_idempotency *once);

/* ---- fingerprint.c ---- */

/* SHA-256 of method, path, query, the headers that change the meaning, and the body. */
cim_status host_idempotency_fingerprint(cim_http_req *req, char ret_text[65], cim_error *err);

#endif

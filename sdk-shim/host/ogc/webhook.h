/* host/ogc/webhook.h -- one message to an address that a client named: to public addresses and to
 * networks that the operator listed, to nobody else. */
#ifndef HOST_OGC_WEBHOOK_H
#define HOST_OGC_WEBHOOK_H

#include "cim/base.h"

#include <stdatomic.h>
#include <stddef.h>

enum { HOST_WEBHOOK_URL_MAX = 2000 };

struct host_webhook {
    const char *url;
    const char *id; /* the same for each attempt, so that the receiver takes it once */
    const char *mime;
    const char *body;
    size_t len;
    const char *networks;       /* beside public addresses: "127.0.0.1,10.0.0.0/8"; "": none */
    const char *secret;         /* signs the message; "": it is not signed */
    const atomic_bool *give_up; /* set: the transfer ends at once */
};

/* Is it an address of http or https that may be named at all? CIM_E_INVALID says what is
 * wrong, under `param`. A name is resolved when the message is sent, not here. [any] */
cim_status host_webhook_check(const char *param, const char *url, const char *networks,
                              cim_error *err);

/* Posts it once. The receiver answers with 2xx, or it failed: redirects are not followed.
 * CIM_E_BUSY: another attempt may do; CIM_E_DENIED: none will. With a secret the message is signed
 * as Standard Webhooks 1.0 has it: webhook-signature is "v1," and the base64 of HMAC-SHA256 over
 * "id.timestamp.body". [any; blocks for some seconds at most] */
cim_status host_webhook_post(const struct host_webhook *hook, cim_error *err);

#endif

/* host/stream/subscriptions.h -- changes told to an address of the subscriber's (web hook).
 *
 * A subscription tells what its owner may know at the moment of telling, like /stream, in messages
 * signed with a secret of its own (webhook.h): {"subscription","from","to","changes":[{"pos",
 * "layer","op","fid","area_code"}]}; "resync": true where the log does not reach back. Messages are
 * told in order and at least once: a receiver passes over positions that it has. One that fails is
 * tried again after 1, 2, 4 … seconds, an hour at most; after HOST_SUBSCRIPTION_ATTEMPTS failures
 * in a row, or once the receiver says that it is gone, the subscription is dead until its owner
 * resumes it, from where it was.
 */
#ifndef HOST_SUBSCRIPTIONS_H
#define HOST_SUBSCRIPTIONS_H

#include "host/stream/stream.h"

struct host_subscriptions;

enum {
    HOST_SUBSCRIPTIONS_PER_OWNER = 20,
    HOST_SUBSCRIPTION_ATTEMPTS = 12,
    HOST_SUBSCRIPTION_WAIT_MAX_MS = 3600000
};

#define HOST_SUBSCRIPTION_ACTIVE "active"
#define HOST_SUBSCRIPTION_DEAD   "dead"

/* /catalogue/subscriptions… */
cim_status host_subscriptions_add_routes(struct host_streams *streams, cim_error *err);
/* A thread that tells. */
cim_status host_subscriptions_start(struct host_streams *streams,
                                    struct host_subscriptions **ret_subscriptions, cim_error *err);
void host_subscriptions_stop(struct host_subscriptions *subscriptions); /* NULL-safe; frees it */

#endif

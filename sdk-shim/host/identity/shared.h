/* host/identity/shared.h -- what several hosts know together of who has signed in, kept in Redis:
 * sessions (by the hash of their token), failed sign-ins, codes that were used.
 *
 * Nothing here is taken on trust when Redis cannot be asked: every function then fails with
 * CIM_E_BUSY, and for a second after a failure does so at once. Any thread; each waits for Redis,
 * HOST_SHARED_WAIT_MS at most.
 */
#ifndef HOST_IDENTITY_SHARED_H
#define HOST_IDENTITY_SHARED_H

#include "cim/base.h"

#include <stdbool.h>

struct host_session;
struct host_shared;

enum {
    HOST_SHARED_WAIT_MS = 500,
    HOST_SHARED_TRUST_MS = 1000, /* for so long what Redis said of a session is not asked again */
    HOST_SHARED_LISTED_MAX = 10000
};

/* `url`: redis://[[user]:password@]host[:port][/db], or unix:///path/of/the/socket. Fails where it
 * is none of that; Redis need not be there yet. */
cim_status host_shared_open(const char *url, struct host_shared **ret_shared, cim_error *err);
void host_shared_close(struct host_shared *shared); /* NULL-safe */

/* Keeps the session, or keeps it anew, for life_ms. */
cim_status host_shared_put(struct host_shared *shared, const struct host_session *session,
                           int64_t life_ms, cim_error *err);
/* *ret_session is the caller's to free; NULL: there is none. */
cim_status host_shared_get(struct host_shared *shared, const char *hash,
                           struct host_session **ret_session, cim_error *err);
cim_status host_shared_drop(struct host_shared *shared, const char *hash, cim_error *err);
cim_status host_shared_drop_all(struct host_shared *shared, const char *username, cim_error *err);
/* Those of one account, or of all (NULL), linked by `next`; the caller's to free one by one. */
cim_status host_shared_list(struct host_shared *shared, const char *username,
                            struct host_session **ret_first, cim_error *err);

/* Changes the text under a name as one step, whoever else does so at the same time: `change` is
 * given the text of now ("" where there is none) and writes that of after ("": none); it may be
 * called again. What it leaves is kept for life_ms. */
enum { HOST_SHARED_TEXT_MAX = 128 };
struct host_shared_change {
    void *self;
    void (*change)(void *self, const char *before, char after[HOST_SHARED_TEXT_MAX]);
    int64_t life_ms;
};
cim_status host_shared_update(struct host_shared *shared, const char *name,
                              const struct host_shared_change *change, cim_error *err);
cim_status host_shared_read(struct host_shared *shared, const char *name,
                            char ret_text[HOST_SHARED_TEXT_MAX], cim_error *err);
/* True for the first who asks within life_ms. */
cim_status host_shared_claim(struct host_shared *shared, const char *name, int64_t life_ms,
                             bool *ret_mine, cim_error *err);

#endif

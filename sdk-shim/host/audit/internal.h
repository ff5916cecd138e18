/* host/audit/internal.h -- the inside of audit; private to this folder. */
#ifndef HOST_AUDIT_INTERNAL_H
#define HOST_AUDIT_INTERNAL_H

#include "host/audit/audit.h"
#include "kit/buf.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    HOST_AUDIT_KEY_BYTES = 32,
    HOST_AUDIT_MAC_TEXT = 65, /* hexadecimal, with the NUL */
    HOST_AUDIT_COLUMNS = 12,
    HOST_AUDIT_CHAIN_ROWS = 480, /* moved in one transaction */
    HOST_AUDIT_TEXT_MAX = 32 << 10,
    HOST_AUDIT_KEEPER_MS = 400
};

/* What an entry says, in the order in which it is hashed. */
#define HOST_AUDIT_NAMES                                                                           \
    "principal, action, layer, record_fid, record_uid, area_code, owner_org, request_id, "         \
    "address, detail, result"

/* ---- mac.c ---- */

struct evp_mac_ctx_st;

/* Of one thread at a time. */
struct host_audit_key {
    struct evp_mac_ctx_st *context;
};

cim_status host_audit_key_read(const char *path, bool make, struct host_audit_key *ret_key,
                               cim_error *err);
void host_audit_key_done(struct host_audit_key *key);
/* HMAC-SM3 of "label\n" and the text, as hexadecimal text. */
cim_status host_audit_mac(struct host_audit_key *key, const char *label, const char *text,
                          size_t len, char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err);
/* MAC of a position: of a link with the MAC before and that of its row, of head, start, anchor. */
cim_status host_audit_mac_at(struct host_audit_key *key, const char *label, int64_t seq,
                             const char *before, const char *of, char ret_mac[HOST_AUDIT_MAC_TEXT],
                             cim_error *err);
/* MAC of an entry: `{ms at}` and HOST_AUDIT_NAMES from column `first` on. `text` is scratch. */
cim_status host_audit_mac_row(struct host_audit_key *key, const cim_batch *batch, int64_t row,
                              uint32_t first, struct cim_buf *text,
                              char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err);

/* ---- chain.c ---- */

struct host_audit_head {
    int64_t seq;
    int64_t start_seq; /* entries up to it were deleted, lawfully */
    char mac[HOST_AUDIT_MAC_TEXT];
    char proof[HOST_AUDIT_MAC_TEXT];
    char start_mac[HOST_AUDIT_MAC_TEXT];
    char start_proof[HOST_AUDIT_MAC_TEXT];
};
cim_status host_audit_head_read(cim_rows *rows, struct host_audit_head *ret_head, cim_error *err);
cim_status host_audit_head_load(struct host_store *store, struct host_audit_head *ret_head,
                                cim_error *err);
extern const char HOST_AUDIT_HEAD_SQL[];

/* ---- anchor.c ---- */

struct host_anchor {
    int64_t seq;
    char mac[HOST_AUDIT_MAC_TEXT];
};
cim_status host_anchor_append(const char *path, struct host_audit_key *key, int64_t now_ms,
                              int64_t seq, const char *mac, cim_error *err);
/* Calls `each` for every line; `good` false: it is no anchor of this key. CIM_E_NOTFOUND: there is
 * no such file. */
cim_status host_anchor_each(const char *path, struct host_audit_key *key,
                            cim_status (*each)(void *arg, int64_t line, bool good,
                                               const struct host_anchor *anchor, cim_error *err),
                            void *arg, cim_error *err);

struct host_audit {
    struct host_audit_options options;
    char *key_file;
    char *anchor_file;
    pthread_mutex_t lock; /* of the key: one chains or anchors at a time */
    struct host_audit_key key;
    _Atomic int64_t seq;
    _Atomic int64_t anchored;
    _Atomic int64_t chain_failures;
    _Atomic int64_t anchor_failures;
    _Atomic int64_t lost;
    pthread_t thread;
    bool started;
    pthread_mutex_t stop_lock;
    pthread_cond_t stopping;
    bool stop;
};

#endif

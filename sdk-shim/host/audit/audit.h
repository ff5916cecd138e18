/* host/audit/audit.h -- who did what, kept so that nobody can change it unseen.
 *
 * An entry is written to cim_audit_pending in the transaction of what it tells of. The keeper, a
 * thread of the serving platform, moves entries to cim_audit within a second: it numbers them
 * without gaps (`seq`) and chains them with HMAC-SM3 (GB/T 32905, GM/T 0091) under a key that lies
 * in a file, not in the database. Each minute the newest number and its MAC are appended to another
 * file, the anchor, and brought to the disk. So whoever can write the database, but has not the
 * key, changes nothing unseen; and who has key and database cannot change what was anchored.
 *
 * Several hosts may serve one database: the row of cim_audit_head is locked while entries move.
 */
#ifndef HOST_AUDIT_H
#define HOST_AUDIT_H

#include "cim/audit.h"
#include "host/app.h"

#include <stdbool.h>

struct cim_buf;
struct host_clock;
struct host_store;
struct host_audit;

enum {
    HOST_AUDIT_DETAIL_BYTES_MAX = 16 << 10, /* of an entry */
    HOST_AUDIT_PAGE_MAX = 1000              /* entries of one page of a listing */
};

struct host_audit_options {
    struct host_store *store;
    const struct host_clock *clock;
    const char *key_file;    /* 32 random bytes as hexadecimal text, mode 0600 */
    const char *anchor_file; /* only ever appended to */
    int64_t anchor_ms;
};

/* Reads the key; makes it where nothing was chained yet. CIM_E_STATE: entries are chained and the
 * key is not there or not theirs, so that a chain is never continued with another key. */
cim_status host_audit_open(const struct host_audit_options *options, struct host_audit **ret_audit,
                           cim_error *err);
/* Chains and anchors what is left. NULL-safe. */
void host_audit_close(struct host_audit *audit);
/* The keeper begins; it ends with host_audit_close(). */
cim_status host_audit_start(struct host_audit *audit, cim_error *err);
/* Chains everything that was committed; for tests and verbs. */
cim_status host_audit_chain(struct host_audit *audit, cim_error *err);
cim_status host_audit_anchor(struct host_audit *audit, cim_error *err);

/* Deletes entries older than `before_ms` at the chain's beginning, in slices, or with `dry_run`
 * counts them. The newest stays. */
cim_status host_audit_forget(struct host_audit *audit, int64_t before_ms, bool dry_run,
                             int64_t *ret_n, cim_error *err);

/* As in cim/audit.h. `call` NULL: the platform itself. `audit` NULL: CIM_OK, nothing is kept. */
cim_status host_audit_record(cim_tx *tx, const cim_call *call, const cim_audit_entry *entry,
                             cim_error *err);
cim_status host_audit_event(struct host_audit *audit, const cim_call *call,
                            const cim_audit_entry *entry, cim_error *err);
/* An event that has happened already: a failure to keep it is logged and counted, no more. */
void host_audit_note(struct host_audit *audit, const cim_call *call, const cim_audit_entry *entry);

struct host_audit_stats {
    int64_t seq;      /* newest chained entry */
    int64_t anchored; /* newest anchored one */
    int64_t chain_failures;
    int64_t anchor_failures;
    int64_t lost; /* events that could not be kept */
};
void host_audit_stats(struct host_audit *audit, struct host_audit_stats *ret_stats);

/* ---- verification (verify.c) ---- */

enum host_audit_fault {
    HOST_AUDIT_CHANGED,
    HOST_AUDIT_REMOVED,
    HOST_AUDIT_INSERTED,
    HOST_AUDIT_REORDERED,
    HOST_AUDIT_TRUNCATED,
    HOST_AUDIT_REWRITTEN,
    HOST_AUDIT_HEAD,  /* the row that names the newest entry, or the chain's beginning */
    HOST_AUDIT_ANCHOR /* a line of the anchor file, `first` its number; 0: the file */
};
/* "changed", "removed", … */
const char *host_audit_fault_name(enum host_audit_fault fault);
void host_audit_fault_text(enum host_audit_fault fault, const char **ret_zh, const char **ret_en);

struct host_audit_verdict {
    int64_t first; /* the chain's first and last entry; 0: none */
    int64_t last;
    int64_t n_entries;
    int64_t n_anchors;
    int64_t n_pending; /* written, not chained yet */
    int64_t n_faults;
};
/* Reads the whole chain; calls `found` for each fault with the positions it spans. Needs the key
 * file and no other rights than reading. CIM_OK also where faults were found. */
cim_status host_audit_verify(const struct host_audit_options *options,
                             void (*found)(void *arg, enum host_audit_fault fault, int64_t first,
                                           int64_t last),
                             void *arg, struct host_audit_verdict *ret_verdict, cim_error *err);

/* ---- listing (list.c) ---- */

struct host_audit_filter {
    const char *principal; /* NULL: any, likewise below */
    const char *action;
    const char *layer;
    const char *uid;
    int64_t fid;     /* 0: any */
    int64_t from_ms; /* INT64_MIN and INT64_MAX: open */
    int64_t to_ms;   /* not included */
    int64_t after;   /* seq to continue after; 0: start */
    bool oldest_first;
    int32_t limit; /* 1 to HOST_AUDIT_PAGE_MAX */
};
struct host_audit_page {
    int32_t n;
    int64_t last; /* seq of the last entry of the page */
    bool more;
};
/* Writes the entries as JSON objects with `joint` between them. */
cim_status host_audit_list(struct host_store *store, const struct host_audit_filter *filter,
                           const char *joint, struct cim_buf *out, struct host_audit_page *ret_page,
                           cim_error *err);

/* GET /admin/api/audit, for holders of the function point cim.audit.read. */
cim_status host_audit_add_routes(struct host_app *app, cim_error *err);

#endif

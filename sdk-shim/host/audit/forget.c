/* host/audit/forget.c -- entries whose time is over leave at the chain's beginning.
 *
 * Where the chain begins from then on is signed with the key, so that nobody else shortens it. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/store/row.h"
#include "host/store/store.h"

enum { SLICE = 5000 };

struct forget {
    struct host_audit *audit;
    int64_t upto; /* entries up to this one go */
    int64_t n;    /* went in the last slice */
};

/* The last entry before the first that stays; 0: none goes. The newest always stays. */
static cim_status
find_last(struct host_store *store, int64_t before_ms, int64_t *ret_seq, cim_error *err)
{
    static const char sql[] =
        "select coalesce(min(seq), (select max(seq) from cim_audit)) from cim_audit where at >= "
        "{time :moment}";
    const cim_value moment = {.name = "moment", .type = CIM_COL_TIME_MS, .v.i64 = before_ms};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    bool there = false;
    CIM_TRY(host_store_read(store, sql, &moment, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_seq = there && host_row_has(&row, 0) ? host_row_i64(&row, 0) - 1 : 0;
    return CIM_OK;
}

static cim_status
mac_of(cim_tx *tx, int64_t seq, char ret_mac[HOST_AUDIT_MAC_TEXT], cim_error *err)
{
    const cim_value value = host_value_i64("seq", seq);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    bool there = false;
    CIM_TRY(
        host_store_query(tx, "select mac from cim_audit where seq = :seq", &value, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    CIM_AUTO_FREE char *mac = there ? host_row_text(&row, 0) : NULL;
    if (mac == NULL) {
        return cim_fail(
            err, CIM_E_STATE, "seq", NULL, "审计链缺少第 %lld 条，未删除；请先校验",
            "entry %lld is not in the audit chain, nothing was deleted: verify it first",
            (long long)seq);
    }
    cim_copy_text(ret_mac, HOST_AUDIT_MAC_TEXT, mac);
    return CIM_OK;
}

static cim_status
delete_slice(void *arg, cim_tx *tx, cim_error *err)
{
    struct forget *forget = arg;
    struct host_audit_head head;
    char mac[HOST_AUDIT_MAC_TEXT];
    char proof[HOST_AUDIT_MAC_TEXT];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    forget->n = 0;
    CIM_TRY(host_store_exec(tx, "update cim_audit_head set seq = seq", NULL, 0, NULL, err));
    CIM_TRY(host_store_query(tx, HOST_AUDIT_HEAD_SQL, NULL, 0, &rows, err));
    CIM_TRY(host_audit_head_read(rows, &head, err));
    const int64_t upto =
        head.start_seq + SLICE < forget->upto ? head.start_seq + SLICE : forget->upto;
    if (upto <= head.start_seq) {
        return CIM_OK;
    }
    CIM_TRY(mac_of(tx, upto, mac, err));
    CIM_TRY(host_audit_mac_at(&forget->audit->key, "start", upto, mac, "", proof, err));
    const cim_value values[] = {host_value_i64("seq", upto), host_value_text("mac", mac),
                                host_value_text("proof", proof)};
    CIM_TRY(host_store_exec(tx,
                            "update cim_audit_head set start_seq = :seq, start_mac = :mac, "
                            "start_proof = :proof",
                            values, 3, NULL, err));
    return host_store_exec(tx, "delete from cim_audit where seq <= :seq", values, 1, &forget->n,
                           err);
}

cim_status
host_audit_forget(struct host_audit *audit, int64_t before_ms, bool dry_run, int64_t *ret_n,
                  cim_error *err)
{
    struct forget forget = {.audit = audit, .n = 1};
    struct host_audit_head head;
    *ret_n = 0;
    CIM_TRY(find_last(audit->options.store, before_ms, &forget.upto, err));
    CIM_TRY(host_audit_head_load(audit->options.store, &head, err));
    if (dry_run) {
        *ret_n = forget.upto > head.start_seq ? forget.upto - head.start_seq : 0;
        return CIM_OK;
    }
    while (forget.n > 0) {
        (void)pthread_mutex_lock(&audit->lock);
        const cim_status status =
            host_store_write(audit->options.store, delete_slice, &forget, NULL, err);
        (void)pthread_mutex_unlock(&audit->lock);
        CIM_TRY(status);
        *ret_n += forget.n;
    }
    return CIM_OK;
}

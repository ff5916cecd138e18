/* host/audit/chain.c -- moving committed entries into the chain.
 *
 * Any order of committed entries will do, so nothing has to wait for older transactions: an entry
 * that commits late is chained late. What must not happen twice is the numbering, so the row of
 * cim_audit_head is locked first. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/store/row.h"
#include "host/store/store.h"

enum { BLOCK = 30, VALUES_PER_ROW = HOST_AUDIT_COLUMNS + 3 };

const char HOST_AUDIT_HEAD_SQL[] =
    "select seq, start_seq, mac, proof, start_mac, start_proof from cim_audit_head";

/* ---- the head ---- */

static void
copy_cell(const struct host_row *row, uint32_t column, char *to)
{
    size_t len = 0;
    const uint8_t *bytes = cim_column_bytes(row->batch->columns[column], row->at, &len);
    len = len < HOST_AUDIT_MAC_TEXT ? len : HOST_AUDIT_MAC_TEXT - 1;
    memcpy(to, bytes, len);
    to[len] = '\0';
}

cim_status
host_audit_head_read(cim_rows *rows, struct host_audit_head *ret_head, cim_error *err)
{
    struct host_row row = {.rows = rows};
    bool there = false;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_STATE, "cim_audit_head", NULL, "审计链的头部缺失",
                        "the head of the audit chain is gone");
    }
    ret_head->seq = host_row_i64(&row, 0);
    ret_head->start_seq = host_row_i64(&row, 1);
    copy_cell(&row, 2, ret_head->mac);
    copy_cell(&row, 3, ret_head->proof);
    copy_cell(&row, 4, ret_head->start_mac);
    copy_cell(&row, 5, ret_head->start_proof);
    return CIM_OK;
}

cim_status
host_audit_head_load(struct host_store *store, struct host_audit_head *ret_head, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_store_read(store, HOST_AUDIT_HEAD_SQL, NULL, 0, &rows, err));
    return host_audit_head_read(rows, ret_head, err);
}

/* ---- one transaction ---- */

struct entry {
    int64_t seq;
    char row_mac[HOST_AUDIT_MAC_TEXT];
    char mac[HOST_AUDIT_MAC_TEXT];
};

struct chain {
    struct host_audit *audit;
    struct host_audit_head head;
    int64_t n_moved;
    int64_t fids[HOST_AUDIT_CHAIN_ROWS];
    struct entry entries[BLOCK];
    char names[BLOCK * VALUES_PER_ROW][8];
    cim_value values[BLOCK * VALUES_PER_ROW];
    struct cim_buf text;
    char one_sql[1024];
    struct cim_buf block_sql;
};

static void
write_insert(struct cim_buf *sql, int n_rows)
{
    int name = 0;
    cim_buf_add_text(sql,
                     "insert into cim_audit (at, " HOST_AUDIT_NAMES ", seq, row_mac, mac) values ");
    for (int i = 0; i < n_rows; i++) {
        for (int k = 0; k < VALUES_PER_ROW; k++, name++) {
            cim_buf_addf(sql, k > 0 ? ", :v%d" : i > 0 ? "), ({time :v%d}" : "({time :v%d}", name);
        }
    }
    cim_buf_add_char(sql, ')');
}

static void
set_value(struct chain *chain, int at, const cim_value *value)
{
    chain->values[at] = *value;
    chain->values[at].name = chain->names[at];
}

static void
set_cell(struct chain *chain, int at, const cim_column *column, int64_t row)
{
    cim_value value = {.type = 0};
    size_t len = 0;
    if (cim_column_present(column, row)) {
        value.type = column->type;
        if (column->type == CIM_COL_TEXT) {
            value.v.ptr = cim_column_bytes(column, row, &len);
            value.len = (uint32_t)len;
        } else {
            value.v.i64 = cim_column_i64(column, row);
        }
    }
    set_value(chain, at, &value);
}

/* One row of the batch as the i-th of a block. */
static cim_status
link_row(struct chain *chain, const cim_batch *batch, int64_t row, int i, cim_error *err)
{
    struct host_audit_key *key = &chain->audit->key;
    struct entry *entry = &chain->entries[i];
    const int at = i * VALUES_PER_ROW;
    entry->seq = chain->head.seq + 1;
    CIM_TRY(host_audit_mac_row(key, batch, row, 1, &chain->text, entry->row_mac, err));
    CIM_TRY(host_audit_mac_at(key, "link", entry->seq, chain->head.mac, entry->row_mac, entry->mac,
                              err));
    for (int k = 0; k < HOST_AUDIT_COLUMNS; k++) {
        set_cell(chain, at + k, batch->columns[1 + k], row);
    }
    const cim_value seq = host_value_i64("", entry->seq);
    const cim_value row_mac = host_value_text("", entry->row_mac);
    const cim_value mac = host_value_text("", entry->mac);
    set_value(chain, at + HOST_AUDIT_COLUMNS, &seq);
    set_value(chain, at + HOST_AUDIT_COLUMNS + 1, &row_mac);
    set_value(chain, at + HOST_AUDIT_COLUMNS + 2, &mac);
    chain->head.seq = entry->seq;
    memcpy(chain->head.mac, entry->mac, sizeof chain->head.mac);
    chain->fids[chain->n_moved++] = cim_column_i64(batch->columns[0], row);
    return CIM_OK;
}

static cim_status
move_batch(struct chain *chain, cim_tx *tx, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows;) {
        const int n = batch->n_rows - row >= BLOCK ? BLOCK : 1;
        for (int i = 0; i < n; i++) {
            CIM_TRY(link_row(chain, batch, row++, i, err));
        }
        CIM_TRY(host_store_exec(tx, n == 1 ? chain->one_sql : chain->block_sql.data, chain->values,
                                (uint32_t)(n * VALUES_PER_ROW), NULL, err));
    }
    return CIM_OK;
}

static cim_status
move_pending(struct chain *chain, cim_tx *tx, cim_error *err)
{
    static const char sql[] =
        "select fid, {ms at}, " HOST_AUDIT_NAMES " from cim_audit_pending order by fid limit :most";
    const cim_value most = host_value_i64("most", HOST_AUDIT_CHAIN_ROWS);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(host_store_query(tx, sql, &most, 1, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        CIM_TRY(move_batch(chain, tx, batch, err));
        CIM_TRY(rows->next(rows, &batch, err));
    }
    return CIM_OK;
}

/* Always by as many names, so that the statement is prepared once: the last one repeats. */
static cim_status
delete_moved(struct chain *chain, cim_tx *tx, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf sql;
    cim_buf_init(&sql, HOST_AUDIT_TEXT_MAX);
    cim_buf_add_text(&sql, "delete from cim_audit_pending where fid in (");
    for (int i = 0; i < BLOCK; i++) {
        cim_buf_addf(&sql, i > 0 ? ", :v%d" : ":v%d", i);
    }
    cim_buf_add_char(&sql, ')');
    CIM_TRY(cim_buf_status(&sql, err));
    for (int64_t at = 0; at < chain->n_moved; at += BLOCK) {
        for (int i = 0; i < BLOCK; i++) {
            const int64_t last = chain->n_moved - 1;
            const cim_value fid = host_value_i64("", chain->fids[at + i < last ? at + i : last]);
            set_value(chain, i, &fid);
        }
        CIM_TRY(host_store_exec(tx, sql.data, chain->values, BLOCK, NULL, err));
    }
    return CIM_OK;
}

static cim_status
write_head(struct chain *chain, cim_tx *tx, cim_error *err)
{
    struct host_audit_head *head = &chain->head;
    CIM_TRY(
        host_audit_mac_at(&chain->audit->key, "head", head->seq, head->mac, "", head->proof, err));
    const cim_value values[] = {host_value_i64("seq", head->seq), host_value_text("mac", head->mac),
                                host_value_text("proof", head->proof)};
    return host_store_exec(tx, "update cim_audit_head set seq = :seq, mac = :mac, proof = :proof",
                           values, 3, NULL, err);
}

static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct chain *chain = arg;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    chain->n_moved = 0;
    CIM_TRY(host_store_exec(tx, "update cim_audit_head set seq = seq", NULL, 0, NULL, err));
    CIM_TRY(host_store_query(tx, HOST_AUDIT_HEAD_SQL, NULL, 0, &rows, err));
    CIM_TRY(host_audit_head_read(rows, &chain->head, err));
    CIM_TRY(move_pending(chain, tx, err));
    if (chain->n_moved == 0) {
        return CIM_OK;
    }
    CIM_TRY(delete_moved(chain, tx, err));
    return write_head(chain, tx, err);
}

/* ---- until nothing is left ---- */

static cim_status
is_anything_pending(struct host_store *store, bool *ret_there, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    CIM_TRY(
        host_store_read(store, "select fid from cim_audit_pending limit 1", NULL, 0, &rows, err));
    row.rows = rows;
    return host_row_next(&row, ret_there, err);
}

static cim_status
prepare(struct chain *chain, cim_error *err)
{
    struct cim_buf one;
    for (int i = 0; i < BLOCK * VALUES_PER_ROW; i++) {
        (void)snprintf(chain->names[i], sizeof chain->names[i], "v%d", i);
    }
    cim_buf_init(&one, sizeof chain->one_sql - 1);
    write_insert(&one, 1);
    const cim_status status = cim_buf_status(&one, err);
    if (status == CIM_OK) {
        cim_copy_text(chain->one_sql, sizeof chain->one_sql, one.data);
    }
    cim_buf_done(&one);
    CIM_TRY(status);
    write_insert(&chain->block_sql, BLOCK);
    return cim_buf_status(&chain->block_sql, err);
}

cim_status
host_audit_chain(struct host_audit *audit, cim_error *err)
{
    struct chain *chain = NULL;
    bool there = false;
    CIM_TRY(is_anything_pending(audit->options.store, &there, err));
    if (!there) {
        return CIM_OK;
    }
    chain = calloc(1, sizeof *chain);
    if (chain == NULL) {
        return cim_fail_nomem(err);
    }
    chain->audit = audit;
    cim_buf_init(&chain->text, HOST_AUDIT_TEXT_MAX);
    cim_buf_init(&chain->block_sql, HOST_AUDIT_TEXT_MAX);
    (void)pthread_mutex_lock(&audit->lock);
    cim_status status = prepare(chain, err);
    do {
        if (status == CIM_OK) {
            status = host_store_write(audit->options.store, in_transaction, chain, NULL, err);
        }
        if (status == CIM_OK) {
            atomic_store(&audit->seq, chain->head.seq);
        }
    } while (status == CIM_OK && chain->n_moved == HOST_AUDIT_CHAIN_ROWS);
    (void)pthread_mutex_unlock(&audit->lock);
    cim_buf_done(&chain->text);
    cim_buf_done(&chain->block_sql);
    free(chain);
    return status;
}

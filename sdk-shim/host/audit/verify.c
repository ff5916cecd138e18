/* host/audit/verify.c -- reading the chain and naming what somebody did to it.
 *
 * Each entry carries two MACs: of what it says (row_mac), and of its number, the MAC before and its
 * row_mac (mac). An entry whose row_mac does not fit was written by somebody without the key; one
 * whose row_mac fits and whose mac does not is genuine and in the wrong place. What came before
 * shows in the next entry: where it fits tells a removal that was covered up by new numbers from
 * a move, and an insertion from a change. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <stdlib.h>

enum { PAGE_ROWS = 1000, SHIFT_MAX = 1000, ANCHORS_MAX = 4 << 20 };

static const struct {
    const char *name;
    const char *zh;
    const char *en;
} faults[] = {
    [HOST_AUDIT_CHANGED] = {"changed", "内容被改动", "the entry was changed"},
    [HOST_AUDIT_REMOVED] = {"removed", "记录被删除", "entries were removed"},
    [HOST_AUDIT_INSERTED] = {"inserted", "记录是后来插入的", "the entry was inserted"},
    [HOST_AUDIT_REORDERED] = {"reordered", "记录的次序被改动", "entries were put in another order"},
    [HOST_AUDIT_TRUNCATED] = {"truncated", "链尾被截断", "the end of the chain was cut off"},
    [HOST_AUDIT_REWRITTEN] = {"rewritten", "到此为止的链被整体改写（与锚点不符）",
                              "the chain up to here was rewritten (the anchor has another)"},
    [HOST_AUDIT_HEAD] = {"head", "链头或链首与记录不符",
                         "the row that names the chain's end or beginning was changed"},
    [HOST_AUDIT_ANCHOR] = {"anchor", "锚点文件缺失，或此行不是本系统所写",
                           "the anchor file is gone, or this line is not ours"},
};

const char *
host_audit_fault_name(enum host_audit_fault fault)
{
    return faults[fault].name;
}

void
host_audit_fault_text(enum host_audit_fault fault, const char **ret_zh, const char **ret_en)
{
    *ret_zh = faults[fault].zh;
    *ret_en = faults[fault].en;
}

/* What the entry before left open. */
enum doubt {
    DOUBT_NONE,
    DOUBT_PLACE,  /* genuine, in the wrong place */
    DOUBT_FOREIGN /* not of our making: changed with its MACs, or inserted */
};

struct verify {
    const struct host_audit_options *options;
    void (*found)(void *arg, enum host_audit_fault fault, int64_t first, int64_t last);
    void *arg;
    struct host_audit_verdict *verdict;
    struct host_audit_key key;
    struct cim_buf text;
    struct host_anchor *anchors;
    size_t n_anchors;
    size_t next_anchor;
    int64_t seq;                   /* of the entry before */
    int64_t shift;                 /* its number when it was chained, less seq */
    char mac[HOST_AUDIT_MAC_TEXT]; /* likewise; empty with `gap`: unknown */
    bool gap;                      /* the MAC before is gone with a removed entry */
    enum doubt doubt;
    char mac_before[HOST_AUDIT_MAC_TEXT]; /* with a foreign entry: of the one before it */
    /* A fault that may go on. */
    enum host_audit_fault fault;
    int64_t fault_first;
    int64_t fault_last; /* 0: none */
};

/* ---- telling ---- */

static void
tell_last(struct verify *verify)
{
    if (verify->fault_last != 0) {
        verify->verdict->n_faults++;
        verify->found(verify->arg, verify->fault, verify->fault_first, verify->fault_last);
        verify->fault_last = 0;
    }
}

/* Neighbours in the wrong order are one fault. */
static void
tell(struct verify *verify, enum host_audit_fault fault, int64_t first, int64_t last)
{
    if (fault == HOST_AUDIT_REORDERED && verify->fault == fault && verify->fault_last != 0 &&
        first == verify->fault_last + 1) {
        verify->fault_last = last;
        return;
    }
    tell_last(verify);
    verify->fault = fault;
    verify->fault_first = first;
    verify->fault_last = last;
}

/* ---- one entry ---- */

struct entry {
    int64_t seq;
    bool genuine;
    char row_mac[HOST_AUDIT_MAC_TEXT];
    char mac[HOST_AUDIT_MAC_TEXT];
};

static cim_status
fits(struct verify *verify, const struct entry *entry, int64_t shift, const char *before,
     bool *ret_fits, cim_error *err)
{
    char wanted[HOST_AUDIT_MAC_TEXT];
    CIM_TRY(host_audit_mac_at(&verify->key, "link", entry->seq + shift, before, entry->row_mac,
                              wanted, err));
    *ret_fits = strcmp(wanted, entry->mac) == 0;
    return CIM_OK;
}

/* The entry before is genuine and in the wrong place: how this one follows it tells why. */
static cim_status
settle_place(struct verify *verify, const struct entry *entry, bool *ret_fits, cim_error *err)
{
    bool good = false;
    CIM_TRY(fits(verify, entry, verify->shift, verify->mac, &good, err));
    for (int64_t shift = 1; shift <= SHIFT_MAX && !good; shift++) {
        CIM_TRY(fits(verify, entry, verify->shift + shift, verify->mac, &good, err));
        if (good) {
            tell(verify, HOST_AUDIT_REMOVED, verify->seq, verify->seq);
            verify->shift += shift;
            *ret_fits = true;
            return CIM_OK;
        }
    }
    tell(verify, HOST_AUDIT_REORDERED, verify->seq, verify->seq);
    *ret_fits = good;
    return CIM_OK;
}

static cim_status
settle_foreign(struct verify *verify, const struct entry *entry, bool *ret_fits, cim_error *err)
{
    bool good = false;
    CIM_TRY(fits(verify, entry, verify->shift - 1, verify->mac_before, &good, err));
    tell(verify, good ? HOST_AUDIT_INSERTED : HOST_AUDIT_CHANGED, verify->seq, verify->seq);
    if (good) {
        verify->shift--;
        *ret_fits = true;
        return CIM_OK;
    }
    return fits(verify, entry, verify->shift, verify->mac, ret_fits, err);
}

static cim_status
check_anchors(struct verify *verify, const struct entry *entry, bool good, cim_error *err)
{
    (void)err;
    while (verify->next_anchor < verify->n_anchors &&
           verify->anchors[verify->next_anchor].seq <= entry->seq + verify->shift) {
        const struct host_anchor *anchor = &verify->anchors[verify->next_anchor++];
        if (good && anchor->seq == entry->seq + verify->shift &&
            strcmp(anchor->mac, entry->mac) != 0) {
            tell(verify, HOST_AUDIT_REWRITTEN, entry->seq, entry->seq);
        }
    }
    return CIM_OK;
}

static cim_status
check_entry(struct verify *verify, const struct entry *entry, cim_error *err)
{
    bool good = false;
    if (entry->seq > verify->seq + 1) {
        tell(verify, HOST_AUDIT_REMOVED, verify->seq + 1, entry->seq - 1);
        verify->gap = true;
        verify->doubt = DOUBT_NONE;
    }
    if (verify->gap) {
        good = true; /* what it followed is gone; the next one shows whether this one is right */
        verify->gap = false;
    } else if (verify->doubt == DOUBT_PLACE) {
        CIM_TRY(settle_place(verify, entry, &good, err));
    } else if (verify->doubt == DOUBT_FOREIGN) {
        CIM_TRY(settle_foreign(verify, entry, &good, err));
    } else {
        CIM_TRY(fits(verify, entry, verify->shift, verify->mac, &good, err));
    }
    if (good && !entry->genuine) {
        tell(verify, HOST_AUDIT_CHANGED, entry->seq, entry->seq);
    }
    verify->doubt = good ? DOUBT_NONE : entry->genuine ? DOUBT_PLACE : DOUBT_FOREIGN;
    CIM_TRY(check_anchors(verify, entry, good, err));
    memcpy(verify->mac_before, verify->mac, sizeof verify->mac);
    memcpy(verify->mac, entry->mac, sizeof verify->mac);
    verify->seq = entry->seq;
    verify->verdict->n_entries++;
    return CIM_OK;
}

/* ---- all entries ---- */

static void
copy_mac(const cim_column *column, int64_t row, char ret_mac[HOST_AUDIT_MAC_TEXT])
{
    size_t len = 0;
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    len = len < HOST_AUDIT_MAC_TEXT ? len : HOST_AUDIT_MAC_TEXT - 1;
    memcpy(ret_mac, bytes, len);
    ret_mac[len] = '\0';
}

static cim_status
check_batch(struct verify *verify, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        struct entry entry = {.seq = cim_column_i64(batch->columns[0], row)};
        char wanted[HOST_AUDIT_MAC_TEXT];
        copy_mac(batch->columns[1 + HOST_AUDIT_COLUMNS], row, entry.row_mac);
        copy_mac(batch->columns[2 + HOST_AUDIT_COLUMNS], row, entry.mac);
        CIM_TRY(host_audit_mac_row(&verify->key, batch, row, 1, &verify->text, wanted, err));
        entry.genuine = strcmp(wanted, entry.row_mac) == 0;
        CIM_TRY(check_entry(verify, &entry, err));
    }
    return CIM_OK;
}

static cim_status
check_page(struct verify *verify, bool *ret_more, cim_error *err)
{
    static const char sql[] =
        "select seq, {ms at}, " HOST_AUDIT_NAMES
        ", row_mac, mac from cim_audit where seq > :after order by seq limit :most";
    const cim_value values[] = {host_value_i64("after", verify->seq),
                                host_value_i64("most", PAGE_ROWS)};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n = 0;
    CIM_TRY(host_store_read(verify->options->store, sql, values, 2, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        n += batch->n_rows;
        CIM_TRY(check_batch(verify, batch, err));
        CIM_TRY(rows->next(rows, &batch, err));
    }
    *ret_more = n == PAGE_ROWS;
    return CIM_OK;
}

/* ---- head, anchors ---- */

static cim_status
keep_anchor(void *arg, int64_t line, bool good, const struct host_anchor *anchor, cim_error *err)
{
    struct verify *verify = arg;
    if (!good) {
        tell(verify, HOST_AUDIT_ANCHOR, line, line);
        return CIM_OK;
    }
    if (verify->n_anchors == ANCHORS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "audit.anchor_file", NULL, "锚点超过 %d 个",
                        "more than %d anchors", ANCHORS_MAX);
    }
    if ((verify->n_anchors & (verify->n_anchors - 1)) == 0) { /* 0, 1, 2, 4, 8, … */
        const size_t capacity = verify->n_anchors == 0 ? 1 : 2 * verify->n_anchors;
        struct host_anchor *more = realloc(verify->anchors, capacity * sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        verify->anchors = more;
    }
    verify->anchors[verify->n_anchors++] = *anchor;
    return CIM_OK;
}

static int
by_seq(const void *a, const void *b)
{
    const int64_t left = ((const struct host_anchor *)a)->seq;
    const int64_t right = ((const struct host_anchor *)b)->seq;
    return left < right ? -1 : left > right;
}

static cim_status
load_anchors(struct verify *verify, const struct host_audit_head *head, cim_error *err)
{
    const cim_status status =
        host_anchor_each(verify->options->anchor_file, &verify->key, keep_anchor, verify, err);
    if (status == CIM_E_NOTFOUND) {
        if (head->seq > 0) {
            tell(verify, HOST_AUDIT_ANCHOR, 0, -1);
        }
        return CIM_OK;
    }
    CIM_TRY(status);
    if (verify->n_anchors > 1) {
        qsort(verify->anchors, verify->n_anchors, sizeof *verify->anchors, by_seq);
    }
    verify->verdict->n_anchors = (int64_t)verify->n_anchors;
    return CIM_OK;
}

/* The row's own proof; nothing at all is as it was made. */
static cim_status
check_proof(struct verify *verify, const char *label, int64_t seq, const char *mac,
            const char *proof, cim_error *err)
{
    char wanted[HOST_AUDIT_MAC_TEXT] = "";
    if (seq > 0) {
        CIM_TRY(host_audit_mac_at(&verify->key, label, seq, mac, "", wanted, err));
    }
    if (strcmp(wanted, proof) != 0) {
        tell(verify, HOST_AUDIT_HEAD, seq, seq > 0 ? seq : -1);
    }
    return CIM_OK;
}

/* The end: what head and anchors know of must be there. */
static void
check_end(struct verify *verify, const struct host_audit_head *head)
{
    const int64_t end = verify->seq + verify->shift;
    const struct host_anchor *anchor =
        verify->n_anchors > 0 ? &verify->anchors[verify->n_anchors - 1] : NULL;
    int64_t known = head->seq;
    if (verify->doubt == DOUBT_PLACE) {
        tell(verify, HOST_AUDIT_REORDERED, verify->seq, verify->seq);
    } else if (verify->doubt == DOUBT_FOREIGN) {
        tell(verify, verify->seq > head->seq ? HOST_AUDIT_INSERTED : HOST_AUDIT_CHANGED,
             verify->seq, verify->seq);
    }
    known = anchor != NULL && anchor->seq > known ? anchor->seq : known;
    if (known > end) {
        tell(verify, HOST_AUDIT_TRUNCATED, end + 1, known);
    } else if (end > head->seq && verify->doubt == DOUBT_NONE) {
        tell(verify, HOST_AUDIT_HEAD, head->seq, end);
    }
    tell_last(verify);
}

static cim_status
count_pending(struct verify *verify, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    bool there = false;
    CIM_TRY(host_store_read(verify->options->store, "select count(*) from cim_audit_pending", NULL,
                            0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    verify->verdict->n_pending = host_row_i64(&row, 0);
    return CIM_OK;
}

static cim_status
verify_all(struct verify *verify, cim_error *err)
{
    struct host_audit_head head;
    bool more = true;
    CIM_TRY(host_audit_head_load(verify->options->store, &head, err));
    CIM_TRY(host_audit_key_read(verify->options->key_file, false, &verify->key, err));
    CIM_TRY(check_proof(verify, "head", head.seq, head.mac, head.proof, err));
    CIM_TRY(check_proof(verify, "start", head.start_seq, head.start_mac, head.start_proof, err));
    CIM_TRY(load_anchors(verify, &head, err));
    verify->seq = head.start_seq;
    memcpy(verify->mac, head.start_mac, sizeof verify->mac);
    while (more) {
        CIM_TRY(check_page(verify, &more, err));
        if (!more) { /* the keeper may be at work: the head of now, and what it added */
            const int64_t seq = head.seq;
            CIM_TRY(host_audit_head_load(verify->options->store, &head, err));
            more = head.seq > seq;
        }
    }
    verify->verdict->first = verify->verdict->n_entries > 0 ? head.start_seq + 1 : 0;
    verify->verdict->last = verify->seq;
    check_end(verify, &head);
    return count_pending(verify, err);
}

cim_status
host_audit_verify(const struct host_audit_options *options,
                  void (*found)(void *arg, enum host_audit_fault fault, int64_t first,
                                int64_t last),
                  void *arg, struct host_audit_verdict *ret_verdict, cim_error *err)
{
    struct host_audit_verdict verdict = {0};
    struct verify verify = {.options = options, .found = found, .arg = arg, .verdict = &verdict};
    cim_buf_init(&verify.text, HOST_AUDIT_TEXT_MAX);
    const cim_status status = verify_all(&verify, err);
    cim_buf_done(&verify.text);
    host_audit_key_done(&verify.key);
    free(verify.anchors);
    if (status == CIM_OK) {
        *ret_verdict = verdict;
    }
    return status;
}

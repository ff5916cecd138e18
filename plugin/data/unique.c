/* plugin/data/unique.c -- see unique.h.
 *
 * The values of the rows before are kept as hashes of 128 bits: two that differ have the same one
 * less often than memory fails. */
#include "data/unique.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 400 /* values of one query */, SEEN_LEAST = 4096 };

/* ---- values of rows before ---- */

void
lpg_seen_done(struct lpg_seen *seen)
{
    free(seen->slots);
    *seen = (struct lpg_seen){.n = 0};
}

static uint64_t
mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 32U)) * 0xd6e8feb86659fd93U;
    return hash ^ (hash >> 32U);
}

static struct lpg_seen_value
hash_value(uint32_t at, const void *bytes, size_t len)
{
    const uint8_t *data = (const uint8_t *)bytes;
    struct lpg_seen_value value = {14695981039346656037U + at, 0x9e3779b97f4a7c15U ^ at};
    for (size_t i = 0; i < len; i++) {
        value.a = (value.a ^ data[i]) * 1099511628211U;
        value.b = mix(value.b + data[i]);
    }
    value.a = mix(value.a) | 1U; /* zero is an empty slot */
    return value;
}

/* The slot that holds the value, or the empty one where it belongs. */
static struct lpg_seen_value *
find(const struct lpg_seen *seen, const struct lpg_seen_value *value)
{
    size_t at = value->b & (seen->capacity - 1);
    while (seen->slots[at].a != 0 &&
           (seen->slots[at].a != value->a || seen->slots[at].b != value->b)) {
        at = (at + 1) & (seen->capacity - 1);
    }
    return &seen->slots[at];
}

static cim_status
grow(struct lpg_seen *seen, cim_error *err)
{
    struct lpg_seen grown = {.capacity = seen->capacity == 0 ? SEEN_LEAST : seen->capacity * 2,
                             .n = seen->n};
    if (seen->n >= LPG_SEEN_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "试运行最多检查 %d 个唯一值",
                        "a dry run looks at %d unique values at most", LPG_SEEN_MAX);
    }
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (grown.slots == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < seen->capacity; i++) {
        if (seen->slots[i].a != 0) {
            *find(&grown, &seen->slots[i]) = seen->slots[i];
        }
    }
    free(seen->slots);
    *seen = grown;
    return CIM_OK;
}

static struct lpg_seen_value
hash_of(uint32_t at, const cim_value *value)
{
    const bool is_text = value->type == CIM_COL_TEXT;
    return hash_value(at, is_text ? value->v.ptr : (const void *)&value->v.i64,
                      is_text ? value->len : sizeof value->v.i64);
}

static bool
is_seen(const struct lpg_seen *seen, uint32_t at, const cim_value *value)
{
    const struct lpg_seen_value hashed = hash_of(at, value);
    return seen->n > 0 && find(seen, &hashed)->a != 0;
}

static cim_status
add_seen(struct lpg_seen *seen, uint32_t at, const cim_value *value, cim_error *err)
{
    const struct lpg_seen_value hashed = hash_of(at, value);
    if (seen->n * 4 >= seen->capacity * 3) {
        CIM_TRY(grow(seen, err));
    }
    *find(seen, &hashed) = hashed;
    seen->n++;
    return CIM_OK;
}

/* ---- values of the store ---- */

static bool
is_unique(const struct lpg_run *run, uint32_t at)
{
    const uint32_t slot = at < run->write.n_slots ? run->write.slots[at] : 0;
    const struct cim_field *field =
        at < run->write.n_slots ? lpg_record_field(&run->record, slot) : NULL;
    return field != NULL ? field->unique
                         : slot == CIM_RECORD_UID && run->record.given[CIM_RECORD_UID];
}

static cim_value *
value_of(const struct lpg_gather *gather, uint32_t row, uint32_t at)
{
    return &gather->values[(size_t)row * gather->n_values + at];
}

static bool
same(const cim_value *value, const cim_column *column, int64_t row)
{
    size_t len = 0;
    if (column->type != CIM_COL_TEXT) {
        return value->type != CIM_COL_TEXT && value->v.i64 == cim_column_i64(column, row);
    }
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    return value->type == CIM_COL_TEXT && value->len == len &&
           memcmp(value->v.ptr, bytes, len) == 0;
}

/* gather->fids is 0 for what is refused already, 1 for the others. */
static void
refuse(struct lpg_write *write, uint32_t row, uint32_t at)
{
    struct lpg_gather *gather = &write->gather;
    const char *name = value_of(gather, row, at)->name;
    cim_error why = {.code = CIM_OK};
    if (gather->fids[row] != 0) {
        gather->fids[row] = 0;
        (void)cim_fail(&why, CIM_E_EXISTS, name, NULL, "“%s”的值已存在，不能重复",
                       "the value of '%s' is taken by another record", name);
        lpg_refuse(write, gather->rows[row], value_of(gather, row, 0), gather->n_values, &why);
    }
}

static void
write_query(const struct lpg_write *write, uint32_t at, uint32_t first, uint32_t end,
            struct lpg_statement *statement)
{
    const char *name = value_of(&write->gather, first, at)->name;
    const char *joint = "";
    lpg_sql(statement, "select %s from %s where %s in (", name, write->run.layer->def->table, name);
    for (uint32_t row = first; row < end; row++) {
        const cim_value *value = value_of(&write->gather, row, at);
        if (value->type == 0) {
            continue;
        }
        lpg_sql(statement, "%s", joint);
        joint = ", ";
        if (value->type == CIM_COL_TEXT) {
            lpg_sql_text(statement, (const char *)value->v.ptr, value->len);
        } else {
            lpg_sql_int(statement, value->v.i64);
        }
    }
    lpg_sql(statement, joint[0] == '\0' ? "null)" : ")");
}

static cim_status
check_stored(struct lpg_write *write, uint32_t at, uint32_t first, uint32_t end, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(lpg_statement_init(&statement, err));
    write_query(write, at, first, end, &statement);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(write->run.layer->data, &statement, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t i = 0; i < batch->n_rows; i++) {
            for (uint32_t row = first; row < end; row++) {
                if (same(value_of(&write->gather, row, at), batch->columns[0], i)) {
                    refuse(write, row, at);
                }
            }
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

static cim_status
check_all_stored(struct lpg_write *write, uint32_t at, cim_error *err)
{
    const struct lpg_gather *gather = &write->gather;
    for (uint32_t first = 0; first < gather->n; first += ASKED_MAX) {
        const uint32_t end = first + ASKED_MAX < gather->n ? first + ASKED_MAX : gather->n;
        CIM_TRY(check_stored(write, at, first, end, err));
    }
    return CIM_OK;
}

/* A row that is refused takes no value. */
static cim_status
check_seen(struct lpg_write *write, uint32_t row, cim_error *err)
{
    const struct lpg_gather *gather = &write->gather;
    for (uint32_t at = 0; at < gather->n_values && gather->fids[row] != 0; at++) {
        const cim_value *value = value_of(gather, row, at);
        if (value->type != 0 && is_unique(&write->run, at) && is_seen(&write->seen, at, value)) {
            refuse(write, row, at);
        }
    }
    for (uint32_t at = 0; at < gather->n_values && gather->fids[row] != 0; at++) {
        const cim_value *value = value_of(gather, row, at);
        if (value->type != 0 && is_unique(&write->run, at)) {
            CIM_TRY(add_seen(&write->seen, at, value, err));
        }
    }
    write->run.n_written += gather->fids[row] != 0 ? 1 : 0;
    return CIM_OK;
}

cim_status
lpg_unique_check(struct lpg_write *write, cim_error *err)
{
    struct lpg_gather *gather = &write->gather;
    for (uint32_t row = 0; row < gather->n; row++) {
        gather->fids[row] = 1;
    }
    for (uint32_t at = 0; at < gather->n_values && gather->n > 0; at++) {
        if (is_unique(&write->run, at)) {
            CIM_TRY(check_all_stored(write, at, err));
        }
    }
    for (uint32_t row = 0; row < gather->n; row++) {
        CIM_TRY(check_seen(write, row, err));
    }
    return write->failed == CIM_OK ? CIM_OK : cim_fail_nomem(err);
}

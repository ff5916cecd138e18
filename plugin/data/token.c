/* plugin/data/token.c -- a position as an opaque text, and back.
 *
 * Bytes: kind, 4 bytes of hash over layer and order, fid, then per key a tag and its value; in
 * base64url. It grants nothing: the scope is applied to every page again.
 */
#include "data/paging.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

enum { KIND_VALUES = 1, KIND_RECORD = 2, TAG_ABSENT = 0, TAG_NUMBER = 1, TAG_TEXT = 2 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint32_t
hash_order(const struct lpg_layer *layer, const struct lpg_order *order)
{
    uint32_t hash = 2166136261U;
    for (const char *c = layer->def->id; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    }
    for (uint32_t i = 0; i < order->n_keys; i++) {
        hash =
            (hash ^ ((order->keys[i].descending ? 2U : 1U) + (order->keys[i].pinyin ? 2U : 0U))) *
            16777619U;
        for (const char *c = order->keys[i].column.name; *c != '\0'; c++) {
            hash = (hash ^ (unsigned char)*c) * 16777619U;
        }
    }
    return hash;
}

static void
put_number(struct cim_buf *to, uint64_t number, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        cim_buf_add_char(to, (char)(uint8_t)(number >> (8U * i)));
    }
}

static void
put_value(struct cim_buf *to, const struct lpg_key *key, const struct lpg_position *position,
          const struct lpg_key_value *value)
{
    const uint32_t type = lpg_column_type(key->column.type);
    if (!value->present) {
        put_number(to, TAG_ABSENT, 1);
    } else if (type == CIM_COL_TEXT) {
        put_number(to, TAG_TEXT, 1);
        put_number(to, value->len, 2);
        cim_buf_add(to, position->texts.data != NULL ? position->texts.data + value->offset : "",
                    value->len);
    } else {
        uint64_t bits = (uint64_t)value->i64;
        if (type == CIM_COL_FLOAT64) {
            memcpy(&bits, &value->f64, sizeof bits);
        }
        put_number(to, TAG_NUMBER, 1);
        put_number(to, bits, 8);
    }
}

static void
encode(const uint8_t *bytes, size_t len, struct cim_buf *out)
{
    for (size_t at = 0; at < len; at += 3) {
        const size_t left = len - at;
        const uint32_t group = (uint32_t)bytes[at] << 16U |
                               (left > 1 ? (uint32_t)bytes[at + 1] << 8U : 0U) |
                               (left > 2 ? (uint32_t)bytes[at + 2] : 0U);
        cim_buf_add_char(out, alphabet[group >> 18U]);
        cim_buf_add_char(out, alphabet[group >> 12U & 63U]);
        if (left > 1) {
            cim_buf_add_char(out, alphabet[group >> 6U & 63U]);
        }
        if (left > 2) {
            cim_buf_add_char(out, alphabet[group & 63U]);
        }
    }
}

cim_status
lpg_token_write(const struct lpg_layer *layer, const struct lpg_order *order,
                const struct lpg_position *position, struct cim_buf *out, cim_error *err)
{
    const bool short_texts = position->texts.len <= LPG_TOKEN_TEXT_MAX;
    CIM_AUTO_BUF struct cim_buf bytes;
    cim_buf_init(&bytes, LPG_TOKEN_MAX);
    put_number(&bytes, short_texts ? KIND_VALUES : KIND_RECORD, 1);
    put_number(&bytes, hash_order(layer, order), 4);
    put_number(&bytes, (uint64_t)position->fid, 8);
    for (uint32_t i = 0; short_texts && i < order->n_keys; i++) {
        put_value(&bytes, &order->keys[i], position, &position->values[i]);
    }
    CIM_TRY(cim_buf_status(&bytes, err));
    encode((const uint8_t *)bytes.data, bytes.len, out);
    return cim_buf_status(out, err);
}

static cim_status
refuse(const char *token, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "cursor", token, "不是本查询给出的游标，请从第一页重新开始",
                    "this cursor is none of this query's: start from the first page");
}

static bool
decode(const char *token, struct cim_buf *out)
{
    uint32_t group = 0;
    unsigned bits = 0;
    for (const char *c = token; *c != '\0'; c++) {
        const char *at = strchr(alphabet, *c);
        if (at == NULL) {
            return false;
        }
        group = group << 6U | (uint32_t)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            cim_buf_add_char(out, (char)(uint8_t)(group >> bits));
        }
    }
    return bits < 6 && (group & ((1U << bits) - 1U)) == 0;
}

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static uint64_t
take_number(struct reader *in, unsigned n_bytes)
{
    uint64_t number = 0;
    if (in->failed || (size_t)(in->end - in->at) < n_bytes) {
        in->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < n_bytes; i++) {
        number |= (uint64_t)in->at[i] << (8U * i);
    }
    in->at += n_bytes;
    return number;
}

static void
take_value(struct reader *in, const struct lpg_key *key, struct lpg_position *position,
           struct lpg_key_value *value)
{
    const uint32_t type = lpg_column_type(key->column.type);
    const uint64_t tag = take_number(in, 1);
    value->present = tag != TAG_ABSENT;
    if (!value->present) {
        return;
    }
    if ((tag == TAG_TEXT) != (type == CIM_COL_TEXT) || tag > TAG_TEXT) {
        in->failed = true;
    } else if (tag == TAG_TEXT) {
        value->len = (size_t)take_number(in, 2);
        value->offset = position->texts.len;
        if (in->failed || (size_t)(in->end - in->at) < value->len) {
            in->failed = true;
            return;
        }
        cim_buf_add(&position->texts, in->at, value->len);
        in->at += value->len;
    } else {
        const uint64_t bits = take_number(in, 8);
        value->i64 = (int64_t)bits;
        memcpy(&value->f64, &bits, sizeof bits);
    }
}

/* The values of the record that a token names. */
static cim_status
read_record(const struct lpg_layer *layer, const struct lpg_order *order, const char *token,
            struct lpg_position *position, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    struct lpg_order alone = *order;
    CIM_TRY(lpg_statement_init(&statement, err));
    lpg_sql(&statement, "select fid");
    for (uint32_t i = 0; i < order->n_keys; i++) {
        const char *name = order->keys[i].column.name;
        lpg_sql(&statement, order->keys[i].column.type == CIM_FIELD_TIME ? ", {ms %s}" : ", %s",
                name);
        alone.keys[i].index = i + 1;
    }
    lpg_sql(&statement, " from %s where fid = ", layer->def->table);
    lpg_sql_int(&statement, position->fid);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(layer->data, &statement, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    return batch->n_rows == 1 ? lpg_position_take(position, &alone, batch, 0, err)
                              : refuse(token, err);
}

cim_status
lpg_token_read(const struct lpg_layer *layer, const struct lpg_order *order, const char *token,
               struct lpg_position *position, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf bytes;
    cim_buf_init(&bytes, LPG_TOKEN_MAX);
    if (strlen(token) > 2 * LPG_TOKEN_MAX || !decode(token, &bytes)) {
        return refuse(token, err);
    }
    CIM_TRY(cim_buf_status(&bytes, err));
    struct reader in = {.at = (const uint8_t *)bytes.data};
    in.end = in.at != NULL ? in.at + bytes.len : NULL;
    const uint64_t kind = take_number(&in, 1);
    const uint64_t hash = take_number(&in, 4);
    position->fid = (int64_t)take_number(&in, 8);
    if (in.failed || (kind != KIND_VALUES && kind != KIND_RECORD) ||
        hash != hash_order(layer, order)) {
        return refuse(token, err);
    }
    if (kind == KIND_RECORD) {
        return in.at == in.end ? read_record(layer, order, token, position, err)
                               : refuse(token, err);
    }
    for (uint32_t i = 0; i < order->n_keys; i++) {
        take_value(&in, &order->keys[i], position, &position->values[i]);
    }
    if (in.failed || in.at != in.end) {
        return refuse(token, err);
    }
    position->set = true;
    return cim_buf_status(&position->texts, err);
}

/* plugin/data/sealed.c -- see sealed.h. */
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/rows.h"

#include <json-c/json.h>

_Static_assert(sizeof CIM_ERASED_TEXT <= sizeof CIM_CRYPT_ERASED, "opened in place");

enum { INDEX_TEXT_MAX = 128 };

/* What the indexes hold of a sealed text, as their migration says: enough for the head that it is
 * found by, and a fifth of the whole, which would make an index as large as its table. */
#define BEGINNING "substr(%s, 1, 40)"

static cim_crypt_place
place_of(const struct lpg_layer *layer, const struct cim_field *field, const void *uid, size_t len)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)len,
                             .table = layer->def->table,
                             .column = field->name,
                             .uid = uid};
}

static bool
is_sealed(const void *text, size_t len)
{
    return len > 3 && memcmp(text, "e1:", 3) == 0;
}

/* ---- what a value is found by ---- */

static bool
has_index(const struct cim_field *field)
{
    return field->sensitive == CIM_SENSITIVE_ID || field->sensitive == CIM_SENSITIVE_PHONE;
}

/* Identity numbers end in x or X, phones are written with and without hyphens: one of them each.
 * Longer than any of both: cut, as an index may take more than it has to. */
static size_t
normalise(const struct cim_field *field, const char *text, size_t len, char to[INDEX_TEXT_MAX])
{
    const bool is_phone = field->sensitive == CIM_SENSITIVE_PHONE;
    size_t n = 0;
    for (size_t i = 0; i < len && n < INDEX_TEXT_MAX; i++) {
        const char c = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
        if (c != ' ' && !(is_phone && c == '-')) {
            to[n++] = c;
        }
    }
    return n;
}

/* ---- writing ---- */

bool
lpg_sealed_read(const struct cim_field *field, const cim_column *column, int64_t row,
                cim_value *value)
{
    size_t len = 0;
    if (!field->encrypted || column->type != CIM_COL_TEXT || !cim_column_present(column, row)) {
        return false;
    }
    const uint8_t *text = cim_column_bytes(column, row, &len);
    if (!is_sealed(text, len)) {
        return false;
    }
    value->type = CIM_COL_TEXT;
    value->v.ptr = text;
    value->len = (uint32_t)len;
    return true;
}

/* The person of a sealed text; of another text, and of none, a new one. */
static cim_status
person_of(const struct lpg_data *data, const void *sealed, size_t len, uint64_t *ret_person,
          cim_error *err)
{
    *ret_person = is_sealed(sealed, len) ? data->crypt->person_of(data->host, sealed, len) : 0;
    return *ret_person != 0 ? CIM_OK : data->crypt->person_new(data->host, ret_person, err);
}

static cim_status
seal(const struct lpg_layer *layer, const cim_crypt_place *place, const struct cim_field *field,
     const char *text, size_t len, struct cim_buf *out, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    char sealed[CIM_CRYPT_SEALED_MAX];
    char index[INDEX_TEXT_MAX];
    size_t n = 0;
    const size_t index_len = normalise(field, text, len, index);
    CIM_TRY(data->crypt->seal(data->host, place, text, len, has_index(field) ? index : NULL,
                              index_len, sealed, sizeof sealed, &n, err));
    cim_buf_add(out, sealed, n);
    return CIM_OK;
}

/* The clear text of a stored cell. CIM_E_NOTFOUND: its person was erased, CIM_E_STATE: it cannot be
 * opened. */
static cim_status
clear_text(const struct lpg_layer *layer, const cim_crypt_place *place, const void *stored,
           size_t len, char text[CIM_CRYPT_TEXT_MAX], size_t *ret_len)
{
    const struct lpg_data *data = layer->data;
    if (is_sealed(stored, len)) {
        return data->crypt->open(data->host, place, stored, len, text, CIM_CRYPT_TEXT_MAX, ret_len,
                                 NULL);
    }
    if (len > CIM_CRYPT_TEXT_MAX) {
        return CIM_E_STATE;
    }
    memcpy(text, stored, len);
    *ret_len = len;
    return CIM_OK;
}

cim_status
lpg_sealed_again(const struct lpg_layer *layer, const struct cim_field *field, const char *uid,
                 size_t uid_len, const char *stored, size_t len, struct cim_buf *out,
                 cim_error *err)
{
    cim_crypt_place place = place_of(layer, field, uid, uid_len);
    char text[CIM_CRYPT_TEXT_MAX];
    size_t n = 0;
    const cim_status status = clear_text(layer, &place, stored, len, text, &n);
    if (status == CIM_E_NOTFOUND) {
        cim_buf_add_text(out, CIM_CRYPT_ERASED);
        return cim_buf_status(out, err);
    }
    if (status != CIM_OK) {
        return cim_fail(err, CIM_E_STATE, field->name, NULL, "加密的值打不开",
                        "the encrypted value cannot be opened");
    }
    CIM_TRY(person_of(layer->data, stored, len, &place.person, err));
    CIM_TRY(seal(layer, &place, field, text, n, out, err));
    return cim_buf_status(out, err);
}

bool
lpg_sealed_same(const struct lpg_run *run, uint32_t slot, const cim_batch *stored)
{
    const struct cim_field *field = lpg_record_field(&run->record, slot);
    const cim_value *value = &run->record.values[slot];
    const cim_column *column = stored->columns[slot];
    char text[CIM_CRYPT_TEXT_MAX];
    size_t uid_len = 0;
    size_t len = 0;
    if (value->type == 0 || !cim_column_present(column, 0)) {
        return (value->type == 0) == !cim_column_present(column, 0);
    }
    const uint8_t *uid = cim_column_bytes(stored->columns[CIM_RECORD_UID], 0, &uid_len);
    const uint8_t *bytes = cim_column_bytes(column, 0, &len);
    const cim_crypt_place place = place_of(run->layer, field, uid, uid_len);
    if (len == value->len && memcmp(bytes, value->v.ptr, len) == 0) {
        return true;
    }
    return clear_text(run->layer, &place, bytes, len, text, &len) == CIM_OK && len == value->len &&
           memcmp(text, value->v.ptr, len) == 0;
}

/* The newest key's texts begin so. */
static cim_status
newest_head(const struct lpg_layer *layer, const struct cim_field *field,
            char head[CIM_CRYPT_HEAD_MAX], cim_error *err)
{
    const cim_crypt_place place = place_of(layer, field, "", 0);
    return layer->data->crypt->head(layer->data->host, &place, NULL, 0, 0, head, err);
}

static cim_status
keep_or_seal(struct lpg_run *run, uint32_t slot, const cim_crypt_place *place,
             const cim_batch *stored, cim_error *err)
{
    const struct cim_field *field = lpg_record_field(&run->record, slot);
    const cim_value *value = &run->record.values[slot];
    char head[CIM_CRYPT_HEAD_MAX];
    CIM_TRY(newest_head(run->layer, field, head, err));
    if (stored != NULL && lpg_sealed_same(run, slot, stored)) {
        size_t len = 0;
        const uint8_t *bytes = cim_column_bytes(stored->columns[slot], 0, &len);
        if (len > strlen(head) && memcmp(bytes, head, strlen(head)) == 0) {
            cim_buf_add(&run->sealed, bytes, len);
            return CIM_OK;
        }
    }
    if (run->record.undoes && is_sealed(value->v.ptr, value->len)) {
        return lpg_sealed_again(run->layer, field, place->uid, place->uid_len, value->v.ptr,
                                value->len, &run->sealed, err);
    }
    return seal(run->layer, place, field, value->v.ptr, value->len, &run->sealed, err);
}

/* One person for all texts of a record: that of the first which is sealed already. */
static cim_status
choose_person(struct lpg_run *run, const cim_batch *stored, uint64_t *ret_person, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    const struct lpg_record *record = &run->record;
    bool wanted = false;
    *ret_person = 0;
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots && *ret_person == 0; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        size_t len = 0;
        if (!field->encrypted) {
            continue;
        }
        wanted = wanted || (record->given[slot] && record->values[slot].type == CIM_COL_TEXT);
        if (stored != NULL && cim_column_present(stored->columns[slot], 0)) {
            const char *text = (const char *)cim_column_bytes(stored->columns[slot], 0, &len);
            *ret_person = data->crypt->person_of(data->host, text, len);
        }
    }
    return wanted && *ret_person == 0 ? data->crypt->person_new(data->host, ret_person, err)
                                      : CIM_OK;
}

cim_status
lpg_sealed_erase(struct lpg_run *run, const cim_batch *stored, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    struct lpg_record *record = &run->record;
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        size_t len = 0;
        if (!record->given[slot]) {
            continue;
        }
        if (!cim_column_present(stored->columns[slot], 0)) {
            record->values[slot].type = 0;
        } else if (field->encrypted) {
            const char *text = (const char *)cim_column_bytes(stored->columns[slot], 0, &len);
            const uint64_t person = data->crypt->person_of(data->host, text, len);
            cim_buf_add(&run->erased, &person, person != 0 ? sizeof person : 0);
        }
    }
    return cim_buf_status(&run->erased, err);
}

cim_status
lpg_sealed_destroy(struct lpg_run *run, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    for (size_t at = 0; at < run->erased.len; at += sizeof(uint64_t)) {
        uint64_t person = 0;
        memcpy(&person, run->erased.data + at, sizeof person);
        CIM_TRY(data->crypt->person_erase(data->host, person, err));
    }
    return CIM_OK;
}

cim_status
lpg_sealed_take(struct lpg_run *run, const char *uid, const cim_batch *stored, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    size_t starts[LPG_SLOTS_MAX];
    struct lpg_record *record = &run->record;
    uint64_t person = 0;
    CIM_TRY(choose_person(run, stored, &person, err));
    cim_buf_clear(&run->sealed);
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        starts[slot] = run->sealed.len;
        if (field->encrypted && record->given[slot] && record->values[slot].type == CIM_COL_TEXT) {
            cim_crypt_place place = place_of(run->layer, field, uid, strlen(uid));
            place.person = person;
            cim_status status = keep_or_seal(run, slot, &place, stored, err);
            if (status == CIM_E_NOTFOUND) { /* of an old copy of the store: a new person's values */
                CIM_TRY(data->crypt->person_new(data->host, &person, err));
                place.person = person;
                status = keep_or_seal(run, slot, &place, stored, err);
            }
            if (status != CIM_OK) {
                return status;
            }
        }
    }
    CIM_TRY(cim_buf_status(&run->sealed, err));
    size_t end = run->sealed.len; /* the buffer moves no more */
    for (uint32_t slot = record->n_slots; slot-- > LPG_RECORD_COLUMNS;) {
        if (starts[slot] < end) {
            record->values[slot].v.ptr = run->sealed.data + starts[slot];
            record->values[slot].len = (uint32_t)(end - starts[slot]);
            end = starts[slot];
        }
    }
    return CIM_OK;
}

/* ---- reading ---- */

cim_status
lpg_sealed_open(const struct lpg_layer *layer, struct lpg_block *block, uint32_t column,
                const struct cim_field *field, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    cim_column *texts = &block->columns[column];
    int32_t *offsets = (int32_t *)(uintptr_t)texts->values; /* our own copy, as the bytes are */
    char *bytes = (char *)(uintptr_t)texts->data;
    int32_t start = offsets[0];
    int32_t to = start;
    for (int64_t row = 0; row < block->batch.n_rows; row++) {
        const int32_t end = offsets[row + 1];
        size_t len = (size_t)(end - start);
        offsets[row] = to;
        if (cim_column_present(texts, row) && is_sealed(bytes + start, len)) {
            char text[CIM_CRYPT_TEXT_MAX];
            size_t uid_len = 0;
            const uint8_t *uid = cim_column_bytes(&block->columns[CIM_RECORD_UID], row, &uid_len);
            const cim_crypt_place place = place_of(layer, field, uid, uid_len);
            const cim_status status = data->crypt->open(data->host, &place, bytes + start, len,
                                                        text, sizeof text, &len, err);
            if (status == CIM_E_NOTFOUND) {
                len = strlen(CIM_ERASED_TEXT);
                memcpy(text, CIM_ERASED_TEXT, len);
            } else if (status != CIM_OK) {
                return status;
            }
            memcpy(bytes + to, text, len); /* a text is shorter than what it is sealed to */
        } else {
            memmove(bytes + to, bytes + start, len);
        }
        to += (int32_t)len;
        start = end;
    }
    offsets[block->batch.n_rows] = to;
    return CIM_OK;
}

/* ---- conditions ---- */

cim_status
lpg_sealed_refuse(const struct lpg_column *column, cim_error *err)
{
    if (column->field != NULL && column->field->encrypted) {
        return cim_fail(err, CIM_E_INVALID, column->name, NULL,
                        "字段“%s”加密保存，只能按完整的值等值查询（证件号码、电话），不能按范围、"
                        "模式、排序或分组使用",
                        "'%s' is stored encrypted: identity numbers and phones can be asked for by "
                        "their whole value with =, not by range, pattern, order or group",
                        column->name);
    }
    return CIM_OK;
}

static cim_status
put_text(struct lpg_filter *filter, const struct cim_field *field, const char *text, size_t len)
{
    const struct lpg_data *data = filter->layer->data;
    struct lpg_statement *statement = filter->statement;
    const cim_crypt_place place = place_of(filter->layer, field, "", 0);
    char head[CIM_CRYPT_HEAD_MAX];
    char index[INDEX_TEXT_MAX];
    const size_t index_len = normalise(field, text, len, index);
    cim_error end = {.code = CIM_OK};
    cim_status status = CIM_OK;
    for (uint32_t i = 0; status == CIM_OK; i++) {
        status = data->crypt->head(data->host, &place, index, index_len, i, head, &end);
        if (status == CIM_OK) {
            const size_t n = strlen(head);
            lpg_sql(statement, "(" BEGINNING " >= ", field->name);
            lpg_sql_text(statement, head, n);
            lpg_sql(statement, " and " BEGINNING " < ", field->name);
            head[n - 1]++; /* what follows ':' */
            lpg_sql_text(statement, head, n);
            lpg_sql(statement, ") or ");
        }
    }
    if (status != CIM_E_NOTFOUND) {
        if (filter->err != NULL) {
            *filter->err = end;
        }
        return status;
    }
    lpg_sql(statement, "(" BEGINNING " = substr(cast(", field->name); /* not sealed yet */
    lpg_sql_text(statement, text, len);
    lpg_sql(statement, " as text), 1, 40) and %s = ", field->name);
    lpg_sql_text(statement, text, len);
    lpg_sql(statement, ")");
    return CIM_OK;
}

cim_status
lpg_sealed_filter(struct lpg_filter *filter, const struct cim_field *field,
                  struct json_object *const *values, size_t n)
{
    const struct lpg_column column = {.name = field->name, .field = field};
    if (!has_index(field)) {
        return lpg_sealed_refuse(&column, filter->err);
    }
    for (size_t i = 0; i < n; i++) {
        if (!json_object_is_type(values[i], json_type_string)) {
            return lpg_filter_refuse(filter, field->name, "应与文本比较",
                                     "expected a text to compare with");
        }
        CIM_TRY(lpg_filter_count(filter));
        lpg_sql(filter->statement, i == 0 ? "(" : " or ");
        CIM_TRY(put_text(filter, field, json_object_get_string(values[i]),
                         (size_t)json_object_get_string_len(values[i])));
    }
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

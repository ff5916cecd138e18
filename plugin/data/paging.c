/* plugin/data/paging.c -- sort keys and the condition that continues after a row.
 *
 * Texts that people look for (names, places: `search` in the definition) sort by pinyin, as ICU has
 * it on both stores, any other text by its bytes, as indexes and filters do. Texts that ICU holds
 * for equal are told apart by their bytes, so equality is that of bytes either way.
 *
 * Pages follow keys, never offsets: a page costs the same wherever it lies, and rows that come and
 * go in between neither repeat nor hide others.
 */
#include "data/paging.h"
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/rows.h"

cim_status
lpg_order_parse(const struct lpg_layer *layer, const cim_query *query, const cim_scope *scope,
                struct lpg_order *ret_order, cim_error *err)
{
    struct lpg_order order = {.n_keys = query->n_sort};
    if (query->n_sort > LPG_SORT_KEYS_MAX) {
        return cim_fail(err, CIM_E_INVALID, "sortby", NULL, "最多按 %d 个字段排序",
                        "at most %d properties to sort by", LPG_SORT_KEYS_MAX);
    }
    for (uint32_t i = 0; i < query->n_sort; i++) {
        struct lpg_key *key = &order.keys[i];
        const char *text = query->sort[i];
        key->descending = text[0] == '-';
        const char *name = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
        if (!lpg_column_find(layer, name, &key->column)) {
            return cim_fail(err, CIM_E_INVALID, "sortby", name, "没有这个字段",
                            "there is no such property");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(order.keys[j].column.name, key->column.name) == 0) {
                return cim_fail(err, CIM_E_INVALID, "sortby", name, "排序字段重复",
                                "the property is named twice");
            }
        }
        CIM_TRY(lpg_column_must_be_clear(scope, &key->column, err));
        CIM_TRY(lpg_sealed_refuse(&key->column, err));
        key->pinyin = key->column.type == CIM_FIELD_TEXT && key->column.field != NULL &&
                      key->column.field->search;
        order.fid_descending = key->descending;
    }
    *ret_order = order;
    return CIM_OK;
}

static void
sql_key(struct lpg_statement *statement, const struct lpg_key *key)
{
    lpg_sql(statement, key->pinyin ? "{pinyin %s}" : "%s", key->column.name);
}

void
lpg_sql_order(struct lpg_statement *statement, const struct lpg_order *order)
{
    lpg_sql(statement, " order by ");
    for (uint32_t i = 0; i < order->n_keys; i++) {
        const struct lpg_key *key = &order->keys[i];
        sql_key(statement, key);
        lpg_sql(statement, "%s%s, ", key->descending ? " desc" : "",
                key->column.required ? "" : " nulls last");
    }
    lpg_sql(statement, order->fid_descending ? "fid desc" : "fid");
}

static void
sql_value(struct lpg_statement *statement, const struct lpg_key *key,
          const struct lpg_position *position, uint32_t i)
{
    const struct lpg_key_value *value = &position->values[i];
    switch (key->column.type) {
    case CIM_FIELD_TIME:
        lpg_sql_time(statement, value->i64);
        break;
    case CIM_FIELD_INTEGER:
    case CIM_FIELD_BOOLEAN:
        lpg_sql_int(statement, value->i64);
        break;
    case CIM_FIELD_NUMBER:
        lpg_sql_real(statement, value->f64);
        break;
    case CIM_FIELD_TEXT:
    case CIM_FIELD_DATE:
    case CIM_FIELD_CODE:
    default:
        lpg_sql_text(statement,
                     position->texts.data != NULL ? position->texts.data + value->offset : "",
                     value->len);
    }
}

/* The first `n` keys are equal to the position's. */
static void
sql_equal(struct lpg_statement *statement, const struct lpg_order *order,
          const struct lpg_position *position, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (position->values[i].present) {
            lpg_sql(statement, "%s = ", order->keys[i].column.name);
            sql_value(statement, &order->keys[i], position, i);
            lpg_sql(statement, " and ");
        } else {
            lpg_sql(statement, "%s is null and ", order->keys[i].column.name);
        }
    }
}

void
lpg_sql_after(struct lpg_statement *statement, const struct lpg_order *order,
              const struct lpg_position *position)
{
    lpg_sql(statement, "(");
    for (uint32_t i = 0; i < order->n_keys; i++) {
        const struct lpg_key *key = &order->keys[i];
        if (!position->values[i].present) {
            continue; /* nothing comes after the absent ones but by the keys that follow */
        }
        lpg_sql(statement, "(");
        sql_equal(statement, order, position, i);
        lpg_sql(statement, "(");
        sql_key(statement, key);
        lpg_sql(statement, key->pinyin ? " %s {pinyin " : " %s ", key->descending ? "<" : ">");
        sql_value(statement, key, position, i);
        lpg_sql(statement, key->pinyin ? "}" : "");
        if (!key->column.required) {
            lpg_sql(statement, " or %s is null", key->column.name);
        }
        lpg_sql(statement, ")) or ");
    }
    lpg_sql(statement, "(");
    sql_equal(statement, order, position, order->n_keys);
    lpg_sql(statement, "fid %s ", order->fid_descending ? "<" : ">");
    lpg_sql_int(statement, position->fid);
    lpg_sql(statement, "))");
}

void
lpg_position_init(struct lpg_position *position)
{
    *position = (struct lpg_position){.set = false};
    cim_buf_init(&position->texts, 1 << 20);
}

void
lpg_position_done(struct lpg_position *position)
{
    cim_buf_done(&position->texts);
}

cim_status
lpg_position_take(struct lpg_position *position, const struct lpg_order *order,
                  const cim_batch *batch, int64_t row, cim_error *err)
{
    cim_buf_clear(&position->texts);
    position->set = true;
    position->fid = cim_column_i64(batch->columns[CIM_RECORD_FID], row);
    for (uint32_t i = 0; i < order->n_keys; i++) {
        const cim_column *column = batch->columns[order->keys[i].index];
        struct lpg_key_value *value = &position->values[i];
        *value = (struct lpg_key_value){.present = cim_column_present(column, row)};
        if (!value->present) {
            continue;
        }
        if (column->type == CIM_COL_TEXT) {
            const uint8_t *bytes = cim_column_bytes(column, row, &value->len);
            value->offset = position->texts.len;
            cim_buf_add(&position->texts, bytes, value->len);
        } else if (column->type == CIM_COL_FLOAT64) {
            value->f64 = cim_column_f64(column, row);
        } else {
            value->i64 = cim_column_i64(column, row);
        }
    }
    return cim_buf_status(&position->texts, err);
}

/* plugin/data/query.c -- records as rows, page by page.
 *
 * A page is read whole, copied and the store's rows released before the first of it is handed out:
 * however slow the client, no connection waits for it.
 */
#include "data/masking.h"
#include "data/paging.h"
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>

enum { COLUMNS_MAX = LPG_RECORD_COLUMNS + CIM_LAYER_FIELDS_MAX };

/* A query under way. */
struct result {
    cim_rows base;
    struct lpg_layer *layer;
    struct lpg_statement statement;
    struct lpg_mark mark; /* up to the end of the condition */
    struct lpg_order order;
    struct lpg_position position;
    struct lpg_masking *masking;
    int64_t left; /* rows still wanted; INT64_MAX: all */
    bool ended;
    struct cim_buf token;
    struct lpg_block *blocks;  /* of the page */
    struct lpg_block *current; /* the one handed out */
    cim_batch nothing;
    uint32_t n_columns; /* of the result; the select list may be longer */
    const char *names[COLUMNS_MAX];
    uint32_t types[COLUMNS_MAX];
    const struct cim_field *fields[CIM_LAYER_FIELDS_MAX];
    uint32_t n_fields;
    uint32_t first_field;
    uint32_t n_selected;
};

static void
free_result(struct result *result)
{
    lpg_statement_done(&result->statement);
    lpg_position_done(&result->position);
    lpg_masking_free(result->masking);
    cim_buf_done(&result->token);
    lpg_block_free(result->blocks);
    free(result);
}

static void
release(cim_rows *rows)
{
    free_result((struct result *)rows->impl);
}

static const char *
cursor(cim_rows *rows)
{
    const struct result *result = (const struct result *)rows->impl;
    return result->token.len > 0 ? result->token.data : NULL;
}

/* ---- the select list ---- */

static void
select_column(struct result *result, const char *name, uint32_t type)
{
    lpg_sql(&result->statement, result->n_columns == 0 ? "select " : ", ");
    if (type == CIM_COL_TIME_MS) {
        lpg_sql(&result->statement, "{ms %s}", name);
    } else if (type == CIM_COL_WKB) {
        lpg_sql(&result->statement, "{wkb %s}", name);
    } else {
        lpg_sql(&result->statement, "%s", name);
    }
    result->names[result->n_columns] = name;
    result->types[result->n_columns] = type;
    result->n_columns++;
}

static cim_status
choose_fields(struct result *result, const cim_query *query, cim_error *err)
{
    const struct cim_definition *def = result->layer->def;
    for (size_t i = 0; query->properties == NULL && i < def->n_fields; i++) {
        result->fields[result->n_fields++] = &def->fields[i];
    }
    for (uint32_t i = 0; query->properties != NULL && i < query->n_properties; i++) {
        struct lpg_column column;
        if (!lpg_column_find(result->layer, query->properties[i], &column)) {
            return cim_fail(err, CIM_E_INVALID, "properties", query->properties[i], "没有这个字段",
                            "there is no such property");
        }
        bool chosen = column.field == NULL; /* record columns come anyway */
        for (uint32_t j = 0; j < result->n_fields; j++) {
            chosen = chosen || result->fields[j] == column.field;
        }
        if (!chosen) {
            result->fields[result->n_fields++] = column.field;
        }
    }
    return CIM_OK;
}

static void
select_columns(struct result *result, const cim_query *query)
{
    static const char *const names[] = {CIM_RECORD_COLUMNS};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_TEXT,    CIM_COL_INT64, CIM_COL_TEXT,
                                     CIM_COL_TEXT,  CIM_COL_TIME_MS, CIM_COL_WKB};
    const bool with_geometry = result->layer->def->geometry != CIM_GEOMETRY_NONE &&
                               (query->flags & CIM_QUERY_NO_GEOMETRY) == 0;
    const uint32_t n_record = LPG_RECORD_COLUMNS - (with_geometry ? 0U : 1U);
    for (uint32_t i = 0; i < n_record; i++) {
        select_column(result, names[i], types[i]);
    }
    result->first_field = n_record;
    for (uint32_t i = 0; i < result->n_fields; i++) {
        select_column(result, result->fields[i]->name, lpg_column_type(result->fields[i]->type));
    }
    result->n_selected = result->n_columns;
}

/* Sort keys that the result does not hold are selected behind it. */
static void
select_keys(struct result *result)
{
    for (uint32_t k = 0; k < result->order.n_keys; k++) {
        struct lpg_key *key = &result->order.keys[k];
        uint32_t at = 0;
        while (at < result->n_columns && strcmp(result->names[at], key->column.name) != 0) {
            at++;
        }
        if (at == result->n_columns) {
            at = result->n_selected++;
            lpg_sql(&result->statement, key->column.type == CIM_FIELD_TIME ? ", {ms %s}" : ", %s",
                    key->column.name);
        }
        key->index = at;
    }
}

/* ---- pages ---- */

static void
drop_page(struct result *result)
{
    lpg_block_free(result->blocks);
    result->blocks = NULL;
    result->current = NULL;
}

static int64_t
count_rows(const struct lpg_block *block)
{
    int64_t n_rows = 0;
    for (; block != NULL; block = block->next) {
        n_rows += block->batch.n_rows;
    }
    return n_rows;
}

static cim_status
read_blocks(struct result *result, int64_t n_wanted, bool *ret_ended, cim_error *err)
{
    struct lpg_statement *statement = &result->statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    lpg_statement_rewind(statement, result->mark);
    if (result->position.set) {
        lpg_sql(statement, " and ");
        lpg_sql_after(statement, &result->order, &result->position);
    }
    lpg_sql_order(statement, &result->order);
    lpg_sql(statement, " limit ");
    lpg_sql_int(statement, n_wanted);
    CIM_TRY(lpg_statement_finish(statement, err));
    CIM_TRY(lpg_statement_read(result->layer->data, statement, &rows, err));
    return lpg_blocks_read(rows, LPG_PAGE_BYTES, &result->blocks, ret_ended, err);
}

/* Cuts the page to `n_rows` and notes where it ends. */
static cim_status
cut_page(struct result *result, int64_t n_rows, cim_error *err)
{
    for (struct lpg_block *block = result->blocks; block != NULL; block = block->next) {
        if (n_rows <= block->batch.n_rows) {
            block->batch.n_rows = n_rows;
            lpg_block_free(block->next);
            block->next = NULL;
            return lpg_position_take(&result->position, &result->order, &block->batch, n_rows - 1,
                                     err);
        }
        n_rows -= block->batch.n_rows;
    }
    return CIM_OK;
}

static cim_status
dress_page(struct result *result, cim_error *err)
{
    for (struct lpg_block *block = result->blocks; block != NULL; block = block->next) {
        for (uint32_t i = 0; i < result->n_fields; i++) {
            if (result->fields[i]->encrypted) {
                CIM_TRY(lpg_sealed_open(result->layer, block, result->first_field + i,
                                        result->fields[i], err));
            }
        }
        if (result->masking != NULL) {
            CIM_TRY(lpg_masking_apply(result->masking, block, err));
        }
        for (uint32_t i = 0; i < result->n_columns; i++) {
            block->columns[i].name = result->names[i];
        }
        block->batch.n_columns = result->n_columns;
    }
    return CIM_OK;
}

static cim_status
read_page(struct result *result, cim_error *err)
{
    const bool last = result->left <= LPG_PAGE_ROWS;
    /* One more than wanted tells whether there is a next page. */
    const int64_t n_wanted = last ? result->left + 1 : LPG_PAGE_ROWS;
    bool read_all = false;
    drop_page(result);
    CIM_TRY(read_blocks(result, n_wanted, &read_all, err));
    int64_t n_rows = count_rows(result->blocks);
    const bool more = !read_all || n_rows == n_wanted;
    if (n_rows > result->left) {
        n_rows = result->left;
    }
    if (n_rows > 0) {
        CIM_TRY(cut_page(result, n_rows, err));
    } else {
        drop_page(result);
    }
    if (result->left != INT64_MAX) {
        result->left -= n_rows;
    }
    result->ended = !more || result->left == 0;
    if (more && result->left == 0 && result->position.set) {
        CIM_TRY(
            lpg_token_write(result->layer, &result->order, &result->position, &result->token, err));
    }
    return dress_page(result, err);
}

static cim_status
next(cim_rows *rows, const cim_batch **ret_batch, cim_error *err)
{
    struct result *result = (struct result *)rows->impl;
    struct lpg_block *following = result->current != NULL ? result->current->next : result->blocks;
    if (following == NULL && !result->ended) {
        const cim_status status = read_page(result, err);
        if (status != CIM_OK) {
            drop_page(result);
            result->ended = true;
            return status;
        }
        following = result->blocks;
    }
    if (following == NULL) {
        drop_page(result);
        *ret_batch = &result->nothing;
        return CIM_OK;
    }
    result->current = following;
    *ret_batch = &following->batch;
    return CIM_OK;
}

static cim_status
build(struct result *result, const cim_call *call, const cim_query *query, cim_error *err)
{
    struct lpg_layer *layer = result->layer;
    const cim_scope *scope = NULL;
    CIM_TRY(lpg_statement_init(&result->statement, err));
    CIM_TRY(lpg_scope_of(layer, call, CIM_ACT_READ, &scope, err));
    CIM_TRY(lpg_order_parse(layer, query, scope, &result->order, err));
    CIM_TRY(choose_fields(result, query, err));
    select_columns(result, query);
    select_keys(result);
    CIM_TRY(lpg_masking_new(layer, call, scope, query, result->first_field, result->fields,
                            result->n_fields, &result->masking, err));
    if (result->masking != NULL) {
        CIM_TRY(
            lpg_masking_sql(result->masking, &result->statement, scope, result->n_selected, err));
    }
    lpg_sql(&result->statement, " from %s", layer->def->table);
    result->statement.in_fid_order =
        query->n_sort == 0 && query->limit > 0 && query->fid == 0 && query->uid == NULL;
    CIM_TRY(lpg_sql_where(&result->statement, layer, query, scope, call->now_ms, err));
    CIM_TRY(cim_buf_status(&result->statement.sql, err));
    result->mark = lpg_statement_mark(&result->statement);
    if (query->cursor != NULL) {
        CIM_TRY(lpg_token_read(layer, &result->order, query->cursor, &result->position, err));
    }
    return CIM_OK;
}

cim_status
lpg_layer_query(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
                cim_error *err)
{
    if (query->limit < 0) {
        return cim_fail(err, CIM_E_INVALID, "limit", NULL, "应为正整数",
                        "expected a positive number");
    }
    struct result *result = calloc(1, sizeof *result);
    if (result == NULL) {
        return cim_fail_nomem(err);
    }
    result->layer = (struct lpg_layer *)self;
    result->left = query->limit > 0 ? query->limit : INT64_MAX;
    result->nothing = (cim_batch){.struct_size = sizeof result->nothing};
    lpg_position_init(&result->position);
    cim_buf_init(&result->token, (size_t)2 * LPG_TOKEN_MAX);
    cim_status status = build(result, call, query, err);
    if (status == CIM_OK) {
        /* The first page now, so that failures come with a status and not amid a response. */
        status = read_page(result, err);
    }
    if (status != CIM_OK) {
        free_result(result);
        return status;
    }
    result->base = (cim_rows){.struct_size = sizeof result->base,
                              .n_columns = result->n_columns,
                              .names = result->names,
                              .types = result->types,
                              .next = next,
                              .cursor = cursor,
                              .release = release,
                              .impl = result};
    *ret_rows = &result->base;
    return CIM_OK;
}

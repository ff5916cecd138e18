/* plugin/data/groups.c -- counts by values: from the tally where it knows the columns, else by the
 * store; then rolled up to a level of areas and sorted. */
#include "data/sealed.h"
#include "data/tally.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

/* ---- what may be grouped by ---- */

static cim_status
check_column(const struct lpg_layer *layer, const cim_scope *scope, const char *name,
             cim_error *err)
{
    struct lpg_column column;
    if (!lpg_column_find(layer, name, &column)) {
        return cim_fail(err, CIM_E_INVALID, "by", name, "没有这个字段",
                        "there is no such property");
    }
    CIM_TRY(lpg_column_must_be_clear(scope, &column, err));
    CIM_TRY(lpg_sealed_refuse(&column, err));
    return column.type == CIM_FIELD_TIME
               ? cim_fail(err, CIM_E_INVALID, "by", name, "不能按时刻字段统计",
                          "times cannot be counted by value")
               : CIM_OK;
}

static cim_status
check_grouping(const struct lpg_layer *layer, const cim_scope *scope,
               const struct lpg_grouping *grouping, cim_error *err)
{
    bool has_area = false;
    if (grouping->n_by == 0 || grouping->n_by > LPG_GROUP_BY_MAX) {
        return cim_fail(err, CIM_E_INVALID, "by", NULL, "应为 1 到 %d 个字段",
                        "expected 1 to %d properties", LPG_GROUP_BY_MAX);
    }
    for (uint32_t i = 0; i < grouping->n_by; i++) {
        CIM_TRY(check_column(layer, scope, grouping->by[i], err));
        has_area = has_area || strcmp(grouping->by[i], "area_code") == 0;
    }
    return grouping->area_level == NULL || has_area
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "area_level", grouping->area_level,
                          "只用于按 area_code 统计时", "expected area_code among the properties");
}

/* ---- by the store ---- */

static cim_status
write_statement(struct lpg_statement *statement, const struct lpg_layer *layer,
                const cim_query *query, const cim_scope *scope, const struct lpg_grouping *grouping,
                int64_t now_ms, cim_error *err)
{
    lpg_sql(statement, "select ");
    for (uint32_t i = 0; i < grouping->n_by; i++) {
        lpg_sql(statement, "cast(%s as text) as value%u, ", grouping->by[i], i);
    }
    lpg_sql(statement, "count(*) as count from %s", layer->def->table);
    CIM_TRY(lpg_sql_where(statement, layer, query, scope, now_ms, err));
    for (uint32_t i = 0; i < grouping->n_by; i++) {
        lpg_sql(statement, "%s%s", i == 0 ? " group by " : ", ", grouping->by[i]);
    }
    /* Those that are rolled up are all needed. */
    lpg_sql(statement, " order by count(*) desc, 1 limit ");
    lpg_sql_int(statement, grouping->area_level == NULL ? LPG_GROUPS_MAX : LPG_TALLY_CELLS_MAX + 1);
    return lpg_statement_finish(statement, err);
}

static cim_status
read_groups(const struct lpg_layer *layer, const struct lpg_statement *statement, uint32_t n_by,
            struct lpg_cells *groups, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(lpg_statement_read(layer->data, statement, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            struct lpg_cell_text texts[LPG_GROUP_BY_MAX] = {{NULL, 0}};
            uint32_t group = 0;
            for (uint32_t i = 0; i < n_by; i++) {
                if (cim_column_present(batch->columns[i], row)) {
                    texts[i].text =
                        (const char *)cim_column_bytes(batch->columns[i], row, &texts[i].len);
                }
            }
            CIM_TRY(lpg_cells_find(groups, texts, n_by, &group, err));
            groups->cells[group].n += cim_column_i64(batch->columns[n_by], row);
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

/* ---- rolled up ---- */

/* The area of the level that the code lies in; the code itself where there is none. */
static struct lpg_cell_text
roll_up_code(const struct lpg_data *data, const struct lpg_cell_text *code, const char *level)
{
    cim_area area = {.struct_size = sizeof area, .parent = -1};
    char text[64];
    if (code->text == NULL || code->len >= sizeof text) {
        return *code;
    }
    memcpy(text, code->text, code->len);
    text[code->len] = '\0';
    for (int32_t at = data->access->area_ordinal(data->host, text); at >= 0; at = area.parent) {
        if (data->access->area(data->host, at, &area) != CIM_OK) {
            break;
        }
        if (strcmp(area.level, level) == 0) {
            return (struct lpg_cell_text){area.code, strlen(area.code)};
        }
    }
    return *code;
}

/* Into other cells; groups that follow each other are often of one area. */
static cim_status
roll_up(const struct lpg_data *data, const struct lpg_grouping *grouping, struct lpg_cells *groups,
        cim_error *err)
{
    struct lpg_cells merged = {.n = 0};
    struct lpg_cell_text from = {NULL, 0};
    struct lpg_cell_text to = {NULL, 0};
    cim_status status = CIM_OK;
    for (uint32_t i = 0; i < groups->n && status == CIM_OK; i++) {
        struct lpg_cell_text texts[LPG_GROUP_BY_MAX];
        uint32_t group = 0;
        for (uint32_t k = 0; k < grouping->n_by; k++) {
            texts[k] = groups->cells[i].dims[k];
            if (strcmp(grouping->by[k], "area_code") != 0) {
                continue;
            }
            if (texts[k].text == NULL || from.text == NULL || texts[k].len != from.len ||
                memcmp(texts[k].text, from.text, from.len) != 0) {
                from = texts[k];
                to = roll_up_code(data, &from, grouping->area_level);
            }
            texts[k] = to;
        }
        status = lpg_cells_find(&merged, texts, grouping->n_by, &group, err);
        if (status == CIM_OK) {
            merged.cells[group].n += groups->cells[i].n;
        }
    }
    lpg_cells_done(groups);
    *groups = merged;
    return status;
}

/* ---- as rows ---- */

static int
compare_texts(const struct lpg_cell_text *a, const struct lpg_cell_text *b)
{
    if (a->text == NULL || b->text == NULL) {
        return (a->text == NULL ? 1 : 0) - (b->text == NULL ? 1 : 0); /* absent ones last */
    }
    const int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int
compare(const void *left, const void *right)
{
    const struct lpg_cell *a = (const struct lpg_cell *)left;
    const struct lpg_cell *b = (const struct lpg_cell *)right;
    int order = (a->n < b->n) - (a->n > b->n);
    for (uint32_t i = 0; i < LPG_GROUP_BY_MAX && order == 0; i++) {
        order = compare_texts(&a->dims[i], &b->dims[i]);
    }
    return order;
}

struct group_rows {
    struct lpg_cells groups;
    uint32_t n_by;
    uint32_t next;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct group_rows *rows = (struct group_rows *)self;
    const uint32_t end = rows->groups.n < LPG_GROUPS_MAX ? rows->groups.n : LPG_GROUPS_MAX;
    for (; rows->next < end && cim_batch_builder_rows(builder) < CIM_BATCH_MAX_ROWS; rows->next++) {
        const struct lpg_cell *group = &rows->groups.cells[rows->next];
        for (uint32_t i = 0; i < rows->n_by; i++) {
            if (group->dims[i].text != NULL) {
                cim_batch_append_bytes(builder, i, group->dims[i].text, group->dims[i].len);
            }
        }
        cim_batch_append_i64(builder, rows->n_by, group->n);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
release(void *self)
{
    struct group_rows *rows = (struct group_rows *)self;
    lpg_cells_done(&rows->groups);
    free(rows);
}

/* Takes the groups. */
static cim_status
new_rows(struct lpg_cells *groups, const struct lpg_grouping *grouping, cim_rows **ret_rows,
         cim_error *err)
{
    const char *names[LPG_GROUP_BY_MAX + 1];
    uint32_t types[LPG_GROUP_BY_MAX + 1];
    struct group_rows *self = malloc(sizeof *self);
    if (self == NULL) {
        lpg_cells_done(groups);
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < grouping->n_by; i++) {
        names[i] = grouping->by[i];
        types[i] = CIM_COL_TEXT;
    }
    names[grouping->n_by] = "count";
    types[grouping->n_by] = CIM_COL_INT64;
    *self = (struct group_rows){.groups = *groups, .n_by = grouping->n_by};
    if (self->groups.n > 1) {
        qsort(self->groups.cells, self->groups.n, sizeof *self->groups.cells, compare);
    }
    const cim_status status =
        cim_rows_new(grouping->n_by + 1, names, types, fill, release, self, ret_rows, err);
    if (status != CIM_OK) {
        release(self);
    }
    return status;
}

cim_status
lpg_data_group_count(struct lpg_layer *layer, const cim_call *call, const cim_query *query,
                     const struct lpg_grouping *grouping, cim_rows **ret_rows, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    struct lpg_cells groups = {.n = 0};
    const cim_scope *scope = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(lpg_statement_init(&statement, err));
    CIM_TRY(lpg_scope_of(layer, call, CIM_ACT_READ, &scope, err));
    CIM_TRY(check_grouping(layer, scope, grouping, err));
    CIM_TRY(write_statement(&statement, layer, query, scope, grouping, call->now_ms, err));
    if (!lpg_tally_group(layer, query, scope, call->now_ms, grouping->by, grouping->n_by,
                         &groups)) {
        status = read_groups(layer, &statement, grouping->n_by, &groups, err);
    }
    if (status == CIM_OK && grouping->area_level != NULL) {
        status = roll_up(layer->data, grouping, &groups, err);
    }
    if (status != CIM_OK) {
        lpg_cells_done(&groups);
        return status;
    }
    return new_rows(&groups, grouping, ret_rows, err);
}

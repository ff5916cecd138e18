/* plugin/data/where.c -- the condition of a query. */
#include "data/load.h"
#include "data/words.h"

#include "cim/util.h"
#include "kit/time.h"

#include <math.h>

struct where {
    struct lpg_statement *statement;
    bool started;
};

static void
next_condition(struct where *where)
{
    lpg_sql(where->statement, where->started ? " and " : " where ");
    where->started = true;
}

static bool
is_degrees(double value, double most)
{
    return isfinite(value) && value >= -most && value <= most;
}

static cim_status
add_bbox(struct where *where, const struct lpg_layer *layer, const cim_query *query, cim_error *err)
{
    if (!is_degrees(query->bbox_w_deg, 180) || !is_degrees(query->bbox_e_deg, 180) ||
        !is_degrees(query->bbox_s_deg, 90) || !is_degrees(query->bbox_n_deg, 90) ||
        query->bbox_s_deg > query->bbox_n_deg) {
        return cim_fail(err, CIM_E_INVALID, "bbox", NULL, "应为西、南、东、北（度），南不大于北",
                        "expected west, south, east, north in degrees, south not above north");
    }
    next_condition(where);
    if (layer->def->geometry == CIM_GEOMETRY_NONE) {
        lpg_sql(where->statement, "1 = 0");
        return CIM_OK;
    }
    lpg_sql(where->statement, "{bbox %s}", layer->def->table);
    lpg_sql_named_real(where->statement, "bbox_w", query->bbox_w_deg);
    lpg_sql_named_real(where->statement, "bbox_s", query->bbox_s_deg);
    lpg_sql_named_real(where->statement, "bbox_e", query->bbox_e_deg);
    lpg_sql_named_real(where->statement, "bbox_n", query->bbox_n_deg);
    return CIM_OK;
}

static void
add_instant(struct lpg_statement *statement, const struct lpg_column *column, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    if (column->type == CIM_FIELD_TIME) {
        lpg_sql_time(statement, ms);
    } else {
        cim_date_format(cim_time_local_day(ms), text);
        lpg_sql_text(statement, text, strlen(text));
    }
}

static cim_status
add_datetime(struct where *where, const struct lpg_layer *layer, const cim_query *query,
             const cim_scope *scope, cim_error *err)
{
    struct lpg_column column;
    if (query->from_ms > query->to_ms) {
        return cim_fail(err, CIM_E_INVALID, "datetime", NULL, "区间的起点晚于终点",
                        "the interval begins after its end");
    }
    if (!lpg_column_find(layer, layer->def->time, &column)) {
        return cim_fail(err, CIM_E_INTERNAL, "datetime", layer->def->time, "没有时间字段",
                        "there is no such field");
    }
    CIM_TRY(lpg_column_must_be_clear(scope, &column, err));
    if (query->from_ms != INT64_MIN) {
        next_condition(where);
        lpg_sql(where->statement, "%s >= ", column.name);
        add_instant(where->statement, &column, query->from_ms);
    }
    if (query->to_ms != INT64_MAX) {
        next_condition(where);
        lpg_sql(where->statement, "%s <= ", column.name);
        add_instant(where->statement, &column, query->to_ms);
    }
    if (query->from_ms == INT64_MIN && query->to_ms == INT64_MAX && !column.required) {
        next_condition(where);
        lpg_sql(where->statement, "%s is not null", column.name);
    }
    return CIM_OK;
}

static cim_status
add_area(struct where *where, const struct lpg_layer *layer, const char *code, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    cim_area area = {.struct_size = sizeof area};
    const int32_t ordinal = data->access->area_ordinal(data->host, code);
    if (ordinal < 0 || data->access->area(data->host, ordinal, &area) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "area", code, "没有这个区划代码",
                        "there is no such area code");
    }
    next_condition(where);
    int64_t n_rows = 0;
    if (where->statement->in_fid_order) {
        struct lpg_layer *open = (struct lpg_layer *)(uintptr_t)layer; /* for what it remembers */
        CIM_TRY(lpg_area_rows(open, area.ordinal, area.ordinal_end, &n_rows, err));
    }
    lpg_sql_area_begin(where->statement, layer, n_rows);
    lpg_sql(where->statement, "select code from cim_area where ord >= ");
    lpg_sql_int(where->statement, area.ordinal);
    lpg_sql(where->statement, " and ord < ");
    lpg_sql_int(where->statement, area.ordinal_end);
    lpg_sql(where->statement, ")");
    return CIM_OK;
}

cim_status
lpg_sql_where(struct lpg_statement *statement, const struct lpg_layer *layer,
              const cim_query *query, const cim_scope *scope, int64_t now_ms, cim_error *err)
{
    struct where where = {.statement = statement};
    if (query->fid > 0) {
        next_condition(&where);
        lpg_sql(statement, "fid = ");
        lpg_sql_int(statement, query->fid);
    }
    if (query->uid != NULL) {
        next_condition(&where);
        lpg_sql(statement, "uid = ");
        lpg_sql_text(statement, query->uid, strlen(query->uid));
    }
    if ((query->flags & CIM_QUERY_BBOX) != 0) {
        CIM_TRY(add_bbox(&where, layer, query, err));
    }
    if ((query->flags & CIM_QUERY_DATETIME) != 0) {
        CIM_TRY(add_datetime(&where, layer, query, scope, err));
    }
    if (query->area != NULL) {
        CIM_TRY(add_area(&where, layer, query->area, err));
    }
    if (CIM_HAS(cim_query, query, search)) {
        next_condition(&where);
        CIM_TRY(lpg_sql_words(statement, layer, query->search, scope, err));
    }
    if (query->filter_json != NULL) {
        next_condition(&where);
        CIM_TRY(lpg_sql_filter(statement, layer, query->filter_json, scope, err));
    }
    if (!lpg_scope_is_open(scope, now_ms)) {
        next_condition(&where);
        CIM_TRY(lpg_sql_scope(statement, layer, scope, now_ms, err));
    }
    next_condition(&where);
    lpg_sql_visible(statement, layer);
    return CIM_OK;
}

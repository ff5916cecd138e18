/* tests/unit/data/asked.c -- random queries, and the rows that they select. See oracle.h. */
#include "oracle.h"

bool
is_wanted(const struct asked *asked, const struct thing *thing)
{
    const cim_query *query = &asked->query;
    if (asked->scope == &narrow_scope && !in_haikou(thing) && !acme_covers(thing)) {
        return false;
    }
    if ((query->flags & CIM_QUERY_BBOX) != 0 &&
        (!thing->has_geom || thing->x < query->bbox_w_deg || thing->x > query->bbox_e_deg ||
         thing->y < query->bbox_s_deg || thing->y > query->bbox_n_deg)) {
        return false;
    }
    if ((query->flags & CIM_QUERY_DATETIME) != 0 &&
        (!thing->has_seen || thing->seen_ms < query->from_ms || thing->seen_ms > query->to_ms)) {
        return false;
    }
    if (query->area != NULL && !in_haikou(thing)) {
        return false;
    }
    return asked->filter == NULL || evaluate(asked->filter, thing) == 1;
}

void
ask(struct asked *asked, uint64_t *seed)
{
    cim_query *query = &asked->query;
    *asked = (struct asked){.query = {.struct_size = sizeof *query}};
    cim_buf_init(&asked->filter_text, 100000);
    asked->scope = unit_random_below(seed, 2) == 0 ? fake_scope_all() : &narrow_scope;
    if (unit_random_below(seed, 3) > 0) {
        asked->filter = random_expression(seed, 0);
        print_expression(&asked->filter_text, asked->filter);
        query->filter_json = asked->filter_text.data;
    }
    if (unit_random_below(seed, 3) == 0) {
        query->flags |= CIM_QUERY_BBOX;
        query->bbox_w_deg = 108 + (double)unit_random_below(seed, 3000) / 1000;
        query->bbox_e_deg = query->bbox_w_deg + (double)unit_random_below(seed, 2000) / 1000;
        query->bbox_s_deg = 18 + (double)unit_random_below(seed, 2000) / 1000;
        query->bbox_n_deg = query->bbox_s_deg + (double)unit_random_below(seed, 2000) / 1000;
    }
    if (unit_random_below(seed, 4) == 0) {
        query->flags |= CIM_QUERY_DATETIME;
        query->from_ms = FAKE_NOW_MS + (int64_t)unit_random_below(seed, 50) * 3600000;
        query->to_ms = unit_random_below(seed, 3) == 0 ? INT64_MAX : query->from_ms + 72000000;
    }
    query->area = unit_random_below(seed, 4) == 0 ? "460100" : NULL;
    n_orders = (int)unit_random_below(seed, 4);
    for (int i = 0; i < n_orders; i++) {
        orders[i].field = (int)unit_random_below(seed, N_FIELDS);
        for (int j = 0; j < i; j++) {
            if (orders[j].field == orders[i].field) {
                orders[i].field = (orders[i].field + 1) % N_FIELDS;
                j = -1;
            }
        }
        orders[i].descending = unit_random_below(seed, 2) == 0;
        (void)snprintf(asked->sort_texts[i], sizeof asked->sort_texts[i], "%s%s",
                       orders[i].descending ? "-" : "", field_names[orders[i].field]);
        asked->sort[i] = asked->sort_texts[i];
    }
    query->sort = asked->sort;
    query->n_sort = (uint32_t)n_orders;
}

void
free_asked(struct asked *asked)
{
    free_expression(asked->filter);
    cim_buf_done(&asked->filter_text);
}

void
check_asked_row(const struct asked *asked, const cim_rows *rows, const cim_batch *batch,
                int64_t row, const struct thing *thing)
{
    assert_int_equal(cim_column_i64(batch->columns[0], row), thing->fid);
    const int32_t phone = cim_rows_column(rows, "phone");
    if (phone >= 0) {
        const bool masked = asked->scope == &narrow_scope && !acme_covers(thing);
        assert_string_equal(cell_text(batch, (uint32_t)phone, row),
                            masked ? "138****8000" : "13800138000");
    }
    const int32_t seen = cim_rows_column(rows, "seen_at");
    if (seen >= 0 && thing->has_seen) {
        assert_int_equal(cim_column_i64(batch->columns[seen], row), thing->seen_ms);
    }
}

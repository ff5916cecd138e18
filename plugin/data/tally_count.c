/* plugin/data/tally_count.c -- see tally.h: the cells that a query selects, added up. */
#include "data/tally.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/scope_eval.h"

#include <stdlib.h>
#include <string.h>

enum { COMBINATIONS_MAX = 1 << 20 /* of values of the columns to group by; 8 MiB */ };

/* ---- which cells ---- */

struct counting {
    const cim_scope *scope;
    bool open; /* the scope lets everything through */
    int64_t now_ms;
    int32_t area; /* of the query: ordinals [area, area_end); -1: all */
    int32_t area_end;
    struct lpg_cell_filter *filter; /* of the query; NULL: none */
    struct lpg_cell_filter *terms;  /* one for each term; `n` 0: it has none */
};

static bool
in_scope(const struct counting *counting, const struct lpg_cell *cell)
{
    const struct lpg_cell_text *owner = &cell->dims[1];
    for (uint32_t i = 0; i < counting->scope->n_terms; i++) {
        const struct lpg_cell_filter *filter = &counting->terms[i];
        if (cim_term_covers(counting->scope->terms[i], counting->now_ms, cell->area, owner->text,
                            owner->len) &&
            (filter->n == 0 || lpg_cell_filter_passes(filter, cell))) {
            return true;
        }
    }
    return false;
}

static bool
passes(const struct counting *counting, const struct lpg_cell *cell)
{
    return cell->n > 0 &&
           (counting->area < 0 ||
            (cell->area >= counting->area && cell->area < counting->area_end)) &&
           (counting->filter == NULL || lpg_cell_filter_passes(counting->filter, cell)) &&
           (counting->open || in_scope(counting, cell));
}

static bool
open_area(const struct lpg_data *data, const char *code, struct counting *counting)
{
    cim_area area = {.struct_size = sizeof area};
    const int32_t ordinal = data->access->area_ordinal(data->host, code);
    if (ordinal < 0 || data->access->area(data->host, ordinal, &area) != CIM_OK) {
        return false;
    }
    counting->area = area.ordinal;
    counting->area_end = area.ordinal_end;
    return true;
}

static bool
open_terms(const struct lpg_tally *tally, struct counting *counting)
{
    const cim_scope *scope = counting->scope;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const char *json = scope->terms[i]->filter_json;
        if (json != NULL &&
            !lpg_cell_filter_open(&counting->terms[i], json, tally->names, tally->n_dims)) {
            return false;
        }
    }
    return true;
}

static bool
open_counting(const struct lpg_data *data, const struct lpg_tally *tally, const cim_query *query,
              struct counting *counting)
{
    if ((query->area != NULL && !open_area(data, query->area, counting)) ||
        !open_terms(tally, counting) ||
        (query->filter_json != NULL && !lpg_cell_filter_open(counting->filter, query->filter_json,
                                                             tally->names, tally->n_dims))) {
        return false;
    }
    counting->filter = query->filter_json != NULL ? counting->filter : NULL;
    return true;
}

/* What is done with the cells that pass; false: it cannot be. */
typedef bool (*sum_fn)(void *arg, const struct lpg_tally *tally, const struct counting *counting);

static bool
sum_cells(struct lpg_layer *layer, const cim_query *query, const cim_scope *scope, int64_t now_ms,
          sum_fn sum, void *arg)
{
    const bool simple = query->fid <= 0 && query->uid == NULL &&
                        !CIM_HAS(cim_query, query, search) &&
                        (query->flags & (CIM_QUERY_BBOX | CIM_QUERY_DATETIME)) == 0;
    struct lpg_tally *tally = simple ? lpg_tally_take(layer) : NULL;
    if (tally == NULL) {
        return false;
    }
    struct lpg_cell_filter filter = {.n = 0};
    struct counting counting = {.scope = scope,
                                .open = lpg_scope_is_open(scope, now_ms),
                                .now_ms = now_ms,
                                .area = -1,
                                .filter = &filter,
                                .terms = calloc(scope->n_terms + 1U, sizeof *counting.terms)};
    const bool summed = counting.terms != NULL &&
                        open_counting(layer->data, tally, query, &counting) &&
                        sum(arg, tally, &counting);
    for (uint32_t i = 0; counting.terms != NULL && i < scope->n_terms; i++) {
        lpg_cell_filter_done(&counting.terms[i]);
    }
    free(counting.terms);
    lpg_cell_filter_done(&filter);
    lpg_tally_give_back(layer);
    return summed;
}

/* ---- one number ---- */

static bool
sum_all(void *arg, const struct lpg_tally *tally, const struct counting *counting)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < tally->cells.n; i++) {
        const struct lpg_cell *cell = &tally->cells.cells[i];
        n += passes(counting, cell) ? cell->n : 0;
    }
    *(int64_t *)arg = n;
    return true;
}

bool
lpg_tally_count(struct lpg_layer *layer, const cim_query *query, const cim_scope *scope,
                int64_t now_ms, int64_t *ret_count)
{
    return sum_cells(layer, query, scope, now_ms, sum_all, ret_count);
}

/* ---- a number for each combination of values ---- */

struct grouping {
    const char *const *by;
    uint32_t n_by;
    uint32_t dims[LPG_TALLY_DIMS_MAX]; /* of the columns to group by */
    struct lpg_cells *groups;
};

/* *ret_n: how many combinations there could be, the first column's values apart the furthest. */
static bool
find_dims(struct grouping *grouping, const struct lpg_tally *tally, size_t *ret_n)
{
    *ret_n = 1;
    for (uint32_t i = 0; i < grouping->n_by; i++) {
        uint32_t d = 0;
        while (d < tally->n_dims && strcmp(tally->names[d], grouping->by[i]) != 0) {
            d++;
        }
        *ret_n *= d < tally->n_dims ? tally->cells.values[d].n : 1;
        if (d == tally->n_dims || *ret_n > COMBINATIONS_MAX) {
            return false;
        }
        grouping->dims[i] = d;
    }
    return true;
}

static bool
add_group(const struct grouping *grouping, const struct lpg_cells *cells, size_t combination,
          int64_t n)
{
    struct lpg_cell_text texts[LPG_TALLY_DIMS_MAX];
    uint32_t group = 0;
    for (uint32_t i = grouping->n_by; i > 0; i--) {
        const uint32_t d = grouping->dims[i - 1];
        const struct lpg_cell_values *values = &cells->values[d];
        texts[i - 1] = cells->cells[values->first[combination % values->n]].dims[d];
        combination /= values->n;
    }
    if (lpg_cells_find(grouping->groups, texts, grouping->n_by, &group, NULL) != CIM_OK) {
        return false;
    }
    grouping->groups->cells[group].n += n;
    return true;
}

static bool
sum_groups(void *arg, const struct lpg_tally *tally, const struct counting *counting)
{
    struct grouping *grouping = (struct grouping *)arg;
    const struct lpg_cells *cells = &tally->cells;
    size_t n = 0;
    bool added = find_dims(grouping, tally, &n);
    CIM_AUTO_FREE int64_t *counts = added ? calloc(n + 1, sizeof *counts) : NULL;
    if (counts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < cells->n; i++) {
        const struct lpg_cell *cell = &cells->cells[i];
        size_t combination = 0;
        for (uint32_t k = 0; k < grouping->n_by; k++) {
            const uint32_t d = grouping->dims[k];
            combination = combination * cells->values[d].n + cell->codes[d];
        }
        counts[combination] += passes(counting, cell) ? cell->n : 0;
    }
    for (size_t i = 0; i < n && added; i++) {
        added = counts[i] == 0 || add_group(grouping, cells, i, counts[i]);
    }
    return added;
}

bool
lpg_tally_group(struct lpg_layer *layer, const cim_query *query, const cim_scope *scope,
                int64_t now_ms, const char *const *by, uint32_t n_by, struct lpg_cells *groups)
{
    struct grouping grouping = {.by = by, .n_by = n_by, .groups = groups};
    const bool grouped = sum_cells(layer, query, scope, now_ms, sum_groups, &grouping);
    if (!grouped) {
        lpg_cells_done(groups);
    }
    return grouped;
}

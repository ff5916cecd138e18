/* plugin/data/cells.c -- the cells of a tally, by their values. */
#include "data/tally.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS_LEAST = 64 };

static uint64_t
hash_dims(const struct lpg_cell_text *dims, uint32_t n_dims)
{
    uint64_t hash = 14695981039346656037U;
    for (uint32_t d = 0; d < n_dims; d++) {
        hash = (hash ^ (dims[d].text != NULL ? dims[d].len : SIZE_MAX)) * 1099511628211U;
        for (size_t i = 0; dims[d].text != NULL && i < dims[d].len; i++) {
            hash = (hash ^ (uint8_t)dims[d].text[i]) * 1099511628211U;
        }
    }
    return hash ^ (hash >> 29U);
}

static bool
same_text(const struct lpg_cell_text *a, const struct lpg_cell_text *b)
{
    return (a->text == NULL) == (b->text == NULL) && a->len == b->len &&
           (a->text == NULL || memcmp(a->text, b->text, a->len) == 0);
}

static bool
same(const struct lpg_cell *cell, const struct lpg_cell_text *dims, uint32_t n_dims, uint64_t hash)
{
    bool equal = cell->hash == hash;
    for (uint32_t d = 0; d < n_dims && equal; d++) {
        equal = same_text(&cell->dims[d], &dims[d]);
    }
    return equal;
}

/* ---- values ---- */

static uint32_t
slot_of_value(const struct lpg_cells *cells, uint32_t d, const struct lpg_cell_text *text)
{
    const struct lpg_cell_values *values = &cells->values[d];
    uint32_t at = (uint32_t)hash_dims(text, 1) & (values->n_slots - 1);
    while (values->slots[at] != 0 &&
           !same_text(&cells->cells[values->first[values->slots[at] - 1]].dims[d], text)) {
        at = (at + 1) & (values->n_slots - 1);
    }
    return at;
}

/* Twice as many slots as there will be values; they are half as many at most. */
static cim_status
grow_values(struct lpg_cells *cells, uint32_t d, cim_error *err)
{
    struct lpg_cell_values *values = &cells->values[d];
    const uint32_t n_slots = values->n_slots == 0 ? CELLS_LEAST : values->n_slots * 2;
    uint32_t *first = realloc(values->first, n_slots / 2 * sizeof *first);
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    values->first = first != NULL ? first : values->first;
    if (first == NULL || slots == NULL) {
        free(slots);
        return cim_fail_nomem(err);
    }
    free(values->slots);
    values->slots = slots;
    values->n_slots = n_slots;
    for (uint32_t i = 0; i < values->n; i++) {
        slots[slot_of_value(cells, d, &cells->cells[first[i]].dims[d])] = i + 1;
    }
    return CIM_OK;
}

/* Of the cell that comes next, whose texts are there. */
static cim_status
number_values(struct lpg_cells *cells, uint32_t n_dims, cim_error *err)
{
    struct lpg_cell *cell = &cells->cells[cells->n];
    for (uint32_t d = 0; d < n_dims; d++) {
        struct lpg_cell_values *values = &cells->values[d];
        if (values->n == values->n_slots / 2) {
            CIM_TRY(grow_values(cells, d, err));
        }
        const uint32_t at = slot_of_value(cells, d, &cell->dims[d]);
        if (values->slots[at] == 0) {
            values->first[values->n++] = cells->n;
            values->slots[at] = values->n;
        }
        cell->codes[d] = values->slots[at] - 1;
    }
    return CIM_OK;
}

/* ---- cells ---- */

static cim_status
grow(struct lpg_cells *cells, cim_error *err)
{
    const uint32_t capacity = cells->capacity == 0 ? CELLS_LEAST : cells->capacity * 2;
    struct lpg_cell *grown = realloc(cells->cells, capacity * sizeof *grown);
    if (grown == NULL) {
        return cim_fail_nomem(err);
    }
    cells->cells = grown;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return cim_fail_nomem(err);
    }
    free(cells->slots);
    cells->slots = slots;
    cells->n_slots = capacity * 2;
    cells->capacity = capacity;
    for (uint32_t i = 0; i < cells->n; i++) {
        uint32_t at = (uint32_t)cells->cells[i].hash & (cells->n_slots - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (cells->n_slots - 1);
        }
        slots[at] = i + 1;
    }
    return CIM_OK;
}

static cim_status
fill(struct lpg_cell *cell, const struct lpg_cell_text *dims, uint32_t n_dims, uint64_t hash,
     cim_error *err)
{
    size_t len = 1;
    *cell = (struct lpg_cell){.hash = hash, .area = -1};
    for (uint32_t d = 0; d < n_dims; d++) {
        len += dims[d].len;
    }
    cell->texts = malloc(len);
    if (cell->texts == NULL) {
        return cim_fail_nomem(err);
    }
    char *at = cell->texts;
    for (uint32_t d = 0; d < n_dims; d++) {
        if (dims[d].text != NULL) {
            memcpy(at, dims[d].text, dims[d].len);
            cell->dims[d] = (struct lpg_cell_text){at, dims[d].len};
            at += dims[d].len;
        }
    }
    return CIM_OK;
}

cim_status
lpg_cells_find(struct lpg_cells *cells, const struct lpg_cell_text *dims, uint32_t n_dims,
               uint32_t *ret_cell, cim_error *err)
{
    const uint64_t hash = hash_dims(dims, n_dims);
    if (cells->n == cells->capacity) {
        CIM_TRY(grow(cells, err));
    }
    uint32_t at = (uint32_t)hash & (cells->n_slots - 1);
    while (cells->slots[at] != 0) {
        if (same(&cells->cells[cells->slots[at] - 1], dims, n_dims, hash)) {
            *ret_cell = cells->slots[at] - 1;
            return CIM_OK;
        }
        at = (at + 1) & (cells->n_slots - 1);
    }
    if (cells->n == LPG_TALLY_CELLS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "取值组合超过 %d 种",
                        "over %d combinations of values", LPG_TALLY_CELLS_MAX);
    }
    CIM_TRY(fill(&cells->cells[cells->n], dims, n_dims, hash, err));
    const cim_status status = number_values(cells, n_dims, err);
    if (status != CIM_OK) {
        free(cells->cells[cells->n].texts);
        return status;
    }
    *ret_cell = cells->n++;
    cells->slots[at] = cells->n;
    return CIM_OK;
}

void
lpg_cells_done(struct lpg_cells *cells)
{
    for (uint32_t i = 0; i < cells->n; i++) {
        free(cells->cells[i].texts);
    }
    free(cells->cells);
    for (uint32_t d = 0; d < LPG_TALLY_DIMS_MAX; d++) {
        free(cells->values[d].first);
        free(cells->values[d].slots);
    }
    free(cells->slots);
    *cells = (struct lpg_cells){.n = 0};
}

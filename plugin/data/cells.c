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
same(const struct lpg_cell *cell, const struct lpg_cell_text *dims, uint32_t n_dims, uint64_t hash)
{
    bool equal = cell->hash == hash;
    for (uint32_t d = 0; d < n_dims && equal; d++) {
        const struct lpg_cell_text *own = &cell->dims[d];
        equal = (own->text == NULL) == (dims[d].text == NULL) && own->len == dims[d].len &&
                (own->text == NULL || memcmp(own->text, dims[d].text, own->len) == 0);
    }
    return equal;
}

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
    free(cells->slots);
    *cells = (struct lpg_cells){.n = 0};
}

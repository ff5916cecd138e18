/* tests/unit/data/fixture.h -- a layer that the repository does not have, with every field type,
 * and rows for it. */
#ifndef DATA_FIXTURE_H
#define DATA_FIXTURE_H

#include "data/data.h"
#include "fake_host.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "unit.h"

#include <stdbool.h>

struct fixture {
    struct fake_host *fake;
    struct lpg_data *data;
    struct lpg_layer *things; /* test.things: points */
    struct lpg_layer *zones;  /* test.zones: MultiPolygon */
    struct lpg_layer *notes;  /* test.notes: no geometry */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Rows given as texts, one column name per column; NULL is absent. A column "geom" takes
 * "x y" and becomes a point. */
struct text_rows {
    uint32_t n_columns;
    const char *names[20];
    size_t n_rows;
    const char *cells[64][20];
};
/* A cursor over them, to be released. */
cim_rows *text_rows_open(const struct text_rows *rows);
/* Writes them; what was refused is kept for the test. */
struct outcome {
    cim_edit edit;
    int n_told;
    int64_t row[64];
    cim_error why[64];
};
cim_status write_rows(struct lpg_layer *layer, const cim_call *call, int32_t op, uint32_t flags,
                      const struct text_rows *rows, struct outcome *ret_outcome, cim_error *err);
/* The text of a cell, in the form of the test's own choice: numbers as printed by %.17g. */
const char *cell_text(const cim_batch *batch, uint32_t column, int64_t row);
int64_t count_all(struct fixture *fixture, struct lpg_layer *layer);
int64_t one_int(struct fixture *fixture, const char *sql);

#endif

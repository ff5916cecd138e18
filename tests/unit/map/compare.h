/* tests/unit/map/compare.h -- callers at random, and two snapshots of one world held against each
 * other and against the records one by one. */
#ifndef TESTS_MAP_COMPARE_H
#define TESTS_MAP_COMPARE_H

#include "map/snapshot.h"
#include "world.h"

extern const cim_access_v1 access_service; /* area "a07" has ordinal 7 and none below */
extern const cim_call system_call;

/* Few kinds of them, so that cached pyramids meet later edits. */
struct caller {
    cim_term terms[2];
    const cim_term *pointers[2];
    uint64_t areas[2];
    char owner[8];
    char area[8];
    char filter[96];
    char row_filters[2][96];
    const char *hidden[1]; /* a field */
    uint8_t mode;
    cim_scope scope;
    cim_call call;
};

void random_caller(struct caller *caller, unsigned *seed);
uint64_t count_records_of(const struct world *world, const struct caller *caller, uint32_t z,
                          uint32_t col, uint32_t row);
/* A tile of some zoom about a record draws the same from both, and what the records say. */
void assert_same_tile(const struct world *world, const struct lpg_snapshot *left,
                      const struct lpg_snapshot *right, const struct record *near,
                      unsigned *caller_seed);

struct lpg_snapshot *loaded(const struct world *world, int64_t pos);
struct lpg_snapshot *advanced(const struct world *world, struct lpg_snapshot *old,
                              const int64_t *fids, uint32_t n);
void replace(struct lpg_snapshot **snapshot, struct lpg_snapshot *by);

#endif

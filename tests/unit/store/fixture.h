/* A store in a temporary directory with one layer of points, `thing`, and one of lines, `way`. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "host/base/clock.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "pg_database.h"
#include "unit.h"

#include <stdbool.h>

struct fixture {
    char dir[64];
    char path[128];       /* of cim.gpkg */
    char url[192];        /* of a database of its own; empty: embedded */
    char migrations[128]; /* of the plugin "test" */
    struct host_clock *clock;
    struct host_store *store;
};

enum { FIXTURE_NOW_MS = 1800000000 };

/* CMocka setup and teardown: a store with the base and the test migrations applied. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);
/* Options that tests change before they open. */
struct host_store_options fixture_options(const struct fixture *fixture);
void fixture_open(struct fixture *fixture, const struct host_store_options *options);
void fixture_write_file(const char *dir, const char *name, const char *text);

cim_value text_value(const char *name, const char *text);
cim_value int_value(const char *name, int64_t value);
cim_value real_value(const char *name, double value);
cim_value time_value(const char *name, int64_t ms);
cim_value wkb_value(const char *name, const void *wkb, size_t len);
cim_value null_value(const char *name);

/* Inserts a point; `tx` NULL: in a transaction of its own. */
cim_status add_thing(struct host_store *store, cim_tx *tx, const char *uid, double x, double y,
                     cim_error *err);
/* The single number that a select returns. */
int64_t one_int(struct host_store *store, const char *sql);
/* True when the store has a table or an index of this name. */
bool has_table(struct host_store *store, const char *name);
/* Runs a program with its output in `out`; returns its exit code. */
int run_program(const char *const *argv, char *out, size_t capacity);

#endif

/* An identity over real stores in a temporary directory: platform.db and cim.gpkg. */
#ifndef IDENTITY_FIXTURE_H
#define IDENTITY_FIXTURE_H

#include "host/base/clock.h"
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/store/store.h"
#include "unit.h"

struct fixture {
    char dir[64];
    char url[192]; /* of the data; empty: embedded */
    struct host_clock *clock;
    struct host_store *platform;
    struct host_store *data;
    struct host_areas *areas;
    struct host_crypt *crypt;
    struct host_identity *identity;
    struct host_identity_options more; /* of the next restart: what follows `crypt` in it */
};

#define FIXTURE_NOW_MS   INT64_C(1800000000000)
#define FIXTURE_PASSWORD "Gas-bottle-1"

/* CMocka setup and teardown. The tree: 46 > (4601 > (460105, 460106), 4602 > 460202), and the roles
 * of `fixture_roles` below plugin "lpg". */
int fixture_setup(void **state);
int fixture_teardown(void **state);
extern const char fixture_roles[];

/* Closes identity and stores and opens them again, as a restart does. */
void fixture_restart(struct fixture *fixture);
void fixture_put(struct fixture *fixture, const char *username, const char *roles,
                 const char *areas, const char *org, int64_t until_ms);
/* Writes `text` to `name` in the directory; the path in `out`. */
void fixture_file(const struct fixture *fixture, const char *name, const char *text, char out[128]);
/* The single number that a select on platform.db returns. */
int64_t fixture_int(struct fixture *fixture, const char *sql);

#endif

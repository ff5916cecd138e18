/* tests/support/fake_host.h -- a platform around the plugin's modules: the real embedded store in a
 * temporary directory, the kit's area tree, a clock that stands, and a scope that the test sets. */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include "cim/analyses.h"
#include "cim/call.h"
#include "cim/layers.h"
#include "cim/plugin.h"
#include "host/store/store.h"
#include "kit/area_tree.h"

enum { FAKE_NOW_MS = 1795324082 };

struct fake_host {
    cim_host host; /* its impl is this struct */
    char dir[64];
    struct host_clock *clock;
    struct host_store *store;
    struct host_crypt *crypt;
    char key_file[96];
    char url[192]; /* of its database; empty: embedded */
    struct cim_area_tree *areas;
    const cim_scope *scope; /* what access/1 answers */
    const cim_layer *layers[200];
    size_t n_layers;           /* registered with layers/1 */
    cim_analysis analyses[32]; /* with analyses/1; of its texts the id alone stays */
    size_t n_analyses;
    char raster[160];      /* what every input is bound to: a GeoTIFF; empty: nothing is bound */
    int rolled_back_times; /* transactions run again that often, as a store may */
    _Atomic int n_writes;  /* transactions begun */
    int writes_end_at;     /* so many; then the store is as if gone. 0: it stays */
};

/* A directory, a store with its base migrations, the area tree in table and memory. */
struct fake_host *fake_host_new(const struct cim_area_input *areas, size_t n_areas);
void fake_host_free(struct fake_host *fake);
/* Applies a folder of migrations, or one file with this text. */
void fake_host_migrate(struct fake_host *fake, const char *folder);
void fake_host_migrate_text(struct fake_host *fake, const char *text);
/* Writes a file into the directory and gives its path (valid until the next call). */
const char *fake_host_file(struct fake_host *fake, const char *name, const char *text);

/* A scope of one term that allows everything in clear. */
const cim_scope *fake_scope_all(void);
/* A call by somebody with this scope; NULL: access/1 is asked. */
cim_call fake_call(const cim_scope *scope);

#endif

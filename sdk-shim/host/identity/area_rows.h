/* host/identity/area_rows.h -- the rows behind an area tree, from the table or from a CSV file. */
#ifndef HOST_AREA_ROWS_H
#define HOST_AREA_ROWS_H

#include "kit/area_tree.h"

struct host_store;

enum { HOST_AREAS_FILE_MAX_BYTES = 64 << 20 };

/* What the tree is told afterwards, or does not use; NULL where absent. */
struct host_area_more {
    const char *valid_from;
    const char *valid_to;
    const char *managed_by;
};

struct host_area_rows {
    size_t n_rows;
    size_t capacity;
    struct cim_area_input *inputs;
    struct host_area_more *more;
    char **owned; /* texts that the two above borrow */
    size_t n_owned;
    size_t owned_capacity;
};

/* Both fill a zeroed struct; on failure it is half full and still to be done with. */
cim_status host_area_rows_load(struct host_area_rows *rows, struct host_store *store,
                               cim_error *err);
cim_status host_area_rows_read_csv(struct host_area_rows *rows, const char *path, cim_error *err);
void host_area_rows_done(struct host_area_rows *rows);

#endif

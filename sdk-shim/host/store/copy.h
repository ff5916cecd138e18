/* host/store/copy.h -- all that one store holds, copied to another and compared row by row. */
#ifndef HOST_STORE_COPY_H
#define HOST_STORE_COPY_H

#include "host/store/store.h"

enum { HOST_COPY_NAME_MAX = 64, HOST_COPY_HASH_TEXT = 65, HOST_COPY_SLICE_ROWS = 4096 };

/* What one side holds of a table: its rows, and the SHA-256 of them in the order of their key, each
 * value in an encoding that does not depend on the database. */
struct host_copy_content {
    int64_t n_rows;
    char hash[HOST_COPY_HASH_TEXT];
};

struct host_copy_table {
    char name[HOST_COPY_NAME_MAX];
    struct host_copy_content source;
    struct host_copy_content target;
};

struct host_copy_report {
    int32_t n_tables;
    struct host_copy_table *tables;
};

struct host_copy_options {
    struct host_store *source; /* nobody writes it meanwhile */
    struct host_store *target; /* freshly migrated, by the migrations that the source has */
    /* Rows that were read so far, and in all; not 0: stop, CIM_E_CANCELLED. May be NULL. */
    int32_t (*progress)(void *arg, int64_t done, int64_t total);
    void *arg;
};

/* Copies every table that migrations made, in slices, each a transaction, numbers and all: the next
 * record and the next change on the target go on where the source stopped. CIM_E_STATE names the
 * table that came out different; the report is filled in as far as it got, and the caller's to free
 * also on failure. Tables that the target does not know are no table of ours and stay behind. */
cim_status host_store_copy(const struct host_copy_options *options, struct host_copy_report *report,
                           cim_error *err);
void host_copy_report_done(struct host_copy_report *report);
/* What the store holds now, as each table's `source`; nobody writes it meanwhile, or it is one that
 * reads from a snapshot. The report is the caller's to free also on failure. */
cim_status host_store_contents(struct host_store *store, struct host_copy_report *report,
                               cim_error *err);
/* False once any host has opened it to write. */
cim_status host_store_is_empty(struct host_store *store, bool *ret_empty, cim_error *err);

/* ---- between copy.c, copy_table.c and content.c ---- */

struct host_copy_pace {
    int32_t (*progress)(void *arg, int64_t done, int64_t total); /* as in the options */
    void *arg;
    int64_t n_done;
    int64_t n_total;
};
/* n rows more. */
cim_status host_copy_tell(struct host_copy_pace *pace, int64_t n_rows, cim_error *err);

struct host_copy_column {
    char name[HOST_COPY_NAME_MAX];
    char word[8]; /* of schemas: "text", "int", …; "geom" for a geometry */
};

struct host_copy_shape {
    const char *table;
    int32_t n_columns;
    int32_t key;   /* which column is the primary key, a whole number */
    bool numbered; /* has a fid that the database gives out */
    struct host_copy_column *columns;
};

/* Columns and key of a table, without columns where there is none. */
cim_status host_copy_shape_read(struct host_store *store, const char *table,
                                struct host_copy_shape *ret_shape, cim_error *err);
void host_copy_shape_done(struct host_copy_shape *shape);
/* Calls `each` for every row in the order of the key, past `after`, at most `most`. *ret_n: how
 * many there were, *ret_last: the key of the last. */
typedef cim_status (*host_copy_row_fn)(void *arg, const struct host_copy_shape *shape,
                                       const struct cim_batch *batch, int64_t row, cim_error *err);
cim_status host_copy_slice(struct host_store *store, const struct host_copy_shape *shape,
                           int64_t after, int64_t most, host_copy_row_fn each, void *arg,
                           int64_t *ret_n, int64_t *ret_last, cim_error *err);

cim_status host_copy_content_read(struct host_store *store, const struct host_copy_shape *shape,
                                  struct host_copy_pace *pace,
                                  struct host_copy_content *ret_content, cim_error *err);
/* The names alone. */
cim_status host_copy_list_tables(struct host_store *store, struct host_copy_report *report,
                                 cim_error *err);
/* The number that a statement of one row answers. */
cim_status host_copy_count(struct host_store *store, const char *sql, int64_t *ret_n,
                           cim_error *err);

#endif

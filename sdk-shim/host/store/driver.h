/* host/store/driver.h -- what a database must do to be a store, and what all of them share.
 *
 * store.c calls the functions of this table; nothing else knows which database runs. A driver puts
 * struct host_store and struct cim_tx first into structs of its own.
 */
#ifndef HOST_STORE_DRIVER_H
#define HOST_STORE_DRIVER_H

#include "host/base/clock.h"
#include "host/store/store.h"
#include "kit/buf.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
    HOST_STORE_READERS_MAX = 64,
    HOST_STORE_STATEMENTS_MAX = 128, /* prepared per connection */
    HOST_STORE_PARAMETERS_MAX = 512, /* of a statement */
    HOST_STORE_COLUMNS_MAX = 512,    /* of a result */
    HOST_STORE_LAYERS_MAX = 1024,    /* layers with a position */
    HOST_STORE_LAYER_ID_MAX = 127,   /* bytes */
    HOST_STORE_BATCH_ROWS = 1024,    /* of a result; cim_rows batches */
    HOST_STORE_BATCH_BYTES = 256 << 10,
    HOST_STORE_ACQUIRE_MS = 2000, /* waiting for a read connection */
    HOST_STORE_SRS = 4490         /* of every geometry that is kept */
};

/* ---- positions (positions.c): of one thread that writes, of any that reads ---- */

struct host_layer_pos {
    char id[HOST_STORE_LAYER_ID_MAX + 1];
    _Atomic int64_t pos;
};

struct host_positions {
    _Atomic int64_t pos;
    _Atomic int32_t n_layers;
    struct host_layer_pos *layers[HOST_STORE_LAYERS_MAX];
};

/* Index of a layer, added when it is new: layers are only ever added. */
cim_status host_positions_intern(struct host_positions *positions, const char *layer,
                                 int32_t *ret_index, cim_error *err);
int64_t host_positions_layer(const struct host_positions *positions, const char *layer);
void host_positions_free(struct host_positions *positions);

/* ---- the driver ---- */

struct host_store {
    const struct host_driver *driver;
    enum host_store_kind kind;
    const struct host_clock *clock;
    bool read_only;
    int32_t max_readers;
    int64_t read_timeout_ms;
    int64_t write_timeout_ms;
    int64_t acquire_timeout_ms;
    struct host_positions positions;
    _Atomic int64_t n_reads;
    _Atomic int64_t n_writes;
    _Atomic int64_t n_commits;
    _Atomic int64_t n_busy;
};

struct cim_tx {
    struct host_store *store;
    int64_t now_ms;
    int64_t timeout_ms; /* of each of its statements; 0: none */
};

struct host_driver {
    const char *name;
    bool shared; /* by several hosts */
    void (*close)(struct host_store *store);
    cim_status (*read)(struct host_store *store, const char *sql, const cim_value *values,
                       uint32_t n_values, cim_rows **ret_rows, cim_error *err);
    cim_status (*write)(struct host_store *store, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                        cim_error *err);
    cim_status (*exec)(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                       int64_t *ret_changes, cim_error *err);
    /* NULL: as exec, at once. */
    cim_status (*exec_late)(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                            cim_error *err);
    cim_status (*query)(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                        cim_rows **ret_rows, cim_error *err);
    cim_status (*change)(cim_tx *tx, const char *layer, int64_t fid, int32_t op,
                         const char *area_code, const char *owner_org, cim_error *err);
    cim_status (*insert)(cim_tx *tx, cim_insert *insert, cim_error *err);
    void (*loaded)(struct host_store *store, const char *table); /* NULL: its plans need nothing */
    int64_t (*readers_open)(struct host_store *store);
    cim_status (*backup)(struct host_store *store, const char *path, host_store_progress progress,
                         host_store_look look, void *arg, cim_error *err);
    /* Of the embedded store alone, else NULL. */
    const char *(*path)(const struct host_store *store);
    cim_status (*quiet)(struct host_store *store, cim_status (*fn)(void *arg, cim_error *err),
                        void *arg, cim_error *err);
    cim_status (*checkpoint)(struct host_store *store, bool *ret_whole, cim_error *err);
    /* One statement of a migration, macros of schemas and all. */
    cim_status (*schema)(cim_tx *tx, const char *statement, cim_error *err);
    /* {layer TABLE GEOMETRY} ("None": no geometry) and {attributes TABLE}; names are checked. */
    cim_status (*add_layer)(cim_tx *tx, const char *table, const char *geometry, cim_error *err);
    cim_status (*add_attributes)(cim_tx *tx, const char *table, cim_error *err);
    /* A table of a migration with its indexes and registrations; one that is gone is no failure. */
    cim_status (*drop_table)(cim_tx *tx, const char *table, cim_error *err);
    /* After the last statement of a migration. */
    cim_status (*end_migration)(cim_tx *tx, cim_error *err);
    /* What is there of a table: statements of `:table`, for host_store_check_layer(). */
    const char *table_columns; /* -> name, declared type */
    const char *table_faults;  /* and of `:has_geometry`, 0 or 1 -> name, 'missing' or 'foreign' */
    /* For host_store_copy(): the tables that may be ours, but for the record of migrations and what
     * is the driver's alone -> name; the columns of the primary key of `:table` -> name; the
     * greatest fid that `:table` has given out; how many changes wait for a position (NULL: they
     * never do). */
    const char *tables;
    const char *table_key;
    const char *last_fid;
    const char *unnumbered;
    cim_status (*set_last_fid)(cim_tx *tx, const char *table, int64_t fid, cim_error *err);
    /* What {int} and the other words of schemas stand for, as table_columns tells it. */
    const char *(*type_of_word)(const char *word);
    /* And a geometry column of this type ("Point"). */
    void (*type_of_geometry)(const char *type, char *out, size_t out_size);
};

/* Kept in the options, common to all; then what the driver does with its own part. */
void host_store_init(struct host_store *store, const struct host_driver *driver,
                     const struct host_store_options *options);
cim_status host_sqlite_open(const struct host_store_options *options, struct host_store **ret_store,
                            cim_error *err);
cim_status host_pg_open(const struct host_store_options *options, struct host_store **ret_store,
                        cim_error *err);
/* Puts an archive of host_pg_backup() into an empty database. */
cim_status host_pg_restore(const char *url, const char *path, cim_error *err);
int64_t host_store_now_ms(const struct host_store *store);
/* What is wrong with a row of cim_insert alone; another failure ends the insert. */
bool host_store_refuses_row(cim_status status);

/* ---- SQL (words.c, select_list.c) ---- */

bool host_sql_identifier(const char *name);
/* "geom" or "t.geom". */
bool host_sql_column(const char *name);
/* {never}, {day N}, {midnight COLUMN N}, {time_add COLUMN N}; see cim/store.h. CIM_E_NOTFOUND:
 * another macro. */
enum { HOST_SQL_COLUMN_MAX = 128, HOST_SQL_SHIFT_MAX = 100000000 };
enum { HOST_MOMENT_NEVER = 1, HOST_MOMENT_DAY, HOST_MOMENT_MIDNIGHT, HOST_MOMENT_TIME_ADD };
struct host_sql_moment {
    int kind; /* HOST_MOMENT_… */
    char column[HOST_SQL_COLUMN_MAX];
    long n;
};
cim_status host_sql_moment(const char *name, const char *argument,
                           struct host_sql_moment *ret_moment, cim_error *err);
/* A macro's argument that is neither a column, a table nor a :name, as the macro wants it. */
cim_status host_sql_bad_argument(const char *name, const char *argument, cim_error *err);
/* "POINT" for "Point"; NULL for what is no geometry type. */
const char *host_sql_geometry(const char *type);

enum host_relation {
    HOST_INTERSECTS,
    HOST_DISJOINT,
    HOST_TOUCHES,
    HOST_CROSSES,
    HOST_OVERLAPS,
    HOST_WITHIN,
    HOST_CONTAINS,
    HOST_EQUALS
};
/* The relation of a macro {s_intersects A B}; false: it is no such macro. */
bool host_sql_relation(const char *name, enum host_relation *ret_relation);
enum { HOST_SQL_OPERAND_MAX = 96 };
/* A column or a :NAME. */
bool host_sql_operand(const char *text);
/* Cuts the argument "A B" of the macro `name` at its space; each must be an operand. */
cim_status host_sql_operands(const char *name, const char *argument,
                             char ret_left[HOST_SQL_OPERAND_MAX],
                             char ret_right[HOST_SQL_OPERAND_MAX], cim_error *err);

/* ---- geometries on their way in (wkb.c) ---- */

enum host_wkb_extent { HOST_WKB_EMPTY, HOST_WKB_POINT, HOST_WKB_BOX };
/* Refuses what is no sound two-dimensional ISO WKB. West, south, east, north of one with a box. */
cim_status host_wkb_check(const void *wkb, size_t len, double ret_bbox[4],
                          enum host_wkb_extent *ret_extent, cim_error *err);

/* A result column: its type, or how to find it. */
enum host_column_plan {
    HOST_PLAN_AUTO = 0, /* the value or the database tells */
    HOST_PLAN_INT64,
    HOST_PLAN_FLOAT64,
    HOST_PLAN_TEXT,
    HOST_PLAN_BOOL,
    HOST_PLAN_TIME,     /* a stored time, or milliseconds out of {ms} */
    HOST_PLAN_GEOMETRY, /* as stored, handed out as WKB */
    HOST_PLAN_BLOB      /* bytes as they are */
};

/* What the text of a select list says of one of its columns. */
struct host_column_mark {
    enum host_column_plan plan;
    char name[64]; /* of a bare {ms c} or {wkb c}: that of its column; else empty */
};
/* Marks from the select list of `sql`: how its columns are written. Returns how many marks were
 * set; a star stands for the columns in between: *ret_star its index, or -1. */
int32_t host_select_list(const char *sql, struct host_column_mark *marks, int32_t capacity,
                         int32_t *ret_star);
/* The mark of column `i` of `n_columns`, past the star counted from the end; NULL: none. */
const struct host_column_mark *host_select_mark(const struct host_column_mark *marks,
                                                int32_t n_marks, int32_t star, int32_t n_columns,
                                                int32_t i);

#endif

/* cim/rows.h -- rows as typed column batches, in the memory layout of the Arrow C data interface.
 *
 * Store reads, layer queries, imports, exports and tiles all pass rows this way, so that nothing is
 * turned into JSON on its way through.
 */
#ifndef CIM_ROWS_H
#define CIM_ROWS_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CIM_COL_INT64 = 1,
    CIM_COL_FLOAT64 = 2,
    CIM_COL_TEXT = 3,    /* UTF-8; dates travel as TEXT "YYYY-MM-DD" */
    CIM_COL_WKB = 4,     /* ISO WKB, little-endian, CGCS2000 longitude latitude */
    CIM_COL_TIME_MS = 5, /* int64, UTC milliseconds */
    CIM_COL_BOOL = 6     /* int64, 0 or 1 */
};

/* One column of a batch. Values of absent rows are unspecified. */
typedef struct cim_column {
    uint32_t struct_size;
    uint32_t type; /* CIM_COL_… */
    const char *name;
    const uint8_t *validity; /* bit i (least significant first) set: row i present; NULL: all are */
    const void *values;      /* int64_t[n], double[n], or for TEXT and WKB int32_t offsets[n + 1] */
    const uint8_t *data;     /* the bytes that the offsets point into; NULL for numbers */
} cim_column;

typedef struct cim_batch {
    uint32_t struct_size;
    uint32_t n_columns;
    int64_t n_rows; /* at most CIM_BATCH_MAX_ROWS */
    const cim_column *const *columns;
} cim_batch;

enum { CIM_BATCH_MAX_ROWS = 4096 };

/* The columns that every record of every layer has, in this order, before its own fields. `geom` is
 * left out where the layer has none or the query did not ask for it. */
#define CIM_RECORD_COLUMNS "fid", "uid", "version", "owner_org", "area_code", "updated_at", "geom"
enum {
    CIM_RECORD_FID = 0,
    CIM_RECORD_UID = 1,
    CIM_RECORD_VERSION = 2,
    CIM_RECORD_OWNER_ORG = 3,
    CIM_RECORD_AREA_CODE = 4,
    CIM_RECORD_UPDATED_AT = 5,
    CIM_RECORD_GEOM = 6
};

/* A pull cursor over rows. Used by one thread at a time; ends with release(), which frees the
 * struct itself and accepts a cursor that was not read to its end. */
typedef struct cim_rows cim_rows;
struct cim_rows {
    uint32_t struct_size;
    uint32_t n_columns;
    const char *const *names; /* n_columns; valid until release() */
    const uint32_t *types;    /* CIM_COL_…, n_columns */
    /* Next batch, borrowed until the next call on this cursor. At the end *ret_batch has
     * n_rows == 0. [worker] */
    cim_status (*next)(cim_rows *rows, const cim_batch **ret_batch, cim_error *err);
    /* After a limited query: an opaque token to continue after the last row, or NULL when there
     * are no more. Valid until release(). May be NULL where paging makes no sense. [worker] */
    const char *(*cursor)(cim_rows *rows);
    void (*release)(cim_rows *rows);
    void *impl;
};

/* A named scalar for statements. Frozen at 32 bytes. */
typedef struct cim_value {
    const char *name; /* without the colon; NULL in lists where the position counts */
    uint32_t type;    /* CIM_COL_…; 0 means SQL null */
    uint32_t len;     /* bytes of `ptr` for TEXT and WKB */
    union {
        int64_t i64;
        double f64;
        const void *ptr;
    } v;
    int64_t reserved; /* zero */
} cim_value;

#ifdef __cplusplus
}
#endif
#endif

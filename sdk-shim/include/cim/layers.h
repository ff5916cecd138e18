/* cim/layers.h -- cim.layers/1: kinds of record. The host turns each into OGC API Features, checks
 * access before every call and hands over the caller's scope. */
#ifndef CIM_LAYERS_H
#define CIM_LAYERS_H

#include "cim/call.h"
#include "cim/rows.h"
#include "cim/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_LAYERS "cim.layers/1"

enum {
    CIM_QUERY_BBOX = 1,
    CIM_QUERY_DATETIME = 2,
    CIM_QUERY_NO_GEOMETRY = 4,
    /* Encrypted fields are shown masked at most, whatever the scope says, but those of `reveal`. */
    CIM_QUERY_CONCEAL = 8
};

typedef struct cim_query {
    uint32_t struct_size;
    uint32_t flags;    /* CIM_QUERY_… */
    double bbox_w_deg; /* with CIM_QUERY_BBOX; w > e crosses the antimeridian */
    double bbox_s_deg;
    double bbox_e_deg;
    double bbox_n_deg;
    int64_t from_ms; /* with CIM_QUERY_DATETIME: closed interval; INT64_MIN / INT64_MAX: open */
    int64_t to_ms;
    int64_t fid;             /* > 0: this record alone */
    const char *uid;         /* not NULL: this record alone */
    const char *area;        /* area code: records in it or below; NULL: all */
    const char *filter_json; /* CQL2 JSON; NULL: none */
    uint32_t n_properties;   /* with properties == NULL: all fields */
    uint32_t n_sort;
    const char *const *properties; /* fields wanted beside the record columns */
    const char *const *sort;       /* field, or "-field" for descending; absent values last */
    int64_t limit;                 /* rows at most; 0: no limit */
    const char *cursor;            /* continue after this token of cim_rows.cursor(); NULL: start */
    const char *search; /* words, blanks between: each found in a field that the definition marks
                         * `search`, by its text, pinyin or initials; NULL: none */
    const char *const *reveal; /* with CIM_QUERY_CONCEAL: fields that the scope alone decides on */
    uint32_t n_reveal;
    uint32_t reserved;
} cim_query;

enum { CIM_EDIT_CREATE = 1, CIM_EDIT_REPLACE = 2, CIM_EDIT_UPDATE = 3, CIM_EDIT_DELETE = 4 };
enum {
    CIM_EDIT_ROW_WISE = 1,
    CIM_EDIT_DRY_RUN = 2,
    /* Puts back what a batch has changed: created records keep their `fid` and go on from their
     * `version`, and the edit is a batch itself, also with one record. */
    CIM_EDIT_UNDO = 4,
    /* Nothing is kept for an undo: what is deleted because its time is over is gone. */
    CIM_EDIT_FORGET = 8,
    /* An update that erases the persons whom the records tell of: of `rows` only fid, uid and
     * version count, and every sensitive field that has a value says CIM_ERASED_TEXT from then on.
     * Encrypted values open no more in any copy. Rules and immutability do not stand against it. */
    CIM_EDIT_ERASE = 16
};
#define CIM_ERASED_TEXT "已删除"

/* Records to write. `rows` may hold any subset of the record columns (by name) and the layer's
 * fields; TEXT is accepted for every type and parsed. Without CIM_EDIT_ROW_WISE one refused row
 * refuses all; with it the good rows are written. Either way nobody sees a part of it: an edit is
 * one transaction, or a large create in several whose records are hidden before the last. */
typedef struct cim_edit cim_edit;
struct cim_edit {
    uint32_t struct_size;
    uint32_t flags; /* CIM_EDIT_… */
    int32_t op;     /* CIM_EDIT_CREATE … */
    int32_t reserved;
    cim_rows *rows; /* borrowed; pulled from one thread */
    /* Told of each refused row: its number from 1 in `rows`, and in `why` the field, value and what
     * was expected. May be NULL. */
    void (*refused)(cim_edit *edit, int64_t row, const cim_error *why);
    /* Told now and then how many rows were taken; non-zero result cancels. May be NULL. */
    int32_t (*progress)(cim_edit *edit, int64_t rows_done);
    void *caller; /* the caller's own */
    /* Results, set also when the edit fails. */
    int64_t n_read;
    int64_t n_written;
    int64_t n_refused;
    int64_t last_fid; /* of the last record written */
    int64_t pos;
    /* Inside the transaction, before the first row and after the last (then with n_read, n_written,
     * n_refused and last_fid set): what the caller stores together with the records. A failure
     * undoes the edit. They may run again with the transaction, on a thread of the store. Of a
     * large create both run in the last transaction. May be NULL. */
    cim_status (*begun)(cim_edit *edit, cim_tx *tx, cim_error *err);
    cim_status (*ending)(cim_edit *edit, cim_tx *tx, cim_error *err);
    char batch[40]; /* result: the batch (cim/batches.h) that an edit of many records made; or "" */
    /* Another edit of the same layer, made after this one in the same transaction: both are stored
     * or neither is. A dry run is one if the first edit is. NULL: none. */
    cim_edit *also;
    /* Told of values that are stored although a check of the definition that warns fails them: row
     * and why as of `refused`, before the edit ends and whether or not it succeeds. May be NULL. */
    void (*warned)(cim_edit *edit, int64_t row, const cim_error *what);
    /* Told of each row that is taken, where the definition has `placing`: the grade of the record's
     * position, a code of its list, and whether it is good enough for a point. Row as of `refused`;
     * before the edit ends and whether or not it succeeds. May be NULL. */
    void (*placed)(cim_edit *edit, int64_t row, const char *grade, int32_t good);
};

typedef struct cim_layer {
    uint32_t struct_size;
    uint32_t flags; /* zero */
    const char *id;
    const char *definition; /* JSON text; see docs/sdk-guide.md */
    cim_status (*count)(void *self, const cim_call *call, const cim_query *query,
                        int64_t *ret_count, cim_error *err); /* [worker] */
    /* West, south, east, north; CIM_E_NOTFOUND when nothing with a geometry is visible. [worker] */
    cim_status (*extent)(void *self, const cim_call *call, const cim_query *query,
                         double ret_bbox_deg[4], cim_error *err);
    /* Record columns, then fields. Sensitive values arrive masked, absent or clear as the scope
     * says: the layer applies it, the host only prints. [worker] */
    cim_status (*query)(void *self, const cim_call *call, const cim_query *query,
                        cim_rows **ret_rows, cim_error *err);
    /* NULL: read-only. [worker] */
    cim_status (*write)(void *self, const cim_call *call, cim_edit *edit, cim_error *err);
    void *self; /* handed to the functions above */
} cim_layer;

typedef struct cim_layers_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Copies *layer and its texts. CIM_E_EXISTS: the id is taken; CIM_E_DENIED: it is not in the
     * manifest; CIM_E_INVALID: the definition does not parse. [lifecycle] */
    cim_status (*add_layer)(const cim_host *host, const cim_layer *layer, cim_error *err);
} cim_layers_v1;

#ifdef __cplusplus
}
#endif
#endif

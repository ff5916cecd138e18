/* host/ogc/edit_read.h -- features that come in, as rows for cim_edit.
 *
 * One feature, a collection of them, or a stream (newline-delimited or RFC 8142) that is read piece
 * by piece, so that its length does not show in memory. */
#ifndef HOST_OGC_EDIT_READ_H
#define HOST_OGC_EDIT_READ_H

#include "cim/layers.h"
#include "kit/buf.h"
#include "kit/definition.h"

#include <stdbool.h>

struct json_object;

enum { HOST_EDIT_COLUMNS_MAX = CIM_LAYER_FIELDS_MAX + 8, HOST_EDIT_KEY_MAX = 40 };

struct host_edit_column {
    const char *name;
    const char *constant;          /* not NULL: the same in every row */
    const struct cim_field *field; /* NULL: a record column */
};

struct host_edit_reader {
    /* What to read; set before host_edit_reader_open(). */
    const struct cim_definition *def;
    int32_t op; /* CIM_EDIT_CREATE … */
    bool row_wise;
    bool lat_lon;
    const char *key_name; /* "fid" or "uid" of the record to change */
    const char *key;
    int64_t version;              /* expected; 0: any */
    struct json_object *document; /* borrowed: a Feature or a FeatureCollection; NULL: a stream */
    cim_status (*read)(void *arg, void *buffer, uint64_t capacity, uint64_t *ret_len,
                       cim_error *err); /* of a stream; *ret_len 0: the end */
    void (*refused)(void *arg, int64_t row, const cim_error *why);
    void *arg;
    /* May be NULL. Holds the geometry of a feature, in degrees of longitude and latitude, against
     * what the layer asks of it; CIM_E_INVALID refuses the feature. */
    cim_status (*check)(void *check_arg, int64_t row, const uint8_t *wkb, size_t len,
                        cim_error *err);
    void *check_arg;

    /* Its own. */
    uint32_t n_columns;
    struct host_edit_column columns[HOST_EDIT_COLUMNS_MAX];
    char version_text[24];
    int64_t n_read;
    int64_t n_delivered;
    int32_t n_skipped;
    int64_t *skipped; /* for each feature refused here: how many were delivered before it */
    cim_error first;  /* of those */
    bool ended;
    struct cim_buf geometry;
    struct cim_buf record; /* text of the feature at hand, of a stream */
    char *piece;
    size_t piece_len;
    size_t piece_at;
    char separator; /* 0 until the stream has shown which */
};

/* Chooses the columns. CIM_E_INVALID: the document is not what the operation takes. */
cim_status host_edit_reader_open(struct host_edit_reader *reader, cim_error *err);
/* For the same document once more. */
void host_edit_reader_rewind(struct host_edit_reader *reader);
void host_edit_reader_done(struct host_edit_reader *reader);
/* The reader stays the caller's and must outlive the rows. */
cim_status host_edit_reader_rows(struct host_edit_reader *reader, cim_rows **ret_rows,
                                 cim_error *err);
/* The feature in the body of the i-th row delivered, both from 1. */
int64_t host_edit_reader_row_of(const struct host_edit_reader *reader, int64_t delivered);

#endif

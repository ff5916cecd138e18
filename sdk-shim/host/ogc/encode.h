/* host/ogc/encode.h -- rows as GeoJSON features, CSV lines and WKT, straight into a buffer: no
 * object is built per feature. */
#ifndef HOST_OGC_ENCODE_H
#define HOST_OGC_ENCODE_H

#include "cim/rows.h"
#include "host/ogc/crs.h"
#include "kit/buf.h"
#include "kit/definition.h"

#include <stddef.h>

enum { HOST_ENCODE_COLUMNS_MAX = CIM_LAYER_FIELDS_MAX + 8 };

/* How coordinates go out. */
struct host_encode_crs {
    struct host_crs crs;
    bool degrees;
    struct host_crs_worker *worker; /* needed for HOST_CRS_OTHER */
};

struct host_encoder {
    struct host_encode_crs crs;
    bool point; /* CSV: two number columns instead of WKT */
    int32_t fid;
    int32_t geom; /* -1: none */
    uint32_t n_columns;
    struct cim_buf keys; /* `,"name":` of every column, one after another */
    uint32_t key_at[HOST_ENCODE_COLUMNS_MAX + 1];
    char *row; /* room for one row's properties */
    size_t row_size;
    struct cim_buf number;
};

/* Prepares for rows with these columns. */
cim_status host_encoder_init(struct host_encoder *encoder, const cim_rows *rows,
                             const struct host_encode_crs *crs, bool point, cim_error *err);
void host_encoder_done(struct host_encoder *encoder);

/* One Feature object. A failure is a position that the reference system cannot express, or bytes
 * that are no geometry. */
cim_status host_encode_feature(struct host_encoder *encoder, const cim_batch *batch, int64_t row,
                               struct cim_buf *out, cim_error *err);
void host_encode_csv_head(struct host_encoder *encoder, const cim_rows *rows, struct cim_buf *out);
cim_status host_encode_csv_line(struct host_encoder *encoder, const cim_batch *batch, int64_t row,
                                struct cim_buf *out, cim_error *err);
/* A value as plain text for a person or a CSV cell; absent: nothing. */
void host_encode_plain(const cim_column *column, int64_t row, struct cim_buf *out);

/* Geometry alone. */
cim_status host_encode_geojson(const struct host_encode_crs *crs, const void *wkb, size_t len,
                               struct cim_buf *out, cim_error *err);
cim_status host_encode_wkt(const struct host_encode_crs *crs, const void *wkb, size_t len,
                           struct cim_buf *out, cim_error *err);

#endif

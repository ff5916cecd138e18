/* host/exchange/export_parcels.h -- areas as 国土 TXT (parcels.h), in a zone of CGCS2000.
 *
 * Number, name, sheet, use and class of a parcel come from the fields that bear these titles or
 * that the caller names; hectares are those of the plane. Points are written to the millimetre. */
#ifndef HOST_EXPORT_PARCELS_H
#define HOST_EXPORT_PARCELS_H

#include "host/exchange/export_file.h"

enum { HOST_PARCEL_TEXTS = 5 };

struct host_export_parcels {
    FILE *file;
    struct host_crs_out crs;
    iconv_t encoding; /* (iconv_t)-1: UTF-8 */
    int64_t n_written;
    int geometry;                 /* columns */
    int texts[HOST_PARCEL_TEXTS]; /* -1: none */
    struct cim_buf points;
    struct cim_buf lines;
};

/* As host_export_dataset_open(), _add() and _close(). CIM_E_INVALID: the layer is none of areas, or
 * no zone was named. */
cim_status host_export_parcels_open(const char *path, const struct cim_definition *definition,
                                    const cim_rows *rows, const struct host_export_options *options,
                                    struct host_export_parcels *ret_parcels, cim_error *err);
cim_status host_export_parcels_add(struct host_export_parcels *parcels, const cim_batch *batch,
                                   cim_error *err);
cim_status host_export_parcels_close(struct host_export_parcels *parcels, cim_error *err);

#endif

/* host/exchange/export_dataset.h -- a new file of GDAL's, filled with batches of rows. */
#ifndef HOST_EXPORT_DATASET_H
#define HOST_EXPORT_DATASET_H

#include "host/exchange/export_file.h"

struct host_export_dataset {
    GDALDatasetH dataset;
    OGRLayerH layer;
    enum host_export_format format;
    struct host_crs_out crs; /* not open: CGCS2000 degrees */
    const cim_rows *rows;    /* while it is opened */
    int *fields;             /* column -> field of the file, -1: none */
    int fid_column;          /* -1: none */
    int name_field;          /* of a KML: beside the columns, what people see; -1: none */
    int label_column;
    struct cim_buf scratch;
};

/* `path` does not exist; its folder does. Borrows `rows` for their names and types, during the
 * call. */
cim_status host_export_dataset_open(const char *path, const struct cim_definition *definition,
                                    const cim_rows *rows, const struct host_export_options *options,
                                    struct host_export_dataset *ret_dataset, cim_error *err);
cim_status host_export_dataset_add(struct host_export_dataset *dataset, const cim_batch *batch,
                                   cim_error *err);
/* Flushes; also after a failure, when the status tells nothing new. */
cim_status host_export_dataset_close(struct host_export_dataset *dataset, cim_error *err);

#endif

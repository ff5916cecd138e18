/* host/exchange/export_dataset.h -- a new file of GDAL's, filled with batches of rows. */
#ifndef HOST_EXPORT_DATASET_H
#define HOST_EXPORT_DATASET_H

#include "host/exchange/source.h"

struct host_export_dataset {
    GDALDatasetH dataset;
    OGRLayerH layer;
    enum host_export_format format;
    const cim_rows *rows;
    int *fields;    /* column -> field of the file, -1: none */
    int fid_column; /* -1: none */
    struct cim_buf scratch;
};

/* `path` does not exist; its folder does. Borrows `rows` for their names and types. */
cim_status host_export_dataset_open(const char *path, const struct cim_definition *definition,
                                    const cim_rows *rows, const struct host_export_options *options,
                                    struct host_export_dataset *ret_dataset, cim_error *err);
cim_status host_export_dataset_add(struct host_export_dataset *dataset, const cim_batch *batch,
                                   cim_error *err);
/* Flushes; also after a failure, when the status tells nothing new. */
cim_status host_export_dataset_close(struct host_export_dataset *dataset, cim_error *err);

#endif

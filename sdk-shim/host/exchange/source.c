/* host/exchange/source.c -- pulling the rows of a file that was opened (source_open.c). */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/rows.h"

#include <stdlib.h>

enum { FILL_ROWS = 512, FILL_BYTES = 1 << 20 };

static cim_status
note_skipped(struct host_source *source, const cim_error *why, cim_error *err)
{
    if (source->n_skipped == source->skipped_capacity) {
        const int32_t capacity = source->skipped_capacity == 0 ? 64 : source->skipped_capacity * 2;
        int64_t *grown = NULL;
        if (capacity > HOST_IMPORT_SKIPPED_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "被拒绝的行超过 %d，导入停止",
                            "more than %d rows were refused, the import stops",
                            HOST_IMPORT_SKIPPED_MAX);
        }
        grown = realloc(source->skipped, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        source->skipped = grown;
        source->skipped_capacity = capacity;
    }
    source->skipped[source->n_skipped++] = source->n_delivered;
    if (source->refused != NULL) {
        source->refused(source->told_arg, source->n_read, why);
    }
    return CIM_OK;
}

int64_t
host_source_row_of(const struct host_source *source, int64_t delivered)
{
    return cim_row_with_skipped(source->skipped, source->n_skipped, delivered);
}

static cim_status
take_feature(struct host_source *source, OGRFeatureH feature, struct cim_batch_builder *builder,
             cim_error *err)
{
    cim_error why = {0};
    cim_status status = CIM_OK;
    source->n_read++;
    status = host_source_convert(source, feature, builder, &why);
    if (status == CIM_OK) {
        CIM_TRY(cim_batch_builder_end_row(builder, err));
        source->n_delivered++;
        return CIM_OK;
    }
    cim_batch_builder_drop_row(builder);
    if (status != CIM_E_INVALID && status != CIM_E_TOO_LARGE) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return note_skipped(source, &why, err);
}

static cim_status
finish(struct host_source *source, cim_error *err)
{
    source->ended = true;
    if (source->total >= 0 && source->n_read < source->total) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL,
                        "文件损坏：应有 %lld 条记录，只读出 %lld 条",
                        "the file is damaged: it should hold %lld records, %lld could be read",
                        (long long)source->total, (long long)source->n_read);
    }
    if (source->topology != NULL) {
        CIM_TRY(host_topology_finish(source->topology, err));
    }
    return CIM_OK;
}

static cim_status
fill_from(struct host_source *source, struct cim_batch_builder *builder,
          struct host_gdal_errors *errors, cim_error *err)
{
    while (cim_batch_builder_rows(builder) < FILL_ROWS &&
           cim_batch_builder_bytes(builder) < FILL_BYTES) {
        OGRFeatureH feature = OGR_L_GetNextFeature(source->layer);
        cim_status status = CIM_OK;
        if (errors->n_failures > 0) {
            OGR_F_Destroy(feature);
            return cim_fail(err, CIM_E_INVALID, "file", NULL, "文件在第 %lld 条记录之后损坏：%s",
                            "the file is damaged after record %lld: %s", (long long)source->n_read,
                            errors->first);
        }
        if (feature == NULL) {
            return finish(source, err);
        }
        status = take_feature(source, feature, builder, err);
        OGR_F_Destroy(feature);
        errors->n_failures = 0; /* of the conversion: that row was refused */
        CIM_TRY(status);
    }
    return CIM_OK;
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct host_source *source = self;
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    if (source->ended) {
        return CIM_OK;
    }
    host_gdal_enter(&errors);
    status = fill_from(source, builder, &errors, err);
    host_gdal_leave();
    return status;
}

static void
rows_release(void *self)
{
    (void)self; /* the source is its opener's */
}

cim_status
host_source_rows(struct host_source *source, cim_rows **ret_rows, cim_error *err)
{
    const char *names[HOST_IMPORT_FIELDS_MAX + 1];
    uint32_t types[HOST_IMPORT_FIELDS_MAX + 1];
    uint32_t n = source->columns.n;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = source->columns.columns[i].name;
        types[i] = source->columns.columns[i].type;
    }
    if (source->geometry != CIM_GEOMETRY_NONE) {
        names[n] = "geom";
        types[n++] = CIM_COL_WKB;
    }
    return cim_rows_new(n, names, types, fill, rows_release, source, ret_rows, err);
}

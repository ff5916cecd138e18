/* host/exchange/features.c -- a file as GeoJSON, for who works with it and stores nothing. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/wkb.h"

#include <stdlib.h>

struct writing {
    struct host_source *source;
    struct cim_buf *out;
    struct cim_buf name; /* of a column, then its text */
    int64_t n;
    int64_t n_without;
    cim_error *err;
};

static cim_status
open_source(const char *path, const struct host_import_options *options, struct host_source *source,
            cim_error *err)
{
    source->geometry = CIM_GEOMETRY_POINT; /* tables may have columns of positions */
    source->x_index = source->y_index = source->wkt_index = -1;
    CIM_TRY(host_source_open_file(path, options, source, err));
    CIM_TRY(host_source_choose_layer(source, options->source_layer, err));
    CIM_TRY(host_source_open_text(source, options->encoding, err));
    return host_source_open_geometry(source, options, err);
}

/* "name":value for each column that has one. */
static cim_status
write_properties(struct writing *writing, OGRFeatureH feature)
{
    struct host_source *source = writing->source;
    struct cim_buf *text = &writing->name;
    const char *comma = "";
    for (int i = 0; i < OGR_F_GetFieldCount(feature) && i < HOST_IMPORT_FIELDS_MAX; i++) {
        OGRFieldDefnH field = OGR_F_GetFieldDefnRef(feature, i);
        const OGRFieldType type = OGR_Fld_GetType(field);
        if (!OGR_F_IsFieldSetAndNotNull(feature, i)) {
            continue;
        }
        cim_buf_clear(text);
        CIM_TRY(host_text_in_convert(&source->text, OGR_Fld_GetNameRef(field), text, writing->err));
        cim_buf_add_text(writing->out, comma);
        cim_buf_add_json_text(writing->out, text->len > 0 ? text->data : "", SIZE_MAX);
        cim_buf_add_char(writing->out, ':');
        comma = ",";
        if (type == OFTInteger || type == OFTInteger64) {
            cim_buf_add_int(writing->out, OGR_F_GetFieldAsInteger64(feature, i));
        } else if (type == OFTReal) {
            cim_buf_add_double(writing->out, OGR_F_GetFieldAsDouble(feature, i));
        } else {
            cim_buf_clear(text);
            CIM_TRY(host_source_text(source, feature, i, text, writing->err));
            cim_buf_add_json_text(writing->out, text->len > 0 ? text->data : "", SIZE_MAX);
        }
    }
    return CIM_OK;
}

static cim_status
write_feature(struct writing *writing, OGRFeatureH feature, int64_t number)
{
    size_t len = 0;
    cim_error why = {0};
    const cim_status status = host_source_any_geometry(writing->source, feature, &len, &why);
    if (status != CIM_OK) {
        return cim_fail(writing->err, status, why.param[0] != '\0' ? why.param : "geom", why.value,
                        "第 %lld 个对象：%s%.0s", "feature %lld: %.0s%s", (long long)number, why.zh,
                        why.en);
    }
    if (len == 0) {
        writing->n_without++;
        return CIM_OK;
    }
    if (writing->n == HOST_FEATURES_MAX) {
        return cim_fail(writing->err, CIM_E_TOO_LARGE, "file", NULL, "最多 %d 个对象",
                        "at most %d features", HOST_FEATURES_MAX);
    }
    cim_buf_add_text(writing->out, writing->n++ > 0 ? ",\n" : "\n");
    cim_buf_add_text(writing->out, "{\"type\":\"Feature\",\"geometry\":");
    CIM_TRY(cim_wkb_to_geojson(writing->source->wkb, len, writing->out, writing->err));
    cim_buf_add_text(writing->out, ",\"properties\":{");
    CIM_TRY(write_properties(writing, feature));
    cim_buf_add_text(writing->out, "}}");
    return cim_buf_status(writing->out, writing->err);
}

static cim_status
write_all(struct writing *writing)
{
    const struct host_source *source = writing->source;
    OGRFeatureH feature = NULL;
    int64_t number = 0;
    cim_status status = CIM_OK;
    cim_buf_add_text(writing->out, "{\"type\":\"FeatureCollection\",\"features\":[");
    OGR_L_ResetReading(source->layer);
    while (status == CIM_OK && (feature = OGR_L_GetNextFeature(source->layer)) != NULL) {
        status = write_feature(writing, feature, ++number);
        OGR_F_Destroy(feature);
    }
    CIM_TRY(status);
    if (writing->n == 0) {
        return cim_fail(writing->err, CIM_E_INVALID, "file", NULL, "文件中没有带几何的对象",
                        "nothing in the file has a geometry");
    }
    cim_buf_add_text(writing->out, "\n],\"file\":{\"format\":");
    cim_buf_add_json_text(writing->out, host_format_of(source->work.kind)->name, SIZE_MAX);
    cim_buf_add_text(writing->out, ",\"crs\":");
    cim_buf_add_json_text(writing->out, source->crs.label, SIZE_MAX);
    cim_buf_add_text(writing->out, ",\"encoding\":");
    cim_buf_add_json_text(writing->out,
                          source->encoding[0] != '\0' ? source->encoding : source->text.label,
                          SIZE_MAX);
    cim_buf_addf(writing->out, ",\"count\":%lld,\"without_geometry\":%lld}}", (long long)writing->n,
                 (long long)writing->n_without);
    return cim_buf_status(writing->out, writing->err);
}

cim_status
host_exchange_features(const char *path, const struct host_import_options *options,
                       struct cim_buf *out, cim_error *err)
{
    struct writing writing = {.out = out, .err = err};
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    writing.source = calloc(1, sizeof *writing.source);
    if (writing.source == NULL) {
        return cim_fail_nomem(err);
    }
    cim_buf_init(&writing.name, 1 << 20);
    host_gdal_enter(&errors);
    status = open_source(path, options, writing.source, err);
    if (status == CIM_OK) {
        status = write_all(&writing);
    }
    host_gdal_leave();
    cim_buf_done(&writing.name);
    host_source_free(writing.source);
    return status;
}

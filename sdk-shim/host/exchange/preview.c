/* host/exchange/preview.c -- what is in a file, before anybody decides how to import it. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <cpl_conv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 16, CELL_BYTES_MAX = 1 << 20 };

struct preview {
    struct host_source *source;
    const struct host_import_options *options;
    const struct cim_definition *definition;
    struct cim_buf *out;
    int n_questions;
    bool has_crs;
    int64_t types[TYPES_MAX]; /* how often, by number of WKB */
    int64_t n_other;          /* of another type */
    int64_t n_without;
    int64_t n_sampled;
    double box[4];
    bool has_box;
};

/* What has to be answered before the file can be imported. Others end the preview. */
static cim_status
ask(struct preview *preview, cim_status status, const cim_error *question, cim_error *err)
{
    static const char *const params[] = {"crs", "encoding", "source_layer"};
    if (status == CIM_OK) {
        return CIM_OK;
    }
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        if (status == CIM_E_INVALID && strcmp(question->param, params[i]) == 0) {
            cim_buf_add_text(preview->out, preview->n_questions++ > 0 ? "," : "");
            cim_buf_add_text(preview->out, "{\"param\":");
            cim_buf_add_json_text(preview->out, question->param, SIZE_MAX);
            cim_buf_add_member(preview->out, "zh", question->zh);
            cim_buf_add_member(preview->out, "en", question->en);
            cim_buf_add_char(preview->out, '}');
            return CIM_OK;
        }
    }
    if (err != NULL) {
        *err = *question;
    }
    return status;
}

static void
add_layers(const struct preview *preview)
{
    const GDALDatasetH dataset = preview->source->dataset;
    const int n = GDALDatasetGetLayerCount(dataset);
    cim_buf_add_text(preview->out, ",\"layers\":[");
    for (int i = 0; i < n && i < HOST_IMPORT_IGNORED_MAX; i++) {
        cim_buf_add_text(preview->out, i > 0 ? "," : "");
        cim_buf_add_json_text(preview->out, OGR_L_GetName(GDALDatasetGetLayer(dataset, i)),
                              SIZE_MAX);
    }
    cim_buf_add_char(preview->out, ']');
}

static const char *
name_of(struct preview *preview, const char *raw, struct cim_buf *scratch)
{
    cim_buf_clear(scratch);
    return host_text_in_convert(&preview->source->text, raw, scratch, NULL) == CIM_OK &&
                   scratch->len > 0
               ? scratch->data
               : "";
}

static void
add_columns(struct preview *preview)
{
    CIM_AUTO_BUF struct cim_buf scratch;
    const struct host_source *source = preview->source;
    OGRFeatureDefnH file = OGR_L_GetLayerDefn(source->layer);
    const int n = OGR_FD_GetFieldCount(file);
    cim_buf_init(&scratch, CELL_BYTES_MAX);
    cim_buf_add_text(preview->out, ",\"columns\":[");
    for (int i = 0; i < n && i < HOST_IMPORT_FIELDS_MAX; i++) {
        OGRFieldDefnH field = OGR_FD_GetFieldDefn(file, i);
        const char *raw = OGR_Fld_GetNameRef(field);
        const char *name = name_of(preview, raw, &scratch);
        const char *target =
            preview->definition != NULL && name[0] != '\0'
                ? host_column_field(preview->definition, source->work.kind, raw, name)
                : NULL;
        const bool is_position =
            i == source->x_index || i == source->y_index || i == source->wkt_index;
        cim_buf_add_text(preview->out, i > 0 ? ",{\"name\":" : "{\"name\":");
        cim_buf_add_json_text(preview->out, name, SIZE_MAX);
        cim_buf_add_member(preview->out, "type", OGR_GetFieldTypeName(OGR_Fld_GetType(field)));
        cim_buf_add_member(preview->out, "field", target != NULL ? target : "");
        cim_buf_add_text(preview->out,
                         is_position ? ",\"position\":true}" : ",\"position\":false}");
    }
    cim_buf_add_char(preview->out, ']');
}

/* ---- a sample of the rows ---- */

/* In degrees, where the reference system is known; a sample, so what fails is left out. */
static void
take_box(struct preview *preview, OGRGeometryH geometry)
{
    OGREnvelope box;
    if (!preview->has_crs || host_crs_in_apply(&preview->source->crs, geometry, NULL) != CIM_OK) {
        return;
    }
    OGR_G_GetEnvelope(geometry, &box);
    if (!preview->has_box) {
        preview->has_box = true;
        memcpy(preview->box, (double[4]){box.MinX, box.MinY, box.MaxX, box.MaxY},
               sizeof preview->box);
    }
    preview->box[0] = fmin(preview->box[0], box.MinX);
    preview->box[1] = fmin(preview->box[1], box.MinY);
    preview->box[2] = fmax(preview->box[2], box.MaxX);
    preview->box[3] = fmax(preview->box[3], box.MaxY);
}

static void
add_geometry(struct preview *preview, OGRFeatureH feature)
{
    OGRGeometryH geometry = NULL;
    char *text = NULL;
    const bool good = host_source_geometry(preview->source, feature, &geometry, NULL) == CIM_OK &&
                      geometry != NULL;
    const int type = good ? (int)OGR_GT_Flatten(OGR_G_GetGeometryType(geometry)) : 0;
    preview->n_without += good ? 0 : 1;
    preview->n_other += type >= TYPES_MAX ? 1 : 0;
    preview->types[type > 0 && type < TYPES_MAX ? type : 0]++;
    if (preview->n_sampled <= HOST_PREVIEW_ROWS) {
        if (good && OGR_G_ExportToIsoWkt(geometry, &text) == OGRERR_NONE) {
            cim_buf_add_char(preview->out, ',');
            cim_buf_add_json_text(preview->out, text, strnlen(text, HOST_PREVIEW_TEXT_MAX));
            CPLFree(text);
        } else {
            cim_buf_add_text(preview->out, ",null");
        }
    }
    if (good) {
        take_box(preview, geometry);
    }
    OGR_G_DestroyGeometry(geometry);
}

/* Cut at the end of a character. */
static size_t
cell_length(const char *text)
{
    size_t len = strnlen(text, HOST_PREVIEW_TEXT_MAX);
    while (len == HOST_PREVIEW_TEXT_MAX && ((unsigned char)text[len] & 0xc0U) == 0x80U) {
        len--;
    }
    return len;
}

static void
add_row(struct preview *preview, OGRFeatureH feature, struct cim_buf *scratch)
{
    const int n = OGR_F_GetFieldCount(feature);
    preview->n_sampled++;
    if (preview->n_sampled <= HOST_PREVIEW_ROWS) {
        cim_buf_add_text(preview->out, preview->n_sampled > 1 ? ",[" : "[");
        cim_buf_add_int(preview->out, preview->n_sampled);
        for (int i = 0; i < n && i < HOST_IMPORT_FIELDS_MAX; i++) {
            cim_buf_clear(scratch);
            cim_buf_add_char(preview->out, ',');
            if (host_source_text(preview->source, feature, i, scratch, NULL) == CIM_OK &&
                scratch->len > 0) {
                cim_buf_add_json_text(preview->out, scratch->data, cell_length(scratch->data));
            } else {
                cim_buf_add_text(preview->out, "null");
            }
        }
    }
    add_geometry(preview, feature);
    if (preview->n_sampled <= HOST_PREVIEW_ROWS) {
        cim_buf_add_char(preview->out, ']');
    }
}

static void
add_rows(struct preview *preview)
{
    CIM_AUTO_BUF struct cim_buf scratch;
    OGRLayerH layer = preview->source->layer;
    OGRFeatureH feature = NULL;
    const char *comma = "";
    cim_buf_init(&scratch, CELL_BYTES_MAX);
    cim_buf_add_text(preview->out, ",\"rows\":[");
    OGR_L_ResetReading(layer);
    while (preview->n_sampled < HOST_PREVIEW_SAMPLE &&
           (feature = OGR_L_GetNextFeature(layer)) != NULL) {
        add_row(preview, feature, &scratch);
        OGR_F_Destroy(feature);
    }
    cim_buf_add_text(preview->out, "],\"types\":{");
    for (int i = 1; i < TYPES_MAX; i++) {
        if (preview->types[i] > 0) {
            cim_buf_addf(preview->out, "%s\"%s\":%lld", comma,
                         OGRGeometryTypeToName((OGRwkbGeometryType)i),
                         (long long)preview->types[i]);
            comma = ",";
        }
    }
    cim_buf_addf(preview->out, "},\"without_geometry\":%lld,\"sampled\":%lld",
                 (long long)preview->n_without, (long long)preview->n_sampled);
    if (preview->has_box) {
        cim_buf_add_text(preview->out, ",\"bbox\":[");
        for (int i = 0; i < 4; i++) {
            cim_buf_add_text(preview->out, i > 0 ? "," : "");
            cim_buf_add_coordinate(preview->out, preview->box[i]);
        }
        cim_buf_add_char(preview->out, ']');
    }
}

/* ---- the whole ---- */

static cim_status
look(struct preview *preview, const char *path, cim_error *err)
{
    struct host_source *source = preview->source;
    const struct host_import_options *options = preview->options;
    cim_error question = {.code = CIM_OK};
    cim_status status = host_source_open_file(path, options, source, &question);
    const bool opened = status == CIM_OK;
    cim_buf_add_text(preview->out, "\"questions\":[");
    CIM_TRY(ask(preview, status, &question, err));
    if (opened) {
        status = host_source_choose_layer(source, options->source_layer, &question);
        CIM_TRY(ask(preview, status, &question, err));
    }
    if (source->layer != NULL) {
        status = host_source_open_text(source, options->encoding, &question);
        CIM_TRY(ask(preview, status, &question, err));
        status = source->geometry != CIM_GEOMETRY_NONE
                     ? host_source_open_geometry(source, options, &question)
                     : CIM_OK;
        preview->has_crs = status == CIM_OK && source->geometry != CIM_GEOMETRY_NONE;
        CIM_TRY(ask(preview, status, &question, err));
    }
    cim_buf_add_char(preview->out, ']');
    return CIM_OK;
}

static cim_status
tell(struct preview *preview, const char *path, cim_error *err)
{
    struct host_source *source = preview->source;
    CIM_TRY(look(preview, path, err));
    cim_buf_add_member(preview->out, "format", host_format_of(source->work.kind)->name);
    cim_buf_add_member(preview->out, "crs", source->crs.label);
    cim_buf_add_member(preview->out, "encoding",
                       source->encoding[0] != '\0' ? source->encoding : source->text.label);
    if (source->dataset != NULL) {
        add_layers(preview);
    }
    if (source->layer != NULL) {
        cim_buf_add_member(preview->out, "layer", OGR_L_GetName(source->layer));
        cim_buf_add_text(preview->out, ",\"count\":");
        cim_buf_add_int(preview->out, OGR_L_GetFeatureCount(source->layer, TRUE));
        add_columns(preview);
        add_rows(preview);
    }
    return cim_buf_status(preview->out, err);
}

cim_status
host_exchange_preview(const char *path, const struct host_import_options *options,
                      const struct cim_definition *definition, struct cim_buf *out, cim_error *err)
{
    struct preview preview = {.options = options, .definition = definition, .out = out};
    struct host_gdal_errors errors = {0};
    cim_status status = CIM_OK;
    preview.source = calloc(1, sizeof *preview.source);
    if (preview.source == NULL) {
        return cim_fail_nomem(err);
    }
    preview.source->is_placed = definition != NULL && definition->placing.address != NULL;
    preview.source->geometry = definition != NULL ? definition->geometry : CIM_GEOMETRY_POINT;
    host_gdal_enter(&errors);
    status = tell(&preview, path, err);
    host_gdal_leave();
    host_source_free(preview.source);
    return status;
}

cim_status
host_exchange_check_name(const char *path, const char *name, cim_error *err)
{
    unsigned char head[64] = {0};
    FILE *file = fopen(path, "rbe");
    size_t n = 0;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", name, "文件无法读取", "the file cannot be read");
    }
    n = fread(head, 1, sizeof head, file);
    (void)fclose(file); /* only read */
    return host_format_refuse(name, head, n, err);
}

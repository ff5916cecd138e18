/* host/exchange/parcels.c -- parcels of a TXT (parcels.h) as a dataset of GDAL in memory. */
#include "host/exchange/parcels.h"

#include "cim/util.h"
#include "host/exchange/source.h"
#include "kit/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RINGS_MAX = 10000 };

/* In the order of a parcel's first line. */
static const char *const field_names[] = {"界址点数",     "地块面积", "地块编号", "地块名称",
                                          "记录图形属性", "图幅号",   "地块用途", "地类编码"};
enum { N_FIELDS = sizeof field_names / sizeof field_names[0] };

static cim_status
read_text(const char *path, struct host_text_in *text, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf raw;
    char piece[8192];
    size_t n = 0;
    FILE *file = fopen(path, "rbe");
    cim_buf_init(&raw, HOST_IMPORT_WHOLE_BYTES_MAX);
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", path, "文件无法读取", "the file cannot be read");
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0) {
        cim_buf_add(&raw, piece, n);
    }
    (void)fclose(file); /* only read */
    CIM_TRY(cim_buf_status(&raw, err));
    return host_text_in_convert(text, raw.data, out, err);
}

/* ---- geometry ---- */

struct rings {
    OGRGeometryH polygons[RINGS_MAX];
    size_t n;
};

static OGRGeometryH
line_of(const struct host_parcel *parcel, size_t first, size_t end, OGRwkbGeometryType type)
{
    OGRGeometryH line = OGR_G_CreateGeometry(type);
    OGR_G_SetPointCount(line, (int)(end - first));
    for (size_t i = first; i < end; i++) {
        OGR_G_SetPoint_2D(line, (int)(i - first), parcel->points[i].east_m,
                          parcel->points[i].north_m);
    }
    return line;
}

/* Each run of points with one ring number, closed where the file leaves that out. */
static cim_status
cut_rings(const struct host_parcels *parcels, const struct host_parcel *parcel, struct rings *rings,
          cim_error *err)
{
    size_t first = 0;
    while (first < parcel->n_points) {
        size_t end = first + 1;
        OGRGeometryH ring = NULL;
        while (end < parcel->n_points && parcel->points[end].ring == parcel->points[first].ring) {
            end++;
        }
        if (end - first < 3 || rings->n == RINGS_MAX) {
            return cim_fail(err, CIM_E_INVALID, "圈号", parcel->fields[3],
                            "第 %d 个地块第 %d 圈只有 %zu 个界址点（至少 3 个），或圈数超过 %d",
                            "parcel %d, ring %d has %zu points (at least 3), or more than %d rings",
                            (int)parcels->parcel, (int)parcel->points[first].ring, end - first,
                            RINGS_MAX);
        }
        ring = line_of(parcel, first, end, wkbLinearRing);
        OGR_G_CloseRings(ring);
        rings->polygons[rings->n] = OGR_G_CreateGeometry(wkbPolygon);
        (void)OGR_G_AddGeometryDirectly(rings->polygons[rings->n++], ring); /* fits */
        first = end;
    }
    return CIM_OK;
}

/* A ring that lies in an odd number of others is a hole of the smallest one around it. */
static OGRGeometryH
assemble(const struct rings *rings)
{
    OGRGeometryH result = OGR_G_CreateGeometry(wkbMultiPolygon);
    for (size_t i = 0; i < rings->n; i++) {
        OGRGeometryH polygon = OGR_G_Clone(rings->polygons[i]);
        int depth = 0;
        for (size_t j = 0; j < rings->n; j++) {
            depth += j != i && OGR_G_Contains(rings->polygons[j], rings->polygons[i]) ? 1 : 0;
        }
        for (size_t j = 0; depth % 2 == 0 && j < rings->n; j++) {
            int around = 0;
            for (size_t k = 0; k < rings->n; k++) {
                around += k != j && OGR_G_Contains(rings->polygons[k], rings->polygons[j]) ? 1 : 0;
            }
            if (j != i && around == depth + 1 &&
                OGR_G_Contains(rings->polygons[i], rings->polygons[j])) {
                (void)OGR_G_AddGeometry(polygon, /* copies */
                                        OGR_G_GetGeometryRef(rings->polygons[j], 0));
            }
        }
        if (depth % 2 == 0) {
            (void)OGR_G_AddGeometryDirectly(result, polygon); /* fits */
        } else {
            OGR_G_DestroyGeometry(polygon);
        }
    }
    return result;
}

static cim_status
geometry_of(const struct host_parcels *parcels, const struct host_parcel *parcel,
            OGRGeometryH *ret_geometry, cim_error *err)
{
    CIM_AUTO_FREE struct rings *rings = NULL;
    cim_status status = CIM_OK;
    if (parcel->n_points == 0) {
        return cim_fail(err, CIM_E_INVALID, "界址点", parcel->fields[3], "第 %d 个地块没有界址点",
                        "parcel %d has no points", (int)parcels->parcel);
    }
    if (parcel->shape != HOST_PARCEL_AREA) {
        *ret_geometry = line_of(parcel, 0, parcel->n_points,
                                parcel->shape == HOST_PARCEL_LINE ? wkbLineString : wkbPoint);
        return CIM_OK;
    }
    rings = calloc(1, sizeof *rings);
    if (rings == NULL) {
        return cim_fail_nomem(err);
    }
    status = cut_rings(parcels, parcel, rings, err);
    if (status == CIM_OK) {
        *ret_geometry = assemble(rings);
    }
    for (size_t i = 0; i < rings->n; i++) {
        OGR_G_DestroyGeometry(rings->polygons[i]);
    }
    return status;
}

/* ---- dataset ---- */

static cim_status
create_layer(GDALDatasetH dataset, const struct host_parcels *parcels, OGRLayerH *ret_layer,
             cim_error *err)
{
    const int32_t code = host_parcels_epsg(parcels);
    OGRSpatialReferenceH srs = code != 0 ? OSRNewSpatialReference(NULL) : NULL;
    OGRLayerH layer = NULL;
    if (srs != NULL && OSRImportFromEPSG(srs, code) != OGRERR_NONE) {
        OSRDestroySpatialReference(srs);
        srs = NULL;
    }
    if (srs != NULL) {
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    }
    layer = GDALDatasetCreateLayer(dataset, "parcels", srs, wkbUnknown, NULL);
    OSRDestroySpatialReference(srs);
    for (size_t i = 0; layer != NULL && i < N_FIELDS; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(field_names[i], OFTString);
        (void)OGR_L_CreateField(layer, field, TRUE); /* in memory: cannot fail */
        OGR_Fld_Destroy(field);
    }
    *ret_layer = layer;
    return layer != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
add_parcel(OGRLayerH layer, const struct host_parcels *parcels, const struct host_parcel *parcel,
           cim_error *err)
{
    OGRGeometryH geometry = NULL;
    OGRFeatureH feature = NULL;
    OGRErr added = OGRERR_NONE;
    CIM_TRY(geometry_of(parcels, parcel, &geometry, err));
    feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
    for (int i = 0; i < N_FIELDS; i++) {
        if (parcel->fields[i][0] != '\0') {
            OGR_F_SetFieldString(feature, i, parcel->fields[i]);
        }
    }
    (void)OGR_F_SetGeometryDirectly(feature, geometry); /* takes it, whatever the result */
    added = OGR_L_CreateFeature(layer, feature);
    OGR_F_Destroy(feature);
    return added == OGRERR_NONE ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
add_parcels(GDALDatasetH dataset, struct host_parcels *parcels, struct host_parcel *parcel,
            cim_error *err)
{
    OGRLayerH layer = NULL;
    bool there = true;
    for (;;) {
        CIM_TRY(host_parcels_next(parcels, parcel, &there, err));
        if (!there) {
            break;
        }
        if (layer == NULL) { /* the first parcel shows whether eastings carry the zone */
            CIM_TRY(create_layer(dataset, parcels, &layer, err));
        }
        CIM_TRY(add_parcel(layer, parcels, parcel, err));
    }
    return layer != NULL ? CIM_OK
                         : cim_fail(err, CIM_E_INVALID, "file", NULL, "文件中没有地块",
                                    "the file holds no parcel");
}

cim_status
host_parcels_open(const char *path, struct host_text_in *text, GDALDatasetH *ret_dataset,
                  cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf whole;
    CIM_AUTO_FREE struct host_parcel *parcel = calloc(1, sizeof *parcel);
    struct host_parcels parcels;
    GDALDatasetH dataset = NULL;
    cim_status status = CIM_OK;
    cim_buf_init(&whole, (size_t)HOST_IMPORT_WHOLE_BYTES_MAX * 2);
    if (parcel == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(read_text(path, text, &whole, err));
    CIM_TRY(host_parcels_begin(whole.data != NULL ? whole.data : "", &parcels, err));
    dataset = GDALCreate(GDALGetDriverByName("Memory"), "", 0, 0, 0, GDT_Unknown, NULL);
    status = dataset != NULL ? add_parcels(dataset, &parcels, parcel, err) : cim_fail_nomem(err);
    host_parcel_done(parcel);
    if (status != CIM_OK) {
        if (dataset != NULL) {
            GDALClose(dataset);
        }
        return status;
    }
    *ret_dataset = dataset;
    return CIM_OK;
}

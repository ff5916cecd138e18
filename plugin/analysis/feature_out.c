/* plugin/analysis/feature_out.c -- the writing half of feature_set.h. */
#include "analysis/feature_set.h"

#include "analysis/input_sources.h"
#include "analysis/json_io.h"
#include "cim/util.h"
#include "geo/geodesic.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

/* ---- parts of one dimension ---- */

struct parts {
    GEOSContextHandle_t geos;
    int dimension;
    unsigned n;
    unsigned capacity;
    GEOSGeometry **list;
    bool failed;
};

static void
collect(struct parts *parts, const GEOSGeometry *shape)
{
    const int n = GEOSGetNumGeometries_r(parts->geos, shape);
    const int type = GEOSGeomTypeId_r(parts->geos, shape);
    if (type >= GEOS_MULTIPOINT) {
        for (int i = 0; i < n; i++) {
            collect(parts, GEOSGetGeometryN_r(parts->geos, shape, i));
        }
        return;
    }
    if (GEOSGeom_getDimensions_r(parts->geos, shape) != parts->dimension ||
        GEOSisEmpty_r(parts->geos, shape) != 0) {
        return;
    }
    if (parts->n == parts->capacity) {
        const unsigned capacity = parts->capacity == 0 ? 8 : parts->capacity * 2;
        GEOSGeometry **grown = realloc(parts->list, capacity * sizeof(GEOSGeometry *));
        if (grown == NULL) {
            parts->failed = true;
            return;
        }
        parts->list = grown;
        parts->capacity = capacity;
    }
    parts->list[parts->n] = GEOSGeom_clone_r(parts->geos, shape);
    parts->n += parts->list[parts->n] != NULL ? 1 : 0;
}

GEOSGeometry *
lpg_shape_parts(GEOSContextHandle_t geos, const GEOSGeometry *shape, int dimension)
{
    static const int types[] = {GEOS_MULTIPOINT, GEOS_MULTILINESTRING, GEOS_MULTIPOLYGON};
    struct parts parts = {.geos = geos, .dimension = dimension};
    GEOSGeometry *all = NULL;
    collect(&parts, shape);
    if (parts.n == 1 && !parts.failed) {
        all = parts.list[0];
    } else if (parts.n > 1 && !parts.failed) {
        all = GEOSGeom_createCollection_r(geos, types[dimension], parts.list, parts.n);
    }
    for (unsigned i = 0; all == NULL && i < parts.n; i++) {
        GEOSGeom_destroy_r(geos, parts.list[i]);
    }
    free(parts.list);
    return all;
}

/* ---- measures ---- */

/* Positions of a line or ring, one after the other. */
static size_t
positions_of(GEOSContextHandle_t geos, const GEOSGeometry *line, double **ret_lonlat)
{
    const GEOSCoordSequence *sequence = GEOSGeom_getCoordSeq_r(geos, line);
    unsigned n = 0;
    double *lonlat = NULL;
    *ret_lonlat = NULL;
    if (sequence == NULL || GEOSCoordSeq_getSize_r(geos, sequence, &n) == 0 || n == 0) {
        return 0;
    }
    lonlat = malloc((size_t)n * 2 * sizeof *lonlat);
    if (lonlat == NULL || GEOSCoordSeq_copyToBuffer_r(geos, sequence, lonlat, 0, 0) == 0) {
        free(lonlat);
        return 0;
    }
    *ret_lonlat = lonlat;
    return n;
}

static double
ring_m2(GEOSContextHandle_t geos, const GEOSGeometry *ring)
{
    double *lonlat;
    const size_t n = positions_of(geos, ring, &lonlat);
    const double m2 = n > 3 ? lpg_geodesic_area_m2(lonlat, n - 1) : 0.0;
    free(lonlat);
    return m2;
}

double
lpg_shape_m2(GEOSContextHandle_t geos, const GEOSGeometry *shape)
{
    double m2 = 0.0;
    if (shape == NULL || GEOSGeom_getDimensions_r(geos, shape) != 2) {
        return 0.0;
    }
    if (GEOSGeomTypeId_r(geos, shape) != GEOS_POLYGON) {
        for (int i = 0; i < GEOSGetNumGeometries_r(geos, shape); i++) {
            m2 += lpg_shape_m2(geos, GEOSGetGeometryN_r(geos, shape, i));
        }
        return m2;
    }
    m2 = ring_m2(geos, GEOSGetExteriorRing_r(geos, shape));
    for (int i = 0; i < GEOSGetNumInteriorRings_r(geos, shape); i++) {
        m2 -= ring_m2(geos, GEOSGetInteriorRingN_r(geos, shape, i));
    }
    return m2;
}

double
lpg_shape_length_m(GEOSContextHandle_t geos, const GEOSGeometry *shape)
{
    double m = 0.0;
    double *lonlat;
    size_t n;
    const int type = shape != NULL ? GEOSGeomTypeId_r(geos, shape) : GEOS_POINT;
    if (type >= GEOS_MULTIPOINT) {
        for (int i = 0; i < GEOSGetNumGeometries_r(geos, shape); i++) {
            m += lpg_shape_length_m(geos, GEOSGetGeometryN_r(geos, shape, i));
        }
        return m;
    }
    if (type != GEOS_LINESTRING) {
        return 0.0;
    }
    n = positions_of(geos, shape, &lonlat);
    for (size_t i = 1; i < n; i++) {
        m += lpg_geodesic_inverse_m(lonlat + 2 * (i - 1), lonlat + 2 * i, NULL);
    }
    free(lonlat);
    return m;
}

/* ---- writing ---- */

struct json_object *
lpg_number_new(double value)
{
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, 64);
    cim_buf_add_double(&text, value);
    return cim_buf_status(&text, NULL) == CIM_OK ? json_object_new_double_s(value, text.data)
                                                 : NULL;
}

struct json_object *
lpg_metres_new(double value)
{
    return lpg_number_new(nearbyint(value * 1e3) / 1e3);
}

cim_status
lpg_shape_write_geojson(struct lpg_task *task, const GEOSGeometry *shape, cim_error *err)
{
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(task->geos);
    size_t len = 0;
    unsigned char *bytes = NULL;
    cim_status status;
    if (writer != NULL) {
        GEOSWKBWriter_setByteOrder_r(task->geos, writer, GEOS_WKB_NDR);
        bytes = GEOSWKBWriter_write_r(task->geos, writer, shape, &len);
        GEOSWKBWriter_destroy_r(task->geos, writer);
    }
    if (bytes == NULL) {
        return cim_fail_nomem(err);
    }
    status = cim_wkb_to_geojson(bytes, len, &task->out, err);
    GEOSFree_r(task->geos, bytes);
    /* what does not fit is told once, by lpg_task_run() */
    return status == CIM_E_TOO_LARGE ? CIM_OK : status;
}

cim_status
lpg_feature_write(struct lpg_task *task, const GEOSGeometry *shape, struct json_object *properties,
                  cim_error *err)
{
    lpg_out_next(&task->out);
    cim_buf_add_text(&task->out, "{\"type\":\"Feature\",\"geometry\":");
    CIM_TRY(lpg_shape_write_geojson(task, shape, err));
    cim_buf_add_text(&task->out, ",\"properties\":");
    cim_buf_add_text(&task->out, properties != NULL ? lpg_in_given(properties) : "{}");
    cim_buf_add_char(&task->out, '}');
    return CIM_OK;
}

cim_status
lpg_feature_sources_write(struct lpg_task *task, const struct lpg_feature_set *const *sets,
                          size_t n_sets, cim_error *err)
{
    const char *layers[4];
    size_t n = 0;
    for (size_t i = 0; i < n_sets && n < 4; i++) {
        if (sets[i]->layer[0] != '\0') {
            layers[n++] = sets[i]->layer;
        }
    }
    lpg_out_next(&task->out);
    return lpg_input_sources_write(task->host, layers, n, &task->out, err);
}

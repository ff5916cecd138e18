/* plugin/analysis/shapes.c -- see shapes.h. */
#include "analysis/shapes.h"

#include "cim/util.h"
#include "geo/geodesic.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

/* A line being drawn. */
struct drawing {
    GEOSContextHandle_t geos;
    const struct lpg_tm *tm;
    double *xy;
    size_t n;
    size_t capacity;
    bool failed;
};

static void
add_position(struct drawing *drawing, const double lonlat_deg[2])
{
    if (drawing->n == drawing->capacity) {
        const size_t capacity = drawing->capacity == 0 ? 64 : drawing->capacity * 2;
        double *grown = realloc(drawing->xy, capacity * 2 * sizeof *grown);
        if (grown == NULL) {
            drawing->failed = true;
            return;
        }
        drawing->xy = grown;
        drawing->capacity = capacity;
    }
    lpg_tm_forward(drawing->tm, lonlat_deg[0], lonlat_deg[1], drawing->xy + 2 * drawing->n);
    drawing->n++;
}

/* The end of an edge, and positions on the way where it is long. */
static void
add_edge(struct drawing *drawing, const double *ends_deg)
{
    enum { EDGE_MAX_M = 1000, PIECES_MAX = 10000 };
    const double across_deg =
        fmax(fabs(ends_deg[2] - ends_deg[0]), fabs(ends_deg[3] - ends_deg[1]));
    if (across_deg > EDGE_MAX_M / 112000.0 / 1.5) { /* else it is shorter */
        double azimuth_deg;
        const double length_m = lpg_geodesic_inverse_m(ends_deg, ends_deg + 2, &azimuth_deg);
        const int pieces = (int)fmin(ceil(length_m / EDGE_MAX_M), PIECES_MAX);
        for (int i = 1; i < pieces; i++) {
            double at[2];
            lpg_geodesic_direct(ends_deg, azimuth_deg, length_m * i / pieces, at);
            add_position(drawing, at);
        }
    }
    add_position(drawing, ends_deg + 2);
}

static GEOSCoordSequence *
take_sequence(const struct drawing *drawing)
{
    return drawing->failed ? NULL
                           : GEOSCoordSeq_copyFromBuffer_r(drawing->geos, drawing->xy,
                                                           (unsigned)drawing->n, 0, 0);
}

/* The positions at hand as a ring of `area` (NULL: the first), which is consumed. */
static GEOSGeometry *
add_ring(const struct drawing *drawing, GEOSGeometry *area)
{
    GEOSContextHandle_t geos = drawing->geos;
    GEOSCoordSequence *sequence = take_sequence(drawing);
    GEOSGeometry *ring = sequence != NULL ? GEOSGeom_createLinearRing_r(geos, sequence) : NULL;
    GEOSGeometry *polygon = ring != NULL ? GEOSGeom_createPolygon_r(geos, ring, NULL, 0) : NULL;
    GEOSGeometry *valid = polygon != NULL ? GEOSMakeValid_r(geos, polygon) : NULL;
    GEOSGeometry *both;
    GEOSGeom_destroy_r(geos, polygon);
    if (area == NULL || valid == NULL) {
        GEOSGeom_destroy_r(geos, area);
        return valid;
    }
    both = GEOSSymDifference_r(geos, area, valid);
    GEOSGeom_destroy_r(geos, area);
    GEOSGeom_destroy_r(geos, valid);
    return both;
}

static cim_status
fail_shape(const struct drawing *drawing, cim_error *err)
{
    return drawing->failed ? cim_fail_nomem(err)
                           : cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法生成几何",
                                      "a geometry could not be made");
}

cim_status
lpg_shape_area(GEOSContextHandle_t geos, const struct lpg_tm *tm, const double *edges_deg,
               size_t n_edges, GEOSGeometry **ret_shape, cim_error *err)
{
    struct drawing drawing = {.geos = geos, .tm = tm};
    GEOSGeometry *area = NULL;
    size_t first = 0;
    bool ok = true;
    for (size_t i = 0; i < n_edges && ok; i++) {
        const double *edge = edges_deg + 4 * i;
        const double *start = edges_deg + 4 * first;
        if (i == first) {
            drawing.n = 0;
            add_position(&drawing, edge);
        }
        add_edge(&drawing, edge);
        if (edge[2] == start[0] && edge[3] == start[1]) {
            if (drawing.n >= 4) {
                area = add_ring(&drawing, area);
                ok = area != NULL;
            }
            first = i + 1;
        }
    }
    free(drawing.xy);
    if (!ok || drawing.failed) {
        GEOSGeom_destroy_r(geos, area);
        return fail_shape(&drawing, err);
    }
    *ret_shape = area;
    return CIM_OK;
}

cim_status
lpg_shape_line(GEOSContextHandle_t geos, const struct lpg_tm *tm, const double *edge_deg,
               GEOSGeometry **ret_shape, cim_error *err)
{
    struct drawing drawing = {.geos = geos, .tm = tm};
    const bool point = edge_deg[0] == edge_deg[2] && edge_deg[1] == edge_deg[3];
    GEOSCoordSequence *sequence;
    GEOSGeometry *shape = NULL;
    add_position(&drawing, edge_deg);
    if (!point) {
        add_edge(&drawing, edge_deg);
    }
    sequence = take_sequence(&drawing);
    if (sequence != NULL) {
        shape = point ? GEOSGeom_createPoint_r(geos, sequence)
                      : GEOSGeom_createLineString_r(geos, sequence);
    }
    free(drawing.xy);
    if (shape == NULL) {
        return fail_shape(&drawing, err);
    }
    *ret_shape = shape;
    return CIM_OK;
}

/* ---- back ---- */

static int
to_degrees(double *x, double *y, void *arg)
{
    double lonlat[2];
    lpg_tm_inverse(arg, *x, *y, lonlat);
    *x = lonlat[0];
    *y = lonlat[1];
    return 1;
}

/* Areas alone: what meets in a point or along a line is left out. */
static GEOSGeometry *
areas_of(GEOSContextHandle_t geos, const GEOSGeometry *shape)
{
    const int n = GEOSGetNumGeometries_r(geos, shape);
    GEOSGeometry **parts = calloc((size_t)(n > 0 ? n : 1), sizeof(GEOSGeometry *));
    GEOSGeometry *all = NULL;
    unsigned kept = 0;
    for (int i = 0; parts != NULL && i < n; i++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(geos, shape, i);
        if (GEOSGeomTypeId_r(geos, part) == GEOS_POLYGON && GEOSisEmpty_r(geos, part) == 0) {
            parts[kept] = GEOSGeom_clone_r(geos, part);
            kept += parts[kept] != NULL ? 1 : 0;
        }
    }
    if (parts != NULL) {
        all = GEOSGeom_createCollection_r(geos, GEOS_MULTIPOLYGON, parts, kept);
    }
    free(parts);
    return all;
}

static cim_status
write_wkb(GEOSContextHandle_t geos, const GEOSGeometry *shape, struct cim_buf *out, cim_error *err)
{
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(geos);
    size_t len = 0;
    unsigned char *bytes = NULL;
    cim_status status;
    if (writer != NULL) {
        GEOSWKBWriter_setByteOrder_r(geos, writer, GEOS_WKB_NDR);
        bytes = GEOSWKBWriter_write_r(geos, writer, shape, &len);
        GEOSWKBWriter_destroy_r(geos, writer);
    }
    if (bytes == NULL) {
        return cim_fail_nomem(err);
    }
    status = cim_wkb_to_geojson(bytes, len, out, err);
    GEOSFree_r(geos, bytes);
    return status;
}

cim_status
lpg_shape_write(GEOSContextHandle_t geos, const struct lpg_tm *tm, const GEOSGeometry *shape,
                struct cim_buf *out, cim_error *err)
{
    const double edge_out_m = 200.0;
    GEOSGeometry *areas = areas_of(geos, shape);
    GEOSGeometry *cut = NULL;
    GEOSGeometry *degrees = NULL;
    cim_status status;
    if (areas != NULL && GEOSGetNumGeometries_r(geos, areas) == 0) {
        GEOSGeom_destroy_r(geos, areas);
        cim_buf_add_text(out, "{\"type\":\"MultiPolygon\",\"coordinates\":[]}");
        return cim_buf_status(out, err);
    }
    cut = areas != NULL ? GEOSDensify_r(geos, areas, edge_out_m) : NULL;
    degrees =
        cut != NULL ? GEOSGeom_transformXY_r(geos, cut, to_degrees, (void *)(uintptr_t)tm) : NULL;
    status = degrees != NULL ? write_wkb(geos, degrees, out, err) : cim_fail_nomem(err);
    GEOSGeom_destroy_r(geos, degrees);
    GEOSGeom_destroy_r(geos, cut);
    GEOSGeom_destroy_r(geos, areas);
    return status;
}

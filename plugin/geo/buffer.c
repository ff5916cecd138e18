/* plugin/geo/buffer.c -- see buffer.h. */
#include "geo/buffer.h"

#include "cim/util.h"
#include "geo/plane.h"
#include "kit/wkb.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>

#define PI 3.14159265358979323846
/* Added to the radius: rounding, and what edges that are cut to 200 m leave of their curve. */
#define MARGIN_M   0.002
#define EDGE_OUT_M 200.0

/* What one call holds; a context of its own, so that any thread may call. */
struct work {
    GEOSContextHandle_t geos;
    GEOSGeometry *shape;
    struct lpg_tm tm;
    double reach_m; /* farthest |x| of the geometry */
    double edge2;   /* square of its longest edge in the plane */
};

static void
work_done(struct work *work)
{
    GEOSGeom_destroy_r(work->geos, work->shape);
    GEOS_finish_r(work->geos);
}

static cim_status
fail_geos(cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "geometry", NULL, "几何无法处理",
                    "the geometry is not fit");
}

/* Puts `made` (NULL: it failed) in the shape's place. */
static cim_status
replace(struct work *work, GEOSGeometry *made, cim_error *err)
{
    if (made == NULL) {
        return fail_geos(err);
    }
    GEOSGeom_destroy_r(work->geos, work->shape);
    work->shape = made;
    return CIM_OK;
}

static int
to_plane(double *x, double *y, void *arg)
{
    struct work *work = arg;
    double xy[2];
    lpg_tm_forward(&work->tm, *x, *y, xy);
    *x = xy[0];
    *y = xy[1];
    work->reach_m = fmax(work->reach_m, fabs(xy[0]));
    return 1;
}

static int
to_degrees(double *x, double *y, void *arg)
{
    const struct work *work = arg;
    double lonlat[2];
    lpg_tm_inverse(&work->tm, *x, *y, lonlat);
    *x = lonlat[0];
    *y = lonlat[1];
    return 1;
}

struct edges {
    const struct lpg_tm *tm;
    bool has_last;
    double last[2];
    double longest2;
};

static int
begin_line(void *self, uint32_t type, uint32_t count)
{
    (void)type;
    (void)count;
    ((struct edges *)self)->has_last = false;
    return 0;
}

static int
begin_ring(void *self, uint32_t n_points)
{
    return begin_line(self, 0, n_points);
}

static int
see_position(void *self, double x, double y)
{
    struct edges *edges = self;
    double xy[2];
    lpg_tm_forward(edges->tm, x, y, xy);
    if (edges->has_last) {
        const double dx = xy[0] - edges->last[0];
        const double dy = xy[1] - edges->last[1];
        edges->longest2 = fmax(edges->longest2, dx * dx + dy * dy);
    }
    edges->last[0] = xy[0];
    edges->last[1] = xy[1];
    edges->has_last = true;
    return 0;
}

/* The plane in the middle of the geometry, and its longest edge there. */
static cim_status
place(struct work *work, const void *wkb, size_t len, cim_error *err)
{
    struct edges edges = {.tm = &work->tm};
    const struct cim_wkb_visitor visitor = {
        .self = &edges, .begin = begin_line, .begin_ring = begin_ring, .point = see_position};
    double box[4];
    double west[2];
    double east[2];
    CIM_TRY(cim_wkb_bbox(wkb, len, box, err));
    if (box[0] < -180.0 || box[2] > 180.0 || box[1] < -60.0 || box[3] > 60.0) {
        return cim_fail(err, CIM_E_INVALID, "geometry", NULL, "应为经度 ±180、纬度 ±60 以内（度）",
                        "expected degrees within ±180 and ±60");
    }
    lpg_tm_init(&work->tm, (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0);
    if (box[2] - box[0] > 40.0) {
        return cim_fail(err, CIM_E_TOO_LARGE, "geometry", NULL, "东西宽最多 %d km",
                        "at most %d km from west to east", LPG_BUFFER_WIDTH_MAX_M / 1000);
    }
    lpg_tm_forward(&work->tm, box[0], work->tm.lat_deg, west);
    lpg_tm_forward(&work->tm, box[2], work->tm.lat_deg, east);
    if (east[0] - west[0] > LPG_BUFFER_WIDTH_MAX_M) {
        return cim_fail(err, CIM_E_TOO_LARGE, "geometry", NULL, "东西宽最多 %d km",
                        "at most %d km from west to east", LPG_BUFFER_WIDTH_MAX_M / 1000);
    }
    CIM_TRY(cim_wkb_walk(wkb, len, &visitor, err));
    work->edge2 = edges.longest2;
    return CIM_OK;
}

static cim_status
read_shape(struct work *work, const void *wkb, size_t len, cim_error *err)
{
    GEOSWKBReader *reader = GEOSWKBReader_create_r(work->geos);
    GEOSGeometry *read = reader != NULL ? GEOSWKBReader_read_r(work->geos, reader, wkb, len) : NULL;
    GEOSWKBReader_destroy_r(work->geos, reader);
    return replace(work, read, err);
}

static cim_status
write_shape(struct work *work, struct cim_buf *out, cim_error *err)
{
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(work->geos);
    size_t len = 0;
    unsigned char *bytes = NULL;
    if (writer != NULL) {
        GEOSWKBWriter_setByteOrder_r(work->geos, writer, GEOS_WKB_NDR);
        bytes = GEOSWKBWriter_write_r(work->geos, writer, work->shape, &len);
        GEOSWKBWriter_destroy_r(work->geos, writer);
    }
    if (bytes == NULL) {
        return cim_fail_nomem(err);
    }
    cim_buf_add(out, bytes, len);
    GEOSFree_r(work->geos, bytes);
    return cim_buf_status(out, err);
}

/* The radius in the plane, circumscribed, for this many steps a quarter. */
static double
plane_radius(const struct work *work, double radius_m, int steps)
{
    const double farthest = work->reach_m + 1.01 * radius_m;
    /* by which a geodesic edge of the geometry leaves its line in the plane (plane.h) */
    const double bend_m = work->edge2 * (work->reach_m * work->tm.inv_2r2_m2 / 4.0);
    return (radius_m + MARGIN_M + bend_m) * lpg_tm_scale(&work->tm, farthest, farthest) /
           cos(3.0 * PI / 8.0 / steps);
}

static int
steps_for(double radius_m, double excess_m)
{
    enum { STEPS_MIN = 8, STEPS_MAX = 1024 };
    const double angle = acos(radius_m / (radius_m + excess_m));
    const double steps = ceil(3.0 * PI / 8.0 / angle);
    return steps < STEPS_MIN ? STEPS_MIN : steps > STEPS_MAX ? STEPS_MAX : (int)steps;
}

static cim_status
grow(struct work *work, const void *wkb, size_t len, double radius_m, double excess_m,
     struct cim_buf *out, cim_error *err)
{
    const int steps = steps_for(radius_m, excess_m);
    CIM_TRY(place(work, wkb, len, err));
    CIM_TRY(read_shape(work, wkb, len, err));
    CIM_TRY(replace(work, GEOSGeom_transformXY_r(work->geos, work->shape, to_plane, work), err));
    CIM_TRY(replace(
        work, GEOSBuffer_r(work->geos, work->shape, plane_radius(work, radius_m, steps), steps),
        err));
    CIM_TRY(replace(work, GEOSDensify_r(work->geos, work->shape, EDGE_OUT_M), err));
    CIM_TRY(replace(work, GEOSGeom_transformXY_r(work->geos, work->shape, to_degrees, work), err));
    return write_shape(work, out, err);
}

cim_status
lpg_buffer(const void *wkb, size_t len, double radius_m, double excess_m, struct cim_buf *out,
           cim_error *err)
{
    struct work work = {0};
    cim_status status;
    if (!(radius_m > 0.0 && radius_m <= LPG_BUFFER_RADIUS_MAX_M)) {
        return cim_fail(err, CIM_E_INVALID, "radius_m", NULL, "应大于 0，最多 %d 米",
                        "expected more than 0 and at most %d metres", LPG_BUFFER_RADIUS_MAX_M);
    }
    if (!(excess_m >= 0.01)) {
        return cim_fail(err, CIM_E_INVALID, "excess_m", NULL, "应不小于 0.01 米",
                        "expected at least 0.01 metres");
    }
    if (len > LPG_BUFFER_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "geometry", NULL, "几何最多 %d 字节",
                        "at most %d bytes of geometry", LPG_BUFFER_BYTES_MAX);
    }
    work.geos = GEOS_init_r();
    if (work.geos == NULL) {
        return cim_fail_nomem(err);
    }
    status = grow(&work, wkb, len, radius_m, excess_m, out, err);
    work_done(&work);
    return status;
}

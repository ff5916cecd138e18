/* host/ogc/geometry.c -- geometries as GeoJSON and WKT, in any reference system. */
#include "host/ogc/encode.h"

#include "cim/util.h"
#include "kit/wkb.h"

#include <math.h>

enum { DEPTH_MAX = CIM_WKB_DEPTH_MAX + 2 };

struct writer {
    const struct host_encode_crs *crs;
    struct cim_buf *out;
    cim_error *err;
    cim_status failed;
    bool wkt;
    int depth; /* geometries and rings open */
    bool more[DEPTH_MAX + 2];
    uint32_t type[DEPTH_MAX + 2];
};

static const char *const geojson_names[] = {
    "",           "Point",           "LineString",   "Polygon",
    "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};
static const char *const wkt_names[] = {
    "",           "POINT",           "LINESTRING",   "POLYGON",
    "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};
enum { POINT = 1, POLYGON = 3, MULTI_POINT = 4, COLLECTION = 7 };

static void
add_coordinate(const struct writer *writer, double value)
{
    /* Tenths of a millimetre are enough in metres; more digits would be noise of the sum. */
    cim_buf_add_coordinate(writer->out,
                           writer->crs->degrees ? value : nearbyint(value * 1e4) / 1e4);
}

static bool
transform(struct writer *writer, double *first, double *second)
{
    const struct host_encode_crs *crs = writer->crs;
    if (crs->crs.kind != HOST_CRS_LON_LAT) {
        writer->failed = host_crs_from_lon_lat(crs->worker, &crs->crs, first, second, writer->err);
    }
    return writer->failed == CIM_OK;
}

/* The comma between siblings. */
static void
separate(struct writer *writer)
{
    if (writer->more[writer->depth]) {
        cim_buf_add_char(writer->out, ',');
    }
    writer->more[writer->depth] = true;
}

static bool
push(struct writer *writer, uint32_t type)
{
    if (writer->depth >= DEPTH_MAX) {
        writer->failed = cim_fail(writer->err, CIM_E_INTERNAL, NULL, NULL, "几何嵌套过深",
                                  "the geometry is nested too deeply");
        return false;
    }
    writer->depth++;
    writer->more[writer->depth] = false;
    writer->type[writer->depth] = type;
    return true;
}

/* True when the geometry stands by itself, with its name: at the top or in a collection. */
static bool
named(const struct writer *writer, int depth)
{
    return depth == 1 || writer->type[depth - 1] == COLLECTION;
}

static int
begin(void *self, uint32_t type, uint32_t count)
{
    struct writer *writer = self;
    struct cim_buf *out = writer->out;
    if (type > COLLECTION) {
        type = 0;
    }
    separate(writer);
    if (!push(writer, type)) {
        return 1;
    }
    if (writer->wkt) {
        if (named(writer, writer->depth)) {
            cim_buf_add_text(out, wkt_names[type]);
            cim_buf_add_text(out, count == 0 ? " EMPTY" : " ");
        }
        if (count > 0) {
            cim_buf_add_char(out, '(');
        } else if (!named(writer, writer->depth)) {
            cim_buf_add_text(out, "EMPTY");
        }
        return 0;
    }
    if (named(writer, writer->depth)) {
        cim_buf_add_text(out, "{\"type\":\"");
        cim_buf_add_text(out, geojson_names[type]);
        cim_buf_add_text(out, type == COLLECTION ? "\",\"geometries\":[" : "\",\"coordinates\":");
        if (type == COLLECTION) {
            return 0;
        }
    }
    if (type != POINT || count == 0) {
        cim_buf_add_char(out, '[');
    }
    return 0;
}

static int
end(void *self, uint32_t type)
{
    struct writer *writer = self;
    struct cim_buf *out = writer->out;
    const bool filled = writer->more[writer->depth];
    const bool alone = named(writer, writer->depth);
    writer->depth--;
    if (writer->wkt) {
        if (filled) {
            cim_buf_add_char(out, ')');
        }
        return 0;
    }
    if (type != POINT || !filled) {
        cim_buf_add_char(out, ']');
    }
    if (alone) {
        cim_buf_add_char(out, '}');
    }
    return 0;
}

static int
begin_ring(void *self, uint32_t n_points)
{
    struct writer *writer = self;
    (void)n_points;
    separate(writer);
    if (!push(writer, 0)) {
        return 1;
    }
    cim_buf_add_char(writer->out, writer->wkt ? '(' : '[');
    return 0;
}

static int
end_ring(void *self)
{
    struct writer *writer = self;
    writer->depth--;
    cim_buf_add_char(writer->out, writer->wkt ? ')' : ']');
    return 0;
}

static int
point(void *self, double x, double y)
{
    struct writer *writer = self;
    if (!transform(writer, &x, &y)) {
        return 1;
    }
    separate(writer);
    if (!writer->wkt) {
        cim_buf_add_char(writer->out, '[');
    }
    add_coordinate(writer, x);
    cim_buf_add_char(writer->out, writer->wkt ? ' ' : ',');
    add_coordinate(writer, y);
    if (!writer->wkt) {
        cim_buf_add_char(writer->out, ']');
    }
    return 0;
}

static cim_status
write_geometry(const struct host_encode_crs *crs, bool wkt, const void *wkb, size_t len,
               struct cim_buf *out, cim_error *err)
{
    struct writer writer = {.crs = crs, .out = out, .err = err, .wkt = wkt};
    const struct cim_wkb_visitor visitor = {.self = &writer,
                                            .begin = begin,
                                            .begin_ring = begin_ring,
                                            .point = point,
                                            .end_ring = end_ring,
                                            .end = end};
    const cim_status status = cim_wkb_walk(wkb, len, &visitor, err);
    return writer.failed != CIM_OK ? writer.failed : status;
}

cim_status
host_encode_geojson(const struct host_encode_crs *crs, const void *wkb, size_t len,
                    struct cim_buf *out, cim_error *err)
{
    double x = 0;
    double y = 0;
    if (crs->crs.kind == HOST_CRS_LON_LAT) {
        if (!cim_wkb_point(wkb, len, &x, &y)) {
            return cim_wkb_to_geojson(wkb, len, out, err);
        }
        static const char head[] = "{\"type\":\"Point\",\"coordinates\":[";
        cim_buf_add(out, head, sizeof head - 1);
        cim_buf_add_coordinate(out, x);
        cim_buf_add_char(out, ',');
        cim_buf_add_coordinate(out, y);
        cim_buf_add(out, "]}", 2);
        return CIM_OK;
    }
    return write_geometry(crs, false, wkb, len, out, err);
}

cim_status
host_encode_wkt(const struct host_encode_crs *crs, const void *wkb, size_t len, struct cim_buf *out,
                cim_error *err)
{
    return write_geometry(crs, true, wkb, len, out, err);
}

/* kit/wkb.c -- see wkb.h. A recursive walk over bytes that are not trusted: every count is held
 * against what is left before anything is believed. */
#include "kit/wkb.h"

#include "cim/util.h"
#include "kit/definition.h"

#include <math.h>

enum { COLLECTION = 7, HEADER_BYTES = 5, COUNT_BYTES = 4, POINT_BYTES = 16 };

struct walk {
    const uint8_t *data;
    size_t at;
    size_t len;
    const struct cim_wkb_visitor *visitor;
    cim_error *err;
};

struct shape {
    uint32_t type;      /* 1…7 */
    size_t point_bytes; /* 16, 24 or 32 */
    bool little;
};

#define BROKEN(walk, zh, en)                                                                       \
    cim_fail((walk)->err, CIM_E_INVALID, "geom", NULL, "WKB 第 %zu 字节处" zh,                     \
             "WKB at byte %zu: " en, (walk)->at)

static uint32_t
load_u32(const uint8_t *bytes, bool little)
{
    return little ? (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8U | (uint32_t)bytes[2] << 16U |
                        (uint32_t)bytes[3] << 24U
                  : (uint32_t)bytes[3] | (uint32_t)bytes[2] << 8U | (uint32_t)bytes[1] << 16U |
                        (uint32_t)bytes[0] << 24U;
}

static double
load_double(const uint8_t *bytes, bool little)
{
    const uint64_t first = load_u32(bytes, little);
    const uint64_t second = load_u32(bytes + 4, little);
    const uint64_t bits = little ? first | second << 32U : second | first << 32U;
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ISO numbers (1001 Z, 2001 M, 3001 ZM) and the older high bits for Z and M. */
static bool
read_shape(const uint8_t *bytes, size_t len, struct shape *ret_shape)
{
    if (len < HEADER_BYTES || bytes[0] > 1) {
        return false;
    }
    const bool little = bytes[0] == 1;
    const uint32_t number = load_u32(bytes + 1, little);
    const uint32_t low = number & 0x0FFFFFFFU;
    const uint32_t high = number >> 28U; /* 8: Z, 4: M, 2: a reference system follows */
    const uint32_t dimensions = low / 1000U;
    const uint32_t type = low % 1000U;
    if (type < CIM_GEOMETRY_POINT || type > COLLECTION || dimensions > 3 || (high & 3U) != 0 ||
        (high != 0 && dimensions != 0)) {
        return false;
    }
    const uint32_t extra =
        dimensions != 0 ? (dimensions + 1U) / 2U : (high >> 3U) + (high >> 2U & 1U);
    *ret_shape =
        (struct shape){.type = type, .point_bytes = POINT_BYTES + 8U * extra, .little = little};
    return true;
}

static cim_status
stop_if(int stopped)
{
    return stopped != 0 ? CIM_E_CANCELLED : CIM_OK;
}

static cim_status
walk_point(struct walk *walk, const struct shape *shape)
{
    const struct cim_wkb_visitor *visitor = walk->visitor;
    const double x = load_double(walk->data + walk->at, shape->little);
    const double y = load_double(walk->data + walk->at + 8, shape->little);
    if (!isfinite(x) || !isfinite(y)) {
        return BROKEN(walk, "的坐标不是有限数", "a coordinate is not a finite number");
    }
    walk->at += shape->point_bytes;
    return visitor->point != NULL ? stop_if(visitor->point(visitor->self, x, y)) : CIM_OK;
}

/* A count of things that take at least `least_bytes` each. */
static cim_status
read_count(struct walk *walk, const struct shape *shape, size_t least_bytes, uint32_t *ret_count)
{
    if (walk->len - walk->at < COUNT_BYTES) {
        return BROKEN(walk, "被截断", "it is cut off");
    }
    const uint32_t count = load_u32(walk->data + walk->at, shape->little);
    if (count > (walk->len - walk->at - COUNT_BYTES) / least_bytes) {
        return BROKEN(walk, "的数目多于其后的字节所能容纳",
                      "the count is more than the bytes that follow");
    }
    walk->at += COUNT_BYTES;
    *ret_count = count;
    return CIM_OK;
}

static cim_status
walk_points(struct walk *walk, const struct shape *shape, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        CIM_TRY(walk_point(walk, shape));
    }
    return CIM_OK;
}

static cim_status
walk_ring(struct walk *walk, const struct shape *shape)
{
    const struct cim_wkb_visitor *visitor = walk->visitor;
    uint32_t count = 0;
    CIM_TRY(read_count(walk, shape, shape->point_bytes, &count));
    if (visitor->begin_ring != NULL) {
        CIM_TRY(stop_if(visitor->begin_ring(visitor->self, count)));
    }
    CIM_TRY(walk_points(walk, shape, count));
    return visitor->end_ring != NULL ? stop_if(visitor->end_ring(visitor->self)) : CIM_OK;
}

/* An empty point is written as two NaN. */
static bool
is_empty_point(const struct walk *walk, const struct shape *shape)
{
    return isnan(load_double(walk->data + walk->at, shape->little)) &&
           isnan(load_double(walk->data + walk->at + 8, shape->little));
}

static cim_status
begin(struct walk *walk, uint32_t type, uint32_t count)
{
    const struct cim_wkb_visitor *visitor = walk->visitor;
    return visitor->begin != NULL ? stop_if(visitor->begin(visitor->self, type, count)) : CIM_OK;
}

static cim_status walk_geometry(struct walk *walk, uint32_t inside, int depth);

static cim_status
walk_parts(struct walk *walk, const struct shape *shape, uint32_t count, int depth)
{
    for (uint32_t i = 0; i < count; i++) {
        CIM_TRY(walk_geometry(walk, shape->type, depth + 1));
    }
    return CIM_OK;
}

static cim_status
walk_body(struct walk *walk, const struct shape *shape, int depth)
{
    uint32_t count = 0;
    switch (shape->type) {
    case CIM_GEOMETRY_POINT:
        if (walk->len - walk->at < shape->point_bytes) {
            return BROKEN(walk, "被截断", "it is cut off");
        }
        if (is_empty_point(walk, shape)) {
            walk->at += shape->point_bytes;
            return begin(walk, shape->type, 0);
        }
        CIM_TRY(begin(walk, shape->type, 1));
        return walk_point(walk, shape);
    case CIM_GEOMETRY_LINE_STRING:
        CIM_TRY(read_count(walk, shape, shape->point_bytes, &count));
        CIM_TRY(begin(walk, shape->type, count));
        return walk_points(walk, shape, count);
    case CIM_GEOMETRY_POLYGON:
        CIM_TRY(read_count(walk, shape, COUNT_BYTES, &count));
        CIM_TRY(begin(walk, shape->type, count));
        for (uint32_t i = 0; i < count; i++) {
            CIM_TRY(walk_ring(walk, shape));
        }
        return CIM_OK;
    default:
        CIM_TRY(read_count(walk, shape, HEADER_BYTES + COUNT_BYTES, &count));
        CIM_TRY(begin(walk, shape->type, count));
        return walk_parts(walk, shape, count, depth);
    }
}

/* `inside` is the type of the multi-geometry around it; 0 at the top. */
static cim_status
walk_geometry(struct walk *walk, uint32_t inside, int depth)
{
    const struct cim_wkb_visitor *visitor = walk->visitor;
    struct shape shape = {0};
    if (depth >= CIM_WKB_DEPTH_MAX) {
        return BROKEN(walk, "嵌套过深", "it is nested too deep");
    }
    if (!read_shape(walk->data + walk->at, walk->len - walk->at, &shape)) {
        return BROKEN(walk, "不是几何头", "this is no geometry header");
    }
    if (inside != 0 && inside != COLLECTION && shape.type + 3 != inside) {
        return BROKEN(walk, "的部分类型与整体不符", "a part is of another type than the whole");
    }
    walk->at += HEADER_BYTES;
    CIM_TRY(walk_body(walk, &shape, depth));
    return visitor->end != NULL ? stop_if(visitor->end(visitor->self, shape.type)) : CIM_OK;
}

cim_status
cim_wkb_walk(const void *data, size_t len, const struct cim_wkb_visitor *visitor, cim_error *err)
{
    struct walk walk = {.data = data, .len = len, .visitor = visitor, .err = err};
    if (len > CIM_WKB_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "geom", NULL, "几何不能超过 %d 字节",
                        "a geometry holds at most %d bytes", CIM_WKB_BYTES_MAX);
    }
    CIM_TRY(walk_geometry(&walk, 0, 0));
    if (walk.at != len) {
        return BROKEN(&walk, "之后还有多余的字节", "bytes follow after the end");
    }
    return CIM_OK;
}

uint32_t
cim_wkb_type(const void *data, size_t len)
{
    struct shape shape = {0};
    return read_shape(data, len, &shape) ? shape.type : 0;
}

bool
cim_wkb_point(const void *data, size_t len, double *ret_x, double *ret_y)
{
    const uint8_t *bytes = (const uint8_t *)data;
    struct shape shape = {0};
    if (!read_shape(bytes, len, &shape) || shape.type != CIM_GEOMETRY_POINT ||
        len != HEADER_BYTES + shape.point_bytes) {
        return false;
    }
    const double x = load_double(bytes + HEADER_BYTES, shape.little);
    const double y = load_double(bytes + HEADER_BYTES + 8, shape.little);
    if (!isfinite(x) || !isfinite(y)) {
        return false;
    }
    *ret_x = x;
    *ret_y = y;
    return true;
}

struct extent {
    double west;
    double south;
    double east;
    double north;
};

static int
widen(void *self, double x, double y)
{
    struct extent *extent = (struct extent *)self;
    extent->west = x < extent->west ? x : extent->west;
    extent->south = y < extent->south ? y : extent->south;
    extent->east = x > extent->east ? x : extent->east;
    extent->north = y > extent->north ? y : extent->north;
    return 0;
}

cim_status
cim_wkb_bbox(const void *data, size_t len, double ret_bbox[4], cim_error *err)
{
    struct extent extent = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    const struct cim_wkb_visitor visitor = {.self = &extent, .point = widen};
    CIM_TRY(cim_wkb_walk(data, len, &visitor, err));
    if (extent.west > extent.east) {
        return cim_fail(err, CIM_E_NOTFOUND, "geom", NULL, "几何为空", "the geometry is empty");
    }
    ret_bbox[0] = extent.west;
    ret_bbox[1] = extent.south;
    ret_bbox[2] = extent.east;
    ret_bbox[3] = extent.north;
    return CIM_OK;
}

void
cim_wkb_from_point(double x, double y, uint8_t ret_wkb[21])
{
    const double values[2] = {x, y};
    static const uint8_t header[HEADER_BYTES] = {1, 1, 0, 0, 0};
    memcpy(ret_wkb, header, sizeof header);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &values[i], sizeof bits);
        for (unsigned byte = 0; byte < 8; byte++) {
            ret_wkb[HEADER_BYTES + 8U * i + byte] = (uint8_t)(bits >> (8U * byte));
        }
    }
}

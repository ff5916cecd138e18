/* kit/wkb_geojson.c -- WKB printed as a GeoJSON geometry. */
#include "kit/wkb.h"

#include "cim/util.h"
#include "kit/definition.h"

struct level {
    uint32_t type;
    bool has_items; /* something was written in its list */
};

struct writer {
    struct cim_buf *out;
    struct level levels[CIM_WKB_DEPTH_MAX];
    int depth;
    bool in_ring;
    bool ring_has_points;
};

static const char *const type_names[] = {
    "",           "Point",           "LineString",   "Polygon",
    "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"};

static bool
is_multi(uint32_t type)
{
    return type >= CIM_GEOMETRY_MULTI_POINT && type <= CIM_GEOMETRY_MULTI_POLYGON;
}

static void
separate(struct writer *writer, bool *has_items)
{
    if (*has_items) {
        cim_buf_add_char(writer->out, ',');
    }
    *has_items = true;
}

static int
begin_geometry(void *self, uint32_t type, uint32_t count)
{
    struct writer *writer = (struct writer *)self;
    struct level *parent = writer->depth > 0 ? &writer->levels[writer->depth - 1] : NULL;
    writer->levels[writer->depth++] = (struct level){.type = type};
    if (parent != NULL) {
        separate(writer, &parent->has_items);
    }
    if (parent == NULL || !is_multi(parent->type)) {
        cim_buf_add_text(writer->out, "{\"type\":\"");
        cim_buf_add_text(writer->out, type_names[type]);
        cim_buf_add_text(writer->out, type == 7 ? "\",\"geometries\":" : "\",\"coordinates\":");
    }
    if (type != CIM_GEOMETRY_POINT || count == 0) {
        cim_buf_add_char(writer->out, '[');
    }
    if (type == CIM_GEOMETRY_POINT && count == 0) {
        cim_buf_add_char(writer->out, ']');
    }
    return writer->out->failed != CIM_OK;
}

static int
end_geometry(void *self, uint32_t type)
{
    struct writer *writer = (struct writer *)self;
    writer->depth--;
    if (type != CIM_GEOMETRY_POINT) {
        cim_buf_add_char(writer->out, ']');
    }
    if (writer->depth == 0 || !is_multi(writer->levels[writer->depth - 1].type)) {
        cim_buf_add_char(writer->out, '}');
    }
    return 0;
}

static int
begin_ring(void *self, uint32_t n_points)
{
    struct writer *writer = (struct writer *)self;
    (void)n_points;
    separate(writer, &writer->levels[writer->depth - 1].has_items);
    cim_buf_add_char(writer->out, '[');
    writer->in_ring = true;
    writer->ring_has_points = false;
    return 0;
}

static int
end_ring(void *self)
{
    struct writer *writer = (struct writer *)self;
    cim_buf_add_char(writer->out, ']');
    writer->in_ring = false;
    return 0;
}

static int
add_point(void *self, double x, double y)
{
    struct writer *writer = (struct writer *)self;
    struct level *level = &writer->levels[writer->depth - 1];
    if (level->type != CIM_GEOMETRY_POINT) {
        separate(writer, writer->in_ring ? &writer->ring_has_points : &level->has_items);
    }
    cim_buf_add_char(writer->out, '[');
    cim_buf_add_coordinate(writer->out, x);
    cim_buf_add_char(writer->out, ',');
    cim_buf_add_coordinate(writer->out, y);
    cim_buf_add_char(writer->out, ']');
    return writer->out->failed != CIM_OK;
}

cim_status
cim_wkb_to_geojson(const void *data, size_t len, struct cim_buf *out, cim_error *err)
{
    struct writer writer = {.out = out};
    const struct cim_wkb_visitor visitor = {.self = &writer,
                                            .begin = begin_geometry,
                                            .begin_ring = begin_ring,
                                            .point = add_point,
                                            .end_ring = end_ring,
                                            .end = end_geometry};
    const cim_status walked = cim_wkb_walk(data, len, &visitor, err);
    if (out->failed != CIM_OK) {
        return cim_buf_status(out, err);
    }
    return walked;
}

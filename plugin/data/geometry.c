/* plugin/data/geometry.c -- see geometry.h. */
#include "data/geometry.h"

#include "cim/util.h"
#include "kit/wkb.h"

#include <stdbool.h>

enum { POINT_WKB_BYTES = 21 };

struct normaliser {
    enum cim_geometry_type wanted;
    struct cim_buf *out;
    cim_error *err;
    cim_status failed;
    int depth;
    uint32_t ring_left; /* points of the ring that are still to come */
    bool ring_starts;
    double first_x;
    double first_y;
};

static int
refuse(struct normaliser *self, const char *value, const char *zh, const char *en)
{
    self->failed = cim_fail(self->err, CIM_E_INVALID, "geom", value, "%s%.0s", "%.0s%s", zh, en);
    return 1;
}

static void
put_header(struct cim_buf *out, uint32_t type)
{
    cim_buf_add_char(out, 1);
    cim_buf_add_u32_le(out, type);
}

static int
wrong_type(struct normaliser *self, uint32_t type)
{
    const char *wanted = cim_geometry_name(self->wanted);
    const char *found = type <= CIM_GEOMETRY_MULTI_POLYGON
                            ? cim_geometry_name((enum cim_geometry_type)type)
                            : "GeometryCollection";
    self->failed = cim_fail(self->err, CIM_E_INVALID, "geom", found, "几何类型应为 %s",
                            "expected a geometry of type %s", wanted);
    return 1;
}

/* Writes what precedes the content of the outermost geometry; *ret_skip: nothing of its own. */
static int
begin_outermost(struct normaliser *self, uint32_t type, uint32_t count, bool *ret_skip)
{
    const uint32_t wanted = (uint32_t)self->wanted;
    *ret_skip = false;
    if (type == wanted) {
        return 0;
    }
    const bool single = type <= CIM_GEOMETRY_POLYGON;
    if (single && type + 3 == wanted) {
        put_header(self->out, wanted);
        cim_buf_add_u32_le(self->out, 1);
        return 0;
    }
    if (!single && type <= CIM_GEOMETRY_MULTI_POLYGON && type == wanted + 3 && count == 1) {
        *ret_skip = true;
        return 0;
    }
    return wrong_type(self, type);
}

static int
begin(void *data, uint32_t type, uint32_t count)
{
    struct normaliser *self = (struct normaliser *)data;
    bool skip = false;
    if (self->depth++ == 0 && begin_outermost(self, type, count, &skip) != 0) {
        return 1;
    }
    if (count == 0) {
        return refuse(self, "", "几何为空", "the geometry is empty");
    }
    if (type == CIM_GEOMETRY_LINE_STRING && count < 2) {
        return refuse(self, "", "线至少要有两个点", "a line needs two points");
    }
    if (!skip) {
        put_header(self->out, type);
        if (type != CIM_GEOMETRY_POINT) {
            cim_buf_add_u32_le(self->out, count);
        }
    }
    return 0;
}

static int
end(void *data, uint32_t type)
{
    (void)type;
    ((struct normaliser *)data)->depth--;
    return 0;
}

static int
begin_ring(void *data, uint32_t n_points)
{
    struct normaliser *self = (struct normaliser *)data;
    if (n_points < 4) {
        return refuse(self, "", "环至少要有四个点", "a ring needs four points");
    }
    cim_buf_add_u32_le(self->out, n_points);
    self->ring_left = n_points;
    self->ring_starts = true;
    return 0;
}

static bool
in_range(double x, double y)
{
    return x >= -180 && x <= 180 && y >= -90 && y <= 90;
}

static int
refuse_range(struct normaliser *self, double x, double y)
{
    char text[64];
    struct cim_buf buf;
    cim_buf_init(&buf, sizeof text);
    cim_buf_add_coordinate(&buf, x);
    cim_buf_add_char(&buf, ' ');
    cim_buf_add_coordinate(&buf, y);
    cim_copy_text(text, sizeof text, buf.failed == CIM_OK ? buf.data : "");
    cim_buf_done(&buf);
    return refuse(self, text, "坐标应为经度 -180 到 180、纬度 -90 到 90",
                  "expected a longitude from -180 to 180 and a latitude from -90 to 90");
}

static int
point(void *data, double x, double y)
{
    struct normaliser *self = (struct normaliser *)data;
    if (!in_range(x, y)) {
        return refuse_range(self, x, y);
    }
    if (self->ring_starts) {
        self->first_x = x;
        self->first_y = y;
        self->ring_starts = false;
    }
    if (self->ring_left > 0 && --self->ring_left == 0 &&
        (x != self->first_x || y != self->first_y)) {
        return refuse(self, "", "环没有闭合", "a ring is not closed");
    }
    cim_buf_add_f64_le(self->out, x);
    cim_buf_add_f64_le(self->out, y);
    return self->out->failed != CIM_OK;
}

cim_status
lpg_geometry_normalise(enum cim_geometry_type wanted, const uint8_t *wkb, size_t len,
                       struct cim_buf *out, const uint8_t **ret_wkb, size_t *ret_len,
                       cim_error *err)
{
    struct normaliser self = {.wanted = wanted, .out = out, .err = err};
    double x = 0;
    double y = 0;
    if (wanted == CIM_GEOMETRY_POINT && len == POINT_WKB_BYTES && wkb[0] == 1 &&
        cim_wkb_point(wkb, len, &x, &y) && in_range(x, y)) {
        *ret_wkb = wkb;
        *ret_len = len;
        return CIM_OK;
    }
    const struct cim_wkb_visitor visitor = {
        .self = &self, .begin = begin, .begin_ring = begin_ring, .point = point, .end = end};
    cim_buf_clear(out);
    const cim_status walked = cim_wkb_walk(wkb, len, &visitor, err);
    if (self.failed != CIM_OK) {
        return self.failed;
    }
    CIM_TRY(cim_buf_status(out, err));
    CIM_TRY(walked);
    *ret_wkb = (const uint8_t *)out->data;
    *ret_len = out->len;
    return CIM_OK;
}

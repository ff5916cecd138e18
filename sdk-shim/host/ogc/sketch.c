/* host/ogc/sketch.c -- see sketch.h. */
#include "host/ogc/sketch.h"

#include "kit/wkb.h"

#include <math.h>

enum { SHAPES_BYTES_MAX = 2 << 20, LINE = 2, WIDTH_PX = 960 };

struct walk {
    struct cim_buf *out;
    int first;
};

void
host_sketch_init(struct host_sketch *sketch)
{
    cim_buf_init(&sketch->shapes, SHAPES_BYTES_MAX);
    sketch->empty = 1;
}

void
host_sketch_done(struct host_sketch *sketch)
{
    cim_buf_done(&sketch->shapes);
}

static int
begin(void *self, uint32_t type, uint32_t count)
{
    struct walk *walk = self;
    (void)count;
    if (type == LINE) {
        walk->first = 1;
    }
    return 0;
}

static int
begin_ring(void *self, uint32_t n_points)
{
    struct walk *walk = self;
    (void)n_points;
    walk->first = 1;
    return 0;
}

static int
end_ring(void *self)
{
    struct walk *walk = self;
    cim_buf_add_char(walk->out, 'Z');
    return 0;
}

static int
point(void *self, double x, double y)
{
    struct walk *walk = self;
    /* Four decimals are 11 m: finer than a pixel of the drawing ever is. */
    cim_buf_addf(walk->out, "%c%.4f %.4f", walk->first ? 'M' : 'L', x, -y);
    walk->first = 0;
    return 0;
}

static void
grow(struct host_sketch *sketch, const double box[4])
{
    if (sketch->empty) {
        for (int i = 0; i < 4; i++) {
            sketch->bbox[i] = box[i];
        }
        sketch->empty = 0;
        return;
    }
    sketch->bbox[0] = fmin(sketch->bbox[0], box[0]);
    sketch->bbox[1] = fmin(sketch->bbox[1], box[1]);
    sketch->bbox[2] = fmax(sketch->bbox[2], box[2]);
    sketch->bbox[3] = fmax(sketch->bbox[3], box[3]);
}

void
host_sketch_add(struct host_sketch *sketch, const void *wkb, size_t len)
{
    struct cim_buf *out = &sketch->shapes;
    struct walk walk = {.out = out, .first = 1};
    const struct cim_wkb_visitor visitor = {.self = &walk,
                                            .begin = begin,
                                            .begin_ring = begin_ring,
                                            .point = point,
                                            .end_ring = end_ring};
    double box[4];
    double x = 0;
    double y = 0;
    if (cim_wkb_bbox(wkb, len, box, NULL) != CIM_OK || out->failed != CIM_OK) {
        return;
    }
    grow(sketch, box);
    if (cim_wkb_point(wkb, len, &x, &y)) {
        cim_buf_addf(out, "<path class=\"p\" d=\"M%.4f %.4fh0\"/>", x, -y);
        return;
    }
    const uint32_t type = cim_wkb_type(wkb, len);
    const int line = type == LINE || type == 5;
    const size_t before = out->len;
    cim_buf_addf(out, "<path class=\"%s\" d=\"", line ? "l" : "s");
    (void)cim_wkb_walk(wkb, len, &visitor, NULL);
    cim_buf_add_text(out, "\"/>");
    if (out->failed != CIM_OK && out->data != NULL) {
        /* Too much to draw: keep what is whole. */
        out->failed = CIM_OK;
        out->len = before;
        out->data[before] = '\0';
        out->max = before;
    }
}

void
host_sketch_write(const struct host_sketch *sketch, struct cim_buf *out)
{
    if (sketch->empty || sketch->shapes.len == 0) {
        return;
    }
    const double *box = sketch->bbox;
    const double pad = fmax(fmax(box[2] - box[0], box[3] - box[1]) * 0.05, 0.005);
    const double width = box[2] - box[0] + 2 * pad;
    const double height = box[3] - box[1] + 2 * pad;
    cim_buf_addf(out,
                 "<svg class=\"map\" role=\"img\" aria-label=\"位置 Location\" "
                 "viewBox=\"%.4f %.4f %.4f %.4f\" width=\"%d\">",
                 box[0] - pad, -box[3] - pad, width, height, (int)WIDTH_PX);
    cim_buf_add(out, sketch->shapes.data, sketch->shapes.len);
    cim_buf_add_text(out, "</svg>\n");
}

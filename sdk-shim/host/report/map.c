/* host/report/map.c -- the layers of a result on paper: an equirectangular plane at the middle's
 * latitude, graticule, scale, north arrow, legend. */
#include "host/report/blocks.h"

#include "cim/util.h"

#include <json-c/json.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

static const double RAD_PER_DEG = 0.017453292519943295;
static const double M_PER_DEG = 111319.49079327358;
static const double LEGEND_ROW = 13.0;
enum { LEGEND_GRADES_MAX = 12 };

/* ---- text ---- */

static PangoLayout *
layout_of(cairo_t *cr, const char *text, double width, double size, bool bold)
{
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoFontDescription *font = pango_font_description_from_string("Noto Sans CJK SC, sans-serif");
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, width > 0.0 ? (int)(width * PANGO_SCALE) : -1);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_text(layout, text, -1);
    return layout;
}

double
host_report_draw_text(cairo_t *cr, const char *text, double x, double y, double width, double size,
                      bool bold)
{
    PangoLayout *layout = layout_of(cr, text, width, size, bold);
    int height = 0;
    pango_layout_get_size(layout, NULL, &height);
    cairo_move_to(cr, x, y);
    pango_cairo_show_layout(cr, layout);
    g_object_unref(layout);
    return (double)height / PANGO_SCALE;
}

double
host_report_text_height(cairo_t *cr, const char *text, double width, double size, bool bold)
{
    PangoLayout *layout = layout_of(cr, text, width, size, bold);
    int height = 0;
    pango_layout_get_size(layout, NULL, &height);
    g_object_unref(layout);
    return (double)height / PANGO_SCALE;
}

double
host_report_text_width(cairo_t *cr, const char *text, double size, bool bold)
{
    PangoLayout *layout = layout_of(cr, text, 0.0, size, bold);
    int width = 0;
    pango_layout_get_size(layout, &width, NULL);
    g_object_unref(layout);
    return (double)width / PANGO_SCALE;
}

/* ---- the plane ---- */

/* Areas lie below, points on top. */
enum pass { AREAS, LINES, POINTS, PASSES };

struct plane {
    cairo_t *cr;
    double width;
    double height;
    double box_deg[4];
    bool has_box;
    double lon_deg; /* of the middle */
    double lat_deg;
    double cos_lat;
    double m_per_unit;
    const struct host_report_layer *layer; /* being drawn */
    double colour[3];                      /* of the feature */
    enum pass pass;
};

static void
widen(struct plane *plane, double lon, double lat)
{
    if (!plane->has_box) {
        plane->has_box = true;
        plane->box_deg[0] = plane->box_deg[2] = lon;
        plane->box_deg[1] = plane->box_deg[3] = lat;
    }
    plane->box_deg[0] = fmin(plane->box_deg[0], lon);
    plane->box_deg[1] = fmin(plane->box_deg[1], lat);
    plane->box_deg[2] = fmax(plane->box_deg[2], lon);
    plane->box_deg[3] = fmax(plane->box_deg[3], lat);
}

static void
place(const struct plane *plane, double lon, double lat, double *x, double *y)
{
    *x = plane->width / 2.0 +
         (lon - plane->lon_deg) * M_PER_DEG * plane->cos_lat / plane->m_per_unit;
    *y = plane->height / 2.0 - (lat - plane->lat_deg) * M_PER_DEG / plane->m_per_unit;
}

typedef void (*shape_fn)(struct plane *plane, const char *type, struct json_object *coordinates);

/* The colour of one of so many grades, as the map page has them. */
static void
shade(size_t grade, size_t n_grades, double ret_colour[3])
{
    static const unsigned shades[] = {0xffe066, 0xffa94d, 0xf76707, 0xd9480f, 0xa61e4d, 0x5f3dc4};
    const size_t last = sizeof shades / sizeof shades[0] - 1;
    const double step = n_grades > 1 ? (double)grade / (double)(n_grades - 1) : 1.0;
    const unsigned rgb = shades[(size_t)lround(step * (double)last)];
    for (unsigned k = 0; k < 3; k++) {
        ret_colour[k] = (double)(rgb >> (16U - 8U * k) & 255U) / 255.0;
    }
}

/* "#c62828" */
static bool
read_colour(const char *text, double ret_colour[3])
{
    unsigned long rgb;
    if (text == NULL || text[0] != '#') {
        return false;
    }
    rgb = strtoul(text + 1, NULL, 16);
    for (unsigned k = 0; k < 3; k++) {
        ret_colour[k] = (double)(rgb >> (16U - 8U * k) & 255U) / 255.0;
    }
    return true;
}

/* The value that a feature is painted by; NULL: none. */
static const char *
painted_value(const struct host_report_layer *layer, struct json_object *feature)
{
    const char *path = json_object_get_string(host_report_member(layer->painted, "path"));
    struct json_object *properties = host_report_member(feature, "properties");
    return path != NULL ? json_object_get_string(host_report_member(properties, path)) : NULL;
}

static void
paint(struct plane *plane, struct json_object *feature)
{
    const struct host_report_layer *layer = plane->layer;
    const char *value = layer != NULL ? painted_value(layer, feature) : NULL;
    if (layer != NULL) {
        memcpy(plane->colour, layer->colour, sizeof plane->colour);
    }
    if (value != NULL) {
        struct json_object *named =
            host_report_member(host_report_member(layer->painted, "values"), value);
        (void)read_colour(json_object_get_string(host_report_member(named, "colour")),
                          plane->colour);
    }
    if (layer != NULL && layer->grade != NULL) {
        struct json_object *properties = host_report_member(feature, "properties");
        const double at = json_object_get_double(host_report_member(properties, layer->grade));
        size_t grade = 0;
        while (grade + 1 < layer->n_grades && layer->grades[grade] < at) {
            grade++;
        }
        shade(grade, layer->n_grades, plane->colour);
    }
}

/* Every geometry of a GeoJSON object. */
static void
each_geometry(struct plane *plane, struct json_object *geojson, shape_fn each)
{
    const char *type = json_object_get_string(host_report_member(geojson, "type"));
    struct json_object *features = host_report_member(geojson, "features");
    if (type == NULL) {
        return;
    }
    if (json_object_is_type(features, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(features); i++) {
            each_geometry(plane, json_object_array_get_idx(features, i), each);
        }
    } else if (strcmp(type, "Feature") == 0) {
        paint(plane, geojson);
        each_geometry(plane, host_report_member(geojson, "geometry"), each);
    } else {
        each(plane, type, host_report_member(geojson, "coordinates"));
    }
}

static bool
position_of(struct json_object *value, double *lon, double *lat)
{
    if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) < 2 ||
        json_object_is_type(json_object_array_get_idx(value, 0), json_type_array)) {
        return false;
    }
    *lon = json_object_get_double(json_object_array_get_idx(value, 0));
    *lat = json_object_get_double(json_object_array_get_idx(value, 1));
    return isfinite(*lon) && isfinite(*lat);
}

static void
measure(struct plane *plane, const char *type, struct json_object *value)
{
    double lon;
    double lat;
    if (position_of(value, &lon, &lat)) {
        widen(plane, lon, lat);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            measure(plane, type, json_object_array_get_idx(value, i));
        }
    }
}

/* ---- shapes ---- */

static void
trace(struct plane *plane, struct json_object *line, bool closed)
{
    for (size_t i = 0; i < json_object_array_length(line); i++) {
        double lon;
        double lat;
        double x;
        double y;
        if (position_of(json_object_array_get_idx(line, i), &lon, &lat)) {
            place(plane, lon, lat, &x, &y);
            if (i == 0) {
                cairo_move_to(plane->cr, x, y);
            } else {
                cairo_line_to(plane->cr, x, y);
            }
        }
    }
    if (closed) {
        cairo_close_path(plane->cr);
    }
}

/* Points as dots, lines as lines, areas filled and edged; lists of them by their depth. */
static void
draw_shape(struct plane *plane, const char *type, struct json_object *value)
{
    double lon;
    double lat;
    double x;
    double y;
    if (!json_object_is_type(value, json_type_array)) {
        return;
    }
    cairo_set_source_rgb(plane->cr, plane->colour[0], plane->colour[1], plane->colour[2]);
    if (plane->pass == POINTS && strcmp(type, "Point") == 0 && position_of(value, &lon, &lat)) {
        place(plane, lon, lat, &x, &y);
        cairo_new_sub_path(plane->cr);
        cairo_arc(plane->cr, x, y, 2.6, 0.0, 6.283185307179586);
        cairo_fill(plane->cr);
    } else if (plane->pass == LINES && strcmp(type, "LineString") == 0) {
        trace(plane, value, false);
        cairo_stroke(plane->cr);
    } else if (plane->pass == AREAS && strcmp(type, "Polygon") == 0) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            trace(plane, json_object_array_get_idx(value, i), true);
        }
        const double *colour = plane->colour;
        cairo_set_source_rgba(plane->cr, colour[0], colour[1], colour[2],
                              plane->layer->outline ? 0.04 : 0.28);
        cairo_fill_preserve(plane->cr);
        cairo_set_source_rgb(plane->cr, colour[0], colour[1], colour[2]);
        cairo_stroke(plane->cr);
    } else if (strncmp(type, "Multi", 5) == 0) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            draw_shape(plane, type + 5, json_object_array_get_idx(value, i));
        }
    }
}

static void
draw_layer(struct plane *plane, const struct host_report_layer *layer)
{
    cairo_t *cr = plane->cr;
    plane->layer = layer;
    memcpy(plane->colour, layer->colour, sizeof plane->colour);
    cairo_save(cr);
    cairo_set_line_width(cr, 1.2);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
    each_geometry(plane, layer->geojson, draw_shape);
    cairo_restore(cr);
}

/* ---- what a map needs ---- */

/* The next of 1, 2, 2.5, 5 times a power of ten. */
static double
round_up(double value)
{
    static const double steps[] = {1.0, 2.0, 2.5, 5.0, 10.0};
    const double ten = pow(10.0, floor(log10(value)));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i] * ten >= value * (1.0 - 1e-9)) {
            return steps[i] * ten;
        }
    }
    return 10.0 * ten;
}

static void
draw_graticule(struct plane *plane)
{
    cairo_t *cr = plane->cr;
    const double step =
        round_up(plane->width * plane->m_per_unit / M_PER_DEG / plane->cos_lat / 4.0);
    const double half_lon = plane->width / 2.0 * plane->m_per_unit / M_PER_DEG / plane->cos_lat;
    const double half_lat = plane->height / 2.0 * plane->m_per_unit / M_PER_DEG;
    char text[32];
    double x;
    double y;
    cairo_save(cr);
    cairo_set_source_rgb(cr, 0.55, 0.6, 0.65);
    cairo_set_line_width(cr, 0.3);
    for (double lon = ceil((plane->lon_deg - half_lon) / step) * step;
         lon <= plane->lon_deg + half_lon; lon += step) {
        place(plane, lon, plane->lat_deg, &x, &y);
        cairo_move_to(cr, x, 0.0);
        cairo_line_to(cr, x, plane->height);
        cairo_stroke(cr);
        (void)snprintf(text, sizeof text, "%.*f°", step < 0.001 ? 5 : step < 0.1 ? 3 : 1, lon);
        (void)host_report_draw_text(cr, text, x + 2.0, plane->height - 9.0, 0.0, 6.0, false);
    }
    for (double lat = ceil((plane->lat_deg - half_lat) / step) * step;
         lat <= plane->lat_deg + half_lat; lat += step) {
        place(plane, plane->lon_deg, lat, &x, &y);
        cairo_move_to(cr, 0.0, y);
        cairo_line_to(cr, plane->width, y);
        cairo_stroke(cr);
        (void)snprintf(text, sizeof text, "%.*f°", step < 0.001 ? 5 : step < 0.1 ? 3 : 1, lat);
        (void)host_report_draw_text(cr, text, 2.0, y - 8.5, 0.0, 6.0, false);
    }
    cairo_restore(cr);
}

static void
draw_north(struct plane *plane)
{
    cairo_t *cr = plane->cr;
    const double x = plane->width - 18.0;
    cairo_save(cr);
    cairo_set_source_rgb(cr, 0.11, 0.15, 0.2);
    cairo_move_to(cr, x, 8.0);
    cairo_line_to(cr, x + 5.0, 28.0);
    cairo_line_to(cr, x, 23.0);
    cairo_line_to(cr, x - 5.0, 28.0);
    cairo_close_path(cr);
    cairo_fill(cr);
    (void)host_report_draw_text(cr, "N", x - 3.5, 29.0, 0.0, 9.0, true);
    cairo_restore(cr);
}

static void
draw_scale(struct plane *plane, double ratio)
{
    cairo_t *cr = plane->cr;
    const double bar_m = round_up(plane->width * plane->m_per_unit / 8.0);
    const double bar = bar_m / plane->m_per_unit;
    const double y = plane->height - 16.0;
    const double x = plane->width - bar - 12.0;
    char text[64];
    cairo_save(cr);
    cairo_set_source_rgba(cr, 1.0, 1.0, 1.0, 0.8);
    cairo_rectangle(cr, x - 6.0, y - 16.0, bar + 12.0, 26.0);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0.11, 0.15, 0.2);
    cairo_set_line_width(cr, 1.4);
    cairo_move_to(cr, x, y - 3.0);
    cairo_line_to(cr, x, y);
    cairo_line_to(cr, x + bar, y);
    cairo_line_to(cr, x + bar, y - 3.0);
    cairo_stroke(cr);
    (void)snprintf(text, sizeof text, bar_m >= 1000.0 ? "%g km" : "%g m",
                   bar_m >= 1000.0 ? bar_m / 1000.0 : bar_m);
    (void)host_report_draw_text(cr, text, x, y - 14.0, 0.0, 7.5, false);
    (void)snprintf(text, sizeof text, "1:%.0f", ratio);
    (void)host_report_draw_text(cr, text, x, y + 1.0, 0.0, 7.0, false);
    cairo_restore(cr);
}

struct legend {
    cairo_t *cr;
    double y;
    size_t n_rows;
    bool draws; /* else the rows are counted */
};

static void
add_row(struct legend *legend, const char *text, const double colour[3])
{
    const double x = 6.0;
    const double top = legend->y + 14.0 + LEGEND_ROW * (double)legend->n_rows++;
    cairo_t *cr = legend->cr;
    char title[64];
    if (!legend->draws) {
        return;
    }
    cim_copy_text(title, sizeof title, text);
    cairo_rectangle(cr, x + 2.0, top + 1.0, 12.0, 8.0);
    cairo_set_source_rgba(cr, colour[0], colour[1], colour[2], 0.35);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, colour[0], colour[1], colour[2]);
    cairo_set_line_width(cr, 1.0);
    cairo_stroke(cr);
    cairo_set_source_rgb(cr, 0.11, 0.15, 0.2);
    (void)host_report_draw_text(cr, title, x + 18.0, top, 0.0, 7.5, false);
}

static bool
has_value(const struct host_report_layer *layer, const char *value)
{
    struct json_object *features = host_report_member(layer->geojson, "features");
    const size_t n = features != NULL ? json_object_array_length(features) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *one = painted_value(layer, json_object_array_get_idx(features, i));
        if (one != NULL && strcmp(one, value) == 0) {
            return true;
        }
    }
    return false;
}

/* One row, or one a colour that is on the map. */
static void
add_layer(struct legend *legend, const struct host_report_layer *layer, bool chinese)
{
    struct json_object *values = host_report_member(layer->painted, "values");
    for (size_t i = 0; i < layer->n_grades && i < LEGEND_GRADES_MAX; i++) {
        struct json_object *number = json_object_new_double(layer->grades[i]);
        char *value = host_report_value(number, chinese);
        double colour[3];
        char text[200];
        shade(i, layer->n_grades, colour);
        (void)snprintf(text, sizeof text, "%s · %s", layer->title, value != NULL ? value : "");
        add_row(legend, text, colour);
        free(value);
        (void)json_object_put(number);
    }
    if (layer->n_grades > 0) {
        return;
    }
    if (values == NULL) {
        add_row(legend, layer->title, layer->colour);
        return;
    }
    json_object_object_foreach(values, value, named)
    {
        const char *name = json_object_get_string(host_report_member(named, chinese ? "zh" : "en"));
        double colour[3] = {layer->colour[0], layer->colour[1], layer->colour[2]};
        char text[200];
        if (has_value(layer, value)) {
            (void)read_colour(json_object_get_string(host_report_member(named, "colour")), colour);
            (void)snprintf(text, sizeof text, "%s · %s", layer->title, name != NULL ? name : value);
            add_row(legend, text, colour);
        }
    }
}

static void
draw_legend(const struct host_report_blocks *blocks, cairo_t *cr, double y)
{
    const double x = 6.0;
    struct legend legend = {.cr = cr, .y = y};
    cairo_save(cr);
    for (int pass = 0; pass < 2; pass++) {
        legend.draws = pass == 1;
        if (legend.draws) {
            cairo_set_source_rgba(cr, 1.0, 1.0, 1.0, 0.85);
            cairo_rectangle(cr, x - 2.0, y - 2.0, 132.0, LEGEND_ROW * (double)legend.n_rows + 17.0);
            cairo_fill(cr);
            cairo_set_source_rgb(cr, 0.11, 0.15, 0.2);
            (void)host_report_draw_text(cr, blocks->chinese ? "图例" : "Legend", x + 2.0, y, 0.0,
                                        8.0, true);
        }
        legend.n_rows = 0;
        for (size_t i = 0; i < blocks->n_layers; i++) {
            add_layer(&legend, &blocks->layers[i], blocks->chinese);
        }
    }
    cairo_restore(cr);
}

/* Where the plane lies and what it is drawn at, a round ratio. */
static double
fit(struct plane *plane, double unit_m)
{
    const double least_m = 100.0; /* a point alone still has something around it */
    const double *box = plane->box_deg;
    double across;
    double ratio;
    plane->lon_deg = (box[0] + box[2]) / 2.0;
    plane->lat_deg = (box[1] + box[3]) / 2.0;
    plane->cos_lat = cos(plane->lat_deg * RAD_PER_DEG);
    across = fmax((box[2] - box[0]) * M_PER_DEG * plane->cos_lat / (plane->width * 0.92),
                  (box[3] - box[1]) * M_PER_DEG / (plane->height * 0.88));
    across = fmax(across, least_m / plane->width);
    ratio = round_up(across / unit_m);
    plane->m_per_unit = ratio * unit_m;
    return ratio;
}

void
host_report_draw_map(const struct host_report_blocks *blocks, cairo_t *cr, double width,
                     double height, double unit_m)
{
    struct plane plane = {.cr = cr, .width = width, .height = height};
    for (size_t i = 0; i < blocks->n_layers; i++) {
        each_geometry(&plane, blocks->layers[i].geojson, measure);
    }
    cairo_save(cr);
    cairo_rectangle(cr, 0.0, 0.0, width, height);
    cairo_set_source_rgb(cr, 0.985, 0.99, 0.995);
    cairo_fill_preserve(cr);
    cairo_clip(cr);
    if (plane.has_box) {
        const double ratio = fit(&plane, unit_m);
        draw_graticule(&plane);
        for (plane.pass = AREAS; plane.pass < PASSES; plane.pass++) {
            for (size_t i = blocks->n_layers; i > 0; i--) { /* the first on top */
                draw_layer(&plane, &blocks->layers[i - 1]);
            }
        }
        draw_north(&plane);
        draw_scale(&plane, ratio);
        draw_legend(blocks, cr, 6.0);
    }
    cairo_restore(cr);
    cairo_rectangle(cr, 0.0, 0.0, width, height);
    cairo_set_source_rgb(cr, 0.11, 0.15, 0.2);
    cairo_set_line_width(cr, 0.8);
    cairo_stroke(cr);
}

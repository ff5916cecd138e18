/* host/ogc/map_request.c -- see map_request.h. */
#include "host/ogc/map_request.h"

#include "cim/util.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;
static const double latitude_max_deg = 85.051128779806604;
static const double least_span_deg = 0.01; /* of what is one point */
static const double mm_per_pixel = 0.28;   /* the pixel that OGC's scales are told in */

const char *const host_map_names[] = {"f",       "lang",         "bbox",   "bbox-crs",
                                      "crs",     "width",        "height", "transparent",
                                      "bgcolor", "mm-per-pixel", NULL};

/* ---- single values ---- */

cim_status
host_map_check_crs(const char *param, const char *text, const struct host_crs *crs, cim_error *err)
{
    if (crs->kind != HOST_CRS_OTHER || crs->epsg == HOST_MAP_EPSG_MERCATOR) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, param, text,
                    "图片提供 EPSG:4490、EPSG:4326、EPSG:3857 与 CRS84",
                    "pictures come in EPSG:4490, EPSG:4326, EPSG:3857 and CRS84");
}

cim_status
host_map_side(const char *param, const char *text, int32_t *ret_side, cim_error *err)
{
    int64_t value = 0;
    if (!host_parse_integer(text, strlen(text), &value) || value < 1) {
        return cim_fail(err, CIM_E_INVALID, param, text, "应为 1 到 %d 的整数",
                        "expected a whole number from 1 to %d", (int)HOST_PIC_SIDE_MAX);
    }
    if (value > HOST_PIC_SIDE_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, param, text, "图片的边长最大为 %d 像素",
                        "a side of a picture has at most %d pixels", (int)HOST_PIC_SIDE_MAX);
    }
    *ret_side = (int32_t)value;
    return CIM_OK;
}

cim_status
host_map_color(const char *param, const char *text, struct host_pic_color *ret_color,
               cim_error *err)
{
    char css[64];
    size_t len = strlen(text);
    const bool hex = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    const char *digits = text + (hex ? 2 : 0);
    len -= hex ? 2 : 0;
    if (len == 8 && hex) { /* alpha first, as OGC API Maps writes it */
        (void)snprintf(css, sizeof css, "#%.6s%.2s", digits + 2, digits);
    } else if (len == 6 && strspn(digits, "0123456789abcdefABCDEF") == 6) {
        (void)snprintf(css, sizeof css, "#%s", digits);
    } else {
        cim_copy_text(css, sizeof css, text);
    }
    if (host_pic_color_parse(css, strlen(css), ret_color)) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, param, text, "应为颜色，如 0xFFFFFF 或 #ffffff",
                    "expected a colour such as 0xFFFFFF or #ffffff");
}

static cim_status
parse_crs(const char *param, const char *text, struct host_crs *ret_crs, cim_error *err)
{
    CIM_TRY(host_crs_parse(param, text, ret_crs, err));
    return host_map_check_crs(param, text, ret_crs, err);
}

static cim_status
parse_pitch(const char *param, const char *text, double *ret_ratio, cim_error *err)
{
    double mm = 0;
    if (!host_parse_number(text, strlen(text), &mm) || mm < 0.05 || mm > 2) {
        return cim_fail(err, CIM_E_INVALID, param, text, "应为 0.05 到 2 的数字",
                        "expected a number from 0.05 to 2");
    }
    *ret_ratio = mm_per_pixel / mm;
    return CIM_OK;
}

static cim_status
take(const struct host_pair *pair, struct host_map_request *request, cim_error *err)
{
    const char *name = pair->name;
    const char *value = pair->value;
    if (strcmp(name, "bbox") == 0) {
        request->has_bbox = true;
        return host_parse_bbox(value, request->bbox, err);
    }
    if (strcmp(name, "bbox-crs") == 0) {
        return host_crs_parse(name, value, &request->bbox_crs, err);
    }
    if (strcmp(name, "crs") == 0) {
        return parse_crs(name, value, &request->crs, err);
    }
    if (strcmp(name, "width") == 0) {
        return host_map_side(name, value, &request->width, err);
    }
    if (strcmp(name, "height") == 0) {
        return host_map_side(name, value, &request->height, err);
    }
    if (strcmp(name, "transparent") == 0) {
        return host_parse_flag(name, value, &request->transparent, err);
    }
    if (strcmp(name, "bgcolor") == 0) {
        return host_map_color(name, value, &request->background, err);
    }
    return strcmp(name, "mm-per-pixel") == 0 ? parse_pitch(name, value, &request->ratio, err)
                                             : CIM_OK;
}

cim_status
host_map_request_parse(const struct host_pair *pairs, size_t n_pairs,
                       struct host_map_request *ret_request, cim_error *err)
{
    struct host_map_request request = {
        .crs = {HOST_CRS_OTHER, HOST_MAP_EPSG_MERCATOR},
        .bbox_crs = {HOST_CRS_LON_LAT, 0},
        .ratio = 1,
        .transparent = true,
        .background = {1, 1, 1, 1},
    };
    bool told_background = false;
    bool told_transparent = false;
    for (size_t i = 0; i < n_pairs; i++) {
        CIM_TRY(take(&pairs[i], &request, err));
        told_background = told_background || strcmp(pairs[i].name, "bgcolor") == 0;
        told_transparent = told_transparent || strcmp(pairs[i].name, "transparent") == 0;
    }
    /* A colour of the ground means a ground. */
    request.transparent = told_transparent ? request.transparent : !told_background;
    *ret_request = request;
    return CIM_OK;
}

/* ---- boxes ---- */

static double
mercator_y(double lat_deg)
{
    const double lat = fmax(-latitude_max_deg, fmin(latitude_max_deg, lat_deg));
    return asinh(tan(lat * pi / 180)) / pi * HOST_PIC_MERCATOR_HALF_M;
}

static void
from_degrees(const double deg[4], const struct host_crs *to, double ret_box[4])
{
    const bool mercator = to->kind == HOST_CRS_OTHER;
    for (int i = 0; i < 4; i++) {
        ret_box[i] = !mercator    ? deg[i]
                     : i % 2 == 0 ? deg[i] / 180 * HOST_PIC_MERCATOR_HALF_M
                                  : mercator_y(deg[i]);
    }
}

cim_status
host_map_box(struct host_crs_worker *worker, const struct host_crs *from, const double bbox[4],
             const struct host_crs *to, double ret_box[4], cim_error *err)
{
    double deg[4];
    if (from->kind == HOST_CRS_OTHER && host_crs_same(from, to)) {
        memcpy(ret_box, bbox, 4 * sizeof bbox[0]);
        return CIM_OK;
    }
    if (from->kind == HOST_CRS_LAT_LON) {
        const double swapped[4] = {bbox[1], bbox[0], bbox[3], bbox[2]};
        from_degrees(swapped, to, ret_box);
        return CIM_OK;
    }
    if (from->kind == HOST_CRS_LON_LAT) {
        from_degrees(bbox, to, ret_box);
        return CIM_OK;
    }
    CIM_TRY(host_crs_bbox_to_lon_lat(worker, from, bbox, deg, err));
    from_degrees(deg, to, ret_box);
    return CIM_OK;
}

/* Makes the box wider or higher until its pixels are square. */
static void
widen(double box[4], double aspect)
{
    const double width = box[2] - box[0];
    const double height = box[3] - box[1];
    if (width / height < aspect) {
        const double more = (height * aspect - width) / 2;
        box[0] -= more;
        box[2] += more;
    } else {
        const double more = (width / aspect - height) / 2;
        box[1] -= more;
        box[3] += more;
    }
}

/* Everything, with a margin; one point gets some land around it. */
static void
whole_box(const double extent_deg[4], const struct host_crs *to, double ret_box[4])
{
    double deg[4];
    for (int i = 0; i < 2; i++) {
        const double span = fmax(extent_deg[i + 2] - extent_deg[i], least_span_deg);
        const double middle = (extent_deg[i + 2] + extent_deg[i]) / 2;
        deg[i] = middle - span * 0.525;
        deg[i + 2] = middle + span * 0.525;
    }
    from_degrees(deg, to, ret_box);
}

static int32_t
side(double value)
{
    return (int32_t)fmax(1, fmin(HOST_PIC_SIDE_MAX, round(value)));
}

cim_status
host_map_view(struct host_crs_worker *worker, const struct host_map_request *request,
              const double extent_deg[4], struct host_pic_view *ret_view, cim_error *err)
{
    struct host_pic_view view = {.geographic = request->crs.kind != HOST_CRS_OTHER};
    double box[4];
    int32_t width = request->width;
    int32_t height = request->height;
    if (request->has_bbox) {
        CIM_TRY(host_map_box(worker, &request->bbox_crs, request->bbox, &request->crs, box, err));
    } else {
        whole_box(extent_deg, &request->crs, box);
    }
    if (!(box[0] < box[2]) || !(box[1] < box[3])) {
        return cim_fail(err, CIM_E_INVALID, "bbox", NULL, "范围应西小于东、南小于北",
                        "expected a box with west before east and south before north");
    }
    const double aspect = (box[2] - box[0]) / (box[3] - box[1]);
    if (width == 0 && height == 0) {
        width = aspect >= 1 ? HOST_MAP_SIDE_DEFAULT : side(HOST_MAP_SIDE_DEFAULT * aspect);
    }
    width = width > 0 ? width : side(height * aspect);
    height = height > 0 ? height : side(width / aspect);
    if (!request->has_bbox) {
        widen(box, (double)width / height);
    }
    /* Sizes are in pixels as sent; the style is drawn in its own. */
    view.width = side(width / request->ratio);
    view.height = side(height / request->ratio);
    view.ratio = request->ratio;
    view.west = box[0];
    view.south = box[1];
    view.east = box[2];
    view.north = box[3];
    *ret_view = view;
    return host_pic_view_check(ret_view, err);
}

void
host_map_place(const struct host_pic_view *view, double x, double y, double ret_lon_lat[2])
{
    const double east = view->west + (view->east - view->west) * x / view->width;
    const double north = view->north - (view->north - view->south) * y / view->height;
    ret_lon_lat[0] = view->geographic ? east : east / HOST_PIC_MERCATOR_HALF_M * 180;
    ret_lon_lat[1] =
        view->geographic ? north : atan(sinh(north / HOST_PIC_MERCATOR_HALF_M * pi)) * 180 / pi;
}

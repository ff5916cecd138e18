/* host/pictures/view.c -- see view.h. Spherical Mercator after EPSG guidance note 7-2, 1.3.3. */
#include "host/pictures/view.h"

#include "cim/util.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double latitude_max_deg = 85.051128779806604;

cim_status
host_pic_view_check(const struct host_pic_view *view, cim_error *err)
{
    const double width = view->width * view->ratio;
    const double height = view->height * view->ratio;
    if (!(view->west < view->east) || !(view->south < view->north) || !isfinite(view->west) ||
        !isfinite(view->east) || !isfinite(view->south) || !isfinite(view->north)) {
        return cim_fail(err, CIM_E_INVALID, "bbox", NULL, "范围应西小于东、南小于北",
                        "expected a box with west before east and south before north");
    }
    if (view->width < 1 || view->height < 1) {
        return cim_fail(err, CIM_E_INVALID, view->width < 1 ? "width" : "height", NULL,
                        "图片的宽和高至少为 1 像素",
                        "a picture is at least one pixel wide and high");
    }
    if (width > HOST_PIC_SIDE_MAX || height > HOST_PIC_SIDE_MAX ||
        width * height > HOST_PIC_PIXELS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, width >= height ? "width" : "height", NULL,
                        "图片的边长最大为 %d 像素，总共最多 %d 像素",
                        "a side has at most %d pixels, and all at most %d", (int)HOST_PIC_SIDE_MAX,
                        (int)HOST_PIC_PIXELS_MAX);
    }
    return CIM_OK;
}

double
host_pic_view_zoom(const struct host_pic_view *view)
{
    const double world = view->geographic ? 360 : 2 * HOST_PIC_MERCATOR_HALF_M;
    const double per_x = (view->east - view->west) / view->width;
    const double per_y = (view->north - view->south) / view->height;
    return fmin(log2(world / (512 * sqrt(per_x * per_y))), HOST_PIC_ZOOM_MAX);
}

static double
latitude(double world_y)
{
    return atan(sinh(pi * (1 - 2 * world_y))) * 180 / pi;
}

void
host_pic_view_project(const struct host_pic_view *view, double world_x, double world_y,
                      double *ret_x, double *ret_y)
{
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const double x = view->geographic ? world_x * 360 - 180 : (2 * world_x - 1) * half;
    const double y = view->geographic ? latitude(world_y) : (1 - 2 * world_y) * half;
    *ret_x = (x - view->west) / (view->east - view->west) * view->width;
    *ret_y = (view->north - y) / (view->north - view->south) * view->height;
}

static double
world_y(const struct host_pic_view *view, double y)
{
    if (!view->geographic) {
        return (1 - y / HOST_PIC_MERCATOR_HALF_M) / 2;
    }
    const double lat = fmax(-latitude_max_deg, fmin(latitude_max_deg, y));
    return (1 - asinh(tan(lat * pi / 180)) / pi) / 2;
}

static double
world_x(const struct host_pic_view *view, double x)
{
    return view->geographic ? (x + 180) / 360 : (x / HOST_PIC_MERCATOR_HALF_M + 1) / 2;
}

void
host_pic_view_world(const struct host_pic_view *view, double margin_px, double ret_world[4])
{
    const double more_x = (view->east - view->west) / view->width * margin_px;
    const double more_y = (view->north - view->south) / view->height * margin_px;
    ret_world[0] = world_x(view, view->west - more_x);
    ret_world[1] = world_y(view, view->north + more_y);
    ret_world[2] = world_x(view, view->east + more_x);
    ret_world[3] = world_y(view, view->south - more_y);
}

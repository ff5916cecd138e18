/* host/pictures/view.h -- which part of the world a picture shows, and where a place of it falls.
 *
 * Tiles are Web Mercator (EPSG:3857); "world" is its square from 0 to 1, x to the east, y to the
 * south. A picture is Web Mercator or geographic (degrees, plate carrée): in both, x depends on
 * longitude alone and y on latitude alone, so tiles stay rectangles.
 */
#ifndef HOST_PICTURES_VIEW_H
#define HOST_PICTURES_VIEW_H

#include "cim/base.h"

#include <stdbool.h>

enum {
    HOST_PIC_SIDE_MAX = 4096,      /* pixels of a side as sent */
    HOST_PIC_PIXELS_MAX = 1 << 24, /* and in all */
    HOST_PIC_ZOOM_MAX = 24
};
#define HOST_PIC_MERCATOR_HALF_M 20037508.342789244

struct host_pic_view {
    int32_t width; /* style pixels */
    int32_t height;
    double ratio; /* device pixels to a style pixel: 2 for prints of twice the density */
    bool geographic;
    double west; /* metres, or degrees where geographic */
    double south;
    double east;
    double north;
};

/* CIM_E_INVALID: an empty or inverted box; CIM_E_TOO_LARGE: more pixels than are drawn. */
cim_status host_pic_view_check(const struct host_pic_view *view, cim_error *err);
/* MapLibre's zoom: the world is 512 · 2^zoom pixels wide. Where the two axes differ, the mean. */
double host_pic_view_zoom(const struct host_pic_view *view);
void host_pic_view_project(const struct host_pic_view *view, double world_x, double world_y,
                           double *ret_x, double *ret_y);
/* The world box of the picture and `margin_px` around it: min x, min y, max x, max y. */
void host_pic_view_world(const struct host_pic_view *view, double margin_px, double ret_world[4]);

#endif

/* host/ogc/map_request.h -- which picture is asked for: boxes, reference systems, sizes, colours of
 * OGC API Maps, WMS and WMTS, without HTTP. */
#ifndef HOST_OGC_MAP_REQUEST_H
#define HOST_OGC_MAP_REQUEST_H

#include "host/ogc/crs.h"
#include "host/ogc/params.h"
#include "host/pictures/value.h"
#include "host/pictures/view.h"

enum { HOST_MAP_SIDE_DEFAULT = 1024, HOST_MAP_EPSG_MERCATOR = 3857 };

/* What OGC API Maps lets a client say. */
struct host_map_request {
    struct host_crs crs; /* of the picture */
    struct host_crs bbox_crs;
    bool has_bbox;
    double bbox[4]; /* in the axis order of bbox_crs */
    int32_t width;  /* pixels; 0: by the box */
    int32_t height;
    double ratio; /* 0.28 mm / mm-per-pixel */
    bool transparent;
    struct host_pic_color background;
};

/* Names that host_map_request_parse() reads, NULL-terminated, with f and lang. */
extern const char *const host_map_names[];

/* Parameters that it does not know are left to the caller. */
cim_status host_map_request_parse(const struct host_pair *pairs, size_t n_pairs,
                                  struct host_map_request *ret_request, cim_error *err);
/* Refuses what pictures are not made in. */
cim_status host_map_check_crs(const char *param, const char *text, const struct host_crs *crs,
                              cim_error *err);
/* A box given in `from` as the box of a picture in `to`: west, south, east, north. */
cim_status host_map_box(struct host_crs_worker *worker, const struct host_crs *from,
                        const double bbox[4], const struct host_crs *to, double ret_box[4],
                        cim_error *err);
/* The view of a request; `extent_deg` is what is shown without a bbox. */
cim_status host_map_view(struct host_crs_worker *worker, const struct host_map_request *request,
                         const double extent_deg[4], struct host_pic_view *ret_view,
                         cim_error *err);
/* "1024" and the like, from 1 to HOST_PIC_SIDE_MAX. */
cim_status host_map_side(const char *param, const char *text, int32_t *ret_side, cim_error *err);
/* "0xRRGGBB", "0xAARRGGBB", "RRGGBB" or a CSS colour. */
cim_status host_map_color(const char *param, const char *text, struct host_pic_color *ret_color,
                          cim_error *err);
/* Degrees of a place of a picture, longitude first. */
void host_map_place(const struct host_pic_view *view, double x, double y, double ret_lon_lat[2]);

#endif

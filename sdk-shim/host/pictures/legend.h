/* host/pictures/legend.h -- legends, drawn from the classes that a style's metadata lists. */
#ifndef HOST_PICTURES_LEGEND_H
#define HOST_PICTURES_LEGEND_H

#include "host/pictures/style.h"

struct cim_buf;

enum { HOST_PIC_LEGEND_ROWS_MAX = 200, HOST_PIC_LEGEND_TITLE_MAX = 200 };

struct host_pic_legend {
    const struct host_pic_style *style;
    const char *title; /* of the map */
    bool chinese;
    double ratio; /* device pixels to a style pixel */
    void *arg;
    /* The title of a field ("by" with `value` NULL) or of a value of it, into `out`. */
    cim_status (*name)(void *arg, const char *layer, const char *by, const char *value, char *out,
                       size_t out_size, cim_error *err);
};

/* A PNG into *out. */
cim_status host_pic_legend_draw(const struct host_pic_legend *legend, struct cim_buf *out,
                                cim_error *err);

#endif

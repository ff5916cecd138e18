/* host/pictures/collide.h -- what is taken on the picture: boxes and circles of placed symbols. */
#ifndef HOST_PICTURES_COLLIDE_H
#define HOST_PICTURES_COLLIDE_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_PIC_AROUND_PX = 100 }; /* how far outside of the picture symbols still count */

struct host_pic_taken;

/* NULL: out of memory. The size is that of the picture, in style pixels. */
struct host_pic_taken *host_pic_taken_new(double width, double height);
void host_pic_taken_free(struct host_pic_taken *taken); /* NULL-safe */
/* x0, y0, x1, y1. */
bool host_pic_taken_inside(const struct host_pic_taken *taken, const double box[4]);
bool host_pic_taken_box(const struct host_pic_taken *taken, const double box[4]);
bool host_pic_taken_circle(const struct host_pic_taken *taken, double x, double y, double radius);
cim_status host_pic_take_box(struct host_pic_taken *taken, const double box[4], cim_error *err);
cim_status host_pic_take_circle(struct host_pic_taken *taken, double x, double y, double radius,
                                cim_error *err);

#endif

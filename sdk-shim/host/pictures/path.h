/* host/pictures/path.h -- outlines of images, as SVG writes them. */
#ifndef HOST_PICTURES_PATH_H
#define HOST_PICTURES_PATH_H

#include "host/pictures/style.h"

/* Absolute M, L, C and Z alone. False: something else, or too long. */
bool host_pic_path_parse(const char *text, struct host_pic_path_op *ops, size_t max, size_t *ret_n);

#endif

/* host/ogc/sketch.h -- where features lie, as an inline SVG: no script, no tiles, no font. */
#ifndef HOST_OGC_SKETCH_H
#define HOST_OGC_SKETCH_H

#include "kit/buf.h"

struct host_sketch {
    struct cim_buf shapes; /* paths in longitude and latitude */
    double bbox[4];
    int empty;
};

void host_sketch_init(struct host_sketch *sketch);
void host_sketch_done(struct host_sketch *sketch);
/* Bytes that are no geometry are passed over. */
void host_sketch_add(struct host_sketch *sketch, const void *wkb, size_t len);
void host_sketch_write(const struct host_sketch *sketch, struct cim_buf *out);
#define HOST_AUTO_SKETCH __attribute__((cleanup(host_sketch_done)))

#endif

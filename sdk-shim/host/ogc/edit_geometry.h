/* host/ogc/edit_geometry.h -- a GeoJSON geometry, read strictly, as WKB. */
#ifndef HOST_OGC_EDIT_GEOMETRY_H
#define HOST_OGC_EDIT_GEOMETRY_H

#include "kit/buf.h"

#include <stdbool.h>

struct json_object;

/* Appends little-endian ISO WKB, longitude first. `lat_lon`: the positions come latitude first.
 * Heights are read and left out: the store is 2-D. CIM_E_INVALID names "geometry", what was found
 * and what was expected; CIM_E_TOO_LARGE past HOST_EDIT_POSITIONS_MAX. */
cim_status host_edit_geometry(struct json_object *geometry, bool lat_lon, struct cim_buf *out,
                              cim_error *err);

#endif

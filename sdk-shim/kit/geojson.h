/* kit/geojson.h -- a GeoJSON geometry, read strictly, as WKB. */
#ifndef CIM_KIT_GEOJSON_H
#define CIM_KIT_GEOJSON_H

#include "kit/buf.h"

#include <stdbool.h>

struct json_object;

enum { CIM_GEOJSON_POSITIONS_MAX = 1 << 20 }; /* of one geometry */

/* Appends little-endian ISO WKB, longitude first. `lat_lon`: the positions come latitude first.
 * Heights are read and left out: the store is 2-D. CIM_E_INVALID names "geometry", what was found
 * and what was expected; CIM_E_TOO_LARGE past CIM_GEOJSON_POSITIONS_MAX. Collections are refused.
 */
cim_status cim_geojson_to_wkb(struct json_object *geometry, bool lat_lon, struct cim_buf *out,
                              cim_error *err);

#endif

/* host/ogc/tms.h -- the WebMercatorQuad tile matrix set and the descriptions built on it. */
#ifndef HOST_OGC_TMS_H
#define HOST_OGC_TMS_H

#include "host/ogc/doc.h"
#include "kit/definition.h"

enum { HOST_TMS_ZOOM_MAX = 22 };
#define HOST_TMS_ID  "WebMercatorQuad"
#define HOST_TMS_URI "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
#define HOST_TMS_CRS "http://www.opengis.net/def/crs/EPSG/0/3857"

/* Tiles that a box touches at a zoom: {first col, first row, last col, last row}. */
void host_tms_range(const double bbox_deg[4], int32_t z, int64_t ret_range[4]);
/* The set itself (OGC 17-083r4). */
struct json_object *host_tms_definition(const char *base, bool chinese);
/* A tileset of a collection; `bbox_deg` NULL: nothing with a geometry. */
struct json_object *host_tms_tileset(const struct cim_definition *def, const double *bbox_deg,
                                     const char *base, const char *query, bool chinese, bool whole);
/* The same as TileJSON 3. */
struct json_object *host_tms_tilejson(const struct cim_definition *def, const double *bbox_deg,
                                      const char *base, const char *query, bool chinese);
/* "z", "row", "col" of a path. CIM_E_INVALID: no number; CIM_E_NOTFOUND: outside the matrix. */
cim_status host_tms_address(const char *z, const char *row, const char *col, int32_t zoom_max,
                            uint32_t ret_address[3], cim_error *err);

#endif

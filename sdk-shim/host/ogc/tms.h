/* host/ogc/tms.h -- the tile matrix sets of vector tiles and the descriptions built on them. */
#ifndef HOST_OGC_TMS_H
#define HOST_OGC_TMS_H

#include "host/ogc/doc.h"
#include "kit/definition.h"

enum { HOST_TMS_ZOOM_MAX = 22, HOST_TMS_COUNT = 3 };

/* One set. Those in degrees are twice as wide as high; that of CGCS2000 is WorldCRS84Quad with
 * levels that begin at 1, latitude first, as the national map (天地图) numbers them. */
struct host_tms {
    uint32_t tms; /* CIM_TMS_… */
    const char *id;
    const char *uri; /* NULL: not in the register */
    const char *crs;
    const char *scale_set; /* well-known; or NULL */
    const char *title_zh;
    const char *title_en;
    bool degrees;
    int32_t first; /* level */
    int32_t last;
};

const struct host_tms *host_tms_at(size_t i); /* i < HOST_TMS_COUNT; 0: WebMercatorQuad */
/* CIM_E_NOTFOUND: no set of that id. */
cim_status host_tms_find(const char *id, const struct host_tms **ret_set, cim_error *err);
/* Tiles that a box touches at a level: {first col, first row, last col, last row}. */
void host_tms_range(const struct host_tms *set, const double bbox_deg[4], int32_t z,
                    int64_t ret_range[4]);
/* The set itself (OGC 17-083r4). */
struct json_object *host_tms_definition(const struct host_tms *set, const char *base, bool chinese);
/* A tileset of a collection; `bbox_deg` NULL: nothing with a geometry. */
struct json_object *host_tms_tileset(const struct host_tms *set, const struct cim_definition *def,
                                     const double *bbox_deg, const char *base, const char *query,
                                     bool chinese, bool whole);
/* The same as TileJSON 3. */
struct json_object *host_tms_tilejson(const struct host_tms *set, const struct cim_definition *def,
                                      const double *bbox_deg, const char *base, const char *query,
                                      bool chinese);
/* "z", "row", "col" of a path; levels from the set's first to `zoom_max`. CIM_E_INVALID: no number;
 * CIM_E_NOTFOUND: outside the matrix. */
cim_status host_tms_address(const struct host_tms *set, const char *z, const char *row,
                            const char *col, int32_t zoom_max, uint32_t ret_address[3],
                            cim_error *err);

#endif

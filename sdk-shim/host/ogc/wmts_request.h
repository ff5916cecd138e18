/* host/ogc/wmts_request.h -- grids and addresses of WMTS 1.0.0 (OGC 07-057r7), without HTTP.
 *
 * Pictures are drawn for any box, so tiles come in three grids: WebMercatorQuad, WorldCRS84Quad,
 * and "c" of 天地图: the latter in EPSG:4490, with levels numbered from 1. */
#ifndef HOST_OGC_WMTS_REQUEST_H
#define HOST_OGC_WMTS_REQUEST_H

#include "host/ogc/map_request.h"

enum { HOST_WMTS_TILE_PX = 256, HOST_WMTS_GRIDS = 3 };

struct host_wmts_grid {
    const char *id;
    const char *crs;    /* URN */
    const char *corner; /* upper left, in the axis order of the CRS */
    bool geographic;
    int32_t first; /* level */
    int32_t last;
    double scale; /* denominator of the first level, for pixels of 0.28 mm */
};

const struct host_wmts_grid *host_wmts_grid(size_t number);
/* Tiles of a level across and down. */
void host_wmts_size(const struct host_wmts_grid *grid, int32_t level, int64_t ret_size[2]);
/* The picture of a tile. A failure names TileMatrixSet, TileMatrix, TileRow or TileCol. */
cim_status host_wmts_view(const char *grid, const char *level, const char *row, const char *col,
                          struct host_pic_view *ret_view, cim_error *err);

#endif

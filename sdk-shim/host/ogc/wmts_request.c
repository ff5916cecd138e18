/* host/ogc/wmts_request.c -- see wmts_request.h. */
#include "host/ogc/wmts_request.h"

#include "cim/util.h"

#include <math.h>
#include <string.h>

static const struct host_wmts_grid grids[HOST_WMTS_GRIDS] = {
    {"WebMercatorQuad", "urn:ogc:def:crs:EPSG::3857", "-20037508.342789244 20037508.342789244",
     false, 0, 20, 559082264.0287178},
    {"WorldCRS84Quad", "urn:ogc:def:crs:OGC:1.3:CRS84", "-180 90", true, 0, 19, 279541132.0143589},
    {"c", "urn:ogc:def:crs:EPSG::4490", "90 -180", true, 1, 18, 279541132.0143589},
};

const struct host_wmts_grid *
host_wmts_grid(size_t number)
{
    return &grids[number];
}

void
host_wmts_size(const struct host_wmts_grid *grid, int32_t level, int64_t ret_size[2])
{
    const int64_t n = (int64_t)1 << (level - grid->first);
    ret_size[0] = grid->geographic ? 2 * n : n;
    ret_size[1] = n;
}

static cim_status
number(const char *param, const char *text, int64_t least, int64_t most, int64_t *ret_value,
       cim_error *err)
{
    int64_t value = 0;
    if (!host_parse_integer(text, strlen(text), &value)) {
        return cim_fail(err, CIM_E_INVALID, param, text, "应为整数", "expected a whole number");
    }
    if (value < least || value > most) {
        return cim_fail(err, CIM_E_NOTFOUND, param, text, "应为 %lld 到 %lld",
                        "expected %lld to %lld", (long long)least, (long long)most);
    }
    *ret_value = value;
    return CIM_OK;
}

cim_status
host_wmts_view(const char *grid_id, const char *level, const char *row, const char *col,
               struct host_pic_view *ret_view, cim_error *err)
{
    const struct host_wmts_grid *grid = NULL;
    int64_t at[3];
    int64_t size[2];
    for (size_t i = 0; i < HOST_WMTS_GRIDS; i++) {
        grid = strcmp(grids[i].id, grid_id) == 0 ? &grids[i] : grid;
    }
    if (grid == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "TileMatrixSet", grid_id,
                        "应为 WebMercatorQuad、WorldCRS84Quad 或 c",
                        "expected WebMercatorQuad, WorldCRS84Quad or c");
    }
    CIM_TRY(number("TileMatrix", level, grid->first, grid->last, &at[0], err));
    host_wmts_size(grid, (int32_t)at[0], size);
    CIM_TRY(number("TileRow", row, 0, size[1] - 1, &at[1], err));
    CIM_TRY(number("TileCol", col, 0, size[0] - 1, &at[2], err));
    const double half = grid->geographic ? 90 : HOST_PIC_MERCATOR_HALF_M;
    const double west = grid->geographic ? -180 : -half;
    const double side = 2 * half / (double)size[1];
    *ret_view = (struct host_pic_view){.width = HOST_WMTS_TILE_PX,
                                       .height = HOST_WMTS_TILE_PX,
                                       .ratio = 1,
                                       .geographic = grid->geographic,
                                       .west = west + side * (double)at[2],
                                       .south = half - side * (double)(at[1] + 1),
                                       .east = west + side * (double)(at[2] + 1),
                                       .north = half - side * (double)at[1]};
    return CIM_OK;
}

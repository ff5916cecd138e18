/* plugin/geo/mercator.h -- positions as 32-bit Web Mercator integers and their Morton codes.
 *
 * x grows eastward from 180° W, y southward from 85.0511° N; both fill 32 bits, so a tile of zoom z
 * is the positions that share its top z bits in x and y, and, interleaved, a contiguous range of
 * codes. Spherical Web Mercator as of EPSG:3857 (EPSG Guidance Note 7-2, "Popular Visualisation
 * Pseudo Mercator"); one step is 9 mm at the equator.
 */
#ifndef LPG_GEO_MERCATOR_H
#define LPG_GEO_MERCATOR_H

#include <stdbool.h>
#include <stdint.h>

#define LPG_MERCATOR_LAT_MAX_DEG 85.0511287798066

/* False when the position is not finite or lies outside -180…180 / -90…90; latitudes beyond the
 * projection's edge are clamped to it. */
bool lpg_mercator_from_lonlat(double lon_deg, double lat_deg, uint32_t *ret_x, uint32_t *ret_y);

/* The same for the grids in degrees (WorldCRS84Quad and that of CGCS2000), as a quadtree over a
 * square of 360 degrees: x as above, y southward from the pole at the same scale, so that the lower
 * half is empty. False as above; nothing is clamped. */
bool lpg_degrees_from_lonlat(double lon_deg, double lat_deg, uint32_t *ret_x, uint32_t *ret_y);

/* Bits of x and y interleaved, y's above x's: the order of quadtree children is NW, NE, SW, SE. */
uint64_t lpg_morton(uint32_t x, uint32_t y);
void lpg_morton_split(uint64_t code, uint32_t *ret_x, uint32_t *ret_y);

/* First code of quadtree cell (z, col, row); the cell ends before the first code of its successor
 * in Morton order. 0 <= z <= 32. */
uint64_t lpg_morton_cell_first(uint32_t z, uint32_t col, uint32_t row);
/* Last code of that cell. */
uint64_t lpg_morton_cell_last(uint32_t z, uint32_t col, uint32_t row);

#endif

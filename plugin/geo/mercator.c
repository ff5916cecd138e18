/* plugin/geo/mercator.c -- see mercator.h. */
#include "geo/mercator.h"

#include <math.h>

#define PI      3.14159265358979323846
#define STEPS   4294967296.0
#define DEG2RAD (PI / 180.0)

static uint32_t
to_step(double fraction)
{
    const double step = floor(fraction * STEPS);
    if (step <= 0.0) {
        return 0;
    }
    if (step >= STEPS - 1.0) {
        return UINT32_MAX;
    }
    return (uint32_t)step;
}

bool
lpg_mercator_from_lonlat(double lon_deg, double lat_deg, uint32_t *ret_x, uint32_t *ret_y)
{
    double lat = lat_deg;
    if (!(lon_deg >= -180.0 && lon_deg <= 180.0 && lat_deg >= -90.0 && lat_deg <= 90.0)) {
        return false;
    }
    if (lat > LPG_MERCATOR_LAT_MAX_DEG) {
        lat = LPG_MERCATOR_LAT_MAX_DEG;
    } else if (lat < -LPG_MERCATOR_LAT_MAX_DEG) {
        lat = -LPG_MERCATOR_LAT_MAX_DEG;
    }
    *ret_x = to_step((lon_deg + 180.0) / 360.0);
    *ret_y = to_step(0.5 - asinh(tan(lat * DEG2RAD)) / (2.0 * PI));
    return true;
}

bool
lpg_degrees_from_lonlat(double lon_deg, double lat_deg, uint32_t *ret_x, uint32_t *ret_y)
{
    if (!(lon_deg >= -180.0 && lon_deg <= 180.0 && lat_deg >= -90.0 && lat_deg <= 90.0)) {
        return false;
    }
    *ret_x = to_step((lon_deg + 180.0) / 360.0);
    *ret_y = to_step((90.0 - lat_deg) / 360.0);
    return true;
}

static uint64_t
spread(uint32_t value)
{
    uint64_t v = value;
    v = (v | (v << 16U)) & 0x0000FFFF0000FFFFULL;
    v = (v | (v << 8U)) & 0x00FF00FF00FF00FFULL;
    v = (v | (v << 4U)) & 0x0F0F0F0F0F0F0F0FULL;
    v = (v | (v << 2U)) & 0x3333333333333333ULL;
    v = (v | (v << 1U)) & 0x5555555555555555ULL;
    return v;
}

static uint32_t
squeeze(uint64_t code)
{
    uint64_t v = code & 0x5555555555555555ULL;
    v = (v | (v >> 1U)) & 0x3333333333333333ULL;
    v = (v | (v >> 2U)) & 0x0F0F0F0F0F0F0F0FULL;
    v = (v | (v >> 4U)) & 0x00FF00FF00FF00FFULL;
    v = (v | (v >> 8U)) & 0x0000FFFF0000FFFFULL;
    v = (v | (v >> 16U)) & 0x00000000FFFFFFFFULL;
    return (uint32_t)v;
}

uint64_t
lpg_morton(uint32_t x, uint32_t y)
{
    return spread(x) | (spread(y) << 1U);
}

void
lpg_morton_split(uint64_t code, uint32_t *ret_x, uint32_t *ret_y)
{
    *ret_x = squeeze(code);
    *ret_y = squeeze(code >> 1U);
}

uint64_t
lpg_morton_cell_first(uint32_t z, uint32_t col, uint32_t row)
{
    return z == 0 ? 0 : lpg_morton(col, row) << (64U - 2U * z);
}

uint64_t
lpg_morton_cell_last(uint32_t z, uint32_t col, uint32_t row)
{
    const uint64_t span = z == 0 ? UINT64_MAX : z >= 32 ? 0 : UINT64_MAX >> (2U * z);
    return lpg_morton_cell_first(z, col, row) | span;
}

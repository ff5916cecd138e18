/* plugin/map/rates.h -- shares of a point layer's records (inspected of due, and the like), counted
 * exactly per cluster, per hexagon and per area for what one caller may see.
 *
 * Hexagons are the Voronoi cells of a triangular lattice that is the same in all tiles of a zoom:
 * 64 px between centres of a 512 px tile, rows along the parallels. A point belongs to the nearest
 * centre, whichever tile asks, so the hexagons of a zoom split the records.
 */
#ifndef LPG_MAP_RATES_H
#define LPG_MAP_RATES_H

#include "map/points.h"

struct lpg_rate_count {
    uint64_t n;  /* numerator */
    uint64_t of; /* denominator */
};

/* The values of one rate as codes of its field's dictionary: bit (code - 1). */
struct lpg_rate_codes {
    uint64_t numerator;
    uint64_t denominator;
};

/* The codes of all of the features' rates. */
void lpg_rates_resolve(const struct lpg_features *features,
                       struct lpg_rate_codes ret_codes[CIM_RATES_MAX]);
/* The rates that the view may be told, a bit each: those of fields that all its terms show. */
uint32_t lpg_rates_shown(const struct lpg_features *features, const struct lpg_view *view);
/* "<name>_n", "<name>_of" and "<name>_pct", per cent rounded down to a tenth so that no band is
 * reached early. Nothing where the denominator is 0. */
void lpg_rate_tag(const struct lpg_rate *rate, const struct lpg_rate_count *count,
                  struct lpg_mvt *mvt);
/* Of the points [begin, end) of a pyramid, by rank: sign 1 adds, UINT64_MAX subtracts. */
void lpg_rates_add_range(const struct lpg_points *points, const struct lpg_features *features,
                         const struct lpg_rate_codes *codes, uint32_t begin, uint32_t end,
                         uint64_t sign, struct lpg_rate_count counts[CIM_RATES_MAX]);
/* Of all that the view covers in an area and below it, [ordinal, ordinal_end). */
void lpg_rates_of_area(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
                       int32_t ordinal, int32_t ordinal_end,
                       struct lpg_rate_count ret_counts[CIM_RATES_MAX]);

/* ---- hexagons ---- */

/* The hexagon of a position at a zoom; rows and columns begin at -1. */
void lpg_hex_of(uint32_t z, uint32_t x, uint32_t y, int32_t *ret_row, int32_t *ret_col);
/* The hexagons that a tile shows, into `mvt`, and into `labels` their centres that lie in the tile:
 * each is in one tile of a zoom. Only below LPG_POINTS_SINGLE_ZOOM. */
cim_status lpg_hexes_tile(const struct lpg_stack *stack, const struct lpg_view *view,
                          bool all_visible, uint32_t z, uint32_t col, uint32_t row,
                          struct lpg_mvt *mvt, struct lpg_mvt *labels, cim_error *err);

/* Of one pyramid and zoom, made when first asked for; freed with the pyramid. */
struct lpg_hexes;
void lpg_hexes_free(struct lpg_hexes *hexes); /* NULL-safe */

#endif

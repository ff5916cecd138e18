/* plugin/data/geometry.h -- geometries as a layer stores them. */
#ifndef LPG_DATA_GEOMETRY_H
#define LPG_DATA_GEOMETRY_H

#include "kit/buf.h"
#include "kit/definition.h"

/* Checks WKB in degrees and gives it as the layer's type, little-endian and flat: a single part
 * becomes a multi-geometry where the layer has those, and a multi-geometry of one part that part.
 * The result lies in `wkb` itself when nothing had to change, else in `out`.
 * CIM_E_INVALID: another type, out of range, empty, a line of one point, an open ring. */
cim_status lpg_geometry_normalise(enum cim_geometry_type wanted, const uint8_t *wkb, size_t len,
                                  struct cim_buf *out, const uint8_t **ret_wkb, size_t *ret_len,
                                  cim_error *err);

#endif

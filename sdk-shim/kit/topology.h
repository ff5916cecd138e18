/* kit/topology.h -- geometries held against the rules of OGC Simple Features and against each
 * other, by GEOS: what imports refuse and analyses tell is judged by the same code.
 *
 * A library of its own (cim_kit_topology), so that who needs no GEOS links none. Coordinates are
 * degrees; square metres are near enough to say whether something is a sliver. Everything of one
 * GEOS context is used by one thread at a time.
 */
#ifndef CIM_KIT_TOPOLOGY_H
#define CIM_KIT_TOPOLOGY_H

#include "kit/definition.h"

#define GEOS_USE_ONLY_R_API
#include <geos_c.h>
#include <stdbool.h>

enum {
    CIM_TOPOLOGY_LEAST_M2 = 1, /* less is what rounding does to common borders */
    CIM_TOPOLOGY_NAME_BYTES = 96
};

/* `wkb` in degrees, an area. CIM_E_INVALID: "geom", the place and the reason; the place in
 * ret_place_deg as well (may be NULL; NaN: it has none). */
cim_status cim_validity_check(GEOSContextHandle_t geos, const uint8_t *wkb, size_t len,
                              double ret_place_deg[2], cim_error *err);

/* Square metres of an area, near enough: on the sphere at the latitude of its south. NULL: 0. */
double cim_rough_m2(GEOSContextHandle_t geos, const GEOSGeometry *area);

/* Geometries that only get more, with an index that grows along. */
struct cim_pile;
cim_status cim_pile_new(GEOSContextHandle_t geos, struct cim_pile **ret_pile, cim_error *err);
void cim_pile_free(struct cim_pile *pile); /* NULL-safe; before its context */
size_t cim_pile_count(const struct cim_pile *pile);
/* Takes the geometry, also when it fails. `name` is what people know it by; cut to
 * CIM_TOPOLOGY_NAME_BYTES. */
cim_status cim_pile_add(struct cim_pile *pile, GEOSGeometry *geometry, const char *name,
                        cim_error *err);

/* What a geometry is found to do. Valid inside the callback. */
struct cim_topology_finding {
    const char *other;         /* name of the one that it meets; NULL: of what does not cover it */
    double m2;                 /* rough, of `where`; 0 of what is no area */
    const GEOSGeometry *where; /* what both share, or what nothing covers */
};
/* True: go on; false: that was enough. */
typedef bool (*cim_topology_found_fn)(void *arg, const struct cim_topology_finding *finding);
/* A valid geometry against all of the pile. no_overlap, disjoint: each that it meets, areas by more
 * than CIM_TOPOLOGY_LEAST_M2; within: told when none holds it; covered_by: what all of them leave
 * uncovered. */
void cim_topology_judge(struct cim_pile *pile, enum cim_topology_kind kind,
                        const GEOSGeometry *geometry, cim_topology_found_fn found, void *arg);

#endif

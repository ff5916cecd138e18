/* kit/topology.c -- see topology.h. */
#include "kit/topology.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>

enum { NODE_CAPACITY = 10, LEVELS = 24, FIRST_LEVEL = 64 };

static const double M_PER_DEG = 111319.49079327358; /* 6378137 π / 180 */
static const double RAD_PER_DEG = 0.017453292519943295;

struct thing {
    GEOSGeometry *geometry;
    const GEOSPreparedGeometry *prepared; /* once it was needed */
    char name[CIM_TOPOLOGY_NAME_BYTES];
};

/* Trees of doubling size, so that each thing is put into a few of them at most. */
struct cim_pile {
    GEOSContextHandle_t geos;
    size_t n;
    size_t capacity;
    struct thing **things;
    size_t in_trees;
    GEOSSTRtree *trees[LEVELS]; /* of FIRST_LEVEL << i things, or NULL */
};

/* ---- the pile ---- */

cim_status
cim_pile_new(GEOSContextHandle_t geos, struct cim_pile **ret_pile, cim_error *err)
{
    struct cim_pile *pile = calloc(1, sizeof *pile);
    if (pile == NULL) {
        return cim_fail_nomem(err);
    }
    pile->geos = geos;
    *ret_pile = pile;
    return CIM_OK;
}

void
cim_pile_free(struct cim_pile *pile)
{
    if (pile == NULL) {
        return;
    }
    for (size_t i = 0; i < LEVELS; i++) {
        if (pile->trees[i] != NULL) {
            GEOSSTRtree_destroy_r(pile->geos, pile->trees[i]);
        }
    }
    for (size_t i = 0; i < pile->n; i++) {
        GEOSPreparedGeom_destroy_r(pile->geos, pile->things[i]->prepared);
        GEOSGeom_destroy_r(pile->geos, pile->things[i]->geometry);
        free(pile->things[i]);
    }
    free(pile->things);
    free(pile);
}

size_t
cim_pile_count(const struct cim_pile *pile)
{
    return pile->n;
}

/* A full bottom goes into the first free level, with all levels below it. */
static cim_status
carry(struct cim_pile *pile, cim_error *err)
{
    size_t level = 0;
    size_t n = FIRST_LEVEL;
    while (level < LEVELS - 1 && pile->trees[level] != NULL) {
        GEOSSTRtree_destroy_r(pile->geos, pile->trees[level]);
        pile->trees[level] = NULL;
        n += (size_t)FIRST_LEVEL << level++;
    }
    GEOSSTRtree *tree = GEOSSTRtree_create_r(pile->geos, NODE_CAPACITY);
    if (tree == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = pile->n - n; i < pile->n; i++) {
        GEOSSTRtree_insert_r(pile->geos, tree, pile->things[i]->geometry, pile->things[i]);
    }
    pile->trees[level] = tree;
    pile->in_trees = pile->n;
    return CIM_OK;
}

cim_status
cim_pile_add(struct cim_pile *pile, GEOSGeometry *geometry, const char *name, cim_error *err)
{
    struct thing *thing = calloc(1, sizeof *thing);
    if (thing != NULL && pile->n == pile->capacity) {
        const size_t capacity = pile->capacity == 0 ? 256 : pile->capacity * 2;
        struct thing **grown = realloc(pile->things, capacity * sizeof(struct thing *));
        if (grown != NULL) {
            pile->things = grown;
            pile->capacity = capacity;
        }
    }
    if (thing == NULL || pile->n == pile->capacity) {
        free(thing);
        GEOSGeom_destroy_r(pile->geos, geometry);
        return cim_fail_nomem(err);
    }
    thing->geometry = geometry;
    cim_copy_text(thing->name, sizeof thing->name, name);
    pile->things[pile->n++] = thing;
    return pile->n - pile->in_trees == FIRST_LEVEL ? carry(pile, err) : CIM_OK;
}

static void
each_near(struct cim_pile *pile, const GEOSGeometry *geometry, GEOSQueryCallback each, void *arg)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (pile->trees[i] != NULL) {
            GEOSSTRtree_query_r(pile->geos, pile->trees[i], geometry, each, arg);
        }
    }
    for (size_t i = pile->in_trees; i < pile->n; i++) {
        each(pile->things[i], arg);
    }
}

/* ---- judging ---- */

double
cim_rough_m2(GEOSContextHandle_t geos, const GEOSGeometry *area)
{
    double deg2 = 0;
    double south = 0;
    if (area == NULL || GEOSisEmpty_r(geos, area) != 0 || GEOSArea_r(geos, area, &deg2) != 1 ||
        GEOSGeom_getYMin_r(geos, area, &south) != 1) {
        return 0;
    }
    return deg2 * M_PER_DEG * M_PER_DEG * cos(south * RAD_PER_DEG);
}

struct search {
    struct cim_pile *pile;
    const GEOSGeometry *geometry;
    bool is_area;
    bool over; /* found what was looked for, or told that it is enough */
    GEOSGeometry *left;
    cim_topology_found_fn found;
    void *arg;
};

static const GEOSPreparedGeometry *
prepared_of(struct cim_pile *pile, struct thing *thing)
{
    if (thing->prepared == NULL) {
        thing->prepared = GEOSPrepare_r(pile->geos, thing->geometry);
    }
    return thing->prepared;
}

static void
look_for_cover(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    search->over =
        search->over || GEOSPreparedCovers_r(search->pile->geos, prepared_of(search->pile, thing),
                                             search->geometry) == 1;
}

static void
take_away(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    const GEOSContextHandle_t geos = search->pile->geos;
    if (search->left == NULL ||
        GEOSPreparedIntersects_r(geos, prepared_of(search->pile, thing), search->left) != 1) {
        return;
    }
    GEOSGeometry *less = GEOSDifference_r(geos, search->left, thing->geometry);
    GEOSGeom_destroy_r(geos, search->left);
    search->left = less;
}

/* Areas that share a border do not meet. */
static void
look_for_meeting(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    const GEOSContextHandle_t geos = search->pile->geos;
    if (search->over ||
        GEOSPreparedIntersects_r(geos, prepared_of(search->pile, thing), search->geometry) != 1) {
        return;
    }
    GEOSGeometry *shared = GEOSIntersection_r(geos, search->geometry, thing->geometry);
    const double m2 = search->is_area ? cim_rough_m2(geos, shared) : 0;
    if (!search->is_area || m2 > CIM_TOPOLOGY_LEAST_M2) {
        const struct cim_topology_finding finding = {thing->name, m2, shared};
        search->over = !search->found(search->arg, &finding);
    }
    GEOSGeom_destroy_r(geos, shared);
}

static void
judge_union(struct search *search)
{
    const GEOSContextHandle_t geos = search->pile->geos;
    search->left = GEOSGeom_clone_r(geos, search->geometry);
    each_near(search->pile, search->geometry, take_away, search);
    const bool empty = search->left != NULL && GEOSisEmpty_r(geos, search->left) == 1;
    const double m2 = search->is_area ? cim_rough_m2(geos, search->left) : 0;
    if (search->left == NULL || (!empty && (!search->is_area || m2 > CIM_TOPOLOGY_LEAST_M2))) {
        const struct cim_topology_finding finding = {
            NULL, m2, search->left != NULL ? search->left : search->geometry};
        (void)search->found(search->arg, &finding);
    }
    GEOSGeom_destroy_r(geos, search->left);
}

void
cim_topology_judge(struct cim_pile *pile, enum cim_topology_kind kind, const GEOSGeometry *geometry,
                   cim_topology_found_fn found, void *arg)
{
    struct search search = {.pile = pile,
                            .geometry = geometry,
                            .is_area = GEOSGeom_getDimensions_r(pile->geos, geometry) == 2,
                            .found = found,
                            .arg = arg};
    switch (kind) {
    case CIM_TOPOLOGY_WITHIN:
        each_near(pile, geometry, look_for_cover, &search);
        if (!search.over) {
            const struct cim_topology_finding finding = {
                NULL, search.is_area ? cim_rough_m2(pile->geos, geometry) : 0, geometry};
            (void)found(arg, &finding);
        }
        break;
    case CIM_TOPOLOGY_COVERED_BY:
        judge_union(&search);
        break;
    case CIM_TOPOLOGY_NO_OVERLAP:
    case CIM_TOPOLOGY_DISJOINT:
    default:
        each_near(pile, geometry, look_for_meeting, &search);
        break;
    }
}

/* host/exchange/topology.c -- see topology.h. */
#include "host/exchange/topology.h"

#include "cim/util.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1 << 12, NODE_CAPACITY = 10 };

static const double ROUND_PER_DEG = 1e7;

struct slot {
    uint64_t hash; /* 0: free */
    int64_t row;
};

struct area {
    GEOSGeometry *geometry;
    int64_t row;
};

struct host_topology {
    host_topology_fn found;
    void *arg;
    bool overlaps;
    bool full; /* a limit was met */
    size_t n;
    size_t n_slots; /* a power of two */
    struct slot *slots;
    GEOSContextHandle_t geos;
    GEOSWKBReader *reader;
    size_t n_areas;
    size_t capacity;
    size_t bytes;
    struct area *areas;
};

cim_status
host_topology_new(bool overlaps, host_topology_fn found, void *arg,
                  struct host_topology **ret_topology, cim_error *err)
{
    struct host_topology *topology = calloc(1, sizeof *topology);
    if (topology == NULL) {
        return cim_fail_nomem(err);
    }
    *topology = (struct host_topology){
        .found = found, .arg = arg, .overlaps = overlaps, .n_slots = FIRST_SLOTS};
    topology->slots = calloc(FIRST_SLOTS, sizeof *topology->slots);
    topology->geos = GEOS_init_r();
    if (topology->geos != NULL) {
        topology->reader = GEOSWKBReader_create_r(topology->geos);
    }
    if (topology->slots == NULL || topology->reader == NULL) {
        host_topology_free(topology);
        return cim_fail_nomem(err);
    }
    *ret_topology = topology;
    return CIM_OK;
}

void
host_topology_free(struct host_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    for (size_t i = 0; i < topology->n_areas; i++) {
        GEOSGeom_destroy_r(topology->geos, topology->areas[i].geometry);
    }
    if (topology->reader != NULL) {
        GEOSWKBReader_destroy_r(topology->geos, topology->reader);
    }
    if (topology->geos != NULL) {
        GEOS_finish_r(topology->geos);
    }
    free(topology->areas);
    free(topology->slots);
    free(topology);
}

static void
tell_full(struct host_topology *topology, int64_t row)
{
    cim_error what = {.code = CIM_OK};
    if (!topology->full) {
        (void)cim_fail(&what, CIM_E_TOO_LARGE, "geom", NULL,
                       "数据量超过检查上限，此行之后不再检查几何重复和重叠",
                       "past the limits of the check: from this row on geometries are not compared "
                       "with each other");
        topology->found(topology->arg, row, &what);
    }
    topology->full = true;
}

/* ---- equal ---- */

static int
mix_point(void *self, double x, double y)
{
    uint64_t *hash = self;
    const uint64_t parts[2] = {(uint64_t)llround(x * ROUND_PER_DEG),
                               (uint64_t)llround(y * ROUND_PER_DEG)};
    for (int i = 0; i < 2; i++) { /* the finaliser of SplitMix64 */
        uint64_t z = *hash + parts[i] + UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30U)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27U)) * UINT64_C(0x94d049bb133111eb);
        *hash = z ^ (z >> 31U);
    }
    return 0;
}

static struct slot *
slot_for(struct slot *slots, size_t n_slots, uint64_t hash)
{
    size_t at = (size_t)hash & (n_slots - 1);
    while (slots[at].hash != 0 && slots[at].hash != hash) {
        at = (at + 1) & (n_slots - 1);
    }
    return &slots[at];
}

static cim_status
grow_slots(struct host_topology *topology, cim_error *err)
{
    const size_t n_slots = topology->n_slots * 2;
    struct slot *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < topology->n_slots; i++) {
        if (topology->slots[i].hash != 0) {
            *slot_for(slots, n_slots, topology->slots[i].hash) = topology->slots[i];
        }
    }
    free(topology->slots);
    topology->slots = slots;
    topology->n_slots = n_slots;
    return CIM_OK;
}

static cim_status
look_for_equal(struct host_topology *topology, int64_t row, const uint8_t *wkb, size_t len,
               cim_error *err)
{
    uint64_t hash = 1;
    const struct cim_wkb_visitor visitor = {.self = &hash, .point = mix_point};
    struct slot *slot = NULL;
    CIM_TRY(cim_wkb_walk(wkb, len, &visitor, err));
    hash = hash != 0 ? hash : 1;
    if (topology->n * 2 >= topology->n_slots) {
        CIM_TRY(grow_slots(topology, err));
    }
    slot = slot_for(topology->slots, topology->n_slots, hash);
    if (slot->hash == 0) {
        *slot = (struct slot){.hash = hash, .row = row};
        topology->n++;
    } else {
        cim_error what = {.code = CIM_OK};
        char other[24];
        (void)snprintf(other, sizeof other, "%lld", (long long)slot->row);
        (void)cim_fail(&what, CIM_E_EXISTS, "geom", other, "几何与第 %s 行相同（1 厘米以内）",
                       "the geometry is that of row %s, to a centimetre", other);
        topology->found(topology->arg, row, &what);
    }
    return CIM_OK;
}

/* ---- overlapping ---- */

static cim_status
keep_area(struct host_topology *topology, int64_t row, const uint8_t *wkb, size_t len,
          cim_error *err)
{
    GEOSGeometry *geometry = NULL;
    if (topology->n_areas == topology->capacity) {
        const size_t capacity = topology->capacity == 0 ? 256 : topology->capacity * 2;
        struct area *grown = realloc(topology->areas, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        topology->areas = grown;
        topology->capacity = capacity;
    }
    geometry = GEOSWKBReader_read_r(topology->geos, topology->reader, wkb, len);
    if (geometry == NULL || GEOSisValid_r(topology->geos, geometry) != 1) {
        GEOSGeom_destroy_r(topology->geos, geometry);
        return CIM_OK; /* told already, or taken as it is on demand */
    }
    topology->areas[topology->n_areas++] = (struct area){geometry, row};
    topology->bytes += len;
    return CIM_OK;
}

cim_status
host_topology_add(struct host_topology *topology, int64_t row, const uint8_t *wkb, size_t len,
                  bool is_area, cim_error *err)
{
    if (topology->full || topology->n >= HOST_TOPOLOGY_COMPARED_MAX ||
        topology->n_areas >= HOST_TOPOLOGY_AREAS_MAX ||
        topology->bytes + len > HOST_TOPOLOGY_BYTES_MAX) {
        tell_full(topology, row);
        return CIM_OK;
    }
    CIM_TRY(look_for_equal(topology, row, wkb, len, err));
    return is_area && topology->overlaps ? keep_area(topology, row, wkb, len, err) : CIM_OK;
}

static double
shared_m2(GEOSContextHandle_t geos, const GEOSGeometry *a, const GEOSGeometry *b)
{
    GEOSGeometry *shared = GEOSIntersection_r(geos, a, b);
    const double m2 = cim_rough_m2(geos, shared);
    GEOSGeom_destroy_r(geos, shared);
    return m2;
}

struct search {
    struct host_topology *topology;
    const struct area *area;
};

static void
compare(void *item, void *arg)
{
    const struct search *search = arg;
    const struct area *other = item;
    struct host_topology *topology = search->topology;
    cim_error what = {.code = CIM_OK};
    double m2 = 0;
    if (other->row >= search->area->row ||
        GEOSIntersects_r(topology->geos, search->area->geometry, other->geometry) != 1) {
        return;
    }
    m2 = shared_m2(topology->geos, search->area->geometry, other->geometry);
    if (m2 > CIM_TOPOLOGY_LEAST_M2) {
        char value[24];
        (void)snprintf(value, sizeof value, "%lld", (long long)other->row);
        (void)cim_fail(&what, CIM_E_INVALID, "geom", value, "与第 %s 行的面重叠，约 %.1f 平方米",
                       "overlaps the area of row %s by about %.1f square metres", value, m2);
        topology->found(topology->arg, search->area->row, &what);
    }
}

cim_status
host_topology_finish(struct host_topology *topology, cim_error *err)
{
    GEOSSTRtree *tree = NULL;
    if (topology->n_areas < 2) {
        return CIM_OK;
    }
    tree = GEOSSTRtree_create_r(topology->geos, NODE_CAPACITY);
    if (tree == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < topology->n_areas; i++) {
        GEOSSTRtree_insert_r(topology->geos, tree, topology->areas[i].geometry,
                             &topology->areas[i]);
    }
    for (size_t i = 0; i < topology->n_areas; i++) {
        struct search search = {topology, &topology->areas[i]};
        GEOSSTRtree_query_r(topology->geos, tree, topology->areas[i].geometry, compare, &search);
    }
    GEOSSTRtree_destroy_r(topology->geos, tree);
    return CIM_OK;
}

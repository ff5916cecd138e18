/* host/exchange/topology.h -- geometries of an import against the rules of areas and against each
 * other; inside of the exchange module. */
#ifndef HOST_TOPOLOGY_H
#define HOST_TOPOLOGY_H

#include "kit/topology.h"

enum {
    HOST_TOPOLOGY_AREAS_MAX = 50000,     /* compared for overlaps */
    HOST_TOPOLOGY_BYTES_MAX = 64 << 20,  /* of their WKB */
    HOST_TOPOLOGY_COMPARED_MAX = 2000000 /* rows compared for equal geometry */
};

/* Told of findings: `row` is the later one of two. */
typedef void (*host_topology_fn)(void *arg, int64_t row, const cim_error *what);

struct host_topology;
cim_status host_topology_new(bool overlaps, host_topology_fn found, void *arg,
                             struct host_topology **ret_topology, cim_error *err);
void host_topology_free(struct host_topology *topology); /* NULL-safe */
/* Takes a geometry in degrees. Tells at once of an earlier row whose geometry is the same to 1e-7
 * degrees (1 cm). Past a limit it tells so, once, and looks no further. */
cim_status host_topology_add(struct host_topology *topology, int64_t row, const uint8_t *wkb,
                             size_t len, bool is_area, cim_error *err);
/* Tells of each pair of areas that overlap by more than CIM_TOPOLOGY_LEAST_M2. */
cim_status host_topology_finish(struct host_topology *topology, cim_error *err);

#endif

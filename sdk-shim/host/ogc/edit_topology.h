/* host/ogc/edit_topology.h -- geometries of an edit against the rules of their layer: areas are
 * valid, and the definition's topology rules hold. */
#ifndef HOST_OGC_EDIT_TOPOLOGY_H
#define HOST_OGC_EDIT_TOPOLOGY_H

#include "host/exchange/exchange.h"
#include "host/exchange/topology.h"
#include "host/ogc/edit_read.h"

struct host_edit_topology;
/* *ret_topology NULL: nothing of the edit is judged. Reads other layers, and this one, as the
 * caller may, near what the document holds; all of them for a stream. The reader's definition,
 * operation, key and document are set. `found` is told of rules that warn. Before the edit's
 * transaction. */
cim_status host_edit_topology_open(const struct host_edit_reader *reader,
                                   struct host_layer_reading *reading, host_topology_fn found,
                                   void *arg, struct host_edit_topology **ret_topology,
                                   cim_error *err);
void host_edit_topology_free(struct host_edit_topology *topology); /* NULL-safe */
/* The `check` of a host_edit_reader, with the topology. */
cim_status host_edit_topology_check(void *topology, int64_t row, const uint8_t *wkb, size_t len,
                                    cim_error *err);

#endif

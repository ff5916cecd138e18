/* kit/definition_topology.h -- inside the kit: the member "topology" of a definition. */
#ifndef CIM_KIT_DEFINITION_TOPOLOGY_H
#define CIM_KIT_DEFINITION_TOPOLOGY_H

#include "kit/definition_read.h"

/* After the geometry was read. What was read is freed with the definition, also on failure. */
cim_status cim_read_topology(const struct cim_reader *reader, struct cim_definition *def);
void cim_topology_done(struct cim_definition *def);

#endif

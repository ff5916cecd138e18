/* kit/definition_placing.h -- inside the kit: the member "placing". */
#ifndef CIM_KIT_DEFINITION_PLACING_H
#define CIM_KIT_DEFINITION_PLACING_H

#include "kit/definition_read.h"

/* After the fields. */
cim_status cim_read_placing(const struct cim_reader *reader, struct cim_definition *def);

#endif

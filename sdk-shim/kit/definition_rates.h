/* kit/definition_rates.h -- inside the kit: the members "rates" and "rate_areas" of "tiles". */
#ifndef CIM_KIT_DEFINITION_RATES_H
#define CIM_KIT_DEFINITION_RATES_H

#include "kit/definition_read.h"

/* `tiles` is the member "tiles", whose count_by was read. What was read is freed with the
 * definition, also on failure. */
cim_status cim_read_rates(const struct cim_reader *tiles, struct cim_definition *def);
void cim_rates_done(struct cim_definition *def);

#endif

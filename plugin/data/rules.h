/* plugin/data/rules.h -- what the fields of one record say of each other: `after`, `required_if`.
 */
#ifndef LPG_DATA_RULES_H
#define LPG_DATA_RULES_H

#include "data/edit.h"

/* The record as it came, which must be whole: a new one, or a replacement. */
cim_status lpg_rules_check(const struct lpg_record *record, cim_error *err);
/* An update: what it leaves out counts as it is stored under `fid`. */
cim_status lpg_rules_check_update(const struct lpg_run *run, cim_tx *tx, int64_t fid,
                                  cim_error *err);

#endif

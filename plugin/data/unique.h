/* plugin/data/unique.h -- unique values of new rows, asked for without writing them: for a dry run.
 */
#ifndef LPG_DATA_UNIQUE_H
#define LPG_DATA_UNIQUE_H

#include "data/write.h"

enum { LPG_SEEN_MAX = 6000000 /* values of one dry run; 16 bytes each, at most 3/4 full */ };

/* Refuses rows of the gather whose unique values the store has, or a row before them.
 * CIM_E_TOO_LARGE past LPG_SEEN_MAX. [worker] */
cim_status lpg_unique_check(struct lpg_write *write, cim_error *err);
void lpg_seen_done(struct lpg_seen *seen);

#endif

/* plugin/analysis/placing.h -- points for records that come with an address alone. */
#ifndef LPG_ANALYSIS_PLACING_H
#define LPG_ANALYSIS_PLACING_H

#include "data/placing.h"

struct lpg_gazetteer;

/* Edits of `data` match addresses with the gazetteer from now on, as far as their caller may read
 * it. [lifecycle] */
void lpg_placing_serve(struct lpg_gazetteer *gazetteer, struct lpg_data *data);

#endif

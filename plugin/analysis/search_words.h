/* plugin/analysis/search_words.h -- lpg.search-words: what records are found by, made anew, for
 * when the rules of reading changed or a program of its own wrote to the tables. */
#ifndef LPG_ANALYSIS_SEARCH_WORDS_H
#define LPG_ANALYSIS_SEARCH_WORDS_H

#include "cim/jobs.h"
#include "data/data.h"

/* Inputs {"layer"?}; answers {"layers": [{"layer", "records", "changed"}]}, those that have words.
 * CIM_E_DENIED without the right to update all records of a layer. [worker] */
cim_status lpg_search_words_answer(struct lpg_data *data, const cim_call *call, cim_job *job,
                                   const char *inputs_json, cim_blob *ret_result, cim_error *err);

#endif

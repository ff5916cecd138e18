/* plugin/analysis/analysis.h -- the plugin's analyses: what they keep between runs. */
#ifndef LPG_ANALYSIS_ANALYSIS_H
#define LPG_ANALYSIS_ANALYSIS_H

#include "cim/jobs.h"
#include "cim/plugin.h"
#include "data/data.h"

struct lpg_analysis;
struct lpg_routing;
struct lpg_siting;

/* Reads the tables under `folder` (such as <plugin>/analysis). Keeps host and data. [lifecycle] */
cim_status lpg_analysis_new(const cim_host *host, struct lpg_data *data, const char *folder,
                            struct lpg_analysis **ret_analysis, cim_error *err);
void lpg_analysis_free(struct lpg_analysis *analysis); /* NULL-safe */

/* Registers them with analyses/1. [lifecycle] */
cim_status lpg_analysis_register(struct lpg_analysis *analysis, cim_error *err);

/* Where a station may stand (siting.h); borrowed. */
struct lpg_siting *lpg_analysis_siting(struct lpg_analysis *analysis);

/* Ways along the roads (routing.h); borrowed. */
struct lpg_routing *lpg_analysis_routing(struct lpg_analysis *analysis);

/* lpg.route-hazards: inputs and answer as route_hazards.process.json describes them. Elements, end
 * users and roads that the caller may not read never enter; CIM_E_DENIED when he may read no
 * elements. `job` is told how far it is; NULL: nobody. [worker] */
cim_status lpg_route_hazards_answer(struct lpg_analysis *analysis, const cim_call *call,
                                    cim_job *job, const char *inputs_json, cim_blob *ret_result,
                                    cim_error *err);

#endif

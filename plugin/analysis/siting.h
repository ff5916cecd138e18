/* plugin/analysis/siting.h -- the analyses that ask where a station may stand: what they keep
 * between runs. */
#ifndef LPG_ANALYSIS_SITING_H
#define LPG_ANALYSIS_SITING_H

#include "analysis/receptors.h"
#include "analysis/separation.h"
#include "analysis/separation_rules.h"
#include "analysis/sites.h"
#include "cim/jobs.h"

struct json_object;
struct lpg_routing;

/* Codes of the stations that are judged, as they lie in its cache. */
enum lpg_station_kind {
    LPG_STATION_KIND_STORAGE,
    LPG_STATION_KIND_FILLING,
    LPG_STATION_KIND_SUPPLY,
    LPG_STATION_KIND_ROOM
};

struct lpg_siting {
    const cim_host *host;
    struct lpg_routing *routing; /* borrowed; NULL: nothing goes along roads */
    struct lpg_separation_table *table;
    struct lpg_separation_rules_cache rules;
    struct lpg_receptor_caches receptors;
    struct lpg_sites_cache stations;
    struct lpg_sites_cache land_use;
    struct lpg_sites_cache control_lines; /* those that prohibit */
    struct lpg_sites_cache resources;     /* fire stations 0, hospitals 1 */
    struct lpg_sites_cache users;
};

/* Reads <folder>/separation.json. Keeps host and data. [lifecycle] */
cim_status lpg_siting_new(const cim_host *host, struct lpg_data *data, const char *folder,
                          struct lpg_siting **ret_siting, cim_error *err);
void lpg_siting_free(struct lpg_siting *siting); /* NULL-safe */

/* Rules and receptors of one run. */
struct lpg_siting_run {
    struct lpg_separation_rules *rules;
    struct lpg_receptor_views views;
    int32_t day;
    double *override_m; /* one a rule, NaN: the rule's own; NULL: none was given */
};

/* Reads `as_of` and `separations` of the inputs and opens what all these analyses look at.
 * CIM_E_DENIED without the rules or the buildings; CIM_E_STATE where either has no record. [worker]
 */
cim_status lpg_siting_open(struct lpg_siting *siting, const cim_call *call,
                           struct json_object *inputs, const double bbox_deg[4],
                           struct lpg_siting_run *ret_run, cim_error *err);
void lpg_siting_run_done(struct lpg_siting_run *run); /* also of {0} */
/* Do buildings or elements reach to the point? Elsewhere nobody looked. */
bool lpg_siting_surveyed(const struct lpg_receptor_views *views, const double lonlat_deg[2]);
/* CIM_E_INVALID where the point lies outside all that the receptor layers cover. */
cim_status lpg_siting_covers(const struct lpg_siting_run *run, const double lonlat_deg[2],
                             const char *input, cim_error *err);

/* `station`, `station_class`, `volume_m3`, `tank_m3`, `mass_t` of the inputs. */
cim_status lpg_siting_read_station(struct json_object *inputs,
                                   const struct lpg_separation_table *table,
                                   struct lpg_separation_station_in *ret_station, cim_error *err);
/* "station": what was judged, as a member of an open object. */
void lpg_siting_write_station(const struct lpg_separation_station_in *station, int32_t day,
                              struct cim_buf *out);

/* lpg.why-not and lpg.station-compliance: inputs and answers as their process.json describe them.
 * [worker] */
cim_status lpg_why_not_answer(struct lpg_siting *siting, const cim_call *call,
                              const char *inputs_json, cim_blob *ret_result, cim_error *err);
cim_status lpg_station_compliance_answer(struct lpg_siting *siting, const cim_call *call,
                                         cim_job *job, const char *inputs_json,
                                         cim_blob *ret_result, cim_error *err);

/* lpg.siting: the land where such a station may stand, as siting.process.json describes. */
cim_status lpg_siting_answer(struct lpg_siting *siting, const cim_call *call, cim_job *job,
                             const char *inputs_json, cim_blob *ret_result, cim_error *err);

/* lpg.consequence, as consequence.process.json describes. */
cim_status lpg_consequence_answer(struct lpg_siting *siting, const cim_call *call,
                                  const char *inputs_json, cim_blob *ret_result, cim_error *err);

enum { LPG_SITING_AREA_POSITIONS_MAX = 200000, LPG_SITING_WIDTH_MAX_M = 100000 };
enum { LPG_SITING_RESULT_MAX = 64 << 20 };

#endif

/* cim/analyses.h -- cim.analyses/1: questions that take computing. The host turns each into an OGC
 * API Process, checks inputs and access before the run, and runs it at once or as a job.
 *
 * Same inputs, same data (job->pos), same version: same bytes. So an analysis reads no clock and no
 * setting that changes its answer: what depends on a day takes it as an input.
 */
#ifndef CIM_ANALYSES_H
#define CIM_ANALYSES_H

#include "cim/jobs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_ANALYSES "cim.analyses/1"

/* Short enough to be answered within the request, where the client does not ask for a job; without
 * it every request becomes a job. Excludes CIM_JOB_ISOLATED; CIM_JOB_RETRY is implied. */
enum { CIM_ANALYSIS_SHORT = 16 };

/* `inputs` and `outputs` are JSON objects, name -> description, as in an OGC process description:
 *   {"distance_m": {"title": {"zh": "距离", "en": "Distance"}, "minOccurs": 0,
 *                   "schema": {"type": "number", "minimum": 1, "maximum": 5000, "default": 500}}}
 * `title` and `description` are {zh, en}; minOccurs 0 makes an input optional (1 otherwise);
 * maxOccurs above 1 makes it a list. Schemas are the subset of JSON Schema that kit/json_schema.h
 * names. A default is filled in before run(), which so sees every input that has one.
 *
 * run() gets the inputs as one JSON object, name -> value, checked and without other members, and
 * answers one JSON object, output -> value. An output whose schema has "format":
 * "geojson-feature-collection" (or geojson-feature, geojson-geometry) is sent as GeoJSON. The host
 * adds an output `run` by itself: process, version, inputs, pos.
 *
 * Whoever holds CIM_ACT_RUN on the analysis' id may run it; call->scope are those terms. What the
 * data show is asked of cim.access/1 layer by layer, as ever. */
typedef struct cim_analysis {
    uint32_t struct_size;
    uint32_t flags;      /* CIM_ANALYSIS_SHORT, CIM_JOB_ISOLATED */
    const char *id;      /* "lpg.route-hazards" */
    const char *version; /* of the method, "1.0.0": another one may answer the same differently */
    const char *title_zh;
    const char *title_en;
    const char *description_zh;
    const char *description_en;
    const char *inputs;
    const char *outputs;
    cim_job_run_fn run;
    void *self;
} cim_analysis;

typedef struct cim_analyses_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Copies *analysis and its texts. CIM_E_EXISTS: the id is taken; CIM_E_DENIED: it is not in the
     * manifest (resources.analyses); CIM_E_INVALID: inputs or outputs do not parse. [lifecycle] */
    cim_status (*add_analysis)(const cim_host *host, const cim_analysis *analysis, cim_error *err);
} cim_analyses_v1;

#ifdef __cplusplus
}
#endif
#endif

/* tests/fuzz/fuzz_analysis_route.c -- inputs of lpg.route-hazards: a refusal with words, or routes
 * whose chains hold their own ends. */
#include "fuzz.h"

#include "analysis/route_inputs.h"
#include "cim/util.h"
#include "geo/plane.h"

#include <stdlib.h>

static cim_status
no_route(void *arg, const char *id, double **ret_lonlat_deg, size_t *ret_n, cim_error *err)
{
    (void)arg;
    (void)ret_lonlat_deg;
    (void)ret_n;
    return cim_fail(err, CIM_E_NOTFOUND, "route", id, "没有", "none");
}

/* A few fixes, one of which jumps. */
static cim_status
some_track(void *arg, const char *vehicle, int64_t from_ms, int64_t to_ms,
           struct lpg_track *ret_track, cim_error *err)
{
    static const double lonlat[] = {110.1, 19.9, 110.11, 19.9, 0, 0, 110.12, 19.9, 110.13, 19.9};
    (void)arg;
    (void)vehicle;
    ret_track->lonlat_deg = malloc(sizeof lonlat);
    ret_track->at_ms = calloc(5, sizeof *ret_track->at_ms);
    if (ret_track->lonlat_deg == NULL || ret_track->at_ms == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(ret_track->lonlat_deg, lonlat, sizeof lonlat);
    for (size_t i = 0; i < 5; i++) {
        ret_track->at_ms[i] = from_ms + (to_ms - from_ms) / 5 * (int64_t)i;
    }
    ret_track->n = 5;
    return CIM_OK;
}

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_chain(const struct lpg_route *route)
{
    struct lpg_chain chain;
    cim_error err = {0};
    struct lpg_stretches stretches = {0};
    struct lpg_chain_near near;
    double first[2];
    bool failed = false;
    const cim_status status = lpg_chain_build(route->lonlat_deg, route->n, &chain, &err);
    if (status != CIM_OK) {
        must(err.zh[0] != '\0' && err.en[0] != '\0');
        return;
    }
    lpg_tm_forward(&chain.tm, route->lonlat_deg[0], route->lonlat_deg[1], first);
    must(chain.length_m > 0.0 && chain.length_m <= LPG_CHAIN_LENGTH_MAX_M);
    must(lpg_chain_within(&chain, first, 100.0, &near, &stretches, &failed) && !failed);
    must(near.distance_m < 1e-6 && stretches.n > 0 && stretches.stretches[0].from_m == 0.0);
    for (size_t i = 0; i < stretches.n; i++) {
        must(stretches.stretches[i].from_m <= stretches.stretches[i].to_m &&
             stretches.stretches[i].to_m <= chain.length_m + 1e-6);
    }
    free(stretches.stretches);
    lpg_chain_done(&chain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lpg_route_table *table; /* lives as long as the process */
    struct lpg_route_inputs inputs;
    const struct lpg_route_source source = {NULL, no_route, some_track};
    cim_error err = {0};
    char *text = calloc(1, size + 1);
    must(text != NULL && (table != NULL || lpg_route_table_read(ANALYSIS_DIR "/route_hazards.json",
                                                                &table, NULL) == CIM_OK));
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)data[i];
    }
    if (lpg_route_inputs_read(text, table, 0, &source, &inputs, &err) != CIM_OK) {
        must(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0');
    } else {
        for (size_t i = 0; i < inputs.n_routes; i++) {
            check_chain(&inputs.routes[i]);
        }
        lpg_route_inputs_done(&inputs);
    }
    free(text);
    return 0;
}

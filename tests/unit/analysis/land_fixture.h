/* tests/unit/analysis/land_fixture.h -- questions to lpg.siting about a rectangle of land. */
#ifndef ANALYSIS_LAND_FIXTURE_H
#define ANALYSIS_LAND_FIXTURE_H

#include "siting_fixture.h"

static inline cim_status
siting_answer(struct lpg_siting *siting, const cim_call *call, const char *inputs,
              cim_blob *ret_result, cim_error *err)
{
    return lpg_siting_answer(siting, call, NULL, inputs, ret_result, err);
}

/* A rectangle of metres from the site, and further members. */
static inline struct json_object *
land_of(struct fixture *fixture, double west_m, double south_m, double east_m, double north_m,
        const char *more)
{
    double ring[10];
    struct cim_buf inputs;
    struct json_object *answer;
    rectangle(west_m, south_m, east_m, north_m, ring);
    cim_buf_init(&inputs, 1 << 16);
    cim_buf_add_text(&inputs, "{\"as_of\":\"2026-11-27\",\"area\":{\"type\":\"Polygon\","
                              "\"coordinates\":[[");
    for (int i = 0; i < 5; i++) {
        cim_buf_addf(&inputs, "%s[%.12f,%.12f]", i > 0 ? "," : "", ring[2 * i], ring[2 * i + 1]);
    }
    cim_buf_add_text(&inputs, "]]}");
    cim_buf_add_text(&inputs, more);
    cim_buf_add_text(&inputs, "}");
    answer = ask(fixture, siting_answer, inputs.data);
    cim_buf_done(&inputs);
    return answer;
}

/* Points as a FeatureCollection; `weights` NULL: candidates named c0, c1, … */
static inline void
add_points(struct cim_buf *out, const char *member, const double (*at_m)[2], size_t n,
           const int *weights)
{
    cim_buf_addf(out, ",\"%s\":{\"type\":\"FeatureCollection\",\"features\":[", member);
    for (size_t i = 0; i < n; i++) {
        double at_deg[2];
        offset(at_m[i][0], at_m[i][1], at_deg);
        cim_buf_addf(out,
                     "%s{\"type\":\"Feature\",\"id\":\"c%zu\",\"geometry\":{\"type\":\"Point\","
                     "\"coordinates\":[%.9f,%.9f]},\"properties\":{\"weight\":%d}}",
                     i > 0 ? "," : "", i, at_deg[0], at_deg[1], weights != NULL ? weights[i] : 1);
    }
    cim_buf_add_text(out, "]}");
}

static inline bool
is_chosen(struct json_object *answer, const char *id)
{
    struct json_object *features = at(answer, "chosen.features");
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        if (strcmp(text_at(json_object_array_get_idx(features, i), "id"), id) == 0) {
            return true;
        }
    }
    return false;
}

#endif

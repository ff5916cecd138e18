/* tests/unit/analysis/features_fixture.h -- runs of the analyses over any layer. */
#ifndef ANALYSIS_FEATURES_FIXTURE_H
#define ANALYSIS_FEATURES_FIXTURE_H

#include "analysis/task.h"
#include "siting_fixture.h"

static inline cim_status
task_text(struct fixture *fixture, lpg_task_fn run_task, const cim_call *call, const char *inputs,
          char **ret_text, cim_error *err)
{
    cim_blob blob = {0};
    CIM_TRY(lpg_task_run(&fixture->fake->host, fixture->data, call, NULL, inputs, run_task, &blob,
                         err));
    *ret_text = strndup(blob.data, blob.len);
    blob.release(&blob);
    assert_non_null(*ret_text);
    return CIM_OK;
}

static inline struct json_object *
task(struct fixture *fixture, lpg_task_fn run_task, const char *inputs)
{
    CIM_AUTO_FREE char *text = NULL;
    cim_call call = fake_call(NULL);
    cim_error err = {0};
    struct json_object *parsed;
    fixture->fake->scope = fake_scope_all();
    assert_ok(task_text(fixture, run_task, &call, inputs, &text, &err), &err);
    parsed = json_tokener_parse(text);
    if (parsed == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return parsed;
}

/* It is refused, naming this input, in both languages. */
static inline void
assert_refused(struct fixture *fixture, lpg_task_fn run_task, const char *inputs, cim_status code,
               const char *param, const char *says)
{
    CIM_AUTO_FREE char *text = NULL;
    cim_call call = fake_call(NULL);
    cim_error err = {0};
    fixture->fake->scope = fake_scope_all();
    const cim_status status = task_text(fixture, run_task, &call, inputs, &text, &err);
    if (status != code || strcmp(err.param, param) != 0 || strstr(err.en, says) == NULL ||
        err.zh[0] == '\0') {
        fail_msg("%s: %d %s [%s=%s]", inputs, status, err.en, err.param, err.value);
    }
}

/* Rings of one position list each, as a FeatureCollection; `weights` NULL: none. */
static inline void
write_areas(struct cim_buf *out, double (*rings)[10], size_t n)
{
    cim_buf_add_text(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < n; i++) {
        cim_buf_addf(out,
                     "%s{\"type\":\"Feature\",\"properties\":{\"no\":%zu},\"geometry\":{\"type\":"
                     "\"Polygon\",\"coordinates\":[[",
                     i > 0 ? "," : "", i);
        for (int k = 0; k < 5; k++) {
            cim_buf_addf(out, "%s[%.9f,%.9f]", k > 0 ? "," : "", rings[i][2 * k],
                         rings[i][2 * k + 1]);
        }
        cim_buf_add_text(out, "]]}}");
    }
    cim_buf_add_text(out, "]}");
}

/* Is the position in this GeoJSON Polygon or MultiPolygon? */
static inline bool
in_rings(struct json_object *rings, const double p[2])
{
    bool in = false;
    for (size_t r = 0; r < json_object_array_length(rings); r++) {
        struct json_object *ring = json_object_array_get_idx(rings, r);
        const size_t n = json_object_array_length(ring);
        for (size_t i = 0, j = n - 1; i < n; j = i++) {
            struct json_object *a = json_object_array_get_idx(ring, i);
            struct json_object *b = json_object_array_get_idx(ring, j);
            const double ax = json_object_get_double(json_object_array_get_idx(a, 0));
            const double ay = json_object_get_double(json_object_array_get_idx(a, 1));
            const double bx = json_object_get_double(json_object_array_get_idx(b, 0));
            const double by = json_object_get_double(json_object_array_get_idx(b, 1));
            if ((ay > p[1]) != (by > p[1]) && p[0] < ax + (bx - ax) * (p[1] - ay) / (by - ay)) {
                in = !in;
            }
        }
    }
    return in;
}

static inline bool
in_geometry(struct json_object *geometry, const double p[2])
{
    struct json_object *coordinates = at(geometry, "coordinates");
    if (strcmp(text_at(geometry, "type"), "Polygon") == 0) {
        return in_rings(coordinates, p);
    }
    for (size_t i = 0; i < json_object_array_length(coordinates); i++) {
        if (in_rings(json_object_array_get_idx(coordinates, i), p)) {
            return true;
        }
    }
    return false;
}

#endif

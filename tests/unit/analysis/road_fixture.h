/* tests/unit/analysis/road_fixture.h -- roads drawn in metres from one place, and analyses along
 * them over the store of fixture.h. */
#ifndef ANALYSIS_ROAD_FIXTURE_H
#define ANALYSIS_ROAD_FIXTURE_H

#include "analysis/routing.h"
#include "siting_fixture.h"

#include <pthread.h>

struct street {
    int number;
    const char *road_class; /* NULL: county */
    const char *direction;
    const char *level;
    const char *speed;
    const char *no_dangerous;
    const char *area;  /* NULL: 460105 */
    double metres[16]; /* east, north of the site, pair by pair */
    size_t n;          /* pairs; 0: two */
};

static inline void
add_street(struct fixture *fixture, const struct street *street)
{
    static const char *const names[] = {
        "uid",      "name", "class", "direction", "level", "speed_km_h", "no_dangerous_goods",
        "area_code"};
    const size_t n = street->n > 0 ? street->n : 2;
    char uid[37];
    char name[16];
    double lonlat[16];
    const char *const texts[] = {uid,
                                 name,
                                 street->road_class != NULL ? street->road_class : "county",
                                 street->direction,
                                 street->level,
                                 street->speed,
                                 street->no_dangerous,
                                 street->area != NULL ? street->area : "460105"};
    uid_of(street->number, uid);
    (void)snprintf(name, sizeof name, "S%d", street->number);
    for (size_t i = 0; i < n; i++) {
        offset(street->metres[2 * i], street->metres[2 * i + 1], lonlat + 2 * i);
    }
    add_line(fixture, "lpg.roads", names, texts, 8, lonlat, n);
}

/* {"type":"Point",…} so many metres from the site. */
static inline const char *
point_json(double east_m, double north_m, char ret_text[96])
{
    double at[2];
    offset(east_m, north_m, at);
    (void)snprintf(ret_text, 96, "{\"type\":\"Point\",\"coordinates\":[%.10f,%.10f]}", at[0],
                   at[1]);
    return ret_text;
}

typedef cim_status (*road_answer_fn)(struct lpg_routing *routing, const cim_call *call,
                                     cim_job *job, const char *inputs, cim_blob *ret_result,
                                     cim_error *err);

static inline cim_status
run_road_text(struct fixture *fixture, road_answer_fn answer, const cim_scope *scope,
              const char *inputs, char **ret_text, cim_error *err)
{
    cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    fixture->fake->scope = scope;
    CIM_TRY(answer(lpg_analysis_routing(fixture->analysis), &call, NULL, inputs, &blob, err));
    *ret_text = strndup(blob.data, blob.len);
    blob.release(&blob);
    assert_non_null(*ret_text);
    return CIM_OK;
}

static inline struct json_object *
run_road(struct fixture *fixture, road_answer_fn answer, const char *inputs)
{
    CIM_AUTO_FREE char *text = NULL;
    cim_error err = {0};
    struct json_object *parsed;
    const cim_status status = run_road_text(fixture, answer, fake_scope_all(), inputs, &text, &err);
    if (status != CIM_OK) {
        fail_msg("%s [%s=%s] for %s", err.en, err.param, err.value, inputs);
    }
    parsed = json_tokener_parse(text);
    if (parsed == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return parsed;
}

static inline void
refuse_road(struct fixture *fixture, road_answer_fn answer, const cim_scope *scope,
            const char *inputs, cim_status expected, const char *param, const char *says)
{
    char *text = NULL;
    cim_error err = {0};
    assert_int_equal(run_road_text(fixture, answer, scope, inputs, &text, &err), expected);
    assert_string_equal(err.param, param);
    assert_contains(err.en, says);
    assert_true(err.zh[0] != '\0');
    free(text);
}

/* ---- the same bytes, whatever the store, the order of its rows and the workers ---- */

struct asking {
    struct fixture *fixture;
    road_answer_fn answer;
    const char *inputs;
    char *text;
};

static inline void *
ask_in_thread(void *arg)
{
    struct asking *asking = arg;
    const cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    if (asking->answer(lpg_analysis_routing(asking->fixture->analysis), &call, NULL, asking->inputs,
                       &blob, NULL) == CIM_OK) {
        asking->text = strndup(blob.data, blob.len);
        blob.release(&blob);
    }
    return NULL;
}

/* Draws with `draw` in this store, and backward in an embedded one; asks eight at once and one. */
static inline void
assert_same_bytes(struct fixture *fixture, void (*draw)(struct fixture *fixture, bool backward),
                  road_answer_fn answer, const char *inputs)
{
    enum { THREADS = 8 };
    const char *url = getenv("CIM_TEST_PG");
    CIM_AUTO_FREE char *kept = url != NULL ? strdup(url) : NULL;
    struct asking askings[THREADS + 1];
    pthread_t threads[THREADS];
    void *other = NULL;
    draw(fixture, false);
    fixture->fake->scope = fake_scope_all();
    for (int i = 0; i < THREADS; i++) {
        askings[i] = (struct asking){fixture, answer, inputs, NULL};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &askings[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)unsetenv("CIM_TEST_PG");
    assert_int_equal(fixture_setup(&other), 0);
    draw(other, true);
    askings[THREADS] = (struct asking){other, answer, inputs, NULL};
    (void)ask_in_thread(&askings[THREADS]);
    (void)fixture_teardown(&other);
    if (kept != NULL) {
        (void)setenv("CIM_TEST_PG", kept, 1);
    }
    assert_non_null(askings[THREADS].text);
    for (int i = 0; i < THREADS; i++) {
        assert_non_null(askings[i].text);
        assert_string_equal(askings[i].text, askings[THREADS].text);
        free(askings[i].text);
    }
    free(askings[THREADS].text);
}

#endif

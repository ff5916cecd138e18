/* Enabling, disabling and calling plugins, also all at once. */
#include "fixture.h"

#include <json-c/json.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static int
setup(void **state)
{
    *state = fixture_new(PROBE_BUNDLES, NULL);
    return 0;
}

static int
teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void
enable(struct fixture *fixture, const char *id)
{
    cim_error error = {0};
    assert_ok(host_plugins_enable(fixture->app.plugins, id, &error), &error);
    assert_int_equal(fixture_state(fixture, id), HOST_PLUGIN_ENABLED);
}

static void
disable(struct fixture *fixture, const char *id)
{
    cim_error error = {0};
    assert_ok(host_plugins_disable(fixture->app.plugins, id, &error), &error);
    assert_int_equal(fixture_state(fixture, id), HOST_PLUGIN_DISABLED);
}

/* Counts records of the probe's layer the way a handler does. */
static cim_status
count(struct fixture *fixture, const char *layer_id, int64_t *ret_count, cim_error *err)
{
    const struct host_layer *layer = NULL;
    const cim_query query = {.struct_size = sizeof query};
    cim_call call = {.struct_size = sizeof call, .principal = ""};
    cim_status status = CIM_OK;
    CIM_TRY(host_plugins_enter_layer(fixture->app.plugins, layer_id, &call, &layer, err));
    status = layer->layer.count(layer->layer.self, &call, &query, ret_count, err);
    host_plugins_leave(fixture->app.plugins, layer->plugin_id);
    return status;
}

static void
test_plugin_found_is_disabled_and_says_what_it_wants(void **state)
{
    struct fixture *fixture = *state;
    struct cim_http_req req;
    int64_t n = 0;
    cim_error error = {0};
    assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_DISABLED);
    assert_int_equal(atomic_load(&fixture->board.inits), 0);
    assert_ok(host_plugins_start_enabled(fixture->app.plugins, &error), &error);
    assert_int_equal(count(fixture, "probe.things", &n, &error), CIM_E_BUSY);
    assert_int_equal(count(fixture, "probe.none", &n, &error), CIM_E_NOTFOUND);
    assert_int_equal(fixture_run(fixture, "/apps/probe/api/hello", &req, &error), CIM_E_BUSY);
    assert_contains(error.en, "plugin probe is not enabled");
    assert_int_equal(host_plugins_enable(fixture->app.plugins, "none", &error), CIM_E_NOTFOUND);
}

static cim_status
note_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    char *out = arg;
    (void)err;
    assert_true(has_tiles);
    assert_contains(layer->definition->table, "_thing");
    (void)snprintf(out + strlen(out), 100, "%s ", layer->layer.id);
    return CIM_OK;
}

static void
note_registered(void *arg, const struct host_plugin_info *info)
{
    if (strcmp(info->id, "probe") == 0) {
        cim_copy_text(arg, 400,
                      info->registered != NULL
                          ? json_object_to_json_string_ext(
                                (struct json_object *)(uintptr_t)info->registered,
                                JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                          : "");
    }
}

static void
test_plugin_enabled_is_called_and_disabled_is_not(void **state)
{
    struct fixture *fixture = *state;
    const struct host_renderer *renderer = NULL;
    const struct host_layer *layer = NULL;
    cim_call call = {.struct_size = sizeof call};
    struct cim_http_req req;
    char text[400] = "";
    int64_t n = 0;
    cim_error error = {0};
    enable(fixture, "probe");
    assert_ok(count(fixture, "probe.things", &n, &error), &error);
    assert_int_equal(n, 7);
    assert_ok(fixture_run(fixture, "/apps/probe/api/hello", &req, &error), &error);
    assert_string_equal(req.answer, "hello");
    assert_ok(host_plugins_enter_renderer(fixture->app.plugins, "probe.things", &call, &renderer,
                                          &layer, &error),
              &error);
    assert_string_equal(renderer->renderer.id, "probe.tiles");
    assert_non_null(call.worker);
    host_plugins_leave(fixture->app.plugins, renderer->plugin_id);
    assert_ok(host_plugins_each_layer(fixture->app.plugins, note_layer, text, &error), &error);
    assert_string_equal(text, "probe.things ");
    host_plugins_each(fixture->app.plugins, note_registered, text);
    assert_string_equal(
        text,
        "{\"layers\":[\"probe.things\"],\"renderers\":[\"probe.tiles\"],"
        "\"analyses\":[],\"jobs\":[],\"routes\":[{\"method\":\"GET\",\"pattern\":\"/apps/probe/api/"
        "hello\"},{\"method\":\"GET\",\"pattern\":\"/apps/probe/api/"
        "stream\"}]}");
    disable(fixture, "probe");
    host_plugins_each(fixture->app.plugins, note_registered, text);
    assert_string_equal(text, "");
    assert_int_equal(count(fixture, "probe.things", &n, &error), CIM_E_BUSY);
    assert_int_equal(fixture_run(fixture, "/apps/probe/api/hello", &req, &error), CIM_E_BUSY);
    assert_int_equal(atomic_load(&fixture->board.stops), 1);
    assert_int_equal(atomic_load(&fixture->board.destroys), 1);
    assert_int_equal(atomic_load(&fixture->board.workers), 0);
    assert_int_equal(atomic_load(&fixture->board.wrong), 0);
}

static void
test_wish_outlives_a_restart(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    enable(fixture, "probe");
    fixture_reopen(fixture, PROBE_BUNDLES, NULL);
    assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_DISABLED);
    assert_ok(host_plugins_start_enabled(fixture->app.plugins, &error), &error);
    assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_ENABLED);
    assert_int_equal(fixture_state(fixture, "serial"), HOST_PLUGIN_DISABLED);
    disable(fixture, "probe");
    fixture_reopen(fixture, PROBE_BUNDLES, NULL);
    assert_ok(host_plugins_start_enabled(fixture->app.plugins, &error), &error);
    assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_DISABLED);
    assert_int_equal(atomic_load(&fixture->board.inits), 2);
    assert_int_equal(atomic_load(&fixture->board.destroys), 2);
}

static void
test_enable_twice_is_once(void **state)
{
    struct fixture *fixture = *state;
    enable(fixture, "probe");
    enable(fixture, "probe");
    assert_int_equal(atomic_load(&fixture->board.inits), 1);
    disable(fixture, "probe");
    disable(fixture, "probe");
    assert_int_equal(atomic_load(&fixture->board.stops), 1);
}

/* ---- in flight ---- */

struct crowd {
    struct fixture *fixture;
    const char *layer;
    const char *path;
    atomic_bool over;
    atomic_int good;
    atomic_int busy;
    atomic_int other;
};

static void *
crowd_thread(void *arg)
{
    struct crowd *crowd = arg;
    struct host_http_gate gate = host_plugins_http_gate(crowd->fixture->app.plugins);
    struct cim_http_req *req = calloc(1, sizeof *req);
    char text[200];
    gate.thread_begin(gate.self);
    for (unsigned i = 0; !atomic_load(&crowd->over); i++) {
        int64_t n = 0;
        cim_error error = {0};
        cim_status status = CIM_OK;
        if (i % 3 == 0) {
            status = fixture_run(crowd->fixture, crowd->path, req, &error);
        } else if (i % 3 == 1) {
            text[0] = '\0';
            status = host_plugins_each_layer(crowd->fixture->app.plugins, note_layer, text, &error);
        } else {
            status = count(crowd->fixture, crowd->layer, &n, &error);
        }
        (void)atomic_fetch_add(status == CIM_OK       ? &crowd->good
                               : status == CIM_E_BUSY ? &crowd->busy
                                                      : &crowd->other,
                               1);
        if (i % 50 == 49) { /* threads of a pool come and go */
            gate.thread_end(gate.self);
            gate.thread_begin(gate.self);
        }
    }
    gate.thread_end(gate.self);
    free(req);
    return NULL;
}

static void
run_crowd(struct crowd *crowd, const char *id)
{
    pthread_t threads[4];
    enable(crowd->fixture, id); /* so that its routes are there from the first call on */
    disable(crowd->fixture, id);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, crowd), 0);
    }
    for (int round = 0; round < 25; round++) {
        enable(crowd->fixture, id);
        (void)usleep(3000);
        disable(crowd->fixture, id);
    }
    atomic_store(&crowd->over, true);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd->fixture->board.wrong), 0);
    assert_int_equal(atomic_load(&crowd->fixture->board.workers), 0);
    assert_int_equal(atomic_load(&crowd->fixture->board.stops), 26);
    assert_int_equal(atomic_load(&crowd->fixture->board.destroys), 26);
    assert_int_equal(atomic_load(&crowd->other), 0);
    assert_true(atomic_load(&crowd->good) > 100);
    assert_true(atomic_load(&crowd->busy) > 100);
    assert_true(atomic_load(&crowd->fixture->board.worker_enters) >= 25);
}

static void
test_enable_disable_under_load_parallel(void **state)
{
    struct crowd crowd = {
        .fixture = *state, .layer = "probe.things", .path = "/apps/probe/api/hello"};
    run_crowd(&crowd, "probe");
}

static void
test_enable_disable_under_load_serialized(void **state)
{
    struct crowd crowd = {
        .fixture = *state, .layer = "serial.things", .path = "/apps/serial/api/hello"};
    run_crowd(&crowd, "serial");
    assert_int_equal(atomic_load(&crowd.fixture->board.most_inside), 1);
}

static void *
count_thread(void *arg)
{
    struct crowd *crowd = arg;
    int64_t n = 0;
    if (count(crowd->fixture, crowd->layer, &n, NULL) == CIM_OK && n == 7) {
        (void)atomic_fetch_add(&crowd->good, 1);
    }
    return NULL;
}

static void *
disable_thread(void *arg)
{
    struct crowd *crowd = arg;
    if (host_plugins_disable(crowd->fixture->app.plugins, "probe", NULL) == CIM_OK) {
        atomic_store(&crowd->over, true);
    }
    return NULL;
}

static void
test_disable_waits_for_calls_and_refuses_new_ones(void **state)
{
    struct crowd crowd = {.fixture = *state, .layer = "probe.things"};
    struct fixture *fixture = *state;
    pthread_t calls[3];
    pthread_t disabling;
    int64_t n = 0;
    cim_error error = {0};
    enable(fixture, "probe");
    fixture->app.plugins->grace_ms = 50;
    atomic_store(&fixture->board.hold, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&calls[i], NULL, count_thread, &crowd), 0);
    }
    while (atomic_load(&fixture->board.inside) < 3) { /* parallel: all three are inside at once */
        (void)sched_yield();
    }
    assert_int_equal(pthread_create(&disabling, NULL, disable_thread, &crowd), 0);
    (void)usleep(200000); /* well past the grace: calls are waited for, never cut off */
    assert_int_equal(count(fixture, "probe.things", &n, &error), CIM_E_BUSY);
    assert_false(atomic_load(&crowd.over));
    assert_int_equal(atomic_load(&fixture->board.stops), 0);
    atomic_store(&fixture->board.hold, 0);
    assert_int_equal(pthread_join(disabling, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(calls[i], NULL), 0);
    }
    assert_true(atomic_load(&crowd.over));
    assert_int_equal(atomic_load(&crowd.good), 3);
    assert_int_equal(atomic_load(&fixture->board.wrong), 0);
    assert_int_equal(atomic_load(&fixture->board.workers), 0);
}

static void
test_disable_cuts_endless_responses_after_the_grace(void **state)
{
    struct crowd crowd = {.fixture = *state};
    struct fixture *fixture = *state;
    struct cim_http_req req;
    pthread_t disabling;
    int32_t more = 0;
    cim_status status = CIM_OK;
    cim_error error = {0};
    enable(fixture, "probe");
    fixture->app.plugins->grace_ms = 300;
    assert_ok(fixture_run(fixture, "/apps/probe/api/stream", &req, &error), &error);
    assert_true(req.streaming);
    assert_ok(fake_http_produce(&req, &more, &error), &error);
    assert_int_equal(more, CIM_HTTP_MORE);
    assert_int_equal(pthread_create(&disabling, NULL, disable_thread, &crowd), 0);
    while (status == CIM_OK) { /* goes on for the grace */
        (void)usleep(10000);
        status = fake_http_produce(&req, &more, &error);
    }
    assert_int_equal(status, CIM_E_BUSY);
    assert_true(strlen(req.answer) > 5);
    assert_false(atomic_load(&crowd.over));
    assert_int_equal(atomic_load(&fixture->board.producers), 1);
    fake_http_done(&req);
    assert_int_equal(pthread_join(disabling, NULL), 0);
    assert_true(atomic_load(&crowd.over));
    assert_int_equal(atomic_load(&fixture->board.producers), 0);
    assert_int_equal(atomic_load(&fixture->board.wrong), 0);
}

static void
test_rows_of_a_serialized_plugin_are_wrapped(void **state)
{
    struct fixture *fixture = *state;
    const struct host_layer *layer = NULL;
    const cim_query query = {.struct_size = sizeof query};
    cim_call call = {.struct_size = sizeof call};
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    enable(fixture, "serial");
    assert_ok(
        host_plugins_enter_layer(fixture->app.plugins, "serial.things", &call, &layer, &error),
        &error);
    assert_ok(layer->layer.query(layer->layer.self, &call, &query, &rows, &error), &error);
    assert_int_equal(rows->n_columns, 1);
    assert_string_equal(rows->names[0], "name");
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 0);
    rows->release(rows);
    assert_null(layer->layer.write);
    host_plugins_leave(fixture->app.plugins, layer->plugin_id);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_plugin_found_is_disabled_and_says_what_it_wants),
        TEST(test_plugin_enabled_is_called_and_disabled_is_not),
        TEST(test_wish_outlives_a_restart),
        TEST(test_enable_twice_is_once),
        TEST(test_enable_disable_under_load_parallel),
        TEST(test_enable_disable_under_load_serialized),
        TEST(test_disable_waits_for_calls_and_refuses_new_ones),
        TEST(test_disable_cuts_endless_responses_after_the_grace),
        TEST(test_rows_of_a_serialized_plugin_are_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Plugins that misbehave in their registrations or their life: nothing of them stays. */
#include "fixture.h"

#include <stdlib.h>

static const struct {
    const char *mode;
    const char *says;
    int inits; /* of the plugin; each is destroyed */
} cases[] = {
    {"init-fails", "the disk is broken", 1},
    {"init-fails-silently", "init failed with status -13", 1},
    {"start-fails", "no licence", 1},
    {"late-registration", "only inside init", 1},
    {"unlisted-layer", "layer 'probe.others' is not listed in plugin.manifest", 1},
    {"missing-layer", "layer 'probe.things' is listed in plugin.manifest but was not registered",
     1},
    {"layer-twice", "layer 'probe.things' is taken", 1},
    {"bad-definition", "probe: probe.things", 1},
    {"short-layer", "cim_layer has struct_size 40, expected at least 64", 1},
    {"layer-without-query", "lacks id, definition, count, extent or query", 1},
    {"renderer-of-nothing", "renderer layer 'probe.none' is no layer", 1},
    {"unlisted-route", "route '/other' is not listed in plugin.manifest", 1},
    {"missing-route", "route '/stream' is listed in plugin.manifest but was not registered", 1},
    {"route-twice", "route '/hello' is taken", 1},
    {"unlisted-permission", "permission 'probe.secret' is not listed in plugin.manifest", 1},
};

static void
test_plugin_refused_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *fixture = fixture_new(PROBE_BUNDLES, cases[i].mode);
        const struct host_layer *layer = NULL;
        cim_call call = {.struct_size = sizeof call};
        char reason[1024];
        cim_error error = {0};
        assert_int_not_equal(host_plugins_enable(fixture->app.plugins, "probe", &error), CIM_OK);
        assert_contains(error.en, cases[i].says);
        assert_true(error.zh[0] != '\0');
        assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_FAILED);
        assert_contains(fixture_reason(fixture, "probe", reason), cases[i].says);
        assert_int_equal(atomic_load(&fixture->board.inits), cases[i].inits);
        assert_int_equal(atomic_load(&fixture->board.destroys), cases[i].inits);
        assert_int_equal(atomic_load(&fixture->board.stops), 0);
        assert_int_equal(atomic_load(&fixture->board.wrong), 0);
        assert_int_equal(fixture->app.plugins->plugins[0]->registry.n_layers, 0);
        assert_int_equal(fixture->app.plugins->plugins[0]->registry.n_renderers, 0);
        assert_int_equal(fixture->app.plugins->plugins[0]->registry.n_routes, 0);
        assert_int_equal(
            host_plugins_enter_layer(fixture->app.plugins, "probe.things", &call, &layer, &error),
            CIM_E_BUSY);
        /* the platform lives on, also for the next plugin and for this one once it behaves */
        assert_ok(host_plugins_enable(fixture->app.plugins, "serial", &error), &error);
        fixture_reopen(fixture, PROBE_BUNDLES, NULL);
        assert_ok(host_plugins_start_enabled(fixture->app.plugins, &error), &error);
        assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_DISABLED);
        assert_int_equal(fixture_state(fixture, "serial"), HOST_PLUGIN_ENABLED);
        assert_ok(host_plugins_enable(fixture->app.plugins, "probe", &error), &error);
        fixture_free(fixture);
    }
}

static void
test_worker_enter_failing_refuses_the_call(void **state)
{
    struct fixture *fixture = fixture_new(PROBE_BUNDLES, "worker-fails");
    const struct host_layer *layer = NULL;
    cim_call call = {.struct_size = sizeof call};
    struct cim_http_req req;
    cim_error error = {0};
    (void)state;
    assert_ok(host_plugins_enable(fixture->app.plugins, "probe", &error), &error);
    assert_int_equal(
        host_plugins_enter_layer(fixture->app.plugins, "probe.things", &call, &layer, &error),
        CIM_E_NOMEM);
    assert_string_equal(error.en, "no context");
    assert_int_equal(fixture_run(fixture, "/apps/probe/api/hello", &req, &error), CIM_E_NOMEM);
    assert_ok(host_plugins_disable(fixture->app.plugins, "probe", &error),
              &error); /* none counts */
    fixture_free(fixture);
}

/* ---- folders ---- */

static const char other_manifest[] =
    "{\"id\":\"probe\",\"version\":\"1.0.0\",\"name\":{\"zh\":\"a\",\"en\":\"a\"},\"sdk\":"
    "{\"major\":1,\"min_minor\":0},\"library\":\"gone.so\",\"services\":[]}";

static void
test_broken_folders_are_listed_as_failed(void **state)
{
    struct fixture *fixture = fixture_new("no-such-folder", NULL);
    char dirs[400];
    char reason[1024];
    cim_error error = {0};
    (void)state;
    fixture_file(fixture, "plugins", "readme.txt", "no plugin\n");
    (void)snprintf(dirs, sizeof dirs, "%s/plugins", fixture->dir);
    fixture_file(fixture, "plugins/broken", "plugin.manifest", "{\"id\": \"broken\"\n");
    fixture_file(fixture, "plugins/second", "plugin.manifest", other_manifest);
    (void)snprintf(dirs, sizeof dirs, "%s:%s/plugins", PROBE_BUNDLES, fixture->dir);
    fixture_reopen(fixture, dirs, NULL);
    assert_int_equal(fixture->app.plugins->n_plugins, 4);
    assert_int_equal(fixture_state(fixture, "broken"), HOST_PLUGIN_FAILED);
    assert_contains(fixture_reason(fixture, "broken", reason), "plugins/broken/plugin.manifest");
    assert_int_equal(fixture_state(fixture, "second"), HOST_PLUGIN_FAILED);
    assert_contains(fixture_reason(fixture, "second", reason), "id probe is taken by");
    assert_int_equal(fixture_state(fixture, "probe"), HOST_PLUGIN_DISABLED);
    assert_int_not_equal(host_plugins_enable(fixture->app.plugins, "broken", &error), CIM_OK);
    assert_int_equal(fixture_state(fixture, "broken"), HOST_PLUGIN_FAILED);
    fixture_free(fixture);
}

static void
test_library_missing_and_checksum_wrong(void **state)
{
    struct fixture *fixture = fixture_new("no-such-folder", NULL);
    char dirs[400];
    char manifest[1024];
    cim_error error = {0};
    (void)state;
    (void)snprintf(dirs, sizeof dirs, "%s/lone", fixture->dir);
    fixture_file(fixture, "lone", "plugin.manifest", other_manifest);
    fixture_file(fixture, "lone", "a.sql", "abc");
    fixture_reopen(fixture, dirs, NULL); /* the folder itself is the plugin's */
    assert_int_not_equal(host_plugins_enable(fixture->app.plugins, "probe", &error), CIM_OK);
    assert_contains(error.en, "gone.so");
    (void)snprintf(manifest, sizeof manifest,
                   "%.*s,\"checksums\":{\"a.sql\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9"
                   "cb410ff61f20015a%s\"}}",
                   (int)strlen(other_manifest) - 1, other_manifest, "d");
    fixture_file(fixture, "lone", "plugin.manifest", manifest);
    assert_int_not_equal(host_plugins_enable(fixture->app.plugins, "probe", &error), CIM_OK);
    assert_contains(error.en, "gone.so"); /* the sum is right: it came as far as the library */
    fixture_file(fixture, "lone", "a.sql", "abd");
    assert_int_not_equal(host_plugins_enable(fixture->app.plugins, "probe", &error), CIM_OK);
    assert_contains(error.en, "a.sql: has SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b"
                              "65cbe86298449c9, expected ba7816bf");
    fixture_free(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin_refused_leaves_nothing_behind),
        cmocka_unit_test(test_worker_enter_failing_refuses_the_call),
        cmocka_unit_test(test_broken_folders_are_listed_as_failed),
        cmocka_unit_test(test_library_missing_and_checksum_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

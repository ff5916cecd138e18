/* tests/abi/test_broken.c -- plugins with one defect each go through the real loader: refused with
 * a message that names what, what was found and what was expected, and nothing of them stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/plugins/plugins.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct host_app app;
    const char *const *rest;
};

static void
open_world(struct world *world, const char *const *names)
{
    static char dirs[8192];
    const char *const args[] = {"--plugins.dirs", dirs, NULL};
    cim_error err = {0};
    dirs[0] = '\0';
    for (size_t i = 0; names[i] != NULL; i++) {
        (void)snprintf(dirs + strlen(dirs), sizeof dirs - strlen(dirs), "%s%s/%s", i > 0 ? ":" : "",
                       FIXTURE_DIR, names[i]);
    }
    *world = (struct world){0};
    host_log_setup(CIM_LOG_ERROR + 1, HOST_LOG_TEXT); /* the refusals are what we look for */
    assert_int_equal(host_config_load(args, &world->app.config, &world->rest, &err), CIM_OK);
    world->app.clock = host_clock_new(-1);
    if (host_plugins_open(&world->app, &world->app.plugins, &err) != CIM_OK) {
        fail_msg("open: %s", err.en);
    }
}

static void
close_world(struct world *world)
{
    host_plugins_free(world->app.plugins);
    host_clock_free(world->app.clock);
    host_config_free(world->app.config);
}

struct seen {
    const char *id;
    enum host_plugin_state state;
    char reason[512];
    bool registered;
    int n;
};

static void
see(void *arg, const struct host_plugin_info *info)
{
    struct seen *seen = arg;
    seen->n++;
    if (strcmp(info->id, seen->id) == 0) {
        seen->state = info->state;
        seen->registered = info->registered != NULL;
        (void)snprintf(seen->reason, sizeof seen->reason, "%s",
                       info->reason != NULL ? info->reason : "");
    }
}

static cim_status
count_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    (void)layer;
    (void)has_tiles;
    (void)err;
    ++*(int *)arg;
    return CIM_OK;
}

static int
count_layers(struct world *world)
{
    int n = 0;
    cim_error err = {0};
    assert_int_equal(host_plugins_each_layer(world->app.plugins, count_layer, &n, &err), CIM_OK);
    return n;
}

struct broken {
    const char *name; /* of the fixture, and its id */
    cim_status status;
    const char *says[3]; /* what, found, expected */
};

static const struct broken BROKEN[] = {
    {"no-symbol", CIM_E_INVALID, {"broken.so", "cim_plugin_entry_v1", "none"}},
    {"null-desc", CIM_E_INVALID, {"cim_plugin_entry_v1()", "'NULL'", "expected a descriptor"}},
    {"wrong-major", CIM_E_INVALID, {"abi_major", "'2'", "expected 1"}},
    {"newer-host", CIM_E_INVALID, {"min_host_minor", "'7'", "at most 0"}},
    {"short-desc", CIM_E_INVALID, {"struct_size", "'88'", "at least 96"}},
    {"absurd-desc", CIM_E_INVALID, {"struct_size", "'4097'", "at most 4096"}},
    {"missing-service", CIM_E_INVALID, {"required_services", "'cim.teleport/1'", "service"}},
    {"other-id", CIM_E_INVALID, {"id", "'somebody-else'", "expected other-id"}},
    {"other-version", CIM_E_INVALID, {"version", "'9.9.9'", "expected 1.0.0"}},
    {"no-init", CIM_E_INVALID, {"init", "'NULL'", "a function"}},
    {"init-fails", CIM_E_IO, {"model file", "missing", ""}},
    {"init-fails-silently", CIM_E_IO, {"init-fails-silently", "init", "-13"}},
    {"unlisted-layer", CIM_E_DENIED, {"layer", "'unlisted-layer.secret'", "plugin.manifest"}},
    {"unlisted-route", CIM_E_DENIED, {"route", "/secret'", "plugin.manifest"}},
    {"duplicate-layer", CIM_E_EXISTS, {"layer", "'duplicate-layer.things'", "taken"}},
    {"duplicate-route", CIM_E_EXISTS, {"route", "/things'", "taken"}},
    {"no-library", CIM_E_INVALID, {"broken.so", "cannot be loaded", "No such file"}},
};

static void
test_each_defect_is_refused_by_name_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        const struct broken *broken = &BROKEN[i];
        const char *const names[] = {broken->name, NULL};
        struct seen seen = {.id = broken->name};
        struct world world;
        cim_error err = {0};
        open_world(&world, names);
        const cim_status status = host_plugins_enable(world.app.plugins, broken->name, &err);
        if (status != broken->status) {
            fail_msg("%s: status %d, %s", broken->name, (int)status, err.en);
        }
        for (size_t k = 0; k < 3; k++) {
            if (strstr(err.en, broken->says[k]) == NULL) {
                fail_msg("%s: '%s' does not say '%s'", broken->name, err.en, broken->says[k]);
            }
        }
        assert_true(err.zh[0] != '\0');
        assert_int_equal(count_layers(&world), 0);
        host_plugins_each(world.app.plugins, see, &seen);
        assert_int_equal(seen.state, HOST_PLUGIN_FAILED);
        assert_false(seen.registered);
        assert_true(seen.reason[0] != '\0');
        close_world(&world);
    }
}

/* A plugin of a newer SDK that asks no more of its host than ours gives: what it has beyond our
 * descriptor is not looked at. */
static void
test_oversized_descriptor_is_cut_and_runs(void **state)
{
    static const char *const names[] = {"oversized-desc", NULL};
    struct world world;
    cim_error err = {0};
    (void)state;
    open_world(&world, names);
    assert_int_equal(host_plugins_enable(world.app.plugins, "oversized-desc", &err), CIM_OK);
    assert_int_equal(count_layers(&world), 1);
    close_world(&world);
}

static void
test_good_plugin_comes_and_goes(void **state)
{
    static const char *const names[] = {"good", NULL};
    struct world world;
    cim_error err = {0};
    (void)state;
    open_world(&world, names);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_plugins_enable(world.app.plugins, "good", &err), CIM_OK);
        assert_int_equal(count_layers(&world), 1);
        assert_int_equal(host_plugins_disable(world.app.plugins, "good", &err), CIM_OK);
        assert_int_equal(count_layers(&world), 0);
    }
    close_world(&world);
}

/* One bad plugin takes nothing from a good one. */
static void
test_failure_of_one_leaves_the_other(void **state)
{
    static const char *const names[] = {"good", "init-fails", NULL};
    struct world world;
    cim_error err = {0};
    (void)state;
    open_world(&world, names);
    assert_int_equal(host_plugins_enable(world.app.plugins, "good", &err), CIM_OK);
    assert_int_equal(host_plugins_enable(world.app.plugins, "init-fails", &err), CIM_E_IO);
    assert_int_equal(count_layers(&world), 1);
    close_world(&world);
}

static void
test_second_folder_with_the_same_id_is_refused(void **state)
{
    static const char *const names[] = {"good", "good-twin", NULL};
    struct seen seen = {.id = "good"};
    struct world world;
    (void)state;
    open_world(&world, names);
    host_plugins_each(world.app.plugins, see, &seen);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.state, HOST_PLUGIN_DISABLED);
    /* The twin stands in the list under a name of its own, with the reason. */
    struct seen twin = {.id = "good-twin~1"};
    host_plugins_each(world.app.plugins, see, &twin);
    if (twin.state != HOST_PLUGIN_FAILED) {
        twin = (struct seen){.id = "good-twin"};
        host_plugins_each(world.app.plugins, see, &twin);
    }
    assert_int_equal(twin.state, HOST_PLUGIN_FAILED);
    assert_non_null(strstr(twin.reason, "good"));
    close_world(&world);
}

struct bad_manifest {
    const char *name;
    const char *says[2];
};

static void
test_broken_manifests_fail_their_plugin_with_the_place(void **state)
{
    static const struct bad_manifest bad[] = {
        {"missing-comma", {"plugin.manifest", "4"}},
        {"foreign-layer", {"good.things", ""}},
        {"other-sdk", {"major", "2"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const names[] = {"good", bad[i].name, NULL};
        struct seen seen = {.id = bad[i].name};
        struct world world;
        cim_error err = {0};
        open_world(&world, names);
        host_plugins_each(world.app.plugins, see, &seen);
        assert_int_equal(seen.n, 2);
        if (seen.state != HOST_PLUGIN_FAILED) {
            fail_msg("%s is not refused", bad[i].name);
        }
        for (size_t k = 0; k < 2; k++) {
            if (strstr(seen.reason, bad[i].says[k]) == NULL) {
                fail_msg("%s: '%s' does not say '%s'", bad[i].name, seen.reason, bad[i].says[k]);
            }
        }
        assert_int_equal(host_plugins_enable(world.app.plugins, "good", &err), CIM_OK);
        close_world(&world);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_defect_is_refused_by_name_and_leaves_nothing),
        cmocka_unit_test(test_oversized_descriptor_is_cut_and_runs),
        cmocka_unit_test(test_good_plugin_comes_and_goes),
        cmocka_unit_test(test_failure_of_one_leaves_the_other),
        cmocka_unit_test(test_second_folder_with_the_same_id_is_refused),
        cmocka_unit_test(test_broken_manifests_fail_their_plugin_with_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

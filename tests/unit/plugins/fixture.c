#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct host_store *
open_store(struct fixture *fixture, enum host_store_kind kind, const char *name, const char *dir)
{
    char path[128];
    const struct host_store_options options = {.kind = kind,
                                               .path = path,
                                               .clock = fixture->app.clock,
                                               .max_readers = 8,
                                               .read_timeout_ms = 20000};
    struct host_store *store = NULL;
    struct host_migration_report report;
    cim_error error = {0};
    (void)snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    assert_ok(host_store_open(&options, &store, &error), &error);
    assert_ok(host_store_migrate(store, "host", dir, NULL, NULL, &report, &error), &error);
    return store;
}

static void
open_plugins(struct fixture *fixture, const char *dirs, const char *mode)
{
    char text[6][400];
    const char *args[7] = {NULL};
    const char *const *rest = NULL;
    size_t n = 0;
    cim_error error = {0};
    (void)snprintf(text[n], sizeof text[n], "--plugins.dirs=%s", dirs);
    n++;
    (void)snprintf(text[n], sizeof text[n], "--var=%s", fixture->dir);
    n++;
    if (strstr(dirs, PROBE_BUNDLES) != NULL) {
        (void)snprintf(text[n], sizeof text[n], "--probe.board=%p", (void *)&fixture->board);
        n++;
        (void)snprintf(text[n], sizeof text[n], "--serial.board=%p", (void *)&fixture->board);
        n++;
        (void)snprintf(text[n], sizeof text[n], "--probe.mode=%s", mode != NULL ? mode : "good");
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        args[i] = text[i];
    }
    assert_ok(host_config_load(args, &fixture->app.config, &rest, &error), &error);
    assert_ok(host_plugins_open(&fixture->app, &fixture->app.plugins, &error), &error);
}

struct fixture *
fixture_new(const char *dirs, const char *mode)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct host_identity_options options = {.session_idle_ms = 1800000,
                                            .session_absolute_ms = 43200000,
                                            .token_ms = 28800000,
                                            .lock_after = 5,
                                            .lock_ms = 900000};
    cim_error error = {0};
    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/cim-plugins-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    fixture->app.clock = host_clock_new(FIXTURE_NOW_MS);
    fixture->app.platform =
        open_store(fixture, HOST_STORE_PLATFORM, "platform.db", CIM_HOST_MIGRATIONS "/platform");
    fixture->app.store =
        open_store(fixture, HOST_STORE_DATA, "cim.gpkg", CIM_HOST_MIGRATIONS "/store");
    assert_ok(host_areas_open(fixture->app.store, &fixture->app.areas, &error), &error);
    options.platform = fixture->app.platform;
    options.areas = fixture->app.areas;
    options.clock = fixture->app.clock;
    assert_ok(host_identity_open(&options, &fixture->app.identity, &error), &error);
    fixture->app.http = fake_http_new();
    assert_non_null(fixture->app.http);
    open_plugins(fixture, dirs, mode);
    return fixture;
}

static void
close_plugins(struct fixture *fixture)
{
    host_plugins_free(fixture->app.plugins);
    fixture->app.plugins = NULL;
    fake_http_free(fixture->app.http);
    host_config_free(fixture->app.config);
}

void
fixture_reopen(struct fixture *fixture, const char *dirs, const char *mode)
{
    close_plugins(fixture);
    fixture->app.http = fake_http_new();
    assert_non_null(fixture->app.http);
    open_plugins(fixture, dirs, mode);
}

static void
remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char inner[600];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) {
            remove_dir(inner);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void
fixture_free(struct fixture *fixture)
{
    close_plugins(fixture);
    host_identity_free(fixture->app.identity);
    host_areas_free(fixture->app.areas);
    host_store_close(fixture->app.store);
    host_store_close(fixture->app.platform);
    host_clock_free(fixture->app.clock);
    remove_dir(fixture->dir);
    free(fixture);
}

struct look {
    const char *id;
    bool found;
    enum host_plugin_state state;
    char *reason;
};

static void
look_at(void *arg, const struct host_plugin_info *info)
{
    struct look *look = arg;
    if (strcmp(info->id, look->id) == 0) {
        look->found = true;
        look->state = info->state;
        cim_copy_text(look->reason, 1024, info->reason);
    }
}

enum host_plugin_state
fixture_state(struct fixture *fixture, const char *id)
{
    char reason[1024];
    struct look look = {.id = id, .reason = reason};
    host_plugins_each(fixture->app.plugins, look_at, &look);
    assert_true(look.found);
    return look.state;
}

const char *
fixture_reason(struct fixture *fixture, const char *id, char out[1024])
{
    struct look look = {.id = id, .reason = out};
    host_plugins_each(fixture->app.plugins, look_at, &look);
    assert_true(look.found);
    return out;
}

cim_status
fixture_run(struct fixture *fixture, const char *path, struct cim_http_req *req, cim_error *err)
{
    const struct host_http_gate gate = host_plugins_http_gate(fixture->app.plugins);
    memset(req, 0, sizeof *req);
    req->method = "GET";
    req->path = path;
    return fake_http_run(fixture->app.http, NULL, &gate, req, FIXTURE_NOW_MS, err);
}

void
fixture_file(const struct fixture *fixture, const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", fixture->dir, folder);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/%s/%s", fixture->dir, folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

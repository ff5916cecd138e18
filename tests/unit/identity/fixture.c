#include "fixture.h"

#include "host/crypt/crypt.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "pg_database.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

const char fixture_roles[] =
    "[{\"id\":\"regulator\",\"title\":{\"zh\":\"监管\",\"en\":\"Regulator\"},\"grants\":"
    "[{\"resource\":\"lpg.*\",\"actions\":[\"read\",\"export\"],\"sensitive\":\"masked\"}],"
    "\"functions\":[\"lpg.menu.map\",\"lpg.export\"]},"
    "{\"id\":\"enterprise\",\"title\":{\"zh\":\"企业\",\"en\":\"Enterprise\"},\"grants\":"
    "[{\"resource\":\"lpg.stations\",\"actions\":[\"read\"],\"sensitive\":\"clear\","
    "\"own_org\":true},"
    "{\"resource\":\"lpg.roads\",\"actions\":[\"read\"],\"all_areas\":true,"
    "\"fields\":{\"name\":\"absent\"}}],\"functions\":[\"lpg.menu.map\"]}]";

static const char areas_csv[] = "code,name,level,parent,aliases\n"
                                "46,海南省,province,,460000\n"
                                "4601,海口市,city,46,\n"
                                "460105,秀英区,county,4601,\n"
                                "460106,龙华区,county,4601,\n"
                                "4602,三亚市,city,46,\n"
                                "460202,海棠区,county,4602,\n";

static void
fixture_path(const struct fixture *fixture, const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", fixture->dir, name);
}

void
fixture_file(const struct fixture *fixture, const char *name, const char *text, char out[128])
{
    FILE *file = NULL;
    fixture_path(fixture, name, out);
    file = fopen(out, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct host_store *
open_store(struct fixture *fixture, enum host_store_kind kind, const char *name, const char *dir)
{
    char path[128];
    struct host_store_options options = {.kind = kind,
                                         .path = path,
                                         .url = kind == HOST_STORE_DATA ? fixture->url : NULL,
                                         .clock = fixture->clock,
                                         .max_readers = 4,
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
open_all(struct fixture *fixture)
{
    struct host_identity_options options = {.clock = fixture->clock,
                                            .session_idle_ms = 30 * 60000,
                                            .session_absolute_ms = 12 * 3600000,
                                            .token_ms = 8 * 3600000,
                                            .lock_after = 5,
                                            .lock_ms = 15 * 60000};
    char path[128];
    cim_error error = {0};
    fixture->platform =
        open_store(fixture, HOST_STORE_PLATFORM, "platform.db", CIM_HOST_MIGRATIONS "/platform");
    fixture->data = open_store(fixture, HOST_STORE_DATA, "cim.gpkg", CIM_HOST_MIGRATIONS "/store");
    assert_ok(host_areas_open(fixture->data, &fixture->areas, &error), &error);
    fixture_path(fixture, "data.keys", path);
    assert_ok(
        host_crypt_open(&(struct host_crypt_keys){.file = path}, true, &fixture->crypt, &error),
        &error);
    options.platform = fixture->platform;
    options.areas = fixture->areas;
    options.crypt = fixture->crypt;
    options.second_factor = fixture->more.second_factor;
    options.first_change = fixture->more.first_change;
    options.password_history = fixture->more.password_history;
    options.password_max_age_ms = fixture->more.password_max_age_ms;
    assert_ok(host_identity_open(&options, &fixture->identity, &error), &error);
    assert_ok(host_identity_set_roles(fixture->identity, "lpg", fixture_roles, &error), &error);
}

static void
close_all(struct fixture *fixture)
{
    host_identity_free(fixture->identity);
    host_crypt_close(fixture->crypt);
    host_areas_free(fixture->areas);
    host_store_close(fixture->data);
    host_store_close(fixture->platform);
}

void
fixture_restart(struct fixture *fixture)
{
    close_all(fixture);
    open_all(fixture);
}

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char path[128];
    int64_t count = 0;
    cim_error error = {0};
    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/cim-identity-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    fixture->clock = host_clock_new(FIXTURE_NOW_MS);
    assert_non_null(fixture->clock);
    if (pg_is_there()) {
        pg_make_database(fixture->url, sizeof fixture->url);
    }
    open_all(fixture);
    fixture_file(fixture, "areas.csv", areas_csv, path);
    assert_ok(host_areas_import(fixture->areas, path, &count, &error), &error);
    assert_int_equal(count, 6);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    DIR *dir = NULL;
    const struct dirent *entry = NULL;
    close_all(fixture);
    if (fixture->url[0] != '\0') {
        pg_drop_database(fixture->url);
    }
    host_clock_free(fixture->clock);
    dir = opendir(fixture->dir);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", fixture->dir, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(dir);
    (void)rmdir(fixture->dir);
    free(fixture);
    return 0;
}

void
fixture_put(struct fixture *fixture, const char *username, const char *roles, const char *areas,
            const char *org, int64_t until_ms)
{
    const struct host_account_input input = {.username = username,
                                             .display_name = "测试",
                                             .password = FIXTURE_PASSWORD,
                                             .roles = roles,
                                             .areas = areas,
                                             .org = org,
                                             .until_ms = until_ms};
    cim_error error = {0};
    assert_ok(host_identity_put_account(fixture->identity, &input, &error), &error);
}

int64_t
fixture_int(struct fixture *fixture, const char *sql)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    assert_ok(host_store_read(fixture->platform, sql, NULL, 0, &rows, &error), &error);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 1);
    return cim_column_i64(batch->columns[0], 0);
}

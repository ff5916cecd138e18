#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char thing_sql[] = "-- Things for tests.\n"
                                "create table thing (\n"
                                "  {record},\n"
                                "  {geom Point},\n"
                                "  name {text},\n"
                                "  code {text},\n"
                                "  size {real},\n"
                                "  pieces {int},\n"
                                "  made_up {bool},\n"
                                "  built_on {date},\n"
                                "  seen_at {time}\n"
                                ");\n"
                                "{layer thing Point};\n"
                                "create unique index thing_code on thing (code);\n"
                                "create table way ({record}, {geom LineString});\n"
                                "{layer way LineString};\n"
                                "create table note ({record}, body {text});\n"
                                "{layer note None};\n";

void
fixture_write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

struct host_store_options
fixture_options(const struct fixture *fixture)
{
    return (struct host_store_options){.kind = HOST_STORE_DATA,
                                       .path = fixture->path,
                                       .url = fixture->url,
                                       .clock = fixture->clock,
                                       .max_readers = 4,
                                       .read_timeout_ms = 20000};
}

struct fixture *
fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/cim-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/cim.gpkg", fixture->dir);
    (void)snprintf(fixture->migrations, sizeof fixture->migrations, "%s/migrations", fixture->dir);
    assert_int_equal(mkdir(fixture->migrations, 0700), 0);
    fixture_write_file(fixture->migrations, "0001_thing.sql", thing_sql);
    if (pg_is_there()) {
        pg_make_database(fixture->url, sizeof fixture->url);
    }
    fixture->clock = host_clock_new(FIXTURE_NOW_MS);
    assert_non_null(fixture->clock);
    return fixture;
}

void
fixture_open(struct fixture *fixture, const struct host_store_options *options)
{
    struct host_migration_report report;
    cim_error error = {0};
    assert_ok(host_store_open(options, &fixture->store, &error), &error);
    assert_ok(host_store_migrate(fixture->store, "host", CIM_HOST_MIGRATIONS "/store", NULL, NULL,
                                 &report, &error),
              &error);
    assert_ok(host_store_migrate(fixture->store, "test", fixture->migrations, NULL, NULL, &report,
                                 &error),
              &error);
}

static void
remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char inner[512];
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
    host_store_close(fixture->store);
    host_clock_free(fixture->clock);
    if (fixture->url[0] != '\0') {
        pg_drop_database(fixture->url);
    }
    remove_dir(fixture->dir);
    free(fixture);
}

int
fixture_setup(void **state)
{
    struct fixture *fixture = fixture_new();
    const struct host_store_options options = fixture_options(fixture);
    fixture_open(fixture, &options);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

cim_value
text_value(const char *name, const char *text)
{
    return (cim_value){
        .name = name, .type = CIM_COL_TEXT, .len = (uint32_t)strlen(text), .v.ptr = text};
}

cim_value
int_value(const char *name, int64_t value)
{
    return (cim_value){.name = name, .type = CIM_COL_INT64, .v.i64 = value};
}

cim_value
real_value(const char *name, double value)
{
    return (cim_value){.name = name, .type = CIM_COL_FLOAT64, .v.f64 = value};
}

cim_value
time_value(const char *name, int64_t ms)
{
    return (cim_value){.name = name, .type = CIM_COL_TIME_MS, .v.i64 = ms};
}

cim_value
wkb_value(const char *name, const void *wkb, size_t len)
{
    return (cim_value){.name = name, .type = CIM_COL_WKB, .len = (uint32_t)len, .v.ptr = wkb};
}

cim_value
null_value(const char *name)
{
    return (cim_value){.name = name};
}

cim_status
add_thing(struct host_store *store, cim_tx *tx, const char *uid, double x, double y, cim_error *err)
{
    static const char sql[] = "insert into thing (uid, updated_at, geom) "
                              "values (:uid, {now}, {geom :geom})";
    uint8_t wkb[21];
    const cim_value values[] = {text_value("uid", uid), wkb_value("geom", wkb, sizeof wkb)};
    cim_wkb_from_point(x, y, wkb);
    return tx != NULL ? host_store_exec(tx, sql, values, 2, NULL, err)
                      : host_store_write_one(store, sql, values, 2, NULL, err);
}

int64_t
one_int(struct host_store *store, const char *sql)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    assert_ok(host_store_read(store, sql, NULL, 0, &rows, &error), &error);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 1);
    return cim_column_i64(batch->columns[0], 0);
}

bool
has_table(struct host_store *store, const char *name)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   pg_is_there() ? "select count(*) from pg_class where relname = '%s'"
                                 : "select count(*) from sqlite_schema where name = '%s'",
                   name);
    return one_int(store, sql) == 1;
}

int
run_program(const char *const *argv, char *out, size_t capacity)
{
    int pipes[2];
    int status = 0;
    size_t len = 0;
    ssize_t n = 0;
    pid_t pid = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)dup2(pipes[1], STDERR_FILENO);
        (void)execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(pipes[1]);
    while (len + 1 < capacity && (n = read(pipes[0], out + len, capacity - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
    (void)close(pipes[0]);
    assert_true(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

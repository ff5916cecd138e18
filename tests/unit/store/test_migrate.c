/* Migrations: once, in order, unchanged; failures name file and statement. */
#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

static cim_status
migrate(struct fixture *fixture, struct host_migration_report *ret_report, cim_error *err)
{
    return host_store_migrate(fixture->store, "test", fixture->migrations, NULL, NULL, ret_report,
                              err);
}

static void
test_second_run_applies_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct host_migration_report report;
    int32_t pending = -1;
    cim_error error = {0};
    assert_ok(migrate(fixture, &report, &error), &error);
    assert_int_equal(report.n_applied, 0);
    assert_int_equal(report.n_present, 1);
    assert_string_equal(report.last, "0001_thing.sql");
    fixture_write_file(fixture->migrations, "0002_more.sql",
                       "create index thing_name on thing (name);\n");
    assert_ok(host_store_migrations_pending(fixture->store, "test", fixture->migrations, &pending,
                                            &error),
              &error);
    assert_int_equal(pending, 1);
    assert_ok(migrate(fixture, &report, &error), &error);
    assert_int_equal(report.n_applied, 1);
    assert_int_equal(report.n_present, 1);
    assert_string_equal(report.last, "0002_more.sql");
    assert_true(has_table(fixture->store, "thing_name"));
}

static void
expect_migrate(struct fixture *fixture, cim_status expected, const char *param, const char *part)
{
    struct host_migration_report report;
    cim_error error = {0};
    assert_int_equal(migrate(fixture, &report, &error), expected);
    assert_contains(error.en, part);
    assert_true(strcmp(error.param, param) == 0 || strcmp(error.value, param) == 0);
}

static void
test_changed_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_write_file(fixture->migrations, "0001_thing.sql", "create table thing (a {int});\n");
    expect_migrate(fixture, CIM_E_STATE, "0001_thing.sql", "was changed after it was applied");
}

static void
test_missing_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[200];
    (void)snprintf(path, sizeof path, "%s/0001_thing.sql", fixture->migrations);
    assert_int_equal(unlink(path), 0);
    expect_migrate(fixture, CIM_E_STATE, "migrations", "'0001_thing.sql' was applied but");
}

static void
test_gap_and_odd_names_are_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_write_file(fixture->migrations, "0003_x.sql", "select 1;");
    expect_migrate(fixture, CIM_E_INVALID, "0003_x.sql", "expected number 0002");
    fixture_write_file(fixture->migrations, "0002_x.sql", "create table x2 (a {int});");
    fixture_write_file(fixture->migrations, "0002_y.sql", "create table y2 (a {int});");
    expect_migrate(fixture, CIM_E_INVALID, "0002_y.sql", "expected number 0003");
    fixture_write_file(fixture->migrations, "4_z.sql", "create table z (a {int});");
    {
        char path[200];
        (void)snprintf(path, sizeof path, "%s/0002_y.sql", fixture->migrations);
        assert_int_equal(unlink(path), 0);
    }
    expect_migrate(fixture, CIM_E_INVALID, "4_z.sql", "NNNN_name.sql");
}

static void
test_failing_statement_is_named_and_undone(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *text;
        const char *part;
    } bad[] = {
        {"create table good (a {int});\ncreate tabel bad (a {int});\n", "create tabel bad"},
        {"create table good (a {int});\ncreate table bad (a {quux});\n", "create table bad"},
        {"create table good ({record});\n{layer good Circle};\n", "Circle"},
        {"create table good ({record});\n{layer nowhere Point};\n", "nowhere"},
        {"create table good (a {int});\ninsert into good values ('a;b'", "insert into good"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct host_migration_report report;
        cim_error error = {0};
        fixture_write_file(fixture->migrations, "0002_bad.sql", bad[i].text);
        assert_int_not_equal(migrate(fixture, &report, &error), CIM_OK);
        assert_contains(error.en, "0002_bad.sql");
        assert_contains(error.en, bad[i].part);
        assert_contains(error.zh, "0002_bad.sql");
        assert_false(has_table(fixture->store, "good"));
    }
}

static void
count_file(void *arg, const char *file, int32_t done, int32_t total)
{
    (void)file;
    assert_true(done < total);
    ++*(int *)arg;
}

static void
test_rehearsal_meets_what_a_migration_would_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    int told = 0;
    fixture_write_file(fixture->migrations, "0002_good.sql",
                       "create table good ({record}, {geom Point});\n{layer good Point};\n");
    fixture_write_file(fixture->migrations, "0003_more.sql",
                       "alter table good add column n {int};\n");
    for (int i = 1; i <= 2; i++) {
        assert_ok(host_store_rehearse(fixture->store, "test", fixture->migrations, count_file,
                                      &told, &error),
                  &error);
        assert_int_equal(told, 2 * i);
        assert_false(has_table(fixture->store, "good"));
    }
    fixture_write_file(fixture->migrations, "0003_more.sql",
                       "alter table bad add column n {int};\n");
    assert_int_not_equal(
        host_store_rehearse(fixture->store, "test", fixture->migrations, NULL, NULL, &error),
        CIM_OK);
    assert_contains(error.en, "0003_more.sql");
    assert_false(has_table(fixture->store, "good"));
    fixture_write_file(fixture->migrations, "0003_more.sql",
                       "alter table good add column n {int};\n");
    struct host_migration_report report;
    assert_ok(migrate(fixture, &report, &error), &error);
    assert_int_equal(report.n_applied, 2);
    assert_true(has_table(fixture->store, "good"));
}

static void
test_repository_migrations_apply_twice(void **state)
{
    struct fixture *fixture = *state;
    struct host_migration_report report;
    cim_error error = {0};
    for (int round = 0; round < 2; round++) {
        assert_ok(host_store_migrate(fixture->store, "lpg", CIM_LPG_MIGRATIONS, NULL, NULL, &report,
                                     &error),
                  &error);
        assert_true(round == 0 ? report.n_applied > 0 : report.n_applied == 0);
    }
    if (!pg_is_there()) {
        assert_int_equal(one_int(fixture->store, "select count(*) from gpkg_contents where "
                                                 "table_name = 'lpg_enterprise'"),
                         1);
    }
    assert_true(has_table(fixture->store, "lpg_enterprise"));
}

static void
test_platform_store_takes_no_layers(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    struct host_store *platform = NULL;
    struct host_migration_report report;
    char path[160];
    cim_error error = {0};
    (void)snprintf(path, sizeof path, "%s/platform.db", fixture->dir);
    options.kind = HOST_STORE_PLATFORM;
    options.path = path;
    options.url = NULL;
    assert_ok(host_store_open(&options, &platform, &error), &error);
    assert_int_equal(
        host_store_migrate(platform, "test", fixture->migrations, NULL, NULL, &report, &error),
        CIM_E_UNSUPPORTED);
    fixture_write_file(fixture->migrations, "0001_thing.sql",
                       "create table account (name {text} not null unique, born {time});\n"
                       "{attributes account};\n");
    assert_ok(
        host_store_migrate(platform, "test", fixture->migrations, NULL, NULL, &report, &error),
        &error);
    host_store_close(platform);
}

static void
collect(void *arg, const char *table, int64_t n_rows)
{
    char *out = arg;
    const size_t len = strlen(out);
    (void)snprintf(out + len, 256 - len, "%s %lld;", table, (long long)n_rows);
}

static void
test_purge_leaves_nothing_of_the_plugin_and_all_of_others(void **state)
{
    struct fixture *fixture = *state;
    struct host_migration_report report;
    cim_error error = {0};
    char tables[256] = "";
    const int64_t of_host = one_int(fixture->store, "select count(*) from cim_migration where "
                                                    "owner = 'host'");
    assert_ok(add_thing(fixture->store, NULL, "u-1", 110.0, 20.0, &error), &error);
    assert_ok(
        host_store_tables_of(fixture->store, "test", fixture->migrations, collect, tables, &error),
        &error);
    assert_contains(tables, "thing 1;");
    assert_contains(tables, "way 0;");
    assert_ok(host_store_purge(fixture->store, "test", fixture->migrations, &error), &error);
    assert_false(has_table(fixture->store, "thing"));
    assert_false(has_table(fixture->store, "way"));
    assert_false(has_table(fixture->store, "rtree_thing_geom"));
    assert_int_equal(one_int(fixture->store, "select count(*) from cim_migration"), of_host);
    assert_true(has_table(fixture->store, "cim_area"));
    assert_ok(migrate(fixture, &report, &error), &error); /* as if it had never been there */
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 0);
    assert_ok(add_thing(fixture->store, NULL, "u-1", 110.0, 20.0, &error), &error);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_run_applies_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changed_file_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_missing_file_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gap_and_odd_names_are_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failing_statement_is_named_and_undone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_rehearsal_meets_what_a_migration_would_and_leaves_nothing, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_repository_migrations_apply_twice, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_purge_leaves_nothing_of_the_plugin_and_all_of_others,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_platform_store_takes_no_layers, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_migrate", tests, NULL, NULL);
}

/* The file is a GeoPackage that others read and only we write. */
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16384 };

static int
shell(const struct fixture *fixture, const char *sql, char *out)
{
    const char *argv[] = {SQLITE3_SHELL, fixture->path, sql, NULL};
    return run_program(argv, out, OUTPUT_MAX);
}

static void
test_file_has_marks_and_mode(void **state)
{
    const struct fixture *fixture = *state;
    char out[OUTPUT_MAX];
    struct stat info;
    char wal[160];
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    (void)snprintf(wal, sizeof wal, "%s-wal", fixture->path);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(shell(fixture,
                           "pragma application_id; pragma user_version; pragma journal_mode;"
                           "pragma integrity_check; pragma foreign_key_check;",
                           out),
                     0);
    assert_string_equal(out, "1196444487\n10400\nwal\nok\n");
}

static void
test_contents_are_registered(void **state)
{
    const struct fixture *fixture = *state;
    char out[OUTPUT_MAX];
    assert_int_equal(shell(fixture,
                           "select srs_id from gpkg_spatial_ref_sys order by srs_id;"
                           "select table_name, data_type, srs_id from gpkg_contents where substr("
                           "table_name, 1, 4) <> 'cim_' order by 1;"
                           /* The host's own tables: each is there, as attributes. */
                           "select count(*) from sqlite_schema t where t.type = 'table' and substr("
                           "t.name, 1, 4) = 'cim_' and not exists (select 1 from gpkg_contents c "
                           "where c.table_name = t.name and c.data_type = 'attributes');"
                           "select table_name, column_name, geometry_type_name, srs_id, z, m "
                           "from gpkg_geometry_columns order by 1;"
                           "select table_name, extension_name from gpkg_extensions order by 1;",
                           out),
                     0);
    assert_string_equal(out, "-1\n0\n4326\n4490\n"
                             "note|attributes|\nthing|features|4490\nway|features|4490\n0\n"
                             "thing|geom|POINT|4490|0|0\nway|geom|LINESTRING|4490|0|0\n"
                             "thing|gpkg_rtree_index\nway|gpkg_rtree_index\n");
}

static void
test_gdal_reads_layers(void **state)
{
    struct fixture *fixture = *state;
    const char *argv[] = {OGRINFO, "-ro", "-al", fixture->path, "thing", NULL};
    char out[OUTPUT_MAX];
    cim_error error = {0};
    assert_ok(add_thing(fixture->store, NULL, "a", 110.25, 20.5, &error), &error);
    assert_ok(add_thing(fixture->store, NULL, "b", 109.5, 18.25, &error), &error);
    assert_int_equal(run_program(argv, out, sizeof out), 0);
    assert_contains(out, "Geometry: Point");
    assert_contains(out, "Feature Count: 2");
    assert_contains(out, "Extent: (109.500000, 18.250000) - (110.250000, 20.500000)");
    assert_contains(out, "ID[\"EPSG\",4490]");
    assert_contains(out, "POINT (110.25 20.5)");
    assert_contains(out, "updated_at (DateTime) = 1970/01/21 20:00:00+00");
    assert_contains(out, "built_on: Date");
    assert_contains(out, "made_up: Integer(Boolean)");
    assert_null(strstr(out, "ERROR"));
}

static void
test_foreign_writes_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const writes[] = {
        "update thing set name = 'x'",
        "insert into thing (uid, updated_at) values ('x', '')",
        "delete from thing",
        "insert into note (uid, updated_at) values ('x', '')",
        "update cim_change set pos = 7",
        "delete from cim_area",
        "delete from cim_migration",
        "update gpkg_contents set srs_id = 4326",
        "insert into cim_layer_pos (layer, pos) values ('x', 1)",
    };
    char out[OUTPUT_MAX];
    cim_error error = {0};
    assert_ok(add_thing(fixture->store, NULL, "a", 110, 20, &error), &error);
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        assert_int_not_equal(shell(fixture, writes[i], out), 0);
        assert_contains(out, "cim_writer");
    }
    assert_int_equal(shell(fixture, "select uid, name is null from thing", out), 0);
    assert_string_equal(out, "a|1\n");
}

static void
test_gdal_write_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const char *argv[] = {OGRINFO, fixture->path, "-sql", "update thing set name = 'x'", NULL};
    char out[OUTPUT_MAX];
    cim_error error = {0};
    assert_ok(add_thing(fixture->store, NULL, "a", 110, 20, &error), &error);
    (void)run_program(argv, out, sizeof out);
    assert_contains(out, "cim_writer");
    assert_int_equal(one_int(fixture->store, "select count(*) from thing where name is null"), 1);
}

static void
test_every_table_is_guarded(void **state)
{
    const struct fixture *fixture = *state;
    assert_int_equal(
        one_int(fixture->store,
                "select count(*) from sqlite_schema t where type = 'table' and "
                "name not like 'sqlite!_%' escape '!' and name not like 'rtree!_%' escape '!' and "
                "3 <> (select count(*) from sqlite_schema g where g.type = 'trigger' and "
                "g.tbl_name = t.name and g.name like 'cim!_guard!_%' escape '!')"),
        0);
}

static void
expect_refused(const struct fixture *fixture, const char *path, cim_status expected,
               const char *part)
{
    struct host_store_options options = fixture_options(fixture);
    struct host_store *store = NULL;
    cim_error error = {0};
    options.path = path;
    assert_int_equal(host_store_open(&options, &store, &error), expected);
    assert_null(store);
    assert_contains(error.en, part);
    assert_true(error.zh[0] != '\0');
}

static void
test_other_files_are_left_alone(void **state)
{
    const struct fixture *fixture = *state;
    char path[160];
    char out[OUTPUT_MAX];
    const char *make[] = {SQLITE3_SHELL, path, "create table t (a); pragma journal_mode", NULL};
    (void)snprintf(path, sizeof path, "%s/other.gpkg", fixture->dir);
    assert_int_equal(run_program(make, out, sizeof out), 0);
    expect_refused(fixture, path, CIM_E_STATE, "left alone");
    assert_int_equal(run_program(make + 0, out, sizeof out), 1); /* the table is there still */
    assert_contains(out, "already exists");

    fixture_write_file(fixture->dir, "text.gpkg",
                       "This is no database, though it is long enough "
                       "to have what could be a header of one, or so.");
    (void)snprintf(path, sizeof path, "%s/text.gpkg", fixture->dir);
    expect_refused(fixture, path, CIM_E_IO, "no database");
    (void)snprintf(path, sizeof path, "%s/none/cim.gpkg", fixture->dir);
    expect_refused(fixture, path, CIM_E_IO, "No such file");
    expect_refused(fixture, fixture->dir, CIM_E_IO, "directory");
}

static void
test_damaged_file_gives_errors(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    cim_error error = {0};
    FILE *file = NULL;
    char junk[4096];
    int n_failures = 0;
    for (int i = 0; i < 400; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "u%d", i);
        assert_ok(add_thing(fixture->store, NULL, uid, 108 + i * 0.01, 19, &error), &error);
    }
    host_store_close(fixture->store);
    fixture->store = NULL;
    memset(junk, 0xa5, sizeof junk);
    file = fopen(fixture->path, "r+");
    assert_non_null(file);
    for (long page = 3; page < 60; page++) {
        assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
        assert_int_equal(fwrite(junk, 1, sizeof junk, file), sizeof junk);
    }
    assert_int_equal(fclose(file), 0);
    if (host_store_open(&options, &fixture->store, &error) != CIM_OK) {
        assert_contains(error.en, "damaged");
        return;
    }
    for (int i = 0; i < 20; i++) {
        char uid[16];
        cim_rows *rows = NULL;
        (void)snprintf(uid, sizeof uid, "v%d", i);
        n_failures += add_thing(fixture->store, NULL, uid, 110, 19, &error) != CIM_OK;
        if (host_store_read(fixture->store, "select name, geom from thing order by code", NULL, 0,
                            &rows, &error) != CIM_OK) {
            assert_contains(error.en, "damaged");
            n_failures++;
        } else {
            rows->release(rows);
        }
    }
    assert_true(n_failures > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_has_marks_and_mode, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_contents_are_registered, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gdal_reads_layers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_writes_are_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gdal_write_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_every_table_is_guarded, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_files_are_left_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_file_gives_errors, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_gpkg", tests, NULL, NULL);
}

/* A layer's table that another program dropped or altered is told by table and column. */
#include "fixture.h"

#include "kit/definition.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>

static const char definition[] =
    "{\"id\":\"t.things\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},\"table\":\"thing\","
    "\"description\":{\"zh\":\"物\",\"en\":\"Things\"},\"geometry\":\"Point\","
    "\"area\":\"area_code\",\"owner\":\"owner_org\",\"label\":\"name\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"title\":{\"zh\":\"名\",\"en\":\"Name\"}},"
    "{\"name\":\"size\",\"type\":\"number\",\"title\":{\"zh\":\"大\",\"en\":\"Size\"}},"
    "{\"name\":\"pieces\",\"type\":\"integer\",\"title\":{\"zh\":\"数\",\"en\":\"Pieces\"}},"
    "{\"name\":\"made_up\",\"type\":\"boolean\",\"title\":{\"zh\":\"造\",\"en\":\"Made up\"}},"
    "{\"name\":\"built_on\",\"type\":\"date\",\"title\":{\"zh\":\"建\",\"en\":\"Built\"}},"
    "{\"name\":\"seen_at\",\"type\":\"time\",\"title\":{\"zh\":\"见\",\"en\":\"Seen\"}}],"
    "\"popup\":[\"name\"]}";

/* As another program would, past our guards. */
static void
run_beside(const struct fixture *fixture, const char *sql)
{
    if (fixture->url[0] != '\0') {
        PGconn *pg = PQconnectdb(fixture->url);
        PGresult *result = PQexec(pg, sql);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fail_msg("%s: %s", sql, PQerrorMessage(pg));
        }
        PQclear(result);
        PQfinish(pg);
        return;
    }
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    (void)sqlite3_close(db);
}

static cim_status
check(const struct fixture *fixture, cim_error *err)
{
    struct cim_definition *def = NULL;
    cim_error error = {0};
    assert_ok(cim_definition_parse("test", definition, sizeof definition - 1, NULL, &def, &error),
              &error);
    const cim_status status = host_store_check_layer(fixture->store, def, err);
    cim_definition_free(def);
    return status;
}

static void
test_table_as_migrated_is_whole(void **state)
{
    cim_error error = {0};
    assert_ok(check(*state, &error), &error);
}

struct damage {
    const char *sqlite;
    const char *pg;
    const char *says; /* in both languages */
};

static void
check_damage(const struct fixture *fixture, const struct damage *damage)
{
    const bool pg = fixture->url[0] != '\0';
    cim_error error = {0};
    run_beside(fixture, pg ? damage->pg : damage->sqlite);
    assert_int_equal(check(fixture, &error), CIM_E_STATE);
    assert_contains(error.en, "table");
    assert_contains(error.en, damage->says);
    assert_contains(error.zh, "数据表");
    assert_contains(error.zh, damage->says);
}

static void
test_dropped_table_is_named(void **state)
{
    static const struct damage damage = {"drop table thing", "drop table thing", "thing"};
    check_damage(*state, &damage);
}

static void
test_missing_column_is_named(void **state)
{
    static const struct damage damage = {"alter table thing rename column size to extent",
                                         "alter table thing drop column size", "size"};
    check_damage(*state, &damage);
}

static void
test_column_of_another_type_is_named(void **state)
{
    static const struct damage damage = {
        "drop index thing_code; alter table thing rename to old; create table thing as select fid, "
        "uid, version, owner_org, area_code, updated_at, geom, name, code, size, pieces, made_up, "
        "built_on, seen_at from old",
        "alter table thing alter column pieces type text", "thing"};
    check_damage(*state, &damage);
}

static void
test_missing_spatial_index_is_named(void **state)
{
    static const struct damage damage = {
        "drop trigger rtree_thing_geom_update6; drop trigger rtree_thing_geom_update7;",
        "drop index thing_geom", "thing_geom"};
    check_damage(*state, &damage);
}

static void
test_foreign_trigger_of_the_index_is_named(void **state)
{
    const struct fixture *fixture = *state;
    static const struct damage damage = {
        "create trigger rtree_thing_geom_update1 after update on thing begin select 1; end", NULL,
        "rtree_thing_geom_update1"};
    if (fixture->url[0] == '\0') {
        check_damage(fixture, &damage);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table_as_migrated_is_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_dropped_table_is_named, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_missing_column_is_named, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_column_of_another_type_is_named, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_missing_spatial_index_is_named, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_foreign_trigger_of_the_index_is_named, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

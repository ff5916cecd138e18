/* The table of kinds as it is installed, and what is refused in one. */
#include "support/unit.h"

#include "analysis/route_table.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
test_default_distances(void **state)
{
    static const struct {
        const char *kind;
        double distance_m; /* domain.md 4.1 */
        bool on_link;
    } rows[] = {{"school", 200, false},          {"hospital", 200, false},
                {"market", 200, false},          {"dense_residential", 100, false},
                {"water_source", 100, false},    {"large_bridge", 0, true},
                {"long_tunnel", 0, true},        {"steep_road", 0, true},
                {"fuel_station", 100, false},    {"substation", 100, false},
                {"railway_crossing", 50, false}, {"overhead_line", 50, false},
                {"government", 200, false}};
    struct lpg_route_table *table;
    cim_error err;
    (void)state;
    assert_ok(lpg_route_table_read(ANALYSIS_DIR "/route_hazards.json", &table, &err), &err);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int kind = lpg_route_table_kind(table, rows[i].kind, strlen(rows[i].kind));
        assert_true(kind >= 0);
        assert_true(table->kinds[kind].distance_m == rows[i].distance_m);
        assert_int_equal(table->kinds[kind].on_link, rows[i].on_link);
        assert_non_null(strstr(table->kinds[kind].basis.json, "\"confidence\":\"L\""));
    }
    assert_true(
        fabs(table->types[lpg_route_table_type(table, "urban_two_lane")].accidents_per_1e6_km -
             5.381) < 5e-4);
    assert_string_equal(table->types[table->worst_type].type, "urban_multilane_divided");
    assert_int_equal(lpg_route_table_kind(table, "casino", 6), -1);
    lpg_route_table_free(table);
}

/* Every kind that a record may have has its row, and the other way round. */
static void
test_kinds_are_those_of_the_layer(void **state)
{
    struct json_object *codes = json_object_from_file(LAYERS_DIR "/codes.json");
    struct json_object *list = NULL;
    struct json_object *values = NULL;
    struct lpg_route_table *table;
    cim_error err;
    (void)state;
    assert_true(json_object_object_get_ex(codes, "risk_kind", &list));
    assert_true(json_object_object_get_ex(list, "values", &values));
    assert_ok(lpg_route_table_read(ANALYSIS_DIR "/route_hazards.json", &table, &err), &err);
    assert_int_equal(table->n_kinds, json_object_array_length(values));
    for (size_t i = 0; i < json_object_array_length(values); i++) {
        struct json_object *value = NULL;
        const char *kind;
        (void)json_object_object_get_ex(json_object_array_get_idx(values, i), "value", &value);
        kind = json_object_get_string(value);
        if (lpg_route_table_kind(table, kind, strlen(kind)) < 0) {
            fail_msg("no row for %s", kind);
        }
    }
    lpg_route_table_free(table);
    (void)json_object_put(codes);
}

/* The installed file with one member replaced. */
static cim_status
read_changed(const char *from, const char *to, cim_error *err)
{
    char path[] = "/tmp/route-table-XXXXXX";
    const int fd = mkstemp(path);
    struct json_object *document = json_object_from_file(ANALYSIS_DIR "/route_hazards.json");
    const char *text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
                                                                    JSON_C_TO_STRING_NOSLASHESCAPE);
    const char *found = strstr(text, from);
    struct lpg_route_table *table = NULL;
    cim_status status;
    FILE *file;
    assert_true(fd >= 0);
    assert_non_null(found);
    file = fdopen(fd, "w");
    assert_non_null(file);
    (void)fprintf(file, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    assert_int_equal(fclose(file), 0);
    status = lpg_route_table_read(path, &table, err);
    lpg_route_table_free(table);
    (void)json_object_put(document);
    (void)unlink(path);
    return status;
}

static void
test_what_is_refused(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *message;
    } cases[] = {
        {"\"distance_m\":200", "\"distance_m\":-1", "kinds[0].distance_m: expected a number"},
        {"\"distance_m\":200", "\"distance_m\":0", "a distance above 0 or on_link"},
        {"\"weight\":1.0", "\"weight\":7", "expected a weight of at most 1"},
        {"\"restriction\":\"key-places\"", "\"restriction\":\"x\"", "there is no such restriction"},
        {"\"rural\":\"rural_freeway\"", "\"rural\":\"mud\"", "there is no such road type"},
        {"\"from\":\"00:00\"", "\"from\":\"0:00\"", "expected HH:MM"},
        {"\"link_m\":", "\"link\":", "parameters[3].link_m: is missing"},
        {"\"value\":500", "\"value\":0", "expected more than 0"},
        {"\"kinds\":[", "\"kinds\":[7,", "expected a text"},
        {"\"edition\"", "edition", "route-table-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error err = {0};
        assert_int_equal(read_changed(cases[i].from, cases[i].to, &err), CIM_E_INVALID);
        assert_contains(err.en, cases[i].message);
    }
}

static void
test_file_that_is_not_there(void **state)
{
    struct lpg_route_table *table;
    cim_error err;
    (void)state;
    assert_int_equal(lpg_route_table_read("/nowhere.json", &table, &err), CIM_E_IO);
    assert_contains(err.en, "/nowhere.json");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_distances),
        cmocka_unit_test(test_kinds_are_those_of_the_layer),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The later layers and the registers: lines fit their definitions, numbers are distinct, dates
 * follow one another, classes follow from the dates, and a seed means the same bytes. */

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024, LINES_MAX = 4000 };

static const char *const LAYERS[] = {"buildings",
                                     "land-use",
                                     "emergency-resources",
                                     "restricted-zones",
                                     "detectors",
                                     "transport-routes",
                                     "cylinders",
                                     "cylinder-events",
                                     "fillings",
                                     "cylinder-tests",
                                     "planned-projects",
                                     "control-lines",
                                     "licences",
                                     "staff",
                                     "staff-certificates",
                                     "documents",
                                     "inspections",
                                     "inspection-items",
                                     "hazard-steps",
                                     "sales",
                                     "calendar-days"};
enum { N_LAYERS = sizeof(LAYERS) / sizeof(LAYERS[0]) };

static const char TODAY[] = "2026-11-22"; /* of fixture_generate() */
static const char SOON[] = "2026-12-22";

static struct fixture fixture;
static char dir[FIXTURE_PATH];

static int
setup(void **state)
{
    (void)state;
    fixture_setup(&fixture);
    fixture_generate(&fixture, "out", 0.01, 42, dir);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fixture_remove(&fixture);
    return 0;
}

static const char *
text(json_object *object, const char *key)
{
    json_object *value = json_object_object_get(object, key);

    return value == NULL ? "" : json_object_get_string(value);
}

static json_object *
definition_of(const char *layer)
{
    char path[PATH_BYTES];
    json_object *definition;

    snprintf(path, sizeof(path), "%s/layers/%s.json", CIM_SOURCE_DIR, layer);
    definition = json_object_from_file(path);
    assert_non_null(definition);
    return definition;
}

/* Calls `check` with the properties of each of the first lines; gives their number. */
static size_t
each_line(const char *layer,
          void (*check)(json_object *feature, json_object *properties, void *arg), void *arg)
{
    static char line[1 << 17];
    char path[PATH_BYTES];
    size_t n = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s.geojsonl", dir, layer);
    file = fopen(path, "rb");
    assert_non_null(file);
    while (n < LINES_MAX && fgets(line, sizeof(line), file) != NULL) {
        json_object *feature = json_tokener_parse(line);
        assert_non_null(feature);
        check(feature, json_object_object_get(feature, "properties"), arg);
        json_object_put(feature);
        n++;
    }
    fclose(file);
    return n;
}

static void
check_line(json_object *feature, json_object *properties, void *arg)
{
    json_object *definition = arg;
    json_object *fields = json_object_object_get(definition, "fields");
    const char *geometry = text(definition, "geometry");
    json_object *shape = json_object_object_get(feature, "geometry");
    int n_known = 3; /* uid, owner_org, area_code */

    assert_string_equal(shape == NULL ? "None" : text(shape, "type"), geometry);
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        json_object *field = json_object_array_get_idx(fields, i);
        const char *value = text(properties, text(field, "name"));
        const char *after = text(field, "after");

        n_known += json_object_object_get_ex(properties, text(field, "name"), NULL);
        if (json_object_get_boolean(json_object_object_get(field, "required")) && *value == '\0') {
            fail_msg("%s: %s is required", text(definition, "id"), text(field, "name"));
        }
        if (*after != '\0' && *value != '\0' && strcmp(value, text(properties, after)) < 0) {
            fail_msg("%s: %s %s before %s", text(definition, "id"), text(field, "name"), value,
                     text(properties, after));
        }
    }
    if (json_object_object_length(properties) != n_known) {
        fail_msg("%s: a property that is no field", text(definition, "id"));
    }
    assert_int_equal(json_object_get_boolean(json_object_object_get(properties, "made_up")),
                     strcmp(text(definition, "id"), "lpg.calendar-days") != 0);
}

static void
lines_fit_their_definitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LAYERS; i++) {
        json_object *definition = definition_of(LAYERS[i]);
        if (each_line(LAYERS[i], check_line, definition) == 0) {
            fail_msg("%s is empty", LAYERS[i]);
        }
        json_object_put(definition);
    }
}

struct values {
    const char *key;
    size_t n;
    char *values[LINES_MAX];
};

static void
keep_value(json_object *feature, json_object *properties, void *arg)
{
    struct values *values = arg;
    (void)feature;
    values->values[values->n++] = strdup(text(properties, values->key));
}

static int
compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void
numbers_are_distinct(void **state)
{
    static const char *const keys[] = {
        "building_no", "parcel_no",     "resource_no", "zone_no",    "detector_no",
        "route_no",    "tag_no",        "event_id",    "filling_no", "test_no",
        "project_no",  "line_no",       "licence_no",  "staff_no",   "certificate_no",
        "document_no", "inspection_no", "item_no",     "step_no",    "sale_no",
        "day"};
    static struct values values;
    (void)state;
    for (size_t i = 0; i < N_LAYERS; i++) {
        values.key = keys[i];
        values.n = 0;
        each_line(LAYERS[i], keep_value, &values);
        qsort(values.values, values.n, sizeof(values.values[0]), compare_texts);
        for (size_t k = 1; k < values.n; k++) {
            assert_string_not_equal(values.values[k - 1], values.values[k]);
        }
        for (size_t k = 0; k < values.n; k++) {
            free(values.values[k]);
        }
    }
}

/* As layers/classes/cylinders.sql has it. */
static void
check_test_state(json_object *feature, json_object *properties, void *arg)
{
    const char *next = text(properties, "next_test_on");
    const char *expected = strcmp(text(properties, "state"), "scrapped") == 0 ? "scrapped"
                           : strcmp(text(properties, "scrap_on"), TODAY) <= 0 ? "scrap_due"
                           : strcmp(next, TODAY) < 0                          ? "overdue"
                           : strcmp(next, SOON) <= 0                          ? "due"
                                                                              : "valid";
    size_t *n_in_use = arg;
    (void)feature;
    assert_string_equal(text(properties, "test_state"), expected);
    assert_true(strcmp(text(properties, "test_next_change"), "2026-11-22T02:00:00.000Z") > 0);
    *n_in_use += strcmp(text(properties, "state"), "in_use") == 0;
}

static void
cylinders_follow_from_their_dates(void **state)
{
    size_t n_in_use = 0;
    size_t n = each_line("cylinders", check_test_state, &n_in_use);
    (void)state;
    assert_int_equal(n, LINES_MAX);
    assert_true(n_in_use * 100 > n * 57 && n_in_use * 100 < n * 67);
}

static void
check_weights(json_object *feature, json_object *properties, void *arg)
{
    double before = json_object_get_double(json_object_object_get(properties, "weight_before_kg"));
    double after = json_object_get_double(json_object_object_get(properties, "weight_after_kg"));
    double net = json_object_get_double(json_object_object_get(properties, "net_kg"));
    (void)feature;
    (void)arg;
    assert_true(net > 0 && after - before - net < 0.001 && net - after + before < 0.001);
}

static void
fillings_add_up(void **state)
{
    (void)state;
    each_line("fillings", check_weights, NULL);
}

static void
same_seed_gives_the_same_bytes(void **state)
{
    char again[FIXTURE_PATH], other[FIXTURE_PATH], path[PATH_BYTES];
    (void)state;
    fixture_generate(&fixture, "again", 0.01, 42, again);
    fixture_generate(&fixture, "other", 0.01, 43, other);
    for (size_t i = 0; i < N_LAYERS; i++) {
        size_t len[3];
        char *bytes[3];
        const char *const dirs[] = {dir, again, other};
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof(path), "%s/%s.geojsonl", dirs[k], LAYERS[i]);
            bytes[k] = fixture_read(path, &len[k]);
        }
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(bytes[0], bytes[1], len[0]);
        assert_true(len[0] != len[2] || memcmp(bytes[0], bytes[2], len[0]) != 0);
        for (int k = 0; k < 3; k++) {
            free(bytes[k]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_fit_their_definitions),       cmocka_unit_test(numbers_are_distinct),
        cmocka_unit_test(cylinders_follow_from_their_dates), cmocka_unit_test(fillings_add_up),
        cmocka_unit_test(same_seed_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* The registers beside the records that they belong to: a licence is the one that its holder shows,
 * staff are as many as an enterprise says, an inspection names the hazard that it found, a step
 * comes after the one before, a sale is the cylinder's event. */

#include "fixture.h"
#include "records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTERPRISES,
    STATIONS,
    HAZARDS,
    EVENTS,
    USERS,
    LICENCES,
    STAFF,
    CERTIFICATES,
    DOCUMENTS,
    INSPECTIONS,
    ITEMS,
    STEPS,
    SALES,
    N_LAYERS
};

static const char *const LAYERS[N_LAYERS] = {"enterprises",
                                             "stations",
                                             "hazards",
                                             "cylinder-events",
                                             "end-users",
                                             "licences",
                                             "staff",
                                             "staff-certificates",
                                             "documents",
                                             "inspections",
                                             "inspection-items",
                                             "hazard-steps",
                                             "sales"};

static struct fixture fixture;
static struct records layers[N_LAYERS];

static int
setup(void **state)
{
    char dir[FIXTURE_PATH];
    (void)state;
    fixture_setup(&fixture);
    fixture_generate(&fixture, "out", 0.01, 42, dir);
    for (int i = 0; i < N_LAYERS; i++) {
        records_read(&layers[i], dir, LAYERS[i]);
        assert_true(layers[i].n_features > 0);
    }
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    for (int i = 0; i < N_LAYERS; i++) {
        records_done(&layers[i]);
    }
    fixture_remove(&fixture);
    return 0;
}

static const char *
text(int layer, size_t i, const char *key)
{
    const char *value = records_text(&layers[layer], i, key);

    return value == NULL ? "" : value;
}

static int64_t
number(int layer, size_t i, const char *key)
{
    return json_object_get_int64(records_property(&layers[layer], i, key));
}

/* ---- an index of a layer by one of its texts ---- */

struct entry {
    const char *text;
    size_t index;
};
struct index {
    struct entry *entries;
    size_t n;
};

static int
compare(const void *left, const void *right)
{
    return strcmp(((const struct entry *)left)->text, ((const struct entry *)right)->text);
}

static struct index
index_of(int layer, const char *key)
{
    struct index index = {calloc(layers[layer].n_features, sizeof(struct entry)),
                          layers[layer].n_features};

    assert_non_null(index.entries);
    for (size_t i = 0; i < index.n; i++) {
        index.entries[i] = (struct entry){text(layer, i, key), i};
    }
    qsort(index.entries, index.n, sizeof(index.entries[0]), compare);
    return index;
}

/* SIZE_MAX: there is none. */
static size_t
find(const struct index *index, const char *value)
{
    const struct entry key = {value, 0};
    const struct entry *found =
        bsearch(&key, index->entries, index->n, sizeof(index->entries[0]), compare);

    return found == NULL ? SIZE_MAX : found->index;
}

static int64_t
count(const struct index *index, const char *value)
{
    int64_t n = 0;

    for (size_t i = 0; i < index->n; i++) {
        n += strcmp(index->entries[i].text, value) == 0;
    }
    return n;
}

/* ---- */

static void
licences_are_those_of_their_holders(void **state)
{
    struct index holders[] = {index_of(ENTERPRISES, "uid"), index_of(STATIONS, "uid")};
    size_t n = layers[ENTERPRISES].n_features + layers[STATIONS].n_features;
    (void)state;
    assert_int_equal(layers[LICENCES].n_features, n);
    for (size_t i = 0; i < n; i++) {
        int layer =
            strcmp(text(LICENCES, i, "holder_kind"), "station") == 0 ? STATIONS : ENTERPRISES;
        size_t at = find(&holders[layer], text(LICENCES, i, "holder_uid"));
        assert_true(at != SIZE_MAX);
        assert_string_equal(text(LICENCES, i, "holder_name"), text(layer, at, "name"));
        assert_string_equal(text(LICENCES, i, "licence_no"), text(layer, at, "licence_no"));
        assert_string_equal(text(LICENCES, i, "valid_to"), text(layer, at, "licence_to"));
        assert_string_equal(text(LICENCES, i, "state"), text(layer, at, "licence_state"));
        assert_string_equal(text(LICENCES, i, "area_code"), text(layer, at, "area_code"));
    }
    free(holders[0].entries);
    free(holders[1].entries);
}

static void
staff_are_as_many_as_said_and_certified(void **state)
{
    struct index firms = index_of(STAFF, "enterprise_uid");
    struct index people = index_of(STAFF, "staff_no");
    (void)state;
    for (size_t i = 0; i < layers[ENTERPRISES].n_features; i++) {
        assert_int_equal(count(&firms, text(ENTERPRISES, i, "uid")),
                         number(ENTERPRISES, i, "staff_count"));
    }
    for (size_t i = 0; i < layers[CERTIFICATES].n_features; i++) {
        size_t at = find(&people, text(CERTIFICATES, i, "staff_no"));
        assert_true(at != SIZE_MAX);
        assert_string_equal(text(CERTIFICATES, i, "holder_name"), text(STAFF, at, "name"));
    }
    free(firms.entries);
    free(people.entries);
}

static void
documents_in_force_are_the_stations_systems(void **state)
{
    struct index stations = index_of(STATIONS, "uid");
    int64_t *in_force = calloc(stations.n, sizeof(*in_force));
    (void)state;
    assert_non_null(in_force);
    for (size_t i = 0; i < layers[DOCUMENTS].n_features; i++) {
        size_t at = find(&stations, text(DOCUMENTS, i, "station_uid"));
        assert_true(at != SIZE_MAX);
        in_force[at] += strcmp(text(DOCUMENTS, i, "state"), "in_force") == 0;
    }
    for (size_t i = 0; i < stations.n; i++) {
        assert_int_equal(in_force[i], number(STATIONS, i, "systems_in_force"));
    }
    free(in_force);
    free(stations.entries);
}

static void
inspections_have_their_items_and_found_their_hazards(void **state)
{
    struct index inspections = index_of(INSPECTIONS, "inspection_no");
    struct index hazards = index_of(HAZARDS, "hazard_no");
    int64_t *n_items = calloc(inspections.n, sizeof(*n_items));
    int64_t *n_failed = calloc(inspections.n, sizeof(*n_failed));
    (void)state;
    assert_non_null(n_items);
    assert_non_null(n_failed);
    for (size_t i = 0; i < layers[ITEMS].n_features; i++) {
        size_t at = find(&inspections, text(ITEMS, i, "inspection_no"));
        size_t hazard;
        assert_true(at != SIZE_MAX);
        n_items[at]++;
        if (strcmp(text(ITEMS, i, "verdict"), "failed") != 0) {
            continue;
        }
        n_failed[at]++;
        hazard = find(&hazards, text(ITEMS, i, "hazard_no"));
        assert_true(hazard != SIZE_MAX);
        assert_string_equal(text(ITEMS, i, "item"), text(HAZARDS, hazard, "item"));
        assert_string_equal(text(INSPECTIONS, at, "ended_at"), text(HAZARDS, hazard, "found_at"));
        assert_string_equal(text(INSPECTIONS, at, "inspector"), text(HAZARDS, hazard, "found_by"));
        assert_string_equal(text(INSPECTIONS, at, "subject_uid"),
                            text(HAZARDS, hazard, "subject_uid"));
    }
    for (size_t i = 0; i < inspections.n; i++) {
        assert_int_equal(n_items[i], number(INSPECTIONS, i, "item_count"));
        assert_int_equal(n_failed[i], number(INSPECTIONS, i, "failed_count"));
        assert_memory_equal(text(INSPECTIONS, i, "inspector_no") + 1,
                            text(INSPECTIONS, i, "area_code"), 6);
    }
    free(n_items);
    free(n_failed);
    free(inspections.entries);
    free(hazards.entries);
}

static void
steps_follow_their_hazards(void **state)
{
    struct index hazards = index_of(HAZARDS, "hazard_no");
    int *closed = calloc(hazards.n, sizeof(*closed));
    (void)state;
    assert_non_null(closed);
    for (size_t i = 0; i < layers[STEPS].n_features; i++) {
        const char *step = text(STEPS, i, "step");
        size_t at = find(&hazards, text(STEPS, i, "hazard_no"));
        assert_true(at != SIZE_MAX);
        if (strcmp(step, "found") == 0) {
            assert_string_equal(text(STEPS, i, "done_at"), text(HAZARDS, at, "found_at"));
        } else { /* the steps of a hazard stand one after the other */
            assert_string_equal(text(STEPS, i, "hazard_no"), text(STEPS, i - 1, "hazard_no"));
            assert_true(strcmp(text(STEPS, i, "done_at"), text(STEPS, i - 1, "done_at")) >= 0);
        }
        if (strcmp(step, "submitted") == 0) {
            assert_string_not_equal(text(STEPS, i, "place"), "");
            assert_string_equal(text(STEPS, i, "done_at"), text(HAZARDS, at, "submitted_at"));
        }
        closed[at] |= strcmp(step, "closed") == 0;
    }
    for (size_t i = 0; i < hazards.n; i++) {
        assert_int_equal(closed[i], strcmp(text(HAZARDS, i, "state"), "closed") == 0);
    }
    free(closed);
    free(hazards.entries);
}

static void
sales_are_events_of_cylinders_to_users(void **state)
{
    struct index events = index_of(EVENTS, "event_id");
    struct index users = index_of(USERS, "user_no");
    (void)state;
    for (size_t i = 0; i < layers[SALES].n_features; i++) {
        char id[64];
        size_t at;
        snprintf(id, sizeof(id), "%s-7", text(SALES, i, "tag_no"));
        at = find(&events, id);
        assert_true(at != SIZE_MAX);
        assert_string_equal(text(EVENTS, at, "step"), "sell");
        assert_string_equal(text(EVENTS, at, "occurred_at"), text(SALES, i, "sold_at"));
        assert_string_equal(text(EVENTS, at, "from_name"), text(SALES, i, "station_name"));
        assert_true(find(&users, text(SALES, i, "user_no")) != SIZE_MAX);
    }
    free(events.entries);
    free(users.entries);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(licences_are_those_of_their_holders),
        cmocka_unit_test(staff_are_as_many_as_said_and_certified),
        cmocka_unit_test(documents_in_force_are_the_stations_systems),
        cmocka_unit_test(inspections_have_their_items_and_found_their_hazards),
        cmocka_unit_test(steps_follow_their_hazards),
        cmocka_unit_test(sales_are_events_of_cylinders_to_users),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

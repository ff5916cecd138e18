/* What the generator writes: it conforms to the layer definitions, points lie where area_code says,
 * totals equal the records behind them, and the same seed gives the same bytes. */

#include "fixture.h"
#include "records.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTERPRISES,
    STATIONS,
    USERS,
    HAZARDS,
    ACCIDENTS,
    VEHICLES,
    CAMERAS,
    RISKS,
    ADDRESSES,
    N_LAYERS
};

static const char *const LAYERS[N_LAYERS] = {"enterprises", "stations",      "end-users",
                                             "hazards",     "accidents",     "vehicles",
                                             "cameras",     "risk-elements", "address-points"};
static const char TODAY[] = "2026-11-22";
static const char NOW[] = "2026-11-22T02:00:00.000Z";

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
key_text(json_object *object, const char *key)
{
    json_object *value = json_object_object_get(object, key);

    return value == NULL ? "" : json_object_get_string(value);
}

static int
is_code(json_object *codes, const char *list, const char *value)
{
    json_object *values = json_object_object_get(json_object_object_get(codes, list), "values");

    for (size_t i = 0; i < json_object_array_length(values); i++) {
        if (strcmp(key_text(json_object_array_get_idx(values, i), "value"), value) == 0) {
            return 1;
        }
    }
    return 0;
}

static int
has_shape(const char *text, const char *shape)
{
    size_t i;

    for (i = 0; shape[i] != '\0' && text[i] != '\0'; i++) {
        if (shape[i] == '9' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) {
            return 0;
        }
    }
    return shape[i] == text[i];
}

static int
is_of_type(json_object *codes, json_object *field, json_object *value)
{
    const char *type = key_text(field, "type");
    json_type kind = json_object_get_type(value);

    if (strcmp(type, "integer") == 0) {
        return kind == json_type_int;
    }
    if (strcmp(type, "number") == 0) {
        return kind == json_type_int || kind == json_type_double;
    }
    if (strcmp(type, "boolean") == 0) {
        return kind == json_type_boolean;
    }
    if (kind != json_type_string) {
        return 0;
    }
    if (strcmp(type, "date") == 0) {
        return has_shape(json_object_get_string(value), "9999-99-99");
    }
    if (strcmp(type, "time") == 0) {
        return has_shape(json_object_get_string(value), "9999-99-99T99:99:99.999Z");
    }
    return strcmp(type, "code") != 0 ||
           is_code(codes, key_text(field, "codes"), json_object_get_string(value));
}

static void
check_value(json_object *codes, const char *layer, json_object *field, json_object *value)
{
    const char *name = key_text(field, "name");
    json_object *limit;

    if (value == NULL) {
        if (json_object_get_boolean(json_object_object_get(field, "required"))) {
            fail_msg("%s: %s is required", layer, name);
        }
        return;
    }
    if (!is_of_type(codes, field, value)) {
        fail_msg("%s: %s is no %s: %s", layer, name, key_text(field, "type"),
                 json_object_get_string(value));
    }
    if (json_object_object_get_ex(field, "min", &limit)) {
        assert_true(json_object_get_double(value) >= json_object_get_double(limit));
    }
    if (json_object_object_get_ex(field, "max", &limit)) {
        assert_true(json_object_get_double(value) <= json_object_get_double(limit));
    }
}

static void
records_conform_to_their_definitions(void **state)
{
    json_object *codes = records_codes();
    (void)state;

    for (int l = 0; l < N_LAYERS; l++) {
        json_object *fields = json_object_object_get(layers[l].definition, "fields");
        size_t n_fields = json_object_array_length(fields);

        assert_true(layers[l].n_features > 0);
        for (size_t i = 0; i < layers[l].n_features; i++) {
            json_object *properties = json_object_object_get(layers[l].features[i], "properties");

            /* Every field once, and besides them uid, owner_org and area_code. */
            assert_int_equal(json_object_object_length(properties), n_fields + 3);
            for (size_t f = 0; f < n_fields; f++) {
                json_object *field = json_object_array_get_idx(fields, f);
                json_object *value;

                if (!json_object_object_get_ex(properties, key_text(field, "name"), &value)) {
                    fail_msg("%s: no %s", LAYERS[l], key_text(field, "name"));
                }
                check_value(codes, LAYERS[l], field, value);
            }
            assert_true(json_object_get_boolean(json_object_object_get(properties, "made_up")));
        }
    }
    json_object_put(codes);
}

static int
compare_texts(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;

    return strcmp(*a, *b);
}

static void
assert_unique(const struct records *records, const char *key)
{
    const char **texts = calloc(records->n_features, sizeof(*texts));
    size_t n = 0;

    assert_non_null(texts);
    for (size_t i = 0; i < records->n_features; i++) {
        const char *text = records_text(records, i, key);
        if (text != NULL) {
            texts[n++] = text;
        }
    }
    qsort(texts, n, sizeof(*texts), compare_texts);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(texts[i - 1], texts[i]) == 0) {
            fail_msg("%s: %s \"%s\" twice", records->layer, key, texts[i]);
        }
    }
    free(texts);
}

static void
unique_fields_are_unique(void **state)
{
    (void)state;

    for (int l = 0; l < N_LAYERS; l++) {
        json_object *fields = json_object_object_get(layers[l].definition, "fields");

        assert_unique(&layers[l], "uid");
        for (size_t f = 0; f < json_object_array_length(fields); f++) {
            json_object *field = json_object_array_get_idx(fields, f);
            if (json_object_get_boolean(json_object_object_get(field, "unique"))) {
                assert_unique(&layers[l], key_text(field, "name"));
            }
        }
    }
    assert_unique(&layers[USERS], "id_no");
    assert_unique(&layers[USERS], "phone");
}

/* The districts of the fixture, by plain comparisons. */
static int
lies_in(const char *area_code, double lon, double lat)
{
    if (strncmp(area_code, "460105", 6) == 0) {
        return lon > 110.0 && lon < 110.4 && lat > 19.0 &&
               (lat < 19.2 || (lat < 19.4 && lon < 110.2));
    }
    if (lon < 110.95) {
        return lon > 110.5 && lon < 110.9 && lat > 19.0 && lat < 19.4 &&
               !(lon > 110.6 && lon < 110.7 && lat > 19.1 && lat < 19.2);
    }
    return lat > 19.0 && lat < 19.1 && fabs(lon - 111.05) < 0.05 * (19.1 - lat) / 0.1;
}

static void
points_lie_in_the_area_they_name(void **state)
{
    (void)state;

    for (int l = 0; l < N_LAYERS; l++) {
        for (size_t i = 0; i < layers[l].n_features; i++) {
            const char *area = records_text(&layers[l], i, "area_code");
            double lon, lat;

            records_point(&layers[l], i, &lon, &lat);
            assert_int_equal(strlen(area), 9);
            if (!lies_in(area, lon, lat)) {
                fail_msg("%s %zu: %.6f %.6f is not in %s", LAYERS[l], i, lon, lat, area);
            }
        }
    }
}

static int64_t
number(const struct records *records, size_t index, const char *key)
{
    return json_object_get_int64(records_property(records, index, key));
}

static int
same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Records of a layer whose `key` is `value`; of hazards the open ones only, if asked for. */
static int64_t
count(int layer, const char *key, const char *value, int open_only, int major_only)
{
    int64_t n = 0;

    for (size_t i = 0; i < layers[layer].n_features; i++) {
        n += same(records_text(&layers[layer], i, key), value) &&
             !(open_only && same(records_text(&layers[layer], i, "state"), "closed")) &&
             !(major_only && !same(records_text(&layers[layer], i, "grade"), "major"));
    }
    return n;
}

static void
totals_equal_the_records_behind_them(void **state)
{
    const struct records *e = &layers[ENTERPRISES];
    const struct records *s = &layers[STATIONS];
    int64_t users = 0;
    (void)state;

    for (size_t i = 0; i < e->n_features; i++) {
        const char *uid = records_text(e, i, "uid");

        assert_int_equal(number(e, i, "station_count"),
                         count(STATIONS, "enterprise_uid", uid, 0, 0));
        assert_int_equal(number(e, i, "user_count"), count(USERS, "enterprise_uid", uid, 0, 0));
        assert_int_equal(number(e, i, "vehicle_count"),
                         count(VEHICLES, "enterprise_uid", uid, 0, 0));
        assert_int_equal(number(e, i, "open_hazards"), count(HAZARDS, "enterprise_uid", uid, 1, 0));
        assert_int_equal(number(e, i, "open_major_hazards"),
                         count(HAZARDS, "enterprise_uid", uid, 1, 1));
        users += number(e, i, "user_count");
    }
    assert_int_equal(users, layers[USERS].n_features);
    for (size_t i = 0; i < s->n_features; i++) {
        const char *uid = records_text(s, i, "uid");

        assert_int_equal(number(s, i, "user_count"), count(USERS, "station_uid", uid, 0, 0));
        assert_int_equal(number(s, i, "camera_count"), count(CAMERAS, "station_uid", uid, 0, 0));
        assert_int_equal(number(s, i, "open_hazards"), count(HAZARDS, "subject_uid", uid, 1, 0));
    }
}

static void
owners_are_the_enterprises_named(void **state)
{
    const struct records *e = &layers[ENTERPRISES];
    (void)state;

    for (int l = STATIONS; l <= CAMERAS; l++) {
        for (size_t i = 0; i < layers[l].n_features; i++) {
            const char *uid = records_text(&layers[l], i, "enterprise_uid");
            size_t k = 0;

            while (k < e->n_features && !same(records_text(e, k, "uid"), uid)) {
                k++;
            }
            assert_true(k < e->n_features);
            assert_string_equal(records_text(&layers[l], i, "owner_org"),
                                records_text(e, k, "org_code"));
        }
    }
}

static void
stock_adds_up_by_geometric_volume(void **state)
{
    static const char *const fields[] = {"full_ysp4_7", "full_ysp12", "full_ysp26_2",
                                         "full_ysp35_5", "full_ysp118"};
    static const double litres[] = {4.7, 12.0, 26.2, 35.5, 118.0};
    const struct records *s = &layers[STATIONS];
    (void)state;

    for (size_t i = 0; i < s->n_features; i++) {
        double volume_l = 0.0;
        double written_l = json_object_get_double(records_property(s, i, "full_volume_l"));
        json_object *limit = records_property(s, i, "volume_limit_l");

        for (size_t m = 0; m < 5; m++) {
            volume_l += litres[m] * (double)number(s, i, fields[m]);
        }
        assert_true(fabs(volume_l - written_l) < 0.01);
        assert_int_equal(json_object_get_boolean(records_property(s, i, "over_volume")),
                         limit != NULL && written_l > json_object_get_double(limit));
        if (same(records_text(s, i, "class"), "III")) {
            assert_int_equal(json_object_get_int(limit), 1000);
        }
    }
}

static void
states_follow_from_the_dates(void **state)
{
    const struct records *u = &layers[USERS];
    const struct records *v = &layers[VEHICLES];
    (void)state;

    for (size_t i = 0; i < u->n_features; i++) {
        const char *inspected = records_text(u, i, "inspection_state");
        const char *next = records_text(u, i, "next_inspection_on");
        int open = same(inspected, "general_hazard") || same(inspected, "major_hazard");

        assert_int_equal(open, count(HAZARDS, "subject_uid", records_text(u, i, "uid"), 1, 0));
        assert_int_equal(same(inspected, "stopped"), next == NULL);
        if (same(inspected, "overdue")) {
            assert_true(strcmp(next, TODAY) < 0);
        } else if (same(inspected, "passed")) {
            assert_true(strcmp(next, TODAY) >= 0);
        }
    }
    for (size_t i = 0; i < v->n_features; i++) {
        const char *permit = records_text(v, i, "transport_permit_to");

        if (permit != NULL && strcmp(permit, TODAY) < 0) {
            assert_string_equal(records_text(v, i, "papers_state"), "expired");
        }
        assert_int_equal(same(records_text(v, i, "state"), "no_gps"),
                         records_text(v, i, "last_fix_at") == NULL);
    }
}

static void
licence_states_follow_from_the_dates(void **state)
{
    (void)state;

    for (int l = ENTERPRISES; l <= STATIONS; l++) {
        for (size_t i = 0; i < layers[l].n_features; i++) {
            const char *licence = records_text(&layers[l], i, "licence_state");
            const char *to = records_text(&layers[l], i, "licence_to");
            int lapsed = strcmp(to, TODAY) < 0;
            int soon = !lapsed && strcmp(to, "2027-01-21") <= 0; /* sixty days */

            assert_int_equal(lapsed, same(licence, "expired") || same(licence, "cancelled"));
            assert_int_equal(soon, same(licence, "expiring") || same(licence, "expiring_applied"));
            assert_int_equal(same(licence, "expiring_applied"),
                             records_text(&layers[l], i, "renewal_applied_on") != NULL);
        }
    }
}

static void
licences_as_drawn(void **state)
{
    struct demo_world world = {.seed = 5};
    struct demo_error err;
    uint32_t with_full_term = 0;
    (void)state;

    assert_int_equal(demo_date_parse(TODAY, &world.as_of), 0);
    assert_int_equal(demo_geo_load(&world.geo, fixture.geography, &err), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        struct demo_licence l;
        struct demo_rng rng;
        int32_t left, year, month, day, term;

        demo_rng_init(&rng, world.seed, 99, i);
        demo_licence_draw(&world, &rng, 0, i, &l);
        left = l.to - world.as_of;
        assert_int_equal(left < 0, same(l.state, "expired") || same(l.state, "cancelled"));
        assert_int_equal(left >= 0 && left < 60,
                         same(l.state, "expiring") || same(l.state, "expiring_applied"));
        assert_int_not_equal(left, 60);
        /* Asked for in time: sixty days before the end. */
        assert_int_equal(l.applied_on != DEMO_NO_DATE, same(l.state, "expiring_applied"));
        assert_true(l.applied_on == DEMO_NO_DATE ||
                    (l.applied_on <= l.to - 60 && l.applied_on <= world.as_of));
        /* Three years, or three years less a day. */
        demo_civil_from_days(l.to, &year, &month, &day);
        term = l.to - demo_days_from_civil(year - 3, month, month == 2 && day == 29 ? 28 : day);
        assert_in_range(l.to - l.from, term - 1, term);
        with_full_term += l.to - l.from == term;
    }
    assert_in_range(with_full_term, 7000, 9000);
    demo_world_done(&world);
}

static void
hazard_times_follow_one_another(void **state)
{
    static const char *const steps[] = {"found_at",     "issued_at",   "accepted_at",
                                        "submitted_at", "reviewed_at", "closed_at"};
    const struct records *h = &layers[HAZARDS];
    (void)state;

    for (size_t i = 0; i < h->n_features; i++) {
        const char *last = "";
        int ended = 0;

        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
            const char *at = records_text(h, i, steps[k]);

            ended = ended || at == NULL;
            assert_int_equal(ended, at == NULL);
            if (at != NULL) {
                assert_true(strcmp(last, at) <= 0);
                last = at;
            }
        }
        assert_true(strcmp(last, NOW) <= 0);
        assert_int_equal(!ended, same(records_text(h, i, "state"), "closed"));
        if (!ended) {
            assert_non_null(records_text(h, i, "before_photo"));
            assert_non_null(records_text(h, i, "after_photo"));
            assert_non_null(records_text(h, i, "handled_place"));
        }
    }
}

static void
accident_grades_follow_from_harm(void **state)
{
    const struct records *a = &layers[ACCIDENTS];
    (void)state;

    for (size_t i = 0; i < a->n_features; i++) {
        double loss = json_object_get_double(records_property(a, i, "loss_cny_10k")) * 1e4;
        enum demo_grade grade = demo_accident_grade(
            (uint32_t)number(a, i, "deaths"), (uint32_t)number(a, i, "serious_injuries"), loss);

        assert_string_equal(records_text(a, i, "grade"), demo_grade_code(grade));
        assert_true(strcmp(records_text(a, i, "occurred_at"),
                           records_text(a, i, "reported_county_at")) < 0);
        assert_true(strcmp(records_text(a, i, "reported_county_at"), NOW) <= 0);
    }
}

static int
files_equal(const char *left, const char *right, const char *layer)
{
    char path[FIXTURE_PATH * 2];
    size_t left_len, right_len;
    char *a, *b;
    int equal;

    demo_text(path, sizeof(path), "%s/%s.geojsonl", left, layer);
    a = fixture_read(path, &left_len);
    demo_text(path, sizeof(path), "%s/%s.geojsonl", right, layer);
    b = fixture_read(path, &right_len);
    equal = left_len == right_len && memcmp(a, b, left_len) == 0;
    free(a);
    free(b);
    return equal;
}

static void
same_seed_gives_the_same_bytes(void **state)
{
    char first[FIXTURE_PATH], again[FIXTURE_PATH], other[FIXTURE_PATH];
    (void)state;

    fixture_generate(&fixture, "first", 0.01, 7, first);
    fixture_generate(&fixture, "again", 0.01, 7, again);
    fixture_generate(&fixture, "other", 0.01, 8, other);
    for (int l = 0; l < N_LAYERS; l++) {
        assert_true(files_equal(first, again, LAYERS[l]));
        assert_false(files_equal(first, other, LAYERS[l]));
    }
}

static void
parts_add_up(void **state)
{
    static const uint32_t weights[] = {5, 0, 3, 3, 1};
    uint32_t parts[5];
    (void)state;

    for (uint32_t total = 0; total < 200; total++) {
        uint32_t sum = 0;

        assert_int_equal(demo_allot(weights, 5, total, parts), 0);
        for (size_t i = 0; i < 5; i++) {
            sum += parts[i];
            /* Never off the exact share by one or more. */
            assert_true(fabs((double)parts[i] - (double)weights[i] * total / 12.0) < 1.0);
        }
        assert_int_equal(sum, total);
        assert_int_equal(parts[1], 0);
    }
}

static void
unwritable_place_is_named_and_nothing_stays(void **state)
{
    struct demo_out *out = calloc(1, sizeof(*out));
    struct demo_error err;
    (void)state;

    assert_non_null(out);
    assert_int_equal(demo_out_open(out, "/proc/no-such-place", "stations", &err), -1);
    assert_non_null(strstr(err.text, "/proc/no-such-place/stations.geojsonl"));
    assert_int_equal(demo_out_open(out, fixture.dir, "half", &err), 0);
    demo_out_begin(out, "u", "o", "a");
    assert_int_equal(demo_out_end(out, 1, -2500000, &err), 0);
    demo_out_discard(out);
    assert_null(fopen(out->path, "rb"));
    assert_null(fopen(out->part, "rb"));
    free(out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_conform_to_their_definitions),
        cmocka_unit_test(unique_fields_are_unique),
        cmocka_unit_test(points_lie_in_the_area_they_name),
        cmocka_unit_test(totals_equal_the_records_behind_them),
        cmocka_unit_test(owners_are_the_enterprises_named),
        cmocka_unit_test(stock_adds_up_by_geometric_volume),
        cmocka_unit_test(states_follow_from_the_dates),
        cmocka_unit_test(licence_states_follow_from_the_dates),
        cmocka_unit_test(licences_as_drawn),
        cmocka_unit_test(hazard_times_follow_one_another),
        cmocka_unit_test(accident_grades_follow_from_harm),
        cmocka_unit_test(same_seed_gives_the_same_bytes),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(unwritable_place_is_named_and_nothing_stays),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

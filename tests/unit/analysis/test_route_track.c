/* lpg.route-hazards along the track that a vehicle drove: the same as of the line drawn by hand,
 * cut where nobody knows the way, and nobody else's. */
#include "fixture.h"

#include "kit/time.h"

#include <stdio.h>

struct fixes {
    const cim_store_v1 *store;
    const char *vehicle;
    const char *area;
    const double *lonlat;
    size_t n;
    int64_t at_ms;
    int64_t step_ms;
    int first;
};

static cim_value
text_of(const char *name, const char *text)
{
    return (cim_value){
        .name = name, .type = CIM_COL_TEXT, .len = (uint32_t)strlen(text), .v.ptr = text};
}

static cim_status
insert_fixes(void *arg, cim_tx *tx, cim_error *err)
{
    const struct fixes *fixes = arg;
    for (size_t i = 0; i < fixes->n; i++) {
        char uid[37];
        char id[24];
        uid_of(fixes->first + (int)i, uid);
        (void)snprintf(id, sizeof id, "P%d", fixes->first + (int)i);
        const cim_value values[] = {
            text_of("uid", uid),
            text_of("id", id),
            text_of("vehicle", fixes->vehicle),
            text_of("area", fixes->area),
            {.name = "lon", .type = CIM_COL_FLOAT64, .v.f64 = fixes->lonlat[2 * i]},
            {.name = "lat", .type = CIM_COL_FLOAT64, .v.f64 = fixes->lonlat[2 * i + 1]},
            {.name = "at",
             .type = CIM_COL_TIME_MS,
             .v.i64 = fixes->at_ms + fixes->step_ms * (int64_t)i},
        };
        CIM_TRY(fixes->store->exec(
            tx,
            "insert into lpg_vehicle_position (uid, version, area_code, updated_at, position_id, "
            "vehicle_no, fixed_at, lon, lat) values (:uid, 1, :area, {now}, :id, :vehicle, "
            "{time :at}, :lon, :lat)",
            values, 7, NULL, err));
    }
    return fixes->store->change(tx, "lpg.vehicle-positions", 0, CIM_CHANGE_BULK, NULL, NULL, err);
}

static void
drive(struct fixture *fixture, const char *vehicle, const char *area, const double *lonlat,
      size_t n, const char *from, int64_t step_ms)
{
    static int next = 500000;
    const cim_host *host = &fixture->fake->host;
    struct fixes fixes = {
        host->get_service(host, CIM_SERVICE_STORE), vehicle, area, lonlat, n, 0, step_ms, next};
    int64_t pos = 0;
    cim_error err = {0};
    next += (int)n;
    assert_int_equal(cim_time_parse(from, SIZE_MAX, &fixes.at_ms), CIM_OK);
    assert_ok(fixes.store->write(host, insert_fixes, &fixes, &pos, &err), &err);
}

static char *
ask_track(struct fixture *fixture, const cim_scope *scope, const char *route, cim_status expected,
          const char *says)
{
    char inputs[400];
    char *text = NULL;
    cim_error err = {0};
    (void)snprintf(inputs, sizeof inputs,
                   "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":%s}", route);
    assert_int_equal(run_text(fixture, scope, inputs, &text, &err), expected);
    if (expected != CIM_OK) {
        assert_contains(err.en, says);
        assert_true(strncmp(err.param, "route", 5) == 0);
        assert_true(err.zh[0] != '\0');
    }
    return text;
}

/* The answer to the same line, drawn. */
static char *
ask_drawn(struct fixture *fixture, const double *lonlat, size_t n)
{
    CIM_AUTO_FREE char *line = line_json(lonlat, n);
    struct cim_buf inputs;
    char *text = NULL;
    cim_error err = {0};
    cim_buf_init(&inputs, 1 << 20);
    cim_buf_addf(&inputs, "{\"distance_m\":500,\"as_of\":\"2026-11-27\",\"route\":%s}", line);
    assert_ok(run_text(fixture, fake_scope_all(), inputs.data, &text, &err), &err);
    cim_buf_done(&inputs);
    return text;
}

/* What the two answers say of the line, up to where they list the results of several. */
static void
assert_same_line(const char *piece, const char *drawn)
{
    const char *from = strstr(drawn, "\"length_m\":");
    const char *end = strstr(drawn, ",\"results\":");
    assert_non_null(from);
    assert_non_null(end);
    assert_true(end - from > 200);
    assert_non_null(strstr(piece, "\"length_m\":"));
    assert_memory_equal(strstr(piece, "\"length_m\":"), from, (size_t)(end - from));
}

static void
test_driven_track_is_the_line_that_was_driven(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 71;
    double lonlat[2 * 60];
    const size_t n = fixture_wander(&seed, 12e3, lonlat, 60);
    double twice[4 * 60];
    char *drawn = NULL;
    char *driven = NULL;
    assert_true(n > 10);
    fixture_scatter(fixture, 800);
    for (size_t i = 0; i < n; i++) { /* it stands at each place for a while */
        memcpy(twice + 4 * i, lonlat + 2 * i, 2 * sizeof *lonlat);
        memcpy(twice + 4 * i + 2, lonlat + 2 * i, 2 * sizeof *lonlat);
    }
    drive(fixture, "V1", "460105", twice, 2 * n, "2026-11-26T01:00:00Z", 20000);
    drive(fixture, "V2", "460105", twice + 8, n, "2026-11-26T01:00:00Z", 20000);
    drawn = ask_drawn(fixture, lonlat, n);
    driven = ask_track(fixture, fake_scope_all(),
                       "{\"vehicle\":\"V1\",\"from\":\"2026-11-26T09:00:00+08:00\",\"to\":"
                       "\"2026-11-26T12:00:00+08:00\"}",
                       CIM_OK, NULL);
    assert_string_equal(driven, drawn);
    free(driven);
    free(drawn);
}

static void
test_track_is_cut_where_it_is_not_known(void **state)
{
    struct fixture *fixture = *state;
    static const char span[] = "{\"vehicle\":\"V3\",\"from\":\"2026-11-26T00:00:00Z\",\"to\":"
                               "\"2026-11-27T00:00:00Z\"}";
    static const double jump[] = {108.0, 18.0};
    uint64_t seed = 73;
    double lonlat[2 * 60];
    const size_t n = fixture_wander(&seed, 25e3, lonlat, 60);
    char *drawn = NULL;
    char *driven = NULL;
    const char *piece = NULL;
    assert_true(n > 30);
    fixture_scatter(fixture, 800);
    drive(fixture, "V3", "460105", lonlat, 10, "2026-11-26T01:00:00Z", 30000);
    /* five minutes and a second later */
    drive(fixture, "V3", "460105", lonlat + 2 * 10, 10, "2026-11-26T01:09:31Z", 30000);
    /* a fix at sea, half a minute later, and one that nobody joins */
    drive(fixture, "V3", "460105", jump, 1, "2026-11-26T01:14:31Z", 30000);
    drive(fixture, "V3", "460105", lonlat + 2 * 20, n - 20, "2026-11-26T01:15:01Z", 30000);
    driven = ask_track(fixture, fake_scope_all(), span, CIM_OK, NULL);
    piece = strstr(driven, "\"id\":\"V3/2026-11-26T01:00:00.000Z/2026-11-26T01:04:30.000Z\"");
    assert_non_null(piece);
    drawn = ask_drawn(fixture, lonlat, 10);
    assert_same_line(piece, drawn);
    free(drawn);
    piece = strstr(piece, "\"id\":\"V3/2026-11-26T01:09:31.000Z/2026-11-26T01:14:01.000Z\"");
    assert_non_null(piece);
    drawn = ask_drawn(fixture, lonlat + 2 * 10, 10);
    assert_same_line(piece, drawn);
    free(drawn);
    piece = strstr(piece, "\"id\":\"V3/2026-11-26T01:15:01.000Z/");
    assert_non_null(piece);
    drawn = ask_drawn(fixture, lonlat + 2 * 20, n - 20);
    assert_same_line(piece, drawn);
    assert_null(strstr(piece + 1, "\"id\":\"V3/"));
    free(drawn);
    free(driven);
}

static void
test_tracks_are_asked_for_in_order_and_in_scope(void **state)
{
    struct fixture *fixture = *state;
    static const double lonlat[] = {110.1, 19.9, 110.105, 19.9, 110.11, 19.9};
    static const uint64_t longhua[] = {1U << 3U}; /* 460106 is the fourth area, depth first */
    const cim_term term = {.struct_size = sizeof term,
                           .actions = CIM_ACT_READ,
                           .resource = "*",
                           .areas = longhua,
                           .n_area_words = 1,
                           .from_ms = INT64_MIN,
                           .until_ms = INT64_MAX};
    const cim_term *const terms[] = {&term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    drive(fixture, "V4", "460200", lonlat, 3, "2026-11-26T01:00:00Z", 60000);
    const struct {
        const char *route;
        cim_status status;
        const char *says;
    } cases[] = {
        {"{\"vehicle\":\"V4\",\"from\":\"2026-11-26T00:00:00Z\",\"to\":\"2026-11-27T00:00:00Z\"}",
         CIM_OK, NULL},
        {"{\"vehicle\":\"V9\",\"from\":\"2026-11-26T00:00:00Z\",\"to\":\"2026-11-27T00:00:00Z\"}",
         CIM_E_NOTFOUND, "no driven track"},
        {"{\"vehicle\":\"V4\",\"from\":\"2026-11-26T00:00:00Z\",\"to\":\"2026-11-26T00:30:00Z\"}",
         CIM_E_NOTFOUND, "no driven track"},
        {"{\"vehicle\":\"V4\",\"from\":\"2026-11-27T00:00:00Z\",\"to\":\"2026-11-26T00:00:00Z\"}",
         CIM_E_INVALID, "`to` after `from`"},
        {"{\"vehicle\":\"V4\",\"from\":\"2026-11-01T00:00:00Z\",\"to\":\"2026-11-26T00:00:00Z\"}",
         CIM_E_INVALID, "7 days at most"},
        {"{\"vehicle\":\"V4\",\"from\":\"noon\",\"to\":\"2026-11-26T00:00:00Z\"}", CIM_E_INVALID,
         "expected a time"},
        {"{\"vehicle\":\"V4\",\"from\":\"2026-11-26T00:00:00Z\"}", CIM_E_INVALID,
         "expected a time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        free(ask_track(fixture, fake_scope_all(), cases[i].route, cases[i].status, cases[i].says));
    }
    free(ask_track(fixture, &scope, cases[0].route, CIM_E_NOTFOUND, "not yours to read"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_driven_track_is_the_line_that_was_driven, fixture_clear),
        cmocka_unit_test_setup(test_track_is_cut_where_it_is_not_known, fixture_clear),
        cmocka_unit_test_setup(test_tracks_are_asked_for_in_order_and_in_scope, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}

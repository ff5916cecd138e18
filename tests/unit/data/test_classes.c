/* tests/unit/data/test_classes.c -- classes that change by time, with the clock moved over every
 * border, on the layers of the repository. */
#include "fixture.h"

#include "data/calendar.h"
#include "data/classes.h"
#include "host/base/clock.h"
#include "kit/time.h"

#include <stdlib.h>

static const struct cim_area_input areas[] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
};

static int
setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    cim_error err = {0};
    assert_non_null(fixture);
    fixture->fake = fake_host_new(areas, sizeof areas / sizeof areas[0]);
    fake_host_migrate(fixture->fake, LPG_MIGRATIONS);
    assert_ok(lpg_data_open(&fixture->fake->host, LAYERS_DIR, &fixture->data, &err), &err);
    *state = fixture;
    return 0;
}

static void
set_clock(struct fixture *fixture, const char *beijing)
{
    char text[40];
    int64_t ms = 0;
    (void)snprintf(text, sizeof text, "%s+08:00", beijing);
    assert_int_equal(cim_time_parse(text, SIZE_MAX, &ms), CIM_OK);
    host_clock_set(fixture->fake->clock, ms);
}

/* The migrations are many, so all tests share a store; each begins with empty tables. */
static int
empty(void **state)
{
    static const char *const tables[] = {"lpg_enterprise", "lpg_vehicle",  "lpg_task",
                                         "lpg_hazard",     "lpg_detector", "lpg_cylinder"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char sql[80];
        cim_error err = {0};
        (void)snprintf(sql, sizeof sql, "delete from %s", tables[i]);
        assert_ok(host_store_write_one(fixture->fake->store, sql, NULL, 0, NULL, &err), &err);
    }
    set_clock(fixture, "2025-12-20T12:00:00");
    return 0;
}

static int64_t
run(struct fixture *fixture)
{
    cim_error err = {0};
    int64_t n = -1;
    assert_ok(lpg_classes_run(fixture->data, NULL, &n, &err), &err);
    return n;
}

static void
write_one(struct fixture *fixture, const char *layer, int32_t op, const struct text_rows *rows)
{
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(lpg_data_layer(fixture->data, layer), &call, op, 0, rows, &outcome, &err),
              &err);
}

/* The class at `beijing`, after the clock job has run. */
static void
expect(struct fixture *fixture, const char *beijing, const char *sql, const char *expected)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    set_clock(fixture, beijing);
    (void)run(fixture);
    assert_ok(host_store_read(fixture->fake->store, sql, NULL, 0, &rows, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 1);
    if (strcmp(cell_text(batch, 0, 0), expected) != 0) {
        fail_msg("at %s: %s, expected %s", beijing, cell_text(batch, 0, 0), expected);
    }
    if (run(fixture) != 0) {
        fail_msg("at %s: a second round found something to do", beijing);
    }
}

static const struct text_rows enterprise = {
    .n_columns = 6,
    .names = {"org_code", "name", "kind", "licence_state", "licence_from", "licence_to"},
    .n_rows = 2,
    .cells = {{"E1", "甲", "retail", "valid", "2023-03-03", "2026-03-02"},
              {"E2", "乙", "retail", "suspended", "2023-03-03", "2026-03-02"}},
};

static void
test_a_licence_expires_at_midnight_in_beijing(void **state)
{
    static const char first[] = "select licence_state from lpg_enterprise where org_code = 'E1'";
    static const char second[] = "select licence_state from lpg_enterprise where org_code = 'E2'";
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &enterprise);
    expect(fixture, "2025-12-31T23:59:59.999", first, "valid");    /* 61 days */
    expect(fixture, "2026-01-01T00:00:00.000", first, "expiring"); /* 60 */
    expect(fixture, "2026-01-02T12:00:00.000", first, "expiring"); /* 59 */
    expect(fixture, "2026-03-02T23:59:59.999", first, "expiring");
    expect(fixture, "2026-03-03T00:00:00.000", first, "expired");
    expect(fixture, "2026-03-03T00:00:00.000", second, "suspended");
}

static void
test_an_edit_changes_the_class_with_it(void **state)
{
    static const char sql[] = "select licence_state from lpg_enterprise where org_code = 'E1'";
    static const char version_sql[] = "select version from lpg_enterprise where org_code = 'E1'";
    static char fid[24];
    static const struct text_rows applied = {.n_columns = 2,
                                             .names = {"fid", "renewal_applied_on"},
                                             .n_rows = 1,
                                             .cells = {{fid, "2026-01-05"}}};
    static const struct text_rows renewed = {.n_columns = 3,
                                             .names = {"fid", "licence_from", "licence_to"},
                                             .n_rows = 1,
                                             .cells = {{fid, "2026-03-03", "2029-03-02"}}};
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &enterprise);
    expect(fixture, "2026-01-05T09:00:00", sql, "expiring");
    (void)snprintf(fid, sizeof fid, "%lld",
                   (long long)one_int(fixture, "select min(fid) from lpg_enterprise"));
    const int64_t version = one_int(fixture, version_sql);
    const int64_t pos = host_store_pos(fixture->fake->store);
    write_one(fixture, "lpg.enterprises", CIM_EDIT_UPDATE, &applied);
    expect(fixture, "2026-01-05T09:00:01", sql, "expiring_applied");
    assert_int_equal(one_int(fixture, version_sql), version + 1);
    assert_int_equal(host_store_pos(fixture->fake->store), pos + 1);
    write_one(fixture, "lpg.enterprises", CIM_EDIT_UPDATE, &renewed);
    expect(fixture, "2026-01-06T09:00:01", sql, "valid"); /* the application was of the old term */
}

/* Day by day, with nothing but the stored transition to wake the class. */
static void
test_every_day_has_the_class_of_its_definition(void **state)
{
    struct fixture *fixture = *state;
    int32_t end = 0;
    int64_t n_changed = 0;
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &enterprise);
    assert_int_equal(cim_date_parse("2026-03-02", SIZE_MAX, &end), CIM_OK);
    for (int32_t day = end - 63; day <= end + 3; day += day == end - 57 ? 54 : 1) {
        char date[CIM_TIME_TEXT_MAX];
        char noon[64];
        cim_date_format(day, date);
        (void)snprintf(noon, sizeof noon, "%.10sT12:00:00", date);
        const int32_t left = end - day;
        set_clock(fixture, noon);
        n_changed += run(fixture);
        expect(fixture, noon, "select licence_state from lpg_enterprise where org_code = 'E1'",
               left < 0     ? "expired"
               : left <= 60 ? "expiring"
                            : "valid");
    }
    assert_int_equal(n_changed, 2); /* two transitions of one; the write itself knew the rest */
}

/* Few rows take another way into the store than many; a rule has subqueries, another a boolean. */
static void
test_new_records_have_their_class_with_the_write(void **state)
{
    static const struct text_rows many = {
        .n_columns = 5,
        .names = {"org_code", "name", "kind", "licence_state", "licence_to"},
        .n_rows = 6,
        .cells = {{"E1", "甲", "retail", "expired", "2026-03-02"},
                  {"E2", "乙", "retail", "valid", "2026-03-03"},
                  {"E3", "丙", "retail", "valid", "2026-01-01"},
                  {"E4", "丁", "retail", "valid", "2025-12-31"},
                  {"E5", "戊", "retail", "suspended", "2025-12-31"},
                  {"E6", "己", "retail", "valid", NULL}}};
    static const struct text_rows hazards = {
        .n_columns = 6,
        .names = {"hazard_no", "subject", "grade", "state", "found_at", "rectify_by"},
        .n_rows = 2,
        .cells = {
            {"H1", "enterprise", "major", "found", "2025-12-01T08:00:00+08:00", "2025-12-31"},
            {"H2", "enterprise", "major", "found", "2025-12-01T08:00:00+08:00", "2026-01-01"}}};
    static const struct text_rows vehicles = {
        .n_columns = 5,
        .names = {"vehicle_no", "plate", "kind", "state", "insurance_to"},
        .n_rows = 5,
        .cells = {{"V1", "琼A10001", "cylinder_truck", "moving", "2026-03-02"},
                  {"V2", "琼A10002", "cylinder_truck", "moving", "2026-01-31"},
                  {"V3", "琼A10003", "cylinder_truck", "moving", "2025-12-31"},
                  {"V4", "琼A10004", "cylinder_truck", "moving", NULL},
                  {"V5", "琼A10005", "cylinder_truck", "moving", "2026-02-01"}}};
    struct fixture *fixture = *state;
    set_clock(fixture, "2026-01-01T00:00:00");
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &many);
    write_one(fixture, "lpg.hazards", CIM_EDIT_CREATE, &hazards);
    write_one(fixture, "lpg.vehicles", CIM_EDIT_CREATE, &vehicles);
    assert_int_equal(run(fixture), 0);
    expect(fixture, "2026-01-01T00:00:00",
           "select licence_state from lpg_enterprise where org_code = 'E1'", "expiring");
    assert_int_equal(one_int(fixture, "select count(*) from lpg_enterprise where (org_code = 'E2' "
                                      "and licence_state = 'valid') or (org_code = 'E3' and "
                                      "licence_state = 'expiring') or (org_code = 'E4' and "
                                      "licence_state = 'expired') or (org_code = 'E5' and "
                                      "licence_state = 'suspended') or (org_code = 'E6' and "
                                      "licence_state = 'valid')"),
                     5);
    assert_int_equal(one_int(fixture, "select count(*) from lpg_hazard where overdue = case when "
                                      "hazard_no = 'H1' then 1 else 0 end"),
                     2);
    assert_int_equal(one_int(fixture, "select count(*) from lpg_vehicle where papers_state = case "
                                      "plate when '琼A10002' then 'expiring' when '琼A10003' then "
                                      "'expired' else 'valid' end"),
                     5);
    assert_int_equal(one_int(fixture, "select max(version) from lpg_vehicle"), 1);
    /* Tomorrow: E2 begins its last 60 days, E3 is over, H2 is overdue, 琼A10005 is expiring. */
    set_clock(fixture, "2026-01-02T00:00:00");
    assert_int_equal(run(fixture), 4);
}

/* A transition that somebody sends is no transition. */
static void
test_nobody_writes_a_transition(void **state)
{
    static const struct text_rows rows = {
        .n_columns = 6,
        .names = {"org_code", "name", "kind", "licence_state", "licence_to", "licence_next_change"},
        .n_rows = 1,
        .cells = {{"E1", "甲", "retail", "valid", "2026-03-02", "2030-01-01T00:00:00+08:00"}}};
    static char fid[24];
    static const struct text_rows later = {.n_columns = 2,
                                           .names = {"fid", "licence_next_change"},
                                           .n_rows = 1,
                                           .cells = {{fid, "2030-01-01T00:00:00+08:00"}}};
    static const char sql[] = "select licence_state from lpg_enterprise";
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &rows);
    expect(fixture, "2026-01-01T00:00:00", sql, "expiring");
    (void)snprintf(fid, sizeof fid, "%lld",
                   (long long)one_int(fixture, "select min(fid) from lpg_enterprise"));
    write_one(fixture, "lpg.enterprises", CIM_EDIT_UPDATE, &later);
    expect(fixture, "2026-03-03T00:00:00", sql, "expired");
}

/* A clock that was years ahead for a while leaves no licence expired. */
static void
test_a_clock_that_goes_back_takes_the_classes_along(void **state)
{
    static const char sql[] = "select licence_state from lpg_enterprise where org_code = 'E1'";
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &enterprise);
    expect(fixture, "2099-01-01T00:00:00", sql, "expired");
    expect(fixture, "2025-12-20T12:00:30", sql, "valid");
    expect(fixture, "2025-12-20T12:00:00", sql, "valid"); /* some seconds are no matter */
    expect(fixture, "2026-01-01T00:00:00", sql, "expiring");
    assert_int_equal(one_int(fixture, "select version from lpg_enterprise where org_code = 'E2'"),
                     1);
}

static const struct text_rows detector = {
    .n_columns = 5,
    .names = {"detector_no", "name", "state", "reading_lel", "last_seen_at"},
    .n_rows = 1,
    .cells = {{"D1", "探测器", "normal", "20.0", "2026-01-01T10:00:00+08:00"}},
};

static void
test_a_silent_detector_is_offline_after_five_minutes(void **state)
{
    static const char sql[] = "select state from lpg_detector";
    static const struct text_rows readings[] = {
        {2, {"fid", "reading_lel"}, 1, {{"1", "20.1"}}},
        {2, {"fid", "reading_lel"}, 1, {{"1", "50.1"}}},
        {3, {"fid", "reading_lel", "last_seen_at"}, 1, {{"1", "0", "2026-01-01T10:06:00+08:00"}}}};
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.detectors", CIM_EDIT_CREATE, &detector);
    expect(fixture, "2026-01-01T10:00:10", sql, "normal");
    write_one(fixture, "lpg.detectors", CIM_EDIT_UPDATE, &readings[0]);
    expect(fixture, "2026-01-01T10:00:20", sql, "level1");
    write_one(fixture, "lpg.detectors", CIM_EDIT_UPDATE, &readings[1]);
    expect(fixture, "2026-01-01T10:04:59.999", sql, "level2");
    expect(fixture, "2026-01-01T10:05:00.000", sql, "offline");
    write_one(fixture, "lpg.detectors", CIM_EDIT_UPDATE, &readings[2]);
    expect(fixture, "2026-01-01T10:06:01", sql, "normal");
}

static void
test_a_cylinder_is_due_overdue_and_past_its_life(void **state)
{
    static const char sql[] = "select test_state from lpg_cylinder where tag_no = 'T1'";
    static const struct text_rows cylinders = {
        .n_columns = 7,
        .names = {"tag_no", "model", "state", "test_state", "manufactured_on", "next_test_on",
                  "scrap_on"},
        .n_rows = 2,
        .cells = {{"T1", "YSP35.5", "in_use", "valid", "2018-04-10", "2026-03-31", "2026-04-10"},
                  {"T2", "YSP35.5", "in_use", "valid", "2018-04-10", "2026-03-31", "2026-03-15"}},
    };
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.cylinders", CIM_EDIT_CREATE, &cylinders);
    expect(fixture, "2026-02-28T23:59:59.999", sql, "valid"); /* 31 days */
    expect(fixture, "2026-03-01T00:00:00.000", sql, "due");
    expect(fixture, "2026-03-31T23:59:59.999", sql, "due");
    expect(fixture, "2026-04-01T00:00:00.000", sql, "overdue");
    expect(fixture, "2026-04-10T00:00:00.000", sql, "scrap_due");
    /* The second reached its scrap date while its test was due. */
    expect(fixture, "2026-04-10T00:00:00.000",
           "select test_state from lpg_cylinder where tag_no = 'T2'", "scrap_due");
}

static void
test_vehicles_by_the_first_paper_and_by_silence(void **state)
{
    static const char papers[] = "select papers_state from lpg_vehicle";
    static const char vehicle_state[] = "select state from lpg_vehicle";
    static const struct text_rows vehicles = {
        .n_columns = 7,
        .names = {"vehicle_no", "plate", "kind", "state", "insurance_to", "driver_permit_to",
                  "last_fix_at"},
        .n_rows = 1,
        .cells = {{"V1", "琼A12345", "cylinder_truck", "moving", "2026-06-30", "2026-05-31",
                   "2026-01-01T10:00:00+08:00"}}};
    struct fixture *fixture = *state;
    write_one(fixture, "lpg.vehicles", CIM_EDIT_CREATE, &vehicles);
    expect(fixture, "2026-01-01T10:04:59.999", vehicle_state, "moving");
    expect(fixture, "2026-01-01T10:05:00.000", vehicle_state, "offline");
    expect(fixture, "2026-04-30T23:59:59.999", papers, "valid"); /* 31 days */
    expect(fixture, "2026-05-01T00:00:00.000", papers, "expiring");
    expect(fixture, "2026-05-31T23:59:59.999", papers, "expiring");
    expect(fixture, "2026-06-01T00:00:00.000", papers, "expired");
}

static void
test_more_than_a_slice_is_done_in_one_round(void **state)
{
    struct fixture *fixture = *state;
    struct text_rows many = {
        .n_columns = 4, .names = {"task_no", "kind", "title", "issued_at"}, .n_rows = 50};
    enum { N = 2050 };
    static char numbers[50][16];
    many.names[4] = "state";
    many.names[5] = "due_on";
    many.n_columns = 6;
    for (int first = 0; first < N; first += 50) {
        for (int i = 0; i < 50; i++) {
            (void)snprintf(numbers[i], sizeof numbers[i], "T%d", first + i);
            const char *cells[] = {numbers[i],   "instruction", "任务",
                                   "2026-01-01", "open",        "2026-01-10"};
            memcpy(many.cells[i], cells, sizeof cells);
        }
        write_one(fixture, "lpg.tasks", CIM_EDIT_CREATE, &many);
    }
    set_clock(fixture, "2026-01-05T00:00:00");
    assert_int_equal(run(fixture), 0);
    set_clock(fixture, "2026-01-11T00:00:00");
    assert_int_equal(run(fixture), N);
    assert_int_equal(one_int(fixture, "select count(*) from lpg_task where state = 'overdue'"), N);
    assert_int_equal(run(fixture), 0);
}

static void
test_the_job_does_the_same_by_itself(void **state)
{
    struct fixture *fixture = *state;
    struct lpg_clock_job *job = NULL;
    cim_error err = {0};
    write_one(fixture, "lpg.enterprises", CIM_EDIT_CREATE, &enterprise);
    set_clock(fixture, "2026-03-03T00:00:00");
    assert_ok(lpg_clock_job_start(fixture->data, &job, &err), &err);
    const int64_t deadline_ms = host_monotonic_ms() + 20000;
    while (one_int(fixture,
                   "select count(*) from lpg_enterprise where licence_state = 'expired'") != 1 &&
           host_monotonic_ms() < deadline_ms) {
    }
    lpg_clock_job_stop(job);
    assert_int_equal(
        one_int(fixture, "select count(*) from lpg_enterprise where licence_state = 'expired'"), 1);
}

/* ---- working days ---- */

static int32_t
day(const char *text)
{
    int32_t days = 0;
    assert_int_equal(cim_date_parse(text, SIZE_MAX, &days), CIM_OK);
    return days;
}

/* The holidays of spring 2026 as the State Council announced them on 2025-11-04. */
static void
test_working_days_follow_holidays_and_make_up_days(void **state)
{
    static const struct text_rows days = {.n_columns = 2,
                                          .names = {"day", "kind"},
                                          .n_rows = 11,
                                          .cells = {{"2026-02-14", "makeup"},
                                                    {"2026-02-15", "holiday"},
                                                    {"2026-02-16", "holiday"},
                                                    {"2026-02-17", "holiday"},
                                                    {"2026-02-18", "holiday"},
                                                    {"2026-02-19", "holiday"},
                                                    {"2026-02-20", "holiday"},
                                                    {"2026-02-21", "holiday"},
                                                    {"2026-02-22", "holiday"},
                                                    {"2026-02-23", "holiday"},
                                                    {"2026-02-28", "makeup"}}};
    struct fixture *fixture = *state;
    struct lpg_calendar *calendar = NULL;
    cim_error err = {0};
    write_one(fixture, "lpg.calendar-days", CIM_EDIT_CREATE, &days);
    assert_ok(lpg_calendar_load(fixture->data, &calendar, &err), &err);
    assert_true(lpg_is_working_day(calendar, day("2026-02-13")));
    assert_true(lpg_is_working_day(calendar, day("2026-02-14")));
    assert_false(lpg_is_working_day(calendar, day("2026-02-23")));
    assert_false(lpg_is_working_day(calendar, day("2026-03-01")));
    assert_false(lpg_is_working_day(calendar, day("1969-12-28"))); /* a Sunday */
    /* Friday 13, Saturday 14 works, nine days off, then Tuesday 24. */
    assert_int_equal(lpg_working_days_after(calendar, day("2026-02-13"), 1), day("2026-02-14"));
    assert_int_equal(lpg_working_days_after(calendar, day("2026-02-13"), 2), day("2026-02-24"));
    assert_int_equal(lpg_working_days_after(calendar, day("2026-02-13"), 6), day("2026-02-28"));
    assert_int_equal(lpg_working_days_after(calendar, day("2026-02-16"), 0), day("2026-02-16"));
    assert_int_equal(lpg_working_days_between(calendar, day("2026-02-13"), day("2026-02-28")), 6);
    assert_int_equal(lpg_working_days_between(calendar, day("2026-02-28"), day("2026-02-13")), -6);
    lpg_calendar_free(calendar);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_licence_expires_at_midnight_in_beijing, empty),
        cmocka_unit_test_setup(test_an_edit_changes_the_class_with_it, empty),
        cmocka_unit_test_setup(test_every_day_has_the_class_of_its_definition, empty),
        cmocka_unit_test_setup(test_new_records_have_their_class_with_the_write, empty),
        cmocka_unit_test_setup(test_nobody_writes_a_transition, empty),
        cmocka_unit_test_setup(test_a_clock_that_goes_back_takes_the_classes_along, empty),
        cmocka_unit_test_setup(test_a_silent_detector_is_offline_after_five_minutes, empty),
        cmocka_unit_test_setup(test_a_cylinder_is_due_overdue_and_past_its_life, empty),
        cmocka_unit_test_setup(test_vehicles_by_the_first_paper_and_by_silence, empty),
        cmocka_unit_test_setup(test_more_than_a_slice_is_done_in_one_round, empty),
        cmocka_unit_test_setup(test_the_job_does_the_same_by_itself, empty),
        cmocka_unit_test_setup(test_working_days_follow_holidays_and_make_up_days, empty),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}

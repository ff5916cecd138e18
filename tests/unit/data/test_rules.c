/* tests/unit/data/test_rules.c -- what the fields of one record say of each other; records that are
 * never changed. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/stat.h>

static const struct cim_area_input areas[] = {{"460000", "海南省", "province", NULL, NULL}};

static const char codes[] = "{\"kind\": {\"title\": {\"zh\": \"种类\"}, \"values\": ["
                            "{\"value\": \"open\", \"zh\": \"在办\", \"en\": \"Open\"},"
                            "{\"value\": \"done\", \"zh\": \"办结\", \"en\": \"Done\"}]}}";

static const char papers[] =
    "{\"id\": \"test.papers\", \"title\": {\"zh\": \"证\"}, \"table\": \"test_paper\",\n"
    " \"geometry\": \"None\", \"fields\": [\n"
    " {\"name\": \"name\", \"type\": \"text\", \"title\": {\"zh\": \"名\"}},\n"
    " {\"name\": \"valid_from\", \"type\": \"date\", \"title\": {\"zh\": \"起\", \"en\": "
    "\"From\"}},\n"
    " {\"name\": \"valid_to\", \"type\": \"date\", \"after\": \"valid_from\", \"title\": {\"zh\": "
    "\"止\"}},\n"
    " {\"name\": \"begun_at\", \"type\": \"time\", \"title\": {\"zh\": \"始\"}},\n"
    " {\"name\": \"ended_at\", \"type\": \"time\", \"after\": \"begun_at\", \"title\": {\"zh\": "
    "\"终\"},\n"
    "  \"required_if\": {\"field\": \"state\", \"value\": \"done\"}},\n"
    " {\"name\": \"state\", \"type\": \"code\", \"codes\": \"kind\", \"title\": {\"zh\": \"状态\", "
    "\"en\": \"State\"}},\n"
    " {\"name\": \"closed\", \"type\": \"boolean\", \"title\": {\"zh\": \"关\"}},\n"
    " {\"name\": \"reason\", \"type\": \"text\", \"title\": {\"zh\": \"因\"},\n"
    "  \"required_if\": {\"field\": \"closed\", \"value\": true}},\n"
    " {\"name\": \"opens\", \"type\": \"text\", \"check\": \"hour_minute\", \"max_length\": 5,\n"
    "  \"title\": {\"zh\": \"开\"}},\n"
    " {\"name\": \"number\", \"type\": \"text\", \"title\": {\"zh\": \"号\"},\n"
    "  \"required_if\": {\"field\": \"name\", \"absent\": true}}]}";

static const char events[] =
    "{\"id\": \"test.events\", \"title\": {\"zh\": \"事\"}, \"table\": \"test_event\",\n"
    " \"geometry\": \"None\", \"immutable\": true, \"fields\": [\n"
    " {\"name\": \"name\", \"type\": \"text\", \"title\": {\"zh\": \"名\"}}]}";

static const char migration[] =
    "create table test_paper ({record}, name {text}, valid_from {date}, valid_to {date},\n"
    "  begun_at {time}, ended_at {time}, state {text}, closed {bool}, reason {text},\n"
    "  opens {text}, number {text});\n"
    "{layer test_paper None};\n"
    "create table test_event ({record}, name {text});\n"
    "{layer test_event None};\n";

static int
setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char folder[128];
    cim_error err = {0};
    assert_non_null(fixture);
    fixture->fake = fake_host_new(areas, 1);
    fake_host_migrate_text(fixture->fake, migration);
    (void)snprintf(folder, sizeof folder, "%s/layers", fixture->fake->dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)fake_host_file(fixture->fake, "layers/codes.json", codes);
    (void)fake_host_file(fixture->fake, "layers/papers.json", papers);
    (void)fake_host_file(fixture->fake, "layers/events.json", events);
    assert_ok(lpg_data_open(&fixture->fake->host, folder, &fixture->data, &err), &err);
    *state = fixture;
    return 0;
}

/* One row; "" in `param`: it is taken. */
struct attempt {
    int32_t op;
    const char *names[4];
    const char *cells[4];
    const char *param;
    const char *zh;
};

static void
try_one(struct fixture *fixture, const char *layer, const struct attempt *attempt)
{
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows rows = {.n_rows = 1};
    struct outcome outcome;
    cim_error err = {0};
    while (rows.n_columns < 4 && attempt->names[rows.n_columns] != NULL) {
        rows.names[rows.n_columns] = attempt->names[rows.n_columns];
        rows.cells[0][rows.n_columns] = attempt->cells[rows.n_columns];
        rows.n_columns++;
    }
    const cim_status status = write_rows(lpg_data_layer(fixture->data, layer), &call, attempt->op,
                                         0, &rows, &outcome, &err);
    if (attempt->param[0] == '\0') {
        assert_ok(status, &err);
        return;
    }
    assert_int_equal(status, CIM_E_INVALID);
    assert_string_equal(err.param, attempt->param);
    if (strstr(err.zh, attempt->zh) == NULL) {
        fail_msg("%s: expected %s in it", err.zh, attempt->zh);
    }
}

static void
test_new_records(void **state)
{
    static const struct attempt attempts[] = {
        {CIM_EDIT_CREATE,
         {"name", "valid_from", "valid_to"},
         {"a", "2026-01-02", "2026-01-01"},
         "valid_to",
         "不能早于“起”"},
        {CIM_EDIT_CREATE,
         {"name", "valid_from", "valid_to"},
         {"a", "2026-01-02", "2026-01-02"},
         "",
         ""},
        {CIM_EDIT_CREATE, {"name", "valid_to"}, {"a", "2026-01-02"}, "", ""},
        {CIM_EDIT_CREATE,
         {"name", "begun_at", "ended_at"},
         {"a", "2026-01-02T08:00:00Z", "2026-01-02T07:59:59.999Z"},
         "ended_at",
         "不能早于"},
        {CIM_EDIT_CREATE, {"name", "state"}, {"a", "done"}, "ended_at", "“状态”为“办结”时必填"},
        {CIM_EDIT_CREATE, {"name", "state"}, {"a", "open"}, "", ""},
        {CIM_EDIT_CREATE, {"name", "closed"}, {"a", "true"}, "reason", "为“是”时必填"},
        {CIM_EDIT_CREATE, {"name", "closed"}, {"a", "false"}, "", ""},
        {CIM_EDIT_CREATE, {"state"}, {"open"}, "number", "为“空”时必填"},
        {CIM_EDIT_CREATE, {"number"}, {"7"}, "", ""},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        try_one(fixture, "test.papers", &attempts[i]);
    }
    assert_int_equal(one_int(fixture, "select count(*) from test_paper"), 5);
}

static void
test_updates_count_what_is_stored(void **state)
{
    static const struct attempt attempts[] = {
        {CIM_EDIT_CREATE,
         {"name", "valid_from", "valid_to", "state"},
         {"a", "2026-01-02", "2026-03-01", "open"},
         "",
         ""},
        {CIM_EDIT_UPDATE, {"fid", "valid_to"}, {"1", "2026-01-01"}, "valid_to", "不能早于“起”"},
        {CIM_EDIT_UPDATE, {"fid", "valid_from"}, {"1", "2026-03-02"}, "valid_to", "不能早于“起”"},
        {CIM_EDIT_UPDATE,
         {"fid", "valid_from", "valid_to"},
         {"1", "2026-03-02", "2026-03-03"},
         "",
         ""},
        {CIM_EDIT_UPDATE, {"fid", "state"}, {"1", "done"}, "ended_at", "必填"},
        {CIM_EDIT_UPDATE,
         {"fid", "state", "ended_at"},
         {"1", "done", "2026-01-01T00:00:00Z"},
         "",
         ""},
        {CIM_EDIT_UPDATE, {"fid", "ended_at"}, {"1", NULL}, "ended_at", "必填"},
        {CIM_EDIT_UPDATE, {"fid", "name"}, {"1", NULL}, "number", "为“空”时必填"},
        {CIM_EDIT_UPDATE,
         {"fid", "begun_at"},
         {"1", "2026-01-01T00:00:00.001Z"},
         "ended_at",
         "不能早于"},
        {CIM_EDIT_REPLACE, {"fid", "number"}, {"1", "7"}, "", ""},
        {CIM_EDIT_REPLACE, {"fid", "state"}, {"1", "done"}, "ended_at", "必填"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        try_one(fixture, "test.papers", &attempts[i]);
    }
    assert_int_equal(one_int(fixture, "select version from test_paper"), 4);
}

static void
test_times_of_day_lose_their_seconds(void **state)
{
    static const struct attempt attempts[] = {
        {CIM_EDIT_CREATE, {"name", "opens"}, {"a", "07:30:00"}, "", ""},
        {CIM_EDIT_CREATE, {"name", "opens"}, {"a", "07:30"}, "", ""},
        {CIM_EDIT_CREATE, {"name", "opens"}, {"a", "07:30:01"}, "opens", "最多 5"},
        {CIM_EDIT_CREATE, {"name", "opens"}, {"a", "7:30"}, "opens", "应为时刻"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        try_one(fixture, "test.papers", &attempts[i]);
    }
    assert_int_equal(one_int(fixture, "select count(*) from test_paper where opens = '07:30'"), 2);
}

static void
test_what_is_immutable_is_never_changed(void **state)
{
    static const struct text_rows one = {
        .n_columns = 1, .names = {"name"}, .n_rows = 1, .cells = {{"a"}}};
    static const struct text_rows other = {
        .n_columns = 2, .names = {"fid", "name"}, .n_rows = 1, .cells = {{"1", "b"}}};
    struct fixture *fixture = *state;
    struct lpg_layer *layer = lpg_data_layer(fixture->data, "test.events");
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(layer, &call, CIM_EDIT_CREATE, 0, &one, &outcome, &err), &err);
    for (int32_t op = CIM_EDIT_REPLACE; op <= CIM_EDIT_DELETE; op++) {
        assert_int_equal(write_rows(layer, &call, op, 0, &other, &outcome, &err), CIM_E_STATE);
        assert_non_null(strstr(err.zh, "写入后不可更改"));
    }
    assert_int_equal(one_int(fixture, "select version from test_event where name = 'a'"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_new_records, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_updates_count_what_is_stored, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_times_of_day_lose_their_seconds, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_immutable_is_never_changed, setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The plugin template, end to end: its layer shows what the scope covers, its route counts that. */
#include "fixture.h"

#include "host/identity/internal.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <stdio.h>

#define PASSWORD "Gas-bottle-1"

static const struct {
    const char *area;
    const char *owner;
    double x;
    const char *body;
} notes[] = {
    {"460105", "org-a", 110.25, "秀英"},
    {"460106", "org-b", 110.33, "龙华"},
    {"4602", NULL, 109.5, "三亚"},
    {NULL, "org-a", 109.0, "无区划"},
};

static cim_status
insert_notes(void *arg, cim_tx *tx, cim_error *err)
{
    (void)arg;
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        uint8_t wkb[21];
        char uid[40];
        const cim_value values[] = {
            {.name = "uid", .type = CIM_COL_TEXT, .len = 5, .v.ptr = uid},
            {.name = "area",
             .type = notes[i].area != NULL ? CIM_COL_TEXT : 0,
             .len = notes[i].area != NULL ? (uint32_t)strlen(notes[i].area) : 0,
             .v.ptr = notes[i].area},
            {.name = "owner",
             .type = notes[i].owner != NULL ? CIM_COL_TEXT : 0,
             .len = notes[i].owner != NULL ? (uint32_t)strlen(notes[i].owner) : 0,
             .v.ptr = notes[i].owner},
            {.name = "geom", .type = CIM_COL_WKB, .len = sizeof wkb, .v.ptr = wkb},
            {.name = "body",
             .type = CIM_COL_TEXT,
             .len = (uint32_t)strlen(notes[i].body),
             .v.ptr = notes[i].body},
        };
        (void)snprintf(uid, sizeof uid, "uid-%zu", i);
        cim_wkb_from_point(notes[i].x, 20.0, wkb);
        CIM_TRY(host_store_exec(tx,
                                "insert into template_note (uid, area_code, owner_org, updated_at, "
                                "geom, body) values (:uid, :area, :owner, {now}, {geom :geom}, "
                                ":body)",
                                values, 5, NULL, err));
    }
    return host_store_change(tx, "template.notes", 0, CIM_CHANGE_BULK, NULL, NULL, err);
}

static void
put_account(struct fixture *fixture, const char *username, const char *areas)
{
    const struct host_account_input input = {.username = username,
                                             .display_name = username,
                                             .password = PASSWORD,
                                             .roles = "note-reader",
                                             .areas = areas,
                                             .until_ms = INT64_MAX};
    cim_error error = {0};
    assert_ok(host_identity_put_account(fixture->app.identity, &input, &error), &error);
}

static int
setup(void **state)
{
    struct fixture *fixture = fixture_new(TEMPLATE_BUNDLES, NULL);
    char path[128];
    int64_t count = 0;
    cim_error error = {0};
    fixture_file(fixture, "in", "areas.csv",
                 "code,name,level,parent\n46,海南,province,\n4601,海口,city,46\n"
                 "460105,秀英,county,4601\n460106,龙华,county,4601\n4602,三亚,city,46\n");
    (void)snprintf(path, sizeof path, "%s/in/areas.csv", fixture->dir);
    assert_ok(host_areas_import(fixture->app.areas, path, &count, &error), &error);
    put_account(fixture, "haikou", "4601");
    put_account(fixture, "province", "*");
    assert_ok(host_plugins_enable(fixture->app.plugins, "template", &error), &error);
    assert_ok(host_store_write(fixture->app.store, insert_notes, NULL, NULL, &error), &error);
    *state = fixture;
    return 0;
}

static int
teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* A call as `username` makes it, inside the plugin. */
struct asked {
    struct host_principal *principal;
    const struct host_layer *layer;
    cim_call call;
};

static void
ask_as(struct fixture *fixture, const char *username, struct asked *asked)
{
    cim_error error = {0};
    memset(asked, 0, sizeof *asked);
    asked->call.struct_size = sizeof asked->call;
    asked->call.now_ms = FIXTURE_NOW_MS;
    if (username != NULL) {
        assert_ok(host_principal_get(fixture->app.identity, username, &asked->principal, &error),
                  &error);
    }
    assert_ok(host_identity_scope(fixture->app.identity, asked->principal, "template.notes",
                                  CIM_ACT_READ, FIXTURE_NOW_MS, &asked->call.scope, &error),
              &error);
    assert_ok(host_plugins_enter_layer(fixture->app.plugins, "template.notes", &asked->call,
                                       &asked->layer, &error),
              &error);
}

static void
asked_done(struct fixture *fixture, struct asked *asked)
{
    host_plugins_leave(fixture->app.plugins, "template");
    host_principal_release(asked->principal);
}

static int64_t
count_as(struct fixture *fixture, const char *username, const cim_query *query)
{
    struct asked asked;
    int64_t count = -1;
    cim_error error = {0};
    ask_as(fixture, username, &asked);
    assert_ok(asked.layer->layer.count(asked.layer->layer.self, &asked.call, query, &count, &error),
              &error);
    asked_done(fixture, &asked);
    return count;
}

static void
test_template_layer_shows_what_the_scope_covers(void **state)
{
    struct fixture *fixture = *state;
    const cim_query all = {.struct_size = sizeof all};
    const cim_query box = {.struct_size = sizeof box,
                           .flags = CIM_QUERY_BBOX,
                           .bbox_w_deg = 110.3,
                           .bbox_s_deg = 19,
                           .bbox_e_deg = 111,
                           .bbox_n_deg = 21};
    assert_int_equal(count_as(fixture, "province", &all), 4);
    assert_int_equal(count_as(fixture, "haikou", &all), 2);
    assert_int_equal(count_as(fixture, NULL, &all), 0);
    assert_int_equal(count_as(fixture, "haikou", &box), 1);
}

static void
test_template_query_gives_records(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    const cim_query query = {.struct_size = sizeof query, .limit = 1};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    const uint8_t *body = NULL;
    double bbox[4] = {0};
    size_t len = 0;
    cim_error error = {0};
    ask_as(fixture, "haikou", &asked);
    assert_ok(asked.layer->layer.query(asked.layer->layer.self, &asked.call, &query, &rows, &error),
              &error);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 1);
    body = cim_column_bytes(batch->columns[CIM_RECORD_GEOM + 1], 0, &len);
    assert_int_equal(len, strlen("秀英"));
    assert_memory_equal(body, "秀英", len);
    assert_int_equal(cim_column_i64(batch->columns[CIM_RECORD_UPDATED_AT], 0), FIXTURE_NOW_MS);
    assert_ok(rows->next(rows, &batch, &error), &error);
    assert_int_equal(batch->n_rows, 0);
    assert_ok(asked.layer->layer.extent(asked.layer->layer.self, &asked.call,
                                        &(const cim_query){.struct_size = sizeof query}, bbox,
                                        &error),
              &error);
    assert_true(bbox[0] == 110.25 && bbox[2] == 110.33 && bbox[1] == 20.0);
    asked_done(fixture, &asked);
}

static void
test_template_query_says_what_it_does_not_do(void **state)
{
    struct fixture *fixture = *state;
    struct asked asked;
    const cim_query query = {.struct_size = sizeof query, .area = "4601"};
    int64_t count = 0;
    cim_error error = {0};
    ask_as(fixture, "province", &asked);
    assert_int_equal(
        asked.layer->layer.count(asked.layer->layer.self, &asked.call, &query, &count, &error),
        CIM_E_UNSUPPORTED);
    asked_done(fixture, &asked);
}

static void
test_template_route_counts_for_who_asks(void **state)
{
    struct fixture *fixture = *state;
    const struct host_http_gate gate = host_plugins_http_gate(fixture->app.plugins);
    const struct host_http_auth auth = host_identity_http_auth(fixture->app.identity);
    static const struct {
        const char *username;
        const char *answer;
    } wanted[] = {{"province", "{\"greeting\":\"你好\",\"notes\":4}"},
                  {"haikou", "{\"greeting\":\"你好\",\"notes\":2}"}};
    for (size_t i = 0; i < 2; i++) {
        struct cim_http_req req = {.method = "GET", .path = "/apps/template/api/count"};
        char token[HOST_TOKEN_TEXT];
        cim_error error = {0};
        assert_ok(host_sessions_begin(&fixture->app.identity->sessions,
                                      &(struct host_session_start){.kind = HOST_SESSION_COOKIE,
                                                                   .username = wanted[i].username,
                                                                   .now_ms = FIXTURE_NOW_MS,
                                                                   .life_ms = 60000},
                                      token, &error),
                  &error);
        req.cookies[0] = (struct fake_header){"cim_session", token};
        assert_ok(fake_http_run(fixture->app.http, &auth, &gate, &req, FIXTURE_NOW_MS, &error),
                  &error);
        assert_int_equal(req.status, 200);
        assert_string_equal(req.answer, wanted[i].answer);
        fake_http_done(&req);
        /* Its manifest names no parameter. */
        req = (struct cim_http_req){.method = "GET", .path = "/apps/template/api/count"};
        req.cookies[0] = (struct fake_header){"cim_session", token};
        req.query[0] = (struct fake_header){"limit", "5"};
        assert_int_equal(
            fake_http_run(fixture->app.http, &auth, &gate, &req, FIXTURE_NOW_MS, &error),
            CIM_E_INVALID);
        assert_string_equal(error.param, "limit");
        fake_http_done(&req);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_template_layer_shows_what_the_scope_covers),
        TEST(test_template_query_gives_records),
        TEST(test_template_query_says_what_it_does_not_do),
        TEST(test_template_route_counts_for_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/data/test_write.c -- edits: checked, scoped, whole or not at all, noted. */
#include "fixture.h"

#include <stdlib.h>

static const struct text_rows good = {
    .n_columns = 13,
    .names = {"name", "code", "kind", "size", "pieces", "made_up", "built_on", "seen_at", "phone",
              "keeper", "area_code", "owner_org", "geom"},
    .n_rows = 3,
    .cells = {{"甲", "A1", "big", "1.5", "3", "true", "2024-02-29", "2026-01-31T08:00:00Z",
               "13800138000", "张小三", "460105", "acme", "110.3 20.0"},
              {"乙", "A2", "小", "-100", "0", "否", "2024/3/5", "2026-01-31", "0898-66668888",
               "李四", "460121", "acme", "109.5 18.2"},
              {"丙", NULL, NULL, "", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL}},
};

static cim_rows *
query_all(struct lpg_layer *layer, const cim_scope *scope)
{
    const cim_call call = fake_call(scope);
    const cim_query query = {.struct_size = sizeof query};
    cim_rows *rows = NULL;
    cim_error err = {0};
    assert_ok(lpg_layer_query(layer, &call, &query, &rows, &err), &err);
    return rows;
}

static void
create_good(struct fixture *fixture)
{
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &good, &outcome, &err), &err);
    assert_int_equal(outcome.edit.n_written, 3);
    assert_int_equal(outcome.edit.n_refused, 0);
    assert_int_equal(outcome.edit.last_fid, one_int(fixture, "select max(fid) from test_thing"));
    assert_true(outcome.edit.pos > 0);
}

static void
test_create_stores_what_was_meant(void **state)
{
    struct fixture *fixture = *state;
    create_good(fixture);
    CIM_AUTO_ROWS cim_rows *rows = query_all(fixture->things, fake_scope_all());
    const cim_batch *batch = NULL;
    static const char *const expected[3][11] = {
        {"460105", "110.3 20", "甲", "A1", "big", "1.5", "3", "1", "2024-02-29", "1769846400000",
         "13800138000"},
        {"460105", "109.5 18.199999999999999", "乙", "A2", "small", "-100", "0", "0", "2024-03-05",
         "1769788800000", "0898-66668888"},
        {"(absent)", "(absent)", "丙", "(absent)", "(absent)", "(absent)", "(absent)", "(absent)",
         "(absent)", "(absent)", "(absent)"}};
    static const uint32_t columns[] = {4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    cim_error err = {0};
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 3);
    for (int64_t row = 0; row < 3; row++) {
        for (size_t i = 0; i < 11; i++) {
            assert_string_equal(cell_text(batch, columns[i], row), expected[row][i]);
        }
        assert_int_equal(cim_column_i64(batch->columns[0], row), row + 1);
        assert_int_equal(cim_column_i64(batch->columns[2], row), 1);
        assert_int_equal(cim_column_i64(batch->columns[5], row), FAKE_NOW_MS);
        assert_int_equal(strlen(cell_text(batch, 1, row)), 36);
        assert_int_equal(cell_text(batch, 1, row)[14], '7');
    }
    assert_string_equal(cell_text(batch, 3, 0), "acme");
    assert_true(strcmp(cell_text(batch, 1, 0), cell_text(batch, 1, 1)) < 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where op = 1"), 3);
}

struct bad_cell {
    const char *column;
    const char *value;
    const char *message;
};

static void
test_each_bad_value_is_refused_by_field_and_expectation(void **state)
{
    struct fixture *fixture = *state;
    static const struct bad_cell cases[] = {
        {"name", NULL, "required"},
        {"name", "一二三四五六七八九十一二三", "at most 12"},
        {"name", "\xFF", "UTF-8"},
        {"kind", "huge", "big small"},
        {"size", "100.01", "from -100 to 100"},
        {"size", "1,5", "a number"},
        {"size", "nan", "a number"},
        {"size", "0x10", "a number"},
        {"pieces", "1.5", "whole"},
        {"pieces", "-1", "no less than 0"},
        {"pieces", "99999999999999999999", "whole"},
        {"made_up", "maybe", "true or false"},
        {"built_on", "2023-02-29", "a date"},
        {"built_on", "29.2.2024", "a date"},
        {"seen_at", "yesterday", "a time"},
        {"phone", "138", ""},
        {"phone", "138****8000", "masked"},
        {"keeper", "张*三", "masked"},
        {"area_code", "460999", "no such code"},
        {"uid", "not-a-uid", "UUID"},
        {"geom", "200 20", "longitude"},
        {"geom", "110 -91", "latitude"},
    };
    const cim_call call = fake_call(fake_scope_all());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text_rows rows = {.n_columns = 2,
                                 .names = {"name", cases[i].column},
                                 .n_rows = 1,
                                 .cells = {{"x", cases[i].value}}};
        struct outcome outcome;
        cim_error err = {0};
        if (strcmp(cases[i].column, "name") == 0) {
            rows.n_columns = 1;
            rows.cells[0][0] = cases[i].value;
        }
        if (strcmp(cases[i].value != NULL ? cases[i].value : "", "138") == 0) {
            rows.cells[0][1] = "7-3-8"; /* three digits could be a service number */
        }
        const cim_status status =
            write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err);
        if (status != CIM_E_INVALID) {
            fail_msg("%s = %s: status %d", cases[i].column, cases[i].value, status);
        }
        assert_string_equal(err.param, cases[i].column);
        assert_contains(err.en, cases[i].message);
        assert_true(err.zh[0] != '\0');
        assert_int_equal(outcome.n_told, 1);
        assert_int_equal(outcome.row[0], 1);
        assert_int_equal(outcome.edit.n_written, 0);
    }
    assert_int_equal(count_all(fixture, fixture->things), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change"), 0);
}

static void
test_unknown_column_refuses_the_edit(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows rows = {
        .n_columns = 2, .names = {"name", "nam"}, .n_rows = 1, .cells = {{"x", "y"}}};
    const struct text_rows twice = {
        .n_columns = 2, .names = {"name", "name"}, .n_rows = 1, .cells = {{"x", "y"}}};
    const struct text_rows note = {
        .n_columns = 2, .names = {"body", "geom"}, .n_rows = 1, .cells = {{"x", "1 2"}}};
    struct outcome outcome;
    cim_error err = {0};
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "nam");
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &twice, &outcome, &err),
                     CIM_E_INVALID);
    assert_int_equal(write_rows(fixture->notes, &call, CIM_EDIT_CREATE, 0, &note, &outcome, &err),
                     CIM_E_INVALID);
    assert_string_equal(err.param, "geom");
}

static void
test_batch_is_whole_or_row_wise(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows rows = {
        .n_columns = 2,
        .names = {"name", "code"},
        .n_rows = 5,
        .cells = {{"a", "1"}, {"b", "2"}, {"c", "1"}, {NULL, "3"}, {"e", "4"}}};
    struct outcome outcome;
    cim_error err = {0};
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &rows, &outcome, &err),
                     CIM_E_EXISTS);
    assert_string_equal(err.param, "code");
    assert_string_equal(err.value, "1");
    assert_int_equal(outcome.edit.n_read, 5);
    assert_int_equal(outcome.edit.n_written, 0);
    assert_int_equal(outcome.edit.n_refused, 2);
    assert_int_equal(count_all(fixture, fixture->things), 0);

    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE,
                         CIM_EDIT_ROW_WISE | CIM_EDIT_DRY_RUN, &rows, &outcome, &err),
              &err);
    assert_int_equal(outcome.edit.n_written, 3);
    assert_int_equal(count_all(fixture, fixture->things), 0);

    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, CIM_EDIT_ROW_WISE, &rows,
                         &outcome, &err),
              &err);
    assert_int_equal(outcome.edit.n_written, 3);
    assert_int_equal(outcome.edit.n_refused, 2);
    assert_int_equal(outcome.n_told, 2);
    assert_int_equal(outcome.row[0], 3);
    assert_int_equal(outcome.why[0].code, CIM_E_EXISTS);
    assert_int_equal(outcome.row[1], 4);
    assert_string_equal(outcome.why[1].param, "name");
    assert_int_equal(count_all(fixture, fixture->things), 3);
}

static void
test_transaction_that_runs_again_writes_once(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    const struct text_rows rows = {
        .n_columns = 1, .names = {"name"}, .n_rows = 3, .cells = {{"a"}, {NULL}, {"c"}}};
    struct outcome outcome;
    cim_error err = {0};
    fixture->fake->rolled_back_times = 2;
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, CIM_EDIT_ROW_WISE, &rows,
                         &outcome, &err),
              &err);
    fixture->fake->rolled_back_times = 0;
    assert_int_equal(outcome.edit.n_written, 2);
    assert_int_equal(outcome.n_told, 1);
    assert_int_equal(count_all(fixture, fixture->things), 2);
}

static void
test_update_replace_delete_follow_versions(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows update = {.n_columns = 3,
                               .names = {"fid", "version", "size"},
                               .n_rows = 1,
                               .cells = {{"1", "1", "7"}}};
    const struct text_rows replace = {
        .n_columns = 2, .names = {"fid", "name"}, .n_rows = 1, .cells = {{"1", "新"}}};
    const struct text_rows delete = {
        .n_columns = 2, .names = {"fid", "version"}, .n_rows = 1, .cells = {{"1", "3"}}};
    struct outcome outcome;
    cim_error err = {0};
    create_good(fixture);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &update, &outcome, &err),
              &err);
    assert_int_equal(outcome.edit.last_fid, 1);
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &update, &outcome, &err),
        CIM_E_VERSION);
    assert_string_equal(err.param, "version");
    assert_contains(err.en, "2 now");
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where fid = 1 and version = "
                                      "2 and size = 7 and code = 'A1'"),
                     1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_REPLACE, 0, &replace, &outcome, &err),
              &err);
    /* All is replaced but what may have been masked for the one who replaces. */
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where fid = 1 and version = "
                                      "3 and size is null and code is null and geom is null and "
                                      "phone like 'e1:1:%'"),
                     1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_DELETE, 0, &delete, &outcome, &err),
              &err);
    assert_int_equal(count_all(fixture, fixture->things), 2);
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_DELETE, 0, &delete, &outcome, &err),
        CIM_E_NOTFOUND);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where fid = 1 and op = 3"),
                     1);
    update.cells[0][0] = NULL;
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &update, &outcome, &err),
        CIM_E_INVALID);
}

/* ---- scope ---- */

static const uint64_t xiuying[] = {1U << 2U}; /* 460105 alone */
static const cim_term county_term = {.struct_size = sizeof county_term,
                                     .actions = 63,
                                     .resource = "test.*",
                                     .areas = xiuying,
                                     .n_area_words = 1,
                                     .sensitive_mode = CIM_FIELD_MASKED,
                                     .from_ms = INT64_MIN,
                                     .until_ms = INT64_MAX};
static const cim_term owner_term = {.struct_size = sizeof owner_term,
                                    .actions = 63,
                                    .resource = "test.*",
                                    .all_areas = 1,
                                    .owner_org = "acme",
                                    .sensitive_mode = CIM_FIELD_CLEAR,
                                    .filter_json =
                                        "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"big\"]}",
                                    .from_ms = INT64_MIN,
                                    .until_ms = INT64_MAX};

static void
assert_audited(struct fixture *fixture, int64_t count, const char *where)
{
    char sql[400];
    (void)snprintf(sql, sizeof sql, "select count(*) from cim_audit_pending where %s", where);
    if (one_int(fixture, sql) != count) {
        print_message("%s\n", sql);
    }
    assert_int_equal(one_int(fixture, sql), count);
}

/* One entry for many records and one for each single one; names of fields and never a value. */
static void
test_edits_are_audited(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    const struct text_rows update = {.n_columns = 5,
                                     .names = {"fid", "name", "kind", "phone", "area_code"},
                                     .n_rows = 1,
                                     .cells = {{"1", "甲", "small", "13900139000", "460200"}}};
    const struct text_rows replace = {
        .n_columns = 2, .names = {"fid", "name"}, .n_rows = 1, .cells = {{"2", "乙"}}};
    const struct text_rows gone = {.n_columns = 1, .names = {"fid"}, .n_rows = 1, .cells = {{"3"}}};
    create_good(fixture);
    assert_audited(fixture, 1, "action = 'create'");
    assert_audited(fixture, 1,
                   "action = 'create' and layer = 'test.things' and principal = 'test' and "
                   "record_fid is null and detail like '{\"records\":3,\"batch\":\"%\"}'");
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &update, &outcome, &err),
              &err);
    assert_audited(fixture, 1,
                   "action = 'update' and record_fid = 1 and length(record_uid) = 36 and area_code "
                   "= '460200' and owner_org = 'acme' and "
                   "detail = '{\"fields\":[\"area_code\",\"kind\",\"phone\"]}'");
    /* What is not given goes, but what is sensitive stays: so it is not told as changed. */
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_REPLACE, 0, &replace, &outcome, &err),
              &err);
    assert_audited(fixture, 1,
                   "action = 'update' and record_fid = 2 and detail = '{\"fields\":[\"geom\","
                   "\"code\",\"kind\",\"size\",\"pieces\",\"made_up\",\"built_on\",\"seen_at\"]}'");
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_DELETE, 0, &gone, &outcome, &err), &err);
    assert_audited(fixture, 1, "action = 'delete' and record_fid = 3 and detail is null");
    /* What was refused, or only tried, left nothing. */
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_DELETE, 0, &gone, &outcome, &err),
                     CIM_E_NOTFOUND);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, CIM_EDIT_DRY_RUN, &update,
                         &outcome, &err),
              &err);
    assert_audited(fixture, 4, "1 = 1");
    assert_audited(fixture, 0, "detail like '%139%' or detail like '%甲%'");
}

/* An edit of several records keeps what they were, as texts by column, and says under which id. */
static void
test_batch_keeps_what_was(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    char sql[600];
    const struct text_rows update = {.n_columns = 2,
                                     .names = {"fid", "kind"},
                                     .n_rows = 2,
                                     .cells = {{"1", "small"}, {"2", "big"}}};
    const struct text_rows back = {.n_columns = 3,
                                   .names = {"fid", "version", "kind"},
                                   .n_rows = 1,
                                   .cells = {{"1", "2", "big"}}};
    create_good(fixture);
    assert_int_equal(one_int(fixture, "select count(*) from cim_batch_row where record_fid = 1 and "
                                      "last_fid = 3 and version = 1 and image is null"),
                     1);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &update, &outcome, &err),
              &err);
    assert_int_equal(strlen(outcome.edit.batch), 36);
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from cim_batch where id = '%s' and op = 3 and records = 2 and "
                   "layer = 'test.things' and principal = 'test'",
                   outcome.edit.batch);
    assert_int_equal(one_int(fixture, sql), 1);
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from cim_batch_row where batch = '%s' and record_fid = 1 and "
                   "version = 2 and image like '{\"fid\":\"1\",\"uid\":\"%%\",\"version\":\"1\","
                   "\"owner_org\":\"acme\",\"area_code\":\"460105\",\"updated_at\":\"1970-%%Z\","
                   "\"geom\":\"0101000000%%\",\"name\":\"甲\",\"code\":\"A1\",\"kind\":\"big\","
                   "\"size\":\"1.5\",\"pieces\":\"3\",\"made_up\":\"1\",%%'",
                   outcome.edit.batch);
    assert_int_equal(one_int(fixture, sql), 1);
    /* One record is none, but for an undo. */
    assert_ok(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, CIM_EDIT_UNDO, &back, &outcome, &err),
        &err);
    assert_int_equal(strlen(outcome.edit.batch), 36);
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &back, &outcome, &err),
                     CIM_E_VERSION);
    assert_string_equal(outcome.edit.batch, "");
    assert_int_equal(one_int(fixture, "select count(*) from cim_batch"), 3);
}

static void
test_writing_outside_the_scope_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const cim_term *const terms[] = {&county_term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    const cim_scope nothing = {.struct_size = sizeof nothing};
    const cim_call call = fake_call(&scope);
    const cim_call nobody = fake_call(&nothing);
    const struct text_rows rows = {
        .n_columns = 2,
        .names = {"name", "area_code"},
        .n_rows = 4,
        .cells = {{"in", "460105"}, {"out", "460106"}, {"none", NULL}, {"above", "460100"}}};
    const struct text_rows leave = {
        .n_columns = 2, .names = {"fid", "area_code"}, .n_rows = 1, .cells = {{"1", "460106"}}};
    const struct text_rows foreign = {
        .n_columns = 2, .names = {"fid", "name"}, .n_rows = 1, .cells = {{"3", "mine"}}};
    struct outcome outcome;
    cim_error err = {0};
    assert_int_equal(
        write_rows(fixture->things, &nobody, CIM_EDIT_CREATE, 0, &rows, &outcome, &err),
        CIM_E_DENIED);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, CIM_EDIT_ROW_WISE, &rows,
                         &outcome, &err),
              &err);
    assert_int_equal(outcome.edit.n_written, 1);
    assert_int_equal(outcome.n_told, 3);
    assert_int_equal(outcome.why[0].code, CIM_E_DENIED);
    assert_int_equal(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &leave, &outcome, &err),
                     CIM_E_DENIED);
    create_good(fixture);
    /* fid 4 has no area: not there, for this caller. */
    assert_int_equal(
        write_rows(
            fixture->things, &call, CIM_EDIT_DELETE, 0,
            &(struct text_rows){.n_columns = 1, .names = {"fid"}, .n_rows = 1, .cells = {{"4"}}},
            &outcome, &err),
        CIM_E_NOTFOUND);
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &foreign, &outcome, &err),
              &err);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where op = 2"), 1);
}

static void
test_row_filter_of_a_term_holds_for_writing(void **state)
{
    struct fixture *fixture = *state;
    const cim_term *const terms[] = {&owner_term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    const cim_call call = fake_call(&scope);
    const struct text_rows rows = {.n_columns = 2,
                                   .names = {"name", "kind"},
                                   .n_rows = 3,
                                   .cells = {{"a", "big"}, {"b", "small"}, {"c", NULL}}};
    const struct text_rows shrink = {
        .n_columns = 2, .names = {"fid", "kind"}, .n_rows = 1, .cells = {{"1", "small"}}};
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, CIM_EDIT_ROW_WISE, &rows,
                         &outcome, &err),
              &err);
    assert_int_equal(outcome.edit.n_written, 1);
    assert_int_equal(count_all(fixture, fixture->things), 1);
    /* The only organisation of the grant becomes the owner. */
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where owner_org = 'acme'"),
                     1);
    assert_int_equal(
        write_rows(fixture->things, &call, CIM_EDIT_UPDATE, 0, &shrink, &outcome, &err),
        CIM_E_STATE);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where kind = 'big'"), 1);
}

static void
test_masks_follow_the_terms_of_each_record(void **state)
{
    struct fixture *fixture = *state;
    const cim_term *const terms[] = {&county_term, &owner_term};
    const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 2, .terms = terms, .areas_version = 5};
    const struct text_rows more = {
        .n_columns = 6,
        .names = {"name", "kind", "area_code", "owner_org", "phone", "keeper"},
        .n_rows = 4,
        .cells = {{"both", "big", "460105", "acme", "13800138000", "张小三"},
                  {"county", "small", "460105", "acme", "13800138000", "张小三"},
                  {"owner", "big", "469001", "acme", "13800138000", "张小三"},
                  {"neither", "big", "469001", "other", "13800138000", "张小三"}}};
    const cim_call all = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    assert_ok(write_rows(fixture->things, &all, CIM_EDIT_CREATE, 0, &more, &outcome, &err), &err);
    CIM_AUTO_ROWS cim_rows *rows = query_all(fixture->things, &scope);
    const cim_batch *batch = NULL;
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 3);
    const uint32_t phone = (uint32_t)cim_rows_column(rows, "phone");
    assert_string_equal(cell_text(batch, 7, 0), "both");
    assert_string_equal(cell_text(batch, phone, 0), "13800138000");
    assert_string_equal(cell_text(batch, phone + 1, 0), "张小三");
    assert_string_equal(cell_text(batch, 7, 1), "county");
    assert_string_equal(cell_text(batch, phone, 1), "138****8000");
    assert_string_equal(cell_text(batch, phone + 1, 1), "张*三");
    assert_string_equal(cell_text(batch, 7, 2), "owner");
    assert_string_equal(cell_text(batch, phone, 2), "13800138000");
    assert_int_equal(rows->n_columns, 17);
    assert_int_equal(batch->n_columns, 17);
}

/* ---- geometries ---- */

static void
put_polygon(struct cim_buf *to, const double *xy, uint32_t n_points)
{
    const uint8_t header[] = {1, 3, 0, 0, 0, 1, 0, 0, 0, (uint8_t)n_points, 0, 0, 0};
    cim_buf_add(to, header, sizeof header);
    cim_buf_add(to, xy, n_points * 2 * sizeof *xy);
}

struct one_wkb {
    const struct cim_buf *wkb;
    bool done;
};

static cim_status
fill_one(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct one_wkb *one = self;
    if (one->done) {
        return CIM_OK;
    }
    one->done = true;
    cim_batch_append_bytes(builder, 0, one->wkb->data, one->wkb->len);
    return cim_batch_builder_end_row(builder, err);
}

static cim_status
write_zone(struct fixture *fixture, const struct cim_buf *wkb, cim_error *err)
{
    static const char *const names[] = {"geom"};
    static const uint32_t types[] = {CIM_COL_WKB};
    const cim_call call = fake_call(fake_scope_all());
    struct one_wkb one = {.wkb = wkb};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    assert_ok(cim_rows_new(1, names, types, fill_one, NULL, &one, &rows, err), err);
    cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
    return lpg_layer_write(fixture->zones, &call, &edit, err);
}

static void
test_polygon_becomes_a_multi_polygon(void **state)
{
    struct fixture *fixture = *state;
    static const double square[] = {109, 18, 110, 18, 110, 19, 109, 19, 109, 18};
    static const double open_ring[] = {109, 18, 110, 18, 110, 19, 109, 19, 109, 18.5};
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query};
    struct cim_buf wkb;
    cim_error err = {0};
    double bbox[4];
    cim_buf_init(&wkb, 10000);
    assert_int_equal(lpg_layer_extent(fixture->zones, &call, &query, bbox, &err), CIM_E_NOTFOUND);
    put_polygon(&wkb, square, 5);
    assert_ok(write_zone(fixture, &wkb, &err), &err);
    CIM_AUTO_ROWS cim_rows *rows = query_all(fixture->zones, fake_scope_all());
    const cim_batch *batch = NULL;
    size_t len = 0;
    assert_ok(rows->next(rows, &batch, &err), &err);
    const uint8_t *stored = cim_column_bytes(batch->columns[6], 0, &len);
    assert_int_equal(cim_wkb_type(stored, len), 6);
    assert_int_equal(len, wkb.len + 9);
    assert_ok(lpg_layer_extent(fixture->zones, &call, &query, bbox, &err), &err);
    assert_true(bbox[0] == 109 && bbox[1] == 18 && bbox[2] == 110 && bbox[3] == 19);

    cim_buf_clear(&wkb);
    put_polygon(&wkb, open_ring, 5);
    assert_int_equal(write_zone(fixture, &wkb, &err), CIM_E_INVALID);
    assert_contains(err.en, "not closed");
    cim_buf_clear(&wkb);
    put_polygon(&wkb, square, 3);
    assert_int_equal(write_zone(fixture, &wkb, &err), CIM_E_INVALID);
    cim_buf_clear(&wkb);
    uint8_t point[21];
    cim_wkb_from_point(1, 2, point);
    cim_buf_add(&wkb, point, sizeof point);
    assert_int_equal(write_zone(fixture, &wkb, &err), CIM_E_INVALID);
    assert_contains(err.en, "MultiPolygon");
    assert_string_equal(err.value, "Point");
    wkb.len = 12;
    assert_int_equal(write_zone(fixture, &wkb, &err), CIM_E_INVALID);
    cim_buf_done(&wkb);
}

/* ---- many rows ---- */

enum { N_MANY = 7000, STOP_AT = 6000 };

struct many {
    int64_t next;
    int64_t end;
    int64_t bad; /* this row has no name */
};

static cim_status
fill_many(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct many *many = self;
    while (many->next < many->end && cim_batch_builder_rows(builder) < CIM_BATCH_MAX_ROWS) {
        uint8_t wkb[21];
        if (many->next != many->bad) {
            cim_batch_append_bytes(builder, 0, "name", 4);
        }
        cim_batch_append_i64(builder, 1, many->next % 1000);
        cim_wkb_from_point(109 + (double)(many->next % 977) / 977, 19, wkb);
        cim_batch_append_bytes(builder, 2, wkb, sizeof wkb);
        many->next++;
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static int32_t
stop_late(cim_edit *edit, int64_t rows_done)
{
    *(int64_t *)edit->caller = rows_done;
    return rows_done >= STOP_AT;
}

static void
test_large_edit_is_noted_as_many_and_never_halved(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"name", "pieces", "geom"};
    static const uint32_t types[] = {CIM_COL_TEXT, CIM_COL_INT64, CIM_COL_WKB};
    const cim_call call = fake_call(fake_scope_all());
    cim_error err = {0};
    int64_t told = 0;
    for (int round = 0; round < 3; round++) {
        struct many many = {.end = N_MANY, .bad = round == 0 ? N_MANY - 1 : -1};
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        assert_ok(cim_rows_new(3, names, types, fill_many, NULL, &many, &rows, &err), &err);
        cim_edit edit = {.struct_size = sizeof edit,
                         .op = CIM_EDIT_CREATE,
                         .rows = rows,
                         .caller = &told,
                         .progress = round == 1 ? stop_late : NULL};
        const cim_status status = lpg_layer_write(fixture->things, &call, &edit, &err);
        assert_int_equal(status, round == 0   ? CIM_E_INVALID
                                 : round == 1 ? CIM_E_CANCELLED
                                              : CIM_OK);
        assert_int_equal(count_all(fixture, fixture->things), round == 2 ? N_MANY : 0);
        assert_int_equal(edit.n_written, round == 2 ? N_MANY : 0);
    }
    assert_int_equal(told, STOP_AT);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change"), 1);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where op = 4 and fid = 0"),
                     1);
    /* The spatial index has them, and both triggers are there. */
    const cim_query box = {.struct_size = sizeof box,
                           .flags = CIM_QUERY_BBOX,
                           .bbox_w_deg = 109,
                           .bbox_s_deg = 18.5,
                           .bbox_e_deg = 110,
                           .bbox_n_deg = 19.5};
    int64_t count = 0;
    assert_ok(lpg_layer_count(fixture->things, &call, &box, &count, &err), &err);
    assert_int_equal(count, N_MANY);
    if (fixture->fake->url[0] == '\0') {
        assert_int_equal(one_int(fixture, "select count(*) from sqlite_schema where name in "
                                          "('cim_guard_insert_test_thing', "
                                          "'rtree_test_thing_geom_insert')"),
                         2);
    }
}

/* ---- edits that follow one another ---- */

/* Deletes fid 1 and creates a thing of the same name: both are stored, or neither is. */
static cim_status
delete_and_create(struct fixture *fixture, const char *pieces, uint32_t flags, cim_edit edits[2],
                  cim_error *err)
{
    static const struct text_rows old = {
        .n_columns = 1, .names = {"fid"}, .n_rows = 1, .cells = {{"1"}}};
    const struct text_rows new = {.n_columns = 2,
                                  .names = {"name", "pieces"},
                                  .n_rows = 2,
                                  .cells = {{"heir", "1"}, {"second", pieces}}};
    const cim_call call = fake_call(fake_scope_all());
    CIM_AUTO_ROWS cim_rows *deleted = text_rows_open(&old);
    CIM_AUTO_ROWS cim_rows *created = text_rows_open(&new);
    edits[1] = (cim_edit){.struct_size = sizeof *edits, .op = CIM_EDIT_CREATE, .rows = created};
    edits[0] = (cim_edit){.struct_size = sizeof *edits,
                          .flags = flags,
                          .op = CIM_EDIT_DELETE,
                          .rows = deleted,
                          .also = &edits[1]};
    return lpg_layer_write(fixture->things, &call, edits, err);
}

static void
test_edits_that_follow_are_one_transaction(void **state)
{
    struct fixture *fixture = *state;
    static const struct text_rows first = {
        .n_columns = 1, .names = {"name"}, .n_rows = 1, .cells = {{"first"}}};
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    cim_error err = {0};
    cim_edit edits[2];
    assert_ok(write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &first, &outcome, &err), &err);
    /* The second edit is refused: the first one's record is still there. */
    assert_int_equal(delete_and_create(fixture, "many", 0, edits, &err), CIM_E_INVALID);
    assert_string_equal(err.param, "pieces");
    assert_int_equal(edits[0].n_written + edits[1].n_written, 0);
    assert_int_equal(edits[1].n_refused, 1);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where name = 'first'"), 1);
    /* A dry run of both stores neither. */
    assert_ok(delete_and_create(fixture, "2", CIM_EDIT_DRY_RUN, edits, &err), &err);
    assert_int_equal(edits[1].n_written, 2);
    assert_int_equal(edits[1].pos, 0);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where name = 'first'"), 1);
    assert_ok(delete_and_create(fixture, "2", 0, edits, &err), &err);
    assert_int_equal(edits[0].n_written, 1);
    assert_int_equal(edits[1].n_written, 2);
    assert_true(edits[0].pos > 0 && edits[0].pos == edits[1].pos);
    assert_int_equal(count_all(fixture, fixture->things), 2);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing where name = 'first'"), 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_create_stores_what_was_meant),
        WITH_STORE(test_each_bad_value_is_refused_by_field_and_expectation),
        WITH_STORE(test_unknown_column_refuses_the_edit),
        WITH_STORE(test_batch_is_whole_or_row_wise),
        WITH_STORE(test_transaction_that_runs_again_writes_once),
        WITH_STORE(test_update_replace_delete_follow_versions),
        WITH_STORE(test_edits_are_audited),
        WITH_STORE(test_batch_keeps_what_was),
        WITH_STORE(test_writing_outside_the_scope_is_refused),
        WITH_STORE(test_row_filter_of_a_term_holds_for_writing),
        WITH_STORE(test_masks_follow_the_terms_of_each_record),
        WITH_STORE(test_polygon_becomes_a_multi_polygon),
        WITH_STORE(test_large_edit_is_noted_as_many_and_never_halved),
        WITH_STORE(test_edits_that_follow_are_one_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

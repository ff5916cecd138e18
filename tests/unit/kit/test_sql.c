/* tests/unit/kit/test_sql.c -- expansion, lint and splitting of SQL. */
#include "unit.h"

#include "kit/sql.h"

static cim_status
write_macro(void *self, const char *name, const char *argument, struct cim_buf *out, cim_error *err)
{
    (void)self;
    (void)err;
    if (strcmp(name, "unknown") == 0) {
        return CIM_E_NOTFOUND;
    }
    cim_buf_addf(out, "<%s|%s>", name, argument);
    return CIM_OK;
}

static void
test_expand_replaces_macros_outside_quotes(void **state)
{
    static const struct {
        const char *sql;
        const char *expanded;
    } cases[] = {
        {"select {wkb geom} from t", "select <wkb|geom> from t"},
        {"select '{wkb geom}' , {  ms   a b  }", "select '{wkb geom}' , <ms|a b>"},
        {"select 1 -- {x}\n{now}", "select 1 -- {x}\n<now|>"},
        {"/* {x} ' */ {time :a}", "/* {x} ' */ <time|:a>"},
        {"select 'it''s {x}' || {y}", "select 'it''s {x}' || <y|>"},
        {"", ""},
    };
    struct cim_buf out;
    cim_error err = {0};
    (void)state;
    cim_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_buf_clear(&out);
        cim_buf_add(&out, "", 0);
        assert_ok(cim_sql_expand(cases[i].sql, write_macro, NULL, &out, &err), &err);
        assert_string_equal(out.data, cases[i].expanded);
    }
    cim_buf_done(&out);
}

static void
test_expand_names_what_is_wrong(void **state)
{
    static const struct {
        const char *sql;
        const char *value;
        const char *message;
    } cases[] = {
        {"select 1,\n{unknown x}", "{unknown x}", "line 2"},
        {"select {wkb geom", "{", "never closed"},
        {"select 'abc", "'", "never closed"},
        {"select /* abc", "/", "never closed"},
    };
    struct cim_buf out;
    (void)state;
    cim_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error err = {0};
        cim_buf_clear(&out);
        assert_int_equal(cim_sql_expand(cases[i].sql, write_macro, NULL, &out, &err),
                         CIM_E_INVALID);
        assert_string_equal(err.value, cases[i].value);
        assert_contains(err.en, cases[i].message);
    }
    cim_buf_done(&out);
}

static void
test_lint_accepts_the_subset(void **state)
{
    static const char *const good[] = {
        "select a.format, :match, {ms at} from t a where x like :p escape '!' and y <> 'a\"b'",
        "select 1; -- the end\n",
        "insert into t (a, b) values (:a, {geom :b}) on conflict (a) do update set b = excluded.b",
        "select count(*) from t where a >= :a and b != 2 limit 10",
        "select a from t order by a limit :n",
        "select a from (select a from t limit 3) x, y",
        "select cast(a as text) || '::' from t where (a > :x or (a = :x and fid > :f))",
        "select distinct (a) from t where b in (select code from cim_area where ord >= :o)",
        "select f(a), g(b limit) from t",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cim_error err = {0};
        assert_ok(cim_sql_lint(good[i], &err), &err);
    }
}

static void
test_lint_names_the_word_and_its_line(void **state)
{
    static const struct {
        const char *sql;
        const char *value;
        const char *message;
    } cases[] = {
        {"select a::text", ":", "cast"},
        {"select \"a\" from t", "\"a\"", "single quotes"},
        {"select `a` from t", "`a`", "single quotes"},
        {"select 1\nfrom t\nwhere a ILIKE 'x'", "ILIKE", "line 3"},
        {"select now() + interval '1 day'", "now", "{now}"},
        {"select distinct on (a) a from t", "distinct", "grouping"},
        {"select a at time zone 'x'", "at", "time zones"},
        {"select * from t, lateral (select 1) x", "lateral", "stores"},
        {"select a = any(:x)", "any", "use in"},
        {"select a /* x */ = any /* y */ (:x)", "any", "use in"},
        {"select concat(a, b)", "concat", "||"},
        {"select ? from t", "?", ":name"},
        {"select $1 from t", "$", ":name"},
        {"select 1; select 2", ";", "one statement"},
        {"select a from t limit 5, 10", ",", "offset"},
        {"select a from t limit :a, :b", ",", "offset"},
        {"select a == b", "=", "one ="},
        {"select [a] from t", "[", "brackets"},
        {"insert or ignore into t values (1)", "insert", "on conflict"},
        {"select rowid from t", "rowid", "fid"},
        {"select a where b = true", "true", "write 1"},
        {"pragma foreign_keys", "pragma", "driver"},
        {"select 'a", "'", "never closed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cim_error err = {0};
        if (cim_sql_lint(cases[i].sql, &err) != CIM_E_INVALID) {
            fail_msg("accepted: %s", cases[i].sql);
        }
        assert_string_equal(err.param, "sql");
        assert_string_equal(err.value, cases[i].value);
        assert_contains(err.en, cases[i].message);
        assert_true(err.zh[0] != '\0');
    }
}

struct pieces {
    char text[10][80];
    int count;
    int stop_at;
};

static cim_status
note_statement(void *self, const char *statement, cim_error *err)
{
    struct pieces *pieces = (struct pieces *)self;
    if (pieces->stop_at == pieces->count + 1) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "停", "stop");
    }
    cim_copy_text(pieces->text[pieces->count++], 80, statement);
    return CIM_OK;
}

static void
test_split_at_semicolons_outside_quotes(void **state)
{
    static const char script[] = "-- first; not a statement\n"
                                 "create table t (a {text} default ';'); /* x; */\n"
                                 "{layer t Point};;\n"
                                 "insert into t values ('a''; b')\n  -- tail;\n";
    struct pieces pieces = {.count = 0};
    cim_error err = {0};
    (void)state;
    assert_ok(cim_sql_split(script, note_statement, &pieces, &err), &err);
    assert_int_equal(pieces.count, 3);
    assert_string_equal(pieces.text[0], "create table t (a {text} default ';')");
    assert_string_equal(pieces.text[1], "{layer t Point}");
    assert_contains(pieces.text[2], "insert into t values ('a''; b')");
    pieces = (struct pieces){.stop_at = 2};
    assert_int_equal(cim_sql_split(script, note_statement, &pieces, &err), CIM_E_STATE);
    assert_int_equal(pieces.count, 1);
    assert_int_equal(cim_sql_split("select '", note_statement, &pieces, &err), CIM_E_INVALID);
}

static void
test_text_past_the_limit_is_refused(void **state)
{
    char *sql = test_malloc(CIM_SQL_TEXT_MAX + 2);
    struct cim_buf out;
    (void)state;
    memset(sql, ' ', CIM_SQL_TEXT_MAX + 1);
    sql[CIM_SQL_TEXT_MAX] = '\0';
    assert_int_equal(cim_sql_lint(sql, NULL), CIM_OK);
    sql[CIM_SQL_TEXT_MAX] = ' ';
    sql[CIM_SQL_TEXT_MAX + 1] = '\0';
    cim_buf_init(&out, 10);
    assert_int_equal(cim_sql_lint(sql, NULL), CIM_E_TOO_LARGE);
    assert_int_equal(cim_sql_expand(sql, write_macro, NULL, &out, NULL), CIM_E_TOO_LARGE);
    assert_int_equal(cim_sql_split(sql, note_statement, NULL, NULL), CIM_E_TOO_LARGE);
    cim_buf_done(&out);
    test_free(sql);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expand_replaces_macros_outside_quotes),
        cmocka_unit_test(test_expand_names_what_is_wrong),
        cmocka_unit_test(test_lint_accepts_the_subset),
        cmocka_unit_test(test_lint_names_the_word_and_its_line),
        cmocka_unit_test(test_split_at_semicolons_outside_quotes),
        cmocka_unit_test(test_text_past_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A large create goes in by slices: readers see none of it or all, others write in between, and
 * what ends amid it leaves nothing. A large dry run writes nothing and finds the same faults. */
#include "fixture.h"

#include "data/gather.h"
#include "data/load.h"
#include "host/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    N_ROWS = 7300,
    N_SLICES = N_ROWS / LPG_GATHER_ROWS_MAX, /* the rest goes with the publication */
    N_COLUMNS = 4,
    TOLD_MAX = 32
};

struct source {
    int64_t next;
    int64_t end;
    int64_t bad;  /* this row has no name; -1: none */
    int64_t twin; /* and every row whose number it divides has the code of row 0; 0: none */
    const char *prefix;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct source *source = self;
    while (source->next < source->end && cim_batch_builder_rows(builder) < CIM_BATCH_MAX_ROWS) {
        const int64_t i = source->next++;
        uint8_t wkb[21];
        char code[32];
        (void)snprintf(code, sizeof code, "%s%lld", source->prefix,
                       source->twin > 0 && i % source->twin == 0 ? 0LL : (long long)i);
        if (i != source->bad) {
            cim_batch_append_bytes(builder, 0, "name", 4);
        }
        cim_batch_append_bytes(builder, 1, code, strlen(code));
        cim_batch_append_bytes(builder, 2, i % 2 == 0 ? "460105" : "460106", 6);
        cim_wkb_from_point(109 + (double)(i % 977) / 977, 19, wkb);
        cim_batch_append_bytes(builder, 3, wkb, sizeof wkb);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static cim_rows *
open_source(struct source *source)
{
    static const char *const names[] = {"name", "code", "area_code", "geom"};
    static const uint32_t types[] = {CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_WKB};
    cim_rows *rows = NULL;
    cim_error err = {0};
    assert_ok(cim_rows_new(N_COLUMNS, names, types, fill, NULL, source, &rows, &err), &err);
    return rows;
}

struct watch {
    struct fixture *fixture;
    int64_t before;       /* records seen before the load */
    int64_t posted;       /* in the middle of it */
    int64_t raw_seen_max; /* rows that lay in the table meanwhile */
    int64_t shift_ms;     /* the clock moves on, and dead loads are looked for */
    int n_told;
    int64_t row[TOLD_MAX];
    cim_error why[TOLD_MAX];
};

static void
on_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct watch *watch = edit->caller;
    assert_true(watch->n_told < TOLD_MAX);
    watch->row[watch->n_told] = row;
    watch->why[watch->n_told++] = *why;
}

static cim_status
create(struct fixture *fixture, struct source *source, uint32_t flags, const cim_scope *scope,
       int32_t (*progress)(cim_edit *edit, int64_t rows_done), struct watch *watch,
       cim_edit *ret_edit, cim_error *err)
{
    const cim_call call = fake_call(scope);
    CIM_AUTO_ROWS cim_rows *rows = open_source(source);
    *ret_edit = (cim_edit){.struct_size = sizeof *ret_edit,
                           .flags = flags,
                           .op = CIM_EDIT_CREATE,
                           .rows = rows,
                           .progress = progress,
                           .refused = on_refused,
                           .caller = watch};
    return lpg_layer_write(fixture->things, &call, ret_edit, err);
}

/* ---- what readers see ---- */

static int64_t
count_where(struct fixture *fixture, const cim_query *query)
{
    const cim_call call = fake_call(fake_scope_all());
    int64_t count = 0;
    cim_error err = {0};
    assert_ok(lpg_layer_count(fixture->things, &call, query, &count, &err), &err);
    return count;
}

static int64_t
count_rows(struct fixture *fixture)
{
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n = 0;
    cim_error err = {0};
    assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
    do {
        assert_ok(rows->next(rows, &batch, &err), &err);
        n += batch->n_rows;
    } while (batch->n_rows > 0);
    return n;
}

static int64_t
count_groups(struct fixture *fixture)
{
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n = 0;
    cim_error err = {0};
    assert_ok(lpg_data_group_count(fixture->things, &call, &query,
                                   &(struct lpg_grouping){.n_by = 1, .by = {"area_code"}}, &rows,
                                   &err),
              &err);
    do {
        assert_ok(rows->next(rows, &batch, &err), &err);
        for (int64_t i = 0; i < batch->n_rows; i++) {
            n += cim_column_i64(batch->columns[1], i);
        }
    } while (batch->n_rows > 0);
    return n;
}

static void
assert_seen(struct fixture *fixture, int64_t expected)
{
    const cim_query all = {.struct_size = sizeof all};
    const cim_query box = {.struct_size = sizeof box,
                           .flags = CIM_QUERY_BBOX,
                           .bbox_w_deg = 108,
                           .bbox_s_deg = 18,
                           .bbox_e_deg = 111,
                           .bbox_n_deg = 20.5};
    assert_int_equal(count_rows(fixture), expected);
    assert_int_equal(count_where(fixture, &all), expected);
    assert_int_equal(count_where(fixture, &box), expected);
    assert_int_equal(count_groups(fixture), expected);
}

static void
assert_no_load(struct fixture *fixture)
{
    assert_int_equal(one_int(fixture, "select count(*) from cim_load"), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_load_run"), 0);
}

/* ---- in the middle ---- */

static cim_status
post_one(struct fixture *fixture, const char *code, int64_t *ret_fid, cim_error *err)
{
    const struct text_rows one = {.n_columns = 3,
                                  .names = {"name", "code", "geom"},
                                  .n_rows = 1,
                                  .cells = {{"single", code, "110 20"}}};
    const cim_call call = fake_call(fake_scope_all());
    struct outcome outcome;
    const cim_status status =
        write_rows(fixture->things, &call, CIM_EDIT_CREATE, 0, &one, &outcome, err);
    if (ret_fid != NULL) {
        *ret_fid = outcome.edit.last_fid;
    }
    assert_true(status != CIM_OK || outcome.edit.pos > 0);
    return status;
}

static void
try_hidden(struct fixture *fixture, int64_t fid, int32_t op)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)fid);
    const struct text_rows one = {.n_columns = op == CIM_EDIT_DELETE ? 1 : 2,
                                  .names = {"fid", "name"},
                                  .n_rows = 1,
                                  .cells = {{text, "stolen"}}};
    const cim_call call = fake_call(fake_scope_all());
    const cim_query by_fid = {.struct_size = sizeof by_fid, .fid = fid};
    struct outcome outcome;
    cim_error err = {0};
    assert_int_equal(write_rows(fixture->things, &call, op, 0, &one, &outcome, &err),
                     CIM_E_NOTFOUND);
    assert_int_equal(count_where(fixture, &by_fid), 0);
}

static int32_t
look(cim_edit *edit, int64_t rows_done)
{
    struct watch *watch = edit->caller;
    struct fixture *fixture = watch->fixture;
    char code[32];
    int64_t fid = 0;
    cim_error err = {0};
    const int64_t raw = one_int(fixture, "select count(*) from test_thing");
    watch->raw_seen_max = raw > watch->raw_seen_max ? raw : watch->raw_seen_max;
    assert_seen(fixture, watch->before + watch->posted);
    (void)snprintf(code, sizeof code, "post%lld", (long long)rows_done);
    assert_ok(post_one(fixture, code, &fid, &err), &err);
    watch->posted++;
    assert_seen(fixture, watch->before + watch->posted);
    if (raw > watch->before + watch->posted) {
        /* The last record of a slice; the post has the fid behind it, or one later. */
        const int64_t hidden = one_int(fixture, "select max(last_fid) from cim_load_run");
        assert_true(fid > hidden);
        try_hidden(fixture, hidden, CIM_EDIT_UPDATE);
        try_hidden(fixture, hidden, CIM_EDIT_DELETE);
        assert_int_equal(post_one(fixture, "load1", NULL, &err), CIM_E_EXISTS);
    }
    return 0;
}

static void
test_readers_see_none_or_all(void **state)
{
    struct fixture *fixture = *state;
    struct source source = {.end = N_ROWS, .bad = -1, .prefix = "load"};
    struct watch watch = {.fixture = fixture, .before = 1};
    cim_edit edit;
    cim_error err = {0};
    char sql[256];
    assert_ok(post_one(fixture, "first", NULL, &err), &err);
    const int n_writes = fixture->fake->n_writes;
    assert_ok(create(fixture, &source, 0, fake_scope_all(), look, &watch, &edit, &err), &err);
    assert_int_equal(edit.n_written, N_ROWS);
    assert_true(watch.raw_seen_max > LPG_GATHER_ROWS_MAX);
    assert_int_equal(watch.posted, N_ROWS / 1000);
    assert_true(fixture->fake->n_writes - n_writes > N_SLICES + watch.posted);
    assert_seen(fixture, 1 + watch.posted + N_ROWS);
    assert_no_load(fixture);
    /* One change for all, and after those of the posts. */
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where op = 4"), 1);
    assert_int_equal(one_int(fixture, "select pos from cim_change where op = 4"), edit.pos);
    assert_int_equal(one_int(fixture, "select max(pos) from cim_change"), edit.pos);
    /* The batch has its records and no other's. */
    (void)snprintf(sql, sizeof sql,
                   "select sum(last_fid - record_fid + 1) from cim_batch_row where batch = '%s'",
                   edit.batch);
    assert_int_equal(one_int(fixture, sql), N_ROWS);
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from test_thing t join cim_batch_row r on t.fid >= "
                   "r.record_fid and t.fid <= r.last_fid where r.batch = '%s' and t.name = 'name'",
                   edit.batch);
    assert_int_equal(one_int(fixture, sql), N_ROWS);
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from cim_batch where id = '%s' and records = %d", edit.batch,
                   N_ROWS);
    assert_int_equal(one_int(fixture, sql), 1);
    assert_int_equal(one_int(fixture, "select max(fid) from test_thing where name = 'name'"),
                     edit.last_fid);
    if (fixture->fake->url[0] != '\0') { /* the server plans with what is there now */
        assert_true(one_int(fixture, "select cast(reltuples as bigint) from pg_class where "
                                     "relname = 'test_thing'") >= N_ROWS);
    }
}

static void
test_what_is_refused_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct watch watch = {.fixture = fixture};
    cim_edit edit;
    cim_error err = {0};
    struct source late = {.end = N_ROWS, .bad = N_ROWS - 1, .prefix = "a"};
    assert_int_equal(create(fixture, &late, 0, fake_scope_all(), NULL, &watch, &edit, &err),
                     CIM_E_INVALID);
    assert_int_equal(watch.n_told, 1);
    assert_int_equal(watch.row[0], N_ROWS);
    assert_string_equal(err.param, "name");
    /* A code that a row of an earlier slice has. */
    struct source twin = {.end = N_ROWS, .bad = -1, .twin = 5000, .prefix = "b"};
    watch.n_told = 0;
    assert_int_equal(create(fixture, &twin, 0, fake_scope_all(), NULL, &watch, &edit, &err),
                     CIM_E_EXISTS);
    assert_int_equal(watch.n_told, 1);
    assert_int_equal(watch.row[0], 5001);
    assert_string_equal(watch.why[0].value, "b0");
    assert_int_equal(one_int(fixture, "select count(*) from test_thing"), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change"), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_batch"), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_batch_row"), 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_audit_pending"), 0);
    assert_no_load(fixture);
    assert_int_equal(edit.n_written, 0);
}

static void
test_row_wise_stores_the_good_rows(void **state)
{
    struct fixture *fixture = *state;
    struct source source = {.end = N_ROWS, .bad = 17, .twin = 1500, .prefix = "c"};
    struct watch watch = {.fixture = fixture};
    cim_edit edit;
    cim_error err = {0};
    fixture->fake->rolled_back_times = 1; /* every transaction runs twice */
    assert_ok(
        create(fixture, &source, CIM_EDIT_ROW_WISE, fake_scope_all(), NULL, &watch, &edit, &err),
        &err);
    fixture->fake->rolled_back_times = 0;
    static const int64_t expected[] = {18, 1501, 3001, 4501, 6001};
    assert_int_equal(watch.n_told, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(watch.row[i], expected[i]);
    }
    assert_int_equal(edit.n_written, N_ROWS - 5);
    assert_int_equal(edit.n_refused, 5);
    assert_seen(fixture, N_ROWS - 5);
    assert_no_load(fixture);
}

/* ---- loads that end amid ---- */

static void
test_a_load_that_lost_its_process_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    struct source source = {.end = N_ROWS, .bad = -1, .prefix = "d"};
    struct watch watch = {.fixture = fixture};
    cim_edit edit;
    cim_error err = {0};
    int64_t n = -1;
    assert_ok(post_one(fixture, "first", NULL, &err), &err);
    fixture->fake->writes_end_at = fixture->fake->n_writes + 2;
    assert_int_equal(create(fixture, &source, 0, fake_scope_all(), NULL, &watch, &edit, &err),
                     CIM_E_IO);
    fixture->fake->writes_end_at = 0;
    assert_int_equal(one_int(fixture, "select count(*) from test_thing"),
                     1 + 2 * LPG_GATHER_ROWS_MAX);
    assert_seen(fixture, 1);
    /* It may yet be alive. */
    assert_ok(lpg_loads_sweep(fixture->data, NULL, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_int_equal(one_int(fixture, "select count(*) from cim_load"), 1);
    host_clock_set(fixture->fake->clock, FAKE_NOW_MS + LPG_LOAD_LEASE_MS + 1);
    assert_ok(lpg_loads_sweep(fixture->data, NULL, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_no_load(fixture);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing"), 1);
    assert_seen(fixture, 1);
    /* Its values are free again. */
    source.next = 0;
    assert_ok(create(fixture, &source, 0, fake_scope_all(), NULL, &watch, &edit, &err), &err);
    assert_seen(fixture, 1 + N_ROWS);
}

static int32_t
stand_still(cim_edit *edit, int64_t rows_done)
{
    struct watch *watch = edit->caller;
    int64_t n = 0;
    cim_error err = {0};
    if (rows_done == 5000) {
        host_clock_set(watch->fixture->fake->clock, FAKE_NOW_MS + LPG_LOAD_LEASE_MS + 1);
        assert_ok(lpg_loads_sweep(watch->fixture->data, NULL, &n, &err), &err);
        assert_int_equal(n, 1);
    }
    return 0;
}

static void
test_a_load_that_was_taken_back_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct source source = {.end = N_ROWS, .bad = -1, .prefix = "e"};
    struct watch watch = {.fixture = fixture};
    cim_edit edit;
    cim_error err = {0};
    assert_int_equal(
        create(fixture, &source, 0, fake_scope_all(), stand_still, &watch, &edit, &err),
        CIM_E_BUSY);
    assert_contains(err.en, "taken back");
    assert_no_load(fixture);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing"), 0);
}

/* ---- others write meanwhile ---- */

struct loader {
    struct fixture *fixture;
    struct source source;
    cim_edit edit;
    cim_status status;
    atomic_bool done;
};

static void *
run_loader(void *arg)
{
    struct loader *loader = arg;
    struct watch watch = {.fixture = loader->fixture};
    cim_error err = {0};
    loader->status = create(loader->fixture, &loader->source, 0, fake_scope_all(), NULL, &watch,
                            &loader->edit, &err);
    atomic_store(&loader->done, true);
    return NULL;
}

/* A post waits for the slice under way and at most the one that was queued before it. */
static void
test_a_post_waits_for_few_slices(void **state)
{
    struct fixture *fixture = *state;
    struct loader loader = {.fixture = fixture,
                            .source = {.end = 3LL * N_ROWS, .bad = -1, .prefix = "f"}};
    pthread_t thread;
    int n_posts = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_loader, &loader), 0);
    while (!atomic_load(&loader.done)) {
        char code[32];
        cim_error err = {0};
        (void)snprintf(code, sizeof code, "g%d", n_posts);
        const int before = fixture->fake->n_writes;
        assert_ok(post_one(fixture, code, NULL, &err), &err);
        /* Its own transaction, and those that the load began meanwhile. */
        assert_in_range(fixture->fake->n_writes - before, 1, 3);
        n_posts++;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(loader.status, CIM_OK);
    assert_true(n_posts > 1);
    assert_seen(fixture, n_posts + 3LL * N_ROWS);
}

/* ---- dry runs ---- */

static void
test_a_dry_run_writes_nothing_and_finds_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct watch dry = {.fixture = fixture};
    struct watch whole = {.fixture = fixture};
    struct watch real = {.fixture = fixture};
    struct source stored = {.end = 3, .bad = -1, .prefix = "h"};
    cim_edit edit;
    cim_error err = {0};
    assert_ok(create(fixture, &stored, 0, fake_scope_all(), NULL, &dry, &edit, &err), &err);
    const int n_writes = fixture->fake->n_writes;
    struct source source = {.end = N_ROWS, .bad = 2500, .twin = 1500, .prefix = "h"};
    assert_ok(create(fixture, &source, CIM_EDIT_DRY_RUN | CIM_EDIT_ROW_WISE, fake_scope_all(), NULL,
                     &dry, &edit, &err),
              &err);
    assert_int_equal(fixture->fake->n_writes, n_writes);
    const int64_t n_written = edit.n_written;
    assert_int_equal(edit.pos, 0);
    assert_seen(fixture, 3);
    /* All or nothing: the first fault is the answer. */
    source.next = 0;
    assert_int_equal(
        create(fixture, &source, CIM_EDIT_DRY_RUN, fake_scope_all(), NULL, &whole, &edit, &err),
        CIM_E_EXISTS);
    assert_string_equal(err.param, "code");
    assert_string_equal(err.value, "h0");
    assert_int_equal(fixture->fake->n_writes, n_writes);
    source.next = 0;
    assert_ok(
        create(fixture, &source, CIM_EDIT_ROW_WISE, fake_scope_all(), NULL, &real, &edit, &err),
        &err);
    assert_int_equal(edit.n_written, n_written);
    assert_int_equal(real.n_told, 8); /* h0 (five times), h1, h2, and the row without a name */
    assert_int_equal(dry.n_told, real.n_told);
    for (int i = 0; i < real.n_told; i++) {
        assert_int_equal(dry.row[i], real.row[i]);
        assert_int_equal(dry.why[i].code, real.why[i].code);
        assert_string_equal(dry.why[i].param, real.why[i].param);
        assert_string_equal(dry.why[i].value, real.why[i].value);
        assert_string_equal(dry.why[i].zh, real.why[i].zh);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_readers_see_none_or_all),
        WITH_STORE(test_what_is_refused_leaves_nothing),
        WITH_STORE(test_row_wise_stores_the_good_rows),
        WITH_STORE(test_a_load_that_lost_its_process_is_taken_back),
        WITH_STORE(test_a_load_that_was_taken_back_says_so),
        WITH_STORE(test_a_post_waits_for_few_slices),
        WITH_STORE(test_a_dry_run_writes_nothing_and_finds_the_same),
    };
    return cmocka_run_group_tests_name("data_load", tests, NULL, NULL);
}

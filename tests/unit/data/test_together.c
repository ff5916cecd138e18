/* tests/unit/data/test_together.c -- many callers create one record each at the same time: whatever
 * goes into one transaction, each gets its own answer, and none suffers from another's. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { CALLERS = 24, EDITS = 9, TAKEN = 4, BAD = 6, GIVEN_UP = 7, KINDS = 3 };

struct caller {
    struct fixture *fixture;
    int number;
    int n_stored;
    int n_wrong; /* answers that are not what the edit deserved */
    char what[160];
    pthread_barrier_t *start;
};

struct one {
    cim_edit edit;
    bool gives_up;
    int n_told;
    cim_error why;
};

static void
on_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct one *one = edit->caller;
    one->n_told += row == 1 ? 1 : 100;
    one->why = *why;
}

static cim_status
on_ending(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct one *one = edit->caller;
    (void)tx;
    return one->gives_up ? cim_fail(err, CIM_E_STATE, "key", NULL, "不要", "given up") : CIM_OK;
}

static cim_status
create(struct fixture *fixture, const char *code, const char *size, struct one *one, cim_error *err)
{
    const struct text_rows text = {.n_columns = 4,
                                   .names = {"name", "code", "size", "geom"},
                                   .n_rows = 1,
                                   .cells = {{"共", code, size, "110.3 20.0"}}};
    const cim_call call = fake_call(fake_scope_all());
    CIM_AUTO_ROWS cim_rows *rows = text_rows_open(&text);
    one->edit = (cim_edit){.struct_size = sizeof one->edit,
                           .op = CIM_EDIT_CREATE,
                           .rows = rows,
                           .refused = on_refused,
                           .ending = on_ending,
                           .caller = one};
    const cim_status status = lpg_layer_write(fixture->things, &call, &one->edit, err);
    one->edit.rows = NULL;
    return status;
}

static bool
answered(struct caller *caller, int i, const struct one *one, cim_status status,
         const cim_error *err)
{
    if (i == GIVEN_UP) {
        return status == CIM_E_STATE && strcmp(err->param, "key") == 0 && one->n_told == 0;
    }
    if (i == BAD) {
        return status == CIM_E_INVALID && one->n_told == 1 && strcmp(one->why.param, "size") == 0;
    }
    if (i == TAKEN && status != CIM_OK) {
        return status == CIM_E_EXISTS && one->n_told == 1 && strcmp(one->why.param, "code") == 0;
    }
    caller->n_stored += status == CIM_OK ? 1 : 0;
    return status == CIM_OK && one->edit.n_written == 1 && one->edit.last_fid > 0 &&
           one->edit.pos > 0;
}

static void *
run(void *arg)
{
    struct caller *caller = arg;
    (void)pthread_barrier_wait(caller->start);
    for (int i = 0; i < EDITS; i++) {
        struct one one = {.gives_up = i == GIVEN_UP};
        char code[32];
        cim_error err = {0};
        (void)snprintf(code, sizeof code, "C%d-%d", i == TAKEN ? 0 : caller->number, i);
        const cim_status status =
            create(caller->fixture, code, i == BAD ? "viel" : "1.5", &one, &err);
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "select count(*) from test_thing where fid = %lld and code = '%s'",
                       (long long)one.edit.last_fid, code);
        if (!answered(caller, i, &one, status, &err) ||
            (status == CIM_OK && one_int(caller->fixture, sql) != 1)) {
            caller->n_wrong++;
            (void)snprintf(caller->what, sizeof caller->what, "edit %d: status %d, told %d, %s", i,
                           status, one.n_told, err.en);
        }
    }
    return NULL;
}

static void
test_each_caller_is_answered_for_itself(void **state)
{
    struct fixture *fixture = *state;
    const int64_t n_audited = one_int(fixture, "select count(*) from cim_audit_pending");
    const int stored = CALLERS * (EDITS - KINDS) + 1; /* the value that all want goes to one */
    pthread_barrier_t start;
    pthread_t threads[CALLERS];
    struct caller callers[CALLERS];
    int n_stored = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, CALLERS), 0);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.fixture = fixture, .number = i + 1, .start = &start};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (callers[i].n_wrong > 0) {
            fail_msg("caller %d: %d wrong answers, %s", i, callers[i].n_wrong, callers[i].what);
        }
        n_stored += callers[i].n_stored;
    }
    (void)pthread_barrier_destroy(&start);
    assert_int_equal(n_stored, stored);
    assert_int_equal(one_int(fixture, "select count(*) from test_thing"), stored);
    assert_int_equal(one_int(fixture, "select count(*) from cim_change where op = 1"), stored);
    assert_int_equal(one_int(fixture, "select count(distinct fid) from cim_change"), stored);
    assert_int_equal(one_int(fixture, "select count(*) from cim_audit_pending") - n_audited,
                     stored);
    assert_int_equal(one_int(fixture, "select count(distinct record_fid) from cim_audit_pending "
                                      "where action = 'create'"),
                     stored);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_caller_is_answered_for_itself, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("data_together", tests, NULL, NULL);
}

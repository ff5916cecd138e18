/* One writer, group commit: isolation of callers, positions, durability. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 32, WRITES = 60 };

struct worker {
    struct fixture *fixture;
    int number;
    int32_t n_changes; /* per write */
    int64_t *positions;
    int n_failed;
    int ack_fd; /* -1, or where each acknowledged uid is written */
};

struct change_arg {
    struct worker *worker;
    int i;
};

static cim_status
write_and_note(void *arg, cim_tx *tx, cim_error *err)
{
    const struct change_arg *change = arg;
    char uid[32];
    (void)snprintf(uid, sizeof uid, "%d-%d", change->worker->number, change->i);
    CIM_TRY(add_thing(NULL, tx, uid, 110, 20, err));
    for (int32_t i = 0; i < change->worker->n_changes; i++) {
        CIM_TRY(host_store_change(tx, change->worker->number % 2 == 0 ? "t.even" : "t.odd", i + 1,
                                  CIM_CHANGE_CREATE, "460100", NULL, err));
    }
    /* Every seventh caller fails after all its work. */
    return change->i % 7 == 6 ? cim_fail(err, CIM_E_STATE, NULL, NULL, "退", "no") : CIM_OK;
}

static void *
work(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < WRITES; i++) {
        struct change_arg change = {.worker = worker, .i = i};
        cim_error error = {0};
        int64_t pos = 0;
        const cim_status status =
            host_store_write(worker->fixture->store, write_and_note, &change, &pos, &error);
        if (status == CIM_OK && worker->ack_fd >= 0) {
            char line[32];
            const int len = snprintf(line, sizeof line, "%d-%d\n", worker->number, i);
            (void)!write(worker->ack_fd, line, (size_t)len);
        }
        worker->positions[i] = status == CIM_OK ? pos : 0;
        worker->n_failed += status != CIM_OK;
    }
    return NULL;
}

static int64_t *
run_threads(struct fixture *fixture, int ack_fd, int *ret_failed)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    int64_t *positions = calloc((size_t)THREADS * WRITES, sizeof *positions);
    assert_non_null(positions);
    *ret_failed = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.fixture = fixture,
                                     .number = i,
                                     .n_changes = 1 + i % 3,
                                     .positions = positions + (size_t)i * WRITES,
                                     .ack_fd = ack_fd};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        *ret_failed += workers[i].n_failed;
    }
    return positions;
}

static void
test_threads_share_commits_and_positions_are_dense(void **state)
{
    struct fixture *fixture = *state;
    struct host_store *store = fixture->store;
    struct host_store_stats before;
    struct host_store_stats after;
    int failed = 0;
    int64_t expected_changes = 0;
    int64_t *positions = NULL;
    host_store_stats(store, &before);
    positions = run_threads(fixture, -1, &failed);
    host_store_stats(store, &after);
    assert_int_equal(failed, THREADS * (WRITES / 7));
    for (int i = 0; i < THREADS; i++) {
        expected_changes += (int64_t)(WRITES - WRITES / 7) * (1 + i % 3);
    }
    assert_int_equal(one_int(store, "select count(*) from thing"), THREADS * (WRITES - WRITES / 7));
    assert_int_equal(one_int(store, "select count(*) from cim_change"), expected_changes);
    assert_int_equal(one_int(store, "select min(pos) from cim_change"), 1);
    assert_int_equal(one_int(store, "select max(pos) from cim_change"), expected_changes);
    assert_int_equal(host_store_pos(store), expected_changes);
    assert_int_equal(host_store_layer_pos(store, "t.even"),
                     one_int(store, "select max(pos) from cim_change where layer = 't.even'"));
    assert_int_equal(host_store_layer_pos(store, "t.odd"),
                     one_int(store, "select max(pos) from cim_change where layer = 't.odd'"));
    assert_int_equal(host_store_layer_pos(store, "t.never"), 0);
    if (!pg_is_there()) {
        /* Groups: fewer commits than writes, or the writer gathers nothing. */
        assert_true(after.commits - before.commits < after.writes - before.writes);
    }
    for (int i = 0; i < THREADS * WRITES; i++) {
        for (int j = i + 1; positions[i] != 0 && j < i + 3 && j < THREADS * WRITES; j++) {
            assert_true(positions[i] != positions[j]);
        }
    }
    free(positions);
}

static void
test_positions_survive_reopening(void **state)
{
    struct fixture *fixture = *state;
    const struct host_store_options options = fixture_options(fixture);
    int failed = 0;
    int64_t pos = 0;
    int64_t odd = 0;
    free(run_threads(fixture, -1, &failed));
    pos = host_store_pos(fixture->store);
    odd = host_store_layer_pos(fixture->store, "t.odd");
    host_store_close(fixture->store);
    fixture_open(fixture, &options);
    assert_int_equal(host_store_pos(fixture->store), pos);
    assert_int_equal(host_store_layer_pos(fixture->store, "t.odd"), odd);
}

/* The child writes from 32 threads and is killed in the middle; what it acknowledged through the
 * pipe must be in the file. */
static void
test_acknowledged_rows_survive_kill(void **state)
{
    struct fixture *fixture = *state;
    const struct host_store_options options = fixture_options(fixture);
    static char acks[1 << 17];
    size_t len = 0;
    size_t n_acks = 0;
    ssize_t n = 0;
    int pipes[2];
    pid_t pid = 0;
    host_store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int failed = 0;
        (void)close(pipes[0]);
        fixture_open(fixture, &options);
        free(run_threads(fixture, pipes[1], &failed));
        (void)pause(); /* finished early: wait to be killed all the same */
        _exit(0);
    }
    (void)close(pipes[1]);
    while (len < 2000 && (n = read(pipes[0], acks + len, sizeof acks - 1 - len)) > 0) {
        len += (size_t)n;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    while ((n = read(pipes[0], acks + len, sizeof acks - 1 - len)) > 0) {
        len += (size_t)n;
    }
    assert_true(waitpid(pid, NULL, 0) == pid);
    (void)close(pipes[0]);
    fixture_open(fixture, &options);
    acks[len] = '\0';
    for (char *line = acks, *end = NULL; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        cim_error error = {0};
        *end = '\0';
        const cim_value uid = text_value("uid", line);
        assert_ok(host_store_read(fixture->store, "select fid from thing where uid = :uid", &uid, 1,
                                  &rows, &error),
                  &error);
        assert_ok(rows->next(rows, &batch, &error), &error);
        assert_int_equal(batch->n_rows, 1);
        n_acks++;
    }
    assert_true(n_acks > 200);
    assert_int_equal(one_int(fixture->store, "select count(*) - max(pos) from cim_change"), 0);
}

struct step {
    struct fixture *fixture;
    bool swallow;
};

static cim_status
clash_inside(void *arg, cim_tx *tx, cim_error *err)
{
    const struct step *step = arg;
    cim_error clash = {0};
    cim_status status = CIM_OK;
    CIM_TRY(add_thing(NULL, tx, "first", 110, 20, err));
    status = add_thing(NULL, tx, "first", 111, 20, &clash);
    assert_int_equal(status, CIM_E_EXISTS);
    assert_string_equal(clash.param, "uid");
    if (!step->swallow) {
        *err = clash;
        return status;
    }
    return add_thing(NULL, tx, "second", 111, 20, err);
}

static void
test_unique_clash_leaves_transaction_usable(void **state)
{
    struct fixture *fixture = *state;
    struct step step = {.fixture = fixture};
    cim_error error = {0};
    assert_int_equal(host_store_write(fixture->store, clash_inside, &step, NULL, &error),
                     CIM_E_EXISTS);
    assert_string_equal(error.param, "uid");
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 0);
    step.swallow = true;
    assert_ok(host_store_write(fixture->store, clash_inside, &step, NULL, &error), &error);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 2);
}

struct mixed {
    int runs;
    bool fails; /* its late statement does */
};

/* Read, write, and what travels with the commit. */
static cim_status
read_write_and_note(void *arg, cim_tx *tx, cim_error *err)
{
    struct mixed *mixed = arg;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    char uid[32];
    cim_value value = {.name = "uid"};
    mixed->runs++;
    CIM_TRY(host_store_query(tx, "select count(*) from thing", NULL, 0, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    (void)snprintf(uid, sizeof uid, "t%lld", (long long)cim_column_i64(batch->columns[0], 0));
    CIM_TRY(add_thing(NULL, tx, uid, 110, 20, err));
    (void)snprintf(uid, sizeof uid, "late%d", mixed->fails ? 0 : mixed->runs);
    value = text_value("uid", uid);
    CIM_TRY(host_store_exec_late(tx, "insert into thing (uid, updated_at) values (:uid, {now})",
                                 &value, 1, err));
    return host_store_change(tx, "t.things", 1, CIM_CHANGE_CREATE, NULL, NULL, err);
}

static void
test_reading_writing_and_late_statements_share_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct mixed mixed = {.runs = 0};
    cim_error error = {0};
    int64_t pos = 0;
    for (int i = 1; i <= 5; i++) {
        assert_ok(host_store_write(fixture->store, read_write_and_note, &mixed, &pos, &error),
                  &error);
        assert_int_equal(mixed.runs, i); /* none had to run again */
        assert_int_equal(pos, i);
    }
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 10);
    mixed.fails = true;
    assert_ok(host_store_write(fixture->store, read_write_and_note, &mixed, &pos, &error), &error);
    assert_int_equal(host_store_write(fixture->store, read_write_and_note, &mixed, &pos, &error),
                     CIM_E_EXISTS);
    assert_string_equal(error.param, "uid");
    assert_int_equal(mixed.runs, 7);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 12);
    assert_int_equal(one_int(fixture->store, "select count(*) from cim_change"), 6);
    mixed.fails = false;
    mixed.runs = 20;
    assert_ok(host_store_write(fixture->store, read_write_and_note, &mixed, &pos, &error), &error);
    assert_int_equal(pos, 7);
}

static cim_status
nest(void *arg, cim_tx *tx, cim_error *err)
{
    struct fixture *fixture = arg;
    (void)tx;
    return host_store_write_one(fixture->store, "delete from thing", NULL, 0, NULL, err);
}

static void
test_nested_write_is_refused(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    assert_int_equal(host_store_write(fixture->store, nest, fixture, NULL, &error), CIM_E_STATE);
}

static cim_rows *left_open;

static cim_status
leave_rows_open(void *arg, cim_tx *tx, cim_error *err)
{
    CIM_TRY(add_thing(arg, tx, "open", 110, 20, err));
    return host_store_query(tx, "select fid, {wkb geom} from thing", NULL, 0, &left_open, err);
}

static void
test_rows_left_open_end_with_the_transaction(void **state)
{
    struct fixture *fixture = *state;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    assert_ok(host_store_write(fixture->store, leave_rows_open, NULL, NULL, &error), &error);
    assert_int_equal(left_open->next(left_open, &batch, &error), CIM_E_STATE);
    left_open->release(left_open);
    assert_int_equal(one_int(fixture->store, "select count(*) from thing"), 1);
}

/* A file that may not grow stands for a full disk. Everything is refused with words, nothing that
 * was acknowledged is lost, and the store works again when there is room. */
static void
fill_disk(struct fixture *fixture)
{
    const struct host_store_options options = fixture_options(fixture);
    struct rlimit limit = {.rlim_cur = 300000, .rlim_max = RLIM_INFINITY};
    int64_t n_ok = 0;
    int64_t n_failed = 0;
    cim_error error = {0};
    (void)signal(SIGXFSZ, SIG_IGN);
    fixture_open(fixture, &options);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(3);
    }
    for (int i = 0; i < 400; i++) {
        char uid[16];
        (void)snprintf(uid, sizeof uid, "d%d", i);
        if (add_thing(fixture->store, NULL, uid, 110, 20, &error) == CIM_OK) {
            n_ok++;
        } else {
            n_failed++;
            if (error.code != CIM_E_IO || error.zh[0] == '\0') {
                _exit(4);
            }
        }
    }
    limit.rlim_cur = RLIM_INFINITY;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    if (add_thing(fixture->store, NULL, "after", 110, 20, &error) != CIM_OK) {
        _exit(5);
    }
    if (n_failed == 0 || one_int(fixture->store, "select count(*) from thing") != n_ok + 1) {
        _exit(6);
    }
    _exit(0);
}

static void
test_full_disk_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    int status = 0;
    pid_t pid = 0;
    host_store_close(fixture->store);
    fixture->store = NULL;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fill_disk(fixture);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Two processes of ours on one file, as `cim-host import` beside a server: positions stay dense. */
static void
test_second_process_moves_positions(void **state)
{
    struct fixture *fixture = *state;
    struct host_store_options options = fixture_options(fixture);
    struct host_store *other = NULL;
    struct worker worker = {.fixture = fixture, .number = 1, .n_changes = 1};
    struct change_arg change = {.worker = &worker};
    cim_error error = {0};
    int64_t pos = 0;
    assert_ok(host_store_open(&options, &other, &error), &error);
    assert_ok(host_store_write(fixture->store, write_and_note, &change, &pos, &error), &error);
    assert_int_equal(pos, 1);
    change.i = 1;
    assert_ok(host_store_write(other, write_and_note, &change, &pos, &error), &error);
    assert_int_equal(pos, 2);
    change.i = 2;
    assert_ok(host_store_write(fixture->store, write_and_note, &change, &pos, &error), &error);
    assert_int_equal(pos, 3);
    for (int i = 0; i < 100 && host_store_layer_pos(other, "t.odd") != 3; i++) {
        (void)usleep(20000);
    }
    assert_int_equal(host_store_layer_pos(other, "t.odd"), 3);
    assert_int_equal(host_store_pos(other), 3);
    host_store_close(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_share_commits_and_positions_are_dense,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_positions_survive_reopening, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_acknowledged_rows_survive_kill, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_unique_clash_leaves_transaction_usable, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_reading_writing_and_late_statements_share_a_transaction, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nested_write_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rows_left_open_end_with_the_transaction, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_second_process_moves_positions, fixture_setup,
                                        fixture_teardown),
    };
    const struct CMUnitTest of_the_file[] = {
        cmocka_unit_test_setup_teardown(test_full_disk_is_an_error, fixture_setup,
                                        fixture_teardown),
    };
    int failed = cmocka_run_group_tests_name("store_commit", tests, NULL, NULL);
    if (!pg_is_there()) {
        failed += cmocka_run_group_tests_name("store_commit_file", of_the_file, NULL, NULL);
    }
    return failed;
}

/* The audit chain: entries stand and fall with their transaction, are numbered without gaps by two
 * hosts at once, and whatever somebody does to the table afterwards is named with its position. */
#include "fixture.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "kit/buf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES = 70, FAULTS_MAX = 16 };

struct chained {
    struct fixture *fixture;
    char key[160];
    char anchor[160];
    struct host_audit *audit;
};

struct told {
    int n;
    enum host_audit_fault fault[FAULTS_MAX];
    int64_t first[FAULTS_MAX];
    int64_t last[FAULTS_MAX];
};

static struct host_audit_options
options_of(const struct chained *chained)
{
    return (struct host_audit_options){.store = chained->fixture->store,
                                       .clock = chained->fixture->clock,
                                       .key_file = chained->key,
                                       .anchor_file = chained->anchor,
                                       .anchor_ms = 60000};
}

static void
add_entry(struct chained *chained, int number)
{
    char uid[40];
    char detail[64];
    cim_error err = {0};
    (void)snprintf(uid, sizeof uid, "uid-%d", number);
    (void)snprintf(detail, sizeof detail, "{\"fields\":[\"名称\"],\"n\":%d}", number);
    const cim_call call = {.struct_size = sizeof call, .principal = "zhang", .request_id = "r1"};
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = number % 2 == 0 ? "update" : "create",
                                   .layer = "t.thing",
                                   .fid = number,
                                   .uid = uid,
                                   .area_code = "460100",
                                   .detail = detail};
    assert_ok(host_audit_event(chained->audit, &call, &entry, &err), &err);
}

static int
setup(void **state)
{
    struct chained *chained = calloc(1, sizeof *chained);
    cim_error err = {0};
    assert_non_null(chained);
    assert_int_equal(fixture_setup((void **)&chained->fixture), 0);
    (void)snprintf(chained->key, sizeof chained->key, "%s/audit.key", chained->fixture->dir);
    (void)snprintf(chained->anchor, sizeof chained->anchor, "%s/audit.anchor",
                   chained->fixture->dir);
    const struct host_audit_options options = options_of(chained);
    assert_ok(host_audit_open(&options, &chained->audit, &err), &err);
    for (int i = 1; i <= ENTRIES; i++) {
        add_entry(chained, i);
    }
    assert_ok(host_audit_chain(chained->audit, &err), &err);
    *state = chained;
    return 0;
}

static int
teardown(void **state)
{
    struct chained *chained = *state;
    host_audit_close(chained->audit);
    assert_int_equal(fixture_teardown((void **)&chained->fixture), 0);
    free(chained);
    return 0;
}

/* ---- what somebody with the database does ---- */

static void
run_sql(struct chained *chained, const char *sql)
{
    cim_error err = {0};
    assert_ok(host_store_write_one(chained->fixture->store, sql, NULL, 0, NULL, &err), &err);
}

static void
move_seq(struct chained *chained, int from, int to)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "update cim_audit set seq = %d where seq = %d", to, from);
    run_sql(chained, sql);
}

static void
note_fault(void *arg, enum host_audit_fault fault, int64_t first, int64_t last)
{
    struct told *told = arg;
    assert_true(told->n < FAULTS_MAX);
    told->fault[told->n] = fault;
    told->first[told->n] = first;
    told->last[told->n++] = last;
}

static struct told
verify(struct chained *chained)
{
    const struct host_audit_options options = options_of(chained);
    struct host_audit_verdict verdict;
    struct told told = {.n = 0};
    cim_error err = {0};
    assert_ok(host_audit_verify(&options, note_fault, &told, &verdict, &err), &err);
    assert_int_equal(verdict.n_faults, told.n);
    return told;
}

static void
assert_told(const struct told *told, int i, enum host_audit_fault fault, int64_t first,
            int64_t last)
{
    if (i >= told->n || told->fault[i] != fault || told->first[i] != first ||
        told->last[i] != last) {
        for (int k = 0; k < told->n; k++) {
            print_message("fault %s %lld-%lld\n", host_audit_fault_name(told->fault[k]),
                          (long long)told->first[k], (long long)told->last[k]);
        }
    }
    assert_true(i < told->n);
    assert_string_equal(host_audit_fault_name(told->fault[i]), host_audit_fault_name(fault));
    assert_int_equal(told->first[i], first);
    assert_int_equal(told->last[i], last);
}

static void
anchor(struct chained *chained)
{
    cim_error err = {0};
    assert_ok(host_audit_anchor(chained->audit, &err), &err);
}

/* ---- tests ---- */

static void
test_sound_chain(void **state)
{
    struct chained *chained = *state;
    struct host_store *store = chained->fixture->store;
    struct stat info;
    anchor(chained);
    const struct told told = verify(chained);
    assert_int_equal(told.n, 0);
    assert_int_equal(one_int(store, "select count(*) from cim_audit"), ENTRIES);
    assert_int_equal(one_int(store, "select max(seq) from cim_audit"), ENTRIES);
    assert_int_equal(one_int(store, "select count(*) from cim_audit_pending"), 0);
    assert_int_equal(stat(chained->key, &info), 0);
    assert_int_equal(info.st_mode & 0777U, 0600);
}

struct doomed {
    bool fails;
};

static cim_status
write_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct doomed *doomed = arg;
    const cim_audit_entry entry = {.struct_size = sizeof entry, .action = "delete"};
    CIM_TRY(host_audit_record(tx, NULL, &entry, err));
    return doomed->fails ? cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "撤销", "rolled back")
                         : CIM_OK;
}

static void
test_entry_falls_with_its_transaction(void **state)
{
    struct chained *chained = *state;
    struct host_store *store = chained->fixture->store;
    struct doomed doomed = {.fails = true};
    cim_error err = {0};
    assert_int_equal(host_store_write(store, write_in_tx, &doomed, NULL, &err), CIM_E_CANCELLED);
    assert_int_equal(one_int(store, "select count(*) from cim_audit_pending"), 0);
    doomed.fails = false;
    assert_ok(host_store_write(store, write_in_tx, &doomed, NULL, &err), &err);
    assert_int_equal(one_int(store, "select count(*) from cim_audit_pending"), 1);
    assert_ok(host_audit_chain(chained->audit, &err), &err);
    assert_int_equal(one_int(store, "select count(*) from cim_audit where seq = 71 and "
                                    "principal = 'cim-host' and action = 'delete'"),
                     1);
}

static void
test_change(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    run_sql(chained, "update cim_audit set principal = 'li' where seq = 12");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_CHANGED, 12, 12);
    assert_int_equal(told.n, 1);
}

static void
test_change_with_its_macs(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    run_sql(chained, "update cim_audit set principal = 'li', row_mac = mac where seq = 12");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_CHANGED, 12, 12);
    assert_int_equal(told.n, 1);
}

static void
test_removal(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    run_sql(chained, "delete from cim_audit where seq between 20 and 22");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_REMOVED, 20, 22);
    assert_int_equal(told.n, 1);
}

/* Numbered anew so that no gap shows; the end is then one short, which head and anchor know. */
static void
test_removal_covered_up(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    run_sql(chained, "delete from cim_audit where seq = 20");
    for (int seq = 21; seq <= ENTRIES; seq++) {
        move_seq(chained, seq, seq - 1);
    }
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_REMOVED, 20, 20);
    assert_int_equal(told.n, 1);
}

static void
test_insertion(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    for (int seq = ENTRIES; seq >= 30; seq--) {
        move_seq(chained, seq, seq + 1);
    }
    run_sql(chained,
            "insert into cim_audit (seq, at, principal, action, result, row_mac, mac) "
            "select 30, at, 'wang', 'update', 'ok', mac, row_mac from cim_audit where seq = 5");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_INSERTED, 30, 30);
    assert_int_equal(told.n, 1);
}

static void
test_insertion_at_the_end(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    run_sql(chained,
            "insert into cim_audit (seq, at, principal, action, result, row_mac, mac) "
            "select 71, at, 'wang', 'update', 'ok', mac, row_mac from cim_audit where seq = 5");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_INSERTED, 71, 71);
    assert_int_equal(told.n, 1);
}

static void
test_reordering(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    move_seq(chained, 40, 1000);
    move_seq(chained, 41, 40);
    move_seq(chained, 1000, 41);
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_REORDERED, 40, 42);
    assert_int_equal(told.n, 1);
}

/* The end and the head go back together: only the anchor remembers. */
static void
test_truncation(void **state)
{
    struct chained *chained = *state;
    cim_error err = {0};
    anchor(chained);
    for (int i = 1; i <= 5; i++) {
        add_entry(chained, ENTRIES + i);
    }
    run_sql(chained, "create table kept as select * from cim_audit_head");
    assert_ok(host_audit_chain(chained->audit, &err), &err);
    anchor(chained);
    run_sql(chained, "delete from cim_audit where seq > 70");
    run_sql(chained,
            "update cim_audit_head set seq = (select seq from kept), mac = (select mac from kept), "
            "proof = (select proof from kept)");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_TRUNCATED, 71, 75);
    assert_int_equal(told.n, 1);
}

static void
test_truncation_seen_by_the_head(void **state)
{
    struct chained *chained = *state;
    (void)anchor(chained);
    run_sql(chained, "delete from cim_audit where seq > 60");
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_TRUNCATED, 61, 70);
    assert_int_equal(told.n, 1);
}

/* Somebody who has the key as well makes a chain of his own, sound in itself. */
static void
test_rewriting(void **state)
{
    struct chained *chained = *state;
    cim_error err = {0};
    anchor(chained);
    run_sql(chained, "delete from cim_audit");
    run_sql(chained, "update cim_audit_head set seq = 0, mac = '', proof = ''");
    for (int i = 1; i <= ENTRIES + 3; i++) {
        add_entry(chained, i == 7 ? 700 : i);
    }
    assert_ok(host_audit_chain(chained->audit, &err), &err);
    const struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_REWRITTEN, 70, 70);
    assert_int_equal(told.n, 1);
}

static void
test_anchor_tampered(void **state)
{
    struct chained *chained = *state;
    anchor(chained);
    FILE *file = fopen(chained->anchor, "a");
    assert_non_null(file);
    assert_true(fputs("2026-11-27T06:00:00.000Z 70 00 00\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct told told = verify(chained);
    assert_told(&told, 0, HOST_AUDIT_ANCHOR, 2, 2);
    assert_int_equal(told.n, 1);
    assert_int_equal(unlink(chained->anchor), 0);
    told = verify(chained);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.fault[0], HOST_AUDIT_ANCHOR);
}

static void
test_other_key_is_refused(void **state)
{
    struct chained *chained = *state;
    const struct host_audit_options options = options_of(chained);
    struct host_audit *again = NULL;
    char kept[200];
    cim_error err = {0};
    (void)snprintf(kept, sizeof kept, "%s.kept", chained->key);
    assert_int_equal(rename(chained->key, kept), 0);
    assert_int_equal(host_audit_open(&options, &again, &err), CIM_E_IO); /* none is made up */
    FILE *file = fopen(chained->key, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%064d\n", 7) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(chained->key, 0644), 0);
    assert_int_equal(host_audit_open(&options, &again, &err), CIM_E_STATE);
    assert_non_null(strstr(err.en, "chmod 600"));
    assert_int_equal(chmod(chained->key, 0600), 0);
    assert_int_equal(host_audit_open(&options, &again, &err), CIM_E_STATE);
    assert_non_null(strstr(err.en, "not that of the audit chain"));
    assert_int_equal(rename(kept, chained->key), 0);
    assert_ok(host_audit_open(&options, &again, &err), &err);
    host_audit_close(again);
}

static void
test_anchor_fails(void **state)
{
    struct chained *chained = *state;
    struct host_audit_options options = options_of(chained);
    struct host_audit *other = NULL;
    struct host_audit_stats stats = {0};
    cim_error err = {0};
    options.anchor_file = "/proc/no-such-file";
    assert_ok(host_audit_open(&options, &other, &err), &err);
    assert_ok(host_audit_start(other, &err), &err);
    for (int i = 0; i < 200 && stats.anchor_failures == 0; i++) {
        (void)usleep(20000);
        host_audit_stats(other, &stats);
    }
    assert_int_equal(stats.anchor_failures, 1);
    assert_int_equal(stats.chain_failures, 0);
    host_audit_close(other);
}

/* ---- two hosts ---- */

struct work {
    struct chained *chained;
    struct host_audit *audit;
    int first;
};

static void *
write_and_chain(void *arg)
{
    const struct work *work = arg;
    for (int i = 0; i < 40; i++) {
        cim_error err = {0};
        add_entry(work->chained, work->first + i);
        if (i % 4 == 3 && host_audit_chain(work->audit, &err) != CIM_OK) {
            return (void *)"chaining failed";
        }
    }
    return NULL;
}

static void
test_two_hosts_chain_at_once(void **state)
{
    struct chained *chained = *state;
    const struct host_audit_options options = options_of(chained);
    struct work work[4];
    pthread_t threads[4];
    cim_error err = {0};
    struct host_audit *other = NULL;
    assert_ok(host_audit_open(&options, &other, &err), &err);
    for (int i = 0; i < 4; i++) {
        work[i] = (struct work){chained, i % 2 == 0 ? chained->audit : other, 1000 * (i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_chain, &work[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_ok(host_audit_chain(chained->audit, &err), &err);
    anchor(chained);
    host_audit_close(other);
    const struct told told = verify(chained);
    assert_int_equal(told.n, 0);
    assert_int_equal(one_int(chained->fixture->store, "select count(*) from cim_audit"),
                     ENTRIES + 160);
}

/* ---- listing ---- */

static void
test_list(void **state)
{
    struct chained *chained = *state;
    struct host_audit_filter filter = {.action = "update",
                                       .layer = "t.thing",
                                       .principal = "zhang",
                                       .from_ms = INT64_MIN,
                                       .to_ms = INT64_MAX,
                                       .limit = 20};
    struct host_audit_page page = {.more = true};
    int n = 0;
    cim_error err = {0};
    while (page.more) {
        CIM_AUTO_BUF struct cim_buf out;
        cim_buf_init(&out, 1 << 20);
        assert_ok(host_audit_list(chained->fixture->store, &filter, "\n", &out, &page, &err), &err);
        filter.after = page.last;
        n += page.n;
        assert_non_null(strstr(out.data, "\"detail\":{\"fields\":[\"名称\"]"));
    }
    assert_int_equal(n, ENTRIES / 2);
    assert_int_equal(page.last, 2);
    filter =
        (struct host_audit_filter){.fid = 9, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .limit = 20};
    CIM_AUTO_BUF struct cim_buf out;
    cim_buf_init(&out, 1 << 20);
    assert_ok(host_audit_list(chained->fixture->store, &filter, "\n", &out, &page, &err), &err);
    assert_int_equal(page.n, 1);
    assert_string_equal(out.data,
                        "{\"seq\":9,\"at\":\"1970-01-21T20:00:00.000Z\",\"principal\":\"zhang\","
                        "\"action\":\"create\",\"layer\":\"t.thing\",\"fid\":9,\"uid\":\"uid-9\","
                        "\"area_code\":\"460100\",\"request_id\":\"r1\",\"detail\":{\"fields\":["
                        "\"名称\"],\"n\":9},\"result\":\"ok\"}");
    filter =
        (struct host_audit_filter){.from_ms = FIXTURE_NOW_MS + 1, .to_ms = INT64_MAX, .limit = 20};
    assert_ok(host_audit_list(chained->fixture->store, &filter, "\n", &out, &page, &err), &err);
    assert_int_equal(page.n, 0);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(test_sound_chain),
        EACH(test_entry_falls_with_its_transaction),
        EACH(test_change),
        EACH(test_change_with_its_macs),
        EACH(test_removal),
        EACH(test_removal_covered_up),
        EACH(test_insertion),
        EACH(test_insertion_at_the_end),
        EACH(test_reordering),
        EACH(test_truncation),
        EACH(test_truncation_seen_by_the_head),
        EACH(test_rewriting),
        EACH(test_anchor_tampered),
        EACH(test_other_key_is_refused),
        EACH(test_anchor_fails),
        EACH(test_two_hosts_chain_at_once),
        EACH(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

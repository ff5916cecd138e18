/* The change feed with many writers at once and long transactions among them: positions have no
 * gap, and whoever reads them in order misses nothing. On PostgreSQL two stores write, as two hosts
 * do, and a reader that trusts in rising ids does miss rows there: the test could fail. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITERS = 32, WRITES = 40, TOTAL = WRITERS * WRITES, LONG_US = 40000 };

struct feed {
    struct fixture *fixture;
    struct host_store *stores[2];
    _Atomic int n_done;
    _Atomic int n_failed;
    _Atomic bool over;
    int64_t n_naive; /* rows that the reader of ids saw */
    int64_t n_read;  /* changes that the reader of positions saw */
    int64_t n_gaps;
    int64_t n_twice;
    uint8_t seen[TOTAL];
};

struct writer {
    struct feed *feed;
    int number;
};

struct one {
    int64_t id;
    bool is_long;
};

static const char naive_sql[] = "create table naive (fid {int} primary key autoincrement not null, "
                                "writer {int});\n";

static cim_status
note(void *arg, cim_tx *tx, cim_error *err)
{
    const struct one *one = arg;
    const cim_value value = int_value("id", one->id);
    CIM_TRY(host_store_exec(tx, "insert into naive (writer) values (:id)", &value, 1, NULL, err));
    CIM_TRY(host_store_change(tx, "t.feed", one->id, CIM_CHANGE_CREATE, "460100", NULL, err));
    if (one->is_long) {
        (void)usleep(LONG_US);
    }
    return CIM_OK;
}

static void *
write_many(void *arg)
{
    const struct writer *writer = arg;
    struct feed *feed = writer->feed;
    struct host_store *store = feed->stores[writer->number % 2];
    for (int i = 0; i < WRITES; i++) {
        struct one one = {.id = (int64_t)writer->number * WRITES + i,
                          .is_long = pg_is_there() && (i + writer->number) % 8 == 0};
        cim_error error = {0};
        int64_t pos = 0;
        const cim_status status = host_store_write(store, note, &one, &pos, &error);
        /* Whoever asks next must see a position that covers the write. */
        if (status != CIM_OK || pos <= 0 || host_store_layer_pos(store, "t.feed") < pos) {
            atomic_fetch_add(&feed->n_failed, 1);
        }
        atomic_fetch_add(&feed->n_done, 1);
    }
    return NULL;
}

static void *
read_ids(void *arg)
{
    struct feed *feed = arg;
    int64_t last = 0;
    bool over = false;
    do {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        cim_error error = {0};
        const cim_value value = int_value("last", last);
        over = atomic_load(&feed->over);
        if (host_store_read(feed->stores[0], "select fid from naive where fid > :last order by fid",
                            &value, 1, &rows, &error) != CIM_OK) {
            atomic_fetch_add(&feed->n_failed, 1);
            return NULL;
        }
        while (rows->next(rows, &batch, &error) == CIM_OK && batch->n_rows > 0) {
            feed->n_naive += batch->n_rows;
            last = cim_column_i64(batch->columns[0], batch->n_rows - 1);
        }
        (void)usleep(1000);
    } while (!over);
    return NULL;
}

static void
take_change(struct feed *feed, int64_t *last, int64_t pos, int64_t id)
{
    feed->n_gaps += pos != *last + 1;
    feed->n_twice += id < 0 || id >= TOTAL || feed->seen[id] != 0;
    if (id >= 0 && id < TOTAL) {
        feed->seen[id] = 1;
    }
    feed->n_read++;
    *last = pos;
}

static void *
read_positions(void *arg)
{
    struct feed *feed = arg;
    int64_t last = 0;
    bool over = false;
    do {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        cim_error error = {0};
        const cim_value value = int_value("last", last);
        over = atomic_load(&feed->over);
        if (host_store_read(feed->stores[1],
                            "select pos, fid from cim_change where pos > :last order by pos",
                            &value, 1, &rows, &error) != CIM_OK) {
            atomic_fetch_add(&feed->n_failed, 1);
            return NULL;
        }
        while (rows->next(rows, &batch, &error) == CIM_OK && batch->n_rows > 0) {
            for (int64_t i = 0; i < batch->n_rows; i++) {
                take_change(feed, &last, cim_column_i64(batch->columns[0], i),
                            cim_column_i64(batch->columns[1], i));
            }
        }
        (void)usleep(1000);
    } while (!over);
    return NULL;
}

static void
test_feed_misses_nothing_under_long_transactions(void **state)
{
    struct fixture *fixture = *state;
    const struct host_store_options options = fixture_options(fixture);
    struct feed *feed = calloc(1, sizeof *feed);
    pthread_t threads[WRITERS];
    pthread_t readers[2];
    struct writer writers[WRITERS];
    struct host_migration_report report;
    cim_error error = {0};
    assert_non_null(feed);
    fixture_write_file(fixture->migrations, "0002_naive.sql", naive_sql);
    assert_ok(host_store_migrate(fixture->store, "test", fixture->migrations, NULL, NULL, &report,
                                 &error),
              &error);
    feed->fixture = fixture;
    feed->stores[0] = feed->stores[1] = fixture->store;
    if (pg_is_there()) {
        assert_ok(host_store_open(&options, &feed->stores[1], &error), &error);
    }
    assert_int_equal(pthread_create(&readers[0], NULL, read_ids, feed), 0);
    assert_int_equal(pthread_create(&readers[1], NULL, read_positions, feed), 0);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.feed = feed, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&feed->over, true); /* both readers look once more after this */
    assert_int_equal(pthread_join(readers[0], NULL), 0);
    assert_int_equal(pthread_join(readers[1], NULL), 0);
    assert_int_equal(feed->n_failed, 0);
    assert_int_equal(one_int(fixture->store, "select count(*) from naive"), TOTAL);
    assert_int_equal(feed->n_gaps, 0);
    assert_int_equal(feed->n_twice, 0);
    assert_int_equal(feed->n_read, TOTAL);
    assert_int_equal(host_store_pos(fixture->store), TOTAL);
    if (pg_is_there()) {
        print_message("of %d rows the reader of ids missed %lld\n", TOTAL,
                      (long long)(TOTAL - feed->n_naive));
        assert_true(feed->n_naive < TOTAL);
        host_store_close(feed->stores[1]);
    } else {
        assert_int_equal(feed->n_naive, TOTAL); /* one writer: ids rise in the order of commits */
    }
    free(feed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_feed_misses_nothing_under_long_transactions,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_feed", tests, NULL, NULL);
}

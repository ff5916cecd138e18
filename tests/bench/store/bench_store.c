/* Prints what the embedded store does in a second beside plain SQLite doing the same, with the CPU
 * time of each operation. usage: bench_store [ROWS] */
#include "plain.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/wkb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 64, PAGE_ROUNDS = 4000, SINGLE_WRITES = 600, GROUP_WRITES = 200, BATCH = 1000 };

static const char migration[] = "create table thing ({record}, {geom Point}, name {text}, kind "
                                "{text});\n{layer thing Point};\n"
                                "create index thing_area on thing (area_code);\n";

static struct host_store *store;
static struct plain *plain;
static pthread_mutex_t plain_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int64_t next_id;

static void
check(cim_status status, const cim_error *error)
{
    if (status != CIM_OK) {
        (void)fprintf(stderr, "bench_store: %s\n", error->en);
        exit(1);
    }
}

static double
seconds(clockid_t clock)
{
    struct timespec at;
    (void)clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

struct figure {
    double per_second;
    double cpu_us;
};

static struct figure
measure(void (*work)(int64_t), int64_t n)
{
    const double wall = seconds(CLOCK_MONOTONIC);
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct figure figure;
    work(n);
    figure.per_second = (double)n / (seconds(CLOCK_MONOTONIC) - wall);
    figure.cpu_us = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)n;
    return figure;
}

static void
compare(const char *what, void (*ours)(int64_t), void (*peer)(int64_t), int64_t n)
{
    const struct figure a = measure(ours, n);
    const struct figure b = measure(peer, n);
    printf("%-52s %12.0f/s %8.1f us   %12.0f/s %8.1f us   %6.2f\n", what, a.per_second, a.cpu_us,
           b.per_second, b.cpu_us, a.per_second / b.per_second);
    (void)fflush(stdout);
}

static void
position(int64_t i, double *x, double *y)
{
    const uint64_t mixed = ((uint64_t)i + 1) * 0x9E3779B97F4A7C15U;
    *x = 108.6 + (double)(mixed >> 40U) / 16777216.0 * 2.5;
    *y = 18.2 + (double)((mixed >> 16U) & 0xffffffU) / 16777216.0 * 1.9;
}

static cim_status
insert_ours(cim_tx *tx, int64_t i, cim_error *err)
{
    static const char sql[] = "insert into thing (uid, owner_org, area_code, updated_at, geom, "
                              "name, kind) values (:uid, 'org', :area, {now}, {geom :geom}, :name, "
                              "'a')";
    static const char name[] = "瓶装液化石油气供应站";
    char uid[40];
    char area[16];
    uint8_t wkb[21];
    double x = 0;
    double y = 0;
    position(i, &x, &y);
    cim_wkb_from_point(x, y, wkb);
    (void)snprintf(uid, sizeof uid, "0193-%032llx", (unsigned long long)i);
    (void)snprintf(area, sizeof area, "4601%02d", (int)(i % 27));
    const cim_value values[] = {
        {.name = "uid", .type = CIM_COL_TEXT, .len = (uint32_t)strlen(uid), .v.ptr = uid},
        {.name = "area", .type = CIM_COL_TEXT, .len = (uint32_t)strlen(area), .v.ptr = area},
        {.name = "geom", .type = CIM_COL_WKB, .len = sizeof wkb, .v.ptr = wkb},
        {.name = "name", .type = CIM_COL_TEXT, .len = sizeof name - 1, .v.ptr = name},
    };
    CIM_TRY(host_store_exec(tx, sql, values, 4, NULL, err));
    return CIM_OK;
}

static cim_status
write_slice(void *arg, cim_tx *tx, cim_error *err)
{
    const int64_t n = *(const int64_t *)arg;
    for (int64_t i = 0; i < n; i++) {
        CIM_TRY(insert_ours(tx, next_id++, err));
    }
    return host_store_change(tx, "t.things", n > 1 ? 0 : next_id,
                             n > 1 ? CIM_CHANGE_BULK : CIM_CHANGE_CREATE, "460100", "org", err);
}

static void
write_ours(int64_t n, int64_t batch)
{
    while (n > 0) {
        int64_t rows = n < batch ? n : batch;
        cim_error error = {0};
        check(host_store_write(store, write_slice, &rows, NULL, &error), &error);
        n -= rows;
    }
}

static void
write_plain(int64_t n, int64_t batch)
{
    while (n > 0) {
        const int64_t rows = n < batch ? n : batch;
        plain_begin(plain);
        for (int64_t i = 0; i < rows; i++) {
            double x = 0;
            double y = 0;
            position(next_id, &x, &y);
            plain_insert(plain, next_id++, x, y);
        }
        plain_commit(plain);
        n -= rows;
    }
}

static void
single_ours(int64_t n)
{
    write_ours(n, 1);
}

static void
single_plain(int64_t n)
{
    write_plain(n, 1);
}

static void *
thread_ours(void *arg)
{
    write_ours(*(int64_t *)arg, 1);
    return NULL;
}

static void *
thread_plain(void *arg)
{
    for (int64_t i = 0; i < *(int64_t *)arg; i++) {
        pthread_mutex_lock(&plain_lock);
        write_plain(1, 1);
        pthread_mutex_unlock(&plain_lock);
    }
    return NULL;
}

static void
run_threads(void *(*work)(void *), int64_t n)
{
    pthread_t threads[THREADS];
    int64_t share = n / THREADS;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &share) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void
many_ours(int64_t n)
{
    run_threads(thread_ours, n);
}

static void
many_plain(int64_t n)
{
    run_threads(thread_plain, n);
}

static void
batch_ours(int64_t n)
{
    write_ours(n, BATCH);
}

static void
batch_plain(int64_t n)
{
    write_plain(n, BATCH);
}

static void
all_ours(int64_t n)
{
    write_ours(n, n);
}

static void
all_plain(int64_t n)
{
    write_plain(n, n);
}

static void
page_box(int64_t i, double box[4])
{
    position(i * 7 + 3, &box[0], &box[1]);
    box[2] = box[0] + 0.05; /* some hundred records of 200 000 */
    box[3] = box[1] + 0.05;
}

static void
page_ours(int64_t n)
{
    static const char sql[] =
        "select fid, uid, version, owner_org, area_code, {ms updated_at}, {wkb geom}, name, kind "
        "from thing where {bbox thing} order by fid limit 100";
    static const char *const names[] = {"bbox_w", "bbox_s", "bbox_e", "bbox_n"};
    for (int64_t i = 0; i < n; i++) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        cim_value values[4] = {{0}};
        double box[4];
        cim_error error = {0};
        page_box(i, box);
        for (int k = 0; k < 4; k++) {
            values[k] = (cim_value){.name = names[k], .type = CIM_COL_FLOAT64, .v.f64 = box[k]};
        }
        check(host_store_read(store, sql, values, 4, &rows, &error), &error);
        do {
            check(rows->next(rows, &batch, &error), &error);
        } while (batch->n_rows > 0);
    }
}

static void
page_plain(int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double box[4];
        page_box(i, box);
        (void)plain_page(plain, box[0], box[1], box[2], box[3]);
    }
}

static void
open_both(const char *dir, struct host_clock *clock)
{
    char path[256];
    char migrations[256];
    char file[300];
    struct host_migration_report report;
    cim_error error = {0};
    FILE *out = NULL;
    (void)snprintf(path, sizeof path, "%s/plain.db", dir);
    plain = plain_open(path);
    (void)snprintf(path, sizeof path, "%s/cim.gpkg", dir);
    (void)snprintf(migrations, sizeof migrations, "%s/migrations", dir);
    (void)mkdir(migrations, 0700);
    (void)snprintf(file, sizeof file, "%s/0001_thing.sql", migrations);
    out = fopen(file, "w");
    if (out == NULL || fputs(migration, out) < 0 || fclose(out) != 0) {
        exit(1);
    }
    const struct host_store_options options = {
        .kind = HOST_STORE_DATA, .path = path, .clock = clock, .max_readers = 8};
    check(host_store_open(&options, &store, &error), &error);
    check(host_store_migrate(store, "host", CIM_HOST_MIGRATIONS "/store", NULL, NULL, &report,
                             &error),
          &error);
    check(host_store_migrate(store, "bench", migrations, NULL, NULL, &report, &error), &error);
}

static void
remove_files(const char *dir)
{
    static const char *const names[] = {"plain.db",
                                        "plain.db-wal",
                                        "plain.db-shm",
                                        "cim.gpkg",
                                        "cim.gpkg-wal",
                                        "cim.gpkg-shm",
                                        "migrations/0001_thing.sql"};
    char path[300];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/migrations", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

int
main(int argc, char **argv)
{
    const int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    struct host_clock *clock = host_clock_new(-1);
    char dir[] = "/tmp/cim-bench-store-XXXXXX";
    if (clock == NULL || mkdtemp(dir) == NULL) {
        return 1;
    }
    open_both(dir, clock);
    printf("%-52s %14s %11s   %14s %11s   %6s\n", "work (records with a point, 3 indexes, R-tree)",
           "store", "CPU each", "plain SQLite", "CPU each", "ratio");
    compare("one row a commit, one caller", single_ours, single_plain, SINGLE_WRITES);
    compare("one row a commit, 64 callers", many_ours, many_plain, (int64_t)THREADS * GROUP_WRITES);
    compare("1000 rows a commit", batch_ours, batch_plain, rows / 2);
    compare("all rows in one commit", all_ours, all_plain, rows);
    compare("page of 100 records by box", page_ours, page_plain, PAGE_ROUNDS);
    host_store_close(store);
    plain_close(plain);
    host_clock_free(clock);
    remove_files(dir);
    return 0;
}

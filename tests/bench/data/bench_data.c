/* tests/bench/data/bench_data.c -- end users written one by one, in batches and in bulk, and read
 * in pages, in process over the store that the environment names (CIM_TEST_PG, or embedded), beside
 * the same rows in a plain table. Where one number is given it is wall time; readings also give the
 * CPU time of their thread, which on PostgreSQL is the client's alone.
 * Usage: bench_data [rows] */
#include "cim/util.h"
#include "data/tally.h"
#include "fake_host.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "plain.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { EDITS = 50 };
enum {
    RUNS = 300,
    CLIENTS = 64,
    WARMING_ROWS = 640,
    SINGLE_ROWS = 6400,
    BATCHED_ROWS = 20000,
    BATCH_ROWS = 1000,
    EVENT_ROWS = 50000
};

static double
now_ms(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
must(cim_status status, const cim_error *err, const char *what)
{
    if (status != CIM_OK) {
        (void)fprintf(stderr, "%s: %d %s [%s=%s]\n", what, status, err->en, err->param, err->value);
        exit(1);
    }
}

static const char *const names[] = {"user_no",
                                    "name",
                                    "phone",
                                    "address",
                                    "consumer",
                                    "kind",
                                    "real_name_state",
                                    "inspection_state",
                                    "contract_on",
                                    "last_inspection_on",
                                    "cylinders_in_use",
                                    "ordered_12m_kg",
                                    "alarm_fitted",
                                    "area_code",
                                    "owner_org",
                                    "geom"};
static const uint32_t types[] = {CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT,  CIM_COL_TEXT,
                                 CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT,  CIM_COL_TEXT,
                                 CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_INT64, CIM_COL_FLOAT64,
                                 CIM_COL_BOOL, CIM_COL_TEXT, CIM_COL_TEXT,  CIM_COL_WKB};
enum { N_COLUMNS = sizeof names / sizeof names[0] };

struct users {
    const struct cim_definition *def;
    const char *const *names; /* of the columns */
    int64_t next;
    int64_t end;
    uint64_t seed;
};

static uint32_t
random_below(struct users *users, uint32_t bound)
{
    users->seed ^= users->seed << 13U;
    users->seed ^= users->seed >> 7U;
    users->seed ^= users->seed << 17U;
    return (uint32_t)((users->seed >> 32U) * bound >> 32U);
}

static void
append_text(struct cim_batch_builder *builder, uint32_t column, const char *text)
{
    cim_batch_append_bytes(builder, column, text, strlen(text));
}

static void
append_code(struct cim_batch_builder *builder, uint32_t column, struct users *users)
{
    const struct cim_field *field = cim_definition_field(users->def, users->names[column]);
    const uint32_t choice = random_below(users, (uint32_t)field->codes->n_codes);
    append_text(builder, column, field->codes->codes[choice].value);
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    static const char *const areas[] = {"460105", "460106", "460200", "469001"};
    struct users *users = (struct users *)self;
    while (users->next < users->end && cim_batch_builder_rows(builder) < 1024) {
        char text[64];
        uint8_t wkb[21];
        (void)snprintf(text, sizeof text, "U%09lld", (long long)users->next++);
        append_text(builder, 0, text);
        append_text(builder, 1, "张小三");
        append_text(builder, 2, "13800138000");
        (void)snprintf(text, sizeof text, "滨海大道%u号", random_below(users, 900));
        append_text(builder, 3, text);
        for (uint32_t column = 4; column < 8; column++) {
            append_code(builder, column, users);
        }
        append_text(builder, 8, "2024-03-05");
        append_text(builder, 9, "2026-10-01");
        cim_batch_append_i64(builder, 10, random_below(users, 4));
        cim_batch_append_f64(builder, 11, (double)random_below(users, 4000) / 10);
        cim_batch_append_i64(builder, 12, random_below(users, 2));
        append_text(builder, 13, areas[random_below(users, 4)]);
        append_text(builder, 14, "91460100MA5T00010J");
        cim_wkb_from_point(108.7 + random_below(users, 2300000) / 1e6,
                           18.2 + random_below(users, 1900000) / 1e6, wkb);
        cim_batch_append_bytes(builder, 15, wkb, sizeof wkb);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
create_users(struct lpg_layer *layer, int64_t first, int64_t n, uint32_t flags)
{
    const cim_call call = fake_call(fake_scope_all());
    struct users users = {.def = lpg_layer_definition(layer),
                          .names = names,
                          .next = first,
                          .end = first + n,
                          .seed = 7 + (uint64_t)first};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_error err = {0};
    must(cim_rows_new(N_COLUMNS, names, types, fill, NULL, &users, &rows, &err), &err, "rows");
    cim_edit edit = {
        .struct_size = sizeof edit, .flags = flags, .op = CIM_EDIT_CREATE, .rows = rows};
    must(lpg_layer_write(layer, &call, &edit, &err), &err, "write");
}

static void
write_users(struct lpg_layer *layer, int64_t first, int64_t n, uint32_t flags)
{
    const double start = now_ms(CLOCK_MONOTONIC);
    const double cpu_start = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    create_users(layer, first, n, flags);
    const double took = now_ms(CLOCK_MONOTONIC) - start;
    const double cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
    (void)printf("%-44s %9lld rows %10.0f rows/s, %.1f us of CPU a row\n",
                 (flags & CIM_EDIT_DRY_RUN) != 0 ? "create, dry run" : "create, one transaction",
                 (long long)n, (double)n / took * 1000, cpu / (double)n * 1000);
}

/* ---- events of cylinders: nothing to encrypt, no geometry, and many of them ---- */

static const char *const event_names[] = {
    "event_id",  "occurred_at",      "tag_no",          "step",      "source",
    "reader_no", "weight_before_kg", "weight_after_kg", "area_code", "owner_org"};
static const uint32_t event_types[] = {
    CIM_COL_TEXT, CIM_COL_TIME_MS, CIM_COL_TEXT,    CIM_COL_TEXT, CIM_COL_TEXT,
    CIM_COL_TEXT, CIM_COL_FLOAT64, CIM_COL_FLOAT64, CIM_COL_TEXT, CIM_COL_TEXT};
enum { N_EVENT_COLUMNS = sizeof event_names / sizeof event_names[0] };

static cim_status
fill_events(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    static const char *const areas[] = {"460105", "460106", "460200", "469001"};
    struct users *events = (struct users *)self;
    while (events->next < events->end && cim_batch_builder_rows(builder) < 1024) {
        char text[64];
        (void)snprintf(text, sizeof text, "E%011lld", (long long)events->next);
        append_text(builder, 0, text);
        cim_batch_append_i64(builder, 1, FAKE_NOW_MS - (int64_t)random_below(events, 86400) * 1000);
        (void)snprintf(text, sizeof text, "T%08u", random_below(events, 3660000));
        append_text(builder, 2, text);
        append_code(builder, 3, events);
        append_code(builder, 4, events);
        append_text(builder, 5, "R-0007");
        cim_batch_append_f64(builder, 6, 16.5);
        cim_batch_append_f64(builder, 7, 30.9);
        append_text(builder, 8, areas[random_below(events, 4)]);
        append_text(builder, 9, "91460100MA5T00010J");
        CIM_TRY(cim_batch_builder_end_row(builder, err));
        events->next++;
    }
    return CIM_OK;
}

static void
write_events(struct lpg_layer *layer)
{
    const cim_call call = fake_call(fake_scope_all());
    const double start = wall_ms();
    for (int64_t i = 0; i < EVENT_ROWS; i += BATCH_ROWS) {
        struct users events = {.def = lpg_layer_definition(layer),
                               .names = event_names,
                               .next = i,
                               .end = i + BATCH_ROWS,
                               .seed = 11 + (uint64_t)i};
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        cim_error err = {0};
        must(cim_rows_new(N_EVENT_COLUMNS, event_names, event_types, fill_events, NULL, &events,
                          &rows, &err),
             &err, "rows");
        cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
        must(lpg_layer_write(layer, &call, &edit, &err), &err, "events");
    }
    print_rate("events of cylinders, batches of 1000", EVENT_ROWS, wall_ms() - start);
}

struct client {
    struct lpg_layer *layer;
    int64_t first;
    int64_t n;
};

static void *
write_single(void *arg)
{
    const struct client *client = arg;
    for (int64_t i = 0; i < client->n; i++) {
        create_users(client->layer, client->first + i, 1, 0);
    }
    return NULL;
}

static void
write_at_once(struct lpg_layer *layer, int64_t first, int64_t n)
{
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){layer, first + n / CLIENTS * i, n / CLIENTS};
        if (pthread_create(&threads[i], NULL, write_single, &clients[i]) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* Each edit is checked, logged, audited and durable before the next of its client. */
static void
write_as_clients(const struct fake_host *fake, struct lpg_layer *layer, int64_t first)
{
    char path[96];
    double start = wall_ms();
    write_at_once(layer, first, WARMING_ROWS); /* connections are opened, statements prepared */
    print_rate("create, single, 64 clients, the first of all", WARMING_ROWS, wall_ms() - start);
    first += WARMING_ROWS;
    start = wall_ms();
    write_at_once(layer, first, SINGLE_ROWS);
    print_rate("create, single, 64 clients", SINGLE_ROWS, wall_ms() - start);
    first += SINGLE_ROWS;
    start = wall_ms();
    for (int64_t i = 0; i < BATCHED_ROWS; i += BATCH_ROWS) {
        create_users(layer, first + i, BATCH_ROWS, 0);
    }
    print_rate("create, batches of 1000", BATCHED_ROWS, wall_ms() - start);
    if (fake->url[0] != '\0') {
        plain_postgresql(fake->url, CLIENTS, SINGLE_ROWS, BATCHED_ROWS, BATCH_ROWS);
        return;
    }
    (void)snprintf(path, sizeof path, "%s/plain.db", fake->dir);
    plain_sqlite(path, SINGLE_ROWS, BATCHED_ROWS, BATCH_ROWS);
}

static void
read_pages(struct lpg_layer *layer, const char *what, const cim_scope *scope,
           const cim_query *query)
{
    const cim_call call = fake_call(scope);
    int64_t n_rows = 0;
    cim_error err = {0};
    const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    const double wall_start = wall_ms();
    for (int i = 0; i < RUNS; i++) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        must(lpg_layer_query(layer, &call, query, &rows, &err), &err, what);
        for (;;) {
            must(rows->next(rows, &batch, &err), &err, what);
            if (batch->n_rows == 0) {
                break;
            }
            n_rows += batch->n_rows;
        }
    }
    const double took = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    (void)printf("%-44s %9lld rows %10.1f us, %.1f us of CPU\n", what, (long long)(n_rows / RUNS),
                 (wall_ms() - wall_start) / RUNS * 1000, took / RUNS * 1000);
}

static void
count_all(struct lpg_layer *layer, const char *what, const cim_query *query, int runs)
{
    const cim_call call = fake_call(fake_scope_all());
    int64_t count = 0;
    cim_error err = {0};
    const double start = wall_ms();
    for (int i = 0; i < runs; i++) {
        must(lpg_layer_count(layer, &call, query, &count, &err), &err, what);
    }
    (void)printf("%-44s %9lld rows %10.1f us\n", what, (long long)count,
                 (wall_ms() - start) / runs * 1000);
}

static void
group_all(struct lpg_layer *layer, const char *what, int runs)
{
    static const struct lpg_grouping grouping = {
        .n_by = 2, .by = {"area_code", "kind"}, .area_level = "county"};
    const cim_query query = {.struct_size = sizeof query};
    const cim_call call = fake_call(fake_scope_all());
    int64_t n_groups = 0;
    cim_error err = {0};
    const double start = wall_ms();
    for (int i = 0; i < runs; i++) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        must(lpg_data_group_count(layer, &call, &query, &grouping, &rows, &err), &err, what);
        must(rows->next(rows, &batch, &err), &err, what);
        n_groups = batch->n_rows;
    }
    (void)printf("%-44s %8lld groups %9.1f us\n", what, (long long)n_groups,
                 (wall_ms() - start) / runs * 1000);
}

/* By the store, where nothing is remembered of it; then from memory, after each of some edits. */
static void
count_kinds(struct lpg_data *data, struct lpg_layer *layer, int64_t first)
{
    const cim_query query = {.struct_size = sizeof query,
                             .area = "460100",
                             .filter_json =
                                 "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"resident\"]}"};
    const cim_call call = fake_call(fake_scope_all());
    int64_t count = 0;
    double took = 0;
    cim_error err = {0};
    count_all(layer, "count of an area and a kind, by the store", &query, 1);
    group_all(layer, "all by county and kind, by the store", 1);
    must(lpg_tallies_run(data, NULL, &err), &err, "tally");
    count_all(layer, "count of an area and a kind, from memory", &query, RUNS);
    group_all(layer, "all by county and kind, from memory", RUNS);
    for (int i = 0; i < EDITS; i++) {
        create_users(layer, first + i, 1, 0);
        const double start = wall_ms();
        must(lpg_layer_count(layer, &call, &query, &count, &err), &err, "count");
        took += wall_ms() - start;
    }
    (void)printf("%-44s %9lld rows %10.1f us\n", "count of an area and a kind, after an edit",
                 (long long)count, took / EDITS * 1000);
}

static void
read_all(struct lpg_layer *layer)
{
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    int64_t n_rows = 0;
    cim_error err = {0};
    const double start = now_ms(CLOCK_MONOTONIC);
    must(lpg_layer_query(layer, &call, &query, &rows, &err), &err, "export");
    do {
        must(rows->next(rows, &batch, &err), &err, "export");
        n_rows += batch->n_rows;
    } while (batch->n_rows > 0);
    (void)printf("%-44s %9lld rows %10.0f rows/s\n", "all of them, page by page", (long long)n_rows,
                 (double)n_rows / (now_ms(CLOCK_MONOTONIC) - start) * 1000);
}

int
main(int argc, char **argv)
{
    static const struct cim_area_input areas[] = {{"460000", "海南省", "province", NULL, NULL},
                                                  {"460100", "海口市", "city", "460000", NULL},
                                                  {"460105", "秀英区", "county", "460100", NULL},
                                                  {"460106", "龙华区", "county", "460100", NULL},
                                                  {"460200", "三亚市", "city", "460000", NULL},
                                                  {"469001", "五指山市", "county", "460000", NULL}};
    static const uint64_t haikou[] = {2U | 4U | 8U};
    static const cim_term term = {.struct_size = sizeof term,
                                  .resource = "*",
                                  .areas = haikou,
                                  .n_area_words = 1,
                                  .sensitive_mode = CIM_FIELD_MASKED,
                                  .from_ms = INT64_MIN,
                                  .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&term};
    static const cim_scope narrow = {
        .struct_size = sizeof narrow, .n_terms = 1, .terms = terms, .areas_version = 5};
    static const char *const by_kind[] = {"-ordered_12m_kg"};
    const int64_t n = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    struct fake_host *fake = fake_host_new(areas, sizeof areas / sizeof areas[0]);
    struct lpg_data *data = NULL;
    cim_error err = {0};
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what was measured shows, whatever comes after */
    (void)printf("-- %s\n", host_store_name(fake->store));
    fake_host_migrate(fake, LPG_MIGRATIONS);
    must(lpg_data_open(&fake->host, LAYERS_DIR, &data, &err), &err, "open");
    struct lpg_layer *layer = lpg_data_layer(data, "lpg.end-users");
    write_users(layer, 0, n / 4, CIM_EDIT_DRY_RUN);
    write_users(layer, 0, n, 0);
    write_users(layer, n, 1000, 0);
    write_as_clients(fake, layer, n + 1000);
    write_events(lpg_data_layer(data, "lpg.cylinder-events"));

    cim_query query = {.struct_size = sizeof query, .limit = 100};
    read_pages(layer, "page of 100, all in clear", fake_scope_all(), &query);
    read_pages(layer, "page of 100, Haikou, masked", &narrow, &query);
    query.sort = by_kind;
    query.n_sort = 1;
    query.limit = 10;
    query.flags = CIM_QUERY_BBOX;
    query.bbox_w_deg = 110.30;
    query.bbox_s_deg = 19.90;
    query.bbox_e_deg = 110.35;
    query.bbox_n_deg = 19.95;
    query.n_sort = 0;
    query.limit = 100;
    read_pages(layer, "page of 100 in a small box", fake_scope_all(), &query);
    query.flags = 0;
    query.filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"inspection_state\"},\"overdue\"]}";
    read_pages(layer, "page of 100, one state", fake_scope_all(), &query);
    query.filter_json = NULL;
    query.fid = 77;
    read_pages(layer, "one record", fake_scope_all(), &query);
    query.fid = 0;
    query.search = "U000000777";
    query.limit = 10;
    read_pages(layer, "search of a number", fake_scope_all(), &query);
    query.search = NULL;
    count_all(layer, "count, first", &query, 1);
    count_all(layer, "count, again", &query, 1000);
    count_kinds(data, layer, n + 1000 + WARMING_ROWS + SINGLE_ROWS + BATCHED_ROWS);
    read_all(layer);
    lpg_data_close(data);
    fake_host_free(fake);
    return 0;
}

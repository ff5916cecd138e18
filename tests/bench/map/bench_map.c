/* tests/bench/map/bench_map.c -- one clustered or single-point tile, computed and encoded, then
 * gzipped, and its hexagons with rates; beside what SQLite's R-tree and a GROUP BY over the same
 * points take (up to 200 000). In process, one thread, CPU time of the thread. Then the first
 * tile after one edit: by the overlay, and by building the layer anew, both over records that are
 * in memory already (a load reads them from the store besides); last the layer's file. Usage:
 * bench_map_tiles [points [edits | saved | dump POINTS_FILE ADDRESSES_FILE]] | shapes */
#include "bench_shapes.h"

#include "cim/plugin.h"
#include "cim/rows.h"
#include "cim/util.h"
#include "geo/mercator.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "map/rates.h"
#include "map/saved.h"
#include "map/snapshot.h"

#include <libdeflate.h>
#include <malloc.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { N_AREAS = 24, N_KINDS = 8, RUNS = 31, SQLITE_MAX = 200000 };

static double
now_ms(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double
median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return values[n / 2];
}

/* Uniform in [0, 1); the same on every machine. */
static double
next_random(uint64_t *state)
{
    *state ^= *state << 13U;
    *state ^= *state >> 7U;
    *state ^= *state << 17U;
    return (double)(*state >> 11U) / 9007199254740992.0;
}

struct point {
    double lon;
    double lat;
    int area;
    int kind;
};

/* Crowds round towns on an island of Hainan's size. */
static struct point *
make_points(uint32_t n)
{
    struct point *points = malloc(n * sizeof *points);
    uint64_t state = 20261122;
    double towns[200][2];
    if (points == NULL) {
        exit(1);
    }
    for (int i = 0; i < 200; i++) {
        towns[i][0] = 108.8 + 2.1 * next_random(&state);
        towns[i][1] = 18.3 + 1.7 * next_random(&state);
    }
    for (uint32_t i = 0; i < n; i++) {
        const int town = (int)(200.0 * next_random(&state) * next_random(&state));
        const double r = 0.06 * sqrt(-log(1.0 - next_random(&state)));
        const double a = 6.283185307179586 * next_random(&state);
        points[i] = (struct point){.lon = towns[town][0] + r * cos(a),
                                   .lat = towns[town][1] + r * sin(a),
                                   .area = town % N_AREAS,
                                   .kind = (int)(N_KINDS * next_random(&state))};
    }
    return points;
}

/* ---- ours ---- */

static int32_t
area_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    return (int32_t)strtol(code + 1, NULL, 10);
}

static const cim_access_v1 access_service = {.struct_size = sizeof access_service,
                                             .area_ordinal = area_ordinal};
static const cim_term everything = {
    .struct_size = sizeof everything, .all_areas = 1, .until_ms = INT64_MAX};
static const cim_term *const terms[] = {&everything};
static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
static const cim_call call = {.struct_size = sizeof call, .scope = &scope, .now_ms = 1};

struct ours {
    struct cim_field kind;
    const struct cim_field *kinds[1];
    struct cim_rate rate; /* of kinds 0 to 3 those of 0 and 1 */
    char *values[4];
    struct cim_definition def;
    struct lpg_features features;
    struct lpg_points *points;
};

static void
fail(const char *what)
{
    (void)fprintf(stderr, "bench_map: %s\n", what);
    exit(1);
}

static void
describe_ours(struct ours *ours)
{
    ours->kind = (struct cim_field){.name = (char *)(uintptr_t) "kind", .type = CIM_FIELD_CODE};
    ours->kinds[0] = &ours->kind;
    static char names[4][4] = {"k0", "k1", "k2", "k3"};
    for (int i = 0; i < 4; i++) {
        ours->values[i] = names[i];
    }
    ours->rate = (struct cim_rate){.name = (char *)(uintptr_t) "done",
                                   .field = &ours->kind,
                                   .n_numerator = 2,
                                   .numerator = ours->values,
                                   .n_denominator = 4,
                                   .denominator = ours->values};
    ours->def = (struct cim_definition){.geometry = CIM_GEOMETRY_POINT,
                                        .n_rates = 1,
                                        .rates = &ours->rate,
                                        .n_tile_attributes = 1,
                                        .tile_attributes = ours->kinds,
                                        .n_count_by = 1,
                                        .count_by = ours->kinds};
}

static void
build_ours(struct ours *ours, const struct point *points, uint32_t n)
{
    uint64_t *morton = malloc(n * sizeof *morton);
    if (morton == NULL || lpg_features_init(&ours->features, &ours->def, NULL) != CIM_OK) {
        fail("out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        char text[16];
        uint32_t x;
        uint32_t y;
        int len;
        if (!lpg_mercator_from_lonlat(points[i].lon, points[i].lat, &x, &y) ||
            lpg_features_grow(&ours->features, NULL) != CIM_OK) {
            fail("build");
        }
        morton[i] = lpg_morton(x, y);
        ours->features.fid[i] = i + 1;
        len = snprintf(text, sizeof text, "a%d", points[i].area);
        ours->features.area[i] = lpg_dictionary_put_text(&ours->features.areas, text, (size_t)len);
        len = snprintf(text, sizeof text, "k%d", points[i].kind);
        ours->features.attributes[0].codes[i] =
            lpg_dictionary_put_text(&ours->features.attributes[0].dictionary, text, (size_t)len);
    }
    if (lpg_points_build(&ours->features, morton, &ours->points, NULL) != CIM_OK) {
        fail("build");
    }
}

/* What one tile took: computing and encoding, gzip, its hexagons. */
struct took {
    double tile_ms;
    double gzip_ms;
    double hexes_ms;
    uint64_t bytes;
};

static void
draw_ours(const struct ours *ours, uint32_t z, uint32_t col, uint32_t row, struct took *ret_took)
{
    static struct libdeflate_compressor *compressor;
    const struct lpg_stack stack = {
        .points = ours->points, .features = &ours->features, .newer = &ours->features};
    struct lpg_view view;
    struct lpg_mvt *mvt;
    struct lpg_mvt *labels;
    cim_blob tile = {0};
    char *texts = NULL;
    double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    compressor = compressor != NULL ? compressor : libdeflate_alloc_compressor(5);
    if (lpg_view_open(&ours->features, NULL, &access_service, &call, NULL, NULL, &view, NULL) !=
            CIM_OK ||
        lpg_mvt_new("points", &mvt, NULL) != CIM_OK ||
        lpg_points_tile(&stack, &view, false, z, col, row, mvt, &texts, NULL) != CIM_OK ||
        lpg_mvt_finish(mvt, &tile, NULL) != CIM_OK) {
        fail("tile");
    }
    ret_took->tile_ms = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    ret_took->bytes = tile.len;
    start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    if (tile.len > 0) {
        const size_t bound = libdeflate_gzip_compress_bound(compressor, (size_t)tile.len);
        void *packed = malloc(bound);
        if (packed == NULL ||
            libdeflate_gzip_compress(compressor, tile.data, (size_t)tile.len, packed, bound) == 0) {
            fail("gzip");
        }
        free(packed);
    }
    ret_took->gzip_ms = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    lpg_mvt_free(mvt);
    free(texts);
    ret_took->hexes_ms = 0;
    if (z < LPG_POINTS_SINGLE_ZOOM) {
        start = now_ms(CLOCK_THREAD_CPUTIME_ID);
        if (lpg_mvt_new("hexagons", &mvt, NULL) != CIM_OK ||
            lpg_mvt_new("labels", &labels, NULL) != CIM_OK ||
            lpg_hexes_tile(&stack, &view, false, z, col, row, mvt, labels, NULL) != CIM_OK) {
            fail("hexagons");
        }
        lpg_mvt_free(mvt);
        lpg_mvt_free(labels);
        ret_took->hexes_ms = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    lpg_view_done(&view);
}

/* A filter that nobody asked for before: the pyramid of what it leaves. */
static void
bench_filter(const struct ours *ours)
{
    static const char filter[] = "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"k3\"]}";
    struct lpg_view view;
    struct lpg_points *subset = NULL;
    const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    if (lpg_view_open(&ours->features, NULL, &access_service, &call, NULL, filter, &view, NULL) !=
            CIM_OK ||
        lpg_points_subset(ours->points, &ours->features, &view, &subset, NULL) != CIM_OK) {
        fail("filter");
    }
    (void)printf("a filter asked for the first time: its pyramid of %u points in %.1f ms\n",
                 subset->n, now_ms(CLOCK_THREAD_CPUTIME_ID) - start);
    lpg_points_free(subset);
    lpg_view_done(&view);
}

/* ---- SQLite ---- */

static sqlite3 *
build_sqlite(const struct point *points, uint32_t n)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *put = NULL;
    sqlite3_stmt *index = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
        sqlite3_exec(db,
                     "create table p(id integer primary key, x real, y real, kind text);"
                     "create virtual table r using rtree(id, x0, x1, y0, y1); begin",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "insert into p values(?,?,?,'k'||?)", -1, &put, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "insert into r values(?,?,?,?,?)", -1, &index, NULL) != SQLITE_OK) {
        fail("sqlite");
    }
    for (uint32_t i = 0; i < n; i++) {
        (void)sqlite3_bind_int64(put, 1, i + 1);
        (void)sqlite3_bind_double(put, 2, points[i].lon);
        (void)sqlite3_bind_double(put, 3, points[i].lat);
        (void)sqlite3_bind_int(put, 4, points[i].kind);
        (void)sqlite3_bind_int64(index, 1, i + 1);
        for (int k = 0; k < 4; k++) {
            (void)sqlite3_bind_double(index, 2 + k, k < 2 ? points[i].lon : points[i].lat);
        }
        if (sqlite3_step(put) != SQLITE_DONE || sqlite3_step(index) != SQLITE_DONE) {
            fail("sqlite insert");
        }
        (void)sqlite3_reset(put);
        (void)sqlite3_reset(index);
    }
    (void)sqlite3_finalize(put);
    (void)sqlite3_finalize(index);
    (void)sqlite3_exec(db, "commit", NULL, NULL, NULL);
    return db;
}

/* The same answer, not encoded: 8 x 8 cells with count, mean and count per kind; or the points. */
static int64_t
draw_sqlite(sqlite3 *db, bool clustered, const double bbox[4])
{
    static const char *const grouped =
        "select cast((x-?1)/(?2-?1)*8 as int) cx, cast((y-?3)/(?4-?3)*8 as int) cy, kind, count(*),"
        " avg(x), avg(y) from p where id in (select id from r where x1>=?1 and x0<?2 and y1>=?3"
        " and y0<?4) group by 1,2,3";
    static const char *const single =
        "select id,x,y,kind from p where id in (select id from r where "
        "x1>=?1 and x0<?2 and y1>=?3 and y0<?4)";
    sqlite3_stmt *stmt = NULL;
    int64_t rows = 0;
    if (sqlite3_prepare_v2(db, clustered ? grouped : single, -1, &stmt, NULL) != SQLITE_OK) {
        fail(sqlite3_errmsg(db));
    }
    for (int i = 0; i < 4; i++) {
        (void)sqlite3_bind_double(stmt, i + 1, bbox[i]);
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        rows += sqlite3_column_int64(stmt, 0) >= 0 ? 1 : 0;
    }
    (void)sqlite3_finalize(stmt);
    return rows;
}

static void
tile_bbox(uint32_t z, uint32_t col, uint32_t row, double ret_bbox[4])
{
    const double n = pow(2.0, z);
    const double pi = 3.14159265358979323846;
    ret_bbox[0] = col / n * 360.0 - 180.0;
    ret_bbox[1] = (col + 1) / n * 360.0 - 180.0;
    ret_bbox[2] = atan(sinh(pi * (1.0 - 2.0 * (row + 1) / n))) * 180.0 / pi;
    ret_bbox[3] = atan(sinh(pi * (1.0 - 2.0 * row / n))) * 180.0 / pi;
}

/* ---- an edit ---- */

struct source {
    const struct point *points;
    uint32_t n;
};

struct result {
    const struct source *source;
    uint32_t at;
    uint32_t end;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct result *result = self;
    for (; result->at < result->end && cim_batch_builder_rows(builder) < 2000; result->at++) {
        const struct point *point = &result->source->points[result->at];
        uint8_t wkb[21];
        char text[16];
        cim_batch_append_i64(builder, 0, result->at + 1);
        cim_batch_append_i64(builder, 1, 1);
        cim_batch_append_bytes(builder, 2, text,
                               (size_t)snprintf(text, sizeof text, "a%d", point->area));
        cim_batch_append_bytes(builder, 3, "o", 1);
        cim_wkb_from_point(point->lon, point->lat, wkb);
        cim_batch_append_bytes(builder, 4, wkb, sizeof wkb);
        cim_batch_append_bytes(builder, 5, text,
                               (size_t)snprintf(text, sizeof text, "k%d", point->kind));
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static cim_status
query(void *self, const cim_call *own, const cim_query *wanted, cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid", "version", "area_code", "owner_org", "geom", "kind"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_INT64, CIM_COL_TEXT,
                                     CIM_COL_TEXT,  CIM_COL_WKB,   CIM_COL_TEXT};
    const struct source *source = self;
    struct result *result = calloc(1, sizeof *result);
    (void)own;
    if (result == NULL) {
        fail("out of memory");
    }
    *result = (struct result){.source = source, .end = source->n};
    if (wanted->filter_json != NULL) { /* one fid */
        result->at = (uint32_t)strtoul(strrchr(wanted->filter_json, '[') + 1, NULL, 10) - 1;
        result->end = result->at + 1;
    }
    return cim_rows_new(6, names, types, fill, free, result, ret_rows, err);
}

static void
draw_snapshot(const struct lpg_snapshot *snapshot, const struct point *near, uint32_t z)
{
    struct lpg_view view;
    struct lpg_mvt *mvt;
    cim_blob tile = {0};
    char *texts = NULL;
    uint32_t x;
    uint32_t y;
    (void)lpg_mercator_from_lonlat(near->lon, near->lat, &x, &y);
    if (lpg_view_open(lpg_snapshot_features(snapshot), NULL, &access_service, &call, NULL, NULL,
                      &view, NULL) != CIM_OK ||
        lpg_mvt_new("points", &mvt, NULL) != CIM_OK ||
        lpg_snapshot_tile(snapshot, &view, z, x >> (32U - z), y >> (32U - z), mvt, &texts, NULL) !=
            CIM_OK ||
        lpg_mvt_finish(mvt, &tile, NULL) != CIM_OK) {
        fail("tile");
    }
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    lpg_mvt_free(mvt);
    free(texts);
    lpg_view_done(&view);
}

static struct lpg_snapshot *
load_snapshot(struct ours *ours, const cim_layer *layer)
{
    struct lpg_snapshot *snapshot = NULL;
    if (lpg_snapshot_load(&ours->def, false, layer, &call, 1, &snapshot, NULL) != CIM_OK) {
        fail("load");
    }
    return snapshot;
}

static void
bench_edits(struct ours *ours, struct point *points, uint32_t n)
{
    struct source source = {.points = points, .n = n};
    const cim_layer layer = {.struct_size = sizeof layer, .query = query, .self = &source};
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    struct lpg_snapshot *snapshot = load_snapshot(ours, &layer);
    const size_t held = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    double ms[RUNS];
    double merged;
    draw_snapshot(snapshot, &points[0], 8);
    (void)printf("\nfirst tile after one edit, layer built anew: %.1f ms; %.1f bytes a point\n",
                 now_ms(CLOCK_THREAD_CPUTIME_ID) - start, (double)held / n);
    for (uint32_t waiting = 1; waiting <= 2048; waiting *= 2) {
        for (int run = 0; run < RUNS; run++) {
            const int64_t fid = 1 + (run * 7919 + (int64_t)waiting) % n;
            struct lpg_snapshot *next = NULL;
            points[fid - 1].kind = (points[fid - 1].kind + 1) % N_KINDS;
            start = now_ms(CLOCK_THREAD_CPUTIME_ID);
            if (lpg_snapshot_advance(snapshot, &layer, &call, &fid, 1, snapshot->pos + 1, &next,
                                     NULL) != CIM_OK) {
                fail("advance");
            }
            draw_snapshot(next, &points[fid - 1], 8);
            ms[run] = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
            lpg_snapshot_unref(snapshot);
            snapshot = next;
        }
        (void)printf("first tile after one edit, overlay of %5u: %.3f ms\n",
                     snapshot->overlay->n_touched, median(ms, RUNS));
        for (uint32_t i = 0; i < waiting; i++) { /* more waits */
            const int64_t fid = 1 + (int64_t)(((uint64_t)i * 104729U + waiting * 31U) % n);
            struct lpg_snapshot *next = NULL;
            if (i % 8 == 0 && lpg_snapshot_advance(snapshot, &layer, &call, &fid, 1,
                                                   snapshot->pos + 1, &next, NULL) == CIM_OK) {
                lpg_snapshot_unref(snapshot);
                snapshot = next;
            }
        }
    }
    struct lpg_base *base = NULL;
    start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    if (lpg_base_merge(snapshot->base, snapshot->overlay, snapshot->pos, &base, NULL) != CIM_OK) {
        fail("merge");
    }
    merged = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    (void)printf("merge in the background: %.1f ms\n", merged);
    lpg_base_unref(base);
    lpg_snapshot_unref(snapshot);
}

/* ---- the file of a layer ---- */

/* Written, then opened and drawn from as a process does that begins after another was killed: what
 * was written lies in the system's cache. */
static void
bench_saved(struct ours *ours, struct point *points, uint32_t n)
{
    struct source source = {.points = points, .n = n};
    const cim_layer layer = {.struct_size = sizeof layer, .query = query, .self = &source};
    const struct lpg_origin here = {.digest = {0}};
    struct lpg_origin saved;
    char path[] = "/var/tmp/bench-map-XXXXXX";
    struct stat about;
    const int fd = mkstemp(path);
    struct lpg_snapshot *snapshot = load_snapshot(ours, &layer);
    struct lpg_base *base = NULL;
    ours->def.id = (char *)(uintptr_t) "points";
    double start = now_ms(CLOCK_MONOTONIC);
    if (fd < 0 || lpg_saved_write(snapshot->base, ours->def.id, &here, path, NULL) != CIM_OK ||
        stat(path, &about) != 0) {
        fail("save");
    }
    (void)printf("layer written to its file: %.0f ms, %.1f bytes a point\n",
                 now_ms(CLOCK_MONOTONIC) - start, (double)about.st_size / n);
    lpg_snapshot_unref(snapshot);
    start = now_ms(CLOCK_MONOTONIC);
    if (lpg_saved_open(&ours->def, false, path, &base, &saved, NULL) != CIM_OK ||
        lpg_snapshot_of(base, &snapshot, NULL) != CIM_OK) {
        fail("open");
    }
    draw_snapshot(snapshot, &points[0], 8);
    (void)printf("first tile from the file, checksums included: %.0f ms\n",
                 now_ms(CLOCK_MONOTONIC) - start);
    lpg_snapshot_unref(snapshot);
    (void)close(fd);
    (void)unlink(path);
}

static const uint32_t zooms[] = {5, 6, 8, 10, 12, 13, 14, 15, 16};

static void
tile_of(const struct point *point, uint32_t z, uint32_t ret_at[2])
{
    (void)lpg_mercator_from_lonlat(point->lon, point->lat, &ret_at[0], &ret_at[1]);
    ret_at[0] >>= 32U - z;
    ret_at[1] >>= 32U - z;
}

static void
bench_tiles(struct ours *ours, const struct point *points, uint32_t n)
{
    const bool beside = n <= SQLITE_MAX;
    const double start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    double loaded;
    sqlite3 *db = NULL;
    build_ours(ours, points, n);
    loaded = now_ms(CLOCK_THREAD_CPUTIME_ID);
    db = beside ? build_sqlite(points, n) : NULL;
    (void)printf(
        "\n%u points: pyramid built in %.0f ms, SQLite table and R-tree in %.0f ms (CPU)\n", n,
        loaded - start, now_ms(CLOCK_THREAD_CPUTIME_ID) - loaded);
    (void)printf("%4s %9s %9s %9s %11s %12s %10s\n", "zoom", "bytes", "tile ms", "gzip ms",
                 "hexagons ms", "SQLite ms", "ratio");
    for (size_t k = 0; k < sizeof zooms / sizeof zooms[0]; k++) {
        const uint32_t z = zooms[k];
        double tile[RUNS];
        double gzip[RUNS];
        double hexes[RUNS];
        double other[RUNS];
        uint64_t bytes = 0;
        for (int run = 0; run < RUNS; run++) {
            struct took took;
            uint32_t at[2];
            double bbox[4];
            tile_of(&points[(size_t)run * 7919U % n], z, at);
            tile_bbox(z, at[0], at[1], bbox);
            draw_ours(ours, z, at[0], at[1], &took);
            tile[run] = took.tile_ms;
            gzip[run] = took.gzip_ms;
            hexes[run] = took.hexes_ms;
            bytes += took.bytes;
            const double begin = now_ms(CLOCK_THREAD_CPUTIME_ID);
            if (beside) {
                (void)draw_sqlite(db, z < LPG_POINTS_SINGLE_ZOOM, bbox);
            }
            other[run] = now_ms(CLOCK_THREAD_CPUTIME_ID) - begin;
        }
        const double ours_ms = median(tile, RUNS);
        (void)printf("%4u %9llu %9.3f %9.3f %11.3f", z, (unsigned long long)(bytes / RUNS), ours_ms,
                     median(gzip, RUNS), median(hexes, RUNS));
        if (beside) {
            (void)printf(" %12.3f %10.0f", median(other, RUNS), median(other, RUNS) / ours_ms);
        }
        (void)printf("\n");
    }
    bench_filter(ours);
    (void)sqlite3_close(db);
    lpg_points_free(ours->points);
    lpg_features_done(&ours->features);
}

/* The points and the tiles, for others to draw. */
static void
dump(const struct point *points, uint32_t n, const char *points_file, const char *addresses_file)
{
    FILE *out = fopen(points_file, "wb");
    FILE *addresses = fopen(addresses_file, "w");
    if (out == NULL || addresses == NULL) {
        fail("cannot write");
    }
    for (uint32_t i = 0; i < n; i++) {
        const double values[3] = {points[i].lon, points[i].lat, points[i].kind};
        (void)fwrite(values, sizeof values, 1, out);
    }
    for (size_t k = 0; k < sizeof zooms / sizeof zooms[0]; k++) {
        for (int run = 0; run < RUNS; run++) {
            uint32_t at[2];
            tile_of(&points[(size_t)run * 7919U % n], zooms[k], at);
            (void)fprintf(addresses, "%u %u %u\n", zooms[k], at[0], at[1]);
        }
    }
    if (fclose(out) != 0 || fclose(addresses) != 0) {
        fail("cannot write");
    }
}

int
main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "shapes") == 0) {
        bench_shapes();
        return 0;
    }
    const uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    struct point *points = make_points(n);
    struct ours ours = {0};
    if (argc == 5 && strcmp(argv[2], "dump") == 0) {
        dump(points, n, argv[3], argv[4]);
        free(points);
        return 0;
    }
    describe_ours(&ours);
    const char *only = argc > 2 ? argv[2] : "";
    if (only[0] == '\0') {
        bench_tiles(&ours, points, n);
    }
    if (strcmp(only, "saved") != 0) {
        bench_edits(&ours, points, n);
    }
    bench_saved(&ours, points, n);
    free(points);
    return 0;
}

/* tests/bench/map/bench_shapes.c -- tiles of 20 000 polygons of 60 corners and of 50 000 lines of
 * 40 positions over an island of Hainan's size: index built, tile per zoom. CPU time of the thread.
 */
#include "bench_shapes.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "geo/mercator.h"
#include "map/shapes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_POLYGONS = 20000, CORNERS = 60, N_LINES = 50000, POSITIONS = 40, RUNS = 31 };

static double
cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
next_random(uint64_t *state)
{
    *state ^= *state << 13U;
    *state ^= *state >> 7U;
    *state ^= *state << 17U;
    return (double)(*state >> 11U) / 9007199254740992.0;
}

static int
compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int32_t
ordinal(const cim_host *host, const char *code)
{
    (void)host;
    (void)code;
    return 0;
}

static size_t
put(uint8_t *wkb, size_t at, const void *data, size_t len)
{
    memcpy(wkb + at, data, len);
    return at + len;
}

/* A polygon, or a line that wanders. */
static size_t
make_wkb(bool polygon, uint64_t *state, uint8_t *wkb)
{
    static const uint8_t little_endian = 1;
    const uint32_t n = polygon ? CORNERS + 1 : POSITIONS;
    const uint32_t head[] = {polygon ? 3 : 2, polygon ? 1 : n, n};
    const double radius = 0.001 + 0.02 * next_random(state) * next_random(state);
    double x = 108.8 + 2.1 * next_random(state);
    double y = 18.3 + 1.7 * next_random(state);
    double course = 6.283185307179586 * next_random(state);
    size_t len = put(wkb, 0, &little_endian, 1);
    len = put(wkb, len, head, polygon ? sizeof head : 2 * sizeof head[0]);
    for (uint32_t i = 0; i < n; i++) {
        const double turn = 6.283185307179586 * (i % CORNERS) / CORNERS;
        const double r = radius * (0.8 + 0.2 * sin(turn * 7));
        const double corner[] = {x + r * cos(turn), y + r * sin(turn)};
        const double position[] = {x, y};
        len = put(wkb, len, polygon ? corner : position, sizeof position);
        if (!polygon) {
            course += next_random(state) - 0.5;
            x += 0.0008 * cos(course);
            y += 0.0008 * sin(course);
        }
    }
    return len;
}

static void
bench(bool polygons, uint32_t n)
{
    static const uint32_t zooms[] = {6, 8, 10, 12, 14, 16};
    static const cim_access_v1 access = {.struct_size = sizeof access, .area_ordinal = ordinal};
    static const cim_term everything = {
        .struct_size = sizeof everything, .all_areas = 1, .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    static const cim_call call = {.struct_size = sizeof call, .scope = &scope, .now_ms = 1};
    static uint8_t wkb[32 + 16 * (CORNERS + 2)];
    struct lpg_features features = {0};
    struct lpg_shapes shapes = {0};
    uint64_t state = 20261127;
    double start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) {
        const size_t len = make_wkb(polygons, &state, wkb);
        if (lpg_shapes_add_wkb(&shapes, wkb, len, NULL) != CIM_OK ||
            lpg_features_grow(&features, NULL) != CIM_OK) {
            exit(1);
        }
        features.fid[i] = i + 1;
        features.area[i] = lpg_dictionary_put_text(&features.areas, "460000", 6);
    }
    if (lpg_shapes_index(&shapes, &features, NULL) != CIM_OK) {
        exit(1);
    }
    (void)printf("\n%u %s of %d positions: read and indexed in %.0f ms (CPU)\n%4s %10s %10s\n", n,
                 polygons ? "polygons" : "lines", polygons ? CORNERS : POSITIONS, cpu_ms() - start,
                 "zoom", "bytes", "tile ms");
    for (size_t k = 0; k < sizeof zooms / sizeof zooms[0]; k++) {
        const uint32_t z = zooms[k];
        double ms[RUNS];
        uint64_t bytes = 0;
        for (int run = 0; run < RUNS; run++) {
            const struct lpg_shape *near = &shapes.shapes[(uint32_t)run * 641U % n];
            const struct lpg_shape_stack stack = {
                .shapes = &shapes, .features = &features, .newer = &features};
            struct lpg_view view;
            struct lpg_mvt *mvt;
            cim_blob tile = {0};
            start = cpu_ms();
            if (lpg_view_open(&features, NULL, &access, &call, NULL, NULL, &view, NULL) != CIM_OK ||
                lpg_mvt_new("shapes", &mvt, NULL) != CIM_OK ||
                lpg_shapes_tile(&stack, &view, NULL, z, near->west >> (32U - z),
                                near->north >> (32U - z), mvt, NULL) != CIM_OK ||
                lpg_mvt_finish(mvt, &tile, NULL) != CIM_OK) {
                exit(1);
            }
            ms[run] = cpu_ms() - start;
            bytes += tile.len;
            if (tile.release != NULL) {
                tile.release(&tile);
            }
            lpg_mvt_free(mvt);
            lpg_view_done(&view);
        }
        qsort(ms, RUNS, sizeof ms[0], compare_doubles);
        (void)printf("%4u %10llu %10.3f\n", z, (unsigned long long)(bytes / RUNS), ms[RUNS / 2]);
    }
    lpg_shapes_done(&shapes);
    lpg_features_done(&features);
}

void
bench_shapes(void)
{
    bench(true, N_POLYGONS);
    bench(false, N_LINES);
}

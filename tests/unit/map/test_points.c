/* Tiles of points against a brute-force count, for random views. */
#include "cim/plugin.h"
#include "cim/rows.h"
#include "geo/mercator.h"
#include "map/points.h"
#include "map/rates.h"
#include "support/mvt_read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N_POINTS = 6000, N_AREAS = 12, N_OWNERS = 4, N_KINDS = 3 };

/* ---- a layer of random points ---- */

struct record {
    uint32_t x;
    uint32_t y;
    int area;
    int owner;
    int kind;
    int day;   /* of a month, from 1; 0: absent */
    int speed; /* likewise */
};

struct world {
    struct record records[N_POINTS]; /* record i has fid i + 1 */
    struct cim_definition def;
    struct cim_field kind;
    struct cim_field day; /* a date */
    struct cim_field speed;
    const struct cim_field *kinds[3];
    struct cim_rate rate; /* of kinds 0 and 2, those of kind 0 */
    char *values[2];
    struct lpg_features features;
    struct lpg_points *points;
};

static void
name_of(char *out, size_t size, char prefix, int number)
{
    (void)snprintf(out, size, "%c%02u", prefix, (unsigned)number % 100U);
}

static void
add_record(struct world *world, uint64_t *morton, int i)
{
    struct record *record = &world->records[i];
    struct lpg_features *features = &world->features;
    char text[8];
    /* Crowded near one place, so that cells of every zoom hold one, few and many. */
    const unsigned shift = 6U + (unsigned)random() % 24U;
    record->x = 0xCE000000U + ((uint32_t)random() * 2U >> shift);
    record->y = 0x71000000U + ((uint32_t)random() * 2U >> shift);
    record->area = (int)(random() % N_AREAS);
    record->owner = (int)(random() % N_OWNERS);
    record->kind = (int)(random() % (N_KINDS + 1)); /* the last: absent */
    morton[i] = lpg_morton(record->x, record->y);
    assert_int_equal(lpg_features_grow(features, NULL), CIM_OK);
    features->fid[i] = i + 1;
    name_of(text, sizeof text, 'a', record->area);
    features->area[i] = lpg_dictionary_put_text(&features->areas, text, strlen(text));
    name_of(text, sizeof text, 'o', record->owner);
    features->owner[i] = lpg_dictionary_put_text(&features->owners, text, strlen(text));
    if (record->kind < N_KINDS) {
        name_of(text, sizeof text, 'k', record->kind);
        features->attributes[0].codes[i] =
            lpg_dictionary_put_text(&features->attributes[0].dictionary, text, strlen(text));
    }
    record->day = (int)(random() % 29);
    record->speed = (int)(random() % 29);
    if (record->day > 0) {
        char date[16];
        (void)snprintf(date, sizeof date, "2026-02-%02d", record->day);
        features->attributes[1].codes[i] =
            lpg_dictionary_put_text(&features->attributes[1].dictionary, date, strlen(date));
    }
    if (record->speed > 0) {
        features->attributes[2].codes[i] = lpg_dictionary_put_number(
            &features->attributes[2].dictionary, CIM_COL_FLOAT64, 0, record->speed / 2.0);
    }
}

static int
setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t *morton = calloc(N_POINTS, sizeof *morton);
    assert_non_null(world);
    assert_non_null(morton);
    world->kind = (struct cim_field){.name = (char *)(uintptr_t) "kind", .type = CIM_FIELD_CODE};
    world->day = (struct cim_field){.name = (char *)(uintptr_t) "day", .type = CIM_FIELD_DATE};
    world->speed =
        (struct cim_field){.name = (char *)(uintptr_t) "speed", .type = CIM_FIELD_NUMBER};
    world->kinds[0] = &world->kind;
    world->kinds[1] = &world->day;
    world->kinds[2] = &world->speed;
    world->def = (struct cim_definition){.geometry = CIM_GEOMETRY_POINT,
                                         .n_tile_attributes = 3,
                                         .tile_attributes = world->kinds,
                                         .n_count_by = 1,
                                         .count_by = world->kinds};
    world->values[0] = (char *)(uintptr_t) "k00";
    world->values[1] = (char *)(uintptr_t) "k02";
    world->rate = (struct cim_rate){.name = (char *)(uintptr_t) "done",
                                    .field = &world->kind,
                                    .n_numerator = 1,
                                    .numerator = world->values,
                                    .n_denominator = 2,
                                    .denominator = world->values};
    world->def.n_rates = 1;
    world->def.rates = &world->rate;
    srandom(20261122);
    assert_int_equal(lpg_features_init(&world->features, &world->def, NULL), CIM_OK);
    for (int i = 0; i < N_POINTS; i++) {
        add_record(world, morton, i);
    }
    assert_int_equal(lpg_points_build(&world->features, morton, &world->points, NULL), CIM_OK);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    lpg_points_free(world->points);
    lpg_features_done(&world->features);
    free(world);
    return 0;
}

/* ---- an area tree of one root (ordinal 0) with the areas below it ---- */

static int32_t
area_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    return strcmp(code, "root") == 0 ? 0
           : code[0] == 'a'          ? 1 + (int32_t)strtol(code + 1, NULL, 10)
                                     : -1;
}

static cim_status
area_at(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    (void)host;
    if (ordinal < 0 || ordinal > N_AREAS) {
        return CIM_E_NOTFOUND;
    }
    ret_area->ordinal = ordinal;
    ret_area->ordinal_end = ordinal == 0 ? N_AREAS + 1 : ordinal + 1;
    return CIM_OK;
}

static const cim_access_v1 access_service = {
    .struct_size = sizeof access_service, .area_ordinal = area_ordinal, .area = area_at};

/* ---- random views ---- */

struct random_scope {
    cim_term terms[3];
    const cim_term *pointers[3];
    uint64_t areas[3];
    char owners[3][8];
    cim_scope scope;
    char area[8];
    const char *area_filter;
    char filter[320];
    int kind;
    int days[2]; /* from, to */
    int speed;   /* at least, in halves; 0: no interval is asked for */
    cim_call call;
};

static void
random_interval(struct random_scope *r)
{
    r->days[0] = 1 + (int)(random() % 28);
    r->days[1] = r->days[0] + (int)(random() % 10);
    r->speed = 1 + (int)(random() % 10);
    (void)snprintf(r->filter, sizeof r->filter,
                   "{\"op\":\"and\",\"args\":["
                   "{\"op\":\">=\",\"args\":[{\"property\":\"day\"},\"2026-02-%02d\"]},"
                   "{\"op\":\"<=\",\"args\":[{\"property\":\"day\"},\"2026-02-%02d\"]},"
                   "{\"op\":\">=\",\"args\":[{\"property\":\"speed\"},%.1f]}]}",
                   r->days[0], r->days[1], r->speed / 2.0);
}

static void
random_scope(struct random_scope *r)
{
    memset(r, 0, sizeof *r);
    r->scope.struct_size = sizeof r->scope;
    r->scope.n_terms = (uint32_t)(random() % 4);
    r->scope.terms = r->pointers;
    for (uint32_t t = 0; t < r->scope.n_terms; t++) {
        cim_term *term = &r->terms[t];
        r->pointers[t] = term;
        term->struct_size = sizeof *term;
        term->resource = "*";
        term->until_ms = random() % 8 == 0 ? 500 : INT64_MAX; /* some have ended */
        term->all_areas = random() % 6 == 0;
        r->areas[t] = (uint64_t)random() & ((1ULL << (N_AREAS + 1)) - 1);
        term->areas = term->all_areas != 0 ? NULL : &r->areas[t];
        term->n_area_words = term->all_areas != 0 ? 0 : 1;
        if (random() % 2 == 0) {
            name_of(r->owners[t], sizeof r->owners[t], 'o', (int)(random() % (N_OWNERS + 1)));
            term->owner_org = r->owners[t];
        }
    }
    if (random() % 3 == 0) {
        name_of(r->area, sizeof r->area, 'a', (int)(random() % N_AREAS));
        r->area_filter = random() % 4 == 0 ? "root" : r->area;
    }
    r->kind = -1;
    if (random() % 3 == 0) {
        r->kind = (int)(random() % (N_KINDS + 1));
        (void)snprintf(r->filter, sizeof r->filter,
                       "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"k%02d\"]}", r->kind);
    } else if (random() % 3 == 0) {
        random_interval(r);
    }
    r->call = (cim_call){.struct_size = sizeof r->call, .scope = &r->scope, .now_ms = 1000};
}

static bool
visible(const struct random_scope *r, const struct record *record)
{
    char owner[8];
    name_of(owner, sizeof owner, 'o', record->owner);
    if (r->kind >= 0 && (record->kind != r->kind || record->kind == N_KINDS)) {
        return false;
    }
    if (r->speed > 0 && (record->day == 0 || record->day < r->days[0] || record->day > r->days[1] ||
                         record->speed < r->speed)) {
        return false;
    }
    if (r->area_filter != NULL && strcmp(r->area_filter, "root") != 0 &&
        strtol(r->area_filter + 1, NULL, 10) != record->area) {
        return false;
    }
    for (uint32_t t = 0; t < r->scope.n_terms; t++) {
        const cim_term *term = &r->terms[t];
        if (term->until_ms > 1000 &&
            (term->all_areas != 0 || ((r->areas[t] >> (record->area + 1)) & 1U) != 0) &&
            (term->owner_org == NULL || strcmp(term->owner_org, owner) == 0)) {
            return true;
        }
    }
    return false;
}

/* ---- the property ---- */

struct sums {
    int64_t total;
    int64_t kinds[N_KINDS];
    int64_t done; /* of clusters; a point by itself has its kind alone */
    int64_t due;
};

static bool
in_tile(const struct record *record, uint32_t z, uint32_t col, uint32_t row)
{
    return z == 0 || (record->x >> (32U - z) == col && record->y >> (32U - z) == row);
}

static void
note_anchor(void *self, uint32_t command, int32_t x, int32_t y)
{
    int32_t *anchor = self;
    assert_int_equal(command, 1);
    anchor[0] = x;
    anchor[1] = y;
}

static void
add_feature(const struct world *world, const struct random_scope *r, const struct mvt_layer *layer,
            const struct mvt_feature *feature, struct sums *sums)
{
    const struct mvt_value *count = mvt_tag(layer, feature, "count");
    int32_t anchor[2] = {-1, -1};
    assert_int_equal(feature->type, 1);
    assert_true(mvt_walk(feature, note_anchor, anchor));
    assert_in_range(anchor[0], 0, LPG_MVT_EXTENT - 1);
    assert_in_range(anchor[1], 0, LPG_MVT_EXTENT - 1);
    if (count == NULL) {
        const struct mvt_value *fid = mvt_tag(layer, feature, "fid");
        const struct record *record;
        assert_non_null(fid);
        assert_in_range(fid->i64, 1, N_POINTS);
        record = &world->records[fid->i64 - 1];
        assert_true(visible(r, record)); /* nothing hidden ever appears */
        sums->total++;
        if (record->kind < N_KINDS) {
            sums->kinds[record->kind]++;
        }
        sums->done += record->kind == 0;
        sums->due += record->kind == 0 || record->kind == 2;
        return;
    }
    /* The symbol stays inside its cell of 512 units (64 px). */
    for (int axis = 0; axis < 2; axis++) {
        const int32_t radius = lpg_cluster_radius_px((uint64_t)count->i64) * 8;
        assert_in_range(anchor[axis] % 512, radius, 512 - radius);
    }
    sums->total += count->i64;
    for (int k = 0; k < N_KINDS; k++) {
        char key[32];
        const struct mvt_value *value;
        (void)snprintf(key, sizeof key, "n_kind_k%02d", k);
        value = mvt_tag(layer, feature, key);
        sums->kinds[k] += value != NULL ? value->i64 : 0;
    }
    const struct mvt_value *done = mvt_tag(layer, feature, "done_n");
    const struct mvt_value *due = mvt_tag(layer, feature, "done_of");
    sums->done += done != NULL ? done->i64 : 0;
    sums->due += due != NULL ? due->i64 : 0;
}

/* A view and, where it must be judged record by record, its pyramid. */
struct prepared {
    const struct random_scope *r;
    struct lpg_view view;
    struct lpg_points *subset;
};

static void
prepare(const struct world *world, const struct random_scope *r, struct prepared *p)
{
    *p = (struct prepared){.r = r};
    assert_int_equal(lpg_view_open(&world->features, NULL, &access_service, &r->call,
                                   r->area_filter, r->filter[0] != '\0' ? r->filter : NULL,
                                   &p->view, NULL),
                     CIM_OK);
    if (p->view.by_record) {
        assert_int_equal(
            lpg_points_subset(world->points, &world->features, &p->view, &p->subset, NULL), CIM_OK);
    }
}

static void
unprepare(struct prepared *p)
{
    lpg_points_free(p->subset);
    lpg_view_done(&p->view);
}

static void
draw(const struct world *world, const struct prepared *p, uint32_t z, uint32_t col, uint32_t row,
     struct sums *sums)
{
    struct lpg_mvt *mvt;
    struct mvt_layer layer;
    cim_blob tile = {0};
    char *texts = NULL;
    assert_int_equal(lpg_mvt_new("points", &mvt, NULL), CIM_OK);
    const struct lpg_stack stack = {.points = p->subset != NULL ? p->subset : world->points,
                                    .features = &world->features,
                                    .newer = &world->features};
    assert_int_equal(
        lpg_points_tile(&stack, &p->view, p->subset != NULL, z, col, row, mvt, &texts, NULL),
        CIM_OK);
    assert_int_equal(lpg_mvt_finish(mvt, &tile, NULL), CIM_OK);
    assert_true(mvt_read(tile.data, tile.len, &layer));
    for (size_t i = 0; i < layer.n_features; i++) {
        add_feature(world, p->r, &layer, &layer.features[i], sums);
    }
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    mvt_done(&layer);
    lpg_mvt_free(mvt);
    free(texts);
}

static void
test_a_tile_sums_up_exactly_what_the_caller_may_see(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 200; round++) {
        struct random_scope r;
        struct prepared prepared;
        struct sums drawn = {0};
        struct sums counted = {0};
        const struct record *near = &world->records[random() % N_POINTS];
        const uint32_t z = (uint32_t)random() % 21U;
        const uint32_t col = z == 0 ? 0 : near->x >> (32U - z);
        const uint32_t row = z == 0 ? 0 : near->y >> (32U - z);
        random_scope(&r);
        prepare(world, &r, &prepared);
        draw(world, &prepared, z, col, row, &drawn);
        unprepare(&prepared);
        for (int i = 0; i < N_POINTS; i++) {
            const struct record *record = &world->records[i];
            if (in_tile(record, z, col, row) && visible(&r, record)) {
                counted.total++;
                if (record->kind < N_KINDS) {
                    counted.kinds[record->kind]++;
                }
            }
        }
        assert_int_equal(drawn.total, counted.total);
        assert_memory_equal(drawn.kinds, counted.kinds, sizeof drawn.kinds);
        assert_int_equal(drawn.done, counted.kinds[0]);
        assert_int_equal(drawn.due, counted.kinds[0] + counted.kinds[2]);
    }
}

static void
test_the_tiles_of_a_zoom_add_up_to_all(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 4; round++) {
        struct random_scope r;
        struct prepared prepared;
        struct sums drawn = {0};
        int64_t all = 0;
        const uint32_t z = 8U + (uint32_t)random() % 3U;
        const uint32_t col0 = 0xCE000000U >> (32U - z);
        const uint32_t row0 = 0x71000000U >> (32U - z);
        const uint32_t span = (1U << 27U) >> (32U - z); /* points lie within 2^26 of the corner */
        random_scope(&r);
        prepare(world, &r, &prepared);
        for (uint32_t col = col0; col <= col0 + span; col++) {
            for (uint32_t row = row0; row <= row0 + span; row++) {
                draw(world, &prepared, z, col, row, &drawn);
            }
        }
        unprepare(&prepared);
        for (int i = 0; i < N_POINTS; i++) {
            all += visible(&r, &world->records[i]) ? 1 : 0;
        }
        assert_int_equal(drawn.total, all);
    }
}

/* ---- hexagons ---- */

/* Whether no other centre of the lattice lies nearer to the record, by trying those about. */
static bool
is_nearest(const struct record *record, uint32_t z, double cx, double cy)
{
    const double width = ldexp(1.0, 29 - (int)z);
    const double least = hypot(record->x - cx, record->y - cy);
    const double steps[6][2] = {{1, 0}, {-1, 0}, {0.5, 1}, {-0.5, 1}, {0.5, -1}, {-0.5, -1}};
    for (int i = 0; i < 6; i++) {
        const double x = cx + steps[i][0] * width;
        const double y = cy + steps[i][1] * width * sqrt(3.0) / 2;
        if (hypot(record->x - x, record->y - y) < least) {
            return false;
        }
    }
    return true;
}

struct hex_tile {
    struct mvt_layer shapes;
    struct mvt_layer labels;
    cim_blob blobs[2];
};

static void
draw_hexes(const struct world *world, const struct prepared *p, uint32_t z, uint32_t col,
           uint32_t row, struct hex_tile *tile)
{
    const struct lpg_stack stack = {.points = p->subset != NULL ? p->subset : world->points,
                                    .features = &world->features,
                                    .newer = &world->features};
    struct lpg_mvt *mvt;
    struct lpg_mvt *labels;
    memset(tile, 0, sizeof *tile);
    assert_int_equal(lpg_mvt_new("h", &mvt, NULL), CIM_OK);
    assert_int_equal(lpg_mvt_new("l", &labels, NULL), CIM_OK);
    assert_int_equal(
        lpg_hexes_tile(&stack, &p->view, p->subset != NULL, z, col, row, mvt, labels, NULL),
        CIM_OK);
    assert_int_equal(lpg_mvt_finish(mvt, &tile->blobs[0], NULL), CIM_OK);
    assert_int_equal(lpg_mvt_finish(labels, &tile->blobs[1], NULL), CIM_OK);
    assert_true(mvt_read(tile->blobs[0].data, tile->blobs[0].len, &tile->shapes));
    assert_true(mvt_read(tile->blobs[1].data, tile->blobs[1].len, &tile->labels));
    lpg_mvt_free(mvt);
    lpg_mvt_free(labels);
}

static void
hex_tile_done(struct hex_tile *tile)
{
    mvt_done(&tile->shapes);
    mvt_done(&tile->labels);
    for (int i = 0; i < 2; i++) {
        if (tile->blobs[i].release != NULL) {
            tile->blobs[i].release(&tile->blobs[i]);
        }
    }
}

static const struct mvt_feature *
feature_of(const struct mvt_layer *layer, uint64_t id)
{
    for (size_t i = 0; i < layer->n_features; i++) {
        if (layer->features[i].id == id) {
            return &layer->features[i];
        }
    }
    return NULL;
}

/* A hexagon tells of the records that are nearest to its centre, the same in every layer. */
static int64_t
check_hexes(const struct world *world, const struct random_scope *r, const struct hex_tile *tile,
            uint32_t z)
{
    int64_t told = 0;
    for (size_t i = 0; i < tile->shapes.n_features; i++) {
        const struct mvt_feature *hex = &tile->shapes.features[i];
        const struct mvt_feature *label = feature_of(&tile->labels, hex->id);
        const double width = ldexp(1.0, 29 - (int)z);
        const int64_t row = (int64_t)(hex->id >> 20U) - 1;
        const int64_t col = (int64_t)(hex->id & 0xFFFFFU) - 1;
        const double cx = ((double)col + (row % 2 != 0 ? 1.0 : 0.5)) * width;
        const double cy = ((double)row + 0.5) * width * sqrt(3.0) / 2;
        int64_t n = 0;
        int64_t of = 0;
        for (int k = 0; k < N_POINTS; k++) {
            const struct record *record = &world->records[k];
            if ((record->kind == 0 || record->kind == 2) && visible(r, record) &&
                is_nearest(record, z, cx, cy)) {
                n += record->kind == 0;
                of++;
            }
        }
        assert_int_equal(mvt_tag(&tile->shapes, hex, "done_n")->i64, n);
        assert_int_equal(mvt_tag(&tile->shapes, hex, "done_of")->i64, of);
        assert_true(of > 0);
        assert_true(mvt_tag(&tile->shapes, hex, "done_pct")->f64 <= 100.0 * (double)n / (double)of);
        if (label != NULL) {
            assert_int_equal(mvt_tag(&tile->labels, label, "done_of")->i64, of);
        }
    }
    for (size_t i = 0; i < tile->labels.n_features; i++) {
        assert_non_null(feature_of(&tile->shapes, tile->labels.features[i].id));
        told += mvt_tag(&tile->labels, &tile->labels.features[i], "done_of")->i64;
    }
    return told;
}

static void
test_hexagons_tell_of_what_is_nearest_and_add_up(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 40; round++) {
        struct random_scope r;
        struct prepared prepared;
        const uint32_t z = (uint32_t)round % LPG_POINTS_SINGLE_ZOOM;
        /* All lie within 2^26 of the corner, and their hexagons' centres a little further. */
        const uint32_t col0 = z == 0 ? 0 : (0xCE000000U >> (32U - z)) - (z > 6 ? 1 : 0);
        const uint32_t row0 = z == 0 ? 0 : (0x71000000U >> (32U - z)) - (z > 6 ? 1 : 0);
        const uint32_t span = z > 9 ? 1 : z == 0 ? 0 : ((1U << 26U) >> (32U - z)) + 2;
        int64_t told = 0;
        int64_t due = 0;
        random_scope(&r);
        prepare(world, &r, &prepared);
        for (uint32_t col = col0; col <= col0 + span; col++) {
            for (uint32_t row = row0; row <= row0 + span; row++) {
                struct hex_tile tile;
                draw_hexes(world, &prepared, z, col, row, &tile);
                told += check_hexes(world, &r, &tile, z);
                hex_tile_done(&tile);
            }
        }
        unprepare(&prepared);
        for (int k = 0; k < N_POINTS; k++) {
            const struct record *record = &world->records[k];
            due += (record->kind == 0 || record->kind == 2) && visible(&r, record);
        }
        if (z >= 3 && z <= 9) { /* coarser ones have centres further away, finer ones more tiles */
            assert_int_equal(told, due);
        }
    }
}

static void
test_areas_tell_of_what_lies_in_them(void **state)
{
    struct world *world = *state;
    for (int round = 0; round < 100; round++) {
        struct random_scope r;
        struct prepared p;
        struct lpg_rate_count counts[CIM_RATES_MAX];
        const int32_t first = (int32_t)(random() % (N_AREAS + 1));
        const int32_t end = first + 1 + (int32_t)(random() % 4);
        int64_t n = 0;
        int64_t of = 0;
        random_scope(&r);
        prepare(world, &r, &p);
        const struct lpg_stack stack = {.points = p.subset != NULL ? p.subset : world->points,
                                        .features = &world->features,
                                        .newer = &world->features};
        lpg_rates_of_area(&stack, &p.view, p.subset != NULL, first, end, counts);
        unprepare(&p);
        for (int k = 0; k < N_POINTS; k++) {
            const struct record *record = &world->records[k];
            if (record->area + 1 >= first && record->area + 1 < end && visible(&r, record)) {
                n += record->kind == 0;
                of += record->kind == 0 || record->kind == 2;
            }
        }
        assert_int_equal(counts[0].n, n);
        assert_int_equal(counts[0].of, of);
    }
}

static void
test_no_terms_show_nothing(void **state)
{
    struct world *world = *state;
    struct random_scope r;
    struct prepared prepared;
    struct sums drawn = {0};
    memset(&r, 0, sizeof r);
    r.scope.struct_size = sizeof r.scope;
    r.scope.terms = r.pointers;
    r.kind = -1;
    r.call = (cim_call){.struct_size = sizeof r.call, .scope = &r.scope, .now_ms = 1000};
    prepare(world, &r, &prepared);
    draw(world, &prepared, 0, 0, 0, &drawn);
    unprepare(&prepared);
    assert_int_equal(drawn.total, 0);
}

static void
test_filters_that_tiles_cannot_serve_are_refused_by_name(void **state)
{
    static const struct {
        const char *filter;
        cim_status status;
        const char *param;
    } cases[] = {
        {"{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"1\"]}", CIM_E_INVALID, "phone"},
        {"{\"op\":\"<\",\"args\":[{\"property\":\"kind\"},\"k\"]}", CIM_E_UNSUPPORTED, "filter"},
        {"{\"op\":\">=\",\"args\":[{\"property\":\"kind\"},\"k\"]}", CIM_E_UNSUPPORTED, "kind"},
        {"{\"op\":\"=\"}", CIM_E_INVALID, "filter"},
        {"not json", CIM_E_INVALID, "filter"},
    };
    struct world *world = *state;
    struct random_scope r;
    random_scope(&r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lpg_view view;
        cim_error err;
        assert_int_equal(lpg_view_open(&world->features, NULL, &access_service, &r.call, NULL,
                                       cases[i].filter, &view, &err),
                         cases[i].status);
        assert_string_equal(err.param, cases[i].param);
        assert_true(err.zh[0] != '\0' && err.en[0] != '\0');
    }
}

static void
test_views_that_differ_have_keys_that_differ(void **state)
{
    struct random_scope a;
    struct random_scope b;
    char key_a[LPG_VIEW_KEY_SIZE];
    char key_b[LPG_VIEW_KEY_SIZE];
    (void)state;
    random_scope(&a);
    a.scope.n_terms = 1;
    a.pointers[0] = &a.terms[0];
    a.terms[0] = (cim_term){.areas = &a.areas[0], .n_area_words = 1, .until_ms = INT64_MAX};
    a.areas[0] = 6;
    b = a;
    b.scope.terms = b.pointers;
    b.pointers[0] = &b.terms[0];
    b.terms[0].areas = &b.areas[0];
    assert_int_equal(lpg_view_key(&a.scope, NULL, NULL, key_a, NULL), CIM_OK);
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_b, NULL), CIM_OK);
    assert_string_equal(key_a, key_b);
    b.areas[0] = 7;
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_b, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    b.areas[0] = 6;
    b.terms[0].owner_org = "o01";
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_b, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    b.terms[0].owner_org = NULL;
    b.terms[0].filter_json = "{}";
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_b, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    const char *const names[] = {"kind"};
    uint8_t mode = CIM_FIELD_ABSENT;
    b.terms[0].filter_json = NULL;
    b.terms[0].n_field_modes = 1;
    b.terms[0].field_names = names;
    b.terms[0].field_modes = &mode;
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_b, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    mode = CIM_FIELD_CLEAR;
    assert_int_equal(lpg_view_key(&b.scope, NULL, NULL, key_a, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    assert_int_equal(lpg_view_key(&a.scope, NULL, NULL, key_a, NULL), CIM_OK);
    assert_int_equal(lpg_view_key(&a.scope, "a01", NULL, key_b, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
    assert_int_equal(lpg_view_key(&a.scope, NULL, "a01", key_a, NULL), CIM_OK);
    assert_string_not_equal(key_a, key_b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tile_sums_up_exactly_what_the_caller_may_see),
        cmocka_unit_test(test_the_tiles_of_a_zoom_add_up_to_all),
        cmocka_unit_test(test_hexagons_tell_of_what_is_nearest_and_add_up),
        cmocka_unit_test(test_areas_tell_of_what_lies_in_them),
        cmocka_unit_test(test_no_terms_show_nothing),
        cmocka_unit_test(test_filters_that_tiles_cannot_serve_are_refused_by_name),
        cmocka_unit_test(test_views_that_differ_have_keys_that_differ),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

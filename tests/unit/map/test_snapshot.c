/* A snapshot that follows random edits draws and counts what one loaded from scratch does. */
#include "cim/plugin.h"
#include "cim/services.h"
#include "cim/util.h"
#include "geo/mercator.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "map/cluster.h"
#include "map/internal.h"
#include "map/rates.h"
#include "map/snapshot.h"
#include "support/mvt_read.h"
#include "world.h"

#include <json-c/json.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N_EDITS = 1500, N_POLYGON_EDITS = 400 };

/* ---- callers ---- */

static int32_t
area_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    return (int32_t)strtol(code + 1, NULL, 10);
}

static cim_status
area_at(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    (void)host;
    ret_area->ordinal = ordinal;
    ret_area->ordinal_end = ordinal + 1;
    return CIM_OK;
}

static const cim_access_v1 access_service = {
    .struct_size = sizeof access_service, .area_ordinal = area_ordinal, .area = area_at};

/* Few kinds of them, so that cached pyramids meet later edits. */
struct caller {
    cim_term terms[2];
    const cim_term *pointers[2];
    uint64_t areas[2];
    char owner[8];
    char area[8];
    char filter[96];
    char row_filters[2][96];
    const char *hidden[1]; /* a field */
    uint8_t mode;
    cim_scope scope;
    cim_call call;
};

static void
random_caller(struct caller *caller, unsigned *seed)
{
    memset(caller, 0, sizeof *caller);
    caller->scope = (cim_scope){.struct_size = sizeof caller->scope,
                                .n_terms = 1 + (uint32_t)rand_r(seed) % 2U,
                                .terms = caller->pointers};
    for (int t = 0; t < 2; t++) {
        cim_term *term = &caller->terms[t];
        const bool all = rand_r(seed) % 2 == 0;
        caller->pointers[t] = term;
        caller->areas[t] = rand_r(seed) % 2 == 0 ? 0x0F3 : 0xA5C;
        *term = (cim_term){.struct_size = sizeof *term,
                           .resource = "*",
                           .all_areas = all,
                           .areas = all ? NULL : &caller->areas[t],
                           .n_area_words = all ? 0 : 1,
                           .until_ms = INT64_MAX};
    }
    (void)snprintf(caller->owner, sizeof caller->owner, "o%02u", (unsigned)rand_r(seed) % N_OWNERS);
    caller->terms[0].owner_org = rand_r(seed) % 3 == 0 ? caller->owner : NULL;
    for (int t = 0; t < 2; t++) {
        if (rand_r(seed) % 3 == 0) {
            kind_filter(seed, caller->row_filters[t], sizeof caller->row_filters[t]);
            caller->terms[t].filter_json = caller->row_filters[t];
        }
    }
    if (rand_r(seed) % 3 == 0) {
        caller->hidden[0] = rand_r(seed) % 2 == 0 ? "kind" : "name";
        caller->mode = CIM_FIELD_ABSENT;
        caller->terms[1].n_field_modes = 1;
        caller->terms[1].field_names = caller->hidden;
        caller->terms[1].field_modes = &caller->mode;
    }
    if (rand_r(seed) % 4 == 0) {
        (void)snprintf(caller->area, sizeof caller->area, "a%02u",
                       (unsigned)rand_r(seed) % N_AREAS);
    }
    if (rand_r(seed) % 3 == 0) {
        kind_filter(seed, caller->filter, sizeof caller->filter);
    }
    caller->call = (cim_call){.struct_size = sizeof caller->call,
                              .scope = &caller->scope,
                              .now_ms = 1000,
                              .cancelled = never_cancelled};
}

/* ---- comparing ---- */

struct text {
    char data[1 << 11];
    size_t len;
};

static void
note_position(void *self, uint32_t command, int32_t x, int32_t y)
{
    struct text *text = self;
    text->len += (size_t)snprintf(text->data + text->len, sizeof text->data - text->len, "%u %d %d",
                                  command, x, y);
}

static int
compare_texts(const void *left, const void *right)
{
    return strcmp(((const struct text *)left)->data, ((const struct text *)right)->data);
}

/* Tags by name, whatever the order in which the tile has them. */
static void
describe(const struct mvt_layer *layer, const struct mvt_feature *feature, struct text *ret_text)
{
    struct text tags[MVT_TAGS_MAX];
    for (size_t i = 0; i < feature->n_tags; i++) {
        const struct mvt_value *value = &layer->values[feature->values[i]];
        (void)snprintf(
            tags[i].data, sizeof tags[i].data, "%s=%lld%.*s;", layer->keys[feature->keys[i]],
            (long long)(value->kind == 't' ? 0 : value->i64),
            (int)(value->kind == 't' ? value->len : 0), value->kind == 't' ? value->text : "");
    }
    qsort(tags, feature->n_tags, sizeof tags[0], compare_texts);
    ret_text->len = (size_t)snprintf(ret_text->data, sizeof ret_text->data, "%llu ",
                                     (unsigned long long)feature->id);
    for (size_t i = 0; i < feature->n_tags; i++) {
        ret_text->len +=
            (size_t)snprintf(ret_text->data + ret_text->len, sizeof ret_text->data - ret_text->len,
                             "%s", tags[i].data);
    }
    assert_true(mvt_walk(feature, note_position, ret_text));
    assert_true(ret_text->len < sizeof ret_text->data);
}

/* ---- what a caller may see, record by record ---- */

enum { SHOWS_KIND = 1, SHOWS_NAME = 2 };

static bool
names_kind(const char *filter_json, int kind)
{
    return filter_json == NULL || filter_json[0] == '\0' || kind_of(filter_json) == kind;
}

static unsigned
fields_of(const cim_term *term)
{
    if (term->n_field_modes == 0) {
        return SHOWS_KIND | SHOWS_NAME;
    }
    return strcmp(term->field_names[0], "kind") == 0 ? SHOWS_NAME : SHOWS_KIND;
}

/* Whether some term covers the record, and the fields that those terms show. */
static bool
may_see(const struct caller *caller, const struct record *record, unsigned *ret_fields)
{
    bool covered = false;
    *ret_fields = 0;
    for (uint32_t t = 0; t < caller->scope.n_terms; t++) {
        const cim_term *term = caller->scope.terms[t];
        if ((term->all_areas != 0 || (term->areas[0] >> record->area & 1U) != 0) &&
            (term->owner_org == NULL || strtol(term->owner_org + 1, NULL, 10) == record->owner) &&
            names_kind(term->filter_json, record->kind)) {
            covered = true;
            *ret_fields |= fields_of(term);
        }
    }
    return covered && names_kind(caller->filter, record->kind) &&
           (caller->area[0] == '\0' || strtol(caller->area + 1, NULL, 10) == record->area);
}

static uint64_t
count_records_of(const struct world *world, const struct caller *caller, uint32_t z, uint32_t col,
                 uint32_t row)
{
    uint64_t count = 0;
    for (int i = 0; i < N_MOST; i++) {
        const struct record *record = &world->records[i];
        unsigned fields;
        uint32_t x;
        uint32_t y;
        if (record->there && record->drawable && may_see(caller, record, &fields)) {
            assert_true(lpg_mercator_from_lonlat(record->lon, record->lat, &x, &y));
            count += (uint64_t)x >> (32U - z) == col && (uint64_t)y >> (32U - z) == row;
        }
    }
    return count;
}

/* A record by itself shows what the terms that cover it show, no more and no less. */
static void
check_fields(const struct world *world, const struct caller *caller, const struct mvt_layer *layer,
             const struct mvt_feature *feature)
{
    const struct mvt_value *fid = mvt_tag(layer, feature, "fid");
    unsigned fields;
    if (fid == NULL) {
        return;
    }
    const struct record *record = &world->records[fid->i64 - 1];
    assert_true(may_see(caller, record, &fields));
    assert_int_equal(mvt_tag(layer, feature, "name") != NULL, (fields & SHOWS_NAME) != 0);
    assert_int_equal(mvt_tag(layer, feature, "kind") != NULL,
                     (fields & SHOWS_KIND) != 0 && record->kind > 0);
}

/* A cluster counts by a field that all terms show alone; the tile's table of keys tells no more. */
static void
check_keys(const struct caller *caller, const struct mvt_layer *layer)
{
    bool shown = true;
    for (uint32_t t = 0; t < caller->scope.n_terms; t++) {
        shown = shown && (fields_of(caller->scope.terms[t]) & SHOWS_KIND) != 0;
    }
    for (size_t i = 0; i < layer->n_keys; i++) {
        if (strncmp(layer->keys[i], "n_kind_k", 8) != 0) {
            continue;
        }
        assert_true(shown);
        bool used = false;
        for (size_t f = 0; f < layer->n_features && !used; f++) {
            used = mvt_tag(layer, &layer->features[f], layer->keys[i]) != NULL;
        }
        assert_true(used);
    }
}

/* Number of different cells, of tiles of zoom z, that the records lie in. */
static size_t
cells_of(const struct world *world, const int64_t *fids, size_t n, uint32_t z)
{
    uint64_t cells[N_MOST];
    size_t n_cells = 0;
    for (size_t i = 0; i < n; i++) {
        const struct record *record = &world->records[fids[i] - 1];
        uint32_t x;
        uint32_t y;
        size_t c = 0;
        assert_true(lpg_mercator_from_lonlat(record->lon, record->lat, &x, &y));
        const uint64_t cell = lpg_morton(x, y) >> (64U - 2U * (z + LPG_CLUSTER_LEVELS));
        while (c < n_cells && cells[c] != cell) {
            c++;
        }
        cells[c] = cell;
        n_cells = c == n_cells ? n_cells + 1 : n_cells;
    }
    return n_cells;
}

/* What a cluster says of itself is what its records say, whatever the size of the pages. */
static void
check_cluster(const struct world *world, const struct caller *caller,
              const struct lpg_snapshot *snapshot, const struct lpg_view *view,
              const struct mvt_layer *layer, const struct mvt_feature *feature, uint32_t z)
{
    const struct mvt_value *count = mvt_tag(layer, feature, "count");
    static struct lpg_cluster cluster;
    static int64_t fids[N_MOST];
    const struct mvt_value *done = mvt_tag(layer, feature, "done_n");
    const struct mvt_value *due = mvt_tag(layer, feature, "done_of");
    int64_t kinds[64] = {0};
    bool shown = true;
    bool listed[N_MOST] = {false};
    size_t n = 0;
    if (count == NULL) {
        return;
    }
    const uint32_t limit = (uint32_t)(random() % 40) + 1;
    do {
        assert_int_equal(
            lpg_snapshot_cluster(snapshot, view, (int64_t)feature->id, n, limit, &cluster, NULL),
            CIM_OK);
        assert_int_equal(cluster.count, count->i64);
        for (uint32_t i = 0; i < cluster.n; i++) {
            const struct record *record = &world->records[cluster.fids[i] - 1];
            unsigned fields;
            assert_true(record->there && record->drawable && may_see(caller, record, &fields));
            assert_false(listed[cluster.fids[i] - 1]);
            assert_true(record->lon >= cluster.bbox_deg[0] - 1e-9 &&
                        record->lon <= cluster.bbox_deg[2] + 1e-9);
            assert_true(record->lat >= cluster.bbox_deg[1] - 1e-9 &&
                        record->lat <= cluster.bbox_deg[3] + 1e-9);
            listed[cluster.fids[i] - 1] = true;
            kinds[record->kind]++;
            fids[n++] = cluster.fids[i];
        }
    } while (cluster.n == limit);
    assert_int_equal(n, count->i64);
    for (uint32_t t = 0; t < caller->scope.n_terms; t++) {
        shown = shown && (fields_of(caller->scope.terms[t]) & SHOWS_KIND) != 0;
    }
    assert_int_equal(done != NULL ? done->i64 : 0, shown ? kinds[1] + kinds[7] : 0);
    assert_int_equal(due != NULL ? due->i64 : 0, shown ? kinds[1] + kinds[2] + kinds[7] : 0);
    assert_true(cluster.zoom > z && cluster.zoom <= LPG_POINTS_SINGLE_ZOOM);
    assert_int_equal(cells_of(world, fids, n, cluster.zoom - 1), 1);
    if (cluster.zoom < LPG_POINTS_SINGLE_ZOOM) {
        assert_true(cells_of(world, fids, n, cluster.zoom) > 1);
    }
}

/* The hexagons of a tile, as further texts. */
static size_t
describe_hexes(const struct lpg_snapshot *snapshot, const struct lpg_view *view, uint32_t z,
               uint32_t col, uint32_t row, struct text **texts, size_t n)
{
    struct lpg_opened opened;
    struct lpg_mvt *mvt;
    struct lpg_mvt *labels;
    struct mvt_layer layer;
    cim_blob tile = {0};
    if (z >= LPG_POINTS_SINGLE_ZOOM) {
        return n;
    }
    assert_int_equal(lpg_snapshot_open(snapshot, view, &opened, NULL), CIM_OK);
    assert_int_equal(lpg_mvt_new("hexagons", &mvt, NULL), CIM_OK);
    assert_int_equal(lpg_mvt_new("labels", &labels, NULL), CIM_OK);
    assert_int_equal(
        lpg_hexes_tile(&opened.stack, view, opened.all_visible, z, col, row, mvt, labels, NULL),
        CIM_OK);
    assert_int_equal(lpg_mvt_finish(mvt, &tile, NULL), CIM_OK);
    assert_true(mvt_read(tile.data, tile.len, &layer));
    *texts = realloc(*texts, (n + layer.n_features + 1) * sizeof **texts);
    assert_non_null(*texts);
    for (size_t i = 0; i < layer.n_features; i++) {
        describe(&layer, &layer.features[i], &(*texts)[n++]);
    }
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    mvt_done(&layer);
    lpg_mvt_free(mvt);
    lpg_mvt_free(labels);
    lpg_snapshot_close(snapshot, &opened);
    return n;
}

/* How many records a caller may see. */
static size_t
count_all(const struct world *world, const struct caller *caller)
{
    size_t n = 0;
    for (int i = 0; i < N_MOST; i++) {
        const struct record *record = &world->records[i];
        unsigned fields;
        n += record->there && record->drawable && may_see(caller, record, &fields);
    }
    return n;
}

/* The polygons of a tile and their labels as sorted texts. At zoom 0 there is a label for every
 * record that the caller may see. */
static struct text *
draw_polygons(const struct world *world, const struct lpg_snapshot *snapshot,
              const struct caller *caller, uint32_t z, uint32_t col, uint32_t row, size_t *ret_n)
{
    const struct lpg_shape_stack stack = lpg_snapshot_shapes(snapshot);
    struct text *texts = NULL;
    struct lpg_view view;
    size_t n = 0;
    assert_int_equal(lpg_view_open(lpg_snapshot_features(snapshot), NULL, &access_service,
                                   &caller->call, caller->area[0] != '\0' ? caller->area : NULL,
                                   caller->filter[0] != '\0' ? caller->filter : NULL, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_judge(snapshot, &world->layer, &caller->call, &view, NULL),
                     CIM_OK);
    for (int part = 0; part < 2; part++) {
        struct lpg_mvt *mvt;
        struct mvt_layer layer;
        cim_blob tile = {0};
        assert_int_equal(lpg_mvt_new("polygons", &mvt, NULL), CIM_OK);
        assert_int_equal(part == 0 ? lpg_shapes_tile(&stack, &view, NULL, z, col, row, mvt, NULL)
                                   : lpg_labels_tile(&stack, &view, NULL, z, col, row, mvt, NULL),
                         CIM_OK);
        assert_int_equal(lpg_mvt_finish(mvt, &tile, NULL), CIM_OK);
        assert_true(mvt_read(tile.data, tile.len, &layer));
        assert_true(part == 0 || z > 0 || layer.n_features == count_all(world, caller));
        texts = realloc(texts, (n + layer.n_features + 1) * sizeof *texts);
        assert_non_null(texts);
        for (size_t i = 0; i < layer.n_features; i++) {
            check_fields(world, caller, &layer, &layer.features[i]);
            describe(&layer, &layer.features[i], &texts[n++]);
        }
        if (tile.release != NULL) {
            tile.release(&tile);
        }
        mvt_done(&layer);
        lpg_mvt_free(mvt);
    }
    lpg_view_done(&view);
    qsort(texts, n, sizeof *texts, compare_texts);
    *ret_n = n;
    return texts;
}

/* The features of a tile as sorted texts; their count is that of the records, one by one. */
static struct text *
draw(const struct world *world, const struct lpg_snapshot *snapshot, const struct caller *caller,
     uint32_t z, uint32_t col, uint32_t row, size_t *ret_n)
{
    uint64_t counted;
    struct lpg_view view;
    struct lpg_mvt *mvt;
    struct mvt_layer layer;
    cim_blob tile = {0};
    char *names = NULL;
    struct text *texts;
    assert_int_equal(lpg_view_open(lpg_snapshot_features(snapshot), NULL, &access_service,
                                   &caller->call, caller->area[0] != '\0' ? caller->area : NULL,
                                   caller->filter[0] != '\0' ? caller->filter : NULL, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_judge(snapshot, &world->layer, &caller->call, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_mvt_new("points", &mvt, NULL), CIM_OK);
    assert_int_equal(lpg_snapshot_tile(snapshot, &view, z, col, row, mvt, &names, NULL), CIM_OK);
    assert_int_equal(lpg_snapshot_count(snapshot, &view, z, col, row, &counted, NULL), CIM_OK);
    assert_int_equal(counted, count_records_of(world, caller, z, col, row));
    assert_int_equal(lpg_mvt_finish(mvt, &tile, NULL), CIM_OK);
    assert_true(mvt_read(tile.data, tile.len, &layer));
    check_keys(caller, &layer);
    texts = calloc(layer.n_features + 1, sizeof *texts);
    assert_non_null(texts);
    for (size_t i = 0; i < layer.n_features; i++) {
        check_fields(world, caller, &layer, &layer.features[i]);
        check_cluster(world, caller, snapshot, &view, &layer, &layer.features[i], z);
        describe(&layer, &layer.features[i], &texts[i]);
    }
    *ret_n = describe_hexes(snapshot, &view, z, col, row, &texts, layer.n_features);
    qsort(texts, *ret_n, sizeof *texts, compare_texts);
    if (tile.release != NULL) {
        tile.release(&tile);
    }
    mvt_done(&layer);
    lpg_mvt_free(mvt);
    free(names);
    lpg_view_done(&view);
    return texts;
}

static void
assert_same_tile(const struct world *world, const struct lpg_snapshot *left,
                 const struct lpg_snapshot *right, const struct record *near, unsigned *caller_seed)
{
    struct caller caller;
    size_t n_left;
    size_t n_right;
    struct text *a;
    struct text *b;
    const uint32_t z = (uint32_t)(random() % 20);
    uint32_t x;
    uint32_t y;
    random_caller(&caller, caller_seed);
    assert_true(lpg_mercator_from_lonlat(near->lon, near->lat, &x, &y));
    x = z == 0 ? 0 : x >> (32U - z);
    y = z == 0 ? 0 : y >> (32U - z);
    a = (world->polygons ? draw_polygons : draw)(world, left, &caller, z, x, y, &n_left);
    b = (world->polygons ? draw_polygons : draw)(world, right, &caller, z, x, y, &n_right);
    assert_int_equal(n_left, n_right);
    for (size_t i = 0; i < n_left; i++) {
        assert_string_equal(a[i].data, b[i].data);
    }
    free(a);
    free(b);
}

/* ---- the property ---- */

static const cim_call system_call = {.struct_size = sizeof system_call,
                                     .cancelled = never_cancelled};

static struct lpg_snapshot *
loaded(const struct world *world, int64_t pos)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(
        lpg_snapshot_load(&world->def, &world->layer, &system_call, pos, &snapshot, NULL), CIM_OK);
    return snapshot;
}

static struct lpg_snapshot *
advanced(const struct world *world, struct lpg_snapshot *old, const int64_t *fids, uint32_t n)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(lpg_snapshot_advance(old, &world->layer, &system_call, fids, n, old->pos + 1,
                                          &snapshot, NULL),
                     CIM_OK);
    return snapshot;
}

static void
replace(struct lpg_snapshot **snapshot, struct lpg_snapshot *by)
{
    lpg_snapshot_unref(*snapshot);
    *snapshot = by;
}

static void
follow_edits(bool polygons, int n_edits)
{
    struct world *world = calloc(1, sizeof *world);
    struct lpg_snapshot *following;
    struct lpg_snapshot *merging = NULL; /* what a merge under way began with */
    unsigned caller_seed = 7;
    assert_non_null(world);
    world_init(world, 20261127, polygons);
    following = loaded(world, 1);
    for (int round = 0; round < n_edits; round++) {
        int64_t fids[N_MOST];
        const uint32_t n = world_edit(world, fids);
        struct lpg_snapshot *scratch;
        replace(&following, advanced(world, following, fids, n));
        if (random() % 100 == 0) {
            replace(&merging, following);
            lpg_snapshot_ref(following);
        } else if (merging != NULL && random() % 10 == 0) {
            struct lpg_base *base = NULL;
            struct lpg_snapshot *rebased = NULL;
            assert_int_equal(lpg_base_merge(merging->base, merging->overlay, &base, NULL), CIM_OK);
            assert_int_equal(lpg_snapshot_rebase(following, base, merging->pos, &rebased, NULL),
                             CIM_OK);
            lpg_base_unref(base);
            replace(&following, rebased);
            replace(&merging, NULL);
        }
        if (round % 10 != 0) {
            continue;
        }
        caller_seed = 7U + (unsigned)(round / 10 % 10); /* the same callers come again */
        scratch = loaded(world, 1);
        for (int k = 0; k < 10; k++) {
            assert_same_tile(world, following, scratch, &world->records[random() % N_START],
                             &caller_seed);
        }
        lpg_snapshot_unref(scratch);
    }
    lpg_snapshot_unref(merging);
    lpg_snapshot_unref(following);
    free(world);
}

static void
test_after_any_edits_tiles_are_as_loaded_from_scratch(void **state)
{
    (void)state;
    follow_edits(false, N_EDITS);
}

static void
test_after_any_edits_polygons_are_as_loaded_from_scratch(void **state)
{
    (void)state;
    follow_edits(true, N_POLYGON_EDITS);
}

/* ---- a record that was written after the snapshot ---- */

static uint64_t
count_whole(const struct world *world, const struct lpg_snapshot *snapshot,
            const struct caller *caller)
{
    struct lpg_view view;
    uint64_t count = 0;
    assert_int_equal(lpg_view_open(lpg_snapshot_features(snapshot), NULL, &access_service,
                                   &caller->call, NULL, NULL, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_judge(snapshot, &world->layer, &caller->call, &view, NULL),
                     CIM_OK);
    assert_int_equal(lpg_snapshot_count(snapshot, &view, 0, 0, 0, &count, NULL), CIM_OK);
    lpg_view_done(&view);
    return count;
}

/* The store then judges another version than the one that is drawn. */
static void
test_a_version_that_no_one_judged_is_hidden(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct caller caller;
    unsigned seed = 1;
    int i = 0;
    (void)state;
    assert_non_null(world);
    world_init(world, 20261128, false);
    random_caller(&caller, &seed);
    caller.scope.n_terms = 1;
    caller.terms[0] = (cim_term){.struct_size = sizeof caller.terms[0],
                                 .resource = "*",
                                 .all_areas = 1,
                                 .filter_json = caller.row_filters[0],
                                 .until_ms = INT64_MAX};
    (void)snprintf(caller.row_filters[0], sizeof caller.row_filters[0],
                   "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"k02\"]}");
    caller.filter[0] = '\0';
    caller.area[0] = '\0';
    while (world->records[i].kind != 1 || !world->records[i].drawable) {
        i++;
    }
    const int64_t fid = i + 1;
    struct lpg_snapshot *snapshot = loaded(world, 1);
    const uint64_t before = count_records_of(world, &caller, 0, 0, 0);
    world->records[i].kind = 2;
    world->records[i].version++;
    assert_int_equal(count_whole(world, snapshot, &caller), before); /* as of position 1 */
    replace(&snapshot, advanced(world, snapshot, &fid, 1));
    assert_int_equal(count_whole(world, snapshot, &caller), before + 1);
    world->records[i].kind = 1;
    world->records[i].version++;
    assert_int_equal(count_whole(world, snapshot, &caller), before + 1);
    replace(&snapshot, advanced(world, snapshot, &fid, 1));
    assert_int_equal(count_whole(world, snapshot, &caller), before);
    lpg_snapshot_unref(snapshot);
    free(world);
}

/* ---- a map over it, with a change log ---- */

enum { N_LOG = 200000, N_READERS = 2, N_ROUNDS = 60, N_WRITES = 20 };

struct platform {
    cim_host host;
    struct world *world; /* its lock is that of the log, too */
    int64_t log[N_LOG];  /* the fid of position i + 1; 0: many */
    int64_t pos;
    struct lpg_map *map;
    atomic_bool done;
};

/* A read of the log: all that a select answers, made at once. */
struct log_rows {
    bool touched[N_MOST + 1];
    bool probe;
    int at;
};

static cim_status
fill_log(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct log_rows *rows = self;
    for (; rows->at <= N_MOST && cim_batch_builder_rows(builder) < 500; rows->at++) {
        if (rows->touched[rows->at]) {
            cim_batch_append_i64(builder, 0, rows->at);
            if (!rows->probe) {
                cim_batch_append_i64(builder, 1,
                                     rows->at == 0 ? CIM_CHANGE_BULK : CIM_CHANGE_UPDATE);
            }
            CIM_TRY(cim_batch_builder_end_row(builder, err));
        }
    }
    return CIM_OK;
}

/* The two selects of changes.c: whether a position is there, and the fids between two. */
static cim_status
read_log(const cim_host *host, const char *sql, const cim_value *values, uint32_t n_values,
         cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid", "op"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_INT64};
    struct platform *platform = host->impl;
    struct log_rows *rows = calloc(1, sizeof *rows);
    (void)sql;
    assert_non_null(rows);
    (void)pthread_mutex_lock(&platform->world->lock);
    rows->probe = n_values == 1;
    if (rows->probe) {
        rows->touched[1] = values[0].v.i64 <= platform->pos;
    } else {
        for (int64_t pos = values[0].v.i64; pos < values[1].v.i64; pos++) {
            rows->touched[platform->log[pos]] = true;
        }
    }
    (void)pthread_mutex_unlock(&platform->world->lock);
    return cim_rows_new(rows->probe ? 1 : 2, names, types, fill_log, free, rows, ret_rows, err);
}

static int64_t
newest_pos(const cim_host *host)
{
    struct platform *platform = host->impl;
    int64_t pos;
    (void)pthread_mutex_lock(&platform->world->lock);
    pos = platform->pos;
    (void)pthread_mutex_unlock(&platform->world->lock);
    return pos;
}

static int64_t
newest_layer_pos(const cim_host *host, const char *layer)
{
    (void)layer;
    return newest_pos(host);
}

static int64_t
now_ms(const cim_host *host)
{
    (void)host;
    return 1000;
}

static const void *
get_service(const cim_host *host, const char *id)
{
    static const cim_store_v1 store = {.struct_size = sizeof store,
                                       .read = read_log,
                                       .pos = newest_pos,
                                       .layer_pos = newest_layer_pos};
    static const cim_clock_v1 clock = {.struct_size = sizeof clock, .now_ms = now_ms};
    (void)host;
    return strcmp(id, CIM_SERVICE_STORE) == 0    ? (const void *)&store
           : strcmp(id, CIM_SERVICE_ACCESS) == 0 ? (const void *)&access_service
           : strcmp(id, CIM_SERVICE_CLOCK) == 0  ? (const void *)&clock
                                                 : NULL;
}

static cim_status
count_records(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
              cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)err;
    *ret_count = N_START;
    return CIM_OK;
}

static void *
keep_reading(void *arg)
{
    struct platform *platform = arg;
    unsigned seed = 11;
    while (!atomic_load(&platform->done)) {
        const cim_tile_request request = {.struct_size = sizeof request,
                                          .tms = CIM_TMS_WEB_MERCATOR_QUAD,
                                          .z = 6,
                                          .col = 51,
                                          .row = 28,
                                          .layer = "points"};
        struct caller caller;
        cim_blob tile = {0};
        seed = seed % 17 + 1; /* the same callers come again */
        unsigned caller_seed = seed;
        random_caller(&caller, &caller_seed);
        assert_int_equal(lpg_map_tile(platform->map, &caller.call, &request, &tile, NULL), CIM_OK);
        if (tile.release != NULL) {
            tile.release(&tile);
        }
    }
    return NULL;
}

static void
write_some(struct platform *platform)
{
    int64_t fids[N_MOST];
    uint32_t n;
    (void)pthread_mutex_lock(&platform->world->lock);
    n = world_edit(platform->world, fids);
    for (uint32_t i = 0; i < n && platform->pos < N_LOG; i++) {
        platform->log[platform->pos++] = random() % 3000 == 0 ? 0 : fids[i];
    }
    (void)pthread_mutex_unlock(&platform->world->lock);
}

static struct lpg_snapshot *
map_snapshot(struct platform *platform)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(
        lpg_map_take(platform->map, &platform->map->slots[0], &system_call, &snapshot, NULL),
        CIM_OK);
    return snapshot;
}

static void
test_readers_writers_and_merges_at_once(void **state)
{
    struct platform *platform = calloc(1, sizeof *platform);
    struct world *world = calloc(1, sizeof *world);
    struct lpg_map_layer source;
    pthread_t readers[N_READERS];
    unsigned caller_seed = 3;
    (void)state;
    assert_non_null(platform);
    assert_non_null(world);
    world_init(world, 20261128, false);
    world->def.id = (char *)(uintptr_t) "points";
    world->layer.count = count_records;
    platform->world = world;
    platform->host = (cim_host){
        .struct_size = sizeof platform->host, .impl = platform, .get_service = get_service};
    source = (struct lpg_map_layer){.def = &world->def, .layer = world->layer};
    assert_int_equal(lpg_map_new(&platform->host, &source, 1, &platform->map, NULL), CIM_OK);
    assert_int_equal(lpg_map_start(platform->map, NULL), CIM_OK);
    for (int i = 0; i < N_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, keep_reading, platform), 0);
    }
    for (int round = 0; round < N_ROUNDS; round++) {
        for (int i = 0; i < N_WRITES; i++) {
            write_some(platform);
        }
        struct lpg_snapshot *following = map_snapshot(platform);
        struct lpg_snapshot *scratch = loaded(world, 1);
        for (int k = 0; k < 3; k++) {
            assert_same_tile(world, following, scratch, &world->records[random() % N_START],
                             &caller_seed);
        }
        lpg_snapshot_unref(scratch);
        lpg_snapshot_unref(following);
    }
    atomic_store(&platform->done, true);
    for (int i = 0; i < N_READERS; i++) {
        (void)pthread_join(readers[i], NULL);
    }
    lpg_map_stop(platform->map);
    lpg_map_free(platform->map);
    free(world);
    free(platform);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_any_edits_tiles_are_as_loaded_from_scratch),
        cmocka_unit_test(test_after_any_edits_polygons_are_as_loaded_from_scratch),
        cmocka_unit_test(test_a_version_that_no_one_judged_is_hidden),
        cmocka_unit_test(test_readers_writers_and_merges_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/map/compare.c -- see compare.h. */
#include "compare.h"

#include "cim/util.h"
#include "geo/mercator.h"
#include "map/cluster.h"
#include "map/rates.h"
#include "support/mvt_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

const cim_access_v1 access_service = {
    .struct_size = sizeof access_service, .area_ordinal = area_ordinal, .area = area_at};

void
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

uint64_t
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

static bool
all_show_kind(const struct caller *caller)
{
    for (uint32_t t = 0; t < caller->scope.n_terms; t++) {
        if ((fields_of(caller->scope.terms[t]) & SHOWS_KIND) == 0) {
            return false;
        }
    }
    return true;
}

/* A cluster counts by a field that all terms show alone; the tile's table of keys tells no more. */
static void
check_keys(const struct caller *caller, const struct mvt_layer *layer)
{
    const bool shown = all_show_kind(caller);
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
    const bool shown = all_show_kind(caller);
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
describe_hexes(const struct lpg_snapshot *snapshot, const struct caller *caller,
               const struct lpg_view *view, uint32_t z, uint32_t col, uint32_t row,
               struct text **texts, size_t n)
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
    assert_true(layer.n_features == 0 || all_show_kind(caller));
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
    *ret_n = describe_hexes(snapshot, caller, &view, z, col, row, &texts, layer.n_features);
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

void
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

const cim_call system_call = {.struct_size = sizeof system_call, .cancelled = never_cancelled};

struct lpg_snapshot *
loaded(const struct world *world, int64_t pos)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(
        lpg_snapshot_load(&world->def, false, &world->layer, &system_call, pos, &snapshot, NULL),
        CIM_OK);
    return snapshot;
}

struct lpg_snapshot *
advanced(const struct world *world, struct lpg_snapshot *old, const int64_t *fids, uint32_t n)
{
    struct lpg_snapshot *snapshot = NULL;
    assert_int_equal(lpg_snapshot_advance(old, &world->layer, &system_call, fids, n, old->pos + 1,
                                          &snapshot, NULL),
                     CIM_OK);
    return snapshot;
}

void
replace(struct lpg_snapshot **snapshot, struct lpg_snapshot *by)
{
    lpg_snapshot_unref(*snapshot);
    *snapshot = by;
}

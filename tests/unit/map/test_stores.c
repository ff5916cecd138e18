/* After any edits on a real store, what tiles, clusters, sums and rates tell under any scope and
 * filter is what the records say that the layer itself answers under that scope; also after the map
 * was lost amid the edits and goes on from the file of a layer. CIM_TEST_MAP_STEPS is how many
 * edits are made. */
#include "stores_world.h"

#include "geo/mercator.h"
#include "host/base/clock.h"
#include "map/cluster.h"
#include "map/internal.h"
#include "map/points.h"
#include "map/rates.h"
#include "support/mvt_read.h"

#include <stdlib.h>
#include <unistd.h>

enum { STEPS = 200, CHECKS = 3, RECORDS_MAX = 40000 };

/* ---- callers ---- */

struct caller {
    cim_term terms[2];
    const cim_term *pointers[2];
    uint64_t bits[2];
    cim_scope scope;
    cim_call call;
    const char *area;   /* or NULL */
    const char *filter; /* or NULL */
};

static const char kind_is[] = "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"catering\"]}";
static const char state_is[] =
    "{\"op\":\"=\",\"args\":[{\"property\":\"inspection_state\"},\"passed\"]}";
static const char number_is[] =
    "{\"op\":\"like\",\"args\":[{\"property\":\"user_no\"},\"U%3%\"]}"; /* no map holds it */

static void
random_caller(struct world *world, struct caller *caller)
{
    uint64_t *seed = &world->seed;
    memset(caller, 0, sizeof *caller);
    caller->scope = (cim_scope){.struct_size = sizeof caller->scope,
                                .n_terms = 1 + unit_random_below(seed, 2),
                                .terms = caller->pointers,
                                .areas_version = cim_area_tree_version(world->fixture.fake->areas)};
    for (int t = 0; t < 2; t++) {
        static const char *const row_filters[] = {NULL, NULL, NULL, kind_is, number_is};
        const bool all = unit_random_below(seed, 2) == 0;
        caller->pointers[t] = &caller->terms[t];
        caller->bits[t] = 1 + unit_random_below(seed, (1U << N_AREAS) - 1);
        caller->terms[t] = (cim_term){.struct_size = sizeof caller->terms[t],
                                      .resource = "*",
                                      .actions = CIM_ACT_READ,
                                      .all_areas = all,
                                      .areas = all ? NULL : &caller->bits[t],
                                      .n_area_words = all ? 0 : 1,
                                      .from_ms = INT64_MIN,
                                      .until_ms = INT64_MAX};
        if (unit_random_below(seed, 3) == 0) {
            caller->terms[t].owner_org = PICK(seed, owners);
        }
        caller->terms[t].filter_json = PICK(seed, row_filters);
    }
    caller->area =
        unit_random_below(seed, 4) == 0 ? areas[unit_random_below(seed, N_AREAS)].code : NULL;
    caller->filter = unit_random_below(seed, 3) == 0 ? state_is : NULL;
    caller->call = fake_call(&caller->scope);
}

/* ---- what the layer answers, record by record ---- */

struct record {
    int64_t fid;
    bool drawn;
    uint32_t x;
    uint32_t y;
    char kind[20];
    char state[20];
    char area[12];
};

static size_t
read_records(struct lpg_layer *layer, const struct caller *caller, bool users,
             struct record *records)
{
    static const char *const properties[] = {"kind", "inspection_state"};
    const cim_query query = {.struct_size = sizeof query,
                             .area = caller->area,
                             .filter_json = users ? caller->filter : NULL,
                             .properties = properties,
                             .n_properties = users ? 2 : 1};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_error err = {0};
    size_t n = 0;
    assert_ok(lpg_layer_query(layer, &caller->call, &query, &rows, &err), &err);
    const int32_t geom = cim_rows_column(rows, "geom");
    const int32_t area = cim_rows_column(rows, "area_code");
    const int32_t kind = cim_rows_column(rows, "kind");
    const int32_t state = users ? cim_rows_column(rows, "inspection_state") : kind;
    for (;;) {
        const cim_batch *batch = NULL;
        assert_ok(rows->next(rows, &batch, &err), &err);
        if (batch->n_rows == 0) {
            return n;
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            struct record *record = &records[n++];
            size_t len = 0;
            double lon = 0;
            double lat = 0;
            assert_true(n < RECORDS_MAX);
            *record = (struct record){.fid = cim_column_i64(batch->columns[0], row)};
            record->drawn = cim_column_present(batch->columns[geom], row);
            if (record->drawn && users) {
                const uint8_t *wkb = cim_column_bytes(batch->columns[geom], row, &len);
                assert_true(cim_wkb_point(wkb, len, &lon, &lat));
                assert_true(lpg_mercator_from_lonlat(lon, lat, &record->x, &record->y));
            }
            cim_copy_text(record->kind, sizeof record->kind, cell_text(batch, (uint32_t)kind, row));
            cim_copy_text(record->state, sizeof record->state,
                          cell_text(batch, (uint32_t)state, row));
            cim_copy_text(record->area, sizeof record->area, cell_text(batch, (uint32_t)area, row));
        }
    }
}

static bool
is_due(const struct record *record)
{
    return strcmp(record->state, "stopped") != 0;
}

static bool
is_done(const struct record *record)
{
    return strcmp(record->state, "passed") == 0 || strcmp(record->state, "general_hazard") == 0 ||
           strcmp(record->state, "major_hazard") == 0;
}

static bool
lies_in(const char *code, const char *area)
{
    while (strcmp(code, area) != 0) {
        size_t i = 0;
        while (strcmp(areas[i].code, code) != 0) {
            i++;
        }
        if (areas[i].parent == NULL) {
            return false;
        }
        code = areas[i].parent;
    }
    return true;
}

/* ---- comparing ---- */

static void
draw(struct world *world, struct lpg_map *map, const struct caller *caller, const char *layer,
     bool users, const uint32_t at[3], cim_blob *ret_tile)
{
    const cim_tile_request request = {.struct_size = sizeof request,
                                      .tms = CIM_TMS_WEB_MERCATOR_QUAD,
                                      .z = at[0],
                                      .col = at[1],
                                      .row = at[2],
                                      .layer = layer,
                                      .area = caller->area,
                                      .filter_json = users ? caller->filter : NULL};
    cim_error err = {0};
    (void)world;
    *ret_tile = (cim_blob){.data = NULL};
    assert_ok(lpg_map_tile(map, &caller->call, &request, ret_tile, &err), &err);
}

static void
undraw(cim_blob *tile)
{
    if (tile->release != NULL) {
        tile->release(tile);
    }
}

static int64_t
int_of(const struct mvt_layer *layer, const struct mvt_feature *feature, const char *key)
{
    const struct mvt_value *value = mvt_tag(layer, feature, key);
    return value != NULL ? value->i64 : 0;
}

/* Of the records of a cell, or of one record: what a feature must tell. */
struct sums {
    int64_t n;
    int64_t passed;
    int64_t done;
    int64_t due;
    int64_t fid;
};

static void
add(struct sums *sums, const struct record *record)
{
    sums->n++;
    sums->passed += strcmp(record->state, "passed") == 0;
    sums->done += is_done(record);
    sums->due += is_due(record);
    sums->fid = record->fid;
}

static void
check_feature(struct world *world, const struct caller *caller, const struct mvt_layer *layer,
              const struct mvt_feature *feature, const struct sums *sums)
{
    static struct lpg_cluster cluster;
    cim_error err = {0};
    if (sums->n == 1) {
        assert_int_equal(int_of(layer, feature, "fid"), sums->fid);
        return;
    }
    assert_int_equal(int_of(layer, feature, "count"), sums->n);
    assert_int_equal(int_of(layer, feature, "n_inspection_state_passed"), sums->passed);
    assert_int_equal(int_of(layer, feature, "inspected_n"), sums->due > 0 ? sums->done : 0);
    assert_int_equal(int_of(layer, feature, "inspected_of"), sums->due);
    assert_ok(lpg_map_cluster(world->map, &caller->call, "lpg.end-users", caller->area,
                              caller->filter, (int64_t)feature->id, 0, 10, &cluster, &err),
              &err);
    assert_int_equal(cluster.count, sums->n);
}

static void
note_point(void *self, uint32_t command, int32_t x, int32_t y)
{
    int32_t *at = self;
    (void)command;
    at[0] = x;
    at[1] = y;
}

enum { CELLS = 8, CELL_UNITS = LPG_MVT_EXTENT / CELLS };

/* Below the zoom of single points a feature per cell of 8 x 8; from there on one per record. */
static void
check_points(struct world *world, const struct caller *caller, const struct record *records,
             size_t n, const uint32_t at[3], const cim_blob *tile)
{
    struct sums cells[CELLS][CELLS] = {0};
    struct mvt_layer layer;
    size_t n_cells = 0;
    size_t n_inside = 0;
    assert_true(mvt_read_named(tile->data, tile->len, "lpg.end-users", &layer));
    for (size_t i = 0; i < n; i++) {
        const uint64_t x = ((uint64_t)records[i].x << at[0]) >> 29U; /* in eighths of tiles */
        const uint64_t y = ((uint64_t)records[i].y << at[0]) >> 29U;
        if (records[i].drawn && x / CELLS == at[1] && y / CELLS == at[2]) {
            struct sums *cell = &cells[y % CELLS][x % CELLS];
            n_cells += cell->n == 0;
            n_inside++;
            add(cell, &records[i]);
        }
    }
    if (at[0] >= LPG_POINTS_SINGLE_ZOOM) {
        assert_int_equal(layer.n_features, n_inside);
    } else {
        assert_int_equal(layer.n_features, n_cells);
        for (size_t i = 0; i < layer.n_features; i++) {
            int32_t place[2] = {0};
            assert_true(mvt_walk(&layer.features[i], note_point, place));
            check_feature(world, caller, &layer, &layer.features[i],
                          &cells[place[1] / CELL_UNITS][place[0] / CELL_UNITS]);
        }
    }
    mvt_done(&layer);
}

static void
check_rates(const struct record *records, size_t n, const uint32_t at[3], const cim_blob *tile)
{
    struct mvt_layer hexes;
    struct mvt_layer polygons;
    assert_true(mvt_read_named(tile->data, tile->len, "lpg.end-users.hexagons", &hexes));
    assert_true(mvt_read_named(tile->data, tile->len, "lpg.end-users.areas", &polygons));
    for (size_t f = 0; f < hexes.n_features; f++) {
        struct sums sums = {0};
        for (size_t i = 0; i < n; i++) {
            int32_t row = 0;
            int32_t col = 0;
            lpg_hex_of(at[0], records[i].x, records[i].y, &row, &col);
            if (records[i].drawn &&
                hexes.features[f].id == ((uint64_t)(row + 1) << 20U | (uint64_t)(col + 1))) {
                add(&sums, &records[i]);
            }
        }
        assert_int_equal(int_of(&hexes, &hexes.features[f], "inspected_n"), sums.done);
        assert_int_equal(int_of(&hexes, &hexes.features[f], "inspected_of"), sums.due);
    }
    for (size_t f = 0; f < polygons.n_features; f++) {
        const struct mvt_value *code = mvt_tag(&polygons, &polygons.features[f], "code");
        struct sums sums = {0};
        char text[16];
        (void)snprintf(text, sizeof text, "%.*s", (int)code->len, code->text);
        for (size_t i = 0; i < n; i++) {
            if (records[i].drawn && lies_in(records[i].area, text)) {
                add(&sums, &records[i]);
            }
        }
        assert_int_equal(int_of(&polygons, &polygons.features[f], "inspected_n"), sums.done);
        assert_int_equal(int_of(&polygons, &polygons.features[f], "inspected_of"), sums.due);
        assert_true(sums.due > 0);
    }
    mvt_done(&hexes);
    mvt_done(&polygons);
}

static void
check_users(struct world *world)
{
    static struct record records[RECORDS_MAX];
    struct caller caller;
    random_caller(world, &caller);
    const size_t n = read_records(world->users, &caller, true, records);
    for (int k = 0; k < CHECKS; k++) {
        const struct record *near =
            &records[n > 0 ? unit_random_below(&world->seed, (uint32_t)n) : 0];
        const uint32_t z = k == 0 ? 0 : unit_random_below(&world->seed, 19);
        const uint32_t at[3] = {z, z == 0 || n == 0 ? 0 : near->x >> (32U - z),
                                z == 0 || n == 0 ? 0 : near->y >> (32U - z)};
        cim_blob tile;
        draw(world, world->map, &caller, "lpg.end-users", true, at, &tile);
        check_points(world, &caller, records, n, at, &tile);
        if (z < LPG_POINTS_SINGLE_ZOOM) {
            check_rates(records, n, at, &tile);
        }
        undraw(&tile);
    }
}

/* Every polygon that the caller may see has its label in the one tile of zoom 0; and any tile has
 * the same geometries as that of a map which loads the layer now. */
static void
check_zones(struct world *world)
{
    static struct record records[RECORDS_MAX];
    const uint32_t z = unit_random_below(&world->seed, 12);
    const uint32_t at[2][3] = {{0, 0, 0}, {z, 0, 0}};
    struct caller caller;
    struct lpg_map *fresh = NULL;
    random_caller(world, &caller);
    caller.terms[0].filter_json = NULL;
    caller.terms[1].filter_json = NULL;
    const size_t n = read_records(world->zones, &caller, false, records);
    assert_int_equal(lpg_map_new(&world->fixture.fake->host, world->sources, 3, &fresh, NULL),
                     CIM_OK);
    for (int k = 0; k < 2; k++) {
        struct mvt_layer labels;
        struct mvt_layer a;
        struct mvt_layer b;
        cim_blob tiles[2];
        uint32_t x = 0;
        uint32_t y = 0;
        assert_true(lpg_mercator_from_lonlat(110.02, 19.02, &x, &y));
        const uint32_t place[3] = {at[k][0], at[k][0] == 0 ? 0 : x >> (32U - z),
                                   at[k][0] == 0 ? 0 : y >> (32U - z)};
        draw(world, world->map, &caller, "lpg.restricted-zones", false, place, &tiles[0]);
        draw(world, fresh, &caller, "lpg.restricted-zones", false, place, &tiles[1]);
        if (place[0] == 0) {
            assert_true(mvt_read_named(tiles[0].data, tiles[0].len, "lpg.restricted-zones.labels",
                                       &labels));
            assert_int_equal(labels.n_features, n);
            mvt_done(&labels);
        }
        assert_true(mvt_read_named(tiles[0].data, tiles[0].len, "lpg.restricted-zones", &a));
        assert_true(mvt_read_named(tiles[1].data, tiles[1].len, "lpg.restricted-zones", &b));
        assert_int_equal(a.n_features, b.n_features);
        for (size_t i = 0; i < a.n_features; i++) {
            size_t j = 0;
            while (j < b.n_features && b.features[j].id != a.features[i].id) {
                j++;
            }
            assert_true(j < b.n_features);
            assert_int_equal(a.features[i].geometry_len, b.features[j].geometry_len);
            assert_memory_equal(a.features[i].geometry, b.features[j].geometry,
                                b.features[j].geometry_len);
        }
        mvt_done(&a);
        mvt_done(&b);
        undraw(&tiles[0]);
        undraw(&tiles[1]);
    }
    lpg_map_free(fresh);
}

/* ---- layers saved as files ---- */

static void
new_map(struct world *world)
{
    cim_error err = {0};
    assert_ok(lpg_map_new(&world->fixture.fake->host, world->sources, COUNT_OF(world->sources),
                          &world->map, &err),
              &err);
    world->map->save_least = 1;
}

static struct lpg_map_slot *
users_slot(struct world *world)
{
    return lpg_map_find(world->map, "lpg.end-users", false);
}

/* As the map's thread does it. */
static void
save_users(struct world *world)
{
    struct lpg_map_slot *slot = users_slot(world);
    struct lpg_snapshot *snapshot = lpg_map_current(slot, INT64_MIN);
    cim_error err = {0};
    if (snapshot != NULL && lpg_map_may_save(world->map, slot, snapshot->base)) {
        assert_ok(lpg_map_save(world->map, slot, snapshot->base, &err), &err);
        atomic_store(&slot->saved_pos, snapshot->base->pos);
    }
    lpg_snapshot_unref(snapshot);
}

/* The layer as a map has it that has just begun. */
static struct lpg_snapshot *
take_users(struct world *world)
{
    const cim_call call = fake_call(fake_scope_all());
    struct lpg_snapshot *snapshot = NULL;
    cim_error err = {0};
    assert_ok(lpg_map_take(world->map, users_slot(world), &call, &snapshot, &err), &err);
    return snapshot;
}

static bool
restart(struct world *world)
{
    lpg_map_free(world->map);
    new_map(world);
    struct lpg_snapshot *snapshot = take_users(world);
    const bool opened = snapshot->base->file != NULL;
    lpg_snapshot_unref(snapshot);
    return opened;
}

static int
steps(void)
{
    const char *text = getenv("CIM_TEST_MAP_STEPS");
    return text != NULL ? (int)strtol(text, NULL, 10) : STEPS;
}

static void
test_after_any_edit_the_map_tells_what_the_records_say(void **state)
{
    struct world *world = *state;
    create_polygons(world, lpg_data_layer(world->fixture.data, "lpg.districts"), true, N_AREAS);
    create_users(world, 300);
    create_polygons(world, world->zones, false, 20);
    for (int step = 0; step < steps(); step++) {
        edit(world, step);
        if (step % 7 == 6) {
            save_users(world);
        }
        if (step % 5 == 4) {
            world->n_opened += restart(world);
        }
        check_users(world);
        if (step % 4 == 0) {
            check_zones(world);
        }
    }
    assert_true(world->n_opened >= steps() / 10);
}

struct statement {
    const cim_store_v1 *store;
    const char *sql;
    int64_t pos;
};

static cim_status
execute(void *arg, cim_tx *tx, cim_error *err)
{
    const struct statement *statement = arg;
    const cim_value values[] = {{.name = "pos", .type = CIM_COL_INT64, .v.i64 = statement->pos}};
    return statement->store->exec(tx, statement->sql, values, 1, NULL, err);
}

static void
alter_log(struct world *world, const char *sql, int64_t pos)
{
    const cim_host *host = &world->fixture.fake->host;
    const cim_store_v1 *store = host->get_service(host, CIM_SERVICE_STORE);
    struct statement statement = {.store = store, .sql = sql, .pos = pos};
    cim_error err = {0};
    assert_ok(store->write(host, execute, &statement, NULL, &err), &err);
}

/* What the file holds is right as of its position in one history alone. */
static void
test_a_file_of_another_history_is_not_taken(void **state)
{
    struct world *world = *state;
    (void)restart(world);
    struct lpg_snapshot *snapshot = take_users(world);
    struct lpg_base *base = NULL;
    cim_error err = {0};
    assert_int_equal(snapshot->overlay != NULL ? lpg_base_merge(snapshot->base, snapshot->overlay,
                                                                snapshot->pos, &base, &err)
                                               : CIM_OK,
                     CIM_OK);
    const int64_t pos = snapshot->pos;
    assert_ok(
        lpg_map_save(world->map, users_slot(world), base != NULL ? base : snapshot->base, &err),
        &err);
    lpg_base_unref(base);
    lpg_snapshot_unref(snapshot);
    assert_true(restart(world));
    alter_log(world, "update cim_change set fid = fid + 1 where pos = :pos", pos);
    assert_false(restart(world));
    alter_log(world, "update cim_change set fid = fid - 1 where pos = :pos", pos);
    assert_true(restart(world));
    alter_log(world,
              "update cim_migration set number = number + 100000 where number = 1 and "
              "cast(:pos as integer) > 0",
              pos);
    assert_false(restart(world));
    alter_log(world,
              "update cim_migration set number = number - 100000 where number = 100001 and "
              "cast(:pos as integer) > 0",
              pos);
    assert_true(restart(world));
    alter_log(world, "delete from cim_change where pos <= :pos", pos); /* too old for the log */
    assert_false(restart(world));
    check_users(world);
}

static int
setup(void **state)
{
    static const char *const ids[] = {"lpg.end-users", "lpg.districts", "lpg.restricted-zones"};
    struct world *world = calloc(1, sizeof *world);
    cim_error err = {0};
    assert_non_null(world);
    world->seed = 20261127;
    world->now_ms = INT64_C(1767225600000); /* 2026-01-01 */
    world->fixture.fake = fake_host_new(areas, N_AREAS);
    world->fixture.fake->scope = fake_scope_all();
    host_clock_set(world->fixture.fake->clock, world->now_ms);
    fake_host_migrate(world->fixture.fake, LPG_MIGRATIONS);
    assert_ok(lpg_data_open(&world->fixture.fake->host, LAYERS_DIR, &world->fixture.data, &err),
              &err);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct lpg_layer *layer = lpg_data_layer(world->fixture.data, ids[i]);
        assert_non_null(layer);
        world->sources[i].def = lpg_layer_definition(layer);
        lpg_layer_describe(layer, &world->sources[i].layer);
    }
    world->users = lpg_data_layer(world->fixture.data, "lpg.end-users");
    world->zones = lpg_data_layer(world->fixture.data, "lpg.restricted-zones");
    (void)snprintf(world->cache_dir, sizeof world->cache_dir, "/tmp/cim-map-XXXXXX");
    assert_non_null(mkdtemp(world->cache_dir));
    world->fixture.fake->host.cache_dir = world->cache_dir;
    new_map(world);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/lpg.end-users.mercator.map", world->cache_dir);
    lpg_map_free(world->map);
    lpg_data_close(world->fixture.data);
    fake_host_free(world->fixture.fake);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(world->cache_dir), 0);
    free(world);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_any_edit_the_map_tells_what_the_records_say),
        cmocka_unit_test(test_a_file_of_another_history_is_not_taken),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

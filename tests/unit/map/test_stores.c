/* After any edits on a real store, what tiles, clusters, sums and rates tell under any scope and
 * filter is what the records say that the layer itself answers under that scope. CIM_TEST_MAP_STEPS
 * is how many edits are made. */
#include "fixture.h"

#include "data/classes.h"
#include "geo/mercator.h"
#include "host/base/clock.h"
#include "map/cluster.h"
#include "map/map.h"
#include "map/points.h"
#include "map/rates.h"
#include "support/mvt_read.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 200, CHECKS = 3, EDIT_ROWS = 24, LARGE = 1200, RECORDS_MAX = 40000 };

static const struct cim_area_input areas[] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
    {"460105", "秀英区", "county", "460100", NULL},
    {"460106", "龙华区", "county", "460100", NULL},
    {"460200", "三亚市", "city", "460000", NULL},
    {"469001", "五指山市", "county", "460000", NULL},
};
enum { N_AREAS = sizeof areas / sizeof areas[0] };
static const char *const leaves[] = {"460105", "460106", "460200", "469001", "460100"};
static const char *const owners[] = {"acme", "zeta", "gas"};
static const char *const kinds[] = {"resident", "catering", "school"};
static const char *const states[] = {"passed", "general_hazard", "major_hazard", "refused",
                                     "absent", "overdue",        "stopped"};
static const char *const dates[] = {"2026-01-10", "2026-02-20", "2026-04-01", "2026-06-30"};

#define COUNT_OF(list)   (sizeof(list) / sizeof(list)[0])
#define PICK(seed, list) (list)[unit_random_below(seed, COUNT_OF(list))]

struct world {
    struct fixture fixture;
    struct lpg_map_layer sources[3];
    struct lpg_map *map;
    struct lpg_layer *users;
    struct lpg_layer *zones;
    uint64_t seed;
    int64_t now_ms;
    unsigned next_no;
};

/* ---- writing ---- */

struct cell {
    char text[32];
    uint8_t wkb[9 + 9 + 4 + 4 + 6 * 16];
    size_t wkb_len; /* > 0: this, not the text */
    bool absent;
};

struct table {
    uint32_t n_columns;
    const char *names[12];
    size_t n_rows;
    size_t next;
    struct cell (*cells)[12];
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct table *table = self;
    while (table->next < table->n_rows && cim_batch_builder_rows(builder) < 500) {
        const struct cell *cells = table->cells[table->next++];
        for (uint32_t c = 0; c < table->n_columns; c++) {
            if (cells[c].wkb_len > 0) {
                cim_batch_append_bytes(builder, c, cells[c].wkb, cells[c].wkb_len);
            } else if (!cells[c].absent) {
                cim_batch_append_bytes(builder, c, cells[c].text, strlen(cells[c].text));
            }
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

struct refusals {
    int n;
    cim_error last;
};

static void
refuse(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct refusals *refusals = edit->caller;
    (void)row;
    refusals->n++;
    refusals->last = *why;
}

static void
write_table(struct lpg_layer *layer, int32_t op, struct table *table)
{
    const cim_call call = fake_call(fake_scope_all());
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    uint32_t types[12];
    cim_error err = {0};
    struct refusals refusals = {.n = 0};
    for (uint32_t c = 0; c < table->n_columns; c++) {
        types[c] = strcmp(table->names[c], "geom") == 0 ? CIM_COL_WKB : CIM_COL_TEXT;
    }
    assert_ok(cim_rows_new(table->n_columns, table->names, types, fill, NULL, table, &rows, &err),
              &err);
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = CIM_EDIT_ROW_WISE,
                     .op = op,
                     .rows = rows,
                     .refused = refuse,
                     .caller = &refusals};
    /* Records that are gone are refused one by one. */
    const cim_status status = lpg_layer_write(layer, &call, &edit, &err);
    if (op == CIM_EDIT_CREATE) {
        assert_ok(status, &err);
        assert_ok(refusals.n == 0 ? CIM_OK : CIM_E_INVALID, &refusals.last);
    }
    free(table->cells);
}

static struct cell
text_cell(const char *text)
{
    struct cell cell = {.absent = false};
    (void)snprintf(cell.text, sizeof cell.text, "%s", text);
    return cell;
}

static void
random_place(struct world *world, double *lon, double *lat)
{
    const double spread = pow(0.1, unit_random_below(&world->seed, 5));
    *lon = 110.0 + spread * unit_random_below(&world->seed, 1000) / 1000.0;
    *lat = 19.0 + spread * unit_random_below(&world->seed, 1000) / 1000.0;
}

static struct cell
random_point(struct world *world)
{
    struct cell cell = {.wkb_len = 21};
    double lon;
    double lat;
    random_place(world, &lon, &lat);
    if (unit_random_below(&world->seed, 30) == 0) {
        return (struct cell){.absent = true};
    }
    cim_wkb_from_point(lon, lat, cell.wkb);
    return cell;
}

/* A MultiPolygon of one triangle or square. */
static struct cell
random_polygon(struct world *world)
{
    static const uint8_t little_endian = 1;
    const uint32_t n = 3 + unit_random_below(&world->seed, 2);
    const uint32_t outer[] = {6, 1};
    const uint32_t inner[] = {3, 1, n + 1};
    struct cell cell = {.wkb_len = 0};
    double lon;
    double lat;
    random_place(world, &lon, &lat);
    const double radius = 0.1 * pow(0.1, unit_random_below(&world->seed, 3));
#define PUT(data, len)                                                                             \
    do {                                                                                           \
        memcpy(cell.wkb + cell.wkb_len, data, len);                                                \
        cell.wkb_len += (len);                                                                     \
    } while (0)
    PUT(&little_endian, 1);
    PUT(outer, sizeof outer);
    PUT(&little_endian, 1);
    PUT(inner, sizeof inner);
    for (uint32_t i = 0; i <= n; i++) {
        const double turn = 2 * 3.14159265358979323846 * (i % n) / n;
        const double xy[] = {lon + radius * cos(turn), lat + radius * sin(turn)};
        PUT(xy, sizeof xy);
    }
#undef PUT
    return cell;
}

static void
create_users(struct world *world, size_t n)
{
    struct table table = {.n_columns = 9,
                          .names = {"user_no", "consumer", "kind", "real_name_state",
                                    "inspection_state", "area_code", "owner_org", "geom",
                                    "next_inspection_on"},
                          .n_rows = n,
                          .cells = calloc(n, sizeof *table.cells)};
    assert_non_null(table.cells);
    for (size_t i = 0; i < n; i++) {
        struct cell *cells = table.cells[i];
        (void)snprintf(cells[0].text, sizeof cells[0].text, "U%u", world->next_no++);
        cells[1] = text_cell("residential");
        cells[2] = text_cell(PICK(&world->seed, kinds));
        cells[3] = text_cell("verified");
        cells[4] = text_cell(PICK(&world->seed, states));
        cells[5] = text_cell(PICK(&world->seed, leaves));
        cells[6] = text_cell(PICK(&world->seed, owners));
        cells[7] = random_point(world);
        cells[8] = text_cell(PICK(&world->seed, dates));
    }
    write_table(world->users, CIM_EDIT_CREATE, &table);
}

static void
create_polygons(struct world *world, struct lpg_layer *layer, bool districts, size_t n)
{
    struct table table = {.n_columns = 6,
                          .names = {districts ? "code" : "zone_no", "name",
                                    districts ? "level" : "kind", "area_code", "owner_org", "geom",
                                    "all_day"},
                          .n_rows = n,
                          .cells = calloc(n, sizeof *table.cells)};
    assert_non_null(table.cells);
    table.n_columns = districts ? 6 : 7;
    for (size_t i = 0; i < n; i++) {
        struct cell *cells = table.cells[i];
        const char *area = districts ? areas[i].code : PICK(&world->seed, leaves);
        (void)snprintf(cells[0].text, sizeof cells[0].text, districts ? "%s" : "Z%s-%u", area,
                       world->next_no++);
        cells[1] = text_cell("区");
        cells[2] = text_cell(districts ? "county" : "scenic");
        cells[3] = text_cell(area);
        cells[4] = text_cell(PICK(&world->seed, owners));
        cells[5] = random_polygon(world);
        cells[6] = text_cell("true");
    }
    write_table(layer, CIM_EDIT_CREATE, &table);
}

/* Of records that may be gone. */
static void
change_some(struct world *world, struct lpg_layer *layer, bool users, int32_t op)
{
    static const char *const names[] = {"geom", "area_code", "owner_org", "kind",
                                        "inspection_state"};
    const char *name = names[unit_random_below(&world->seed, users ? 5 : 3)];
    const size_t n = 1 + unit_random_below(&world->seed, EDIT_ROWS);
    const int64_t most =
        one_int(&world->fixture, users ? "select max(fid) from lpg_end_user"
                                       : "select max(fid) from lpg_restricted_zone");
    struct table table = {.n_columns = op == CIM_EDIT_DELETE ? 1 : 2,
                          .names = {"fid", name},
                          .n_rows = n,
                          .cells = calloc(n, sizeof *table.cells)};
    assert_non_null(table.cells);
    for (size_t i = 0; i < n; i++) {
        struct cell *cells = table.cells[i];
        (void)snprintf(cells[0].text, sizeof cells[0].text, "%u",
                       1 + unit_random_below(&world->seed, (uint32_t)most));
        cells[1] = name == names[0]   ? users ? random_point(world) : random_polygon(world)
                     : name == names[1] ? text_cell(PICK(&world->seed, leaves))
                   : name == names[2] ? text_cell(PICK(&world->seed, owners))
                   : name == names[3] ? text_cell(PICK(&world->seed, kinds))
                                      : text_cell(PICK(&world->seed, states));
    }
    write_table(layer, op, &table);
}

/* Inspections become overdue: the clock job writes it. */
static void
move_clock(struct world *world)
{
    cim_error err = {0};
    int64_t n = 0;
    world->now_ms += INT64_C(86400000) * (1 + unit_random_below(&world->seed, 12));
    host_clock_set(world->fixture.fake->clock, world->now_ms);
    assert_ok(lpg_classes_run(world->fixture.data, NULL, &n, &err), &err);
}

static void
edit(struct world *world, int step)
{
    switch (unit_random_below(&world->seed, 12)) {
    case 0:
        if (step % 3 == 0) { /* noted as "many": the layer is loaded */
            create_users(world, LARGE);
            break;
        }
        move_clock(world);
        break;
    case 1:
    case 2:
        create_users(world, 1 + unit_random_below(&world->seed, EDIT_ROWS));
        break;
    case 3:
        change_some(world, world->users, true, CIM_EDIT_DELETE);
        break;
    case 4:
        create_polygons(world, world->zones, false, 1 + unit_random_below(&world->seed, 6));
        break;
    case 5:
        change_some(world, world->zones, false, step % 3 == 0 ? CIM_EDIT_DELETE : CIM_EDIT_UPDATE);
        break;
    default:
        change_some(world, world->users, true, CIM_EDIT_UPDATE);
    }
}

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
        check_users(world);
        if (step % 4 == 0) {
            check_zones(world);
        }
    }
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
    assert_ok(
        lpg_map_new(&world->fixture.fake->host, world->sources, COUNT_OF(ids), &world->map, &err),
        &err);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    lpg_map_free(world->map);
    lpg_data_close(world->fixture.data);
    fake_host_free(world->fixture.fake);
    free(world);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_any_edit_the_map_tells_what_the_records_say),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

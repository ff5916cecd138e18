/* tests/unit/map/stores_world.c -- see stores_world.h. */
#include "stores_world.h"

#include "data/classes.h"
#include "host/base/clock.h"

#include <math.h>
#include <stdlib.h>

enum { EDIT_ROWS = 24, LARGE = 1200, LARGE_EDITS = 8 };

const struct cim_area_input areas[N_AREAS] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
    {"460105", "秀英区", "county", "460100", NULL},
    {"460106", "龙华区", "county", "460100", NULL},
    {"460200", "三亚市", "city", "460000", NULL},
    {"469001", "五指山市", "county", "460000", NULL},
};
const char *const owners[3] = {"acme", "zeta", "gas"};
static const char *const leaves[] = {"460105", "460106", "460200", "469001", "460100"};
static const char *const kinds[] = {"resident", "catering", "school"};
static const char *const states[] = {"passed", "general_hazard", "major_hazard", "refused",
                                     "absent", "overdue",        "stopped"};
static const char *const dates[] = {"2026-01-10", "2026-02-20", "2026-04-01", "2026-06-30"};

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

void
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

void
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

void
edit(struct world *world, int step)
{
    switch (unit_random_below(&world->seed, 12)) {
    case 0:
        if (step % 3 == 0 &&
            world->n_large < LARGE_EDITS) { /* noted as "many": the layer is loaded */
            create_users(world, LARGE);
            world->n_large++;
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

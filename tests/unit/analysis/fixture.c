#include "fixture.h"

#include "kit/rows.h"
#include "kit/wkb.h"

#include <stdio.h>

static const struct cim_area_input areas[] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
    {"460105", "秀英区", "county", "460100", "460121"},
    {"460106", "龙华区", "county", "460100", NULL},
    {"460200", "三亚市", "city", "460000", NULL},
    {"460106008", "金贸街道", "town", "460106", NULL},
    {"460105101", "长流镇", "town", "460105", NULL},
};
enum { TOWNS = 2 };
bool fixture_has_towns;

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    cim_error err = {0};
    assert_non_null(fixture);
    fixture->fake =
        fake_host_new(areas, sizeof areas / sizeof areas[0] - (fixture_has_towns ? 0 : TOWNS));
    fake_host_migrate(fixture->fake, LPG_MIGRATIONS);
    assert_ok(lpg_data_open(&fixture->fake->host, LAYERS_DIR, &fixture->data, &err), &err);
    assert_ok(lpg_analysis_new(&fixture->fake->host, fixture->data, ANALYSIS_DIR,
                               &fixture->analysis, &err),
              &err);
    fixture->fake->scope = fake_scope_all();
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    lpg_analysis_free(fixture->analysis);
    lpg_data_close(fixture->data);
    fake_host_free(fixture->fake);
    free(fixture);
    return 0;
}

static cim_status
delete_all(void *arg, cim_tx *tx, cim_error *err)
{
    static const char *const layers[][2] = {
        {"lpg.risk-elements", "delete from lpg_risk_element"},
        {"lpg.end-users", "delete from lpg_end_user"},
        {"lpg.roads", "delete from lpg_road"},
        {"lpg.transport-routes", "delete from lpg_transport_route"},
        {"lpg.restricted-zones", "delete from lpg_restricted_zone"},
        {"lpg.stations", "delete from lpg_station"},
        {"lpg.emergency-resources", "delete from lpg_emergency_resource"},
        {"lpg.land-use", "delete from lpg_land_use"},
        {"lpg.control-lines", "delete from lpg_control_line"},
        {"lpg.planned-projects", "delete from lpg_planned_project"},
        {"lpg.buildings", "delete from lpg_building"},
        {"lpg.address-points", "delete from lpg_address_point"}};
    const cim_store_v1 *store = arg;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        CIM_TRY(store->exec(tx, layers[i][1], NULL, 0, NULL, err));
        CIM_TRY(store->change(tx, layers[i][0], 0, CIM_CHANGE_BULK, NULL, NULL, err));
    }
    return CIM_OK;
}

int
fixture_clear(void **state)
{
    struct fixture *fixture = *state;
    const cim_host *host = &fixture->fake->host;
    const cim_store_v1 *store = host->get_service(host, CIM_SERVICE_STORE);
    int64_t pos = 0;
    cim_error err = {0};
    assert_ok(store->write(host, delete_all, (void *)(uintptr_t)store, &pos, &err), &err);
    return 0;
}

void
uid_of(int number, char ret_uid[37])
{
    (void)snprintf(ret_uid, 37, "01900000-0000-7000-8000-%012d", number);
}

/* ---- writing ---- */

enum { COLUMNS = 11 };

struct source {
    const struct element *elements;
    size_t n;
    size_t next;
};

static void
append_text(struct cim_batch_builder *builder, uint32_t column, const char *text)
{
    if (text != NULL) {
        cim_batch_append_bytes(builder, column, text, strlen(text));
    }
}

static cim_status
fill_elements(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct source *source = self;
    while (source->next < source->n && cim_batch_builder_rows(builder) < 1000) {
        const struct element *element = &source->elements[source->next++];
        char text[40];
        uint8_t wkb[21];
        uid_of(element->number, text);
        append_text(builder, 0, text);
        (void)snprintf(text, sizeof text, "E%d", element->number);
        append_text(builder, 1, text);
        append_text(builder, 2, element->kind);
        append_text(builder, 3, "crowd");
        if (element->persons >= 0) {
            cim_batch_append_i64(builder, 4, element->persons);
        }
        if (element->buffer_m > 0.0) {
            cim_batch_append_f64(builder, 5, element->buffer_m);
        }
        append_text(builder, 6, element->valid_to);
        append_text(builder, 7, "confirmed");
        append_text(builder, 8, element->area != NULL ? element->area : "460105");
        append_text(builder, 9, element->owner);
        cim_wkb_from_point(element->lonlat[0], element->lonlat[1], wkb);
        cim_batch_append_bytes(builder, 10, wkb, sizeof wkb);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
print_refusal(cim_edit *edit, int64_t row, const cim_error *why)
{
    (void)edit;
    print_message("row %lld: %s [%s=%s]\n", (long long)row, why->en, why->param, why->value);
}

static void
write_rows(struct fixture *fixture, const char *layer, int32_t op, cim_rows *rows)
{
    const cim_call call = fake_call(fake_scope_all());
    cim_edit edit = {.struct_size = sizeof edit, .op = op, .rows = rows, .refused = print_refusal};
    cim_error err = {0};
    assert_ok(lpg_layer_write(lpg_data_layer(fixture->data, layer), &call, &edit, &err), &err);
}

void
add_elements(struct fixture *fixture, const struct element *elements, size_t n)
{
    static const char *const names[COLUMNS] = {
        "uid",      "name",          "kind",      "element_group", "persons", "buffer_m",
        "valid_to", "confirm_state", "area_code", "owner_org",     "geom"};
    static const uint32_t types[COLUMNS] = {
        CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_INT64, CIM_COL_FLOAT64,
        CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_WKB};
    struct source source = {elements, n, 0};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_error err = {0};
    assert_ok(cim_rows_new(COLUMNS, names, types, fill_elements, NULL, &source, &rows, &err), &err);
    write_rows(fixture, "lpg.risk-elements", CIM_EDIT_CREATE, rows);
}

/* One row of texts and a geometry. */
struct one {
    const char *const *texts;
    uint32_t n;
    const uint8_t *wkb;
    size_t wkb_len;
    bool done;
};

static cim_status
fill_one(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct one *one = self;
    if (one->done) {
        return CIM_OK;
    }
    one->done = true;
    for (uint32_t i = 0; i < one->n; i++) {
        append_text(builder, i, one->texts[i]);
    }
    if (one->wkb != NULL) {
        cim_batch_append_bytes(builder, one->n, one->wkb, one->wkb_len);
    }
    return cim_batch_builder_end_row(builder, err);
}

static void
write_one(struct fixture *fixture, const char *layer, int32_t op, const char *const *names,
          struct one *one)
{
    uint32_t types[12];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_error err = {0};
    assert_true(one->n < 12);
    for (uint32_t i = 0; i < one->n; i++) {
        types[i] = CIM_COL_TEXT;
    }
    types[one->n] = CIM_COL_WKB;
    assert_ok(
        cim_rows_new(one->n + (one->wkb != NULL), names, types, fill_one, NULL, one, &rows, &err),
        &err);
    write_rows(fixture, layer, op, rows);
}

void
add_user(struct fixture *fixture, int number, const char *kind, const double lonlat[2])
{
    static const char *const names[] = {
        "user_no", "kind", "consumer", "real_name_state", "inspection_state", "area_code", "geom"};
    char user_no[16];
    uint8_t wkb[21];
    const char *texts[] = {user_no, kind, "residential", NULL, NULL, "460105"};
    struct one one = {texts, 6, wkb, sizeof wkb, false};
    const struct cim_definition *def =
        lpg_layer_definition(lpg_data_layer(fixture->data, "lpg.end-users"));
    (void)snprintf(user_no, sizeof user_no, "U%d", number);
    texts[3] = cim_definition_field(def, "real_name_state")->codes->codes[0].value;
    texts[4] = cim_definition_field(def, "inspection_state")->codes->codes[0].value;
    cim_wkb_from_point(lonlat[0], lonlat[1], wkb);
    write_one(fixture, "lpg.end-users", CIM_EDIT_CREATE, names, &one);
}

static uint8_t *
line_wkb(const double *lonlat, size_t n, size_t *ret_len)
{
    const uint32_t head[2] = {2, (uint32_t)n};
    uint8_t *wkb = malloc(9 + n * 16);
    assert_non_null(wkb);
    wkb[0] = 1; /* little-endian, as the machine */
    memcpy(wkb + 1, head, sizeof head);
    memcpy(wkb + 9, lonlat, n * 16);
    *ret_len = 9 + n * 16;
    return wkb;
}

void
add_road(struct fixture *fixture, const char *road_class, const double *lonlat, size_t n)
{
    static const char *const names[] = {"class", "area_code", "geom"};
    const char *texts[] = {road_class, "460105"};
    struct one one = {texts, 2, NULL, 0, false};
    CIM_AUTO_FREE uint8_t *wkb = line_wkb(lonlat, n, &one.wkb_len);
    one.wkb = wkb;
    write_one(fixture, "lpg.roads", CIM_EDIT_CREATE, names, &one);
}

void
add_line(struct fixture *fixture, const char *layer, const char *const *names,
         const char *const *texts, uint32_t n, const double *lonlat, size_t n_positions)
{
    const char *all[13];
    struct one one = {texts, n, NULL, 0, false};
    CIM_AUTO_FREE uint8_t *wkb = line_wkb(lonlat, n_positions, &one.wkb_len);
    assert_true(n < 12);
    memcpy(all, names, n * sizeof *names);
    all[n] = "geom";
    one.wkb = wkb;
    write_one(fixture, layer, CIM_EDIT_CREATE, all, &one);
}

static const char *
first_code(struct fixture *fixture, const char *layer, const char *field)
{
    const struct cim_definition *def = lpg_layer_definition(lpg_data_layer(fixture->data, layer));
    return cim_definition_field(def, field)->codes->codes[0].value;
}

void
add_route(struct fixture *fixture, int number, const char *area, const double *lonlat, size_t n)
{
    static const char *const names[] = {"uid", "route_no", "name", "state", "area_code", "geom"};
    char uid[37];
    char route_no[16];
    const char *texts[] = {uid, route_no, "东线",
                           first_code(fixture, "lpg.transport-routes", "state"), area};
    struct one one = {texts, 5, NULL, 0, false};
    CIM_AUTO_FREE uint8_t *wkb = line_wkb(lonlat, n, &one.wkb_len);
    one.wkb = wkb;
    uid_of(number, uid);
    (void)snprintf(route_no, sizeof route_no, "R%d", number);
    write_one(fixture, "lpg.transport-routes", CIM_EDIT_CREATE, names, &one);
}

static uint8_t *
ring_wkb(const double *ring, size_t n, size_t *ret_len)
{
    const uint32_t head[3] = {3, 1, (uint32_t)n};
    uint8_t *wkb = malloc(13 + n * 16);
    assert_non_null(wkb);
    wkb[0] = 1;
    memcpy(wkb + 1, head, sizeof head);
    memcpy(wkb + 13, ring, n * 16);
    *ret_len = 13 + n * 16;
    return wkb;
}

void
add_record(struct fixture *fixture, const char *layer, const char *const *names,
           const char *const *texts, uint32_t n, const double *ring, size_t n_ring)
{
    const char *all[13];
    struct one one = {texts, n, NULL, 0, false};
    CIM_AUTO_FREE uint8_t *wkb = NULL;
    assert_true(n < 12);
    memcpy(all, names, n * sizeof *names);
    all[n] = "geom";
    if (ring != NULL) {
        wkb = ring_wkb(ring, n_ring, &one.wkb_len);
        one.wkb = wkb;
    }
    write_one(fixture, layer, CIM_EDIT_CREATE, all, &one);
}

void
add_place(struct fixture *fixture, const char *layer, const char *const *names,
          const char *const *texts, uint32_t n, const double lonlat[2])
{
    const char *all[13];
    uint8_t wkb[21];
    struct one one = {texts, n, wkb, sizeof wkb, false};
    assert_true(n < 12);
    memcpy(all, names, n * sizeof *names);
    all[n] = "geom";
    cim_wkb_from_point(lonlat[0], lonlat[1], wkb);
    write_one(fixture, layer, CIM_EDIT_CREATE, all, &one);
}

void
update_record(struct fixture *fixture, const char *layer, const char *const *names,
              const char *const *texts, uint32_t n)
{
    struct one one = {texts, n, NULL, 0, false};
    write_one(fixture, layer, CIM_EDIT_UPDATE, names, &one);
}

void
move_place(struct fixture *fixture, const char *layer, int number, const double lonlat[2])
{
    static const char *const names[] = {"uid", "geom"};
    char uid[37];
    uint8_t wkb[21];
    const char *texts[] = {uid};
    struct one one = {texts, 1, wkb, sizeof wkb, false};
    uid_of(number, uid);
    cim_wkb_from_point(lonlat[0], lonlat[1], wkb);
    write_one(fixture, layer, CIM_EDIT_UPDATE, names, &one);
}

void
add_zone(struct fixture *fixture, const struct zone *zone)
{
    static const char *const names[] = {"uid",       "zone_no",    "name",     "kind",
                                        "all_day",   "hours_from", "hours_to", "weekdays",
                                        "area_code", "valid_to",   "geom"};
    char uid[37];
    char zone_no[16];
    const char *texts[] = {uid,
                           zone_no,
                           "老城区",
                           "key_area",
                           zone->hours_from == NULL ? "true" : "false",
                           zone->hours_from,
                           zone->hours_to,
                           zone->weekdays,
                           zone->area != NULL ? zone->area : "460105",
                           zone->valid_to};
    struct one one = {texts, 10, NULL, 0, false};
    CIM_AUTO_FREE uint8_t *wkb = ring_wkb(zone->ring, zone->n, &one.wkb_len);
    one.wkb = wkb;
    uid_of(zone->number, uid);
    (void)snprintf(zone_no, sizeof zone_no, "Z%d", zone->number);
    write_one(fixture, "lpg.restricted-zones", CIM_EDIT_CREATE, names, &one);
}

void
delete_element(struct fixture *fixture, int number)
{
    static const char *const names[] = {"uid"};
    char uid[37];
    const char *texts[] = {uid};
    struct one one = {texts, 1, NULL, 0, false};
    uid_of(number, uid);
    write_one(fixture, "lpg.risk-elements", CIM_EDIT_DELETE, names, &one);
}

/* ---- running ---- */

char *
line_json(const double *lonlat, size_t n)
{
    struct cim_buf out;
    cim_buf_init(&out, 64 << 20);
    cim_buf_add_text(&out, "{\"type\":\"LineString\",\"coordinates\":[");
    for (size_t i = 0; i < n; i++) {
        cim_buf_add_text(&out, i > 0 ? ",[" : "[");
        cim_buf_add_double(&out, lonlat[2 * i]);
        cim_buf_add_char(&out, ',');
        cim_buf_add_double(&out, lonlat[2 * i + 1]);
        cim_buf_add_char(&out, ']');
    }
    cim_buf_add_text(&out, "]}");
    assert_int_equal(cim_buf_status(&out, NULL), CIM_OK);
    return out.data;
}

cim_status
run_text(struct fixture *fixture, const cim_scope *scope, const char *inputs, char **ret_text,
         cim_error *err)
{
    cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    fixture->fake->scope = scope;
    CIM_TRY(lpg_route_hazards_answer(fixture->analysis, &call, NULL, inputs, &blob, err));
    *ret_text = strndup(blob.data, blob.len);
    blob.release(&blob);
    assert_non_null(*ret_text);
    return CIM_OK;
}

struct json_object *
run(struct fixture *fixture, const char *inputs)
{
    CIM_AUTO_FREE char *text = NULL;
    cim_error err = {0};
    struct json_object *parsed;
    assert_ok(run_text(fixture, fake_scope_all(), inputs, &text, &err), &err);
    parsed = json_tokener_parse(text);
    if (parsed == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return parsed;
}

struct json_object *
at(struct json_object *object, const char *path)
{
    char copy[200];
    char *rest = NULL;
    cim_copy_text(copy, sizeof copy, path);
    for (char *key = strtok_r(copy, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest)) {
        struct json_object *inner = NULL;
        if (json_object_is_type(object, json_type_array)) {
            inner = json_object_array_get_idx(object, strtoul(key, NULL, 10));
        } else {
            (void)json_object_object_get_ex(object, key, &inner);
        }
        if (inner == NULL) {
            fail_msg("no %s of %s in %s", key, path, json_object_to_json_string(object));
        }
        object = inner;
    }
    return object;
}

double
number_at(struct json_object *object, const char *path)
{
    return json_object_get_double(at(object, path));
}

const char *
text_at(struct json_object *object, const char *path)
{
    return json_object_get_string(at(object, path));
}

size_t
fixture_wander(uint64_t *seed, double length_m, double *ret_lonlat, size_t most)
{
    double heading = random_between(seed, -180.0, 180.0);
    double done_m = 0.0;
    size_t n = 1;
    ret_lonlat[0] = random_between(seed, 109.9, 110.5);
    ret_lonlat[1] = random_between(seed, 19.4, 19.9);
    while (done_m < length_m && n < most) {
        const double edge_m = random_between(seed, 50.0, 900.0);
        heading += random_between(seed, -60.0, 60.0);
        lpg_geodesic_direct(ret_lonlat + 2 * n - 2, heading, edge_m, ret_lonlat + 2 * n);
        done_m += edge_m;
        n++;
    }
    return n;
}

void
fixture_scatter(struct fixture *fixture, int n)
{
    static const char *const kinds[] = {"school",     "hospital", "fuel_station",
                                        "steep_road", "market",   "water_source"};
    struct element *elements = calloc((size_t)n, sizeof *elements);
    uint64_t seed = 51;
    assert_non_null(elements);
    for (int i = 0; i < n; i++) {
        elements[i] = (struct element){.number = i,
                                       .kind = kinds[unit_random_below(&seed, 6)],
                                       .persons = (int)unit_random_below(&seed, 900)};
        elements[i].lonlat[0] = random_between(&seed, 109.8, 110.6);
        elements[i].lonlat[1] = random_between(&seed, 19.3, 20.0);
    }
    add_elements(fixture, elements, (size_t)n);
    free(elements);
}

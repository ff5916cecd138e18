/* tests/unit/map/world.c -- see world.h. */
#include "world.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <json-c/json.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One query: all fids, or those of a filter. */
struct result {
    struct world *world;
    int at;
    int kind; /* that the scope's row filter asks for; 0: any */
    bool wanted[N_MOST];
};

int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

static void
append_name(struct cim_batch_builder *builder, uint32_t column, char prefix, int number)
{
    char text[16];
    const int len = snprintf(text, sizeof text, "%c%02d", prefix, number);
    cim_batch_append_bytes(builder, column, text, (size_t)len);
}

static size_t
put_bytes(uint8_t *wkb, size_t at, const void *data, size_t len)
{
    memcpy(wkb + at, data, len);
    return at + len;
}

enum { CORNERS_MAX = 40, WKB_MAX = 32 + (CORNERS_MAX + 1) * 16 };

/* A ring about the record's position, of a size and number of corners that its name tells. */
static size_t
put_polygon(const struct record *record, uint8_t wkb[WKB_MAX])
{
    static const uint8_t little_endian = 1;
    const uint32_t n_corners = 3 + (uint32_t)record->name % (CORNERS_MAX - 3);
    const uint32_t head[] = {3, 1, n_corners + 1};
    const double radius = pow(0.1, 1 + record->name % 4);
    size_t len = put_bytes(wkb, 0, &little_endian, 1);
    len = put_bytes(wkb, len, head, sizeof head);
    for (uint32_t i = 0; i <= n_corners; i++) {
        const double turn = 2 * M_PI * (double)(i % n_corners) / n_corners;
        const double r = radius * (i % 2 == 0 ? 1 : 0.6);
        const double xy[] = {record->lon + r * cos(turn), record->lat + r * sin(turn)};
        len = put_bytes(wkb, len, xy, sizeof xy);
    }
    return len;
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct result *result = self;
    cim_status status = CIM_OK;
    (void)pthread_mutex_lock(&result->world->lock);
    while (status == CIM_OK && result->at < N_MOST && cim_batch_builder_rows(builder) < 500) {
        const int i = result->at++;
        const struct record *record = &result->world->records[i];
        if (!record->there || !result->wanted[i] ||
            (result->kind > 0 && record->kind != result->kind)) {
            continue;
        }
        cim_batch_append_i64(builder, 0, i + 1);
        append_name(builder, 1, 'a', record->area);
        append_name(builder, 2, 'o', record->owner);
        if (record->drawable) {
            uint8_t wkb[WKB_MAX];
            size_t len = 21;
            if (result->world->polygons) {
                len = put_polygon(record, wkb);
            } else {
                cim_wkb_from_point(record->lon, record->lat, wkb);
            }
            cim_batch_append_bytes(builder, 3, wkb, len);
        }
        if (record->kind > 0) {
            append_name(builder, 4, 'k', record->kind);
        }
        append_name(builder, 5, 'n', record->name);
        cim_batch_append_i64(builder, 6, record->version);
        status = cim_batch_builder_end_row(builder, err);
    }
    (void)pthread_mutex_unlock(&result->world->lock);
    return status;
}

/* The kind of a condition as kind_filter() prints it; 0: none. */
int
kind_of(const char *filter_json)
{
    const char *value = filter_json != NULL ? strstr(filter_json, "\"k") : NULL;
    assert_true(filter_json == NULL || value != NULL);
    value = value != NULL ? strstr(value + 2, "\"k") : NULL; /* after the property's name */
    return value != NULL ? (int)strtol(value + 2, NULL, 10) : 0;
}

void
kind_filter(unsigned *seed, char *filter, size_t size)
{
    (void)snprintf(filter, size, "{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"k%02d\"]}",
                   1 + rand_r(seed) % 8);
}

static cim_status
query(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows, cim_error *err)
{
    static const char *const names[] = {"fid",  "area_code", "owner_org", "geom",
                                        "kind", "name",      "version"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_TEXT, CIM_COL_TEXT, CIM_COL_WKB,
                                     CIM_COL_TEXT,  CIM_COL_TEXT, CIM_COL_INT64};
    struct result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    result->world = self;
    result->kind = kind_of(call->scope->terms[0]->filter_json);
    if (query->filter_json == NULL) {
        memset(result->wanted, 1, sizeof result->wanted);
    } else {
        struct json_object *filter = json_tokener_parse(query->filter_json);
        struct json_object *args = json_object_object_get(filter, "args");
        struct json_object *fids = json_object_array_get_idx(args, 1);
        assert_in_range(json_object_array_length(fids), 1, 200);
        for (size_t i = 0; i < json_object_array_length(fids); i++) {
            const int64_t fid = json_object_get_int64(json_object_array_get_idx(fids, i));
            assert_in_range(fid, 1, N_MOST);
            result->wanted[fid - 1] = true;
        }
        json_object_put(filter);
    }
    return cim_rows_new(7, names, types, fill, free, result, ret_rows, err);
}

static void
randomize(struct world *world, struct record *record)
{
    const double spread = pow(0.1, (double)(random() % 5)); /* crowds, piles and loners */
    record->there = true;
    record->drawable = random() % 50 != 0;
    record->lon = 110.0 + spread * (double)(random() % 1000) / 1000.0;
    record->lat = 19.0 + spread * (double)(random() % 1000) / 1000.0;
    if (random() % 4 == 0) {
        record->lon = 110.01;
        record->lat = 19.01;
    }
    record->area = (int)(random() % world->n_areas);
    record->owner = (int)(random() % world->n_owners);
    record->kind = (int)(random() % (world->n_kinds + 1));
    record->name = (int)(random() % 400);
}

void
world_init(struct world *world, unsigned seed, bool polygons)
{
    *world = (struct world){.polygons = polygons, .n_kinds = 3, .n_areas = 6, .n_owners = 3};
    (void)pthread_mutex_init(&world->lock, NULL);
    srandom(seed);
    world->fields[0] =
        (struct cim_field){.name = (char *)(uintptr_t) "kind", .type = CIM_FIELD_CODE};
    world->fields[1] =
        (struct cim_field){.name = (char *)(uintptr_t) "name", .type = CIM_FIELD_TEXT};
    world->attributes[0] = &world->fields[0];
    world->attributes[1] = &world->fields[1];
    world->counted[0] = &world->fields[0];
    world->def =
        (struct cim_definition){.geometry = polygons ? CIM_GEOMETRY_POLYGON : CIM_GEOMETRY_POINT,
                                .n_tile_attributes = 2,
                                .tile_attributes = world->attributes,
                                .n_count_by = 1,
                                .count_by = world->counted};
    world->values[0] = (char *)(uintptr_t) "k01";
    world->values[1] = (char *)(uintptr_t) "k07"; /* which comes with an edit */
    world->values[2] = (char *)(uintptr_t) "k02";
    world->rate = (struct cim_rate){.name = (char *)(uintptr_t) "done",
                                    .field = &world->fields[0],
                                    .n_numerator = 2,
                                    .numerator = world->values,
                                    .n_denominator = 3,
                                    .denominator = world->values};
    world->def.n_rates = polygons ? 0 : 1;
    world->def.rates = &world->rate;
    world->layer = (cim_layer){.struct_size = sizeof world->layer, .query = query, .self = world};
    for (int i = 0; i < N_START; i++) {
        randomize(world, &world->records[i]);
    }
}

uint32_t
world_edit(struct world *world, int64_t *fids)
{
    const int n = random() % 40 == 0 ? 1 + (int)(random() % 300) : 1 + (int)(random() % 3);
    bool touched[N_MOST] = {false};
    uint32_t n_fids = 0;
    world->n_kinds += random() % 60 == 0 && world->n_kinds < 40 ? 1 : 0;
    world->n_areas += random() % 60 == 0 && world->n_areas < N_AREAS ? 1 : 0;
    world->n_owners += random() % 60 == 0 && world->n_owners < N_OWNERS ? 1 : 0;
    for (int k = 0; k < n; k++) {
        const int i = (int)(random() % N_MOST);
        struct record *record = &world->records[i];
        touched[i] = true;
        record->version++;
        switch (record->there ? random() % 6 : 0) {
        case 1:
            record->kind = 1 + (int)(random() % world->n_kinds);
            break;
        case 2:
            record->owner = (int)(random() % world->n_owners);
            break;
        case 3:
            record->area = (int)(random() % world->n_areas);
            break;
        case 4:
            record->there = false;
            break;
        default:
            randomize(world, record);
        }
    }
    for (int i = 0; i < N_MOST; i++) {
        if (touched[i]) {
            fids[n_fids++] = i + 1;
        }
    }
    return n_fids;
}

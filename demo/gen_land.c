/* Land use and buildings round the towns, resources for emergencies and restricted zones. */

#include "world.h"

#include "names.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>

static double
draw_turn(struct demo_rng *rng)
{
    return (demo_rng_unit(rng) - 0.5) * 0.7;
}

/* ---- buildings ---- */

struct use {
    const char *code;
    const char *word;
    uint16_t weight;
    uint8_t low_storeys;
    uint8_t high_storeys;
    uint8_t homes_per_storey; /* 0: nobody lives there */
    uint8_t is_important;     /* per 100 */
};

static const struct use USES[] = {
    {"dwelling", "住宅楼", 5400, 1, 30, 4, 0},   {"mixed", "商住楼", 900, 3, 24, 3, 0},
    {"commercial", "商铺", 900, 1, 5, 0, 5},     {"catering", "餐馆", 420, 1, 3, 0, 0},
    {"office", "办公楼", 420, 2, 20, 0, 12},     {"hotel", "宾馆", 160, 3, 22, 0, 30},
    {"school", "教学楼", 260, 2, 6, 0, 90},      {"kindergarten", "幼儿园", 180, 1, 3, 0, 90},
    {"medical", "医院楼", 120, 2, 14, 0, 90},    {"elderly", "养老院", 60, 2, 6, 0, 90},
    {"cultural", "文体馆", 60, 1, 4, 0, 90},     {"industrial", "厂房", 360, 1, 4, 0, 0},
    {"warehouse", "仓库", 300, 1, 2, 0, 0},      {"utility", "市政用房", 120, 1, 3, 0, 0},
    {"agricultural", "农用房", 240, 1, 2, 0, 0}, {"religious", "宗祠", 100, 1, 2, 0, 20}};

enum { N_USES = sizeof(USES) / sizeof(USES[0]) };

static int
write_building(const struct demo_world *world, struct demo_out *out, uint32_t index,
               struct demo_error *err)
{
    uint16_t weights[N_USES];
    const struct use *use;
    struct demo_point corners[4], at;
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], text[DEMO_NAME_TEXT * 2], address[DEMO_ADDRESS_TEXT];
    size_t town;
    int32_t storeys, height_dm, homes, width, depth;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_BUILDING, index);
    demo_record_uid(world, DEMO_LAYER_BUILDING, index, uid);
    for (size_t i = 0; i < N_USES; i++) {
        weights[i] = USES[i].weight;
    }
    use = &USES[demo_rng_pick(&rng, weights, N_USES)];
    town = demo_pick_town(world, &rng);
    at = demo_scatter(world, &rng, town);
    width = demo_rng_range(&rng, 9, 58);
    depth = demo_rng_range(&rng, 8, 22);
    if (!demo_rectangle(world, world->geo.towns[town].district, at, width, depth, draw_turn(&rng),
                        corners)) {
        return 0;
    }
    /* Tall ones are few, and stand in streets. */
    storeys = use->low_storeys;
    storeys += demo_rng_range(&rng, 0,
                              world->geo.towns[town].is_street && demo_rng_chance(&rng, 3500)
                                  ? use->high_storeys - use->low_storeys
                              : use->high_storeys - use->low_storeys < 5
                                  ? use->high_storeys - use->low_storeys
                                  : 5);
    height_dm = storeys * (use->homes_per_storey > 0 ? 29 : 36) + demo_rng_range(&rng, 4, 20);
    homes = use->homes_per_storey * storeys;
    demo_street_address(&rng, &world->geo.towns[town], address);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_text(text, sizeof(text), "B%07u", (index + 1) % 10000000);
    demo_out_text(out, "building_no", text);
    demo_text(text, sizeof(text), "%.80s%s（示例%u）", world->geo.towns[town].label, use->word,
              index + 1);
    demo_out_text(out, "name", text);
    demo_out_text(out, "use", use->code);
    demo_out_int(out, "storeys", storeys);
    demo_out_int(out, "basement_storeys", storeys > 9 ? demo_rng_range(&rng, 1, 2) : 0);
    demo_out_decimal(out, "height_m", height_dm, 1);
    demo_out_text(out, "fire_rating",
                  storeys > 3 || demo_rng_chance(&rng, 7000) ? "2"
                  : demo_rng_chance(&rng, 8000)              ? "3"
                                                             : "4");
    demo_out_text(out, "structure", storeys > 3 ? "concrete" : "masonry");
    /* Dwellings above 54 m and public buildings above 50 m are class one. */
    demo_out_text(out, "high_rise_class",
                  height_dm > (use->homes_per_storey > 0 ? 540 : 500)   ? "one"
                  : height_dm > (use->homes_per_storey > 0 ? 270 : 240) ? "two"
                                                                        : "none");
    demo_out_bool(out, "important_public", demo_rng_chance(&rng, use->is_important * 100u));
    demo_out_bool(out, "open_flame", use->homes_per_storey == 0 && demo_rng_chance(&rng, 120));
    demo_out_int(out, "residents", homes * 3);
    demo_out_int(out, "households", homes);
    demo_out_int(out, "floor_area_m2", (int64_t)width * depth * storeys);
    demo_out_int(out, "built_year", demo_rng_range(&rng, 1985, 2025));
    demo_out_text(out, "address", address);
    demo_out_text(out, "confirm_state", demo_rng_chance(&rng, 8000) ? "confirmed" : "pending");
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_area(out, corners, 4, 0, err);
}

/* ---- land use ---- */

/* Parcels stand in a grid round the centre of their town, and no nearer to any other: so none
 * overlaps another. */
enum { CELL_M = 140, PARCEL_MOST_M = 124, RINGS = 80 };

/* 0: a corner is another town's, or leaves the district. */
static int
parcel_corners(const struct demo_world *world, size_t town, int32_t east, int32_t north,
               int32_t width_m, int32_t depth_m, struct demo_point ret_corners[4])
{
    const struct demo_town *t = &world->geo.towns[town];
    struct demo_point middle = demo_move(t->centre, (double)east * CELL_M, (double)north * CELL_M);

    if (!demo_rectangle(world, t->district, middle, width_m, depth_m, 0, ret_corners)) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        if (demo_geo_nearest_town(&world->geo, t->district, ret_corners[i]) != town) {
            return 0;
        }
    }
    return 1;
}

/* 1: written, 0: the cell holds none, -1: failed. */
static int
write_parcel(const struct demo_world *world, struct demo_out *out, size_t town, int32_t east,
             int32_t north, struct demo_error *err)
{
    static const char *const codes[] = {"0701", "0703", "0901", "0804", "0806", "0801",
                                        "1001", "1101", "1207", "1304", "1303", "1401",
                                        "02",   "03",   "01",   "17",   "16"};
    static const uint16_t weights[] = {1500, 1200, 600, 260,  120,  240,  500, 260, 500,
                                       160,  90,   420, 1300, 1200, 1100, 300, 120};
    uint32_t index = (uint32_t)out->n_features;
    struct demo_point corners[4];
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], text[64];
    int32_t width, depth, from;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_LAND_USE, index);
    demo_record_uid(world, DEMO_LAYER_LAND_USE, index, uid);
    width = demo_rng_range(&rng, 48, PARCEL_MOST_M);
    depth = demo_rng_range(&rng, 48, PARCEL_MOST_M);
    if (!parcel_corners(world, town, east, north, width, depth, corners)) {
        return 0;
    }
    from = world->as_of - demo_rng_range(&rng, 100, 2500);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_text(text, sizeof(text), "DK%.9s%06u", world->geo.towns[town].code, (index + 1) % 1000000);
    demo_out_text(out, "parcel_no", text);
    demo_out_text(out, "code", codes[demo_rng_pick(&rng, weights, 17)]);
    demo_out_text(out, "state", demo_rng_chance(&rng, 7000) ? "current" : "planned");
    demo_out_int(out, "area_m2", (int64_t)width * depth);
    demo_out_text(out, "plan_name", "示例国土空间规划");
    demo_out_date(out, "valid_from", from);
    demo_out_null(out, "valid_to");
    demo_out_text(out, "confirm_state", demo_rng_chance(&rng, 8500) ? "confirmed" : "pending");
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_area(out, corners, 4, 1, err) == 0 ? 1 : -1;
}

/* Ring by ring; `n` parcels, or as many as have room. */
static int
write_town_parcels(const struct demo_world *world, struct demo_out *out, size_t town, uint32_t n,
                   struct demo_error *err)
{
    uint32_t written = 0;

    for (int32_t ring = 0; ring < RINGS && written < n; ring++) {
        for (int32_t y = -ring; y <= ring && written < n; y++) {
            int32_t step = y == -ring || y == ring || ring == 0 ? 1 : 2 * ring;
            for (int32_t x = -ring; x <= ring && written < n; x += step) {
                int one = write_parcel(world, out, town, x, y, err);
                if (one < 0) {
                    return -1;
                }
                written += (uint32_t)one;
            }
        }
    }
    return 0;
}

static int
write_parcels(const struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    size_t n_towns = world->geo.n_towns;
    uint32_t *weights = calloc(n_towns, sizeof(*weights));
    uint32_t *parts = calloc(n_towns, sizeof(*parts));
    int failed = 0;

    for (size_t t = 0; weights != NULL && t < n_towns; t++) {
        weights[t] = world->geo.towns[t].weight;
    }
    if (weights == NULL || parts == NULL ||
        demo_allot(weights, n_towns, demo_scaled(world, 30000, 800), parts) != 0) {
        failed = demo_fail(err, "out of memory");
    }
    if (failed == 0) {
        failed = demo_out_open(&out, world->dir, "land-use", err);
    }
    for (size_t t = 0; failed == 0 && t < n_towns; t++) {
        failed = write_town_parcels(world, &out, t, parts[t], err);
    }
    free(weights);
    free(parts);
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

/* ---- emergency resources ---- */

static int
write_resource(const struct demo_world *world, struct demo_out *out, uint32_t index,
               struct demo_error *err)
{
    static const struct {
        const char *code;
        const char *word;
        const char *capability;
    } kinds[] = {{"fire_station", "消防救援站", "水罐消防车、泡沫消防车、可燃气体检测仪"},
                 {"hospital", "医院", "急诊、烧伤处置"},
                 {"rescue_team", "燃气抢险队", "堵漏工具、防爆风机、正压式呼吸器"},
                 {"kit", "应急物资点", "干粉灭火器、警戒带、防静电服"},
                 {"shelter", "应急避难场所", "广场与临时安置点"}};
    static const uint16_t weights[] = {2000, 2600, 1200, 2800, 1400};
    struct demo_point at;
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], text[DEMO_NAME_TEXT * 2], address[DEMO_ADDRESS_TEXT];
    size_t town, kind;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_RESOURCE, index);
    demo_record_uid(world, DEMO_LAYER_RESOURCE, index, uid);
    town = demo_pick_town(world, &rng);
    at = demo_scatter(world, &rng, town);
    kind = demo_rng_pick(&rng, weights, 5);
    demo_street_address(&rng, &world->geo.towns[town], address);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_text(text, sizeof(text), "Y%05u", (index + 1) % 100000);
    demo_out_text(out, "resource_no", text);
    demo_text(text, sizeof(text), "%.80s%s（示例%u）", world->geo.towns[town].label,
              kinds[kind].word, index + 1);
    demo_out_text(out, "name", text);
    demo_out_text(out, "kind", kinds[kind].code);
    demo_out_text(out, "address", address);
    demo_out_text(out, "duty_phone", kind == 0 ? "119" : kind == 1 ? "120" : NULL);
    demo_out_int(out, "staff_count", demo_rng_range(&rng, 4, 80));
    demo_out_int(out, "vehicle_count", kind < 3 ? demo_rng_range(&rng, 1, 9) : 0);
    demo_out_int(out, "bed_count", kind == 1 ? demo_rng_range(&rng, 30, 900) : 0);
    demo_out_text(out, "capability", kinds[kind].capability);
    demo_out_bool(out, "open_24h", kind != 3);
    demo_out_date(out, "checked_on", world->as_of - demo_rng_range(&rng, 1, 300));
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

/* ---- restricted zones ---- */

static int
write_zone(const struct demo_world *world, struct demo_out *out, uint32_t index,
           struct demo_error *err)
{
    static const char *const kinds[] = {"key_area", "residential", "water_source", "scenic",
                                        "nature_reserve"};
    static const char *const words[] = {"重点区域", "居民区", "水源保护区", "景区", "自然保护区"};
    enum { CORNERS = 12 };
    struct demo_point corners[CORNERS], centre;
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], text[DEMO_NAME_TEXT * 2];
    size_t town, kind;
    double radius_m;
    int all_day;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_ZONE, index);
    demo_record_uid(world, DEMO_LAYER_ZONE, index, uid);
    town = demo_pick_town(world, &rng);
    centre = demo_scatter(world, &rng, town);
    kind = demo_rng_below(&rng, 5);
    radius_m = demo_rng_range(&rng, 250, kind > 1 ? 1800 : 700);
    for (int i = 0; i < CORNERS; i++) {
        double turn = 6.283185307 * i / CORNERS;
        double r = radius_m * (0.8 + 0.4 * demo_rng_unit(&rng));
        corners[i] = demo_move(centre, r * cos(turn), r * sin(turn));
        if (!demo_district_contains(&world->geo.districts[world->geo.towns[town].district],
                                    corners[i])) {
            return 0;
        }
    }
    all_day = kind > 1 || demo_rng_chance(&rng, 3000);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_text(text, sizeof(text), "XX%04u", (index + 1) % 10000);
    demo_out_text(out, "zone_no", text);
    demo_text(text, sizeof(text), "%.80s%s限行（示例%u）", world->geo.towns[town].label,
              words[kind], index + 1);
    demo_out_text(out, "name", text);
    demo_out_text(out, "kind", kinds[kind]);
    demo_out_bool(out, "all_day", all_day);
    demo_out_text(out, "hours_from", all_day ? NULL : "07:00");
    demo_out_text(out, "hours_to", all_day ? NULL : "22:00");
    demo_out_text(out, "weekdays", all_day ? NULL : "1234567");
    demo_out_int(out, "speed_limit_km_h", 40);
    demo_out_bool(out, "permit_possible", 1);
    demo_out_text(out, "authority", "示例公安交管");
    demo_out_text(out, "basis", "危险货物道路运输安全管理办法第四十九条");
    demo_out_date(out, "valid_from", world->as_of - 400);
    demo_out_date(out, "valid_to", world->as_of + 700);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_area(out, corners, CORNERS, 1, err);
}

/* ---- */

int
demo_write_land(struct demo_world *world, struct demo_error *err)
{
    int failed =
        demo_write_layer(world, "buildings", demo_scaled(world, 120000, 1500), write_building, err);

    if (failed == 0) {
        failed = write_parcels(world, err);
    }
    if (failed == 0) {
        failed = demo_write_layer(world, "emergency-resources", demo_scaled(world, 900, 120),
                                  write_resource, err);
    }
    return failed == 0 ? demo_write_layer(world, "restricted-zones", demo_scaled(world, 240, 60),
                                          write_zone, err)
                       : -1;
}

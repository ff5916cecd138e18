/* Risk elements beside the roads and in the towns. */

#include "world.h"

#include "names.h"
#include "text.h"

struct kind {
    const char *code;
    const char *group;
    const char *word;
    uint16_t weight;
    uint16_t buffer_m; /* as proposed for route analysis; 0: only on the link itself */
    uint16_t low_persons;
    uint16_t high_persons;
    uint8_t on_road;
};

static const struct kind KINDS[] = {
    {"school", "crowd", "小学", 900, 200, 200, 1800, 0},
    {"kindergarten", "crowd", "幼儿园", 950, 200, 60, 400, 0},
    {"hospital", "crowd", "卫生院", 330, 200, 40, 900, 0},
    {"elderly_home", "crowd", "养老院", 110, 200, 30, 200, 0},
    {"market", "crowd", "农贸市场", 330, 200, 200, 1500, 0},
    {"stadium", "crowd", "体育馆", 40, 200, 300, 3000, 0},
    {"passenger_station", "crowd", "客运站", 70, 200, 100, 1200, 0},
    {"dense_residential", "residential", "住宅小区", 1100, 100, 300, 4000, 0},
    {"water_source", "protected", "饮用水水源地", 120, 100, 0, 0, 0},
    {"nature_reserve", "protected", "自然保护地", 40, 100, 0, 0, 0},
    {"scenic_area", "protected", "景区", 90, 100, 50, 2000, 0},
    {"large_bridge", "structure", "大桥", 60, 0, 0, 0, 1},
    {"long_tunnel", "structure", "隧道", 30, 0, 0, 0, 1},
    {"underwater_tunnel", "structure", "水下隧道", 2, 0, 0, 0, 1},
    {"steep_road", "terrain", "陡坡路段", 150, 0, 0, 0, 1},
    {"cliff_road", "terrain", "临崖路段", 110, 0, 0, 0, 1},
    {"waterside_road", "terrain", "临水路段", 190, 0, 0, 0, 1},
    {"fuel_station", "hazard", "加油站", 480, 100, 3, 20, 1},
    {"gas_plant", "hazard", "燃气厂站", 60, 100, 5, 40, 0},
    {"chemical_store", "hazard", "危化品仓库", 40, 100, 2, 20, 0},
    {"substation", "hazard", "变电站", 220, 100, 0, 10, 0},
    {"open_flame", "hazard", "锅炉房", 60, 100, 2, 15, 0},
    {"railway_crossing", "crossing", "铁路道口", 30, 50, 0, 0, 1},
    {"overhead_line", "crossing", "架空电力线跨越", 260, 50, 0, 0, 1},
    {"government", "key_unit", "机关驻地", 250, 200, 30, 400, 0},
    {"heritage", "key_unit", "文物保护单位", 90, 200, 0, 200, 0}};

enum { N_KINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

/* On a road vertex of the district that holds it, or in a town. */
static void
draw_place(const struct demo_world *world, struct demo_rng *rng, int on_road, size_t *ret_town,
           struct demo_point *ret_at)
{
    enum { TRIES = 8 };
    const struct demo_geo *geo = &world->geo;

    for (int i = 0; on_road && i < TRIES; i++) {
        struct demo_point p = geo->road_points[demo_rng_below(rng, (uint32_t)geo->n_road_points)];
        size_t district = demo_geo_district_at(geo, p);
        size_t town =
            district == geo->n_districts ? geo->n_towns : demo_geo_nearest_town(geo, district, p);
        if (town < geo->n_towns) {
            *ret_town = town;
            *ret_at = demo_scatter_near(world, rng, district, p, 15.0);
            return;
        }
    }
    *ret_town = demo_pick_town(world, rng);
    *ret_at = demo_scatter(world, rng, *ret_town);
}

static int
write_element(const struct demo_world *world, struct demo_out *out, uint32_t index,
              struct demo_error *err)
{
    uint16_t weights[N_KINDS];
    const struct kind *kind;
    struct demo_point at;
    struct demo_rng rng;
    size_t town;
    char uid[DEMO_UUID_TEXT];
    char name[DEMO_NAME_TEXT * 2];
    char brand[DEMO_PERSON_TEXT];
    char address[DEMO_ADDRESS_TEXT];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_RISK, index);
    demo_record_uid(world, DEMO_LAYER_RISK, index, uid);
    for (size_t i = 0; i < N_KINDS; i++) {
        weights[i] = KINDS[i].weight;
    }
    kind = &KINDS[demo_rng_pick(&rng, weights, N_KINDS)];
    draw_place(world, &rng, kind->on_road, &town, &at);
    demo_brand_name(demo_rng_below(&rng, DEMO_BRANDS), brand);
    demo_text(name, sizeof(name), "%s%s%s（示例）", world->geo.towns[town].label, brand,
              kind->word);
    demo_street_address(&rng, &world->geo.towns[town], address);

    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_out_text(out, "name", name);
    demo_out_text(out, "kind", kind->code);
    demo_out_text(out, "element_group", kind->group);
    demo_out_int(out, "buffer_m", kind->buffer_m);
    demo_out_int(out, "persons", demo_rng_range(&rng, kind->low_persons, kind->high_persons));
    demo_out_text(out, "address", kind->on_road ? NULL : address);
    demo_out_date(out, "valid_from", world->as_of - demo_rng_range(&rng, 100, 4000));
    demo_out_null(out, "valid_to");
    demo_out_text(out, "confirm_state", demo_rng_chance(&rng, 8200) ? "confirmed" : "pending");
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

int
demo_write_risk_elements(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    uint32_t n = demo_scaled(world, 6000, 800);
    int failed = demo_out_open(&out, world->dir, "risk-elements", err);

    for (uint32_t i = 0; failed == 0 && i < n; i++) {
        failed = write_element(world, &out, i, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

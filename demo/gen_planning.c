/* Planned projects and the control lines of spatial planning. */

#include "world.h"

#include "names.h"
#include "text.h"

#include <math.h>

enum { CORNERS = 12 };

/* ---- planned projects ---- */

static int
write_project(const struct demo_world *world, struct demo_out *out, uint32_t index,
              struct demo_error *err)
{
    static const struct {
        const char *use;
        const char *word;
        int32_t most_storeys;
        int homes;
        int important;
    } kinds[] = {{"dwelling", "住宅小区", 26, 4, 0}, {"school", "学校", 6, 0, 1},
                 {"medical", "医院", 14, 0, 1},      {"commercial", "商业综合体", 8, 0, 1},
                 {"office", "办公楼", 18, 0, 0},     {"industrial", "标准厂房", 4, 0, 0},
                 {"elderly", "养老院", 6, 0, 1}};
    static const uint16_t weights[] = {46, 12, 7, 12, 10, 9, 4};
    static const char *const stages[] = {"approved", "under_construction", "completed",
                                         "cancelled"};
    static const uint16_t stage_weights[] = {38, 48, 10, 4};
    struct demo_point corners[4];
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], text[DEMO_NAME_TEXT * 2], brand[DEMO_PERSON_TEXT];
    int32_t storeys, height_dm, approved;
    size_t town, kind, stage;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_PROJECT, index);
    demo_record_uid(world, DEMO_LAYER_PROJECT, index, uid);
    town = demo_pick_town(world, &rng);
    kind = demo_rng_pick(&rng, weights, 7);
    stage = demo_rng_pick(&rng, stage_weights, 4);
    if (!demo_rectangle(world, world->geo.towns[town].district, demo_scatter(world, &rng, town),
                        demo_rng_range(&rng, 60, 220), demo_rng_range(&rng, 50, 160),
                        demo_rng_unit(&rng) - 0.5, corners)) {
        return 0;
    }
    storeys = demo_rng_range(&rng, 2, kinds[kind].most_storeys);
    height_dm = storeys * (kinds[kind].homes > 0 ? 29 : 38) + 15;
    approved = world->as_of - demo_rng_range(&rng, 20, 900);
    demo_brand_name(demo_rng_below(&rng, DEMO_BRANDS), brand);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_text(text, sizeof(text), "GH%.6s%05u", world->geo.towns[town].code, (index + 1) % 100000);
    demo_out_text(out, "project_no", text);
    demo_text(text, sizeof(text), "%.80s%s%s（示例）", world->geo.towns[town].label, brand,
              kinds[kind].word);
    demo_out_text(out, "name", text);
    demo_out_text(out, "use", kinds[kind].use);
    demo_out_text(out, "stage", stages[stage]);
    demo_out_bool(out, "important_public", kinds[kind].important);
    demo_out_text(out, "high_rise_class",
                  height_dm > (kinds[kind].homes > 0 ? 540 : 500)   ? "one"
                  : height_dm > (kinds[kind].homes > 0 ? 270 : 240) ? "two"
                                                                    : "none");
    demo_out_int(out, "storeys", storeys);
    demo_out_decimal(out, "height_m", height_dm, 1);
    demo_out_int(out, "residents", (int64_t)kinds[kind].homes * storeys * 12);
    demo_out_date(out, "approved_on", approved);
    demo_out_date(out, "complete_on",
                  stage == 2 ? world->as_of - demo_rng_range(&rng, 1, 15)
                             : world->as_of + demo_rng_range(&rng, 60, 1100));
    demo_text(text, sizeof(text), "%s示例置业有限公司", brand);
    demo_out_text(out, "builder", text);
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_area(out, corners, 4, 1, err);
}

/* ---- control lines ---- */

struct line {
    const char *kind;
    const char *effect;
    const char *word;
    const char *basis;
    double radius_m;
    double away_m; /* of its middle from the town's centre */
};

static const struct line LINES[] = {
    {"urban_boundary", "allowed_inside", "城镇开发边界", "示例国土空间规划", 1100, 0},
    {"farmland", "prohibited", "永久基本农田", "示例三区三线划定成果", 520, 2600},
    {"ecological", "prohibited", "生态保护红线", "示例三区三线划定成果", 900, 4600},
    {"water_source", "restricted", "饮用水水源保护区", "示例水源保护区划分方案", 600, 3600},
    {"blue", "restricted", "城市蓝线", "示例蓝线规划", 240, 1700}};

enum { N_LINES = sizeof(LINES) / sizeof(LINES[0]) };

/* 0: it would leave the district. */
static int
ring(const struct demo_world *world, struct demo_rng *rng, size_t district,
     struct demo_point centre, double radius_m, struct demo_point ret_corners[CORNERS])
{
    for (int i = 0; i < CORNERS; i++) {
        double turn = 6.283185307 * i / CORNERS;
        double r = radius_m * (0.8 + 0.4 * demo_rng_unit(rng));

        ret_corners[i] = demo_move(centre, r * cos(turn), r * sin(turn));
        if (!demo_district_contains(&world->geo.districts[district], ret_corners[i])) {
            return 0;
        }
    }
    return 1;
}

/* Square metres by the shoelace formula, planar from the first corner. */
static int64_t
area_m2(const struct demo_point *corners, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        const struct demo_point a = corners[i], b = corners[(i + 1) % n];
        double scale = 0.11131949 * cos(a.lat_e6 * 1.745329252e-8);

        sum +=
            (a.lon_e6 - corners[0].lon_e6) * scale * (b.lat_e6 - corners[0].lat_e6) * 0.11131949 -
            (b.lon_e6 - corners[0].lon_e6) * scale * (a.lat_e6 - corners[0].lat_e6) * 0.11131949;
    }
    return (int64_t)(fabs(sum) / 2.0 + 0.5);
}

static int
write_line(const struct demo_world *world, struct demo_out *out, size_t town, const char *no,
           const struct line *line, const struct demo_point *corners, size_t n, uint64_t index,
           struct demo_error *err)
{
    char uid[DEMO_UUID_TEXT], text[DEMO_NAME_TEXT * 2];

    demo_record_uid(world, DEMO_LAYER_CONTROL_LINE, index, uid);
    demo_out_begin(out, uid, "demo", world->geo.towns[town].code);
    demo_out_text(out, "line_no", no);
    demo_out_text(out, "kind", line->kind);
    demo_out_text(out, "effect", line->effect);
    demo_text(text, sizeof(text), "%.80s%s（示例）", world->geo.towns[town].label, line->word);
    demo_out_text(out, "name", text);
    demo_out_text(out, "basis", line->basis);
    demo_out_int(out, "area_m2", area_m2(corners, n));
    demo_out_date(out, "valid_from", world->as_of - 700);
    demo_out_null(out, "valid_to");
    demo_out_text(out, "confirm_state", index % 9 == 0 ? "pending" : "confirmed");
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_area(out, corners, n, 1, err);
}

/* Every town has a boundary; the others have their chance. Their number follows the towns', not the
 * scale. */
static int
write_town_lines(const struct demo_world *world, struct demo_out *out, size_t town,
                 struct demo_error *err)
{
    const struct demo_town *t = &world->geo.towns[town];

    for (size_t i = 0; i < N_LINES; i++) {
        uint64_t index = town * N_LINES + i;
        struct demo_point corners[CORNERS], centre = t->centre;
        struct demo_rng rng;
        char no[40];
        double turn;

        demo_rng_init(&rng, world->seed, DEMO_LAYER_CONTROL_LINE, index);
        turn = demo_rng_unit(&rng) * 6.283185307;
        centre = demo_move(centre, LINES[i].away_m * cos(turn), LINES[i].away_m * sin(turn));
        if (!ring(world, &rng, t->district, centre, LINES[i].radius_m, corners) ||
            (i > 2 && demo_rng_chance(&rng, 7000))) {
            continue;
        }
        demo_text(no, sizeof(no), "KX%.9s-%u", t->code, (unsigned)i + 1);
        if (write_line(world, out, town, no, &LINES[i], corners, CORNERS, index, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The yellow line keeps the land of filling works. */
static int
write_yellow_line(const struct demo_world *world, struct demo_out *out, size_t station,
                  struct demo_error *err)
{
    static const struct line yellow = {"yellow", "reserved", "城市黄线", "示例黄线规划", 0, 0};
    const struct demo_station *s = &world->stations[station];
    struct demo_point corners[4];
    char no[40];

    if ((s->kind != DEMO_STATION_STORAGE && s->kind != DEMO_STATION_FILLING) ||
        !demo_rectangle(world, world->geo.towns[s->town].district, s->at, 180, 180, 0, corners)) {
        return 0;
    }
    demo_text(no, sizeof(no), "KX%s", s->no);
    return write_line(world, out, s->town, no, &yellow, corners, 4, 1000000 + station, err);
}

static int
write_lines(const struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, "control-lines", err);

    for (size_t t = 0; failed == 0 && t < world->geo.n_towns; t++) {
        failed = write_town_lines(world, &out, t, err);
    }
    for (size_t s = 0; failed == 0 && s < world->n_stations; s++) {
        failed = write_yellow_line(world, &out, s, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

int
demo_write_planning(struct demo_world *world, struct demo_error *err)
{
    int failed = demo_write_layer(world, "planned-projects", demo_scaled(world, 900, 60),
                                  write_project, err);

    return failed == 0 ? write_lines(world, err) : -1;
}

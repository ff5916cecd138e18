/* Accidents of the last five years; the grade follows from the casualties and the loss. */

#include "world.h"

#include "names.h"
#include "text.h"

enum place { DWELLING, CATERING, SUPPLY_STATION, STORAGE_STATION, ROAD, OTHER_PLACE, N_PLACES };

static const char *const PLACES[N_PLACES] = {"dwelling",        "catering", "supply_station",
                                             "storage_station", "road",     "other"};
static const char *const PLACE_WORDS[N_PLACES] = {"居民住宅", "餐饮店", "供应站",
                                                  "储配站",   "道路",   "其他场所"};
static const char *const KINDS[] = {"leak", "fire", "explosion", "poisoning"};
static const char *const KIND_WORDS[] = {"泄漏", "火灾", "爆炸", "中毒"};
static const char *const CAUSES[] = {
    "leak",      "operation", "equipment", "adulteration", "overdue_cylinder",
    "decanting", "traffic",   "other"};

struct accident {
    size_t kind;
    enum place place;
    size_t cause;
    uint32_t deaths;
    uint32_t serious;
    uint32_t minor;
    uint32_t loss_cny;
    enum demo_grade grade;
    int32_t day;
    int64_t at_ms;
    const char *state;
};

static void
draw_harm(struct demo_rng *rng, struct accident *a)
{
    static const uint16_t deaths[] = {8300, 1150, 380, 120, 40, 10};
    static const uint32_t death_floor[] = {0, 1, 2, 3, 5, 8};

    a->deaths = death_floor[demo_rng_pick(rng, deaths, 6)];
    a->serious = a->kind == 0 ? 0 : demo_rng_below(rng, 4);
    if (a->kind == 2 && demo_rng_chance(rng, 300)) {
        a->serious = 10 + demo_rng_below(rng, 9);
    }
    a->minor = demo_rng_below(rng, a->kind == 0 ? 2 : 7);
    a->loss_cny = 2000u + demo_rng_below(rng, a->kind == 0 ? 60000 : 900000);
    if (demo_rng_chance(rng, 60)) {
        a->loss_cny += 10000000u + demo_rng_below(rng, 5000000);
    }
    a->grade = demo_accident_grade(a->deaths, a->serious, a->loss_cny);
}

static void
draw_accident(const struct demo_world *world, struct demo_rng *rng, struct accident *a)
{
    static const uint16_t kinds[] = {34, 35, 25, 6};
    static const uint16_t places[] = {44, 32, 7, 2, 8, 7};
    static const uint16_t causes[] = {26, 28, 20, 4, 8, 6, 0, 8};
    int32_t age;

    a->kind = demo_rng_pick(rng, kinds, 4);
    a->place = (enum place)demo_rng_pick(rng, places, N_PLACES);
    a->cause = a->place == ROAD ? 6 : demo_rng_pick(rng, causes, 8);
    draw_harm(rng, a);
    age = demo_rng_range(rng, 0, 5 * 365);
    a->day = world->as_of - age;
    a->at_ms = demo_beijing_ms(a->day, demo_rng_range(rng, 0, 24 * 60 - 1));
    if (a->at_ms > world->now_ms - 3 * 3600000) {
        a->at_ms = world->now_ms - (int64_t)demo_rng_range(rng, 180, 600) * 60000;
        a->day = demo_beijing_day(a->at_ms);
    }
    a->state = age <= 2    ? "flash"
               : age <= 15 ? "follow_up"
               : age <= 90 ? "investigating"
                           : "closed";
}

static int64_t
after(const struct demo_world *world, struct demo_rng *rng, int64_t from, int32_t low_minutes,
      int32_t high_minutes)
{
    int64_t at = from + (int64_t)demo_rng_range(rng, low_minutes, high_minutes) * 60000;

    return at < world->now_ms ? at : world->now_ms;
}

/* An hour to the county, two more for each level; a few are late. */
static void
write_reports(const struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
              const struct accident *a)
{
    int late = demo_rng_chance(rng, 700);
    int64_t county = after(world, rng, a->at_ms, late ? 61 : 12, late ? 170 : 58);
    int64_t city = after(world, rng, county, 15, demo_rng_chance(rng, 400) ? 200 : 115);
    int64_t province = after(world, rng, city, 15, 115);

    demo_out_time(out, "reported_county_at", county);
    demo_out_time(out, "relayed_city_at", city);
    demo_out_time(out, "relayed_province_at",
                  a->grade >= DEMO_GRADE_LARGER ? province : DEMO_NO_TIME);
}

static void
write_harm(struct demo_out *out, const struct accident *a)
{
    demo_out_int(out, "deaths", a->deaths);
    demo_out_int(out, "serious_injuries", a->serious);
    demo_out_int(out, "minor_injuries", a->minor);
    /* In units of 10 000 yuan. */
    demo_out_decimal(out, "loss_cny_10k", a->loss_cny / 100, 2);
}

static int
write_accident(const struct demo_world *world, struct demo_out *out, uint32_t index,
               struct demo_error *err)
{
    const struct demo_enterprise *e;
    const struct demo_station *station;
    const struct demo_town *town;
    struct demo_point at;
    struct accident a;
    struct demo_rng rng;
    size_t t;
    int user_known, closed;
    char uid[DEMO_UUID_TEXT];
    char text[DEMO_PREFIX_TEXT + 96];
    int32_t year, month, day;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_ACCIDENT, index);
    demo_record_uid(world, DEMO_LAYER_ACCIDENT, index, uid);
    t = demo_pick_town(world, &rng);
    town = &world->geo.towns[t];
    station = &world->stations[demo_user_station(world, &rng, t)];
    e = &world->enterprises[station->enterprise];
    at = demo_scatter(world, &rng, t);
    draw_accident(world, &rng, &a);
    demo_civil_from_days(a.day, &year, &month, &day);
    closed = a.state[0] == 'c';
    user_known = a.place <= CATERING && world->town_users[t] > 0;

    demo_out_begin(out, uid, e->org, town->code);
    demo_text(text, sizeof(text), "SG%04d%05u", (int)year, (index + 1) % 100000);
    demo_out_text(out, "accident_no", text);
    demo_text(text, sizeof(text), "%s“%d·%d”%s%s事故（示例）", town->label, (int)month, (int)day,
              PLACE_WORDS[a.place], KIND_WORDS[a.kind]);
    demo_out_text(out, "title", text);
    demo_out_text(out, "kind", KINDS[a.kind]);
    demo_out_text(out, "grade", demo_grade_code(a.grade));
    demo_out_text(out, "state", a.state);
    demo_out_time(out, "occurred_at", a.at_ms);
    demo_out_text(out, "place_kind", PLACES[a.place]);
    demo_text(text, sizeof(text), "%s%s", town->prefix, demo_street_name(&rng));
    demo_out_text(out, "place", text);
    demo_out_text(out, "cause", CAUSES[a.cause]);
    write_harm(out, &a);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    if (user_known) {
        char no[32];
        demo_user_no(world, t, demo_rng_below(&rng, world->town_users[t]), no);
        demo_out_text(out, "user_no", no);
        demo_text(text, sizeof(text), "HN%010u", demo_rng_below(&rng, 2000000000));
        demo_out_text(out, "cylinder_tag", text);
    } else {
        demo_out_null(out, "user_no");
        demo_out_null(out, "cylinder_tag");
    }
    write_reports(world, out, &rng, &a);
    demo_out_text(out, "measures", "切断气源，疏散人员，消防处置，现场监测至浓度合格");
    demo_out_text(out, "inquiry", closed ? "事故调查报告（示例）" : NULL);
    demo_out_text(out, "rectification", closed ? "整改措施已落实并复查" : NULL);
    demo_out_date(out, "closed_on", closed ? a.day + demo_rng_range(&rng, 60, 89) : DEMO_NO_DATE);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

int
demo_write_accidents(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    uint32_t n = demo_scaled(world, 180, 24);
    int failed = demo_out_open(&out, world->dir, "accidents", err);

    for (uint32_t i = 0; failed == 0 && i < n; i++) {
        failed = write_accident(world, &out, i, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

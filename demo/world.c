#include "world.h"

#include "names.h"
#include "registers.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
demo_world_done(struct demo_world *world)
{
    demo_registers_free(world->registers);
    demo_geo_done(&world->geo);
    free(world->enterprises);
    free(world->stations);
    free(world->town_users);
    free(world->user_start);
    free(world->supply);
    free(world->supply_start);
    memset(world, 0, sizeof(*world));
}

uint32_t
demo_scaled(const struct demo_world *world, double at_scale_one, uint32_t least)
{
    double n = floor(at_scale_one * world->scale + 0.5);

    return n < least ? least : (uint32_t)n;
}

void
demo_record_uid(const struct demo_world *world, enum demo_layer layer, uint64_t index,
                char ret_uid[DEMO_UUID_TEXT])
{
    struct demo_rng rng;
    uint64_t high, low;

    /* A stream apart from the record's own draws. */
    demo_rng_init(&rng, world->seed ^ UINT64_C(0x75696475756964), (uint64_t)layer, index);
    high = demo_rng_next(&rng);
    low = demo_rng_next(&rng);
    demo_uuid7_make(world->now_ms - (int64_t)(high % (400 * (uint64_t)DEMO_DAY_MS)), high >> 32,
                    low, ret_uid);
}

void
demo_next_phone(struct demo_world *world, char ret_text[DEMO_PHONE_TEXT])
{
    demo_phone_make(world->n_phones++, ret_text);
}

size_t
demo_pick_town(const struct demo_world *world, struct demo_rng *rng)
{
    uint64_t total = 0;
    uint32_t hit;

    for (size_t i = 0; i < world->geo.n_towns; i++) {
        total += world->geo.towns[i].weight;
    }
    hit = demo_rng_below(rng, (uint32_t)total);
    for (size_t i = 0; i < world->geo.n_towns; i++) {
        if (hit < world->geo.towns[i].weight) {
            return i;
        }
        hit -= world->geo.towns[i].weight;
    }
    return world->geo.n_towns - 1;
}

struct demo_point
demo_scatter_near(const struct demo_world *world, struct demo_rng *rng, size_t district,
                  struct demo_point from, double radius_m)
{
    enum { TRIES = 24 };

    for (int i = 0; i < TRIES; i++) {
        double east = demo_rng_normal(rng) * radius_m;
        double north = demo_rng_normal(rng) * radius_m;
        struct demo_point p = demo_move(from, east, north);
        if (demo_district_contains(&world->geo.districts[district], p)) {
            return p;
        }
    }
    return from;
}

struct demo_point
demo_scatter(const struct demo_world *world, struct demo_rng *rng, size_t town)
{
    const struct demo_town *t = &world->geo.towns[town];
    /* Streets are small and full; a town's core grows with its people, villages lie around it. */
    double core_m = t->is_street ? 420.0 : 150.0 + 4.5 * sqrt(t->weight);
    double radius_m = t->is_street || demo_rng_chance(rng, 6000) ? core_m : 2.6 * core_m;

    return demo_scatter_near(world, rng, t->district, t->centre, radius_m);
}

int
demo_rectangle(const struct demo_world *world, size_t district, struct demo_point centre,
               double width_m, double depth_m, double turn, struct demo_point ret_corners[4])
{
    static const double signs[4][2] = {{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}};

    for (int i = 0; i < 4; i++) {
        double x = signs[i][0] * width_m, y = signs[i][1] * depth_m;
        ret_corners[i] =
            demo_move(centre, x * cos(turn) - y * sin(turn), x * sin(turn) + y * cos(turn));
        if (!demo_district_contains(&world->geo.districts[district], ret_corners[i])) {
            return 0;
        }
    }
    return 1;
}

size_t
demo_user_station(const struct demo_world *world, struct demo_rng *rng, size_t town)
{
    size_t first = world->supply_start[town];
    uint32_t n = (uint32_t)(world->supply_start[town + 1] - first);

    return world->supply[first + demo_rng_below(rng, n)];
}

void
demo_user_no(const struct demo_world *world, size_t town, uint32_t user, char ret_text[32])
{
    demo_text(ret_text, 32, "%.9s-%06u", world->geo.towns[town].code, user % 1000000);
}

int64_t
demo_next_change(const struct demo_world *world, int32_t to, int32_t notice)
{
    if (to == DEMO_NO_DATE || to < world->as_of) {
        return DEMO_NEVER;
    }
    return demo_beijing_ms(to <= world->as_of + notice ? to + 1 : to - notice, 0);
}

static int32_t
three_years_before(int32_t days)
{
    int32_t year, month, day;

    demo_civil_from_days(days, &year, &month, &day);
    return demo_days_from_civil(year - 3, month, month == 2 && day == 29 ? 28 : day);
}

void
demo_licence_draw(const struct demo_world *world, struct demo_rng *rng, size_t town,
                  uint32_t serial, struct demo_licence *ret_licence)
{
    static const char *const states[] = {"valid",   "expiring_applied", "expiring",
                                         "expired", "suspended",        "cancelled"};
    static const uint16_t weights[] = {8550, 480, 370, 250, 250, 100};
    size_t state = demo_rng_pick(rng, weights, 6);
    int32_t year, month, day;
    int32_t left;

    ret_licence->applied_on = DEMO_NO_DATE;
    switch (state) {
    case 1:
    case 2:
        left = demo_rng_range(rng, 1, 59);
        break;
    case 3:
        left = -demo_rng_range(rng, 1, 200);
        break;
    case 5:
        left = -demo_rng_range(rng, 30, 600);
        break;
    default:
        left = demo_rng_range(rng, 62, 1000);
        break;
    }
    ret_licence->state = states[state];
    ret_licence->to = world->as_of + left;
    /* A term of three years and one of three years less a day are both right. */
    ret_licence->from = three_years_before(ret_licence->to) + demo_rng_chance(rng, 6000);
    if (state == 1) {
        ret_licence->applied_on = ret_licence->to - demo_rng_range(rng, 60, 110);
    }
    ret_licence->next_change =
        state >= 4 ? DEMO_NEVER : demo_next_change(world, ret_licence->to, 60);
    demo_civil_from_days(ret_licence->from, &year, &month, &day);
    demo_text(ret_licence->no, sizeof(ret_licence->no), "琼%04d%.4s%05uP", (int)year,
              world->geo.towns[town].code + 2, serial % 100000);
}

void
demo_licence_write(struct demo_out *out, const struct demo_licence *licence)
{
    demo_out_text(out, "licence_no", licence->no);
    demo_out_date(out, "licence_from", licence->from);
    demo_out_date(out, "licence_to", licence->to);
    demo_out_text(out, "licence_state", licence->state);
    demo_out_time(out, "licence_next_change", licence->next_change);
    demo_out_date(out, "renewal_applied_on", licence->applied_on);
}

const char *
demo_video_state(const struct demo_totals *totals)
{
    if (totals->cameras == 0) {
        return "none";
    }
    if (totals->cameras_off == 0) {
        return "online";
    }
    return totals->cameras_off < totals->cameras ? "partial" : "offline";
}

int
demo_write_layer(const struct demo_world *world, const char *layer, uint32_t n, demo_write_fn write,
                 struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, layer, err);

    for (uint32_t i = 0; failed == 0 && i < n; i++) {
        failed = write(world, &out, i, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

/* One step of demo_generate(). */
typedef int (*write_step)(struct demo_world *world, struct demo_error *err);

static int
write_hazardous(struct demo_world *world, struct demo_error *err)
{
    struct demo_out *hazards = malloc(sizeof(*hazards));
    int failed;

    if (hazards == NULL) {
        return demo_fail(err, "out of memory");
    }
    failed = demo_out_open(hazards, world->dir, "hazards", err);
    if (failed == 0) {
        failed = demo_write_users(world, hazards, err);
    }
    if (failed == 0) {
        failed = demo_write_other_hazards(world, hazards, err);
    }
    if (failed == 0) {
        failed = demo_write_vehicles(world, hazards, err);
    }
    if (failed == 0) {
        failed = demo_out_close(hazards, err);
    }
    demo_out_discard(hazards);
    free(hazards);
    return failed;
}

int
demo_generate(struct demo_world *world, struct demo_error *err)
{
    /* Totals are written last; the registers end with the last that adds to them. */
    static const write_step steps[] = {
        demo_registers_open,      write_hazardous,        demo_write_cameras,  demo_write_accidents,
        demo_write_risk_elements, demo_write_land,        demo_write_planning, demo_write_routes,
        demo_write_detectors,     demo_write_cylinders,   demo_write_calendar, demo_write_addresses,
        demo_write_stations,      demo_write_enterprises, demo_registers_close};
    int failed = 0;

    for (size_t i = 0; failed == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        failed = steps[i](world, err);
    }
    return failed;
}

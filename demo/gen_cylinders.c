/* Cylinders where they are now, and for some of them how they came there: test, filling, transport,
 * store, delivery, use and return. */

#include "world.h"

#include "registers.h"
#include "text.h"

#include <stdlib.h>

struct model {
    const char *code;
    uint16_t weight;
    int32_t capacity_dl;
    int32_t tare_100g;
    int32_t fill_100g;
};

static const struct model MODELS[] = {{"YSP4.7", 20, 47, 34, 19},
                                      {"YSP12", 320, 120, 70, 50},
                                      {"YSP26.2", 460, 262, 130, 110},
                                      {"YSP35.5", 8600, 355, 165, 149},
                                      {"YSP118", 600, 1180, 475, 495}};

enum where {
    IN_USE,
    STATION_STOCK,
    RETURNED,
    FILLER_STOCK,
    IN_TRANSIT,
    DELIVERING,
    IN_TEST,
    SCRAPPED,
    N_WHERE
};

static const struct {
    const char *state;
    const char *holder_kind;
    const char *last_link;
    const char *this_link;
    uint16_t weight;
} PLACES[N_WHERE] = {{"in_use", "user", "deliver", "install", 6200},
                     {"station_stock", "station", "load", "receive", 1400},
                     {"returned", "station", "install", "return", 1150},
                     {"filler_stock", "filler", "return", "fill", 620},
                     {"in_transit", "vehicle", "fill", "load", 220},
                     {"delivering", "vehicle", "sell", "deliver", 110},
                     {"in_test", "test_station", "return", "test", 150},
                     {"scrapped", "test_station", "test", "scrap", 150}};

struct cylinder {
    char tag[24];
    char serial[24];
    char user_no[32];
    const struct model *model;
    enum where where;
    size_t town;
    const struct demo_station *station; /* that supplies it */
    const struct demo_station *works;   /* that fills it */
    const struct demo_enterprise *owner;
    const char *holder_uid;
    const char *holder_name;
    int32_t tare_100g;
    int32_t after_100g;
    int32_t before_100g;
    int32_t made_on;
    int32_t tested_on;
    int32_t next_test_on;
    int32_t scrap_on;
    int64_t filled_at;
    int64_t held_since;
};

struct files {
    struct demo_world *world;
    struct demo_out *cylinders;
    struct demo_out *events;
    struct demo_out *fillings;
    struct demo_out *tests;
    size_t *works; /* of each enterprise: a station that fills */
};

static int32_t
years_after(int32_t day, int32_t years)
{
    int32_t year, month, of_month;

    demo_civil_from_days(day, &year, &month, &of_month);
    return demo_days_from_civil(year + years, month, month == 2 && of_month == 29 ? 28 : of_month);
}

/* Made in the last twelve years, tested every four; eight years of life, and four more after the
 * test at their end. A few miss a test or stay in use past their life. */
static void
draw_life(const struct demo_world *world, struct demo_rng *rng, struct cylinder *c)
{
    int32_t age = demo_rng_range(rng, c->where == SCRAPPED ? 2930 : 20,
                                 demo_rng_chance(rng, 60) ? 4500 : 4300);

    c->made_on = world->as_of - age;
    c->tested_on = c->made_on;
    while (years_after(c->tested_on, 4) < world->as_of && !demo_rng_chance(rng, 80)) {
        c->tested_on = years_after(c->tested_on, 4) - demo_rng_range(rng, 1, 40);
    }
    c->next_test_on = years_after(c->tested_on, 4);
    c->scrap_on = years_after(c->made_on, c->tested_on > years_after(c->made_on, 7) ? 12 : 8);
    if (c->where == SCRAPPED && c->scrap_on > world->as_of) {
        c->scrap_on = world->as_of - demo_rng_range(rng, 1, 90);
    }
}

static void
draw_gas(const struct demo_world *world, struct demo_rng *rng, struct cylinder *c)
{
    int32_t days_ago = c->where == IN_USE ? demo_rng_range(rng, 2, 60) : demo_rng_range(rng, 0, 9);

    c->tare_100g = c->model->tare_100g + demo_rng_range(rng, -4, 6);
    c->before_100g = c->tare_100g + demo_rng_range(rng, 0, demo_rng_chance(rng, 150) ? 9 : 4);
    c->after_100g = c->tare_100g + c->model->fill_100g - demo_rng_range(rng, 0, 4) +
                    (demo_rng_chance(rng, 20) ? 6 : 0);
    c->filled_at =
        demo_beijing_ms(world->as_of - days_ago - 3, demo_rng_range(rng, 8 * 60, 17 * 60));
    c->held_since = c->filled_at + INT64_C(3600000) * demo_rng_range(rng, 2, 60);
}

static void
draw_holder(struct files *files, struct demo_rng *rng, struct cylinder *c, char uid[DEMO_UUID_TEXT])
{
    struct demo_world *world = files->world;
    uint32_t user;

    if (c->where == IN_USE && world->town_users[c->town] > 0) {
        user = demo_rng_below(rng, world->town_users[c->town]);
        demo_user_no(world, c->town, user, c->user_no);
        demo_record_uid(world, DEMO_LAYER_USER, world->user_start[c->town] + user, uid);
        c->holder_uid = uid;
        c->holder_name = c->user_no;
        return;
    }
    const struct demo_station *holder =
        c->where == FILLER_STOCK || c->where == IN_TEST || c->where == SCRAPPED ? c->works
                                                                                : c->station;
    c->holder_uid = holder->uid;
    c->holder_name = holder->name;
}

static const char *
test_state(const struct demo_world *world, const struct cylinder *c)
{
    return c->where == SCRAPPED                   ? "scrapped"
           : c->scrap_on <= world->as_of          ? "scrap_due"
           : c->next_test_on < world->as_of       ? "overdue"
           : c->next_test_on <= world->as_of + 30 ? "due"
                                                  : "valid";
}

static int64_t
test_next_change(const struct demo_world *world, const struct cylinder *c)
{
    int64_t scrap = demo_beijing_ms(c->scrap_on, 0);
    int64_t test = demo_next_change(world, c->next_test_on, 30);

    if (c->where == SCRAPPED || c->scrap_on <= world->as_of) {
        return DEMO_NEVER;
    }
    return scrap < test ? scrap : test;
}

static int
write_cylinder(struct files *files, const struct cylinder *c, const char *uid, int32_t index,
               struct demo_error *err)
{
    struct demo_world *world = files->world;
    struct demo_out *out = files->cylinders;
    char text[48];

    demo_out_begin(out, uid, c->owner->org, world->geo.towns[c->town].code);
    demo_out_text(out, "tag_no", c->tag);
    demo_out_text(out, "serial_no", c->serial);
    demo_out_text(out, "model", c->model->code);
    demo_out_decimal(out, "capacity_l", c->model->capacity_dl, 1);
    demo_out_decimal(out, "tare_kg", c->tare_100g, 1);
    demo_out_decimal(out, "max_fill_kg", c->model->fill_100g, 1);
    demo_out_text(out, "maker", index % 3 == 0 ? "示例钢瓶甲厂" : "示例钢瓶乙厂");
    demo_out_text(out, "standard", c->made_on < 19815 ? "GB/T 5842-2006" : "GB/T 5842-2023");
    demo_out_date(out, "manufactured_on", c->made_on);
    demo_out_int(out, "design_life_years", 8);
    demo_out_text(out, "owner_enterprise_uid", c->owner->uid);
    demo_out_text(out, "owner_enterprise_name", c->owner->name);
    demo_text(text, sizeof(text), "瓶琼示例%07d", (int)(index % 10000000));
    demo_out_text(out, "registration_no", text);
    demo_out_date(out, "registered_on", c->made_on + 15);
    demo_out_date(out, "last_test_on", c->tested_on);
    demo_out_date(out, "next_test_on", c->next_test_on);
    demo_out_date(out, "scrap_on", c->scrap_on);
    demo_out_text(out, "state", PLACES[c->where].state);
    demo_out_text(out, "test_state", test_state(world, c));
    demo_out_time(out, "test_next_change", test_next_change(world, c));
    demo_out_decimal(out, "weight_before_kg", c->before_100g, 1);
    demo_out_decimal(out, "weight_after_kg", c->after_100g, 1);
    demo_out_time(out, "last_filled_at", c->filled_at);
    demo_out_text(out, "last_link", PLACES[c->where].last_link);
    demo_out_text(out, "last_holder_name", c->station->name);
    demo_out_text(out, "last_holder_card_no", c->station->no);
    demo_out_text(out, "this_link", PLACES[c->where].this_link);
    demo_out_text(out, "this_holder_name", c->holder_name);
    demo_out_text(out, "this_holder_card_no", c->where == IN_USE ? c->user_no : c->station->no);
    demo_out_text(out, "holder_kind", PLACES[c->where].holder_kind);
    demo_out_text(out, "holder_uid", c->holder_uid);
    demo_out_time(out, "held_since", c->held_since);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_bare(out, err);
}

/* ---- how some of them came there ---- */

struct step {
    const char *step;
    const char *from_kind;
    const char *to_kind;
    int32_t hours; /* after the filling */
};

/* The last round: back from the user, filled, to the station, to the user. */
static const struct step STEPS[] = {
    {"return", "user", "station", -60},    {"load", "station", "vehicle", -30},
    {"receive", "vehicle", "filler", -20}, {"fill", "filler", "filler", 0},
    {"load", "filler", "vehicle", 5},      {"receive", "vehicle", "station", 9},
    {"sell", "station", "station", 26},    {"deliver", "station", "vehicle", 27},
    {"install", "vehicle", "user", 28}};

enum { N_STEPS = sizeof(STEPS) / sizeof(STEPS[0]), SELL_STEP = 6 };

/* How far the cylinder has come in its round. */
static size_t
steps_done(enum where where)
{
    static const size_t done[N_WHERE] = {9, 6, 1, 4, 5, 8, 3, 3};

    return done[where];
}

static const char *
party_name(const struct cylinder *c, const char *kind)
{
    return kind[0] == 'u'   ? (c->user_no[0] != '\0' ? c->user_no : "示例用户")
           : kind[0] == 'f' ? c->works->name
           : kind[0] == 'v' ? "示例车辆"
                            : c->station->name;
}

static const struct demo_station *
party_station(const struct cylinder *c, const char *kind)
{
    return kind[0] == 'f' ? c->works : c->station;
}

static int64_t
step_time(const struct demo_world *world, const struct cylinder *c, size_t k)
{
    int64_t time = c->filled_at + INT64_C(3600000) * STEPS[k].hours;

    return time > world->now_ms ? world->now_ms : time;
}

static int
write_event(struct files *files, const struct cylinder *c, uint64_t index, size_t k,
            struct demo_error *err)
{
    struct demo_world *world = files->world;
    const struct step *step = &STEPS[k];
    struct demo_out *out = files->events;
    const struct demo_station *at = party_station(c, step->to_kind);
    int64_t time = step_time(files->world, c, k);
    int fill = step->step[0] == 'f';
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], id[48];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_CYLINDER_EVENT, index * N_STEPS + k);
    demo_record_uid(world, DEMO_LAYER_CYLINDER_EVENT, index * N_STEPS + k, uid);
    demo_text(id, sizeof(id), "%s-%u", c->tag, (unsigned)k + 1);
    demo_out_begin(out, uid, c->owner->org, world->geo.towns[at->town].code);
    demo_out_text(out, "event_id", id);
    demo_out_time(out, "occurred_at", time);
    demo_out_time(out, "received_at", time + demo_rng_range(&rng, 1, 40) * 1000);
    demo_out_text(out, "tag_no", c->tag);
    demo_out_text(out, "step", step->step);
    demo_out_text(out, "source", demo_rng_chance(&rng, 9600) ? "rfid" : "qr");
    demo_out_bool(out, "offline", demo_rng_chance(&rng, 300));
    demo_out_text(out, "from_kind", step->from_kind);
    demo_out_text(out, "from_name", party_name(c, step->from_kind));
    demo_out_text(out, "to_kind", step->to_kind);
    demo_out_text(out, "to_uid", step->to_kind[0] == 'u' ? c->holder_uid : at->uid);
    demo_out_text(out, "to_name", party_name(c, step->to_kind));
    if (fill) {
        demo_out_decimal(out, "weight_before_kg", c->before_100g, 1);
        demo_out_decimal(out, "weight_after_kg", c->after_100g, 1);
    }
    demo_out_decimal(out, "lon_deg", at->at.lon_e6, 6);
    demo_out_decimal(out, "lat_deg", at->at.lat_e6, 6);
    demo_out_bool(out, "illegal_flow", 0);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_bare(out, err);
}

/* What a filling and a test have in common: whose cylinder, which, and where. */
static void
begin_at_works(struct files *files, struct demo_out *out, enum demo_layer layer,
               const struct cylinder *c, uint64_t index, const char *no_key, char prefix)
{
    struct demo_world *world = files->world;
    char uid[DEMO_UUID_TEXT], no[48];

    demo_record_uid(world, layer, index, uid);
    demo_text(no, sizeof(no), "%c-%s", prefix, c->tag);
    demo_out_begin(out, uid, c->owner->org, world->geo.towns[c->works->town].code);
    demo_out_text(out, no_key, no);
    demo_out_text(out, "tag_no", c->tag);
    demo_out_text(out, "serial_no", c->serial);
    demo_out_text(out, "station_uid", c->works->uid);
    demo_out_text(out, "station_name", c->works->name);
    demo_out_decimal(out, "tare_kg", c->tare_100g, 1);
}

static int
write_filling(struct files *files, const struct cylinder *c, uint64_t index, struct demo_error *err)
{
    struct demo_out *out = files->fillings;

    begin_at_works(files, out, DEMO_LAYER_FILLING, c, index, "filling_no", 'F');
    demo_out_time(out, "filled_at", c->filled_at);
    demo_out_text(out, "model", c->model->code);
    demo_out_text(out, "enterprise_uid", c->owner->uid);
    demo_out_text(out, "enterprise_name", c->owner->name);
    demo_out_text(out, "source", index % 25 == 0 ? "manual" : "rfid");
    demo_out_decimal(out, "weight_before_kg", c->before_100g, 1);
    demo_out_decimal(out, "weight_after_kg", c->after_100g, 1);
    demo_out_decimal(out, "net_kg", c->after_100g - c->before_100g, 1);
    demo_out_text(out, "precheck", "passed");
    demo_out_text(out, "postcheck", index % 500 == 0 ? "not_done" : "passed");
    demo_out_text(out, "result", "filled");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_bare(out, err);
}

static int
write_test(struct files *files, const struct cylinder *c, uint64_t index, struct demo_error *err)
{
    struct demo_out *out = files->tests;

    begin_at_works(files, out, DEMO_LAYER_CYLINDER_TEST, c, index, "test_no", 'J');
    demo_out_date(out, "tested_on", c->tested_on);
    demo_out_text(out, "appearance", "passed");
    demo_out_text(out, "interior", "passed");
    demo_out_text(out, "hydraulic", "passed");
    demo_out_decimal(out, "hydraulic_mpa", 32, 1);
    demo_out_text(out, "valve", "passed");
    demo_out_text(out, "tightness", "passed");
    demo_out_text(out, "verdict", "passed");
    demo_out_date(out, "next_test_on", c->next_test_on);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_bare(out, err);
}

static int
write_history(struct files *files, const struct cylinder *c, uint64_t index, struct demo_error *err)
{
    size_t n = steps_done(c->where);
    int failed = c->tested_on > c->made_on ? write_test(files, c, index, err) : 0;

    for (size_t k = 0; failed == 0 && k < n; k++) {
        failed = write_event(files, c, index, k, err);
    }
    if (failed == 0 && n > 3) {
        failed = write_filling(files, c, index, err);
    }
    if (failed == 0 && n > SELL_STEP && c->user_no[0] != '\0') {
        const struct demo_sale sale = {.tag = c->tag,
                                       .model = c->model->code,
                                       .user_no = c->user_no,
                                       .station = (size_t)(c->station - files->world->stations),
                                       .sold_at = step_time(files->world, c, SELL_STEP),
                                       .net_100g = c->after_100g - c->tare_100g,
                                       .index = index};
        failed = demo_register_sale(files->world, &sale, err);
    }
    return failed;
}

static int
draw_cylinder(struct files *files, size_t town, uint32_t index, struct demo_error *err)
{
    static uint16_t models[sizeof(MODELS) / sizeof(MODELS[0])];
    static uint16_t places[N_WHERE];
    struct demo_world *world = files->world;
    struct cylinder c = {.town = town, .user_no = ""};
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT], holder[DEMO_UUID_TEXT];
    int failed;

    for (size_t i = 0; i < sizeof(MODELS) / sizeof(MODELS[0]); i++) {
        models[i] = MODELS[i].weight;
    }
    for (size_t i = 0; i < N_WHERE; i++) {
        places[i] = PLACES[i].weight;
    }
    demo_rng_init(&rng, world->seed, DEMO_LAYER_CYLINDER, index);
    demo_record_uid(world, DEMO_LAYER_CYLINDER, index, uid);
    c.model = &MODELS[demo_rng_pick(&rng, models, sizeof(MODELS) / sizeof(MODELS[0]))];
    c.where = (enum where)demo_rng_pick(&rng, places, N_WHERE);
    c.station = &world->stations[demo_user_station(world, &rng, town)];
    c.owner = &world->enterprises[c.station->enterprise];
    c.works = &world->stations[files->works[c.station->enterprise]];
    demo_text(c.tag, sizeof(c.tag), "LPG46%010u", index + 1);
    demo_text(c.serial, sizeof(c.serial), "%c%09u", (int)('A' + index % 26), index + 1);
    draw_life(world, &rng, &c);
    draw_gas(world, &rng, &c);
    draw_holder(files, &rng, &c, holder);
    failed = write_cylinder(files, &c, uid, (int32_t)index, err);
    return failed == 0 && index % DEMO_TRACED == 0 ? write_history(files, &c, index, err) : failed;
}

/* Its own filling works, or the first one of all. */
static int
find_works(struct files *files, struct demo_error *err)
{
    struct demo_world *world = files->world;
    size_t any = world->n_stations;

    files->works = malloc(world->n_enterprises * sizeof(*files->works));
    if (files->works == NULL) {
        return demo_fail(err, "out of memory");
    }
    for (size_t e = 0; e < world->n_enterprises; e++) {
        files->works[e] = world->n_stations;
    }
    for (size_t i = world->n_stations; i-- > 0;) {
        const struct demo_station *s = &world->stations[i];
        if (s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING) {
            files->works[s->enterprise] = i;
            any = i;
        }
    }
    for (size_t e = 0; e < world->n_enterprises; e++) {
        if (files->works[e] == world->n_stations) {
            files->works[e] = any < world->n_stations ? any : 0;
        }
    }
    return 0;
}

static int
write_all(struct files *files, struct demo_error *err)
{
    struct demo_world *world = files->world;
    uint32_t *weights = calloc(world->geo.n_towns, sizeof(*weights));
    uint32_t *parts = calloc(world->geo.n_towns, sizeof(*parts));
    uint32_t index = 0;
    int failed = 0;

    for (size_t t = 0; weights != NULL && t < world->geo.n_towns; t++) {
        weights[t] = world->geo.towns[t].weight;
    }
    if (weights == NULL || parts == NULL ||
        demo_allot(weights, world->geo.n_towns, demo_scaled(world, 3660000, 2000), parts) != 0) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t t = 0; failed == 0 && t < world->geo.n_towns; t++) {
        for (uint32_t i = 0; failed == 0 && i < parts[t]; i++) {
            failed = draw_cylinder(files, t, index++, err);
        }
    }
    free(weights);
    free(parts);
    return failed;
}

int
demo_write_cylinders(struct demo_world *world, struct demo_error *err)
{
    static const char *const names[] = {"cylinders", "cylinder-events", "fillings",
                                        "cylinder-tests"};
    static struct demo_out outs[4];
    struct files files = {world, &outs[0], &outs[1], &outs[2], &outs[3], NULL};
    int failed = find_works(&files, err);
    int n = 0;

    for (; failed == 0 && n < 4; n++) {
        failed = demo_out_open(&outs[n], world->dir, names[n], err);
    }
    if (failed == 0) {
        failed = write_all(&files, err);
    }
    for (int i = 0; i < n; i++) {
        if (failed == 0) {
            failed = demo_out_close(&outs[i], err);
        } else {
            demo_out_discard(&outs[i]);
        }
    }
    free(files.works);
    return failed;
}

/* End users: most of the records. Those with an open finding get their hazard in the same pass. */

#include "world.h"

#include "names.h"
#include "registers.h"
#include "text.h"

#include <string.h>

enum user_kind {
    RESIDENT,
    CATERING,
    SCHOOL,
    MEDICAL,
    HOTEL,
    CONSTRUCTION,
    INDUSTRY,
    OTHER,
    N_KINDS
};

static const char *const KIND_CODES[N_KINDS] = {"resident", "catering",     "school",   "medical",
                                                "hotel",    "construction", "industry", "other"};
static const uint16_t KIND_WEIGHTS[N_KINDS] = {8830, 840, 40, 20, 60, 40, 50, 120};

enum inspection {
    PASSED,
    GENERAL_HAZARD,
    MAJOR_HAZARD,
    REFUSED,
    ABSENT,
    OVERDUE,
    STOPPED,
    N_STATES
};

static const char *const STATE_CODES[N_STATES] = {
    "passed", "general_hazard", "major_hazard", "refused", "absent", "overdue", "stopped"};
static const uint16_t STATE_WEIGHTS[N_STATES] = {9180, 150, 1, 60, 160, 330, 119};

struct cylinder_model {
    const char *code;
    uint16_t fill_100g;
};

static const struct cylinder_model MODELS[] = {
    {"YSP4.7", 19}, {"YSP12", 50}, {"YSP26.2", 110}, {"YSP35.5", 149}, {"YSP118", 495}};

struct user {
    enum user_kind kind;
    enum inspection state;
    const char *premises;
    int storeys;
    size_t model;
    int32_t contract_on;
    int32_t inspected_on;
    int32_t next_on;
    uint32_t cylinders;
    uint32_t ordered;
    uint32_t ordered_100g;
    char name[DEMO_NAME_TEXT * 2];
    char id_no[DEMO_ID_CARD_TEXT];
    char phone[DEMO_PHONE_TEXT];
    char address[DEMO_ADDRESS_TEXT];
};

static void
draw_premises(struct demo_rng *rng, const struct demo_town *town, struct user *u)
{
    static const char *const codes[] = {"detached", "multi_storey", "high_rise",
                                        "shop",     "yard",         "basement"};
    static const int storeys[] = {2, 6, 18, 1, 1, 1};
    static const uint16_t home_street[] = {1500, 6600, 1890, 0, 0, 10};
    static const uint16_t home_rural[] = {7200, 2700, 90, 0, 0, 10};
    static const uint16_t shop[] = {300, 500, 60, 9120, 0, 20};
    static const uint16_t yard[] = {0, 2500, 300, 700, 6500, 0};
    const uint16_t *weights = u->kind == RESIDENT   ? (town->is_street ? home_street : home_rural)
                              : u->kind == CATERING ? shop
                                                    : yard;
    size_t pick = demo_rng_pick(rng, weights, 6);

    u->premises = codes[pick];
    u->storeys = storeys[pick];
}

static void
draw_name(struct demo_rng *rng, const struct demo_town *town, struct user *u)
{
    static const char *const catering[] = {"老爸茶店", "海鲜酒楼", "粉汤店",
                                           "烧腊饭店", "糖水店",   "大排档"};
    static const char *const words[N_KINDS] = {
        "", "", "学校食堂", "卫生院食堂", "宾馆", "项目工地食堂", "食品厂", "机关食堂"};
    char brand[DEMO_PERSON_TEXT];

    if (u->kind == RESIDENT) {
        demo_person_name(rng, u->name);
        return;
    }
    demo_brand_name(demo_rng_below(rng, DEMO_BRANDS), brand);
    demo_text(u->name, sizeof(u->name), "%.80s%s%s", town->label, brand,
              u->kind == CATERING ? catering[demo_rng_below(rng, 6)] : words[u->kind]);
}

static void
draw_gas(struct demo_rng *rng, struct user *u)
{
    static const uint16_t home[] = {30, 500, 700, 8770, 0};
    static const uint16_t trade[] = {0, 100, 300, 6000, 3600};

    if (u->kind == RESIDENT) {
        u->model = demo_rng_pick(rng, home, 5);
        u->cylinders = 1 + (uint32_t)demo_rng_chance(rng, 2200);
        u->ordered = (uint32_t)demo_rng_range(rng, 2, 10);
    } else {
        u->model = demo_rng_pick(rng, trade, 5);
        u->cylinders = (uint32_t)demo_rng_range(rng, 2, 8);
        u->ordered = (uint32_t)demo_rng_range(rng, 12, 150);
    }
    if (u->state == STOPPED) {
        u->cylinders = 0;
        u->ordered = 0;
    }
    u->ordered_100g = u->ordered * MODELS[u->model].fill_100g;
}

/* Cadence by calendar: homes once in each half-year, everybody else once in each month. `next_on`
 * is the last day of the period in which the next inspection falls due. */
static void
draw_inspection(const struct demo_world *world, struct demo_rng *rng, struct user *u)
{
    int home = u->kind == RESIDENT;
    int32_t (*period_end)(int32_t) = home ? demo_half_year_end : demo_month_end;
    int32_t this_end = period_end(world->as_of);
    int32_t last_end = period_end(this_end - (home ? 185 : 32));
    int32_t before_end = period_end(last_end - (home ? 185 : 32));
    int32_t today = world->as_of - last_end; /* days of this period so far, at least one */

    u->contract_on = world->as_of - demo_rng_range(rng, 400, 3200);
    switch (u->state) {
    case PASSED:
        /* In this period, or in the last one and not yet due again. */
        if (demo_rng_chance(rng, home ? 7300 : 8200)) {
            u->inspected_on = last_end + demo_rng_range(rng, 1, today);
        } else {
            u->inspected_on = last_end - demo_rng_range(rng, 0, home ? 170 : 26);
        }
        break;
    case GENERAL_HAZARD:
    case MAJOR_HAZARD:
        u->inspected_on = world->as_of - demo_recent_days(rng);
        break;
    case OVERDUE:
        u->inspected_on = before_end - demo_rng_range(rng, 0, home ? 170 : 26);
        break;
    default:
        u->inspected_on = last_end - demo_rng_range(rng, 0, home ? 170 : 26);
        break;
    }
    if (u->inspected_on < u->contract_on) {
        u->inspected_on = u->contract_on;
    }
    u->next_on = u->state == STOPPED ? DEMO_NO_DATE : period_end(period_end(u->inspected_on) + 1);
}

static void
draw_user(struct demo_world *world, struct demo_rng *rng, size_t town, uint32_t index,
          struct user *u)
{
    const struct demo_town *t = &world->geo.towns[town];

    u->kind = (enum user_kind)demo_rng_pick(rng, KIND_WEIGHTS, N_KINDS);
    u->state = (enum inspection)demo_rng_pick(rng, STATE_WEIGHTS, N_STATES);
    draw_premises(rng, t, u);
    draw_name(rng, t, u);
    /* A county's users follow one another, so their numbers differ. */
    demo_id_card_make(t->code, world->user_start[town] + index, u->id_no);
    demo_next_phone(world, u->phone);
    demo_home_address(rng, t, u->storeys, u->address);
    draw_gas(rng, u);
    draw_inspection(world, rng, u);
}

static int
write_user_hazard(struct demo_world *world, struct demo_out *hazards, struct demo_rng *rng,
                  const struct user *u, uint32_t index, struct demo_hazard_subject *subject,
                  struct demo_error *err)
{
    char place[DEMO_PREFIX_TEXT + 64];

    /* To the street only: the house number is the user's business. */
    demo_text(place, sizeof(place), "%s%s", world->geo.towns[subject->town].prefix,
              demo_street_name(rng));
    subject->place = place;
    if (u->state == GENERAL_HAZARD || u->state == MAJOR_HAZARD) {
        return demo_write_hazard(world, hazards, rng, subject, u->state == MAJOR_HAZARD, 0,
                                 u->inspected_on, err);
    }
    if (u->state == PASSED && index % DEMO_TRACED == 0) {
        const struct demo_check check = {.subject = "user",
                                         .uid = subject->uid,
                                         .no = subject->name,
                                         .kind = "user",
                                         .enterprise = subject->enterprise,
                                         .town = subject->town,
                                         .at = subject->at,
                                         .ended_at = demo_beijing_ms(u->inspected_on, 15 * 60)};
        if (demo_register_check(world, &check, err) != 0) {
            return -1;
        }
    }
    if (u->state == PASSED && demo_rng_chance(rng, 80)) {
        return demo_write_hazard(world, hazards, rng, subject, demo_rng_chance(rng, 100), 1,
                                 u->inspected_on - demo_rng_range(rng, 5, 20), err);
    }
    return 0;
}

static int
write_user(struct demo_world *world, struct demo_out *out, struct demo_out *hazards, size_t town,
           uint32_t index, struct demo_error *err)
{
    const struct demo_town *t = &world->geo.towns[town];
    struct demo_station *station;
    struct demo_enterprise *enterprise;
    struct demo_hazard_subject subject = {"user", NULL, NULL, 0, town, {0, 0}, NULL};
    struct demo_rng rng;
    struct user u;
    char uid[DEMO_UUID_TEXT];
    char no[32];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_USER, world->user_start[town] + index);
    demo_record_uid(world, DEMO_LAYER_USER, world->user_start[town] + index, uid);
    station = &world->stations[demo_user_station(world, &rng, town)];
    enterprise = &world->enterprises[station->enterprise];
    subject.at = demo_scatter(world, &rng, town);
    draw_user(world, &rng, town, index, &u);
    demo_user_no(world, town, index, no);
    station->totals.users++;
    enterprise->totals.users++;
    enterprise->filled_kg += u.ordered_100g / 120;

    demo_out_begin(out, uid, enterprise->org, t->code);
    demo_out_text(out, "user_no", no);
    demo_out_text(out, "name", u.name);
    demo_out_text(out, "id_no", u.id_no);
    demo_out_text(out, "phone", u.phone);
    demo_out_text(out, "address", u.address);
    demo_out_text(out, "position_grade", "given");
    demo_out_null(out, "position_error_m");
    demo_out_null(out, "position_source");
    demo_out_text(out, "consumer", u.kind == RESIDENT ? "residential" : "non_residential");
    demo_out_text(out, "kind", KIND_CODES[u.kind]);
    demo_out_text(out, "premises", u.premises);
    demo_out_text(out, "enterprise_uid", enterprise->uid);
    demo_out_text(out, "enterprise_name", enterprise->name);
    demo_out_text(out, "station_uid", station->uid);
    demo_out_text(out, "real_name_state", demo_rng_chance(&rng, 9640) ? "verified" : "unverified");
    demo_out_date(out, "contract_on", u.contract_on);
    demo_out_text(out, "inspection_state", STATE_CODES[u.state]);
    demo_out_time(out, "inspection_next_change",
                  u.state == PASSED || u.state == ABSENT ? demo_next_change(world, u.next_on, 400)
                                                         : DEMO_NEVER);
    demo_out_date(out, "last_inspection_on", u.inspected_on);
    demo_out_date(out, "next_inspection_on", u.next_on);
    demo_out_text(out, "cylinder_model", MODELS[u.model].code);
    demo_out_int(out, "cylinders_in_use", u.cylinders);
    demo_out_date(out, "cylinder_next_test_on",
                  u.cylinders == 0 ? DEMO_NO_DATE : world->as_of + demo_rng_range(&rng, -25, 1400));
    demo_out_int(out, "ordered_12m_count", u.ordered);
    demo_out_decimal(out, "ordered_12m_kg", u.ordered_100g, 1);
    demo_out_bool(out, "abnormal_purchase", demo_rng_chance(&rng, 15));
    demo_out_bool(out, "alarm_fitted", demo_rng_chance(&rng, u.kind == RESIDENT ? 1400 : 9350));
    demo_out_bool(out, "made_up", 1);
    if (demo_out_end(out, subject.at.lon_e6, subject.at.lat_e6, err) != 0) {
        return -1;
    }
    subject.uid = uid;
    subject.name = no;
    subject.enterprise = station->enterprise;
    return write_user_hazard(world, hazards, &rng, &u, world->user_start[town] + index, &subject,
                             err);
}

int
demo_write_users(struct demo_world *world, struct demo_out *hazards, struct demo_error *err)
{
    static struct demo_out out;
    uint64_t done = 0;
    int failed;

    if (demo_out_open(&out, world->dir, "end-users", err) != 0) {
        return -1;
    }
    failed = 0;
    for (size_t t = 0; failed == 0 && t < world->geo.n_towns; t++) {
        for (uint32_t i = 0; failed == 0 && i < world->town_users[t]; i++) {
            failed = write_user(world, &out, hazards, t, i, err);
            if (world->progress != NULL && ++done % 8192 == 0) {
                world->progress("end-users", done, world->n_users);
            }
        }
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

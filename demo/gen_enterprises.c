/* Enterprises, last: their totals are sums over what was written before. */

#include "world.h"

#include "names.h"
#include "registers.h"

static const char *
kind_code(enum demo_enterprise_kind kind)
{
    switch (kind) {
    case DEMO_ENTERPRISE_INTEGRATED:
        return "integrated";
    case DEMO_ENTERPRISE_FILLING:
        return "filling";
    case DEMO_ENTERPRISE_TRANSPORT:
        return "transport";
    case DEMO_ENTERPRISE_RETAIL:
        break;
    }
    return "retail";
}

static const char *
scope_text(enum demo_enterprise_kind kind)
{
    switch (kind) {
    case DEMO_ENTERPRISE_INTEGRATED:
        return "瓶装液化石油气储存、充装、销售与配送";
    case DEMO_ENTERPRISE_FILLING:
        return "液化石油气充装、瓶装气销售";
    case DEMO_ENTERPRISE_TRANSPORT:
        return "危险货物道路运输（2类1项）";
    case DEMO_ENTERPRISE_RETAIL:
        break;
    }
    return "瓶装液化石油气销售与配送";
}

/* Points per station: 10 for an open major hazard, 3 for stock over volume or a lapsed licence,
 * 1/100 for any other open hazard. From 2, 1 and 0.4 points on the grades are major, larger,
 * general. */
static double
risk_points(const struct demo_totals *t)
{
    double sum = 10.0 * t->open_major_hazards + 3.0 * (t->over_volume + t->expired) +
                 0.01 * (t->open_hazards - t->open_major_hazards);

    return sum / (t->stations > 0 ? t->stations : 1);
}

static const char *
risk_code(double points)
{
    if (points >= 2.0) {
        return "major";
    }
    if (points >= 1.0) {
        return "larger";
    }
    return points >= 0.4 ? "general" : "low";
}

static int32_t
credit_10th(struct demo_rng *rng, double points)
{
    int32_t score = 1000 - (int32_t)(points * 90.0) - demo_rng_range(rng, 0, 140);

    return score < 0 ? 0 : score;
}

/* As many records of staff follow: two for each station, and those of the office. */
static uint32_t
write_totals(struct demo_out *out, struct demo_rng *rng, const struct demo_enterprise *e)
{
    const struct demo_totals *t = &e->totals;

    demo_out_int(out, "station_count", t->stations);
    demo_out_int(out, "vehicle_count", t->vehicles);
    uint32_t office = 6 + t->vehicles + demo_rng_below(rng, 12);

    demo_out_int(out, "staff_count", office + t->stations * 2);
    demo_out_int(out, "cylinder_count", t->users * 2 + demo_rng_below(rng, 500));
    demo_out_int(out, "user_count", t->users);
    demo_out_decimal(out, "filled_last_month_t",
                     e->kind == DEMO_ENTERPRISE_TRANSPORT ? 0 : e->filled_kg / 100, 1);
    return office;
}

static int
write_enterprise(struct demo_world *world, struct demo_out *out, size_t index,
                 struct demo_error *err)
{
    const struct demo_enterprise *e = &world->enterprises[index];
    const struct demo_town *town = &world->geo.towns[e->town];
    double points = risk_points(&e->totals);
    struct demo_licence licence;
    struct demo_rng rng;
    uint32_t office;
    int32_t score, checked_on;
    char legal[DEMO_PERSON_TEXT];
    char manager[DEMO_PERSON_TEXT];
    char phone[DEMO_PHONE_TEXT];
    char uscc[DEMO_USCC_TEXT];
    char address[DEMO_ADDRESS_TEXT];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_ENTERPRISE, 4000000 + index);
    demo_uscc_make(world->geo.districts[town->district].code, (uint32_t)index + 1, uscc);
    demo_licence_draw(world, &rng, e->town, (uint32_t)index + 1, &licence);
    demo_street_address(&rng, town, address);
    demo_person_name(&rng, legal);
    demo_person_name(&rng, manager);
    demo_next_phone(world, phone);
    score = credit_10th(&rng, points);

    demo_out_begin(out, e->uid, e->org, town->code);
    demo_out_text(out, "org_code", e->org);
    demo_out_text(out, "name", e->name);
    demo_out_text(out, "short_name", e->short_name);
    demo_out_text(out, "kind", kind_code(e->kind));
    demo_out_text(out, "uscc", uscc);
    demo_out_text(out, "address", address);
    demo_out_text(out, "business_scope", scope_text(e->kind));
    demo_licence_write(out, &licence);
    demo_out_text(out, "legal_rep", legal);
    demo_out_text(out, "controller", legal);
    demo_out_bool(out, "first_responsible_recorded", demo_rng_chance(&rng, 9600));
    demo_out_text(out, "safety_manager", manager);
    demo_out_text(out, "contact_phone", phone);
    office = write_totals(out, &rng, e);
    demo_out_text(out, "credit_grade",
                  score >= 900   ? "A"
                  : score >= 750 ? "B"
                  : score >= 600 ? "C"
                                 : "D");
    demo_out_decimal(out, "credit_score", score, 1);
    demo_out_text(out, "risk", risk_code(points));
    demo_out_int(out, "open_hazards", e->totals.open_hazards);
    demo_out_int(out, "open_major_hazards", e->totals.open_major_hazards);
    demo_out_int(out, "over_volume_stations", e->totals.over_volume);
    demo_out_text(out, "video_state", demo_video_state(&e->totals));
    checked_on = world->as_of - (demo_rng_chance(&rng, 1500) ? demo_rng_range(&rng, 31, 90)
                                                             : demo_rng_range(&rng, 0, 30));
    demo_out_date(out, "last_check_on", checked_on);
    demo_out_date(out, "established_on", world->as_of - demo_rng_range(&rng, 1500, 9000));
    demo_out_bool(out, "made_up", 1);
    if (demo_out_end(out, e->at.lon_e6, e->at.lat_e6, err) != 0 ||
        demo_register_enterprise_licence(world, index, uscc, scope_text(e->kind), &licence, err) !=
            0 ||
        demo_register_office_staff(world, index, office, legal, manager, err) != 0) {
        return -1;
    }
    const struct demo_check check = {.subject = "enterprise",
                                     .uid = e->uid,
                                     .no = e->org,
                                     .kind = "regulator",
                                     .enterprise = index,
                                     .town = e->town,
                                     .at = e->at,
                                     .ended_at = demo_beijing_ms(checked_on, 9 * 60 + 30)};
    return demo_register_check(world, &check, err);
}

int
demo_write_enterprises(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, "enterprises", err);

    for (size_t i = 0; failed == 0 && i < world->n_enterprises; i++) {
        failed = write_enterprise(world, &out, i, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

/* Vehicles with their last fix at the moment of generation. */

#include "world.h"

#include "names.h"
#include "text.h"

#include <string.h>

enum vehicle_kind { TANKER, CYLINDER_TRUCK, DELIVERY_4, DELIVERY_3, DELIVERY_2, N_KINDS };
enum vehicle_state { MOVING, PARKED, LOADED_STOP, ALARM, OFFLINE, NO_GPS, N_STATES };

struct kind {
    const char *code;
    const char *model;
    uint16_t max_count; /* 0: does not carry cylinders */
    uint16_t rated_load_kg;
    uint16_t max_volume_l;
    uint8_t road_bound; /* travels between towns */
};

static const struct kind KINDS[N_KINDS] = {
    {"tanker", "示例 25 t 液化气槽车", 0, 25000, 59000, 1},
    {"cylinder_truck", "示例 3 t 气瓶运输车", 100, 2990, 3600, 1},
    {"delivery_4", "示例微型厢式车", 30, 745, 1065, 0},
    {"delivery_3", "示例三轮配送车", 8, 300, 284, 0},
    {"delivery_2", "示例两轮配送车", 2, 80, 71, 0}};
static const char *const STATE_CODES[N_STATES] = {"moving", "parked",  "loaded_stop",
                                                  "alarm",  "offline", "no_gps"};

struct vehicle {
    enum vehicle_kind kind;
    enum vehicle_state state;
    size_t enterprise;
    size_t town;
    struct demo_point at;
    char plate[DEMO_PLATE_TEXT];
    const char *plate_colour;
    int32_t insured_to;
    int32_t permit_to;
    int32_t driver_to;
    int32_t escort_to;
    uint32_t full;
};

struct fleet {
    struct demo_world *world;
    struct demo_out *out;
    struct demo_out *hazards;
    uint32_t n_vehicles;
};

static char
plate_letter(const struct demo_district *district)
{
    static const char north[] = "469002 469005 469006 469021 469022 469023 469024";

    if (strcmp(district->city, "海口市") == 0 || strcmp(district->name, "三沙市") == 0) {
        return 'A';
    }
    if (strcmp(district->city, "三亚市") == 0) {
        return 'B';
    }
    if (strcmp(district->name, "儋州市") == 0) {
        return 'F';
    }
    return strstr(north, district->code) != NULL ? 'C' : 'D';
}

/* Trucks under way are put on the road vertex nearest to home out of a few; the town follows the
 * place, so that the record lies in the area it names. */
static void
place_on_road(const struct demo_world *world, struct demo_rng *rng, struct vehicle *v)
{
    enum { PICKS = 30 };
    const struct demo_geo *geo = &world->geo;
    struct demo_point home = v->at;
    double best_m = 1e12;

    for (int i = 0; i < PICKS; i++) {
        struct demo_point p = geo->road_points[demo_rng_below(rng, (uint32_t)geo->n_road_points)];
        double m = demo_distance_m(home, p);
        size_t district, town;

        if (m >= best_m || (district = demo_geo_district_at(geo, p)) == geo->n_districts) {
            continue;
        }
        town = demo_geo_nearest_town(geo, district, p);
        if (town < geo->n_towns) {
            best_m = m;
            v->at = p;
            v->town = town;
        }
    }
}

static void
draw_state(const struct demo_world *world, struct demo_rng *rng, struct vehicle *v)
{
    static const uint16_t weights[] = {3600, 5700, 170, 80, 450};
    int no_gps = v->kind >= DELIVERY_3 && demo_rng_chance(rng, 700);

    v->state = no_gps ? NO_GPS : (enum vehicle_state)demo_rng_pick(rng, weights, 5);
    if (v->state == PARKED || v->state == NO_GPS) {
        return;
    }
    if (KINDS[v->kind].road_bound) {
        place_on_road(world, rng, v);
    } else {
        v->at = demo_scatter_near(world, rng, world->geo.towns[v->town].district, v->at, 900.0);
    }
}

static int32_t
due(const struct demo_world *world, struct demo_rng *rng, uint32_t lapsed_per_10k)
{
    return world->as_of + (demo_rng_chance(rng, lapsed_per_10k) ? -demo_rng_range(rng, 1, 90)
                                                                : demo_rng_range(rng, 8, 700));
}

static const char *
papers_state(const struct demo_world *world, const struct vehicle *v)
{
    const int32_t ends[] = {v->insured_to, v->permit_to, v->driver_to, v->escort_to};
    const char *state = "valid";

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends[i] == DEMO_NO_DATE) {
            continue;
        }
        if (ends[i] < world->as_of) {
            return "expired";
        }
        if (ends[i] - world->as_of <= 30) {
            state = "expiring";
        }
    }
    return state;
}

static void
draw_papers(const struct demo_world *world, struct demo_rng *rng, uint32_t index, struct vehicle *v)
{
    int hazmat = v->kind <= CYLINDER_TRUCK;
    int electric = v->kind == DELIVERY_4 && demo_rng_chance(rng, 4500);

    v->insured_to = due(world, rng, 150);
    v->permit_to = hazmat ? due(world, rng, 100) : DEMO_NO_DATE;
    v->driver_to = due(world, rng, 120);
    v->escort_to = hazmat ? due(world, rng, 120) : DEMO_NO_DATE;
    v->plate[0] = '\0';
    v->plate_colour = NULL;
    if (v->kind <= DELIVERY_4) {
        size_t district = world->geo.towns[world->enterprises[v->enterprise].town].district;
        demo_plate_make(plate_letter(&world->geo.districts[district]), electric, index, v->plate);
        v->plate_colour = electric ? "5" : hazmat ? "2" : "1";
    }
}

static void
write_motion(const struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
             const struct vehicle *v)
{
    int moving = v->state == MOVING || v->state == ALARM || v->state == OFFLINE;
    int32_t silent_s =
        v->state == OFFLINE ? demo_rng_range(rng, 301, 20000) : demo_rng_range(rng, 1, 29);

    demo_out_text(out, "state", STATE_CODES[v->state]);
    if (v->state == NO_GPS) {
        demo_out_null(out, "heading_deg");
        demo_out_null(out, "speed_km_h");
        demo_out_null(out, "mileage_today_km");
        demo_out_null(out, "last_fix_at");
        return;
    }
    demo_out_int(out, "heading_deg", demo_rng_below(rng, 360));
    demo_out_decimal(out, "speed_km_h",
                     moving ? demo_rng_range(rng, 80, v->kind <= CYLINDER_TRUCK ? 590 : 380) : 0,
                     1);
    demo_out_decimal(out, "mileage_today_km", demo_rng_range(rng, 0, moving ? 1600 : 700), 1);
    demo_out_time(out, "last_fix_at", world->now_ms - (int64_t)silent_s * 1000);
}

static void
write_load(struct demo_out *out, struct demo_rng *rng, const struct vehicle *v)
{
    const struct kind *kind = &KINDS[v->kind];

    if (kind->max_count == 0) {
        demo_out_null(out, "full_count");
        demo_out_null(out, "empty_count");
        demo_out_null(out, "max_count");
    } else {
        demo_out_int(out, "full_count", v->full);
        demo_out_int(out, "empty_count",
                     v->full < kind->max_count ? demo_rng_below(rng, kind->max_count - v->full)
                                               : 0);
        demo_out_int(out, "max_count", kind->max_count);
    }
    demo_out_int(out, "rated_load_kg", kind->rated_load_kg);
    demo_out_int(out, "max_volume_l", kind->max_volume_l);
    demo_out_bool(out, "overloaded", kind->max_count > 0 && v->full > kind->max_count);
}

static int64_t
papers_next_change(const struct demo_world *world, const struct vehicle *v)
{
    const int32_t ends[] = {v->insured_to, v->permit_to, v->driver_to, v->escort_to};
    int64_t next = DEMO_NEVER;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int64_t change = demo_next_change(world, ends[i], 30);
        next = change < next ? change : next;
    }
    return next;
}

static void
write_people(struct demo_out *out, struct demo_rng *rng, const struct vehicle *v)
{
    char person[DEMO_PERSON_TEXT];

    demo_person_name(rng, person);
    demo_out_text(out, "driver_name", person);
    demo_out_date(out, "driver_permit_to", v->driver_to);
    demo_person_name(rng, person);
    demo_out_text(out, "escort_name", v->kind <= CYLINDER_TRUCK ? person : NULL);
    demo_out_date(out, "escort_permit_to", v->escort_to);
}

static int
write_vehicle(struct fleet *fleet, enum vehicle_kind kind, size_t enterprise, size_t home_town,
              struct demo_point home, struct demo_error *err)
{
    struct demo_world *world = fleet->world;
    const struct demo_enterprise *e = &world->enterprises[enterprise];
    struct demo_finding finding = {200, 1, NULL};
    struct demo_hazard_subject subject = {"vehicle", NULL, NULL, enterprise, 0, {0, 0}, NULL};
    struct vehicle v = {.kind = kind, .enterprise = enterprise, .town = home_town, .at = home};
    uint32_t index = fleet->n_vehicles++;
    struct demo_out *out = fleet->out;
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT];
    char no[16];
    char text[DEMO_NAME_TEXT * 2];
    int32_t maintained;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_VEHICLE, index);
    demo_record_uid(world, DEMO_LAYER_VEHICLE, index, uid);
    demo_text(no, sizeof(no), "V%05u", (index + 1) % 100000);
    draw_state(world, &rng, &v);
    draw_papers(world, &rng, index, &v);
    v.full = KINDS[kind].max_count == 0 || v.state == PARKED
                 ? 0
                 : demo_rng_below(&rng, KINDS[kind].max_count + 1u);
    if (v.full > 0 && demo_rng_chance(&rng, 250)) {
        v.full = KINDS[kind].max_count + 1u + demo_rng_below(&rng, 3);
    }
    world->enterprises[enterprise].totals.vehicles++;

    demo_out_begin(out, uid, e->org, world->geo.towns[v.town].code);
    demo_out_text(out, "vehicle_no", no);
    demo_out_text(out, "plate", v.plate[0] != '\0' ? v.plate : NULL);
    demo_out_text(out, "plate_colour", v.plate_colour);
    demo_text(text, sizeof(text), "配备%05u", (index + 1) % 100000);
    demo_out_text(out, "filing_no", v.plate[0] == '\0' ? text : NULL);
    demo_out_text(out, "kind", KINDS[kind].code);
    demo_out_text(out, "model", KINDS[kind].model);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_date(out, "insurance_to", v.insured_to);
    demo_text(text, sizeof(text), "琼运示例%06u", (index + 1) % 1000000);
    demo_out_text(out, "transport_permit_no", v.permit_to == DEMO_NO_DATE ? NULL : text);
    demo_out_date(out, "transport_permit_to", v.permit_to);
    demo_out_text(out, "papers_state", papers_state(world, &v));
    demo_out_time(out, "papers_next_change", papers_next_change(world, &v));
    /* Nobody drives them: what they do stays as it was drawn. */
    demo_out_time(out, "state_next_change", DEMO_NEVER);
    demo_text(text, sizeof(text), "%.80s—%.80s", world->geo.towns[e->town].name,
              world->geo.towns[v.town].name);
    demo_out_text(out, "route_name", KINDS[kind].road_bound && e->town != v.town ? text : NULL);
    write_people(out, &rng, &v);
    write_load(out, &rng, &v);
    demo_out_bool(out, "gps_fitted", v.state != NO_GPS);
    demo_out_bool(out, "recorder_fitted", v.state != NO_GPS && demo_rng_chance(&rng, 9500));
    demo_out_text(out, "video_state",
                  kind > CYLINDER_TRUCK         ? "none"
                  : demo_rng_chance(&rng, 9300) ? "online"
                                                : "offline");
    write_motion(world, out, &rng, &v);
    maintained = world->as_of - demo_rng_range(&rng, 3, 175);
    demo_out_date(out, "last_maintained_on", maintained);
    demo_out_date(out, "next_maintenance_on", maintained + (demo_rng_chance(&rng, 200) ? 2 : 180));
    demo_out_bool(out, "made_up", 1);
    if (demo_out_end(out, v.at.lon_e6, v.at.lat_e6, err) != 0) {
        return -1;
    }
    subject.uid = uid;
    subject.name = no;
    subject.town = v.town;
    subject.at = v.at;
    return demo_write_findings(world, fleet->hazards, &rng, &subject, &finding, err);
}

/* How many of each kind a station or a transport firm runs. */
static int
write_fleet(struct fleet *fleet, struct demo_rng *rng, const uint32_t low[N_KINDS],
            const uint32_t high[N_KINDS], size_t enterprise, size_t town, struct demo_point at,
            struct demo_error *err)
{
    for (int kind = 0; kind < N_KINDS; kind++) {
        uint32_t n = (uint32_t)demo_rng_range(rng, (int32_t)low[kind], (int32_t)high[kind]);

        for (uint32_t i = 0; i < n; i++) {
            if (write_vehicle(fleet, (enum vehicle_kind)kind, enterprise, town, at, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int
write_all(struct fleet *fleet, struct demo_error *err)
{
    static const uint32_t works_low[N_KINDS] = {1, 3, 1, 0, 0};
    static const uint32_t works_high[N_KINDS] = {2, 6, 2, 2, 0};
    static const uint32_t supply_low[N_KINDS] = {0, 0, 0, 0, 0};
    static const uint32_t supply_high[N_KINDS] = {0, 0, 1, 2, 1};
    static const uint32_t firm_low[N_KINDS] = {3, 6, 0, 0, 0};
    static const uint32_t firm_high[N_KINDS] = {6, 14, 0, 0, 0};
    struct demo_world *world = fleet->world;
    struct demo_rng rng;

    for (size_t i = 0; i < world->n_stations; i++) {
        const struct demo_station *s = &world->stations[i];
        int works = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING;

        demo_rng_init(&rng, world->seed, DEMO_LAYER_VEHICLE, 2000000 + i);
        if ((works || s->kind == DEMO_STATION_SUPPLY) &&
            write_fleet(fleet, &rng, works ? works_low : supply_low,
                        works ? works_high : supply_high, s->enterprise, s->town, s->at,
                        err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < world->n_enterprises; i++) {
        const struct demo_enterprise *e = &world->enterprises[i];

        demo_rng_init(&rng, world->seed, DEMO_LAYER_VEHICLE, 3000000 + i);
        if (e->kind == DEMO_ENTERPRISE_TRANSPORT &&
            write_fleet(fleet, &rng, firm_low, firm_high, i, e->town, e->at, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int
demo_write_vehicles(struct demo_world *world, struct demo_out *hazards, struct demo_error *err)
{
    static struct demo_out out;
    struct fleet fleet = {world, &out, hazards, 0};

    if (demo_out_open(&out, world->dir, "vehicles", err) != 0) {
        return -1;
    }
    if (write_all(&fleet, err) != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

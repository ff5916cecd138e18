/* Stations with their stock, after the layers that count into them. */

#include "world.h"

#include "names.h"
#include "registers.h"

#include <string.h>

enum { N_MODELS = 5 };

static const char *const MODEL_FIELDS[N_MODELS] = {"full_ysp4_7", "full_ysp12", "full_ysp26_2",
                                                   "full_ysp35_5", "full_ysp118"};
/* Tenths of a litre. */
static const uint32_t MODEL_DL[N_MODELS] = {47, 120, 262, 355, 1180};

struct stock {
    uint32_t full[N_MODELS];
    uint32_t volume_dl;
    uint32_t limit_l;
    uint32_t empty;
};

struct detector {
    const char *state;
    int32_t lel_10th; /* -1: no reading */
};

static const char *
station_kind_code(enum demo_station_kind kind)
{
    switch (kind) {
    case DEMO_STATION_STORAGE:
        return "storage";
    case DEMO_STATION_FILLING:
        return "filling";
    case DEMO_STATION_TEST:
        return "test";
    case DEMO_STATION_VAPORISING:
        return "vaporising";
    case DEMO_STATION_CYLINDER_ROOM:
        return "cylinder_room";
    case DEMO_STATION_SUPPLY:
        break;
    }
    return "supply";
}

/* Litres of full cylinders that the class allows: III up to 1 m3, II up to 6 m3, I up to 20 m3. */
static const char *
draw_class(struct demo_rng *rng, enum demo_station_kind kind, uint32_t *ret_limit_l)
{
    static const char *const codes[] = {"III", "II", "I"};
    static const uint32_t limits_l[] = {1000, 6000, 20000};
    static const uint16_t weights[] = {915, 75, 10};
    size_t pick = demo_rng_pick(rng, weights, 3);

    if (kind == DEMO_STATION_STORAGE || kind == DEMO_STATION_FILLING) {
        *ret_limit_l = 20000;
        return NULL;
    }
    if (kind != DEMO_STATION_SUPPLY) {
        *ret_limit_l = kind == DEMO_STATION_TEST ? 0 : 4000;
        return NULL;
    }
    *ret_limit_l = limits_l[pick];
    return codes[pick];
}

static void
draw_stock(struct demo_rng *rng, int may_exceed, struct stock *stock)
{
    uint32_t limit_dl = stock->limit_l * 10;
    int over = may_exceed && demo_rng_chance(rng, 250);
    uint32_t target_dl =
        limit_dl / 1000 *
        (uint32_t)(over ? demo_rng_range(rng, 1010, 1200) : demo_rng_range(rng, 180, 960));
    static const uint32_t most_percent[N_MODELS] = {2, 6, 8, 100, 30};
    static const int order[N_MODELS] = {4, 2, 1, 0, 3};

    memset(stock->full, 0, sizeof(stock->full));
    stock->volume_dl = 0;
    for (int i = 0; i < N_MODELS; i++) {
        int m = order[i];
        uint32_t room_dl = target_dl - stock->volume_dl;
        uint32_t share_dl =
            m == 3
                ? room_dl
                : (uint32_t)((uint64_t)target_dl * demo_rng_below(rng, most_percent[m] + 1) / 100);
        uint32_t n = (share_dl < room_dl ? share_dl : room_dl) / MODEL_DL[m];
        stock->full[m] = n;
        stock->volume_dl += n * MODEL_DL[m];
    }
    while (over && stock->volume_dl <= limit_dl) {
        stock->full[3]++;
        stock->volume_dl += MODEL_DL[3];
    }
    stock->empty = demo_rng_below(rng, stock->full[3] * 2 + 4);
}

/* Set points 20 and 50 % LEL, exceeded and not only reached. */
static struct detector
draw_detector(struct demo_rng *rng)
{
    static const uint16_t weights[] = {9560, 60, 20, 310, 50};

    switch (demo_rng_pick(rng, weights, 5)) {
    case 0:
        return (struct detector){"normal", demo_rng_range(rng, 0, 60)};
    case 1:
        return (struct detector){"level1", demo_rng_range(rng, 201, 500)};
    case 2:
        return (struct detector){"level2", demo_rng_range(rng, 501, 780)};
    case 3:
        return (struct detector){"offline", -1};
    default:
        return (struct detector){"none", -1};
    }
}

static void
write_room(struct demo_out *out, struct demo_rng *rng, const struct demo_station *s,
           const char *class_code)
{
    int works = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING;
    int third = class_code != NULL && strcmp(class_code, "III") == 0;
    int32_t premises, store;

    if (works) {
        premises = demo_rng_range(rng, 6000, 36000);
        store = demo_rng_range(rng, 1200, 4800);
    } else if (third) {
        /* 16 and 12 m2 are asked for; a few rooms fall short. */
        premises = demo_rng_chance(rng, 150) ? demo_rng_range(rng, 120, 159)
                                             : demo_rng_range(rng, 160, 620);
        store = demo_rng_chance(rng, 150) ? demo_rng_range(rng, 80, 119)
                                          : demo_rng_range(rng, 120, 320);
    } else {
        premises = demo_rng_range(rng, 600, 3000);
        store = demo_rng_range(rng, 240, 1500);
    }
    demo_out_decimal(out, "premises_m2", store + 20 > premises ? store + 40 : premises, 1);
    demo_out_decimal(out, "store_m2", store, 1);
    if (works) {
        static const int32_t tanks_m3[] = {100, 150, 200, 300, 400, 600};
        demo_out_int(out, "tank_volume_m3", tanks_m3[demo_rng_below(rng, 6)]);
    } else {
        demo_out_null(out, "tank_volume_m3");
    }
}

static void
write_stock(struct demo_out *out, const struct stock *stock, int over)
{
    if (stock->limit_l == 0) {
        demo_out_null(out, "volume_limit_l");
    } else {
        demo_out_int(out, "volume_limit_l", stock->limit_l);
    }
    demo_out_decimal(out, "full_volume_l", stock->volume_dl, 1);
    for (int m = 0; m < N_MODELS; m++) {
        demo_out_int(out, MODEL_FIELDS[m], stock->full[m]);
    }
    demo_out_int(out, "empty_count", stock->empty);
    demo_out_bool(out, "over_volume", over);
}

/* The worst of what is known about the station decides. */
static const char *
station_risk(const struct demo_station *s, const char *licence_state, int over,
             const char *detector_state, int systems)
{
    int expired = strcmp(licence_state, "expired") == 0;

    if (s->totals.open_major_hazards > 0 || strcmp(detector_state, "level2") == 0 ||
        (over && expired)) {
        return "major";
    }
    if (over || expired || strcmp(detector_state, "level1") == 0) {
        return "larger";
    }
    return s->totals.open_hazards > 0 || systems < 21 ? "general" : "low";
}

static int
write_station(struct demo_world *world, struct demo_out *out, size_t index, struct demo_error *err)
{
    struct demo_station *s = &world->stations[index];
    struct demo_enterprise *e = &world->enterprises[s->enterprise];
    struct demo_licence licence;
    struct detector detector;
    struct stock stock = {0};
    struct demo_rng rng;
    const char *class_code;
    int over, systems;
    int32_t checked_on;
    char person[DEMO_PERSON_TEXT];
    char phone[DEMO_PHONE_TEXT];
    char address[DEMO_ADDRESS_TEXT];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_STATION, 4000000 + index);
    class_code = draw_class(&rng, s->kind, &stock.limit_l);
    draw_stock(&rng, s->kind == DEMO_STATION_SUPPLY, &stock);
    over = stock.limit_l > 0 && stock.volume_dl > stock.limit_l * 10;
    demo_licence_draw(world, &rng, s->town, (uint32_t)(index + 1000), &licence);
    detector = draw_detector(&rng);
    systems = demo_rng_chance(&rng, 9100) ? 21 : demo_rng_range(&rng, 14, 20);
    demo_person_name(&rng, person);
    demo_next_phone(world, phone);
    demo_street_address(&rng, &world->geo.towns[s->town], address);
    e->totals.over_volume += (uint32_t)over;
    e->totals.expired += strcmp(licence.state, "expired") == 0;

    demo_out_begin(out, s->uid, e->org, world->geo.towns[s->town].code);
    demo_out_text(out, "station_no", s->no);
    demo_out_text(out, "name", s->name);
    demo_out_text(out, "kind", station_kind_code(s->kind));
    demo_out_text(out, "class", class_code);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "address", address);
    demo_licence_write(out, &licence);
    demo_out_text(out, "keeper", person);
    demo_out_text(out, "contact_phone", phone);
    write_room(out, &rng, s, class_code);
    write_stock(out, &stock, over);
    demo_out_int(out, "overdue_cylinders",
                 demo_rng_chance(&rng, 1100) ? demo_rng_range(&rng, 1, 6) : 0);
    demo_out_int(out, "systems_in_force", systems);
    demo_out_int(out, "systems_required", 21);
    demo_out_text(out, "detector_state", detector.state);
    if (detector.lel_10th < 0) {
        demo_out_null(out, "detector_lel");
    } else {
        demo_out_decimal(out, "detector_lel", detector.lel_10th, 1);
    }
    demo_out_int(out, "camera_count", s->totals.cameras);
    demo_out_text(out, "video_state", demo_video_state(&s->totals));
    demo_out_int(out, "user_count", s->totals.users);
    demo_out_text(out, "risk", station_risk(s, licence.state, over, detector.state, systems));
    demo_out_int(out, "open_hazards", s->totals.open_hazards);
    demo_out_int(out, "open_major_hazards", s->totals.open_major_hazards);
    checked_on = world->as_of - (demo_rng_chance(&rng, 1200) ? demo_rng_range(&rng, 31, 140)
                                                             : demo_rng_range(&rng, 0, 30));
    demo_out_date(out, "last_check_on", checked_on);
    demo_out_bool(out, "made_up", 1);
    if (demo_out_end(out, s->at.lon_e6, s->at.lat_e6, err) != 0 ||
        demo_register_station_licence(world, index, &licence, err) != 0 ||
        demo_register_station_staff(world, index, person, err) != 0 ||
        demo_register_documents(world, index, systems, err) != 0) {
        return -1;
    }
    const struct demo_check check = {.subject = "station",
                                     .uid = s->uid,
                                     .no = s->no,
                                     .kind = "regulator",
                                     .enterprise = s->enterprise,
                                     .town = s->town,
                                     .at = s->at,
                                     .ended_at = demo_beijing_ms(checked_on, 9 * 60)};
    return demo_register_check(world, &check, err);
}

int
demo_write_stations(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, "stations", err);

    for (size_t i = 0; failed == 0 && i < world->n_stations; i++) {
        failed = write_station(world, &out, i, err);
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

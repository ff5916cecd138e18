/* Staff and their certificates. */

#include "registers_internal.h"

#include "names.h"
#include "text.h"

/* Ends of the ranges that end users do not reach. */
enum { FIRST_PHONE = 90000000, LAST_ID = 364999, IDS = 60000, NOTICE_DAYS = 90 };

struct person {
    const char *name; /* NULL: drawn */
    const char *post;
    const char *certificate;
    size_t enterprise;
    size_t station; /* n_stations: the office */
    size_t town;
};

static int
write_certificate(struct demo_world *world, const struct person *person, const char *staff_no,
                  const char *name, struct demo_rng *rng, struct demo_error *err)
{
    struct demo_out *out =
        demo_register_begin(world, DEMO_REGISTER_CERTIFICATES, DEMO_LAYER_CERTIFICATE,
                            person->enterprise, person->town);
    int32_t left = demo_rng_chance(rng, 150)   ? -demo_rng_range(rng, 1, 200)
                   : demo_rng_chance(rng, 500) ? demo_rng_range(rng, 1, NOTICE_DAYS)
                                               : demo_rng_range(rng, NOTICE_DAYS + 1, 1400);
    int32_t to = world->as_of + left;
    char no[48];

    demo_text(no, sizeof(no), "ZS-%s", staff_no);
    demo_out_text(out, "certificate_no", no);
    demo_out_text(out, "staff_no", staff_no);
    demo_out_text(out, "holder_name", name);
    demo_out_text(out, "kind", person->certificate);
    demo_out_text(out, "issuer", "示例发证机关");
    demo_out_date(out, "valid_from", to - 1460);
    demo_out_date(out, "valid_to", to);
    demo_out_text(out, "state", left < 0 ? "expired" : left <= NOTICE_DAYS ? "expiring" : "valid");
    demo_out_time(out, "state_next_change", demo_next_change(world, to, NOTICE_DAYS));
    return demo_register_end(out, err);
}

static int
write_person(struct demo_world *world, const struct person *person, struct demo_error *err)
{
    const struct demo_enterprise *e = &world->enterprises[person->enterprise];
    const struct demo_station *s =
        person->station < world->n_stations ? &world->stations[person->station] : NULL;
    struct demo_out *out = demo_register_begin(world, DEMO_REGISTER_STAFF, DEMO_LAYER_STAFF,
                                               person->enterprise, person->town);
    uint32_t index = (uint32_t)out->n_features;
    int32_t years;
    struct demo_rng rng;
    char no[24], drawn[DEMO_PERSON_TEXT], id[DEMO_ID_CARD_TEXT], phone[DEMO_PHONE_TEXT];
    const char *name = person->name;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_STAFF, index);
    if (name == NULL) {
        demo_person_name(&rng, drawn);
        name = drawn;
    }
    years = demo_rng_range(&rng, 0, 22);
    demo_text(no, sizeof(no), "R%s%05u", e->org + 1, index % 100000);
    demo_id_card_make(world->geo.districts[world->geo.towns[person->town].district].code,
                      LAST_ID - index % IDS, id);
    demo_phone_make(FIRST_PHONE + index, phone);
    demo_out_text(out, "staff_no", no);
    demo_out_text(out, "name", name);
    demo_out_text(out, "id_no", id);
    demo_out_text(out, "gender", (id[16] - '0') % 2 == 1 ? "1" : "2");
    demo_out_text(out, "phone", phone);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "station_uid", s != NULL ? s->uid : NULL);
    demo_out_text(out, "station_name", s != NULL ? s->name : NULL);
    demo_out_text(out, "post", person->post);
    demo_out_date(out, "employed_on", world->as_of - years * 365 - demo_rng_range(&rng, 10, 360));
    demo_out_int(out, "work_years", years);
    demo_out_text(out, "state", demo_rng_chance(&rng, 9800) ? "active" : "leave");
    demo_out_text(out, "card_no", no);
    if (demo_register_end(out, err) != 0) {
        return -1;
    }
    return write_certificate(world, person, no, name, &rng, err);
}

int
demo_register_office_staff(struct demo_world *world, size_t enterprise, uint32_t n,
                           const char *principal, const char *manager, struct demo_error *err)
{
    static const char *const others[][2] = {{"checker", "gas_worker"},
                                            {"maintainer", "gas_worker"},
                                            {"deliverer", "gas_worker"},
                                            {"monitor", "fire_operator"},
                                            {"loader", "dangerous_goods_loader"}};
    const struct demo_enterprise *e = &world->enterprises[enterprise];

    for (uint32_t i = 0; i < n; i++) {
        const char *const *other = others[i % 5];
        int drives = i >= 2 && i < 2 + e->totals.vehicles;
        const struct person person = {
            i == 0   ? principal
            : i == 1 ? manager
                     : NULL,
            i == 0   ? "principal"
            : i == 1 ? "safety_manager"
            : drives ? (i % 2 == 0 ? "driver" : "escort")
                     : other[0],
            i < 2    ? "safety_officer"
            : drives ? (i % 2 == 0 ? "dangerous_goods_driver" : "dangerous_goods_escort")
                     : other[1],
            enterprise,
            world->n_stations,
            e->town};
        if (write_person(world, &person, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int
demo_register_station_staff(struct demo_world *world, size_t station, const char *keeper,
                            struct demo_error *err)
{
    const struct demo_station *s = &world->stations[station];
    int fills = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING;
    const struct person keeps = {keeper,        "station_keeper", "safety_officer",
                                 s->enterprise, station,          s->town};
    const struct person works = {NULL,
                                 fills ? "filler" : "deliverer",
                                 fills ? "special_equipment" : "gas_worker",
                                 s->enterprise,
                                 station,
                                 s->town};

    return write_person(world, &keeps, err) == 0 ? write_person(world, &works, err) : -1;
}

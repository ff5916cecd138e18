/* Cameras: filling platform and gate where gas is filled, gate and store elsewhere. */

#include "world.h"
#include "text.h"

#include <stdlib.h>

struct place {
    const char *code;
    const char *word;
};

static const struct place WORKS[] = {{"filling_platform", "1号充装台"},
                                     {"filling_platform", "2号充装台"},
                                     {"gate", "大门"},
                                     {"store", "瓶库"},
                                     {"yard", "卸车区"},
                                     {"yard", "罐区"}};
static const struct place SUPPLY[] = {{"gate", "大门"}, {"store", "瓶库"}};
static const struct place OTHER[] = {{"gate", "大门"}, {"yard", "作业区"}};

struct rig {
    struct demo_world *world;
    struct demo_out *out;
    uint32_t *serials; /* last serial per district */
    uint32_t n_cameras;
};

static int
write_camera(struct rig *rig, struct demo_station *s, const struct place *place,
             struct demo_error *err)
{
    static const char *const states[] = {"online", "offline", "fault"};
    static const uint16_t state_weights[] = {9420, 430, 150};
    static const int networks[] = {2, 6, 7, 8};
    static const uint16_t network_weights[] = {1, 2, 4, 3};
    static const char *const network_codes[] = {"2", "6", "7", "8"};
    struct demo_world *world = rig->world;
    struct demo_enterprise *e = &world->enterprises[s->enterprise];
    const struct demo_town *town = &world->geo.towns[s->town];
    uint32_t index = rig->n_cameras++;
    struct demo_out *out = rig->out;
    struct demo_point at;
    struct demo_rng rng;
    size_t state, network;
    int32_t installed;
    char uid[DEMO_UUID_TEXT];
    char id[DEMO_GB28181_TEXT];
    char name[DEMO_NAME_TEXT * 3];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_CAMERA, index);
    demo_record_uid(world, DEMO_LAYER_CAMERA, index, uid);
    state = demo_rng_pick(&rng, state_weights, 3);
    network = demo_rng_pick(&rng, network_weights, 4);
    at = demo_scatter_near(world, &rng, town->district, s->at, 8.0);
    demo_gb28181_make(world->geo.districts[town->district].code, networks[network],
                      ++rig->serials[town->district], id);
    installed = world->as_of - demo_rng_range(&rng, 20, 1500);
    demo_text(name, sizeof(name), "%s%s", s->name, place->word);
    s->totals.cameras++;
    e->totals.cameras++;
    s->totals.cameras_off += state != 0;
    e->totals.cameras_off += state != 0;

    demo_out_begin(out, uid, e->org, town->code);
    demo_out_text(out, "name", name);
    demo_out_text(out, "gb28181_id", id);
    demo_out_text(out, "place_kind", place->code);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "station_uid", s->uid);
    demo_out_text(out, "station_name", s->name);
    demo_out_text(out, "address", town->prefix);
    demo_out_text(out, "state", states[state]);
    demo_out_time(out, "offline_since",
                  state == 0 ? DEMO_NO_TIME
                             : world->now_ms - (int64_t)demo_rng_range(&rng, 31, 9000) * 60000);
    demo_out_text(out, "network", network_codes[network]);
    demo_out_bool(out, "private_line", networks[network] == 8 || networks[network] == 2);
    demo_out_text(out, "codec", demo_rng_chance(&rng, 6500) ? "h265" : "h264");
    demo_out_int(out, "heading_deg", demo_rng_below(&rng, 360));
    /* Three months are asked for; a few keep less, and a new camera cannot have more. */
    demo_out_date(out, "retained_from",
                  installed > world->as_of - 92
                      ? installed
                      : world->as_of - (demo_rng_chance(&rng, 300)
                                            ? demo_rng_range(&rng, 30, 80)
                                            : demo_rng_range(&rng, 92, 120)));
    demo_out_date(out, "installed_on", installed);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

static int
write_station_cameras(struct rig *rig, struct demo_station *s, struct demo_error *err)
{
    int works = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING;
    int supply = s->kind == DEMO_STATION_SUPPLY;
    const struct place *places = works ? WORKS : supply ? SUPPLY : OTHER;
    size_t n = works ? 6 : 2;
    struct demo_rng rng;

    demo_rng_init(&rng, rig->world->seed, DEMO_LAYER_CAMERA,
                  5000000 + (uint64_t)(s - rig->world->stations));
    if (supply && demo_rng_chance(&rng, 300)) {
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (write_camera(rig, s, &places[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

int
demo_write_cameras(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    struct rig rig = {world, &out, calloc(world->geo.n_districts, sizeof(uint32_t)), 0};
    int failed = 0;

    if (rig.serials == NULL) {
        return demo_fail(err, "out of memory");
    }
    failed = demo_out_open(&out, world->dir, "cameras", err);
    for (size_t i = 0; failed == 0 && i < world->n_stations; i++) {
        failed = write_station_cameras(&rig, &world->stations[i], err);
    }
    if (failed == 0) {
        failed = demo_out_close(&out, err);
    } else {
        demo_out_discard(&out);
    }
    free(rig.serials);
    return failed;
}

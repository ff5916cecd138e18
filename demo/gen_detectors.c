/* Gas detectors of the stations that keep gas, with their papers. */

#include "world.h"

#include "text.h"

static int
write_detector(const struct demo_world *world, struct demo_out *out, const struct demo_station *s,
               uint32_t index, int32_t number, struct demo_error *err)
{
    static const char *const places[] = {"store", "filling_platform", "yard"};
    static const uint16_t weights[] = {9620, 50, 15, 315};
    static const char *const states[] = {"normal", "level1", "level2", "offline"};
    const struct demo_enterprise *e = &world->enterprises[s->enterprise];
    struct demo_point at;
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT];
    char text[DEMO_NAME_TEXT * 3];
    size_t state;
    int32_t reading, installed, calibrated;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_DETECTOR, index);
    demo_record_uid(world, DEMO_LAYER_DETECTOR, index, uid);
    state = demo_rng_pick(&rng, weights, 4);
    reading = state == 1   ? demo_rng_range(&rng, 201, 500)
              : state == 2 ? demo_rng_range(&rng, 501, 780)
                           : demo_rng_range(&rng, 0, 60);
    installed = world->as_of - demo_rng_range(&rng, 60, 2000);
    calibrated = world->as_of - demo_rng_range(&rng, 5, demo_rng_chance(&rng, 300) ? 500 : 360);
    calibrated = calibrated < installed ? installed : calibrated;
    at = demo_scatter_near(world, &rng, world->geo.towns[s->town].district, s->at, 12.0);

    demo_out_begin(out, uid, e->org, world->geo.towns[s->town].code);
    demo_text(text, sizeof(text), "D%06u", (index + 1) % 1000000);
    demo_out_text(out, "detector_no", text);
    demo_text(text, sizeof(text), "%.200s %d 号探测器", s->name, (int)number + 1);
    demo_out_text(out, "name", text);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "station_uid", s->uid);
    demo_out_text(out, "station_name", s->name);
    demo_out_text(out, "place_kind", places[number % 3]);
    demo_out_text(out, "medium", "液化石油气");
    demo_out_text(out, "model", "示例 GT-20");
    demo_out_text(out, "maker", "示例仪表厂");
    demo_text(text, sizeof(text), "KZ-%s", s->no);
    demo_out_text(out, "controller_no", demo_rng_chance(&rng, 9900) ? text : NULL);
    demo_out_text(out, "link", demo_rng_chance(&rng, 6000) ? "wired" : "wireless");
    demo_out_int(out, "level1_lel", 20);
    demo_out_int(out, "level2_lel", 50);
    demo_out_decimal(out, "reading_lel", reading, 1);
    demo_out_text(out, "state", states[state]);
    /* Nobody measures here: they keep the state that was drawn. */
    demo_out_time(out, "state_next_change", DEMO_NEVER);
    demo_out_time(out, "last_seen_at",
                  world->now_ms - (state == 3 ? INT64_C(3600000) : INT64_C(1000)) *
                                      demo_rng_range(&rng, 1, 200));
    demo_out_date(out, "calibrated_on", calibrated);
    demo_out_date(out, "calibration_to", calibrated + 365);
    demo_text(text, sizeof(text), "示例Ex%06u", (index + 1) % 1000000);
    demo_out_text(out, "ex_certificate_no", text);
    demo_out_date(out, "ex_certificate_to", installed + 1825);
    demo_out_date(out, "installed_on", installed);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

int
demo_write_detectors(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, "detectors", err);
    uint32_t index = 0;

    for (size_t i = 0; failed == 0 && i < world->n_stations; i++) {
        const struct demo_station *s = &world->stations[i];
        int32_t n = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING ? 6 : 1;

        for (int32_t k = 0; failed == 0 && k < n; k++) {
            failed = write_detector(world, &out, s, index++, k, err);
        }
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

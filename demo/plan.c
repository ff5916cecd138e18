/* Who exists and where: enterprises, stations, and which station serves which town. */

#include "world.h"

#include "names.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Sorted so that the largest remainder is served first; ties go to the lower index. */
struct share {
    uint64_t remainder;
    size_t index;
};

static int
compare_shares(const void *left, const void *right)
{
    const struct share *a = left;
    const struct share *b = right;

    if (a->remainder != b->remainder) {
        return a->remainder < b->remainder ? 1 : -1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

int
demo_allot(const uint32_t *weights, size_t n_weights, uint32_t total, uint32_t *ret_parts)
{
    struct share *shares = calloc(n_weights, sizeof(*shares));
    uint64_t sum = 0;
    uint32_t given = 0;

    if (shares == NULL) {
        return -1;
    }
    for (size_t i = 0; i < n_weights; i++) {
        sum += weights[i];
    }
    for (size_t i = 0; i < n_weights; i++) {
        uint64_t exact = (uint64_t)weights[i] * total;
        ret_parts[i] = (uint32_t)(exact / sum);
        shares[i] = (struct share){exact % sum, i};
        given += ret_parts[i];
    }
    qsort(shares, n_weights, sizeof(*shares), compare_shares);
    for (size_t i = 0; given < total; i++, given++) {
        ret_parts[shares[i].index]++;
    }
    free(shares);
    return 0;
}

static const enum demo_enterprise_kind KIND_PATTERN[] = {
    DEMO_ENTERPRISE_INTEGRATED, DEMO_ENTERPRISE_RETAIL,  DEMO_ENTERPRISE_FILLING,
    DEMO_ENTERPRISE_RETAIL,     DEMO_ENTERPRISE_RETAIL,  DEMO_ENTERPRISE_INTEGRATED,
    DEMO_ENTERPRISE_TRANSPORT,  DEMO_ENTERPRISE_RETAIL,  DEMO_ENTERPRISE_INTEGRATED,
    DEMO_ENTERPRISE_RETAIL,     DEMO_ENTERPRISE_FILLING, DEMO_ENTERPRISE_RETAIL,
    DEMO_ENTERPRISE_INTEGRATED, DEMO_ENTERPRISE_RETAIL,  DEMO_ENTERPRISE_RETAIL};

/* The first firm's home: the fullest town of the first city in the code list, the capital, so that
 * the smallest data set has something there. */
static size_t
capital_town(const struct demo_geo *geo)
{
    const char *capital = geo->districts[geo->towns[0].district].city;
    size_t best = 0;

    for (size_t i = 1; i < geo->n_towns; i++) {
        const struct demo_town *town = &geo->towns[i];
        if (town->weight > geo->towns[best].weight &&
            strcmp(geo->districts[town->district].city, capital) == 0) {
            best = i;
        }
    }
    return best;
}

static void
plan_enterprise(const struct demo_world *world, size_t index, struct demo_enterprise *e)
{
    static const char *const trades[] = {"", "燃气", "气体充装", "液化气", "危货运输"};
    const struct demo_district *district;
    struct demo_rng rng;
    char brand[DEMO_PERSON_TEXT];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_ENTERPRISE, index);
    demo_record_uid(world, DEMO_LAYER_ENTERPRISE, index, e->uid);
    demo_text(e->org, sizeof(e->org), "E%04u", (unsigned)(index + 1) % 10000);
    e->kind = KIND_PATTERN[index % (sizeof(KIND_PATTERN) / sizeof(KIND_PATTERN[0]))];
    e->town = index == 0 ? capital_town(&world->geo) : demo_pick_town(world, &rng);
    e->at = demo_scatter(world, &rng, e->town);
    district = &world->geo.districts[world->geo.towns[e->town].district];
    demo_brand_name((uint32_t)index % DEMO_BRANDS, brand);
    demo_text(e->short_name, sizeof(e->short_name), "%s示例%s", brand, trades[e->kind]);
    demo_text(e->name, sizeof(e->name), "%.60s%.60s有限公司",
              district->city[0] != '\0' ? district->city : district->name, e->short_name);
}

/* Likelier the nearer it is; transport firms run no stations. */
static size_t
pick_enterprise(const struct demo_world *world, struct demo_rng *rng, struct demo_point at)
{
    double total = 0.0;
    double hit;
    size_t last = 0;

    for (int pass = 0; pass < 2; pass++) {
        hit = pass == 0 ? 0.0 : demo_rng_unit(rng) * total;
        for (size_t i = 0; i < world->n_enterprises; i++) {
            const struct demo_enterprise *e = &world->enterprises[i];
            double km = demo_distance_m(e->at, at) / 1000.0 + 6.0;
            double pull = (e->kind == DEMO_ENTERPRISE_INTEGRATED ? 2.0 : 1.0) / (km * km);

            if (e->kind == DEMO_ENTERPRISE_TRANSPORT) {
                continue;
            }
            last = i;
            if (pass == 0) {
                total += pull;
            } else if ((hit -= pull) < 0.0) {
                return i;
            }
        }
    }
    return last;
}

static const char *
station_word(enum demo_station_kind kind)
{
    switch (kind) {
    case DEMO_STATION_STORAGE:
        return "储配站";
    case DEMO_STATION_FILLING:
        return "充装站";
    case DEMO_STATION_TEST:
        return "气瓶检验站";
    case DEMO_STATION_VAPORISING:
        return "气化站";
    case DEMO_STATION_CYLINDER_ROOM:
        return "瓶组间";
    case DEMO_STATION_SUPPLY:
        break;
    }
    return "供应站";
}

static void
plan_station(struct demo_world *world, size_t index, enum demo_station_kind kind, size_t town,
             size_t owner)
{
    struct demo_station *s = &world->stations[index];
    char brand[DEMO_PERSON_TEXT];
    struct demo_rng rng;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_STATION, index);
    demo_record_uid(world, DEMO_LAYER_STATION, index, s->uid);
    s->kind = kind;
    s->town = town;
    s->at = demo_scatter(world, &rng, town);
    s->enterprise = owner < world->n_enterprises ? owner : pick_enterprise(world, &rng, s->at);
    demo_brand_name((uint32_t)s->enterprise % DEMO_BRANDS, brand);
    demo_text(s->no, sizeof(s->no), "S%05u", (unsigned)(index + 1) % 100000);
    demo_text(s->name, sizeof(s->name), "%.80s%s%s（%s）", world->geo.towns[town].label, brand,
              station_word(kind), s->no);
    world->enterprises[s->enterprise].totals.stations++;
}

/* One home station for each firm that may have one, then the rarer kinds, then supply stations in
 * proportion to people. */
static int
plan_stations(struct demo_world *world, struct demo_error *err)
{
    static const struct {
        enum demo_station_kind kind;
        double share;
    } rare[] = {{DEMO_STATION_STORAGE, 0.028},
                {DEMO_STATION_FILLING, 0.028},
                {DEMO_STATION_TEST, 0.006},
                {DEMO_STATION_VAPORISING, 0.009},
                {DEMO_STATION_CYLINDER_ROOM, 0.022}};
    const struct demo_geo *geo = &world->geo;
    uint32_t *weights = calloc(geo->n_towns, sizeof(*weights));
    uint32_t *parts = calloc(geo->n_towns, sizeof(*parts));
    size_t n = 0;
    int failed = 0;

    for (size_t i = 0; i < world->n_enterprises; i++) {
        const struct demo_enterprise *e = &world->enterprises[i];
        if (e->kind == DEMO_ENTERPRISE_TRANSPORT) {
            continue;
        }
        plan_station(world, n++,
                     e->kind == DEMO_ENTERPRISE_INTEGRATED ? DEMO_STATION_STORAGE
                     : e->kind == DEMO_ENTERPRISE_FILLING  ? DEMO_STATION_FILLING
                                                           : DEMO_STATION_SUPPLY,
                     e->town, i);
    }
    for (size_t k = 0; k < sizeof(rare) / sizeof(rare[0]); k++) {
        size_t wanted = (size_t)(rare[k].share * (double)world->n_stations + 0.5);
        for (size_t i = 0; i < wanted; i++) {
            struct demo_rng rng;
            demo_rng_init(&rng, world->seed, DEMO_LAYER_STATION, 1000000 + n);
            plan_station(world, n, rare[k].kind, demo_pick_town(world, &rng), world->n_enterprises);
            n++;
        }
    }
    for (size_t t = 0; weights != NULL && t < geo->n_towns; t++) {
        weights[t] = geo->towns[t].weight;
    }
    if (weights == NULL || parts == NULL ||
        demo_allot(weights, geo->n_towns, (uint32_t)(world->n_stations - n), parts) != 0) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t t = 0; failed == 0 && t < geo->n_towns; t++) {
        for (uint32_t i = 0; i < parts[t]; i++) {
            plan_station(world, n++, DEMO_STATION_SUPPLY, t, world->n_enterprises);
        }
    }
    free(weights);
    free(parts);
    return failed;
}

/* The supply stations in each town, or the nearest one where a town has none. */
static int
plan_supply(struct demo_world *world, struct demo_error *err)
{
    size_t n_towns = world->geo.n_towns;
    size_t n = 0;

    world->supply = calloc(world->n_stations + n_towns, sizeof(*world->supply));
    world->supply_start = calloc(n_towns + 1, sizeof(*world->supply_start));
    if (world->supply == NULL || world->supply_start == NULL) {
        return demo_fail(err, "out of memory");
    }
    for (size_t t = 0; t < n_towns; t++) {
        size_t nearest = 0;
        double nearest_m = 1e12;

        world->supply_start[t] = n;
        for (size_t i = 0; i < world->n_stations; i++) {
            const struct demo_station *s = &world->stations[i];
            double m;
            if (s->kind != DEMO_STATION_SUPPLY) {
                continue;
            }
            if (s->town == t) {
                world->supply[n++] = i;
            }
            m = demo_distance_m(s->at, world->geo.towns[t].centre);
            if (m < nearest_m) {
                nearest_m = m;
                nearest = i;
            }
        }
        if (n == world->supply_start[t]) {
            world->supply[n++] = nearest;
        }
    }
    world->supply_start[n_towns] = n;
    return 0;
}

static int
plan_users(struct demo_world *world, struct demo_error *err)
{
    size_t n_towns = world->geo.n_towns;
    uint32_t *weights = calloc(n_towns, sizeof(*weights));
    uint32_t first = 0;
    int failed = 0;

    world->town_users = calloc(n_towns, sizeof(*world->town_users));
    world->user_start = calloc(n_towns, sizeof(*world->user_start));
    for (size_t t = 0; weights != NULL && t < n_towns; t++) {
        weights[t] = world->geo.towns[t].weight;
    }
    if (weights == NULL || world->town_users == NULL || world->user_start == NULL ||
        demo_allot(weights, n_towns, world->n_users, world->town_users) != 0) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t t = 0; failed == 0 && t < n_towns; t++) {
        world->user_start[t] = first;
        first += world->town_users[t];
    }
    free(weights);
    return failed;
}

int
demo_world_plan(struct demo_world *world, struct demo_error *err)
{
    world->now_ms = demo_beijing_ms(world->as_of, 10 * 60);
    world->n_enterprises = demo_scaled(world, 29, 8);
    world->n_stations = demo_scaled(world, 642, 40);
    world->n_users = demo_scaled(world, 710000, 400);
    world->enterprises = calloc(world->n_enterprises, sizeof(*world->enterprises));
    world->stations = calloc(world->n_stations, sizeof(*world->stations));
    if (world->enterprises == NULL || world->stations == NULL) {
        return demo_fail(err, "out of memory");
    }
    for (size_t i = 0; i < world->n_enterprises; i++) {
        plan_enterprise(world, i, &world->enterprises[i]);
    }
    if (plan_stations(world, err) != 0 || plan_supply(world, err) != 0) {
        return -1;
    }
    return plan_users(world, err);
}

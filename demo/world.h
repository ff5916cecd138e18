/* demo/world.h -- what the layers share: who exists, where, and the running totals.
 *
 * Enterprises and stations are planned first. Users, hazards, vehicles and cameras are then written
 * as they are drawn and add to the totals, and stations and enterprises are written last, so that
 * every total equals the records behind it.
 */
#ifndef DEMO_WORLD_H
#define DEMO_WORLD_H

#include "calendar.h"
#include "codes.h"
#include "error.h"
#include "geo.h"
#include "out.h"
#include "rng.h"

#define DEMO_SCALE_MIN 0.01
#define DEMO_SCALE_MAX 5.0

enum { DEMO_TRACED = 20 };

enum demo_layer {
    DEMO_LAYER_ENTERPRISE = 1,
    DEMO_LAYER_STATION,
    DEMO_LAYER_USER,
    DEMO_LAYER_HAZARD,
    DEMO_LAYER_ACCIDENT,
    DEMO_LAYER_VEHICLE,
    DEMO_LAYER_CAMERA,
    DEMO_LAYER_RISK,
    DEMO_LAYER_BUILDING,
    DEMO_LAYER_LAND_USE,
    DEMO_LAYER_RESOURCE,
    DEMO_LAYER_ROUTE,
    DEMO_LAYER_ZONE,
    DEMO_LAYER_DETECTOR,
    DEMO_LAYER_CYLINDER,
    DEMO_LAYER_CYLINDER_EVENT,
    DEMO_LAYER_FILLING,
    DEMO_LAYER_CYLINDER_TEST,
    DEMO_LAYER_CALENDAR,
    DEMO_LAYER_LICENCE,
    DEMO_LAYER_STAFF,
    DEMO_LAYER_CERTIFICATE,
    DEMO_LAYER_DOCUMENT,
    DEMO_LAYER_INSPECTION,
    DEMO_LAYER_ITEM,
    DEMO_LAYER_STEP,
    DEMO_LAYER_SALE,
    DEMO_LAYER_PROJECT,
    DEMO_LAYER_CONTROL_LINE,
    DEMO_LAYER_ADDRESS
};

enum demo_enterprise_kind {
    DEMO_ENTERPRISE_INTEGRATED = 1,
    DEMO_ENTERPRISE_FILLING,
    DEMO_ENTERPRISE_RETAIL,
    DEMO_ENTERPRISE_TRANSPORT
};

enum demo_station_kind {
    DEMO_STATION_STORAGE = 1,
    DEMO_STATION_FILLING,
    DEMO_STATION_SUPPLY,
    DEMO_STATION_TEST,
    DEMO_STATION_VAPORISING,
    DEMO_STATION_CYLINDER_ROOM
};

struct demo_totals {
    uint32_t stations;
    uint32_t vehicles;
    uint32_t users;
    uint32_t open_hazards;
    uint32_t open_major_hazards;
    uint32_t over_volume;
    uint32_t expired;
    uint32_t cameras;
    uint32_t cameras_off;
};

struct demo_enterprise {
    char uid[DEMO_UUID_TEXT];
    char org[8];
    char name[DEMO_NAME_TEXT * 2];
    char short_name[DEMO_NAME_TEXT];
    enum demo_enterprise_kind kind;
    size_t town;
    struct demo_point at;
    uint32_t filled_kg; /* last month, summed over its users' orders */
    struct demo_totals totals;
};

struct demo_station {
    char uid[DEMO_UUID_TEXT];
    char no[16];
    char name[DEMO_NAME_TEXT * 2];
    enum demo_station_kind kind;
    size_t enterprise;
    size_t town;
    struct demo_point at;
    struct demo_totals totals;
};

struct demo_world {
    struct demo_geo geo;
    uint64_t seed;
    double scale;
    int32_t as_of; /* Beijing day */
    int64_t now_ms;
    struct demo_enterprise *enterprises;
    size_t n_enterprises;
    struct demo_station *stations;
    size_t n_stations;
    uint32_t *town_users; /* users per town */
    uint32_t *user_start; /* index of a town's first user */
    size_t *supply;       /* supply stations, grouped by the town they serve */
    size_t *supply_start; /* n_towns + 1 */
    uint32_t n_users;
    uint32_t n_hazards;
    uint32_t n_phones;
    struct demo_registers *registers; /* registers.h */
    const char *dir;
    void (*progress)(const char *layer, uint64_t done, uint64_t total); /* may be NULL */
};

/* Needs geo, seed, scale and as_of; demo_world_done() frees. */
int demo_world_plan(struct demo_world *world, struct demo_error *err);
void demo_world_done(struct demo_world *world);
/* Parts proportional to the weights that add up to `total`; largest remainders first. */
int demo_allot(const uint32_t *weights, size_t n_weights, uint32_t total, uint32_t *ret_parts);
uint32_t demo_scaled(const struct demo_world *world, double at_scale_one, uint32_t least);

void demo_record_uid(const struct demo_world *world, enum demo_layer layer, uint64_t index,
                     char ret_uid[DEMO_UUID_TEXT]);
void demo_next_phone(struct demo_world *world, char ret_text[DEMO_PHONE_TEXT]);
/* A town, likelier the more people it has. */
size_t demo_pick_town(const struct demo_world *world, struct demo_rng *rng);
/* A rectangle of `width_m` by `depth_m`, turned; counter-clockwise. 0 when a corner would leave the
 * district. */
int demo_rectangle(const struct demo_world *world, size_t district, struct demo_point centre,
                   double width_m, double depth_m, double turn, struct demo_point ret_corners[4]);
/* A spot round the town's centre and inside its district. */
struct demo_point demo_scatter(const struct demo_world *world, struct demo_rng *rng, size_t town);
/* A spot within `radius_m` of `from` in the same district, `from` itself if none is found. */
struct demo_point demo_scatter_near(const struct demo_world *world, struct demo_rng *rng,
                                    size_t district, struct demo_point from, double radius_m);
/* The station that serves this user. */
size_t demo_user_station(const struct demo_world *world, struct demo_rng *rng, size_t town);
void demo_user_no(const struct demo_world *world, size_t town, uint32_t user, char ret_text[32]);

struct demo_licence {
    char no[32];
    const char *state;
    int32_t from;
    int32_t to;
    int32_t applied_on;
    int64_t next_change;
};

void demo_licence_draw(const struct demo_world *world, struct demo_rng *rng, size_t town,
                       uint32_t serial, struct demo_licence *ret_licence);
void demo_licence_write(struct demo_out *out, const struct demo_licence *licence);

/* When a class changes that is one thing until `notice` days before `to`, another until the end of
 * `to`, and the last one from then on. */
int64_t demo_next_change(const struct demo_world *world, int32_t to, int32_t notice);

/* The layers, in the order in which they must run. Each leaves one file. */
int demo_write_users(struct demo_world *world, struct demo_out *hazards, struct demo_error *err);
int demo_write_other_hazards(struct demo_world *world, struct demo_out *hazards,
                             struct demo_error *err);
int demo_write_vehicles(struct demo_world *world, struct demo_out *hazards, struct demo_error *err);
int demo_write_cameras(struct demo_world *world, struct demo_error *err);
int demo_write_accidents(struct demo_world *world, struct demo_error *err);
int demo_write_risk_elements(struct demo_world *world, struct demo_error *err);
/* Doors of made-up streets in the towns. */
int demo_write_addresses(struct demo_world *world, struct demo_error *err);
/* Planned projects and control lines. */
int demo_write_planning(struct demo_world *world, struct demo_error *err);
/* Buildings and land use round the towns, emergency resources, restricted zones. */
int demo_write_land(struct demo_world *world, struct demo_error *err);
/* Routes between the stations over the roads. */
int demo_write_routes(struct demo_world *world, struct demo_error *err);
int demo_write_detectors(struct demo_world *world, struct demo_error *err);
/* Cylinders, and for one in DEMO_TRACED of them its events, fillings and tests. */
int demo_write_cylinders(struct demo_world *world, struct demo_error *err);
/* The days of 2025 and 2026 that the State Council announced: not made up. */
int demo_write_calendar(struct demo_world *world, struct demo_error *err);
int demo_write_stations(struct demo_world *world, struct demo_error *err);
int demo_write_enterprises(struct demo_world *world, struct demo_error *err);

/* Days since an open hazard was found: mostly within the week that it has for rectification. */
int32_t demo_recent_days(struct demo_rng *rng);

/* A hazard of a user, written while users are. */
struct demo_hazard_subject {
    const char *subject; /* code of hazard_subject */
    const char *uid;
    const char *name; /* a number or a name that is nobody's */
    size_t enterprise;
    size_t town;
    struct demo_point at;
    const char *place;
};

int demo_write_hazard(struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
                      const struct demo_hazard_subject *subject, int major, int closed,
                      int32_t found_on, struct demo_error *err);

/* What checks have found at one subject: perhaps an open hazard, and up to `most_closed` old ones.
 * `station` takes the open ones too, unless it is NULL. */
struct demo_finding {
    uint32_t open_per_10k;
    uint32_t most_closed;
    struct demo_totals *station;
};

int demo_write_findings(struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
                        struct demo_hazard_subject *subject, const struct demo_finding *finding,
                        struct demo_error *err);

/* "online", "partial", "offline" or "none" of so many cameras. */
const char *demo_video_state(const struct demo_totals *totals);

/* `n` records of a layer in a file of its own. */
typedef int (*demo_write_fn)(const struct demo_world *world, struct demo_out *out, uint32_t index,
                             struct demo_error *err);
int demo_write_layer(const struct demo_world *world, const char *layer, uint32_t n,
                     demo_write_fn write, struct demo_error *err);

/* Creates the directory's files; the only entry that main() needs. */
int demo_generate(struct demo_world *world, struct demo_error *err);

#endif

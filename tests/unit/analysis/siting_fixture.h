/* tests/unit/analysis/siting_fixture.h -- buildings, stations and runs of the siting analyses over
 * the store of fixture.h. */
#ifndef ANALYSIS_SITING_FIXTURE_H
#define ANALYSIS_SITING_FIXTURE_H

#include "analysis/siting.h"
#include "fixture.h"

#include <stdio.h>

/* West of 海口, where the tests build. */
static const double site_deg[2] = {110.20, 19.95};

struct house {
    int number;
    const char *use;
    const char *important; /* "true", "false", NULL: not said */
    const char *open_flame;
    const char *height_m;
};

/* The position so many metres east and north of the site, along geodesics. */
static inline void
offset(double east_m, double north_m, double ret_deg[2])
{
    lpg_geodesic_direct(site_deg, atan2(east_m, north_m) * (180.0 / 3.14159265358979323846),
                        hypot(east_m, north_m), ret_deg);
}

/* A closed rectangle of metres from the site. */
static inline void
rectangle(double west_m, double south_m, double east_m, double north_m, double ret_ring[10])
{
    offset(west_m, south_m, ret_ring);
    offset(east_m, south_m, ret_ring + 2);
    offset(east_m, north_m, ret_ring + 4);
    offset(west_m, north_m, ret_ring + 6);
    memcpy(ret_ring + 8, ret_ring, 2 * sizeof *ret_ring);
}

static inline void
add_house_ring(struct fixture *fixture, const struct house *house, const double *ring, size_t n)
{
    static const char *const names[] = {
        "uid",      "building_no",     "name",       "use",      "important_public", "open_flame",
        "height_m", "high_rise_class", "households", "area_code"};
    char uid[37];
    char number[16];
    const char *const texts[] = {uid,
                                 number,
                                 number,
                                 house->use,
                                 house->important,
                                 house->open_flame,
                                 house->height_m,
                                 house->height_m == NULL ? "none" : NULL,
                                 "10",
                                 "460105"};
    uid_of(house->number, uid);
    (void)snprintf(number, sizeof number, "B%d", house->number);
    add_record(fixture, "lpg.buildings", names, texts, 10, ring, n);
}

static inline void
add_house(struct fixture *fixture, const struct house *house, double west_m, double south_m,
          double east_m, double north_m)
{
    double ring[10];
    rectangle(west_m, south_m, east_m, north_m, ring);
    add_house_ring(fixture, house, ring, 5);
}

/* A building of one storey or more, nothing of it assumed: for rooms in buildings. */
struct building {
    int number;
    const char *use;
    const char *storeys;
    const char *fire_rating; /* NULL: not said */
    const char *important;   /* likewise */
    const char *residents;   /* likewise */
};

static inline void
add_building(struct fixture *fixture, const struct building *building, double west_m,
             double south_m, double east_m, double north_m)
{
    static const char *const names[] = {
        "uid",        "building_no",     "name",      "use",
        "storeys",    "fire_rating",     "residents", "important_public",
        "open_flame", "high_rise_class", "area_code"};
    char uid[37];
    char number[16];
    double ring[10];
    const bool high = strlen(building->storeys) > 1 || building->storeys[0] > '7';
    const char *const texts[] = {uid,
                                 number,
                                 number,
                                 building->use,
                                 building->storeys,
                                 building->fire_rating,
                                 building->residents,
                                 building->important,
                                 "false",
                                 high ? "two" : "none",
                                 "460105"};
    uid_of(building->number, uid);
    (void)snprintf(number, sizeof number, "B%d", building->number);
    rectangle(west_m, south_m, east_m, north_m, ring);
    add_record(fixture, "lpg.buildings", names, texts, 11, ring, 5);
}

static inline void
add_station(struct fixture *fixture, int number, const char *kind, const char *station_class,
            const char *litres, double east_m, double north_m)
{
    static const char *const names[] = {"uid",   "station_no",    "name",          "kind",
                                        "class", "licence_state", "full_volume_l", "area_code"};
    char uid[37];
    char text[16];
    double at_deg[2];
    const char *const texts[] = {uid, text, text, kind, station_class, "valid", litres, "460105"};
    uid_of(number, uid);
    (void)snprintf(text, sizeof text, "S%d", number);
    offset(east_m, north_m, at_deg);
    add_place(fixture, "lpg.stations", names, texts, 8, at_deg);
}

typedef cim_status (*siting_answer_fn)(struct lpg_siting *siting, const cim_call *call,
                                       const char *inputs, cim_blob *ret_result, cim_error *err);

static inline cim_status
compliance_answer(struct lpg_siting *siting, const cim_call *call, const char *inputs,
                  cim_blob *ret_result, cim_error *err)
{
    return lpg_station_compliance_answer(siting, call, NULL, inputs, ret_result, err);
}

static inline cim_status
ask_text(struct fixture *fixture, siting_answer_fn answer, const cim_scope *scope,
         const char *inputs, char **ret_text, cim_error *err)
{
    cim_call call = fake_call(NULL);
    cim_blob blob = {0};
    fixture->fake->scope = scope;
    CIM_TRY(answer(lpg_analysis_siting(fixture->analysis), &call, inputs, &blob, err));
    *ret_text = strndup(blob.data, blob.len);
    blob.release(&blob);
    assert_non_null(*ret_text);
    return CIM_OK;
}

static inline struct json_object *
ask(struct fixture *fixture, siting_answer_fn answer, const char *inputs)
{
    CIM_AUTO_FREE char *text = NULL;
    cim_error err = {0};
    struct json_object *parsed;
    assert_ok(ask_text(fixture, answer, fake_scope_all(), inputs, &text, &err), &err);
    parsed = json_tokener_parse(text);
    if (parsed == NULL) {
        fail_msg("not JSON: %s", text);
    }
    return parsed;
}

/* lpg.why-not so many metres from the site; `more` is further members. */
static inline struct json_object *
why_not(struct fixture *fixture, double east_m, double north_m, const char *more)
{
    char inputs[512];
    double at_deg[2];
    offset(east_m, north_m, at_deg);
    (void)snprintf(inputs, sizeof inputs,
                   "{\"point\":{\"type\":\"Point\",\"coordinates\":[%.12f,%.12f]},"
                   "\"as_of\":\"2026-11-27\"%s}",
                   at_deg[0], at_deg[1], more);
    return ask(fixture, lpg_why_not_answer, inputs);
}

/* The line of a receptor; fails when there is none. */
static inline struct json_object *
line_of(struct json_object *answer, const char *receptor)
{
    struct json_object *rules = at(answer, "rules");
    for (size_t i = 0; i < json_object_array_length(rules); i++) {
        struct json_object *line = json_object_array_get_idx(rules, i);
        if (strcmp(text_at(line, "receptor"), receptor) == 0) {
            return line;
        }
    }
    fail_msg("no line of %s in %s", receptor, json_object_to_json_string(answer));
    return NULL;
}

#endif

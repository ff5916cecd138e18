/* tests/unit/analysis/fixture.h -- the plugin's own layers in a real store, with records that the
 * test draws, and the analyses over them. */
#ifndef ANALYSIS_FIXTURE_H
#define ANALYSIS_FIXTURE_H

#include "analysis/analysis.h"
#include "fake_host.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "places.h"

#include <json-c/json.h>

struct fixture {
    struct fake_host *fake;
    struct lpg_data *data;
    struct lpg_analysis *analysis;
};

/* Set before the setup: the areas have towns. */
extern bool fixture_has_towns;
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Leaves no record: a store for all tests of a program is made once. */
int fixture_clear(void **state);

/* A risk element, its uid made of its number. */
struct element {
    int number;
    const char *kind;
    double lonlat[2];
    int persons;      /* -1: not said */
    double buffer_m;  /* 0: not said */
    const char *area; /* NULL: 460105 */
    const char *owner;
    const char *valid_to;
};
void add_elements(struct fixture *fixture, const struct element *elements, size_t n);
/* A household (or another end user) and a road. */
void add_user(struct fixture *fixture, int number, const char *kind, const double lonlat[2]);
void add_road(struct fixture *fixture, const char *road_class, const double *lonlat, size_t n);
/* A stored route; its uid is made of its number, its route_no is "R<number>". */
void add_route(struct fixture *fixture, int number, const char *area, const double *lonlat,
               size_t n);
/* A restricted zone of one closed ring; hours NULL: all day. Texts as the layer has them. */
struct zone {
    int number;
    const double *ring;
    size_t n;
    const char *hours_from;
    const char *hours_to;
    const char *weekdays;
    const char *area; /* NULL: 460105 */
    const char *valid_to;
};
void add_zone(struct fixture *fixture, const struct zone *zone);
void delete_element(struct fixture *fixture, int number);
/* A record of any layer in area 460105, of fields as texts (NULL: not said) and, where there is a
 * ring, a polygon. At most 11 fields. */
void add_record(struct fixture *fixture, const char *layer, const char *const *names,
                const char *const *texts, uint32_t n, const double *ring, size_t n_ring);
/* Likewise with a line. */
void add_line(struct fixture *fixture, const char *layer, const char *const *names,
              const char *const *texts, uint32_t n, const double *lonlat, size_t n_positions);
/* A record with a position. */
void add_place(struct fixture *fixture, const char *layer, const char *const *names,
               const char *const *texts, uint32_t n, const double lonlat[2]);
/* Changes one record of the layer, by uid. */
void update_record(struct fixture *fixture, const char *layer, const char *const *names,
                   const char *const *texts, uint32_t n);
/* Gives one record of the layer, by its number, another point. */
void move_place(struct fixture *fixture, const char *layer, int number, const double lonlat[2]);
void uid_of(int number, char ret_uid[37]);

/* {"type":"LineString",…} */
char *line_json(const double *lonlat, size_t n);
/* Runs with these inputs; the answer as text (to free) and parsed. */
cim_status run_text(struct fixture *fixture, const cim_scope *scope, const char *inputs,
                    char **ret_text, cim_error *err);
struct json_object *run(struct fixture *fixture, const char *inputs);
/* Walks members and list numbers: "elements.features.0.properties.kind". Fails when it is not
 * there. */
struct json_object *at(struct json_object *object, const char *path);
double number_at(struct json_object *object, const char *path);
const char *text_at(struct json_object *object, const char *path);

/* A line of about that length in the north of the island; returns its positions. */
size_t fixture_wander(uint64_t *seed, double length_m, double *ret_lonlat, size_t most);
/* So many elements of several kinds around such lines. */
void fixture_scatter(struct fixture *fixture, int n);

#endif

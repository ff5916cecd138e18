/* plugin/analysis/siting_parts.h -- what the parts of siting_choice share: the sites and the demand
 * of one question, and the answer before it is written. Private to siting_*.c. */
#ifndef LPG_ANALYSIS_SITING_PARTS_H
#define LPG_ANALYSIS_SITING_PARTS_H

#include "analysis/frontier.h"
#include "analysis/median.h"
#include "analysis/siting_choice.h"
#include "analysis/siting_metric.h"
#include "analysis/siting_rooms.h"

struct site {
    struct lpg_metric_place place;
    const char *id;  /* as it was given; NULL: by its number */
    uint32_t number; /* of a candidate, from 1 */
    uint32_t record; /* of an existing station, or of the building that a room is in */
    bool existing;
    bool room;           /* in a building */
    const double *edges; /* of that, in degrees; borrowed from the views of the run */
    size_t n_edges;
    double capacity; /* the most demand that it serves; NaN: any */
    double price;
    bool lawful;   /* on the land, no separation short */
    bool eligible; /* and `spacing_m` from stations that go on */
    double least_margin_m;
    enum lpg_separation_verdict verdict;
    double serves; /* weight that is nearest to it, covered by it, or its share, when chosen */
};

struct demand {
    struct lpg_metric_place place;
    double weight;
};

struct choice {
    const struct lpg_choice_ground *ground;
    struct json_object *inputs;
    size_t count;
    bool coverage; /* else the least weighted distance */
    double radius_m;
    double spacing_m;
    bool movable;    /* existing stations may give way to other places */
    bool by_gas;     /* end users weigh what they ordered in twelve months, in kg */
    bool limited;    /* there are capacities */
    double capacity; /* of a new station, NaN: any */
    double existing_capacity;
    bool in_buildings; /* candidates are rooms */
    struct lpg_rooms rooms;
    bool wants_frontier;
    double exposure_m;
    struct lpg_metric metric;
    struct lpg_sites_view stations;
    size_t n_sites;
    struct site *sites; /* existing ones first */
    size_t n_existing;
    size_t sites_capacity;
    size_t n_demands;
    struct demand *demands;
    size_t demands_capacity;
    double total;
    double off_road;  /* of it what no road is near to */
    double unknown;   /* users who do not say what they order; they weigh nothing */
    double unreached; /* and what none of the chosen stations has a way to */
    double unserved;  /* and what they have no capacity left for */
    struct lpg_median_answer answer;
    bool solved;
    struct lpg_frontier_answer frontier;
    int64_t residents_unknown; /* dwellings near to candidates that do not say how many */
    cim_status status;
    cim_error *err;
};

/* Every rule at a site: of a room to the walls of its building, but for the rules of what it must
 * not be inside, which look at the place itself. */
cim_status lpg_choice_judge(const struct choice *choice, const struct site *site,
                            struct lpg_separation_judgement *ret_judgement);
/* Sites that take part, existing ones and eligible candidates: their number. */
size_t lpg_choice_sites(const struct choice *choice, size_t *ret_list);
/* `cost`: n_demands rows of `m`, what each of the listed sites costs each demand: nothing or its
 * weight for coverage, else weighted metres. */
cim_status lpg_choice_costs(struct choice *choice, const size_t *list, size_t m, bool coverage,
                            double *cost);
/* `apart`: m × m. Which of them are too near to each other. */
void lpg_choice_apart(const struct choice *choice, const size_t *list, size_t m, bool *apart);

/* Metres between two places of the plane. */
double lpg_choice_apart_m(const struct choice *choice, const double a[2], const double b[2]);
/* Chooses (siting_solve.c); `ret_chosen`: by site. */
cim_status lpg_choice_solve(struct choice *choice, bool *ret_chosen);
/* The frontier of the question (siting_frontier.c). */
cim_status lpg_choice_frontier(struct choice *choice);

/* Members of an open object (siting_write.c). `chosen`: by site. */
cim_status lpg_choice_write(const struct choice *choice, const bool *chosen, struct cim_buf *out);
/* The same where nothing was to be chosen. */
void lpg_choice_write_none(struct cim_buf *out);

#endif

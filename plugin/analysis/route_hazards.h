/* plugin/analysis/route_hazards.h -- what lies beside a route, who is exposed, how risky it is.
 *
 * Distances are geodesic metres from an element's position to the route, chainage metres along the
 * route, right to 1 mm at up to 1 km and 1 cm at up to 10 km (geo/chain.h). Persons are counted
 * once per band: once for the whole route, once for each link. What is not known is taken at its
 * worst and said so.
 */
#ifndef LPG_ANALYSIS_ROUTE_HAZARDS_H
#define LPG_ANALYSIS_ROUTE_HAZARDS_H

#include "analysis/risk.h"
#include "analysis/route_table.h"
#include "analysis/sites.h"
#include "analysis/zones.h"
#include "geo/chain.h"

enum {
    LPG_ROUTE_DISTANCE_MAX_M = 10000,
    LPG_ROUTE_HITS_MAX = 100000,
    LPG_ROUTE_LINKS_MAX = 20000,
    LPG_ROUTES_MAX = 1000 /* of one run */
};

enum lpg_limit_from { LPG_LIMIT_KIND, LPG_LIMIT_ELEMENT, LPG_LIMIT_INPUT };

/* One route to judge. Positions are borrowed. */
struct lpg_route {
    const char *id; /* NULL: drawn */
    const double *lonlat_deg;
    size_t n;
};

struct lpg_route_question {
    const struct lpg_route_table *table;
    bool wanted[LPG_ROUTE_KINDS_MAX];
    double override_m[LPG_ROUTE_KINDS_MAX]; /* 0: none */
    double exposure_m;
    int32_t as_of_day; /* since 1970, in Beijing */
    bool has_departure;
    int64_t depart_ms;
    double trips_per_year; /* 0: not asked */
};

struct lpg_route_views {
    struct lpg_sites_view elements;
    struct lpg_sites_view users; /* no sites: residents come from the elements */
    struct lpg_sites_view roads; /* no sites: every link is of unknown type */
    struct lpg_sites_view zones; /* no sites: no restricted zone is known */
};

struct lpg_route_hit {
    uint32_t record;
    int kind;
    double limit_m;
    enum lpg_limit_from limit_from;
    struct lpg_chain_near near;
    size_t first_stretch; /* in the report's stretches */
    size_t n_stretches;
    double persons;
    bool persons_assumed;
    double score;           /* 0…100: weight of the kind × nearness */
    double individual_risk; /* per year; 0 where not asked */
};

struct lpg_route_link {
    double from_m;
    double to_m;
    int road_class; /* -1: unknown, taken at its worst */
    int road_type;
    bool urban;
    int64_t enters_ms; /* at the highest lawful speeds; 0 without a departure */
};

struct lpg_route_report {
    struct lpg_chain chain;
    size_t n_hits;
    size_t hits_capacity;
    struct lpg_route_hit *hits; /* by from_m, then uid */
    struct lpg_stretches stretches;
    struct lpg_zone_stays zones;
    size_t n_links;
    struct lpg_route_link *links;
    struct lpg_risk_link *risks; /* of the links */
    struct lpg_risk risk;
    double persons_in_elements;
    double residents;
    bool residents_by_users;
    int64_t n_households;
    int64_t n_elements_exposed;
    int64_t n_links_assumed;
    int64_t n_persons_assumed;
    int64_t n_pending;
    int64_t leaves_ms; /* the last link; 0 without a departure */
};

/* The views cover the route's extent and the largest distance around it. `cancelled` of the call is
 * looked at now and then. CIM_E_TOO_LARGE past LPG_ROUTE_HITS_MAX. [worker] */
cim_status lpg_route_assess(const struct lpg_route *route,
                            const struct lpg_route_question *question,
                            struct lpg_route_views *views, const cim_call *call,
                            struct lpg_route_report *ret_report, cim_error *err);
void lpg_route_report_done(struct lpg_route_report *report); /* also of {0} */
/* The largest distance that the question looks at. */
double lpg_route_reach_m(const struct lpg_route_question *question);

#endif

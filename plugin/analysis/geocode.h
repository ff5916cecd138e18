/* plugin/analysis/geocode.h -- from an address to positions, and from a position to what stands
 * there. Over a view of the gazetteer, in memory alone. */
#ifndef LPG_ANALYSIS_GEOCODE_H
#define LPG_ANALYSIS_GEOCODE_H

#include "analysis/gazetteer.h"
#include "cim/jobs.h"

/* The best first; their names are codes of position_grade (codes.json). */
enum lpg_grade {
    LPG_GRADE_DOOR,
    LPG_GRADE_BUILDING,
    LPG_GRADE_INTERPOLATED,
    LPG_GRADE_PLACE,
    LPG_GRADE_ROAD,
    LPG_GRADE_COMMUNITY, /* from here on no position: only which area it is */
    LPG_GRADE_TOWN,
    LPG_GRADE_COUNTY,
    LPG_GRADE_NONE,
    LPG_GRADES
};
extern const char *const lpg_grade_names[LPG_GRADES + 2]; /* and "ambiguous", NULL */

enum { LPG_CANDIDATES_MAX = 10, LPG_ERROR_SAME_M = 200 };

struct lpg_candidate {
    enum lpg_grade grade;
    double lonlat_deg[2];
    double error_m;    /* how far off it may be */
    double score;      /* 0…1 */
    int32_t area;      /* of the record; -1 unknown */
    bool area_differs; /* in another town than the address says, in the same county */
    int part;          /* of the view */
    uint32_t record;   /* the record matched; between doors the lower one */
};

struct lpg_geocoded {
    struct lpg_address address;
    int32_t area;         /* where was looked: of the address, or the bias where that is narrower */
    bool conflicts;       /* the address and the bias exclude each other */
    bool ambiguous;       /* equally good candidates lie apart */
    enum lpg_grade grade; /* of the best candidate, else of the area alone */
    int n;
    struct lpg_candidate candidates[LPG_CANDIDATES_MAX]; /* the best first */
};

/* `bias`: an area that it should lie in, -1: none. */
void lpg_geocode(struct lpg_gazetteer_view *view, int32_t bias, const char *text, size_t len,
                 struct lpg_geocoded *ret_geocoded);
/* "ambiguous" where it is, else the grade's name. */
const char *lpg_geocoded_grade(const struct lpg_geocoded *geocoded);

struct lpg_nearby {
    double distance_m; /* NaN: there is none within reach */
    int part;
    uint32_t record;
    double lonlat_deg[2]; /* of a door or place; of a road the nearest position on it */
    /* Of a road: along it from its beginning, and 'L' or 'R' of it, 0 on it. */
    double chainage_m;
    char side;
};

struct lpg_reversed {
    struct lpg_nearby door;
    struct lpg_nearby place;
    struct lpg_nearby road;
    int32_t area; /* the deepest that is known: of the door at hand, else of the polygon; -1 */
};
enum { LPG_REVERSE_REACH_M = 500, LPG_REVERSE_AREA_M = 300 /* whose area the door's is */ };
void lpg_reverse(struct lpg_gazetteer_view *view, const double lonlat_deg[2],
                 struct lpg_reversed *ret_reversed);

/* lpg.geocode and lpg.reverse-geocode, as their process.json describe them. [worker] */
cim_status lpg_geocode_answer(struct lpg_gazetteer *gazetteer, const cim_call *call, cim_job *job,
                              const char *inputs_json, cim_blob *ret_result, cim_error *err);
cim_status lpg_reverse_answer(struct lpg_gazetteer *gazetteer, const cim_call *call, cim_job *job,
                              const char *inputs_json, cim_blob *ret_result, cim_error *err);

#endif

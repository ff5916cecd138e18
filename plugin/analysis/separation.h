/* plugin/analysis/separation.h -- one station at one place, judged by the separation rules.
 *
 * Distances are geodesic, to the millimetre, and so are verdicts: what is short by less than half a
 * millimetre is not short. Requirements are the strictest row that applies; a volume that is not
 * known counts in every band. Results do not depend on the order in which records are met.
 */
#ifndef LPG_ANALYSIS_SEPARATION_H
#define LPG_ANALYSIS_SEPARATION_H

#include "analysis/receptors.h"
#include "analysis/separation_rules.h"
#include "kit/buf.h"

enum { LPG_SEPARATION_LINES_MAX = 2 * LPG_RECEPTORS };

/* What stands there. */
struct lpg_separation_station_in {
    uint32_t stations;          /* bits of enum lpg_separation_station whose rules apply */
    double quantity[LPG_BANDS]; /* m³, m³, t; NaN: not known */
    int32_t day;                /* rules and records in force on it; since 1970, in Beijing */
    const double *override_m;   /* one a rule, NaN: its own, 0: it does not apply */
};

/* What the rules ask of each receptor. */
struct lpg_separation_demand {
    const struct lpg_separation_rules *rules;
    struct {
        int rule; /* -1: none */
        double metres;
        int height_rule;
        double times_height;
        int inside_rule;
    } of[LPG_RECEPTORS];
    double reach_m;         /* the largest */
    bool any;               /* rules at all */
    uint32_t unknown_bands; /* bits of enum lpg_separation_band: asked for, and not known */
};

struct lpg_separation_line {
    int rule; /* the deciding row; where nothing was found, the strictest */
    enum lpg_receptor kind;
    bool not_inside;
    bool found; /* within look_m */
    double required_m;
    double distance_m;
    double margin_m; /* distance - required */
    enum lpg_receptor_layer layer;
    uint32_t record;
    uint32_t assumed;
    bool short_of; /* violated */
    uint32_t n_short;
};

enum lpg_separation_verdict { LPG_VERDICT_COMPLIES, LPG_VERDICT_TO_CONFIRM, LPG_VERDICT_VIOLATES };

struct lpg_separation_judgement {
    size_t n;
    struct lpg_separation_line lines[LPG_SEPARATION_LINES_MAX]; /* by receptor */
    enum lpg_separation_verdict verdict;
    bool rules_open;    /* a row used is to be confirmed */
    bool assumed_close; /* an assumed attribute near its limit */
};

/* The class of a supply station by its volume. -1: above class Ⅰ. */
int lpg_separation_class(const struct lpg_separation_table *table, double volume_m3);

/* Whether row `i` is in force and asks something of such a station. */
bool lpg_separation_rule_counts(const struct lpg_separation_rule *rule,
                                const struct lpg_separation_station_in *station, size_t i);
/* `any` is false where no rule in force applies to such a station. */
void lpg_separation_demand_of(const struct lpg_separation_rules *rules,
                              const struct lpg_separation_station_in *station,
                              struct lpg_separation_demand *ret_demand);
/* CIM_E_STATE saying so. */
cim_status lpg_separation_demand_check(const struct lpg_separation_demand *demand, cim_error *err);
/* Metres that this receptor asks, and the row that says so; 0 and -1 where none does. */
double lpg_separation_required_m(const struct lpg_separation_demand *demand, enum lpg_receptor kind,
                                 double height_m, int *ret_rule);
/* `outline` around its plane's origin, at most 1 km wide. [worker] */
cim_status lpg_separation_judge(const struct lpg_separation_demand *demand,
                                const struct lpg_outline *outline, int32_t day,
                                struct lpg_receptor_views *views,
                                struct lpg_separation_judgement *ret_judgement, cim_error *err);
/* The degrees that hold all within `reach_m` of the plane's origin. */
void lpg_separation_window(const struct lpg_tm *tm, double reach_m, double ret_deg[4]);

/* "verdict", "verdict_zh", "rules": the lines, "not_measured", as members of an open object. */
void lpg_separation_write(const struct lpg_separation_demand *demand,
                          const struct lpg_separation_judgement *judgement,
                          const struct lpg_separation_station_in *station,
                          struct lpg_receptor_views *views, struct cim_buf *out);
/* "rule": what is cited of row `i`. */
void lpg_separation_write_rule(const struct lpg_separation_rule *rule,
                               const struct lpg_separation_station_in *station, size_t i,
                               struct cim_buf *out);
/* "not_measured": the layers that the caller may not read. */
void lpg_separation_write_unmeasured(const struct lpg_receptor_views *views, struct cim_buf *out);

#endif

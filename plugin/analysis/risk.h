/* plugin/analysis/risk.h -- risk of carrying dangerous goods along a route.
 *
 * Formulas: E. Erkut and V. Verter, "A framework for hazardous materials transport risk
 * assessment", Risk Analysis 15 (1995); Abkowitz et al. 1992 (perceived), Sivakumar et al. 1993
 * (conditional), Erkut and Ingolfsson 2000 (mean-variance, largest). All per trip.
 */
#ifndef LPG_ANALYSIS_RISK_H
#define LPG_ANALYSIS_RISK_H

#include <stddef.h>

#define LPG_KM_PER_MILE 1.609344

struct lpg_risk_link {
    double probability; /* of an accident with a release on the link: p */
    double persons;     /* within the exposure radius of the link: C */
};

struct lpg_risk {
    double incident_probability; /* Σ p */
    double expected;             /* traditional: Σ p C, persons */
    double expected_exact;       /* Σ (Π over earlier links (1 - p)) p C */
    double conditional;          /* Σ p C / Σ p; 0 where nothing can happen */
    double variance_term;        /* Σ p C²: mean-variance is expected + k times this */
    double largest;              /* max C */
};

/* Accidents per 10⁶ vehicle-kilometres, chance of a release in one, kilometres. */
double lpg_risk_probability(double accidents_per_1e6_km, double release, double length_km);
struct lpg_risk lpg_risk_sum(const struct lpg_risk_link *links, size_t n);
/* Σ p C^q, q >= 1. */
double lpg_risk_perceived(const struct lpg_risk_link *links, size_t n, double q);
/* Area within `radius_km` of a place, and of a link this long, km². */
double lpg_risk_point_area_km2(double radius_km);
double lpg_risk_band_area_km2(double radius_km, double length_km);
/* Yearly risk at a place: trips a year × Σ p over the metres of each link from which it can be
 * reached, each with the same chance of death. `reach_m[i]` of `link_m[i]` metres. */
double lpg_risk_individual(const struct lpg_risk_link *links, const double *link_m,
                           const double *reach_m, size_t n, double trips_per_year,
                           double death_probability);

#endif

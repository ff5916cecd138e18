/* plugin/analysis/risk.c -- see risk.h. */
#include "analysis/risk.h"

#include <math.h>

#define PI 3.14159265358979323846

double
lpg_risk_probability(double accidents_per_1e6_km, double release, double length_km)
{
    return accidents_per_1e6_km * 1e-6 * release * length_km;
}

struct lpg_risk
lpg_risk_sum(const struct lpg_risk_link *links, size_t n)
{
    struct lpg_risk risk = {0};
    double arrives = 1.0; /* chance that nothing happened before the link */
    for (size_t i = 0; i < n; i++) {
        const double p = links[i].probability;
        const double c = links[i].persons;
        risk.incident_probability += p;
        risk.expected += p * c;
        risk.expected_exact += arrives * p * c;
        risk.variance_term += p * c * c;
        risk.largest = fmax(risk.largest, c);
        arrives *= 1.0 - p;
    }
    if (risk.incident_probability > 0.0) {
        risk.conditional = risk.expected / risk.incident_probability;
    }
    return risk;
}

double
lpg_risk_perceived(const struct lpg_risk_link *links, size_t n, double q)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += links[i].probability * pow(links[i].persons, q);
    }
    return sum;
}

double
lpg_risk_point_area_km2(double radius_km)
{
    return PI * radius_km * radius_km;
}

double
lpg_risk_band_area_km2(double radius_km, double length_km)
{
    return 2.0 * radius_km * length_km + lpg_risk_point_area_km2(radius_km);
}

double
lpg_risk_individual(const struct lpg_risk_link *links, const double *link_m, const double *reach_m,
                    size_t n, double trips_per_year, double death_probability)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += link_m[i] > 0.0 ? links[i].probability * reach_m[i] / link_m[i] : 0.0;
    }
    return trips_per_year * sum * death_probability;
}

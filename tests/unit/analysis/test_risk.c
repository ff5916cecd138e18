/* The formulas of transport risk against the published figures (domain.md 4.2). */
#include "support/unit.h"

#include "analysis/risk.h"

#include <math.h>

/* Half a unit of the last digit that the figure has. */
static void
check(double got, double expected, double half_digit)
{
    if (!(fabs(got - expected) <= half_digit)) {
        fail_msg("%.9g, expected %.9g", got, expected);
    }
}

static double
link_p(double accidents_per_1e6_mile, double release, double km)
{
    return lpg_risk_probability(accidents_per_1e6_mile / LPG_KM_PER_MILE, release, km);
}

static void
test_one_link(void **state)
{
    const double density = 5000.0;
    const double lambda_km = 0.2;
    const struct lpg_risk_link link = {link_p(8.66, 0.069, 10.0),
                                       density * lpg_risk_point_area_km2(lambda_km)};
    const struct lpg_risk risk = lpg_risk_sum(&link, 1);
    (void)state;
    check(lpg_risk_point_area_km2(lambda_km), 0.12566, 5e-6);
    check(risk.incident_probability, 3.713e-6, 5e-10);
    check(link.persons, 628.3, 0.05);
    check(risk.expected, 2.333e-3, 5e-7);
    check(lpg_risk_band_area_km2(lambda_km, 10.0), 4.1257, 5e-5);
    check(density * lpg_risk_band_area_km2(lambda_km, 10.0), 20628.0, 0.5);
    check(risk.expected_exact, risk.expected, 1e-15);
    check(risk.conditional, link.persons, 1e-9);
    check(risk.largest, link.persons, 0.0);
}

static void
test_three_links(void **state)
{
    const double area = lpg_risk_point_area_km2(0.2);
    const struct lpg_risk_link links[] = {{link_p(0.64, 0.090, 12.0), 200.0 * area},
                                          {link_p(2.19, 0.086, 8.0), 300.0 * area},
                                          {link_p(8.66, 0.069, 3.0), 5000.0 * area}};
    const struct lpg_risk risk = lpg_risk_sum(links, 3);
    (void)state;
    check(links[0].probability, 4.295e-7, 5e-11);
    check(links[1].probability, 9.362e-7, 5e-11);
    check(links[2].probability, 1.1139e-6, 5e-11);
    check(risk.incident_probability, 2.480e-6, 5e-10);
    check(risk.expected, 7.460e-4, 5e-8);
    check(risk.conditional, 7.460e-4 / 2.480e-6, 0.1);
    check(lpg_risk_perceived(links, 3, 1.0), risk.expected, 1e-15);
    check(lpg_risk_perceived(links, 3, 2.0), risk.variance_term, 1e-12);
}

/* Large chances, where the exact sum is not the approximate one: by hand. */
static void
test_exact_sum_stops_after_an_accident(void **state)
{
    const struct lpg_risk_link links[] = {{0.5, 10.0}, {0.5, 20.0}, {1.0, 40.0}};
    const struct lpg_risk risk = lpg_risk_sum(links, 3);
    (void)state;
    check(risk.expected, 55.0, 1e-12);
    check(risk.expected_exact, 0.5 * 10 + 0.5 * 0.5 * 20 + 0.25 * 40, 1e-12);
    check(risk.largest, 40.0, 0.0);
    check(lpg_risk_sum(NULL, 0).conditional, 0.0, 0.0);
}

static void
test_individual_risk_integrates_along_the_links(void **state)
{
    const struct lpg_risk_link links[] = {{1e-6, 0.0}, {2e-6, 0.0}};
    const double link_m[] = {500.0, 400.0};
    const double reach_m[] = {250.0, 400.0};
    (void)state;
    check(lpg_risk_individual(links, link_m, reach_m, 2, 300.0, 0.5), 300.0 * 0.5 * 2.5e-6, 1e-18);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_link),
        cmocka_unit_test(test_three_links),
        cmocka_unit_test(test_exact_sum_stops_after_an_accident),
        cmocka_unit_test(test_individual_risk_integrates_along_the_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The models of consequences against worked values: fireballs, blasts, releases, jets, plumes and
 * probits, each within half a percent (or as the printed digits allow). */
#include "support/unit.h"

#include "analysis/consequence_models.h"

#include <math.h>

static void
near_to(double got, double wanted, double share, const char *what)
{
    if (!(fabs(got - wanted) <= share * fabs(wanted))) {
        fail_msg("%s: %.6g, expected %.6g", what, got, wanted);
    }
}

#define HALF_PERCENT 0.005

static void
test_fireballs(void **state)
{
    static const struct {
        double mass_kg, d, t, e, x, f, tau, i, tdu, death;
    } rows[] = {{14.9, 14.272, 1.107, 290.18, 10, 0.2373, 0.8423, 58.01, 248.6, 0.0001},
                {49.5, 21.296, 1.652, 290.18, 20, 0.1731, 0.7918, 39.76, 224.2, 0.000},
                {417.2, 43.339, 3.363, 290.18, 50, 0.1320, 0.7280, 27.89, 284.4, 0.0004},
                {1490, 66.246, 5.140, 290.18, 50, 0.2208, 0.7291, 46.72, 864.8, 0.312},
                {21675, 161.71, 12.547, 290.18, 200, 0.1195, 0.6422, 22.27, 786.1, 0.232}};
    const double vapour_pa = lpg_vapour_pressure_pa(25.0, 0.7);
    (void)state;
    near_to(vapour_pa, 2213.2, 1e-4, "vapour pressure");
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const struct lpg_fireball ball = lpg_fireball_of(rows[k].mass_kg, 0.3);
        double view;
        double tau;
        const double flux = lpg_fireball_flux_kw_m2(&ball, rows[k].x, vapour_pa, &view, &tau);
        near_to(ball.diameter_m, rows[k].d, HALF_PERCENT, "D");
        near_to(ball.duration_s, rows[k].t, HALF_PERCENT, "t");
        near_to(ball.emissive_kw_m2, rows[k].e, HALF_PERCENT, "E");
        near_to(view, rows[k].f, HALF_PERCENT, "F");
        near_to(tau, rows[k].tau, HALF_PERCENT, "tau");
        near_to(flux, rows[k].i, HALF_PERCENT, "I");
        near_to(lpg_thermal_dose(flux, ball.duration_s), rows[k].tdu, HALF_PERCENT, "TDU");
        assert_true(fabs(lpg_probit_chance(lpg_probit_heat_tno(flux * 1e3, ball.duration_s)) -
                         rows[k].death) < 0.0006);
    }
}

static void
test_fireball_reaches(void **state)
{
    static const double fluxes[] = {37.5, 25, 12.5, 4.0, 1.6};
    static const struct {
        double mass_kg;
        double x[5];
    } rows[] = {{14.9, {14.4, 18.8, 28.0, 50.4, 78.9}},
                {49.5, {20.9, 27.5, 41.0, 73.8, 115.7}},
                {417.2, {40.5, 53.7, 80.6, 145.5, 228.3}},
                {1490, {60.2, 80.1, 120.7, 218.3, 342.6}},
                {21675, {137.7, 185.5, 281.8, 511.8, 804.2}}};
    const double vapour_pa = lpg_vapour_pressure_pa(25.0, 0.7);
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const struct lpg_fireball ball = lpg_fireball_of(rows[k].mass_kg, 0.3);
        for (int i = 0; i < 5; i++) {
            near_to(lpg_fireball_reach_m(&ball, fluxes[i], vapour_pa), rows[k].x[i], HALF_PERCENT,
                    "reach");
        }
        assert_true(lpg_fireball_reach_m(&ball, 400.0, vapour_pa) == 0.0);
    }
    /* the published one: 22.7 m³, 585.3 kg/m³, filled to 90 % */
    const struct lpg_fireball published = lpg_fireball_of(22.7 * 585.3 * 0.9, 0.3);
    near_to(published.diameter_m, 132.6, HALF_PERCENT, "published D");
    near_to(published.duration_s, 10.3, HALF_PERCENT, "published t");
    near_to(lpg_fireball_of(40000, 0.3).duration_s, 2.6 * pow(40000, 1.0 / 6.0), 1e-12, "long t");
}

static void
test_explosions(void **state)
{
    static const struct {
        double mass_kg, tnt, half, a44, b44, k44, a17, b17, k17;
    } rows[] = {{15, 11.054, 2.57, 7.50, 8.61, 11.03, 14.64, 15.46, 20.25},
                {49.5, 36.479, 3.99, 11.17, 12.81, 16.42, 21.79, 23.02, 30.14},
                {417.2, 307.455, 8.79, 22.73, 26.07, 33.41, 44.35, 46.85, 61.34},
                {21675, 15973, 37.91, 84.8, 97.3, 124.7, 165.5, 174.8, 228.9}};
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const double tnt = lpg_tnt_kg(rows[k].mass_kg, 0.04);
        near_to(tnt, rows[k].tnt, HALF_PERCENT, "TNT");
        near_to(lpg_tnt_half_death_m(tnt), rows[k].half, HALF_PERCENT, "R0.5");
        near_to(lpg_blast_reach_m(LPG_BLAST_A, tnt, 44), rows[k].a44, HALF_PERCENT, "A 44");
        near_to(lpg_blast_reach_m(LPG_BLAST_B, tnt, 44), rows[k].b44, HALF_PERCENT, "B 44");
        near_to(lpg_blast_reach_m(LPG_BLAST_K, tnt, 44), rows[k].k44, HALF_PERCENT, "K 44");
        near_to(lpg_blast_reach_m(LPG_BLAST_A, tnt, 17), rows[k].a17, HALF_PERCENT, "A 17");
        near_to(lpg_blast_reach_m(LPG_BLAST_B, tnt, 17), rows[k].b17, HALF_PERCENT, "B 17");
        near_to(lpg_blast_reach_m(LPG_BLAST_K, tnt, 17), rows[k].k17, HALF_PERCENT, "K 17");
    }
}

static void
test_blast_curve_k(void **state)
{
    static const double spots[][2] = {{1, 1354},   {2, 283.7},  {3, 115.7}, {5, 43.23},
                                      {10, 14.89}, {20, 6.102}, {40, 2.375}};
    (void)state;
    for (size_t i = 0; i < sizeof spots / sizeof spots[0]; i++) {
        near_to(lpg_blast_kpa(LPG_BLAST_K, 1.0, spots[i][0]), spots[i][1], HALF_PERCENT, "K");
    }
    near_to(lpg_blast_kpa(LPG_BLAST_K, 10000.0, 500.0), 5.055, HALF_PERCENT, "10 t at 500 m");
    assert_true(isnan(lpg_blast_kpa(LPG_BLAST_K, 1.0, 0.19)));
    assert_true(isnan(lpg_blast_kpa(LPG_BLAST_K, 1.0, 199.0)));
}

static void
test_releases_jets_and_plumes(void **state)
{
    static const double jets[][2] = {{37.5, 3.83}, {12.5, 6.63}, {4, 11.72}, {1.6, 18.53}};
    (void)state;
    near_to(lpg_liquid_release_kg_s(0.003, 0.62, 836000, 0), 0.1188, HALF_PERCENT, "liquid 3 mm");
    near_to(lpg_liquid_release_kg_s(0.010, 0.62, 836000, 0), 1.3199, HALF_PERCENT, "liquid 10 mm");
    near_to(lpg_gas_release_kg_s(0.003, 1, 836000, 293.15), 0.01595, HALF_PERCENT, "gas 3 mm");
    near_to(lpg_gas_release_kg_s(0.010, 1, 836000, 293.15), 0.1772, HALF_PERCENT, "gas 10 mm");
    near_to(lpg_critical_ratio(), 0.5785, HALF_PERCENT, "critical ratio");
    assert_true(isnan(lpg_gas_release_kg_s(0.010, 1, 150000, 293.15)));
    near_to(lpg_jet_flux_kw_m2(0.5, 0.3, 1, 20), 1.373, HALF_PERCENT, "jet at 20 m");
    for (size_t i = 0; i < sizeof jets / sizeof jets[0]; i++) {
        near_to(lpg_jet_reach_m(0.5, 0.3, 1, jets[i][0]), jets[i][1], HALF_PERCENT, "jet");
    }
    near_to(lpg_plume_kg_m3(0.1, 3, false, 20), 0.005614, HALF_PERCENT, "plume 20 m");
    near_to(lpg_plume_kg_m3(0.1, 3, false, 50), 9.190e-4, HALF_PERCENT, "plume 50 m");
    near_to(lpg_plume_kg_m3(0.1, 3, false, 100), 2.382e-4, HALF_PERCENT, "plume 100 m");
    near_to(LPG_LEL_KG_M3, 0.03786, HALF_PERCENT, "LEL");
    near_to(lpg_plume_reach_m(0.1, 3, false, LPG_LEL_KG_M3), 7.66, HALF_PERCENT, "LEL at D");
    near_to(lpg_plume_reach_m(0.1, 1.5, true, LPG_LEL_KG_M3), 29.75, HALF_PERCENT, "LEL at F");
    /* one bottle of 14.9 kg fills a room of 394 m³ to its lower limit */
    near_to(14.9 / LPG_VAPOUR_KG_M3, 8.27, HALF_PERCENT, "vapour of a bottle");
    near_to(14.9 / LPG_LEL_KG_M3, 394, HALF_PERCENT, "room");
}

static void
test_probits(void **state)
{
    (void)state;
    near_to(lpg_probit_heat_tno(37500, 10), 5.464, HALF_PERCENT, "37.5 for 10 s");
    near_to(lpg_probit_chance(5.464), 0.679, HALF_PERCENT, "chance");
    near_to(lpg_probit_heat_tno(12500, 20), 3.489, HALF_PERCENT, "12.5 for 20 s");
    near_to(lpg_probit_heat_tno(4000, 60), 2.412, HALF_PERCENT, "4 for 60 s");
    near_to(lpg_probit_heat_eisenberg(37500, 10), 3.366, HALF_PERCENT, "Eisenberg");
    near_to(lpg_probit_eardrum(44000), 5.035, HALF_PERCENT, "ear-drum 44");
    near_to(lpg_probit_eardrum(17000), 3.200, HALF_PERCENT, "ear-drum 17");
    near_to(lpg_probit_lung(140000), 4.779, HALF_PERCENT, "lung");
    near_to(lpg_probit_structure(17000), 4.644, HALF_PERCENT, "structure");
    near_to(lpg_probit_chance(lpg_probit_eardrum(44000)), 0.51, 0.01, "half of the ear-drums");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fireballs),
        cmocka_unit_test(test_fireball_reaches),
        cmocka_unit_test(test_explosions),
        cmocka_unit_test(test_blast_curve_k),
        cmocka_unit_test(test_releases_jets_and_plumes),
        cmocka_unit_test(test_probits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

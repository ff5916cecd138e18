/* plugin/analysis/consequence_models.h -- what an LPG accident reaches: fireball, explosion, jet
 * fire, plume. SI units unless the name says kW or MJ. Pure functions. [any]
 *
 * These are screening models for decisions, not a proof of compliance: the three curves of
 * overpressure differ by up to 1.5, and the plume under-predicts what lies on the ground where the
 * cloud is heavier than air (more than some 0.5 kg/s). Answers name model and inputs.
 */
#ifndef LPG_ANALYSIS_CONSEQUENCE_MODELS_H
#define LPG_ANALYSIS_CONSEQUENCE_MODELS_H

#include <stdbool.h>

/* Properties of LPG at 20 to 25 °C, propane-rich. */
#define LPG_HEAT_MJ_KG         46.0   /* lower heating value, propane 46.35, n-butane 45.7 */
#define LPG_EXPLOSION_MJ_KG    46.264 /* as Chinese safety assessments take it */
#define LPG_TNT_MJ_KG          4.52
#define LPG_GAMMA              1.13
#define LPG_MOLAR_KG           0.0441 /* propane */
#define LPG_LIQUID_KG_M3       500.0
#define LPG_VAPOUR_KG_M3       1.803 /* propane, 25 °C, 101.325 kPa */
#define LPG_LEL_KG_M3          (0.021 * LPG_VAPOUR_KG_M3)
#define LPG_VAPOUR_PRESSURE_PA 836000.0 /* propane, 20 °C, absolute */
#define LPG_AMBIENT_PA         101325.0

/* Fireball of a BLEVE: CCPS, Guidelines for Consequence Analysis (1999): D = 5.8 M^(1/3),
 * t = 0.45 M^(1/3) below 30 t, else 2.6 M^(1/6), centre 0.75 D high; E = η M Hc / (π D² t),
 * η 0.3 below the pressure of relief, 0.4 at or above. */
struct lpg_fireball {
    double diameter_m;
    double duration_s;
    double height_m;
    double emissive_kw_m2;
};
struct lpg_fireball lpg_fireball_of(double mass_kg, double radiant_share);
/* At ground, `x_m` from below its centre, to a surface that faces it: I = τ E (D/2)² / L²; τ as in
 * lpg_transmissivity() over L - D/2. Never within the ball. */
double lpg_fireball_flux_kw_m2(const struct lpg_fireball *ball, double x_m, double vapour_pa,
                               double *ret_view, double *ret_transmissivity);
/* How far that flux reaches; 0 where it is nowhere met. */
double lpg_fireball_reach_m(const struct lpg_fireball *ball, double flux_kw_m2, double vapour_pa);

/* τ = 2.02 (p_w path)^-0.09, at most 1 (CCPS). */
double lpg_transmissivity(double vapour_pa, double path_m);
/* Partial pressure of water, Magnus: 610.94 exp(17.625 T / (T + 243.04)) × relative humidity. */
double lpg_vapour_pressure_pa(double celsius, double relative_humidity);

/* TNT equivalent W = k α Wf Qf / Q_TNT, k 1.8 at ground (Chinese safety-assessment practice). */
double lpg_tnt_kg(double mass_kg, double share);
/* 50 % death: 13.6 (W / 1000)^0.37. */
double lpg_tnt_half_death_m(double tnt_kg);

/* A: ln(Δp/p0) = -0.9126 - 1.5058 ln Z + 0.1675 ln² Z - 0.0320 ln³ Z; B: Δp/p0 = 0.137 Z^-3 +
 * 0.119 Z^-2 + 0.269 Z^-1 - 0.019; both with Z = R (p0 / E)^(1/3), E = W Q_TNT. K: Swisdak 1994
 * (ADA526744), hemispherical fit of Kingery and Bulmash, Z = R / W^(1/3) from 0.2 to 198.5. */
enum lpg_blast_curve { LPG_BLAST_A, LPG_BLAST_B, LPG_BLAST_K };
/* NaN outside the curve's range. */
double lpg_blast_kpa(enum lpg_blast_curve curve, double tnt_kg, double r_m);
double lpg_blast_reach_m(enum lpg_blast_curve curve, double tnt_kg, double kpa);

/* Q = Cd A ρ √(2 (P - Pa) / ρ + 2 g h). */
double lpg_liquid_release_kg_s(double hole_m, double cd, double pressure_pa, double head_m);
/* Choked where Pa / P <= (2/(γ+1))^(γ/(γ-1)), as it is above some 175 kPa: Q = Cd A P √(γ M / (R T)
 * (2/(γ+1))^((γ+1)/(γ-1))). NaN below. */
double lpg_gas_release_kg_s(double hole_m, double cd, double pressure_pa, double kelvin);
double lpg_critical_ratio(void);

/* Jet fire as a point source: I = τ η Q Hc / (4 π r²); length 9.1 √Q (Considine and Grint 1985). */
double lpg_jet_flux_kw_m2(double rate_kg_s, double radiant_share, double transmissivity,
                          double r_m);
double lpg_jet_reach_m(double rate_kg_s, double radiant_share, double transmissivity,
                       double flux_kw_m2);
double lpg_jet_length_m(double rate_kg_s);

/* Gaussian plume at ground on its axis, Briggs rural, stability D or F. Small leaks only. */
double lpg_plume_kg_m3(double rate_kg_s, double wind_m_s, bool stable, double x_m);
double lpg_plume_reach_m(double rate_kg_s, double wind_m_s, bool stable, double kg_m3);

/* Chance of an effect by its probit: (1 + erf((Pr - 5) / √2)) / 2. */
double lpg_probit_chance(double probit);
double lpg_probit_heat_tno(double flux_w_m2, double s);       /* death */
double lpg_probit_heat_eisenberg(double flux_w_m2, double s); /* death */
double lpg_probit_eardrum(double pa);
double lpg_probit_lung(double pa);
double lpg_probit_structure(double pa);
/* Thermal dose in (kW/m²)^(4/3) s. */
double lpg_thermal_dose(double flux_kw_m2, double s);

#endif

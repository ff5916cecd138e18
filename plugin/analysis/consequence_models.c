/* plugin/analysis/consequence_models.c -- see consequence_models.h. */
#include "analysis/consequence_models.h"

#include <math.h>
#include <stddef.h>

#define PI          3.14159265358979323846
#define GRAVITY     9.80665
#define GAS_J_MOL_K 8.314462618

/* The largest x in low…high where f, which falls, is at least `wanted`; 0 where it never is. */
static double
reach(double (*f)(const void *arg, double x), const void *arg, double wanted, double low,
      double high)
{
    if (!(f(arg, low) >= wanted)) {
        return 0.0;
    }
    for (int i = 0; i < 200 && high - low > 1e-9 * high; i++) {
        const double middle = (low + high) / 2.0;
        if (f(arg, middle) >= wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- fireball ---- */

struct lpg_fireball
lpg_fireball_of(double mass_kg, double radiant_share)
{
    const double diameter_m = 5.8 * cbrt(mass_kg);
    const double duration_s =
        mass_kg < 30000.0 ? 0.45 * cbrt(mass_kg) : 2.6 * pow(mass_kg, 1.0 / 6.0);
    return (struct lpg_fireball){.diameter_m = diameter_m,
                                 .duration_s = duration_s,
                                 .height_m = 0.75 * diameter_m,
                                 .emissive_kw_m2 = radiant_share * mass_kg * LPG_HEAT_MJ_KG * 1e3 /
                                                   (PI * diameter_m * diameter_m * duration_s)};
}

double
lpg_transmissivity(double vapour_pa, double path_m)
{
    return path_m > 0.0 ? fmin(2.02 * pow(vapour_pa * path_m, -0.09), 1.0) : 1.0;
}

double
lpg_vapour_pressure_pa(double celsius, double relative_humidity)
{
    return relative_humidity * 610.94 * exp(17.625 * celsius / (celsius + 243.04));
}

double
lpg_fireball_flux_kw_m2(const struct lpg_fireball *ball, double x_m, double vapour_pa,
                        double *ret_view, double *ret_transmissivity)
{
    const double radius_m = ball->diameter_m / 2.0;
    const double l2 = x_m * x_m + ball->height_m * ball->height_m;
    const double view = radius_m * radius_m / l2;
    const double transmissivity = lpg_transmissivity(vapour_pa, sqrt(l2) - radius_m);
    if (ret_view != NULL) {
        *ret_view = view;
    }
    if (ret_transmissivity != NULL) {
        *ret_transmissivity = transmissivity;
    }
    return transmissivity * ball->emissive_kw_m2 * view;
}

struct ball_at {
    const struct lpg_fireball *ball;
    double vapour_pa;
};

static double
ball_flux(const void *arg, double x)
{
    const struct ball_at *at = arg;
    return lpg_fireball_flux_kw_m2(at->ball, x, at->vapour_pa, NULL, NULL);
}

double
lpg_fireball_reach_m(const struct lpg_fireball *ball, double flux_kw_m2, double vapour_pa)
{
    const struct ball_at at = {ball, vapour_pa};
    return reach(ball_flux, &at, flux_kw_m2, 0.0, 1e6);
}

/* ---- explosion ---- */

double
lpg_tnt_kg(double mass_kg, double share)
{
    const double ground = 1.8;
    return ground * share * mass_kg * LPG_EXPLOSION_MJ_KG / LPG_TNT_MJ_KG;
}

double
lpg_tnt_half_death_m(double tnt_kg)
{
    return 13.6 * pow(tnt_kg / 1000.0, 0.37);
}

static double
swisdak_kpa(double z)
{
    static const double near[] = {7.2106, -2.1069, -0.3229, 0.1117, 0.0685};
    static const double middle[] = {7.5938, -3.0523, 0.40977, 0.0261, -0.01267};
    static const double far_off[] = {6.0536, -1.4066, 0.0, 0.0, 0.0};
    const double *c = z <= 2.9 ? near : z <= 23.8 ? middle : far_off;
    const double l = log(z);
    return z >= 0.2 && z <= 198.5 ? exp(c[0] + l * (c[1] + l * (c[2] + l * (c[3] + l * c[4]))))
                                  : NAN;
}

double
lpg_blast_kpa(enum lpg_blast_curve curve, double tnt_kg, double r_m)
{
    const double z = r_m * cbrt(LPG_AMBIENT_PA / (tnt_kg * LPG_TNT_MJ_KG * 1e6));
    const double l = log(z);
    double ratio = 0.0;
    switch (curve) {
    case LPG_BLAST_K:
        return swisdak_kpa(r_m / cbrt(tnt_kg));
    case LPG_BLAST_A:
        ratio = exp(-0.9126 + l * (-1.5058 + l * (0.1675 - 0.0320 * l)));
        break;
    case LPG_BLAST_B:
        ratio = 0.137 / (z * z * z) + 0.119 / (z * z) + 0.269 / z - 0.019;
        break;
    }
    return ratio * LPG_AMBIENT_PA / 1e3;
}

struct blast_at {
    enum lpg_blast_curve curve;
    double tnt_kg;
};

static double
blast(const void *arg, double r)
{
    const struct blast_at *at = arg;
    return lpg_blast_kpa(at->curve, at->tnt_kg, r);
}

double
lpg_blast_reach_m(enum lpg_blast_curve curve, double tnt_kg, double kpa)
{
    const struct blast_at at = {curve, tnt_kg};
    const double scale = cbrt(tnt_kg);
    return curve == LPG_BLAST_K ? reach(blast, &at, kpa, 0.2 * scale, 198.5 * scale)
                                : reach(blast, &at, kpa, 1e-3 * scale, 1e4 * scale);
}

/* ---- releases ---- */

double
lpg_liquid_release_kg_s(double hole_m, double cd, double pressure_pa, double head_m)
{
    const double area_m2 = PI * hole_m * hole_m / 4.0;
    return cd * area_m2 * LPG_LIQUID_KG_M3 *
           sqrt(2.0 * (pressure_pa - LPG_AMBIENT_PA) / LPG_LIQUID_KG_M3 + 2.0 * GRAVITY * head_m);
}

double
lpg_critical_ratio(void)
{
    return pow(2.0 / (LPG_GAMMA + 1.0), LPG_GAMMA / (LPG_GAMMA - 1.0));
}

double
lpg_gas_release_kg_s(double hole_m, double cd, double pressure_pa, double kelvin)
{
    const double area_m2 = PI * hole_m * hole_m / 4.0;
    if (LPG_AMBIENT_PA / pressure_pa > lpg_critical_ratio()) {
        return NAN;
    }
    return cd * area_m2 * pressure_pa *
           sqrt(LPG_GAMMA * LPG_MOLAR_KG / (GAS_J_MOL_K * kelvin) *
                pow(2.0 / (LPG_GAMMA + 1.0), (LPG_GAMMA + 1.0) / (LPG_GAMMA - 1.0)));
}

double
lpg_jet_flux_kw_m2(double rate_kg_s, double radiant_share, double transmissivity, double r_m)
{
    return transmissivity * radiant_share * rate_kg_s * LPG_HEAT_MJ_KG * 1e3 /
           (4.0 * PI * r_m * r_m);
}

double
lpg_jet_reach_m(double rate_kg_s, double radiant_share, double transmissivity, double flux_kw_m2)
{
    return sqrt(lpg_jet_flux_kw_m2(rate_kg_s, radiant_share, transmissivity, 1.0) / flux_kw_m2);
}

double
lpg_jet_length_m(double rate_kg_s)
{
    return 9.1 * sqrt(rate_kg_s);
}

/* ---- plume ---- */

double
lpg_plume_kg_m3(double rate_kg_s, double wind_m_s, bool stable, double x_m)
{
    const double across = sqrt(1.0 + 0.0001 * x_m);
    const double sigma_y = (stable ? 0.04 : 0.08) * x_m / across;
    const double sigma_z =
        stable ? 0.016 * x_m / (1.0 + 0.0003 * x_m) : 0.06 * x_m / sqrt(1.0 + 0.0015 * x_m);
    return rate_kg_s / (PI * wind_m_s * sigma_y * sigma_z); /* source and place at ground */
}

struct plume_at {
    double rate_kg_s;
    double wind_m_s;
    bool stable;
};

static double
plume(const void *arg, double x)
{
    const struct plume_at *at = arg;
    return lpg_plume_kg_m3(at->rate_kg_s, at->wind_m_s, at->stable, x);
}

double
lpg_plume_reach_m(double rate_kg_s, double wind_m_s, bool stable, double kg_m3)
{
    const struct plume_at at = {rate_kg_s, wind_m_s, stable};
    return reach(plume, &at, kg_m3, 1e-3, 1e6);
}

/* ---- probits ---- */

double
lpg_probit_chance(double probit)
{
    return 0.5 * (1.0 + erf((probit - 5.0) / sqrt(2.0)));
}

double
lpg_probit_heat_tno(double flux_w_m2, double s)
{
    return -36.38 + 2.56 * log(s * pow(flux_w_m2, 4.0 / 3.0));
}

double
lpg_probit_heat_eisenberg(double flux_w_m2, double s)
{
    return -14.9 + 2.56 * log(s * pow(flux_w_m2, 4.0 / 3.0) / 1e4);
}

double
lpg_probit_eardrum(double pa)
{
    return -15.6 + 1.93 * log(pa);
}

double
lpg_probit_lung(double pa)
{
    return -77.1 + 6.91 * log(pa);
}

double
lpg_probit_structure(double pa)
{
    return -23.8 + 2.92 * log(pa);
}

double
lpg_thermal_dose(double flux_kw_m2, double s)
{
    return pow(flux_kw_m2, 4.0 / 3.0) * s;
}

/* plugin/analysis/consequence.c -- lpg.consequence: what an accident reaches, and who is there. */
#include "analysis/consequence_models.h"
#include "analysis/json_io.h"
#include "analysis/nearest_help.h"
#include "analysis/siting.h"
#include "cim/util.h"
#include "geo/geodesic.h"
#include "kit/cleanup.h"
#include "kit/json.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RINGS_MAX = 8, LISTED_MAX = 500 };

enum scenario { FIREBALL, EXPLOSION, JET, PLUME, SCENARIOS };

struct threshold {
    double value;
    const char *zh;
    const char *en;
};

/* World-Bank and Clancey lists of effects, as Chinese assessments use them. */
static const struct threshold heat[] = {
    {1.6, "长时间无不适", "no discomfort, long exposure"},
    {4.0, "20 秒以上疼痛，不起泡", "pain after 20 s, no blister"},
    {12.5, "1 分钟 1% 死亡；木材引燃", "1 % death in 1 min; piloted ignition of wood"},
    {25.0, "1 分钟死亡，10 秒重伤", "death in 1 min, serious injury in 10 s"},
    {37.5, "1 分钟 100% 死亡；设备损坏", "100 % death in 1 min; damage to equipment"}};
static const struct threshold blast[] = {{2.07, "玻璃破碎 10%", "10 % of glass broken"},
                                         {6.9, "房屋不宜居住", "houses uninhabitable"},
                                         {17.0, "轻伤界限", "limit of slight injury"},
                                         {44.0, "重伤界限", "limit of serious injury"},
                                         {69.0, "房屋全毁", "total destruction"}};
/* Shares of the lower explosive limit. */
static const struct threshold cloud[] = {
    {50.0, "爆炸下限的一半", "half of the lower explosive limit"},
    {100.0, "爆炸下限", "lower explosive limit"}};

struct ring {
    const struct threshold *threshold;
    double radius_m;
    double persons;
    int64_t n_unknown; /* records that do not say how many persons */
};

struct listed {
    enum lpg_receptor_layer layer;
    uint32_t record;
    double distance_m;
    bool school;
    double persons;
};

struct run {
    struct lpg_siting *siting;
    const cim_call *call;
    struct json_object *inputs;
    enum scenario scenario;
    double lonlat_deg[2];
    double mass_kg;
    double rate_kg_s; /* 0: not asked */
    double radiant_share;
    double tnt_share;
    double wind_m_s;
    double celsius;
    double humidity;
    bool stable;
    enum lpg_blast_curve curve;
    struct lpg_outline outline;
    struct lpg_receptor_views views;
    bool surveyed; /* buildings and elements reach to the place */
    size_t n_rings;
    struct ring rings[RINGS_MAX];
    size_t n_listed;
    struct listed *listed; /* schools and hospitals, LISTED_MAX of them */
    cim_status status;
    cim_error *err;
};

/* ---- inputs ---- */

static const char *
text_or(struct run *run, const char *key, const char *otherwise)
{
    const char *text = json_object_get_string(lpg_in_member(run->inputs, key));
    return text != NULL ? text : otherwise;
}

static cim_status
read_rate(struct run *run)
{
    double hole_mm = 0.0;
    CIM_TRY(lpg_in_number(run->inputs, "rate_kg_s", 1e-6, 1000.0, &run->rate_kg_s, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "hole_mm", 0.01, 1000.0, &hole_mm, run->err));
    if ((run->rate_kg_s > 0.0) == (hole_mm > 0.0)) {
        return cim_fail(run->err, CIM_E_INVALID, "rate_kg_s", NULL,
                        "应给出泄漏速率 rate_kg_s 或孔径 hole_mm 之一",
                        "expected either the rate of release rate_kg_s or the hole hole_mm");
    }
    if (hole_mm > 0.0) {
        const double cd = 0.62;
        run->rate_kg_s =
            strcmp(text_or(run, "phase", "liquid"), "gas") == 0
                ? lpg_gas_release_kg_s(hole_mm / 1e3, 1.0, LPG_VAPOUR_PRESSURE_PA,
                                       run->celsius + 273.15)
                : lpg_liquid_release_kg_s(hole_mm / 1e3, cd, LPG_VAPOUR_PRESSURE_PA, 0.0);
    }
    return CIM_OK;
}

static cim_status
read_inputs(struct run *run)
{
    static const char *const names[SCENARIOS] = {"fireball", "explosion", "jet", "plume"};
    static const char *const curves[] = {"A", "B", "K"};
    const char *scenario = text_or(run, "scenario", "");
    const char *curve = text_or(run, "curve", "A");
    int found = -1;
    for (int i = 0; i < SCENARIOS; i++) {
        found = strcmp(names[i], scenario) == 0 ? i : found;
    }
    if (found < 0) {
        return cim_fail(run->err, CIM_E_INVALID, "scenario", scenario,
                        "应为 fireball、explosion、jet 或 plume",
                        "expected fireball, explosion, jet or plume");
    }
    run->scenario = (enum scenario)found;
    for (int i = 0; i < 3; i++) {
        run->curve = strcmp(curves[i], curve) == 0 ? (enum lpg_blast_curve)i : run->curve;
    }
    run->stable = strcmp(text_or(run, "stability", "F"), "F") == 0;
    run->radiant_share = 0.3;
    run->tnt_share = 0.04;
    run->wind_m_s = 1.5;
    run->celsius = 25.0;
    run->humidity = 0.7;
    CIM_TRY(lpg_in_point(run->inputs, "point", run->lonlat_deg, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "radiant_share", 0.05, 0.5, &run->radiant_share, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "tnt_share", 0.01, 0.2, &run->tnt_share, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "wind_m_s", 0.5, 50.0, &run->wind_m_s, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "celsius", -20.0, 50.0, &run->celsius, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "humidity", 0.01, 1.0, &run->humidity, run->err));
    CIM_TRY(lpg_in_number(run->inputs, "mass_kg", 1e-3, 1e7, &run->mass_kg, run->err));
    if (run->scenario == JET || run->scenario == PLUME) {
        return read_rate(run);
    }
    if (!(run->mass_kg > 0.0)) {
        return cim_fail(run->err, CIM_E_INVALID, "mass_kg", NULL, "应给出参与质量（kg）",
                        "expected the mass that takes part, in kg");
    }
    return CIM_OK;
}

/* ---- rings ---- */

static double
reach_of(const struct run *run, double value)
{
    const double vapour_pa = lpg_vapour_pressure_pa(run->celsius, run->humidity);
    const struct lpg_fireball ball = lpg_fireball_of(run->mass_kg, run->radiant_share);
    switch (run->scenario) {
    case FIREBALL:
        return lpg_fireball_reach_m(&ball, value, vapour_pa);
    case EXPLOSION:
        return lpg_blast_reach_m(run->curve, lpg_tnt_kg(run->mass_kg, run->tnt_share), value);
    case JET:
        return lpg_jet_reach_m(run->rate_kg_s, run->radiant_share, 1.0, value);
    case PLUME:
    case SCENARIOS:
        break;
    }
    return lpg_plume_reach_m(run->rate_kg_s, run->wind_m_s, run->stable,
                             value / 100.0 * LPG_LEL_KG_M3);
}

/* The largest first. */
static void
make_rings(struct run *run)
{
    const struct threshold *thresholds = run->scenario == EXPLOSION ? blast
                                         : run->scenario == PLUME   ? cloud
                                                                    : heat;
    const size_t n = run->scenario == EXPLOSION ? sizeof blast / sizeof blast[0]
                     : run->scenario == PLUME   ? sizeof cloud / sizeof cloud[0]
                                                : sizeof heat / sizeof heat[0];
    for (size_t i = 0; i < n; i++) {
        const double radius_m = reach_of(run, thresholds[i].value);
        if (radius_m > 0.0) {
            run->rings[run->n_rings++] =
                (struct ring){.threshold = &thresholds[i], .radius_m = radius_m};
        }
    }
}

/* ---- who is there ---- */

static bool
is_listed(const char *kind, bool *ret_school)
{
    *ret_school = strcmp(kind, "school") == 0 || strcmp(kind, "kindergarten") == 0;
    return *ret_school || strcmp(kind, "hospital") == 0;
}

/* Everybody in a building that the ring touches; elements are what is not a dwelling. */
static int
see_receptor(void *arg, const struct lpg_receptor_seen *seen)
{
    struct run *run = arg;
    const struct lpg_sites *sites = run->views.layers[seen->layer].sites;
    const double persons = sites->facts[seen->record].persons;
    const bool element = seen->layer == LPG_RECEPTORS_ELEMENTS;
    const char *kind =
        element ? run->views.table->elements.rows[sites->code[seen->record]].name : "";
    double distance_m;
    bool school = false;
    if (seen->layer == LPG_RECEPTORS_ROADS || seen->layer == LPG_RECEPTORS_PROJECTS ||
        strcmp(kind, "dense_residential") == 0) { /* its residents are those of the buildings */
        return 0;
    }
    run->status = cim_heed_cancel(run->call, run->err);
    if (run->status != CIM_OK) {
        return 1;
    }
    distance_m = nearbyint(lpg_receptor_distance_m(&run->outline, seen, NULL) * 1e3) / 1e3;
    for (size_t i = 0; i < run->n_rings; i++) {
        if (distance_m <= run->rings[i].radius_m) {
            run->rings[i].persons += persons > 0.0 ? persons : 0.0;
            run->rings[i].n_unknown += isnan(persons) ? 1 : 0;
        }
    }
    if (element && run->n_rings > 0 && distance_m <= run->rings[0].radius_m &&
        is_listed(kind, &school)) {
        if (run->n_listed == LISTED_MAX) {
            run->status =
                cim_fail(run->err, CIM_E_TOO_LARGE, "point", NULL, "圈内学校与医院超过 %d 处",
                         "more than %d schools and hospitals within", LISTED_MAX);
            return 1;
        }
        run->listed[run->n_listed++] =
            (struct listed){seen->layer, seen->record, distance_m, school, persons};
    }
    return 0;
}

static const char *
uid_of(const struct run *run, const struct listed *listed)
{
    const struct lpg_sites *sites = run->views.layers[listed->layer].sites;
    return sites->text + sites->facts[listed->record].uid;
}

static int
compare_listed(const void *a, const void *b, void *arg)
{
    const struct listed *x = a;
    const struct listed *y = b;
    if (x->distance_m != y->distance_m) {
        return x->distance_m < y->distance_m ? -1 : 1;
    }
    return strcmp(uid_of(arg, x), uid_of(arg, y));
}

static cim_status
look_around(struct run *run)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    int32_t day = cim_time_local_day(run->call->now_ms);
    double window_deg[4];
    CIM_TRY(lpg_in_day(run->inputs, "as_of", &day, run->err));
    run->listed = malloc(LISTED_MAX * sizeof *run->listed);
    if (run->listed == NULL) {
        return cim_fail_nomem(run->err);
    }
    lpg_tm_init(&run->outline.tm, run->lonlat_deg[0], run->lonlat_deg[1]);
    run->outline.edges = here;
    run->outline.n_edges = 1;
    lpg_separation_window(&run->outline.tm, run->n_rings > 0 ? run->rings[0].radius_m : 1.0,
                          window_deg);
    CIM_TRY(lpg_receptor_views_open(&run->siting->receptors, run->call, window_deg, &run->views,
                                    run->err));
    lpg_receptors_visit(&run->views, window_deg, day, see_receptor, run);
    CIM_TRY(run->status);
    run->surveyed = lpg_siting_surveyed(&run->views, run->lonlat_deg);
    for (size_t i = 0; i < run->n_rings && !run->surveyed; i++) {
        run->rings[i].persons = NAN; /* nobody looked: that is not nobody */
    }
    qsort_r(run->listed, run->n_listed, sizeof *run->listed, compare_listed, run);
    return CIM_OK;
}

/* ---- writing ---- */

static void
write_places(const struct run *run, const struct ring *ring, bool schools, struct cim_buf *out)
{
    lpg_out_key(out, schools ? "schools" : "hospitals");
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < run->n_listed; i++) {
        const struct listed *listed = &run->listed[i];
        const struct lpg_sites *sites = run->views.layers[listed->layer].sites;
        if (listed->school == schools && listed->distance_m <= ring->radius_m) {
            lpg_out_next(out);
            cim_buf_add_char(out, '{');
            lpg_out_text(out, "uid", uid_of(run, listed));
            lpg_out_text(out, "name", sites->text + sites->facts[listed->record].name);
            lpg_out_m(out, "distance_m", listed->distance_m);
            lpg_out_m(out, "persons", listed->persons);
            cim_buf_add_char(out, '}');
        }
    }
    cim_buf_add_char(out, ']');
}

/* A circle about the place, never short of its radius. */
static void
write_circle(const struct run *run, double radius_m, struct cim_buf *out)
{
    enum { CORNERS = 72 };
    const double turn_deg = 360.0 / CORNERS;
    const double corner_m = radius_m / cos(3.14159265358979323846 / CORNERS);
    lpg_out_key(out, "geometry");
    cim_buf_add_text(out, "{\"type\":\"Polygon\",\"coordinates\":[[");
    for (int i = 0; i <= CORNERS; i++) {
        double at[2];
        /* against the clock, as GeoJSON wants an outer ring */
        lpg_geodesic_direct(run->lonlat_deg, -turn_deg * (i % CORNERS), corner_m, at);
        cim_buf_add_text(out, i > 0 ? ",[" : "[");
        cim_buf_add_coordinate(out, at[0]);
        cim_buf_add_char(out, ',');
        cim_buf_add_coordinate(out, at[1]);
        cim_buf_add_char(out, ']');
    }
    cim_buf_add_text(out, "]]}");
}

static void
write_ring(const struct run *run, const struct ring *ring, struct cim_buf *out)
{
    static const char *const units[SCENARIOS] = {"kW/m²", "kPa", "kW/m²", "%LEL"};
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    write_circle(run, ring->radius_m, out);
    lpg_out_key(out, "properties");
    cim_buf_add_char(out, '{');
    lpg_out_six(out, "value", ring->threshold->value);
    lpg_out_text(out, "unit", units[run->scenario]);
    lpg_out_text(out, "meaning_zh", ring->threshold->zh);
    lpg_out_text(out, "meaning_en", ring->threshold->en);
    lpg_out_m(out, "radius_m", ring->radius_m);
    lpg_out_m(out, "persons", ring->persons);
    lpg_out_int(out, "persons_unknown", ring->n_unknown);
    write_places(run, ring, true, out);
    write_places(run, ring, false, out);
    cim_buf_add_text(out, "}}");
}

static void
write_explosion(const struct run *run, struct cim_buf *out)
{
    static const char *const curves[] = {"A", "B", "K"};
    const double tnt_kg = lpg_tnt_kg(run->mass_kg, run->tnt_share);
    lpg_out_text(out, "name", "TNT equivalent");
    lpg_out_six(out, "tnt_kg", tnt_kg);
    lpg_out_m(out, "half_death_m", lpg_tnt_half_death_m(tnt_kg));
    lpg_out_text(out, "curve", curves[run->curve]);
    lpg_out_key(out, "curves");
    cim_buf_add_char(out, '{');
    for (int i = 0; i < 3; i++) {
        lpg_out_key(out, curves[i]);
        cim_buf_add_char(out, '{');
        lpg_out_m(out, "44_kpa_m", lpg_blast_reach_m((enum lpg_blast_curve)i, tnt_kg, 44.0));
        lpg_out_m(out, "17_kpa_m", lpg_blast_reach_m((enum lpg_blast_curve)i, tnt_kg, 17.0));
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, '}');
}

static void
write_model(const struct run *run, struct cim_buf *out)
{
    const struct lpg_fireball ball = lpg_fireball_of(run->mass_kg, run->radiant_share);
    lpg_out_key(out, "model");
    cim_buf_add_char(out, '{');
    switch (run->scenario) {
    case FIREBALL:
        lpg_out_text(out, "name", "BLEVE fireball (CCPS)");
        lpg_out_m(out, "diameter_m", ball.diameter_m);
        lpg_out_m(out, "duration_s", ball.duration_s);
        lpg_out_six(out, "emissive_kw_m2", ball.emissive_kw_m2);
        break;
    case EXPLOSION:
        write_explosion(run, out);
        break;
    case JET:
        lpg_out_text(out, "name", "jet fire, point source");
        lpg_out_m(out, "length_m", lpg_jet_length_m(run->rate_kg_s));
        break;
    case PLUME:
    case SCENARIOS:
        lpg_out_text(out, "name", "Gaussian plume (Briggs, rural)");
        lpg_out_text(out, "stability", run->stable ? "F" : "D");
        lpg_out_six(out, "wind_m_s", run->wind_m_s);
        /* heavier than air: near the ground it spreads farther than the plume says */
        lpg_out_flag(out, "dense_cloud", run->rate_kg_s > 0.5);
        break;
    }
    if (run->scenario == JET || run->scenario == PLUME) {
        lpg_out_six(out, "rate_kg_s", run->rate_kg_s);
    } else {
        lpg_out_six(out, "mass_kg", run->mass_kg);
    }
    lpg_out_six(out, "radiant_share", run->radiant_share);
    lpg_out_six(out, "celsius", run->celsius);
    lpg_out_six(out, "humidity", run->humidity);
    lpg_out_flag(out, "decision_support_only", true);
    cim_buf_add_char(out, '}');
}

static cim_status
answer(struct run *run, struct cim_buf *out)
{
    CIM_TRY(read_inputs(run));
    make_rings(run);
    CIM_TRY(look_around(run));
    cim_buf_add_text(out, "{\"rings\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < run->n_rings; i++) {
        write_ring(run, &run->rings[i], out);
    }
    cim_buf_add_text(out, "]}");
    write_model(run, out);
    CIM_TRY(lpg_nearest_help_write(run->siting, run->call, run->inputs, run->lonlat_deg, out,
                                   run->err));
    lpg_separation_write_unmeasured(&run->views, out);
    lpg_out_flag(out, "surveyed", run->surveyed);
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, run->err);
}

cim_status
lpg_consequence_answer(struct lpg_siting *siting, const cim_call *call, const char *inputs_json,
                       cim_blob *ret_result, cim_error *err)
{
    struct run run = {.siting = siting, .call = call, .err = err};
    CIM_AUTO_BUF struct cim_buf out;
    cim_status status;
    cim_buf_init(&out, LPG_SITING_RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &run.inputs, err));
    status = answer(&run, &out);
    lpg_receptor_views_done(&run.views);
    free(run.listed);
    (void)json_object_put(run.inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}

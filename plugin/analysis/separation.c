/* plugin/analysis/separation.c -- see separation.h. */
#include "analysis/separation.h"

#include "analysis/json_io.h"
#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

int
lpg_separation_class(const struct lpg_separation_table *table, double volume_m3)
{
    const double *parameters = table->parameters;
    return volume_m3 <= parameters[LPG_SEPARATION_CLASS3_UPTO_M3]   ? LPG_STATION_CLASS3
           : volume_m3 <= parameters[LPG_SEPARATION_CLASS2_UPTO_M3] ? LPG_STATION_CLASS2
           : volume_m3 <= parameters[LPG_SEPARATION_CLASS1_UPTO_M3] ? LPG_STATION_CLASS1
                                                                    : -1;
}

static bool
applies(const struct lpg_separation_rule *rule, const struct lpg_separation_station_in *station,
        bool *ret_unknown)
{
    double quantity;
    if ((station->stations >> (unsigned)rule->station & 1U) == 0 || station->day < rule->from_day ||
        station->day > rule->to_day) {
        return false;
    }
    if (rule->band < 0) {
        return true;
    }
    quantity = station->quantity[rule->band];
    if (isnan(quantity)) {
        *ret_unknown = true;
        return true;
    }
    return rule->over < quantity && quantity <= rule->upto;
}

static bool
counts(const struct lpg_separation_rule *rule, const struct lpg_separation_station_in *station,
       size_t i, bool *ret_unknown)
{
    /* 0 metres instead of its own: not in this run */
    return !(station->override_m != NULL && station->override_m[i] == 0.0) &&
           applies(rule, station, ret_unknown);
}

bool
lpg_separation_rule_counts(const struct lpg_separation_rule *rule,
                           const struct lpg_separation_station_in *station, size_t i)
{
    bool unknown = false;
    return counts(rule, station, i, &unknown);
}

void
lpg_separation_demand_of(const struct lpg_separation_rules *rules,
                         const struct lpg_separation_station_in *station,
                         struct lpg_separation_demand *ret_demand)
{
    *ret_demand = (struct lpg_separation_demand){.rules = rules};
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        ret_demand->of[k].rule = ret_demand->of[k].height_rule = ret_demand->of[k].inside_rule = -1;
    }
    for (size_t i = 0; i < rules->n; i++) {
        const struct lpg_separation_rule *rule = &rules->rules[i];
        bool unknown = false;
        const bool given = station->override_m != NULL && !isnan(station->override_m[i]);
        const double metres = given ? station->override_m[i] : rule->metres;
        if (!counts(rule, station, i, &unknown)) {
            continue;
        }
        ret_demand->unknown_bands |= unknown ? 1U << (unsigned)rule->band : 0U;
        ret_demand->any = true;
        if (rule->not_inside) {
            ret_demand->of[rule->receptor].inside_rule = (int)i;
            continue;
        }
        if (ret_demand->of[rule->receptor].rule < 0 ||
            metres > ret_demand->of[rule->receptor].metres) {
            ret_demand->of[rule->receptor].rule = (int)i;
            ret_demand->of[rule->receptor].metres = metres;
        }
        if (!given && rule->times_height > ret_demand->of[rule->receptor].times_height) {
            ret_demand->of[rule->receptor].height_rule = (int)i;
            ret_demand->of[rule->receptor].times_height = rule->times_height;
        }
    }
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        ret_demand->reach_m = fmax(ret_demand->reach_m, ret_demand->of[k].metres);
    }
}

cim_status
lpg_separation_demand_check(const struct lpg_separation_demand *demand, cim_error *err)
{
    if (!demand->any) {
        return cim_fail(
            err, CIM_E_STATE, "as_of", NULL,
            "这一天没有适用于该类站点的间距规则，请检查 lpg.separation-rules 的生效日期",
            "no separation rule in force on that day applies to such a station: look at "
            "the dates in lpg.separation-rules");
    }
    return CIM_OK;
}

double
lpg_separation_required_m(const struct lpg_separation_demand *demand, enum lpg_receptor kind,
                          double height_m, int *ret_rule)
{
    double required_m = 0.0;
    *ret_rule = demand->of[kind].rule;
    if (demand->of[kind].rule >= 0) {
        required_m = demand->of[kind].metres;
    }
    if (demand->of[kind].height_rule >= 0 &&
        demand->of[kind].times_height * height_m > required_m) {
        required_m = demand->of[kind].times_height * height_m;
        *ret_rule = demand->of[kind].height_rule;
    }
    return required_m;
}

/* ---- judging ---- */

/* One road comes in segments: a record counts once among those that are too near. */
struct too_near {
    uint32_t line;
    uint32_t layer;
    uint32_t record;
};

struct judging {
    const struct lpg_separation_demand *demand;
    const struct lpg_outline *outline;
    struct lpg_receptor_views *views;
    struct lpg_separation_judgement *judgement;
    double look_m;
    int line_of[LPG_RECEPTORS]; /* of the distance; -1: none */
    int inside_line_of[LPG_RECEPTORS];
    struct too_near *too_near;
    size_t n_too_near;
    size_t capacity;
    bool failed;
};

static const char *
uid_of(const struct lpg_receptor_views *views, enum lpg_receptor_layer layer, uint32_t record)
{
    const struct lpg_sites *sites = views->layers[layer].sites;
    return sites->text + sites->facts[record].uid;
}

/* Whether (margin, layer, uid) comes before what the line holds: the same whatever the order. */
static bool
is_nearer(const struct judging *judging, const struct lpg_separation_line *line, double margin_m,
          const struct lpg_receptor_seen *seen)
{
    if (!line->found || margin_m != line->margin_m) {
        return !line->found || margin_m < line->margin_m;
    }
    if (seen->layer != line->layer) {
        return seen->layer < line->layer;
    }
    return strcmp(uid_of(judging->views, seen->layer, seen->record),
                  uid_of(judging->views, line->layer, line->record)) < 0;
}

static void
note_too_near(struct judging *judging, int line, const struct lpg_receptor_seen *seen)
{
    if (judging->n_too_near == judging->capacity) {
        const size_t capacity = judging->capacity == 0 ? 256 : judging->capacity * 2;
        struct too_near *grown = realloc(judging->too_near, capacity * sizeof *grown);
        if (grown == NULL) {
            judging->failed = true;
            return;
        }
        judging->too_near = grown;
        judging->capacity = capacity;
    }
    judging->too_near[judging->n_too_near++] =
        (struct too_near){(uint32_t)line, (uint32_t)seen->layer, seen->record};
}

static int
compare_too_near(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct too_near));
}

/* Each record once. */
static void
count_too_near(struct judging *judging)
{
    if (judging->n_too_near > 0) {
        qsort(judging->too_near, judging->n_too_near, sizeof *judging->too_near, compare_too_near);
    }
    for (size_t i = 0; i < judging->n_too_near; i++) {
        if (i == 0 || compare_too_near(&judging->too_near[i - 1], &judging->too_near[i]) != 0) {
            judging->judgement->lines[judging->too_near[i].line].n_short++;
        }
    }
}

static void
note(struct judging *judging, int i, const struct lpg_receptor_seen *seen, double required_m,
     double distance_m, bool short_of, int rule)
{
    struct lpg_separation_line *line = &judging->judgement->lines[i];
    if (short_of) {
        note_too_near(judging, i, seen);
    }
    line->short_of = line->short_of || short_of;
    if (is_nearer(judging, line, distance_m - required_m, seen)) {
        line->found = true;
        line->rule = rule;
        line->required_m = required_m;
        line->distance_m = distance_m;
        line->margin_m = distance_m - required_m;
        line->layer = seen->layer;
        line->record = seen->record;
        line->assumed = lpg_receptor_assumed(line->kind, seen->assumed);
    }
}

static int
judge_receptor(void *arg, const struct lpg_receptor_seen *seen)
{
    struct judging *judging = arg;
    bool measured = false;
    bool inside = false;
    double distance_m = 0.0;
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        if ((seen->kinds >> (unsigned)k & 1U) == 0 ||
            (judging->line_of[k] < 0 && judging->inside_line_of[k] < 0)) {
            continue;
        }
        if (!measured) {
            distance_m = lpg_receptor_distance_m(judging->outline, seen, &inside);
            distance_m = nearbyint(distance_m * 1e3) / 1e3;
            measured = true;
        }
        if (distance_m > judging->look_m) {
            return 0;
        }
        if (judging->line_of[k] >= 0) {
            int rule;
            const double required_m = lpg_separation_required_m(
                judging->demand, (enum lpg_receptor)k, seen->height_m, &rule);
            note(judging, judging->line_of[k], seen, required_m, distance_m,
                 distance_m < required_m, rule);
        }
        if (judging->inside_line_of[k] >= 0) {
            note(judging, judging->inside_line_of[k], seen, 0.0, distance_m, inside,
                 judging->demand->of[k].inside_rule);
        }
    }
    return judging->failed;
}

void
lpg_separation_window(const struct lpg_tm *tm, double reach_m, double ret_deg[4])
{
    const double reach = reach_m * 1.001 + 1.0;
    for (int i = 0; i < 4; i++) {
        double p[2];
        lpg_tm_inverse(tm, i % 2 == 0 ? -reach : reach, i / 2 == 0 ? -reach : reach, p);
        ret_deg[0] = i == 0 ? p[0] : fmin(ret_deg[0], p[0]);
        ret_deg[1] = i == 0 ? p[1] : fmin(ret_deg[1], p[1]);
        ret_deg[2] = i == 0 ? p[0] : fmax(ret_deg[2], p[0]);
        ret_deg[3] = i == 0 ? p[1] : fmax(ret_deg[3], p[1]);
    }
}

static void
open_lines(struct judging *judging)
{
    struct lpg_separation_judgement *judgement = judging->judgement;
    for (int k = 0; k < LPG_RECEPTORS; k++) {
        const int inside_rule = judging->demand->of[k].inside_rule;
        int rule = judging->demand->of[k].rule;
        judging->line_of[k] = judging->inside_line_of[k] = -1;
        if (rule >= 0) {
            judging->line_of[k] = (int)judgement->n;
            judgement->lines[judgement->n++] =
                (struct lpg_separation_line){.rule = rule,
                                             .kind = (enum lpg_receptor)k,
                                             .required_m = judging->demand->of[k].metres};
        }
        if (inside_rule >= 0) {
            judging->inside_line_of[k] = (int)judgement->n;
            judgement->lines[judgement->n++] = (struct lpg_separation_line){
                .rule = inside_rule, .kind = (enum lpg_receptor)k, .not_inside = true};
        }
    }
}

static double
outline_radius(const struct lpg_outline *outline)
{
    double radius = 0.0;
    for (size_t i = 0; i < 2 * outline->n_edges; i++) {
        radius = fmax(radius, hypot(outline->edges[2 * i], outline->edges[2 * i + 1]));
    }
    return radius;
}

static void
conclude(struct judging *judging)
{
    struct lpg_separation_judgement *judgement = judging->judgement;
    const double slack_m = judging->views->table->parameters[LPG_SEPARATION_SLACK_M];
    bool short_of = false;
    for (size_t i = 0; i < judgement->n; i++) {
        const struct lpg_separation_line *line = &judgement->lines[i];
        const uint32_t open = LPG_ASSUMED_ROAD_WIDTH | LPG_ASSUMED_POLE | LPG_ASSUMED_OUTLINE;
        short_of = short_of || line->short_of;
        judgement->rules_open =
            judgement->rules_open ||
            !lpg_separation_rule_firm(&judging->demand->rules->rules[line->rule]);
        judgement->assumed_close =
            judgement->assumed_close ||
            (line->found && (line->assumed & open) != 0 && line->margin_m < slack_m);
    }
    judgement->verdict = short_of ? LPG_VERDICT_VIOLATES
                         : judgement->n == 0 || judgement->rules_open || judgement->assumed_close
                             ? LPG_VERDICT_TO_CONFIRM
                             : LPG_VERDICT_COMPLIES;
    for (int i = 0; i < LPG_RECEPTOR_LAYERS && judgement->verdict == LPG_VERDICT_COMPLIES; i++) {
        if (judging->views->layers[i].sites == NULL) {
            judgement->verdict = LPG_VERDICT_TO_CONFIRM;
        }
    }
}

cim_status
lpg_separation_judge(const struct lpg_separation_demand *demand, const struct lpg_outline *outline,
                     int32_t day, struct lpg_receptor_views *views,
                     struct lpg_separation_judgement *ret_judgement, cim_error *err)
{
    const double widest_m = 100.0; /* half of the widest road */
    struct judging judging = {
        .demand = demand,
        .outline = outline,
        .views = views,
        .judgement = ret_judgement,
        .look_m = fmax(views->table->parameters[LPG_SEPARATION_LOOK_M], demand->reach_m)};
    double window_deg[4];
    *ret_judgement = (struct lpg_separation_judgement){0};
    open_lines(&judging);
    lpg_separation_window(&outline->tm, judging.look_m + widest_m + outline_radius(outline),
                          window_deg);
    lpg_receptors_visit(views, window_deg, day, judge_receptor, &judging);
    count_too_near(&judging);
    free(judging.too_near);
    if (judging.failed) {
        return cim_fail_nomem(err);
    }
    conclude(&judging);
    return CIM_OK;
}

/* ---- writing ---- */

void
lpg_separation_write_rule(const struct lpg_separation_rule *rule,
                          const struct lpg_separation_station_in *station, size_t i,
                          struct cim_buf *out)
{
    lpg_out_key(out, "rule");
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "uid", rule->uid);
    lpg_out_int(out, "version", rule->version);
    lpg_out_text(out, "rule_no", rule->rule_no);
    lpg_out_text(out, "station", lpg_separation_stations[rule->station]);
    lpg_out_text(out, "clause", rule->clause);
    lpg_out_text(out, "edition", rule->edition);
    lpg_out_text(out, "from", rule->station_datum);
    lpg_out_text(out, "to", rule->receptor_datum);
    lpg_out_text(out, "confidence", (const char[]){rule->confidence, '\0'});
    lpg_out_flag(out, "to_confirm", !lpg_separation_rule_firm(rule));
    lpg_out_flag(out, "overridden", station->override_m != NULL && !isnan(station->override_m[i]));
    cim_buf_add_char(out, '}');
}

static void
write_nearest(const struct lpg_separation_line *line, const struct lpg_receptor_views *views,
              struct cim_buf *out)
{
    const struct lpg_sites *sites;
    lpg_out_key(out, "nearest");
    if (!line->found) {
        cim_buf_add_text(out, "null");
        return;
    }
    sites = views->layers[line->layer].sites;
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "layer", lpg_receptor_layers[line->layer]);
    lpg_out_text(out, "uid", sites->text + sites->facts[line->record].uid);
    lpg_out_text(out, "name", sites->text + sites->facts[line->record].name);
    lpg_out_key(out, "assumed");
    cim_buf_add_char(out, '[');
    for (unsigned i = 0; i < LPG_ASSUMED_ALL; i++) {
        if ((line->assumed >> i & 1U) != 0) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, lpg_assumed_names[i], SIZE_MAX);
        }
    }
    cim_buf_add_text(out, "]}");
}

static void
write_line(const struct lpg_separation_demand *demand, const struct lpg_separation_line *line,
           const struct lpg_separation_station_in *station, const struct lpg_receptor_views *views,
           struct cim_buf *out)
{
    lpg_out_next(out);
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "receptor", lpg_receptor_names[line->kind]);
    lpg_out_text(out, "test", line->not_inside ? "not_inside" : "distance");
    lpg_out_m(out, "required_m", line->not_inside ? NAN : line->required_m);
    lpg_out_m(out, "distance_m", line->found ? line->distance_m : NAN);
    lpg_out_m(out, "margin_m", line->found && !line->not_inside ? line->margin_m : NAN);
    lpg_out_flag(out, "ok", !line->short_of);
    lpg_out_int(out, "violating", line->n_short);
    write_nearest(line, views, out);
    lpg_separation_write_rule(&demand->rules->rules[line->rule], station, (size_t)line->rule, out);
    cim_buf_add_char(out, '}');
}

/* The inputs that nobody gave and that were taken at their worst. */
static void
write_unknown(const struct lpg_separation_demand *demand, struct cim_buf *out)
{
    static const char *const names[LPG_BANDS] = {"volume_m3", "tank_m3", "mass_t"};
    lpg_out_flag(out, "quantity_assumed", demand->unknown_bands != 0);
    lpg_out_key(out, "assumed_quantities");
    cim_buf_add_char(out, '[');
    for (int i = 0; i < LPG_BANDS; i++) {
        if ((demand->unknown_bands >> (unsigned)i & 1U) != 0) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, names[i], SIZE_MAX);
        }
    }
    cim_buf_add_char(out, ']');
}

void
lpg_separation_write(const struct lpg_separation_demand *demand,
                     const struct lpg_separation_judgement *judgement,
                     const struct lpg_separation_station_in *station,
                     struct lpg_receptor_views *views, struct cim_buf *out)
{
    static const char *const verdicts[] = {"complies", "to_confirm", "violates"};
    static const char *const words[] = {"合规", "待核", "不合规"};
    lpg_out_text(out, "verdict", verdicts[judgement->verdict]);
    lpg_out_text(out, "verdict_zh", words[judgement->verdict]);
    lpg_out_flag(out, "rules_to_confirm", judgement->rules_open);
    write_unknown(demand, out);
    lpg_out_key(out, "rules");
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < judgement->n; i++) {
        write_line(demand, &judgement->lines[i], station, views, out);
    }
    cim_buf_add_char(out, ']');
    lpg_separation_write_unmeasured(views, out);
}

void
lpg_separation_write_unmeasured(const struct lpg_receptor_views *views, struct cim_buf *out)
{
    lpg_out_key(out, "not_measured");
    cim_buf_add_char(out, '[');
    for (int i = 0; i < LPG_RECEPTOR_LAYERS; i++) {
        if (views->layers[i].sites == NULL) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, lpg_receptor_layers[i], SIZE_MAX);
        }
    }
    cim_buf_add_char(out, ']');
}

/* plugin/analysis/siting_write.c -- what siting_choice found out, as it is told. */
#include "analysis/json_io.h"
#include "analysis/siting_parts.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LPG_SITE_ID = 24 };

/* As it was given; of others by their number. */
static const char *
id_of(const struct site *site, char room[LPG_SITE_ID])
{
    if (site->id != NULL) {
        return site->id;
    }
    (void)snprintf(room, LPG_SITE_ID, "P%03u", site->number);
    return room;
}

static cim_status
write_site(const struct choice *choice, const struct site *site, bool with_rules,
           struct cim_buf *out)
{
    static const char *const verdicts[] = {"complies", "to_confirm", "violates"};
    const struct lpg_choice_ground *ground = choice->ground;
    char id[LPG_SITE_ID];
    lpg_out_next(out);
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    lpg_out_point(out, "geometry", site->place.lonlat_deg);
    lpg_out_text(out, "id", id_of(site, id));
    lpg_out_key(out, "properties");
    cim_buf_add_char(out, '{');
    lpg_out_flag(out, "eligible", site->eligible);
    lpg_out_m(out, "least_margin_m", site->least_margin_m);
    if (site->room) {
        const struct lpg_sites *buildings =
            ground->with->views.layers[LPG_RECEPTORS_BUILDINGS].sites;
        const struct lpg_site_facts *facts = &buildings->facts[site->record];
        lpg_out_text(out, "building", buildings->text + facts->uid);
        lpg_out_text(out, "name", buildings->text + facts->name);
    }
    if (with_rules) {
        struct lpg_separation_judgement judgement;
        CIM_TRY(lpg_choice_judge(choice, site, &judgement));
        lpg_out_m(out, "serves", site->serves);
        lpg_out_m(out, "capacity", site->capacity);
        lpg_separation_write(ground->demand, &judgement, ground->station, &ground->with->views,
                             out);
    } else {
        lpg_out_text(out, "verdict", verdicts[site->verdict]);
    }
    cim_buf_add_text(out, "}}");
    return CIM_OK;
}

/* Eligible ones first, those with the most to spare before the others. */
static int
by_margin(const void *a, const void *b)
{
    const struct site *x = *(const struct site *const *)a;
    const struct site *y = *(const struct site *const *)b;
    if (x->eligible != y->eligible) {
        return x->eligible ? -1 : 1;
    }
    if (x->least_margin_m != y->least_margin_m) {
        return x->least_margin_m > y->least_margin_m ? -1 : 1;
    }
    return x < y ? -1 : x > y; /* as they were given */
}

static cim_status
write_candidates(const struct choice *choice, struct cim_buf *out)
{
    const size_t n = choice->n_sites - choice->n_existing;
    CIM_AUTO_FREE const struct site **ranked = malloc((n + 1) * sizeof *ranked);
    if (ranked == NULL) {
        return cim_fail_nomem(choice->err);
    }
    for (size_t i = 0; i < n; i++) {
        ranked[i] = &choice->sites[choice->n_existing + i];
    }
    qsort(ranked, n, sizeof *ranked, by_margin);
    cim_buf_add_text(out, ",\"candidates\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(write_site(choice, ranked[i], false, out));
    }
    cim_buf_add_text(out, "]}");
    return CIM_OK;
}

/* Why `count` stations cannot stand together: too few places, or else the spacing, without which
 * any of the lawful places may be chosen together. */
static void
write_too_few(const struct choice *choice, struct cim_buf *out)
{
    size_t lawful = 0;
    size_t eligible = 0;
    for (size_t i = 0; i < choice->n_sites; i++) {
        lawful += choice->sites[i].lawful;
        eligible += choice->sites[i].eligible;
    }
    lpg_out_key(out, "too_few");
    if (choice->solved) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "without", lawful < choice->count ? "count" : "spacing_m");
    lpg_out_int(out, "places", (int64_t)lawful);
    lpg_out_int(out, "places_spaced", (int64_t)eligible);
    cim_buf_add_char(out, '}');
}

/* Existing stations that give way to places that serve better. */
static void
write_moved(const struct choice *choice, const bool *chosen, struct cim_buf *out)
{
    const struct lpg_sites *sites = choice->stations.sites;
    cim_buf_add_text(out, ",\"moved\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < choice->n_existing && choice->solved && choice->movable; i++) {
        const struct site *site = &choice->sites[i];
        const struct lpg_site_facts *facts = &sites->facts[site->record];
        if (chosen[i]) {
            continue;
        }
        lpg_out_next(out);
        cim_buf_add_text(out, "{\"type\":\"Feature\"");
        lpg_out_point(out, "geometry", site->place.lonlat_deg);
        lpg_out_text(out, "id", sites->text + facts->uid);
        lpg_out_key(out, "properties");
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "name", sites->text + facts->name);
        cim_buf_add_text(out, "}}");
    }
    cim_buf_add_text(out, "]}");
}

/* Least weighted distances without what stands for ways that do not exist. */
static double
told_value(const struct choice *choice, double value)
{
    return choice->coverage ? choice->total - value
                            : value - LPG_METRIC_NO_WAY_M * (choice->unreached + choice->unserved);
}

static void
write_frontier(const struct choice *choice, struct cim_buf *out)
{
    const struct lpg_frontier_answer *frontier = &choice->frontier;
    lpg_out_key(out, "frontier");
    cim_buf_add_char(out, '[');
    for (size_t k = 0; k < frontier->n; k++) {
        const struct lpg_frontier_point *point = &frontier->points[k];
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_int(out, "stations", (int64_t)point->n_sites);
        lpg_out_m(out, "cost", point->price);
        lpg_out_m(out, "covered_demand", point->covered);
        lpg_out_m(out, "exposed_residents", point->exposed);
        lpg_out_key(out, "sites");
        cim_buf_add_char(out, '[');
        for (size_t s = 0; s < point->n_sites; s++) {
            char id[LPG_SITE_ID];
            lpg_out_next(out);
            cim_buf_add_json_text(out, id_of(&choice->sites[point->sites[s]], id), SIZE_MAX);
        }
        cim_buf_add_text(out, "]}");
    }
    cim_buf_add_char(out, ']');
    lpg_out_key(out, "frontier_complete");
    cim_buf_add_text(out, !choice->wants_frontier ? "null" : frontier->complete ? "true" : "false");
    lpg_out_m(out, "residents_unknown",
              choice->wants_frontier ? (double)choice->residents_unknown : NAN);
}

cim_status
lpg_choice_write(const struct choice *choice, const bool *chosen, struct cim_buf *out)
{
    const struct lpg_median_answer *answer = &choice->answer;
    const double value = told_value(choice, answer->value);
    const double bound = told_value(choice, answer->bound);
    const double gap = fabs(value - bound) / fmax(fmax(value, bound), 1e-9);
    CIM_TRY(write_candidates(choice, out));
    cim_buf_add_text(out, ",\"chosen\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = choice->n_existing; i < choice->n_sites; i++) {
        if (chosen[i]) {
            CIM_TRY(write_site(choice, &choice->sites[i], true, out));
        }
    }
    cim_buf_add_text(out, "]}");
    write_moved(choice, chosen, out);
    write_too_few(choice, out);
    lpg_out_m(out, "total_demand", choice->total);
    lpg_out_m(out, "off_road_demand", choice->metric.by_road ? choice->off_road : NAN);
    lpg_out_m(out, "unreached_demand",
              choice->solved && !choice->coverage ? choice->unreached : NAN);
    lpg_out_m(out, "unserved_demand", choice->solved && choice->limited ? choice->unserved : NAN);
    lpg_out_m(out, "unknown_demand", choice->by_gas ? choice->unknown : NAN);
    lpg_out_int(out, "existing_stations", (int64_t)choice->n_existing);
    lpg_out_m(out, "covered_demand", choice->solved && choice->coverage ? value : NAN);
    lpg_out_m(out, "weighted_distance_m", choice->solved && !choice->coverage ? value : NAN);
    lpg_out_m(out, "bound", choice->solved ? bound : NAN);
    lpg_out_six(out, "gap", !choice->solved ? NAN : answer->proven ? 0.0 : gap);
    lpg_out_flag(out, "proven", choice->solved && answer->proven);
    write_frontier(choice, out);
    lpg_out_key(out, "rooms");
    if (choice->rooms.area != NULL) {
        lpg_rooms_write(&choice->rooms, out);
    } else {
        cim_buf_add_text(out, "null");
    }
    return cim_buf_status(out, choice->err);
}

void
lpg_choice_write_none(struct cim_buf *out)
{
    static const char none[] = "{\"type\":\"FeatureCollection\",\"features\":[]}";
    cim_buf_addf(out, ",\"candidates\":%s,\"chosen\":%s,\"moved\":%s", none, none, none);
    cim_buf_add_text(out, ",\"too_few\":null,\"total_demand\":null,\"off_road_demand\":null,"
                          "\"unreached_demand\":null,\"unserved_demand\":null,"
                          "\"unknown_demand\":null,\"existing_stations\":null,"
                          "\"covered_demand\":null,\"weighted_distance_m\":null,\"bound\":null,"
                          "\"gap\":null,\"proven\":false,\"frontier\":[],"
                          "\"frontier_complete\":null,\"residents_unknown\":null,"
                          "\"rooms\":null");
}

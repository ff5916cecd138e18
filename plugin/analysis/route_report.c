/* plugin/analysis/route_report.c -- see route_report.h. */
#include "analysis/route_report.h"

#include "analysis/json_io.h"
#include "kit/time.h"

#include <math.h>
#include <string.h>

static void
add_time(struct cim_buf *out, const char *key, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    cim_time_format(ms, text);
    lpg_out_text(out, key, text);
}

/* ---- elements ---- */

static const char *
limit_name(enum lpg_limit_from from)
{
    switch (from) {
    case LPG_LIMIT_INPUT:
        return "input";
    case LPG_LIMIT_ELEMENT:
        return "element";
    case LPG_LIMIT_KIND:
        break;
    }
    return "kind";
}

static void
write_stretches(const struct lpg_stretch *stretches, size_t n, struct cim_buf *out)
{
    lpg_out_key(out, "stretches");
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        cim_buf_add_text(out, i > 0 ? ",[" : "[");
        cim_buf_add_fixed(out, stretches[i].from_m, 3);
        cim_buf_add_char(out, ',');
        cim_buf_add_fixed(out, stretches[i].to_m, 3);
        cim_buf_add_char(out, ']');
    }
    cim_buf_add_char(out, ']');
}

static void
write_element(const struct lpg_route_question *question, const struct lpg_sites *sites,
              const struct lpg_route_report *report, const struct lpg_route_hit *hit,
              struct cim_buf *out)
{
    const struct lpg_route_kind *kind = &question->table->kinds[hit->kind];
    const struct lpg_site_facts *facts = &sites->facts[hit->record];
    const struct lpg_stretch *stretches = report->stretches.stretches + hit->first_stretch;
    const double *at = sites->lonlat + 2 * (size_t)hit->record;
    cim_buf_add_text(out, "{\"type\":\"Feature\"");
    lpg_out_text(out, "id", sites->text + facts->uid);
    cim_buf_add_text(out, ",\"geometry\":{\"type\":\"Point\",\"coordinates\":[");
    cim_buf_add_coordinate(out, at[0]);
    cim_buf_add_char(out, ',');
    cim_buf_add_coordinate(out, at[1]);
    cim_buf_add_text(out, "]},\"properties\":{");
    lpg_out_text(out, "element", sites->text + facts->uid);
    lpg_out_text(out, "name", sites->text + facts->name);
    lpg_out_text(out, "kind", kind->kind);
    lpg_out_m(out, "distance_m", hit->near.distance_m);
    lpg_out_m(out, "at_m", hit->near.at_m);
    lpg_out_m(out, "from_m", stretches[0].from_m);
    lpg_out_m(out, "to_m", stretches[hit->n_stretches - 1].to_m);
    if (hit->n_stretches > 1) {
        write_stretches(stretches, hit->n_stretches, out);
    }
    lpg_out_m(out, "limit_m", hit->limit_m);
    lpg_out_text(out, "limit_from", limit_name(hit->limit_from));
    lpg_out_m(out, "persons", hit->persons >= 0.0 ? hit->persons : 0.0);
    lpg_out_flag(out, "persons_assumed", hit->persons_assumed);
    lpg_out_flag(out, "to_confirm", facts->pending);
    lpg_out_m(out, "score", hit->score);
    if (question->trips_per_year > 0.0) {
        lpg_out_six(out, "individual_risk_per_year", hit->individual_risk);
    }
    cim_buf_add_text(out, "}}");
}

/* ---- profile ---- */

static void
write_link(const struct lpg_route_question *question, const struct lpg_route_report *report,
           size_t i, struct cim_buf *out)
{
    const struct lpg_route_link *link = &report->links[i];
    const struct lpg_route_table *table = question->table;
    const struct lpg_risk_link *risk = &report->risks[i];
    cim_buf_add_char(out, '{');
    lpg_out_m(out, "from_m", link->from_m);
    lpg_out_m(out, "to_m", link->to_m);
    lpg_out_text(out, "road_class",
                 link->road_class >= 0 ? table->classes[link->road_class].road_class : NULL);
    lpg_out_text(out, "road_type", table->types[link->road_type].type);
    lpg_out_m(out, "persons", risk->persons);
    lpg_out_six(out, "probability", risk->probability);
    lpg_out_six(out, "risk", risk->probability * risk->persons);
    if (question->has_departure) {
        add_time(out, "enters_at", link->enters_ms);
    }
    cim_buf_add_char(out, '}');
}

/* ---- restrictions ---- */

static void
write_basis(const struct lpg_basis *basis, struct cim_buf *out)
{
    lpg_out_next(out);
    cim_buf_add(out, basis->json, basis->json_len);
}

static void
write_restricted_element(const struct lpg_route_question *question, const struct lpg_sites *sites,
                         const struct lpg_route_report *report, const struct lpg_route_hit *hit,
                         struct cim_buf *out)
{
    const struct lpg_route_kind *kind = &question->table->kinds[hit->kind];
    const struct lpg_stretch *stretches = report->stretches.stretches + hit->first_stretch;
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "restriction", question->table->restrictions[kind->restriction].id);
    lpg_out_text(out, "element", sites->text + sites->facts[hit->record].uid);
    lpg_out_m(out, "from_m", stretches[0].from_m);
    lpg_out_m(out, "to_m", stretches[hit->n_stretches - 1].to_m);
    write_basis(&question->table->restrictions[kind->restriction].basis, out);
    cim_buf_add_char(out, '}');
}

static int
minute_of_day(int64_t ms)
{
    enum { BEIJING_MIN = 8 * 60, DAY_MIN = 24 * 60 };
    const int64_t minutes = ms / 60000 + BEIJING_MIN;
    return (int)((minutes % DAY_MIN + DAY_MIN) % DAY_MIN);
}

static bool
in_hours(const struct lpg_restriction *restriction, int64_t ms)
{
    const int minute = minute_of_day(ms);
    return minute >= restriction->from_minute && minute < restriction->to_minute;
}

/* Links of the restricted class in a row, from link i on. */
static size_t
write_restricted_links(const struct lpg_route_question *question,
                       const struct lpg_route_report *report,
                       const struct lpg_restriction *restriction, size_t i, struct cim_buf *out)
{
    size_t end = i + 1;
    bool hits = false;
    while (end < report->n_links && report->links[end].road_class == report->links[i].road_class) {
        end++;
    }
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "restriction", restriction->id);
    lpg_out_text(out, "road_class", restriction->road_class);
    lpg_out_m(out, "from_m", report->links[i].from_m);
    lpg_out_m(out, "to_m", report->links[end - 1].to_m);
    cim_buf_addf(out, ",\"hours\":[\"%02d:%02d\",\"%02d:%02d\"]", restriction->from_minute / 60,
                 restriction->from_minute % 60, restriction->to_minute / 60,
                 restriction->to_minute % 60);
    if (question->has_departure) {
        for (size_t k = i; k < end; k++) {
            hits = hits || in_hours(restriction, report->links[k].enters_ms);
        }
        lpg_out_flag(out, "in_hours", hits);
    }
    write_basis(&restriction->basis, out);
    cim_buf_add_char(out, '}');
    return end;
}

/* When the route is at this chainage, at the highest lawful speeds. */
static int64_t
time_at(const struct lpg_route_report *report, double at_m)
{
    const struct lpg_route_link *link = report->links;
    int64_t leaves_ms = report->leaves_ms;
    size_t i = 0;
    while (i + 1 < report->n_links && report->links[i].to_m < at_m) {
        i++;
    }
    link += i;
    if (i + 1 < report->n_links) {
        leaves_ms = report->links[i + 1].enters_ms;
    }
    return link->enters_ms + llround((at_m - link->from_m) / (link->to_m - link->from_m) *
                                     (double)(leaves_ms - link->enters_ms));
}

static bool
closed_on_the_way(const struct lpg_route_report *report, const struct lpg_site_facts *facts,
                  const struct lpg_stretch *at)
{
    bool closed = lpg_zone_is_closed(facts, time_at(report, at->from_m)) ||
                  lpg_zone_is_closed(facts, time_at(report, at->to_m));
    for (size_t i = 0; i < report->n_links; i++) {
        if (report->links[i].from_m > at->from_m && report->links[i].from_m < at->to_m) {
            closed = closed || lpg_zone_is_closed(facts, report->links[i].enters_ms);
        }
    }
    return closed;
}

static void
write_zone(const struct lpg_route_question *question, const struct lpg_sites *zones,
           const struct lpg_route_report *report, const struct lpg_zone_stay *stay,
           struct cim_buf *out)
{
    const struct lpg_site_facts *facts = &zones->facts[stay->record];
    const char *name = zones->text + facts->name;
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "restriction", "zone");
    lpg_out_text(out, "zone", zones->text + facts->uid);
    lpg_out_m(out, "from_m", stay->at.from_m);
    lpg_out_m(out, "to_m", stay->at.to_m);
    if (facts->from_minute >= 0) {
        cim_buf_addf(out, ",\"hours\":[\"%02d:%02d\",\"%02d:%02d\"]", facts->from_minute / 60,
                     facts->from_minute % 60, facts->to_minute / 60, facts->to_minute % 60);
    }
    lpg_out_key(out, "weekdays");
    cim_buf_add_char(out, '"');
    for (unsigned day = 0; day < 7; day++) {
        if ((facts->weekdays >> day & 1U) != 0) {
            cim_buf_add_char(out, (char)('1' + day));
        }
    }
    cim_buf_add_char(out, '"');
    if (question->has_departure) {
        lpg_out_flag(out, "in_hours", closed_on_the_way(report, facts, &stay->at));
    }
    lpg_out_text(out, "clause", zones->text + facts->basis);
    lpg_out_text(out, "zh", name);
    lpg_out_text(out, "en", name);
    cim_buf_add_char(out, '}');
}

static void
write_restrictions(const struct lpg_route_question *question, const struct lpg_sites *sites,
                   const struct lpg_sites *zones, const struct lpg_route_report *report,
                   struct cim_buf *out)
{
    const struct lpg_route_table *table = question->table;
    lpg_out_key(out, "restrictions");
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < report->zones.n; i++) {
        lpg_out_next(out);
        write_zone(question, zones, report, &report->zones.stays[i], out);
    }
    for (size_t i = 0; i < report->n_hits; i++) {
        if (table->kinds[report->hits[i].kind].restriction >= 0) {
            lpg_out_next(out);
            write_restricted_element(question, sites, report, &report->hits[i], out);
        }
    }
    for (int r = 0; r < table->n_restrictions; r++) {
        const struct lpg_restriction *restriction = &table->restrictions[r];
        for (size_t i = 0; restriction->road_class != NULL && i < report->n_links;) {
            const int road_class = report->links[i].road_class;
            if (road_class >= 0 &&
                strcmp(table->classes[road_class].road_class, restriction->road_class) == 0) {
                lpg_out_next(out);
                i = write_restricted_links(question, report, restriction, i, out);
            } else {
                i++;
            }
        }
    }
    cim_buf_add_char(out, ']');
}

/* ---- totals ---- */

static void
write_exposed(const struct lpg_route_question *question, const struct lpg_route_report *report,
              struct cim_buf *out)
{
    lpg_out_key(out, "exposed_population");
    cim_buf_add_char(out, '{');
    lpg_out_m(out, "band_m", question->exposure_m);
    lpg_out_m(out, "persons", report->persons_in_elements + report->residents);
    lpg_out_m(out, "in_elements", report->persons_in_elements);
    lpg_out_m(out, "residents", report->residents);
    lpg_out_text(out, "residents_from",
                 report->residents_by_users ? "lpg.end-users" : "lpg.risk-elements");
    lpg_out_int(out, "households", report->n_households);
    lpg_out_int(out, "elements", report->n_elements_exposed);
    lpg_out_m(out, "area_km2",
              lpg_risk_band_area_km2(question->exposure_m / 1e3, report->chain.length_m / 1e3));
    cim_buf_add_char(out, '}');
}

static void
write_risk(const struct lpg_route_report *report, struct cim_buf *out)
{
    lpg_out_key(out, "risk");
    cim_buf_add_char(out, '{');
    lpg_out_six(out, "incident_probability", report->risk.incident_probability);
    lpg_out_six(out, "expected", report->risk.expected);
    lpg_out_six(out, "expected_exact", report->risk.expected_exact);
    lpg_out_six(out, "conditional", report->risk.conditional);
    lpg_out_six(out, "perceived_q2", lpg_risk_perceived(report->risks, report->n_links, 2.0));
    lpg_out_six(out, "mean_variance_k1", report->risk.expected + report->risk.variance_term);
    lpg_out_m(out, "largest_persons", report->risk.largest);
    cim_buf_add_char(out, '}');
}

static void
write_totals(const struct lpg_route_question *question, const struct lpg_route_report *report,
             bool zones_known, struct cim_buf *out)
{
    char as_of[CIM_TIME_TEXT_MAX];
    int64_t counts[LPG_ROUTE_KINDS_MAX] = {0};
    cim_date_format(question->as_of_day, as_of);
    for (size_t i = 0; i < report->n_hits; i++) {
        counts[report->hits[i].kind]++;
    }
    lpg_out_key(out, "totals");
    cim_buf_add_char(out, '{');
    lpg_out_int(out, "elements", (int64_t)report->n_hits);
    lpg_out_int(out, "links", (int64_t)report->n_links);
    lpg_out_text(out, "as_of", as_of);
    if (question->has_departure) {
        add_time(out, "arrives_at", report->leaves_ms);
    }
    lpg_out_key(out, "by_kind");
    cim_buf_add_char(out, '{');
    for (int i = 0; i < question->table->n_kinds; i++) {
        if (counts[i] > 0) {
            lpg_out_int(out, question->table->kinds[i].kind, counts[i]);
        }
    }
    cim_buf_add_text(out, "}},\"assumed\":{");
    lpg_out_int(out, "links_of_unknown_road", report->n_links_assumed);
    lpg_out_text(out, "unknown_road_taken_as",
                 question->table->types[question->table->worst_type].type);
    lpg_out_int(out, "elements_without_persons", report->n_persons_assumed);
    lpg_out_int(out, "elements_to_confirm", report->n_pending);
    lpg_out_flag(out, "zones_known", zones_known);
    cim_buf_add_char(out, '}');
}

void
lpg_route_report_write(const struct lpg_route_question *question,
                       const struct lpg_route_views *views, const struct lpg_route_report *report,
                       struct cim_buf *out)
{
    const struct lpg_sites *sites = views->elements.sites;
    lpg_out_m(out, "length_m", report->chain.length_m);
    cim_buf_add_text(out, ",\"elements\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < report->n_hits; i++) {
        lpg_out_next(out);
        write_element(question, sites, report, &report->hits[i], out);
    }
    cim_buf_add_text(out, "]},\"profile\":[");
    for (size_t i = 0; i < report->n_links; i++) {
        lpg_out_next(out);
        write_link(question, report, i, out);
    }
    cim_buf_add_char(out, ']');
    write_exposed(question, report, out);
    write_risk(report, out);
    write_restrictions(question, sites, views->zones.sites, report, out);
    write_totals(question, report, views->zones.sites != NULL, out);
}

void
lpg_route_kinds_write(const struct lpg_route_question *question, struct cim_buf *out)
{
    const struct lpg_route_table *table = question->table;
    lpg_out_key(out, "kinds");
    cim_buf_add_char(out, '[');
    for (int i = 0; i < table->n_kinds; i++) {
        const struct lpg_route_kind *kind = &table->kinds[i];
        const bool given = question->override_m[i] > 0.0;
        const double own_m =
            kind->on_link ? table->parameters[LPG_ROUTE_ON_LINK_M] : kind->distance_m;
        if (!question->wanted[i]) {
            continue;
        }
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "kind", kind->kind);
        lpg_out_text(out, "group", kind->group);
        lpg_out_m(out, "distance_m", given ? question->override_m[i] : own_m);
        lpg_out_flag(out, "overridden", given);
        lpg_out_flag(out, "on_link", kind->on_link);
        lpg_out_m(out, "weight", kind->weight);
        write_basis(&kind->basis, out);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, ']');
}

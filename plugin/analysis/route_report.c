/* plugin/analysis/route_report.c -- see route_report.h. */
#include "analysis/route_report.h"

#include "kit/time.h"

#include <math.h>
#include <string.h>

static void
add_key(struct cim_buf *out, const char *key)
{
    cim_buf_add_char(out, '"');
    cim_buf_add_text(out, key);
    cim_buf_add_text(out, "\":");
}

static void
add_text(struct cim_buf *out, const char *key, const char *text)
{
    add_key(out, key);
    if (text != NULL) {
        cim_buf_add_json_text(out, text, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
}

/* Metres and persons to the millimetre: the last digits of a double are nobody's truth. */
static void
add_m(struct cim_buf *out, const char *key, double value)
{
    add_key(out, key);
    cim_buf_add_coordinate(out, nearbyint(value * 1e3) / 1e3);
}

static void
add_int(struct cim_buf *out, const char *key, int64_t value)
{
    add_key(out, key);
    cim_buf_add_int(out, value);
}

/* Six significant digits: nothing behind a probability is known better. */
static void
add_small(struct cim_buf *out, const char *key, double value)
{
    add_key(out, key);
    if (value > 0.0) {
        const double units = pow(10.0, 5.0 - floor(log10(value)));
        cim_buf_add_double(out, nearbyint(value * units) / units);
    } else {
        cim_buf_add_char(out, '0');
    }
}

static void
add_flag(struct cim_buf *out, const char *key, bool value)
{
    add_key(out, key);
    cim_buf_add_text(out, value ? "true" : "false");
}

static void
add_time(struct cim_buf *out, const char *key, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    cim_time_format(ms, text);
    add_text(out, key, text);
}

static void
comma(struct cim_buf *out, bool *first)
{
    if (!*first) {
        cim_buf_add_char(out, ',');
    }
    *first = false;
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
    cim_buf_add_text(out, "\"stretches\":[");
    for (size_t i = 0; i < n; i++) {
        cim_buf_add_text(out, i > 0 ? ",[" : "[");
        cim_buf_add_coordinate(out, nearbyint(stretches[i].from_m * 1e3) / 1e3);
        cim_buf_add_char(out, ',');
        cim_buf_add_coordinate(out, nearbyint(stretches[i].to_m * 1e3) / 1e3);
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
    cim_buf_add_text(out, "{\"type\":\"Feature\",");
    add_text(out, "id", sites->text + facts->uid);
    cim_buf_add_text(out, ",\"geometry\":{\"type\":\"Point\",\"coordinates\":[");
    cim_buf_add_coordinate(out, at[0]);
    cim_buf_add_char(out, ',');
    cim_buf_add_coordinate(out, at[1]);
    cim_buf_add_text(out, "]},\"properties\":{");
    add_text(out, "element", sites->text + facts->uid);
    cim_buf_add_char(out, ',');
    add_text(out, "name", sites->text + facts->name);
    cim_buf_add_char(out, ',');
    add_text(out, "kind", kind->kind);
    cim_buf_add_char(out, ',');
    add_m(out, "distance_m", hit->near.distance_m);
    cim_buf_add_char(out, ',');
    add_m(out, "at_m", hit->near.at_m);
    cim_buf_add_char(out, ',');
    add_m(out, "from_m", stretches[0].from_m);
    cim_buf_add_char(out, ',');
    add_m(out, "to_m", stretches[hit->n_stretches - 1].to_m);
    if (hit->n_stretches > 1) {
        cim_buf_add_char(out, ',');
        write_stretches(stretches, hit->n_stretches, out);
    }
    cim_buf_add_char(out, ',');
    add_m(out, "limit_m", hit->limit_m);
    cim_buf_add_char(out, ',');
    add_text(out, "limit_from", limit_name(hit->limit_from));
    cim_buf_add_char(out, ',');
    add_m(out, "persons", hit->persons >= 0.0 ? hit->persons : 0.0);
    cim_buf_add_char(out, ',');
    add_flag(out, "persons_assumed", hit->persons_assumed);
    cim_buf_add_char(out, ',');
    add_flag(out, "to_confirm", facts->pending);
    cim_buf_add_char(out, ',');
    add_m(out, "score", hit->score);
    if (question->trips_per_year > 0.0) {
        cim_buf_add_char(out, ',');
        add_small(out, "individual_risk_per_year", hit->individual_risk);
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
    add_m(out, "from_m", link->from_m);
    cim_buf_add_char(out, ',');
    add_m(out, "to_m", link->to_m);
    cim_buf_add_char(out, ',');
    add_text(out, "road_class",
             link->road_class >= 0 ? table->classes[link->road_class].road_class : NULL);
    cim_buf_add_char(out, ',');
    add_text(out, "road_type", table->types[link->road_type].type);
    cim_buf_add_char(out, ',');
    add_m(out, "persons", risk->persons);
    cim_buf_add_char(out, ',');
    add_small(out, "probability", risk->probability);
    cim_buf_add_char(out, ',');
    add_small(out, "risk", risk->probability * risk->persons);
    if (question->has_departure) {
        cim_buf_add_char(out, ',');
        add_time(out, "enters_at", link->enters_ms);
    }
    cim_buf_add_char(out, '}');
}

/* ---- restrictions ---- */

static void
write_basis(const struct lpg_basis *basis, struct cim_buf *out)
{
    const char confidence[2] = {basis->confidence, '\0'};
    add_text(out, "clause", basis->clause);
    cim_buf_add_char(out, ',');
    add_text(out, "zh", basis->zh);
    cim_buf_add_char(out, ',');
    add_text(out, "en", basis->en);
    cim_buf_add_char(out, ',');
    add_text(out, "confidence", confidence);
    cim_buf_add_char(out, ',');
    add_flag(out, "to_confirm", basis->confidence != 'C');
}

static void
write_restricted_element(const struct lpg_route_question *question, const struct lpg_sites *sites,
                         const struct lpg_route_report *report, const struct lpg_route_hit *hit,
                         struct cim_buf *out)
{
    const struct lpg_route_kind *kind = &question->table->kinds[hit->kind];
    const struct lpg_stretch *stretches = report->stretches.stretches + hit->first_stretch;
    cim_buf_add_char(out, '{');
    add_text(out, "restriction", question->table->restrictions[kind->restriction].id);
    cim_buf_add_char(out, ',');
    add_text(out, "element", sites->text + sites->facts[hit->record].uid);
    cim_buf_add_char(out, ',');
    add_m(out, "from_m", stretches[0].from_m);
    cim_buf_add_char(out, ',');
    add_m(out, "to_m", stretches[hit->n_stretches - 1].to_m);
    cim_buf_add_char(out, ',');
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
    add_text(out, "restriction", restriction->id);
    cim_buf_add_char(out, ',');
    add_text(out, "road_class", restriction->road_class);
    cim_buf_add_char(out, ',');
    add_m(out, "from_m", report->links[i].from_m);
    cim_buf_add_char(out, ',');
    add_m(out, "to_m", report->links[end - 1].to_m);
    cim_buf_addf(out, ",\"hours\":[\"%02d:%02d\",\"%02d:%02d\"],", restriction->from_minute / 60,
                 restriction->from_minute % 60, restriction->to_minute / 60,
                 restriction->to_minute % 60);
    if (question->has_departure) {
        for (size_t k = i; k < end; k++) {
            hits = hits || in_hours(restriction, report->links[k].enters_ms);
        }
        add_flag(out, "in_hours", hits);
        cim_buf_add_char(out, ',');
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
    add_text(out, "restriction", "zone");
    cim_buf_add_char(out, ',');
    add_text(out, "zone", zones->text + facts->uid);
    cim_buf_add_char(out, ',');
    add_m(out, "from_m", stay->at.from_m);
    cim_buf_add_char(out, ',');
    add_m(out, "to_m", stay->at.to_m);
    if (facts->from_minute >= 0) {
        cim_buf_addf(out, ",\"hours\":[\"%02d:%02d\",\"%02d:%02d\"]", facts->from_minute / 60,
                     facts->from_minute % 60, facts->to_minute / 60, facts->to_minute % 60);
    }
    cim_buf_add_text(out, ",\"weekdays\":\"");
    for (unsigned day = 0; day < 7; day++) {
        if ((facts->weekdays >> day & 1U) != 0) {
            cim_buf_add_char(out, (char)('1' + day));
        }
    }
    cim_buf_add_text(out, "\",");
    if (question->has_departure) {
        add_flag(out, "in_hours", closed_on_the_way(report, facts, &stay->at));
        cim_buf_add_char(out, ',');
    }
    add_text(out, "clause", zones->text + facts->basis);
    cim_buf_add_char(out, ',');
    add_text(out, "zh", name);
    cim_buf_add_char(out, ',');
    add_text(out, "en", name);
    cim_buf_add_char(out, '}');
}

static void
write_restrictions(const struct lpg_route_question *question, const struct lpg_sites *sites,
                   const struct lpg_sites *zones, const struct lpg_route_report *report,
                   struct cim_buf *out)
{
    const struct lpg_route_table *table = question->table;
    bool first = true;
    cim_buf_add_text(out, "\"restrictions\":[");
    for (size_t i = 0; i < report->zones.n; i++) {
        comma(out, &first);
        write_zone(question, zones, report, &report->zones.stays[i], out);
    }
    for (size_t i = 0; i < report->n_hits; i++) {
        if (table->kinds[report->hits[i].kind].restriction >= 0) {
            comma(out, &first);
            write_restricted_element(question, sites, report, &report->hits[i], out);
        }
    }
    for (int r = 0; r < table->n_restrictions; r++) {
        const struct lpg_restriction *restriction = &table->restrictions[r];
        for (size_t i = 0; restriction->road_class != NULL && i < report->n_links;) {
            const int road_class = report->links[i].road_class;
            if (road_class >= 0 &&
                strcmp(table->classes[road_class].road_class, restriction->road_class) == 0) {
                comma(out, &first);
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
    cim_buf_add_text(out, "\"exposed_population\":{");
    add_m(out, "band_m", question->exposure_m);
    cim_buf_add_char(out, ',');
    add_m(out, "persons", report->persons_in_elements + report->residents);
    cim_buf_add_char(out, ',');
    add_m(out, "in_elements", report->persons_in_elements);
    cim_buf_add_char(out, ',');
    add_m(out, "residents", report->residents);
    cim_buf_add_char(out, ',');
    add_text(out, "residents_from",
             report->residents_by_users ? "lpg.end-users" : "lpg.risk-elements");
    cim_buf_add_char(out, ',');
    add_int(out, "households", report->n_households);
    cim_buf_add_char(out, ',');
    add_int(out, "elements", report->n_elements_exposed);
    cim_buf_add_char(out, ',');
    add_m(out, "area_km2",
          lpg_risk_band_area_km2(question->exposure_m / 1e3, report->chain.length_m / 1e3));
    cim_buf_add_char(out, '}');
}

static void
write_risk(const struct lpg_route_report *report, struct cim_buf *out)
{
    cim_buf_add_text(out, "\"risk\":{");
    add_small(out, "incident_probability", report->risk.incident_probability);
    cim_buf_add_char(out, ',');
    add_small(out, "expected", report->risk.expected);
    cim_buf_add_char(out, ',');
    add_small(out, "expected_exact", report->risk.expected_exact);
    cim_buf_add_char(out, ',');
    add_small(out, "conditional", report->risk.conditional);
    cim_buf_add_char(out, ',');
    add_small(out, "perceived_q2", lpg_risk_perceived(report->risks, report->n_links, 2.0));
    cim_buf_add_char(out, ',');
    add_small(out, "mean_variance_k1", report->risk.expected + report->risk.variance_term);
    cim_buf_add_char(out, ',');
    add_m(out, "largest_persons", report->risk.largest);
    cim_buf_add_char(out, '}');
}

static void
write_totals(const struct lpg_route_question *question, const struct lpg_route_report *report,
             bool zones_known, struct cim_buf *out)
{
    char as_of[CIM_TIME_TEXT_MAX];
    int64_t counts[LPG_ROUTE_KINDS_MAX] = {0};
    bool first = true;
    cim_date_format(question->as_of_day, as_of);
    for (size_t i = 0; i < report->n_hits; i++) {
        counts[report->hits[i].kind]++;
    }
    cim_buf_add_text(out, "\"totals\":{");
    add_int(out, "elements", (int64_t)report->n_hits);
    cim_buf_add_char(out, ',');
    add_int(out, "links", (int64_t)report->n_links);
    cim_buf_add_char(out, ',');
    add_text(out, "as_of", as_of);
    if (question->has_departure) {
        cim_buf_add_char(out, ',');
        add_time(out, "arrives_at", report->leaves_ms);
    }
    cim_buf_add_text(out, ",\"by_kind\":{");
    for (int i = 0; i < question->table->n_kinds; i++) {
        if (counts[i] > 0) {
            comma(out, &first);
            add_int(out, question->table->kinds[i].kind, counts[i]);
        }
    }
    cim_buf_add_text(out, "}},\"assumed\":{");
    add_int(out, "links_of_unknown_road", report->n_links_assumed);
    cim_buf_add_char(out, ',');
    add_text(out, "unknown_road_taken_as",
             question->table->types[question->table->worst_type].type);
    cim_buf_add_char(out, ',');
    add_int(out, "elements_without_persons", report->n_persons_assumed);
    cim_buf_add_char(out, ',');
    add_int(out, "elements_to_confirm", report->n_pending);
    cim_buf_add_char(out, ',');
    add_flag(out, "zones_known", zones_known);
    cim_buf_add_char(out, '}');
}

void
lpg_route_report_write(const struct lpg_route_question *question,
                       const struct lpg_route_views *views, const struct lpg_route_report *report,
                       struct cim_buf *out)
{
    const struct lpg_sites *sites = views->elements.sites;
    add_m(out, "length_m", report->chain.length_m);
    cim_buf_add_text(out, ",\"elements\":{\"type\":\"FeatureCollection\",\"features\":[");
    for (size_t i = 0; i < report->n_hits; i++) {
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        write_element(question, sites, report, &report->hits[i], out);
    }
    cim_buf_add_text(out, "]},\"profile\":[");
    for (size_t i = 0; i < report->n_links; i++) {
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        write_link(question, report, i, out);
    }
    cim_buf_add_text(out, "],");
    write_exposed(question, report, out);
    cim_buf_add_char(out, ',');
    write_risk(report, out);
    cim_buf_add_char(out, ',');
    write_restrictions(question, sites, views->zones.sites, report, out);
    cim_buf_add_char(out, ',');
    write_totals(question, report, views->zones.sites != NULL, out);
}

void
lpg_route_kinds_write(const struct lpg_route_question *question, struct cim_buf *out)
{
    const struct lpg_route_table *table = question->table;
    bool first = true;
    cim_buf_add_text(out, "\"kinds\":[");
    for (int i = 0; i < table->n_kinds; i++) {
        const struct lpg_route_kind *kind = &table->kinds[i];
        const bool given = question->override_m[i] > 0.0;
        const double own_m =
            kind->on_link ? table->parameters[LPG_ROUTE_ON_LINK_M] : kind->distance_m;
        if (!question->wanted[i]) {
            continue;
        }
        comma(out, &first);
        cim_buf_add_char(out, '{');
        add_text(out, "kind", kind->kind);
        cim_buf_add_char(out, ',');
        add_text(out, "group", kind->group);
        cim_buf_add_char(out, ',');
        add_m(out, "distance_m", given ? question->override_m[i] : own_m);
        cim_buf_add_char(out, ',');
        add_flag(out, "overridden", given);
        cim_buf_add_char(out, ',');
        add_flag(out, "on_link", kind->on_link);
        cim_buf_add_char(out, ',');
        add_m(out, "weight", kind->weight);
        cim_buf_add_char(out, ',');
        write_basis(&kind->basis, out);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, ']');
}

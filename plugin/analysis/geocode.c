/* plugin/analysis/geocode.c -- from an address to positions; see geocode.h. */
#include "analysis/geocode.h"

#include "geo/geodesic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOORS_MAX = 4096,  /* of one road that are looked at */
    GAP_MAX_M = 2000,  /* between two doors that others are put between */
    GAP_MAX = 200,     /* numbers between them */
    BEYOND_MAX = 10,   /* numbers past the last door */
    DOOR_STEP_M = 10,  /* from one number of a side to the next, about */
    PLACE_ERROR_M = 80 /* a neighbourhood is no point */
};

const char *const lpg_grade_names[LPG_GRADES + 2] = {
    "door", "building", "interpolated", "place",     "road", "community",
    "town", "county",   "none",         "ambiguous", NULL};

static const double base_scores[LPG_GRADES] = {
    [LPG_GRADE_DOOR] = 1.0,   [LPG_GRADE_BUILDING] = 0.95, [LPG_GRADE_INTERPOLATED] = 0.85,
    [LPG_GRADE_PLACE] = 0.75, [LPG_GRADE_ROAD] = 0.5,      [LPG_GRADE_COMMUNITY] = 0.3,
    [LPG_GRADE_TOWN] = 0.2,   [LPG_GRADE_COUNTY] = 0.1};

/* A door of the street that is looked for. */
struct door {
    int32_t number;
    uint32_t record;
    int32_t area;
    bool area_differs;
    double lonlat[2];
};

struct search {
    struct lpg_gazetteer_view *view;
    struct lpg_geocoded *out;
    int part;
    enum lpg_grade grade;
    int n_doors;
    struct door *doors;
};

/* ---- candidates ---- */

static double
distance_m(const double a[2], const double b[2])
{
    return lpg_geodesic_inverse_m(a, b, NULL);
}

static bool
is_better(const struct lpg_candidate *a, const struct lpg_candidate *b)
{
    if (a->score != b->score) {
        return a->score > b->score;
    }
    return a->part != b->part ? a->part < b->part : a->record < b->record;
}

/* Of those that say the same of nearly the same place the best one stays: false if that is not the
 * candidate. */
static bool
replaces_near(struct lpg_geocoded *out, const struct lpg_candidate *candidate)
{
    for (int i = 0; i < out->n; i++) {
        struct lpg_candidate *other = &out->candidates[i];
        if (other->grade > candidate->grade ||
            distance_m(other->lonlat_deg, candidate->lonlat_deg) >= LPG_ERROR_SAME_M) {
            continue;
        }
        if (other->grade < candidate->grade || !is_better(candidate, other)) {
            return false;
        }
        out->n--;
        memmove(other, other + 1, (size_t)(out->n - i) * sizeof *other);
        i--;
    }
    return true;
}

static void
offer(struct search *s, struct lpg_candidate *candidate)
{
    struct lpg_geocoded *out = s->out;
    int at = 0;
    candidate->part = s->part;
    candidate->score = base_scores[candidate->grade] * (candidate->area_differs ? 0.6 : 1.0) *
                       (out->address.rest[0] != '\0' ? 0.9 : 1.0) * candidate->score;
    if (!replaces_near(out, candidate)) {
        return;
    }
    while (at < out->n && !is_better(candidate, &out->candidates[at])) {
        at++;
    }
    if (at == LPG_CANDIDATES_MAX) {
        return;
    }
    if (out->n < LPG_CANDIDATES_MAX) {
        out->n++;
    }
    memmove(&out->candidates[at + 1], &out->candidates[at],
            (size_t)(out->n - 1 - at) * sizeof *candidate);
    out->candidates[at] = *candidate;
}

/* ---- areas ---- */

static int32_t
county_of(const struct lpg_area_names *names, int32_t area)
{
    while (lpg_area_names_level(names, area) > 3) {
        area = lpg_area_names_parent(names, area);
    }
    return area;
}

static int32_t
area_of(const struct search *s, uint32_t record)
{
    const struct lpg_sites *sites = s->view->parts[s->part].view.sites;
    return lpg_area_names_of_code(s->view->names,
                                  sites->text + sites->names.places[sites->area[record]]);
}

/* Whether a record of this area may be what the address means. Towns are mistaken for their
 * neighbours; counties are not. */
static bool
agrees(const struct search *s, int32_t area, bool *ret_differs)
{
    const struct lpg_area_names *names = s->view->names;
    const int32_t wanted = s->out->area;
    *ret_differs = false;
    if (wanted < 0 || area < 0 || lpg_area_names_within(names, area, wanted) ||
        lpg_area_names_within(names, wanted, area)) {
        return true;
    }
    *ret_differs = true;
    return lpg_area_names_level(names, wanted) > 3 &&
           lpg_area_names_within(names, area, county_of(names, wanted));
}

static bool
is_seen(struct search *s, uint32_t record, int32_t *ret_area, bool *ret_differs)
{
    if (!lpg_sites_visible(&s->view->parts[s->part].view, record)) {
        return false;
    }
    *ret_area = area_of(s, record);
    return agrees(s, *ret_area, ret_differs);
}

/* ---- places, buildings, roads ---- */

static void
middle_of(const struct lpg_sites *sites, uint32_t record, struct lpg_candidate *candidate)
{
    /* Items of a record follow one another. */
    uint32_t first = record;
    uint32_t end = record + 1;
    if (sites->record != NULL) {
        uint32_t low = 0;
        uint32_t high = sites->n;
        while (low < high) {
            const uint32_t at = low + (high - low) / 2;
            if (sites->record[at] < record) {
                low = at + 1;
            } else {
                high = at;
            }
        }
        for (first = low, end = low; end < sites->n && sites->record[end] == record;) {
            end++;
        }
    }
    if (!sites->lines) {
        memcpy(candidate->lonlat_deg, sites->lonlat + 2 * (size_t)first,
               sizeof candidate->lonlat_deg);
        return;
    }
    const uint32_t middle = first + (end - first) / 2;
    const double *ends = sites->lonlat + 4 * (size_t)middle;
    candidate->lonlat_deg[0] = (ends[0] + ends[2]) / 2.0;
    candidate->lonlat_deg[1] = (ends[1] + ends[3]) / 2.0;
    for (uint32_t i = first; i < end; i++) {
        candidate->error_m = fmax(candidate->error_m,
                                  distance_m(candidate->lonlat_deg, sites->lonlat + 4 * (size_t)i));
    }
}

static int
found_record(void *arg, const struct lpg_name_entry *entry)
{
    struct search *s = arg;
    const struct lpg_gazetteer_part *part = &s->view->parts[s->part];
    struct lpg_candidate candidate = {
        .grade = s->grade, .error_m = part->error_m, .score = 1.0, .record = entry->record};
    if (s->grade == LPG_GRADE_PLACE) {
        candidate.error_m = fmax(candidate.error_m, PLACE_ERROR_M);
    }
    if (is_seen(s, entry->record, &candidate.area, &candidate.area_differs)) {
        middle_of(part->view.sites, entry->record, &candidate);
        offer(s, &candidate);
    }
    return 0;
}

static void
find_records(struct search *s, uint64_t key, enum lpg_grade grade)
{
    s->grade = grade;
    lpg_name_index_find(s->view->parts[s->part].index, key, found_record, s);
}

/* ---- doors ---- */

static int
found_door(void *arg, const struct lpg_name_entry *entry)
{
    struct search *s = arg;
    const struct lpg_sites *sites = s->view->parts[s->part].view.sites;
    struct door door = {.number = entry->door, .record = entry->record};
    if (is_seen(s, entry->record, &door.area, &door.area_differs)) {
        memcpy(door.lonlat, sites->lonlat + 2 * (size_t)entry->record, sizeof door.lonlat);
        s->doors[s->n_doors++] = door;
    }
    return s->n_doors == DOORS_MAX;
}

static void
offer_exact(struct search *s, const struct door *door)
{
    const struct lpg_gazetteer_part *part = &s->view->parts[s->part];
    const struct lpg_sites *sites = part->view.sites;
    struct lpg_candidate candidate = {.grade = LPG_GRADE_DOOR,
                                      .error_m = part->error_m,
                                      .score = 1.0,
                                      .area = door->area,
                                      .area_differs = door->area_differs,
                                      .record = door->record};
    struct lpg_address of;
    const char *text = sites->text + sites->facts[door->record].name;
    lpg_address_parse(s->view->names, -1, text, strlen(text), &of);
    if (strcmp(of.door_sub, s->out->address.door_sub) != 0) { /* 12号之1 stands beside 12号 */
        candidate.score = 0.95;
        candidate.error_m *= 2.0;
    }
    memcpy(candidate.lonlat_deg, door->lonlat, sizeof door->lonlat);
    offer(s, &candidate);
}

/* The nearest numbers on either side among the doors of this town; odd and even stand on opposite
 * sides of the road. */
static void
offer_between(struct search *s, int32_t area, bool same_side)
{
    const int32_t wanted = s->out->address.door;
    const struct door *low = NULL;
    const struct door *high = NULL;
    for (int i = 0; i < s->n_doors; i++) {
        const struct door *door = &s->doors[i];
        if (door->area != area || (same_side && (door->number ^ wanted) & 1)) {
            continue;
        }
        if (door->number <= wanted) {
            low = door;
        } else if (high == NULL) {
            high = door;
        }
    }
    const struct door *one = low != NULL ? low : high;
    if (one == NULL) {
        return;
    }
    struct lpg_candidate candidate = {.grade = LPG_GRADE_INTERPOLATED,
                                      .score = same_side ? 1.0 : 0.9,
                                      .area = area,
                                      .area_differs = one->area_differs,
                                      .record = one->record};
    memcpy(candidate.lonlat_deg, one->lonlat, sizeof one->lonlat);
    const double gap_m = low != NULL && high != NULL ? distance_m(low->lonlat, high->lonlat) : 0.0;
    if (low != NULL && high != NULL && gap_m <= GAP_MAX_M &&
        high->number - low->number <= GAP_MAX) {
        const double t = (double)(wanted - low->number) / (double)(high->number - low->number);
        for (int k = 0; k < 2; k++) {
            candidate.lonlat_deg[k] = low->lonlat[k] + t * (high->lonlat[k] - low->lonlat[k]);
        }
        candidate.error_m = fmax(DOOR_STEP_M, gap_m * fmax(t, 1.0 - t)) + (same_side ? 0.0 : 30.0);
    } else if (abs(one->number - wanted) <= BEYOND_MAX) {
        candidate.score *= 0.8;
        candidate.error_m = (double)abs(one->number - wanted) * DOOR_STEP_M + DOOR_STEP_M;
    } else {
        return;
    }
    offer(s, &candidate);
}

/* The doors of the street in one town, as a road. */
static void
offer_street(struct search *s, int32_t area)
{
    struct lpg_candidate candidate = {.grade = LPG_GRADE_ROAD, .score = 1.0, .area = area};
    int n = 0;
    int middle = 0;
    for (int i = 0; i < s->n_doors; i++) {
        n += s->doors[i].area == area;
    }
    for (int i = 0, k = 0; i < s->n_doors; i++) {
        if (s->doors[i].area == area && k++ == n / 2) {
            middle = i;
        }
    }
    candidate.record = s->doors[middle].record;
    candidate.area_differs = s->doors[middle].area_differs;
    memcpy(candidate.lonlat_deg, s->doors[middle].lonlat, sizeof candidate.lonlat_deg);
    for (int i = 0; i < s->n_doors; i++) {
        if (s->doors[i].area == area) {
            candidate.error_m = fmax(candidate.error_m,
                                     distance_m(candidate.lonlat_deg, s->doors[i].lonlat) + 30.0);
        }
    }
    offer(s, &candidate);
}

static bool
is_first_of_area(const struct search *s, int at)
{
    for (int i = 0; i < at; i++) {
        if (s->doors[i].area == s->doors[at].area) {
            return false;
        }
    }
    return true;
}

static void
find_doors(struct search *s, const char *street)
{
    const int32_t wanted = s->out->address.door;
    bool exact = false;
    s->n_doors = 0;
    lpg_name_index_find(s->view->parts[s->part].index, lpg_name_key_door(street), found_door, s);
    for (int i = 0; i < s->n_doors; i++) {
        if (wanted >= 0 && s->doors[i].number == wanted) {
            exact = exact || !s->doors[i].area_differs;
            offer_exact(s, &s->doors[i]);
        }
    }
    for (int i = 0; i < s->n_doors && !exact; i++) {
        if (is_first_of_area(s, i)) {
            if (wanted >= 0) {
                const int before = s->out->n;
                offer_between(s, s->doors[i].area, true);
                if (s->out->n == before) {
                    offer_between(s, s->doors[i].area, false);
                }
            }
            offer_street(s, s->doors[i].area);
        }
    }
}

/* ---- the search ---- */

static void
find_all(struct search *s)
{
    const struct lpg_address *address = &s->out->address;
    char street[2 * LPG_ADDRESS_PART_BYTES];
    const bool has_street = lpg_name_street(s->view->names, address, street);
    for (s->part = 0; s->part < (int)s->view->n_parts; s->part++) {
        const struct lpg_gazetteer_part *part = &s->view->parts[s->part];
        if (part->index == NULL) {
            continue;
        }
        if (part->kind == LPG_NAMES_ADDRESSES && has_street) {
            find_doors(s, street);
        }
        if (part->kind == LPG_NAMES_ADDRESSES && address->building[0] != '\0') {
            find_records(s, lpg_name_key_building(address->name, address->building),
                         LPG_GRADE_BUILDING);
        }
        if (part->kind != LPG_NAMES_ROADS && address->name[0] != '\0') {
            find_records(s, lpg_name_key_place(address->name), LPG_GRADE_PLACE);
        }
        if (part->kind == LPG_NAMES_ROADS && address->road[0] != '\0') {
            find_records(s, lpg_name_key_place(address->road), LPG_GRADE_ROAD);
        }
    }
}

/* The narrower one of what the address says and what the caller knows. */
static void
choose_area(const struct lpg_area_names *names, int32_t bias, struct lpg_geocoded *out)
{
    const int32_t said = out->address.area;
    out->area = said;
    if (bias >= 0 && lpg_area_names_within(names, bias, said)) {
        out->area = bias;
    } else if (bias >= 0 && !lpg_area_names_within(names, said, bias)) {
        out->conflicts = true;
    }
}

static enum lpg_grade
grade_of_area(const struct lpg_area_names *names, const struct lpg_address *address)
{
    const int level = lpg_area_names_level(names, address->area);
    return level == 5 || address->community[0] != '\0' ? LPG_GRADE_COMMUNITY
           : level == 4                                ? LPG_GRADE_TOWN
           : level >= 2                                ? LPG_GRADE_COUNTY
                                                       : LPG_GRADE_NONE;
}

/* Others as good as the best, and elsewhere. */
static void
judge(struct lpg_geocoded *out)
{
    const struct lpg_candidate *best = &out->candidates[0];
    int n = 1;
    for (int i = 1; i < out->n; i++) {
        const struct lpg_candidate *other = &out->candidates[i];
        n += other->grade == best->grade && other->area_differs == best->area_differs &&
             other->score >= best->score * 0.9 &&
             distance_m(other->lonlat_deg, best->lonlat_deg) >
                 LPG_ERROR_SAME_M + best->error_m + other->error_m;
    }
    out->grade = best->grade;
    out->ambiguous = n > 1;
    for (int i = 0; i < out->n; i++) {
        out->candidates[i].score /= n;
    }
}

void
lpg_geocode(struct lpg_gazetteer_view *view, int32_t bias, const char *text, size_t len,
            struct lpg_geocoded *ret_geocoded)
{
    struct search search = {.view = view, .out = ret_geocoded};
    *ret_geocoded = (struct lpg_geocoded){0};
    lpg_address_parse(view->names, bias, text, len, &ret_geocoded->address);
    choose_area(view->names, bias, ret_geocoded);
    ret_geocoded->grade = grade_of_area(view->names, &ret_geocoded->address);
    search.doors = malloc(DOORS_MAX * sizeof *search.doors);
    if (search.doors != NULL) { /* without memory nothing is found */
        find_all(&search);
    }
    free(search.doors);
    if (ret_geocoded->n > 0) {
        judge(ret_geocoded);
    }
}

const char *
lpg_geocoded_grade(const struct lpg_geocoded *geocoded)
{
    return lpg_grade_names[geocoded->ambiguous ? LPG_GRADES : (int)geocoded->grade];
}

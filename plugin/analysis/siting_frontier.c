/* plugin/analysis/siting_frontier.c -- the frontier of cost, coverage and exposed residents of one
 * siting question: who lives within `exposure_m` of which candidate, and the search over them. */
#include "analysis/siting_parts.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Dwellings as groups of persons, numbered as they are met. */
struct exposure {
    const struct choice *choice;
    const struct lpg_sites *buildings;
    uint32_t *group_of;  /* by building; UINT32_MAX: none yet */
    uint64_t *is_silent; /* a bit a building that does not say who lives there */
    int64_t n_silent;
    size_t n_groups;
    size_t groups_capacity;
    double *persons;
    size_t n_exposed;
    size_t exposed_capacity;
    uint32_t *exposed;
    size_t *exposed_end; /* by site */
    struct lpg_outline outline;
    bool no_memory;
};

static void
exposure_done(struct exposure *exposure)
{
    free(exposure->group_of);
    free(exposure->is_silent);
    free(exposure->persons);
    free(exposure->exposed);
    free(exposure->exposed_end);
}

static bool
grow(void **array, size_t n, size_t *capacity, size_t size)
{
    void *grown;
    if (n < *capacity) {
        return true;
    }
    grown = realloc(*array, (*capacity * 2 + 256) * size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = *capacity * 2 + 256;
    return true;
}

static void
add_exposed(struct exposure *exposure, uint32_t record, double persons)
{
    if (exposure->group_of[record] == UINT32_MAX) {
        if (!grow((void **)&exposure->persons, exposure->n_groups, &exposure->groups_capacity,
                  sizeof *exposure->persons)) {
            exposure->no_memory = true;
            return;
        }
        exposure->group_of[record] = (uint32_t)exposure->n_groups;
        exposure->persons[exposure->n_groups++] = persons;
    }
    if (!grow((void **)&exposure->exposed, exposure->n_exposed, &exposure->exposed_capacity,
              sizeof *exposure->exposed)) {
        exposure->no_memory = true;
        return;
    }
    exposure->exposed[exposure->n_exposed++] = exposure->group_of[record];
}

static int
see(void *arg, const struct lpg_receptor_seen *seen)
{
    struct exposure *exposure = arg;
    const bool lives = (seen->kinds >> LPG_RECEPTOR_DWELLING & 1U) != 0;
    double persons;
    if (seen->layer != LPG_RECEPTORS_BUILDINGS) {
        return 0;
    }
    persons = exposure->buildings->facts[seen->record].persons;
    if ((!(persons > 0.0) && !(isnan(persons) && lives)) ||
        lpg_receptor_distance_m(&exposure->outline, seen, NULL) > exposure->choice->exposure_m) {
        return 0;
    }
    if (isnan(persons)) {
        uint64_t *word = &exposure->is_silent[seen->record / 64U];
        const uint64_t bit = 1ULL << (seen->record % 64U);
        exposure->n_silent += (*word & bit) == 0;
        *word |= bit;
        return 0;
    }
    add_exposed(exposure, seen->record, persons);
    return exposure->no_memory;
}

/* Existing stations expose whom they expose, whatever is chosen. */
static cim_status
find_exposed(struct exposure *exposure, const size_t *list, size_t m)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    const struct choice *choice = exposure->choice;
    const size_t n = exposure->buildings->n_records;
    exposure->group_of = malloc((n + 1) * sizeof *exposure->group_of);
    exposure->is_silent = calloc(n / 64 + 1, sizeof *exposure->is_silent);
    exposure->exposed_end = calloc(m + 1, sizeof *exposure->exposed_end);
    if (exposure->group_of == NULL || exposure->is_silent == NULL ||
        exposure->exposed_end == NULL) {
        return cim_fail_nomem(choice->err);
    }
    memset(exposure->group_of, 0xff, (n + 1) * sizeof *exposure->group_of);
    for (size_t j = 0; j < m; j++) {
        const struct site *site = &choice->sites[list[j]];
        if (!site->existing) {
            double window_deg[4];
            exposure->outline = (struct lpg_outline){.edges = here, .n_edges = 1};
            lpg_tm_init(&exposure->outline.tm, site->place.lonlat_deg[0],
                        site->place.lonlat_deg[1]);
            lpg_separation_window(&exposure->outline.tm, choice->exposure_m, window_deg);
            lpg_receptors_visit(&choice->ground->with->views, window_deg, choice->ground->with->day,
                                see, exposure);
        }
        exposure->exposed_end[j] = exposure->n_exposed;
    }
    return exposure->no_memory ? cim_fail_nomem(choice->err) : CIM_OK;
}

/* Numbers of the list become those of the sites. */
static void
rename_sites(struct choice *choice, const size_t *list)
{
    for (size_t k = 0; k < choice->frontier.n; k++) {
        struct lpg_frontier_point *point = &choice->frontier.points[k];
        for (size_t s = 0; s < point->n_sites; s++) {
            point->sites[s] = (uint32_t)list[point->sites[s]];
        }
    }
}

static cim_status
find_frontier(struct choice *choice, struct exposure *exposure)
{
    const size_t n = choice->n_demands;
    CIM_AUTO_FREE size_t *list = calloc(choice->n_sites + 1, sizeof *list);
    const size_t m = list != NULL ? lpg_choice_sites(choice, list) : 0;
    CIM_AUTO_FREE double *cost = malloc((n * m + 1) * sizeof *cost);
    CIM_AUTO_FREE double *amount = malloc((n + 1) * sizeof *amount);
    CIM_AUTO_FREE double *capacity = malloc((m + 1) * sizeof *capacity);
    CIM_AUTO_FREE double *price = malloc((m + 1) * sizeof *price);
    CIM_AUTO_FREE bool *fixed = calloc(m + 1, sizeof *fixed);
    CIM_AUTO_FREE bool *apart = calloc(m * m + 1, sizeof *apart);
    if (list == NULL || cost == NULL || amount == NULL || capacity == NULL || price == NULL ||
        fixed == NULL || apart == NULL) {
        return cim_fail_nomem(choice->err);
    }
    CIM_TRY(lpg_choice_costs(choice, list, m, true, cost));
    CIM_TRY(find_exposed(exposure, list, m));
    lpg_choice_apart(choice, list, m, apart);
    for (size_t j = 0; j < m; j++) {
        const struct site *site = &choice->sites[list[j]];
        fixed[j] = site->existing;
        price[j] = site->price;
        capacity[j] = isnan(site->capacity) ? choice->total : site->capacity;
    }
    for (size_t i = 0; i < n; i++) {
        amount[i] = choice->demands[i].weight;
    }
    const struct lpg_frontier frontier = {.n = n,
                                          .m = m,
                                          .p = choice->count,
                                          .amount = amount,
                                          .cost = cost,
                                          .fixed = fixed,
                                          .apart = choice->spacing_m > 0.0 ? apart : NULL,
                                          .capacity = choice->limited ? capacity : NULL,
                                          .price = price,
                                          .persons = exposure->persons,
                                          .exposed = exposure->exposed,
                                          .exposed_end = exposure->exposed_end,
                                          .n_groups = exposure->n_groups};
    CIM_TRY(lpg_frontier_find(&frontier, choice->ground->call, &choice->frontier, choice->err));
    rename_sites(choice, list);
    choice->residents_unknown = exposure->n_silent;
    return CIM_OK;
}

cim_status
lpg_choice_frontier(struct choice *choice)
{
    struct exposure exposure = {
        .choice = choice,
        .buildings = choice->ground->with->views.layers[LPG_RECEPTORS_BUILDINGS].sites};
    const cim_status status = find_frontier(choice, &exposure);
    exposure_done(&exposure);
    return status;
}

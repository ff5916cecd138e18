/* plugin/analysis/sites_index.c -- trees over the items, and versions that follow edits; see
 * sites_index.h. */
#include "analysis/sites_index.h"

#include "cim/util.h"
#include "data/change_log.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>

/* ---- trees ---- */

struct part {
    const struct lpg_sites *sites;
    uint32_t first;
};

static void
part_box(void *arg, uint32_t i, double ret_box[4])
{
    const struct part *part = arg;
    lpg_sites_item_box(part->sites, part->first + i, ret_box);
}

static cim_status
build_tree(const struct lpg_sites *sites, uint32_t first, struct lpg_sites_tree **ret_tree,
           cim_error *err)
{
    struct part part = {sites, first};
    struct lpg_sites_tree *tree = calloc(1, sizeof *tree);
    cim_status status;
    if (tree == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&tree->references, 1);
    tree->first = first;
    tree->end = sites->n;
    status = lpg_rtree_build(sites->n - first, part_box, &part, &tree->tree, err);
    if (status != CIM_OK) {
        free(tree);
        return status;
    }
    *ret_tree = tree;
    return CIM_OK;
}

/* ---- searching ---- */

struct search {
    const struct lpg_sites *sites;
    uint32_t first;
    lpg_rtree_found_fn found;
    void *arg;
    int ended;
};

static int
see_live(void *arg, uint32_t i)
{
    struct search *search = arg;
    const uint32_t item = search->first + i;
    if (!lpg_sites_gone(search->sites, lpg_sites_record(search->sites, item))) {
        search->ended = search->found(search->arg, item);
    }
    return search->ended;
}

void
lpg_sites_search(const struct lpg_sites *sites, const double box_deg[4], lpg_rtree_found_fn found,
                 void *arg)
{
    struct search search = {.sites = sites, .found = found, .arg = arg};
    uint32_t tail = sites->tree->end;
    lpg_rtree_search(sites->tree->tree, box_deg, see_live, &search);
    if (sites->added != NULL && search.ended == 0) {
        search.first = sites->added->first;
        tail = sites->added->end;
        lpg_rtree_search(sites->added->tree, box_deg, see_live, &search);
    }
    search.first = 0;
    for (uint32_t i = tail; i < sites->n && search.ended == 0; i++) {
        double box[4];
        lpg_sites_item_box(sites, i, box);
        if (box[0] <= box_deg[2] && box[2] >= box_deg[0] && box[1] <= box_deg[3] &&
            box[3] >= box_deg[1]) {
            (void)see_live(&search, i);
        }
    }
}

struct listing {
    const struct lpg_sites *sites;
    uint32_t *items;
    size_t n;
    size_t capacity;
    bool failed;
};

static int
list_item(void *arg, uint32_t i)
{
    struct listing *listing = arg;
    if (listing->n == listing->capacity) {
        const size_t capacity = listing->capacity == 0 ? 256 : listing->capacity * 2;
        uint32_t *grown = realloc(listing->items, capacity * sizeof *grown);
        if (grown == NULL) {
            listing->failed = true;
            return 1;
        }
        listing->items = grown;
        listing->capacity = capacity;
    }
    listing->items[listing->n++] = i;
    return 0;
}

static int
by_fid(const void *a, const void *b, void *arg)
{
    const struct lpg_sites *sites = arg;
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    const int64_t fid_x = sites->fid[lpg_sites_record(sites, x)];
    const int64_t fid_y = sites->fid[lpg_sites_record(sites, y)];
    if (fid_x != fid_y) {
        return fid_x < fid_y ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

void
lpg_sites_search_in_order(const struct lpg_sites *sites, const double box_deg[4],
                          lpg_rtree_found_fn found, void *arg)
{
    struct listing listing = {.sites = sites};
    lpg_sites_search(sites, box_deg, list_item, &listing);
    if (listing.failed) {
        lpg_sites_search(sites, box_deg, found, arg);
    } else if (listing.n > 0) {
        qsort_r(listing.items, listing.n, sizeof *listing.items, by_fid, (void *)(uintptr_t)sites);
        for (size_t i = 0; i < listing.n && found(arg, listing.items[i]) == 0; i++) {
        }
    }
    free(listing.items);
}

/* ---- extent ---- */

static void
extend(double extent[4], const double box[4])
{
    for (int k = 0; k < 2; k++) {
        extent[k] = fmin(extent[k], box[k]);
        extent[k + 2] = fmax(extent[k + 2], box[k + 2]);
    }
}

static void
take_extent(struct lpg_sites *sites)
{
    double extent[4] = {HUGE_VAL, HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
    for (uint32_t i = 0; i < sites->n; i++) {
        if (!lpg_sites_gone(sites, lpg_sites_record(sites, i))) {
            double box[4];
            lpg_sites_item_box(sites, i, box);
            extend(extent, box);
        }
    }
    memcpy(sites->extent_deg, extent, sizeof extent);
}

/* ---- records by fid ---- */

static uint32_t
slot_of(const struct lpg_sites *sites, int64_t fid)
{
    const struct lpg_sites_room *room = sites->room;
    uint32_t slot =
        (uint32_t)((uint64_t)fid * UINT64_C(0x9E3779B97F4A7C15) >> 32U) & (room->n_fid_slots - 1);
    while (room->fid_slots[slot] != 0 && sites->fid[room->fid_slots[slot] - 1] != fid) {
        slot = (slot + 1) & (room->n_fid_slots - 1);
    }
    return slot;
}

static void
note_fids(struct lpg_sites *sites, uint32_t first)
{
    for (uint32_t r = first; r < sites->n_records; r++) {
        sites->room->fid_slots[slot_of(sites, sites->fid[r])] = r + 1;
    }
}

/* Every record of the room has a slot, so that half of them stay free. */
static cim_status
make_fid_slots(struct lpg_sites *sites, cim_error *err)
{
    struct lpg_sites_room *room = sites->room;
    room->n_fid_slots = 1024;
    while (room->n_fid_slots < 2 * room->records) {
        room->n_fid_slots *= 2;
    }
    room->fid_slots = calloc(room->n_fid_slots, sizeof *room->fid_slots);
    if (room->fid_slots == NULL) {
        return cim_fail_nomem(err);
    }
    note_fids(sites, 0);
    return CIM_OK;
}

cim_status
lpg_sites_finish(struct lpg_sites *sites, bool follows, cim_error *err)
{
    take_extent(sites);
    if (follows) {
        CIM_TRY(lpg_sites_settle(sites, err));
        CIM_TRY(make_fid_slots(sites, err));
    }
    return build_tree(sites, 0, &sites->tree, err);
}

/* ---- edits ---- */

static void
mark_gone(struct lpg_sites *sites, uint32_t record)
{
    const uint64_t bit = 1ULL << (record % 64U);
    if ((sites->gone[record / 64U] & bit) == 0) {
        sites->gone[record / 64U] |= bit;
        sites->n_gone++;
    }
}

static bool
at_border(const struct lpg_sites *sites, uint32_t record)
{
    const double *extent = sites->extent_deg;
    for (uint32_t i = lpg_sites_first_item(sites, record);
         i < sites->n && lpg_sites_record(sites, i) == record; i++) {
        double box[4];
        lpg_sites_item_box(sites, i, box);
        if (box[0] <= extent[0] || box[1] <= extent[1] || box[2] >= extent[2] ||
            box[3] >= extent[3]) {
            return true;
        }
    }
    return false;
}

/* *ret_border: one of them may have made the extent as wide as it is. */
static void
remove_fids(struct lpg_sites *sites, const int64_t *fids, uint32_t n, bool *ret_border)
{
    *ret_border = false;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t number = sites->room->fid_slots[slot_of(sites, fids[i])];
        if (number != 0) {
            mark_gone(sites, number - 1);
            *ret_border = *ret_border || at_border(sites, number - 1);
        }
    }
}

static void
widen_extent(struct lpg_sites *sites, uint32_t first)
{
    for (uint32_t i = first; i < sites->n; i++) {
        double box[4];
        lpg_sites_item_box(sites, i, box);
        extend(sites->extent_deg, box);
    }
}

static cim_status
append_fids(struct lpg_sites *sites, const struct lpg_sites_cache *cache, const cim_call *call,
            const int64_t *fids, uint32_t n, cim_error *err)
{
    char filter[LPG_FIDS_FILTER_SIZE];
    for (uint32_t begin = 0; begin < n;) {
        begin += lpg_fids_filter(fids + begin, n - begin, filter);
        CIM_TRY(lpg_sites_read(sites, &cache->spec, cache->layer, call, NULL, filter, err));
    }
    return CIM_OK;
}

/* What is new under a tree, but for a tail. */
static cim_status
plant(struct lpg_sites *sites, cim_error *err)
{
    const uint32_t treed = sites->added != NULL ? sites->added->end : sites->tree->end;
    struct lpg_sites_tree *tree = NULL;
    if (sites->n - treed <= LPG_SITES_TAIL) {
        return CIM_OK;
    }
    CIM_TRY(build_tree(sites, sites->tree->end, &tree, err));
    lpg_sites_tree_unref(sites->added);
    sites->added = tree;
    return CIM_OK;
}

cim_status
lpg_sites_advance(const struct lpg_sites *sites, const struct lpg_sites_cache *cache,
                  const cim_call *call, int64_t until, struct lpg_sites **ret_sites, cim_error *err)
{
    CIM_AUTO_FREE int64_t *fids = malloc(LPG_SITES_CHANGES_MAX * sizeof *fids);
    struct lpg_sites *next = NULL;
    uint32_t n = 0;
    bool known = false;
    bool border = false;
    cim_status status;
    if (fids == NULL) {
        return cim_fail_nomem(err);
    }
    if (sites->room->spoiled) {
        return CIM_OK;
    }
    CIM_TRY(lpg_changes_read(cache->host, cache->store, cache->spec.layer, sites->pos, until, fids,
                             LPG_SITES_CHANGES_MAX, &n, &known, err));
    if (!known) {
        return CIM_OK;
    }
    CIM_TRY(lpg_sites_share(sites, &next, err));
    next->pos = until;
    remove_fids(next, fids, n, &border);
    status = append_fids(next, cache, call, fids, n, err);
    if (status == CIM_OK) {
        status = plant(next, err);
    }
    if (status != CIM_OK) {
        const bool full = next->room->full;
        next->room->spoiled = true; /* names of the broken one may be in the table */
        lpg_sites_unref(next);
        return full ? CIM_OK : status;
    }
    note_fids(next, sites->n_records);
    if (border) {
        take_extent(next);
    } else {
        widen_extent(next, sites->n);
    }
    *ret_sites = next;
    return CIM_OK;
}

/* ---- merging ---- */

bool
lpg_sites_wants_merge(const struct lpg_sites *sites, uint32_t limit)
{
    const struct lpg_sites_room *room = sites->room;
    const size_t new_items = sites->n - sites->tree->end;
    return new_items + sites->n_gone > limit || room->spoiled ||
           (new_items > 0 && (sites->n > room->items - room->items / 16 ||
                              sites->n_records > room->records - room->records / 16 ||
                              sites->text_len > room->text - room->text / 16 ||
                              (sites->areas && sites->n_edges > room->edges - room->edges / 16)));
}

cim_status
lpg_sites_compact(const struct lpg_sites *sites, const struct lpg_sites_spec *spec,
                  const struct cim_definition *def, uint32_t *numbers, struct lpg_sites **ret_sites,
                  cim_error *err)
{
    struct lpg_sites *compact = NULL;
    cim_status status;
    CIM_TRY(lpg_sites_new(spec, def, &compact, err));
    compact->pos = sites->pos;
    status = lpg_sites_copy(compact, sites, 0, sites->n_records, numbers, err);
    if (status == CIM_OK) {
        status = lpg_sites_finish(compact, true, err);
    }
    if (status != CIM_OK) {
        lpg_sites_unref(compact);
        return status;
    }
    *ret_sites = compact;
    return CIM_OK;
}

cim_status
lpg_sites_catch_up(struct lpg_sites *compact, const uint32_t *numbers,
                   const struct lpg_sites *sites, const struct lpg_sites *newer, cim_error *err)
{
    const uint32_t n_before = compact->n_records;
    if (newer == sites) {
        return CIM_OK;
    }
    compact->gone = calloc(compact->room->records / 64 + 1, sizeof *compact->gone);
    if (compact->gone == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t r = 0; r < sites->n_records; r++) {
        if (lpg_sites_gone(newer, r) && !lpg_sites_gone(sites, r)) {
            mark_gone(compact, numbers[r]);
        }
    }
    CIM_TRY(lpg_sites_copy(compact, newer, sites->n_records, newer->n_records, NULL, err));
    CIM_TRY(plant(compact, err));
    note_fids(compact, n_before);
    take_extent(compact);
    compact->pos = newer->pos;
    return CIM_OK;
}

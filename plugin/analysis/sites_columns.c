/* plugin/analysis/sites_columns.c -- the columns of an index; see sites_index.h. */
#include "analysis/sites_index.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>

/* ---- made and freed ---- */

static atomic_ullong last_serial;

cim_status
lpg_sites_new(const struct lpg_sites_spec *spec, const struct cim_definition *def,
              struct lpg_sites **ret_sites, cim_error *err)
{
    struct lpg_sites *sites = calloc(1, sizeof *sites);
    struct lpg_sites_room *room = calloc(1, sizeof *room);
    if (sites == NULL || room == NULL) {
        free(sites);
        free(room);
        return cim_fail_nomem(err);
    }
    atomic_init(&sites->references, 1);
    atomic_init(&room->references, 1);
    sites->serial = atomic_fetch_add(&last_serial, 1) + 1;
    sites->room = room;
    sites->layer = spec->layer;
    sites->lines = def->geometry != CIM_GEOMETRY_POINT;
    sites->areas =
        def->geometry == CIM_GEOMETRY_POLYGON || def->geometry == CIM_GEOMETRY_MULTI_POLYGON;
    sites->has_facts = spec->name_field != NULL;
    sites->has_values = spec->values[0].field != NULL;
    *ret_sites = sites;
    return CIM_OK;
}

cim_status
lpg_sites_share(const struct lpg_sites *sites, struct lpg_sites **ret_sites, cim_error *err)
{
    const size_t words = sites->room->records / 64 + 1;
    struct lpg_sites *next = malloc(sizeof *next);
    uint64_t *gone = calloc(words, sizeof *gone);
    if (next == NULL || gone == NULL) {
        free(next);
        free(gone);
        return cim_fail_nomem(err);
    }
    if (sites->gone != NULL) {
        memcpy(gone, sites->gone, words * sizeof *gone);
    }
    memcpy(next, sites, sizeof *next);
    atomic_init(&next->references, 1);
    next->serial = atomic_fetch_add(&last_serial, 1) + 1;
    next->gone = gone;
    (void)atomic_fetch_add(&next->room->references, 1);
    (void)atomic_fetch_add(&next->tree->references, 1);
    if (next->added != NULL) {
        (void)atomic_fetch_add(&next->added->references, 1);
    }
    *ret_sites = next;
    return CIM_OK;
}

void
lpg_sites_ref(struct lpg_sites *sites)
{
    (void)atomic_fetch_add(&sites->references, 1);
}

void
lpg_sites_tree_unref(struct lpg_sites_tree *tree)
{
    if (tree != NULL && atomic_fetch_sub(&tree->references, 1) == 1) {
        lpg_rtree_free(tree->tree);
        free(tree);
    }
}

void
lpg_sites_unref(struct lpg_sites *sites)
{
    if (sites == NULL || atomic_fetch_sub(&sites->references, 1) != 1) {
        return;
    }
    if (atomic_fetch_sub(&sites->room->references, 1) == 1) {
        free(sites->lonlat);
        free(sites->record);
        free(sites->fid);
        free(sites->code);
        free(sites->area);
        free(sites->owner);
        free(sites->facts);
        free(sites->values);
        free(sites->edges);
        free(sites->edge_end);
        free(sites->text);
        free(sites->names.slots);
        free(sites->names.places);
        free(sites->room->fid_slots);
        free(sites->room);
    }
    lpg_sites_tree_unref(sites->tree);
    lpg_sites_tree_unref(sites->added);
    free(sites->gone);
    free(sites);
}

/* ---- growing ---- */

static bool
grow(void **array, size_t size, size_t capacity)
{
    void *grown = realloc(*array, size * capacity);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    return true;
}

static cim_status
no_room(struct lpg_sites *sites, cim_error *err)
{
    sites->room->full = true;
    return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "索引已满", "the index has no more room");
}

static cim_status
too_many(const struct lpg_sites *sites, cim_error *err)
{
    return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层 %s 超过 %d 个位置",
                    "layer %s has more than %d positions", sites->layer, LPG_SITES_MAX);
}

static bool
grow_text(struct lpg_sites *sites, size_t capacity)
{
    if (!grow((void **)&sites->text, 1, capacity)) {
        return false;
    }
    sites->room->text = capacity;
    return true;
}

static bool
grow_items(struct lpg_sites *sites, size_t capacity)
{
    if (!grow((void **)&sites->lonlat, (sites->lines ? 4 : 2) * sizeof(double), capacity) ||
        (sites->lines && !grow((void **)&sites->record, sizeof *sites->record, capacity))) {
        return false;
    }
    sites->room->items = capacity;
    return true;
}

static bool
grow_edges(struct lpg_sites *sites, size_t capacity)
{
    if (!grow((void **)&sites->edges, 4 * sizeof(double), capacity)) {
        return false;
    }
    sites->room->edges = capacity;
    return true;
}

static bool
grow_records(struct lpg_sites *sites, size_t capacity)
{
    if (!grow((void **)&sites->fid, sizeof *sites->fid, capacity) ||
        !grow((void **)&sites->code, sizeof *sites->code, capacity) ||
        !grow((void **)&sites->area, sizeof *sites->area, capacity) ||
        !grow((void **)&sites->owner, sizeof *sites->owner, capacity) ||
        (sites->has_facts && !grow((void **)&sites->facts, sizeof *sites->facts, capacity)) ||
        (sites->has_values &&
         !grow((void **)&sites->values, LPG_SITES_VALUES_MAX * sizeof *sites->values, capacity)) ||
        (sites->areas && !grow((void **)&sites->edge_end, sizeof *sites->edge_end, capacity))) {
        return false;
    }
    sites->room->records = capacity;
    return true;
}

static size_t
doubled(size_t capacity)
{
    enum { FIRST = 1024 };
    return capacity == 0 ? FIRST : capacity * 2;
}

/* ---- texts and their numbers ---- */

cim_status
lpg_sites_add_text(struct lpg_sites *sites, const void *text, size_t len, uint32_t *ret_place,
                   cim_error *err)
{
    const size_t needed = sites->text_len + len + 1;
    if (needed > LPG_SITES_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层文字超过 %d 字节",
                        "the layer's texts are more than %d bytes", LPG_SITES_TEXT_MAX);
    }
    if (needed > sites->room->text) {
        if (sites->room->fixed) {
            return no_room(sites, err);
        }
        if (!grow_text(sites, needed * 2 + 1024)) {
            return cim_fail_nomem(err);
        }
    }
    *ret_place = (uint32_t)sites->text_len;
    memcpy(sites->text + sites->text_len, text, len);
    sites->text[sites->text_len + len] = '\0';
    sites->text_len = needed;
    return CIM_OK;
}

static uint32_t
hash_bytes(const uint8_t *bytes, size_t len)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 16777619U;
    }
    return hash;
}

static uint32_t
find_slot(const struct lpg_sites *sites, const void *bytes, size_t len)
{
    const struct lpg_names *names = &sites->names;
    uint32_t slot = hash_bytes(bytes, len) & (names->n_slots - 1);
    while (names->slots[slot] != 0) {
        const char *name = sites->text + names->places[names->slots[slot] - 1];
        if (strlen(name) == len && memcmp(name, bytes, len) == 0) {
            break;
        }
        slot = (slot + 1) & (names->n_slots - 1);
    }
    return slot;
}

static cim_status
grow_names(struct lpg_sites *sites, cim_error *err)
{
    struct lpg_names *names = &sites->names;
    const uint32_t n_slots = names->n_slots == 0 ? 256 : names->n_slots * 2;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL || !grow((void **)&names->places, sizeof *names->places, n_slots / 2)) {
        free(slots);
        return cim_fail_nomem(err);
    }
    free(names->slots);
    names->slots = slots;
    names->n_slots = n_slots;
    for (uint32_t i = 0; i < names->n; i++) {
        const char *name = sites->text + names->places[i];
        slots[find_slot(sites, name, strlen(name))] = i + 1;
    }
    return CIM_OK;
}

cim_status
lpg_sites_add_name(struct lpg_sites *sites, const void *text, size_t len, uint32_t *ret_number,
                   cim_error *err)
{
    struct lpg_names *names = &sites->names;
    uint32_t slot;
    if (names->n >= names->n_slots / 2) {
        if (sites->room->fixed) {
            return no_room(sites, err);
        }
        CIM_TRY(grow_names(sites, err));
    }
    slot = find_slot(sites, text, len);
    if (names->slots[slot] == 0) {
        CIM_TRY(lpg_sites_add_text(sites, text, len, &names->places[names->n], err));
        names->slots[slot] = ++names->n;
    }
    *ret_number = names->slots[slot] - 1;
    return CIM_OK;
}

/* ---- positions and records ---- */

cim_status
lpg_sites_add_item(struct lpg_sites *sites, const double *from, const double *to, cim_error *err)
{
    const size_t width = sites->lines ? 4 : 2;
    if (sites->n == sites->room->items) {
        if (sites->room->fixed) {
            return no_room(sites, err);
        }
        if (sites->n >= LPG_SITES_MAX) {
            return too_many(sites, err);
        }
        if (!grow_items(sites, doubled(sites->room->items))) {
            return cim_fail_nomem(err);
        }
    }
    memcpy(sites->lonlat + width * sites->n, from, 2 * sizeof(double));
    if (sites->lines) {
        memcpy(sites->lonlat + width * sites->n + 2, to, 2 * sizeof(double));
        sites->record[sites->n] = sites->n_records;
    }
    sites->n++;
    return CIM_OK;
}

cim_status
lpg_sites_add_edge(struct lpg_sites *sites, const double *from, const double *to, cim_error *err)
{
    if (sites->n_edges == sites->room->edges) {
        if (sites->room->fixed) {
            return no_room(sites, err);
        }
        if (sites->n_edges >= LPG_SITES_MAX) {
            return too_many(sites, err);
        }
        if (!grow_edges(sites, doubled(sites->room->edges))) {
            return cim_fail_nomem(err);
        }
    }
    memcpy(sites->edges + 4 * sites->n_edges, from, 2 * sizeof(double));
    memcpy(sites->edges + 4 * sites->n_edges + 2, to, 2 * sizeof(double));
    sites->n_edges++;
    return CIM_OK;
}

cim_status
lpg_sites_reserve_record(struct lpg_sites *sites, cim_error *err)
{
    if (sites->n_records < sites->room->records) {
        return CIM_OK;
    }
    if (sites->room->fixed) {
        return no_room(sites, err);
    }
    return grow_records(sites, doubled(sites->room->records)) ? CIM_OK : cim_fail_nomem(err);
}

cim_status
lpg_sites_settle(struct lpg_sites *sites, cim_error *err)
{
    enum { SPARE_RECORDS = 2 * LPG_SITES_MERGE, SPARE_BYTES = 128 * LPG_SITES_MERGE, NAMES = 32 };
    const size_t items = sites->n + sites->n / 8 + SPARE_RECORDS;
    const size_t records = sites->n_records + sites->n_records / 8 + SPARE_RECORDS;
    const size_t text = sites->text_len + sites->text_len / 8 + SPARE_BYTES;
    const size_t edges = sites->n_edges + sites->n_edges / 8 + 4 * (size_t)SPARE_RECORDS;
    if ((sites->room->items < items && !grow_items(sites, items)) ||
        (sites->room->records < records && !grow_records(sites, records)) ||
        (sites->room->text < text && !grow_text(sites, text)) ||
        (sites->areas && sites->room->edges < edges && !grow_edges(sites, edges))) {
        return cim_fail_nomem(err);
    }
    while (sites->names.n_slots / 2 < sites->names.n + NAMES) {
        CIM_TRY(grow_names(sites, err));
    }
    sites->room->fixed = true;
    return CIM_OK;
}

/* ---- copying ---- */

static cim_status
copy_text(struct lpg_sites *sites, const struct lpg_sites *from, uint32_t place,
          uint32_t *ret_place, cim_error *err)
{
    const char *text = from->text + place;
    return lpg_sites_add_text(sites, text, strlen(text), ret_place, err);
}

static cim_status
copy_name(struct lpg_sites *sites, const struct lpg_sites *from, uint32_t number,
          uint32_t *ret_number, cim_error *err)
{
    const char *text = from->text + from->names.places[number];
    return lpg_sites_add_name(sites, text, strlen(text), ret_number, err);
}

static cim_status
copy_record(struct lpg_sites *sites, const struct lpg_sites *from, uint32_t record, cim_error *err)
{
    const uint32_t to = sites->n_records;
    sites->fid[to] = from->fid[record];
    sites->code[to] = from->code[record];
    CIM_TRY(copy_name(sites, from, from->area[record], &sites->area[to], err));
    CIM_TRY(copy_name(sites, from, from->owner[record], &sites->owner[to], err));
    if (sites->has_facts) {
        struct lpg_site_facts *facts = &sites->facts[to];
        *facts = from->facts[record];
        CIM_TRY(copy_text(sites, from, from->facts[record].uid, &facts->uid, err));
        CIM_TRY(copy_text(sites, from, from->facts[record].name, &facts->name, err));
        CIM_TRY(copy_text(sites, from, from->facts[record].basis, &facts->basis, err));
        sites->distance_max_m = fmax(sites->distance_max_m, facts->distance_m);
    }
    if (sites->has_values) {
        memcpy(sites->values + LPG_SITES_VALUES_MAX * (size_t)to,
               from->values + LPG_SITES_VALUES_MAX * (size_t)record,
               LPG_SITES_VALUES_MAX * sizeof *sites->values);
    }
    if (sites->areas) {
        const size_t first = record > 0 ? from->edge_end[record - 1] : 0;
        for (size_t e = first; e < from->edge_end[record]; e++) {
            CIM_TRY(lpg_sites_add_edge(sites, from->edges + 4 * e, from->edges + 4 * e + 2, err));
        }
        sites->edge_end[to] = sites->n_edges;
    }
    return CIM_OK;
}

uint32_t
lpg_sites_first_item(const struct lpg_sites *sites, uint32_t record)
{
    uint32_t low = 0;
    uint32_t high = sites->n;
    if (sites->record == NULL) {
        return record;
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (sites->record[middle] < record) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

cim_status
lpg_sites_copy(struct lpg_sites *sites, const struct lpg_sites *from, uint32_t first, uint32_t end,
               uint32_t *numbers, cim_error *err)
{
    const size_t width = from->lines ? 4 : 2;
    uint32_t item = lpg_sites_first_item(from, first);
    for (uint32_t record = first; record < end; record++) {
        const bool live = !lpg_sites_gone(from, record);
        if (live) {
            CIM_TRY(lpg_sites_reserve_record(sites, err));
        }
        for (; item < from->n && lpg_sites_record(from, item) == record; item++) {
            const double *at = from->lonlat + width * item;
            if (live) {
                CIM_TRY(lpg_sites_add_item(sites, at, from->lines ? at + 2 : at, err));
            }
        }
        if (live) {
            CIM_TRY(copy_record(sites, from, record, err));
            if (numbers != NULL) {
                numbers[record] = sites->n_records;
            }
            sites->n_records++;
        }
    }
    return CIM_OK;
}

void
lpg_sites_item_box(const struct lpg_sites *sites, uint32_t i, double ret_box[4])
{
    const double *p = sites->lonlat + (size_t)i * (sites->lines ? 4 : 2);
    const double *q = sites->lines ? p + 2 : p;
    ret_box[0] = fmin(p[0], q[0]);
    ret_box[1] = fmin(p[1], q[1]);
    ret_box[2] = fmax(p[0], q[0]);
    ret_box[3] = fmax(p[1], q[1]);
}

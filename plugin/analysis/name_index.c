/* plugin/analysis/name_index.c -- see name_index.h. */
#include "analysis/name_index.h"

#include "analysis/sites_index.h"
#include "cim/util.h"

#include <stdlib.h>

enum { CANCEL_EVERY = 1024 };

struct entries {
    atomic_uint references;
    size_t n;
    size_t capacity;
    struct lpg_name_entry *items;
};

struct lpg_name_index {
    atomic_uint references;
    struct lpg_sites *sites;
    int64_t areas_version;
    uint32_t n_main;      /* records below are in `main` */
    struct entries *main; /* by key and door */
    struct entries *tail; /* likewise: the records from n_main on */
};

/* ---- keys ---- */

static uint64_t
hash(uint64_t seed, const char *text)
{
    uint64_t h = seed ^ 14695981039346656037U;
    for (; *text != '\0'; text++) {
        h = (h ^ (unsigned char)*text) * 1099511628211U;
    }
    h ^= h >> 32U;
    return h * 0x9E3779B97F4A7C15U;
}

uint64_t
lpg_name_key_door(const char *street)
{
    return hash(1, street);
}

uint64_t
lpg_name_key_building(const char *name, const char *building)
{
    return hash(hash(2, name), building);
}

uint64_t
lpg_name_key_place(const char *name)
{
    return hash(3, name);
}

bool
lpg_name_street(const struct lpg_area_names *names, const struct lpg_address *address,
                char ret_street[2 * LPG_ADDRESS_PART_BYTES])
{
    const char *first = address->road;
    const char *second = address->lane;
    if (address->road[0] == '\0') {
        first = address->name[0] != '\0'        ? address->name
                : address->community[0] != '\0' ? address->community
                : lpg_area_names_level(names, address->area) == 5
                    ? lpg_area_names_text(names, address->area)
                    : "";
        second = address->group;
    }
    (void)snprintf(ret_street, 2 * LPG_ADDRESS_PART_BYTES, "%s%s", first, second);
    return first[0] != '\0';
}

/* ---- entries ---- */

static struct entries *
new_entries(void)
{
    struct entries *entries = calloc(1, sizeof *entries);
    if (entries != NULL) {
        atomic_init(&entries->references, 1);
    }
    return entries;
}

static void
unref_entries(struct entries *entries)
{
    if (entries != NULL && atomic_fetch_sub(&entries->references, 1) == 1) {
        free(entries->items);
        free(entries);
    }
}

static cim_status
add(struct entries *entries, uint64_t key, int32_t door, uint32_t record, cim_error *err)
{
    if (entries->n == entries->capacity) {
        const size_t capacity = entries->capacity == 0 ? 256 : entries->capacity * 2;
        struct lpg_name_entry *grown = realloc(entries->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        entries->items = grown;
        entries->capacity = capacity;
    }
    entries->items[entries->n++] = (struct lpg_name_entry){key, door, record};
    return CIM_OK;
}

static int
by_key(const void *a, const void *b)
{
    const struct lpg_name_entry *x = a;
    const struct lpg_name_entry *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->door != y->door) {
        return x->door < y->door ? -1 : 1;
    }
    return x->record < y->record ? -1 : x->record > y->record;
}

static cim_status
add_address(struct entries *entries, const struct lpg_area_names *names, const char *text,
            uint32_t record, cim_error *err)
{
    struct lpg_address address;
    char street[2 * LPG_ADDRESS_PART_BYTES];
    lpg_address_parse(names, -1, text, strlen(text), &address);
    if (address.door >= 0 && address.building[0] == '\0' &&
        lpg_name_street(names, &address, street)) {
        CIM_TRY(add(entries, lpg_name_key_door(street), address.door, record, err));
    }
    if (address.name[0] == '\0') {
        return CIM_OK;
    }
    return address.building[0] != '\0'
               ? add(entries, lpg_name_key_building(address.name, address.building), 0, record, err)
               : add(entries, lpg_name_key_place(address.name), 0, record, err);
}

/* Roads are found as places are, each in its own source. */
static cim_status
add_record(struct entries *entries, const struct lpg_sites *sites, enum lpg_name_kind kind,
           const struct lpg_area_names *names, uint32_t record, cim_error *err)
{
    const char *text = sites->text + sites->facts[record].name;
    struct lpg_address address;
    if (text[0] == '\0') {
        return CIM_OK;
    }
    if (kind == LPG_NAMES_ADDRESSES) {
        return add_address(entries, names, text, record, err);
    }
    /* As it would stand in an address: half width, numerals. */
    lpg_address_parse(names, -1, text, strlen(text), &address);
    if (kind == LPG_NAMES_ROADS && address.road[0] != '\0') {
        return add(entries, lpg_name_key_place(address.road), 0, record, err);
    }
    return add(entries, lpg_name_key_place(address.name[0] != '\0' ? address.name : text), 0,
               record, err);
}

static cim_status
add_records(struct entries *entries, const struct lpg_sites *sites, enum lpg_name_kind kind,
            const struct lpg_area_names *names, const cim_call *call, uint32_t first,
            cim_error *err)
{
    for (uint32_t i = first; i < sites->n_records; i++) {
        if (i % CANCEL_EVERY == 0) {
            CIM_TRY(cim_heed_cancel(call, err));
        }
        if (!lpg_sites_gone(sites, i)) {
            CIM_TRY(add_record(entries, sites, kind, names, i, err));
        }
    }
    if (entries->n > 0) {
        qsort(entries->items, entries->n, sizeof *entries->items, by_key);
    }
    return CIM_OK;
}

/* ---- versions ---- */

/* What the older version has read already need not be read again. */
static cim_status
extend(struct lpg_name_index *index, const struct lpg_name_index *old, enum lpg_name_kind kind,
       const struct lpg_area_names *names, const cim_call *call, cim_error *err)
{
    const struct lpg_sites *sites = index->sites;
    uint32_t first = index->n_main;
    if (old->sites->n_records <= sites->n_records) {
        for (size_t i = 0; i < old->tail->n; i++) {
            const struct lpg_name_entry *entry = &old->tail->items[i];
            CIM_TRY(add(index->tail, entry->key, entry->door, entry->record, err));
        }
        first = old->sites->n_records;
    }
    return add_records(index->tail, sites, kind, names, call, first, err);
}

cim_status
lpg_name_index_of(struct lpg_sites *sites, enum lpg_name_kind kind,
                  const struct lpg_area_names *names, const cim_call *call,
                  struct lpg_name_index *old, struct lpg_name_index **ret_index, cim_error *err)
{
    const bool follows = old != NULL && old->sites->room == sites->room &&
                         old->areas_version == lpg_area_names_version(names) &&
                         sites->n_records >= old->n_main;
    struct lpg_name_index *index = calloc(1, sizeof *index);
    cim_status status = CIM_OK;
    if (index == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&index->references, 1);
    index->sites = sites;
    lpg_sites_ref(sites);
    index->areas_version = lpg_area_names_version(names);
    index->tail = new_entries();
    if (follows) {
        index->main = old->main;
        index->n_main = old->n_main;
        (void)atomic_fetch_add(&index->main->references, 1);
    } else {
        index->main = new_entries();
        index->n_main = sites->n_records;
    }
    if (index->main == NULL || index->tail == NULL) {
        status = cim_fail_nomem(err);
    } else if (follows) {
        status = extend(index, old, kind, names, call, err);
    } else {
        status = add_records(index->main, sites, kind, names, call, 0, err);
    }
    if (status != CIM_OK) {
        lpg_name_index_unref(index);
        return status;
    }
    *ret_index = index;
    return CIM_OK;
}

void
lpg_name_index_ref(struct lpg_name_index *index)
{
    (void)atomic_fetch_add(&index->references, 1);
}

void
lpg_name_index_unref(struct lpg_name_index *index)
{
    if (index != NULL && atomic_fetch_sub(&index->references, 1) == 1) {
        lpg_sites_unref(index->sites);
        unref_entries(index->main);
        unref_entries(index->tail);
        free(index);
    }
}

const struct lpg_sites *
lpg_name_index_sites(const struct lpg_name_index *index)
{
    return index->sites;
}

int64_t
lpg_name_index_areas(const struct lpg_name_index *index)
{
    return index->areas_version;
}

static size_t
first_of(const struct entries *entries, uint64_t key)
{
    size_t low = 0;
    size_t high = entries->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (entries->items[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void
lpg_name_index_find(const struct lpg_name_index *index, uint64_t key, lpg_name_found_fn found,
                    void *arg)
{
    const struct entries *main = index->main;
    const struct entries *tail = index->tail;
    size_t i = first_of(main, key);
    size_t k = first_of(tail, key);
    for (;;) {
        const bool in_main = i < main->n && main->items[i].key == key;
        const bool in_tail = k < tail->n && tail->items[k].key == key;
        if (!in_main && !in_tail) {
            return;
        }
        const bool take_main =
            in_main && (!in_tail || by_key(&main->items[i], &tail->items[k]) <= 0);
        if (found(arg, take_main ? &main->items[i++] : &tail->items[k++]) != 0) {
            return;
        }
    }
}

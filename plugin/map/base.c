/* plugin/map/base.c -- see base.h. */
#include "map/base.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "map/overlay.h"
#include "map/read.h"
#include "map/saved.h"

#include <stdlib.h>
#include <string.h>

cim_status
lpg_base_new(struct lpg_base **ret_base, cim_error *err)
{
    struct lpg_base *base = calloc(1, sizeof *base);
    if (base == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&base->references, 1);
    (void)pthread_mutex_init(&base->lock, NULL);
    lpg_verdicts_init(&base->verdicts);
    *ret_base = base;
    return CIM_OK;
}

void
lpg_base_ref(struct lpg_base *base)
{
    (void)atomic_fetch_add(&base->references, 1);
}

void
lpg_base_unref(struct lpg_base *base)
{
    if (base == NULL || atomic_fetch_sub(&base->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        lpg_points_free(base->subsets[i].points);
    }
    if (base->file != NULL) {
        lpg_saved_close(base);
    }
    lpg_points_free(base->points);
    lpg_shapes_done(&base->shapes);
    lpg_features_done(&base->features);
    lpg_verdicts_done(&base->verdicts);
    (void)pthread_mutex_destroy(&base->lock);
    free(base);
}

/* ---- loading ---- */

static cim_status
load(const struct cim_definition *def, bool degrees, const cim_layer *layer, const cim_call *call,
     struct lpg_base *base, cim_error *err)
{
    const bool is_point = def->geometry == CIM_GEOMETRY_POINT;
    struct lpg_reading reading = {.features = &base->features,
                                  .shapes = is_point ? NULL : &base->shapes};
    cim_status status;
    CIM_TRY(lpg_features_init(&base->features, def, err));
    base->features.degrees = degrees;
    base->shapes.degrees = degrees;
    status = lpg_read_all(&reading, layer, call, err);
    if (status != CIM_OK) {
        free(reading.morton);
        return status;
    }
    if (!is_point) {
        return lpg_shapes_index(&base->shapes, &base->features, err);
    }
    return lpg_points_build(&base->features, CIM_TAKE(reading.morton), &base->points, err);
}

cim_status
lpg_base_load(const struct cim_definition *def, bool degrees, const cim_layer *layer,
              const cim_call *call, int64_t pos, struct lpg_base **ret_base, cim_error *err)
{
    struct lpg_base *base = NULL;
    cim_status status = lpg_base_new(&base, err);
    CIM_TRY(status);
    base->pos = pos;
    status = load(def, degrees, layer, call, base, err);
    if (status != CIM_OK) {
        lpg_base_unref(base);
        return status;
    }
    *ret_base = base;
    return CIM_OK;
}

/* ---- merging ---- */

/* Where each row of the new base comes from: rows of the old one, then those of the overlay. */
static void
interleave(const struct lpg_base *base, const struct lpg_overlay *overlay, uint32_t *source,
           uint32_t *ret_n)
{
    const struct lpg_points *old = base->points;
    const struct lpg_points *added = overlay->added;
    uint32_t r = 0;
    uint32_t a = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i <= old->n; i++) {
        /* Sorted by area, then by position, both. */
        while (a < added->n && (i == old->n || overlay->features.area[a] < base->features.area[i] ||
                                (overlay->features.area[a] == base->features.area[i] &&
                                 added->morton[a] < old->morton[i]))) {
            source[n++] = old->n + a++;
        }
        if (i < old->n && r < overlay->removed->n && overlay->removed->row[r] == i) {
            r++;
        } else if (i < old->n) {
            source[n++] = i;
        }
    }
    *ret_n = n;
}

/* One column under a new dictionary that has the values in use alone. */
static cim_status
recode(const struct lpg_dictionary *old, const uint32_t *old_codes, const uint32_t *added_codes,
       uint32_t n_old, const uint32_t *source, uint32_t n, struct lpg_dictionary *dictionary,
       uint32_t *codes, cim_error *err)
{
    uint32_t *numbers = calloc(old->n > 0 ? old->n : 1, sizeof *numbers);
    if (numbers == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t code =
            source[i] < n_old ? old_codes[source[i]] : added_codes[source[i] - n_old];
        if (code != 0 && numbers[code] == 0) {
            numbers[code] = lpg_dictionary_put_value(dictionary, lpg_dictionary_value(old, code));
            if (numbers[code] == 0) {
                free(numbers);
                return cim_fail_nomem(err);
            }
        }
        codes[i] = numbers[code];
    }
    free(numbers);
    return CIM_OK;
}

static cim_status
fill_columns(const struct lpg_base *base, const struct lpg_overlay *overlay, const uint32_t *source,
             struct lpg_base *merged, cim_error *err)
{
    const struct lpg_features *old = &base->features;
    const struct lpg_features *added = &overlay->features;
    struct lpg_features *features = &merged->features;
    const uint32_t n_old = old->n;
    const uint32_t n = features->n;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t s = source[i];
        features->fid[i] = s < n_old ? old->fid[s] : added->fid[s - n_old];
        features->version[i] = s < n_old ? old->version[s] : added->version[s - n_old];
    }
    CIM_TRY(recode(&added->areas, old->area, added->area, n_old, source, n, &features->areas,
                   features->area, err));
    CIM_TRY(recode(&added->owners, old->owner, added->owner, n_old, source, n, &features->owners,
                   features->owner, err));
    for (uint32_t k = 0; k < features->n_attributes; k++) {
        struct lpg_attribute *to = &features->attributes[k];
        CIM_TRY(recode(&added->attributes[k].dictionary, old->attributes[k].codes,
                       added->attributes[k].codes, n_old, source, n, &to->dictionary, to->codes,
                       err));
    }
    return CIM_OK;
}

/* Both bases' rows in the order of fids, from the two orders there are. */
static cim_status
order_fids(const struct lpg_base *base, const struct lpg_overlay *overlay, const uint32_t *source,
           struct lpg_base *merged, cim_error *err)
{
    const uint32_t n_old = base->points->n;
    const uint32_t n_added = overlay->added->n;
    const uint32_t n = merged->points->n;
    uint32_t *went = malloc(((size_t)n_old + n_added + 1) * sizeof *went);
    uint32_t a = 0;
    uint32_t at = 0;
    if (went == NULL) {
        return cim_fail_nomem(err);
    }
    memset(went, 0xFF, ((size_t)n_old + n_added + 1) * sizeof *went); /* UINT32_MAX: removed */
    for (uint32_t i = 0; i < n; i++) {
        went[source[i]] = i;
    }
    for (uint32_t i = 0; i <= n_old; i++) {
        const uint32_t row = i < n_old ? base->points->by_fid[i] : 0;
        while (a < n_added && (i == n_old || overlay->features.fid[overlay->added->by_fid[a]] <
                                                 base->features.fid[row])) {
            merged->points->by_fid[at++] = went[n_old + overlay->added->by_fid[a++]];
        }
        if (i < n_old && went[row] != UINT32_MAX) {
            merged->points->by_fid[at++] = went[row];
        }
    }
    free(went);
    return CIM_OK;
}

static cim_status
merge_points(const struct lpg_base *base, const struct lpg_overlay *overlay, uint32_t *source,
             struct lpg_base *merged, cim_error *err)
{
    struct lpg_points *points = calloc(1, sizeof *points);
    uint32_t n = 0;
    merged->points = points;
    if (points == NULL) {
        return cim_fail_nomem(err);
    }
    interleave(base, overlay, source, &n);
    points->n = n;
    points->morton = malloc(n > 0 ? n * sizeof *points->morton : 1);
    points->by_fid = malloc(n > 0 ? n * sizeof *points->by_fid : 1);
    if (points->morton == NULL || points->by_fid == NULL) {
        return cim_fail_nomem(err);
    }
    lpg_features_init_like(&merged->features, &base->features, false);
    CIM_TRY(lpg_features_resize(&merged->features, n, err));
    CIM_TRY(fill_columns(base, overlay, source, merged, err));
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t s = source[i];
        points->morton[i] = s < base->points->n ? base->points->morton[s]
                                                : overlay->added->morton[s - base->points->n];
    }
    CIM_TRY(order_fids(base, overlay, source, merged, err));
    return lpg_points_index(points, &merged->features, err);
}

/* Both are in the order of fids, and so is what comes out. */
static uint32_t
interleave_shapes(const struct lpg_base *base, const struct lpg_overlay *overlay, uint32_t *source)
{
    const struct lpg_features *old = &base->features;
    const struct lpg_features *added = &overlay->features;
    uint32_t r = 0;
    uint32_t a = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i <= old->n; i++) {
        while (a < added->n && (i == old->n || added->fid[a] < old->fid[i])) {
            source[n++] = old->n + a++;
        }
        if (i < old->n && r < overlay->n_removed && overlay->removed_rows[r] == i) {
            r++;
        } else if (i < old->n) {
            source[n++] = i;
        }
    }
    return n;
}

static cim_status
merge_shapes(const struct lpg_base *base, const struct lpg_overlay *overlay, uint32_t *source,
             struct lpg_base *merged, cim_error *err)
{
    const uint32_t n = interleave_shapes(base, overlay, source);
    const uint32_t n_old = base->features.n;
    merged->shapes.degrees = base->shapes.degrees;
    lpg_features_init_like(&merged->features, &base->features, false);
    CIM_TRY(lpg_features_resize(&merged->features, n, err));
    CIM_TRY(fill_columns(base, overlay, source, merged, err));
    for (uint32_t i = 0; i < n; i++) {
        const bool is_old = source[i] < n_old;
        CIM_TRY(lpg_shapes_add_copy(&merged->shapes, is_old ? &base->shapes : &overlay->shapes,
                                    is_old ? source[i] : source[i] - n_old, err));
    }
    return lpg_shapes_index(&merged->shapes, &merged->features, err);
}

cim_status
lpg_base_merge(const struct lpg_base *base, const struct lpg_overlay *overlay, int64_t pos,
               struct lpg_base **ret_base, cim_error *err)
{
    const size_t n_most = (size_t)base->features.n + overlay->features.n;
    uint32_t *source = malloc((n_most + 1) * sizeof *source);
    struct lpg_base *merged = NULL;
    cim_status status = source != NULL ? lpg_base_new(&merged, err) : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = base->points != NULL ? merge_points(base, overlay, source, merged, err)
                                      : merge_shapes(base, overlay, source, merged, err);
    }
    free(source);
    if (status != CIM_OK) {
        lpg_base_unref(merged);
        return status;
    }
    merged->pos = pos;
    *ret_base = merged;
    return CIM_OK;
}

/* ---- subsets ---- */

static struct lpg_subset *
find_subset(struct lpg_base *base, const char *key)
{
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        struct lpg_subset *slot = &base->subsets[i];
        if (slot->points != NULL && strcmp(slot->key, key) == 0) {
            slot->used = ++base->tick;
            slot->readers++;
            return slot;
        }
    }
    return NULL;
}

/* Where a new pyramid goes: a free slot, or the one longest unused that nobody reads. */
static struct lpg_subset *
free_slot(struct lpg_base *base)
{
    struct lpg_subset *oldest = NULL;
    for (size_t i = 0; i < LPG_SUBSETS_MAX; i++) {
        struct lpg_subset *slot = &base->subsets[i];
        if (slot->points == NULL) {
            return slot;
        }
        if (slot->readers == 0 && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    return oldest;
}

cim_status
lpg_base_subset(struct lpg_base *base, const struct lpg_view *view, struct lpg_points **ret_points,
                struct lpg_subset **ret_slot, cim_error *err)
{
    struct lpg_subset *slot;
    struct lpg_points *points;
    struct lpg_points *displaced = NULL;
    (void)pthread_mutex_lock(&base->lock);
    slot = find_subset(base, view->key);
    if (slot != NULL) {
        *ret_points = slot->points;
    }
    (void)pthread_mutex_unlock(&base->lock);
    if (slot != NULL) {
        *ret_slot = slot;
        return CIM_OK;
    }
    CIM_TRY(lpg_points_subset(base->points, &base->features, view, &points, err));
    (void)pthread_mutex_lock(&base->lock);
    slot = find_subset(base, view->key); /* somebody may have been faster */
    if (slot != NULL) {
        displaced = points;
        points = slot->points;
    } else {
        slot = free_slot(base);
        if (slot != NULL) {
            displaced = slot->points;
            cim_copy_text(slot->key, sizeof slot->key, view->key);
            slot->points = points;
            slot->used = ++base->tick;
            slot->readers = 1;
        }
    }
    (void)pthread_mutex_unlock(&base->lock);
    lpg_points_free(displaced);
    *ret_points = points;
    *ret_slot = slot;
    return CIM_OK;
}

void
lpg_base_release(struct lpg_base *base, struct lpg_points *points, struct lpg_subset *slot)
{
    if (slot == NULL) {
        lpg_points_free(points);
        return;
    }
    (void)pthread_mutex_lock(&base->lock);
    slot->readers--;
    (void)pthread_mutex_unlock(&base->lock);
}

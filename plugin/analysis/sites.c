/* plugin/analysis/sites.c -- see sites.h. */
#include "analysis/sites.h"

#include "analysis/sites_index.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/scope_eval.h"

#include <stdlib.h>

/* ---- reading ---- */

/* Through the layer's own query: with call->scope as given there, in `bbox_deg` (NULL: anywhere,
 * and edits will follow). */
static cim_status
load(struct lpg_sites_cache *cache, const cim_call *call, const double *bbox_deg, int64_t pos,
     struct lpg_sites **ret_sites, cim_error *err)
{
    struct lpg_sites *sites = NULL;
    cim_status status;
    CIM_TRY(lpg_sites_new(&cache->spec, lpg_layer_definition(cache->layer), &sites, err));
    sites->pos = pos;
    status = lpg_sites_read(sites, &cache->spec, cache->layer, call, bbox_deg, NULL, err);
    if (status == CIM_OK) {
        status = lpg_sites_finish(sites, bbox_deg == NULL, err);
    }
    if (status != CIM_OK) {
        lpg_sites_unref(sites);
        return status;
    }
    *ret_sites = sites;
    return CIM_OK;
}

/* ---- cache ---- */

cim_status
lpg_sites_cache_init(struct lpg_sites_cache *cache, const cim_host *host, struct lpg_data *data,
                     const struct lpg_sites_spec *spec, cim_error *err)
{
    cache->layer = lpg_data_layer(data, spec->layer);
    if (cache->layer == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "layer", spec->layer, "没有图层 %s",
                        "there is no layer %s", spec->layer);
    }
    cache->host = host;
    cache->store = host->get_service(host, CIM_SERVICE_STORE);
    cache->access = host->get_service(host, CIM_SERVICE_ACCESS);
    cache->spec = *spec;
    cache->merge_at = LPG_SITES_MERGE;
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_mutex_init(&cache->build, NULL);
    return CIM_OK;
}

void
lpg_sites_cache_done(struct lpg_sites_cache *cache)
{
    if (cache->layer != NULL) {
        if (cache->has_thread) {
            (void)pthread_join(cache->thread, NULL);
        }
        lpg_sites_unref(cache->current);
        (void)pthread_mutex_destroy(&cache->lock);
        (void)pthread_mutex_destroy(&cache->build);
        *cache = (struct lpg_sites_cache){0};
    }
}

static struct lpg_sites *
take_current(struct lpg_sites_cache *cache, int64_t pos)
{
    struct lpg_sites *sites = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->current != NULL && cache->current->pos >= pos) {
        sites = cache->current;
        (void)atomic_fetch_add(&sites->references, 1);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return sites;
}

static void
publish(struct lpg_sites_cache *cache, struct lpg_sites *sites)
{
    struct lpg_sites *old;
    lpg_sites_ref(sites);
    (void)pthread_mutex_lock(&cache->lock);
    old = cache->current;
    cache->current = sites;
    (void)pthread_mutex_unlock(&cache->lock);
    lpg_sites_unref(old);
}

/* ---- merging ---- */

struct merge {
    struct lpg_sites_cache *cache;
    struct lpg_sites *sites;
};

/* Edits go on meanwhile: at the end what came since is taken over, from memory as well. Where that
 * fails all stays as it is, and the next edit tries again. */
static void *
run_merge(void *arg)
{
    struct merge *merge = arg;
    struct lpg_sites_cache *cache = merge->cache;
    struct lpg_sites *sites = merge->sites;
    uint32_t *numbers = malloc((sites->n_records + 1) * sizeof *numbers);
    struct lpg_sites *compact = NULL;
    if (numbers != NULL &&
        lpg_sites_compact(sites, &cache->spec, lpg_layer_definition(cache->layer), numbers,
                          &compact, NULL) == CIM_OK) {
        struct lpg_sites *newer;
        (void)pthread_mutex_lock(&cache->build);
        newer = take_current(cache, INT64_MIN);
        if (newer->room == sites->room &&
            lpg_sites_catch_up(compact, numbers, sites, newer, NULL) == CIM_OK) {
            publish(cache, compact);
        }
        (void)pthread_mutex_unlock(&cache->build);
        lpg_sites_unref(newer);
        lpg_sites_unref(compact);
    }
    free(numbers);
    lpg_sites_unref(sites);
    free(merge);
    atomic_store(&cache->merging, false);
    return NULL;
}

/* With cache->build held. */
static void
begin_merge(struct lpg_sites_cache *cache, struct lpg_sites *sites)
{
    struct merge *merge;
    if (atomic_load(&cache->merging)) {
        return;
    }
    if (cache->has_thread) {
        (void)pthread_join(cache->thread, NULL);
        cache->has_thread = false;
    }
    merge = malloc(sizeof *merge);
    if (merge == NULL) {
        return;
    }
    *merge = (struct merge){cache, sites};
    lpg_sites_ref(sites);
    atomic_store(&cache->merging, true);
    cache->has_thread = pthread_create(&cache->thread, NULL, run_merge, merge) == 0;
    if (!cache->has_thread) {
        atomic_store(&cache->merging, false);
        lpg_sites_unref(sites);
        free(merge);
    }
}

/* ---- the shared index ---- */

/* As of now: from the current one and the change log, or read anew. With cache->build held. */
static cim_status
refresh(struct lpg_sites_cache *cache, const cim_call *call, struct lpg_sites **ret_sites,
        cim_error *err)
{
    const int64_t layer_pos = cache->store->layer_pos(cache->host, cache->spec.layer);
    const int64_t store_pos = cache->store->pos(cache->host);
    const int64_t until = store_pos > layer_pos ? store_pos : layer_pos;
    struct lpg_sites *old = take_current(cache, INT64_MIN);
    struct lpg_sites *sites = NULL;
    cim_status status = CIM_OK;
    if (old != NULL) {
        status = lpg_sites_advance(old, cache, call, until, &sites, err);
    }
    lpg_sites_unref(old);
    CIM_TRY(status);
    if (sites == NULL) {
        CIM_TRY(load(cache, call, NULL, until, &sites, err));
    }
    publish(cache, sites);
    if (lpg_sites_wants_merge(sites, cache->merge_at)) {
        begin_merge(cache, sites);
    }
    *ret_sites = sites;
    return CIM_OK;
}

/* The shared index as of the layer's position now, or later. */
static cim_status
take_shared(struct lpg_sites_cache *cache, const cim_call *call, struct lpg_sites **ret_sites,
            cim_error *err)
{
    /* All records: views cut to the caller's scope. No field that is marked sensitive. */
    static const cim_term everything = {.struct_size = sizeof everything,
                                        .actions = CIM_ACT_READ,
                                        .resource = "*",
                                        .all_areas = 1,
                                        .sensitive_mode = CIM_FIELD_ABSENT,
                                        .from_ms = INT64_MIN,
                                        .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    const int64_t pos = cache->store->layer_pos(cache->host, cache->spec.layer);
    struct lpg_sites *sites = take_current(cache, pos);
    cim_call own = *call;
    cim_status status = CIM_OK;
    own.scope = &scope;
    if (sites == NULL) {
        (void)pthread_mutex_lock(&cache->build);
        sites = take_current(cache, pos); /* somebody may have been faster */
        if (sites == NULL) {
            status = refresh(cache, &own, &sites, err);
        }
        (void)pthread_mutex_unlock(&cache->build);
    }
    CIM_TRY(status);
    *ret_sites = sites;
    return CIM_OK;
}

/* ---- views ---- */

static bool
in_force(const cim_term *term, int64_t now_ms)
{
    return term->from_ms <= now_ms && now_ms < term->until_ms;
}

/* Whether areas and owners decide, so that the shared index will do. */
static bool
is_plain(const cim_scope *scope, int64_t now_ms, bool *ret_all)
{
    bool plain = true;
    *ret_all = false;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        if (in_force(term, now_ms)) {
            plain = plain && term->filter_json == NULL && term->n_field_modes == 0;
            *ret_all = *ret_all || (term->all_areas != 0 && term->owner_org == NULL);
        }
    }
    *ret_all = *ret_all && plain;
    return plain;
}

static cim_status
open_shared(struct lpg_sites_cache *cache, const cim_call *call, struct lpg_sites_view *view,
            cim_error *err)
{
    CIM_TRY(take_shared(cache, call, &view->sites, err));
    if (view->all) {
        return CIM_OK;
    }
    if (view->scope->areas_version != cache->access->areas_version(cache->host)) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "区划刚刚更新，请重试",
                        "the area tree has just changed, try again");
    }
    view->ordinals = malloc((view->sites->names.n + 1) * sizeof *view->ordinals);
    if (view->ordinals == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < view->sites->names.n; i++) {
        view->ordinals[i] = -2;
    }
    return CIM_OK;
}

cim_status
lpg_sites_view_open(struct lpg_sites_cache *cache, const cim_call *call, const double bbox_deg[4],
                    struct lpg_sites_view *ret_view, cim_error *err)
{
    struct lpg_sites_view view = {
        .host = cache->host, .access = cache->access, .now_ms = call->now_ms};
    cim_status status;
    CIM_TRY(
        cache->access->scope(cache->host, call, cache->spec.layer, CIM_ACT_READ, &view.scope, err));
    if (view.scope->n_terms == 0) {
        *ret_view = view;
        return CIM_OK;
    }
    if (is_plain(view.scope, view.now_ms, &view.all)) {
        status = open_shared(cache, call, &view, err);
    } else {
        cim_call scoped = *call;
        scoped.scope = view.scope;
        view.all = true;
        view.own = true;
        status = load(cache, &scoped, bbox_deg, 0, &view.sites, err);
    }
    if (status != CIM_OK) {
        lpg_sites_view_done(&view);
        return status;
    }
    *ret_view = view;
    return CIM_OK;
}

void
lpg_sites_view_done(struct lpg_sites_view *view)
{
    lpg_sites_unref(view->sites);
    free(view->ordinals);
    *view = (struct lpg_sites_view){0};
}

bool
lpg_sites_visible(struct lpg_sites_view *view, uint32_t record)
{
    const struct lpg_sites *sites = view->sites;
    const char *owner;
    uint32_t area;
    if (lpg_sites_gone(sites, record)) {
        return false;
    }
    if (view->all) {
        return true;
    }
    area = sites->area[record];
    owner = sites->text + sites->names.places[sites->owner[record]];
    if (view->ordinals[area] == -2) {
        view->ordinals[area] =
            view->access->area_ordinal(view->host, sites->text + sites->names.places[area]);
    }
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        if (cim_term_covers(view->scope->terms[i], view->now_ms, view->ordinals[area], owner,
                            strlen(owner))) {
            return true;
        }
    }
    return false;
}

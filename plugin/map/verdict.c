/* plugin/map/verdict.c -- see verdict.h. */
#include "map/verdict.h"

#include "cim/util.h"
#include "map/read.h"

#include <stdlib.h>
#include <string.h>

void
lpg_verdicts_init(struct lpg_verdicts *verdicts)
{
    *verdicts = (struct lpg_verdicts){.tick = 0};
    (void)pthread_mutex_init(&verdicts->making, NULL);
    (void)pthread_mutex_init(&verdicts->lock, NULL);
}

void
lpg_verdicts_done(struct lpg_verdicts *verdicts)
{
    for (size_t i = 0; i < LPG_VERDICTS_MAX; i++) {
        lpg_verdict_unref(verdicts->kept[i]);
    }
    (void)pthread_mutex_destroy(&verdicts->making);
    (void)pthread_mutex_destroy(&verdicts->lock);
}

void
lpg_verdict_unref(struct lpg_verdict *verdict)
{
    if (verdict != NULL && atomic_fetch_sub(&verdict->references, 1) == 1) {
        free(verdict->filter_json);
        free(verdict);
    }
}

static struct lpg_verdict *
find(struct lpg_verdicts *verdicts, const char *filter_json)
{
    struct lpg_verdict *found = NULL;
    (void)pthread_mutex_lock(&verdicts->lock);
    for (size_t i = 0; i < LPG_VERDICTS_MAX && found == NULL; i++) {
        struct lpg_verdict *kept = verdicts->kept[i];
        if (kept != NULL && strcmp(kept->filter_json, filter_json) == 0) {
            found = kept;
            found->used = ++verdicts->tick;
            (void)atomic_fetch_add(&found->references, 1);
        }
    }
    (void)pthread_mutex_unlock(&verdicts->lock);
    return found;
}

/* In a free place, or in that of the one longest unused. */
static void
keep(struct lpg_verdicts *verdicts, struct lpg_verdict *verdict)
{
    struct lpg_verdict *displaced = NULL;
    size_t at = 0;
    (void)pthread_mutex_lock(&verdicts->lock);
    for (size_t i = 0; i < LPG_VERDICTS_MAX && verdicts->kept[at] != NULL; i++) {
        const struct lpg_verdict *kept = verdicts->kept[i];
        at = kept == NULL || kept->used < verdicts->kept[at]->used ? i : at;
    }
    displaced = verdicts->kept[at];
    verdicts->kept[at] = verdict;
    verdict->used = ++verdicts->tick;
    (void)atomic_fetch_add(&verdict->references, 1);
    (void)pthread_mutex_unlock(&verdicts->lock);
    lpg_verdict_unref(displaced);
}

static bool
holds_version(const struct lpg_version *versions, uint32_t n, int64_t fid, uint32_t version)
{
    uint32_t begin = 0;
    uint32_t end = n;
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        if (versions[middle].fid < fid) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < n && versions[begin].fid == fid && versions[begin].version == version;
}

static cim_status
make(const struct lpg_features *features, bool few, const cim_layer *layer, const cim_call *call,
     const char *filter_json, struct lpg_verdict **ret_verdict, cim_error *err)
{
    struct lpg_version *versions = NULL;
    uint32_t n_versions = 0;
    struct lpg_verdict *verdict =
        calloc(1, sizeof *verdict + ((size_t)features->n / 64U + 1) * sizeof verdict->bits[0]);
    char *text = strdup(filter_json);
    cim_status status = verdict != NULL && text != NULL ? CIM_OK : cim_fail_nomem(err);
    if (status == CIM_OK && features->n > 0) {
        status = lpg_read_versions(layer, call, filter_json, few ? features->fid : NULL,
                                   features->n, &versions, &n_versions, err);
    }
    if (status != CIM_OK) {
        free(verdict);
        free(text);
        return status;
    }
    atomic_init(&verdict->references, 1);
    verdict->filter_json = text;
    verdict->n_rows = features->n;
    for (uint32_t row = 0; row < features->n; row++) {
        if (holds_version(versions, n_versions, features->fid[row], features->version[row])) {
            verdict->bits[row / 64U] |= UINT64_C(1) << (row % 64U);
        }
    }
    free(versions);
    *ret_verdict = verdict;
    return CIM_OK;
}

cim_status
lpg_verdicts_get(struct lpg_verdicts *verdicts, const struct lpg_features *features, bool few,
                 const cim_layer *layer, const cim_call *call, const char *filter_json,
                 struct lpg_verdict **ret_verdict, cim_error *err)
{
    struct lpg_verdict *verdict = find(verdicts, filter_json);
    cim_status status = CIM_OK;
    if (verdict == NULL) {
        (void)pthread_mutex_lock(&verdicts->making);
        verdict = find(verdicts, filter_json); /* somebody may have asked before us */
        if (verdict == NULL) {
            status = make(features, few, layer, call, filter_json, &verdict, err);
            if (status == CIM_OK) {
                keep(verdicts, verdict);
            }
        }
        (void)pthread_mutex_unlock(&verdicts->making);
    }
    if (status == CIM_OK) {
        *ret_verdict = verdict;
    }
    return status;
}

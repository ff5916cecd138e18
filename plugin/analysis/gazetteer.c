/* plugin/analysis/gazetteer.c -- see gazetteer.h. */
#include "analysis/gazetteer.h"

#include "analysis/json_file.h"
#include "analysis/json_io.h"
#include "cim/util.h"

#include <stdlib.h>

struct source {
    char *layer;
    char *code;
    char *text;
    enum lpg_name_kind kind;
    double error_m;
    struct lpg_sites_cache cache;
    struct lpg_name_index *index; /* of the newest version that was read */
};

struct lpg_gazetteer {
    const cim_host *host;
    const cim_access_v1 *access;
    pthread_mutex_t lock; /* of the indexes and the names */
    struct held *names;
    size_t n_sources;
    struct source sources[LPG_GAZETTEER_SOURCES_MAX];
    struct source areas;
    bool has_areas;
};

/* Names of areas are shared by views until the tree has another version. */
struct held {
    atomic_uint references;
    struct lpg_area_names *names;
};

/* ---- the file ---- */

static int
any_code(const void *arg, const char *text, size_t len)
{
    (void)arg;
    (void)text;
    (void)len;
    return 0;
}

static char *
copy_text(struct json_object *object, const char *key)
{
    struct json_object *text = lpg_in_member(object, key);
    return strdup(json_object_is_type(text, json_type_string) ? json_object_get_string(text) : "");
}

static cim_status
read_source(struct lpg_gazetteer *gazetteer, struct lpg_data *data, struct json_object *object,
            struct source *source, cim_error *err)
{
    struct lpg_sites_spec spec = {.code = any_code};
    source->layer = copy_text(object, "layer");
    source->code = copy_text(object, "code");
    source->text = copy_text(object, "text");
    source->error_m = 50.0;
    CIM_TRY(lpg_in_number(object, "error_m", 0.0, 1e5, &source->error_m, err));
    if (source->layer == NULL || source->code == NULL || source->text == NULL) {
        return cim_fail_nomem(err);
    }
    spec.layer = source->layer;
    spec.code_field = source->code;
    spec.name_field = source->text;
    return lpg_sites_cache_init(&source->cache, gazetteer->host, data, &spec, err);
}

static cim_status
read_sources(struct lpg_gazetteer *gazetteer, struct lpg_data *data, struct json_object *sources,
             cim_error *err)
{
    static const char *const kinds[] = {"addresses", "roads", "places"};
    const size_t n =
        json_object_is_type(sources, json_type_array) ? json_object_array_length(sources) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *object = json_object_array_get_idx(sources, i);
        struct json_object *as = lpg_in_member(object, "as");
        const char *word = json_object_get_string(as);
        int kind = 0;
        while (kind < 3 && (word == NULL || strcmp(kinds[kind], word) != 0)) {
            kind++;
        }
        if (word != NULL && strcmp(word, "areas") == 0 && !gazetteer->has_areas) {
            gazetteer->has_areas = true;
            CIM_TRY(read_source(gazetteer, data, object, &gazetteer->areas, err));
            continue;
        }
        if (kind == 3 || gazetteer->n_sources == LPG_GAZETTEER_SOURCES_MAX) {
            return cim_fail(err, CIM_E_INVALID, "sources", lpg_in_given(as),
                            "应为 addresses、roads、places 或 areas",
                            "expected addresses, roads, places or areas");
        }
        struct source *source = &gazetteer->sources[gazetteer->n_sources++];
        source->kind = (enum lpg_name_kind)kind;
        CIM_TRY(read_source(gazetteer, data, object, source, err));
    }
    return CIM_OK;
}

cim_status
lpg_gazetteer_new(const cim_host *host, struct lpg_data *data, const char *folder,
                  struct lpg_gazetteer **ret_gazetteer, cim_error *err)
{
    struct lpg_gazetteer *gazetteer = calloc(1, sizeof *gazetteer);
    struct json_object *file = NULL;
    char path[4096];
    cim_status status;
    if (gazetteer == NULL) {
        return cim_fail_nomem(err);
    }
    gazetteer->host = host;
    gazetteer->access = host->get_service(host, CIM_SERVICE_ACCESS);
    (void)pthread_mutex_init(&gazetteer->lock, NULL);
    (void)snprintf(path, sizeof path, "%s/addresses.json", folder);
    status = lpg_json_file_read(path, &file, err);
    if (status == CIM_OK) {
        status = read_sources(gazetteer, data, lpg_in_member(file, "sources"), err);
    }
    (void)json_object_put(file);
    if (status != CIM_OK) {
        lpg_gazetteer_free(gazetteer);
        return status;
    }
    *ret_gazetteer = gazetteer;
    return CIM_OK;
}

static void
free_source(struct source *source)
{
    lpg_name_index_unref(source->index);
    lpg_sites_cache_done(&source->cache);
    free(source->layer);
    free(source->code);
    free(source->text);
}

static void
unref_names(struct held *held)
{
    if (held != NULL && atomic_fetch_sub(&held->references, 1) == 1) {
        lpg_area_names_free(held->names);
        free(held);
    }
}

void
lpg_gazetteer_free(struct lpg_gazetteer *gazetteer)
{
    if (gazetteer == NULL) {
        return;
    }
    for (size_t i = 0; i < gazetteer->n_sources; i++) {
        free_source(&gazetteer->sources[i]);
    }
    free_source(&gazetteer->areas);
    unref_names(gazetteer->names);
    (void)pthread_mutex_destroy(&gazetteer->lock);
    free(gazetteer);
}

/* ---- views ---- */

/* With the lock held. */
static cim_status
take_names(struct lpg_gazetteer *gazetteer, struct held **ret_held, cim_error *err)
{
    const int64_t version = gazetteer->access->areas_version(gazetteer->host);
    struct held *held = gazetteer->names;
    if (held == NULL || lpg_area_names_version(held->names) != version) {
        held = calloc(1, sizeof *held);
        if (held == NULL) {
            return cim_fail_nomem(err);
        }
        atomic_init(&held->references, 1);
        const cim_status status =
            lpg_area_names_new(gazetteer->host, gazetteer->access, &held->names, err);
        if (status != CIM_OK) {
            free(held);
            return status;
        }
        unref_names(gazetteer->names);
        gazetteer->names = held;
    }
    (void)atomic_fetch_add(&held->references, 1);
    *ret_held = held;
    return CIM_OK;
}

/* With the lock held: whoever comes meanwhile needs the same. An index of a view of its own is kept
 * by nobody else. */
static cim_status
take_index(struct source *source, const struct lpg_sites_view *view,
           const struct lpg_area_names *names, const cim_call *call,
           struct lpg_name_index **ret_index, cim_error *err)
{
    struct lpg_name_index *index = source->index;
    struct lpg_name_index *next = NULL;
    if (index != NULL && lpg_name_index_sites(index)->serial == view->sites->serial &&
        lpg_name_index_areas(index) == lpg_area_names_version(names)) {
        lpg_name_index_ref(index);
        *ret_index = index;
        return CIM_OK;
    }
    CIM_TRY(lpg_name_index_of(view->sites, source->kind, names, call, index, &next, err));
    if (!view->own) {
        lpg_name_index_ref(next);
        source->index = next;
        lpg_name_index_unref(index);
    }
    *ret_index = next;
    return CIM_OK;
}

static cim_status
open_parts(struct lpg_gazetteer *gazetteer, const cim_call *call, const double bbox_deg[4],
           struct lpg_gazetteer_view *view, cim_error *err)
{
    for (size_t i = 0; i < gazetteer->n_sources; i++) {
        struct source *source = &gazetteer->sources[i];
        struct lpg_gazetteer_part *part = &view->parts[view->n_parts++];
        part->layer = source->layer;
        part->kind = source->kind;
        part->error_m = source->error_m;
        CIM_TRY(lpg_sites_view_open(&source->cache, call, bbox_deg, &part->view, err));
        if (part->view.sites != NULL) {
            (void)pthread_mutex_lock(&gazetteer->lock);
            const cim_status status =
                take_index(source, &part->view, view->names, call, &part->index, err);
            (void)pthread_mutex_unlock(&gazetteer->lock);
            CIM_TRY(status);
        }
    }
    return gazetteer->has_areas
               ? lpg_sites_view_open(&gazetteer->areas.cache, call, bbox_deg, &view->areas, err)
               : CIM_OK;
}

cim_status
lpg_gazetteer_open(struct lpg_gazetteer *gazetteer, const cim_call *call, const double bbox_deg[4],
                   struct lpg_gazetteer_view *ret_view, cim_error *err)
{
    cim_status status;
    *ret_view = (struct lpg_gazetteer_view){.gazetteer = gazetteer};
    (void)pthread_mutex_lock(&gazetteer->lock);
    status = take_names(gazetteer, &ret_view->held, err);
    (void)pthread_mutex_unlock(&gazetteer->lock);
    if (status == CIM_OK) {
        ret_view->names = ret_view->held->names;
        status = open_parts(gazetteer, call, bbox_deg, ret_view, err);
    }
    if (status != CIM_OK) {
        lpg_gazetteer_done(ret_view);
    }
    return status;
}

void
lpg_gazetteer_done(struct lpg_gazetteer_view *view)
{
    for (size_t i = 0; i < view->n_parts; i++) {
        lpg_name_index_unref(view->parts[i].index);
        lpg_sites_view_done(&view->parts[i].view);
    }
    lpg_sites_view_done(&view->areas);
    unref_names(view->held);
    *view = (struct lpg_gazetteer_view){0};
}

/* host/ogc/crs.c -- see crs.h. */
#include "host/ogc/crs.h"

#include "cim/util.h"
#include "host/ogc/limits.h"

#include <math.h>
#include <proj.h>
#include <pthread.h>
#include <stdlib.h>

enum { BBOX_DENSIFY_POINTS = 21, EPSG_DIGITS_MAX = 6 };

struct cached_pj {
    int32_t epsg;
    bool degrees;
    PJ *pj; /* from EPSG:4490 */
    uint64_t used;
};

struct host_crs_worker {
    PJ_CONTEXT *context;
    struct cached_pj cached[HOST_CRS_CACHED_MAX];
    size_t n_cached;
    uint64_t clock;
    struct host_crs_worker *next;
};

struct host_crs_pool {
    pthread_mutex_t lock;
    struct host_crs_worker *idle;
};

/* The code after `prefix`, when `text` is the prefix, digits and then `suffix`. */
static bool
code_after(const char *text, const char *prefix, const char *suffix, int32_t *ret_code)
{
    const size_t len = strlen(prefix);
    int32_t code = 0;
    size_t digits = 0;
    if (strncmp(text, prefix, len) != 0) {
        return false;
    }
    text += len;
    while (*text >= '0' && *text <= '9' && digits < EPSG_DIGITS_MAX) {
        code = code * 10 + (*text - '0');
        text++;
        digits++;
    }
    if (digits == 0 || strcmp(text, suffix) != 0) {
        return false;
    }
    *ret_code = code;
    return true;
}

static bool
is_crs84(const char *text)
{
    static const char *const names[] = {"http://www.opengis.net/def/crs/OGC/1.3/CRS84",
                                        "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
                                        "http://www.opengis.net/def/crs/OGC/0/CRS84",
                                        "urn:ogc:def:crs:OGC:1.3:CRS84",
                                        "urn:ogc:def:crs:OGC::CRS84",
                                        "[OGC:CRS84]",
                                        "OGC:CRS84",
                                        "CRS84"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

cim_status
host_crs_parse(const char *param, const char *text, struct host_crs *ret_crs, cim_error *err)
{
    static const char *const forms[][2] = {{"http://www.opengis.net/def/crs/EPSG/0/", ""},
                                           {"https://www.opengis.net/def/crs/EPSG/0/", ""},
                                           {"urn:ogc:def:crs:EPSG::", ""},
                                           {"EPSG:", ""},
                                           {"[EPSG:", "]"}};
    int32_t code = 0;
    if (is_crs84(text)) {
        *ret_crs = (struct host_crs){HOST_CRS_LON_LAT, 0};
        return CIM_OK;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (code_after(text, forms[i][0], forms[i][1], &code) && code > 0) {
            const bool swapped = code == 4490 || code == 4326;
            *ret_crs = (struct host_crs){swapped ? HOST_CRS_LAT_LON : HOST_CRS_OTHER, code};
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_INVALID, param, text,
                    "应为坐标参考系 URI，如 http://www.opengis.net/def/crs/OGC/1.3/CRS84 或 "
                    "http://www.opengis.net/def/crs/EPSG/0/4490",
                    "expected the URI of a reference system, such as "
                    "http://www.opengis.net/def/crs/OGC/1.3/CRS84 or "
                    "http://www.opengis.net/def/crs/EPSG/0/4490");
}

void
host_crs_uri(const struct host_crs *crs, char ret_uri[HOST_CRS_URI_MAX])
{
    if (crs->epsg == 0) {
        cim_copy_text(ret_uri, HOST_CRS_URI_MAX, "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
        return;
    }
    (void)snprintf(ret_uri, HOST_CRS_URI_MAX, "http://www.opengis.net/def/crs/EPSG/0/%d",
                   (int)crs->epsg);
}

/* ---- contexts ---- */

static void
drop_log(void *self, int level, const char *text)
{
    (void)self;
    (void)level;
    (void)text;
}

static struct host_crs_worker *
worker_new(void)
{
    struct host_crs_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    worker->context = proj_context_create();
    if (worker->context == NULL) {
        free(worker);
        return NULL;
    }
    proj_log_func(worker->context, NULL, drop_log);
    /* A transformation must be the same on every machine: no grids from the network. */
    (void)proj_context_set_enable_network(worker->context, 0);
    return worker;
}

static void
worker_free(struct host_crs_worker *worker)
{
    for (size_t i = 0; i < worker->n_cached; i++) {
        proj_destroy(worker->cached[i].pj);
    }
    proj_context_destroy(worker->context);
    free(worker);
}

struct host_crs_pool *
host_crs_pool_new(void)
{
    struct host_crs_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    return pool;
}

void
host_crs_pool_free(struct host_crs_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    while (pool->idle != NULL) {
        struct host_crs_worker *next = pool->idle->next;
        worker_free(pool->idle);
        pool->idle = next;
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct host_crs_worker *
host_crs_take(struct host_crs_pool *pool)
{
    struct host_crs_worker *worker = NULL;
    pthread_mutex_lock(&pool->lock);
    worker = pool->idle;
    if (worker != NULL) {
        pool->idle = worker->next;
        worker->next = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    return worker != NULL ? worker : worker_new();
}

void
host_crs_give(struct host_crs_pool *pool, struct host_crs_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    worker->next = pool->idle;
    pool->idle = worker;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- transformations ---- */

static cim_status
make_pj(PJ_CONTEXT *context, const char *param, int32_t epsg, struct cached_pj *ret, cim_error *err)
{
    char code[32];
    PJ *crs = NULL;
    PJ_TYPE type = PJ_TYPE_UNKNOWN;
    (void)snprintf(code, sizeof code, "EPSG:%d", (int)epsg);
    crs = proj_create(context, code);
    if (crs != NULL) {
        type = proj_get_type(crs);
        proj_destroy(crs);
    }
    if (type != PJ_TYPE_PROJECTED_CRS && type != PJ_TYPE_GEOGRAPHIC_2D_CRS) {
        return cim_fail(err, CIM_E_INVALID, param, code,
                        "没有此平面或经纬度坐标参考系；应为 EPSG 代码，如 4490、4546、3857",
                        "no projected or geographic reference system of that code; expected an "
                        "EPSG code such as 4490, 4546 or 3857");
    }
    ret->pj = proj_create_crs_to_crs(context, "EPSG:4490", code, NULL);
    if (ret->pj == NULL) {
        return cim_fail(err, CIM_E_INVALID, param, code, "无法由 CGCS2000 换算到此坐标参考系",
                        "there is no conversion from CGCS2000 to this reference system");
    }
    ret->epsg = epsg;
    ret->degrees = type == PJ_TYPE_GEOGRAPHIC_2D_CRS;
    return CIM_OK;
}

static cim_status
find_pj(struct host_crs_worker *worker, const char *param, int32_t epsg,
        struct cached_pj **ret_cached, cim_error *err)
{
    struct cached_pj made = {0};
    struct cached_pj *slot = &worker->cached[0];
    worker->clock++;
    for (size_t i = 0; i < worker->n_cached; i++) {
        struct cached_pj *at = &worker->cached[i];
        if (at->epsg == epsg) {
            at->used = worker->clock;
            *ret_cached = at;
            return CIM_OK;
        }
        slot = at->used < slot->used ? at : slot;
    }
    CIM_TRY(make_pj(worker->context, param, epsg, &made, err));
    if (worker->n_cached < HOST_CRS_CACHED_MAX) {
        slot = &worker->cached[worker->n_cached++];
    } else {
        proj_destroy(slot->pj);
    }
    made.used = worker->clock;
    *slot = made;
    *ret_cached = slot;
    return CIM_OK;
}

cim_status
host_crs_check(struct host_crs_worker *worker, const char *param, const struct host_crs *crs,
               bool *ret_degrees, cim_error *err)
{
    struct cached_pj *cached = NULL;
    bool degrees = true;
    if (crs->kind == HOST_CRS_OTHER) {
        CIM_TRY(find_pj(worker, param, crs->epsg, &cached, err));
        degrees = cached->degrees;
    }
    if (ret_degrees != NULL) {
        *ret_degrees = degrees;
    }
    return CIM_OK;
}

/* Into the axis order of `crs` or out of it. Latitude comes first on the side of EPSG:4490. */
static cim_status
transform(struct host_crs_worker *worker, const struct host_crs *crs, PJ_DIRECTION direction,
          double *first, double *second, cim_error *err)
{
    struct cached_pj *cached = NULL;
    const bool inwards = direction == PJ_INV;
    if (crs->kind == HOST_CRS_LON_LAT) {
        return CIM_OK;
    }
    if (crs->kind == HOST_CRS_LAT_LON) {
        const double lon = *first;
        *first = *second;
        *second = lon;
        return CIM_OK;
    }
    CIM_TRY(find_pj(worker, "crs", crs->epsg, &cached, err));
    const PJ_COORD from =
        inwards ? proj_coord(*first, *second, 0, 0) : proj_coord(*second, *first, 0, 0);
    const PJ_COORD at = proj_trans(cached->pj, direction, from);
    if (!isfinite(at.xy.x) || !isfinite(at.xy.y)) {
        char uri[HOST_CRS_URI_MAX];
        host_crs_uri(crs, uri);
        return cim_fail(err, CIM_E_INVALID, "crs", uri, "有位置在此坐标参考系的适用范围之外",
                        "a position lies outside of what this reference system can express");
    }
    *first = inwards ? at.xy.y : at.xy.x;
    *second = inwards ? at.xy.x : at.xy.y;
    return CIM_OK;
}

cim_status
host_crs_from_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs, double *first,
                      double *second, cim_error *err)
{
    return transform(worker, crs, PJ_FWD, first, second, err);
}

cim_status
host_crs_to_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs, double *first,
                    double *second, cim_error *err)
{
    return transform(worker, crs, PJ_INV, first, second, err);
}

cim_status
host_crs_bbox_to_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs,
                         const double bbox[4], double ret_bbox_deg[4], cim_error *err)
{
    struct cached_pj *cached = NULL;
    double lat_lon[4];
    if (crs->kind == HOST_CRS_LON_LAT) {
        for (int i = 0; i < 4; i++) {
            ret_bbox_deg[i] = bbox[i];
        }
        return CIM_OK;
    }
    if (crs->kind == HOST_CRS_LAT_LON) {
        const double swapped[4] = {bbox[1], bbox[0], bbox[3], bbox[2]};
        for (int i = 0; i < 4; i++) {
            ret_bbox_deg[i] = swapped[i];
        }
        return CIM_OK;
    }
    CIM_TRY(find_pj(worker, "bbox-crs", crs->epsg, &cached, err));
    if (proj_trans_bounds(worker->context, cached->pj, PJ_INV, bbox[0], bbox[1], bbox[2], bbox[3],
                          &lat_lon[0], &lat_lon[1], &lat_lon[2], &lat_lon[3],
                          BBOX_DENSIFY_POINTS) == 0 ||
        !isfinite(lat_lon[0]) || !isfinite(lat_lon[1]) || !isfinite(lat_lon[2]) ||
        !isfinite(lat_lon[3])) {
        char uri[HOST_CRS_URI_MAX];
        host_crs_uri(crs, uri);
        return cim_fail(err, CIM_E_INVALID, "bbox", uri,
                        "范围无法由 bbox-crs 换算为经纬度；请检查坐标次序与数值",
                        "the box cannot be converted from bbox-crs; check axis order and values");
    }
    ret_bbox_deg[0] = lat_lon[1];
    ret_bbox_deg[1] = lat_lon[0];
    ret_bbox_deg[2] = lat_lon[3];
    ret_bbox_deg[3] = lat_lon[2];
    return CIM_OK;
}

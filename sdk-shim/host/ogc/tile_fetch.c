/* host/ogc/tile_fetch.c -- see tile_fetch.h. */
#include "host/ogc/tile_fetch.h"

#include "cim/util.h"
#include "host/ogc/request.h"
#include "host/ogc/tile_share.h"
#include "kit/cleanup.h"

const char host_mvt_mime[] = "application/vnd.mapbox-vector-tile";

cim_status
host_tile_filters(const struct host_ask *ask, const struct host_visit *visit,
                  const char *const *also, char **ret_area, char **ret_filter, cim_error *err)
{
    const struct cim_field *fields[HOST_QUERY_PAIRS_MAX];
    CIM_AUTO_FREE char *area = NULL;
    CIM_AUTO_FREE char *filter = NULL;
    size_t n_fields = 0;
    CIM_TRY(host_filters_parse(visit->layer->definition, ask->pairs, ask->n_pairs, also, &area,
                               &filter, fields, HOST_QUERY_PAIRS_MAX, &n_fields, err));
    CIM_TRY(host_check_area(ask->ogc, area, err));
    for (size_t i = 0; i < n_fields; i++) {
        CIM_TRY(host_check_visible(visit->call.scope, fields[i], err));
    }
    *ret_area = CIM_TAKE(area);
    *ret_filter = CIM_TAKE(filter);
    return CIM_OK;
}

/* Weak, since gzip changes the bytes. */
void
host_tile_etag(const char *key, char ret_etag[24])
{
    uint64_t hash = 14695981039346656037U;
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 1099511628211U;
    }
    (void)snprintf(ret_etag, 24, "W/\"%016llx\"", (unsigned long long)hash);
}

bool
host_tile_has_tag(const char *if_none_match, const char *etag)
{
    return if_none_match != NULL &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag) != NULL);
}

static cim_status
render(const struct host_visit *visit, const cim_tile_request *request, struct host_tile **ret_tile,
       cim_error *err)
{
    const cim_renderer *renderer = &visit->renderer->renderer;
    cim_blob bytes = {.data = NULL};
    CIM_TRY(renderer->tile(renderer->self, &visit->call, request, &bytes, err));
    if (bytes.len > HOST_TILE_BYTES_MAX) {
        if (bytes.release != NULL) {
            bytes.release(&bytes);
        }
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "瓦片超过 %d 字节",
                        "the tile is larger than %d bytes", (int)HOST_TILE_BYTES_MAX);
    }
    *ret_tile = host_tile_new(&bytes, host_mvt_mime, INT64_MAX);
    return *ret_tile != NULL ? CIM_OK : cim_fail_nomem(err);
}

/* What names the bytes: everything of the request, and the renderer's key. False: too long. */
static bool
cache_key(const cim_tile_request *request, const char *tile_key,
          char ret_key[HOST_TILE_CACHE_KEY_MAX])
{
    const int n = snprintf(ret_key, HOST_TILE_CACHE_KEY_MAX, "%s/%u/%u/%u/%u|%s|%s|%s",
                           request->layer, request->tms, request->z, request->row, request->col,
                           tile_key, request->area != NULL ? request->area : "",
                           request->filter_json != NULL ? request->filter_json : "");
    return n > 0 && n < HOST_TILE_CACHE_KEY_MAX;
}

bool
host_tile_known(const struct host_visit *visit, const cim_tile_request *request,
                char ret_key[HOST_TILE_CACHE_KEY_MAX])
{
    const cim_renderer *renderer = &visit->renderer->renderer;
    char tile_key[CIM_TILE_KEY_MAX];
    return renderer->tile_key != NULL &&
           renderer->tile_key(renderer->self, &visit->call, request, tile_key) == CIM_OK &&
           cache_key(request, tile_key, ret_key);
}

/* From the other hosts, or by the renderer. */
static cim_status
obtain(const struct host_visit *visit, struct host_ogc *ogc, const cim_tile_request *request,
       const char *key, struct host_tile **ret_tile, cim_error *err)
{
    char name[HOST_TILE_SHARE_NAME_SIZE];
    if (!host_tile_share_name(ogc->shared_tiles, visit->layer, key, name)) {
        return render(visit, request, ret_tile, err);
    }
    *ret_tile = host_tile_share_get(ogc->shared_tiles, name, host_mvt_mime);
    if (*ret_tile == NULL) {
        CIM_TRY(render(visit, request, ret_tile, err));
        host_tile_share_put(ogc->shared_tiles, name, *ret_tile);
    }
    return CIM_OK;
}

cim_status
host_tile_fetch(const struct host_visit *visit, struct host_ogc *ogc,
                const cim_tile_request *request, const char *key, struct host_tile **ret_tile,
                cim_error *err)
{
    if (key == NULL) {
        return render(visit, request, ret_tile, err);
    }
    CIM_TRY(host_tile_cache_get(ogc->tiles, key, HOST_TILE_WAIT_MS, ret_tile, err));
    if (*ret_tile != NULL) {
        return CIM_OK;
    }
    const cim_status status = obtain(visit, ogc, request, key, ret_tile, err);
    if (status != CIM_OK) {
        host_tile_cache_abandon(ogc->tiles, key);
        return status;
    }
    host_tile_cache_put(ogc->tiles, key, *ret_tile);
    return CIM_OK;
}

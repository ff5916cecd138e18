/* host/ogc/upstream.c -- see upstream.h. */
#include "host/ogc/upstream.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/ogc/limits.h"
#include "host/ogc/tile_cache.h"
#include "kit/buf.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { URL_MAX_BYTES = 1024, KEEP_MS = 24 * 3600 * 1000 };

struct handle {
    CURL *curl;
    struct handle *next;
};

struct host_upstream {
    char *base;
    char *key;
    struct host_tile_cache *cache;
    atomic_int waiting;
    pthread_mutex_t lock;
    struct handle *idle; /* connections stay open in them */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void
start_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

cim_status
host_upstream_new(const struct host_config *config, struct host_upstream **ret_upstream,
                  cim_error *err)
{
    struct host_upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream == NULL || pthread_mutex_init(&upstream->lock, NULL) != 0) {
        free(upstream);
        return cim_fail_nomem(err);
    }
    (void)pthread_once(&curl_once, start_curl);
    upstream->base = strdup(host_config_text(config, "tianditu.url"));
    upstream->key = strdup(host_config_text(config, "tianditu.key"));
    upstream->cache = host_tile_cache_new(HOST_UPSTREAM_CACHE_BYTES);
    if (upstream->base == NULL || upstream->key == NULL || upstream->cache == NULL) {
        host_upstream_free(upstream);
        return cim_fail_nomem(err);
    }
    if (curl_ready != CURLE_OK) {
        host_upstream_free(upstream);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "libcurl 无法启动",
                        "libcurl does not start");
    }
    *ret_upstream = upstream;
    return CIM_OK;
}

void
host_upstream_free(struct host_upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    while (upstream->idle != NULL) {
        struct handle *next = upstream->idle->next;
        curl_easy_cleanup(upstream->idle->curl);
        free(upstream->idle);
        upstream->idle = next;
    }
    host_tile_cache_free(upstream->cache);
    pthread_mutex_destroy(&upstream->lock);
    free(upstream->base);
    free(upstream->key);
    free(upstream);
}

bool
host_upstream_enabled(const struct host_upstream *upstream)
{
    return upstream->key[0] != '\0';
}

bool
host_upstream_has_layer(const char *layer)
{
    static const char *const names[] = {"vec", "cva", "img", "cia", "ter", "cta", "ibo"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], layer) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- one request ---- */

static struct handle *
take_handle(struct host_upstream *upstream)
{
    struct handle *handle = NULL;
    pthread_mutex_lock(&upstream->lock);
    handle = upstream->idle;
    if (handle != NULL) {
        upstream->idle = handle->next;
    }
    pthread_mutex_unlock(&upstream->lock);
    if (handle == NULL) {
        handle = calloc(1, sizeof *handle);
        if (handle != NULL && (handle->curl = curl_easy_init()) == NULL) {
            free(handle);
            handle = NULL;
        }
    }
    return handle;
}

static void
give_handle(struct host_upstream *upstream, struct handle *handle)
{
    pthread_mutex_lock(&upstream->lock);
    handle->next = upstream->idle;
    upstream->idle = handle;
    pthread_mutex_unlock(&upstream->lock);
}

static size_t
take_bytes(char *data, size_t size, size_t n, void *arg)
{
    struct cim_buf *body = arg;
    cim_buf_add(body, data, size * n);
    return body->failed == CIM_OK ? size * n : 0;
}

static cim_status
unavailable(const char *why, cim_error *err)
{
    host_log(CIM_LOG_WARNING, "basemap", "the base map service does not answer: %s", why);
    return cim_fail(err, CIM_E_BUSY, NULL, NULL, "底图服务暂时没有应答",
                    "the base map service does not answer at the moment");
}

/* Only pictures are passed on: an error page of the service is none. */
static cim_status
judge(CURL *curl, struct cim_buf *body, const char **ret_mime, cim_error *err)
{
    long status = 0;
    char *mime = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &mime);
    if (status == 404) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有此底图瓦片",
                        "there is no such base map tile");
    }
    if (status != 200 || body->len == 0 || mime == NULL || strncmp(mime, "image/", 6) != 0) {
        char why[64];
        (void)snprintf(why, sizeof why, "status %ld", status);
        return unavailable(why, err);
    }
    *ret_mime = strstr(mime, "png") != NULL    ? "image/png"
                : strstr(mime, "webp") != NULL ? "image/webp"
                                               : "image/jpeg";
    return CIM_OK;
}

static cim_status
perform(CURL *curl, const char *url, struct host_tile **ret_tile, cim_error *err)
{
    const char *mime = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_UPSTREAM_BYTES_MAX);
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HOST_UPSTREAM_CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HOST_UPSTREAM_TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "cim-host");
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        /* The text of libcurl may hold the URL, and with it the key: only the kind is told. */
        return unavailable(
            body.failed != CIM_OK ? "the tile is too large" : curl_easy_strerror(code), err);
    }
    CIM_TRY(judge(curl, &body, &mime, err));
    cim_blob bytes;
    cim_buf_to_blob(&body, &bytes);
    *ret_tile = host_tile_new(&bytes, mime, host_monotonic_ms() + KEEP_MS);
    return *ret_tile != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
fetch(struct host_upstream *upstream, const char *layer, const uint32_t address[3],
      struct host_tile **ret_tile, cim_error *err)
{
    char url[URL_MAX_BYTES];
    struct handle *handle = take_handle(upstream);
    if (handle == NULL) {
        return cim_fail_nomem(err);
    }
    char *key = curl_easy_escape(handle->curl, upstream->key, 0);
    const int n = snprintf(url, sizeof url,
                           "%s/%s_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=%s"
                           "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX=%u&TILEROW=%u"
                           "&TILECOL=%u&tk=%s",
                           upstream->base, layer, layer, address[0], address[1], address[2],
                           key != NULL ? key : "");
    curl_free(key);
    cim_status status = CIM_OK;
    if (key == NULL || n < 0 || (size_t)n >= sizeof url) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "底图服务地址过长",
                          "the address of the base map service is too long");
    } else {
        status = perform(handle->curl, url, ret_tile, err);
    }
    give_handle(upstream, handle);
    return status;
}

cim_status
host_upstream_tile(struct host_upstream *upstream, const char *layer, const uint32_t address[3],
                   struct host_tile **ret_tile, cim_error *err)
{
    char key[64];
    if (!host_upstream_enabled(upstream)) {
        return cim_fail(err, CIM_E_NOTFOUND, "tianditu.key", NULL, "平台没有配置天地图密钥",
                        "the platform has no key of Tianditu");
    }
    (void)snprintf(key, sizeof key, "%s/%u/%u/%u", layer, address[0], address[1], address[2]);
    if (atomic_fetch_add(&upstream->waiting, 1) >= HOST_UPSTREAM_CONCURRENT_MAX) {
        atomic_fetch_sub(&upstream->waiting, 1);
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "底图请求过多，请稍后再试",
                        "too many base map requests, try again later");
    }
    cim_status status =
        host_tile_cache_get(upstream->cache, key, HOST_UPSTREAM_TOTAL_MS, ret_tile, err);
    if (status == CIM_OK && *ret_tile == NULL) {
        status = fetch(upstream, layer, address, ret_tile, err);
        if (status == CIM_OK) {
            host_tile_cache_put(upstream->cache, key, *ret_tile);
        } else {
            host_tile_cache_abandon(upstream->cache, key);
        }
    }
    atomic_fetch_sub(&upstream->waiting, 1);
    return status;
}

/* host/ogc/tile.c -- one tile's bytes, plain and gzipped. */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/ogc/tile_cache.h"

#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { GZIP_LEVEL = 5, GZIP_WORTH_BYTES = 512 };

struct host_tile {
    atomic_int references;
    cim_blob bytes;
    char mime[HOST_TILE_MIME_MAX];
    int64_t until_ms;
    pthread_mutex_t gzip_lock;
    bool gzip_tried;
    uint8_t *gzip;
    size_t gzip_len;
};

static void
release(cim_blob *bytes)
{
    if (bytes->release != NULL) {
        bytes->release(bytes);
    }
}

struct host_tile *
host_tile_new(cim_blob *bytes, const char *mime, int64_t until_ms)
{
    struct host_tile *tile = calloc(1, sizeof *tile);
    if (tile == NULL || pthread_mutex_init(&tile->gzip_lock, NULL) != 0) {
        free(tile);
        release(bytes);
        return NULL;
    }
    atomic_init(&tile->references, 1);
    tile->bytes = *bytes;
    tile->until_ms = until_ms;
    cim_copy_text(tile->mime, sizeof tile->mime, mime);
    *bytes = (cim_blob){.data = NULL};
    return tile;
}

struct host_tile *
host_tile_ref(struct host_tile *tile)
{
    atomic_fetch_add(&tile->references, 1);
    return tile;
}

void
host_tile_unref(struct host_tile *tile)
{
    if (tile == NULL || atomic_fetch_sub(&tile->references, 1) != 1) {
        return;
    }
    release(&tile->bytes);
    pthread_mutex_destroy(&tile->gzip_lock);
    free(tile->gzip);
    free(tile);
}

bool
host_tile_stale(const struct host_tile *tile)
{
    return tile->until_ms != INT64_MAX && host_monotonic_ms() >= tile->until_ms;
}

uint64_t
host_tile_cost(const struct host_tile *tile)
{
    return sizeof *tile + tile->bytes.len + tile->bytes.len / 2;
}

const char *
host_tile_mime(const struct host_tile *tile)
{
    return tile->mime;
}

uint64_t
host_tile_len(const struct host_tile *tile)
{
    return tile->bytes.len;
}

static void
drop_reference(cim_blob *body)
{
    host_tile_unref(body->owner);
    *body = (cim_blob){.data = NULL};
}

void
host_tile_body(struct host_tile *tile, cim_blob *ret_body)
{
    *ret_body = (cim_blob){.data = tile->bytes.data,
                           .len = tile->bytes.len,
                           .release = drop_reference,
                           .owner = host_tile_ref(tile)};
}

static void
compress(struct host_tile *tile)
{
    const size_t len = (size_t)tile->bytes.len;
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
    if (compressor == NULL) {
        return;
    }
    const size_t bound = libdeflate_gzip_compress_bound(compressor, len);
    uint8_t *packed = malloc(bound);
    if (packed != NULL) {
        const size_t packed_len =
            libdeflate_gzip_compress(compressor, tile->bytes.data, len, packed, bound);
        uint8_t *fitted = packed_len > 0 && packed_len < len ? realloc(packed, packed_len) : NULL;
        if (fitted != NULL) {
            tile->gzip = fitted;
            tile->gzip_len = packed_len;
        } else {
            free(packed);
        }
    }
    libdeflate_free_compressor(compressor);
}

bool
host_tile_gzip_body(struct host_tile *tile, cim_blob *ret_body)
{
    if (tile->bytes.len < GZIP_WORTH_BYTES) {
        return false;
    }
    pthread_mutex_lock(&tile->gzip_lock);
    if (!tile->gzip_tried) {
        tile->gzip_tried = true;
        compress(tile);
    }
    pthread_mutex_unlock(&tile->gzip_lock);
    if (tile->gzip == NULL) {
        return false;
    }
    *ret_body = (cim_blob){.data = tile->gzip,
                           .len = tile->gzip_len,
                           .release = drop_reference,
                           .owner = host_tile_ref(tile)};
    return true;
}

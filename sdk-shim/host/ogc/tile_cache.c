/* host/ogc/tile_cache.c -- see tile_cache.h. */
#include "host/ogc/tile_cache.h"

#include "cim/util.h"
#include "host/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { BUCKETS = 1 << 14, ENTRY_OVERHEAD_BYTES = 256 };

struct entry {
    uint64_t hash;
    char *key;
    struct host_tile *tile; /* NULL: being made */
    uint64_t bytes;
    struct entry *chain;
    struct entry *newer;
    struct entry *older;
};

struct host_tile_cache {
    pthread_mutex_t lock;
    pthread_cond_t made;
    uint64_t max_bytes;
    uint64_t bytes;
    struct entry *newest;
    struct entry *oldest;
    struct host_tile_cache_stats stats;
    struct entry *buckets[BUCKETS];
};

static uint64_t
hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    }
    return hash ^ (hash >> 29U);
}

struct host_tile_cache *
host_tile_cache_new(uint64_t max_bytes)
{
    pthread_condattr_t monotonic;
    struct host_tile_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL || pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return NULL;
    }
    if (pthread_condattr_init(&monotonic) != 0) {
        pthread_mutex_destroy(&cache->lock);
        free(cache);
        return NULL;
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    const int failed = pthread_cond_init(&cache->made, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (failed != 0) {
        pthread_mutex_destroy(&cache->lock);
        free(cache);
        return NULL;
    }
    cache->max_bytes = max_bytes;
    return cache;
}

static void
entry_free(struct entry *entry)
{
    host_tile_unref(entry->tile);
    free(entry->key);
    free(entry);
}

void
host_tile_cache_free(struct host_tile_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (cache->buckets[i] != NULL) {
            struct entry *next = cache->buckets[i]->chain;
            entry_free(cache->buckets[i]);
            cache->buckets[i] = next;
        }
    }
    pthread_cond_destroy(&cache->made);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- under the lock ---- */

static struct entry *
find(struct host_tile_cache *cache, const char *key, uint64_t hash)
{
    struct entry *entry = cache->buckets[hash % BUCKETS];
    while (entry != NULL && (entry->hash != hash || strcmp(entry->key, key) != 0)) {
        entry = entry->chain;
    }
    return entry;
}

static void
unlink_order(struct host_tile_cache *cache, struct entry *entry)
{
    if (entry->newer != NULL) {
        entry->newer->older = entry->older;
    } else if (cache->newest == entry) {
        cache->newest = entry->older;
    }
    if (entry->older != NULL) {
        entry->older->newer = entry->newer;
    } else if (cache->oldest == entry) {
        cache->oldest = entry->newer;
    }
    entry->newer = NULL;
    entry->older = NULL;
}

static void
make_newest(struct host_tile_cache *cache, struct entry *entry)
{
    unlink_order(cache, entry);
    entry->older = cache->newest;
    if (cache->newest != NULL) {
        cache->newest->newer = entry;
    }
    cache->newest = entry;
    if (cache->oldest == NULL) {
        cache->oldest = entry;
    }
}

static void
drop(struct host_tile_cache *cache, struct entry *entry)
{
    struct entry **at = &cache->buckets[entry->hash % BUCKETS];
    while (*at != entry) {
        at = &(*at)->chain;
    }
    *at = entry->chain;
    unlink_order(cache, entry);
    cache->bytes -= entry->bytes;
    cache->stats.entries--;
    entry_free(entry);
}

/* An entry without a tile: it is being made by the caller. */
static cim_status
promise(struct host_tile_cache *cache, const char *key, uint64_t hash, cim_error *err)
{
    struct entry *entry = calloc(1, sizeof *entry);
    char *copy = strdup(key);
    if (entry == NULL || copy == NULL) {
        free(entry);
        free(copy);
        return cim_fail_nomem(err);
    }
    entry->hash = hash;
    entry->key = copy;
    entry->chain = cache->buckets[hash % BUCKETS];
    cache->buckets[hash % BUCKETS] = entry;
    cache->stats.entries++;
    cache->stats.misses++;
    return CIM_OK;
}

static cim_status
get_locked(struct host_tile_cache *cache, const char *key, uint64_t hash,
           const struct timespec *deadline, struct host_tile **ret_tile, cim_error *err)
{
    bool waited = false;
    for (;;) {
        struct entry *entry = find(cache, key, hash);
        if (entry != NULL && entry->tile != NULL && host_tile_stale(entry->tile)) {
            drop(cache, entry);
            entry = NULL;
        }
        if (entry == NULL) {
            *ret_tile = NULL;
            return promise(cache, key, hash, err);
        }
        if (entry->tile != NULL) {
            make_newest(cache, entry);
            cache->stats.hits++;
            *ret_tile = host_tile_ref(entry->tile);
            return CIM_OK;
        }
        cache->stats.waits += waited ? 0 : 1;
        waited = true;
        /* The entry may be gone after the wait: it is looked up again. */
        if (pthread_cond_timedwait(&cache->made, &cache->lock, deadline) != 0) {
            return cim_fail(err, CIM_E_BUSY, NULL, NULL, "瓦片正在生成，请稍后再试",
                            "the tile is being made, try again later");
        }
    }
}

/* ---- calls ---- */

cim_status
host_tile_cache_get(struct host_tile_cache *cache, const char *key, int64_t wait_ms,
                    struct host_tile **ret_tile, cim_error *err)
{
    struct timespec deadline;
    const int64_t until_ms = host_monotonic_ms() + wait_ms;
    deadline.tv_sec = (time_t)(until_ms / 1000);
    deadline.tv_nsec = (long)(until_ms % 1000) * 1000000;
    pthread_mutex_lock(&cache->lock);
    const cim_status status = get_locked(cache, key, hash_text(key), &deadline, ret_tile, err);
    pthread_mutex_unlock(&cache->lock);
    return status;
}

void
host_tile_cache_put(struct host_tile_cache *cache, const char *key, struct host_tile *tile)
{
    const uint64_t bytes = host_tile_cost(tile) + strlen(key) + ENTRY_OVERHEAD_BYTES;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, key, hash_text(key));
    if (entry != NULL && entry->tile == NULL) {
        entry->tile = host_tile_ref(tile);
        entry->bytes = bytes;
        cache->bytes += bytes;
        make_newest(cache, entry);
        /* Also when it is the new one itself that is too large. */
        while (cache->bytes > cache->max_bytes && cache->oldest != NULL) {
            drop(cache, cache->oldest);
        }
    }
    pthread_cond_broadcast(&cache->made);
    pthread_mutex_unlock(&cache->lock);
}

void
host_tile_cache_abandon(struct host_tile_cache *cache, const char *key)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, key, hash_text(key));
    if (entry != NULL && entry->tile == NULL) {
        drop(cache, entry);
    }
    pthread_cond_broadcast(&cache->made);
    pthread_mutex_unlock(&cache->lock);
}

void
host_tile_cache_stats(struct host_tile_cache *cache, struct host_tile_cache_stats *ret_stats)
{
    pthread_mutex_lock(&cache->lock);
    *ret_stats = cache->stats;
    ret_stats->bytes = (int64_t)cache->bytes;
    pthread_mutex_unlock(&cache->lock);
}

/* tests/unit/ogc/test_tile_cache.c -- bounds, order of leaving, and one computation per miss. */
#include "unit.h"

#include "host/base/clock.h"
#include "host/ogc/tile_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <libdeflate.h>

static void
free_bytes(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){.data = NULL};
}

static struct host_tile *
make_tile(size_t len, char fill)
{
    char *data = malloc(len + 1);
    assert_non_null(data);
    memset(data, fill, len);
    cim_blob bytes = {.data = data, .len = len, .release = free_bytes, .owner = data};
    return host_tile_new(&bytes, "text/plain", INT64_MAX);
}

static struct host_tile *
get(struct host_tile_cache *cache, const char *key)
{
    struct host_tile *tile = NULL;
    cim_error err = {0};
    assert_ok(host_tile_cache_get(cache, key, 1000, &tile, &err), &err);
    return tile;
}

static void
put_new(struct host_tile_cache *cache, const char *key, size_t len)
{
    assert_null(get(cache, key));
    struct host_tile *tile = make_tile(len, key[0]);
    host_tile_cache_put(cache, key, tile);
    host_tile_unref(tile);
}

static bool
has(struct host_tile_cache *cache, const char *key)
{
    struct host_tile *tile = get(cache, key);
    if (tile == NULL) {
        host_tile_cache_abandon(cache, key);
        return false;
    }
    host_tile_unref(tile);
    return true;
}

static void
test_least_recently_used_leaves_first(void **state)
{
    struct host_tile_cache *cache = host_tile_cache_new(80000);
    struct host_tile_cache_stats stats;
    (void)state;
    put_new(cache, "a", 15000);
    put_new(cache, "b", 15000);
    put_new(cache, "c", 15000);
    assert_true(has(cache, "a")); /* now b is the oldest */
    put_new(cache, "d", 15000);
    assert_false(has(cache, "b"));
    assert_true(has(cache, "a"));
    assert_true(has(cache, "c"));
    assert_true(has(cache, "d"));
    host_tile_cache_stats(cache, &stats);
    assert_true(stats.bytes <= 80000);
    assert_int_equal(stats.entries, 3);
    put_new(cache, "huge", 100000); /* larger than the cache: served, not kept */
    assert_false(has(cache, "huge"));
    host_tile_cache_free(cache);
}

static void
test_bytes_stay_while_they_are_sent(void **state)
{
    struct host_tile_cache *cache = host_tile_cache_new(40000);
    cim_blob body;
    (void)state;
    put_new(cache, "a", 20000);
    struct host_tile *tile = get(cache, "a");
    host_tile_body(tile, &body);
    host_tile_unref(tile);
    put_new(cache, "b", 20000); /* drops a */
    host_tile_cache_free(cache);
    assert_int_equal(body.len, 20000);
    assert_int_equal(((const char *)body.data)[19999], 'a');
    body.release(&body);
}

static void
test_gzip_reads_back_and_small_tiles_stay_plain(void **state)
{
    struct host_tile *tile = make_tile(50000, 'x');
    struct host_tile *small = make_tile(100, 'x');
    struct libdeflate_decompressor *reader = libdeflate_alloc_decompressor();
    char *text = malloc(50000);
    size_t len = 0;
    cim_blob body = {.data = NULL};
    (void)state;
    assert_non_null(text);
    assert_false(host_tile_gzip_body(small, &body));
    assert_true(host_tile_gzip_body(tile, &body));
    assert_true(body.len < 1000);
    assert_int_equal(libdeflate_gzip_decompress(reader, body.data, body.len, text, 50000, &len), 0);
    assert_int_equal(len, 50000);
    assert_int_equal(text[49999], 'x');
    body.release(&body);
    libdeflate_free_decompressor(reader);
    free(text);
    host_tile_unref(tile);
    host_tile_unref(small);
}

static void
test_stale_tiles_are_made_again(void **state)
{
    struct host_tile_cache *cache = host_tile_cache_new(80000);
    cim_blob bytes = {.data = "x", .len = 1};
    (void)state;
    assert_null(get(cache, "a"));
    struct host_tile *tile = host_tile_new(&bytes, "image/png", host_monotonic_ms() - 1);
    host_tile_cache_put(cache, "a", tile);
    host_tile_unref(tile);
    assert_false(has(cache, "a"));
    host_tile_cache_free(cache);
}

/* ---- several threads ---- */

enum { THREADS = 8 };

struct race {
    struct host_tile_cache *cache;
    pthread_barrier_t start;
    atomic_int made;
    atomic_int failures_left; /* how many makers give up */
};

static void *
run(void *arg)
{
    struct race *race = arg;
    struct host_tile *tile = NULL;
    pthread_barrier_wait(&race->start);
    while (tile == NULL) {
        if (host_tile_cache_get(race->cache, "same", 5000, &tile, NULL) != CIM_OK) {
            return arg;
        }
        if (tile != NULL) {
            break;
        }
        const struct timespec work = {0, 20000000};
        (void)nanosleep(&work, NULL);
        if (atomic_fetch_sub(&race->failures_left, 1) > 0) {
            host_tile_cache_abandon(race->cache, "same");
            continue;
        }
        atomic_fetch_add(&race->made, 1);
        cim_blob bytes = {.data = "made", .len = 4};
        tile = host_tile_new(&bytes, "text/plain", INT64_MAX);
        host_tile_cache_put(race->cache, "same", tile);
    }
    host_tile_unref(tile);
    return NULL;
}

static void
test_identical_misses_are_made_once_even_after_failures(void **state)
{
    pthread_t threads[THREADS];
    struct race race = {.cache = host_tile_cache_new(80000)};
    (void)state;
    atomic_init(&race.made, 0);
    atomic_init(&race.failures_left, 2);
    assert_int_equal(pthread_barrier_init(&race.start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(atomic_load(&race.made), 1);
    pthread_barrier_destroy(&race.start);
    host_tile_cache_free(race.cache);
}

static void
test_waiting_ends_with_busy(void **state)
{
    struct host_tile_cache *cache = host_tile_cache_new(80000);
    struct host_tile *tile = NULL;
    cim_error err = {0};
    (void)state;
    assert_null(get(cache, "a")); /* promised, never made */
    assert_int_equal(host_tile_cache_get(cache, "a", 30, &tile, &err), CIM_E_BUSY);
    assert_contains(err.en, "try again");
    host_tile_cache_abandon(cache, "a");
    assert_false(has(cache, "a"));
    host_tile_cache_free(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_recently_used_leaves_first),
        cmocka_unit_test(test_bytes_stay_while_they_are_sent),
        cmocka_unit_test(test_gzip_reads_back_and_small_tiles_stay_plain),
        cmocka_unit_test(test_stale_tiles_are_made_again),
        cmocka_unit_test(test_identical_misses_are_made_once_even_after_failures),
        cmocka_unit_test(test_waiting_ends_with_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

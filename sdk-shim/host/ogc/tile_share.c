/* host/ogc/tile_share.c -- see tile_share.h. */
#include "host/ogc/tile_share.h"

#include "cim/util.h"
#include "host/redis/redis.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/digest.h"
#include "kit/rows.h"

#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* LAYERS: whose histories are remembered; FORMAT goes up with what the bytes in Redis mean. */
enum { LAYERS = 64, LAYER_ID_SIZE = 64, FORMAT = 1 };

/* Changes of the area tree are noted under this name. */
static const char AREAS[] = "cim.areas";

/* A layer's history up to a position, as a digest. */
struct history {
    char layer[LAYER_ID_SIZE];
    int64_t pos;
    int64_t areas_pos;
    bool known;
    uint8_t digest[32];
};

struct host_tile_share {
    struct host_store *store;
    struct host_redis *redis;
    pthread_mutex_t lock;
    size_t next; /* to be written over */
    struct history histories[LAYERS];
};

/* Before the bytes of a tile. */
struct saved_head {
    uint32_t format;
    uint32_t crc; /* of the bytes */
};

cim_status
host_tile_share_open(struct host_store *store, const char *url, struct host_tile_share **ret_share,
                     cim_error *err)
{
    const struct host_redis_options options = {.url = url,
                                               .setting = "tiles.redis_url",
                                               .component = "tiles",
                                               .wait_ms = HOST_TILE_SHARE_WAIT_MS};
    if (url[0] == '\0') {
        return CIM_OK;
    }
    struct host_tile_share *share = calloc(1, sizeof *share);
    if (share == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = host_redis_open(&options, &share->redis, err);
    if (status != CIM_OK) {
        free(share);
        return status;
    }
    (void)pthread_mutex_init(&share->lock, NULL);
    share->store = store;
    *ret_share = share;
    return CIM_OK;
}

void
host_tile_share_close(struct host_tile_share *share)
{
    if (share == NULL) {
        return;
    }
    host_redis_close(share->redis);
    (void)pthread_mutex_destroy(&share->lock);
    free(share);
}

/* ---- the history of a store ---- */

static void
digest_bytes(EVP_MD_CTX *context, const void *data, size_t len)
{
    const uint64_t length = len; /* first, so that neighbours cannot run together */
    (void)EVP_DigestUpdate(context, &length, sizeof length);
    (void)EVP_DigestUpdate(context, data, len);
}

static cim_status
digest_rows(struct host_store *store, const char *sql, const cim_value *values, uint32_t n_values,
            EVP_MD_CTX *context, int64_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_store_read(store, sql, values, n_values, &rows, err));
    *ret_n = 0;
    for (;;) {
        const cim_batch *batch = NULL;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        *ret_n += batch->n_rows;
        for (int64_t row = 0; row < batch->n_rows; row++) {
            size_t len = 0;
            const int64_t numbers[] = {cim_column_i64(batch->columns[0], row),
                                       cim_column_i64(batch->columns[1], row)};
            const void *text = cim_column_bytes(batch->columns[2], row, &len);
            (void)EVP_DigestUpdate(context, numbers, sizeof numbers);
            digest_bytes(context, text, len);
        }
    }
}

/* Positions are given out again by a store that was set back to a backup, and by another one: when
 * its migrations were applied, and what its changes at the two positions were and when, tell which
 * it is. */
static cim_status
read_history(struct host_tile_share *share, struct history *history, cim_error *err)
{
    static const char migrations[] = "select number, {ms applied_at} as applied, checksum "
                                     "from cim_migration order by owner, number";
    static const char changes[] = "select fid, {ms at} as at, layer from cim_change "
                                  "where pos = :pos or pos = :areas_pos order by pos";
    const cim_value values[] = {
        {.name = "pos", .type = CIM_COL_INT64, .v.i64 = history->pos},
        {.name = "areas_pos", .type = CIM_COL_INT64, .v.i64 = history->areas_pos}};
    const int64_t wanted = (history->areas_pos > 0 ? 1 : 0) + 1;
    int64_t n = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, cim_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return cim_fail_nomem(err);
    }
    cim_status status = digest_rows(share->store, migrations, NULL, 0, context, &n, err);
    if (status == CIM_OK) {
        status = digest_rows(share->store, changes, values, 2, context, &n, err);
    }
    history->known = n == wanted; /* the log may reach back less */
    (void)EVP_DigestFinal_ex(context, history->digest, NULL);
    EVP_MD_CTX_free(context);
    return status;
}

static bool
remembered(struct host_tile_share *share, struct history *history)
{
    bool found = false;
    (void)pthread_mutex_lock(&share->lock);
    for (size_t i = 0; i < LAYERS && !found; i++) {
        const struct history *old = &share->histories[i];
        if (old->pos == history->pos && old->areas_pos == history->areas_pos &&
            strcmp(old->layer, history->layer) == 0) {
            *history = *old;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&share->lock);
    return found;
}

static void
remember(struct host_tile_share *share, const struct history *history)
{
    (void)pthread_mutex_lock(&share->lock);
    size_t at = share->next;
    for (size_t i = 0; i < LAYERS; i++) {
        if (strcmp(share->histories[i].layer, history->layer) == 0) {
            at = i;
        }
    }
    if (at == share->next) {
        share->next = (share->next + 1) % LAYERS;
    }
    share->histories[at] = *history;
    (void)pthread_mutex_unlock(&share->lock);
}

/* ---- names ---- */

static bool
digest_name(const struct history *history, const struct host_layer *layer, const char *key,
            char ret_name[HOST_TILE_SHARE_NAME_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context != NULL && EVP_DigestInit_ex(context, cim_sha256(), NULL) == 1;
    if (good) {
        digest_bytes(context, history->digest, sizeof history->digest);
        digest_bytes(context, layer->library_hash, strlen(layer->library_hash));
        digest_bytes(context, layer->layer.definition, strlen(layer->layer.definition));
        digest_bytes(context, key, strlen(key));
        (void)EVP_DigestFinal_ex(context, digest, NULL);
    }
    EVP_MD_CTX_free(context);
    if (good) {
        cim_hex(digest, (HOST_TILE_SHARE_NAME_SIZE - 1) / 2, ret_name);
    }
    return good;
}

bool
host_tile_share_name(struct host_tile_share *share, const struct host_layer *layer, const char *key,
                     char ret_name[HOST_TILE_SHARE_NAME_SIZE])
{
    struct history history = {.known = false};
    /* Rates show other layers, too, whose history is not looked at. */
    if (share == NULL || layer->definition->n_rates > 0 ||
        strlen(layer->layer.id) >= sizeof history.layer) {
        return false;
    }
    cim_copy_text(history.layer, sizeof history.layer, layer->layer.id);
    history.pos = host_store_layer_pos(share->store, layer->layer.id);
    history.areas_pos = host_store_layer_pos(share->store, AREAS);
    if (history.pos == 0) {
        return false;
    }
    if (!remembered(share, &history)) {
        if (read_history(share, &history, NULL) != CIM_OK) {
            return false;
        }
        remember(share, &history);
    }
    return history.known && digest_name(&history, layer, key, ret_name);
}

/* ---- bytes ---- */

static void
release_bytes(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){.data = NULL};
}

struct host_tile *
host_tile_share_get(struct host_tile_share *share, const char *name, const char *mime)
{
    HOST_AUTO_REPLY redisReply *reply = host_redis_ask(share->redis, "GET cim:tile:%s", name);
    struct saved_head head;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING || reply->len < sizeof head) {
        return NULL;
    }
    const size_t len = reply->len - sizeof head;
    memcpy(&head, reply->str, sizeof head);
    if (head.format != FORMAT || head.crc != libdeflate_crc32(0, reply->str + sizeof head, len)) {
        return NULL;
    }
    char *bytes = malloc(len + 1);
    if (bytes == NULL) {
        return NULL;
    }
    memcpy(bytes, reply->str + sizeof head, len);
    cim_blob blob = {.data = bytes, .len = len, .release = release_bytes, .owner = bytes};
    return host_tile_new(&blob, mime, INT64_MAX);
}

void
host_tile_share_put(struct host_tile_share *share, const char *name, struct host_tile *tile)
{
    cim_blob body = {.data = NULL};
    if (host_tile_len(tile) > HOST_TILE_SHARE_BYTES_MAX) {
        return;
    }
    host_tile_body(tile, &body);
    const size_t len = (size_t)body.len;
    CIM_AUTO_FREE char *bytes = malloc(sizeof(struct saved_head) + len);
    if (bytes != NULL) {
        const struct saved_head head = {.format = FORMAT,
                                        .crc = libdeflate_crc32(0, len > 0 ? body.data : "", len)};
        memcpy(bytes, &head, sizeof head);
        if (len > 0) {
            memcpy(bytes + sizeof head, body.data, len);
        }
        char full[16 + HOST_TILE_SHARE_NAME_SIZE];
        (void)snprintf(full, sizeof full, "cim:tile:%s", name);
        /* Where it is refused nobody finds it. */
        (void)host_redis_put(share->redis, full, bytes, sizeof head + len, HOST_TILE_SHARE_LIFE_MS);
    }
    body.release(&body);
}

/* plugin/map/keep.c -- the files of saved layers: where they lie, and of which store they are. */
#include "kit/digest.h"
#include "map/internal.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "map/saved.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

/* NULL: this host has none to give, or is older than the field. */
static const char *
cache_dir(const cim_host *host)
{
    const size_t least = offsetof(cim_host, cache_dir) + sizeof host->cache_dir;
    return host->struct_size >= least ? host->cache_dir : NULL;
}

/* False: files of layers are not kept. */
static bool
find_path(const struct lpg_map *map, const struct lpg_map_slot *slot, char ret_path[PATH_SIZE])
{
    const char *dir = cache_dir(map->host);
    return dir != NULL && snprintf(ret_path, PATH_SIZE, "%s/%s.%s.map", dir, slot->source.def->id,
                                   slot->degrees ? "degrees" : "mercator") < PATH_SIZE;
}

void
lpg_map_tidy(const struct lpg_map *map)
{
    if (cache_dir(map->host) != NULL) {
        lpg_saved_tidy(cache_dir(map->host));
    }
}

/* ---- of which store ---- */

static void
digest_cell(EVP_MD_CTX *context, const cim_column *column, int64_t row)
{
    size_t len = 0;
    int64_t number = 0;
    const void *bytes = &number;
    if (!cim_column_present(column, row)) {
        number = -1;
        (void)EVP_DigestUpdate(context, &number, sizeof number);
        return;
    }
    if (column->type == CIM_COL_TEXT) {
        bytes = cim_column_bytes(column, row, &len);
    } else {
        number = cim_column_i64(column, row);
        len = sizeof number;
    }
    const uint64_t length = len; /* first, so that neighbours cannot run together */
    (void)EVP_DigestUpdate(context, &length, sizeof length);
    (void)EVP_DigestUpdate(context, bytes, len);
}

static cim_status
digest_rows(const struct lpg_map *map, const char *sql, const cim_value *values, uint32_t n_values,
            EVP_MD_CTX *context, int64_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(map->store->read(map->host, sql, values, n_values, &rows, err));
    *ret_n = 0;
    for (;;) {
        const cim_batch *batch = NULL;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        *ret_n += batch->n_rows;
        for (int64_t row = 0; row < batch->n_rows; row++) {
            for (uint32_t c = 0; c < rows->n_columns; c++) {
                digest_cell(context, batch->columns[c], row);
            }
        }
    }
}

/* Which migrations were applied when is a store's own, and may change records beside the change
 * log; the change at the position is that of one history alone: a store that was set back to a
 * backup goes on with another. *ret_known false: the log no longer has that change. */
static cim_status
digest_origin(const struct lpg_map *map, int64_t pos, EVP_MD_CTX *context, bool *ret_known,
              cim_error *err)
{
    static const char migrations[] = "select owner, number, checksum, {ms applied_at} as applied "
                                     "from cim_migration order by owner, number";
    static const char change[] = "select layer, fid, op, area_code, owner_org, {ms at} as at "
                                 "from cim_change where pos = :pos";
    const cim_value values[] = {{.name = "pos", .type = CIM_COL_INT64, .v.i64 = pos}};
    int64_t n = 0;
    CIM_TRY(digest_rows(map, migrations, NULL, 0, context, &n, err));
    CIM_TRY(digest_rows(map, change, values, 1, context, &n, err));
    *ret_known = n > 0;
    return CIM_OK;
}

static cim_status
find_origin(const struct lpg_map *map, int64_t pos, struct lpg_origin *ret_origin, bool *ret_known,
            cim_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    cim_status status;
    if (context == NULL || EVP_DigestInit_ex(context, cim_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return cim_fail_nomem(err);
    }
    status = digest_origin(map, pos, context, ret_known, err);
    (void)EVP_DigestFinal_ex(context, ret_origin->digest, NULL);
    EVP_MD_CTX_free(context);
    return status;
}

/* ---- opening and writing ---- */

static cim_status
open_saved(const struct lpg_map *map, const struct lpg_map_slot *slot, const char *path,
           struct lpg_base **ret_base, cim_error *err)
{
    struct lpg_base *base = NULL;
    struct lpg_origin saved;
    struct lpg_origin here;
    bool known = false;
    cim_status status;
    CIM_TRY(lpg_saved_open(slot->source.def, slot->degrees, path, &base, &saved, err));
    status = find_origin(map, base->pos, &here, &known, err);
    if (status == CIM_OK && (!known || memcmp(&saved, &here, sizeof saved) != 0)) {
        status = cim_fail(err, CIM_E_INVALID, NULL, NULL, "地图快照 %.200s 不属于本库的当前历史",
                          "map snapshot %.200s is not of this store as it went on", path);
    }
    if (status != CIM_OK) {
        lpg_base_unref(base);
        return status;
    }
    *ret_base = base;
    return CIM_OK;
}

struct lpg_snapshot *
lpg_map_open_saved(const struct lpg_map *map, struct lpg_map_slot *slot)
{
    char path[PATH_SIZE];
    struct lpg_base *base = NULL;
    struct lpg_snapshot *snapshot = NULL;
    cim_error err = {.code = CIM_OK};
    if (slot->source.def->geometry != CIM_GEOMETRY_POINT || !find_path(map, slot, path)) {
        return NULL;
    }
    cim_status status = open_saved(map, slot, path, &base, &err);
    if (status == CIM_OK) {
        slot->saved_pos = base->pos;
        status = lpg_snapshot_of(base, &snapshot, &err);
    }
    if (status == CIM_OK) {
        char text[128];
        (void)snprintf(text, sizeof text, "%.60s: %u points from its file, as of position %lld",
                       slot->source.def->id, snapshot->base->points->n, (long long)snapshot->pos);
        lpg_map_tell(map, CIM_LOG_INFO, text);
    } else if (status != CIM_E_NOTFOUND) {
        lpg_map_tell(map, CIM_LOG_WARNING, err.en); /* it is read from the store, then */
    }
    return snapshot;
}

bool
lpg_map_may_save(const struct lpg_map *map, const struct lpg_map_slot *slot,
                 const struct lpg_base *base)
{
    return base->points != NULL && base->points->n >= map->save_least && base->pos > 0 &&
           base->pos != slot->saved_pos && cache_dir(map->host) != NULL;
}

cim_status
lpg_map_save(const struct lpg_map *map, struct lpg_map_slot *slot, struct lpg_base *base,
             cim_error *err)
{
    char path[PATH_SIZE];
    struct lpg_origin origin;
    bool known = false;
    if (!find_path(map, slot, path)) {
        return CIM_OK;
    }
    CIM_TRY(find_origin(map, base->pos, &origin, &known, err));
    return known ? lpg_saved_write(base, slot->source.def->id, &origin, path, err) : CIM_OK;
}

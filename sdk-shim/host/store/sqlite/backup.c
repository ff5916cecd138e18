/* host/store/sqlite/backup.c -- a copy of the database file as of one moment, while others write.
 */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "host/base/note.h"

enum { PAGES = 2048 }; /* copied between two looks at the progress */

struct copying {
    struct host_connection *from; /* holds one snapshot from the beginning to the end */
    sqlite3 *to;
    const char *path;
};

static cim_status
copy_pages(const struct copying *copying, host_store_progress progress, void *arg, cim_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(copying->to, "main", copying->from->db, "main");
    int code = backup != NULL ? SQLITE_OK : SQLITE_ERROR;
    bool cancelled = false;
    while (code == SQLITE_OK && !cancelled) {
        code = sqlite3_backup_step(backup, PAGES);
        const int total = sqlite3_backup_pagecount(backup);
        host_note_progress();
        cancelled =
            progress != NULL && progress(arg, total - sqlite3_backup_remaining(backup), total) != 0;
    }
    const int end = sqlite3_backup_finish(backup); /* NULL is nothing to it */
    if (cancelled && code != SQLITE_DONE) {
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
    }
    return code == SQLITE_DONE
               ? CIM_OK
               : host_sqlite_fail(copying->to, end != SQLITE_OK ? end : code, copying->path, err);
}

/* One file, without a log beside it: it can be read where nothing may be written. */
static cim_status
settle(const struct copying *copying, cim_error *err)
{
    const int code = sqlite3_exec(copying->to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    return code == SQLITE_OK ? CIM_OK : host_sqlite_fail(copying->to, code, copying->path, err);
}

static cim_status
copy(struct copying *copying, host_store_progress progress, void *arg, cim_error *err)
{
    int64_t n = 0;
    int code = SQLITE_OK;
    CIM_TRY(host_connection_exec(copying->from, "BEGIN", err));
    CIM_TRY(host_connection_int(copying->from, "SELECT count(*) FROM sqlite_schema", &n, err));
    code = sqlite3_open_v2(copying->path, &copying->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                           NULL);
    if (code != SQLITE_OK) {
        return host_sqlite_fail(copying->to, code, copying->path, err);
    }
    CIM_TRY(copy_pages(copying, progress, arg, err));
    return settle(copying, err);
}

static cim_status
look_at(const struct host_sqlite *store, const char *path, host_store_look look, void *arg,
        cim_error *err)
{
    const struct host_store_options options = {.kind = store->base.kind,
                                               .path = path,
                                               .clock = store->base.clock,
                                               .max_readers = 2,
                                               .read_only = true};
    struct host_store *frozen = NULL;
    CIM_TRY(host_sqlite_open(&options, &frozen, err));
    const cim_status status = look(arg, frozen, err);
    host_store_close(frozen);
    return status;
}

cim_status
host_sqlite_backup(struct host_store *base, const char *path, host_store_progress progress,
                   host_store_look look, void *arg, cim_error *err)
{
    struct host_sqlite *store = host_sqlite_of(base);
    struct copying copying = {.path = path};
    CIM_TRY(host_connection_open(store, false, &copying.from, err));
    const cim_status status = copy(&copying, progress, arg, err);
    (void)sqlite3_close_v2(copying.to); /* NULL is nothing to it */
    host_connection_close(copying.from);
    return status == CIM_OK ? look_at(store, path, look, arg, err) : status;
}

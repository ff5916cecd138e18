/* host/archive/archive.h -- the log of an embedded store, kept aside as it is written, so that a
 * backup can be brought forward to any moment after it.
 *
 *   FOLDER/cim.gpkg/20261127T103000Z-1c/0000000001.log    a generation, records in its files
 *
 * A generation is a log without gaps. Each tick appends what was committed since as records: pages
 * as SQLite logged them, compressed, with time, place in the log, and a SHA-256 that covers the one
 * before. SQLite begins its log anew once all of it is copied back: that is done here alone, after
 * everything is archived, and noted as a record of its own. Where the log is found to have gone on
 * without us (another program wrote, a disk was exchanged), the next generation begins, which needs
 * a new backup.
 *
 * Applying records from before a backup's moment as well does no harm as long as one goes on past
 * that moment: pages are whole images. So a backup notes where the archive was before it began
 * (`serial`), and how far the log reached when it was done (`until`), which must be applied.
 *
 * One process archives a store (a lock on FOLDER/cim.gpkg/lock); the next takes over when it ends.
 */
#ifndef HOST_ARCHIVE_H
#define HOST_ARCHIVE_H

#include "cim/base.h"
#include "host/store/sqlite/wal.h"

#include <stdbool.h>

struct host_clock;
struct host_store;

enum { HOST_ARCHIVE_NAME_MAX = 40, HOST_ARCHIVE_PATH_MAX = 4096 };

/* ---- while it serves (keeper.c) ---- */

struct host_archive_stats {
    int64_t last_ms; /* everything committed before is archived; 0: nothing yet */
    int64_t n_bytes; /* appended by this process */
    int64_t n_failures;
    int64_t n_generations; /* begun by this process; the first of all counts */
};

struct host_archive;
/* Archives `store` every `every_s` seconds, and once more in host_archive_stop(). `store` was
 * opened with keep_log; `log_frames` is how long its log may get before it is copied back. */
cim_status host_archive_start(struct host_store *store, const struct host_clock *clock,
                              const char *folder, int32_t every_s, int64_t log_frames,
                              struct host_archive **ret_archive, cim_error *err);
void host_archive_stop(struct host_archive *archive); /* NULL-safe */
void host_archive_stats(struct host_archive *archive,
                        struct host_archive_stats *ret_stats); /* zeros for NULL */

/* ---- backups ---- */

/* What a backup notes of the archive of one store. */
struct host_archive_note {
    char generation[HOST_ARCHIVE_NAME_MAX]; /* empty: there was none */
    int64_t serial;
    struct host_wal_place until;
};
/* Before the backup: the newest record, whoever writes them. */
cim_status host_archive_note_begin(const char *folder, const char *store,
                                   struct host_archive_note *ret_note, cim_error *err);
/* After it. */
cim_status host_archive_note_end(struct host_store *store, struct host_archive_note *note,
                                 cim_error *err);

/* Brings the restored file `path` of `store` forward to the last transaction that was archived by
 * `until_ms`, whose time is *ret_ms. Every record on the way is proved first. CIM_E_STATE: the
 * archive does not reach from the backup to that moment, or is damaged; the file is unchanged then.
 */
cim_status host_archive_replay(const char *folder, const char *store,
                               const struct host_archive_note *note, int64_t until_ms,
                               const char *path, int64_t *ret_ms, cim_error *err);

/* Deletes what no backup needs: generations before that of `oldest`, and its files before the
 * record. */
cim_status host_archive_forget(const char *folder, const char *store,
                               const struct host_archive_note *oldest, cim_error *err);

#endif

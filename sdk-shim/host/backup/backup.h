/* host/backup/backup.h -- all that the platform holds, copied while it serves, checked by putting
 * it back, and put back in earnest.
 *
 * A backup is a folder named after its moment in UTC, "20261127T103000Z": platform.db; the data, as
 * cim.gpkg or, from PostgreSQL, as an archive of pg_dump; the anchors of the audit; on request the
 * keys; and manifest.json, which has the SHA-256 of each file and, of each table of the data, the
 * number of rows and a hash of their content that does not depend on the database. Accounts are
 * copied a moment before the data: each store is as of one moment of its own. It is made as
 * "….part" and renamed when it is whole and on the disk, so what has a name of a moment is whole.
 *
 * Not in it: results of jobs and uploads that wait, which go by themselves in days, and programs.
 */
#ifndef HOST_BACKUP_H
#define HOST_BACKUP_H

#include "cim/base.h"
#include "host/app.h"
#include "host/archive/archive.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { HOST_BACKUP_NAME_MAX = 24, HOST_BACKUP_PATH_MAX = 4096, HOST_BACKUP_EXTRAS_MAX = 8 };

/* A file that goes along as it is. */
struct host_backup_extra {
    const char *name; /* in the backup: "audit.anchor" */
    const char *path; /* left out where there is no such file */
};

struct host_backup_options {
    const char *parent;  /* where backups lie; made (mode 0700) when it is not there */
    const char *archive; /* of the logs (host/archive); NULL: there is none */
    struct host_backup_extra extras[HOST_BACKUP_EXTRAS_MAX];     /* ends with a NULL name */
    int32_t (*progress)(void *arg, int64_t done, int64_t total); /* non-zero: stop; may be NULL */
    void *arg;
};

/* One that is whole. */
struct host_backup_info {
    char name[HOST_BACKUP_NAME_MAX];
    int64_t at_ms;
    int64_t bytes;
    int64_t pos; /* of the data */
    int64_t n_rows;
    int32_t n_tables;
    char store[16];     /* "cim.gpkg", "postgresql" */
    int64_t reached_ms; /* after a restore up to a moment: of its data; else 0 */
};

/* Beside writers, in this process or another one. Fails with nothing left behind. [worker] */
cim_status host_backup_make(struct host_app *app, const struct host_backup_options *options,
                            struct host_backup_info *ret_info, cim_error *err);
/* Those of a folder, the newest first; what else lies there is left alone. *ret_infos by malloc;
 * none where the folder is not there. [worker] */
cim_status host_backup_list(const char *parent, struct host_backup_info **ret_infos, size_t *ret_n,
                            cim_error *err);
/* Deletes all but the newest `keep` (1 or more), and what an interrupted one left. */
cim_status host_backup_forget(const char *parent, int32_t keep, int32_t *ret_n, cim_error *err);
/* Deletes what the oldest backup of `parent` does not need of the archive. */
cim_status host_backup_forget_logs(const char *parent, const char *archive, cim_error *err);
/* Whether the newest backup of `parent` reaches to this moment by the archive. */
cim_status host_backup_reaches(const char *parent, const char *archive, bool *ret_reaches,
                               cim_error *err);
/* `name` of options->parent once more into the folder `parent`, made when it is not there; nothing
 * is left behind after a failure. To be proved by host_backup_check(). [worker] */
cim_status host_backup_copy(const struct host_backup_options *options, const char *name,
                            const char *parent, cim_error *err);
/* Reads all of it: every file has the size and hash of the manifest, and every table of a database
 * file the content. CIM_E_STATE names what has not. An archive of pg_dump is proved by its hash
 * alone; host_backup_restore() compares the rest. [worker] */
cim_status host_backup_check(const struct host_clock *clock, const char *folder,
                             struct host_backup_info *ret_info, cim_error *err);

struct host_backup_target {
    const char *var;       /* data directory, which nobody uses: the caller has its lock */
    const char *store_url; /* "" or an empty database of PostgreSQL */
    /* Where the extras of the backup go, by the names they have in it. */
    struct host_backup_extra extras[HOST_BACKUP_EXTRAS_MAX];
    bool replace; /* what is in `var` is moved to var/replaced-… instead of refused */
    /* Both stores are brought forward to this moment by the archived logs; NULL: as they were. */
    const char *archive;
    int64_t until_ms;
};
/* Checks the backup, puts it in place and compares every table with the manifest. Sessions of the
 * backup are closed, since some of them may have been revoked after it. Repeatable after a failure,
 * with `replace`. A backup of PostgreSQL needs a store_url, one of cim.gpkg none. */
cim_status host_backup_restore(const struct host_clock *clock, const char *folder,
                               const struct host_backup_target *target,
                               struct host_backup_info *ret_info, cim_error *err);

/* ---- by itself, and when asked (keeper.c) ---- */

enum host_backup_work {
    HOST_BACKUP_IDLE,
    HOST_BACKUP_MAKE,  /* and check, and forget old ones */
    HOST_BACKUP_CHECK, /* one that is there */
    HOST_BACKUP_COPY   /* to the other folder, and check there */
};

/* What the keeper is at, and what came of the work before. */
struct host_backup_state {
    enum host_backup_work work;
    char name[HOST_BACKUP_NAME_MAX]; /* empty: not known yet */
    int64_t since_ms;
    int64_t done; /* of `total`, in a unit of the store's; 0 of 0: not told */
    int64_t total;
    struct {
        enum host_backup_work work; /* HOST_BACKUP_IDLE: nothing yet */
        char name[HOST_BACKUP_NAME_MAX];
        int64_t at_ms;
        cim_error error; /* CIM_OK: it went well */
    } last;
};

struct host_backup_stats {
    int64_t last_ms; /* moment of the newest backup; 0: none */
    int64_t bytes;   /* of it */
    int64_t made;
    int64_t failures;
    int64_t copied_ms; /* moment of the newest one that was copied; 0: none */
    int64_t copy_failures;
};

struct host_backup_plan {
    struct host_backup_options options; /* texts live as long as the keeper */
    int64_t every_ms;                   /* 0: only when asked */
    int32_t keep;
    const char *copies; /* folder that the newest one is copied to; NULL: none */
    int32_t keep_copies;
};

/* A thread that makes a backup when the newest is older than the plan allows, or when asked, checks
 * it, copies it, and forgets old ones; each is audited. `plan` is copied. */
struct host_backup_keeper;
cim_status host_backup_start(struct host_app *app, const struct host_backup_plan *plan,
                             struct host_backup_keeper **ret_keeper, cim_error *err);
void host_backup_stop(struct host_backup_keeper *keeper); /* NULL-safe */
/* Returns at once; `name` for HOST_BACKUP_CHECK. CIM_E_STATE: it is at something. [any] */
cim_status host_backup_ask(struct host_backup_keeper *keeper, enum host_backup_work work,
                           const char *name, cim_error *err);
void host_backup_state(struct host_backup_keeper *keeper, struct host_backup_state *ret_state);
const struct host_backup_plan *host_backup_plan(const struct host_backup_keeper *keeper);
/* Zeros for NULL. */
void host_backup_stats(struct host_backup_keeper *keeper, struct host_backup_stats *ret_stats);
/* The audit's line about one that was made or put back; `error` NULL: it went well. */
void host_backup_note(struct host_app *app, const char *action, const struct host_backup_info *info,
                      const cim_error *error);

#endif

/* host/archive/keeper.c -- archiving the log of a store while it serves. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/files.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/base/ticker.h"
#include "host/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A log past this is copied back though the archive cannot take it: the disk of the data counts
 * more. */
#define LOG_BYTES_MAX ((int64_t)1 << 30)

struct host_archive {
    struct host_store *store;
    const struct host_clock *clock;
    char folder[HOST_ARCHIVE_PATH_MAX]; /* of this store */
    char log[HOST_ARCHIVE_PATH_MAX];
    int64_t log_frames;
    struct host_ticker *ticker;
    int lock_fd; /* -1: another process archives */
    bool failing;
    struct host_archive_writer writer;
    _Atomic int64_t last_ms;
    _Atomic int64_t n_bytes;
    _Atomic int64_t n_failures;
    _Atomic int64_t n_generations;
};

static cim_status
begin_generation(struct host_archive *archive, cim_error *err)
{
    CIM_TRY(
        host_archive_begin_generation(&archive->writer, host_clock_now_ms(archive->clock), err));
    atomic_fetch_add(&archive->n_generations, 1);
    host_log(CIM_LOG_INFO, "archive",
             "%s: generation %s begins; backups before it do not reach into it",
             host_store_name(archive->store), archive->writer.generation);
    return CIM_OK;
}

/* The log goes on where it was left, or was begun anew after all of it was archived and copied
 * back. */
static bool
follows(const struct host_archive_record *last, enum host_wal_course course)
{
    return last->serial == 0 || course == HOST_WAL_GOES_ON ||
           (course == HOST_WAL_BEGUN_NEW && last->kind == HOST_ARCHIVE_WHOLE);
}

static cim_status
append(struct host_archive *archive, enum host_archive_kind kind,
       const struct host_wal_place *after, const void *frames, size_t len, cim_error *err)
{
    const int64_t before = archive->writer.n_file_bytes;
    CIM_TRY(host_archive_append(&archive->writer, kind, host_clock_now_ms(archive->clock), after,
                                frames, len, err));
    const int64_t n = archive->writer.n_file_bytes - before;
    atomic_fetch_add(&archive->n_bytes, n > 0 ? n : archive->writer.n_file_bytes);
    return CIM_OK;
}

static cim_status
take(void *arg, enum host_wal_course course, const struct host_wal_place *after, const void *frames,
     size_t len, cim_error *err)
{
    struct host_archive *archive = arg;
    const struct host_wal_place *last = &archive->writer.last.after;
    /* Only the first frames of a reading can be elsewhere; what follows them goes on. */
    const bool goes_on = archive->writer.last.serial > 0 && last->salts[0] == after->salts[0] &&
                         last->salts[1] == after->salts[1] && last->n_frames < after->n_frames;
    host_note_progress();
    if (!goes_on && !follows(&archive->writer.last, course)) {
        CIM_TRY(begin_generation(archive, err));
    }
    return append(archive, HOST_ARCHIVE_FRAMES, after, frames, len, err);
}

static cim_status
archive_log(struct host_archive *archive, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(archive->clock);
    struct host_wal_place end;
    enum host_wal_course course;
    if (archive->writer.generation[0] == '\0') {
        CIM_TRY(begin_generation(archive, err));
    }
    CIM_TRY(host_wal_read(archive->log, &archive->writer.last.after, take, archive, &end, &course,
                          err));
    atomic_store(&archive->last_ms, now_ms);
    return CIM_OK;
}

/* Nobody writes. */
static cim_status
settle(void *arg, cim_error *err)
{
    struct host_archive *archive = arg;
    bool whole = false;
    CIM_TRY(archive_log(archive, err));
    CIM_TRY(host_store_checkpoint(archive->store, &whole, err));
    const struct host_wal_place after = archive->writer.last.after;
    return whole ? append(archive, HOST_ARCHIVE_WHOLE, &after, NULL, 0, err) : CIM_OK;
}

static cim_status
give_up(void *arg, cim_error *err)
{
    struct host_archive *archive = arg;
    bool whole = false;
    return host_store_checkpoint(archive->store, &whole, err);
}

static bool
is_too_long(const struct host_archive *archive)
{
    struct stat info;
    return stat(archive->log, &info) == 0 && info.st_size > LOG_BYTES_MAX;
}

static cim_status
open_archive(struct host_archive *archive, cim_error *err)
{
    char path[HOST_ARCHIVE_PATH_MAX];
    CIM_TRY(host_archive_path(archive->folder, "lock", path, err));
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return host_file_fail(path, err);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return errno == EWOULDBLOCK ? CIM_OK : host_file_fail(path, err);
    }
    const cim_status status = host_archive_writer_open(archive->folder, &archive->writer, err);
    if (status != CIM_OK) {
        host_archive_writer_close(&archive->writer);
        (void)close(fd);
        return status;
    }
    archive->lock_fd = fd;
    return CIM_OK;
}

static void
close_archive(struct host_archive *archive)
{
    if (archive->lock_fd >= 0) {
        host_archive_writer_close(&archive->writer);
        (void)close(archive->lock_fd);
        archive->lock_fd = -1;
    }
}

static cim_status
work(struct host_archive *archive, cim_error *err)
{
    if (archive->lock_fd < 0) {
        CIM_TRY(open_archive(archive, err));
    }
    if (archive->lock_fd < 0) {
        return CIM_OK;
    }
    CIM_TRY(archive_log(archive, err));
    return archive->writer.last.kind == HOST_ARCHIVE_FRAMES &&
                   archive->writer.last.after.n_frames >= archive->log_frames
               ? host_store_quiet(archive->store, settle, archive, err)
               : CIM_OK;
}

static void
tick(void *arg, const _Atomic int *stop)
{
    struct host_archive *archive = arg;
    cim_error error = {.code = CIM_OK};
    (void)stop;
    if (work(archive, &error) == CIM_OK) {
        archive->failing = false;
        return;
    }
    atomic_fetch_add(&archive->n_failures, 1);
    if (!archive->failing) {
        host_log_error("archive", host_store_name(archive->store), &error);
    }
    archive->failing = true;
    close_archive(archive); /* opened again by what the files say */
    if (is_too_long(archive)) {
        host_log(CIM_LOG_ERROR, "archive",
                 "%s: the log is copied back without having been archived",
                 host_store_name(archive->store));
        (void)host_store_quiet(archive->store, give_up, archive,
                               NULL); /* tried again at the next turn */
    }
}

static cim_status
make_folder(const char *path, cim_error *err)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? CIM_OK : host_file_fail(path, err);
}

static cim_status
start(struct host_archive *archive, const char *folder, int32_t every_s, cim_error *err)
{
    const char *path = host_store_path(archive->store);
    if (path == NULL) {
        return cim_fail(err, CIM_E_STATE, "backup.archive_folder", NULL,
                        "PostgreSQL 自行归档其日志（archive_mode）",
                        "PostgreSQL archives its log itself (archive_mode)");
    }
    (void)snprintf(archive->log, sizeof archive->log, "%s-wal", path);
    CIM_TRY(make_folder(folder, err));
    CIM_TRY(host_archive_path(folder, host_store_name(archive->store), archive->folder, err));
    CIM_TRY(make_folder(archive->folder, err));
    tick(archive, NULL);
    return host_ticker_start(every_s, tick, archive, &archive->ticker, err);
}

cim_status
host_archive_start(struct host_store *store, const struct host_clock *clock, const char *folder,
                   int32_t every_s, int64_t log_frames, struct host_archive **ret_archive,
                   cim_error *err)
{
    struct host_archive *archive = calloc(1, sizeof *archive);
    if (archive == NULL) {
        return cim_fail_nomem(err);
    }
    *archive = (struct host_archive){
        .store = store, .clock = clock, .log_frames = log_frames, .lock_fd = -1};
    const cim_status status = start(archive, folder, every_s, err);
    if (status != CIM_OK) {
        host_archive_stop(archive);
        return status;
    }
    *ret_archive = archive;
    return CIM_OK;
}

void
host_archive_stop(struct host_archive *archive)
{
    if (archive != NULL) {
        host_ticker_stop(archive->ticker);
        tick(archive, NULL);
        close_archive(archive);
        free(archive);
    }
}

void
host_archive_stats(struct host_archive *archive, struct host_archive_stats *ret_stats)
{
    *ret_stats = (struct host_archive_stats){.last_ms = 0};
    if (archive != NULL) {
        ret_stats->last_ms = atomic_load(&archive->last_ms);
        ret_stats->n_bytes = atomic_load(&archive->n_bytes);
        ret_stats->n_failures = atomic_load(&archive->n_failures);
        ret_stats->n_generations = atomic_load(&archive->n_generations);
    }
}

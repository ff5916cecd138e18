/* host/archive/replay.c -- bringing a restored file forward. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "host/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- how far ---- */

struct course {
    const struct host_archive_note *note;
    int64_t until_ms;
    int64_t last;    /* serial of the last record to apply; 0: none */
    int64_t last_ms; /* its time */
    int64_t seen;    /* newest serial that was read */
    bool begins;     /* the record that the backup noted is there */
    bool reaches;    /* up to `last` all that the backup has is applied */
    bool reached;    /* likewise, up to the record at hand */
};

static bool
covers(const struct host_archive_record *record, const struct host_wal_place *until)
{
    return record->after.salts[0] == until->salts[0] && record->after.salts[1] == until->salts[1] &&
           record->after.n_frames >= until->n_frames;
}

static cim_status
look_at(void *arg, const struct host_archive_record *record, const void *frames, bool *ret_more,
        cim_error *err)
{
    struct course *course = arg;
    (void)frames;
    (void)err;
    if (record->time_ms > course->until_ms && record->serial > course->note->serial) {
        *ret_more = false;
        return CIM_OK;
    }
    course->seen = record->serial;
    course->begins =
        course->begins || record->serial == (course->note->serial > 0 ? course->note->serial : 1);
    if (record->serial >= course->note->serial) {
        course->reached = course->reached || covers(record, &course->note->until);
        if (record->ends || record->kind == HOST_ARCHIVE_WHOLE) {
            course->last = record->serial;
            course->last_ms = record->time_ms;
            course->reaches = course->reached;
        }
    }
    return CIM_OK;
}

/* A generation that began by the end of that second is one that this backup does not reach into. */
static cim_status
check_generations(const char *place, const struct course *course, cim_error *err)
{
    char **names = NULL;
    size_t n = 0;
    char until[HOST_ARCHIVE_NAME_MAX];
    cim_status status = CIM_OK;
    host_archive_moment(course->until_ms, until);
    CIM_TRY(host_archive_generations(place, &names, &n, err));
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        if (strcmp(names[i], course->note->generation) > 0 &&
            strncmp(names[i], until, strlen(until)) <= 0) {
            status = cim_fail(err, CIM_E_STATE, "until", names[i],
                              "日志在 %s 处中断：请使用其后的备份，或更早的时刻",
                              "the log was interrupted at %s: use a backup made after it, or an "
                              "earlier moment",
                              names[i]);
        }
    }
    host_archive_names_free(names, n);
    return status;
}

static cim_status
find_course(const char *place, struct course *course, cim_error *err)
{
    const struct host_archive_note *note = course->note;
    if (note->generation[0] == '\0') {
        return cim_fail(
            err, CIM_E_STATE, "until", NULL, "此备份制作时没有日志归档，只能整体恢复",
            "no log was archived when this backup was made: it can only be put back as it is");
    }
    CIM_TRY(check_generations(place, course, err));
    CIM_TRY(host_archive_read(place, note->generation, note->serial, false, look_at, course, err));
    if (note->until.n_frames == 0 && course->seen == 0) {
        course->reaches = true; /* nothing was written since */
        return CIM_OK;
    }
    if (!course->begins) {
        return cim_fail(err, CIM_E_STATE, "archive", note->generation,
                        "归档 %s 中缺少第 %lld 条记录", "the archive %s lacks record %lld",
                        note->generation, (long long)note->serial);
    }
    course->reaches = course->reaches || note->until.n_frames == 0;
    return course->reaches
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_STATE, "until", NULL,
                     "此备份到那一刻尚未完成，或其后的日志没有归档：请使用更早的备份或更晚的时刻",
                     "this backup was not finished by that moment, or the log after it is not "
                     "archived: use an "
                     "older backup or a later moment");
}

/* ---- applying ---- */

struct target {
    const char *path;
    int fd;
    int64_t after; /* the record that the backup noted */
    int64_t last;
    uint32_t page_bytes;
    uint32_t n_pages; /* by the last transaction; 0: none was applied */
};

static cim_status
apply(void *arg, const struct host_archive_record *record, const void *frames, bool *ret_more,
      cim_error *err)
{
    struct target *target = arg;
    const size_t frame_bytes = HOST_WAL_FRAME_HEADER + (size_t)record->after.page_bytes;
    *ret_more = record->serial < target->last;
    if (record->serial <= target->after || record->serial > target->last || record->n_frames == 0) {
        return CIM_OK;
    }
    if (record->after.page_bytes != target->page_bytes) {
        return cim_fail(err, CIM_E_STATE, "archive", NULL, "归档的页为 %u 字节，库为 %u 字节",
                        "pages of the archive have %u bytes, of the database %u",
                        record->after.page_bytes, target->page_bytes);
    }
    for (uint32_t i = 0; i < record->n_frames; i++) {
        const uint8_t *frame = (const uint8_t *)frames + i * frame_bytes;
        const off_t at = ((off_t)host_wal_page(frame) - 1) * (off_t)target->page_bytes;
        if (pwrite(target->fd, frame + HOST_WAL_FRAME_HEADER, target->page_bytes, at) !=
            (ssize_t)target->page_bytes) {
            return host_file_fail(target->path, err);
        }
        target->n_pages =
            host_wal_database_pages(frame) != 0 ? host_wal_database_pages(frame) : target->n_pages;
    }
    return CIM_OK;
}

/* Bytes 16 and 17 of the file, big-endian; 1 stands for 65536. */
static cim_status
page_size_of(struct target *target, cim_error *err)
{
    uint8_t header[100];
    if (pread(target->fd, header, sizeof header, 0) != (ssize_t)sizeof header) {
        return host_file_fail(target->path, err);
    }
    const uint32_t size = (uint32_t)header[16] << 8 | header[17];
    target->page_bytes = size == 1 ? 65536 : size;
    return CIM_OK;
}

static cim_status
apply_all(const char *place, const struct host_archive_note *note, struct target *target,
          cim_error *err)
{
    CIM_TRY(page_size_of(target, err));
    CIM_TRY(host_archive_read(place, note->generation, note->serial, true, apply, target, err));
    if (target->n_pages > 0 &&
        ftruncate(target->fd, (off_t)target->n_pages * (off_t)target->page_bytes) != 0) {
        return host_file_fail(target->path, err);
    }
    return fsync(target->fd) == 0 ? CIM_OK : host_file_fail(target->path, err);
}

cim_status
host_archive_replay(const char *folder, const char *store, const struct host_archive_note *note,
                    int64_t until_ms, const char *path, int64_t *ret_ms, cim_error *err)
{
    struct course course = {.note = note, .until_ms = until_ms};
    struct target target = {.path = path, .after = note->serial};
    char place[HOST_ARCHIVE_PATH_MAX];
    CIM_TRY(host_archive_path(folder, store, place, err));
    CIM_TRY(find_course(place, &course, err));
    *ret_ms = course.last_ms;
    if (course.last <= note->serial) {
        return CIM_OK;
    }
    target.last = course.last;
    target.fd = open(path, O_RDWR | O_CLOEXEC);
    if (target.fd < 0) {
        return host_file_fail(path, err);
    }
    const cim_status status = apply_all(place, note, &target, err);
    (void)close(target.fd); /* synced above */
    return status;
}

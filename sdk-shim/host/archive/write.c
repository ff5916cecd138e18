/* host/archive/write.c -- appending records. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "host/base/files.h"
#include "kit/cleanup.h"

#include <libdeflate.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20, FILE_MS_MAX = 3600 * 1000, LEVEL = 1 };

struct newest {
    struct host_archive_record record;
    int64_t first_ms;
    int64_t n_bytes; /* up to the end of the record */
};

static cim_status
remember(void *arg, const struct host_archive_record *record, const void *frames, bool *ret_more,
         cim_error *err)
{
    struct newest *newest = arg;
    (void)frames;
    (void)ret_more;
    (void)err;
    newest->first_ms = newest->n_bytes == 0 ? record->time_ms : newest->first_ms;
    newest->n_bytes += HOST_ARCHIVE_HEADER_BYTES + record->n_packed;
    newest->record = *record;
    return CIM_OK;
}

static cim_status
open_newest(struct host_archive_writer *writer, const char *name, cim_error *err)
{
    char place[HOST_ARCHIVE_PATH_MAX];
    struct newest newest = {.n_bytes = 0};
    CIM_TRY(host_archive_path(writer->folder, writer->generation, place, err));
    CIM_TRY(host_archive_path(place, name, writer->path, err));
    CIM_TRY(host_archive_read(writer->folder, writer->generation, strtoll(name, NULL, 10), false,
                              remember, &newest, err));
    writer->fd = open(writer->path, O_WRONLY | O_CLOEXEC);
    if (writer->fd < 0 || ftruncate(writer->fd, newest.n_bytes) != 0 ||
        lseek(writer->fd, 0, SEEK_END) != newest.n_bytes) {
        return host_file_fail(writer->path, err);
    }
    writer->last = newest.record;
    writer->n_file_bytes = newest.n_bytes;
    writer->file_ms = newest.first_ms;
    return CIM_OK;
}

cim_status
host_archive_writer_open(const char *folder, struct host_archive_writer *ret_writer, cim_error *err)
{
    char **names = NULL;
    size_t n = 0;
    *ret_writer = (struct host_archive_writer){.folder = folder, .fd = -1};
    CIM_TRY(host_archive_generations(folder, &names, &n, err));
    if (n > 0) {
        cim_copy_text(ret_writer->generation, sizeof ret_writer->generation, names[n - 1]);
    }
    host_archive_names_free(names, n);
    if (n == 0) {
        return CIM_OK;
    }
    CIM_TRY(host_archive_files(folder, ret_writer->generation, &names, &n, err));
    const cim_status status = n > 0 ? open_newest(ret_writer, names[n - 1], err) : CIM_OK;
    host_archive_names_free(names, n);
    return status;
}

static void
close_file(struct host_archive_writer *writer)
{
    if (writer->fd >= 0) {
        (void)close(writer->fd); /* every record was synced */
        writer->fd = -1;
    }
}

void
host_archive_writer_close(struct host_archive_writer *writer)
{
    close_file(writer);
}

/* A name that sorts behind those that are there, whatever the clock did. */
cim_status
host_archive_begin_generation(struct host_archive_writer *writer, int64_t now_ms, cim_error *err)
{
    char name[HOST_ARCHIVE_NAME_MAX];
    char moment[HOST_ARCHIVE_NAME_MAX - 8];
    char path[HOST_ARCHIVE_PATH_MAX];
    unsigned number = 1;
    host_archive_moment(now_ms, name);
    cim_copy_text(moment, sizeof moment, name);
    do {
        (void)snprintf(name, sizeof name, "%s-%04u", moment, number++);
        if (strncmp(moment, writer->generation, strlen(moment)) < 0 || number > 9999) {
            return cim_fail(err, CIM_E_STATE, "archive", writer->generation,
                            "系统时间早于上一段归档，请检查时钟",
                            "the clock is behind the newest part of the archive");
        }
    } while (strcmp(name, writer->generation) <= 0);
    CIM_TRY(host_archive_path(writer->folder, name, path, err));
    if (mkdir(path, 0700) != 0) {
        return host_file_fail(path, err);
    }
    CIM_TRY(host_file_sync(writer->folder, err));
    close_file(writer);
    cim_copy_text(writer->generation, sizeof writer->generation, name);
    writer->last = (struct host_archive_record){.serial = 0};
    return CIM_OK;
}

static cim_status
begin_file(struct host_archive_writer *writer, int64_t now_ms, cim_error *err)
{
    char place[HOST_ARCHIVE_PATH_MAX];
    char name[HOST_ARCHIVE_SERIAL_DIGITS + 8];
    close_file(writer);
    (void)snprintf(name, sizeof name, "%0*lld.log", HOST_ARCHIVE_SERIAL_DIGITS,
                   (long long)writer->last.serial + 1);
    CIM_TRY(host_archive_path(writer->folder, writer->generation, place, err));
    CIM_TRY(host_archive_path(place, name, writer->path, err));
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        return host_file_fail(writer->path, err);
    }
    writer->n_file_bytes = 0;
    writer->file_ms = now_ms;
    return host_file_sync(place, err);
}

/* Header and content with one write; a failure leaves the file as it was. */
static cim_status
write_record(struct host_archive_writer *writer, const uint8_t *bytes, size_t len, cim_error *err)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n =
            pwrite(writer->fd, bytes + done, len - done, writer->n_file_bytes + (off_t)done);
        if (n <= 0 && errno != EINTR) {
            const int why = n < 0 ? errno : EIO;
            (void)ftruncate(writer->fd,
                            writer->n_file_bytes); /* else the next opening cuts it off */
            errno = why;
            return host_file_fail(writer->path, err);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(writer->fd) == 0 ? CIM_OK : host_file_fail(writer->path, err);
}

cim_status
host_archive_append(struct host_archive_writer *writer, enum host_archive_kind kind, int64_t now_ms,
                    const struct host_wal_place *after, const void *frames, size_t len,
                    cim_error *err)
{
    struct host_archive_record record = {
        .serial = writer->last.serial + 1, .time_ms = now_ms, .kind = kind, .after = *after};
    struct libdeflate_compressor *packer = libdeflate_alloc_compressor(LEVEL);
    const size_t bound = HOST_ARCHIVE_HEADER_BYTES + libdeflate_zlib_compress_bound(packer, len);
    CIM_AUTO_FREE uint8_t *bytes = packer != NULL ? malloc(bound) : NULL;
    if (bytes == NULL) {
        if (packer != NULL) {
            libdeflate_free_compressor(packer);
        }
        return cim_fail_nomem(err);
    }
    if (len > 0) {
        const size_t frame = HOST_WAL_FRAME_HEADER + after->page_bytes;
        record.n_frames = (uint32_t)(len / frame);
        record.ends = host_wal_database_pages((const uint8_t *)frames + len - frame) != 0;
        record.n_packed = (uint32_t)libdeflate_zlib_compress(packer, frames, len,
                                                             bytes + HOST_ARCHIVE_HEADER_BYTES,
                                                             bound - HOST_ARCHIVE_HEADER_BYTES);
    }
    libdeflate_free_compressor(packer);
    memcpy(record.before, writer->last.hash, sizeof record.before);
    host_archive_pack(&record, bytes);
    CIM_TRY(host_archive_hash(bytes, bytes + HOST_ARCHIVE_HEADER_BYTES, record.n_packed,
                              record.hash, err));
    memcpy(bytes + HOST_ARCHIVE_HASHED_BYTES, record.hash, sizeof record.hash);
    if (writer->fd < 0 || writer->n_file_bytes >= FILE_BYTES_MAX ||
        now_ms - writer->file_ms >= FILE_MS_MAX) {
        CIM_TRY(begin_file(writer, now_ms, err));
    }
    CIM_TRY(write_record(writer, bytes, HOST_ARCHIVE_HEADER_BYTES + record.n_packed, err));
    writer->n_file_bytes += HOST_ARCHIVE_HEADER_BYTES + record.n_packed;
    writer->last = record;
    return CIM_OK;
}

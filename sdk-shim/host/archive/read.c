/* host/archive/read.c -- names and records of an archive. */
#include "host/archive/record.h"

#include "cim/util.h"
#include "host/base/files.h"
#include "kit/time.h"

#include <libdeflate.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cim_status
host_archive_path(const char *folder, const char *name, char out[HOST_ARCHIVE_PATH_MAX],
                  cim_error *err)
{
    const int n = snprintf(out, HOST_ARCHIVE_PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < HOST_ARCHIVE_PATH_MAX ? CIM_OK
                                              : cim_fail(err, CIM_E_TOO_LARGE, "archive", name,
                                                         "路径过长", "the path is too long");
}

/* ---- names ---- */

void
host_archive_moment(int64_t ms, char out[HOST_ARCHIVE_NAME_MAX])
{
    char time[CIM_TIME_TEXT_MAX];
    cim_time_format(ms, time); /* 2026-11-27T10:30:00.000Z */
    (void)snprintf(out, HOST_ARCHIVE_NAME_MAX, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", time, time + 5,
                   time + 8, time + 11, time + 14, time + 17);
}

static int
is_generation(const struct dirent *entry)
{
    return strlen(entry->d_name) < HOST_ARCHIVE_NAME_MAX && strlen(entry->d_name) > 17 &&
           entry->d_name[15] == 'Z' && entry->d_name[16] == '-';
}

static int
is_file(const struct dirent *entry)
{
    return strspn(entry->d_name, "0123456789") == HOST_ARCHIVE_SERIAL_DIGITS &&
           strcmp(entry->d_name + HOST_ARCHIVE_SERIAL_DIGITS, ".log") == 0;
}

static cim_status
list(const char *folder, int (*which)(const struct dirent *), char ***ret_names, size_t *ret_n,
     cim_error *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, which, alphasort);
    *ret_names = NULL;
    *ret_n = 0;
    if (n < 0) {
        return errno == ENOENT ? CIM_OK : host_file_fail(folder, err);
    }
    char **names = calloc((size_t)n + 1, sizeof *names);
    bool whole = names != NULL;
    for (int i = 0; i < n; i++) {
        if (whole) {
            names[i] = strdup(entries[i]->d_name);
            whole = names[i] != NULL;
        }
        free(entries[i]);
    }
    free(entries);
    if (!whole) {
        host_archive_names_free(names, (size_t)n);
        return cim_fail_nomem(err);
    }
    *ret_names = names;
    *ret_n = (size_t)n;
    return CIM_OK;
}

void
host_archive_names_free(char **names, size_t n)
{
    for (size_t i = 0; names != NULL && i < n; i++) {
        free(names[i]);
    }
    free(names);
}

cim_status
host_archive_generations(const char *folder, char ***ret_names, size_t *ret_n, cim_error *err)
{
    return list(folder, is_generation, ret_names, ret_n, err);
}

cim_status
host_archive_files(const char *folder, const char *generation, char ***ret_names, size_t *ret_n,
                   cim_error *err)
{
    char path[HOST_ARCHIVE_PATH_MAX];
    CIM_TRY(host_archive_path(folder, generation, path, err));
    return list(path, is_file, ret_names, ret_n, err);
}

/* ---- reading ---- */

struct reader {
    const char *path;
    FILE *file;
    uint8_t *packed; /* HOST_ARCHIVE_PAYLOAD_MAX bytes */
    uint8_t *frames; /* likewise */
    struct libdeflate_decompressor *unpacker;
};

/* `what` of it is wrong: "SHA-256". */
static cim_status
damaged(const struct reader *reader, int64_t serial, const char *what, cim_error *err)
{
    return cim_fail(
        err, CIM_E_STATE, "archive", reader->path, "归档 %s 的第 %lld 条记录已损坏（%s）",
        "the archive %s is damaged at record %lld (%s)", reader->path, (long long)serial, what);
}

/* *ret_there false: the file ends here, maybe in the middle of what a crash left. */
static cim_status
next_record(struct reader *reader, struct host_archive_record *ret_record, bool *ret_there,
            cim_error *err)
{
    uint8_t header[HOST_ARCHIVE_HEADER_BYTES];
    uint8_t hash[HOST_ARCHIVE_HASH_BYTES];
    const size_t n = fread(header, 1, sizeof header, reader->file);
    *ret_there = false;
    if (ferror(reader->file) != 0) {
        return host_file_fail(reader->path, err);
    }
    if (n < sizeof header) {
        return CIM_OK;
    }
    if (!host_archive_unpack(header, ret_record)) {
        return damaged(reader, ret_record->serial, "header", err);
    }
    if (fread(reader->packed, 1, ret_record->n_packed, reader->file) < ret_record->n_packed) {
        return ferror(reader->file) != 0 ? host_file_fail(reader->path, err) : CIM_OK;
    }
    CIM_TRY(host_archive_hash(header, reader->packed, ret_record->n_packed, hash, err));
    if (memcmp(hash, ret_record->hash, sizeof hash) != 0) {
        return damaged(reader, ret_record->serial, "SHA-256", err);
    }
    *ret_there = true;
    return CIM_OK;
}

static cim_status
unpack(struct reader *reader, const struct host_archive_record *record, cim_error *err)
{
    const size_t len =
        (size_t)record->n_frames * (HOST_WAL_FRAME_HEADER + record->after.page_bytes);
    if (record->n_frames > 0 &&
        (len > HOST_ARCHIVE_PAYLOAD_MAX ||
         libdeflate_zlib_decompress(reader->unpacker, reader->packed, record->n_packed,
                                    reader->frames, len, NULL) != LIBDEFLATE_SUCCESS)) {
        return damaged(reader, record->serial, "zlib", err);
    }
    return CIM_OK;
}

static cim_status
reader_open(struct reader *reader, cim_error *err)
{
    reader->packed = malloc(HOST_ARCHIVE_PAYLOAD_MAX);
    reader->frames = malloc(HOST_ARCHIVE_PAYLOAD_MAX);
    reader->unpacker = libdeflate_alloc_decompressor();
    return reader->packed != NULL && reader->frames != NULL && reader->unpacker != NULL
               ? CIM_OK
               : cim_fail_nomem(err);
}

static void
reader_close(struct reader *reader)
{
    if (reader->file != NULL) {
        (void)fclose(reader->file); /* it was read alone */
    }
    free(reader->packed);
    free(reader->frames);
    if (reader->unpacker != NULL) {
        libdeflate_free_decompressor(reader->unpacker);
    }
}

/* One file; *before is the record that came last. */
static cim_status
read_file(struct reader *reader, const char *path, bool want_payload, host_archive_each each,
          void *arg, struct host_archive_record *before, bool *ret_more, cim_error *err)
{
    reader->path = path;
    reader->file = fopen(path, "re");
    if (reader->file == NULL) {
        return host_file_fail(path, err);
    }
    while (*ret_more) {
        struct host_archive_record record;
        bool there = false;
        CIM_TRY(next_record(reader, &record, &there, err));
        if (!there) {
            break;
        }
        if (before->serial != 0 &&
            (record.serial != before->serial + 1 ||
             memcmp(record.before, before->hash, sizeof record.before) != 0)) {
            return damaged(reader, record.serial, "order", err);
        }
        if (want_payload) {
            CIM_TRY(unpack(reader, &record, err));
        }
        *before = record;
        CIM_TRY(each(arg, &record, want_payload ? reader->frames : NULL, ret_more, err));
    }
    (void)fclose(reader->file);
    reader->file = NULL;
    return CIM_OK;
}

/* Index of the file that has the record. */
static size_t
file_of(char **names, size_t n, int64_t serial)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (strtoll(names[i], NULL, 10) <= serial) {
            found = i;
        }
    }
    return found;
}

cim_status
host_archive_read(const char *folder, const char *generation, int64_t from, bool want_payload,
                  host_archive_each each, void *arg, cim_error *err)
{
    struct reader reader = {.path = NULL};
    struct host_archive_record before = {.serial = 0};
    char place[HOST_ARCHIVE_PATH_MAX];
    char **names = NULL;
    size_t n = 0;
    bool more = true;
    CIM_TRY(host_archive_path(folder, generation, place, err));
    CIM_TRY(host_archive_files(folder, generation, &names, &n, err));
    cim_status status = reader_open(&reader, err);
    for (size_t i = file_of(names, n, from); i < n && more && status == CIM_OK; i++) {
        char path[HOST_ARCHIVE_PATH_MAX];
        status = host_archive_path(place, names[i], path, err);
        if (status == CIM_OK) {
            status = read_file(&reader, path, want_payload, each, arg, &before, &more, err);
        }
    }
    reader_close(&reader);
    host_archive_names_free(names, n);
    return status;
}

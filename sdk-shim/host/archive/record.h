/* host/archive/record.h -- the files of an archive: records one after the other. */
#ifndef HOST_ARCHIVE_RECORD_H
#define HOST_ARCHIVE_RECORD_H

#include "host/archive/archive.h"

enum {
    HOST_ARCHIVE_HASH_BYTES = 32,
    HOST_ARCHIVE_HEADER_BYTES = 136,
    HOST_ARCHIVE_HASHED_BYTES = HOST_ARCHIVE_HEADER_BYTES - HOST_ARCHIVE_HASH_BYTES,
    HOST_ARCHIVE_SERIAL_DIGITS = 10, /* of a file's name: its first record */
    HOST_ARCHIVE_PAYLOAD_MAX = 8 << 20
};

enum host_archive_kind {
    HOST_ARCHIVE_FRAMES = 1,
    HOST_ARCHIVE_WHOLE = 2 /* all before is in the database's file: the log may begin anew */
};

struct host_archive_record {
    int64_t serial; /* from 1, without gaps within a generation */
    int64_t time_ms;
    enum host_archive_kind kind;
    struct host_wal_place after; /* the place behind its frames */
    uint32_t n_frames;
    bool ends;                               /* the last frame ends a transaction */
    uint32_t n_packed;                       /* bytes that follow, a zlib stream */
    uint8_t before[HOST_ARCHIVE_HASH_BYTES]; /* hash of the record before; zeros for the first */
    uint8_t hash[HOST_ARCHIVE_HASH_BYTES];
};

/* ---- the bytes (format.c) ---- */

void host_archive_pack(const struct host_archive_record *record,
                       uint8_t out[HOST_ARCHIVE_HEADER_BYTES]);
/* False: no header of ours, or one with sizes that cannot be. */
bool host_archive_unpack(const uint8_t in[HOST_ARCHIVE_HEADER_BYTES],
                         struct host_archive_record *ret_record);
cim_status host_archive_hash(const uint8_t header[HOST_ARCHIVE_HEADER_BYTES], const void *packed,
                             size_t n_packed, uint8_t ret_hash[HOST_ARCHIVE_HASH_BYTES],
                             cim_error *err);

/* ---- writing: one generation, its newest file ---- */

struct host_archive_writer {
    const char *folder; /* FOLDER/STORE */
    char generation[HOST_ARCHIVE_NAME_MAX];
    struct host_archive_record last; /* serial 0: none yet */
    int fd;                          /* of the newest file; -1: the next record begins one */
    char path[HOST_ARCHIVE_PATH_MAX];
    int64_t n_file_bytes;
    int64_t file_ms; /* time of its first record */
};

/* Goes on with the newest generation; what a crash left half written at its end is cut off. An
 * empty generation: there is none. */
cim_status host_archive_writer_open(const char *folder, struct host_archive_writer *ret_writer,
                                    cim_error *err);
void host_archive_writer_close(struct host_archive_writer *writer);
cim_status host_archive_begin_generation(struct host_archive_writer *writer, int64_t now_ms,
                                         cim_error *err);
/* On the disk when it returns. `frames` of `len` bytes; none for HOST_ARCHIVE_WHOLE. */
cim_status host_archive_append(struct host_archive_writer *writer, enum host_archive_kind kind,
                               int64_t now_ms, const struct host_wal_place *after,
                               const void *frames, size_t len, cim_error *err);

/* ---- reading ---- */

/* `each` gets each record and, with `want_payload`, its frames; returns false in *ret_more to end.
 * A record cut off at the very end is where a crash was and ends the reading; anything else that is
 * not as it was written is CIM_E_STATE with file and record. Begins with the file that has the
 * record `from`. */
typedef cim_status (*host_archive_each)(void *arg, const struct host_archive_record *record,
                                        const void *frames, bool *ret_more, cim_error *err);
cim_status host_archive_read(const char *folder, const char *generation, int64_t from,
                             bool want_payload, host_archive_each each, void *arg, cim_error *err);

/* Names below `folder` that an archive gives, sorted; free each and the list. None where there is
 * no folder. */
cim_status host_archive_generations(const char *folder, char ***ret_names, size_t *ret_n,
                                    cim_error *err);
cim_status host_archive_files(const char *folder, const char *generation, char ***ret_names,
                              size_t *ret_n, cim_error *err);
/* "20261127T103000Z", with which the name of a generation begins. */
void host_archive_moment(int64_t ms, char out[HOST_ARCHIVE_NAME_MAX]);
void host_archive_names_free(char **names, size_t n);
cim_status host_archive_path(const char *folder, const char *name, char out[HOST_ARCHIVE_PATH_MAX],
                             cim_error *err);

#endif

/* host/store/sqlite/wal.h -- the write-ahead log of an embedded database, read from its file.
 *
 * Format: https://www.sqlite.org/fileformat2.html#walformat. A frame is a header of 24 bytes and
 * the image of a page; a transaction is whole once a frame of it says how many pages the database
 * has. Each frame carries a checksum that goes on from the one before, so that what was written by
 * half, or belongs to an earlier use of the file, is told apart. */
#ifndef HOST_STORE_SQLITE_WAL_H
#define HOST_STORE_SQLITE_WAL_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_WAL_FRAME_HEADER = 24 };

/* How far a log was read. All zeros: nothing yet. */
struct host_wal_place {
    uint32_t salts[2]; /* of this use of the file; another pair after it was begun anew */
    uint32_t sums[2];  /* checksum after the last frame */
    uint32_t n_frames; /* read; the next one has this index, counted from 0 */
    uint32_t page_bytes;
};

enum host_wal_course {
    HOST_WAL_GOES_ON,   /* from the place */
    HOST_WAL_BEGUN_NEW, /* once since: the salts follow on those of the place; read from the first
                           frame */
    HOST_WAL_ELSEWHERE, /* another log: what lay between is not known; read from the first frame */
    HOST_WAL_EMPTY      /* no log, or none that is valid */
};

/* Whole frames that follow one another, at most some MiB. `after` is the place behind them. */
typedef cim_status (*host_wal_take)(void *arg, enum host_wal_course course,
                                    const struct host_wal_place *after, const void *frames,
                                    size_t len, cim_error *err);

/* Reads the log `path` from `from` to the end of its last whole transaction, which is on the disk
 * before anything of it is handed out. `take` NULL: only looks. *ret_end is set in any case but a
 * failure; it is `from` where there is nothing new. Beside writers of any process. [any] */
cim_status host_wal_read(const char *path, const struct host_wal_place *from, host_wal_take take,
                         void *arg, struct host_wal_place *ret_end,
                         enum host_wal_course *ret_course, cim_error *err);

/* Of a frame as it was handed out: number of its page, from 1, and the size of the database in
 * pages when it ends a transaction (else 0). */
uint32_t host_wal_page(const void *frame);
uint32_t host_wal_database_pages(const void *frame);

#endif

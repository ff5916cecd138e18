/* host/store/sqlite/wal.c -- see wal.h. */
#include "host/store/sqlite/wal.h"

#include "cim/util.h"
#include "host/base/files.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_BYTES = 32,
    CHUNK_BYTES = 4 << 20,
    PAGE_LEAST = 512,
    PAGE_MOST = 65536,
    FORMAT = 3007000
};
#define MAGIC 0x377f0682u /* the lowest bit: checksums take words in big-endian order */

struct log {
    const char *path;
    int fd;
    bool big_endian;
    size_t frame_bytes;
    uint8_t *buffer; /* whole frames */
    size_t n_buffer; /* frames that fit */
};

static uint32_t
be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t
le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

uint32_t
host_wal_page(const void *frame)
{
    return be32(frame);
}

uint32_t
host_wal_database_pages(const void *frame)
{
    return be32((const uint8_t *)frame + 4);
}

/* `len` is a multiple of eight. */
static void
sum_up(bool big_endian, const uint8_t *data, size_t len, uint32_t sums[2])
{
    for (size_t i = 0; i < len; i += 8) {
        sums[0] += (big_endian ? be32(data + i) : le32(data + i)) + sums[1];
        sums[1] += (big_endian ? be32(data + i + 4) : le32(data + i + 4)) + sums[0];
    }
}

static bool
is_page_size(uint32_t bytes)
{
    return bytes >= PAGE_LEAST && bytes <= PAGE_MOST && (bytes & (bytes - 1)) == 0;
}

/* The place before the first frame; false: there is no valid header. */
static bool
read_header(struct log *log, struct host_wal_place *ret_first)
{
    uint8_t header[HEADER_BYTES];
    uint32_t sums[2] = {0, 0};
    if (pread(log->fd, header, sizeof header, 0) != (ssize_t)sizeof header ||
        (be32(header) & ~1u) != MAGIC || be32(header + 4) != FORMAT ||
        !is_page_size(be32(header + 8))) {
        return false;
    }
    log->big_endian = (be32(header) & 1u) != 0;
    sum_up(log->big_endian, header, 24, sums);
    if (sums[0] != be32(header + 24) || sums[1] != be32(header + 28)) {
        return false;
    }
    *ret_first = (struct host_wal_place){.salts = {be32(header + 16), be32(header + 20)},
                                         .sums = {sums[0], sums[1]},
                                         .page_bytes = be32(header + 8)};
    log->frame_bytes = HOST_WAL_FRAME_HEADER + ret_first->page_bytes;
    return true;
}

/* How many whole frames were read, at most as many as fit. */
static cim_status
read_frames(const struct log *log, uint32_t first, uint32_t n, uint32_t *ret_n, cim_error *err)
{
    const off_t at = HEADER_BYTES + (off_t)first * (off_t)log->frame_bytes;
    const size_t wanted = n < log->n_buffer ? n : log->n_buffer;
    const ssize_t got = pread(log->fd, log->buffer, wanted * log->frame_bytes, at);
    if (got < 0) {
        return host_file_fail(log->path, err);
    }
    *ret_n = (uint32_t)((size_t)got / log->frame_bytes);
    return CIM_OK;
}

/* Moves `place` past a frame when it belongs to this use of the log and is whole. */
static bool
pass(const struct log *log, const uint8_t *frame, struct host_wal_place *place)
{
    uint32_t sums[2] = {place->sums[0], place->sums[1]};
    if (be32(frame + 8) != place->salts[0] || be32(frame + 12) != place->salts[1] ||
        host_wal_page(frame) == 0) {
        return false;
    }
    sum_up(log->big_endian, frame, 8, sums);
    sum_up(log->big_endian, frame + HOST_WAL_FRAME_HEADER, place->page_bytes, sums);
    if (sums[0] != be32(frame + 16) || sums[1] != be32(frame + 20)) {
        return false;
    }
    place->sums[0] = sums[0];
    place->sums[1] = sums[1];
    place->n_frames++;
    return true;
}

/* The end of the last whole transaction. */
static cim_status
find_end(const struct log *log, const struct host_wal_place *from, uint32_t n_there,
         struct host_wal_place *ret_end, cim_error *err)
{
    struct host_wal_place place = *from;
    *ret_end = *from;
    for (;;) {
        uint32_t n = 0;
        CIM_TRY(read_frames(log, place.n_frames, n_there - place.n_frames, &n, err));
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *frame = log->buffer + i * log->frame_bytes;
            if (!pass(log, frame, &place)) {
                return CIM_OK;
            }
            if (host_wal_database_pages(frame) != 0) {
                *ret_end = place;
            }
        }
        if (n == 0) {
            return CIM_OK;
        }
    }
}

static cim_status
hand_out(const struct log *log, enum host_wal_course course, const struct host_wal_place *from,
         const struct host_wal_place *end, host_wal_take take, void *arg, cim_error *err)
{
    struct host_wal_place place = *from;
    while (place.n_frames < end->n_frames) {
        uint32_t n = 0;
        CIM_TRY(read_frames(log, place.n_frames, end->n_frames - place.n_frames, &n, err));
        for (uint32_t i = 0; i < n; i++) {
            if (!pass(log, log->buffer + i * log->frame_bytes, &place)) {
                n = 0;
            }
        }
        if (n == 0) { /* nobody writes over what was read to its end */
            return cim_fail(err, CIM_E_IO, NULL, NULL, "%s：日志在读取时改变",
                            "%s: the log changed while it was read", log->path);
        }
        CIM_TRY(take(arg, course, &place, log->buffer, n * log->frame_bytes, err));
    }
    return CIM_OK;
}

static enum host_wal_course
course_of(const struct host_wal_place *from, const struct host_wal_place *first)
{
    if (first->page_bytes == from->page_bytes && first->salts[0] == from->salts[0] &&
        first->salts[1] == from->salts[1]) {
        return HOST_WAL_GOES_ON;
    }
    /* SQLite adds one to the first and draws the second whenever it begins the file anew. */
    return from->page_bytes == first->page_bytes && first->salts[0] == from->salts[0] + 1
               ? HOST_WAL_BEGUN_NEW
               : HOST_WAL_ELSEWHERE;
}

/* The frame before the place is still the one that was read. */
static cim_status
is_same(const struct log *log, const struct host_wal_place *from, bool *ret_same, cim_error *err)
{
    uint32_t n = 0;
    *ret_same = from->n_frames == 0;
    if (*ret_same) {
        return CIM_OK;
    }
    CIM_TRY(read_frames(log, from->n_frames - 1, 1, &n, err));
    *ret_same = n == 1 && be32(log->buffer + 16) == from->sums[0] &&
                be32(log->buffer + 20) == from->sums[1];
    return CIM_OK;
}

static cim_status
read_log(struct log *log, const struct host_wal_place *from, host_wal_take take, void *arg,
         struct host_wal_place *ret_end, enum host_wal_course *ret_course, cim_error *err)
{
    struct host_wal_place begin;
    struct host_wal_place end;
    struct stat info;
    bool same = false;
    /* Size first, then the disk: all that is read below survives a loss of power. */
    if (fstat(log->fd, &info) != 0 || fsync(log->fd) != 0) {
        return host_file_fail(log->path, err);
    }
    if (!read_header(log, &begin)) {
        return CIM_OK;
    }
    CIM_AUTO_FREE uint8_t *buffer = malloc(CHUNK_BYTES);
    if (buffer == NULL) {
        return cim_fail_nomem(err);
    }
    log->buffer = buffer;
    log->n_buffer = CHUNK_BYTES / log->frame_bytes;
    *ret_course = course_of(from, &begin);
    if (*ret_course == HOST_WAL_GOES_ON) {
        CIM_TRY(is_same(log, from, &same, err));
        *ret_course = same ? HOST_WAL_GOES_ON : HOST_WAL_ELSEWHERE;
        begin = same && from->n_frames > 0 ? *from : begin;
    }
    const int64_t n_there = (info.st_size - HEADER_BYTES) / (int64_t)log->frame_bytes;
    CIM_TRY(
        find_end(log, &begin, n_there > UINT32_MAX ? UINT32_MAX : (uint32_t)n_there, &end, err));
    if (take != NULL) {
        CIM_TRY(hand_out(log, *ret_course, &begin, &end, take, arg, err));
    }
    *ret_end = end;
    return CIM_OK;
}

cim_status
host_wal_read(const char *path, const struct host_wal_place *from, host_wal_take take, void *arg,
              struct host_wal_place *ret_end, enum host_wal_course *ret_course, cim_error *err)
{
    struct log log = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct host_wal_place end = *from;
    enum host_wal_course course = HOST_WAL_EMPTY;
    cim_status status = CIM_OK;
    if (log.fd < 0) {
        if (errno != ENOENT) {
            return host_file_fail(path, err);
        }
    } else {
        status = read_log(&log, from, take, arg, &end, &course, err);
        (void)close(log.fd);
    }
    if (status == CIM_OK) {
        *ret_end = end;
        *ret_course = course;
    }
    return status;
}

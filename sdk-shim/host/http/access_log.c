/* host/http/access_log.c -- a line per request. The event thread leaves a record in a ring; the
 * watch thread writes the lines, since standard error may block. */
#include "internal.h"

#include "cim/util.h"
#include "kit/buf.h"

#include <stdlib.h>

enum { RECORDS_MAX = 8192, LINES_MAX_BYTES = 1 << 20, FLUSH_AT_BYTES = 64 << 10 };

struct record {
    int64_t duration_us;
    int64_t bytes;
    int32_t status;
    char method[8];
    char id[REQUEST_ID_MAX + 1];
    char client[48];
    char user[40];
    char path[120];
};

struct host_access_log {
    pthread_mutex_t lock;
    size_t n;
    int64_t dropped;
    struct record *records; /* being filled */
    struct record *spare;   /* being written */
};

struct host_access_log *
host_access_log_new(void)
{
    struct host_access_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&log->lock, NULL);
    log->records = calloc(RECORDS_MAX, sizeof *log->records);
    log->spare = calloc(RECORDS_MAX, sizeof *log->spare);
    if (log->records == NULL || log->spare == NULL) {
        host_access_log_free(log);
        return NULL;
    }
    return log;
}

void
host_access_log_free(struct host_access_log *log)
{
    if (log == NULL) {
        return;
    }
    host_access_log_flush(log);
    (void)pthread_mutex_destroy(&log->lock);
    free(log->records);
    free(log->spare);
    free(log);
}

void
host_access_log_add(struct host_access_log *log, const struct cim_http_req *req,
                    int64_t duration_us)
{
    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    if (log->n == RECORDS_MAX) {
        log->dropped++;
    } else {
        struct record *record = &log->records[log->n++];
        record->duration_us = duration_us;
        record->bytes = req->sent_bytes;
        record->status = req->status;
        cim_copy_text(record->method, sizeof record->method, req->method);
        cim_copy_text(record->id, sizeof record->id, req->request_id);
        cim_copy_text(record->client, sizeof record->client, req->client);
        cim_copy_text(record->user, sizeof record->user,
                      req->principal != NULL ? req->call.principal : "-");
        /* The query is left out: it may hold what somebody searched for. */
        cim_copy_text(record->path, sizeof record->path,
                      req->target.path != NULL ? req->target.path : "?");
    }
    (void)pthread_mutex_unlock(&log->lock);
}

static void
write_record(struct cim_buf *lines, const struct record *record)
{
    host_log_begin(lines, CIM_LOG_INFO, "access");
    host_log_field(lines, "request_id", record->id);
    host_log_field(lines, "client", record->client);
    host_log_field(lines, "user", record->user);
    host_log_field(lines, "method", record->method);
    host_log_field(lines, "path", record->path);
    host_log_field_int(lines, "status", record->status);
    host_log_field_int(lines, "bytes", record->bytes);
    host_log_field_int(lines, "us", record->duration_us);
    host_log_end(lines);
}

static void
put(struct cim_buf *lines)
{
    if (cim_buf_status(lines, NULL) == CIM_OK && lines->len > 0) {
        host_log_line(lines->data, lines->len);
    }
    cim_buf_clear(lines);
}

void
host_access_log_flush(struct host_access_log *log)
{
    struct cim_buf lines CIM_AUTO_BUF;
    cim_buf_init(&lines, LINES_MAX_BYTES);
    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    struct record *full = log->records;
    const size_t n = log->n;
    const int64_t dropped = log->dropped;
    log->records = log->spare;
    log->spare = full;
    log->n = 0;
    log->dropped = 0;
    (void)pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; i < n; i++) {
        write_record(&lines, &full[i]);
        if (lines.len >= FLUSH_AT_BYTES) {
            put(&lines);
        }
    }
    put(&lines);
    if (dropped > 0) {
        host_log(CIM_LOG_WARNING, "access", "%lld requests not logged: too many at once",
                 (long long)dropped);
    }
}

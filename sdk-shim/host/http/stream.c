/* host/http/stream.c -- streamed responses: pieces are made on workers only while little waits to
 * be sent, and the connection sleeps while there is nothing to send. */
#include "internal.h"

#include "cim/util.h"
#include "host/base/problem.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_PIECE_BYTES = 16 << 10,
    MHD_BLOCK_BYTES = 16 << 10,
    EVENTS_BLOCK_BYTES = 2 << 10, /* thousands of them sleep at once */
    ENOUGH_BYTES = 48 << 10,      /* of one run of a job */
    TURN_US = 5000                /* after that, what there is goes out */
};

struct cim_http_writer {
    struct host_piece *piece;
    size_t capacity;
};

cim_status
host_http_write(cim_http_writer *writer, const void *data, uint64_t len, cim_error *err)
{
    const size_t used = writer->piece != NULL ? writer->piece->len : 0;
    if (len > STREAM_PIECE_MAX_BYTES - used) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "一次输出超过 %d 字节",
                        "one produce() wrote more than %d bytes", STREAM_PIECE_MAX_BYTES);
    }
    if (writer->piece == NULL || used + len > writer->capacity) {
        size_t capacity = writer->capacity > 0 ? writer->capacity : FIRST_PIECE_BYTES;
        while (capacity < used + len) {
            capacity *= 2;
        }
        struct host_piece *piece = realloc(writer->piece, sizeof *piece + capacity);
        if (piece == NULL) {
            return cim_fail_nomem(err);
        }
        if (writer->piece == NULL) {
            *piece = (struct host_piece){0};
        }
        writer->piece = piece;
        writer->capacity = capacity;
    }
    if (len > 0) {
        memcpy(writer->piece->data + used, data, len);
        writer->piece->len += len;
    }
    return CIM_OK;
}

void
host_stream_init(struct cim_http_req *req)
{
    (void)pthread_mutex_init(&req->stream.lock, NULL);
}

void
host_stream_done(struct cim_http_req *req)
{
    struct host_stream *stream = &req->stream;
    if (stream->open) {
        stream->open = false;
        stream->producer.release(stream->producer.self);
    }
    while (stream->first != NULL) {
        struct host_piece *next = stream->first->next;
        free(stream->first);
        stream->first = next;
    }
    (void)pthread_mutex_destroy(&stream->lock);
}

static void
append(struct host_stream *stream, struct host_piece *piece)
{
    if (piece == NULL) {
        return;
    }
    if (stream->last != NULL) {
        stream->last->next = piece;
    } else {
        stream->first = piece;
    }
    stream->last = piece;
    stream->waiting += piece->len;
}

/* With the lock held. */
static void
wake(struct cim_http_req *req)
{
    if (req->stream.sleeping) {
        req->stream.sleeping = false;
        host_watch_resume(req);
    }
}

static bool
must_stop(const struct cim_http_req *req)
{
    return req->stream.failed || atomic_load(&req->gone) != 0 ||
           atomic_load(&req->http->closing) != 0 || host_route_entry_is_cut(req->match.entry);
}

/* Calls produce() until there is a good piece, so that small writes do not cost a wake-up each. */
static cim_status
fill(struct cim_http_req *req, struct cim_http_writer *writer, int32_t *ret_more, cim_error *err)
{
    const cim_http_producer *producer = &req->stream.producer;
    const int64_t until_us = host_now_us() + TURN_US;
    size_t before = 0;
    size_t len = 0;
    int32_t more = CIM_HTTP_MORE;
    do {
        before = len;
        CIM_TRY(producer->produce(producer->self, &req->call, writer, &more, err));
        len = writer->piece != NULL ? writer->piece->len : 0;
    } while (more == CIM_HTTP_MORE && len > before && len < ENOUGH_BYTES &&
             host_now_us() < until_us);
    *ret_more = more;
    return CIM_OK;
}

/* One piece outside the lock, then its outcome under it. Returns whether the job goes on. */
static bool
produce(struct cim_http_req *req)
{
    struct host_stream *stream = &req->stream;
    struct cim_http_writer writer = {0};
    cim_error err = {0};
    int32_t more = CIM_HTTP_END;
    req->deadline_ms = host_monotonic_ms() + req->http->options.request_timeout_ms;
    const cim_status status = fill(req, &writer, &more, &err);
    if (status != CIM_OK && status != CIM_E_CANCELLED) {
        host_log_error("http", req->request_id, &err);
    }
    (void)pthread_mutex_lock(&stream->lock);
    append(stream, writer.piece);
    stream->failed = stream->failed || status != CIM_OK;
    stream->ended = more == CIM_HTTP_END;
    stream->idle = more == HOST_HTTP_WAIT && !stream->woken;
    stream->woken = false;
    const bool over = stream->failed || stream->ended;
    const bool go_on = !over && !stream->idle && stream->waiting < STREAM_LOW_BYTES;
    stream->scheduled = go_on || over; /* over: nothing may schedule it again */
    stream->open = !over;
    if (stream->first != NULL || over) {
        wake(req);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    if (over) {
        stream->producer.release(stream->producer.self);
    }
    return go_on;
}

/* Lets the producer go because nobody wants its bytes any more. */
static void
give_up(struct cim_http_req *req)
{
    struct host_stream *stream = &req->stream;
    (void)pthread_mutex_lock(&stream->lock);
    const bool open = stream->open;
    stream->open = false;
    stream->failed = true;
    wake(req);
    (void)pthread_mutex_unlock(&stream->lock);
    if (open) {
        stream->producer.release(stream->producer.self);
    }
}

static void
run(struct host_job *job)
{
    struct cim_http_req *req =
        (struct cim_http_req *)(void *)((char *)job - offsetof(struct cim_http_req, stream_job));
    (void)pthread_mutex_lock(&req->stream.lock);
    const bool stop = must_stop(req);
    (void)pthread_mutex_unlock(&req->stream.lock);
    if (stop) {
        give_up(req);
    } else if (produce(req)) {
        if (host_pool_push(req->http->pool, job, HOST_LANE_STREAM)) {
            return; /* the job keeps its reference */
        }
        give_up(req);
    }
    host_req_unref(req);
}

/* With the lock held; false: the pool has stopped. */
static bool
schedule(struct cim_http_req *req)
{
    if (req->stream.scheduled) {
        return true;
    }
    req->stream.scheduled = true;
    req->stream_job.run = run;
    host_req_ref(req);
    if (!host_pool_push(req->http->pool, &req->stream_job, HOST_LANE_STREAM)) {
        req->stream.scheduled = false;
        host_req_unref(req);
        return false;
    }
    return true;
}

static size_t
copy_out(struct cim_http_req *req, char *out, size_t room)
{
    struct host_stream *stream = &req->stream;
    size_t n = 0;
    while (stream->first != NULL && n < room) {
        struct host_piece *piece = stream->first;
        const size_t left = piece->len - piece->sent;
        const size_t len = left < room - n ? left : room - n;
        memcpy(out + n, piece->data + piece->sent, len);
        n += len;
        piece->sent += len;
        if (piece->sent == piece->len) {
            stream->first = piece->next;
            stream->last = stream->first != NULL ? stream->last : NULL;
            free(piece);
        }
    }
    stream->waiting -= n;
    req->sent_bytes += (int64_t)n;
    return n;
}

void
host_http_wake(cim_http_req *req)
{
    struct host_stream *stream = &req->stream;
    (void)pthread_mutex_lock(&stream->lock);
    if (stream->open && !stream->failed) {
        stream->woken = stream->scheduled;
        if (stream->idle && !stream->scheduled) {
            stream->idle = false;
            (void)schedule(req); /* the pool has stopped: streams are cut anyway */
        }
    }
    (void)pthread_mutex_unlock(&stream->lock);
}

/* Whether produce() should be asked for more. */
static bool
wants_more(const struct host_stream *stream)
{
    return !stream->ended && !stream->idle && stream->waiting < STREAM_LOW_BYTES;
}

/* The event thread asks for bytes. */
static ssize_t
read_stream(void *cls, uint64_t pos, char *out, size_t room)
{
    struct cim_http_req *req = cls;
    struct host_stream *stream = &req->stream;
    ssize_t result = 0;
    (void)pos;
    (void)pthread_mutex_lock(&stream->lock);
    if (must_stop(req) || (stream->first == NULL && wants_more(stream) && !schedule(req))) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->first != NULL) {
        result = (ssize_t)copy_out(req, out, room);
        if (wants_more(stream) && !schedule(req)) {
            result = MHD_CONTENT_READER_END_WITH_ERROR;
        }
    } else if (stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->sleeping = true;
        host_watch_suspend(req);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return result;
}

static void
free_stream(void *cls)
{
    struct cim_http_req *req = cls;
    host_stream_abandon(req);
    host_req_unref(req);
}

void
host_stream_response(struct cim_http_req *req)
{
    host_req_ref(req);
    const size_t block_bytes = req->stream.events ? EVENTS_BLOCK_BYTES : MHD_BLOCK_BYTES;
    req->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_bytes, read_stream,
                                                      req, free_stream);
    if (req->response == NULL) {
        host_req_unref(req);
        return;
    }
    if (strcmp(req->method, "HEAD") == 0) {
        /* libmicrohttpd 0.9.75 sends the last chunk of a chunked body even to HEAD, where it would
         * be read as the start of the next answer. */
        (void)MHD_set_response_options(req->response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
                                       MHD_RO_END);
    }
}

/* Releasing a producer may take time (it ends a query), so a worker does it. */
void
host_stream_abandon(struct cim_http_req *req)
{
    (void)pthread_mutex_lock(&req->stream.lock);
    req->stream.failed = true;
    const bool stuck = req->stream.open && !schedule(req);
    (void)pthread_mutex_unlock(&req->stream.lock);
    if (stuck) {
        give_up(req);
    }
}

void
host_stream_cut(struct cim_http_req *req, bool idle_only)
{
    (void)pthread_mutex_lock(&req->stream.lock);
    if (req->stream.sleeping && (req->stream.idle || !idle_only)) {
        req->stream.failed = true;
        wake(req);
    }
    (void)pthread_mutex_unlock(&req->stream.lock);
}

static void
free_piece(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){0};
}

/* The first piece is made before the head is sent: a failure can still be a problem document, and a
 * body of one piece is an ordinary response with its length. */
void
host_stream_first(struct cim_http_req *req)
{
    struct host_stream *stream = &req->stream;
    struct cim_http_writer writer = {0};
    cim_error err = {0};
    int32_t more = CIM_HTTP_END;
    const cim_status status = fill(req, &writer, &more, &err);
    if (status != CIM_OK) {
        err.code = status;
        free(writer.piece);
        const int32_t http_status = host_problem_http_status(&err);
        if (http_status == 500) {
            host_log_error("http", req->request_id, &err);
        }
        host_respond_problem(req, http_status, &err);
        return;
    }
    if (more != CIM_HTTP_END) { /* who waits is asked once more when the head is out */
        append(stream, writer.piece);
        return;
    }
    stream->open = false;
    stream->producer.release(stream->producer.self);
    req->streaming = false;
    if (writer.piece != NULL) {
        req->blob = (cim_blob){writer.piece->data, writer.piece->len, free_piece, writer.piece};
    }
}

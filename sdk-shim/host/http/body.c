/* host/http/body.c -- request bodies: in memory, then in a spool file; and reading them back. */
#include "internal.h"

#include "cim/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_BLOCK_BYTES = 16 << 10 };

void
host_body_done(struct host_body *body)
{
    free(body->memory);
    body->memory = NULL;
    if (body->fd >= 0) {
        (void)close(body->fd);
        body->fd = -1;
    }
    if (body->path != NULL) {
        (void)unlink(body->path);
        free(body->path);
        body->path = NULL;
    }
}

cim_status
host_body_take(struct host_body *body, const void *data, size_t len, size_t *ret_taken,
               cim_error *err)
{
    if (body->total + len > body->max) {
        return cim_fail(err, CIM_E_TOO_LARGE, "body", NULL, "请求体超过 %llu 字节",
                        "the body is larger than %llu bytes", (unsigned long long)body->max);
    }
    size_t taken = BODY_MEMORY_BYTES - body->len;
    taken = len < taken ? len : taken;
    if (body->len + taken > body->capacity) {
        size_t capacity = body->capacity > 0 ? body->capacity : FIRST_BLOCK_BYTES;
        while (capacity < body->len + taken) {
            capacity *= 2;
        }
        uint8_t *memory = realloc(body->memory, capacity);
        if (memory == NULL) {
            return cim_fail_nomem(err);
        }
        body->memory = memory;
        body->capacity = capacity;
    }
    memcpy(body->memory + body->len, data, taken);
    body->len += taken;
    body->total += taken;
    *ret_taken = taken;
    return CIM_OK;
}

static cim_status
fail_io(cim_error *err)
{
    const int number = errno;
    const cim_status status = cim_fail(err, CIM_E_IO, NULL, NULL, "无法暂存请求体：%s",
                                       "cannot spool the body: %s", strerrorname_np(number));
    if (err != NULL) {
        err->os_errno = number;
    }
    return status;
}

static cim_status
open_spool(struct host_body *body, const char *dir, cim_error *err)
{
    char path[1024];
    const int n = snprintf(path, sizeof path, "%s/body-XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return fail_io(err);
    }
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        return fail_io(err);
    }
    body->fd = fd;
    body->path = strdup(path);
    if (body->path == NULL) {
        (void)unlink(path);
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

cim_status
host_body_spool(struct host_body *body, const char *dir, cim_error *err)
{
    if (body->fd < 0) {
        CIM_TRY(open_spool(body, dir, err));
    }
    size_t done = 0;
    while (done < body->len) {
        const ssize_t n = write(body->fd, body->memory + done, body->len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail_io(err);
        }
        done += (size_t)n;
    }
    body->spooled += body->len;
    body->len = 0;
    return CIM_OK;
}

cim_status
host_http_read_body(cim_http_req *req, void *buffer, uint64_t capacity, uint64_t *ret_len,
                    cim_error *err)
{
    struct host_body *body = &req->body;
    const uint64_t left = body->total - body->read_at;
    uint64_t len = capacity < left ? capacity : left;
    if (body->read_at < body->spooled && len > 0) {
        const uint64_t in_file = body->spooled - body->read_at;
        len = len < in_file ? len : in_file;
        const ssize_t n = pread(body->fd, buffer, len, (off_t)body->read_at);
        if (n <= 0) {
            return fail_io(err);
        }
        len = (uint64_t)n;
    } else if (len > 0) {
        memcpy(buffer, body->memory + (body->read_at - body->spooled), len);
    }
    body->read_at += len;
    *ret_len = len;
    return CIM_OK;
}

void
host_http_rewind_body(cim_http_req *req)
{
    req->body.read_at = 0;
}

cim_status
host_http_body_text(cim_http_req *req, uint64_t max, const char **ret_text, uint64_t *ret_len,
                    cim_error *err)
{
    struct host_body *body = &req->body;
    if (body->total > max) {
        return cim_fail(err, CIM_E_TOO_LARGE, "body", NULL, "请求体超过 %llu 字节",
                        "the body is larger than %llu bytes", (unsigned long long)max);
    }
    char *text = host_arena_alloc(&req->arena, body->total + 1);
    uint64_t done = 0;
    uint64_t n = 0;
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    body->read_at = 0;
    do {
        CIM_TRY(host_http_read_body(req, text + done, body->total - done, &n, err));
        done += n;
    } while (n > 0 && done < body->total);
    *ret_text = text;
    if (ret_len != NULL) {
        *ret_len = done;
    }
    return CIM_OK;
}

cim_status
host_http_body_file(cim_http_req *req, const char **ret_path, cim_error *err)
{
    CIM_TRY(host_body_spool(&req->body, req->http->options.spool_dir, err));
    *ret_path = req->body.path;
    return CIM_OK;
}

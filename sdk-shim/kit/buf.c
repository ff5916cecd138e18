/* kit/buf.c -- see buf.h. */
#include "kit/buf.h"

#include "cim/util.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void
cim_buf_init(struct cim_buf *buf, size_t max)
{
    *buf = (struct cim_buf){.max = max};
}

void
cim_buf_done(struct cim_buf *buf)
{
    if (buf != NULL) {
        free(buf->data);
        *buf = (struct cim_buf){.max = buf->max};
    }
}

void
cim_buf_clear(struct cim_buf *buf)
{
    buf->len = 0;
    buf->failed = CIM_OK;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

cim_status
cim_buf_status(const struct cim_buf *buf, cim_error *err)
{
    switch (buf->failed) {
    case CIM_OK:
        return CIM_OK;
    case CIM_E_NOMEM:
        return cim_fail_nomem(err);
    case CIM_E_TOO_LARGE:
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "内容超过 %zu 字节的上限",
                        "the content is over the limit of %zu bytes", buf->max);
    default:
        return cim_fail(err, buf->failed, NULL, NULL, "写入内容失败", "formatting failed");
    }
}

/* Room for `more` bytes and the NUL, or NULL with the failure noted. */
static char *
reserve(struct cim_buf *buf, size_t more)
{
    if (buf->failed != CIM_OK) {
        return NULL;
    }
    if (more > buf->max || buf->len > buf->max - more) {
        buf->failed = CIM_E_TOO_LARGE;
        return NULL;
    }
    size_t needed = buf->len + more + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity != 0 ? buf->capacity : FIRST_CAPACITY;
        while (capacity < needed) {
            capacity *= 2;
        }
        char *data = realloc(buf->data, capacity);
        if (data == NULL) {
            buf->failed = CIM_E_NOMEM;
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    return buf->data + buf->len;
}

void
cim_buf_add(struct cim_buf *buf, const void *data, size_t len)
{
    char *to = reserve(buf, len);
    if (to != NULL) {
        if (len > 0) {
            memcpy(to, data, len);
        }
        to[len] = '\0';
        buf->len += len;
    }
}

void
cim_buf_add_text(struct cim_buf *buf, const char *text)
{
    cim_buf_add(buf, text, strlen(text));
}

void
cim_buf_add_char(struct cim_buf *buf, char c)
{
    if (buf->failed == CIM_OK && buf->len < buf->max && buf->len + 1 < buf->capacity) {
        buf->data[buf->len++] = c;
        buf->data[buf->len] = '\0';
        return;
    }
    cim_buf_add(buf, &c, 1);
}

void
cim_buf_add_u32_le(struct cim_buf *buf, uint32_t value)
{
    const char bytes[4] = {(char)(value & 0xFFU), (char)(value >> 8U & 0xFFU),
                           (char)(value >> 16U & 0xFFU), (char)(value >> 24U)};
    cim_buf_add(buf, bytes, sizeof bytes);
}

void
cim_buf_add_f64_le(struct cim_buf *buf, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    cim_buf_add_u32_le(buf, (uint32_t)bits);
    cim_buf_add_u32_le(buf, (uint32_t)(bits >> 32U));
}

void
cim_buf_addf(struct cim_buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = buf->failed != CIM_OK ? buf->failed : CIM_E_INTERNAL;
        return;
    }
    if ((size_t)len < sizeof small) {
        cim_buf_add(buf, small, (size_t)len);
        return;
    }
    char *to = reserve(buf, (size_t)len);
    if (to == NULL) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

static void
release_blob(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){.data = NULL};
}

void
cim_buf_to_blob(struct cim_buf *buf, cim_blob *ret_blob)
{
    *ret_blob =
        (cim_blob){.data = buf->data, .len = buf->len, .release = release_blob, .owner = buf->data};
    *buf = (struct cim_buf){.max = buf->max};
}

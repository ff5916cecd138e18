/* host/ogc/pen.h -- writing JSON values at a place that is known to have room for them: what
 * kit/buf.h does, without a check per piece. The caller bounds a whole row beforehand. */
#ifndef HOST_OGC_PEN_H
#define HOST_OGC_PEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HOST_PEN_NUMBER_MAX = 40, HOST_PEN_TEXT_FACTOR = 6, HOST_PEN_TEXT_EXTRA = 2 };

static inline char *
host_pen_bytes(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static inline char *
host_pen_int(char *at, int64_t value)
{
    char digits[20];
    size_t n = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *at++ = '-';
    }
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

/* How many of the bytes, from the start, can stand in a JSON string as they are: no escape needed,
 * and valid UTF-8 as far as it goes. */
size_t host_pen_clean(const uint8_t *text, size_t len);
/* A quoted JSON string; at most len * HOST_PEN_TEXT_FACTOR + HOST_PEN_TEXT_EXTRA bytes. */
char *host_pen_text(char *at, const uint8_t *text, size_t len);

#endif

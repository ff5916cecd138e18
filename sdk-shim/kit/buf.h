/* kit/buf.h -- a growing byte buffer with a cap, and JSON written into it.
 *
 * Errors stick: after the first failure (out of memory, over the cap) every call is a no-op and
 * cim_buf_status() tells. So callers check once, at the end.
 */
#ifndef CIM_KIT_BUF_H
#define CIM_KIT_BUF_H

#include "cim/base.h"

struct cim_buf {
    char *data; /* always NUL-terminated once something was written */
    size_t len;
    size_t capacity;
    size_t max; /* most bytes it may hold */
    cim_status failed;
};

void cim_buf_init(struct cim_buf *buf, size_t max);
void cim_buf_done(struct cim_buf *buf); /* NULL-safe */
void cim_buf_clear(struct cim_buf *buf);
cim_status cim_buf_status(const struct cim_buf *buf, cim_error *err);
void cim_buf_add(struct cim_buf *buf, const void *data, size_t len);
void cim_buf_add_text(struct cim_buf *buf, const char *text);
void cim_buf_add_char(struct cim_buf *buf, char c);
/* The bytes of WKB: the lowest first. */
void cim_buf_add_u32_le(struct cim_buf *buf, uint32_t value);
void cim_buf_add_f64_le(struct cim_buf *buf, double value);
__attribute__((format(printf, 2, 3))) void cim_buf_addf(struct cim_buf *buf, const char *format,
                                                        ...);
/* Moves the content into a blob that frees itself; the buffer is empty afterwards. */
void cim_buf_to_blob(struct cim_buf *buf, cim_blob *ret_blob);

void cim_buf_add_int(struct cim_buf *buf, int64_t value);
/* Shortest decimal text that reads back to the same double, independent of the locale; "null" for
 * values JSON cannot hold. */
void cim_buf_add_double(struct cim_buf *buf, double value);
/* The value rounded to so many significant digits (1…15), written likewise. */
void cim_buf_add_rounded(struct cim_buf *buf, double value, int digits);
/* With at most so many decimals (0…9), no trailing zeros; past 9e9 as cim_buf_add_double(). */
void cim_buf_add_fixed(struct cim_buf *buf, double value, int decimals);
/* A coordinate in degrees or metres with at most 9 decimals (0.1 mm on the ground), no trailing
 * zeros: fast, and the same on every machine. */
void cim_buf_add_coordinate(struct cim_buf *buf, double value);
/* "key": with the comma before it, unless an object or a list begins here. The key needs no escape.
 */
void cim_buf_add_key(struct cim_buf *buf, const char *key);
/* The same with its value: a text (NULL: null), or a time in ms UTC as RFC 3339 (0: null). */
void cim_buf_add_member(struct cim_buf *buf, const char *key, const char *text);
void cim_buf_add_member_time(struct cim_buf *buf, const char *key, int64_t ms);
/* A JSON string with quotes; invalid UTF-8 becomes U+FFFD. `len` may be SIZE_MAX: up to the NUL. */
void cim_buf_add_json_text(struct cim_buf *buf, const char *text, size_t len);
/* HTML text: & < > " ' escaped. */
void cim_buf_add_html(struct cim_buf *buf, const char *text);

/* Bytes of the valid UTF-8 sequence at `text`, of which `left` bytes are there; 0: none. */
size_t cim_utf8_length(const char *text, size_t left);

#define CIM_AUTO_BUF __attribute__((cleanup(cim_buf_done)))

#endif

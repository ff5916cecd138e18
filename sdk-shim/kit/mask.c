/* kit/mask.c -- masked forms of sensitive texts. What is hidden is always more than nothing: a text
 * too short for its rule keeps less, never all. */
#include "kit/scope_eval.h"

#include "kit/buf.h"

#include <string.h>

/* Bytes of the character at `s`; a broken sequence counts byte by byte. */
static size_t
char_bytes(const char *s, size_t left)
{
    size_t len = 1;
    while (len < left && len < 4 && ((unsigned char)s[0] & 0x80U) != 0 &&
           ((unsigned char)s[len] & 0xC0U) == 0x80U) {
        len++;
    }
    return len;
}

static size_t
count_chars(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += char_bytes(text + at, len - at)) {
        count++;
    }
    return count;
}

/* Keeps the first and the last characters, one star for each between. */
static void
keep_ends(const char *text, size_t len, size_t n_first, size_t n_last, struct cim_buf *out)
{
    const size_t n_chars = count_chars(text, len);
    size_t number = 0;
    for (size_t at = 0; at < len; number++) {
        const size_t bytes = char_bytes(text + at, len - at);
        if (number < n_first || number >= n_chars - n_last) {
            cim_buf_add(out, text + at, bytes);
        } else {
            cim_buf_add_char(out, '*');
        }
        at += bytes;
    }
}

static void
mask_name(const char *text, size_t len, struct cim_buf *out)
{
    const size_t n_chars = count_chars(text, len);
    keep_ends(text, len, n_chars > 1 ? 1 : 0, n_chars > 2 ? 1 : 0, out);
}

static void
mask_id(const char *text, size_t len, struct cim_buf *out)
{
    const bool whole = count_chars(text, len) >= 15;
    keep_ends(text, len, whole ? 6 : 0, whole ? 4 : 0, out);
}

static void
mask_phone(const char *text, size_t len, struct cim_buf *out)
{
    const size_t n_chars = count_chars(text, len);
    keep_ends(text, len, n_chars >= 11 ? 3 : 0, n_chars >= 11 ? 4 : n_chars >= 7 ? 2 : 0, out);
}

/* Keeps the text to the last street or town before the first digit: 滨海大道32号 -> 滨海大道***. */
static void
mask_address(const char *text, size_t len, struct cim_buf *out)
{
    static const char *const ends[] = {"路", "街", "道", "巷", "镇", "乡", "省", "市", "县", "区"};
    size_t street = 0; /* bytes kept */
    size_t region = 0;
    for (size_t at = 0; at < len;) {
        const size_t bytes = char_bytes(text + at, len - at);
        const bool wide_digit = bytes == 3 && memcmp(text + at, "\xEF\xBC", 2) == 0;
        if ((text[at] >= '0' && text[at] <= '9') || wide_digit) {
            break;
        }
        for (size_t i = 0; bytes == 3 && i < sizeof ends / sizeof ends[0]; i++) {
            if (memcmp(text + at, ends[i], 3) == 0) {
                *(i < 6 ? &street : &region) = at + bytes;
            }
        }
        at += bytes;
    }
    cim_buf_add(out, text, street > 0 ? street : region);
    cim_buf_add_text(out, "***");
}

void
cim_mask_text(enum cim_sensitive kind, const char *text, size_t len, struct cim_buf *out)
{
    switch (kind) {
    case CIM_SENSITIVE_NAME:
        mask_name(text, len, out);
        break;
    case CIM_SENSITIVE_PHONE:
        mask_phone(text, len, out);
        break;
    case CIM_SENSITIVE_ADDRESS:
        mask_address(text, len, out);
        break;
    case CIM_SENSITIVE_ID:
        mask_id(text, len, out);
        break;
    case CIM_SENSITIVE_NO: /* a field that only a grant lists as masked */
    default:
        keep_ends(text, len, 0, 0, out);
    }
}

/* host/ogc/pen.c -- see pen.h. */
#include "host/ogc/pen.h"

#define ONES  0x0101010101010101U
#define HIGHS 0x8080808080808080U

/* Any byte that is a quote, a backslash, a control character, DEL or not ASCII? */
static inline bool
needs_care(uint64_t word)
{
    const uint64_t quote = word ^ (ONES * '"');
    const uint64_t slash = word ^ (ONES * '\\');
    const uint64_t del = word ^ (ONES * 0x7FU);
    const uint64_t found =
        (word - ONES * 0x20U) | (quote - ONES) | (slash - ONES) | (del - ONES) | word;
    return (found & HIGHS) != 0;
}

/* Length of the sequence of three bytes or other lengths at `s`; 0: not valid there. */
static inline size_t
sequence(const uint8_t *s, size_t left)
{
    const uint8_t c = s[0];
    if (c >= 0xE1U && c <= 0xECU && left >= 3) { /* all of common Chinese */
        return (s[1] & 0xC0U) == 0x80U && (s[2] & 0xC0U) == 0x80U ? 3 : 0;
    }
    if (c >= 0xC2U && c <= 0xDFU && left >= 2) {
        return (s[1] & 0xC0U) == 0x80U ? 2 : 0;
    }
    if ((c & 0xF0U) == 0xE0U && left >= 3) {
        const bool low = c == 0xE0U && s[1] < 0xA0U; /* could be shorter */
        const bool surrogate = c == 0xEDU && s[1] > 0x9FU;
        return (s[1] & 0xC0U) == 0x80U && (s[2] & 0xC0U) == 0x80U && !low && !surrogate ? 3 : 0;
    }
    if (c >= 0xF0U && c <= 0xF4U && left >= 4) {
        const bool low = c == 0xF0U && s[1] < 0x90U;
        const bool high = c == 0xF4U && s[1] > 0x8FU;
        return (s[1] & 0xC0U) == 0x80U && (s[2] & 0xC0U) == 0x80U && (s[3] & 0xC0U) == 0x80U &&
                       !low && !high
                   ? 4
                   : 0;
    }
    return 0;
}

/* Two sequences of three bytes at once, which is what Chinese text consists of. Leads whose second
 * byte has a narrower range are left to the slow way. */
static inline bool
is_pair(const uint8_t *s)
{
    uint64_t word = 0;
    memcpy(&word, s, sizeof word);
    return (word & 0xC0C0F0C0C0F0U) == 0x8080E08080E0U && s[0] != 0xE0U && s[0] != 0xEDU &&
           s[3] != 0xE0U && s[3] != 0xEDU;
}

/* From a byte that is not ASCII to the next that is; less where a sequence is not valid. */
static inline size_t
clean_sequences(const uint8_t *text, size_t len)
{
    size_t at = 0;
    while (at < len && text[at] >= 0x80U) {
        if (len - at >= sizeof(uint64_t) && is_pair(text + at)) {
            at += 6;
            continue;
        }
        const size_t n = sequence(text + at, len - at);
        if (n == 0) {
            break;
        }
        at += n;
    }
    return at;
}

size_t
host_pen_clean(const uint8_t *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        const uint8_t c = text[at];
        uint64_t word = 0;
        if (c >= 0x80U) {
            const size_t n = clean_sequences(text + at, len - at);
            if (n == 0) {
                return at;
            }
            at += n;
            continue;
        }
        if (len - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if (!needs_care(word)) {
                at += sizeof word;
                continue;
            }
        }
        if (c < 0x20U || c == '"' || c == '\\' || c == 0x7FU) {
            return at;
        }
        at++;
    }
    return len;
}

static char *
escape(char *at, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof shorts; i += 2) {
        if ((uint8_t)shorts[i] == c) {
            *at++ = '\\';
            *at++ = shorts[i + 1];
            return at;
        }
    }
    if (c >= 0x80U) {
        return host_pen_bytes(at, "\xEF\xBF\xBD", 3);
    }
    at = host_pen_bytes(at, "\\u00", 4);
    *at++ = digits[c >> 4U];
    *at++ = digits[c & 15U];
    return at;
}

char *
host_pen_text(char *at, const uint8_t *text, size_t len)
{
    *at++ = '"';
    for (;;) {
        const size_t clean = host_pen_clean(text, len);
        at = host_pen_bytes(at, (const char *)text, clean);
        if (clean == len) {
            break;
        }
        at = escape(at, text[clean]);
        text += clean + 1;
        len -= clean + 1;
    }
    *at++ = '"';
    return at;
}

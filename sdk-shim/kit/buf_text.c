/* kit/buf_text.c -- numbers, JSON strings and HTML text written into a buffer. */
#include "kit/buf.h"

#include "kit/time.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 48, POWER_MAX = 22 };

/* Those that are doubles themselves. */
static const double powers[POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Digits of `value`, right-aligned before `end`; returns their start. */
static char *
digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10U);
        value /= 10U;
    } while (value != 0);
    return end;
}

void
cim_buf_add_int(struct cim_buf *buf, int64_t value)
{
    char text[NUMBER_TEXT_MAX];
    char *end = text + sizeof text;
    uint64_t magnitude = value < 0 ? 0U - (uint64_t)value : (uint64_t)value;
    char *start = digits_before(end, magnitude);
    if (value < 0) {
        *--start = '-';
    }
    cim_buf_add(buf, start, (size_t)(end - start));
}

/* scaled / 10^decimals without trailing zeros. */
static void
add_scaled(struct cim_buf *buf, bool negative, uint64_t scaled, int decimals)
{
    char text[NUMBER_TEXT_MAX];
    char *end = text + sizeof text;
    while (decimals > 0 && scaled % 10U == 0) {
        scaled /= 10U;
        decimals--;
    }
    char *start = end;
    for (int i = 0; i < decimals; i++) {
        *--start = (char)('0' + scaled % 10U);
        scaled /= 10U;
    }
    if (decimals > 0) {
        *--start = '.';
    }
    start = digits_before(start, scaled);
    if (negative) {
        *--start = '-';
    }
    cim_buf_add(buf, start, (size_t)(end - start));
}

/* The same; small values with an exponent, as %g writes them. */
static void
add_decimal(struct cim_buf *buf, bool negative, uint64_t scaled, int decimals)
{
    enum { PLAIN_DECIMALS = 9 };
    char text[NUMBER_TEXT_MAX];
    char *end = text + sizeof text;
    char *start;
    int exponent;
    while (decimals > 0 && scaled % 10U == 0) {
        scaled /= 10U;
        decimals--;
    }
    start = digits_before(end, scaled);
    exponent = (int)(end - start) - 1 - decimals;
    if (scaled == 0 || exponent >= -4 || (exponent == -5 && decimals <= PLAIN_DECIMALS)) {
        add_scaled(buf, negative, scaled, decimals);
        return;
    }
    if (negative) {
        cim_buf_add_char(buf, '-');
    }
    cim_buf_add_char(buf, *start++);
    if (start < end) {
        cim_buf_add_char(buf, '.');
        cim_buf_add(buf, start, (size_t)(end - start));
    }
    cim_buf_add_text(buf, exponent > -10 ? "e-0" : "e-");
    cim_buf_add_int(buf, -exponent);
}

/* A decimal of at most 15 digits n / 10^k with k <= 22 reads back to the correctly rounded quotient
 * of the two doubles, which are exact: so one division proves that the text round-trips. */
static bool
add_short_decimal(struct cim_buf *buf, double value)
{
    const double magnitude = fabs(value);
    if (magnitude >= 1e15) {
        return false;
    }
    for (int k = 0; k <= POWER_MAX; k++) {
        const double scaled = nearbyint(magnitude * powers[k]);
        if (scaled >= 1e15) {
            return false;
        }
        if ((scaled > 0.0 || magnitude == 0.0) && scaled / powers[k] == magnitude) {
            add_decimal(buf, signbit(value) != 0, (uint64_t)scaled, k);
            return true;
        }
    }
    return false;
}

/* printf writes the decimal point of the process' locale; JSON knows one. */
static void
add_with_point(struct cim_buf *buf, const char *text)
{
    for (const char *c = text; *c != '\0';) {
        if ((*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == 'e') {
            cim_buf_add_char(buf, *c++);
            continue;
        }
        cim_buf_add_char(buf, '.');
        while (*c != '\0' && (*c < '0' || *c > '9')) {
            c++;
        }
    }
}

void
cim_buf_add_double(struct cim_buf *buf, double value)
{
    char text[NUMBER_TEXT_MAX];
    if (!isfinite(value)) {
        cim_buf_add_text(buf, "null");
        return;
    }
    if (add_short_decimal(buf, value)) {
        return;
    }
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value) {
            break;
        }
    }
    add_with_point(buf, text);
}

void
cim_buf_add_rounded(struct cim_buf *buf, double value, int digits)
{
    const double magnitude = fabs(value);
    const double place = magnitude > 0.0 ? digits - 1 - floor(log10(magnitude)) : 0.0;
    if (!isfinite(value)) {
        cim_buf_add_text(buf, "null");
        return;
    }
    if (place < -POWER_MAX || place > POWER_MAX) {
        char text[NUMBER_TEXT_MAX];
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        add_with_point(buf, text);
        return;
    }
    if (place < 0.0) {
        const double unit = powers[(int)-place];
        cim_buf_add_double(buf, nearbyint(value / unit) * unit);
        return;
    }
    const double scaled = nearbyint(magnitude * powers[(int)place]);
    add_decimal(buf, value < 0.0, (uint64_t)scaled, (int)place);
}

void
cim_buf_add_fixed(struct cim_buf *buf, double value, int decimals)
{
    const double magnitude = fabs(value);
    if (!(magnitude < 9e9)) {
        cim_buf_add_double(buf, value);
        return;
    }
    const uint64_t scaled = (uint64_t)nearbyint(magnitude * powers[decimals]);
    add_scaled(buf, value < 0 && scaled != 0, scaled, decimals);
}

void
cim_buf_add_coordinate(struct cim_buf *buf, double value)
{
    cim_buf_add_fixed(buf, value, 9);
}

size_t
cim_utf8_length(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char c = s[0];
    size_t len = 0;
    unsigned low = 0x80U;
    unsigned high = 0xBFU;
    if (c < 0x80U) {
        return 1;
    }
    if (c >= 0xC2U && c <= 0xDFU) {
        len = 2;
    } else if (c >= 0xE0U && c <= 0xEFU) {
        len = 3;
        low = c == 0xE0U ? 0xA0U : low;   /* overlong */
        high = c == 0xEDU ? 0x9FU : high; /* surrogates */
    } else if (c >= 0xF0U && c <= 0xF4U) {
        len = 4;
        low = c == 0xF0U ? 0x90U : low;
        high = c == 0xF4U ? 0x8FU : high; /* past U+10FFFF */
    }
    if (len == 0 || len > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    return len;
}

static void
add_json_escape(struct cim_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4U], hex[c & 15U]};
    switch (c) {
    case '"':
        cim_buf_add(buf, "\\\"", 2);
        break;
    case '\\':
        cim_buf_add(buf, "\\\\", 2);
        break;
    case '\n':
        cim_buf_add(buf, "\\n", 2);
        break;
    case '\r':
        cim_buf_add(buf, "\\r", 2);
        break;
    case '\t':
        cim_buf_add(buf, "\\t", 2);
        break;
    default:
        cim_buf_add(buf, text, sizeof text);
    }
}

void
cim_buf_add_key(struct cim_buf *buf, const char *key)
{
    char text[64] = ",\"";
    const char last = buf->len > 0 ? buf->data[buf->len - 1] : '{';
    const size_t comma = last != '{' && last != '[' ? 1 : 0;
    const size_t len = strlen(key);
    if (len > sizeof text - 4) {
        cim_buf_add(buf, text + 1 - comma, comma + 1);
        cim_buf_add(buf, key, len);
        cim_buf_add(buf, "\":", 2);
        return;
    }
    memcpy(text + 2, key, len);
    text[len + 2] = '"';
    text[len + 3] = ':';
    cim_buf_add(buf, text + 1 - comma, len + 3 + comma);
}

void
cim_buf_add_json_text(struct cim_buf *buf, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t run = 0; /* start of what can be copied as it is */
    size_t at = 0;
    if (len == SIZE_MAX) {
        len = strlen(text);
    }
    cim_buf_add_char(buf, '"');
    while (at < len) {
        const unsigned char c = s[at];
        if (c >= 0x20U && c < 0x7FU && c != '"' && c != '\\') {
            at++;
            continue;
        }
        const size_t sequence = c >= 0x80U ? cim_utf8_length(text + at, len - at) : 0;
        if (sequence > 0) {
            at += sequence;
            continue;
        }
        cim_buf_add(buf, s + run, at - run);
        if (c >= 0x80U) {
            cim_buf_add(buf, "\xEF\xBF\xBD", 3);
        } else {
            add_json_escape(buf, c);
        }
        run = ++at;
    }
    cim_buf_add(buf, s + run, len - run);
    cim_buf_add_char(buf, '"');
}

void
cim_buf_add_html(struct cim_buf *buf, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const size_t run = strcspn(c, "&<>\"'");
        cim_buf_add(buf, c, run);
        c += run;
        switch (*c) {
        case '&':
            cim_buf_add_text(buf, "&amp;");
            break;
        case '<':
            cim_buf_add_text(buf, "&lt;");
            break;
        case '>':
            cim_buf_add_text(buf, "&gt;");
            break;
        case '"':
            cim_buf_add_text(buf, "&quot;");
            break;
        case '\'':
            cim_buf_add_text(buf, "&#39;");
            break;
        default:
            return;
        }
    }
}

void
cim_buf_add_member(struct cim_buf *buf, const char *key, const char *text)
{
    cim_buf_add_key(buf, key);
    if (text != NULL) {
        cim_buf_add_json_text(buf, text, SIZE_MAX);
    } else {
        cim_buf_add_text(buf, "null");
    }
}

void
cim_buf_add_member_time(struct cim_buf *buf, const char *key, int64_t ms)
{
    char text[CIM_TIME_TEXT_MAX];
    if (ms != 0) {
        cim_time_format(ms, text);
    }
    cim_buf_add_member(buf, key, ms != 0 ? text : NULL);
}

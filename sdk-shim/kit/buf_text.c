/* kit/buf_text.c -- numbers, JSON strings and HTML text written into a buffer. */
#include "kit/buf.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 48 };

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

/* A decimal of at most 15 digits n / 10^k with k <= 22 reads back to the correctly rounded quotient
 * of the two doubles, which are exact: so one division proves that the text round-trips. */
static bool
add_short_decimal(struct cim_buf *buf, double value)
{
    static const double powers[] = {1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    const double magnitude = fabs(value);
    if (magnitude != 0.0 && (magnitude < 1e-5 || magnitude >= 1e15)) {
        return false;
    }
    for (int k = 0; k < 10; k++) {
        const double scaled = nearbyint(magnitude * powers[k]);
        if (scaled >= 1e15) {
            return false;
        }
        if (scaled / powers[k] == magnitude) {
            add_scaled(buf, signbit(value) != 0, (uint64_t)scaled, k);
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
cim_buf_add_coordinate(struct cim_buf *buf, double value)
{
    const double magnitude = fabs(value);
    if (!(magnitude < 9e9)) {
        cim_buf_add_double(buf, value);
        return;
    }
    const uint64_t scaled = (uint64_t)nearbyint(magnitude * 1e9);
    add_scaled(buf, value < 0 && scaled != 0, scaled, 9);
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

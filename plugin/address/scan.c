/* plugin/address/scan.c -- see scan.h. */
#include "address/scan.h"

#include "cim/util.h"

#include <string.h>

/* One character of valid UTF-8 of `n` bytes. */
static uint32_t
decode(const unsigned char *text, size_t n)
{
    switch (n) {
    case 1:
        return text[0];
    case 2:
        return (text[0] & 0x1FU) << 6U | (text[1] & 0x3FU);
    case 3:
        return (text[0] & 0x0FU) << 12U | (text[1] & 0x3FU) << 6U | (text[2] & 0x3FU);
    default:
        return (text[0] & 0x07U) << 18U | (text[1] & 0x3FU) << 12U | (text[2] & 0x3FU) << 6U |
               (text[3] & 0x3FU);
    }
}

static size_t
encode(uint32_t c, char to[4])
{
    if (c < 0x80U) {
        to[0] = (char)c;
        return 1;
    }
    const size_t n = c < 0x800U ? 2 : c < 0x10000U ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xC0U, 0xE0U, 0xF0U};
    for (size_t i = n; i > 1; i--) {
        to[i - 1] = (char)(0x80U | (c & 0x3FU));
        c >>= 6U;
    }
    to[0] = (char)(heads[n] | c);
    return n;
}

static bool
is_one_of(uint32_t c, const char *set)
{
    char bytes[5] = "";
    bytes[encode(c, bytes)] = '\0';
    return c != 0 && strstr(set, bytes) != NULL;
}

bool
lpg_char_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

bool
lpg_char_is_letter(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

bool
lpg_char_is_stem(uint32_t c)
{
    return is_one_of(c, "甲乙丙丁戊己庚辛");
}

/* 0: to be left out; ' ': a separator. */
static uint32_t
plain(uint32_t c)
{
    if (c >= 0xFF01U && c <= 0xFF5EU) {
        c -= 0xFEE0U; /* full width */
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 'A';
    }
    if (is_one_of(c, "—–－―‐‑_~～")) {
        return '-';
    }
    if (c == '[' || c == '{' || is_one_of(c, "【〔〈《")) {
        return '(';
    }
    if (c == ']' || c == '}' || is_one_of(c, "】〕〉》")) {
        return ')';
    }
    if (c == 0x3000U || c == 0xA0U || is_one_of(c, ",.;:/|、。·，；：\"'“”‘’*+=!?")) {
        return ' ';
    }
    return c < ' ' || c == 0x7FU || c == 0xFEFFU || (c >= 0x200BU && c <= 0x200FU) ? 0 : c;
}

void
lpg_chars_read(const char *text, size_t len, struct lpg_chars *ret_chars)
{
    bool gap = false;
    ret_chars->n = 0;
    ret_chars->cut = false;
    for (size_t i = 0; i < len;) {
        const size_t n = cim_utf8_length(text + i, len - i);
        const uint32_t c = n == 0 ? 0 : plain(decode((const unsigned char *)text + i, n));
        i += n == 0 ? 1 : n;
        if (c == 0 || c == ' ') {
            gap = gap || c == ' ';
            continue;
        }
        /* A separator and the character behind it. */
        if (ret_chars->n + 2 > LPG_ADDRESS_CHARS_MAX) {
            ret_chars->cut = true;
            break;
        }
        if (gap && ret_chars->n > 0 && lpg_char_is_digit(c) &&
            lpg_char_is_digit(ret_chars->c[ret_chars->n - 1])) {
            ret_chars->c[ret_chars->n++] = '-';
        }
        gap = false;
        ret_chars->c[ret_chars->n++] = c;
    }
    ret_chars->c[ret_chars->n] = 0;
}

size_t
lpg_chars_write(const struct lpg_chars *chars, int from, int to, char *ret_text, size_t capacity)
{
    size_t len = 0;
    for (int i = from; i < to; i++) {
        char bytes[4];
        const size_t n = encode(chars->c[i], bytes);
        if (len + n >= capacity) {
            break;
        }
        memcpy(ret_text + len, bytes, n);
        len += n;
    }
    ret_text[len] = '\0';
    return len;
}

int
lpg_chars_word(const struct lpg_chars *chars, int at, const char *word)
{
    int n = 0;
    for (size_t i = 0; word[i] != '\0'; n++) {
        const size_t bytes = cim_utf8_length(word + i, strlen(word + i));
        if (at + n >= chars->n ||
            chars->c[at + n] != decode((const unsigned char *)word + i, bytes)) {
            return 0;
        }
        i += bytes;
    }
    return n;
}

int
lpg_chars_any(const struct lpg_chars *chars, int at, const char *const *words)
{
    for (; *words != NULL; words++) {
        const int n = lpg_chars_word(chars, at, *words);
        if (n > 0) {
            return n;
        }
    }
    return 0;
}

/* ---- numbers ---- */

static const char *const numerals = "零一二三四五六七八九";

/* -1: none. */
static int
numeral_of(uint32_t c)
{
    char bytes[5] = "";
    const char *found;
    if (c == 0x3007U) { /* 〇 */
        return 0;
    }
    if (c == 0x4E24U) { /* 两 */
        return 2;
    }
    bytes[encode(c, bytes)] = '\0';
    found = c != 0 ? strstr(numerals, bytes) : NULL;
    return found != NULL ? (int)(found - numerals) / 3 : -1;
}

static int
arabic(const struct lpg_chars *chars, int at, int32_t *ret_value)
{
    int n = 0;
    int32_t value = 0;
    while (lpg_char_is_digit(chars->c[at + n])) {
        if (++n > 5) {
            return 0;
        }
        value = value * 10 + (int32_t)(chars->c[at + n - 1] - '0');
    }
    *ret_value = value;
    return n;
}

/* 一百二十三 as it is counted, 一二三 as it is spelled. */
static int
chinese(const struct lpg_chars *chars, int at, int32_t *ret_value)
{
    int32_t total = 0;
    int32_t digit = -1;
    int32_t spelled = 0;
    bool counts = false;
    int n = 0;
    for (; n < 8; n++) {
        const uint32_t c = chars->c[at + n];
        const int value = numeral_of(c);
        const int32_t unit = c == 0x5341U ? 10 : c == 0x767EU ? 100 : c == 0x5343U ? 1000 : 0;
        if (value >= 0) {
            digit = value;
            spelled = spelled * 10 + value;
        } else if (unit > 0) {
            counts = true;
            total += (digit < 0 ? 1 : digit) * unit;
            digit = 0;
        } else {
            break;
        }
        if (spelled > 99999) {
            return 0;
        }
    }
    *ret_value = counts ? total + (digit < 0 ? 0 : digit) : spelled;
    return n;
}

int
lpg_chars_number(const struct lpg_chars *chars, int at, int32_t *ret_value)
{
    return lpg_char_is_digit(chars->c[at]) ? arabic(chars, at, ret_value)
                                           : chinese(chars, at, ret_value);
}

void
lpg_chinese_number(int32_t value, char *to, size_t capacity)
{
    const int tens = (int)value / 10;
    const int ones = (int)value % 10;
    (void)snprintf(to, capacity, "%.*s%s%.*s", tens > 1 ? 3 : 0, numerals + (ptrdiff_t)tens * 3,
                   tens > 0 ? "十" : "", ones > 0 || tens == 0 ? 3 : 0,
                   numerals + (ptrdiff_t)ones * 3);
}

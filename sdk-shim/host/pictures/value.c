/* host/pictures/value.c -- see value.h. */
#include "host/pictures/value.h"

#include "host/ogc/params.h"

#include <ctype.h>
#include <string.h>

enum { COLOR_PARTS = 4, COLOR_TEXT_MAX = 64 };

static int
nibble(char c)
{
    const int low = tolower((unsigned char)c);
    return low >= '0' && low <= '9' ? low - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool
parse_hex(const char *digits, size_t n, struct host_pic_color *ret_color)
{
    double parts[COLOR_PARTS] = {0, 0, 0, 1};
    const size_t width = n <= 4 ? 1 : 2;
    if (n != 3 && n != 4 && n != 6 && n != 8) {
        return false;
    }
    for (size_t i = 0; i < n / width; i++) {
        const int high = nibble(digits[i * width]);
        const int low = nibble(digits[i * width + width - 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        parts[i] = (high * 16 + low) / 255.0;
    }
    *ret_color = (struct host_pic_color){parts[0], parts[1], parts[2], parts[3]};
    return true;
}

static bool
parse_call(const char *text, size_t len, size_t n_parts, struct host_pic_color *ret_color)
{
    double parts[COLOR_PARTS] = {0, 0, 0, 1};
    const char *at = text;
    const char *const end = text + len;
    for (size_t i = 0; i < n_parts; i++) {
        const char *comma = i + 1 < n_parts ? memchr(at, ',', (size_t)(end - at)) : end;
        if (comma == NULL) {
            return false;
        }
        while (at < comma && *at == ' ') {
            at++;
        }
        if (!host_parse_number(at, (size_t)(comma - at), &parts[i])) {
            return false;
        }
        const double most = i < 3 ? 255 : 1;
        if (parts[i] < 0 || parts[i] > most) {
            return false;
        }
        parts[i] /= most;
        at = comma + 1;
    }
    *ret_color = (struct host_pic_color){parts[0], parts[1], parts[2], parts[3]};
    return true;
}

static bool
is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

bool
host_pic_color_parse(const char *text, size_t len, struct host_pic_color *ret_color)
{
    if (len == 0 || len > COLOR_TEXT_MAX) {
        return false;
    }
    if (text[0] == '#') {
        return parse_hex(text + 1, len - 1, ret_color);
    }
    if (is(text, len, "transparent")) {
        *ret_color = (struct host_pic_color){0, 0, 0, 0};
        return true;
    }
    if (is(text, len, "black") || is(text, len, "white")) {
        const double level = text[0] == 'w' ? 1 : 0;
        *ret_color = (struct host_pic_color){level, level, level, 1};
        return true;
    }
    if (text[len - 1] != ')') {
        return false;
    }
    if (len > 5 && memcmp(text, "rgba(", 5) == 0) {
        return parse_call(text + 5, len - 6, 4, ret_color);
    }
    return len > 4 && memcmp(text, "rgb(", 4) == 0 && parse_call(text + 4, len - 5, 3, ret_color);
}

bool
host_pic_same(const struct host_pic_value *a, const struct host_pic_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case HOST_PIC_NULL:
        return true;
    case HOST_PIC_BOOL:
        return a->u.flag == b->u.flag;
    case HOST_PIC_NUMBER:
        return a->u.number == b->u.number;
    case HOST_PIC_TEXT:
        return a->u.text.len == b->u.text.len &&
               memcmp(a->u.text.at, b->u.text.at, a->u.text.len) == 0;
    case HOST_PIC_COLOR:
    case HOST_PIC_LIST:
    default:
        return false;
    }
}

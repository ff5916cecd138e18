/* plugin/analysis/line_scan.c -- see line_scan.h. */
#include "analysis/line_scan.h"

#include "cim/util.h"
#include "geo/chain.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
        at++;
    }
    return at;
}

/* digits / 10^n_behind as a double, where that can be told to be right. Up to 15 digits and a power
 * of ten that is a double itself, one division is rounded once (Clinger 1990). Up to 19 digits the
 * division is one of 64 bits: rounding it again to 53 is right unless the bits that go stand at the
 * half, where the first rounding may have put them. */
static bool
divide(uint64_t digits, size_t n_digits, size_t n_behind, double *ret_number)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    if (n_digits <= 15) {
        *ret_number = (double)digits / powers[n_behind];
        return true;
    }
#if LDBL_MANT_DIG == 64
    if (n_digits <= 19) {
        enum { GOING = 0x7FF, HALF = 0x400 };
        const long double quotient = (long double)digits / (long double)powers[n_behind];
        uint64_t mantissa;
        memcpy(&mantissa, &quotient, sizeof mantissa);
        *ret_number = (double)quotient;
        return (mantissa & GOING) != HALF;
    }
#endif
    return false;
}

/* A number as JSON has it. NULL: it is none, or not finite. */
static const char *
scan_number(const char *at, double *ret_number)
{
    const char *begin = at;
    const char *first;
    uint64_t digits = 0;
    size_t n_digits;
    size_t n_behind = 0;
    bool plain = true;
    at += *at == '-' ? 1 : 0;
    first = at;
    while (is_digit(*at)) {
        digits = digits * 10 + (uint64_t)(*at++ - '0'); /* may run over; then it is not used */
    }
    n_digits = (size_t)(at - first);
    if (n_digits == 0 || (n_digits > 1 && *first == '0')) {
        return NULL;
    }
    if (*at == '.') {
        const char *behind = ++at;
        while (is_digit(*at)) {
            digits = digits * 10 + (uint64_t)(*at++ - '0');
        }
        n_behind = (size_t)(at - behind);
        if (n_behind == 0) {
            return NULL;
        }
    }
    if (*at == 'e' || *at == 'E') {
        plain = false;
        at++;
        at += *at == '+' || *at == '-' ? 1 : 0;
        if (!is_digit(*at)) {
            return NULL;
        }
        while (is_digit(*at)) {
            at++;
        }
    }
    if (plain && divide(digits, n_digits + n_behind, n_behind, ret_number)) {
        *ret_number = *begin == '-' ? -*ret_number : *ret_number;
        return at;
    }
    *ret_number = strtod(begin, NULL); /* the whole of it: what follows is no part of a number */
    return isfinite(*ret_number) ? at : NULL;
}

/* ---- lines ---- */

static bool
add_position(struct lpg_line *line, size_t *capacity, const double lonlat[2])
{
    if (line->n == *capacity) {
        const size_t grown = *capacity == 0 ? 256 : *capacity * 2;
        double *more = realloc(line->lonlat_deg, grown * 2 * sizeof *more);
        if (more == NULL) {
            return false;
        }
        line->lonlat_deg = more;
        *capacity = grown;
    }
    memcpy(line->lonlat_deg + 2 * line->n++, lonlat, 2 * sizeof *lonlat);
    return true;
}

/* "[number, number, …]"; NULL: it is none. */
static const char *
scan_position(const char *at, double ret_lonlat[2])
{
    size_t n = 0;
    if (*at != '[') {
        return NULL;
    }
    do {
        double number;
        at = scan_number(skip_space(at + 1), &number);
        if (at == NULL) {
            return NULL;
        }
        if (n < 2) {
            ret_lonlat[n] = number;
        }
        n++;
        at = skip_space(at);
    } while (*at == ',');
    return *at == ']' && n >= 2 ? at + 1 : NULL;
}

/* "[[…], …]" with two positions at least; NULL: it is none, *ret_memory false: memory ran out. */
static const char *
scan_line(const char *at, struct lpg_line *ret_line, bool *ret_memory)
{
    struct lpg_line line = {0};
    size_t capacity = 0;
    *ret_memory = true;
    if (*at != '[') {
        return NULL;
    }
    do {
        double lonlat[2];
        at = scan_position(skip_space(at + 1), lonlat);
        *ret_memory = at == NULL || add_position(&line, &capacity, lonlat);
        if (at == NULL || !*ret_memory || line.n > LPG_CHAIN_POSITIONS_MAX) {
            free(line.lonlat_deg);
            return NULL;
        }
        at = skip_space(at);
    } while (*at == ',');
    if (*at != ']' || line.n < 2) {
        free(line.lonlat_deg);
        return NULL;
    }
    *ret_line = line;
    return at + 1;
}

/* ---- the text ---- */

/* Behind the closing quote, or at the end of a text that has none. */
static const char *
skip_string(const char *at)
{
    for (at++; *at != '\0' && *at != '"'; at++) {
        at += *at == '\\' && at[1] != '\0' ? 1 : 0;
    }
    return at + (*at == '"' ? 1 : 0);
}

/* Where the value of a member "coordinates" begins that begins at `at`; NULL: none does. */
static const char *
value_of_coordinates(const char *at)
{
    static const char key[] = "\"coordinates\"";
    if (strncmp(at, key, sizeof key - 1) != 0) {
        return NULL;
    }
    at = skip_space(at + sizeof key - 1);
    return *at == ':' ? skip_space(at + 1) : NULL;
}

static bool
keep_line(struct lpg_lines *lines, const struct lpg_line *line)
{
    struct lpg_line *more = realloc(lines->lines, (lines->n + 1) * sizeof *more);
    if (more == NULL) {
        return false;
    }
    lines->lines = more;
    lines->lines[lines->n++] = *line;
    return true;
}

struct rewriting {
    struct lpg_lines lines;
    char *to;
    bool has_number;
    bool memory;
};

/* Copies [from, at) and, where a line begins at `value`, a number for it. Returns what comes next.
 */
static const char *
take_line(struct rewriting *rewriting, const char *at, const char *value)
{
    struct lpg_line line;
    const char *end = scan_line(value, &line, &rewriting->memory);
    rewriting->has_number = rewriting->has_number || *value == '-' || is_digit(*value);
    if (end == NULL) {
        return at;
    }
    memcpy(rewriting->to, at, (size_t)(value - at));
    rewriting->to += value - at;
    /* shorter than the line: "[[0,0],[0,0]]" */
    rewriting->to += snprintf(rewriting->to, 12, "%zu", rewriting->lines.n);
    rewriting->memory = keep_line(&rewriting->lines, &line);
    if (!rewriting->memory) {
        free(line.lonlat_deg);
    }
    return end;
}

cim_status
lpg_lines_take(const char *json, struct lpg_lines *ret_lines, cim_error *err)
{
    const size_t size = strlen(json) + 1;
    struct rewriting rewriting = {.memory = true};
    rewriting.lines.text = malloc(size);
    if (rewriting.lines.text == NULL) {
        return cim_fail_nomem(err);
    }
    rewriting.to = rewriting.lines.text;
    for (const char *at = json; *at != '\0' && rewriting.memory;) {
        const char *value = *at == '"' ? value_of_coordinates(at) : NULL;
        const char *next = value != NULL ? take_line(&rewriting, at, value) : at;
        if (next == at) {
            next = *at == '"' ? skip_string(at) : at + 1;
            memcpy(rewriting.to, at, (size_t)(next - at));
            rewriting.to += next - at;
        }
        at = next;
    }
    *rewriting.to = '\0';
    if (!rewriting.memory) {
        lpg_lines_done(&rewriting.lines);
        return cim_fail_nomem(err);
    }
    if (rewriting.has_number) { /* which could be taken for one of ours */
        for (size_t i = 0; i < rewriting.lines.n; i++) {
            free(rewriting.lines.lines[i].lonlat_deg);
        }
        rewriting.lines.n = 0;
        memcpy(rewriting.lines.text, json, size);
    }
    *ret_lines = rewriting.lines;
    return CIM_OK;
}

void
lpg_lines_done(struct lpg_lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        free(lines->lines[i].lonlat_deg);
    }
    free(lines->lines);
    free(lines->text);
    *lines = (struct lpg_lines){0};
}

/* host/pictures/label.c -- lays labels out.
 *
 * Lines break where MapLibre GL JS breaks them: after spaces, some punctuation and any ideograph,
 * so that the lines come out as even as they can (the squares of their differences from the mean
 * are least). The block and its baselines stand where MapLibre puts them.
 */
#include "host/pictures/glyphs_made.h"

#include "cim/util.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <math.h>
#include <string.h>

static const double line_height = 1.2 * HOST_PIC_EM;
static const double baseline = 10; /* below the middle of a line: 27 − 17 of MapLibre's shaping */

struct shaping {
    size_t n;
    const struct host_pic_glyph *glyphs[HOST_PIC_LABEL_CHARS_MAX];
    size_t n_lines;
    size_t ends[HOST_PIC_LABEL_LINES_MAX];
};

static bool
is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x3000 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0xFEFF;
}

static bool
is_ideographic(uint32_t c)
{
    return (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0xFE10 && c <= 0xFE1F) || (c >= 0xFE30 && c <= 0xFE4F) ||
           (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x20000 && c <= 0x3FFFF);
}

bool
host_pic_upright(uint32_t c)
{
    const bool bracket = (c >= 0x3008 && c <= 0x3011) || (c >= 0x3014 && c <= 0x301F) ||
                         c == 0xFF08 || c == 0xFF09 || c == 0x2014;
    return !bracket &&
           (is_ideographic(c) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1100 && c <= 0x11FF));
}

static bool
may_break_after(uint32_t c)
{
    static const uint32_t marks[] = {'\n', ' ',  '&',    ')',    '+',    '-',   '/',
                                     0xAD, 0xB7, 0x200B, 0x2010, 0x2013, 0x2027};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (marks[i] == c) {
            return true;
        }
    }
    return is_ideographic(c);
}

/* ---- characters ---- */

static uint32_t
decode(const char *at, size_t len)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = (unsigned char)at[0] & masks[len];
    for (size_t i = 1; i < len; i++) {
        c = c << 6 | ((unsigned char)at[i] & 0x3FU);
    }
    return c;
}

static cim_status
read_glyphs(struct host_pic_glyphs *glyphs, const struct host_pic_value *text, int font,
            struct shaping *shaping, cim_error *err)
{
    const char *at = text->u.text.at;
    size_t left = text->u.text.len;
    shaping->n = 0;
    while (left > 0 && shaping->n < HOST_PIC_LABEL_CHARS_MAX) {
        const size_t len = cim_utf8_length(at, left);
        const uint32_t c = len > 0 ? decode(at, len) : 0xFFFD;
        if (c >= ' ' || c == '\n') {
            CIM_TRY(host_pic_glyph(glyphs, font, c, &shaping->glyphs[shaping->n], err));
            shaping->n++;
        }
        at += len > 0 ? len : 1;
        left -= len > 0 ? len : 1;
    }
    return CIM_OK;
}

/* ---- lines ---- */

struct chance {
    size_t end;
    double x;
    double badness;
    int prior; /* -1: the beginning */
};

static double
badness(double width, double target, double penalty, bool last)
{
    const double ragged = (width - target) * (width - target);
    if (last) {
        return width < target ? ragged / 2 : ragged * 2;
    }
    return ragged + fabs(penalty) * penalty;
}

static struct chance
best_before(const struct chance *chances, int n, size_t end, double x, double target,
            double penalty, bool last)
{
    struct chance best = {end, x, badness(x, target, penalty, last), -1};
    for (int i = 0; i < n; i++) {
        const double sum = badness(x - chances[i].x, target, penalty, last) + chances[i].badness;
        if (sum <= best.badness) {
            best.badness = sum;
            best.prior = i;
        }
    }
    return best;
}

static double
penalty_of(uint32_t c, uint32_t next)
{
    double penalty = c == '\n' ? -10000 : 0;
    penalty += c == '(' || c == 0xFF08 ? 50 : 0;
    penalty += next == ')' || next == 0xFF09 ? 50 : 0;
    return penalty;
}

static void
break_lines(struct shaping *shaping, double width)
{
    struct chance chances[HOST_PIC_LABEL_CHARS_MAX + 1];
    int path[HOST_PIC_LABEL_LINES_MAX];
    int n = 0;
    int depth = 0;
    double total = 0;
    double x = 0;
    for (size_t i = 0; i < shaping->n; i++) {
        total += shaping->glyphs[i]->advance;
    }
    const double lines = width > 0 ? fmax(1, ceil(total / (width * HOST_PIC_EM))) : 1;
    const double target = total / lines;
    for (size_t i = 0; i + 1 < shaping->n; i++) {
        const uint32_t c = shaping->glyphs[i]->codepoint;
        const uint32_t next = shaping->glyphs[i + 1]->codepoint;
        x += is_space(c) ? 0 : shaping->glyphs[i]->advance;
        if (width > 0 && (may_break_after(c) || (i + 2 < shaping->n && next == '('))) {
            chances[n] = best_before(chances, n, i + 1, x, target, penalty_of(c, next), false);
            n++;
        }
    }
    if (shaping->n > 0 && !is_space(shaping->glyphs[shaping->n - 1]->codepoint)) {
        x += shaping->glyphs[shaping->n - 1]->advance;
    }
    chances[n] = best_before(chances, n, shaping->n, x, target, 0, true);
    for (int at = n; at >= 0 && depth < HOST_PIC_LABEL_LINES_MAX; at = chances[at].prior) {
        path[depth++] = at;
    }
    shaping->n_lines = 0;
    while (depth > 0) {
        shaping->ends[shaping->n_lines++] = chances[path[--depth]].end;
    }
}

/* ---- the block ---- */

static void
align(const char *anchor, double *ret_x, double *ret_y)
{
    *ret_x = strstr(anchor, "left") != NULL ? 0 : strstr(anchor, "right") != NULL ? 1 : 0.5;
    *ret_y = strncmp(anchor, "top", 3) == 0 ? 0 : strncmp(anchor, "bottom", 6) == 0 ? 1 : 0.5;
}

static void
place_line(const struct shaping *shaping, size_t begin, size_t end, double y,
           struct host_pic_label *label, double *ret_width)
{
    const size_t first = label->n_glyphs;
    double x = 0;
    while (begin < end && is_space(shaping->glyphs[begin]->codepoint)) {
        begin++;
    }
    while (end > begin && is_space(shaping->glyphs[end - 1]->codepoint)) {
        end--;
    }
    for (size_t i = begin; i < end; i++) {
        label->glyphs[label->n_glyphs++] = (struct host_pic_placed_glyph){shaping->glyphs[i], x, y};
        x += shaping->glyphs[i]->advance;
    }
    for (size_t i = first; i < label->n_glyphs; i++) {
        label->glyphs[i].x -= x / 2; /* text-justify: center */
    }
    *ret_width = x;
}

static void
place_lines(const struct shaping *shaping, const char *anchor, struct host_pic_label *label)
{
    double align_x = 0;
    double align_y = 0;
    double widest = 0;
    size_t begin = 0;
    align(anchor, &align_x, &align_y);
    const double height = line_height * (double)shaping->n_lines;
    for (size_t i = 0; i < shaping->n_lines; i++) {
        const double middle = line_height * ((double)i + 0.5) - align_y * height;
        double width = 0;
        place_line(shaping, begin, shaping->ends[i], middle + baseline, label, &width);
        widest = fmax(widest, width);
        begin = shaping->ends[i];
    }
    for (size_t i = 0; i < label->n_glyphs; i++) {
        label->glyphs[i].x += (0.5 - align_x) * widest;
    }
    label->left = -align_x * widest;
    label->right = label->left + widest;
    label->top = -align_y * height;
    label->bottom = label->top + height;
}

cim_status
host_pic_label_make(struct host_pic_glyphs *glyphs, const struct host_pic_value *text,
                    const struct host_pic_value *fonts, double width, const char *anchor,
                    struct host_pic_label **ret_label, cim_error *err)
{
    struct shaping shaping;
    struct host_pic_label *label = NULL;
    *ret_label = NULL;
    CIM_TRY(read_glyphs(glyphs, text, host_pic_font(glyphs, fonts), &shaping, err));
    if (shaping.n == 0) {
        return CIM_OK;
    }
    break_lines(&shaping, width);
    label = calloc(1, sizeof *label + shaping.n * sizeof label->glyphs[0]);
    if (label == NULL) {
        return cim_fail_nomem(err);
    }
    place_lines(&shaping, anchor, label);
    if (label->n_glyphs == 0) {
        free(label);
        return CIM_OK;
    }
    *ret_label = label;
    return CIM_OK;
}

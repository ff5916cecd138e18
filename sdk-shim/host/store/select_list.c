/* host/store/select_list.c -- what the text of a select list says about the types of its columns.
 *
 * SQLite knows the declared type of a plain column only, PostgreSQL no times out of {ms}. The rest
 * is read off the statement before its macros are expanded: {wkb c}, {ms c} (also within min and
 * max), count, avg, cast. */
#include "host/store/driver.h"

#include <ctype.h>
#include <string.h>

struct scan {
    const char *at;
    int depth;
};

static bool
is_word_char(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_';
}

/* Past a quoted piece or a comment that starts here; NULL when none does. */
static const char *
skip_opaque(const char *at)
{
    const char *end = NULL;
    if (*at == '\'' || *at == '"') {
        end = strchr(at + 1, *at);
    } else if (at[0] == '-' && at[1] == '-') {
        end = strchr(at, '\n');
    } else if (at[0] == '/' && at[1] == '*') {
        end = strstr(at + 2, "*/");
        end = end != NULL ? end + 1 : NULL;
    } else {
        return NULL;
    }
    return end != NULL ? end + 1 : at + strlen(at);
}

static bool
word_is(const char *at, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(at, word, len) == 0;
}

/* Steps over one token; *ret_len is its length when it is a word at depth 0, else 0. */
static const char *
step(struct scan *scan, size_t *ret_len)
{
    const char *at = scan->at;
    const char *past = skip_opaque(at);
    *ret_len = 0;
    if (past != NULL) {
        scan->at = past;
    } else if (is_word_char(*at)) {
        size_t len = 1;
        while (is_word_char(at[len])) {
            len++;
        }
        scan->at = at + len;
        *ret_len = scan->depth == 0 ? len : 0;
    } else {
        scan->depth += *at == '(' || *at == '{' ? 1 : *at == ')' || *at == '}' ? -1 : 0;
        scan->at = at + 1;
    }
    return at;
}

static const char *
skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* "min(", "max(" in front of what decides. */
static const char *
skip_extremes(const char *at)
{
    for (;;) {
        const char *open = NULL;
        at = skip_space(at);
        if (strncasecmp(at, "min", 3) != 0 && strncasecmp(at, "max", 3) != 0) {
            return at;
        }
        open = skip_space(at + 3);
        if (*open != '(') {
            return at;
        }
        at = open + 1;
    }
}

/* cast(… as TYPE) that is the whole item. */
static enum host_column_plan
cast_plan(const char *item, const char *end)
{
    const char *close = end;
    const char *word = NULL;
    while (close > item && close[-1] != ')') {
        close--;
    }
    if (close == item) {
        return HOST_PLAN_AUTO;
    }
    close--;
    while (close > item && isspace((unsigned char)close[-1])) {
        close--;
    }
    word = close;
    while (word > item && is_word_char(word[-1])) {
        word--;
    }
    if (word_is(word, (size_t)(close - word), "integer") ||
        word_is(word, (size_t)(close - word), "bigint")) {
        return HOST_PLAN_INT64;
    }
    if (word_is(word, (size_t)(close - word), "real")) {
        return HOST_PLAN_FLOAT64;
    }
    return word_is(word, (size_t)(close - word), "text") ? HOST_PLAN_TEXT : HOST_PLAN_AUTO;
}

static bool
calls(const char *at, const char *name)
{
    const size_t len = strlen(name);
    return strncasecmp(at, name, len) == 0 && *skip_space(at + len) == '(';
}

static enum host_column_plan
item_plan(const char *item, const char *end)
{
    const char *at = skip_space(item);
    const char *inner = skip_extremes(at);
    if (strncmp(inner, "{ms", 3) == 0) {
        const char *close = memchr(inner, '}', (size_t)(end - inner));
        /* Not {ms a} - {ms b}: that is a span, a plain number. */
        const char *rest = close != NULL ? close + 1 : end;
        rest += strspn(rest, " \t\r\n)");
        return rest >= end || is_word_char(*rest) ? HOST_PLAN_TIME : HOST_PLAN_INT64;
    }
    for (const char *p = at; p + 4 < end; p++) {
        if (strncmp(p, "{wkb", 4) == 0) {
            return HOST_PLAN_GEOMETRY;
        }
    }
    if (calls(at, "count") || calls(at, "length")) {
        return HOST_PLAN_INT64;
    }
    if (calls(at, "avg") || calls(at, "total")) {
        return HOST_PLAN_FLOAT64;
    }
    if (calls(at, "cast")) {
        return cast_plan(at, end);
    }
    return HOST_PLAN_AUTO;
}

static bool
is_star(const char *item, const char *end)
{
    while (end > item && isspace((unsigned char)end[-1])) {
        end--;
    }
    return end > item && end[-1] == '*' && (end - 1 == skip_space(item) || end[-2] == '.');
}

/* The column of an item that is {ms c} or {wkb c} and nothing else. */
static void
bare_name(const char *item, const char *end, char *ret_name, size_t capacity)
{
    const char *at = skip_space(item);
    const char *close = memchr(at, '}', (size_t)(end - at));
    const char *from = NULL;
    ret_name[0] = '\0';
    if (close == NULL || (strncmp(at, "{ms ", 4) != 0 && strncmp(at, "{wkb ", 5) != 0)) {
        return;
    }
    for (const char *rest = close + 1; rest < end; rest++) {
        if (!isspace((unsigned char)*rest)) {
            return;
        }
    }
    while (close > at && isspace((unsigned char)close[-1])) {
        close--;
    }
    from = close;
    while (from > at && is_word_char(from[-1])) {
        from--;
    }
    if ((size_t)(close - from) < capacity) {
        memcpy(ret_name, from, (size_t)(close - from));
        ret_name[close - from] = '\0';
    }
}

static bool
ends_list(const char *at, size_t len)
{
    static const char *const words[] = {"from",      "where", "union", "except",
                                        "intersect", "order", "limit", "group"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (word_is(at, len, words[i])) {
            return true;
        }
    }
    return false;
}

/* At the list of the outermost select, or of `returning`. */
static bool
find_list(struct scan *scan)
{
    const char *found = NULL;
    while (*scan->at != '\0') {
        size_t len = 0;
        const char *at = step(scan, &len);
        if (word_is(at, len, "returning")) {
            return true;
        }
        if (len > 0 && word_is(at, len, "insert")) {
            found = at; /* its select is no result */
        }
        if (word_is(at, len, "select") && found == NULL) {
            return true;
        }
    }
    return false;
}

int32_t
host_select_list(const char *sql, struct host_column_mark *marks, int32_t capacity,
                 int32_t *ret_star)
{
    struct scan scan = {.at = sql};
    const char *item = NULL;
    int32_t n = 0;
    bool more = true;
    *ret_star = -1;
    if (!find_list(&scan)) {
        return 0;
    }
    item = skip_space(scan.at);
    if (strncasecmp(item, "distinct", 8) == 0 && !is_word_char(item[8])) {
        item += 8;
        scan.at = item;
    }
    while (more && n < capacity) {
        size_t len = 0;
        const bool at_end = *scan.at == '\0';
        const bool at_top = scan.depth == 0;
        const char *at = at_end ? scan.at : step(&scan, &len);
        more = !at_end && !(len > 0 && ends_list(at, len));
        if (!more || (at_top && *at == ',')) {
            if (is_star(item, at)) {
                *ret_star = n;
            }
            marks[n].plan = item_plan(item, at);
            bare_name(item, at, marks[n].name, sizeof marks[n].name);
            n++;
            item = scan.at;
        }
    }
    return n;
}

const struct host_column_mark *
host_select_mark(const struct host_column_mark *marks, int32_t n_marks, int32_t star,
                 int32_t n_columns, int32_t i)
{
    const int32_t before = star >= 0 ? star : n_marks;
    const int32_t after = n_marks - before - (star >= 0 ? 1 : 0);
    if (i < before) {
        return &marks[i];
    }
    return n_columns - i <= after ? &marks[n_marks - (n_columns - i)] : NULL;
}

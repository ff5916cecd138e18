/* kit/cql2_scan.c -- see cql2_scan.h. */
#include "kit/cql2_scan.h"

#include "cim/util.h"

#include <strings.h>

static const char digits[] = "0123456789";

static int
place_of(const struct cim_cql2_scan *scan, size_t at)
{
    int place = 1;
    for (size_t i = 0; i < at; i++) {
        place += ((unsigned char)scan->text[i] & 0xC0U) != 0x80U ? 1 : 0;
    }
    return place;
}

cim_status
cim_cql2_expected(const struct cim_cql2_scan *scan, const char *zh, const char *en)
{
    char found[64] = "";
    const int place = place_of(scan, scan->token.at);
    const size_t len = scan->token.len < sizeof found - 4 ? scan->token.len : sizeof found - 4;
    char cut[sizeof found];
    memcpy(cut, scan->text + scan->token.at, len);
    cut[len] = '\0';
    /* A cut inside a character would be no UTF-8. */
    cim_copy_text(found, len < scan->token.len ? len : sizeof found, cut);
    if (scan->token.kind == CIM_CQL2_END) {
        return cim_fail(scan->err, CIM_E_INVALID, "filter", NULL,
                        "第 %d 个字符处表达式结束了；应为%s%.0s",
                        "the expression ends at character %d; %.0sexpected %s", place, zh, en);
    }
    return cim_fail(scan->err, CIM_E_INVALID, "filter", found, "第 %d 个字符处；应为%s%.0s",
                    "at character %d: %.0sexpected %s", place, zh, en);
}

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           ((unsigned char)c & 0x80U) != 0;
}

static bool
is_name_part(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '.';
}

/* An ideographic or no-break space, which people paste, separates as any other. */
static size_t
skip_spaces(const struct cim_cql2_scan *scan, size_t at)
{
    for (;;) {
        if (at < scan->len && is_space(scan->text[at])) {
            at++;
        } else if (at + 3 <= scan->len && memcmp(scan->text + at, "\xE3\x80\x80", 3) == 0) {
            at += 3;
        } else if (at + 2 <= scan->len && memcmp(scan->text + at, "\xC2\xA0", 2) == 0) {
            at += 2;
        } else {
            return at;
        }
    }
}

static size_t
end_of_number(const struct cim_cql2_scan *scan, size_t at)
{
    const char *text = scan->text;
    at += strspn(text + at, digits);
    if (text[at] == '.') {
        at++;
        at += strspn(text + at, digits);
    }
    if (text[at] == 'e' || text[at] == 'E') {
        const size_t sign = text[at + 1] == '+' || text[at + 1] == '-' ? 1 : 0;
        const size_t n = strspn(text + at + 1 + sign, digits);
        at += n > 0 ? 1 + sign + n : 0;
    }
    return at;
}

/* One past the closing quote: '' and \' within a string are quotes of its content; 0: none. */
static size_t
end_of_quoted(const struct cim_cql2_scan *scan, size_t at)
{
    const char quote = scan->text[at];
    for (at++; at < scan->len; at++) {
        const char c = scan->text[at];
        if (quote == '\'' && (c == '\\' || c == '\'') && scan->text[at + 1] == '\'') {
            at++;
        } else if (c == quote) {
            return at + 1;
        }
    }
    return 0;
}

static size_t
end_of_sign(const struct cim_cql2_scan *scan, size_t at)
{
    const char c = scan->text[at];
    const char next = scan->text[at + 1];
    if ((c == '<' && (next == '>' || next == '=')) || (c == '>' && next == '=')) {
        return at + 2;
    }
    return strchr("(),+-*/%^=<>", c) != NULL ? at + 1 : at;
}

cim_status
cim_cql2_scan_next(struct cim_cql2_scan *scan)
{
    const size_t at = skip_spaces(scan, scan->end_of_token);
    const char c = scan->text[at];
    size_t end = at;
    scan->token = (struct cim_cql2_token){.kind = CIM_CQL2_END, .at = at, .len = scan->len - at};
    if (at == scan->len) {
        return CIM_OK;
    }
    scan->token.kind = CIM_CQL2_SIGN; /* a failure shows the rest */
    if (c == '\'' || c == '"') {
        scan->token.kind = c == '"' ? CIM_CQL2_QUOTED_NAME : CIM_CQL2_STRING;
        end = end_of_quoted(scan, at);
        if (end == 0 || (c == '"' && end == at + 2)) {
            return c == '"' ? cim_cql2_expected(scan, "双引号内的属性名，并以双引号结束",
                                                "a property name and a closing double quote")
                            : cim_cql2_expected(scan, "以单引号结束的文本",
                                                "a text that ends with a single quote");
        }
    } else if ((c >= '0' && c <= '9') ||
               (c == '.' && scan->text[at + 1] >= '0' && scan->text[at + 1] <= '9')) {
        scan->token.kind = CIM_CQL2_NUMBER;
        end = end_of_number(scan, at);
    } else if (is_name_start(c)) {
        scan->token.kind = CIM_CQL2_NAME;
        while (end < scan->len && is_name_part(scan->text[end]) && skip_spaces(scan, end) == end) {
            end++;
        }
    } else {
        end = end_of_sign(scan, at);
        if (end == at) {
            return cim_cql2_expected(scan, "属性名、数、单引号内的文本或运算符",
                                     "a property, a number, a text in single quotes or an "
                                     "operator");
        }
    }
    scan->token.len = end - at;
    scan->end_of_token = end;
    return CIM_OK;
}

cim_status
cim_cql2_scan_init(struct cim_cql2_scan *scan, const char *text, size_t len, cim_error *err)
{
    *scan = (struct cim_cql2_scan){.text = text, .len = len, .err = err};
    for (size_t at = 0; at < len;) {
        const size_t n = cim_utf8_length(text + at, len - at);
        if (n == 0 || text[at] == '\0') {
            scan->token = (struct cim_cql2_token){.kind = CIM_CQL2_SIGN, .at = at};
            return cim_cql2_expected(scan, "UTF-8 文本", "text in UTF-8");
        }
        at += n;
    }
    return cim_cql2_scan_next(scan);
}

bool
cim_cql2_is_sign(const struct cim_cql2_scan *scan, const char *sign)
{
    return scan->token.kind == CIM_CQL2_SIGN && scan->token.len == strlen(sign) &&
           memcmp(scan->text + scan->token.at, sign, scan->token.len) == 0;
}

bool
cim_cql2_is_word(const struct cim_cql2_scan *scan, const char *word)
{
    return scan->token.kind == CIM_CQL2_NAME && scan->token.len == strlen(word) &&
           strncasecmp(scan->text + scan->token.at, word, scan->token.len) == 0;
}

bool
cim_cql2_before_parenthesis(const struct cim_cql2_scan *scan)
{
    return scan->text[skip_spaces(scan, scan->end_of_token)] == '(';
}

void
cim_cql2_token_text(const struct cim_cql2_scan *scan, struct cim_buf *out)
{
    const char *from = scan->text + scan->token.at;
    size_t len = scan->token.len;
    if (scan->token.kind != CIM_CQL2_STRING && scan->token.kind != CIM_CQL2_QUOTED_NAME) {
        cim_buf_add(out, from, len);
        return;
    }
    from++;
    len -= 2;
    for (size_t i = 0; i < len; i++) {
        const bool escape = scan->token.kind == CIM_CQL2_STRING && i + 1 < len &&
                            (from[i] == '\\' || from[i] == '\'') && from[i + 1] == '\'';
        i += escape ? 1 : 0;
        cim_buf_add_char(out, from[i]);
    }
}

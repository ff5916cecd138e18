/* kit/sql.c -- see sql.h. One scanner cuts SQL into tokens; expansion, lint and splitting use it.
 */
#include "kit/sql.h"

#include "kit/sql_scan.h"

#include "cim/util.h"

#include <stdlib.h>

static bool
is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80U) != 0;
}

void
cim_sql_scan_init(struct cim_sql_scan *scan, const char *sql)
{
    *scan = (struct cim_sql_scan){.sql = sql, .len = strlen(sql), .line = 1};
}

/* End of a token that runs to `closing`, doubled closings skipped; 0 when it never closes. */
static size_t
end_of_quoted(const struct cim_sql_scan *scan, size_t at, char closing)
{
    for (at++; at < scan->len; at++) {
        if (scan->sql[at] == closing) {
            if (scan->sql[at + 1] != closing) {
                return at + 1;
            }
            at++;
        }
    }
    return 0;
}

static size_t
end_of_comment(const struct cim_sql_scan *scan, size_t at)
{
    const char *end =
        scan->sql[at] == '-' ? strchr(scan->sql + at, '\n') : strstr(scan->sql + at + 2, "*/");
    if (scan->sql[at] == '-') {
        return end != NULL ? (size_t)(end - scan->sql) : scan->len;
    }
    return end != NULL ? (size_t)(end - scan->sql) + 2 : 0;
}

static size_t
end_of_macro(const struct cim_sql_scan *scan, size_t at)
{
    const size_t inside = strcspn(scan->sql + at + 1, "{};'\"\n");
    return scan->sql[at + 1 + inside] == '}' ? at + inside + 2 : 0;
}

static size_t
end_of_token(const struct cim_sql_scan *scan, size_t at, enum cim_sql_kind *ret_kind)
{
    const char c = scan->sql[at];
    const char next = scan->sql[at + 1];
    if (c == '\'' || c == '"' || c == '`') {
        *ret_kind = c == '\'' ? CIM_SQL_STRING : CIM_SQL_QUOTED_NAME;
        return end_of_quoted(scan, at, c);
    }
    if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
        *ret_kind = CIM_SQL_COMMENT;
        return end_of_comment(scan, at);
    }
    if (c == '{') {
        *ret_kind = CIM_SQL_MACRO;
        return end_of_macro(scan, at);
    }
    if (is_word_char(c)) {
        *ret_kind = CIM_SQL_WORD;
        while (is_word_char(scan->sql[at])) {
            at++;
        }
        return at;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        *ret_kind = CIM_SQL_SPACE;
        return at + strspn(scan->sql + at, " \t\r\n");
    }
    *ret_kind = CIM_SQL_SIGN;
    return at + 1;
}

cim_status
cim_sql_fail(const struct cim_sql_scan *scan, const char *zh, const char *en, cim_error *err)
{
    char word[48];
    const size_t len = scan->token.len < sizeof word - 1 ? scan->token.len : sizeof word - 1;
    memcpy(word, scan->sql + scan->token.at, len);
    word[len] = '\0';
    (void)cim_fail(err, CIM_E_INVALID, "sql", word, "SQL 第 %d 行 %s：%s", "SQL line %d, %s: %s",
                   scan->token.line, word, en);
    if (err != NULL) {
        char message[300];
        (void)snprintf(message, sizeof message, "SQL 第 %d 行 %s：%.200s", scan->token.line, word,
                       zh);
        cim_copy_text(err->zh, sizeof err->zh, message);
    }
    return CIM_E_INVALID;
}

cim_status
cim_sql_scan_next(struct cim_sql_scan *scan, bool *ret_more, cim_error *err)
{
    if (scan->at >= scan->len) {
        *ret_more = false;
        return CIM_OK;
    }
    enum cim_sql_kind kind = CIM_SQL_SIGN;
    const size_t end = end_of_token(scan, scan->at, &kind);
    scan->token = (struct cim_sql_token){.kind = kind, .at = scan->at, .line = scan->line};
    if (end == 0) {
        scan->token.len = 1;
        return cim_sql_fail(scan, "没有结束", "it is never closed", err);
    }
    scan->token.len = end - scan->at;
    for (size_t i = scan->at; i < end; i++) {
        scan->line += scan->sql[i] == '\n' ? 1 : 0;
    }
    scan->at = end;
    *ret_more = true;
    return CIM_OK;
}

cim_status
cim_sql_check_length(const char *sql, cim_error *err)
{
    if (strlen(sql) > CIM_SQL_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "sql", NULL, "SQL 不能超过 %d 字节",
                        "SQL holds at most %d bytes", CIM_SQL_TEXT_MAX);
    }
    return CIM_OK;
}

/* ---- expansion ---- */

enum { MACRO_TEXT_MAX = 256 };

static cim_status
expand_macro(const struct cim_sql_scan *scan, cim_sql_macro_fn macro, void *self,
             struct cim_buf *out, cim_error *err)
{
    char text[MACRO_TEXT_MAX];
    const size_t len = scan->token.len - 2;
    if (len >= sizeof text) {
        return cim_sql_fail(scan, "宏过长", "the macro is too long", err);
    }
    memcpy(text, scan->sql + scan->token.at + 1, len);
    text[len] = '\0';
    char *name = text + strspn(text, " \t\r");
    char *argument = name + strcspn(name, " \t\r");
    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, " \t\r");
    }
    for (char *end = argument + strlen(argument);
         end > argument && strchr(" \t\r", end[-1]) != NULL; end--) {
        end[-1] = '\0';
    }
    const cim_status status = macro(self, name, argument, out, err);
    if (status == CIM_E_NOTFOUND) {
        return cim_sql_fail(scan, "没有这个宏", "there is no such macro", err);
    }
    return status;
}

cim_status
cim_sql_expand(const char *sql, cim_sql_macro_fn macro, void *self, struct cim_buf *out,
               cim_error *err)
{
    struct cim_sql_scan scan;
    bool more = false;
    CIM_TRY(cim_sql_check_length(sql, err));
    cim_sql_scan_init(&scan, sql);
    for (;;) {
        CIM_TRY(cim_sql_scan_next(&scan, &more, err));
        if (!more) {
            return cim_buf_status(out, err);
        }
        if (scan.token.kind == CIM_SQL_MACRO) {
            CIM_TRY(expand_macro(&scan, macro, self, out, err));
        } else {
            cim_buf_add(out, sql + scan.token.at, scan.token.len);
        }
    }
}

/* ---- splitting ---- */

static cim_status
emit(struct cim_buf *statement, cim_sql_statement_fn each, void *self, cim_error *err)
{
    CIM_TRY(cim_buf_status(statement, err));
    while (statement->len > 0 && strchr(" \t\r\n", statement->data[statement->len - 1]) != NULL) {
        statement->data[--statement->len] = '\0';
    }
    const cim_status status = statement->len > 0 ? each(self, statement->data, err) : CIM_OK;
    cim_buf_clear(statement);
    return status;
}

static cim_status
split(struct cim_sql_scan *scan, struct cim_buf *statement, cim_sql_statement_fn each, void *self,
      cim_error *err)
{
    bool more = true;
    for (;;) {
        CIM_TRY(cim_sql_scan_next(scan, &more, err));
        if (!more) {
            return emit(statement, each, self, err);
        }
        const struct cim_sql_token *token = &scan->token;
        if (token->kind == CIM_SQL_SIGN && scan->sql[token->at] == ';') {
            CIM_TRY(emit(statement, each, self, err));
        } else if (statement->len > 0 ||
                   (token->kind != CIM_SQL_SPACE && token->kind != CIM_SQL_COMMENT)) {
            cim_buf_add(statement, scan->sql + token->at, token->len);
        }
    }
}

cim_status
cim_sql_split(const char *script, cim_sql_statement_fn each, void *self, cim_error *err)
{
    struct cim_sql_scan scan;
    CIM_TRY(cim_sql_check_length(script, err));
    CIM_AUTO_BUF struct cim_buf statement;
    cim_buf_init(&statement, CIM_SQL_TEXT_MAX);
    cim_sql_scan_init(&scan, script);
    return split(&scan, &statement, each, self, err);
}

/* kit/sql_lint.c -- refuses SQL that SQLite and PostgreSQL do not read alike. */
#include "kit/sql_scan.h"

#include "cim/util.h"

#include <strings.h>

struct bad_word {
    const char *word;
    const char *next; /* only when this word or sign follows; NULL: always */
    const char *zh;
    const char *en;
};

#define ONE_STORE_ZH "只有一种数据库认识"
#define ONE_STORE_EN "only one of the stores knows it"

static const struct bad_word bad_words[] = {
    {"ilike", NULL, "用 like", "use like"},
    {"interval", NULL, "时间用毫秒参数计算", "compute times into parameters"},
    {"lateral", NULL, ONE_STORE_ZH, ONE_STORE_EN},
    {"at", "time", "时区由程序换算", "time zones are the program's work"},
    {"distinct", "on", "用分组", "use grouping"},
    {"any", "(", "用 in", "use in"},
    {"array", "[", ONE_STORE_ZH, ONE_STORE_EN},
    {"similar", "to", "用 like", "use like"},
    {"regexp", NULL, "用 like", "use like"},
    {"glob", NULL, "用 like", "use like"},
    {"match", NULL, ONE_STORE_ZH, ONE_STORE_EN},
    {"ifnull", "(", "用 coalesce", "use coalesce"},
    {"nvl", "(", "用 coalesce", "use coalesce"},
    {"iif", "(", "用 case", "use case"},
    {"concat", "(", "用 ||", "use ||"},
    {"concat_ws", "(", "用 ||", "use ||"},
    {"group_concat", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"string_agg", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"strftime", "(", "时间用参数", "bind times"},
    {"julianday", "(", "时间用参数", "bind times"},
    {"datetime", "(", "时间用参数", "bind times"},
    {"date_trunc", "(", "时间用参数", "bind times"},
    {"extract", "(", "时间用参数", "bind times"},
    {"now", "(", "用 {now}", "use {now}"},
    {"current_timestamp", NULL, "用 {now}", "use {now}"},
    {"current_date", NULL, "用 {now}", "use {now}"},
    {"random", "(", "随机数用参数", "bind random numbers"},
    {"instr", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"strpos", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"printf", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"format", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"typeof", "(", ONE_STORE_ZH, ONE_STORE_EN},
    {"total", "(", "用 sum", "use sum"},
    {"true", NULL, "布尔值写 1", "write 1 for booleans"},
    {"false", NULL, "布尔值写 0", "write 0 for booleans"},
    {"rowid", NULL, "用 fid", "use fid"},
    {"autoincrement", NULL, ONE_STORE_ZH, ONE_STORE_EN},
    {"serial", NULL, ONE_STORE_ZH, ONE_STORE_EN},
    {"collate", NULL, "文本按字节比较", "text compares bytewise"},
    {"replace", "into", "用 on conflict", "use on conflict"},
    {"insert", "or", "用 on conflict", "use on conflict"},
    {"update", "or", "用 on conflict", "use on conflict"},
    {"indexed", "by", ONE_STORE_ZH, ONE_STORE_EN},
    {"pragma", NULL, "归存储驱动", "that is the driver's"},
    {"attach", NULL, "归存储驱动", "that is the driver's"},
    {"detach", NULL, "归存储驱动", "that is the driver's"},
    {"vacuum", NULL, "归存储驱动", "that is the driver's"},
    {"begin", NULL, "事务归存储驱动", "transactions are the driver's"},
    {"commit", NULL, "事务归存储驱动", "transactions are the driver's"},
    {"rollback", NULL, "事务归存储驱动", "transactions are the driver's"},
    {"savepoint", NULL, "事务归存储驱动", "transactions are the driver's"},
};

static bool
token_is(const struct cim_sql_scan *scan, const struct cim_sql_token *token, const char *text)
{
    return (token->kind == CIM_SQL_WORD || token->kind == CIM_SQL_SIGN) &&
           token->len == strlen(text) && strncasecmp(scan->sql + token->at, text, token->len) == 0;
}

/* The next token that is neither space nor comment; a copy of the scan, so nothing moves. */
static struct cim_sql_token
peek(struct cim_sql_scan scan)
{
    bool more = true;
    while (cim_sql_scan_next(&scan, &more, NULL) == CIM_OK && more) {
        if (scan.token.kind != CIM_SQL_SPACE && scan.token.kind != CIM_SQL_COMMENT) {
            return scan.token;
        }
    }
    return (struct cim_sql_token){.kind = CIM_SQL_SPACE, .at = scan.len};
}

static cim_status
check_word(const struct cim_sql_scan *scan, const struct cim_sql_token *before, cim_error *err)
{
    /* Names of parameters (:match) and columns behind a dot (a.format) are not words of SQL. */
    if (token_is(scan, before, ":") || token_is(scan, before, ".")) {
        return CIM_OK;
    }
    const struct cim_sql_token next = peek(*scan);
    for (size_t i = 0; i < sizeof bad_words / sizeof bad_words[0]; i++) {
        const struct bad_word *bad = &bad_words[i];
        if (token_is(scan, &scan->token, bad->word) &&
            (bad->next == NULL || token_is(scan, &next, bad->next))) {
            return cim_sql_fail(scan, bad->zh, bad->en, err);
        }
    }
    return CIM_OK;
}

static cim_status
check_sign(const struct cim_sql_scan *scan, const struct cim_sql_token *before, cim_error *err)
{
    const char c = scan->sql[scan->token.at];
    const char next = scan->sql[scan->token.at + 1];
    if (c == ':' && next == ':') {
        return cim_sql_fail(scan, "用 cast(x as type)", "write cast(x as type)", err);
    }
    if (c == '?' || c == '$' || c == '@') {
        return cim_sql_fail(scan, "参数写成 :name", "parameters are written :name", err);
    }
    if (c == '[' || c == ']') {
        return cim_sql_fail(scan, "没有数组，名称不加方括号",
                            "there are no arrays, and names take no brackets", err);
    }
    if (c == '=' && before->kind == CIM_SQL_SIGN && scan->sql[before->at] == '=' &&
        before->at + 1 == scan->token.at) {
        return cim_sql_fail(scan, "相等写一个 =", "equality is one =", err);
    }
    if (c == '\\' || c == '#' || c == '^' || c == '~' || c == '}') {
        return cim_sql_fail(scan, "这里不能有这个符号", "this sign has no place here", err);
    }
    if (c == ';' && peek(*scan).at < scan->len) {
        return cim_sql_fail(scan, "一次只能一条语句", "one statement at a time", err);
    }
    return CIM_OK;
}

/* limit a, b */
static cim_status
check_limit(const struct cim_sql_scan *scan, const struct cim_sql_token *limit, cim_error *err)
{
    if (limit->kind == CIM_SQL_WORD && token_is(scan, &scan->token, ",")) {
        return cim_sql_fail(scan, "写 limit 数目 offset 起点", "write limit n offset m", err);
    }
    return CIM_OK;
}

cim_status
cim_sql_lint(const char *sql, cim_error *err)
{
    struct cim_sql_scan scan;
    struct cim_sql_token before = {.kind = CIM_SQL_SPACE};
    struct cim_sql_token limit = {.kind = CIM_SQL_SPACE}; /* the word, until its value is over */
    int since_limit = 0;
    bool more = true;
    CIM_TRY(cim_sql_check_length(sql, err));
    cim_sql_scan_init(&scan, sql);
    for (;;) {
        CIM_TRY(cim_sql_scan_next(&scan, &more, err));
        if (!more) {
            return CIM_OK;
        }
        switch (scan.token.kind) {
        case CIM_SQL_SPACE:
        case CIM_SQL_COMMENT:
            continue;
        case CIM_SQL_QUOTED_NAME:
            return cim_sql_fail(&scan, "文本用单引号，名称不加引号",
                                "text takes single quotes, and names none", err);
        case CIM_SQL_WORD:
            CIM_TRY(check_word(&scan, &before, err));
            break;
        case CIM_SQL_SIGN:
            CIM_TRY(check_sign(&scan, &before, err));
            CIM_TRY(check_limit(&scan, &limit, err));
            break;
        case CIM_SQL_STRING:
        case CIM_SQL_MACRO:
        default:
            break;
        }
        since_limit++;
        if (token_is(&scan, &scan.token, "limit")) {
            limit = scan.token;
            since_limit = 0;
        } else if (since_limit >= 2 && !token_is(&scan, &before, ":")) {
            limit.kind = CIM_SQL_SPACE;
        }
        before = scan.token;
    }
}

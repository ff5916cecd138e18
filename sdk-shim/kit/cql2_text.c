/* kit/cql2_text.c -- see cql2_text.h.
 *
 * By descent, loosest operator first: or, and, not, comparison, + -, * / % div, ^, operand. The
 * grammar's scalar, boolean and arithmetic expressions are one kind of node here, because "(" may
 * begin any of them; which fits where is judged on the tree.
 */
#include "kit/cql2_text.h"

#include "kit/cql2_geometry.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* Every parser may leave a node in *ret also when it fails: who calls it frees it. */
static cim_status parse_expression(struct cim_cql2_parse *parse, struct json_object **ret);
static cim_status parse_sum(struct cim_cql2_parse *parse, struct json_object **ret);

/* ---- nodes ---- */

static void
put_node(struct json_object **at)
{
    json_object_put(*at);
}
#define AUTO_NODE __attribute__((cleanup(put_node)))

struct json_object *
cim_cql2_member(const char *key, struct json_object *value)
{
    struct json_object *object = json_object_new_object();
    if (object == NULL || json_object_object_add(object, key, value) != 0) {
        json_object_put(value);
        json_object_put(object);
        return NULL;
    }
    return object;
}

cim_status
cim_cql2_append(struct json_object *list, struct json_object *value)
{
    if (json_object_array_add(list, value) != 0) {
        json_object_put(value);
        return CIM_E_NOMEM;
    }
    return CIM_OK;
}

/* {"op": …, "args": …}; takes args. NULL: out of memory. */
static struct json_object *
node(const char *op, size_t op_len, struct json_object *args)
{
    struct json_object *object = cim_cql2_member("op", json_object_new_string_len(op, (int)op_len));
    if (object == NULL || args == NULL || json_object_object_add(object, "args", args) != 0) {
        json_object_put(args);
        json_object_put(object);
        return NULL;
    }
    return object;
}

/* Makes *at a node over itself and `more`, which it takes. */
static cim_status
wrap(struct cim_cql2_parse *parse, const char *op, struct json_object **at,
     struct json_object *more)
{
    struct json_object *args = json_object_new_array();
    cim_status status = args != NULL ? CIM_OK : CIM_E_NOMEM;
    if (status == CIM_OK) {
        status = cim_cql2_append(args, *at);
        *at = NULL;
    }
    if (status == CIM_OK && more != NULL) {
        status = cim_cql2_append(args, more);
        more = NULL;
    }
    if (status != CIM_OK) {
        json_object_put(args);
        json_object_put(more);
        return cim_fail_nomem(parse->scan.err);
    }
    *at = node(op, strlen(op), args);
    return *at != NULL ? CIM_OK : cim_fail_nomem(parse->scan.err);
}

static cim_status
give(struct cim_cql2_parse *parse, struct json_object *value, struct json_object **ret)
{
    *ret = value;
    return value != NULL ? CIM_OK : cim_fail_nomem(parse->scan.err);
}

/* ---- the small pieces ---- */

cim_status
cim_cql2_deeper(struct cim_cql2_parse *parse)
{
    if (++parse->depth > CIM_CQL2_DEPTH_MAX) {
        return cim_fail(parse->scan.err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件嵌套超过 %d 层",
                        "the filter is nested over %d levels", CIM_CQL2_DEPTH_MAX);
    }
    return CIM_OK;
}

cim_status
cim_cql2_take_sign(struct cim_cql2_parse *parse, const char *sign)
{
    if (!cim_cql2_is_sign(&parse->scan, sign)) {
        char zh[16];
        (void)snprintf(zh, sizeof zh, " %s", sign);
        return cim_cql2_expected(&parse->scan, zh, sign);
    }
    return cim_cql2_scan_next(&parse->scan);
}

static bool
is_keyword(const struct cim_cql2_scan *scan)
{
    static const char *const words[] = {"and", "or",   "not",  "like",  "between", "in",
                                        "is",  "null", "true", "false", "div"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (cim_cql2_is_word(scan, words[i])) {
            return true;
        }
    }
    return false;
}

static cim_status
token_string(struct cim_cql2_parse *parse, struct json_object **ret)
{
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, CIM_CQL2_TEXT_MAX);
    cim_cql2_token_text(&parse->scan, &text);
    CIM_TRY(cim_buf_status(&text, parse->scan.err));
    return give(parse, json_object_new_string_len(text.len > 0 ? text.data : "", (int)text.len),
                ret);
}

static cim_status
parse_property(struct cim_cql2_parse *parse, struct json_object **ret)
{
    struct json_object *name = NULL;
    CIM_TRY(token_string(parse, &name));
    CIM_TRY(give(parse, cim_cql2_member("property", name), ret));
    return cim_cql2_scan_next(&parse->scan);
}

cim_status
cim_cql2_take_number(struct cim_cql2_parse *parse, bool negative, struct json_object **ret)
{
    const struct cim_cql2_token *token = &parse->scan.token;
    char text[64];
    char *end = NULL;
    if (token->kind != CIM_CQL2_NUMBER || token->len >= sizeof text - 1) {
        return cim_cql2_expected(&parse->scan, "数", "a number");
    }
    (void)snprintf(text, sizeof text, "%s%.*s", negative ? "-" : "", (int)token->len,
                   parse->scan.text + token->at);
    if (strpbrk(text, ".eE") == NULL) {
        errno = 0;
        const long long whole = strtoll(text, &end, 10);
        if (errno == 0) {
            CIM_TRY(give(parse, json_object_new_int64(whole), ret));
            return cim_cql2_scan_next(&parse->scan);
        }
    }
    const double number = strtod(text, &end);
    if (!isfinite(number)) {
        return cim_cql2_expected(&parse->scan, "双精度所能表示的数",
                                 "a number that a double can hold");
    }
    CIM_TRY(give(parse, json_object_new_double(number), ret));
    return cim_cql2_scan_next(&parse->scan);
}

/* ---- lists in parentheses ---- */

typedef cim_status (*item_fn)(struct cim_cql2_parse *parse, struct json_object **ret);

/* "(" item {"," item} ")" */
static cim_status
parse_list(struct cim_cql2_parse *parse, item_fn item, bool may_be_empty, struct json_object **ret)
{
    struct json_object *list = json_object_new_array();
    cim_status status = list != NULL ? cim_cql2_deeper(parse) : cim_fail_nomem(parse->scan.err);
    status = status == CIM_OK ? cim_cql2_take_sign(parse, "(") : status;
    bool more = !(may_be_empty && cim_cql2_is_sign(&parse->scan, ")"));
    while (status == CIM_OK && more) {
        AUTO_NODE struct json_object *value = NULL;
        status = item(parse, &value);
        if (status == CIM_OK && cim_cql2_append(list, CIM_TAKE(value)) != CIM_OK) {
            status = cim_fail_nomem(parse->scan.err);
        }
        more = status == CIM_OK && cim_cql2_is_sign(&parse->scan, ",");
        status = more ? cim_cql2_scan_next(&parse->scan) : status;
    }
    if (status == CIM_OK && !cim_cql2_is_sign(&parse->scan, ")")) {
        status = cim_cql2_expected(&parse->scan, "逗号或右括号", "a comma or )");
    }
    status = status == CIM_OK ? cim_cql2_scan_next(&parse->scan) : status;
    parse->depth--;
    if (status != CIM_OK) {
        json_object_put(list);
        return status;
    }
    *ret = list;
    return CIM_OK;
}

/* A text, or a property or function, as the end of an interval. */
static cim_status
parse_interval_end(struct cim_cql2_parse *parse, struct json_object **ret)
{
    if (parse->scan.token.kind == CIM_CQL2_STRING) {
        CIM_TRY(token_string(parse, ret));
        return cim_cql2_scan_next(&parse->scan);
    }
    return parse_sum(parse, ret);
}

/* DATE('…') and TIMESTAMP('…') */
static cim_status
parse_instant(struct cim_cql2_parse *parse, const char *key, struct json_object **ret)
{
    struct json_object *text = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(cim_cql2_take_sign(parse, "("));
    if (parse->scan.token.kind != CIM_CQL2_STRING) {
        return key[0] == 'd' ? cim_cql2_expected(&parse->scan, "日期，如 '2026-01-31'",
                                                 "a date such as '2026-01-31'")
                             : cim_cql2_expected(&parse->scan, "时刻，如 '2026-01-31T08:00:00Z'",
                                                 "a time such as '2026-01-31T08:00:00Z'");
    }
    CIM_TRY(token_string(parse, &text));
    CIM_TRY(give(parse, cim_cql2_member(key, text), ret));
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    return cim_cql2_take_sign(parse, ")");
}

static cim_status
parse_interval(struct cim_cql2_parse *parse, struct json_object **ret)
{
    struct json_object *ends = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_list(parse, parse_interval_end, false, &ends));
    return give(parse, cim_cql2_member("interval", ends), ret);
}

/* Names of the standard in small letters, as CQL2 JSON has them; any other as it stands. */
static cim_status
parse_function(struct cim_cql2_parse *parse, struct json_object **ret)
{
    char name[64];
    struct json_object *args = NULL;
    const size_t len = parse->scan.token.len;
    if (len >= sizeof name) {
        return cim_cql2_expected(&parse->scan, "已知的函数名", "the name of a function");
    }
    memcpy(name, parse->scan.text + parse->scan.token.at, len);
    name[len] = '\0';
    const bool standard = strncasecmp(name, "s_", 2) == 0 || strncasecmp(name, "t_", 2) == 0 ||
                          strncasecmp(name, "a_", 2) == 0 || strcasecmp(name, "casei") == 0 ||
                          strcasecmp(name, "accenti") == 0;
    for (char *c = name; standard && *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    if (standard && len > 4 && strcmp(name + len - 2, "by") == 0) {
        name[len - 2] = 'B'; /* t_metBy, a_containedBy */
    }
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_list(parse, parse_expression, true, &args));
    return give(parse, node(name, len, args), ret);
}

static cim_status
parse_word(struct cim_cql2_parse *parse, struct json_object **ret)
{
    struct cim_cql2_scan *scan = &parse->scan;
    const bool is_true = cim_cql2_is_word(scan, "true");
    if (is_true || cim_cql2_is_word(scan, "false")) {
        CIM_TRY(give(parse, json_object_new_boolean(is_true), ret));
        return cim_cql2_scan_next(scan);
    }
    if (is_keyword(scan)) {
        return cim_cql2_expected(scan, "属性、值或括号", "a property, a value or (");
    }
    if (cim_cql2_is_geometry(scan)) {
        return cim_cql2_parse_geometry(parse, ret);
    }
    if (!cim_cql2_before_parenthesis(scan)) {
        return parse_property(parse, ret);
    }
    if (cim_cql2_is_word(scan, "date")) {
        return parse_instant(parse, "date", ret);
    }
    if (cim_cql2_is_word(scan, "timestamp")) {
        return parse_instant(parse, "timestamp", ret);
    }
    return cim_cql2_is_word(scan, "interval") ? parse_interval(parse, ret)
                                              : parse_function(parse, ret);
}

/* "(" expression ")", or with commas an array. */
static cim_status
parse_parenthesis(struct cim_cql2_parse *parse, struct json_object **ret)
{
    struct json_object *list = NULL;
    CIM_TRY(parse_list(parse, parse_expression, true, &list));
    if (json_object_array_length(list) != 1) {
        *ret = list;
        return CIM_OK;
    }
    *ret = json_object_get(json_object_array_get_idx(list, 0));
    json_object_put(list);
    return CIM_OK;
}

static cim_status
parse_operand(struct cim_cql2_parse *parse, struct json_object **ret)
{
    switch (parse->scan.token.kind) {
    case CIM_CQL2_NUMBER:
        return cim_cql2_take_number(parse, false, ret);
    case CIM_CQL2_STRING:
        CIM_TRY(token_string(parse, ret));
        return cim_cql2_scan_next(&parse->scan);
    case CIM_CQL2_QUOTED_NAME:
        return parse_property(parse, ret);
    case CIM_CQL2_NAME:
        return parse_word(parse, ret);
    case CIM_CQL2_SIGN:
    case CIM_CQL2_END:
    default:
        break;
    }
    if (cim_cql2_is_sign(&parse->scan, "(")) {
        return parse_parenthesis(parse, ret);
    }
    return cim_cql2_expected(&parse->scan, "属性、值或括号", "a property, a value or (");
}

/* ---- operators ---- */

static cim_status
parse_factor(struct cim_cql2_parse *parse, struct json_object **ret)
{
    const bool negative = cim_cql2_is_sign(&parse->scan, "-");
    if (!negative && !cim_cql2_is_sign(&parse->scan, "+")) {
        return parse_operand(parse, ret);
    }
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    if (parse->scan.token.kind == CIM_CQL2_NUMBER || !negative) {
        return cim_cql2_take_number(parse, negative, ret);
    }
    AUTO_NODE struct json_object *operand = NULL;
    CIM_TRY(parse_operand(parse, &operand));
    CIM_TRY(give(parse, json_object_new_int(-1), ret));
    return wrap(parse, "*", ret, CIM_TAKE(operand));
}

/* left {op right}, grouped from the left; each step is one level of the tree. */
static cim_status
parse_chain(struct cim_cql2_parse *parse, const char *const *ops, item_fn item, int most,
            struct json_object **ret)
{
    const int depth = parse->depth;
    cim_status status = item(parse, ret);
    for (int n = 0; status == CIM_OK && n < most; n++) {
        const char *op = NULL;
        for (size_t i = 0; ops[i] != NULL && op == NULL; i++) {
            op = cim_cql2_is_sign(&parse->scan, ops[i]) || cim_cql2_is_word(&parse->scan, ops[i])
                     ? ops[i]
                     : NULL;
        }
        if (op == NULL) {
            break;
        }
        AUTO_NODE struct json_object *right = NULL;
        status = cim_cql2_deeper(parse);
        status = status == CIM_OK ? cim_cql2_scan_next(&parse->scan) : status;
        status = status == CIM_OK ? item(parse, &right) : status;
        status = status == CIM_OK ? wrap(parse, op, ret, CIM_TAKE(right)) : status;
    }
    parse->depth = depth;
    return status;
}

static cim_status
parse_power(struct cim_cql2_parse *parse, struct json_object **ret)
{
    static const char *const ops[] = {"^", NULL};
    return parse_chain(parse, ops, parse_factor, 1, ret);
}

static cim_status
parse_term(struct cim_cql2_parse *parse, struct json_object **ret)
{
    static const char *const ops[] = {"*", "/", "%", "div", NULL};
    return parse_chain(parse, ops, parse_power, CIM_CQL2_DEPTH_MAX + 1, ret);
}

static cim_status
parse_sum(struct cim_cql2_parse *parse, struct json_object **ret)
{
    static const char *const ops[] = {"+", "-", NULL};
    return parse_chain(parse, ops, parse_term, CIM_CQL2_DEPTH_MAX + 1, ret);
}

static cim_status
compare_rest(struct cim_cql2_parse *parse, struct json_object **left)
{
    static const char *const ops[] = {"=", "<>", "<=", ">=", "<", ">"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (cim_cql2_is_sign(&parse->scan, ops[i])) {
            AUTO_NODE struct json_object *right = NULL;
            CIM_TRY(cim_cql2_scan_next(&parse->scan));
            CIM_TRY(parse_sum(parse, &right));
            return wrap(parse, ops[i], left, CIM_TAKE(right));
        }
    }
    return CIM_OK;
}

static cim_status
like_rest(struct cim_cql2_parse *parse, struct json_object **left)
{
    AUTO_NODE struct json_object *pattern = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_operand(parse, &pattern));
    return wrap(parse, "like", left, CIM_TAKE(pattern));
}

static cim_status
in_rest(struct cim_cql2_parse *parse, struct json_object **left)
{
    struct json_object *list = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_list(parse, parse_sum, false, &list));
    return wrap(parse, "in", left, list);
}

static cim_status
between_rest(struct cim_cql2_parse *parse, struct json_object **left)
{
    AUTO_NODE struct json_object *low = NULL;
    AUTO_NODE struct json_object *high = NULL;
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_sum(parse, &low));
    if (!cim_cql2_is_word(&parse->scan, "and")) {
        return cim_cql2_expected(&parse->scan, " and 与上界", "and");
    }
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(parse_sum(parse, &high));
    CIM_TRY(wrap(parse, "between", left, CIM_TAKE(low)));
    struct json_object *args = NULL;
    (void)json_object_object_get_ex(*left, "args", &args);
    return cim_cql2_append(args, CIM_TAKE(high)) == CIM_OK ? CIM_OK
                                                           : cim_fail_nomem(parse->scan.err);
}

static cim_status
is_null_rest(struct cim_cql2_parse *parse, bool *ret_negated, struct json_object **left)
{
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    *ret_negated = cim_cql2_is_word(&parse->scan, "not");
    if (*ret_negated) {
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
    }
    if (!cim_cql2_is_word(&parse->scan, "null")) {
        return cim_cql2_expected(&parse->scan, " null", "null");
    }
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    return wrap(parse, "isNull", left, NULL);
}

/* What may follow the left side of a predicate. */
static cim_status
predicate_rest(struct cim_cql2_parse *parse, struct json_object **left)
{
    struct cim_cql2_scan *scan = &parse->scan;
    bool negated = cim_cql2_is_word(scan, "not");
    if (negated) {
        CIM_TRY(cim_cql2_scan_next(scan));
    }
    if (cim_cql2_is_word(scan, "like")) {
        CIM_TRY(like_rest(parse, left));
    } else if (cim_cql2_is_word(scan, "in")) {
        CIM_TRY(in_rest(parse, left));
    } else if (cim_cql2_is_word(scan, "between")) {
        CIM_TRY(between_rest(parse, left));
    } else if (negated) {
        return cim_cql2_expected(scan, " like、in 或 between", "like, in or between");
    } else if (cim_cql2_is_word(scan, "is")) {
        CIM_TRY(is_null_rest(parse, &negated, left));
    } else {
        return compare_rest(parse, left);
    }
    return negated ? wrap(parse, "not", left, NULL) : CIM_OK;
}

static cim_status
parse_predicate(struct cim_cql2_parse *parse, struct json_object **ret)
{
    CIM_TRY(parse_sum(parse, ret));
    return predicate_rest(parse, ret);
}

static cim_status
parse_not(struct cim_cql2_parse *parse, struct json_object **ret)
{
    if (!cim_cql2_is_word(&parse->scan, "not")) {
        return parse_predicate(parse, ret);
    }
    CIM_TRY(cim_cql2_scan_next(&parse->scan));
    CIM_TRY(cim_cql2_deeper(parse));
    CIM_TRY(parse_not(parse, ret));
    parse->depth--;
    return wrap(parse, "not", ret, NULL);
}

/* One node for as many arguments as there are, so that long lists are not deep. */
static cim_status
parse_logic(struct cim_cql2_parse *parse, const char *op, item_fn item, struct json_object **ret)
{
    struct json_object *args = NULL;
    CIM_TRY(item(parse, ret));
    while (cim_cql2_is_word(&parse->scan, op)) {
        AUTO_NODE struct json_object *right = NULL;
        CIM_TRY(cim_cql2_scan_next(&parse->scan));
        CIM_TRY(item(parse, &right));
        if (args == NULL) {
            CIM_TRY(wrap(parse, op, ret, CIM_TAKE(right)));
            (void)json_object_object_get_ex(*ret, "args", &args);
        } else if (cim_cql2_append(args, CIM_TAKE(right)) != CIM_OK) {
            return cim_fail_nomem(parse->scan.err);
        }
    }
    return CIM_OK;
}

static cim_status
parse_and(struct cim_cql2_parse *parse, struct json_object **ret)
{
    return parse_logic(parse, "and", parse_not, ret);
}

static cim_status
parse_expression(struct cim_cql2_parse *parse, struct json_object **ret)
{
    return parse_logic(parse, "or", parse_and, ret);
}

cim_status
cim_cql2_text_parse(const char *text, size_t len, struct json_object **ret_tree, cim_error *err)
{
    struct cim_cql2_parse parse = {.depth = 0};
    AUTO_NODE struct json_object *tree = NULL;
    if (len > CIM_CQL2_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件不能超过 %d 字节",
                        "a filter holds at most %d bytes", CIM_CQL2_TEXT_MAX);
    }
    CIM_TRY(cim_cql2_scan_init(&parse.scan, text, len, err));
    CIM_TRY(parse_expression(&parse, &tree));
    if (parse.scan.token.kind != CIM_CQL2_END) {
        return cim_cql2_expected(&parse.scan, "运算符或表达式的结尾",
                                 "an operator or the end of the expression");
    }
    *ret_tree = CIM_TAKE(tree);
    return CIM_OK;
}

/* kit/json.c -- see json.h. json-c parses; what it lets pass is checked here on the same text. */
#include "kit/json.h"

#include "cim/util.h"

#include <limits.h>
#include <stdbool.h>
#include <json-c/json.h>

enum { KEYS_MAX = 512, KEY_BYTES_MAX = 256 };

struct place {
    size_t line;
    size_t column;
};

static struct place
place_of(const char *text, size_t at)
{
    struct place place = {1, 1};
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text[i] & 0xC0U) != 0x80U) {
            place.column++;
        }
    }
    return place;
}

/* What stands at the place, for the value of the message. */
static void
copy_near(char *to, size_t capacity, const char *text, size_t len, size_t at)
{
    size_t n = 0;
    while (at + n < len && n + 1 < capacity && n < 24 && text[at + n] != '\n' &&
           text[at + n] != '\0') {
        n++;
    }
    char near[32];
    memcpy(near, text + at, n);
    near[n] = '\0';
    cim_copy_text(to, capacity, near);
}

static cim_status
refuse(const char *where, const char *text, size_t len, size_t at, const char *zh, const char *en,
       cim_error *err)
{
    const struct place place = place_of(text, at);
    char near[32] = "";
    if (at < len) {
        copy_near(near, sizeof near, text, len, at);
    }
    (void)cim_fail(err, CIM_E_INVALID, NULL, near, "%s:%zu:%zu：%s", "%s:%zu:%zu: %s", where,
                   place.line, place.column, en);
    if (err != NULL) {
        char message[400];
        (void)snprintf(message, sizeof message, "%.200s:%zu:%zu：%s", where, place.line,
                       place.column, zh);
        cim_copy_text(err->zh, sizeof err->zh, message);
    }
    return CIM_E_INVALID;
}

static cim_status
refuse_syntax(const char *where, const char *text, size_t len, struct json_tokener *tokener,
              cim_error *err)
{
    const enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t at = json_tokener_get_parse_end(tokener);
    at = at > len ? len : at;
    switch (code) {
    case json_tokener_error_depth:
        return refuse(where, text, len, at, "嵌套过深", "nested too deep", err);
    case json_tokener_error_parse_object_value_sep:
        return refuse(where, text, len, at, "此处应为逗号或 }", "expected a comma or }", err);
    case json_tokener_error_parse_array:
        return refuse(where, text, len, at, "此处应为逗号或 ]", "expected a comma or ]", err);
    case json_tokener_error_parse_object_key_sep:
        return refuse(where, text, len, at, "键之后应为冒号", "expected a colon after the key",
                      err);
    case json_tokener_error_parse_object_key_name:
        return refuse(where, text, len, at, "此处应为带双引号的键",
                      "expected a key in double quotes", err);
    case json_tokener_error_parse_utf8_string:
        return refuse(where, text, len, at, "不是有效的 UTF-8", "this is not valid UTF-8", err);
    case json_tokener_error_parse_unexpected:
        if (at < len && (text[at] == '}' || text[at] == ']')) {
            return refuse(where, text, len, at, "之前多了一个逗号，或缺少值",
                          "before it stands a comma too many, or a value is missing", err);
        }
        return refuse(where, text, len, at, "此处不应有这个字符", "this has no place here", err);
    default:
        return refuse(where, text, len, at, "此处不是 JSON", "this is not JSON", err);
    }
}

/* ---- keys that occur twice: json-c keeps the last of them without a word ---- */

struct scan {
    const char *where;
    const char *text;
    size_t len;
    size_t at;
    cim_error *err;
};

/* Small, because every level of nesting keeps its keys on the stack. */
struct span {
    uint32_t start;
    uint32_t len;
};

static void
skip_space(struct scan *scan)
{
    while (scan->at < scan->len && strchr(" \t\r\n", scan->text[scan->at]) != NULL &&
           scan->text[scan->at] != '\0') {
        scan->at++;
    }
}

static cim_status
refuse_here(struct scan *scan, const char *zh, const char *en)
{
    return refuse(scan->where, scan->text, scan->len, scan->at, zh, en, scan->err);
}

/* The four digits of an escape whose backslash stands at `at`; UINT32_MAX: there is none. */
static uint32_t
escape_at(const struct scan *scan, size_t at)
{
    uint32_t code = 0;
    if (scan->len < at + 6 || scan->text[at] != '\\' || scan->text[at + 1] != 'u') {
        return UINT32_MAX;
    }
    for (size_t i = at + 2; i < at + 6; i++) {
        const uint32_t c = (unsigned char)scan->text[i];
        code = code << 4U | (c <= '9' ? c - '0' : (c | 0x20U) - 'a' + 10U); /* it has parsed */
    }
    return code;
}

/* json-c makes a replacement character of half a pair. */
static cim_status
take_escape(struct scan *scan)
{
    const uint32_t code = escape_at(scan, scan->at);
    if (code == 0) {
        return refuse_here(scan, "字符串中不能有 NUL", "a string must not hold a NUL");
    }
    if (code >= 0xD800U && code <= 0xDFFFU) {
        const uint32_t low = escape_at(scan, scan->at + 6);
        if (code >= 0xDC00U || low < 0xDC00U || low > 0xDFFFU) {
            return refuse_here(scan, "代理项须成对出现", "a surrogate stands without its pair");
        }
        scan->at += 6;
    }
    scan->at++;
    return CIM_OK;
}

static cim_status
take_string(struct scan *scan, struct span *ret_span)
{
    struct span span = {.start = (uint32_t)scan->at + 1U};
    if (scan->text[scan->at] != '"') {
        return refuse_here(scan, "此处应为双引号", "expected a double quote");
    }
    for (scan->at++; scan->at < scan->len && scan->text[scan->at] != '"'; scan->at++) {
        if ((unsigned char)scan->text[scan->at] < 0x20U) {
            return refuse_here(scan, "字符串中不能有控制字符",
                               "a string must not hold a control character");
        }
        if (scan->text[scan->at] == '\\') {
            CIM_TRY(take_escape(scan));
        }
    }
    span.len = (uint32_t)scan->at - span.start;
    scan->at++;
    *ret_span = span;
    return CIM_OK;
}

/* ---- keys ---- */

static size_t
put_utf8(char *to, uint32_t c)
{
    if (c < 0x80U) {
        to[0] = (char)c;
        return 1;
    }
    const size_t n = c < 0x800U ? 2 : c < 0x10000U ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        to[i] = (char)(0x80U | (c & 0x3FU));
        c >>= 6U;
    }
    to[0] = (char)((0xF00U >> n & 0xFFU) | c);
    return n;
}

/* Without its escapes; what does not fit is cut off. */
static size_t
decode_key(const struct scan *scan, const struct span *key, char to[KEY_BYTES_MAX])
{
    static const char named[] = "b\bf\fn\nr\rt\t";
    size_t n = 0;
    for (size_t at = key->start; at < (size_t)key->start + key->len && n + 4 <= KEY_BYTES_MAX;) {
        const char *found = NULL;
        if (scan->text[at] != '\\') {
            to[n++] = scan->text[at++];
        } else if (scan->text[at + 1] == 'u') {
            uint32_t code = escape_at(scan, at);
            at += 6;
            if (code >= 0xD800U && code <= 0xDFFFU) { /* take_escape() has seen the pair */
                code = 0x10000U + ((code - 0xD800U) << 10U) + (escape_at(scan, at) - 0xDC00U);
                at += 6;
            }
            n += put_utf8(to + n, code);
        } else {
            found = strchr(named, scan->text[at + 1]);
            to[n++] = found != NULL ? found[1] : scan->text[at + 1];
            at += 2;
        }
    }
    return n;
}

static bool
same_key(const struct scan *scan, const struct span *a, const struct span *b)
{
    char texts[2][KEY_BYTES_MAX];
    const char *left = scan->text + a->start;
    const char *right = scan->text + b->start;
    if (memchr(left, '\\', a->len) == NULL && memchr(right, '\\', b->len) == NULL) {
        return a->len == b->len && memcmp(left, right, a->len) == 0;
    }
    const size_t n = decode_key(scan, a, texts[0]);
    return n == decode_key(scan, b, texts[1]) && memcmp(texts[0], texts[1], n) == 0;
}

/* json-c makes the greatest number there is of an integer that is greater. */
static bool
is_beyond_64_bits(const char *digits, size_t left)
{
    static const char greatest[] = "9223372036854775807";
    size_t n = 0;
    while (n < left && digits[n] >= '0' && digits[n] <= '9') {
        n++;
    }
    if (n < left && strchr(".eE", digits[n]) != NULL) {
        return false;
    }
    return n >= sizeof greatest || (n == sizeof greatest - 1 && memcmp(digits, greatest, n) > 0);
}

/* json-c takes NaN, Infinity and numbers with leading zeros. */
static cim_status
take_literal(struct scan *scan)
{
    const char *start = scan->text + scan->at;
    const size_t left = scan->len - scan->at;
    const size_t sign = start[0] == '-' ? 1 : 0;
    const char first = left > sign ? start[sign] : ' ';
    const bool digit = first >= '0' && first <= '9';
    const bool padded =
        first == '0' && left > sign + 1 && start[sign + 1] >= '0' && start[sign + 1] <= '9';
    if (padded || (!digit && (sign != 0 || strchr("tfn", first) == NULL))) {
        return refuse_here(scan, "此处应为 JSON 的值", "expected a JSON value");
    }
    if (digit && is_beyond_64_bits(start + sign, left - sign)) {
        return refuse_here(scan, "整数超过 64 位，应写作带小数点或指数的数",
                           "an integer of more than 64 bits: write it with a point or an exponent");
    }
    while (scan->at < scan->len && strchr(",]} \t\r\n", scan->text[scan->at]) == NULL) {
        scan->at++;
    }
    return CIM_OK;
}

static cim_status scan_value(struct scan *scan, int depth);

static cim_status
scan_object(struct scan *scan, int depth)
{
    struct span keys[KEYS_MAX];
    size_t n_keys = 0;
    scan->at++;
    for (;;) {
        skip_space(scan);
        if (scan->at >= scan->len || scan->text[scan->at] == '}') {
            scan->at++;
            return CIM_OK;
        }
        if (scan->text[scan->at] == ',') {
            scan->at++;
            continue;
        }
        struct span key = {0, 0};
        CIM_TRY(take_string(scan, &key));
        for (size_t i = 0; i < n_keys; i++) {
            if (same_key(scan, &keys[i], &key)) {
                return refuse(scan->where, scan->text, scan->len, key.start - 1,
                              "同一对象中的键重复", "this key occurs twice in one object",
                              scan->err);
            }
        }
        if (n_keys == KEYS_MAX) {
            return refuse(scan->where, scan->text, scan->len, key.start - 1, "一个对象的键过多",
                          "an object has too many keys", scan->err);
        }
        keys[n_keys++] = key;
        skip_space(scan);
        scan->at++; /* the colon */
        CIM_TRY(scan_value(scan, depth + 1));
    }
}

static cim_status
scan_array(struct scan *scan, int depth)
{
    scan->at++;
    for (;;) {
        skip_space(scan);
        if (scan->at >= scan->len || scan->text[scan->at] == ']') {
            scan->at++;
            return CIM_OK;
        }
        if (scan->text[scan->at] == ',') {
            scan->at++;
            continue;
        }
        CIM_TRY(scan_value(scan, depth + 1));
    }
}

/* The text parsed already, so only its shape needs following. */
static cim_status
scan_value(struct scan *scan, int depth)
{
    skip_space(scan);
    if (scan->at >= scan->len || depth > CIM_JSON_DEPTH_MAX) {
        scan->at = scan->len;
        return CIM_OK;
    }
    switch (scan->text[scan->at]) {
    case '{':
        return scan_object(scan, depth);
    case '[':
        return scan_array(scan, depth);
    case '"': {
        struct span span = {0, 0};
        return take_string(scan, &span);
    }
    default:
        return take_literal(scan);
    }
}

cim_status
cim_json_parse(const char *where, const char *text, size_t len, struct json_object **ret_value,
               cim_error *err)
{
    if (len > INT_MAX - 1) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "%s：JSON 过长",
                        "%s: the JSON is too long", where);
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        return refuse(where, text, len, 0, "以字节序标记（BOM）开头，应去掉",
                      "it begins with a byte order mark, which has no place in JSON", err);
    }
    struct json_tokener *tokener = json_tokener_new_ex(CIM_JSON_DEPTH_MAX);
    if (tokener == NULL) {
        return cim_fail_nomem(err);
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *value = json_tokener_parse_ex(tokener, text, (int)len);
    cim_status status = CIM_OK;
    const bool open_ended = json_tokener_get_error(tokener) == json_tokener_continue;
    if (open_ended) {
        /* A bare number ends only where the text ends. */
        value = json_tokener_parse_ex(tokener, "", 1);
    }
    if (json_tokener_get_error(tokener) != json_tokener_success && open_ended) {
        status = refuse(where, text, len, len, "内容在此中断，括号或引号没有结束",
                        "the text ends here, before a bracket or a quote was closed", err);
    } else if (json_tokener_get_error(tokener) != json_tokener_success) {
        status = refuse_syntax(where, text, len, tokener, err);
    } else {
        struct scan scan = {.where = where, .text = text, .len = len, .err = err};
        status = scan_value(&scan, 0);
        skip_space(&scan);
        if (status == CIM_OK && scan.at < len) {
            status = refuse(where, text, len, scan.at, "JSON 之后还有内容",
                            "something follows after the JSON", err);
        }
    }
    json_tokener_free(tokener);
    if (status != CIM_OK) {
        json_object_put(value);
        return status;
    }
    *ret_value = value;
    return CIM_OK;
}

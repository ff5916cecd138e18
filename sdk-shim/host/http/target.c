/* host/http/target.c -- the request target: percent-decoding that refuses what could mean two
 * things to two programs. */
#include "internal.h"

#include "cim/util.h"

#include <string.h>

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of the well-formed UTF-8 sequence at `s` (Unicode table 3-7), 0 if it is none. */
static size_t
utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        return (s[1] & 0xc0U) == 0x80 ? 2 : 0;
    }
    if (s[0] >= 0xe0 && s[0] <= 0xef) {
        const unsigned char low = s[0] == 0xe0 ? 0xa0 : 0x80;
        const unsigned char high = s[0] == 0xed ? 0x9f : 0xbf;
        return s[1] >= low && s[1] <= high && (s[2] & 0xc0U) == 0x80 ? 3 : 0;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        const unsigned char low = s[0] == 0xf0 ? 0x90 : 0x80;
        const unsigned char high = s[0] == 0xf4 ? 0x8f : 0xbf;
        return s[1] >= low && s[1] <= high && (s[2] & 0xc0U) == 0x80 && (s[3] & 0xc0U) == 0x80 ? 4
                                                                                               : 0;
    }
    return 0;
}

static bool
is_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        const size_t len = utf8_length(at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

enum decode { DECODE_PATH, DECODE_QUERY };

/* Decodes `len` bytes into arena memory. NULL with *ret_ok false: bad escape or no text. */
static char *
decode(struct host_arena *arena, const char *raw, size_t len, enum decode how, bool *ret_ok)
{
    char *out = host_arena_alloc(arena, len + 1);
    size_t n = 0;
    *ret_ok = true;
    for (size_t i = 0; out != NULL && i < len; i++) {
        char c = raw[i];
        if (c == '%') {
            const int high = i + 2 < len ? hex_digit(raw[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                *ret_ok = false;
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
            if (how == DECODE_PATH && (c == '/' || c == '\\')) {
                *ret_ok = false;
                return NULL;
            }
        } else if (c == '+' && how == DECODE_QUERY) {
            c = ' ';
        }
        if (how == DECODE_PATH && ((unsigned char)c < 0x20 || c == 0x7f || c == '\\')) {
            *ret_ok = false;
            return NULL;
        }
        out[n++] = c;
    }
    if (out != NULL && !is_text(out)) {
        *ret_ok = false;
        return NULL;
    }
    return out;
}

static cim_status
fail_path(const char *raw, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "path", raw,
                    "地址无效：应为 UTF-8 百分号编码，且不含“..”、空段、反斜杠、编码斜杠与控制字符",
                    "the path is not valid: expected percent-encoded UTF-8 without '..', empty "
                    "segments, backslashes, encoded slashes or control characters");
}

static cim_status
parse_path(const char *raw, size_t len, struct host_arena *arena, struct host_target *target,
           cim_error *err)
{
    size_t at = 1;
    if (len == 0 || raw[0] != '/') {
        return fail_path(raw, err);
    }
    target->path = host_arena_alloc(arena, len + 1);
    if (target->path == NULL) {
        return cim_fail_nomem(err);
    }
    size_t n = 0;
    for (;;) {
        const char *slash = memchr(raw + at, '/', len - at);
        const size_t part = slash != NULL ? (size_t)(slash - raw) - at : len - at;
        bool ok = true;
        if (target->n_segments == PATH_SEGMENTS_MAX) {
            return cim_fail(err, CIM_E_INVALID, "path", raw, "地址超过 %d 段",
                            "the path has more than %d segments", PATH_SEGMENTS_MAX);
        }
        char *segment = decode(arena, raw + at, part, DECODE_PATH, &ok);
        if (segment == NULL) {
            return ok ? cim_fail_nomem(err) : fail_path(raw, err);
        }
        if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0 ||
            (segment[0] == '\0' && slash != NULL)) {
            return fail_path(raw, err);
        }
        target->segments[target->n_segments++] = segment;
        target->path[n++] = '/';
        memcpy(target->path + n, segment, strlen(segment));
        n += strlen(segment);
        if (slash == NULL) {
            return CIM_OK;
        }
        at += part + 1;
    }
}

static cim_status
parse_pair(const char *raw, size_t len, struct host_arena *arena,
           struct host_query_param *ret_param, cim_error *err)
{
    const char *equals = memchr(raw, '=', len);
    const size_t name_len = equals != NULL ? (size_t)(equals - raw) : len;
    bool name_ok = true;
    bool value_ok = true;
    ret_param->name = decode(arena, raw, name_len, DECODE_QUERY, &name_ok);
    ret_param->value = equals != NULL
                           ? decode(arena, equals + 1, len - name_len - 1, DECODE_QUERY, &value_ok)
                           : host_arena_text(arena, "", 0);
    if (ret_param->name != NULL && ret_param->value != NULL) {
        return CIM_OK;
    }
    if (name_ok && value_ok) {
        return cim_fail_nomem(err);
    }
    return cim_fail(err, CIM_E_INVALID, name_ok ? ret_param->name : "query", NULL,
                    "查询参数应为 UTF-8 的百分号编码",
                    "query parameters must be percent-encoded UTF-8");
}

static cim_status
parse_query(const char *raw, struct host_arena *arena, struct host_target *target, cim_error *err)
{
    target->query = host_arena_alloc(arena, QUERY_PARAMS_MAX * sizeof *target->query);
    if (target->query == NULL) {
        return cim_fail_nomem(err);
    }
    while (*raw != '\0') {
        const size_t len = strcspn(raw, "&");
        if (len > 0) {
            if (target->n_query == QUERY_PARAMS_MAX) {
                return cim_fail(err, CIM_E_INVALID, "query", NULL, "查询参数超过 %d 个",
                                "more than %d query parameters", QUERY_PARAMS_MAX);
            }
            CIM_TRY(parse_pair(raw, len, arena, &target->query[target->n_query], err));
            target->n_query++;
        }
        raw += len + (raw[len] == '&');
    }
    return CIM_OK;
}

cim_status
host_target_parse(const char *raw, struct host_arena *arena, struct host_target *ret_target,
                  cim_error *err)
{
    struct host_target target = {0};
    if (strncmp(raw, "http://", 7) == 0) { /* absolute form, as to a proxy */
        raw += 7 + strcspn(raw + 7, "/?");
    }
    const size_t path_len = strcspn(raw, "?#");
    if (raw[path_len] == '#') {
        return fail_path(raw, err);
    }
    CIM_TRY(parse_path(raw, path_len, arena, &target, err));
    if (raw[path_len] == '?') {
        CIM_TRY(parse_query(raw + path_len + 1, arena, &target, err));
    }
    *ret_target = target;
    return CIM_OK;
}

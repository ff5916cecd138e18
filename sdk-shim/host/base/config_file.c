/* host/base/config_file.c -- the settings file: one JSON object of keys and plain values. */
#include "config_internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

enum { FILE_MAX_BYTES = 1 << 20 };

static cim_status
read_text(const char *path, char **ret_text, size_t *ret_len, cim_error *err)
{
    char *text CIM_AUTO_FREE = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "config", path, "无法打开设置文件“%s”：%s",
                        "cannot open the settings file '%s': %s", path, strerrorname_np(errno));
    }
    text = malloc(FILE_MAX_BYTES + 1);
    const size_t len = text != NULL ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
    (void)fclose(file);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (len > FILE_MAX_BYTES) {
        return cim_fail(err, CIM_E_TOO_LARGE, "config", path, "设置文件“%s”超过 %d 字节",
                        "the settings file '%s' is larger than %d bytes", path, FILE_MAX_BYTES);
    }
    *ret_len = len;
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

static cim_status
parse(const char *path, const char *text, size_t len, struct json_object **ret_root, cim_error *err)
{
    struct json_tokener *tokener = json_tokener_new();
    if (tokener == NULL) {
        return cim_fail_nomem(err);
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error problem = json_tokener_get_error(tokener);
    const size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (problem == json_tokener_success && json_object_is_type(root, json_type_object)) {
        *ret_root = root;
        return CIM_OK;
    }
    int line = 1;
    for (size_t i = 0; i < end && i < len; i++) {
        line += text[i] == '\n';
    }
    json_object_put(root);
    const char *what = problem == json_tokener_success    ? "an object {…} expected"
                       : problem == json_tokener_continue ? "the text ends too early"
                                                          : json_tokener_error_desc(problem);
    return cim_fail(err, CIM_E_INVALID, "config", path, "设置文件“%s”第 %d 行有误：%s",
                    "the settings file '%s' is wrong at line %d: %s", path, line, what);
}

cim_status
host_config_read_file(struct host_config *config, const char *path, cim_error *err)
{
    char *text CIM_AUTO_FREE = NULL;
    size_t len = 0;
    struct json_object *root = NULL;
    char source[256];
    cim_status status = CIM_OK;
    CIM_TRY(read_text(path, &text, &len, err));
    CIM_TRY(parse(path, text, len, &root, err));
    (void)snprintf(source, sizeof source, "file %s", path);
    struct json_object_iterator at = json_object_iter_begin(root);
    struct json_object_iterator end = json_object_iter_end(root);
    for (; status == CIM_OK && !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *key = json_object_iter_peek_name(&at);
        struct json_object *value = json_object_iter_peek_value(&at);
        if (json_object_is_type(value, json_type_object) ||
            json_object_is_type(value, json_type_array) ||
            json_object_is_type(value, json_type_null)) {
            status = cim_fail(err, CIM_E_INVALID, key, json_object_to_json_string(value),
                              "设置“%s”（来自 %s）应为文本、数字或真假值",
                              "setting '%s' (from %s): expected a text, a number, true or false",
                              key, source);
        } else {
            status = host_config_set(config, key, json_object_get_string(value), source, err);
        }
    }
    json_object_put(root);
    return status;
}

#include "host/identity/json_in.h"

#include "cim/util.h"
#include "kit/json.h"

#include <json-c/json.h>

/* Path of a key below `in`; cut when very long, as it is only for people. */
static void
path_of(const struct host_json_in *in, const char *key, char out[HOST_JSON_PATH_MAX])
{
    if (key == NULL) {
        cim_copy_text(out, HOST_JSON_PATH_MAX, in->path);
    } else {
        char text[HOST_JSON_PATH_MAX * 3];
        (void)snprintf(text, sizeof text, "%s%s%.64s", in->path, in->path[0] != '\0' ? "." : "",
                       key);
        cim_copy_text(out, HOST_JSON_PATH_MAX, text);
    }
}

static struct json_object *
member(const struct host_json_in *in, const char *key)
{
    struct json_object *value = NULL;
    if (key == NULL) {
        return in->value;
    }
    if (in->value == NULL || !json_object_is_type(in->value, json_type_object) ||
        !json_object_object_get_ex(in->value, key, &value)) {
        return NULL;
    }
    return value;
}

cim_status
host_json_refuse(const struct host_json_in *in, const char *key, const char *zh, const char *en,
                 cim_error *err)
{
    char path[HOST_JSON_PATH_MAX];
    struct json_object *value = member(in, key);
    const char *found = "nothing";
    char short_found[80];
    if (value != NULL) {
        found = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    }
    path_of(in, key, path);
    cim_copy_text(short_found, sizeof short_found, found);
    (void)cim_fail(err, CIM_E_INVALID, path, value != NULL ? found : NULL, "%s", "%s", "");
    if (err != NULL) {
        (void)snprintf(err->zh, sizeof err->zh, "%.120s：%s：应为%.160s，现为 %s", in->where,
                       path[0] != '\0' ? path : "文件", zh, value != NULL ? short_found : "空");
        (void)snprintf(err->en, sizeof err->en, "%.120s: %s: expected %.160s, found %s", in->where,
                       path[0] != '\0' ? path : "document", en, short_found);
    }
    return CIM_E_INVALID;
}

cim_status
host_json_parse(const char *where, const char *text, size_t len, struct json_object **ret_root,
                cim_error *err)
{
    struct host_json_in in = {.where = where};
    CIM_TRY(cim_json_parse(where, text, len, &in.value, err));
    if (!json_object_is_type(in.value, json_type_object)) {
        (void)host_json_refuse(&in, NULL, "对象", "an object", err);
        json_object_put(in.value);
        return CIM_E_INVALID;
    }
    *ret_root = in.value;
    return CIM_OK;
}

cim_status
host_json_keys(const struct host_json_in *in, const char *const *keys, cim_error *err)
{
    if (in->value == NULL) {
        return CIM_OK;
    }
    json_object_object_foreach(in->value, key, unused)
    {
        const char *const *known = keys;
        (void)unused;
        while (*known != NULL && strcmp(*known, key) != 0) {
            known++;
        }
        if (*known == NULL) {
            char list[160] = "";
            size_t used = 0;
            for (known = keys; *known != NULL && used < sizeof list - 1; known++) {
                const int n = snprintf(list + used, sizeof list - used, "%s%s",
                                       known == keys ? "" : ", ", *known);
                used += n > 0 ? (size_t)n : 0;
            }
            return host_json_refuse(in, key, list, list, err);
        }
    }
    return CIM_OK;
}

static cim_status
find(const struct host_json_in *in, const char *key, enum host_json_need need, enum json_type type,
     const char *zh, const char *en, struct json_object **ret_value, cim_error *err)
{
    struct json_object *value = member(in, key);
    bool there = value != NULL;
    if (!there && in->value != NULL) {
        there = json_object_object_get_ex(in->value, key, NULL); /* a null */
    }
    if ((!there && need == HOST_JSON_REQUIRED) || (there && !json_object_is_type(value, type))) {
        return host_json_refuse(in, key, zh, en, err);
    }
    *ret_value = value;
    return CIM_OK;
}

static cim_status
check_text(const struct host_json_in *in, const char *key, struct json_object *value,
           const char **ret_text, cim_error *err)
{
    const char *text = json_object_get_string(value);
    const size_t len = (size_t)json_object_get_string_len(value);
    if (len == 0 || len > HOST_JSON_TEXT_MAX || strlen(text) != len) {
        return host_json_refuse(in, key, "1 到 4000 字节的文本", "a text of 1 to 4000 bytes", err);
    }
    *ret_text = text;
    return CIM_OK;
}

cim_status
host_json_text(const struct host_json_in *in, const char *key, enum host_json_need need,
               const char **ret_text, cim_error *err)
{
    struct json_object *value = NULL;
    CIM_TRY(find(in, key, need, json_type_string, "文本", "a text", &value, err));
    return value != NULL ? check_text(in, key, value, ret_text, err) : CIM_OK;
}

cim_status
host_json_int(const struct host_json_in *in, const char *key, enum host_json_need need, int64_t min,
              int64_t max, int64_t *ret_value, cim_error *err)
{
    struct json_object *value = NULL;
    CIM_TRY(find(in, key, need, json_type_int, "整数", "an integer", &value, err));
    if (value != NULL) {
        const int64_t number = json_object_get_int64(value);
        if (number < min || number > max) {
            char zh[80];
            char en[80];
            (void)snprintf(zh, sizeof zh, " %lld 到 %lld 的整数", (long long)min, (long long)max);
            (void)snprintf(en, sizeof en, "an integer from %lld to %lld", (long long)min,
                           (long long)max);
            return host_json_refuse(in, key, zh, en, err);
        }
        *ret_value = number;
    }
    return CIM_OK;
}

cim_status
host_json_bool(const struct host_json_in *in, const char *key, enum host_json_need need,
               bool *ret_value, cim_error *err)
{
    struct json_object *value = NULL;
    CIM_TRY(find(in, key, need, json_type_boolean, " true 或 false", "true or false", &value, err));
    if (value != NULL) {
        *ret_value = json_object_get_boolean(value) != 0;
    }
    return CIM_OK;
}

cim_status
host_json_title(const struct host_json_in *in, const char *key, enum host_json_need need,
                const char **ret_zh, const char **ret_en, cim_error *err)
{
    static const char *const keys[] = {"zh", "en", NULL};
    struct host_json_in title;
    CIM_TRY(host_json_object(in, key, need, &title, err));
    if (title.value != NULL) {
        CIM_TRY(host_json_keys(&title, keys, err));
        CIM_TRY(host_json_text(&title, "zh", HOST_JSON_REQUIRED, ret_zh, err));
        CIM_TRY(host_json_text(&title, "en", HOST_JSON_REQUIRED, ret_en, err));
    }
    return CIM_OK;
}

static void
place(const struct host_json_in *in, const char *key, struct json_object *value,
      struct host_json_in *ret_in)
{
    ret_in->where = in->where;
    ret_in->value = value;
    path_of(in, key, ret_in->path);
}

cim_status
host_json_object(const struct host_json_in *in, const char *key, enum host_json_need need,
                 struct host_json_in *ret_in, cim_error *err)
{
    struct json_object *value = NULL;
    CIM_TRY(find(in, key, need, json_type_object, "对象", "an object", &value, err));
    place(in, key, value, ret_in);
    return CIM_OK;
}

cim_status
host_json_list(const struct host_json_in *in, const char *key, enum host_json_need need,
               struct host_json_in *ret_in, cim_error *err)
{
    struct json_object *value = NULL;
    CIM_TRY(find(in, key, need, json_type_array, "列表", "a list", &value, err));
    if (value != NULL && json_object_array_length(value) > HOST_JSON_LIST_MAX) {
        return host_json_refuse(in, key, "至多 1000 项", "at most 1000 entries", err);
    }
    place(in, key, value, ret_in);
    return CIM_OK;
}

size_t
host_json_length(const struct host_json_in *list)
{
    return list->value != NULL ? json_object_array_length(list->value) : 0;
}

static void
element(const struct host_json_in *list, size_t i, struct host_json_in *ret_in)
{
    char text[HOST_JSON_PATH_MAX + 32];
    (void)snprintf(text, sizeof text, "%s[%zu]", list->path, i);
    ret_in->where = list->where;
    ret_in->value = json_object_array_get_idx(list->value, i);
    cim_copy_text(ret_in->path, sizeof ret_in->path, text);
}

cim_status
host_json_object_at(const struct host_json_in *list, size_t i, struct host_json_in *ret_in,
                    cim_error *err)
{
    element(list, i, ret_in);
    if (!json_object_is_type(ret_in->value, json_type_object)) {
        return host_json_refuse(ret_in, NULL, "对象", "an object", err);
    }
    return CIM_OK;
}

cim_status
host_json_text_at(const struct host_json_in *list, size_t i, const char **ret_text, cim_error *err)
{
    struct host_json_in at;
    element(list, i, &at);
    if (!json_object_is_type(at.value, json_type_string)) {
        return host_json_refuse(&at, NULL, "文本", "a text", err);
    }
    return check_text(&at, NULL, at.value, ret_text, err);
}

/* kit/definition_read.c -- see definition_read.h. */
#include "kit/definition_read.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>

char *
cim_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

void
cim_text2_done(struct cim_text2 *text)
{
    free(text->zh);
    free(text->en);
    *text = (struct cim_text2){NULL, NULL};
}

bool
cim_name_is_valid(const char *name, const char *extra, size_t most)
{
    const size_t len = strlen(name);
    if (len == 0 || len > most || name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && strchr(extra, *c) == NULL) {
            return false;
        }
    }
    return true;
}

static void
full_path(const struct cim_reader *reader, const char *key, char *to, size_t capacity)
{
    (void)snprintf(to, capacity, "%s%s%s", reader->path,
                   reader->path[0] != '\0' && key[0] != '\0' ? "." : "", key);
}

cim_status
cim_reader_fail(const struct cim_reader *reader, const char *key, const char *zh, const char *en)
{
    char path[CIM_PATH_MAX + 48];
    char file[160];
    struct json_object *found = NULL;
    const char *value = "";
    full_path(reader, key, path, sizeof path);
    if (reader->object != NULL && json_object_object_get_ex(reader->object, key, &found)) {
        value = json_object_is_type(found, json_type_string)
                    ? json_object_get_string(found)
                    : json_object_to_json_string_ext(found, JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    cim_copy_text(file, sizeof file, reader->where);
    (void)cim_fail(reader->err, CIM_E_INVALID, path, value, "%s：%s：%s", "%s: %s: %s", file, path,
                   en);
    if (reader->err != NULL) {
        char message[600];
        (void)snprintf(message, sizeof message, "%s：%s：%s", file, path, zh);
        cim_copy_text(reader->err->zh, sizeof reader->err->zh, message);
    }
    return CIM_E_INVALID;
}

cim_status
cim_reader_only(const struct cim_reader *reader, const char *const *keys)
{
    json_object_object_foreach(reader->object, key, value)
    {
        size_t i = 0;
        (void)value;
        while (keys[i] != NULL && strcmp(keys[i], key) != 0) {
            i++;
        }
        if (keys[i] == NULL) {
            return cim_reader_fail(reader, key, "不认识的键", "this key is not known");
        }
    }
    return CIM_OK;
}

/* The member, or NULL; refuses a missing one that must be there, and another type. */
static cim_status
member(const struct cim_reader *reader, const char *key, bool must, enum json_type type,
       const char *zh, const char *en, struct json_object **ret_member)
{
    struct json_object *found = NULL;
    if (!json_object_object_get_ex(reader->object, key, &found)) {
        if (must) {
            return cim_reader_fail(reader, key, zh, en);
        }
        *ret_member = NULL;
        return CIM_OK;
    }
    const bool number = type == json_type_double && json_object_is_type(found, json_type_int);
    if (!json_object_is_type(found, type) && !number) {
        return cim_reader_fail(reader, key, zh, en);
    }
    *ret_member = found;
    return CIM_OK;
}

cim_status
cim_reader_text(const struct cim_reader *reader, const char *key, bool must, char **ret_text)
{
    static const char zh[] = "应为非空文本";
    static const char en[] = "expected a text that is not empty";
    struct json_object *found = NULL;
    CIM_TRY(member(reader, key, must, json_type_string, zh, en, &found));
    if (found == NULL) {
        *ret_text = NULL;
        return CIM_OK;
    }
    const int len = json_object_get_string_len(found);
    if (len == 0) {
        return cim_reader_fail(reader, key, zh, en);
    }
    char *copy = cim_copy(json_object_get_string(found), (size_t)len);
    if (copy == NULL) {
        return cim_fail_nomem(reader->err);
    }
    *ret_text = copy;
    return CIM_OK;
}

cim_status
cim_reader_text2(const struct cim_reader *reader, const char *key, bool must,
                 struct cim_text2 *ret_text)
{
    static const char *const keys[] = {"zh", "en", NULL};
    struct cim_text2 text = {NULL, NULL};
    struct cim_reader inner;
    CIM_TRY(cim_reader_object(reader, key, must, &inner));
    if (inner.object == NULL) {
        *ret_text = text;
        return CIM_OK;
    }
    CIM_TRY(cim_reader_only(&inner, keys));
    cim_status status = cim_reader_text(&inner, "zh", true, &text.zh);
    if (status == CIM_OK) {
        status = cim_reader_text(&inner, "en", false, &text.en);
    }
    if (status == CIM_OK && text.en == NULL) {
        text.en = cim_copy(text.zh, strlen(text.zh));
        status = text.en != NULL ? CIM_OK : cim_fail_nomem(reader->err);
    }
    if (status != CIM_OK) {
        cim_text2_done(&text);
        return status;
    }
    *ret_text = text;
    return CIM_OK;
}

cim_status
cim_reader_bool(const struct cim_reader *reader, const char *key, bool *ret_value)
{
    struct json_object *found = NULL;
    CIM_TRY(member(reader, key, false, json_type_boolean, "应为 true 或 false",
                   "expected true or false", &found));
    if (found != NULL) {
        *ret_value = json_object_get_boolean(found) != 0;
    }
    return CIM_OK;
}

cim_status
cim_reader_number(const struct cim_reader *reader, const char *key, bool *ret_present,
                  double *ret_value)
{
    struct json_object *found = NULL;
    CIM_TRY(member(reader, key, false, json_type_double, "应为数字", "expected a number", &found));
    *ret_present = found != NULL;
    if (found != NULL) {
        const double value = json_object_get_double(found);
        if (!isfinite(value)) {
            return cim_reader_fail(reader, key, "应为有限的数字", "expected a finite number");
        }
        *ret_value = value;
    }
    return CIM_OK;
}

cim_status
cim_reader_int(const struct cim_reader *reader, const char *key, int32_t least, int32_t most,
               int32_t *ret_value)
{
    char zh[80];
    char en[80];
    struct json_object *found = NULL;
    (void)snprintf(zh, sizeof zh, "应为 %d 到 %d 的整数", least, most);
    (void)snprintf(en, sizeof en, "expected a whole number from %d to %d", least, most);
    CIM_TRY(member(reader, key, false, json_type_int, zh, en, &found));
    if (found != NULL) {
        const int64_t value = json_object_get_int64(found);
        if (value < least || value > most) {
            return cim_reader_fail(reader, key, zh, en);
        }
        *ret_value = (int32_t)value;
    }
    return CIM_OK;
}

cim_status
cim_reader_array(const struct cim_reader *reader, const char *key, bool must, size_t most,
                 struct json_object **ret_array)
{
    char zh[80];
    char en[80];
    struct json_object *found = NULL;
    (void)snprintf(zh, sizeof zh, "应为列表，最多 %zu 项", most);
    (void)snprintf(en, sizeof en, "expected a list of at most %zu items", most);
    CIM_TRY(member(reader, key, must, json_type_array, zh, en, &found));
    if (found != NULL && json_object_array_length(found) > most) {
        return cim_reader_fail(reader, key, zh, en);
    }
    *ret_array = found;
    return CIM_OK;
}

cim_status
cim_reader_object(const struct cim_reader *reader, const char *key, bool must,
                  struct cim_reader *ret_reader)
{
    struct json_object *found = NULL;
    CIM_TRY(member(reader, key, must, json_type_object, "应为对象 {…}", "expected an object {…}",
                   &found));
    struct cim_reader inner = {.where = reader->where, .object = found, .err = reader->err};
    full_path(reader, key, inner.path, sizeof inner.path);
    *ret_reader = inner;
    return CIM_OK;
}

cim_status
cim_reader_element(const struct cim_reader *reader, const char *key, struct json_object *array,
                   size_t i, struct cim_reader *ret_reader)
{
    char name[64];
    struct json_object *found = json_object_array_get_idx(array, i);
    (void)snprintf(name, sizeof name, "%.40s[%zu]", key, i);
    if (!json_object_is_type(found, json_type_object)) {
        return cim_reader_fail(reader, name, "应为对象 {…}", "expected an object {…}");
    }
    struct cim_reader inner = {.where = reader->where, .object = found, .err = reader->err};
    full_path(reader, name, inner.path, sizeof inner.path);
    *ret_reader = inner;
    return CIM_OK;
}

/* kit/codes.c -- code lists: {"licence_state": {"title": {…}, "values": [{"value", "zh", "en"}]}}.
 */
#include "kit/definition_read.h"
#include "kit/json.h"

#include "cim/util.h"

#include <stdlib.h>

enum { CODE_LENGTH_MAX = 40 };

static void
free_list(struct cim_code_list *list)
{
    for (size_t i = 0; i < list->n_codes; i++) {
        free(list->codes[i].value);
        cim_text2_done(&list->codes[i].title);
    }
    free(list->codes);
    free(list->id);
    cim_text2_done(&list->title);
}

void
cim_codes_free(struct cim_codes *codes)
{
    if (codes != NULL) {
        for (size_t i = 0; i < codes->n_lists; i++) {
            free_list(&codes->lists[i]);
        }
        free(codes->lists);
        free(codes);
    }
}

const struct cim_code_list *
cim_codes_find(const struct cim_codes *codes, const char *id)
{
    for (size_t i = 0; codes != NULL && i < codes->n_lists; i++) {
        if (strcmp(codes->lists[i].id, id) == 0) {
            return &codes->lists[i];
        }
    }
    return NULL;
}

const struct cim_code *
cim_code_find(const struct cim_code_list *list, const char *value)
{
    for (size_t i = 0; i < list->n_codes; i++) {
        if (strcmp(list->codes[i].value, value) == 0) {
            return &list->codes[i];
        }
    }
    return NULL;
}

static cim_status
read_code(const struct cim_reader *reader, const struct cim_code_list *before,
          struct cim_code *code)
{
    static const char *const keys[] = {"value", "zh", "en", NULL};
    CIM_TRY(cim_reader_only(reader, keys));
    CIM_TRY(cim_reader_text(reader, "value", true, &code->value));
    CIM_TRY(cim_reader_text(reader, "zh", true, &code->title.zh));
    CIM_TRY(cim_reader_text(reader, "en", false, &code->title.en));
    if (code->title.en == NULL) {
        code->title.en = cim_copy(code->title.zh, strlen(code->title.zh));
        if (code->title.en == NULL) {
            return cim_fail_nomem(reader->err);
        }
    }
    if (strlen(code->value) > CODE_LENGTH_MAX) {
        return cim_reader_fail(reader, "value", "代码值不能超过 40 字节",
                               "a code holds at most 40 bytes");
    }
    if (cim_code_find(before, code->value) != NULL) {
        return cim_reader_fail(reader, "value", "代码值重复",
                               "this value occurs twice in the list");
    }
    return CIM_OK;
}

static cim_status
read_values(const struct cim_reader *reader, struct cim_code_list *list)
{
    struct json_object *values = NULL;
    CIM_TRY(cim_reader_array(reader, "values", true, CIM_CODES_MAX, &values));
    const size_t count = json_object_array_length(values);
    if (count == 0) {
        return cim_reader_fail(reader, "values", "代码表不能为空", "a list needs a value");
    }
    list->codes = calloc(count, sizeof *list->codes);
    if (list->codes == NULL) {
        return cim_fail_nomem(reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        struct cim_reader element;
        struct cim_code code = {NULL, {NULL, NULL}};
        CIM_TRY(cim_reader_element(reader, "values", values, i, &element));
        const cim_status status = read_code(&element, list, &code);
        list->codes[i] = code;
        if (status != CIM_OK) {
            free(code.value);
            cim_text2_done(&list->codes[i].title);
            return status;
        }
        list->n_codes++;
    }
    return CIM_OK;
}

static cim_status
read_list(const struct cim_reader *all, const char *id, struct cim_code_list *list)
{
    static const char *const keys[] = {"title", "values", NULL};
    struct cim_reader reader;
    CIM_TRY(cim_reader_object(all, id, true, &reader));
    if (!cim_name_is_valid(id, "_", 40)) {
        return cim_reader_fail(all, id, "名称只用小写字母、数字和下划线",
                               "names are lower-case letters, digits and underscores");
    }
    CIM_TRY(cim_reader_only(&reader, keys));
    CIM_TRY(cim_reader_text2(&reader, "title", true, &list->title));
    list->id = cim_copy(id, strlen(id));
    if (list->id == NULL) {
        return cim_fail_nomem(all->err);
    }
    return read_values(&reader, list);
}

static cim_status
read_lists(const struct cim_reader *reader, struct cim_codes *codes)
{
    const int count = json_object_object_length(reader->object);
    if (count > CIM_CODES_MAX) {
        return cim_fail(reader->err, CIM_E_TOO_LARGE, NULL, NULL, "%s：代码表不能超过 %d 个",
                        "%s: at most %d code lists", reader->where, CIM_CODES_MAX);
    }
    codes->lists = calloc((size_t)count + 1, sizeof *codes->lists);
    if (codes->lists == NULL) {
        return cim_fail_nomem(reader->err);
    }
    json_object_object_foreach(reader->object, id, value)
    {
        (void)value;
        /* Counted first, so that a half-read list is freed with the others. */
        CIM_TRY(read_list(reader, id, &codes->lists[codes->n_lists++]));
    }
    return CIM_OK;
}

cim_status
cim_codes_parse(const char *where, const char *text, size_t len, struct cim_codes **ret_codes,
                cim_error *err)
{
    struct json_object *root = NULL;
    if (len > CIM_LAYER_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "%s：不能超过 %d 字节",
                        "%s: holds at most %d bytes", where, CIM_LAYER_TEXT_MAX);
    }
    CIM_TRY(cim_json_parse(where, text, len, &root, err));
    struct cim_reader reader = {.where = where, .object = root, .err = err};
    cim_status status = CIM_OK;
    struct cim_codes *codes = calloc(1, sizeof *codes);
    if (codes == NULL) {
        status = cim_fail_nomem(err);
    } else if (!json_object_is_type(root, json_type_object)) {
        status = cim_fail(err, CIM_E_INVALID, NULL, NULL, "%s：应为对象 {…}",
                          "%s: expected an object {…}", where);
    } else {
        status = read_lists(&reader, codes);
    }
    json_object_put(root);
    if (status != CIM_OK) {
        cim_codes_free(codes);
        return status;
    }
    *ret_codes = codes;
    return CIM_OK;
}

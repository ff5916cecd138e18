/* kit/definition_placing.c -- see definition_placing.h. */
#include "kit/definition_placing.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>

static cim_status
read_field(const struct cim_reader *reader, const struct cim_definition *def, const char *key,
           enum cim_field_type type, const struct cim_field **ret_field)
{
    CIM_AUTO_FREE char *name = NULL;
    CIM_TRY(cim_reader_text(reader, key, true, &name));
    const struct cim_field *field = cim_definition_field(def, name);
    if (field == NULL || field->type != type || field->required) {
        return cim_reader_fail(reader, key, "应为类型相符的非必填字段",
                               "expected a field of its type that may be absent");
    }
    *ret_field = field;
    return CIM_OK;
}

cim_status
cim_read_placing(const struct cim_reader *reader, struct cim_definition *def)
{
    static const char *const keys[] = {"address", "grade", "error", "source", "least", NULL};
    struct cim_placing *placing = &def->placing;
    CIM_AUTO_FREE char *least = NULL;
    struct cim_reader inner;
    CIM_TRY(cim_reader_object(reader, "placing", false, &inner));
    if (inner.object == NULL) {
        return CIM_OK;
    }
    if (def->geometry != CIM_GEOMETRY_POINT) {
        return cim_reader_fail(reader, "placing", "只用于点图层",
                               "placing is for layers of points");
    }
    CIM_TRY(cim_reader_only(&inner, keys));
    CIM_TRY(read_field(&inner, def, "grade", CIM_FIELD_CODE, &placing->grade));
    CIM_TRY(read_field(&inner, def, "error", CIM_FIELD_NUMBER, &placing->error));
    CIM_TRY(read_field(&inner, def, "source", CIM_FIELD_TEXT, &placing->source));
    CIM_TRY(cim_reader_text(&inner, "least", true, &least));
    placing->least = cim_code_find(placing->grade->codes, least);
    if (placing->least == NULL) {
        return cim_reader_fail(&inner, "least", "应为 grade 的一个代码",
                               "expected a code of grade");
    }
    return read_field(&inner, def, "address", CIM_FIELD_TEXT, &placing->address);
}

bool
cim_placing_is_good(const struct cim_placing *placing, const char *grade, size_t len)
{
    const struct cim_code_list *list = placing->grade->codes;
    for (size_t i = 0; i < list->n_codes; i++) {
        const char *value = list->codes[i].value;
        if (strlen(value) == len && memcmp(value, grade, len) == 0) {
            return true;
        }
        if (&list->codes[i] == placing->least) {
            return false;
        }
    }
    return false;
}

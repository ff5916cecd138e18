/* kit/definition_read.h -- typed reading of JSON with the key path in every message; inside the
 * kit.
 */
#ifndef CIM_KIT_DEFINITION_READ_H
#define CIM_KIT_DEFINITION_READ_H

#include "kit/definition.h"

#include <json-c/json.h>

enum { CIM_PATH_MAX = 96 };

/* One object that is being read. */
struct cim_reader {
    const char *where; /* file */
    char path[CIM_PATH_MAX];
    struct json_object *object;
    cim_error *err;
};

/* The failure "where: path.key: expected …, found value". */
cim_status cim_reader_fail(const struct cim_reader *reader, const char *key, const char *zh,
                           const char *en);
/* Refuses keys that `keys` (NULL-terminated) does not list. */
cim_status cim_reader_only(const struct cim_reader *reader, const char *const *keys);
/* An owned copy of a text. Absent: NULL, or a failure when it must be there. */
cim_status cim_reader_text(const struct cim_reader *reader, const char *key, bool must,
                           char **ret_text);
/* Chinese and English; English defaults to the Chinese. */
cim_status cim_reader_text2(const struct cim_reader *reader, const char *key, bool must,
                            struct cim_text2 *ret_text);
cim_status cim_reader_bool(const struct cim_reader *reader, const char *key, bool *ret_value);
/* Absent: *ret_present is false. */
cim_status cim_reader_number(const struct cim_reader *reader, const char *key, bool *ret_present,
                             double *ret_value);
/* Absent: *ret_value stays. */
cim_status cim_reader_int(const struct cim_reader *reader, const char *key, int32_t least,
                          int32_t most, int32_t *ret_value);
/* Absent: NULL, or a failure when it must be there. Borrowed. */
cim_status cim_reader_array(const struct cim_reader *reader, const char *key, bool must,
                            size_t most, struct json_object **ret_array);
/* A reader of a member object; absent: its object is NULL, or a failure when it must be there. */
cim_status cim_reader_object(const struct cim_reader *reader, const char *key, bool must,
                             struct cim_reader *ret_reader);
/* A reader of element `i` of an array, which must be an object. */
cim_status cim_reader_element(const struct cim_reader *reader, const char *key,
                              struct json_object *array, size_t i, struct cim_reader *ret_reader);
/* [a-z][a-z0-9<extra>]*, at most `most` characters. */
bool cim_name_is_valid(const char *name, const char *extra, size_t most);
char *cim_copy(const char *text, size_t len);
void cim_text2_done(struct cim_text2 *text);

#endif

/* host/identity/json_in.h -- strict reading of JSON that people write: manifests and roles.
 *
 * Every refusal names the file, the key path, the value found and what was expected. A struct
 * host_json_in is a place in a document: the value and the path that leads to it. Texts that are
 * handed out are borrowed from the document.
 */
#ifndef HOST_JSON_IN_H
#define HOST_JSON_IN_H

#include "cim/base.h"

#include <stdbool.h>

struct json_object;

enum { HOST_JSON_PATH_MAX = 64, HOST_JSON_TEXT_MAX = 4000, HOST_JSON_LIST_MAX = 1000 };

struct host_json_in {
    const char *where; /* file name, for messages */
    struct json_object *value;
    char path[HOST_JSON_PATH_MAX]; /* "roles[2].grants[0]"; "" at the top */
};

enum host_json_need { HOST_JSON_OPTIONAL, HOST_JSON_REQUIRED };

/* A whole document. *ret_root is owned by the caller (json_object_put). A syntax error names line
 * and column. */
cim_status host_json_parse(const char *where, const char *text, size_t len,
                           struct json_object **ret_root, cim_error *err);

/* Refuses keys other than those of the NULL-terminated list. */
cim_status host_json_keys(const struct host_json_in *in, const char *const *keys, cim_error *err);

/* The value of `key` in an object; absent optional ones leave *ret_… as it was. */
cim_status host_json_text(const struct host_json_in *in, const char *key, enum host_json_need need,
                          const char **ret_text, cim_error *err);
cim_status host_json_int(const struct host_json_in *in, const char *key, enum host_json_need need,
                         int64_t min, int64_t max, int64_t *ret_value, cim_error *err);
cim_status host_json_bool(const struct host_json_in *in, const char *key, enum host_json_need need,
                          bool *ret_value, cim_error *err);
/* Both languages are required inside. */
cim_status host_json_title(const struct host_json_in *in, const char *key, enum host_json_need need,
                           const char **ret_zh, const char **ret_en, cim_error *err);
/* An absent optional one gives ret_in->value == NULL, which counts as empty below. */
cim_status host_json_object(const struct host_json_in *in, const char *key,
                            enum host_json_need need, struct host_json_in *ret_in, cim_error *err);
cim_status host_json_list(const struct host_json_in *in, const char *key, enum host_json_need need,
                          struct host_json_in *ret_in, cim_error *err);
size_t host_json_length(const struct host_json_in *list);
/* Element `i`, which must be an object / a text. */
cim_status host_json_object_at(const struct host_json_in *list, size_t i,
                               struct host_json_in *ret_in, cim_error *err);
cim_status host_json_text_at(const struct host_json_in *list, size_t i, const char **ret_text,
                             cim_error *err);

/* "FILE: KEY: expected WHAT", with the key as err->param and the value found as err->value. `key`
 * may be NULL: the place itself. */
cim_status host_json_refuse(const struct host_json_in *in, const char *key, const char *zh,
                            const char *en, cim_error *err);

#endif

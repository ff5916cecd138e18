/* kit/json.h -- strict JSON reading with line and column in the message. */
#ifndef CIM_KIT_JSON_H
#define CIM_KIT_JSON_H

#include "cim/base.h"

struct json_object;

enum { CIM_JSON_DEPTH_MAX = 64 };

/* Parses one whole JSON text (UTF-8, nothing after it, no key twice in an object, no NUL in a
 * string). `where` names the source in messages: "layers/x.json:12:5: …". The result is owned:
 * json_object_put(). */
cim_status cim_json_parse(const char *where, const char *text, size_t len,
                          struct json_object **ret_value, cim_error *err);

#endif

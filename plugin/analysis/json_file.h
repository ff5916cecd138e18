/* plugin/analysis/json_file.h -- one of the plugin's own JSON files. */
#ifndef LPG_ANALYSIS_JSON_FILE_H
#define LPG_ANALYSIS_JSON_FILE_H

#include "cim/base.h"

struct json_object;

enum { LPG_JSON_FILE_BYTES_MAX = 1 << 20 };

/* The result is owned: json_object_put(). CIM_E_IO: it cannot be read; CIM_E_TOO_LARGE;
 * CIM_E_INVALID with file, line and column. */
cim_status lpg_json_file_read(const char *path, struct json_object **ret_value, cim_error *err);

#endif

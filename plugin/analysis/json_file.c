/* plugin/analysis/json_file.c -- see json_file.h. */
#include "analysis/json_file.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <stdio.h>
#include <stdlib.h>

cim_status
lpg_json_file_read(const char *path, struct json_object **ret_value, cim_error *err)
{
    CIM_AUTO_FREE char *text = malloc(LPG_JSON_FILE_BYTES_MAX + 1);
    FILE *file = fopen(path, "rbe");
    size_t len;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "path", path, "无法打开文件 %s", "cannot open the file %s",
                        path);
    }
    len = text != NULL ? fread(text, 1, LPG_JSON_FILE_BYTES_MAX + 1, file) : 0;
    (void)fclose(file);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (len > LPG_JSON_FILE_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "path", path, "文件 %s 超过 %d 字节",
                        "the file %s has more than %d bytes", path, LPG_JSON_FILE_BYTES_MAX);
    }
    return cim_json_parse(path, text, len, ret_value, err);
}

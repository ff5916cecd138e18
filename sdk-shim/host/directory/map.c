/* host/directory/map.c -- "column=attribute,…" */
#include "host/directory/internal.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

static bool
is_attribute(const char *text)
{
    /* Letters, digits and hyphens, or a numeric object identifier; options after ";". */
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                                                "XYZ0123456789-.;")] == '\0';
}

static cim_status
read_source(struct host_directory_column *column, const char *setting, cim_error *err)
{
    if (column->from[0] == ':') {
        column->source = HOST_COLUMN_CONSTANT;
        column->from++;
    } else if (strcmp(column->from, "dn") == 0) {
        column->source = HOST_COLUMN_NAME;
    } else {
        const bool above = strncmp(column->from, "dn:", 3) == 0;
        column->source = above ? HOST_COLUMN_ABOVE : HOST_COLUMN_ATTRIBUTE;
        column->from += above ? 3 : 0;
        if (!is_attribute(column->from)) {
            return cim_fail(err, CIM_E_INVALID, setting, column->from, "不是属性名",
                            "not the name of an attribute");
        }
    }
    return CIM_OK;
}

cim_status
host_directory_map_read(const char *text, const char *setting, struct host_directory_map *ret_map,
                        cim_error *err)
{
    struct host_directory_map *map = ret_map;
    size_t n_attributes = 0;
    *map = (struct host_directory_map){.text = strdup(text)};
    if (map->text == NULL) {
        return cim_fail_nomem(err);
    }
    for (char *rest = map->text; rest != NULL && *rest != '\0';) {
        char *from = strsep(&rest, ",");
        char *name = strsep(&from, "=");
        if (map->n == HOST_DIRECTORY_COLUMNS_MAX || name[0] == '\0' || from == NULL) {
            return cim_fail(err, CIM_E_INVALID, setting, text, "应为“列=属性,…”，至多 %d 列",
                            "expected column=attribute,…, at most %d",
                            (int)HOST_DIRECTORY_COLUMNS_MAX);
        }
        struct host_directory_column *column = &map->columns[map->n];
        *column = (struct host_directory_column){.name = name,
                                                 .from = from,
                                                 .many = strcmp(name, "roles") == 0 ||
                                                         strcmp(name, "areas") == 0};
        CIM_TRY(read_source(column, setting, err));
        map->names[map->n++] = name;
        if (column->source == HOST_COLUMN_ATTRIBUTE) {
            map->attributes[n_attributes++] = (char *)(uintptr_t)column->from;
        }
    }
    if (n_attributes == 0) { /* an empty list would ask for all */
        map->attributes[0] = (char *)(uintptr_t)LDAP_NO_ATTRS;
    }
    return map->n > 0 ? CIM_OK
                      : cim_fail(err, CIM_E_INVALID, setting, text, "缺少列", "there is no column");
}

void
host_directory_map_done(struct host_directory_map *map)
{
    free(map->text);
    *map = (struct host_directory_map){.n = 0};
}

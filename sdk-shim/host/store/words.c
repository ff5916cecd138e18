/* host/store/words.c -- names that may stand in SQL, and the words that macros take. */
#include "host/store/driver.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { IDENTIFIER_MAX = 63 };

bool
host_sql_identifier(const char *name)
{
    const size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= IDENTIFIER_MAX && name[len] == '\0' &&
           !(name[0] >= '0' && name[0] <= '9');
}

bool
host_sql_column(const char *name)
{
    const char *dot = strchr(name, '.');
    char table[IDENTIFIER_MAX + 1];
    if (dot == NULL) {
        return host_sql_identifier(name);
    }
    if ((size_t)(dot - name) >= sizeof table) {
        return false;
    }
    memcpy(table, name, (size_t)(dot - name));
    table[dot - name] = '\0';
    return host_sql_identifier(table) && host_sql_identifier(dot + 1);
}

cim_status
host_sql_bad_argument(const char *name, const char *argument, cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, name, argument, "SQL 宏 {%s %s} 的参数不正确",
                    "SQL macro {%s %s}: expected a column, a table or a :name", name, argument);
}

const char *
host_sql_geometry(const char *type)
{
    static const char *const names[][2] = {
        {"Point", "POINT"},           {"MultiPoint", "MULTIPOINT"},
        {"LineString", "LINESTRING"}, {"MultiLineString", "MULTILINESTRING"},
        {"Polygon", "POLYGON"},       {"MultiPolygon", "MULTIPOLYGON"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i][0], type) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

/* "valid_to -60" */
static bool
read_shifted(const char *argument, struct host_sql_moment *moment)
{
    const char *space = strchr(argument, ' ');
    const size_t len = space != NULL ? (size_t)(space - argument) : sizeof moment->column;
    char *end = NULL;
    if (len >= sizeof moment->column) {
        return false;
    }
    memcpy(moment->column, argument, len);
    moment->column[len] = '\0';
    moment->n = strtol(space, &end, 10);
    return host_sql_column(moment->column) && end != space && *end == '\0';
}

cim_status
host_sql_moment(const char *name, const char *argument, struct host_sql_moment *ret_moment,
                cim_error *err)
{
    static const char *const names[] = {"", "never", "day", "midnight", "time_add"};
    struct host_sql_moment moment = {.kind = HOST_MOMENT_NEVER};
    char *end = NULL;
    while (moment.kind <= HOST_MOMENT_TIME_ADD && strcmp(names[moment.kind], name) != 0) {
        moment.kind++;
    }
    if (moment.kind > HOST_MOMENT_TIME_ADD) {
        return CIM_E_NOTFOUND;
    }
    bool right = argument[0] == '\0';
    if (moment.kind == HOST_MOMENT_DAY && !right) {
        moment.n = strtol(argument, &end, 10);
        right = *end == '\0';
    } else if (moment.kind > HOST_MOMENT_DAY) {
        right = read_shifted(argument, &moment);
    }
    if (!right || labs(moment.n) > HOST_SQL_SHIFT_MAX) {
        return host_sql_bad_argument(name, argument, err);
    }
    *ret_moment = moment;
    return CIM_OK;
}

bool
host_sql_relation(const char *name, enum host_relation *ret_relation)
{
    static const char *const names[] = {
        [HOST_INTERSECTS] = "s_intersects", [HOST_DISJOINT] = "s_disjoint",
        [HOST_TOUCHES] = "s_touches",       [HOST_CROSSES] = "s_crosses",
        [HOST_OVERLAPS] = "s_overlaps",     [HOST_WITHIN] = "s_within",
        [HOST_CONTAINS] = "s_contains",     [HOST_EQUALS] = "s_equals",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_relation = (enum host_relation)i;
            return true;
        }
    }
    return false;
}

bool
host_sql_operand(const char *text)
{
    return text[0] == ':' ? host_sql_identifier(text + 1) : host_sql_column(text);
}

cim_status
host_sql_operands(const char *name, const char *argument, char ret_left[HOST_SQL_OPERAND_MAX],
                  char ret_right[HOST_SQL_OPERAND_MAX], cim_error *err)
{
    const char *space = strchr(argument, ' ');
    if (space == NULL || strlen(argument) >= HOST_SQL_OPERAND_MAX) {
        return host_sql_bad_argument(name, argument, err);
    }
    memcpy(ret_left, argument, (size_t)(space - argument));
    ret_left[space - argument] = '\0';
    cim_copy_text(ret_right, HOST_SQL_OPERAND_MAX, space + 1);
    return host_sql_operand(ret_left) && host_sql_operand(ret_right)
               ? CIM_OK
               : host_sql_bad_argument(name, argument, err);
}

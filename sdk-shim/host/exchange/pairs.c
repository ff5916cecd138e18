/* host/exchange/pairs.c -- lists of pairs: "a=b,c=d". */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <string.h>

static cim_status
bad_list(const char *option, const char *text, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, option, text, "“%s”的写法应为 名称=值,名称=值",
                    "%s: expected name=value,name=value", option);
}

/* Ends the text at the first `stop` that no backslash hides, and takes the backslashes out. NULL:
 * there is no such; else what follows it. */
static char *
cut(char *text, char stop)
{
    char *to = text;
    char *from = text;
    while (*from != '\0' && *from != stop) {
        if (*from == '\\' && from[1] != '\0') {
            from++;
        }
        *to++ = *from++;
    }
    if (*from == '\0') {
        return NULL;
    }
    *to = '\0';
    return from + 1;
}

static void
unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        from += *from == '\\' && from[1] != '\0' ? 1 : 0;
        *to++ = *from;
    }
    *to = '\0';
}

/* Cuts the first pair off *text, which it changes; *ret_name NULL at the end. The backslashes of
 * the name are taken out where the "=" is looked for, so those of the value still stand. */
cim_status
host_pairs_next(char **text, const char *option, char **ret_name, char **ret_value, cim_error *err)
{
    char *pair = *text;
    char *comma = pair;
    char *value = NULL;
    *ret_name = NULL;
    if (*pair == '\0') {
        return CIM_OK;
    }
    while (*comma != '\0' && *comma != ',') {
        comma += *comma == '\\' && comma[1] != '\0' ? 2 : 1;
    }
    *text = *comma == '\0' ? comma : comma + 1;
    *comma = '\0';
    value = *pair == '=' ? NULL : cut(pair, '=');
    if (value == NULL) {
        return bad_list(option, pair, err);
    }
    unescape(value);
    *ret_name = pair;
    *ret_value = value;
    return CIM_OK;
}

/* "field:text=value". The first ":" that no backslash hides parts the field from the text. */
cim_status
host_pairs_next_value(char **text, char **ret_field, char **ret_from, char **ret_to, cim_error *err)
{
    char *pair = *text;
    char *from = cut(pair, ':');
    *ret_field = NULL;
    if (*pair == '\0') {
        return CIM_OK;
    }
    if (from == NULL) {
        return bad_list("values", pair, err);
    }
    *text = from;
    CIM_TRY(host_pairs_next(text, "values", ret_from, ret_to, err));
    if (*ret_from == NULL) {
        return bad_list("values", pair, err);
    }
    *ret_field = pair;
    return CIM_OK;
}

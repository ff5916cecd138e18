/* host/main/args.c -- see args.h. */
#include "args.h"

#include "cim/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct host_arg_spec *
find_spec(const struct host_arg_spec *specs, const char *name, size_t len)
{
    for (; specs->name != NULL; specs++) {
        if (strlen(specs->name) == len && strncmp(specs->name, name, len) == 0) {
            return specs;
        }
    }
    return NULL;
}

static cim_status
take_option(const char *const *words, const struct host_arg_spec *specs, struct host_args *args,
            size_t *ret_used, cim_error *err)
{
    const char *name = words[0] + 2;
    const size_t len = strcspn(name, "=");
    const struct host_arg_spec *spec = find_spec(specs, name, len);
    const bool has_value = name[len] == '=';
    if (spec == NULL) {
        return cim_fail(err, CIM_E_INVALID, "option", words[0], "没有选项“%s”",
                        "there is no option '%s'", words[0]);
    }
    const char *value = spec->flag ? "" : has_value ? name + len + 1 : words[1];
    if (value == NULL || (spec->flag && has_value)) {
        return cim_fail(err, CIM_E_INVALID, "option", words[0],
                        spec->flag ? "选项“%s”不带值" : "选项“%s”缺少值",
                        spec->flag ? "the option '%s' takes no value"
                                   : "the option '%s' needs a value",
                        words[0]);
    }
    args->names[args->n_options] = spec->name;
    args->values[args->n_options++] = value;
    *ret_used = spec->flag || has_value ? 1 : 2;
    return CIM_OK;
}

cim_status
host_args_parse(const char *const *words, const struct host_arg_spec *specs, size_t max_words,
                struct host_args *ret_args, cim_error *err)
{
    struct host_args args = {0};
    while (*words != NULL) {
        size_t used = 1;
        if (args.n_options == HOST_ARGS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "option", *words, "选项过多", "too many options");
        }
        if (strncmp(*words, "--", 2) == 0 && (*words)[2] != '\0') {
            CIM_TRY(take_option(words, specs, &args, &used, err));
        } else if (args.n_words == max_words || args.n_words == HOST_ARGS_MAX) {
            return cim_fail(err, CIM_E_INVALID, "argument", *words, "多余的参数“%s”",
                            "'%s' is one argument too many", *words);
        } else {
            args.words[args.n_words++] = *words;
        }
        words += used;
    }
    *ret_args = args;
    return CIM_OK;
}

const char *
host_args_option(const struct host_args *args, const char *name)
{
    for (size_t i = args->n_options; i > 0; i--) {
        if (strcmp(args->names[i - 1], name) == 0) {
            return args->values[i - 1];
        }
    }
    return NULL;
}

cim_status
host_args_need(const struct host_args *args, const char *name, const char **ret_value,
               cim_error *err)
{
    const char *value = host_args_option(args, name);
    if (value == NULL) {
        return cim_fail(err, CIM_E_INVALID, name, NULL, "缺少选项 --%s",
                        "the option --%s is missing", name);
    }
    *ret_value = value;
    return CIM_OK;
}

cim_status
host_args_int(const struct host_args *args, const char *name, int64_t least, int64_t most,
              int64_t fallback, int64_t *ret_value, cim_error *err)
{
    const char *text = host_args_option(args, name);
    char *end = NULL;
    if (text == NULL) {
        *ret_value = fallback;
        return CIM_OK;
    }
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        return cim_fail(err, CIM_E_INVALID, name, text,
                        "--%s 的值“%s”无效：应为 %" PRId64 " 到 %" PRId64 " 的整数",
                        "--%s is '%s': expected an integer from %" PRId64 " to %" PRId64, name,
                        text, least, most);
    }
    *ret_value = value;
    return CIM_OK;
}

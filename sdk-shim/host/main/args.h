/* host/main/args.h -- a verb's own words and options. */
#ifndef HOST_ARGS_H
#define HOST_ARGS_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_ARGS_MAX = 32 };

struct host_arg_spec {
    const char *name; /* "layer" for --layer=… or --layer …; the list ends with NULL */
    bool flag;        /* takes no value */
};

struct host_args {
    size_t n_words;
    const char *words[HOST_ARGS_MAX];
    size_t n_options;
    const char *names[HOST_ARGS_MAX];
    const char *values[HOST_ARGS_MAX];
};

/* CIM_E_INVALID naming an unknown option, one without a value, and words past `max_words`. Keeps
 * pointers into `words`. */
cim_status host_args_parse(const char *const *words, const struct host_arg_spec *specs,
                           size_t max_words, struct host_args *ret_args, cim_error *err);
/* NULL when the option was not given; "" for a flag that was. */
const char *host_args_option(const struct host_args *args, const char *name);
/* The value, or CIM_E_INVALID saying that the option is missing. */
cim_status host_args_need(const struct host_args *args, const char *name, const char **ret_value,
                          cim_error *err);
/* A whole number from `least` to `most`; `fallback` when not given. */
cim_status host_args_int(const struct host_args *args, const char *name, int64_t least,
                         int64_t most, int64_t fallback, int64_t *ret_value, cim_error *err);

#endif

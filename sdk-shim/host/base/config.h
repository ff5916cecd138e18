/* host/base/config.h -- settings from file, environment and flags, in rising order of rank.
 *
 * File: JSON, one object of "section.key": value, named by --config or CIM_CONFIG. Environment:
 * CIM_ + key in capitals with '.' as '_' ("http.port" -> CIM_HTTP_PORT; CIM_PORT is short for
 * http.port). Flags: --http.port=8080 or --http.port 8080 (--port for short). A value that does not
 * fit is an error that names key, source, value and what was expected; so is an unknown key, once
 * every plugin that was found had its say (host_config_declare).
 */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include "cim/base.h"

#include <stdbool.h>

struct host_config;

/* `args`: the flags after the verb; NULL-terminated. What is no setting -- words, and flags without
 * a '.' such as --layer -- is left to the verb: *ret_rest (NULL-terminated, borrowed pointers into
 * args, freed with the config). */
cim_status host_config_load(const char *const *args, struct host_config **ret_config,
                            const char *const **ret_rest, cim_error *err);
void host_config_free(struct host_config *config);
/* What it was loaded from, as it was given. */
const char *const *host_config_args(const struct host_config *config);
/* Never NULL for a key of the table in config_keys.c; "" when unset without a default. NULL for a
 * plugin's key that is neither set nor has a default, and for unknown keys. */
const char *host_config_text(const struct host_config *config, const char *key);
/* 0 when unset. */
int64_t host_config_int(const struct host_config *config, const char *key);
bool host_config_bool(const struct host_config *config, const char *key);

/* A key "<plugin id>.…" of a plugin's manifest. Copies; default_text may be NULL. Takes up what
 * file, environment and flags said about it. CIM_E_EXISTS: another has it. Before threads start. */
cim_status host_config_declare(struct host_config *config, const char *key,
                               const char *default_text, bool secret, cim_error *err);
/* CIM_E_INVALID naming key and source if a setting belongs to nobody. */
cim_status host_config_check_unknown(const struct host_config *config, cim_error *err);

struct cim_buf;
/* What was set, from wherever, as a settings file with all secrets in it: for a process that must
 * have the same settings. */
void host_config_write(const struct host_config *config, struct cim_buf *out);

struct host_setting_info {
    const char *key;
    const char *value; /* "" when unset; of a secret too */
    const char *source;
    const char *zh;
    const char *en;
    bool secret;
};
/* Calls `each` for every key that is declared, as host_config_print() shows them. */
void host_config_each(const struct host_config *config,
                      void (*each)(void *arg, const struct host_setting_info *setting), void *arg);

/* Prints every key with value or default, source and meaning (secrets hidden) to standard output,
 * for `cim-host serve --help`. */
void host_config_print(const struct host_config *config);

#endif

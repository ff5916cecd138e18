/* host/base/config.h -- settings from file, environment and flags, in rising order of rank.
 *
 * File: JSON, one object of "section.key": value. Environment: CIM_ + key in capitals with '.' as
 * '_'
 * ("http.port" -> CIM_HTTP_PORT; CIM_PORT, CIM_VAR are short forms of http.port and var). Flags:
 * --http.port=8080. An unknown key is an error that names it and its source; so is a value that
 * does not fit, with what was expected. Plugins add keys "<plugin id>.…" through their manifest.
 */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include "cim/base.h"

struct host_config;

/* `args`: the flags after the verb; NULL-terminated. What is not a flag is left to the verb:
 * *ret_rest (borrowed pointers into args, freed with the config). */
cim_status host_config_load(const char *const *args, struct host_config **ret_config,
                            const char *const **ret_rest, cim_error *err);
void host_config_free(struct host_config *config);
/* Never NULL for a key of the table in config.c; "" when unset without a default. */
const char *host_config_text(const struct host_config *config, const char *key);
int64_t host_config_int(const struct host_config *config, const char *key);
/* Prints every key with default, source and meaning (secrets hidden), for `cim-host serve --help`.
 */
void host_config_print(const struct host_config *config);

#endif

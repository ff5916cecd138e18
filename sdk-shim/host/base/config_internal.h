/* host/base/config_internal.h -- shared by config.c and config_file.c. */
#ifndef HOST_CONFIG_INTERNAL_H
#define HOST_CONFIG_INTERNAL_H

#include "config.h"

/* Sets a key from one source, by its name; keeps unknown keys for plugins to declare. */
cim_status host_config_set(struct host_config *config, const char *key, const char *value,
                           const char *source, cim_error *err);
/* Reads a settings file into the config. */
cim_status host_config_read_file(struct host_config *config, const char *path, cim_error *err);

#endif

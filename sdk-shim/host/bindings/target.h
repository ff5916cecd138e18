/* host/bindings/target.h -- where a binding may fetch from. */
#ifndef HOST_BINDING_TARGET_H
#define HOST_BINDING_TARGET_H

#include "cim/base.h"

#include <limits.h>

struct host_config;

enum { HOST_BINDING_URL_MAX = 2000 };

/* An http(s) address without user or password whose host, with or without port, stands in
 * bindings.hosts. CIM_E_DENIED names the setting. */
cim_status host_target_check_http(const struct host_config *config, const char *url,
                                  cim_error *err);
/* "postgresql://host[:port]/database", or "platform:" where the store is PostgreSQL. */
cim_status host_target_check_table(const struct host_config *config, const char *url,
                                   const char *dataset, cim_error *err);
/* An absolute path of a regular file inside of one of the folders of bindings.dirs. `ret_path` has
 * it without links. */
cim_status host_target_check_file(const struct host_config *config, const char *path,
                                  char ret_path[PATH_MAX], cim_error *err);
/* GDAL's name of the database, with the password; at most `size` bytes. */
cim_status host_target_database(const struct host_config *config, const char *url,
                                const char *username, const char *password, char *out, size_t size,
                                cim_error *err);

#endif

/* host/main/directory.c -- see directory.h. */
#include "host/main/directory.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/base/config.h"
#include "host/directory/directory.h"
#include "host/identity/identity.h"

#include <string.h>

static cim_status
read_people(void *self, host_table_row_fn take, void *arg, cim_error *err)
{
    return host_directory_read(self, HOST_DIRECTORY_PEOPLE, take, arg, err);
}

static cim_status
read_orgs(void *self, host_table_row_fn take, void *arg, cim_error *err)
{
    return host_directory_read(self, HOST_DIRECTORY_ORGS, take, arg, err);
}

static void
describe(void *self, struct cim_buf *out)
{
    host_directory_describe(self, out);
}

static enum host_directory_tls
tls_of(const struct host_config *config)
{
    const char *tls = host_config_text(config, "directory.tls");
    return strcmp(tls, "always") == 0  ? HOST_DIRECTORY_TLS_ALWAYS
           : strcmp(tls, "never") == 0 ? HOST_DIRECTORY_TLS_NEVER
                                       : HOST_DIRECTORY_TLS_REMOTE;
}

cim_status
host_main_open_directory(struct host_app *app, struct host_directory **ret_directory,
                         cim_error *err)
{
    const struct host_config *config = app->config;
    const struct host_directory_options options = {
        .url = host_config_text(config, "directory.url"),
        .tls = tls_of(config),
        .ca_file = host_config_text(config, "directory.ca_file"),
        .bind_dn = host_config_text(config, "directory.bind_dn"),
        .password_file = host_config_text(config, "directory.password_file"),
        .timeout_ms = host_config_int(config, "directory.timeout_ms"),
        .tables = {[HOST_DIRECTORY_PEOPLE] = {host_config_text(config, "directory.people_base"),
                                              host_config_text(config, "directory.people_filter"),
                                              host_config_text(config, "directory.people_map")},
                   [HOST_DIRECTORY_ORGS] = {host_config_text(config, "directory.orgs_base"),
                                            host_config_text(config, "directory.orgs_filter"),
                                            host_config_text(config, "directory.orgs_map")}},
    };
    if (options.url[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(host_directory_open(&options, ret_directory, err));
    const struct host_identity_directory directory = {
        .self = *ret_directory,
        .read_people = read_people,
        .read_orgs = options.tables[HOST_DIRECTORY_ORGS].base[0] != '\0' ? read_orgs : NULL,
        .describe = describe,
        .sign_in = host_config_text(config, "directory.sign_in"),
        .link_by_name = host_config_bool(config, "directory.link_by_name"),
    };
    return host_identity_set_directory(app->identity, &directory, err);
}

/* host/main/assemble.h -- putting the platform together and taking it apart. */
#ifndef HOST_ASSEMBLE_H
#define HOST_ASSEMBLE_H

#include "cim/base.h"
#include "host/app.h"

#include <stdbool.h>

/* How far to go; each level has all of those before it. */
enum host_level {
    HOST_LEVEL_READ,   /* stores alone, to read beside a host that serves */
    HOST_LEVEL_JOB,    /* stores that are read-only, accounts and plugins found, for one job beside
                          a host that serves */
    HOST_LEVEL_STORES, /* lock, stores, migrations of the host, audit */
    HOST_LEVEL_IDENTITY, /* areas, accounts, and the plugins found: their roles and settings */
    HOST_LEVEL_PLUGINS   /* enabled plugins run */
};

struct host_assembly {
    struct host_app app;
    int lock_fd;
};

/* `verb` is told to others that want the data directory; NULL: the supervisor holds its lock. On
 * failure nothing stays open. */
cim_status host_assemble(struct host_config *config, const char *verb, enum host_level level,
                         struct host_assembly *assembly, cim_error *err);
/* In reverse order; accepts a half-made assembly. Leaves the config to its owner. */
void host_disassemble(struct host_assembly *assembly);
/* A path inside the data directory: "cim.gpkg". */
cim_status host_var_path(const struct host_config *config, const char *name, char *out,
                         size_t out_size, cim_error *err);
struct host_audit_options;
/* Where key and anchors of the audit lie; the texts are `paths`'s. */
struct host_audit_paths {
    char key_file[4096];
    char anchor_file[4096];
};
cim_status host_audit_options_of(const struct host_app *app, struct host_audit_paths *paths,
                                 struct host_audit_options *ret_options, cim_error *err);
struct host_crypt_keys;
/* Where the keys of personal data come from; the path is `path`'s, other texts the config's. */
cim_status host_crypt_keys_of(const struct host_config *config, char path[4096],
                              struct host_crypt_keys *ret_keys, cim_error *err);
/* A folder that comes with the host: "migrations/platform"; beside the program when installed, in
 * the source tree otherwise. */
cim_status host_share_path(const char *name, char *out, size_t out_size, cim_error *err);
void host_setup_log(const struct host_config *config);

#endif

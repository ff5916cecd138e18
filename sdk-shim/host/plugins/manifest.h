/* host/plugins/manifest.h -- `plugin.manifest`: what a plugin is and all it may register, read
 * before any of its code is loaded. docs/sdk-guide.md lists the keys. */
#ifndef HOST_MANIFEST_H
#define HOST_MANIFEST_H

#include "host/identity/json_in.h"

#include <stdbool.h>

#define HOST_MANIFEST_FILE  "plugin.manifest"
#define HOST_SIGNATURE_FILE "plugin.manifest.sig"

enum {
    HOST_MANIFEST_BYTES_MAX = 1 << 20,
    HOST_MANIFEST_ID_MAX = 32,
    HOST_MANIFEST_PARAMETERS_MAX = 32
};

/* Texts are borrowed from `root`; folders are relative to `dir` and never leave it. */
struct host_manifest {
    struct json_object *root;
    char *dir;
    char *path; /* of the file, for messages */
    const char *id;
    const char *version;
    int64_t sdk_major;
    int64_t sdk_min_minor;
    const char *library;
    const char *migrations; /* folders: NULL when there is none */
    const char *web;
    const char *layers;
    const char *styles;
};

/* Reads and checks the manifest in the folder `dir`. */
cim_status host_manifest_read(const char *dir, struct host_manifest **ret_manifest, cim_error *err);
/* The same from text that is in memory already; `dir` is for the messages and the paths. */
cim_status host_manifest_parse(const char *dir, const char *text, size_t len,
                               struct host_manifest **ret_manifest, cim_error *err);
void host_manifest_free(struct host_manifest *manifest); /* NULL-safe */

bool host_manifest_has_service(const struct host_manifest *manifest, const char *service_id);
bool host_manifest_has_permission(const struct host_manifest *manifest, const char *function_id);
/* `kind`: "layers" or "renderers". */
bool host_manifest_has_resource(const struct host_manifest *manifest, const char *kind,
                                const char *id);
bool host_manifest_has_route(const struct host_manifest *manifest, const char *method,
                             const char *pattern);
/* The query parameters of a route, [{name, zh, en, schema}]; an empty place when it has none. */
struct host_json_in host_manifest_parameters(const struct host_manifest *manifest,
                                             const char *method, const char *pattern);
/* Whether the key is declared; *ret_default is NULL without a default. */
bool host_manifest_config(const struct host_manifest *manifest, const char *key,
                          const char **ret_default);
/* The list below "resources", for walking it; an empty place when absent. */
struct host_json_in host_manifest_resources(const struct host_manifest *manifest, const char *kind);
/* The "roles" list as JSON text; "[]" when absent. */
const char *host_manifest_roles(const struct host_manifest *manifest);

/* dir/folder[/name] into `out`; CIM_E_TOO_LARGE when it does not fit. */
cim_status host_manifest_path(const struct host_manifest *manifest, const char *folder,
                              const char *name, char *out, size_t out_size, cim_error *err);
/* Compares the files that "checksums" lists with their SHA-256. */
cim_status host_manifest_verify(const struct host_manifest *manifest, cim_error *err);

/* The manifest is signed by one of the keys (*.pem) of a folder, and lists every file beside it;
 * signature.c. CIM_E_DENIED: it is not. */
cim_status host_manifest_verify_signature(const struct host_manifest *manifest,
                                          const char *keys_dir, cim_error *err);

/* A whole file of at most `max` bytes; *ret_text is NUL-terminated and owned by the caller. */
cim_status host_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len,
                          cim_error *err);

#endif

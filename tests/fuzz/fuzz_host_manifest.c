/* tests/fuzz/fuzz_host_manifest.c -- bytes as plugin.manifest: refused with words, or consistent.
 */
#include "fuzz.h"

#include "host/plugins/manifest.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_manifest *manifest = NULL;
    cim_error err;
    char path[256];
    memset(&err, 0, sizeof err);
    if (host_manifest_parse("plugins/x", (const char *)data, size, &manifest, &err) != CIM_OK) {
        if (err.zh[0] == '\0' || err.en[0] == '\0') {
            abort();
        }
        return 0;
    }
    const struct host_json_in layers = host_manifest_resources(manifest, "layers");
    for (size_t i = 0; i < host_json_length(&layers); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(layers.value, i));
        if (!host_manifest_has_resource(manifest, "layers", id) ||
            strncmp(id, manifest->id, strlen(manifest->id)) != 0) {
            abort();
        }
    }
    if (host_manifest_path(manifest, manifest->library, NULL, path, sizeof path, &err) == CIM_OK &&
        strstr(path, "/..") != NULL) {
        abort();
    }
    host_manifest_free(manifest);
    return 0;
}

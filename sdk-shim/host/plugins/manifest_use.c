/* Looking things up in a manifest that was read, and its files. */
#include "host/plugins/manifest.h"

#include "cim/util.h"
#include "host/base/files.h"
#include "kit/cleanup.h"

#include <json-c/json.h>

#include <errno.h>

static struct host_json_in
list_of(const struct host_manifest *manifest, const char *key)
{
    struct host_json_in in = {.where = manifest->path};
    if (!json_object_object_get_ex(manifest->root, key, &in.value)) {
        in.value = NULL;
    }
    cim_copy_text(in.path, sizeof in.path, key);
    return in;
}

struct host_json_in
host_manifest_resources(const struct host_manifest *manifest, const char *kind)
{
    struct host_json_in in = list_of(manifest, "resources");
    struct json_object *list = NULL;
    if (in.value != NULL && json_object_object_get_ex(in.value, kind, &list)) {
        in.value = list;
    } else {
        in.value = NULL;
    }
    return in;
}

static bool
list_has(const struct host_json_in *list, const char *key, const char *text)
{
    for (size_t i = 0; i < host_json_length(list); i++) {
        struct json_object *value = json_object_array_get_idx(list->value, i);
        if (key != NULL) {
            value = json_object_object_get(value, key);
        }
        if (value != NULL && strcmp(json_object_get_string(value), text) == 0) {
            return true;
        }
    }
    return false;
}

bool
host_manifest_has_service(const struct host_manifest *manifest, const char *service_id)
{
    const struct host_json_in list = list_of(manifest, "services");
    return list_has(&list, NULL, service_id);
}

bool
host_manifest_has_permission(const struct host_manifest *manifest, const char *function_id)
{
    const struct host_json_in list = list_of(manifest, "permissions");
    return list_has(&list, "id", function_id);
}

bool
host_manifest_has_resource(const struct host_manifest *manifest, const char *kind, const char *id)
{
    const struct host_json_in list = host_manifest_resources(manifest, kind);
    return list_has(&list, NULL, id);
}

static struct json_object *
find_route(const struct host_manifest *manifest, const char *method, const char *pattern)
{
    const struct host_json_in list = host_manifest_resources(manifest, "routes");
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct json_object *route = json_object_array_get_idx(list.value, i);
        if (strcmp(json_object_get_string(json_object_object_get(route, "method")), method) == 0 &&
            strcmp(json_object_get_string(json_object_object_get(route, "pattern")), pattern) ==
                0) {
            return route;
        }
    }
    return NULL;
}

bool
host_manifest_has_route(const struct host_manifest *manifest, const char *method,
                        const char *pattern)
{
    return find_route(manifest, method, pattern) != NULL;
}

struct host_json_in
host_manifest_parameters(const struct host_manifest *manifest, const char *method,
                         const char *pattern)
{
    struct host_json_in list = {.where = manifest->path};
    json_object_object_get_ex(find_route(manifest, method, pattern), "parameters", &list.value);
    return list;
}

bool
host_manifest_config(const struct host_manifest *manifest, const char *key,
                     const char **ret_default)
{
    const struct host_json_in list = list_of(manifest, "config");
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct json_object *entry = json_object_array_get_idx(list.value, i);
        if (strcmp(json_object_get_string(json_object_object_get(entry, "key")), key) == 0) {
            struct json_object *value = json_object_object_get(entry, "default");
            *ret_default = value != NULL ? json_object_get_string(value) : NULL;
            return true;
        }
    }
    return false;
}

const char *
host_manifest_roles(const struct host_manifest *manifest)
{
    const struct host_json_in list = list_of(manifest, "roles");
    return list.value != NULL ? json_object_to_json_string_ext(list.value, JSON_C_TO_STRING_PLAIN)
                              : "[]";
}

cim_status
host_manifest_path(const struct host_manifest *manifest, const char *folder, const char *name,
                   char *out, size_t out_size, cim_error *err)
{
    const int n = snprintf(out, out_size, "%s/%s%s%s", manifest->dir, folder,
                           name != NULL ? "/" : "", name != NULL ? name : "");
    if (n < 0 || (size_t)n >= out_size) {
        return cim_fail(err, CIM_E_TOO_LARGE, "dir", manifest->dir, "路径超过 %zu 字节",
                        "a path is longer than %zu bytes", out_size);
    }
    return CIM_OK;
}

static cim_status
fail_open(const char *path, cim_error *err)
{
    const int why = errno;
    char text[128];
    (void)cim_fail(err, why == ENOENT ? CIM_E_NOTFOUND : CIM_E_IO, NULL, NULL,
                   "%.200s：无法读取：%s", "%.200s: cannot be read: %s", path,
                   strerror_r(why, text, sizeof text));
    if (err != NULL) {
        err->os_errno = why;
    }
    return why == ENOENT ? CIM_E_NOTFOUND : CIM_E_IO;
}

static void
cleanup_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

cim_status
host_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len, cim_error *err)
{
    __attribute__((cleanup(cleanup_file))) FILE *file = fopen(path, "re");
    CIM_AUTO_FREE char *text = NULL;
    size_t len = 0;
    size_t capacity = 0;
    if (file == NULL) {
        return fail_open(path, err);
    }
    for (;;) {
        if (len + 1 >= capacity) {
            char *grown = NULL;
            capacity = capacity == 0 ? 16384 : capacity * 2;
            grown = realloc(text, capacity);
            if (grown == NULL) {
                return cim_fail_nomem(err);
            }
            text = grown;
        }
        len += fread(text + len, 1, capacity - len - 1, file);
        if (len > max) {
            return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "%.200s：超过 %zu 字节",
                            "%.200s: larger than %zu bytes", path, max);
        }
        if (ferror(file) != 0) {
            return fail_open(path, err);
        }
        if (feof(file) != 0) {
            break;
        }
    }
    text[len] = '\0';
    *ret_len = len;
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

cim_status
host_manifest_verify(const struct host_manifest *manifest, cim_error *err)
{
    const struct host_json_in sums = list_of(manifest, "checksums");
    if (sums.value == NULL) {
        return CIM_OK;
    }
    json_object_object_foreach(sums.value, name, sum)
    {
        char path[4096];
        char found[HOST_FILE_HASH_TEXT];
        CIM_TRY(host_manifest_path(manifest, name, NULL, path, sizeof path, err));
        CIM_TRY(host_file_hash(path, found, NULL, err));
        if (strcmp(found, json_object_get_string(sum)) != 0) {
            return cim_fail(err, CIM_E_INVALID, "checksums", name, "%.160s：SHA-256 为 %s，应为 %s",
                            "%.160s: has SHA-256 %s, expected %s", path, found,
                            json_object_get_string(sum));
        }
    }
    return CIM_OK;
}

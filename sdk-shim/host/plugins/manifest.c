#include "host/plugins/manifest.h"

#include "cim/plugin.h"
#include "cim/util.h"
#include "host/identity/roles.h"
#include "kit/cleanup.h"

#include <json-c/json.h>

static const char *const resource_kinds[] = {"layers", "renderers", "analyses", "jobs"};

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};

void
host_manifest_free(struct host_manifest *manifest)
{
    if (manifest != NULL) {
        json_object_put(manifest->root);
        free(manifest->dir);
        free(manifest->path);
        free(manifest);
    }
}

static void
cleanup_manifest(struct host_manifest **manifest)
{
    host_manifest_free(*manifest);
}

static struct host_json_in
top(const struct host_manifest *manifest)
{
    struct host_json_in in = {.where = manifest->path, .value = manifest->root};
    return in;
}

static bool
only(const char *text, const char *allowed, size_t max)
{
    const size_t len = strspn(text, allowed);
    return len > 0 && len <= max && text[len] == '\0';
}

/* "lpg": also the first part of every id that the plugin owns. */
static bool
id_ok(const char *id)
{
    return only(id, "abcdefghijklmnopqrstuvwxyz0123456789-", HOST_MANIFEST_ID_MAX) &&
           id[0] >= 'a' && id[0] <= 'z' && strcmp(id, "cim") != 0 && strcmp(id, "host") != 0;
}

/* "1.2.3", maybe "-suffix". */
static bool
version_ok(const char *version)
{
    int dots = 0;
    const char *at = version;
    while (*at >= '0' && *at <= '9') {
        at += strspn(at, "0123456789");
        if (*at == '.' && dots < 2) {
            dots++;
            at++;
        } else {
            break;
        }
    }
    return dots == 2 && at[-1] != '.' && (*at == '\0' || *at == '-') && strlen(version) <= 40;
}

/* Below the plugin: "<id>.name". */
static bool
owned(const struct host_manifest *manifest, const char *text)
{
    const size_t len = strlen(manifest->id);
    return strncmp(text, manifest->id, len) == 0 && text[len] == '.' &&
           only(text + len + 1, "abcdefghijklmnopqrstuvwxyz0123456789-_.", 60);
}

static cim_status
check_ids(const struct host_manifest *manifest, const struct host_json_in *list, cim_error *err)
{
    for (size_t i = 0; i < host_json_length(list); i++) {
        const char *id = NULL;
        CIM_TRY(host_json_text_at(list, i, &id, err));
        if (!owned(manifest, id)) {
            return host_json_refuse(list, NULL, "以“插件编号.”开头的编号",
                                    "ids that begin with the plugin's id and a dot", err);
        }
        for (size_t k = 0; k < i; k++) {
            if (json_object_equal(json_object_array_get_idx(list->value, k),
                                  json_object_array_get_idx(list->value, i))) {
                return host_json_refuse(list, NULL, "不重复的编号", "ids that are all different",
                                        err);
            }
        }
    }
    return CIM_OK;
}

static cim_status
check_services(const struct host_json_in *in, cim_error *err)
{
    struct host_json_in list;
    CIM_TRY(host_json_list(in, "services", HOST_JSON_REQUIRED, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *service = NULL;
        const char *slash = NULL;
        CIM_TRY(host_json_text_at(&list, i, &service, err));
        slash = strrchr(service, '/');
        if (slash == NULL || slash == service || !only(slash + 1, "0123456789", 4)) {
            return host_json_refuse(&list, NULL, "服务编号，如 cim.store/1",
                                    "service ids such as cim.store/1", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_permissions(const struct host_manifest *manifest, const struct host_json_in *in,
                  cim_error *err)
{
    static const char *const keys[] = {"id", "zh", "en", NULL};
    struct host_json_in list;
    CIM_TRY(host_json_list(in, "permissions", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in at;
        const char *text = NULL;
        CIM_TRY(host_json_object_at(&list, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(host_json_text(&at, "zh", HOST_JSON_REQUIRED, &text, err));
        CIM_TRY(host_json_text(&at, "en", HOST_JSON_REQUIRED, &text, err));
        CIM_TRY(host_json_text(&at, "id", HOST_JSON_REQUIRED, &text, err));
        if (!owned(manifest, text)) {
            return host_json_refuse(&at, "id", "以“插件编号.”开头的功能点",
                                    "a function point that begins with the plugin's id and a dot",
                                    err);
        }
    }
    return CIM_OK;
}

static cim_status
check_parameters(const struct host_json_in *route, cim_error *err)
{
    static const char *const keys[] = {"name", "zh", "en", "schema", NULL};
    struct host_json_in list;
    CIM_TRY(host_json_list(route, "parameters", HOST_JSON_OPTIONAL, &list, err));
    if (host_json_length(&list) > HOST_MANIFEST_PARAMETERS_MAX) {
        return host_json_refuse(&list, NULL, "至多 32 个参数", "at most 32 parameters", err);
    }
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in at;
        struct host_json_in schema;
        const char *text = NULL;
        CIM_TRY(host_json_object_at(&list, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(host_json_text(&at, "zh", HOST_JSON_REQUIRED, &text, err));
        CIM_TRY(host_json_text(&at, "en", HOST_JSON_REQUIRED, &text, err));
        CIM_TRY(host_json_object(&at, "schema", HOST_JSON_OPTIONAL, &schema, err));
        CIM_TRY(host_json_text(&at, "name", HOST_JSON_REQUIRED, &text, err));
        if (!only(text, "abcdefghijklmnopqrstuvwxyz0123456789_-", 40)) {
            return host_json_refuse(&at, "name", "由小写字母、数字、_ 和 - 组成的参数名",
                                    "a name of lower-case letters, digits, _ and -", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_routes(const struct host_json_in *resources, cim_error *err)
{
    static const char *const keys[] = {"method", "pattern", "parameters", NULL};
    struct host_json_in list;
    CIM_TRY(host_json_list(resources, "routes", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in at;
        const char *method = NULL;
        const char *pattern = NULL;
        size_t m = 0;
        CIM_TRY(host_json_object_at(&list, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(host_json_text(&at, "method", HOST_JSON_REQUIRED, &method, err));
        while (methods[m] != NULL && strcmp(methods[m], method) != 0) {
            m++;
        }
        if (methods[m] == NULL) {
            return host_json_refuse(&at, "method", " GET、POST、PUT、PATCH 或 DELETE",
                                    "GET, POST, PUT, PATCH or DELETE", err);
        }
        CIM_TRY(host_json_text(&at, "pattern", HOST_JSON_REQUIRED, &pattern, err));
        if (pattern[0] != '/' || strlen(pattern) > 200 || strstr(pattern, "..") != NULL) {
            return host_json_refuse(&at, "pattern", "以 / 开头的路径", "a path that begins with /",
                                    err);
        }
        CIM_TRY(check_parameters(&at, err));
    }
    return CIM_OK;
}

static cim_status
check_resources(const struct host_manifest *manifest, const struct host_json_in *in, cim_error *err)
{
    static const char *const keys[] = {"layers", "renderers", "analyses", "jobs", "routes", NULL};
    struct host_json_in resources;
    CIM_TRY(host_json_object(in, "resources", HOST_JSON_OPTIONAL, &resources, err));
    CIM_TRY(host_json_keys(&resources, keys, err));
    for (size_t i = 0; i < sizeof resource_kinds / sizeof resource_kinds[0]; i++) {
        struct host_json_in list;
        CIM_TRY(host_json_list(&resources, resource_kinds[i], HOST_JSON_OPTIONAL, &list, err));
        CIM_TRY(check_ids(manifest, &list, err));
    }
    return check_routes(&resources, err);
}

/* What the plugin works on and a platform has in its own datasets: a layer of the plugin, or with
 * none a raster. */
static cim_status
check_inputs(const struct host_manifest *manifest, const struct host_json_in *in, cim_error *err)
{
    static const char *const keys[] = {"role", "layer", "title", NULL};
    struct host_json_in list;
    CIM_TRY(host_json_list(in, "inputs", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in at;
        const char *role = NULL;
        const char *layer = NULL;
        const char *zh = NULL;
        const char *en = NULL;
        CIM_TRY(host_json_object_at(&list, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(host_json_text(&at, "role", HOST_JSON_REQUIRED, &role, err));
        CIM_TRY(host_json_title(&at, "title", HOST_JSON_REQUIRED, &zh, &en, err));
        CIM_TRY(host_json_text(&at, "layer", HOST_JSON_OPTIONAL, &layer, err));
        if (!owned(manifest, role)) {
            return host_json_refuse(&at, "role", "以“插件编号.”开头的角色",
                                    "a role that begins with the plugin's id and a dot", err);
        }
        if (layer != NULL && !host_manifest_has_resource(manifest, "layers", layer)) {
            return host_json_refuse(&at, "layer", "resources.layers 中的图层",
                                    "a layer of resources.layers", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_config(const struct host_json_in *in, cim_error *err)
{
    static const char *const keys[] = {"key", "type", "default", "secret", "zh", "en", NULL};
    struct host_json_in list;
    CIM_TRY(host_json_list(in, "config", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in at;
        const char *text = NULL;
        bool secret = false;
        CIM_TRY(host_json_object_at(&list, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(host_json_text(&at, "key", HOST_JSON_REQUIRED, &text, err));
        if (!only(text, "abcdefghijklmnopqrstuvwxyz0123456789_.", 60)) {
            return host_json_refuse(&at, "key", "小写字母、数字、下划线和点",
                                    "lower-case letters, digits, underscores and dots", err);
        }
        CIM_TRY(host_json_text(&at, "type", HOST_JSON_REQUIRED, &text, err));
        if (strcmp(text, "text") != 0 && strcmp(text, "integer") != 0 &&
            strcmp(text, "number") != 0 && strcmp(text, "boolean") != 0) {
            return host_json_refuse(&at, "type", " text、integer、number 或 boolean",
                                    "text, integer, number or boolean", err);
        }
        CIM_TRY(host_json_text(&at, "default", HOST_JSON_OPTIONAL, &text, err));
        CIM_TRY(host_json_bool(&at, "secret", HOST_JSON_OPTIONAL, &secret, err));
        CIM_TRY(host_json_text(&at, "zh", HOST_JSON_REQUIRED, &text, err));
        CIM_TRY(host_json_text(&at, "en", HOST_JSON_REQUIRED, &text, err));
    }
    return CIM_OK;
}

/* Every function point of a role must be one that the manifest declares. */
static cim_status
check_roles(const struct host_manifest *manifest, const struct host_json_in *in, cim_error *err)
{
    struct host_json_in list;
    struct host_roles *roles = NULL;
    const char *unknown = NULL;
    CIM_TRY(host_json_list(in, "roles", HOST_JSON_OPTIONAL, &list, err));
    CIM_TRY(host_roles_parse(&list, manifest->id, &roles, err));
    for (size_t r = 0; r < roles->n_roles && unknown == NULL; r++) {
        for (size_t i = 0; i < roles->roles[r].n_functions && unknown == NULL; i++) {
            if (!host_manifest_has_permission(manifest, roles->roles[r].functions[i])) {
                unknown = roles->roles[r].functions[i];
                (void)cim_fail(err, CIM_E_INVALID, "roles", unknown,
                               "%.120s：roles：角色 %s 的功能点 %s 应列在 permissions 中",
                               "%.120s: roles: role %s: expected its function point %s to be "
                               "listed in permissions",
                               manifest->path, roles->roles[r].id, unknown);
            }
        }
    }
    host_roles_free(roles);
    return unknown == NULL ? CIM_OK : CIM_E_INVALID;
}

/* A file or folder of the plugin: relative, plain, inside. */
static cim_status
read_path(const struct host_json_in *in, const char *key, enum host_json_need need,
          const char **ret_path, cim_error *err)
{
    const char *path = NULL;
    CIM_TRY(host_json_text(in, key, need, &path, err));
    if (path != NULL && (path[0] == '/' || path[0] == '.' || strlen(path) > 200 ||
                         strstr(path, "/.") != NULL || strchr(path, '\\') != NULL)) {
        return host_json_refuse(in, key, "插件目录内的相对路径",
                                "a relative path inside the plugin's folder", err);
    }
    *ret_path = path;
    return CIM_OK;
}

static cim_status
check_checksums(const struct host_json_in *in, cim_error *err)
{
    struct host_json_in sums;
    CIM_TRY(host_json_object(in, "checksums", HOST_JSON_OPTIONAL, &sums, err));
    if (sums.value == NULL) {
        return CIM_OK;
    }
    json_object_object_foreach(sums.value, key, unused)
    {
        const char *sum = NULL;
        (void)unused;
        CIM_TRY(host_json_text(&sums, key, HOST_JSON_REQUIRED, &sum, err));
        if (strlen(sum) != 64 || !only(sum, "0123456789abcdef", 64)) {
            return host_json_refuse(&sums, key, " 64 位小写十六进制 SHA-256",
                                    "a SHA-256 of 64 lower-case hexadecimal digits", err);
        }
        if (key[0] == '/' || key[0] == '.' || strstr(key, "/.") != NULL) {
            return host_json_refuse(&sums, key, "插件目录内的相对路径",
                                    "a relative path inside the plugin's folder", err);
        }
    }
    return CIM_OK;
}

static cim_status
check(struct host_manifest *manifest, cim_error *err)
{
    static const char *const keys[] = {
        "id",       "version",     "name",   "description", "sdk",    "library",
        "services", "permissions", "roles",  "resources",   "web",    "migrations",
        "layers",   "styles",      "config", "checksums",   "inputs", NULL};
    static const char *const sdk_keys[] = {"major", "min_minor", NULL};
    const struct host_json_in in = top(manifest);
    struct host_json_in sdk;
    const char *zh = NULL;
    const char *en = NULL;
    CIM_TRY(host_json_keys(&in, keys, err));
    CIM_TRY(host_json_text(&in, "id", HOST_JSON_REQUIRED, &manifest->id, err));
    if (!id_ok(manifest->id)) {
        return host_json_refuse(&in, "id",
                                "小写字母开头、至多 32 个字母数字连字符，且不是 cim、host",
                                "at most 32 lower-case letters, digits and hyphens, a letter "
                                "first, neither cim nor host",
                                err);
    }
    CIM_TRY(host_json_text(&in, "version", HOST_JSON_REQUIRED, &manifest->version, err));
    if (!version_ok(manifest->version)) {
        return host_json_refuse(&in, "version", "形如 1.2.3 的版本", "a version such as 1.2.3",
                                err);
    }
    CIM_TRY(host_json_title(&in, "name", HOST_JSON_REQUIRED, &zh, &en, err));
    CIM_TRY(host_json_title(&in, "description", HOST_JSON_OPTIONAL, &zh, &en, err));
    CIM_TRY(host_json_object(&in, "sdk", HOST_JSON_REQUIRED, &sdk, err));
    CIM_TRY(host_json_keys(&sdk, sdk_keys, err));
    CIM_TRY(host_json_int(&sdk, "major", HOST_JSON_REQUIRED, CIM_ABI_MAJOR, CIM_ABI_MAJOR,
                          &manifest->sdk_major, err));
    CIM_TRY(host_json_int(&sdk, "min_minor", HOST_JSON_REQUIRED, 0, CIM_ABI_MINOR,
                          &manifest->sdk_min_minor, err));
    CIM_TRY(read_path(&in, "library", HOST_JSON_REQUIRED, &manifest->library, err));
    if (strchr(manifest->library, '/') != NULL) {
        return host_json_refuse(&in, "library", "插件目录中的文件名",
                                "the name of a file in the plugin's folder", err);
    }
    CIM_TRY(read_path(&in, "migrations", HOST_JSON_OPTIONAL, &manifest->migrations, err));
    CIM_TRY(read_path(&in, "web", HOST_JSON_OPTIONAL, &manifest->web, err));
    CIM_TRY(read_path(&in, "layers", HOST_JSON_OPTIONAL, &manifest->layers, err));
    CIM_TRY(read_path(&in, "styles", HOST_JSON_OPTIONAL, &manifest->styles, err));
    CIM_TRY(check_services(&in, err));
    CIM_TRY(check_permissions(manifest, &in, err));
    CIM_TRY(check_resources(manifest, &in, err));
    CIM_TRY(check_inputs(manifest, &in, err));
    CIM_TRY(check_roles(manifest, &in, err));
    CIM_TRY(check_config(&in, err));
    return check_checksums(&in, err);
}

cim_status
host_manifest_parse(const char *dir, const char *text, size_t len,
                    struct host_manifest **ret_manifest, cim_error *err)
{
    __attribute__((cleanup(cleanup_manifest))) struct host_manifest *manifest =
        calloc(1, sizeof *manifest);
    if (manifest == NULL || (manifest->dir = strdup(dir)) == NULL ||
        asprintf(&manifest->path, "%s/" HOST_MANIFEST_FILE, dir) < 0) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_json_parse(manifest->path, text, len, &manifest->root, err));
    CIM_TRY(check(manifest, err));
    *ret_manifest = CIM_TAKE(manifest);
    return CIM_OK;
}

cim_status
host_manifest_read(const char *dir, struct host_manifest **ret_manifest, cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    char path[4096];
    size_t len = 0;
    const int n = snprintf(path, sizeof path, "%s/" HOST_MANIFEST_FILE, dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        return cim_fail(err, CIM_E_TOO_LARGE, "dir", dir, "路径超过 %zu 字节",
                        "the path is longer than %zu bytes", sizeof path);
    }
    CIM_TRY(host_read_file(path, HOST_MANIFEST_BYTES_MAX, &text, &len, err));
    return host_manifest_parse(dir, text, len, ret_manifest, err);
}

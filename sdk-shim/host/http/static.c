/* host/http/static.c -- folders of pages. Small files stay in memory, packed once. */
#include "internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 64 << 20, CACHE_FILES_MAX = 256, CACHE_MAX_BYTES = 64 << 20, HASH_LEN = 8 };

/* One file as it was read; kept while a response uses it. */
struct host_file {
    struct host_file *next;
    _Atomic int refs;
    char *path; /* below the folder */
    char etag[48];
    cim_blob plain;
    cim_blob packed; /* len 0: not worth it */
};

struct host_static {
    struct host_static *next;
    char *prefix;
    char *dir;
    char *index;
    char *csp;
    bool spa;
    pthread_mutex_t lock;
    struct host_file *files;
    size_t n_files;
    size_t bytes;
};

static void
unref_file(struct host_file *file)
{
    if (file == NULL || atomic_fetch_sub(&file->refs, 1) != 1) {
        return;
    }
    if (file->packed.release != NULL) {
        file->packed.release(&file->packed);
    }
    free((void *)file->plain.data);
    free(file->path);
    free(file);
}

static void
cleanup_file(struct host_file **file)
{
    unref_file(*file);
}

/* ---- names ---- */

static const char *
mime_of(const char *path)
{
    static const struct {
        const char *end;
        const char *mime;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".mjs", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".json", "application/json"},
                 {".geojson", "application/geo+json"},
                 {".map", "application/json"},
                 {".svg", "image/svg+xml"},
                 {".png", "image/png"},
                 {".jpg", "image/jpeg"},
                 {".webp", "image/webp"},
                 {".ico", "image/vnd.microsoft.icon"},
                 {".woff2", "font/woff2"},
                 {".wasm", "application/wasm"},
                 {".pbf", "application/x-protobuf"},
                 {".txt", "text/plain; charset=utf-8"}};
    const size_t len = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const size_t end = strlen(types[i].end);
        if (len > end && strcasecmp(path + len - end, types[i].end) == 0) {
            return types[i].mime;
        }
    }
    return "application/octet-stream";
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* "index-DiwrgTda.js": the build puts a hash of the content into the name. */
static bool
is_hashed(const char *path)
{
    const char *name = base_name(path);
    const size_t stem = strcspn(name, ".");
    return strncmp(path, "assets/", 7) == 0 && stem > HASH_LEN && name[stem - HASH_LEN - 1] == '-';
}

static bool
is_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

/* A page of the application, as opposed to a file that is missing. */
static bool
is_page_path(const char *path)
{
    return strchr(base_name(path), '.') == NULL && strncmp(path, "api/", 4) != 0 &&
           strcmp(path, "api") != 0;
}

/* ---- files ---- */

static cim_status
not_found(const char *path, cim_error *err)
{
    (void)cim_fail(err, CIM_E_NOTFOUND, "path", path, "没有这个文件", "there is no such file");
    return CIM_E_NOTFOUND;
}

/* Opens a regular file that really lies in the folder. */
static cim_status
open_below(const struct host_static *folder, const char *path, int *ret_fd, struct stat *ret_info,
           cim_error *err)
{
    char wanted[PATH_MAX];
    char root[PATH_MAX];
    char real[PATH_MAX];
    const int n = snprintf(wanted, sizeof wanted, "%s/%s", folder->dir, path);
    if (n < 0 || (size_t)n >= sizeof wanted || is_hidden(path) ||
        realpath(folder->dir, root) == NULL || realpath(wanted, real) == NULL) {
        return not_found(path, err);
    }
    const size_t len = strlen(root);
    if (strncmp(real, root, len) != 0 || real[len] != '/') {
        return not_found(path, err);
    }
    const int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret_info) != 0 || !S_ISREG(ret_info->st_mode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return not_found(path, err);
    }
    *ret_fd = fd;
    return CIM_OK;
}

static cim_status
read_whole(int fd, size_t len, void **ret_data, cim_error *err)
{
    uint8_t *data = malloc(len > 0 ? len : 1);
    size_t done = 0;
    if (data == NULL) {
        return cim_fail_nomem(err);
    }
    while (done < len) {
        const ssize_t n = read(fd, data + done, len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            free(data);
            (void)cim_fail(err, CIM_E_IO, NULL, NULL, "读文件失败", "cannot read the file");
            return CIM_E_IO;
        }
        done += (size_t)n;
    }
    *ret_data = data;
    return CIM_OK;
}

static void
free_data(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){0};
}

/* A ".gz" beside the file, unless it is older. */
static void
read_packed(const struct host_static *folder, struct host_file *file, const struct stat *plain)
{
    char path[PATH_MAX];
    struct stat info;
    int fd = -1;
    void *data = NULL;
    (void)snprintf(path, sizeof path, "%s.gz", file->path);
    if (open_below(folder, path, &fd, &info, NULL) == CIM_OK) {
        if (info.st_mtime >= plain->st_mtime && info.st_size < plain->st_size &&
            read_whole(fd, (size_t)info.st_size, &data, NULL) == CIM_OK) {
            file->packed = (cim_blob){data, (uint64_t)info.st_size, free_data, data};
        }
        (void)close(fd);
    }
    if (file->packed.len == 0 && file->plain.len >= GZIP_LEAST_BYTES &&
        host_encoding_compressible(mime_of(file->path))) {
        (void)host_encoding_gzip(&file->plain, &file->packed);
    }
}

static cim_status
read_file(const struct host_static *folder, const char *path, int fd, const struct stat *info,
          const char *etag, struct host_file **ret_file, cim_error *err)
{
    void *data = NULL;
    if (info->st_size > FILE_MAX_BYTES) {
        (void)cim_fail(err, CIM_E_TOO_LARGE, "path", path, "文件超过 %d 字节",
                       "the file is larger than %d bytes", FILE_MAX_BYTES);
        return CIM_E_TOO_LARGE;
    }
    CIM_TRY(read_whole(fd, (size_t)info->st_size, &data, err));
    struct host_file *file = calloc(1, sizeof *file);
    char *name = strdup(path);
    if (file == NULL || name == NULL) {
        free(file);
        free(name);
        free(data);
        return cim_fail_nomem(err);
    }
    atomic_init(&file->refs, 1);
    file->path = name;
    file->plain = (cim_blob){data, (uint64_t)info->st_size, NULL, NULL};
    cim_copy_text(file->etag, sizeof file->etag, etag);
    read_packed(folder, file, info);
    *ret_file = file;
    return CIM_OK;
}

/* ---- the files in memory ---- */

/* With the lock held: the file, if it is still the one on the disk; drops it otherwise. */
static struct host_file *
find_cached(struct host_static *folder, const char *path, const char *etag)
{
    for (struct host_file **at = &folder->files; *at != NULL; at = &(*at)->next) {
        struct host_file *file = *at;
        if (strcmp(file->path, path) != 0) {
            continue;
        }
        if (strcmp(file->etag, etag) == 0) {
            atomic_fetch_add(&file->refs, 1);
            return file;
        }
        *at = file->next;
        folder->n_files--;
        folder->bytes -= file->plain.len + file->packed.len;
        unref_file(file);
        return NULL;
    }
    return NULL;
}

static void
cache(struct host_static *folder, struct host_file *file)
{
    const size_t bytes = file->plain.len + file->packed.len;
    (void)pthread_mutex_lock(&folder->lock);
    struct host_file *twin = find_cached(folder, file->path, file->etag);
    if (twin == NULL && folder->n_files < CACHE_FILES_MAX &&
        folder->bytes + bytes <= CACHE_MAX_BYTES) {
        atomic_fetch_add(&file->refs, 1);
        file->next = folder->files;
        folder->files = file;
        folder->n_files++;
        folder->bytes += bytes;
    }
    (void)pthread_mutex_unlock(&folder->lock);
    unref_file(twin);
}

static cim_status
load(struct host_static *folder, const char *path, struct host_file **ret_file, cim_error *err)
{
    struct stat info;
    char etag[48];
    int fd = -1;
    CIM_TRY(open_below(folder, path, &fd, &info, err));
    (void)snprintf(etag, sizeof etag, "\"%" PRIx64 "%08lx-%" PRIx64 "\"",
                   (uint64_t)info.st_mtim.tv_sec, (unsigned long)info.st_mtim.tv_nsec,
                   (uint64_t)info.st_size);
    (void)pthread_mutex_lock(&folder->lock);
    struct host_file *file = find_cached(folder, path, etag);
    (void)pthread_mutex_unlock(&folder->lock);
    cim_status status = CIM_OK;
    if (file == NULL) {
        status = read_file(folder, path, fd, &info, etag, &file, err);
        if (status == CIM_OK) {
            cache(folder, file);
        }
    }
    (void)close(fd);
    if (status == CIM_OK) {
        *ret_file = file;
    }
    return status;
}

/* ---- answers ---- */

static void
release_file(cim_blob *blob)
{
    unref_file(blob->owner);
    *blob = (cim_blob){0};
}

static cim_status
answer(struct host_static *folder, cim_http_req *req, struct host_file *file, cim_error *err)
{
    const char *mime = mime_of(file->path);
    const bool packed = file->packed.len > 0 &&
                        host_encoding_accepts_gzip(host_http_header(req, "Accept-Encoding"));
    const cim_blob *bytes = packed ? &file->packed : &file->plain;
    char etag[56];
    const size_t len = strlen(file->etag);
    (void)snprintf(etag, sizeof etag, "%.*s%s\"", (int)len - 1, file->etag, packed ? "-gz" : "");
    if (packed) {
        CIM_TRY(host_http_add_header(req, "Content-Encoding", "gzip", err));
    }
    if (file->packed.len > 0) {
        CIM_TRY(host_http_add_header(req, "Vary", "Accept-Encoding", err));
    }
    CIM_TRY(host_http_add_header(
        req, "Cache-Control",
        is_hashed(file->path) ? "public, max-age=31536000, immutable" : "no-cache", err));
    if (folder->csp != NULL && strncmp(mime, "text/html", 9) == 0) {
        CIM_TRY(host_http_add_header(req, "Content-Security-Policy", folder->csp, err));
    }
    atomic_fetch_add(&file->refs, 1);
    cim_blob body = {bytes->data, bytes->len, release_file, file};
    const cim_status status = host_http_respond_etag(req, etag, mime, &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

static cim_status
serve(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_static *folder = self;
    struct host_file *file __attribute__((cleanup(cleanup_file))) = NULL;
    const char *path = host_http_path_param(req, "path");
    (void)call;
    if (path == NULL || path[0] == '\0') {
        path = folder->index;
    }
    cim_status status = load(folder, path, &file, err);
    if (status == CIM_E_NOTFOUND && folder->spa && is_page_path(path)) {
        status = load(folder, folder->index, &file, err);
    }
    CIM_TRY(status);
    return answer(folder, req, file, err);
}

static cim_status
redirect(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_static *folder = self;
    cim_blob none = {0};
    (void)call;
    CIM_TRY(host_http_add_header(req, "Location", folder->prefix, err));
    return host_http_respond(req, 308, NULL, &none, err);
}

/* ---- mounting ---- */

static void
free_static(struct host_static *folder)
{
    while (folder->files != NULL) {
        struct host_file *next = folder->files->next;
        unref_file(folder->files);
        folder->files = next;
    }
    (void)pthread_mutex_destroy(&folder->lock);
    free(folder->prefix);
    free(folder->dir);
    free(folder->index);
    free(folder->csp);
    free(folder);
}

void
host_static_free_all(struct host_http *http)
{
    while (http->statics != NULL) {
        struct host_static *next = http->statics->next;
        free_static(http->statics);
        http->statics = next;
    }
}

static cim_status
add_routes(struct host_http *http, struct host_static *folder,
           const struct host_static_options *options, cim_error *err)
{
    char pattern[256];
    struct host_route route = {.method = "GET",
                               .pattern = pattern,
                               .flags = HOST_ROUTE_ANONYMOUS | HOST_ROUTE_HIDDEN,
                               .operation_id = "",
                               .handle = serve,
                               .self = folder,
                               .plugin_id = options->plugin_id};
    (void)snprintf(pattern, sizeof pattern, "%s{path*}", folder->prefix);
    CIM_TRY(host_http_add_route(http, &route, err));
    cim_copy_text(pattern, sizeof pattern, folder->prefix);
    pattern[strlen(pattern) - 1] = '\0';
    route.handle = redirect;
    return pattern[0] != '\0' ? host_http_add_route(http, &route, err) : CIM_OK;
}

cim_status
host_http_static(struct host_http *http, const struct host_static_options *options, cim_error *err)
{
    const size_t len = strlen(options->prefix);
    if (len == 0 || len > 200 || options->prefix[0] != '/' || options->prefix[len - 1] != '/') {
        return cim_fail(err, CIM_E_INVALID, "prefix", options->prefix, "前缀应以 / 开头和结尾",
                        "the prefix must begin and end with '/'");
    }
    struct host_static *folder = calloc(1, sizeof *folder);
    if (folder == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_init(&folder->lock, NULL);
    folder->spa = options->spa;
    folder->prefix = strdup(options->prefix);
    folder->dir = strdup(options->dir);
    folder->index = strdup(options->index != NULL ? options->index : "index.html");
    folder->csp = options->csp != NULL ? strdup(options->csp) : NULL;
    if (folder->prefix == NULL || folder->dir == NULL || folder->index == NULL ||
        (options->csp != NULL && folder->csp == NULL)) {
        free_static(folder);
        return cim_fail_nomem(err);
    }
    /* Kept until the server goes, also when a plugin's routes are removed: a request may still be
     * in its handler. */
    folder->next = http->statics;
    http->statics = folder;
    return add_routes(http, folder, options, err);
}

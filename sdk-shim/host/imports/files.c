/* host/imports/files.c -- files handed over for imports: var/imports/<id>, and <id>.json beside it.
 */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "kit/cleanup.h"
#include "kit/digest.h"

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static cim_status
os_fail(const char *what, cim_error *err)
{
    char reason[128] = "";
    const int os = errno;
    const cim_status status =
        cim_fail(err, CIM_E_IO, "file", NULL, "%s：%s%.0s", "%.0s%.0s%s", what,
                 strerror_r(os, reason, sizeof reason), "the file cannot be kept");
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

static cim_status
folder(struct host_app *app, char *out, size_t size, cim_error *err)
{
    const int n = snprintf(out, size, "%s/imports", host_config_text(app->config, "var"));
    if (n < 0 || (size_t)n + 64 > size) {
        return cim_fail(err, CIM_E_TOO_LARGE, "var", NULL, "数据目录的路径过长",
                        "the path of the data directory is too long");
    }
    return mkdir(out, 0700) == 0 || errno == EEXIST ? CIM_OK : os_fail("无法建立目录", err);
}

static bool
is_id(const char *text)
{
    return strlen(text) == HOST_IMPORT_FILE_ID - 1 &&
           strspn(text, "0123456789abcdef") == strlen(text);
}

/* The owner and the name that stand beside a file. */
static struct json_object *
read_note(const char *dir, const char *id)
{
    char path[HOST_IMPORT_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, id);
    return json_object_from_file(path);
}

static const char *
text_of(struct json_object *note, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(note, key, &value) ? json_object_get_string(value) : "";
}

static void
remove_id(const char *dir, const char *id)
{
    char path[HOST_IMPORT_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", dir, id);
    (void)unlink(path); /* what is not there need not go */
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, id);
    (void)unlink(path);
}

/* Old files go, whoever's they are; counts those of `owner` that stay. */
static int
sweep(const char *dir, const char *owner)
{
    DIR *entries = opendir(dir);
    const struct dirent *entry = NULL;
    const time_t oldest = time(NULL) - (time_t)(HOST_IMPORT_FILE_KEPT_MS / 1000);
    int n = 0;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char path[HOST_IMPORT_PATH_MAX + 300];
        struct stat info;
        struct json_object *note = NULL;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(path, &info) != 0) {
            continue;
        }
        if (info.st_mtime < oldest) {
            (void)unlink(path); /* links of jobs that never began go as well */
        } else if (is_id(entry->d_name) && (note = read_note(dir, entry->d_name)) != NULL) {
            n += strcmp(text_of(note, "owner"), owner) == 0 ? 1 : 0;
            json_object_put(note);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    return n;
}

static cim_status
new_id(char ret_id[HOST_IMPORT_FILE_ID], cim_error *err)
{
    unsigned char bytes[(HOST_IMPORT_FILE_ID - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return os_fail("没有随机数", err);
    }
    cim_hex(bytes, sizeof bytes, ret_id);
    return CIM_OK;
}

/* A path out of a name is nobody's business. */
static void
take_name(const char *name, char out[HOST_IMPORT_NAME_MAX])
{
    const char *slash = strrchr(name, '/');
    const char *backslash = strrchr(name, '\\');
    name = slash != NULL ? slash + 1 : name;
    name = backslash != NULL && backslash > name ? backslash + 1 : name;
    cim_copy_text(out, HOST_IMPORT_NAME_MAX, name);
}

cim_status
host_import_file_keep(struct host_app *app, const char *owner, const char *path, const char *name,
                      struct host_import_file *ret_file, cim_error *err)
{
    struct host_import_file file = {.bytes = 0};
    char dir[HOST_IMPORT_PATH_MAX];
    char note_path[HOST_IMPORT_PATH_MAX + 64];
    struct json_object *note = NULL;
    struct stat info;
    cim_status status = CIM_OK;
    CIM_TRY(folder(app, dir, sizeof dir, err));
    if (sweep(dir, owner) >= HOST_IMPORT_FILES_MAX) {
        return cim_fail(err, CIM_E_BUSY, "file", NULL, "您已有 %d 个待导入的文件，请先删除",
                        "you have %d files waiting: delete some first", HOST_IMPORT_FILES_MAX);
    }
    CIM_TRY(new_id(file.id, err));
    take_name(name, file.name);
    (void)snprintf(file.path, sizeof file.path, "%s/%s", dir, file.id);
    (void)snprintf(note_path, sizeof note_path, "%s/%s.json", dir, file.id);
    note = json_object_new_object();
    (void)json_object_object_add(note, "owner", json_object_new_string(owner));
    (void)json_object_object_add(note, "name", json_object_new_string(file.name));
    if (link(path, file.path) != 0 || stat(file.path, &info) != 0 ||
        json_object_to_file(note_path, note) != 0) {
        status = os_fail("文件无法保存", err);
        remove_id(dir, file.id);
    } else {
        file.bytes = (int64_t)info.st_size;
        *ret_file = file;
    }
    json_object_put(note);
    return status;
}

cim_status
host_import_file_get(struct host_app *app, const char *owner, const char *id,
                     struct host_import_file *ret_file, cim_error *err)
{
    struct host_import_file file = {.bytes = 0};
    char dir[HOST_IMPORT_PATH_MAX];
    struct json_object *note = NULL;
    struct stat info;
    bool own = false;
    CIM_TRY(folder(app, dir, sizeof dir, err));
    note = id != NULL && is_id(id) ? read_note(dir, id) : NULL;
    if (note != NULL) {
        own = strcmp(text_of(note, "owner"), owner) == 0;
        cim_copy_text(file.name, sizeof file.name, text_of(note, "name"));
        json_object_put(note);
        (void)snprintf(file.path, sizeof file.path, "%s/%s", dir, id);
    }
    if (!own || stat(file.path, &info) != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "file", id, "文件不存在，或已过期（保留 24 小时）",
                        "there is no such file, or it has gone (they are kept for 24 hours)");
    }
    cim_copy_text(file.id, sizeof file.id, id);
    file.bytes = (int64_t)info.st_size;
    *ret_file = file;
    return CIM_OK;
}

void
host_import_file_remove(const struct host_import_file *file)
{
    char note[HOST_IMPORT_PATH_MAX + 8];
    (void)unlink(file->path); /* gone is gone */
    (void)snprintf(note, sizeof note, "%s.json", file->path);
    (void)unlink(note);
}

cim_status
host_import_file_link(const struct host_import_file *file, char *ret_path, size_t size,
                      cim_error *err)
{
    char id[HOST_IMPORT_FILE_ID];
    CIM_TRY(new_id(id, err));
    (void)snprintf(ret_path, size, "%s.%s", file->path, id);
    return link(file->path, ret_path) == 0 ? CIM_OK : os_fail("文件无法交给作业", err);
}

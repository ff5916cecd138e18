/* host/backup/manifest.c -- see manifest.h. */
#include "host/backup/manifest.h"

#include "cim/util.h"
#include "host/identity/json_in.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <json-c/json.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 8 << 20 };

#define FORMAT "cim-backup/1"

void
host_backup_manifest_done(struct host_backup_manifest *manifest)
{
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        host_copy_report_done(&manifest->stores[i].contents);
    }
}

cim_status
host_backup_path(const char *folder, const char *name, char out[HOST_BACKUP_PATH_MAX],
                 cim_error *err)
{
    const int n = snprintf(out, HOST_BACKUP_PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < HOST_BACKUP_PATH_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "backup", name, "路径过长", "the path is too long");
}

void
host_backup_name(int64_t at_ms, char out[HOST_BACKUP_NAME_MAX])
{
    char text[CIM_TIME_TEXT_MAX];
    size_t n = 0;
    cim_time_format(at_ms, text);
    for (const char *c = text; *c != '\0' && *c != '.' && n < HOST_BACKUP_NAME_MAX - 2; c++) {
        if (*c != '-' && *c != ':') {
            out[n++] = *c;
        }
    }
    out[n++] = 'Z';
    out[n] = '\0';
}

void
host_backup_manifest_info(const struct host_backup_manifest *manifest,
                          struct host_backup_info *ret_info)
{
    const struct host_backup_store *data = &manifest->stores[1];
    *ret_info = (struct host_backup_info){.at_ms = manifest->at_ms, .pos = data->pos};
    host_backup_name(manifest->at_ms, ret_info->name);
    cim_copy_text(ret_info->store, sizeof ret_info->store, data->store);
    for (size_t i = 0; i < manifest->n_files; i++) {
        ret_info->bytes += manifest->files[i].bytes;
    }
    for (size_t s = 0; s < HOST_BACKUP_STORES; s++) {
        const struct host_copy_report *contents = &manifest->stores[s].contents;
        ret_info->n_tables += contents->n_tables;
        for (int32_t i = 0; i < contents->n_tables; i++) {
            ret_info->n_rows += contents->tables[i].source.n_rows;
        }
    }
}

/* ---- writing ---- */

static void
add_store(struct cim_buf *out, const struct host_backup_store *store)
{
    const struct host_archive_note *note = &store->archive;
    cim_buf_addf(out, "  {\"store\": \"%s\", \"file\": \"%s\", \"pos\": %lld,\n", store->store,
                 store->file, (long long)store->pos);
    if (note->generation[0] != '\0') {
        cim_buf_addf(out,
                     "   \"archive\": {\"generation\": \"%s\", \"record\": %lld, \"salts\": [%u, "
                     "%u], \"frames\": %u},\n",
                     note->generation, (long long)note->serial, note->until.salts[0],
                     note->until.salts[1], note->until.n_frames);
    }
    cim_buf_add_text(out, "   \"tables\": [");
    for (int32_t i = 0; i < store->contents.n_tables; i++) {
        const struct host_copy_table *table = &store->contents.tables[i];
        cim_buf_addf(out, "%s\n    {\"name\": \"%s\", \"rows\": %lld, \"sha256\": \"%s\"}",
                     i > 0 ? "," : "", table->name, (long long)table->source.n_rows,
                     table->source.hash);
    }
    cim_buf_add_text(out, "]}");
}

cim_status
host_backup_manifest_write(const struct host_backup_manifest *manifest, const char *folder,
                           cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    char time[CIM_TIME_TEXT_MAX];
    char part[HOST_BACKUP_PATH_MAX];
    char path[HOST_BACKUP_PATH_MAX];
    cim_buf_init(&out, TEXT_BYTES_MAX);
    cim_time_format(manifest->at_ms, time);
    cim_buf_addf(&out, "{\"format\": \"" FORMAT "\", \"at\": \"%s\",\n\"stores\": [\n", time);
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        add_store(&out, &manifest->stores[i]);
        cim_buf_add_text(&out, i + 1 < HOST_BACKUP_STORES ? ",\n" : "],\n\"files\": [");
    }
    for (size_t i = 0; i < manifest->n_files; i++) {
        const struct host_backup_file *file = &manifest->files[i];
        cim_buf_addf(&out, "%s\n  {\"name\": \"%s\", \"bytes\": %lld, \"sha256\": \"%s\"}",
                     i > 0 ? "," : "", file->name, (long long)file->bytes, file->hash);
    }
    cim_buf_add_text(&out, "]}\n");
    CIM_TRY(cim_buf_status(&out, err));
    CIM_TRY(host_backup_path(folder, HOST_BACKUP_MANIFEST ".part", part, err));
    CIM_TRY(host_backup_path(folder, HOST_BACKUP_MANIFEST, path, err));
    return host_file_write(part, path, out.data, out.len, err);
}

/* ---- reading ---- */

static cim_status
read_text(const char *path, char **ret_text, size_t *ret_len, cim_error *err)
{
    CIM_AUTO_FREE char *text = malloc(TEXT_BYTES_MAX + 1);
    FILE *file = text != NULL ? fopen(path, "re") : NULL;
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (file == NULL) {
        return errno == ENOENT ? cim_fail(err, CIM_E_NOTFOUND, "backup", path,
                                          "不是备份目录：没有 " HOST_BACKUP_MANIFEST,
                                          "no backup: there is no " HOST_BACKUP_MANIFEST)
                               : host_file_fail(path, err);
    }
    *ret_len = fread(text, 1, TEXT_BYTES_MAX, file);
    const bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        return host_file_fail(path, err);
    }
    text[*ret_len] = '\0';
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

/* Into a fixed array; names of files stay below the folder. */
static cim_status
copy_name(const struct host_json_in *in, const char *key, char *out, size_t out_size,
          cim_error *err)
{
    const char *text = NULL;
    CIM_TRY(host_json_text(in, key, HOST_JSON_REQUIRED, &text, err));
    if (text[0] == '\0' || text[0] == '.' || strlen(text) >= out_size ||
        strchr(text, '/') != NULL) {
        return host_json_refuse(in, key, "应为不含“/”的短名称", "expected a short name without '/'",
                                err);
    }
    cim_copy_text(out, out_size, text);
    return CIM_OK;
}

static cim_status
copy_hash(const struct host_json_in *in, char *out, size_t out_size, cim_error *err)
{
    const char *text = NULL;
    CIM_TRY(host_json_text(in, "sha256", HOST_JSON_REQUIRED, &text, err));
    if (strlen(text) != out_size - 1 || strspn(text, "0123456789abcdef") != out_size - 1) {
        return host_json_refuse(in, "sha256", "应为 64 位小写十六进制",
                                "expected 64 hexadecimal digits", err);
    }
    cim_copy_text(out, out_size, text);
    return CIM_OK;
}

static cim_status
read_note(const struct host_json_in *in, struct host_archive_note *note, cim_error *err)
{
    static const char *const keys[] = {"generation", "record", "salts", "frames", NULL};
    struct host_json_in salts;
    int64_t frames = 0;
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(copy_name(in, "generation", note->generation, sizeof note->generation, err));
    CIM_TRY(host_json_int(in, "record", HOST_JSON_REQUIRED, 0, INT64_MAX, &note->serial, err));
    CIM_TRY(host_json_int(in, "frames", HOST_JSON_REQUIRED, 0, UINT32_MAX, &frames, err));
    CIM_TRY(host_json_list(in, "salts", HOST_JSON_REQUIRED, &salts, err));
    for (size_t i = 0; i < 2; i++) {
        const struct json_object *salt = json_object_array_get_idx(salts.value, i);
        if (host_json_length(&salts) != 2 || !json_object_is_type(salt, json_type_int)) {
            return host_json_refuse(in, "salts", "应为两个整数", "expected two integers", err);
        }
        note->until.salts[i] = (uint32_t)json_object_get_int64(salt);
    }
    note->until.n_frames = (uint32_t)frames;
    return CIM_OK;
}

static cim_status
read_store(const struct host_json_in *in, struct host_backup_store *store, cim_error *err)
{
    static const char *const keys[] = {"store", "file", "pos", "archive", "tables", NULL};
    struct host_json_in tables;
    struct host_json_in note;
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(copy_name(in, "store", store->store, sizeof store->store, err));
    CIM_TRY(copy_name(in, "file", store->file, sizeof store->file, err));
    CIM_TRY(host_json_int(in, "pos", HOST_JSON_REQUIRED, -1, INT64_MAX, &store->pos, err));
    CIM_TRY(host_json_object(in, "archive", HOST_JSON_OPTIONAL, &note, err));
    if (note.value != NULL) {
        CIM_TRY(read_note(&note, &store->archive, err));
    }
    CIM_TRY(host_json_list(in, "tables", HOST_JSON_REQUIRED, &tables, err));
    const size_t n = host_json_length(&tables);
    store->contents.tables = calloc(n + 1, sizeof *store->contents.tables);
    if (store->contents.tables == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        static const char *const table_keys[] = {"name", "rows", "sha256", NULL};
        struct host_copy_table *table = &store->contents.tables[i];
        struct host_json_in at;
        CIM_TRY(host_json_object_at(&tables, i, &at, err));
        CIM_TRY(host_json_keys(&at, table_keys, err));
        CIM_TRY(copy_name(&at, "name", table->name, sizeof table->name, err));
        CIM_TRY(host_json_int(&at, "rows", HOST_JSON_REQUIRED, 0, INT64_MAX, &table->source.n_rows,
                              err));
        CIM_TRY(copy_hash(&at, table->source.hash, sizeof table->source.hash, err));
        store->contents.n_tables++;
    }
    return CIM_OK;
}

static cim_status
read_files(const struct host_json_in *root, struct host_backup_manifest *manifest, cim_error *err)
{
    static const char *const keys[] = {"name", "bytes", "sha256", NULL};
    struct host_json_in files;
    CIM_TRY(host_json_list(root, "files", HOST_JSON_REQUIRED, &files, err));
    if (host_json_length(&files) > HOST_BACKUP_FILES_MAX) {
        return host_json_refuse(root, "files", "文件过多", "too many files", err);
    }
    for (size_t i = 0; i < host_json_length(&files); i++) {
        struct host_backup_file *file = &manifest->files[i];
        struct host_json_in at;
        CIM_TRY(host_json_object_at(&files, i, &at, err));
        CIM_TRY(host_json_keys(&at, keys, err));
        CIM_TRY(copy_name(&at, "name", file->name, sizeof file->name, err));
        CIM_TRY(host_json_int(&at, "bytes", HOST_JSON_REQUIRED, 0, INT64_MAX, &file->bytes, err));
        CIM_TRY(copy_hash(&at, file->hash, sizeof file->hash, err));
        manifest->n_files++;
    }
    return CIM_OK;
}

static cim_status
read_manifest(const struct host_json_in *root, struct host_backup_manifest *manifest,
              cim_error *err)
{
    static const char *const keys[] = {"format", "at", "stores", "files", NULL};
    struct host_json_in stores;
    const char *format = NULL;
    const char *at = NULL;
    CIM_TRY(host_json_keys(root, keys, err));
    CIM_TRY(host_json_text(root, "format", HOST_JSON_REQUIRED, &format, err));
    CIM_TRY(host_json_text(root, "at", HOST_JSON_REQUIRED, &at, err));
    CIM_TRY(host_json_list(root, "stores", HOST_JSON_REQUIRED, &stores, err));
    if (strcmp(format, FORMAT) != 0) {
        return host_json_refuse(root, "format", "应为 " FORMAT, "expected " FORMAT, err);
    }
    if (cim_time_parse(at, SIZE_MAX, &manifest->at_ms) != CIM_OK) {
        return host_json_refuse(root, "at", "应为 RFC 3339 时间", "expected an RFC 3339 time", err);
    }
    if (host_json_length(&stores) != HOST_BACKUP_STORES) {
        return host_json_refuse(root, "stores", "应为两个库：账号与业务数据",
                                "expected two stores: accounts and data", err);
    }
    for (size_t i = 0; i < HOST_BACKUP_STORES; i++) {
        struct host_json_in store;
        CIM_TRY(host_json_object_at(&stores, i, &store, err));
        CIM_TRY(read_store(&store, &manifest->stores[i], err));
    }
    return read_files(root, manifest, err);
}

cim_status
host_backup_manifest_read(const char *folder, struct host_backup_manifest *ret_manifest,
                          cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    char path[HOST_BACKUP_PATH_MAX];
    struct host_json_in root = {.where = HOST_BACKUP_MANIFEST};
    size_t len = 0;
    *ret_manifest = (struct host_backup_manifest){.n_files = 0};
    CIM_TRY(host_backup_path(folder, HOST_BACKUP_MANIFEST, path, err));
    CIM_TRY(read_text(path, &text, &len, err));
    CIM_TRY(host_json_parse(HOST_BACKUP_MANIFEST, text, len, &root.value, err));
    const cim_status status = read_manifest(&root, ret_manifest, err);
    json_object_put(root.value);
    return status;
}

/* ---- comparing ---- */

static const struct host_copy_table *
find(const struct host_copy_report *report, const char *name)
{
    for (int32_t i = 0; i < report->n_tables; i++) {
        if (strcmp(report->tables[i].name, name) == 0) {
            return &report->tables[i];
        }
    }
    return NULL;
}

static cim_status
compare(const struct host_backup_store *wanted, const struct host_copy_report *there,
        cim_error *err)
{
    for (int32_t i = 0; i < wanted->contents.n_tables; i++) {
        const struct host_copy_table *table = &wanted->contents.tables[i];
        const struct host_copy_table *found = find(there, table->name);
        if (found == NULL || found->source.n_rows != table->source.n_rows ||
            strcmp(found->source.hash, table->source.hash) != 0) {
            return cim_fail(err, CIM_E_STATE, "table", table->name,
                            "%s 的表 %s 与清单不符：应为 %lld 行，实为 %lld 行（或内容不同）",
                            "%s: the table %s is not what the manifest says: %lld rows expected, "
                            "%lld found (or their content differs)",
                            wanted->file, table->name, (long long)table->source.n_rows,
                            found != NULL ? (long long)found->source.n_rows : 0LL);
        }
    }
    return there->n_tables == wanted->contents.n_tables
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "store", wanted->file, "%s 有 %d 个表，清单中为 %d 个",
                          "%s has %d tables, the manifest %d", wanted->file, (int)there->n_tables,
                          (int)wanted->contents.n_tables);
}

cim_status
host_backup_compare(const struct host_backup_store *wanted, struct host_store *store,
                    cim_error *err)
{
    struct host_copy_report there = {0};
    cim_status status = host_store_contents(store, &there, err);
    if (status == CIM_OK) {
        status = compare(wanted, &there, err);
    }
    host_copy_report_done(&there);
    return status;
}

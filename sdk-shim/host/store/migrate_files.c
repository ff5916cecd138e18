/* host/store/migrate_files.c -- the folder of migrations: names, numbers, checksums. */
#include "host/store/migrate.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/digest.h"
#include "kit/sql.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS = 4 };

static cim_status
folder_fail(const char *path, cim_error *err)
{
    char reason[128] = "";
    const int os = errno;
    const char *text = strerror_r(os, reason, sizeof reason);
    const cim_status status = cim_fail(err, CIM_E_IO, "migrations", path, "无法读取“%s”（%s）",
                                       "'%s' cannot be read (%s)", path, text);
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

static bool
is_sql(const char *name)
{
    const size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

/* The number in front of NNNN_name.sql; 0 when the name is another. */
static int32_t
number_of(const char *name)
{
    int32_t number = 0;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = number * 10 + (name[i] - '0');
    }
    return name[NUMBER_DIGITS] == '_' && strlen(name) < HOST_MIGRATION_NAME_MAX ? number : 0;
}

static int
select_sql(const struct dirent *entry)
{
    return is_sql(entry->d_name) ? 1 : 0;
}

static cim_status
sum_file(struct host_migration *migration, cim_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(migration->text, strlen(migration->text), digest, NULL, cim_sha256(), NULL) !=
        1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SHA-256 不可用",
                        "SHA-256 is not available");
    }
    cim_hex(digest, (sizeof migration->checksum - 1) / 2, migration->checksum);
    return CIM_OK;
}

static cim_status
read_text(FILE *file, const char *path, char **ret_text, cim_error *err)
{
    CIM_AUTO_FREE char *text = malloc((size_t)CIM_SQL_TEXT_MAX + 1);
    size_t len = 0;
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    len = fread(text, 1, (size_t)CIM_SQL_TEXT_MAX + 1, file);
    if (ferror(file)) {
        return folder_fail(path, err);
    }
    if (len > CIM_SQL_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "migrations", path, "迁移文件超过 %d 字节",
                        "the migration is longer than %d bytes", CIM_SQL_TEXT_MAX);
    }
    if (memchr(text, '\0', len) != NULL) {
        return cim_fail(err, CIM_E_INVALID, "migrations", path, "迁移文件含有 NUL 字节",
                        "the migration holds a NUL byte");
    }
    text[len] = '\0';
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

static cim_status
read_file(const char *dir, struct host_migration *migration, cim_error *err)
{
    char path[4096];
    FILE *file = NULL;
    cim_status status = CIM_OK;
    if (snprintf(path, sizeof path, "%s/%s", dir, migration->name) >= (int)sizeof path) {
        return cim_fail(err, CIM_E_TOO_LARGE, "migrations", dir, "路径过长",
                        "the path is too long");
    }
    file = fopen(path, "rbe");
    if (file == NULL) {
        return folder_fail(path, err);
    }
    status = read_text(file, path, &migration->text, err);
    (void)fclose(file); /* only read */
    return status == CIM_OK ? sum_file(migration, err) : status;
}

static cim_status
take_name(const char *name, int32_t expected, struct host_migration *migration, cim_error *err)
{
    const int32_t number = number_of(name);
    if (number == 0) {
        return cim_fail(err, CIM_E_INVALID, "migrations", name,
                        "迁移文件名“%s”不合规则，应为 NNNN_name.sql",
                        "migration '%s': expected a name like NNNN_name.sql", name);
    }
    if (number != expected) {
        return cim_fail(err, CIM_E_INVALID, "migrations", name,
                        "迁移编号不连续：“%s”的编号应为 %04d",
                        "migration '%s': expected number %04d", name, expected);
    }
    migration->number = number;
    cim_copy_text(migration->name, sizeof migration->name, name);
    return CIM_OK;
}

void
host_migrations_free(struct host_migrations *migrations)
{
    for (int32_t i = 0; i < migrations->n_files; i++) {
        free(migrations->files[i].text);
    }
    free(migrations->files);
    *migrations = (struct host_migrations){0};
}

cim_status
host_migrations_read(const char *dir, struct host_migrations *ret_migrations, cim_error *err)
{
    struct host_migrations migrations = {0};
    struct dirent **names = NULL;
    const int n = scandir(dir, &names, select_sql, alphasort);
    cim_status status = CIM_OK;
    if (n < 0) {
        return folder_fail(dir, err);
    }
    migrations.files = calloc((size_t)n + 1, sizeof *migrations.files);
    if (migrations.files == NULL) {
        status = cim_fail_nomem(err);
    }
    for (int i = 0; i < n; i++) {
        if (status == CIM_OK) {
            struct host_migration *file = &migrations.files[migrations.n_files++];
            status = take_name(names[i]->d_name, i + 1, file, err);
            if (status == CIM_OK) {
                status = read_file(dir, file, err);
            }
        }
        free(names[i]);
    }
    free(names);
    if (status != CIM_OK) {
        host_migrations_free(&migrations);
        return status;
    }
    *ret_migrations = migrations;
    return CIM_OK;
}

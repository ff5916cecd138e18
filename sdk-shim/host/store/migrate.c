/* host/store/migrate.c -- applying migrations, each in a transaction, recorded with its checksum.
 */
#include "host/store/migrate.h"
#include "host/store/driver.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/sql.h"

#include <stdio.h>
#include <string.h>

#define AUTO_MIGRATIONS __attribute__((cleanup(host_migrations_free)))

/* ---- one statement ---- */

/* "{layer lpg_station Point}" -> its words. */
static bool
parse_directive(const char *statement, const char *name, char words[2][64])
{
    const size_t len = strlen(name);
    const char *at = statement;
    words[0][0] = words[1][0] = '\0';
    if (at[0] != '{' || strncmp(at + 1, name, len) != 0 || at[len + 1] != ' ') {
        return false;
    }
    at += len + 2;
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        at += strspn(at, " \t\r\n");
        n = strcspn(at, " \t\r\n}");
        if (n >= 64) {
            return false;
        }
        memcpy(words[i], at, n);
        words[i][n] = '\0';
        at += n;
    }
    at += strspn(at, " \t\r\n");
    return *at == '}' && words[0][0] != '\0';
}

static const char *
skip_comments(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (at[0] != '-' || at[1] != '-') {
            return at;
        }
        at += strcspn(at, "\n");
    }
}

static cim_status
apply_layer(cim_tx *tx, const char *table, const char *geometry, cim_error *err)
{
    if (tx->store->kind != HOST_STORE_DATA) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "layer", table, "此库不存储图层",
                        "this store holds no layers");
    }
    if (!host_sql_identifier(table)) {
        return cim_fail(err, CIM_E_INVALID, "layer", table, "表名须为小写字母、数字和下划线",
                        "table name: expected lower-case letters, digits and underscores");
    }
    if (strcmp(geometry, "None") != 0 && host_sql_geometry(geometry) == NULL) {
        return cim_fail(err, CIM_E_INVALID, "layer", geometry, "几何类型“%s”未知",
                        "geometry '%s': expected Point, LineString, Polygon, their Multi, or None",
                        geometry);
    }
    return tx->store->driver->add_layer(tx, table, geometry, err);
}

static cim_status
apply_statement(cim_tx *tx, const char *statement, cim_error *err)
{
    char words[2][64];
    if (parse_directive(statement, "layer", words)) {
        return apply_layer(tx, words[0], words[1], err);
    }
    if (parse_directive(statement, "attributes", words)) {
        return tx->store->driver->add_attributes(tx, words[0], err);
    }
    return tx->store->driver->schema(tx, statement, err);
}

struct application {
    const char *owner;
    const struct host_migration *migration;
    cim_tx *tx;
};

static cim_status
on_statement(void *self, const char *statement, cim_error *err)
{
    const struct application *application = self;
    const char *file = application->migration->name;
    cim_error why = {0};
    cim_status status = CIM_OK;
    statement = skip_comments(statement);
    if (*statement == '\0') {
        return CIM_OK;
    }
    status = apply_statement(application->tx, statement, &why);
    if (status == CIM_OK) {
        return CIM_OK;
    }
    return cim_fail(err, status, file, statement, "迁移 %s：语句“%.80s…”执行失败：%s%.0s",
                    "migration %s: statement '%.80s…': %.0s%s", file, statement, why.zh, why.en);
}

static cim_value
text_of(const char *name, const char *text)
{
    return (cim_value){
        .name = name, .type = CIM_COL_TEXT, .len = (uint32_t)strlen(text), .v.ptr = text};
}

static cim_status
apply(void *arg, cim_tx *tx, cim_error *err)
{
    static const char sql[] = "insert into cim_migration (owner, number, name, checksum, "
                              "applied_at) values (:owner, :number, :name, :checksum, {now})";
    struct application *application = arg;
    const struct host_migration *migration = application->migration;
    const cim_value values[] = {
        text_of("owner", application->owner),
        {.name = "number", .type = CIM_COL_INT64, .v.i64 = migration->number},
        text_of("name", migration->name),
        text_of("checksum", migration->checksum),
    };
    application->tx = tx;
    tx->timeout_ms = 0; /* an index over ten million records takes as long as it takes */
    CIM_TRY(cim_sql_split(migration->text, on_statement, application, err));
    CIM_TRY(tx->store->driver->end_migration(tx, err));
    return host_store_exec(tx, sql, values, sizeof values / sizeof values[0], NULL, err);
}

/* ---- what was applied before ---- */

static bool
text_is(const cim_column *column, int64_t row, const char *text)
{
    size_t len = 0;
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static cim_status
compare_row(const cim_batch *batch, int64_t row, const struct host_migrations *migrations,
            cim_error *err)
{
    const int64_t number = cim_column_i64(batch->columns[0], row);
    const struct host_migration *file = NULL;
    if (number > migrations->n_files) {
        size_t len = 0;
        const char *name = (const char *)cim_column_bytes(batch->columns[1], row, &len);
        return cim_fail(err, CIM_E_STATE, "migrations", NULL,
                        "已应用的迁移“%.*s”在文件夹中不存在（程序版本比数据旧？）",
                        "migration '%.*s' was applied but its file is missing (older program than "
                        "data?)",
                        (int)len, name);
    }
    file = &migrations->files[number - 1];
    if (!text_is(batch->columns[1], row, file->name) ||
        !text_is(batch->columns[2], row, file->checksum)) {
        return cim_fail(err, CIM_E_STATE, "migrations", file->name,
                        "迁移“%s”在应用之后被改动，请恢复原文件并另加新迁移",
                        "migration '%s' was changed after it was applied: restore it and add a new "
                        "one",
                        file->name);
    }
    return CIM_OK;
}

static cim_status
count_applied(struct host_store *store, const char *owner, const struct host_migrations *migrations,
              int32_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {text_of("owner", owner)};
    const cim_batch *batch = NULL;
    int32_t n = 0;
    CIM_TRY(host_store_read(store,
                            "select number, name, checksum from cim_migration "
                            "where owner = :owner order by number",
                            values, 1, &rows, err));
    for (;;) {
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            break;
        }
        for (int64_t i = 0; i < batch->n_rows; i++) {
            CIM_TRY(compare_row(batch, i, migrations, err));
            n++;
        }
    }
    *ret_n = n;
    return CIM_OK;
}

cim_status
host_store_migrate(struct host_store *store, const char *owner, const char *dir,
                   void (*progress)(void *arg, const char *file, int32_t done, int32_t total),
                   void *arg, struct host_migration_report *ret_report, cim_error *err)
{
    AUTO_MIGRATIONS struct host_migrations migrations = {0};
    struct host_migration_report report = {0};
    CIM_TRY(host_migrations_read(dir, &migrations, err));
    CIM_TRY(count_applied(store, owner, &migrations, &report.n_present, err));
    for (int32_t i = report.n_present; i < migrations.n_files; i++) {
        struct application application = {.owner = owner, .migration = &migrations.files[i]};
        if (progress != NULL) {
            progress(arg, migrations.files[i].name, i, migrations.n_files);
        }
        CIM_TRY(host_store_write(store, apply, &application, NULL, err));
        report.n_applied++;
    }
    if (progress != NULL) {
        progress(arg, "", migrations.n_files, migrations.n_files);
    }
    if (migrations.n_files > 0) {
        cim_copy_text(report.last, sizeof report.last,
                      migrations.files[migrations.n_files - 1].name);
    }
    if (ret_report != NULL) {
        *ret_report = report;
    }
    return CIM_OK;
}

struct rehearsal {
    const char *owner;
    const struct host_migrations *migrations;
    int32_t n_present;
    void (*progress)(void *arg, const char *file, int32_t done, int32_t total);
    void *arg;
    bool whole;
};

static cim_status
rehearse(void *arg, cim_tx *tx, cim_error *err)
{
    struct rehearsal *rehearsal = arg;
    const struct host_migrations *migrations = rehearsal->migrations;
    for (int32_t i = rehearsal->n_present; i < migrations->n_files; i++) {
        struct application application = {.owner = rehearsal->owner,
                                          .migration = &migrations->files[i]};
        if (rehearsal->progress != NULL) {
            rehearsal->progress(rehearsal->arg, migrations->files[i].name, i, migrations->n_files);
        }
        CIM_TRY(apply(&application, tx, err));
    }
    rehearsal->whole = true;
    return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "试运行，已撤销", "a rehearsal, rolled back");
}

cim_status
host_store_rehearse(struct host_store *store, const char *owner, const char *dir,
                    void (*progress)(void *arg, const char *file, int32_t done, int32_t total),
                    void *arg, cim_error *err)
{
    AUTO_MIGRATIONS struct host_migrations migrations = {0};
    struct rehearsal rehearsal = {
        .owner = owner, .migrations = &migrations, .progress = progress, .arg = arg};
    CIM_TRY(host_migrations_read(dir, &migrations, err));
    CIM_TRY(count_applied(store, owner, &migrations, &rehearsal.n_present, err));
    const cim_status status = host_store_write(store, rehearse, &rehearsal, NULL, err);
    return rehearsal.whole ? CIM_OK : status;
}

cim_status
host_store_migrations_pending(struct host_store *store, const char *owner, const char *dir,
                              int32_t *ret_pending, cim_error *err)
{
    AUTO_MIGRATIONS struct host_migrations migrations = {0};
    int32_t n_present = 0;
    CIM_TRY(host_migrations_read(dir, &migrations, err));
    CIM_TRY(count_applied(store, owner, &migrations, &n_present, err));
    *ret_pending = migrations.n_files - n_present;
    return CIM_OK;
}

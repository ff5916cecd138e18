/* host/store/purge.c -- what the migrations of an owner made, counted or taken away. */
#include "host/store/driver.h"
#include "host/store/migrate.h"
#include "host/store/row.h"

#include "cim/util.h"
#include "kit/sql.h"

#include <ctype.h>

enum { TABLE_TEXT = 64, TABLES_MAX = 500 };

struct made {
    int32_t n;
    char names[TABLES_MAX][TABLE_TEXT];
};

static const char *
skip(const char *at)
{
    while (isspace((unsigned char)*at) || strncmp(at, "--", 2) == 0) {
        if (*at == '-') {
            at += strcspn(at, "\n");
        } else {
            at++;
        }
    }
    return at;
}

/* "create table NAME (": the one way in which the common subset makes a table. */
static cim_status
take_statement(void *self, const char *statement, cim_error *err)
{
    static const char words[] = "create table ";
    struct made *made = self;
    const char *name = skip(statement);
    size_t len = 0;
    if (strncmp(name, words, sizeof words - 1) != 0) {
        return CIM_OK;
    }
    name = skip(name + sizeof words - 1);
    while (islower((unsigned char)name[len]) || isdigit((unsigned char)name[len]) ||
           name[len] == '_') {
        len++;
    }
    if (len == 0 || len >= TABLE_TEXT || made->n == TABLES_MAX) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "migrations", statement,
                        "迁移建立的数据表名称无法识别", "the name of a table is not understood");
    }
    memcpy(made->names[made->n], name, len);
    made->names[made->n++][len] = '\0';
    return CIM_OK;
}

/* Those of applied migrations: of files that wait nothing is there yet. */
static cim_status
find_made(struct host_store *store, const char *owner, const char *dir, struct made *made,
          cim_error *err)
{
    struct host_migrations migrations = {0};
    int32_t pending = 0;
    cim_status status = host_store_migrations_pending(store, owner, dir, &pending, err);
    CIM_TRY(status);
    CIM_TRY(host_migrations_read(dir, &migrations, err));
    for (int32_t i = 0; i < migrations.n_files - pending && status == CIM_OK; i++) {
        status = cim_sql_split(migrations.files[i].text, take_statement, made, err);
    }
    host_migrations_free(&migrations);
    return status;
}

static cim_status
count_rows(struct host_store *store, const char *table, int64_t *ret_n, bool *ret_there,
           cim_error *err)
{
    char sql[128];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    cim_error why;
    (void)snprintf(sql, sizeof sql, "select count(*) from %s", table);
    *ret_there = host_store_read(store, sql, NULL, 0, &rows, &why) == CIM_OK;
    if (!*ret_there) { /* a later migration dropped it */
        return CIM_OK;
    }
    row.rows = rows;
    CIM_TRY(host_row_next(&row, ret_there, err));
    *ret_n = *ret_there ? host_row_i64(&row, 0) : 0;
    return CIM_OK;
}

cim_status
host_store_tables_of(struct host_store *store, const char *owner, const char *dir,
                     void (*each)(void *arg, const char *table, int64_t n_rows), void *arg,
                     cim_error *err)
{
    struct made *made = calloc(1, sizeof *made);
    cim_status status =
        made != NULL ? find_made(store, owner, dir, made, err) : cim_fail_nomem(err);
    for (int32_t i = 0; status == CIM_OK && i < made->n; i++) {
        bool there = false;
        int64_t n_rows = 0;
        status = count_rows(store, made->names[i], &n_rows, &there, err);
        if (status == CIM_OK && there) {
            each(arg, made->names[i], n_rows);
        }
    }
    free(made);
    return status;
}

/* ---- taking away ---- */

struct purge {
    const char *owner;
    const struct made *made;
};

/* Images of records that could be undone go with the records. */
static cim_status
forget_batches(const char *owner, cim_tx *tx, cim_error *err)
{
    char pattern[80];
    const int n = snprintf(pattern, sizeof pattern, "%.60s.%%", owner);
    const cim_value values[] = {
        {.name = "layers", .type = CIM_COL_TEXT, .len = (uint32_t)n, .v.ptr = pattern}};
    CIM_TRY(host_store_exec(tx,
                            "delete from cim_batch_row where batch in (select id from cim_batch "
                            "where layer like :layers)",
                            values, 1, NULL, err));
    return host_store_exec(tx, "delete from cim_batch where layer like :layers", values, 1, NULL,
                           err);
}

static cim_status
purge(void *arg, cim_tx *tx, cim_error *err)
{
    const struct purge *all = arg;
    const cim_value owner = host_value_text("owner", all->owner);
    for (int32_t i = all->made->n; i > 0; i--) { /* the newest first: they may name older ones */
        CIM_TRY(tx->store->driver->drop_table(tx, all->made->names[i - 1], err));
    }
    CIM_TRY(forget_batches(all->owner, tx, err));
    return host_store_exec(tx, "delete from cim_migration where owner = :owner", &owner, 1, NULL,
                           err);
}

cim_status
host_store_purge(struct host_store *store, const char *owner, const char *dir, cim_error *err)
{
    struct made *made = calloc(1, sizeof *made);
    struct purge all = {owner, made};
    cim_status status =
        made != NULL ? find_made(store, owner, dir, made, err) : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = host_store_write(store, purge, &all, NULL, err);
    }
    free(made);
    return status;
}

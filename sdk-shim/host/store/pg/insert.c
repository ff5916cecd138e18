/* host/store/pg/insert.c -- many rows with one statement: an array for each column.
 *
 * The statement for many rows is made from the one for a single row, "insert into T (…) values
 * (…)", which the server has described: its types are the elements of the arrays. A row that is
 * refused undoes all that went with it; they are then tried one by one. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_LEAST = 4, ROWS_MOST = 1000, BYTES_MOST = 8 << 20, SQL_BYTES_MAX = 256 << 10 };

/* How a parameter travels in an array. Texts that stand for another type are cast. */
static const struct element {
    Oid type;
    Oid element;
    Oid array;
    const char *cast;
} elements[] = {
    {HOST_PG_BOOL, HOST_PG_BOOL, 1000, NULL},
    {HOST_PG_BYTEA, HOST_PG_BYTEA, 1001, NULL},
    {HOST_PG_INT8, HOST_PG_INT8, 1016, NULL},
    {HOST_PG_INT2, HOST_PG_INT2, 1005, NULL},
    {HOST_PG_INT4, HOST_PG_INT4, 1007, NULL},
    {HOST_PG_TEXT, HOST_PG_TEXT, 1009, NULL},
    {HOST_PG_VARCHAR, HOST_PG_TEXT, 1009, NULL},
    {HOST_PG_FLOAT8, HOST_PG_FLOAT8, 1022, NULL},
    {HOST_PG_DATE, HOST_PG_TEXT, 1009, "date"},
    {HOST_PG_NUMERIC, HOST_PG_TEXT, 1009, "numeric"},
    {HOST_PG_TIMESTAMPTZ, HOST_PG_TIMESTAMPTZ, 1185, NULL},
};

static const struct element *
element_of(Oid type)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        if (elements[i].type == type) {
            return &elements[i];
        }
    }
    return NULL;
}

/* ---- the statement for many rows ---- */

/* "$3" as the third column of the arrays. */
static const char *
add_parameter(struct cim_buf *out, const struct host_pg_statement *one, const char *at)
{
    char *end = NULL;
    const long number = strtol(at + 1, &end, 10);
    const struct element *element = element_of(one->types[number - 1]);
    cim_buf_addf(out, element->cast != NULL ? "cast(cim_p%ld as %s)" : "cim_p%ld", number,
                 element->cast);
    return end;
}

static void
add_with_columns(struct cim_buf *out, const struct host_pg_statement *one, const char *from,
                 const char *end)
{
    for (const char *at = from; at < end;) {
        if (*at == '$') {
            at = add_parameter(out, one, at);
        } else {
            cim_buf_add_char(out, *at++);
        }
    }
}

static void
add_arrays(struct cim_buf *out, int32_t n)
{
    cim_buf_add_text(out, " from unnest(");
    for (int32_t i = 1; i <= n; i++) {
        cim_buf_addf(out, "%s$%d", i > 1 ? ", " : "", (int)i);
    }
    cim_buf_add_text(out, ") as many (");
    for (int32_t i = 1; i <= n; i++) {
        cim_buf_addf(out, "%scim_p%d", i > 1 ? ", " : "", (int)i);
    }
    cim_buf_add_text(out, ")");
}

/* The arrays come behind the list of values; or behind that of the inner select, which then shows
 * their columns to the outer one, too. */
static cim_status
write_many(struct cim_buf *out, const struct host_pg_statement *one, cim_error *err)
{
    static const char values[] = " values (";
    static const char select[] = " select ";
    const char *sql = one->text.sql;
    const char *list = strchr(sql, ')'); /* of the columns */
    const char *end = sql + strlen(sql) - (sizeof ") returning fid" - 1);
    const char *from = list != NULL ? list + 1 : sql;
    if (strncmp(from, values, sizeof values - 1) == 0) {
        cim_buf_add(out, sql, (size_t)(from - sql));
        cim_buf_add_text(out, select);
        add_with_columns(out, one, from + sizeof values - 1, end);
        add_arrays(out, one->text.n_parameters);
        cim_buf_add_text(out, " returning fid");
        return cim_buf_status(out, err);
    }
    for (end = sql + strlen(sql); end > from && *end != ')';) {
        end--;
    }
    if (strncmp(from, select, sizeof select - 1) != 0 || strncmp(end, ") as ", 5) != 0) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL,
                        "insert 须写作 insert into T (…) values (…)，或 select … from (…) as T",
                        "expected insert into T (…) values (…), or select … from (…) as T");
    }
    add_with_columns(out, one, sql, end);
    cim_buf_add_text(out, ", many.*");
    add_arrays(out, one->text.n_parameters);
    cim_buf_add_text(out, end);
    return cim_buf_status(out, err);
}

static cim_status
prepare_many(struct host_pg_tx *tx, struct host_pg_statement *one, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    CIM_AUTO_BUF struct cim_buf sql;
    Oid types[HOST_STORE_PARAMETERS_MAX];
    char name[sizeof one->many];
    cim_buf_init(&sql, SQL_BYTES_MAX);
    CIM_TRY(write_many(&sql, one, err));
    for (int32_t i = 0; i < one->text.n_parameters; i++) {
        types[i] = element_of(one->types[i])->array;
    }
    (void)snprintf(name, sizeof name, "%s_many", one->name);
    CIM_TRY(host_pg_tx_settle(tx, err));
    CIM_TRY(host_pg_prepare(conn, name, sql.data, one->text.n_parameters, types, err));
    cim_copy_text(one->many, sizeof one->many, name);
    return CIM_OK;
}

static bool
has_arrays(const struct host_pg_statement *one)
{
    for (int32_t i = 0; i < one->text.n_parameters; i++) {
        if (element_of(one->types[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* ---- rows one by one ---- */

static cim_status
take_fids(const cim_insert *insert, uint32_t first, uint32_t n, const PGresult *result,
          cim_error *err)
{
    if (PQntuples(result) != (int)n) {
        return cim_fail(err, CIM_E_INTERNAL, "fid", NULL, "新记录没有编号",
                        "new records came back without fid");
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *bytes = (const uint8_t *)PQgetvalue(result, (int)i, 0);
        uint64_t fid = 0;
        for (int b = 0; b < PQgetlength(result, (int)i, 0); b++) {
            fid = fid << 8U | bytes[b];
        }
        insert->ret_fids[first + i] = (int64_t)fid;
    }
    return CIM_OK;
}

static cim_status
insert_one(struct host_pg_tx *tx, const cim_insert *insert, const char *sql, uint32_t row,
           cim_error *err)
{
    struct host_pg_statement *one = NULL;
    PGresult *result = NULL;
    CIM_TRY(host_pg_tx_statement(tx, sql, insert->values + (size_t)row * insert->n_values,
                                 insert->n_values, &one, err));
    CIM_TRY(host_pg_tx_run(tx, one->name, one->text.n_parameters, true, &result, err));
    const cim_status status = take_fids(insert, row, 1, result, err);
    PQclear(result);
    return status;
}

static cim_status
insert_singly(struct host_pg_tx *tx, cim_insert *insert, const char *sql, uint32_t first,
              uint32_t n, bool *ret_stop, cim_error *err)
{
    for (uint32_t row = first; row < first + n && !*ret_stop; row++) {
        cim_error why = {.code = CIM_OK};
        const cim_status status = insert_one(tx, insert, sql, row, &why);
        if (host_store_refuses_row(status) && !tx->broken) {
            *ret_stop = insert->refused != NULL && insert->refused(insert, row, &why) != 0;
        } else if (status != CIM_OK) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
    }
    return CIM_OK;
}

/* ---- rows together ---- */

struct arrays {
    int32_t n;
    struct cim_buf columns[HOST_STORE_PARAMETERS_MAX];
};

static void
free_arrays(struct arrays **arrays)
{
    for (int32_t i = 0; *arrays != NULL && i < (*arrays)->n; i++) {
        cim_buf_done(&(*arrays)->columns[i]);
    }
    free(*arrays);
}

static struct arrays *
new_arrays(int32_t n)
{
    struct arrays *arrays = calloc(1, sizeof *arrays);
    for (int32_t i = 0; arrays != NULL && i < n; i++) {
        cim_buf_init(&arrays->columns[i], HOST_PG_TEXTS_MAX);
        arrays->n = i + 1;
    }
    return arrays;
}

/* One row at the end of the arrays; what it takes up. */
static size_t
add_bound(struct arrays *arrays, const struct host_pg_bound *bound)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < arrays->n; i++) {
        const char *value = bound->values[i];
        const size_t len = value == NULL            ? 0
                           : bound->formats[i] == 1 ? (size_t)bound->lengths[i]
                                                    : strlen(value);
        host_pg_array_add(&arrays->columns[i], value, len);
        bytes += len;
    }
    return bytes;
}

/* CIM_E_UNSUPPORTED, or a refusal: some row goes another way. *ret_n: how many rows it holds. */
static cim_status
fill_arrays(struct host_pg_connection *conn, const struct host_pg_statement *one,
            const cim_insert *insert, uint32_t first, struct arrays *arrays, uint32_t *ret_n)
{
    size_t bytes = 0;
    uint32_t n = 0;
    for (int32_t i = 0; i < arrays->n; i++) {
        host_pg_array_start(&arrays->columns[i]);
    }
    for (; n < ROWS_MOST && first + n < insert->n_rows && bytes < BYTES_MOST; n++) {
        CIM_TRY(host_pg_bind(conn, one, insert->values + (size_t)(first + n) * insert->n_values,
                             insert->n_values, NULL));
        bytes += add_bound(arrays, &conn->bound);
    }
    for (int32_t i = 0; i < arrays->n; i++) {
        CIM_TRY(cim_buf_status(&arrays->columns[i], NULL));
        host_pg_array_bind(&conn->bound, i, &arrays->columns[i], element_of(one->types[i])->element,
                           n);
    }
    *ret_n = n;
    return CIM_OK;
}

static cim_status
insert_together(struct host_pg_tx *tx, cim_insert *insert, const char *sql,
                const struct host_pg_statement *one, cim_error *err)
{
    __attribute__((cleanup(free_arrays))) struct arrays *arrays =
        new_arrays(one->text.n_parameters);
    bool stop = false;
    if (arrays == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t first = 0, n = 0; first < insert->n_rows && !stop; first += n) {
        PGresult *result = NULL;
        const uint32_t left = insert->n_rows - first;
        cim_status status = fill_arrays(tx->conn, one, insert, first, arrays, &n);
        if (status != CIM_OK) {
            n = left < ROWS_MOST ? left : ROWS_MOST;
        } else {
            status = host_pg_tx_run(tx, one->many, one->text.n_parameters, true, &result, err);
            if (status != CIM_OK && (tx->broken || !host_store_refuses_row(status))) {
                return status;
            }
        }
        status = status == CIM_OK ? take_fids(insert, first, n, result, err)
                                  : insert_singly(tx, insert, sql, first, n, &stop, err);
        PQclear(result);
        CIM_TRY(status);
    }
    return CIM_OK;
}

/* A value of each column, where some row has one: it tells the type. */
static cim_value *
new_sample(const cim_insert *insert)
{
    cim_value *sample = malloc(insert->n_values * sizeof *sample);
    for (uint32_t i = 0; sample != NULL && i < insert->n_values; i++) {
        const cim_value *value = &insert->values[i];
        for (uint32_t row = 1; value->type == 0 && row < insert->n_rows; row++) {
            value = &insert->values[(size_t)row * insert->n_values + i];
        }
        sample[i] = *value;
    }
    return sample;
}

static cim_status
get_many(struct host_pg_tx *tx, const cim_insert *insert, const char *sql,
         struct host_pg_statement **ret_one, cim_error *err)
{
    CIM_AUTO_FREE cim_value *sample = new_sample(insert);
    struct host_pg_statement *one = NULL;
    if (sample == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_pg_tx_statement(tx, sql, sample, insert->n_values, &one, err));
    if (has_arrays(one) && one->many[0] == '\0') {
        const cim_status status = prepare_many(tx, one, err);
        if (status != CIM_OK) {
            tx->broken = tx->begun; /* the statement is ours: it is not to fail */
            return status;
        }
    }
    *ret_one = one;
    return CIM_OK;
}

cim_status
host_pg_insert(cim_tx *base, cim_insert *insert, cim_error *err)
{
    struct host_pg_tx *tx = host_pg_tx_of(base);
    CIM_AUTO_BUF struct cim_buf sql;
    struct host_pg_statement *one = NULL;
    bool stop = false;
    cim_buf_init(&sql, SQL_BYTES_MAX);
    cim_buf_addf(&sql, "%s returning fid", insert->sql);
    CIM_TRY(cim_buf_status(&sql, err));
    if (insert->n_rows >= ROWS_LEAST) {
        CIM_TRY(get_many(tx, insert, sql.data, &one, err));
    }
    return one != NULL && one->many[0] != '\0'
               ? insert_together(tx, insert, sql.data, one, err)
               : insert_singly(tx, insert, sql.data, 0, insert->n_rows, &stop, err);
}

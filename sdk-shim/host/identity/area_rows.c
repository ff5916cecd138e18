#include "host/identity/area_rows.h"

#include "host/identity/csv.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <errno.h>

static const char *const level_names[] = {"province", "city", "county", "town",
                                          "village",  "park", NULL};

enum { CODE, NAME, LEVEL, PARENT, ALIASES, VALID_FROM, VALID_TO, MANAGED_BY, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {
    "code", "name", "level", "parent", "aliases", "valid_from", "valid_to", "managed_by"};

void
host_area_rows_done(struct host_area_rows *rows)
{
    for (size_t i = 0; i < rows->n_owned; i++) {
        free(rows->owned[i]);
    }
    free((void *)rows->owned);
    free(rows->inputs);
    free(rows->more);
    memset(rows, 0, sizeof *rows);
}

/* Keeps an owned text until done; takes it also on failure. */
static cim_status
own(struct host_area_rows *rows, char *text, cim_error *err)
{
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (rows->n_owned == rows->owned_capacity) {
        const size_t capacity = rows->owned_capacity == 0 ? 1024 : rows->owned_capacity * 2;
        char **more = realloc((void *)rows->owned, capacity * sizeof *more);
        if (more == NULL) {
            free(text);
            return cim_fail_nomem(err);
        }
        rows->owned = more;
        rows->owned_capacity = capacity;
    }
    rows->owned[rows->n_owned++] = text;
    return CIM_OK;
}

/* `texts` in the order of column_names; "" counts as absent. */
static cim_status
append(struct host_area_rows *rows, const char *const texts[N_COLUMNS], cim_error *err)
{
    const char *values[N_COLUMNS];
    if (rows->n_rows == rows->capacity) {
        const size_t capacity = rows->capacity == 0 ? 512 : rows->capacity * 2;
        struct cim_area_input *inputs = realloc(rows->inputs, capacity * sizeof *inputs);
        struct host_area_more *more = NULL;
        if (inputs == NULL) {
            return cim_fail_nomem(err);
        }
        rows->inputs = inputs;
        more = realloc(rows->more, capacity * sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        rows->more = more;
        rows->capacity = capacity;
    }
    for (size_t i = 0; i < N_COLUMNS; i++) {
        values[i] = texts[i] != NULL && texts[i][0] != '\0' ? texts[i] : NULL;
    }
    rows->inputs[rows->n_rows] = (struct cim_area_input){
        .code = values[CODE],
        .name = values[NAME],
        .level = values[LEVEL],
        .parent = values[PARENT],
        .aliases = values[ALIASES],
    };
    rows->more[rows->n_rows] = (struct host_area_more){
        .valid_from = values[VALID_FROM],
        .valid_to = values[VALID_TO],
        .managed_by = values[MANAGED_BY],
    };
    rows->n_rows++;
    return CIM_OK;
}

cim_status
host_area_rows_load(struct host_area_rows *rows, struct host_store *store, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *cursor = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(store,
                            "select code, name, level, parent, aliases, valid_from, valid_to "
                            "from cim_area order by ord",
                            NULL, 0, &cursor, err));
    row.rows = cursor;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        const char *texts[N_COLUMNS] = {NULL};
        for (uint32_t i = 0; i <= VALID_TO; i++) {
            CIM_TRY(own(rows, host_row_text(&row, i), err));
            texts[i] = rows->owned[rows->n_owned - 1];
        }
        CIM_TRY(append(rows, texts, err));
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

/* ---- CSV ---- */

static cim_status
refuse(const struct host_csv *csv, const char *where, size_t column, const char *value,
       const char *zh, const char *en, cim_error *err)
{
    (void)cim_fail(err, CIM_E_INVALID, column_names[column], value, "%s", "%s", "");
    if (err != NULL) {
        (void)snprintf(err->zh, sizeof err->zh, "%.120s：第 %lld 行：%s“%.60s”：应为%s", where,
                       (long long)csv->line, column_names[column], value, zh);
        (void)snprintf(err->en, sizeof err->en, "%.120s: line %lld: %s '%.60s': expected %s", where,
                       (long long)csv->line, column_names[column], value, en);
    }
    return CIM_E_INVALID;
}

static bool
is_code(const char *text)
{
    const size_t len =
        strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return len > 0 && len <= 20 && text[len] == '\0';
}

static bool
is_level(const char *text)
{
    for (size_t i = 0; level_names[i] != NULL; i++) {
        if (strcmp(level_names[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_date(const char *text)
{
    int32_t days = 0;
    return text == NULL || text[0] == '\0' || cim_date_parse(text, SIZE_MAX, &days) == CIM_OK;
}

static cim_status
check(const struct host_csv *csv, const char *where, const char *const texts[N_COLUMNS],
      cim_error *err)
{
    if (!is_code(texts[CODE])) {
        return refuse(csv, where, CODE, texts[CODE], "至多 20 个字母、数字或连字符",
                      "at most 20 letters, digits or hyphens", err);
    }
    if (texts[NAME][0] == '\0' || strlen(texts[NAME]) > 200) {
        return refuse(csv, where, NAME, texts[NAME], "1 到 200 字节的名称",
                      "a name of 1 to 200 bytes", err);
    }
    if (!is_level(texts[LEVEL])) {
        return refuse(csv, where, LEVEL, texts[LEVEL],
                      " province、city、county、town、village 或 park",
                      "province, city, county, town, village or park", err);
    }
    for (size_t i = VALID_FROM; i <= VALID_TO; i++) {
        if (!is_date(texts[i])) {
            return refuse(csv, where, i, texts[i], "日期 YYYY-MM-DD", "a date YYYY-MM-DD", err);
        }
    }
    return CIM_OK;
}

/* Which field of a record each column is; the first four must be there. */
static cim_status
read_header(const struct host_csv *csv, const char *where, size_t ret_at[N_COLUMNS], cim_error *err)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        ret_at[c] = SIZE_MAX;
        for (size_t i = 0; i < csv->n_fields; i++) {
            if (strcmp(csv->fields[i], column_names[c]) == 0) {
                ret_at[c] = i;
            }
        }
        if (ret_at[c] == SIZE_MAX && c <= PARENT) {
            return refuse(csv, where, c, "", "表头含 code,name,level,parent",
                          "a header with code,name,level,parent", err);
        }
    }
    return CIM_OK;
}

static cim_status
read_file(const char *path, char **ret_text, cim_error *err)
{
    FILE *file = fopen(path, "re");
    CIM_AUTO_FREE char *text = NULL;
    size_t len = 0;
    bool failed = false;
    if (file == NULL) {
        char why[128];
        return cim_fail(err, errno == ENOENT ? CIM_E_NOTFOUND : CIM_E_IO, NULL, path,
                        "%.200s：无法读取：%s", "%.200s: cannot be read: %s", path,
                        strerror_r(errno, why, sizeof why));
    }
    text = malloc(HOST_AREAS_FILE_MAX_BYTES + 1U);
    if (text != NULL) {
        len = fread(text, 1, HOST_AREAS_FILE_MAX_BYTES + 1U, file);
        failed = ferror(file) != 0;
    }
    (void)fclose(file);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (failed || len > HOST_AREAS_FILE_MAX_BYTES) {
        return cim_fail(err, failed ? CIM_E_IO : CIM_E_TOO_LARGE, NULL, path,
                        "%.200s：无法读取或超过 %d 字节",
                        "%.200s: cannot be read, or is larger than %d bytes", path,
                        (int)HOST_AREAS_FILE_MAX_BYTES);
    }
    text[len] = '\0';
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

cim_status
host_area_rows_read_csv(struct host_area_rows *rows, const char *path, cim_error *err)
{
    struct host_csv csv;
    char *text = NULL;
    size_t at[N_COLUMNS];
    bool there = false;
    CIM_TRY(read_file(path, &text, err));
    CIM_TRY(own(rows, text, err));
    host_csv_open(&csv, text);
    CIM_TRY(host_csv_next(&csv, path, &there, err));
    CIM_TRY(read_header(&csv, path, at, err));
    CIM_TRY(host_csv_next(&csv, path, &there, err));
    while (there) {
        const char *texts[N_COLUMNS];
        for (size_t c = 0; c < N_COLUMNS; c++) {
            texts[c] = at[c] < csv.n_fields ? csv.fields[at[c]] : "";
        }
        CIM_TRY(check(&csv, path, texts, err));
        if (rows->n_rows >= CIM_AREAS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, NULL, path, "超过 %d 个区划",
                            "more than %d areas", (int)CIM_AREAS_MAX);
        }
        CIM_TRY(append(rows, texts, err));
        CIM_TRY(host_csv_next(&csv, path, &there, err));
    }
    return CIM_OK;
}

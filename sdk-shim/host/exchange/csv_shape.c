/* host/exchange/csv_shape.c -- the shape of a CSV, looked at before GDAL reads it.
 *
 * A quote that is not closed makes GDAL take the rest of the file as one cell; cells past the
 * columns and columns of the same name are left out without a word. Bytes are enough for it: no
 * character of UTF-8 or GB 18030 holds one of those that are looked for in its middle. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES_MAX = 64 << 10, COLUMNS_MAX = 2048 };

struct shape {
    char header[HEADER_BYTES_MAX];
    size_t header_bytes;
    char separator; /* 0: the header is not read yet */
    int64_t line;
    int64_t record_line; /* where the record began */
    int64_t quote_line;  /* where the open quote stands; 0: none */
    int64_t n_columns;
    int64_t n_cells;  /* separators of the record so far */
    int64_t n_filled; /* cells up to the last that holds something */
    char before;      /* the character that came before */
};

/* The one that occurs most outside of quotes. */
static char
find_separator(const struct shape *shape)
{
    static const char separators[] = ",;\t";
    int64_t counts[sizeof separators - 1] = {0};
    bool quoted = false;
    size_t best = 0;
    for (size_t i = 0; i < shape->header_bytes; i++) {
        const char *found = memchr(separators, shape->header[i], sizeof separators - 1);
        quoted = quoted != (shape->header[i] == '"');
        if (found != NULL && !quoted) {
            counts[found - separators]++;
        }
    }
    for (size_t i = 1; i < sizeof separators - 1; i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return separators[best];
}

static cim_status
refuse_line(int64_t number, const char *zh, const char *en, cim_error *err)
{
    char line[24];
    char texts[2][200];
    (void)snprintf(line, sizeof line, "%lld", (long long)number);
    (void)snprintf(texts[0], sizeof texts[0], "第 %s 行：%s", line, zh);
    (void)snprintf(texts[1], sizeof texts[1], "line %s: %s", line, en);
    return cim_fail(err, CIM_E_INVALID, "file", line, "%s%.0s", "%.0s%s", texts[0], texts[1]);
}

struct name {
    const char *text;
    size_t len;
};

static cim_status
check_names(struct shape *shape, cim_error *err)
{
    struct name names[COLUMNS_MAX];
    size_t n = 0;
    size_t start = 0;
    bool quoted = false;
    for (size_t i = 0; i <= shape->header_bytes; i++) {
        const bool ends =
            i == shape->header_bytes || (!quoted && shape->header[i] == shape->separator);
        if (!ends) {
            quoted = quoted != (shape->header[i] == '"');
            continue;
        }
        const struct name name = {shape->header + start, i - start};
        for (size_t k = 0; k < n && name.len > 0; k++) {
            if (names[k].len == name.len && memcmp(names[k].text, name.text, name.len) == 0) {
                return cim_fail(
                    err, CIM_E_INVALID, "file", NULL, "第 %d 列与第 %d 列同名，请改其一",
                    "columns %d and %d have the same name: rename one", (int)k + 1, (int)n + 1);
            }
        }
        if (n == COLUMNS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "CSV 最多 %d 列",
                            "a CSV has %d columns at most", COLUMNS_MAX);
        }
        names[n++] = name;
        start = i + 1;
    }
    shape->n_columns = (int64_t)n;
    return CIM_OK;
}

static cim_status
end_record(struct shape *shape, cim_error *err)
{
    char line[24];
    if (shape->separator == 0) {
        shape->separator = find_separator(shape);
        CIM_TRY(check_names(shape, err));
    } else if (shape->n_filled > shape->n_columns) {
        (void)snprintf(line, sizeof line, "%lld", (long long)shape->record_line);
        return cim_fail(err, CIM_E_INVALID, "file", line,
                        "第 %s 行有 %lld 个值，表头只有 %lld 列：值中的分隔符应加引号",
                        "line %s has %lld values, the header %lld columns: a separator inside a "
                        "value needs quotes",
                        line, (long long)shape->n_filled, (long long)shape->n_columns);
    }
    shape->n_cells = 0;
    shape->n_filled = 0;
    return CIM_OK;
}

static cim_status
take_header(struct shape *shape, char c, cim_error *err)
{
    if (shape->header_bytes == sizeof shape->header) {
        return cim_fail(err, CIM_E_TOO_LARGE, "file", NULL, "CSV 的表头超过 %d 字节",
                        "the header of the CSV is over %d bytes", HEADER_BYTES_MAX);
    }
    shape->header[shape->header_bytes] = c;
    shape->header_bytes += c == '\r' ? 0 : 1;
    return CIM_OK;
}

/* One that stands inside a value opens a cell all the same, for GDAL. */
static cim_status
take_quote(struct shape *shape, cim_error *err)
{
    if (shape->quote_line == 0 && shape->n_filled == shape->n_cells + 1 && shape->before != '"') {
        return refuse_line(shape->line, "值里有引号：整个值应加引号，其中的引号写两次",
                           "a quote inside a value: put the value in quotes and write the "
                           "quote twice",
                           err);
    }
    shape->quote_line = shape->quote_line == 0 ? shape->line : 0;
    return CIM_OK;
}

static cim_status
take(struct shape *shape, char c, cim_error *err)
{
    if (c == '"') {
        CIM_TRY(take_quote(shape, err));
    } else if (c == '\n' && shape->quote_line == 0) {
        const cim_status status = end_record(shape, err);
        shape->record_line = ++shape->line;
        shape->before = c;
        return status;
    }
    shape->line += c == '\n' ? 1 : 0;
    shape->before = c;
    if (shape->separator == 0) {
        return take_header(shape, c, err);
    }
    if (c == shape->separator && shape->quote_line == 0) {
        shape->n_cells++;
    } else if (c != ' ' && c != '\r') {
        shape->n_filled = shape->n_cells + 1;
    }
    return CIM_OK;
}

static cim_status
check(FILE *file, struct shape *shape, cim_error *err)
{
    char bytes[16384];
    size_t n = 0;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        for (size_t i = 0; i < n; i++) {
            CIM_TRY(take(shape, bytes[i], err));
        }
    }
    if (ferror(file) != 0) {
        return cim_fail(err, CIM_E_IO, "file", NULL, "文件无法读取", "the file cannot be read");
    }
    if (shape->quote_line != 0) {
        return refuse_line(shape->quote_line, "引号没有配对", "a quote without an end", err);
    }
    return end_record(shape, err);
}

cim_status
host_csv_check(const char *path, cim_error *err)
{
    struct shape *shape = calloc(1, sizeof *shape);
    FILE *file = fopen(path, "rbe");
    cim_status status = CIM_OK;
    if (shape == NULL) {
        status = cim_fail_nomem(err);
    } else if (file == NULL) {
        status = cim_fail(err, CIM_E_IO, "file", NULL, "文件无法读取", "the file cannot be read");
    } else {
        shape->line = 1;
        shape->record_line = 1;
        status = check(file, shape, err);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    free(shape);
    return status;
}

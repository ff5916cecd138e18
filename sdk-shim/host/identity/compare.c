/* host/identity/compare.c -- see compare.h. */
#include "host/identity/compare.h"

#include "cim/util.h"

#include <search.h>
#include <stdlib.h>

enum { AFTER_DEPTH_MAX = 64, MORE_BYTES_MAX = 64 << 10, LIST_BYTES_MAX = 6 << 20 };

const char *
host_compare_cell(const struct host_compare_row *row, int column)
{
    return row->cells[column];
}

const char *
host_compare_cell_or_none(const struct host_compare_row *row, int column)
{
    return row->cells[column][0] != '\0' ? row->cells[column] : NULL;
}

/* ---- taking rows ---- */

/* A row as what is sought in the tree. */
struct key {
    const char *text;
    size_t index; /* of the first row that has it */
    size_t n;     /* how many have it */
};

static int
by_text(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

static const struct key *
find_key(const struct host_compare *compare, const char *text)
{
    const struct key wanted = {.text = text};
    const struct key *const *found = tfind(&wanted, (void *const *)&compare->keys, by_text);
    return found != NULL ? *found : NULL;
}

const struct host_compare_row *
host_compare_find(const struct host_compare *compare, const char *text)
{
    const struct key *key = find_key(compare, text);
    return key != NULL ? &compare->rows[key->index] : NULL;
}

static cim_status
refuse_head(const struct host_compare_kind *kind, cim_error *err)
{
    char zh[160] = "";
    char en[160] = "";
    for (size_t c = 0; c < kind->n_columns; c++) {
        const size_t n_zh = strlen(zh);
        const size_t n_en = strlen(en);
        if (kind->columns[c].required) {
            (void)snprintf(zh + n_zh, sizeof zh - n_zh, "%s%s", n_zh > 0 ? "、" : "",
                           kind->columns[c].zh);
            (void)snprintf(en + n_en, sizeof en - n_en, "%s%s", n_en > 0 ? ", " : "",
                           kind->columns[c].name);
        }
    }
    return cim_fail(err, CIM_E_INVALID, "sheet", NULL, "首行应为列名，至少有 %s%.0s",
                    "the first line: expected names of columns, %.0s%s at least", zh, en);
}

static cim_status
take_head(struct host_compare *compare, const char *const *cells, size_t n, cim_error *err)
{
    const struct host_compare_kind *kind = compare->kind;
    bool complete = true;
    for (size_t c = 0; c < kind->n_columns; c++) {
        compare->place[c] = -1;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(cells[i], kind->columns[c].name) == 0 ||
                strcmp(cells[i], kind->columns[c].zh) == 0) {
                compare->place[c] = (int)i;
            }
        }
        complete = complete && (compare->place[c] >= 0 || !kind->columns[c].required);
    }
    return complete ? CIM_OK : refuse_head(kind, err);
}

static cim_status
make_room(struct host_compare *compare, cim_error *err)
{
    const size_t capacity = compare->capacity > 0 ? 2 * compare->capacity : 64;
    if (compare->n < compare->capacity) {
        return CIM_OK;
    }
    if (compare->n == compare->rows_max) {
        return cim_fail(err, CIM_E_TOO_LARGE, "sheet", NULL, "至多 %d 行", "at most %d rows",
                        (int)compare->rows_max);
    }
    struct host_compare_row *rows = host_http_alloc(compare->api->req, capacity * sizeof *rows);
    if (rows == NULL) {
        return cim_fail_nomem(err);
    }
    if (compare->n > 0) {
        memcpy(rows, compare->rows, compare->n * sizeof *rows);
    }
    compare->rows = rows;
    compare->capacity = capacity < compare->rows_max ? capacity : compare->rows_max;
    return CIM_OK;
}

static cim_status
remember_key(struct host_compare *compare, void **tree, const char *text, cim_error *err)
{
    struct key *key = host_http_alloc(compare->api->req, sizeof *key);
    if (key == NULL) {
        return cim_fail_nomem(err);
    }
    *key = (struct key){.text = text, .index = compare->n};
    struct key *const *found = tsearch(key, tree, by_text);
    if (found == NULL) {
        return cim_fail_nomem(err);
    }
    (*found)->n++;
    return CIM_OK;
}

cim_status
host_compare_meet(struct host_compare *compare, const char *text, cim_error *err)
{
    const char *copy = NULL;
    CIM_TRY(host_api_keep(compare->api, text, &copy, err));
    return remember_key(compare, &compare->met, copy, err);
}

bool
host_compare_has(const struct host_compare *compare, const char *text)
{
    const struct key wanted = {.text = text};
    return find_key(compare, text) != NULL ||
           tfind(&wanted, (void *const *)&compare->met, by_text) != NULL;
}

cim_status
host_compare_take(void *arg, int64_t number, const char *const *cells, size_t n, cim_error *err)
{
    struct host_compare *compare = arg;
    const size_t n_columns = compare->kind->n_columns;
    if (number == 1) {
        return take_head(compare, cells, n, err);
    }
    if (compare->work != NULL) {
        (void)atomic_fetch_add(&compare->work->read, 1);
    }
    CIM_TRY(make_room(compare, err));
    const char **copies = host_http_alloc(compare->api->req, n_columns * sizeof *copies);
    if (copies == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t c = 0; c < n_columns; c++) {
        const int place = compare->place[c];
        CIM_TRY(host_api_keep(compare->api, place >= 0 && (size_t)place < n ? cells[place] : "",
                              &copies[c], err));
    }
    CIM_TRY(remember_key(compare, &compare->keys, copies[0], err));
    compare->rows[compare->n++] = (struct host_compare_row){.number = number, .cells = copies};
    return CIM_OK;
}

static void
free_nothing(void *key)
{
    (void)key; /* of the request */
}

void
host_compare_end(struct host_compare *compare)
{
    tdestroy(compare->keys, free_nothing);
    compare->keys = NULL;
    tdestroy(compare->met, free_nothing);
    compare->met = NULL;
}

/* ---- judging ---- */

void
host_changes_add(struct host_changes *changes, const char *field, const char *from, const char *to)
{
    if (strcmp(from != NULL ? from : "", to != NULL ? to : "") == 0) {
        return;
    }
    cim_buf_add_text(changes->out, changes->n++ > 0 ? ",{\"field\":" : ",\"changes\":[{\"field\":");
    cim_buf_add_json_text(changes->out, field, SIZE_MAX);
    host_api_add(changes->out, "from", from);
    host_api_add(changes->out, "to", to);
    cim_buf_add_char(changes->out, '}');
}

void
host_changes_end(struct host_changes *changes)
{
    cim_buf_add_text(changes->out, changes->n > 0 ? "]" : "");
}

static cim_status
judge(struct host_compare *compare, const struct host_compare_row *row,
      enum host_outcome *ret_outcome, struct cim_buf *more, cim_error *err)
{
    const struct host_compare_column *column = &compare->kind->columns[0];
    const struct key *key = find_key(compare, row->cells[0]);
    /* The rows of a sheet have an order; of those of a directory nobody knows who is meant. */
    if (key->n > 1 && (compare->source != NULL || &compare->rows[key->index] != row)) {
        return cim_fail(err, CIM_E_INVALID, column->name, row->cells[0], "另有一行的%s与此相同%.0s",
                        "another row has this %.0s%s too", column->zh, column->name);
    }
    return compare->kind->judge(compare, row, ret_outcome, more, err);
}

void
host_compare_add_refusal(struct cim_buf *out, const cim_error *why)
{
    host_api_add(out, "param", why->param);
    host_api_add(out, "value", why->value);
    host_api_add(out, "zh", why->zh);
    host_api_add(out, "en", why->en);
}

/* What fails for reasons of its own ends all of it. */
static cim_status
judge_row(struct host_compare *compare, struct host_compare_row *row, cim_error *err)
{
    static const char *const outcomes[HOST_OUTCOMES] = {"new", "changed", "same", "refused"};
    const struct host_compare_kind *kind = compare->kind;
    CIM_AUTO_BUF struct cim_buf told;
    CIM_AUTO_BUF struct cim_buf more;
    enum host_outcome outcome = HOST_ROW_REFUSED;
    cim_error why = {.code = CIM_OK};
    const char *copy = NULL;
    cim_buf_init(&told, 2 * MORE_BYTES_MAX);
    cim_buf_init(&more, MORE_BYTES_MAX);
    if (compare->work != NULL) {
        (void)atomic_fetch_add(&compare->work->judged, 1);
    }
    const cim_status status = judge(compare, row, &outcome, &more, &why);
    if (status == CIM_E_BUSY || status == CIM_E_NOMEM || status == CIM_E_IO) {
        *err = why;
        return status;
    }
    outcome = status == CIM_OK ? outcome : HOST_ROW_REFUSED;
    cim_buf_addf(&told, "{\"row\":%lld,\"outcome\":\"%s\"", (long long)row->number,
                 outcomes[outcome]);
    for (size_t c = 0; c < kind->n_columns; c++) {
        if (kind->columns[c].told && (kind->columns[c].required || compare->place[c] >= 0)) {
            host_api_add(&told, kind->columns[c].name, host_compare_cell_or_none(row, (int)c));
        }
    }
    if (status != CIM_OK) {
        host_compare_add_refusal(&told, &why);
    } else if (more.len > 0) {
        cim_buf_add(&told, more.data, more.len);
    }
    cim_buf_add_char(&told, '}');
    CIM_TRY(cim_buf_status(&more, err));
    CIM_TRY(cim_buf_status(&told, err));
    CIM_TRY(host_api_keep(compare->api, told.data, &copy, err));
    row->told = (char *)(uintptr_t)copy;
    compare->sums[outcome]++;
    return CIM_OK;
}

/* The row after the one that it stands on, if that is among them; a circle is the row's to refuse.
 */
static cim_status
judge_in_order(struct host_compare *compare, struct host_compare_row *row, int depth,
               cim_error *err)
{
    const int after = compare->kind->after;
    if (row->judged) {
        return CIM_OK;
    }
    row->judged = true;
    if (after >= 0 && row->cells[after][0] != '\0' && depth < AFTER_DEPTH_MAX) {
        const struct key *key = find_key(compare, row->cells[after]);
        if (key != NULL) {
            CIM_TRY(judge_in_order(compare, &compare->rows[key->index], depth + 1, err));
        }
    }
    return judge_row(compare, row, err);
}

/* A list that is full leaves rows out, whatever was done with them: sums tell of all. */
static void
tell_rows(const struct host_compare *compare, struct cim_buf *out)
{
    const size_t begin = out->len;
    size_t n = 0;
    for (size_t i = 0; i < compare->n; i++) {
        const char *told = compare->rows[i].told;
        if (out->len - begin + strlen(told) < LIST_BYTES_MAX) {
            cim_buf_add_text(out, n++ > 0 ? "," : "");
            cim_buf_add_text(out, told);
        }
    }
    cim_buf_addf(out, "],\"omitted\":%lld,\"absent\":[", (long long)(compare->n - n));
}

cim_status
host_compare_report(struct host_compare *compare, struct cim_buf *out, cim_error *err)
{
    for (size_t i = 0; i < compare->n; i++) {
        CIM_TRY(judge_in_order(compare, &compare->rows[i], 0, err));
    }
    cim_buf_addf(out, "{\"applied\":%s,\"rows\":[", compare->applies ? "true" : "false");
    tell_rows(compare, out);
    CIM_TRY(compare->kind->absent(compare, out, err));
    cim_buf_addf(out, "],\"new\":%lld,\"changed\":%lld,\"same\":%lld,\"refused\":%lld}",
                 (long long)compare->sums[HOST_ROW_NEW], (long long)compare->sums[HOST_ROW_CHANGED],
                 (long long)compare->sums[HOST_ROW_SAME],
                 (long long)compare->sums[HOST_ROW_REFUSED]);
    return cim_buf_status(out, err);
}

#include "host/identity/csv.h"

#include "cim/util.h"

void
host_csv_open(struct host_csv *csv, char *text)
{
    memset(csv, 0, sizeof *csv);
    csv->at = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
    csv->next_line = 1;
}

static cim_status
refuse(const struct host_csv *csv, const char *where, const char *zh, const char *en,
       cim_error *err)
{
    (void)cim_fail(err, CIM_E_INVALID, NULL, NULL, "%s", "%s", "");
    if (err != NULL) {
        (void)snprintf(err->zh, sizeof err->zh, "%.160s：第 %lld 行：%s", where,
                       (long long)csv->line, zh);
        (void)snprintf(err->en, sizeof err->en, "%.160s: line %lld: %s", where,
                       (long long)csv->line, en);
    }
    return CIM_E_INVALID;
}

/* Reads a quoted field at csv->at (after its quote) in place; leaves csv->at behind its end. */
static bool
quoted(struct host_csv *csv, const char **ret_field)
{
    char *from = csv->at;
    char *to = csv->at;
    *ret_field = to;
    for (;;) {
        if (*from == '\0') {
            return false;
        }
        if (*from == '"') {
            if (from[1] != '"') {
                break;
            }
            from++;
        }
        csv->next_line += *from == '\n' ? 1 : 0;
        *to++ = *from++;
    }
    csv->at = from + 1;
    *to = '\0'; /* at or before the closing quote, which is behind us */
    return true;
}

cim_status
host_csv_next(struct host_csv *csv, const char *where, bool *ret_there, cim_error *err)
{
    csv->n_fields = 0;
    while (*csv->at == '\r' || *csv->at == '\n') {
        csv->next_line += *csv->at == '\n' ? 1 : 0;
        csv->at++;
    }
    csv->line = csv->next_line;
    *ret_there = *csv->at != '\0';
    while (*ret_there) {
        const char *field = csv->at;
        char end = '\0';
        if (csv->n_fields == HOST_CSV_COLUMNS_MAX) {
            return refuse(csv, where, "超过 32 列", "more than 32 columns", err);
        }
        if (*csv->at == '"') {
            csv->at++;
            if (!quoted(csv, &field)) {
                return refuse(csv, where, "引号没有结束", "a quote that does not end", err);
            }
            if (*csv->at != '\0' && strchr(",\r\n", *csv->at) == NULL) {
                return refuse(csv, where, "引号后应为逗号或行末",
                              "expected a comma or the end of the line after a quote", err);
            }
        } else {
            csv->at += strcspn(csv->at, ",\r\n");
        }
        end = *csv->at;
        csv->fields[csv->n_fields++] = field;
        if (end != '\0') {
            *csv->at++ = '\0';
        }
        if (end == '\r' && *csv->at == '\n') {
            csv->at++;
            end = '\n';
        }
        if (end != ',') {
            csv->next_line += end == '\n' ? 1 : 0;
            break;
        }
    }
    return CIM_OK;
}

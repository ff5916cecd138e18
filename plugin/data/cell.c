/* plugin/data/cell.c -- one cell of an input as a value of a field. */
#include "data/checks.h"
#include "data/record.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>

enum { VALUE_TEXT_MAX = 150 };

cim_status
lpg_refuse_value(const char *name, const cim_value *value, const char *zh, const char *en,
                 cim_error *err)
{
    char text[VALUE_TEXT_MAX] = "";
    struct cim_buf buf;
    cim_buf_init(&buf, sizeof text);
    if (value != NULL && value->type == CIM_COL_TEXT) {
        const size_t len = value->len < sizeof text - 1 ? value->len : sizeof text - 1;
        memcpy(text, value->v.ptr, len);
        text[len] = '\0';
    } else if (value != NULL && value->type == CIM_COL_FLOAT64) {
        cim_buf_add_double(&buf, value->v.f64);
    } else if (value != NULL && value->type == CIM_COL_TIME_MS) {
        cim_time_format(value->v.i64, text);
    } else if (value != NULL && value->type != 0 && value->type != CIM_COL_WKB) {
        cim_buf_add_int(&buf, value->v.i64);
    }
    if (buf.len > 0) {
        cim_copy_text(text, sizeof text, buf.data);
    }
    cim_buf_done(&buf);
    return cim_fail(err, CIM_E_INVALID, name, text, "%s%.0s", "%.0s%s", zh, en);
}

static cim_status
refuse(const struct cim_field *field, const cim_value *value, const char *zh, const char *en,
       cim_error *err)
{
    return lpg_refuse_value(field->name, value, zh, en, err);
}

/* The cell as it came. Empty and blank texts are absent. */
static cim_value
raw_value(const cim_column *column, int64_t row)
{
    cim_value value = {.name = NULL};
    if (!cim_column_present(column, row)) {
        return value;
    }
    value.type = column->type;
    if (column->type == CIM_COL_TEXT || column->type == CIM_COL_WKB) {
        size_t len = 0;
        const uint8_t *bytes = cim_column_bytes(column, row, &len);
        bool blank = column->type == CIM_COL_TEXT;
        for (size_t i = 0; i < len && blank; i++) {
            blank = bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n';
        }
        value.v.ptr = bytes;
        value.len = (uint32_t)len;
        value.type = blank ? 0 : value.type;
    } else if (column->type == CIM_COL_FLOAT64) {
        value.v.f64 = cim_column_f64(column, row);
    } else {
        value.v.i64 = cim_column_i64(column, row);
    }
    return value;
}

/* Without the blanks around; false when it does not fit. */
static bool
trimmed(const cim_value *value, char *to, size_t capacity)
{
    const char *text = (const char *)value->v.ptr;
    size_t len = value->len;
    while (len > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    if (len == 0 || len >= capacity || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(to, text, len);
    to[len] = '\0';
    return true;
}

static bool
parse_number(const struct lpg_data *data, const cim_value *value, double *ret_number)
{
    char text[LPG_SMALL_TEXT_MAX];
    char *end = NULL;
    if (!trimmed(value, text, sizeof text) || text[strspn(text, "+-.0123456789eE")] != '\0') {
        return false;
    }
    *ret_number = strtod_l(text, &end, data->c_locale);
    return *end == '\0' && end != text;
}

static bool
parse_integer(const cim_value *value, int64_t *ret_number)
{
    char text[LPG_SMALL_TEXT_MAX];
    if (!trimmed(value, text, sizeof text)) {
        return false;
    }
    const bool negative = text[0] == '-';
    const char *c = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    const size_t digits = strspn(c, "0123456789");
    int64_t number = 0;
    if (digits == 0 || digits > 18 || c[digits] != '\0') {
        return false;
    }
    for (; *c != '\0'; c++) {
        number = number * 10 + (*c - '0');
    }
    *ret_number = negative ? -number : number;
    return true;
}

static cim_status
check_range(const struct cim_field *field, const cim_value *value, double number, cim_error *err)
{
    char zh[96];
    char en[96];
    if ((!field->has_min || number >= field->min) && (!field->has_max || number <= field->max)) {
        return CIM_OK;
    }
    if (field->has_min && field->has_max) {
        (void)snprintf(zh, sizeof zh, "应在 %g 到 %g 之间", field->min, field->max);
        (void)snprintf(en, sizeof en, "expected a number from %g to %g", field->min, field->max);
    } else {
        const double bound = field->has_min ? field->min : field->max;
        (void)snprintf(zh, sizeof zh, "应%s %g", field->has_min ? "不小于" : "不大于", bound);
        (void)snprintf(en, sizeof en, "expected a number %s than %g",
                       field->has_min ? "no less" : "no greater", bound);
    }
    return refuse(field, value, zh, en, err);
}

static cim_status
read_integer(const struct lpg_data *data, const struct cim_field *field, cim_value *value,
             cim_error *err)
{
    static const char zh[] = "应为整数";
    static const char en[] = "expected a whole number";
    const cim_value given = *value;
    double number = 0;
    int64_t whole = value->v.i64;
    if (value->type == CIM_COL_TIME_MS || value->type == CIM_COL_WKB) {
        return refuse(field, value, zh, en, err);
    }
    if ((value->type == CIM_COL_TEXT && !parse_integer(value, &whole)) ||
        value->type == CIM_COL_FLOAT64) {
        number = value->v.f64;
        if ((value->type == CIM_COL_TEXT && !parse_number(data, value, &number)) ||
            !(fabs(number) < 9e15) || number != trunc(number)) {
            return refuse(field, value, zh, en, err);
        }
        whole = (int64_t)number;
    }
    value->type = CIM_COL_INT64;
    value->v.i64 = whole;
    return check_range(field, &given, (double)whole, err);
}

static cim_status
read_number(const struct lpg_data *data, const struct cim_field *field, cim_value *value,
            cim_error *err)
{
    const cim_value given = *value;
    double number = value->v.f64;
    if (value->type == CIM_COL_INT64 || value->type == CIM_COL_BOOL) {
        number = (double)value->v.i64;
    } else if (value->type == CIM_COL_TIME_MS || value->type == CIM_COL_WKB ||
               (value->type == CIM_COL_TEXT && !parse_number(data, value, &number))) {
        return refuse(field, &given, "应为数字", "expected a number", err);
    }
    if (!isfinite(number)) {
        return refuse(field, &given, "应为有限的数字", "expected a finite number", err);
    }
    value->type = CIM_COL_FLOAT64;
    value->v.f64 = number;
    return check_range(field, &given, number, err);
}

static cim_status
read_boolean(const struct cim_field *field, cim_value *value, cim_error *err)
{
    static const char *const words[] = {"true",  "1", "yes", "t", "y", "是", "TRUE",  "True",
                                        "false", "0", "no",  "f", "n", "否", "FALSE", "False"};
    enum { N_WORDS = sizeof words / sizeof words[0] };
    char text[LPG_SMALL_TEXT_MAX];
    size_t i = N_WORDS;
    if (value->type == CIM_COL_TEXT && trimmed(value, text, sizeof text)) {
        for (i = 0; i < N_WORDS && strcmp(words[i], text) != 0; i++) {
        }
    } else if ((value->type == CIM_COL_INT64 || value->type == CIM_COL_BOOL) &&
               (value->v.i64 == 0 || value->v.i64 == 1)) {
        i = value->v.i64 == 1 ? 0 : N_WORDS / 2;
    }
    if (i == N_WORDS) {
        return refuse(field, value, "应为 true 或 false（是或否）", "expected true or false", err);
    }
    value->type = CIM_COL_BOOL;
    value->v.i64 = i < N_WORDS / 2 ? 1 : 0;
    return CIM_OK;
}

/* "2026-01-31", "2026/1/31" and "20260131" are all in use in tables. */
static bool
parse_date(const char *text, int32_t *ret_days)
{
    char iso[16];
    int year = 0;
    int month = 0;
    int day = 0;
    int used = 0;
    if (cim_date_parse(text, SIZE_MAX, ret_days) == CIM_OK) {
        return true;
    }
    const bool slashes = strchr(text, '/') != NULL;
    const size_t digits = strspn(text, "0123456789");
    if (digits == 8 && text[8] == '\0') {
        (void)snprintf(iso, sizeof iso, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
        return cim_date_parse(iso, SIZE_MAX, ret_days) == CIM_OK;
    }
    if (digits != 4 || strspn(text, "0123456789-/") != strlen(text)) {
        return false;
    }
    if ((slashes ? sscanf(text, "%4d/%2d/%2d%n", &year, &month, &day, &used)
                 : sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used)) != 3 ||
        text[used] != '\0' || month < 0 || day < 0) {
        return false;
    }
    (void)snprintf(iso, sizeof iso, "%04d-%02d-%02d", year % 10000, month % 100, day % 100);
    return cim_date_parse(iso, SIZE_MAX, ret_days) == CIM_OK;
}

static cim_status
read_date(const struct cim_field *field, cim_value *value, char small[LPG_SMALL_TEXT_MAX],
          cim_error *err)
{
    char text[LPG_SMALL_TEXT_MAX];
    int32_t days = 0;
    int64_t ms = value->v.i64;
    bool right = false;
    if (value->type == CIM_COL_TIME_MS) {
        days = cim_time_local_day(ms);
        right = true;
    } else if (value->type == CIM_COL_TEXT && trimmed(value, text, sizeof text)) {
        right = parse_date(text, &days);
        if (!right && cim_time_parse(text, SIZE_MAX, &ms) == CIM_OK) {
            days = cim_time_local_day(ms);
            right = true;
        }
    }
    if (!right) {
        return refuse(field, value, "应为日期，如 2026-01-31", "expected a date such as 2026-01-31",
                      err);
    }
    cim_date_format(days, small);
    value->type = CIM_COL_TEXT;
    value->v.ptr = small;
    value->len = (uint32_t)strlen(small);
    return CIM_OK;
}

static cim_status
read_time(const struct cim_field *field, cim_value *value, cim_error *err)
{
    char text[LPG_SMALL_TEXT_MAX];
    int64_t ms = value->v.i64;
    bool right = value->type == CIM_COL_TIME_MS;
    if (value->type == CIM_COL_TEXT && trimmed(value, text, sizeof text)) {
        int32_t days = 0;
        right = cim_time_parse(text, SIZE_MAX, &ms) == CIM_OK;
        if (!right && parse_date(text, &days)) {
            ms = days * INT64_C(86400000) - INT64_C(8) * 3600000; /* midnight in Beijing */
            right = true;
        }
    }
    if (!right) {
        return refuse(field, value, "应为时刻，如 2026-01-31T08:00:00Z",
                      "expected a time such as 2026-01-31T08:00:00Z", err);
    }
    value->type = CIM_COL_TIME_MS;
    value->v.i64 = ms;
    return CIM_OK;
}

/* Numbers that stand where a text belongs: a phone column that a table program took for numbers. */
static bool
make_text(cim_value *value, char small[LPG_SMALL_TEXT_MAX])
{
    struct cim_buf buf;
    if (value->type == CIM_COL_TEXT) {
        return true;
    }
    cim_buf_init(&buf, LPG_SMALL_TEXT_MAX - 1);
    if (value->type == CIM_COL_INT64 || value->type == CIM_COL_BOOL) {
        cim_buf_add_int(&buf, value->v.i64);
    } else if (value->type == CIM_COL_FLOAT64 && isfinite(value->v.f64)) {
        cim_buf_add_double(&buf, value->v.f64);
    } else if (value->type == CIM_COL_TIME_MS) {
        char time[CIM_TIME_TEXT_MAX];
        cim_time_format(value->v.i64, time);
        cim_buf_add_text(&buf, time);
    }
    const bool made = buf.failed == CIM_OK && buf.len > 0;
    if (made) {
        memcpy(small, buf.data, buf.len + 1);
        value->type = CIM_COL_TEXT;
        value->v.ptr = small;
        value->len = (uint32_t)buf.len;
    }
    cim_buf_done(&buf);
    return made;
}

/* Characters of valid UTF-8 without NUL; -1 otherwise. */
static int64_t
count_characters(const uint8_t *text, size_t len)
{
    int64_t count = 0;
    for (size_t i = 0; i < len; count++) {
        const uint8_t c = text[i];
        const size_t more = c < 0x80                 ? 0
                            : c >= 0xC2 && c <= 0xDF ? 1
                            : (c & 0xF0U) == 0xE0U   ? 2
                                                     : 3;
        if (c == 0 || (c >= 0x80 && c < 0xC2) || c > 0xF4 || len - i <= more) {
            return -1;
        }
        const uint8_t second = more > 0 ? text[i + 1] : 0x80;
        if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) ||
            (c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F)) {
            return -1;
        }
        for (size_t j = 1; j <= more; j++) {
            if ((text[i + j] & 0xC0U) != 0x80U) {
                return -1;
            }
        }
        i += more + 1;
    }
    return count;
}

static cim_status
read_text(const struct cim_field *field, cim_value *value, char small[LPG_SMALL_TEXT_MAX],
          cim_error *err)
{
    const int32_t most = field->max_length > 0 ? field->max_length : CIM_TEXT_FIELD_MAX;
    if (!make_text(value, small)) {
        return refuse(field, value, "应为文本", "expected a text", err);
    }
    /* Files bring "07:30:00" where people wrote 07:30. */
    if (field->check == CIM_CHECK_HOUR_MINUTE && value->len == 8 &&
        memcmp((const char *)value->v.ptr + 5, ":00", 3) == 0) {
        value->len = 5;
    }
    const int64_t n_characters = count_characters((const uint8_t *)value->v.ptr, value->len);
    if (n_characters < 0) {
        return refuse(field, value, "不是有效的 UTF-8 文本", "this is not valid UTF-8", err);
    }
    if (n_characters > most) {
        char zh[64];
        char en[64];
        (void)snprintf(zh, sizeof zh, "最多 %d 个字符", most);
        (void)snprintf(en, sizeof en, "expected at most %d characters", most);
        return refuse(field, value, zh, en, err);
    }
    if (field->sensitive != CIM_SENSITIVE_NO && memchr(value->v.ptr, '*', value->len) != NULL) {
        return refuse(field, value, "这是脱敏后的值，不能写入；不改就不要提交此字段",
                      "this value is masked and cannot be stored: leave the field out to keep it",
                      err);
    }
    if (!field->check_warns &&
        !lpg_check_text(field->check, (const char *)value->v.ptr, value->len)) {
        const struct cim_text2_const wanted = lpg_check_expectation(field->check);
        return refuse(field, value, wanted.zh, wanted.en, err);
    }
    return CIM_OK;
}

/* A code, or its Chinese or English name as tables have it. */
static cim_status
read_code(const struct cim_field *field, cim_value *value, char small[LPG_SMALL_TEXT_MAX],
          cim_error *err)
{
    char text[160];
    const cim_value given = *value;
    const struct cim_code *found = NULL;
    if (make_text(value, small) && trimmed(value, text, sizeof text)) {
        found = cim_code_find(field->codes, text);
        for (size_t i = 0; i < field->codes->n_codes && found == NULL; i++) {
            const struct cim_code *code = &field->codes->codes[i];
            if (strcmp(code->title.zh, text) == 0 || strcmp(code->title.en, text) == 0) {
                found = code;
            }
        }
    }
    if (found == NULL) {
        char list[240] = "";
        size_t len = 0;
        for (size_t i = 0; i < field->codes->n_codes && len + 48 < sizeof list; i++) {
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? " " : "",
                                    field->codes->codes[i].value);
        }
        char zh[280];
        char en[280];
        (void)snprintf(zh, sizeof zh, "应为代码表中的值：%s", list);
        (void)snprintf(en, sizeof en, "expected one of: %s", list);
        return refuse(field, &given, zh, en, err);
    }
    value->type = CIM_COL_TEXT;
    value->v.ptr = found->value;
    value->len = (uint32_t)strlen(found->value);
    return CIM_OK;
}

bool
lpg_cell_warns(const struct cim_field *field, const cim_value *value, cim_error *what)
{
    const char *text = value->type == CIM_COL_TEXT ? (const char *)value->v.ptr : NULL;
    if (text == NULL || field->check == CIM_CHECK_NONE) {
        return false;
    }
    if (!lpg_check_text(field->check, text, value->len)) { /* else it was refused */
        const struct cim_text2_const wanted = lpg_check_expectation(field->check);
        (void)refuse(field, value, wanted.zh, wanted.en, what);
        return true;
    }
    if (field->check == CIM_CHECK_USCC && !lpg_uscc_digit_is_right(text, value->len)) {
        (void)refuse(field, value, "校验位与 GB 32100 不符，请核对",
                     "its check digit is not that of GB 32100: please compare", what);
        return true;
    }
    return false;
}

cim_status
lpg_cell_read(const struct lpg_data *data, const struct cim_field *field, const cim_column *column,
              int64_t row, char small[LPG_SMALL_TEXT_MAX], cim_value *ret_value, cim_error *err)
{
    cim_value value = raw_value(column, row);
    cim_status status = CIM_OK;
    if (value.type != 0) {
        switch (field->type) {
        case CIM_FIELD_INTEGER:
            status = read_integer(data, field, &value, err);
            break;
        case CIM_FIELD_NUMBER:
            status = read_number(data, field, &value, err);
            break;
        case CIM_FIELD_BOOLEAN:
            status = read_boolean(field, &value, err);
            break;
        case CIM_FIELD_DATE:
            status = read_date(field, &value, small, err);
            break;
        case CIM_FIELD_TIME:
            status = read_time(field, &value, err);
            break;
        case CIM_FIELD_CODE:
            status = read_code(field, &value, small, err);
            break;
        case CIM_FIELD_TEXT:
        default:
            status = read_text(field, &value, small, err);
        }
    }
    if (status == CIM_OK) {
        value.name = ret_value->name;
        *ret_value = value;
    }
    return status;
}

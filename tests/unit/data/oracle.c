/* tests/unit/data/oracle.c -- see oracle.h. */
#include "oracle.h"

#include "kit/time.h"

#include <stdlib.h>
#include <strings.h>
#include <unicode/ucol.h>

/* ---- the rows, and what they are to queries ---- */

struct thing things[N_ROWS_MANY];

enum { N_DAYS = 5, DAY_MS = 24 * 3600 * 1000 };

/* The instant at which the day begins in Beijing, N_DAYS days from the clock's on. */
static int64_t
midnight_ms(int day)
{
    return ((int64_t)FAKE_NOW_MS / DAY_MS + 1 + day) * DAY_MS - (int64_t)8 * 3600000;
}

static const char *const area_codes[] = {"460100", "460105", "460106", "460200", "469001", ""};

/* Names are few: their ranks are found once, by pinyin and then by bytes, as names are searched and
 * so sort as people expect. */
static int
rank_of(const char *const *names, int n, int name)
{
    static UCollator *collator; /* lives as long as the process */
    UErrorCode code = U_ZERO_ERROR;
    int rank = 0;
    if (collator == NULL) {
        collator = ucol_open("zh", &code);
    }
    for (int i = 0; i < n; i++) {
        const UCollationResult result =
            ucol_strcollUTF8(collator, names[i], -1, names[name], -1, &code);
        rank += result == UCOL_LESS || (result == UCOL_EQUAL && strcmp(names[i], names[name]) < 0);
    }
    assert_true(U_SUCCESS(code));
    return rank;
}

static void
make_thing(struct thing *thing, int64_t fid, uint64_t *seed)
{
    static const char *const names[] = {"a",  "A",  "b%", "b_",   "甲", "甲乙",
                                        "a!", "ab", "安", "重庆", "𠮷"};
    static const char *const kinds[] = {"", "big", "small"};
    enum { N_NAMES = sizeof names / sizeof names[0] };
    static int ranks[N_NAMES];
    static bool ranked;
    for (int i = 0; i < N_NAMES && !ranked; i++) {
        ranks[i] = rank_of(names, N_NAMES, i);
    }
    ranked = true;
    *thing = (struct thing){.fid = fid};
    const uint32_t name = unit_random_below(seed, N_NAMES);
    (void)snprintf(thing->name, sizeof thing->name, "%s", names[name]);
    thing->name_rank = ranks[name];
    (void)snprintf(thing->kind, sizeof thing->kind, "%s", kinds[unit_random_below(seed, 3)]);
    (void)snprintf(thing->area, sizeof thing->area, "%s", area_codes[unit_random_below(seed, 6)]);
    (void)snprintf(thing->owner, sizeof thing->owner, "%s",
                   unit_random_below(seed, 3) == 0 ? "acme" : "other");
    if (unit_random_below(seed, 4) > 0) {
        (void)snprintf(thing->built, sizeof thing->built, "2024-0%u-1%u",
                       1 + unit_random_below(seed, 9), unit_random_below(seed, 10));
    }
    thing->has_size = unit_random_below(seed, 4) > 0;
    thing->size = (double)unit_random_below(seed, 21) / 4 - 2.5;
    thing->has_pieces = unit_random_below(seed, 4) > 0;
    thing->pieces = unit_random_below(seed, 12);
    thing->made_up = (int)unit_random_below(seed, 3) - 1;
    thing->has_seen = unit_random_below(seed, 4) > 0;
    thing->seen_ms = FAKE_NOW_MS + (int64_t)unit_random_below(seed, 100) * 3600000;
    if (unit_random_below(seed, 3) ==
        0) { /* a millisecond before, at and after Beijing's midnight */
        thing->seen_ms =
            midnight_ms((int)unit_random_below(seed, N_DAYS)) - 1 + unit_random_below(seed, 3);
    }
    thing->has_geom = unit_random_below(seed, 10) > 0;
    thing->x = 108 + (double)unit_random_below(seed, 4000) / 1000;
    thing->y = 18 + (double)unit_random_below(seed, 3000) / 1000;
}

static int n_things;

static void
append_text(struct cim_batch_builder *builder, uint32_t column, const char *text)
{
    if (text[0] != '\0') {
        cim_batch_append_bytes(builder, column, text, strlen(text));
    }
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    int *next = self;
    while (*next < n_things && cim_batch_builder_rows(builder) < 1000) {
        const struct thing *thing = &things[(*next)++];
        uint8_t wkb[21];
        append_text(builder, 0, thing->name);
        append_text(builder, 1, thing->kind);
        append_text(builder, 2, thing->built);
        append_text(builder, 3, thing->area);
        append_text(builder, 4, thing->owner);
        if (thing->has_size) {
            cim_batch_append_f64(builder, 5, thing->size);
        }
        if (thing->has_pieces) {
            cim_batch_append_i64(builder, 6, thing->pieces);
        }
        if (thing->made_up >= 0) {
            cim_batch_append_i64(builder, 7, thing->made_up);
        }
        if (thing->has_seen) {
            cim_batch_append_i64(builder, 8, thing->seen_ms);
        }
        if (thing->has_geom) {
            cim_wkb_from_point(thing->x, thing->y, wkb);
            cim_batch_append_bytes(builder, 9, wkb, sizeof wkb);
        }
        cim_batch_append_bytes(builder, 10, "13800138000", 11);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

void
load_things(struct fixture *fixture, uint64_t *seed, int n)
{
    static const char *const names[] = {"name",      "kind", "built_on", "area_code",
                                        "owner_org", "size", "pieces",   "made_up",
                                        "seen_at",   "geom", "phone"};
    static const uint32_t types[] = {CIM_COL_TEXT,    CIM_COL_TEXT,    CIM_COL_TEXT,  CIM_COL_TEXT,
                                     CIM_COL_TEXT,    CIM_COL_FLOAT64, CIM_COL_INT64, CIM_COL_BOOL,
                                     CIM_COL_TIME_MS, CIM_COL_WKB,     CIM_COL_TEXT};
    const cim_call call = fake_call(fake_scope_all());
    cim_error err = {0};
    int next = 0;
    n_things = n;
    for (int i = 0; i < n; i++) {
        make_thing(&things[i], i + 1, seed);
    }
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    assert_ok(cim_rows_new(11, names, types, fill, NULL, &next, &rows, &err), &err);
    cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
    assert_ok(lpg_layer_write(fixture->things, &call, &edit, &err), &err);
    assert_int_equal(edit.n_written, n);
}

/* ---- filters: CQL2 text and its plain evaluation; 1, 0, or -1 for neither ---- */

struct expression {
    char op[16];
    struct expression *left;
    struct expression *right;
    int field;
    int number;   /* choice of a literal */
    int number_2; /* of a second one */
};

const char *const field_names[N_FIELDS] = {"name",   "kind",    "built_on", "size",
                                           "pieces", "made_up", "seen_at"};
static const char *const name_literals[] = {"a", "A", "b%", "甲", "", "zz"};
static const char *const kind_literals[] = {"big", "small", "none"};
static const char *const patterns[] = {"a%", "%", "_", "b\\\\%", "b_", "甲_", "a!", "%A%"};

static int
sign_of(double difference)
{
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

static void
print_literal(struct cim_buf *out, int field, int number)
{
    char text[64];
    switch (field) {
    case F_NAME:
        cim_buf_add_json_text(out, name_literals[number % 6], SIZE_MAX);
        break;
    case F_KIND:
        cim_buf_add_json_text(out, kind_literals[number % 3], SIZE_MAX);
        break;
    case F_BUILT:
        cim_buf_addf(out, number % 2 == 0 ? "\"2024-0%d-15\"" : "{\"date\":\"2024-0%d-15\"}",
                     1 + number % 9);
        break;
    case F_SIZE:
        cim_buf_add_double(out, (double)(number % 25) / 4 - 2.75);
        break;
    case F_PIECES:
        cim_buf_addf(out, number % 3 == 0 ? "%d.5" : "%d", number % 13);
        break;
    case F_MADE_UP:
        cim_buf_add_text(out, number % 2 == 0 ? "false" : "true");
        break;
    default:
        cim_time_format(FAKE_NOW_MS + (int64_t)(number % 110) * 3600000, text);
        cim_buf_addf(out, number % 2 == 0 ? "\"%s\"" : "{\"timestamp\":\"%s\"}", text);
    }
}

/* Compares the field with the literal; false when the field is absent. */
static bool
compare(const struct thing *thing, int field, int number, int *ret_sign)
{
    char text[] = "2024-00-15";
    switch (field) {
    case F_NAME:
        *ret_sign = sign_of(strcmp(thing->name, name_literals[number % 6]));
        return true;
    case F_KIND:
        *ret_sign = sign_of(strcmp(thing->kind, kind_literals[number % 3]));
        return thing->kind[0] != '\0';
    case F_BUILT:
        text[6] = (char)('1' + number % 9);
        *ret_sign = sign_of(strcmp(thing->built, text));
        return thing->built[0] != '\0';
    case F_SIZE:
        *ret_sign = sign_of(thing->size - ((double)(number % 25) / 4 - 2.75));
        return thing->has_size;
    case F_PIECES:
        *ret_sign = sign_of((double)thing->pieces - (number % 13) - (number % 3 == 0 ? 0.5 : 0));
        return thing->has_pieces;
    case F_MADE_UP:
        *ret_sign = sign_of(thing->made_up - number % 2);
        return thing->made_up >= 0;
    default:
        *ret_sign =
            sign_of((double)(thing->seen_ms - FAKE_NOW_MS - (int64_t)(number % 110) * 3600000));
        return thing->has_seen;
    }
}

static size_t
step_utf8(const char *text)
{
    size_t len = 1;
    while (((unsigned char)text[len] & 0xC0U) == 0x80U) {
        len++;
    }
    return len;
}

/* The pattern as CQL2 means it: % any, _ one character, backslash escapes, bytes compared. */
static bool
matches(const char *text, const char *pattern)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '%') {
        for (;; text += step_utf8(text)) {
            if (matches(text, pattern + 1)) {
                return true;
            }
            if (*text == '\0') {
                return false;
            }
        }
    }
    if (*pattern == '_') {
        return *text != '\0' && matches(text + step_utf8(text), pattern + 1);
    }
    pattern += *pattern == '\\' ? 1 : 0;
    return *text == *pattern && matches(text + 1, pattern + 1);
}

/* ---- predicates in space and time, arithmetic, fields with fields ---- */

static const char *const more_ops[] = {
    "s_intersects", "s_disjoint", "s_within", "t_after", "t_before",   "t_intersects",
    "t_during",     "t_day",      "casei",    "+",       "size<pieces"};
enum { N_MORE_OPS = sizeof more_ops / sizeof more_ops[0] };

static bool
is_more(const char *op)
{
    for (size_t i = 0; i < N_MORE_OPS; i++) {
        if (strcmp(more_ops[i], op) == 0) {
            return true;
        }
    }
    return false;
}

/* Edges that points lie on: a tenth of a degree, of the thousandths that points have. */
static void
box_of(const struct expression *e, double box[4])
{
    box[0] = 108 + (double)(e->number % 40 * 100) / 1000;
    box[1] = 18 + (double)(e->number_2 % 30 * 100) / 1000;
    box[2] = 108 + (double)((e->number % 40 + 1 + e->number_2 % 3) * 100) / 1000;
    box[3] = 18 + (double)((e->number_2 % 30 + 1 + e->number % 3) * 100) / 1000;
}

static void
print_time(struct cim_buf *out, int number)
{
    char text[64];
    cim_time_format(FAKE_NOW_MS + (int64_t)(number % 110) * 3600000, text);
    cim_buf_addf(out, "\"%s\"", text);
}

static void
print_more(struct cim_buf *out, const struct expression *e)
{
    double box[4];
    const int first = e->number % 110;
    if (e->op[0] == 's' && e->op[1] == '_') {
        box_of(e, box);
        cim_buf_addf(out, "{\"op\":\"%s\",\"args\":[{\"property\":\"geometry\"},", e->op);
        cim_buf_addf(out, "{\"bbox\":[%.17g,%.17g,%.17g,%.17g]}]}", box[0], box[1], box[2], box[3]);
    } else if (strcmp(e->op, "t_day") == 0) {
        char date[CIM_TIME_TEXT_MAX];
        cim_date_format((int32_t)(midnight_ms(e->number % N_DAYS) / DAY_MS) + 1, date);
        cim_buf_addf(out,
                     "{\"op\":\"t_intersects\",\"args\":[{\"property\":\"seen_at\"},{"
                     "\"date\":\"%s\"}]}",
                     date);
    } else if (e->op[0] == 't') {
        cim_buf_addf(out, "{\"op\":\"%s\",\"args\":[{\"property\":\"seen_at\"},", e->op);
        cim_buf_add_text(out, "{\"interval\":[");
        print_time(out, first);
        cim_buf_add_char(out, ',');
        print_time(out, first + e->number_2 % 9);
        cim_buf_add_text(out, "]}]}");
    } else if (e->op[0] == 'c') {
        cim_buf_add_text(out, "{\"op\":\"=\",\"args\":[{\"op\":\"casei\",\"args\":[{"
                              "\"property\":\"name\"}]},{\"op\":\"casei\",\"args\":[");
        print_literal(out, F_NAME, e->number);
        cim_buf_add_text(out, "]}]}");
    } else if (e->op[0] == '+') {
        cim_buf_addf(out,
                     "{\"op\":\">\",\"args\":[{\"op\":\"+\",\"args\":[{\"property\":"
                     "\"size\"},{\"property\":\"pieces\"}]},%d]}",
                     e->number % 9);
    } else {
        cim_buf_add_text(out, "{\"op\":\"<\",\"args\":[{\"property\":\"size\"},{"
                              "\"property\":\"pieces\"}]}");
    }
}

static int
evaluate_space(const struct expression *e, const struct thing *thing)
{
    double box[4];
    box_of(e, box);
    if (!thing->has_geom) {
        return -1;
    }
    const bool meets =
        thing->x >= box[0] && thing->x <= box[2] && thing->y >= box[1] && thing->y <= box[3];
    const bool inside =
        thing->x > box[0] && thing->x < box[2] && thing->y > box[1] && thing->y < box[3];
    return e->op[2] == 'i' ? meets : e->op[2] == 'd' ? !meets : inside;
}

static int
evaluate_time(const struct expression *e, const struct thing *thing)
{
    const int64_t hour_ms = 3600000;
    const int64_t from = FAKE_NOW_MS + e->number % 110 * hour_ms;
    const int64_t to = FAKE_NOW_MS + (e->number % 110 + e->number_2 % 9) % 110 * hour_ms;
    if (!thing->has_seen) {
        return -1;
    }
    if (strcmp(e->op, "t_day") == 0) {
        const int64_t midnight = midnight_ms(e->number % N_DAYS);
        return thing->seen_ms >= midnight && thing->seen_ms < midnight + DAY_MS;
    }
    return strcmp(e->op, "t_after") == 0        ? thing->seen_ms > to
           : strcmp(e->op, "t_before") == 0     ? thing->seen_ms < from
           : strcmp(e->op, "t_intersects") == 0 ? thing->seen_ms <= to && thing->seen_ms >= from
                                                : thing->seen_ms > from && thing->seen_ms < to;
}

static int
evaluate_more(const struct expression *e, const struct thing *thing)
{
    if (e->op[1] == '_') {
        return e->op[0] == 's' ? evaluate_space(e, thing) : evaluate_time(e, thing);
    }
    if (e->op[0] == 'c') {
        return strcasecmp(thing->name, name_literals[e->number % 6]) == 0;
    }
    if (!thing->has_size || !thing->has_pieces) {
        return -1;
    }
    return e->op[0] == '+' ? thing->size + (double)thing->pieces > e->number % 9
                           : thing->size < (double)thing->pieces;
}

struct expression *
random_expression(uint64_t *seed, int depth)
{
    static const char *const ops[] = {"=",  "<>",   "<",      "<=",  ">",   ">=", "between",
                                      "in", "like", "isNull", "not", "and", "or"};
    struct expression *e = calloc(1, sizeof *e);
    assert_non_null(e);
    (void)snprintf(e->op, sizeof e->op, "%s", ops[unit_random_below(seed, depth > 3 ? 10 : 13)]);
    if (unit_random_below(seed, 3) == 0) {
        (void)snprintf(e->op, sizeof e->op, "%s", more_ops[unit_random_below(seed, N_MORE_OPS)]);
    }
    e->field = (int)unit_random_below(seed, N_FIELDS);
    e->number = (int)unit_random_below(seed, 1000);
    e->number_2 = (int)unit_random_below(seed, 1000);
    if (strcmp(e->op, "like") == 0) {
        e->field = unit_random_below(seed, 2) == 0 ? F_NAME : F_KIND;
    }
    if (strcmp(e->op, "not") == 0 || strcmp(e->op, "and") == 0 || strcmp(e->op, "or") == 0) {
        e->left = random_expression(seed, depth + 1);
        e->right = random_expression(seed, depth + 1);
    }
    return e;
}

void
free_expression(struct expression *e)
{
    if (e != NULL) {
        free_expression(e->left);
        free_expression(e->right);
        free(e);
    }
}

void
print_expression(struct cim_buf *out, const struct expression *e)
{
    if (is_more(e->op)) {
        print_more(out, e);
        return;
    }
    cim_buf_addf(out, "{\"op\":\"%s\",\"args\":[", e->op);
    if (e->left != NULL) {
        print_expression(out, e->left);
        if (strcmp(e->op, "not") != 0) {
            cim_buf_add_char(out, ',');
            print_expression(out, e->right);
        }
        cim_buf_add_text(out, "]}");
        return;
    }
    cim_buf_addf(out, "{\"property\":\"%s\"}", field_names[e->field]);
    if (strcmp(e->op, "like") == 0) {
        cim_buf_addf(out, ",\"%s\"", patterns[e->number % 8]);
    } else if (strcmp(e->op, "isNull") != 0) {
        cim_buf_add_text(out, strcmp(e->op, "in") == 0 ? ",[" : ",");
        print_literal(out, e->field, e->number);
        if (strcmp(e->op, "in") == 0 || strcmp(e->op, "between") == 0) {
            cim_buf_add_char(out, ',');
            print_literal(out, e->field, e->number_2);
            cim_buf_add_text(out, strcmp(e->op, "in") == 0 ? "]" : "");
        }
    }
    cim_buf_add_text(out, "]}");
}

int
evaluate(const struct expression *e, const struct thing *thing)
{
    int first = 0;
    int second = 0;
    if (is_more(e->op)) {
        return evaluate_more(e, thing);
    }
    if (strcmp(e->op, "not") == 0) {
        const int inner = evaluate(e->left, thing);
        return inner < 0 ? -1 : !inner;
    }
    if (e->left != NULL) {
        const int a = evaluate(e->left, thing);
        const int b = evaluate(e->right, thing);
        const int decides = strcmp(e->op, "and") == 0 ? 0 : 1;
        return a == decides || b == decides ? decides : a < 0 || b < 0 ? -1 : !decides;
    }
    const bool present = compare(thing, e->field, e->number, &first);
    (void)compare(thing, e->field, e->number_2, &second);
    if (strcmp(e->op, "isNull") == 0) {
        return !present;
    }
    if (!present) {
        return -1;
    }
    if (strcmp(e->op, "like") == 0) {
        char plain[16];
        size_t n = 0;
        for (const char *c = patterns[e->number % 8]; *c != '\0'; c++) {
            c += c[0] == '\\' && c[1] == '\\' ? 1 : 0; /* JSON's own escape */
            plain[n++] = *c;
        }
        plain[n] = '\0';
        return matches(e->field == F_NAME ? thing->name : thing->kind, plain);
    }
    return strcmp(e->op, "=") == 0         ? first == 0
           : strcmp(e->op, "<>") == 0      ? first != 0
           : strcmp(e->op, "<") == 0       ? first < 0
           : strcmp(e->op, "<=") == 0      ? first <= 0
           : strcmp(e->op, ">") == 0       ? first > 0
           : strcmp(e->op, ">=") == 0      ? first >= 0
           : strcmp(e->op, "between") == 0 ? first >= 0 && second <= 0
                                           : first == 0 || second == 0;
}

/* ---- order ---- */

struct order orders[3];
int n_orders;

static int
compare_fields(const struct thing *a, const struct thing *b, int field, bool *ret_a, bool *ret_b)
{
    *ret_a = *ret_b = true;
    switch (field) {
    case F_NAME:
        return sign_of(strcmp(a->name, b->name));
    case F_KIND:
        *ret_a = a->kind[0] != '\0';
        *ret_b = b->kind[0] != '\0';
        return sign_of(strcmp(a->kind, b->kind));
    case F_BUILT:
        *ret_a = a->built[0] != '\0';
        *ret_b = b->built[0] != '\0';
        return sign_of(strcmp(a->built, b->built));
    case F_SIZE:
        *ret_a = a->has_size;
        *ret_b = b->has_size;
        return sign_of(a->size - b->size);
    case F_PIECES:
        *ret_a = a->has_pieces;
        *ret_b = b->has_pieces;
        return sign_of((double)(a->pieces - b->pieces));
    case F_MADE_UP:
        *ret_a = a->made_up >= 0;
        *ret_b = b->made_up >= 0;
        return sign_of(a->made_up - b->made_up);
    default:
        *ret_a = a->has_seen;
        *ret_b = b->has_seen;
        return sign_of((double)(a->seen_ms - b->seen_ms));
    }
}

int
in_order(const void *left, const void *right)
{
    const struct thing *a = *(const struct thing *const *)left;
    const struct thing *b = *(const struct thing *const *)right;
    for (int i = 0; i < n_orders; i++) {
        bool has_a = true;
        bool has_b = true;
        const int sign = orders[i].field == F_NAME
                             ? sign_of(a->name_rank - b->name_rank)
                             : compare_fields(a, b, orders[i].field, &has_a, &has_b);
        if (has_a != has_b) {
            return has_a ? -1 : 1; /* absent last, both ways */
        }
        if (has_a && sign != 0) {
            return orders[i].descending ? -sign : sign;
        }
    }
    const int by_fid = sign_of((double)(a->fid - b->fid));
    return n_orders > 0 && orders[n_orders - 1].descending ? -by_fid : by_fid;
}

/* ---- scope ---- */

static const uint64_t haikou[] = {2U | 4U | 8U};
static const cim_term haikou_term = {.struct_size = sizeof haikou_term,
                                     .resource = "*",
                                     .areas = haikou,
                                     .n_area_words = 1,
                                     .sensitive_mode = CIM_FIELD_MASKED,
                                     .from_ms = INT64_MIN,
                                     .until_ms = INT64_MAX};
static const cim_term acme_term = {.struct_size = sizeof acme_term,
                                   .resource = "*",
                                   .all_areas = 1,
                                   .owner_org = "acme",
                                   .sensitive_mode = CIM_FIELD_CLEAR,
                                   .filter_json =
                                       "{\"op\":\">\",\"args\":[{\"property\":\"pieces\"},5]}",
                                   .from_ms = INT64_MIN,
                                   .until_ms = INT64_MAX};
static const cim_term *const both_terms[] = {&haikou_term, &acme_term};
const cim_scope narrow_scope = {
    .struct_size = sizeof narrow_scope, .n_terms = 2, .terms = both_terms, .areas_version = 5};

bool
in_haikou(const struct thing *thing)
{
    return strncmp(thing->area, "4601", 4) == 0;
}

bool
acme_covers(const struct thing *thing)
{
    return strcmp(thing->owner, "acme") == 0 && thing->has_pieces && thing->pieces > 5;
}

/* tests/unit/data/test_query.c -- random queries against a plain evaluation of the same rows. */
#include "fixture.h"

#include "kit/time.h"

#include <math.h>
#include <stdlib.h>

enum { N_ROWS = 3000, N_QUERIES = 400 };

/* ---- the rows, and what they are to queries ---- */

struct thing {
    int64_t fid;
    char name[8];
    char kind[8];   /* "" absent */
    char built[16]; /* "" absent */
    char area[8];   /* "" absent */
    char owner[8];
    bool has_size;
    double size;
    bool has_pieces;
    int64_t pieces;
    int made_up; /* -1 absent */
    bool has_seen;
    int64_t seen_ms;
    bool has_geom;
    double x;
    double y;
};

static struct thing things[N_ROWS];

static const char *const area_codes[] = {"460100", "460105", "460106", "460200", "469001", ""};

static void
make_thing(struct thing *thing, int64_t fid, uint64_t *seed)
{
    static const char *const names[] = {"a", "A", "b%", "b_", "甲", "甲乙", "a!", "ab"};
    static const char *const kinds[] = {"", "big", "small"};
    *thing = (struct thing){.fid = fid};
    (void)snprintf(thing->name, sizeof thing->name, "%s", names[unit_random_below(seed, 8)]);
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
    thing->has_geom = unit_random_below(seed, 10) > 0;
    thing->x = 108 + (double)unit_random_below(seed, 4000) / 1000;
    thing->y = 18 + (double)unit_random_below(seed, 3000) / 1000;
}

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
    while (*next < N_ROWS && cim_batch_builder_rows(builder) < 1000) {
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

static void
load(struct fixture *fixture, uint64_t *seed)
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
    for (int i = 0; i < N_ROWS; i++) {
        make_thing(&things[i], i + 1, seed);
    }
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    assert_ok(cim_rows_new(11, names, types, fill, NULL, &next, &rows, &err), &err);
    cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
    assert_ok(lpg_layer_write(fixture->things, &call, &edit, &err), &err);
    assert_int_equal(edit.n_written, N_ROWS);
}

/* ---- filters: CQL2 text and its plain evaluation; 1, 0, or -1 for neither ---- */

struct expression {
    char op[8];
    struct expression *left;
    struct expression *right;
    int field;
    int number;   /* choice of a literal */
    int number_2; /* of a second one */
};

enum { F_NAME, F_KIND, F_BUILT, F_SIZE, F_PIECES, F_MADE_UP, F_SEEN, N_FIELDS };
static const char *const field_names[] = {"name",   "kind",    "built_on", "size",
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
    char text[32];
    switch (field) {
    case F_NAME:
        *ret_sign = sign_of(strcmp(thing->name, name_literals[number % 6]));
        return true;
    case F_KIND:
        *ret_sign = sign_of(strcmp(thing->kind, kind_literals[number % 3]));
        return thing->kind[0] != '\0';
    case F_BUILT:
        (void)snprintf(text, sizeof text, "2024-0%d-15", 1 + number % 9);
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

static struct expression *
random_expression(uint64_t *seed, int depth)
{
    static const char *const ops[] = {"=",  "<>",   "<",      "<=",  ">",   ">=", "between",
                                      "in", "like", "isNull", "not", "and", "or"};
    struct expression *e = calloc(1, sizeof *e);
    assert_non_null(e);
    (void)snprintf(e->op, sizeof e->op, "%s", ops[unit_random_below(seed, depth > 3 ? 10 : 13)]);
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

static void
free_expression(struct expression *e)
{
    if (e != NULL) {
        free_expression(e->left);
        free_expression(e->right);
        free(e);
    }
}

static void
print_expression(struct cim_buf *out, const struct expression *e)
{
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

static int
evaluate(const struct expression *e, const struct thing *thing)
{
    int first = 0;
    int second = 0;
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

struct order {
    int field;
    bool descending;
};
static struct order orders[3];
static int n_orders;

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

static int
in_order(const void *left, const void *right)
{
    const struct thing *a = *(const struct thing *const *)left;
    const struct thing *b = *(const struct thing *const *)right;
    for (int i = 0; i < n_orders; i++) {
        bool has_a = true;
        bool has_b = true;
        const int sign = compare_fields(a, b, orders[i].field, &has_a, &has_b);
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
static const cim_scope narrow_scope = {
    .struct_size = sizeof narrow_scope, .n_terms = 2, .terms = both_terms, .areas_version = 5};

static bool
in_haikou(const struct thing *thing)
{
    return strncmp(thing->area, "4601", 4) == 0;
}

static bool
acme_covers(const struct thing *thing)
{
    return strcmp(thing->owner, "acme") == 0 && thing->has_pieces && thing->pieces > 5;
}

/* ---- one query, both ways ---- */

struct asked {
    cim_query query;
    const cim_scope *scope;
    struct expression *filter;
    struct cim_buf filter_text;
    char sort_texts[3][16];
    const char *sort[3];
};

static bool
is_wanted(const struct asked *asked, const struct thing *thing)
{
    const cim_query *query = &asked->query;
    if (asked->scope == &narrow_scope && !in_haikou(thing) && !acme_covers(thing)) {
        return false;
    }
    if ((query->flags & CIM_QUERY_BBOX) != 0 &&
        (!thing->has_geom || thing->x < query->bbox_w_deg || thing->x > query->bbox_e_deg ||
         thing->y < query->bbox_s_deg || thing->y > query->bbox_n_deg)) {
        return false;
    }
    if ((query->flags & CIM_QUERY_DATETIME) != 0 &&
        (!thing->has_seen || thing->seen_ms < query->from_ms || thing->seen_ms > query->to_ms)) {
        return false;
    }
    if (query->area != NULL && !in_haikou(thing)) {
        return false;
    }
    return asked->filter == NULL || evaluate(asked->filter, thing) == 1;
}

static void
ask(struct asked *asked, uint64_t *seed)
{
    cim_query *query = &asked->query;
    *asked = (struct asked){.query = {.struct_size = sizeof *query}};
    cim_buf_init(&asked->filter_text, 100000);
    asked->scope = unit_random_below(seed, 2) == 0 ? fake_scope_all() : &narrow_scope;
    if (unit_random_below(seed, 3) > 0) {
        asked->filter = random_expression(seed, 0);
        print_expression(&asked->filter_text, asked->filter);
        query->filter_json = asked->filter_text.data;
    }
    if (unit_random_below(seed, 3) == 0) {
        query->flags |= CIM_QUERY_BBOX;
        query->bbox_w_deg = 108 + (double)unit_random_below(seed, 3000) / 1000;
        query->bbox_e_deg = query->bbox_w_deg + (double)unit_random_below(seed, 2000) / 1000;
        query->bbox_s_deg = 18 + (double)unit_random_below(seed, 2000) / 1000;
        query->bbox_n_deg = query->bbox_s_deg + (double)unit_random_below(seed, 2000) / 1000;
    }
    if (unit_random_below(seed, 4) == 0) {
        query->flags |= CIM_QUERY_DATETIME;
        query->from_ms = FAKE_NOW_MS + (int64_t)unit_random_below(seed, 50) * 3600000;
        query->to_ms = unit_random_below(seed, 3) == 0 ? INT64_MAX : query->from_ms + 72000000;
    }
    query->area = unit_random_below(seed, 4) == 0 ? "460100" : NULL;
    n_orders = (int)unit_random_below(seed, 4);
    for (int i = 0; i < n_orders; i++) {
        orders[i].field = (int)unit_random_below(seed, N_FIELDS);
        for (int j = 0; j < i; j++) {
            if (orders[j].field == orders[i].field) {
                orders[i].field = (orders[i].field + 1) % N_FIELDS;
                j = -1;
            }
        }
        orders[i].descending = unit_random_below(seed, 2) == 0;
        (void)snprintf(asked->sort_texts[i], sizeof asked->sort_texts[i], "%s%s",
                       orders[i].descending ? "-" : "", field_names[orders[i].field]);
        asked->sort[i] = asked->sort_texts[i];
    }
    query->sort = asked->sort;
    query->n_sort = (uint32_t)n_orders;
}

static void
check_row(const struct asked *asked, const cim_rows *rows, const cim_batch *batch, int64_t row,
          const struct thing *thing)
{
    assert_int_equal(cim_column_i64(batch->columns[0], row), thing->fid);
    const int32_t phone = cim_rows_column(rows, "phone");
    if (phone >= 0) {
        const bool masked = asked->scope == &narrow_scope && !acme_covers(thing);
        assert_string_equal(cell_text(batch, (uint32_t)phone, row),
                            masked ? "138****8000" : "13800138000");
    }
    const int32_t seen = cim_rows_column(rows, "seen_at");
    if (seen >= 0 && thing->has_seen) {
        assert_int_equal(cim_column_i64(batch->columns[seen], row), thing->seen_ms);
    }
}

/* Pages of `limit` rows until the cursor ends; all rows exactly once, in order. */
static void
check_pages(struct fixture *fixture, struct asked *asked, const struct thing *const *expected,
            size_t n_expected, int64_t limit)
{
    const cim_call call = fake_call(asked->scope);
    char token[8000] = "";
    size_t seen = 0;
    cim_error err = {0};
    asked->query.limit = limit;
    asked->query.cursor = NULL;
    for (;;) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        int64_t in_page = 0;
        assert_ok(lpg_layer_query(fixture->things, &call, &asked->query, &rows, &err), &err);
        for (;;) {
            assert_ok(rows->next(rows, &batch, &err), &err);
            if (batch->n_rows == 0) {
                break;
            }
            for (int64_t i = 0; i < batch->n_rows; i++) {
                assert_true(seen < n_expected);
                check_row(asked, rows, batch, i, expected[seen++]);
                in_page++;
            }
        }
        assert_true(limit == 0 || in_page <= limit);
        const char *next = rows->cursor(rows);
        if (next == NULL) {
            break;
        }
        assert_int_equal(in_page, limit);
        assert_true(strlen(next) < sizeof token);
        (void)snprintf(token, sizeof token, "%s", next);
        asked->query.cursor = token;
    }
    assert_int_equal(seen, n_expected);
}

static void
test_random_queries_equal_a_plain_evaluation(void **state)
{
    static const struct thing *expected[N_ROWS];
    static const char *const some[] = {"size", "phone"};
    struct fixture *fixture = *state;
    uint64_t seed = 2026;
    size_t not_empty = 0;
    load(fixture, &seed);
    for (int round = 0; round < N_QUERIES; round++) {
        struct asked asked;
        size_t n = 0;
        int64_t count = -1;
        cim_error err = {0};
        ask(&asked, &seed);
        for (int i = 0; i < N_ROWS; i++) {
            if (is_wanted(&asked, &things[i])) {
                expected[n++] = &things[i];
            }
        }
        qsort((void *)expected, n, sizeof expected[0], in_order);
        const cim_call call = fake_call(asked.scope);
        assert_ok(lpg_layer_count(fixture->things, &call, &asked.query, &count, &err), &err);
        if (count != (int64_t)n) {
            fail_msg("round %d: %lld rows, expected %zu, filter %s", round, (long long)count, n,
                     asked.query.filter_json);
        }
        if (unit_random_below(&seed, 3) == 0) {
            asked.query.properties = some;
            asked.query.n_properties = 2;
            asked.query.flags |= CIM_QUERY_NO_GEOMETRY;
        }
        check_pages(fixture, &asked, expected, n, 0);
        check_pages(fixture, &asked, expected, n, 1 + unit_random_below(&seed, 900));
        if (n < 200) {
            check_pages(fixture, &asked, expected, n, 1 + unit_random_below(&seed, 7));
        }
        not_empty += n > 0 ? 1 : 0;
        free_expression(asked.filter);
        cim_buf_done(&asked.filter_text);
    }
    assert_true(not_empty > N_QUERIES / 2);
}

/* ---- refusals ---- */

static void
expect_query(struct fixture *fixture, const cim_query *query, const cim_scope *scope,
             cim_status expected, const char *param, const char *message)
{
    const cim_call call = fake_call(scope);
    cim_rows *rows = NULL;
    cim_error err = {0};
    const cim_status status = lpg_layer_query(fixture->things, &call, query, &rows, &err);
    if (status != expected) {
        fail_msg("%s: status %d (%s)", message, status, err.en);
    }
    if (status == CIM_OK) {
        rows->release(rows);
        return;
    }
    assert_string_equal(err.param, param);
    assert_contains(err.en, message);
    assert_true(err.zh[0] != '\0');
}

static void
test_wrong_filters_are_refused_by_operator_and_property(void **state)
{
    static const struct {
        const char *filter;
        const char *value;
        const char *message;
    } cases[] = {
        {"{\"op\":\"s_intersects\",\"args\":[{\"property\":\"geom\"},{}]}", "s_intersects",
         "not served"},
        {"{\"op\":\"=\",\"args\":[{\"op\":\"casei\",\"args\":[{\"property\":\"name\"}]},\"a\"]}",
         "casei", "functions"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"nam\"},1]}", "nam", "no such property"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"geom\"},1]}", "geom", "no such property"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"size\"},\"1\"]}", "size", "a number"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"size\"}]}", "=", "number of arguments"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"name\"},{\"property\":\"kind\"}]}", "name",
         "a text"},
        {"{\"op\":\"and\",\"args\":[]}", "and", "number of arguments"},
        {"{\"op\":\"in\",\"args\":[{\"property\":\"name\"},[]]}", "in", "not empty"},
        {"{\"op\":\"like\",\"args\":[{\"property\":\"size\"},\"1\"]}", "like", "text property"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"built_on\"},\"2024-13-01\"]}", "built_on",
         "a date"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"seen_at\"},\"now\"]}", "seen_at", "a time"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"made_up\"},1]}", "made_up", "true or false"},
        {"[1]", "[ 1 ]", "expected a CQL2"},
        {"{\"op\":\"=\"", "", "ends here"},
        {"{\"op\":\"=\",\"args\":[{\"property\":\"name; drop table test_thing\"},\"1\"]}",
         "name; drop table test_thing", "no such property"},
    };
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cim_query query = {.struct_size = sizeof query, .filter_json = cases[i].filter};
        int64_t count = 0;
        cim_error err = {0};
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "filter", cases[i].message);
        assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &count, &err),
                         CIM_E_INVALID);
        assert_string_equal(err.value, cases[i].value);
    }
}

static void
test_filters_have_limits(void **state)
{
    struct fixture *fixture = *state;
    for (int depth = LPG_FILTER_DEPTH_MAX; depth <= LPG_FILTER_DEPTH_MAX + 1; depth++) {
        struct cim_buf text;
        cim_buf_init(&text, 10000);
        for (int i = 0; i < depth; i++) {
            cim_buf_add_text(&text, "{\"op\":\"not\",\"args\":[");
        }
        cim_buf_add_text(&text, "true");
        for (int i = 0; i < depth; i++) {
            cim_buf_add_text(&text, "]}");
        }
        const cim_query query = {.struct_size = sizeof query, .filter_json = text.data};
        expect_query(fixture, &query, fake_scope_all(),
                     depth <= LPG_FILTER_DEPTH_MAX ? CIM_OK : CIM_E_TOO_LARGE, "filter",
                     "over 16 levels");
        cim_buf_done(&text);
    }
    for (int n = LPG_FILTER_VALUES_MAX; n <= LPG_FILTER_VALUES_MAX + 1; n++) {
        struct cim_buf text;
        cim_buf_init(&text, 10000);
        cim_buf_add_text(&text, "{\"op\":\"in\",\"args\":[{\"property\":\"pieces\"},[");
        for (int i = 0; i < n; i++) {
            cim_buf_addf(&text, "%s%d", i > 0 ? "," : "", i);
        }
        cim_buf_add_text(&text, "]]}");
        const cim_query query = {.struct_size = sizeof query, .filter_json = text.data};
        expect_query(fixture, &query, fake_scope_all(),
                     n <= LPG_FILTER_VALUES_MAX ? CIM_OK : CIM_E_TOO_LARGE, "filter",
                     "at most 200");
        cim_buf_done(&text);
    }
}

static void
test_masked_fields_neither_filter_nor_sort_nor_count(void **state)
{
    static const char *const sort[] = {"-phone"};
    struct fixture *fixture = *state;
    const cim_query filter = {
        .struct_size = sizeof filter,
        .filter_json = "{\"op\":\"=\",\"args\":[{\"property\":\"phone\"},\"13800138000\"]}"};
    const cim_query sorted = {.struct_size = sizeof sorted, .sort = sort, .n_sort = 1};
    const cim_query plain = {.struct_size = sizeof plain};
    const cim_call call = fake_call(&narrow_scope);
    cim_rows *rows = NULL;
    cim_error err = {0};
    expect_query(fixture, &filter, &narrow_scope, CIM_E_DENIED, "phone", "in clear");
    expect_query(fixture, &sorted, &narrow_scope, CIM_E_DENIED, "phone", "in clear");
    expect_query(fixture, &filter, fake_scope_all(), CIM_OK, "", "");
    assert_int_equal(lpg_data_group_count(fixture->things, &call, &plain, "phone", &rows, &err),
                     CIM_E_DENIED);
}

static void
test_wrong_queries_are_refused(void **state)
{
    static const char *const bad_sort[] = {"nothing"};
    static const char *const twice[] = {"name", "-name"};
    static const char *const bad_property[] = {"nothing"};
    struct fixture *fixture = *state;
    const cim_scope *all = fake_scope_all();
    const cim_scope old = {
        .struct_size = sizeof old, .n_terms = 2, .terms = both_terms, .areas_version = 4};
    cim_query query = {.struct_size = sizeof query};
    expect_query(fixture, &query, &old, CIM_E_BUSY, "", "area tree");
    query.sort = bad_sort;
    query.n_sort = 1;
    expect_query(fixture, &query, all, CIM_E_INVALID, "sortby", "no such property");
    query.sort = twice;
    query.n_sort = 2;
    expect_query(fixture, &query, all, CIM_E_INVALID, "sortby", "twice");
    query = (cim_query){.struct_size = sizeof query, .properties = bad_property, .n_properties = 1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "properties", "no such property");
    query = (cim_query){.struct_size = sizeof query, .area = "999999"};
    expect_query(fixture, &query, all, CIM_E_INVALID, "area", "no such area");
    query = (cim_query){.struct_size = sizeof query, .limit = -1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "limit", "positive");
    query = (cim_query){
        .struct_size = sizeof query, .flags = CIM_QUERY_DATETIME, .from_ms = 2, .to_ms = 1};
    expect_query(fixture, &query, all, CIM_E_INVALID, "datetime", "begins after");
    static const double boxes[][4] = {{0, 10, 1, 9},  {-181, 0, 1, 1}, {0, 0, 181, 1},
                                      {0, -91, 1, 1}, {0, 0, 1, 91},   {(double)NAN, 0, 1, 1}};
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        query = (cim_query){.struct_size = sizeof query,
                            .flags = CIM_QUERY_BBOX,
                            .bbox_w_deg = boxes[i][0],
                            .bbox_s_deg = boxes[i][1],
                            .bbox_e_deg = boxes[i][2],
                            .bbox_n_deg = boxes[i][3]};
        expect_query(fixture, &query, all, CIM_E_INVALID, "bbox", "west, south");
    }
}

static void
test_cursors_are_checked_when_they_come_back(void **state)
{
    static const char *const by_name[] = {"name"};
    static const char *const by_size[] = {"size"};
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    cim_query query = {.struct_size = sizeof query, .limit = 1, .sort = by_name, .n_sort = 1};
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    char token[200];
    uint64_t seed = 1;
    load(fixture, &seed);
    assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_non_null(rows->cursor(rows));
    (void)snprintf(token, sizeof token, "%s", rows->cursor(rows));
    rows->release(rows);
    query.cursor = token;
    expect_query(fixture, &query, fake_scope_all(), CIM_OK, "", "");
    query.sort = by_size;
    expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    query.sort = by_name;
    for (size_t cut = 0; cut < strlen(token); cut++) {
        char part[200];
        (void)snprintf(part, sizeof part, "%.*s", (int)cut, token);
        query.cursor = part;
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    }
    static const char *const bad[] = {"!", "====", "AAAA", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        query.cursor = bad[i];
        expect_query(fixture, &query, fake_scope_all(), CIM_E_INVALID, "cursor", "none of this");
    }
}

static void
test_long_sort_texts_page_as_well(void **state)
{
    enum { N_NOTES = 30, TEXT_LEN = 1900 };
    static char texts[N_NOTES][TEXT_LEN + 1];
    static const char *const sort[] = {"-body"};
    struct fixture *fixture = *state;
    const cim_call call = fake_call(fake_scope_all());
    struct text_rows input = {.n_columns = 1, .names = {"body"}, .n_rows = N_NOTES};
    struct outcome outcome;
    cim_error err = {0};
    char token[8000];
    int seen = 0;
    for (int i = 0; i < N_NOTES; i++) {
        memset(texts[i], 'x', TEXT_LEN);
        texts[i][TEXT_LEN - 1] = (char)('a' + i / 2);
        input.cells[i][0] = texts[i];
    }
    assert_ok(write_rows(fixture->notes, &call, CIM_EDIT_CREATE, 0, &input, &outcome, &err), &err);
    cim_query query = {.struct_size = sizeof query, .limit = 7, .sort = sort, .n_sort = 1};
    for (;;) {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(lpg_layer_query(fixture->notes, &call, &query, &rows, &err), &err);
        assert_ok(rows->next(rows, &batch, &err), &err);
        for (int64_t i = 0; i < batch->n_rows; i++) {
            assert_int_equal(cim_column_i64(batch->columns[0], i), N_NOTES - seen++);
        }
        if (rows->cursor(rows) == NULL) {
            break;
        }
        assert_true(strlen(rows->cursor(rows)) < 100);
        (void)snprintf(token, sizeof token, "%s", rows->cursor(rows));
        query.cursor = token;
    }
    assert_int_equal(seen, N_NOTES);
}

static void
test_groups_count_each_value(void **state)
{
    struct fixture *fixture = *state;
    const cim_query query = {.struct_size = sizeof query};
    uint64_t seed = 9;
    cim_error err = {0};
    load(fixture, &seed);
    for (int narrow = 0; narrow < 2; narrow++) {
        const cim_call call = fake_call(narrow ? &narrow_scope : fake_scope_all());
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(lpg_data_group_count(fixture->things, &call, &query, "kind", &rows, &err), &err);
        assert_ok(rows->next(rows, &batch, &err), &err);
        assert_int_equal(batch->n_rows, 3);
        for (int64_t i = 0; i < 3; i++) {
            const char *value = cell_text(batch, 0, i);
            int64_t n = 0;
            for (int j = 0; j < N_ROWS; j++) {
                const char *kind = things[j].kind[0] != '\0' ? things[j].kind : "(absent)";
                n += strcmp(kind, value) == 0 &&
                             (!narrow || in_haikou(&things[j]) || acme_covers(&things[j]))
                         ? 1
                         : 0;
            }
            assert_int_equal(cim_column_i64(batch->columns[1], i), n);
        }
    }
}

static void
test_one_record_by_fid_or_uid(void **state)
{
    struct fixture *fixture = *state;
    const cim_call call = fake_call(&narrow_scope);
    uint64_t seed = 4;
    cim_error err = {0};
    load(fixture, &seed);
    for (int i = 0; i < 50; i++) {
        const bool visible = in_haikou(&things[i]) || acme_covers(&things[i]);
        cim_query query = {.struct_size = sizeof query, .fid = things[i].fid};
        char uid[40] = "";
        for (int by_uid = 0; by_uid < 2; by_uid++) {
            CIM_AUTO_ROWS cim_rows *rows = NULL;
            const cim_batch *batch = NULL;
            assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
            assert_ok(rows->next(rows, &batch, &err), &err);
            assert_int_equal(batch->n_rows, visible ? 1 : 0);
            if (visible) {
                assert_int_equal(cim_column_i64(batch->columns[0], 0), things[i].fid);
                (void)snprintf(uid, sizeof uid, "%s", cell_text(batch, 1, 0));
            }
            query.fid = 0;
            query.uid = uid;
        }
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_random_queries_equal_a_plain_evaluation),
        WITH_STORE(test_wrong_filters_are_refused_by_operator_and_property),
        WITH_STORE(test_filters_have_limits),
        WITH_STORE(test_masked_fields_neither_filter_nor_sort_nor_count),
        WITH_STORE(test_wrong_queries_are_refused),
        WITH_STORE(test_cursors_are_checked_when_they_come_back),
        WITH_STORE(test_long_sort_texts_page_as_well),
        WITH_STORE(test_groups_count_each_value),
        WITH_STORE(test_one_record_by_fid_or_uid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

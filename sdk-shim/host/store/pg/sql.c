/* host/store/pg/sql.c -- the SQL subset as PostgreSQL reads it.
 *
 * First the macros; then, word by word: `:name` becomes `$n`, and the few words that both databases
 * know with another meaning are replaced. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"
#include "kit/sql_scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- macros ---- */

#define W "cast(:bbox_w as float8)"
#define S "cast(:bbox_s as float8)"
#define E "cast(:bbox_e as float8)"
#define N "cast(:bbox_n as float8)"

/* Two boxes, so that one over the antimeridian is served; without one the second lies where nothing
 * is. && compares floats that were rounded outwards, so the bounds are compared once more. */
static void
add_bbox(struct cim_buf *out, const char *t)
{
    cim_buf_addf(out,
                 "((%s.geom && st_makeenvelope(" W ", " S ", case when " W " > " E
                 " then 180.0 else " E " end, " N ", %d) or %s.geom && st_makeenvelope(case when " W
                 " > " E " then -180.0 else 999.0 end, " S ", case when " W " > " E " then " E
                 " else 999.0 end, " N ", %d))",
                 t, HOST_STORE_SRS, t, HOST_STORE_SRS);
    cim_buf_addf(out,
                 " and (case when " W " > " E " then st_xmax(%s.geom) >= " W " or st_xmin(%s.geom) "
                 "<= " E " else st_xmax(%s.geom) >= " W " and st_xmin(%s.geom) <= " E
                 " end) and st_ymax(%s.geom) >= " S " and st_ymin(%s.geom) <= " N ")",
                 t, t, t, t, t, t);
}

/* Beijing keeps +08:00 all the year; its zone by name once had summer time. */
static cim_status
add_moment(struct cim_buf *out, const char *name, const char *argument, cim_error *err)
{
    struct host_sql_moment moment;
    CIM_TRY(host_sql_moment(name, argument, &moment, err));
    if (moment.kind == HOST_MOMENT_NEVER) {
        cim_buf_add_text(out, "cast('9999-12-31T00:00:00Z' as timestamptz)");
    } else if (moment.kind == HOST_MOMENT_DAY) {
        cim_buf_addf(out,
                     "(cast(timezone('UTC', cast(:cim_now as timestamptz) + cast('8 hours' as "
                     "interval)) as date) + (%ld))",
                     moment.n);
    } else if (moment.kind == HOST_MOMENT_MIDNIGHT) {
        cim_buf_addf(out,
                     "timezone('UTC', cast(%s + (%ld) as timestamp) - cast('8 hours' as interval))",
                     moment.column, moment.n);
    } else {
        cim_buf_addf(out, "(%s + cast('%ld seconds' as interval))", moment.column, moment.n);
    }
    return CIM_OK;
}

static cim_status
add_text(struct cim_buf *out, const char *name, const char *argument, cim_error *err)
{
    if (!host_sql_operand(argument)) {
        return host_sql_bad_argument(name, argument, err);
    }
    cim_buf_addf(out, argument[0] == ':' ? "cast(%s as text) collate \"%s\"" : "%s collate \"%s\"",
                 argument, name[0] == 'p' ? "zh-x-icu" : "C");
    return CIM_OK;
}

static cim_status
expand_query(void *self, const char *name, const char *argument, struct cim_buf *out,
             cim_error *err)
{
    const bool is_wkb = strcmp(name, "wkb") == 0;
    const bool is_geom = strcmp(name, "geom") == 0;
    enum host_relation relation = HOST_INTERSECTS;
    (void)self;
    if (host_sql_relation(name, &relation)) {
        return host_pg_add_relation(out, name, relation, argument, err);
    }
    if (strcmp(name, "near") == 0) {
        return host_pg_add_near(out, argument, err);
    }
    if (strcmp(name, "pinyin") == 0 || strcmp(name, "string") == 0) {
        return add_text(out, name, argument, err);
    }
    if (is_wkb || strcmp(name, "ms") == 0) {
        if (!host_sql_column(argument)) {
            return host_sql_bad_argument(name, argument, err);
        }
        cim_buf_addf(out, is_wkb ? "st_asbinary(%s, 'NDR')" : "cim_ms(%s)", argument);
        return CIM_OK;
    }
    const bool is_date = strcmp(name, "date") == 0;
    if (is_geom || is_date || strcmp(name, "time") == 0) {
        if (argument[0] != ':' || !host_sql_identifier(argument + 1)) {
            return host_sql_bad_argument(name, argument, err);
        }
        if (is_geom) {
            cim_buf_addf(out, "st_geomfromwkb(:cim_geom_%s, %d)", argument + 1, HOST_STORE_SRS);
        } else if (is_date) {
            cim_buf_addf(out, "cast(%s as date)", argument);
        } else {
            cim_buf_addf(out, "cast(:cim_time_%s as timestamptz)", argument + 1);
        }
        return CIM_OK;
    }
    if (strcmp(name, "bbox") == 0) {
        if (!host_sql_identifier(argument)) {
            return host_sql_bad_argument(name, argument, err);
        }
        add_bbox(out, argument);
        return CIM_OK;
    }
    if (strcmp(name, "now") == 0 && argument[0] == '\0') {
        cim_buf_add_text(out, "cast(:cim_now as timestamptz)");
        return CIM_OK;
    }
    return add_moment(out, name, argument, err);
}

#define TEXT "text collate \"C\""

/* Booleans are small integers: the subset writes them 0 and 1. */
static const struct {
    const char *name;
    const char *text;
} schema_words[] = {
    {"record", "fid bigint generated by default as identity primary key, uid " TEXT " not null, "
               "version bigint not null default 1, owner_org " TEXT ", area_code " TEXT ", "
               "updated_at timestamptz(3) not null"},
    {"text", TEXT},
    {"int", "bigint"},
    {"real", "double precision"},
    {"bool", "smallint"},
    {"date", "date"},
    {"time", "timestamptz(3)"},
};

static cim_status
expand_schema(void *self, const char *name, const char *argument, struct cim_buf *out,
              cim_error *err)
{
    if (strcmp(name, "geom") == 0 && argument[0] != ':') {
        const char *type = host_sql_geometry(argument);
        if (type == NULL) {
            return cim_fail(err, CIM_E_INVALID, "geom", argument, "几何类型“%s”未知",
                            "geometry type '%s': expected Point, LineString, Polygon or their "
                            "Multi",
                            argument);
        }
        cim_buf_addf(out, "geom geometry(%s, %d)", type, HOST_STORE_SRS);
        return CIM_OK;
    }
    for (size_t i = 0; argument[0] == '\0' && i < sizeof schema_words / sizeof schema_words[0];
         i++) {
        if (strcmp(schema_words[i].name, name) == 0) {
            cim_buf_add_text(out, schema_words[i].text);
            return CIM_OK;
        }
    }
    return expand_query(self, name, argument, out, err);
}

/* ---- words ---- */

struct translation {
    struct cim_sql_scan scan;
    struct cim_buf out;
    struct host_pg_text text;
    bool schema;
    bool after_as;
    int like;       /* 1: its pattern comes; 2: the pattern may be over */
    int like_depth; /* parentheses open within the pattern */
};

static bool
word_is(const struct translation *translation, const char *word)
{
    const struct cim_sql_token *token = &translation->scan.token;
    return token->kind == CIM_SQL_WORD && token->len == strlen(word) &&
           strncasecmp(translation->scan.sql + token->at, word, token->len) == 0;
}

static bool
take_prefix(const char **name, const char *prefix)
{
    const size_t len = strlen(prefix);
    if (strncmp(*name, prefix, len) != 0) {
        return false;
    }
    *name += len;
    return true;
}

static cim_status
add_parameter(struct translation *translation, const char *name, size_t len, cim_error *err)
{
    struct host_pg_text *text = &translation->text;
    struct host_pg_parameter parameter = {.kind = HOST_PG_PLAIN};
    char full[HOST_PG_NAME_MAX + 16];
    const char *rest = full;
    int32_t i = 0;
    if (len >= sizeof full) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SQL 参数名过长",
                        "the name of an SQL parameter is too long");
    }
    memcpy(full, name, len);
    full[len] = '\0';
    if (take_prefix(&rest, "cim_geom_")) {
        parameter.kind = HOST_PG_GEOMETRY;
    } else if (take_prefix(&rest, "cim_time_")) {
        parameter.kind = HOST_PG_TIME;
    } else if (strcmp(full, "cim_now") == 0) {
        parameter.kind = HOST_PG_NOW;
    }
    cim_copy_text(parameter.name, sizeof parameter.name, rest);
    for (i = 0; i < text->n_parameters; i++) {
        if (text->parameters[i].kind == parameter.kind &&
            strcmp(text->parameters[i].name, parameter.name) == 0) {
            break;
        }
    }
    if (i == HOST_STORE_PARAMETERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "参数个数超过上限 %d",
                        "more than %d parameters", HOST_STORE_PARAMETERS_MAX);
    }
    if (i == text->n_parameters) {
        text->parameters[text->n_parameters++] = parameter;
    }
    cim_buf_addf(&translation->out, "$%d", (int)i + 1);
    return CIM_OK;
}

/* Without `escape` the embedded store has no escape character, PostgreSQL a backslash. */
static void
end_pattern(struct translation *translation)
{
    if (translation->like == 2) {
        cim_buf_add_text(&translation->out, " escape ''");
    }
    translation->like = 0;
}

static void
track_like(struct translation *translation)
{
    const struct cim_sql_token *token = &translation->scan.token;
    const char c = translation->scan.sql[token->at];
    if (token->kind == CIM_SQL_SPACE || token->kind == CIM_SQL_COMMENT) {
        return;
    }
    if (translation->like != 0 && (c == '(' || (c == ')' && translation->like_depth > 0))) {
        translation->like_depth += c == '(' ? 1 : -1;
        translation->like = 2;
    } else if (translation->like_depth > 0) {
        return;
    } else if (translation->like == 2) {
        if (word_is(translation, "escape")) {
            translation->like = 0;
        } else if (c == '|') {
            translation->like = 1;
        } else {
            end_pattern(translation);
        }
    } else if (translation->like == 1 && c != '|' && c != ':') {
        translation->like = 2;
    }
}

/* A word with another meaning here; NULL: it stands. */
static const char *
other_word(const struct translation *translation)
{
    if (translation->schema) {
        return word_is(translation, "autoincrement") ? "generated by default as identity" : NULL;
    }
    if (translation->after_as) {
        if (word_is(translation, "real")) {
            return "double precision";
        }
        if (word_is(translation, "integer") || word_is(translation, "int")) {
            return "bigint";
        }
    }
    return NULL;
}

static cim_status
translate_token(struct translation *translation, cim_error *err)
{
    const struct cim_sql_token *token = &translation->scan.token;
    const char *from = translation->scan.sql + token->at;
    const char *other = NULL;
    track_like(translation);
    if (token->kind == CIM_SQL_SIGN && *from == ':' && !translation->schema) {
        bool more = false;
        CIM_TRY(cim_sql_scan_next(&translation->scan, &more, err));
        if (!more || token->kind != CIM_SQL_WORD) {
            return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "SQL 参数须写作 :name",
                            "SQL parameters are written :name");
        }
        track_like(translation);
        translation->after_as = false;
        return add_parameter(translation, translation->scan.sql + token->at, token->len, err);
    }
    other = other_word(translation);
    if (other != NULL) {
        cim_buf_add_text(&translation->out, other);
    } else {
        cim_buf_add(&translation->out, from, token->len);
    }
    if (word_is(translation, "like") && !translation->schema) {
        translation->like = 1;
    }
    if (word_is(translation, "insert") || word_is(translation, "update") ||
        word_is(translation, "delete")) {
        translation->text.writes = true;
    }
    if (token->kind != CIM_SQL_SPACE && token->kind != CIM_SQL_COMMENT) {
        translation->after_as = word_is(translation, "as");
    }
    return CIM_OK;
}

static cim_status
translate_all(struct translation *translation, const char *sql, cim_error *err)
{
    cim_sql_scan_init(&translation->scan, sql);
    for (;;) {
        bool more = false;
        CIM_TRY(cim_sql_scan_next(&translation->scan, &more, err));
        if (!more) {
            end_pattern(translation);
            return cim_buf_status(&translation->out, err);
        }
        CIM_TRY(translate_token(translation, err));
    }
}

static cim_status
translate(const char *sql, struct translation *translation, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf expanded;
    cim_buf_init(&expanded, CIM_SQL_TEXT_MAX);
    CIM_TRY(cim_sql_expand(sql, translation->schema ? expand_schema : expand_query, NULL, &expanded,
                           err));
    CIM_TRY(cim_buf_status(&expanded, err));
    return translate_all(translation, expanded.data != NULL ? expanded.data : "", err);
}

void
host_pg_text_done(struct host_pg_text *text)
{
    free(text->sql);
    free(text->parameters);
    *text = (struct host_pg_text){0};
}

cim_status
host_pg_translate(const char *sql, struct host_pg_text *ret_text, cim_error *err)
{
    struct translation translation = {.like = 0};
    cim_status status = CIM_OK;
    translation.text.parameters =
        calloc(HOST_STORE_PARAMETERS_MAX + 1, sizeof *translation.text.parameters);
    cim_buf_init(&translation.out, 2 * CIM_SQL_TEXT_MAX);
    status = translation.text.parameters != NULL ? translate(sql, &translation, err)
                                                 : cim_fail_nomem(err);
    if (status == CIM_OK) {
        const size_t n = (size_t)translation.text.n_parameters + 1;
        struct host_pg_parameter *less =
            realloc(translation.text.parameters, n * sizeof *translation.text.parameters);
        translation.text.parameters = less != NULL ? less : translation.text.parameters;
        translation.text.sql = strdup(translation.out.data != NULL ? translation.out.data : "");
        status = translation.text.sql != NULL ? CIM_OK : cim_fail_nomem(err);
    }
    cim_buf_done(&translation.out);
    if (status != CIM_OK) {
        host_pg_text_done(&translation.text);
        return status;
    }
    *ret_text = translation.text;
    return CIM_OK;
}

cim_status
host_pg_expand_schema(const char *sql, struct cim_buf *out, cim_error *err)
{
    struct translation translation = {.schema = true};
    cim_status status = CIM_OK;
    cim_buf_init(&translation.out, 2 * CIM_SQL_TEXT_MAX);
    status = translate(sql, &translation, err);
    if (status == CIM_OK && translation.out.len > 0) {
        cim_buf_add(out, translation.out.data, translation.out.len);
    }
    cim_buf_done(&translation.out);
    return status;
}

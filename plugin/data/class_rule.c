/* plugin/data/class_rule.c -- the select list of a class's rule, cut into its expressions. */
#include "data/classes.h"

#include "cim/util.h"
#include "kit/sql_scan.h"

#include <stdlib.h>
#include <strings.h>

struct lpg_class_rule {
    size_t n_fields;
    char *expressions[]; /* by field of the definition; NULL: none */
};

void
lpg_class_rule_free(struct lpg_class_rule *rule)
{
    for (size_t i = 0; rule != NULL && i < rule->n_fields; i++) {
        free(rule->expressions[i]);
    }
    free(rule);
}

const char *
lpg_class_rule_of(const struct lpg_class_rule *rule, size_t i)
{
    return rule != NULL ? rule->expressions[i] : NULL;
}

/* ---- reading ---- */

struct reading {
    const struct lpg_layer *layer;
    const char *file;
    struct lpg_class_rule *rule;
    struct cim_sql_scan scan;
    struct cim_buf item; /* the text of the one at hand, without comments */
    int depth;           /* of parentheses */
};

static bool
is_word(const struct reading *reading, const char *word)
{
    const struct cim_sql_token *token = &reading->scan.token;
    return token->kind == CIM_SQL_WORD && token->len == strlen(word) &&
           strncasecmp(reading->scan.sql + token->at, word, token->len) == 0;
}

static cim_status
refuse(const struct reading *reading, const char *value, const char *zh, const char *en,
       cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, reading->file, value, "%s：%s%.0s%.0s", "%.0s%.0s%s: %s",
                    reading->file, zh, reading->file, en);
}

/* Up to a comma or the word `from` outside of parentheses. *ret_last: it was `from`. */
static cim_status
read_item(struct reading *reading, bool *ret_last, cim_error *err)
{
    bool more = true;
    cim_buf_clear(&reading->item);
    for (;;) {
        CIM_TRY(cim_sql_scan_next(&reading->scan, &more, err));
        const struct cim_sql_token *token = &reading->scan.token;
        const char *text = reading->scan.sql + token->at;
        if (!more) {
            return refuse(reading, NULL, "缺少 from", "expected from", err);
        }
        if (reading->depth == 0 &&
            ((token->kind == CIM_SQL_SIGN && *text == ',') || is_word(reading, "from"))) {
            *ret_last = *text != ',';
            return cim_buf_status(&reading->item, err);
        }
        if (token->kind == CIM_SQL_SIGN) {
            reading->depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        }
        if (token->kind == CIM_SQL_SPACE || token->kind == CIM_SQL_COMMENT) {
            cim_buf_add_char(&reading->item, ' ');
        } else {
            cim_buf_add(&reading->item, text, token->len);
        }
    }
}

/* "select" and what is in front of it. */
static cim_status
read_head(struct reading *reading, cim_error *err)
{
    bool more = true;
    do {
        CIM_TRY(cim_sql_scan_next(&reading->scan, &more, err));
    } while (more && (reading->scan.token.kind == CIM_SQL_SPACE ||
                      reading->scan.token.kind == CIM_SQL_COMMENT));
    return more && is_word(reading, "select")
               ? CIM_OK
               : refuse(reading, NULL, "应以 select 开头", "expected select", err);
}

static char *
trim(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ') {
        text[--len] = '\0';
    }
    return text + strspn(text, " ");
}

/* "EXPRESSION as NAME": no expression ends in a word that `as` could stand before. */
static cim_status
keep_item(struct reading *reading, cim_error *err)
{
    char *text = trim(reading->item.data);
    char *name = strrchr(text, ' ');
    if (name == NULL || name - text < 4 || strncasecmp(name - 3, " as", 3) != 0) {
        return refuse(reading, text, "应写作“表达式 as 字段”", "expected EXPRESSION as FIELD", err);
    }
    name[-3] = '\0';
    name++;
    const struct cim_field *field = cim_definition_field(reading->layer->def, name);
    if (field == NULL || (field->next == NULL && !field->is_next)) {
        return refuse(reading, name, "应为有 next 的字段，或其 next",
                      "expected a field with `next`, or the `next` of one", err);
    }
    const size_t i = (size_t)(field - reading->layer->def->fields);
    free(reading->rule->expressions[i]);
    reading->rule->expressions[i] = strdup(trim(text));
    return reading->rule->expressions[i] != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
read_list(struct reading *reading, cim_error *err)
{
    static const char *const first[] = {"fid", "version"};
    bool last = false;
    CIM_TRY(read_head(reading, err));
    for (size_t i = 0; !last; i++) {
        CIM_TRY(read_item(reading, &last, err));
        if (i >= 2) {
            CIM_TRY(keep_item(reading, err));
        } else if (reading->item.len == 0 || strcmp(trim(reading->item.data), first[i]) != 0) {
            return refuse(reading, NULL, "前两列应为 fid, version",
                          "the first two columns are fid, version", err);
        }
    }
    for (size_t i = 0; i < reading->rule->n_fields; i++) {
        const struct cim_field *field = &reading->layer->def->fields[i];
        if ((field->next != NULL || field->is_next) && reading->rule->expressions[i] == NULL) {
            return refuse(reading, field->name, "缺少此列", "this column is missing", err);
        }
    }
    return CIM_OK;
}

cim_status
lpg_class_rule_open(const struct lpg_layer *layer, const char *file,
                    struct lpg_class_rule **ret_rule, cim_error *err)
{
    const size_t n = layer->def->n_fields;
    struct reading reading = {.layer = layer, .file = file};
    reading.rule = calloc(1, sizeof *reading.rule + n * sizeof(char *));
    if (reading.rule == NULL) {
        return cim_fail_nomem(err);
    }
    reading.rule->n_fields = n;
    cim_buf_init(&reading.item, CIM_SQL_TEXT_MAX);
    cim_sql_scan_init(&reading.scan, layer->class_sql);
    const cim_status status = read_list(&reading, err);
    cim_buf_done(&reading.item);
    if (status != CIM_OK) {
        lpg_class_rule_free(reading.rule);
        return status;
    }
    *ret_rule = reading.rule;
    return CIM_OK;
}

/* kit/cql2_scan.h -- tokens of CQL2 text, inside the kit. */
#ifndef CIM_KIT_CQL2_SCAN_H
#define CIM_KIT_CQL2_SCAN_H

#include "kit/buf.h"

#include <stdbool.h>

enum cim_cql2_kind {
    CIM_CQL2_END,
    CIM_CQL2_NAME,        /* a word; keywords are words */
    CIM_CQL2_QUOTED_NAME, /* "word" */
    CIM_CQL2_STRING,
    CIM_CQL2_NUMBER,
    CIM_CQL2_SIGN /* ( ) , + - * / % ^ = <> < <= > >= */
};

struct cim_cql2_token {
    enum cim_cql2_kind kind;
    size_t at;
    size_t len;
};

struct cim_cql2_scan {
    const char *text;
    size_t len;
    size_t end_of_token;
    struct cim_cql2_token token; /* the one to look at */
    cim_error *err;
};

/* Goes to the first token. The text is checked to be UTF-8 without NUL. */
cim_status cim_cql2_scan_init(struct cim_cql2_scan *scan, const char *text, size_t len,
                              cim_error *err);
cim_status cim_cql2_scan_next(struct cim_cql2_scan *scan);
bool cim_cql2_is_sign(const struct cim_cql2_scan *scan, const char *sign);
/* A word without quotes, in whichever case. */
bool cim_cql2_is_word(const struct cim_cql2_scan *scan, const char *word);
/* Is the token that follows this one "("? */
bool cim_cql2_before_parenthesis(const struct cim_cql2_scan *scan);
/* The name or the string that the token stands for, quotes and escapes off. */
void cim_cql2_token_text(const struct cim_cql2_scan *scan, struct cim_buf *out);
/* CIM_E_INVALID: at the token, "expected …". */
cim_status cim_cql2_expected(const struct cim_cql2_scan *scan, const char *zh, const char *en);

#endif

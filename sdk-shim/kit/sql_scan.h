/* kit/sql_scan.h -- tokens of SQL, inside the kit. */
#ifndef CIM_KIT_SQL_SCAN_H
#define CIM_KIT_SQL_SCAN_H

#include "kit/sql.h"

#include <stdbool.h>

enum cim_sql_kind {
    CIM_SQL_SPACE = 1,
    CIM_SQL_COMMENT,
    CIM_SQL_WORD, /* also numbers */
    CIM_SQL_STRING,
    CIM_SQL_QUOTED_NAME, /* "x" or `x` */
    CIM_SQL_MACRO,       /* {x y} */
    CIM_SQL_SIGN         /* one other character */
};

struct cim_sql_token {
    enum cim_sql_kind kind;
    size_t at;
    size_t len;
    int line;
};

struct cim_sql_scan {
    const char *sql;
    size_t len;
    size_t at;
    int line;
    struct cim_sql_token token; /* the last one */
};

void cim_sql_scan_init(struct cim_sql_scan *scan, const char *sql);
/* Next token into scan->token; *ret_more is false at the end. Refuses what is never closed. */
cim_status cim_sql_scan_next(struct cim_sql_scan *scan, bool *ret_more, cim_error *err);
/* A failure at the last token. */
cim_status cim_sql_fail(const struct cim_sql_scan *scan, const char *zh, const char *en,
                        cim_error *err);
cim_status cim_sql_check_length(const char *sql, cim_error *err);

#endif

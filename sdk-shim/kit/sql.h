/* kit/sql.h -- the SQL subset that both stores speak: lint, and expansion of the {macros}. */
#ifndef CIM_KIT_SQL_H
#define CIM_KIT_SQL_H

#include "kit/buf.h"

enum { CIM_SQL_TEXT_MAX = 256 << 10 };

/* What a store driver writes for a macro: `name` "wkb", `argument` the rest, trimmed ("geom").
 * CIM_E_NOTFOUND: no such macro. */
typedef cim_status (*cim_sql_macro_fn)(void *self, const char *name, const char *argument,
                                       struct cim_buf *out, cim_error *err);

/* Copies `sql` to `out` with every {macro} outside quotes and comments replaced. */
cim_status cim_sql_expand(const char *sql, cim_sql_macro_fn macro, void *self, struct cim_buf *out,
                          cim_error *err);
/* Refuses what one of the stores does not speak the same way (double-quoted text, ::casts, ilike,
 * interval, at time zone, distinct on, lateral, any(array), ||-less concat functions, positional
 * parameters, several statements, …), naming the word and its place. */
cim_status cim_sql_lint(const char *sql, cim_error *err);
/* Splits a migration at semicolons outside quotes and comments; calls `each` per statement. */
typedef cim_status (*cim_sql_statement_fn)(void *self, const char *statement, cim_error *err);
cim_status cim_sql_split(const char *script, cim_sql_statement_fn each, void *self, cim_error *err);

#endif

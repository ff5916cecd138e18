/* tests/support/pg_database.h -- databases of a test in the cluster that tests/support/pg.py runs.
 */
#ifndef TESTS_PG_DATABASE_H
#define TESTS_PG_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

/* The program runs beside a cluster, and so on PostgreSQL. */
bool pg_is_there(void);
/* A fresh database, copied from cim_template: its address. */
void pg_make_database(char *ret_url, size_t capacity);
void pg_drop_database(const char *url);

#endif

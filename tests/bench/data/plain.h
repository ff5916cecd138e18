/* tests/bench/data/plain.h -- the same rows into a plain table, without any of our code. */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include <stdint.h>

/* SQLite, WAL, synchronous=FULL: one connection, `n_single` transactions of a row, then `n_many`
 * rows in transactions of `batch`. */
void plain_sqlite(const char *path, int64_t n_single, int64_t n_many, int64_t batch);
/* PostgreSQL: `n_clients` connections with `n_single` inserts in all, then `n_many` rows by COPY,
 * `batch` a transaction. */
void plain_postgresql(const char *url, int n_clients, int64_t n_single, int64_t n_many,
                      int64_t batch);
/* Prints a line; `ms` of wall time. */
void print_rate(const char *what, int64_t n_rows, double ms);
double wall_ms(void);

#endif

/* Plain SQLite, as a careful program without our store would use it: WAL, synchronous=FULL,
 * prepared statements, the same columns and indexes, the R-tree filled by hand. */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

#include <stdint.h>

struct plain;

struct plain *plain_open(const char *path);
void plain_close(struct plain *plain);
void plain_begin(struct plain *plain);
void plain_insert(struct plain *plain, int64_t i, double x, double y);
void plain_commit(struct plain *plain);
/* Rows of a page of at most 100 in a box; sums bytes so that every column is looked at. */
int64_t plain_page(struct plain *plain, double w, double s, double e, double n);

#endif

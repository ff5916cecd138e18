/* host/exchange/spool.h -- rows set aside in a file, so that a file is read, converted and checked
 * before the transaction that writes them begins: other writers wait for that alone. */
#ifndef HOST_SPOOL_H
#define HOST_SPOOL_H

#include "cim/rows.h"

struct host_spool;

/* A file without a name in `dir`. */
cim_status host_spool_open(const char *dir, struct host_spool **ret_spool, cim_error *err);
void host_spool_free(struct host_spool *spool); /* NULL-safe */
/* Reads `rows` to their end. `progress` is told how many there were, now and then; non-zero
 * cancels. What was read stays when `rows` fail. */
cim_status host_spool_fill(struct host_spool *spool, cim_rows *rows,
                           int32_t (*progress)(void *arg, int64_t n_rows), void *arg,
                           cim_error *err);
int64_t host_spool_count(const struct host_spool *spool);
/* What was set aside, from the first row on; one cursor at a time. The spool must outlive it. */
cim_status host_spool_rows(struct host_spool *spool, cim_rows **ret_rows, cim_error *err);

#endif

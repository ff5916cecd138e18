/* host/identity/csv.h -- records of a CSV text (RFC 4180), for the area list. */
#ifndef HOST_CSV_H
#define HOST_CSV_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_CSV_COLUMNS_MAX = 32 };

struct host_csv {
    char *at;     /* the rest of the text, changed in place */
    int64_t line; /* of the record that was read last, from 1 */
    int64_t next_line;
    size_t n_fields;
    const char *fields[HOST_CSV_COLUMNS_MAX]; /* borrowed from the text */
};

/* `text` is NUL-terminated and is changed by reading; a byte order mark is skipped. */
void host_csv_open(struct host_csv *csv, char *text);
/* The next record; blank lines are skipped. *ret_there false at the end. CIM_E_INVALID names the
 * line: a quote that does not end, text after one, more than 32 columns. */
cim_status host_csv_next(struct host_csv *csv, const char *where, bool *ret_there, cim_error *err);

#endif

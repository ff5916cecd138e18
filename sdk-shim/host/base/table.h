/* host/base/table.h -- a table as texts, whatever it is read from: a sheet, a directory. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include "cim/base.h"

/* Told the names of the columns first (row 1), then each row with as many cells; "" where there is
 * nothing. `row` is the one of the file, or of the answer. Texts are UTF-8 and borrowed for the
 * call; a failure ends the reading. */
typedef cim_status (*host_table_row_fn)(void *arg, int64_t row, const char *const *cells, size_t n,
                                        cim_error *err);

/* Reads the file at `path`; `sheet` of a file with several, NULL: the first. */
typedef cim_status (*host_table_read_fn)(const char *path, const char *sheet,
                                         host_table_row_fn take, void *arg, cim_error *err);

#endif

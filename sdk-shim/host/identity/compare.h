/* host/identity/compare.h -- rows from outside (a sheet, a directory) held against what is here:
 * which are new, changed, the same or refused, and what is here but not among them. One machine for
 * people and organisations; what differs between them is a struct host_compare_kind.
 *
 * Rows are judged by themselves, as if each had been typed in by the caller, and all of them are
 * read before the first is judged: a file that is broken changes nothing. All memory is the
 * request's. */
#ifndef HOST_IDENTITY_COMPARE_H
#define HOST_IDENTITY_COMPARE_H

#include "host/base/table.h"
#include "host/identity/api.h"

enum { HOST_COMPARE_COLUMNS_MAX = 12 };

enum host_outcome { HOST_ROW_NEW, HOST_ROW_CHANGED, HOST_ROW_SAME, HOST_ROW_REFUSED };
enum { HOST_OUTCOMES = HOST_ROW_REFUSED + 1 };

struct host_compare_column {
    const char *name; /* in the head of a sheet, as a problem's param, and in the report */
    const char *zh;   /* the same in Chinese */
    bool required;    /* in the head */
    bool told;        /* in the report */
};

struct host_compare_row {
    int64_t number;           /* in the file, or of the answer */
    const char *const *cells; /* by column of the kind; "": nothing */
    bool judged;
    char *told; /* what the report says of it */
};

struct host_compare;

struct host_compare_kind {
    const struct host_compare_column *columns; /* the first is the key */
    size_t n_columns;
    int after; /* the column with the key of a row that goes before; -1: none */
    /* Does it too if the comparison applies. `more`: further members for the report, each with its
     * comma. A failure refuses the row. */
    cim_status (*judge)(struct host_compare *compare, const struct host_compare_row *row,
                        enum host_outcome *ret_outcome, struct cim_buf *more, cim_error *err);
    /* Objects, with commas between them, of what is here and not among the rows. */
    cim_status (*absent)(struct host_compare *compare, struct cim_buf *out, cim_error *err);
};
extern const struct host_compare_kind host_compare_people; /* compare_people.c */
extern const struct host_compare_kind host_compare_orgs;   /* compare_orgs.c */

/* Set where the rows come from a directory: its records are marked, and known by its ids. */
struct host_compare_source {
    const char *sign_in; /* provider at which new people sign in; NULL: here */
    bool link_by_name;   /* takes over accounts that are not of the directory */
};

struct host_compare {
    struct host_api *api;
    const struct host_compare_kind *kind;
    const struct host_compare_source *source; /* NULL: a sheet */
    bool applies;
    size_t rows_max;
    struct host_directory_work *work;    /* counted there; NULL: nobody looks */
    int place[HOST_COMPARE_COLUMNS_MAX]; /* of each column in what is read; -1: none */
    struct host_compare_row *rows;
    size_t n;
    size_t capacity;
    int64_t sums[HOST_OUTCOMES];
    void *keys; /* a tree of the rows by key (search.h) */
    void *met;  /* a tree of what is here and among the rows, by key */
};

/* Set api, kind, applies and rows_max; then let somebody call host_compare_take() as a
 * host_table_row_fn with it, then write the report, then end it. */
cim_status host_compare_take(void *compare, int64_t number, const char *const *cells, size_t n,
                             cim_error *err);
/* {"applied","rows":[{"row","outcome",…}],"omitted","absent":[…],"new","changed","same","refused"}
 */
cim_status host_compare_report(struct host_compare *compare, struct cim_buf *out, cim_error *err);
void host_compare_end(struct host_compare *compare);

/* "" where the row has no such column. */
const char *host_compare_cell(const struct host_compare_row *row, int column);
/* The same, NULL for "". */
const char *host_compare_cell_or_none(const struct host_compare_row *row, int column);
/* The row of that key, NULL: none. */
const struct host_compare_row *host_compare_find(const struct host_compare *compare,
                                                 const char *key);
/* What is here under this key is among the rows, whatever its row is called. Request memory. */
cim_status host_compare_meet(struct host_compare *compare, const char *key, cim_error *err);
/* Is it among the rows? */
bool host_compare_has(const struct host_compare *compare, const char *key);
/* "param","value","zh","en" of a refusal, each with its comma. */
void host_compare_add_refusal(struct cim_buf *out, const cim_error *why);
/* For `more`: one field's change, into the list "changes"; nothing where both are alike. */
struct host_changes {
    struct cim_buf *out;
    int n;
};
void host_changes_add(struct host_changes *changes, const char *field, const char *from,
                      const char *to);
void host_changes_end(struct host_changes *changes);

#endif

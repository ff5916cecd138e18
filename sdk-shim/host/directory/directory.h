/* host/directory/directory.h -- people and organisations of an LDAP directory, as tables.
 *
 * Each reading is a connection of its own: bound, read in pages, and closed. Certificates are
 * always checked, names included; referrals are not followed. Nothing that a directory says ever
 * becomes part of a filter.
 */
#ifndef HOST_DIRECTORY_H
#define HOST_DIRECTORY_H

#include "host/base/table.h"
#include "kit/buf.h"

#include <stdbool.h>

enum {
    HOST_DIRECTORY_PAGE = 1000,
    HOST_DIRECTORY_ROWS_MAX = 50000,
    HOST_DIRECTORY_COLUMNS_MAX = 12,
    HOST_DIRECTORY_VALUE_MAX = 1000 /* bytes of a value; what is longer is cut, and too long */
};

enum host_directory_tls {
    HOST_DIRECTORY_TLS_REMOTE, /* ldap:// to this machine is plain, to others StartTLS */
    HOST_DIRECTORY_TLS_ALWAYS,
    HOST_DIRECTORY_TLS_NEVER /* ldap:// is plain */
};

/* What to read, where. `map`: "column=attribute,…"; ":text" instead of an attribute: the same for
 * all; "dn:TYPE": the nearest value of that type in the entry's name, above the entry and below the
 * base; "dn": the name. */
struct host_directory_table {
    const char *base; /* "": nothing is read */
    const char *filter;
    const char *map;
};

enum host_directory_what { HOST_DIRECTORY_PEOPLE, HOST_DIRECTORY_ORGS, HOST_DIRECTORY_TABLES };

/* Texts are borrowed and live as long as the directory. */
struct host_directory_options {
    const char *url; /* "ldaps://host", "ldap://host:port" */
    enum host_directory_tls tls;
    const char *ca_file; /* "": those of the system */
    const char *bind_dn; /* "": anonymous */
    const char *password_file;
    int64_t timeout_ms; /* of connecting, and of each answer */
    struct host_directory_table tables[HOST_DIRECTORY_TABLES];
};

struct host_directory;
/* Checks the options; asks nobody. CIM_E_INVALID names the setting. */
cim_status host_directory_open(const struct host_directory_options *options,
                               struct host_directory **ret_directory, cim_error *err);
void host_directory_free(struct host_directory *directory); /* NULL-safe */

/* Reads a table whole: the head, then a row each. Columns "roles" and "areas" have all values of
 * their attribute, parted by ";", others the first. CIM_E_STATE: the directory does not answer, or
 * refuses; CIM_E_TOO_LARGE past HOST_DIRECTORY_ROWS_MAX. [any] */
cim_status host_directory_read(struct host_directory *directory, enum host_directory_what what,
                               host_table_row_fn take, void *arg, cim_error *err);
/* The options for people to see, an object; no secret is in it. */
void host_directory_describe(const struct host_directory *directory, struct cim_buf *out);

#endif

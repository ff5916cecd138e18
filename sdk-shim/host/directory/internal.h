/* host/directory/internal.h -- the inside of directory; private to this folder. */
#ifndef HOST_DIRECTORY_INTERNAL_H
#define HOST_DIRECTORY_INTERNAL_H

#include "host/directory/directory.h"

#include <ldap.h>

enum host_column_source {
    HOST_COLUMN_ATTRIBUTE,
    HOST_COLUMN_CONSTANT,
    HOST_COLUMN_NAME, /* the entry's distinguished name */
    HOST_COLUMN_ABOVE /* a value of the name, above the entry */
};

/* ---- map.c: columns and where they come from ---- */

struct host_directory_column {
    const char *name;
    enum host_column_source source;
    const char *from; /* attribute, constant or type */
    bool many;        /* all values */
};

struct host_directory_map {
    char *text;    /* what the columns point into */
    size_t n_base; /* parts of the base's name */
    size_t n;
    struct host_directory_column columns[HOST_DIRECTORY_COLUMNS_MAX];
    const char *names[HOST_DIRECTORY_COLUMNS_MAX];
    char *attributes[HOST_DIRECTORY_COLUMNS_MAX + 1]; /* to be asked for; NULL-terminated */
};
/* `setting` is named in refusals. */
cim_status host_directory_map_read(const char *text, const char *setting,
                                   struct host_directory_map *ret_map, cim_error *err);
void host_directory_map_done(struct host_directory_map *map);

/* ---- entry.c: an entry as a row ---- */

/* Texts one behind the other in `texts`, which it clears; pointers into it in `cells`. */
cim_status host_directory_entry(LDAP *ld, LDAPMessage *entry, const struct host_directory_map *map,
                                struct cim_buf *texts, const char **cells, cim_error *err);

#endif

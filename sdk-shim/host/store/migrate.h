/* host/store/migrate.h -- migrations as they lie in a folder. */
#ifndef HOST_MIGRATE_H
#define HOST_MIGRATE_H

#include "cim/base.h"

enum { HOST_MIGRATION_NAME_MAX = 128, HOST_MIGRATION_SUM_MAX = 65 };

struct host_migration {
    int32_t number;
    char name[HOST_MIGRATION_NAME_MAX];
    char checksum[HOST_MIGRATION_SUM_MAX]; /* SHA-256 of the bytes, hexadecimal */
    char *text;
};

struct host_migrations {
    int32_t n_files;
    struct host_migration *files; /* in order; numbers 1 … n_files */
};

/* Reads all of a folder. A gap, a number twice or another name is refused. */
cim_status host_migrations_read(const char *dir, struct host_migrations *ret_migrations,
                                cim_error *err);
void host_migrations_free(struct host_migrations *migrations);

#endif

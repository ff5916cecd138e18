/* A layer over SQLite's file system that remembers every write and sync, so that a test can rebuild
 * what a disk holds that lost power (witness_disk.h). */
#ifndef WITNESS_VFS_H
#define WITNESS_VFS_H

#include <stddef.h>
#include <stdint.h>

enum { WITNESS_FILES_MAX = 16 };

enum witness_kind { WITNESS_WRITE, WITNESS_SYNC, WITNESS_TRUNCATE, WITNESS_REMOVE };

struct witness_operation {
    enum witness_kind kind;
    int file;
    int64_t offset; /* of a write; the length after a truncation */
    int len;
    void *data;
};

/* Becomes SQLite's default for files opened from now on. */
int witness_install(void);
/* How many operations there were so far. */
size_t witness_now(void);
/* One of them, from 0; nothing is noted meanwhile. */
const struct witness_operation *witness_operation(size_t number);
/* Of a file, without its folder. */
const char *witness_name(int file);
/* Bytes written to files whose name ends so that no sync has followed. */
int64_t witness_unsynced(const char *suffix);
/* Forgets all. */
void witness_reset(void);

#endif

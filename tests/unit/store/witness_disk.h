/* What a disk holds, rebuilt from what the witness saw, one operation after the other: the files in
 * a folder, changed in place, so that a state costs no more than the write that leads to it. */
#ifndef WITNESS_DISK_H
#define WITNESS_DISK_H

#include "witness_vfs.h"

struct witness_disk {
    char dir[128];
    int files[WITNESS_FILES_MAX]; /* -1: not there */
    size_t done[WITNESS_FILES_MAX];
};

/* `dir` is made. */
void witness_disk_init(struct witness_disk *disk, const char *dir);
void witness_disk_done(struct witness_disk *disk);
/* Does an operation; of a write only the first `len` bytes. */
void witness_disk_do(struct witness_disk *disk, const struct witness_operation *operation, int len);
/* Does what a file has seen since the last time, up to the operation `number`, which synced or
 * removed it: folders are taken to be synced at once, a file that comes back is another test. */
void witness_disk_sync(struct witness_disk *disk, size_t number);
/* Calls back while this one write is there besides what was, and takes it away again. */
void witness_disk_try(struct witness_disk *disk, const struct witness_operation *operation,
                      void (*look)(void *arg), void *arg);

#endif

/* A layer over SQLite's file system that remembers every write and sync, so that a test can rebuild
 * what a disk holds that lost power: of each file what was synced, nothing else. */
#ifndef WITNESS_VFS_H
#define WITNESS_VFS_H

#include <stddef.h>
#include <stdint.h>

/* Becomes SQLite's default for files opened from now on. */
int witness_install(void);
/* How many operations there were so far. */
size_t witness_now(void);
/* Bytes written to files whose name ends so that no sync has followed. */
int64_t witness_unsynced(const char *suffix);
/* Writes the files below `dir`, as a power cut after `operations` leaves them: `dir`/<base name>.
 */
void witness_rebuild(size_t operations, const char *dir);
/* Forgets all. */
void witness_reset(void);

#endif

/* host/base/files.h -- files that must be whole on the disk before anybody is told of them. All
 * paths are the host's own; failures name the path and the system's reason (CIM_E_IO). [any] */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include "cim/base.h"

enum { HOST_FILE_HASH_TEXT = 65 };

/* "…: cannot be written: No space left on device", from errno. */
cim_status host_file_fail(const char *path, cim_error *err);
/* To a new file (mode 0600), on the disk when it returns. */
cim_status host_file_copy(const char *from, const char *to, cim_error *err);
/* By way of `part`, a name beside it, so that `path` is never there by half. */
cim_status host_file_write(const char *part, const char *path, const void *data, size_t len,
                           cim_error *err);
/* What is in a file or folder already reaches the disk. */
cim_status host_file_sync(const char *path, cim_error *err);
/* SHA-256 as hexadecimal text, and the size; `ret_bytes` may be NULL. */
cim_status host_file_hash(const char *path, char ret_hash[HOST_FILE_HASH_TEXT], int64_t *ret_bytes,
                          cim_error *err);
/* A file, or a folder with all in it; links are removed, never followed. What is not there is gone
 * already. */
void host_file_remove(const char *path);

#endif

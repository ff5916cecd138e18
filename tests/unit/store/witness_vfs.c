#include "witness_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS_MAX = 200000, NAME_BYTES = 256 };

struct witness_file {
    sqlite3_file base;
    int number; /* -1: a temporary file, not watched */
    sqlite3_file *real;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct witness_operation operations[OPERATIONS_MAX];
static size_t n_operations;
static char names[WITNESS_FILES_MAX][NAME_BYTES];
static int n_names;
static sqlite3_vfs *below;
static sqlite3_vfs witness;

static void
note(int file, enum witness_kind kind, int64_t offset, const void *data, int len)
{
    if (file < 0) {
        return;
    }
    pthread_mutex_lock(&lock);
    if (n_operations == OPERATIONS_MAX) {
        abort(); /* a witness that forgets is none */
    }
    struct witness_operation *operation = &operations[n_operations++];
    *operation = (struct witness_operation){kind, file, offset, len, NULL};
    if (kind == WITNESS_WRITE) {
        operation->data = malloc((size_t)len);
        memcpy(operation->data, data, (size_t)len);
    }
    pthread_mutex_unlock(&lock);
}

static sqlite3_file *
real_of(sqlite3_file *file)
{
    return ((struct witness_file *)file)->real;
}

static int
number_of(sqlite3_file *file)
{
    return ((struct witness_file *)file)->number;
}

static int
on_close(sqlite3_file *file)
{
    const int code = real_of(file)->pMethods->xClose(real_of(file));
    free(real_of(file));
    return code;
}

static int
on_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), data, len, offset);
}

static int
on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    note(number_of(file), WITNESS_WRITE, offset, data, len);
    return real_of(file)->pMethods->xWrite(real_of(file), data, len, offset);
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    note(number_of(file), WITNESS_TRUNCATE, size, NULL, 0);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int
on_sync(sqlite3_file *file, int flags)
{
    const int code = real_of(file)->pMethods->xSync(real_of(file), flags);
    note(number_of(file), WITNESS_SYNC, 0, NULL, 0);
    return code;
}

static int
on_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int
on_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int
on_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int
on_check(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int
on_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int
on_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
on_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int
on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, map);
}

static int
on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void
on_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int
on_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_device,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int
file_number(const char *name)
{
    int found = -1;
    if (name == NULL) {
        return -1;
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_names && found < 0; i++) {
        found = strcmp(names[i], name) == 0 ? i : -1;
    }
    if (found < 0) {
        if (n_names == WITNESS_FILES_MAX) {
            abort();
        }
        found = n_names++;
        (void)snprintf(names[found], NAME_BYTES, "%s", name);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static int
on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct witness_file *ours = (struct witness_file *)file;
    int code = SQLITE_OK;
    (void)vfs;
    memset(ours, 0, sizeof *ours);
    ours->real = calloc(1, (size_t)below->szOsFile);
    if (ours->real == NULL) {
        return SQLITE_NOMEM;
    }
    code = below->xOpen(below, name, ours->real, flags, out_flags);
    if (code != SQLITE_OK) {
        free(ours->real);
        return code;
    }
    ours->number = file_number(name);
    ours->base.pMethods = &methods;
    return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    note(file_number(name), WITNESS_REMOVE, 0, NULL, 0);
    return below->xDelete(below, name, sync_dir);
}

int
witness_install(void)
{
    below = sqlite3_vfs_find(NULL);
    witness = *below;
    witness.pNext = NULL;
    witness.zName = "witness";
    witness.szOsFile = (int)sizeof(struct witness_file);
    witness.xOpen = on_open;
    witness.xDelete = on_delete;
    return sqlite3_vfs_register(&witness, 1);
}

size_t
witness_now(void)
{
    size_t now = 0;
    pthread_mutex_lock(&lock);
    now = n_operations;
    pthread_mutex_unlock(&lock);
    return now;
}

void
witness_reset(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_operations; i++) {
        free(operations[i].data);
    }
    n_operations = 0;
    n_names = 0;
    pthread_mutex_unlock(&lock);
}

static int
ends_with(const char *name, const char *suffix)
{
    const size_t len = strlen(name);
    const size_t n = strlen(suffix);
    return len >= n && strcmp(name + len - n, suffix) == 0;
}

int64_t
witness_unsynced(const char *suffix)
{
    int64_t unsynced = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_operations; i++) {
        if (ends_with(names[operations[i].file], suffix)) {
            unsynced = operations[i].kind == WITNESS_SYNC ? 0 : unsynced + operations[i].len;
        }
    }
    pthread_mutex_unlock(&lock);
    return unsynced;
}

const struct witness_operation *
witness_operation(size_t number)
{
    return &operations[number];
}

const char *
witness_name(int file)
{
    const char *slash = strrchr(names[file], '/');
    return slash != NULL ? slash + 1 : names[file];
}

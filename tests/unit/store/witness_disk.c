#include "witness_disk.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
path_of(const struct witness_disk *disk, int file, char *path, size_t capacity)
{
    assert_true((size_t)snprintf(path, capacity, "%s/%s", disk->dir, witness_name(file)) <
                capacity);
}

void
witness_disk_init(struct witness_disk *disk, const char *dir)
{
    *disk = (struct witness_disk){.done = {0}};
    (void)snprintf(disk->dir, sizeof disk->dir, "%s", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    for (int i = 0; i < WITNESS_FILES_MAX; i++) {
        disk->files[i] = -1;
    }
}

void
witness_disk_done(struct witness_disk *disk)
{
    for (int i = 0; i < WITNESS_FILES_MAX; i++) {
        if (disk->files[i] >= 0) {
            (void)close(disk->files[i]);
        }
    }
}

static int
file_of(struct witness_disk *disk, int file)
{
    char path[512];
    if (disk->files[file] < 0) {
        path_of(disk, file, path, sizeof path);
        disk->files[file] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(disk->files[file] >= 0);
    }
    return disk->files[file];
}

static void
put(int fd, const void *data, size_t len, int64_t offset)
{
    assert_int_equal(pwrite(fd, data, len, offset), (ssize_t)len);
}

static void
take_away(struct witness_disk *disk, int file)
{
    char path[512];
    if (disk->files[file] >= 0) {
        (void)close(disk->files[file]);
        disk->files[file] = -1;
    }
    path_of(disk, file, path, sizeof path);
    (void)unlink(path); /* a log that was never written to was never there */
}

void
witness_disk_do(struct witness_disk *disk, const struct witness_operation *operation, int len)
{
    switch (operation->kind) {
    case WITNESS_WRITE:
        put(file_of(disk, operation->file), operation->data, (size_t)len, operation->offset);
        break;
    case WITNESS_TRUNCATE:
        assert_int_equal(ftruncate(file_of(disk, operation->file), operation->offset), 0);
        break;
    case WITNESS_REMOVE:
        take_away(disk, operation->file);
        break;
    case WITNESS_SYNC:
        break;
    }
}

void
witness_disk_sync(struct witness_disk *disk, size_t number)
{
    const int file = witness_operation(number)->file;
    for (size_t i = disk->done[file]; i <= number; i++) {
        const struct witness_operation *operation = witness_operation(i);
        if (operation->file == file) {
            witness_disk_do(disk, operation, operation->len);
        }
    }
    disk->done[file] = number + 1;
}

void
witness_disk_try(struct witness_disk *disk, const struct witness_operation *operation,
                 void (*look)(void *arg), void *arg)
{
    const int fd = file_of(disk, operation->file);
    const size_t len = (size_t)operation->len;
    struct stat info;
    unsigned char *before = malloc(len);
    assert_non_null(before);
    assert_int_equal(fstat(fd, &info), 0);
    const ssize_t n = pread(fd, before, len, operation->offset);
    assert_true(n >= 0);
    put(fd, operation->data, len, operation->offset);
    look(arg);
    put(fd, before, (size_t)n, operation->offset);
    assert_int_equal(ftruncate(fd, info.st_size), 0);
    free(before);
}

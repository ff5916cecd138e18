/* host/base/files.c -- see files.h. */
#include "host/base/files.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/digest.h"

#include <openssl/evp.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 16 };

cim_status
host_file_fail(const char *path, cim_error *err)
{
    const int why = errno;
    char text[128];
    (void)cim_fail(err, CIM_E_IO, NULL, NULL, "%.200s：无法读写：%s",
                   "%.200s: cannot be read or written: %s", path,
                   strerror_r(why, text, sizeof text));
    if (err != NULL) {
        err->os_errno = why;
    }
    return CIM_E_IO;
}

static void
cleanup_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}
#define AUTO_FD __attribute__((cleanup(cleanup_fd)))

static cim_status
write_all(int fd, const char *path, const void *data, size_t len, cim_error *err)
{
    const char *at = data;
    while (len > 0) {
        const ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR) {
            return host_file_fail(path, err);
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return CIM_OK;
}

cim_status
host_file_copy(const char *from, const char *to, cim_error *err)
{
    AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    AUTO_FD int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    CIM_AUTO_FREE char *block = malloc(BLOCK_BYTES);
    ssize_t n = 0;
    if (in < 0 || out < 0) {
        return host_file_fail(in < 0 ? from : to, err);
    }
    if (block == NULL) {
        return cim_fail_nomem(err);
    }
    while ((n = read(in, block, BLOCK_BYTES)) > 0) {
        CIM_TRY(write_all(out, to, block, (size_t)n, err));
    }
    return n == 0 && fsync(out) == 0 ? CIM_OK : host_file_fail(to, err);
}

cim_status
host_file_write(const char *part, const char *path, const void *data, size_t len, cim_error *err)
{
    AUTO_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return host_file_fail(part, err);
    }
    CIM_TRY(write_all(fd, part, data, len, err));
    return fsync(fd) == 0 && rename(part, path) == 0 ? CIM_OK : host_file_fail(path, err);
}

cim_status
host_file_sync(const char *path, cim_error *err)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? CIM_OK : host_file_fail(path, err);
}

static void
cleanup_digest(EVP_MD_CTX **digest)
{
    EVP_MD_CTX_free(*digest);
}

cim_status
host_file_hash(const char *path, char ret_hash[HOST_FILE_HASH_TEXT], int64_t *ret_bytes,
               cim_error *err)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    __attribute__((cleanup(cleanup_digest))) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    CIM_AUTO_FREE char *block = malloc(BLOCK_BYTES);
    unsigned char hash[EVP_MAX_MD_SIZE];
    int64_t n_bytes = 0;
    ssize_t n = 0;
    if (fd < 0) {
        return host_file_fail(path, err);
    }
    if (block == NULL || digest == NULL || EVP_DigestInit_ex(digest, cim_sha256(), NULL) != 1) {
        return cim_fail_nomem(err);
    }
    while ((n = read(fd, block, BLOCK_BYTES)) > 0) {
        if (EVP_DigestUpdate(digest, block, (size_t)n) != 1) {
            return cim_fail_nomem(err);
        }
        n_bytes += n;
    }
    if (n < 0) {
        return host_file_fail(path, err);
    }
    if (EVP_DigestFinal_ex(digest, hash, NULL) != 1) {
        return cim_fail_nomem(err);
    }
    cim_hex(hash, (HOST_FILE_HASH_TEXT - 1) / 2, ret_hash);
    if (ret_bytes != NULL) {
        *ret_bytes = n_bytes;
    }
    return CIM_OK;
}

static void
remove_at(int parent, const char *name)
{
    const int fd = unlinkat(parent, name, 0) != 0
                       ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                       : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    if (dir == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove_at(fd, entry->d_name);
        }
    }
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void
host_file_remove(const char *path)
{
    remove_at(AT_FDCWD, path);
}

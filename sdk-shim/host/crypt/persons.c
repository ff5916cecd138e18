/* crypt/persons.c -- the keys of persons: 16 random bytes each, by number, in a file beside that of
 * the master keys.
 *
 * A person's cipher key is HMAC-SM3 of these bytes under a key derived from the master key, so the
 * file alone opens nothing, and without a person's bytes nothing of the person opens again, in no
 * copy of the database. That is why they are not in the database: a backup of it would hold them.
 *
 * "cim-persons 1\n", zeros to 16 bytes, 16 bytes that name the file, then the keys from number 1.
 * Numbers are reserved in blocks, so that an import waits for the disk once for so many records;
 * what is left of a block when the process ends, or a transaction rolls back, is never used.
 * Several hosts may share the file: blocks are reserved under its lock. An erased key is all zeros.
 */
#include "host/crypt/internal.h"

#include "cim/util.h"
#include "kit/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <unistd.h>

enum { MARK_BYTES = 16, ID_BYTES = 16, FIRST_BYTE = MARK_BYTES + ID_BYTES, BLOCK = 1024 };

static const char MARK[MARK_BYTES] = "cim-persons 1\n";

static cim_status
fail_file(const struct host_persons *persons, cim_error *err)
{
    const int code = errno;
    (void)cim_fail(err, CIM_E_IO, "crypt.key_file", persons->path, "无法读写个人密钥文件 %s：%s",
                   "the file of the persons' keys, %s, cannot be read or written: %s",
                   persons->path, strerrorname_np(code));
    if (err != NULL) {
        err->os_errno = code;
    }
    return CIM_E_IO;
}

static off_t
place_of(uint64_t person)
{
    return FIRST_BYTE + (off_t)(person - 1) * HOST_PERSON_BYTES;
}

/* ---- opening ---- */

static cim_status
make_file(const struct host_persons *persons, cim_error *err)
{
    unsigned char head[FIRST_BYTE];
    char fresh[PATH_MAX];
    memcpy(head, MARK, MARK_BYTES);
    if (RAND_bytes(head + MARK_BYTES, ID_BYTES) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法取得随机数", "no random bytes");
    }
    (void)snprintf(fresh, sizeof fresh, "%s.XXXXXX", persons->path);
    const int fd = mkostemp(fresh, O_CLOEXEC); /* 0600 */
    if (fd < 0) {
        return fail_file(persons, err);
    }
    bool done = write(fd, head, sizeof head) == (ssize_t)sizeof head && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    done = done && (link(fresh, persons->path) == 0 || errno == EEXIST); /* the first stands */
    const cim_status status = done ? CIM_OK : fail_file(persons, err);
    (void)unlink(fresh);
    return status;
}

static cim_status
check_head(struct host_persons *persons, cim_error *err)
{
    unsigned char head[FIRST_BYTE];
    struct stat info;
    const ssize_t n = pread(persons->fd, head, sizeof head, 0);
    if (n < 0 || fstat(persons->fd, &info) != 0) {
        return fail_file(persons, err);
    }
    if ((info.st_mode & 077U) != 0) {
        return cim_fail(
            err, CIM_E_STATE, "crypt.key_file", persons->path,
            "个人密钥文件 %s 只能由运行平台的账号读取（chmod 600）",
            "only the account of the platform may read the persons' keys, %s (chmod 600)",
            persons->path);
    }
    if (n != (ssize_t)sizeof head || memcmp(head, MARK, MARK_BYTES) != 0) {
        return cim_fail(err, CIM_E_STATE, "crypt.key_file", persons->path, "%s 不是个人密钥文件",
                        "%s is no file of persons' keys", persons->path);
    }
    cim_hex(head + MARK_BYTES, ID_BYTES, persons->id);
    return CIM_OK;
}

cim_status
host_persons_open(const char *key_file, bool make, struct host_persons *persons, cim_error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s.persons", key_file) >= (int)sizeof path - 8) {
        return cim_fail(err, CIM_E_INVALID, "crypt.key_file", key_file, "路径过长",
                        "the path is too long");
    }
    cim_copy_text(persons->path, sizeof persons->path, path);
    (void)pthread_mutex_init(&persons->lock, NULL); /* cannot fail for the default kind */
    if (make && access(persons->path, F_OK) != 0) {
        CIM_TRY(make_file(persons, err));
    }
    persons->fd = open(persons->path, O_RDWR | O_CLOEXEC);
    return persons->fd >= 0 ? check_head(persons, err) : fail_file(persons, err);
}

void
host_persons_close(struct host_persons *persons)
{
    if (persons->fd >= 0) {
        (void)close(persons->fd); /* what matters was brought to the disk */
    }
    if (persons->path[0] != '\0') {
        (void)pthread_mutex_destroy(&persons->lock);
    }
}

/* ---- keys ---- */

cim_status
host_persons_count(const struct host_persons *persons, int64_t *ret_n, cim_error *err)
{
    struct stat info;
    if (fstat(persons->fd, &info) != 0) {
        return fail_file(persons, err);
    }
    *ret_n = info.st_size > FIRST_BYTE ? (info.st_size - FIRST_BYTE) / HOST_PERSON_BYTES : 0;
    return CIM_OK;
}

/* Under the lock of the file. A block that was cut short is written over. */
static cim_status
append_block(struct host_persons *persons, cim_error *err)
{
    unsigned char block[BLOCK * HOST_PERSON_BYTES];
    int64_t n = 0;
    CIM_TRY(host_persons_count(persons, &n, err));
    if (RAND_priv_bytes(block, (int)sizeof block) != 1) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "无法取得随机数", "no random bytes");
    }
    const bool done = pwrite(persons->fd, block, sizeof block, place_of((uint64_t)n + 1)) ==
                          (ssize_t)sizeof block &&
                      fsync(persons->fd) == 0;
    OPENSSL_cleanse(block, sizeof block);
    if (!done) {
        return fail_file(persons, err);
    }
    persons->next = (uint64_t)n + 1;
    persons->past = persons->next + BLOCK;
    return CIM_OK;
}

static cim_status
reserve(struct host_persons *persons, cim_error *err)
{
    if (flock(persons->fd, LOCK_EX) != 0) {
        return fail_file(persons, err);
    }
    const cim_status status = append_block(persons, err);
    (void)flock(persons->fd, LOCK_UN);
    return status;
}

cim_status
host_persons_new(struct host_persons *persons, uint64_t *ret_person, cim_error *err)
{
    (void)pthread_mutex_lock(&persons->lock);
    const cim_status status = persons->next < persons->past ? CIM_OK : reserve(persons, err);
    if (status == CIM_OK) {
        *ret_person = persons->next++;
    }
    (void)pthread_mutex_unlock(&persons->lock);
    return status;
}

cim_status
host_persons_read(const struct host_persons *persons, uint64_t person,
                  unsigned char ret_bytes[HOST_PERSON_BYTES], cim_error *err)
{
    static const unsigned char erased[HOST_PERSON_BYTES];
    const ssize_t n = pread(persons->fd, ret_bytes, HOST_PERSON_BYTES, place_of(person));
    if (n < 0) {
        return fail_file(persons, err);
    }
    if (n != HOST_PERSON_BYTES) {
        return cim_fail(err, CIM_E_STATE, "crypt.key_file", persons->path,
                        "个人密钥文件 %s 中没有第 %llu 号密钥：应恢复较新的文件",
                        "%s has no key %llu: restore a newer copy of the file", persons->path,
                        (unsigned long long)person);
    }
    return memcmp(ret_bytes, erased, sizeof erased) != 0
               ? CIM_OK
               : cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "个人信息已删除",
                          "the personal data were erased");
}

cim_status
host_persons_erase(struct host_persons *persons, uint64_t person, cim_error *err)
{
    static const unsigned char erased[HOST_PERSON_BYTES];
    int64_t n = 0;
    CIM_TRY(host_persons_count(persons, &n, err));
    if (person == 0 || person > (uint64_t)n) {
        return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有此个人密钥",
                        "there is no such key of a person");
    }
    return pwrite(persons->fd, erased, sizeof erased, place_of(person)) == sizeof erased &&
                   fsync(persons->fd) == 0
               ? CIM_OK
               : fail_file(persons, err);
}

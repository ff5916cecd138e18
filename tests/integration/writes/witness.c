/* tests/integration/writes/witness.c -- loaded before a host by LD_PRELOAD: writes down, in the
 * order in which they happen, which marked record reaches the write-ahead log ("W"), when the log
 * is synced ("S"), and which marked record is acknowledged to a client ("A").
 *
 * A mark is "mark-" and six digits, in the name of a record: the log holds it in plain text and so
 * does the answer. WITNESS_FILE names the file, which is appended to with single writes. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MARK_CHARS = 11, LINE_BYTES = 32, FDS_MAX = 4096 };

static void
note(char event, const char *mark)
{
    static int file = -1;
    char line[LINE_BYTES];
    if (file < 0) {
        const char *path = getenv("WITNESS_FILE");
        file = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    }
    const int n = snprintf(line, sizeof line, "%c %.11s\n", event, mark);
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    }
    if (file >= 0 && real(file, line, (size_t)n) != n) {
        abort(); /* a witness that forgets is none */
    }
}

static int
is_log(int fd)
{
    char link[64];
    char path[512];
    if (fd < 0 || fd >= FDS_MAX) {
        return 0;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return len > 4 && strcmp(path + len - 4, "-wal") == 0 && strstr(path, "cim.gpkg") != NULL;
}

static void
note_marks(char event, const void *data, size_t len)
{
    const char *at = data;
    const char *end = at + len;
    while (end - at >= MARK_CHARS) {
        const char *found = memmem(at, (size_t)(end - at), "mark-", 5);
        if (found == NULL || end - found < MARK_CHARS) {
            return;
        }
        note(event, found);
        at = found + MARK_CHARS;
    }
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
    }
    const ssize_t n = real(fd, data, len, at);
    if (n > 0 && is_log(fd)) {
        note_marks('W', data, (size_t)n);
    }
    return n;
}

int
fdatasync(int fd)
{
    static int (*real)(int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    }
    const int log = is_log(fd);
    const int result = real(fd);
    if (log && result == 0) {
        note('S', "");
    }
    return result;
}

static void
note_answer(const struct iovec *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        note_marks('A', pieces[i].iov_base, pieces[i].iov_len);
    }
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
    }
    note_answer(message->msg_iov, message->msg_iovlen); /* before it leaves */
    return real(fd, message, flags);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "send");
    }
    note_marks('A', data, len);
    return real(fd, data, len, flags);
}

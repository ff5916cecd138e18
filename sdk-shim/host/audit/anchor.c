/* host/audit/anchor.c -- the chain's newest MAC, written where the database's owner does not write.
 *
 * A line is "2026-11-27T06:00:00.000Z SEQ MAC PROOF", the proof made with the key over the others.
 */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "kit/time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256 };

static cim_status
fail_file(const char *path, cim_error *err)
{
    const int code = errno;
    (void)cim_fail(err, CIM_E_IO, "audit.anchor_file", path, "无法读写审计锚点文件：%s",
                   "the audit anchor file cannot be read or written: %s", strerrorname_np(code));
    if (err != NULL) {
        err->os_errno = code;
    }
    return CIM_E_IO;
}

cim_status
host_anchor_append(const char *path, struct host_audit_key *key, int64_t now_ms, int64_t seq,
                   const char *mac, cim_error *err)
{
    char line[LINE_MAX_BYTES];
    char time[CIM_TIME_TEXT_MAX];
    char proof[HOST_AUDIT_MAC_TEXT];
    cim_time_format(now_ms, time);
    CIM_TRY(host_audit_mac_at(key, "anchor", seq, time, mac, proof, err));
    const int n = snprintf(line, sizeof line, "%s %" PRId64 " %s %s\n", time, seq, mac, proof);
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_file(path, err);
    }
    const bool written = write(fd, line, (size_t)n) == n && fdatasync(fd) == 0;
    if (!written) {
        const cim_status status = fail_file(path, err);
        (void)close(fd); /* told already */
        return status;
    }
    return close(fd) == 0 ? CIM_OK : fail_file(path, err);
}

static bool
parse_line(char *line, struct host_audit_key *key, struct host_anchor *ret_anchor)
{
    char *rest = line;
    char *end = NULL;
    const char *time = strsep(&rest, " ");
    const char *seq = strsep(&rest, " ");
    const char *mac = strsep(&rest, " ");
    const char *proof = strsep(&rest, "\n");
    char wanted[HOST_AUDIT_MAC_TEXT];
    if (proof == NULL || strlen(mac) != HOST_AUDIT_MAC_TEXT - 1) {
        return false;
    }
    ret_anchor->seq = strtoll(seq, &end, 10);
    cim_copy_text(ret_anchor->mac, sizeof ret_anchor->mac, mac);
    return *end == '\0' &&
           host_audit_mac_at(key, "anchor", ret_anchor->seq, time, mac, wanted, NULL) == CIM_OK &&
           strcmp(wanted, proof) == 0;
}

cim_status
host_anchor_each(const char *path, struct host_audit_key *key,
                 cim_status (*each)(void *arg, int64_t line, bool good,
                                    const struct host_anchor *anchor, cim_error *err),
                 void *arg, cim_error *err)
{
    char line[LINE_MAX_BYTES];
    cim_status status = CIM_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT ? cim_fail(err, CIM_E_NOTFOUND, "audit.anchor_file", path,
                                          "没有审计锚点文件", "there is no audit anchor file")
                               : fail_file(path, err);
    }
    for (int64_t number = 1; status == CIM_OK && fgets(line, sizeof line, file) != NULL; number++) {
        struct host_anchor anchor = {.seq = 0};
        const bool good = parse_line(line, key, &anchor);
        status = each(arg, number, good, &anchor, err);
    }
    if (status == CIM_OK && ferror(file) != 0) {
        status = fail_file(path, err);
    }
    (void)fclose(file); /* only read from */
    return status;
}

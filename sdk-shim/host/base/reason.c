#include "host/base/reason.h"

#include "cim/util.h"
#include "kit/buf.h"

/* -1: a control character or no UTF-8. */
static int32_t
count_characters(const char *text)
{
    const char *start = text + strspn(text, " ");
    size_t len = strlen(start);
    int32_t n = 0;
    while (len > 0 && start[len - 1] == ' ') {
        len--;
    }
    for (size_t at = 0; at < len; n++) {
        const size_t bytes = cim_utf8_length(start + at, len - at);
        if (bytes == 0 || (unsigned char)start[at] < ' ') {
            return -1;
        }
        at += bytes;
    }
    return n;
}

cim_status
host_reason_check(const char *reason, const char *zh, const char *en, cim_error *err)
{
    const int32_t n = reason != NULL ? count_characters(reason) : 0;
    return n >= HOST_REASON_CHARACTERS_MIN && n <= HOST_REASON_CHARACTERS_MAX
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "reason", NULL, "应写明%s的理由%.0s，%d 至 %d 个字符",
                          "%.0sexpected the reason for %s, %d to %d characters", zh, en,
                          HOST_REASON_CHARACTERS_MIN, HOST_REASON_CHARACTERS_MAX);
}

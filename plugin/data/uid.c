/* plugin/data/uid.c -- see uid.h. RFC 9562, section 6.2: monotonic random. */
#include "data/uid.h"

#include "cim/util.h"
#include "kit/time.h"

#include <errno.h>
#include <sys/random.h>

enum { TAIL_BYTES = 4 };

static cim_status
take_random(struct lpg_uid_source *source, void *to, size_t len, cim_error *err)
{
    if (source->n_left < len) {
        ssize_t got = -1;
        do {
            got = getrandom(source->random, sizeof source->random, 0);
        } while (got < 0 && errno == EINTR);
        if (got != (ssize_t)sizeof source->random) {
            return cim_fail(err, CIM_E_IO, NULL, NULL, "系统未给出随机数",
                            "the system gave no random bytes");
        }
        source->n_left = sizeof source->random;
    }
    source->n_left -= len;
    memcpy(to, source->random + source->n_left, len);
    return CIM_OK;
}

cim_status
lpg_uid_init(struct lpg_uid_source *source, cim_error *err)
{
    source->n_left = 0;
    CIM_TRY(take_random(source, &source->counter, sizeof source->counter, err));
    source->counter &= (UINT64_C(1) << 41U) - 1U; /* the highest bit stays free for counting */
    return CIM_OK;
}

cim_status
lpg_uid_next(struct lpg_uid_source *source, int64_t now_ms, char ret_uid[37], cim_error *err)
{
    uint8_t bytes[10];
    const uint64_t counter = source->counter++;
    CIM_TRY(take_random(source, bytes + 6, TAIL_BYTES, err));
    /* 12 bits behind the version, 30 behind the variant. */
    bytes[0] = (uint8_t)(counter >> 38U & 0x0FU);
    bytes[1] = (uint8_t)(counter >> 30U);
    bytes[2] = (uint8_t)(counter >> 24U & 0x3FU);
    bytes[3] = (uint8_t)(counter >> 16U);
    bytes[4] = (uint8_t)(counter >> 8U);
    bytes[5] = (uint8_t)counter;
    cim_uuid7_format(now_ms, bytes, ret_uid);
    return CIM_OK;
}

/* plugin/data/uid.h -- UUIDv7 for new records, rising within one edit. */
#ifndef LPG_DATA_UID_H
#define LPG_DATA_UID_H

#include "cim/base.h"

struct lpg_uid_source {
    uint64_t counter; /* 42 bits, begun at random and counted up: neighbours in the index */
    size_t n_left;    /* random bytes not yet used */
    uint8_t random[256];
};

/* CIM_E_IO when the system gives no random bytes. */
cim_status lpg_uid_init(struct lpg_uid_source *source, cim_error *err);
cim_status lpg_uid_next(struct lpg_uid_source *source, int64_t now_ms, char ret_uid[37],
                        cim_error *err);

#endif

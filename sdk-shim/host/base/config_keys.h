/* host/base/config_keys.h -- the table of the host's own settings. */
#ifndef HOST_CONFIG_KEYS_H
#define HOST_CONFIG_KEYS_H

#include "cim/base.h"

#include <stdbool.h>

enum host_config_type { HOST_CONFIG_TEXT, HOST_CONFIG_INT, HOST_CONFIG_BOOL, HOST_CONFIG_CHOICE };

struct host_config_key {
    const char *name;
    enum host_config_type type;
    bool secret;
    int64_t min; /* of an INT */
    int64_t max;
    const char *choices; /* of a CHOICE: "debug|info" */
    const char *fallback;
    const char *zh;
    const char *en;
};

/* NULL past the end. */
const struct host_config_key *host_config_key_at(size_t index);
/* CIM_E_INVALID with key, value and what was expected; `source` says where the value stands. */
cim_status host_config_key_check(const struct host_config_key *key, const char *value,
                                 const char *source, cim_error *err);

#endif

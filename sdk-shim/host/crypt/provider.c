/* crypt/provider.c -- the provider whose keys lie in the file as they are, and finding the one that
 * is set. */
#include "host/crypt/internal.h"

#include "cim/util.h"

static cim_status
plain_wrap(struct host_key_provider *self, int32_t version,
           const unsigned char master[HOST_MASTER_BYTES], unsigned char ret_kept[HOST_KEPT_BYTES],
           cim_error *err)
{
    (void)self;
    (void)version;
    (void)err;
    memcpy(ret_kept, master, HOST_MASTER_BYTES);
    return CIM_OK;
}

static cim_status
plain_unwrap(struct host_key_provider *self, int32_t version,
             const unsigned char kept[HOST_KEPT_BYTES], unsigned char ret_master[HOST_MASTER_BYTES],
             cim_error *err)
{
    (void)self;
    (void)version;
    (void)err;
    memcpy(ret_master, kept, HOST_MASTER_BYTES);
    return CIM_OK;
}

static void
plain_close(struct host_key_provider *self)
{
    (void)self;
}

struct host_key_provider *
host_provider_plain(void)
{
    static struct host_key_provider plain = {.mark = "",
                                             .n_kept = HOST_MASTER_BYTES,
                                             .wrap = plain_wrap,
                                             .unwrap = plain_unwrap,
                                             .close = plain_close};
    return &plain;
}

cim_status
host_provider_open(const struct host_crypt_keys *keys, bool make,
                   struct host_key_provider **ret_provider, cim_error *err)
{
    if (keys->module != NULL && keys->module[0] != '\0') {
        return host_pkcs11_open(keys, make, ret_provider, err);
    }
    *ret_provider = host_provider_plain();
    return CIM_OK;
}

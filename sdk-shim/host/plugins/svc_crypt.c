/* cim.crypt/1 over the host's keys. */
#include "host/crypt/crypt.h"
#include "host/plugins/plugin.h"

static struct host_crypt *
crypt_of(const cim_host *host)
{
    return host_plugin_of(host)->owner->app->crypt;
}

static cim_status
crypt_seal(const cim_host *host, const cim_crypt_place *place, const char *text, size_t len,
           const char *index_text, size_t index_len, char *out, size_t out_size, size_t *ret_len,
           cim_error *err)
{
    return host_crypt_seal(crypt_of(host), place, text, len, index_text, index_len, out, out_size,
                           ret_len, err);
}

static cim_status
crypt_open(const cim_host *host, const cim_crypt_place *place, const char *sealed, size_t len,
           char *out, size_t out_size, size_t *ret_len, cim_error *err)
{
    return host_crypt_unseal(crypt_of(host), place, sealed, len, out, out_size, ret_len, err);
}

static cim_status
crypt_head(const cim_host *host, const cim_crypt_place *place, const char *index_text,
           size_t index_len, uint32_t i, char ret_head[CIM_CRYPT_HEAD_MAX], cim_error *err)
{
    return host_crypt_head(crypt_of(host), place, index_text, index_len, i, ret_head, err);
}

static cim_status
crypt_person_new(const cim_host *host, uint64_t *ret_person, cim_error *err)
{
    return host_crypt_person_new(crypt_of(host), ret_person, err);
}

static uint64_t
crypt_person_of(const cim_host *host, const char *sealed, size_t len)
{
    (void)host;
    return host_crypt_person_of(sealed, len);
}

static cim_status
crypt_person_erase(const cim_host *host, uint64_t person, cim_error *err)
{
    return host_crypt_person_erase(crypt_of(host), person, err);
}

const cim_crypt_v1 host_svc_crypt = {
    .struct_size = sizeof(cim_crypt_v1),
    .seal = crypt_seal,
    .open = crypt_open,
    .head = crypt_head,
    .person_new = crypt_person_new,
    .person_of = crypt_person_of,
    .person_erase = crypt_person_erase,
};

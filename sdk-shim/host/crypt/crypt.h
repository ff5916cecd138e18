/* host/crypt/crypt.h -- the keys that personal data lies encrypted under, and sealing with them.
 *
 * Master keys (32 random bytes each) lie in a file of mode 0600, a line each, made at the first
 * start. As they are, "VERSION HEX", where the file is the provider; "VERSION pkcs11 HEX", wrapped
 * by a key that never leaves a hardware security module, where a PKCS #11 module is. The last line
 * is the newest: it seals; the others still open. Three keys are
 * derived from each by HMAC-SM3: for SM4-CTR, for the MAC, for the blind index. Another process may
 * add a key while this one serves: it is taken up within a second, at once where a text needs it.
 *
 * The data store knows a fingerprint of every key that ever sealed in it (cim_data_key): a file
 * that is lost, restored from an old copy or exchanged is refused at the start, and no key seals
 * that the store does not know.
 */
#ifndef HOST_CRYPT_H
#define HOST_CRYPT_H

#include "cim/crypt.h"

#include <stdbool.h>

struct host_crypt;
struct host_store;

enum { HOST_CRYPT_KEYS_MAX = 64, HOST_CRYPT_FINGERPRINT_TEXT = 33 };

/* A key as others may know it: HMAC-SM3 under it of a fixed text, the first 16 bytes. */
struct host_crypt_known {
    int32_t version;
    char fingerprint[HOST_CRYPT_FINGERPRINT_TEXT];
    bool wrapped; /* in the file */
};

/* Where keys come from; texts may be NULL but `file`. */
struct host_crypt_keys {
    const char *file;
    const char *module; /* path of a PKCS #11 module; empty: the file holds the keys as they are */
    const char *token;  /* its label, */
    const char *label;  /* and that of the AES key that wraps; made where no key is wrapped yet */
    const char *pin_file; /* or the PIN itself; neither is ever told */
    const char *pin;
};

/* `make`: makes the file and its first key where there is none. CIM_E_STATE: others may read the
 * file, it is no key file, or it is not the token that wrapped its keys. CIM_E_IO: the file or the
 * module does not answer. The keys of the file seal; those that are added to it later only open
 * until they are admitted. */
cim_status host_crypt_open(const struct host_crypt_keys *keys, bool make,
                           struct host_crypt **ret_crypt, cim_error *err);
void host_crypt_close(struct host_crypt *crypt); /* NULL-safe */
/* As above with the keys that sealed in `store`, which is migrated: makes a file only where the
 * store knows no key, and tells the store of new ones. CIM_E_STATE names the version that is
 * missing or another one, the file, and what to do. */
cim_status host_crypt_open_for(struct host_store *store, const struct host_crypt_keys *keys,
                               struct host_crypt **ret_crypt, cim_error *err);
/* Takes up keys that were added to the file, tells the store of them, and seals with the newest
 * from then on. Called now and then by the platform that serves, from one thread. */
cim_status host_crypt_admit(struct host_crypt *crypt, struct host_store *store, cim_error *err);

/* As in cim/crypt.h. [any] */
cim_status host_crypt_seal(struct host_crypt *crypt, const cim_crypt_place *place, const char *text,
                           size_t len, const char *index_text, size_t index_len, char *out,
                           size_t out_size, size_t *ret_len, cim_error *err);
cim_status host_crypt_unseal(struct host_crypt *crypt, const cim_crypt_place *place,
                             const char *sealed, size_t len, char *out, size_t out_size,
                             size_t *ret_len, cim_error *err);
cim_status host_crypt_head(struct host_crypt *crypt, const cim_crypt_place *place,
                           const char *index_text, size_t index_len, uint32_t i,
                           char ret_head[CIM_CRYPT_HEAD_MAX], cim_error *err);

cim_status host_crypt_person_new(struct host_crypt *crypt, uint64_t *ret_person, cim_error *err);
uint64_t host_crypt_person_of(const char *sealed, size_t len);
cim_status host_crypt_person_erase(struct host_crypt *crypt, uint64_t person, cim_error *err);

/* Adds a key to the file, which is the newest from then on. With a module all keys are wrapped by
 * it then, also those that the file held as they are. */
cim_status host_crypt_rotate(const struct host_crypt_keys *keys, int32_t *ret_version,
                             cim_error *err);
/* Keys in the file, oldest first. */
cim_status host_crypt_list(const struct host_crypt_keys *keys,
                           struct host_crypt_known ret_known[HOST_CRYPT_KEYS_MAX], size_t *ret_n,
                           cim_error *err);

#endif

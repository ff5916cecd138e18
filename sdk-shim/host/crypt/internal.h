/* host/crypt/internal.h -- the inside of crypt; private to this folder. */
#ifndef HOST_CRYPT_INTERNAL_H
#define HOST_CRYPT_INTERNAL_H

#include "host/crypt/crypt.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
    HOST_MASTER_BYTES = 32,
    HOST_KEPT_BYTES = 60, /* of a master key in the file, at most */
    HOST_SM3_BYTES = 32,
    HOST_SM4_BYTES = 16 /* of a key, of an IV */
};

/* ---- persons.c: the file of the persons' keys ---- */

enum { HOST_PERSON_BYTES = 16, HOST_PERSONS_ID_TEXT = 33 };

struct host_persons {
    int fd;
    char path[PATH_MAX];
    char id[HOST_PERSONS_ID_TEXT]; /* names the file, whatever it holds */
    pthread_mutex_t lock;
    uint64_t next; /* of the block that is reserved, */
    uint64_t past; /* and its end */
};

/* KEY_FILE.persons; `persons` is zeroed but for `fd` -1, and closed by the caller also on failure.
 */
cim_status host_persons_open(const char *key_file, bool make, struct host_persons *persons,
                             cim_error *err);
void host_persons_close(struct host_persons *persons);
/* Keys in the file, the erased ones among them. */
cim_status host_persons_count(const struct host_persons *persons, int64_t *ret_n, cim_error *err);
cim_status host_persons_new(struct host_persons *persons, uint64_t *ret_person, cim_error *err);
/* CIM_E_NOTFOUND: erased; CIM_E_STATE: not in the file. */
cim_status host_persons_read(const struct host_persons *persons, uint64_t person,
                             unsigned char ret_bytes[HOST_PERSON_BYTES], cim_error *err);
cim_status host_persons_erase(struct host_persons *persons, uint64_t person, cim_error *err);

struct evp_mac_ctx_st;
struct evp_cipher_st;

/* Derived from one master key; never changed once it is published. */
struct host_crypt_key {
    struct host_crypt_known known;
    unsigned char cipher_key[HOST_SM4_BYTES];
    struct evp_mac_ctx_st *mac; /* keyed; duplicated for each use */
    struct evp_mac_ctx_st *index;
    struct evp_mac_ctx_st *person; /* makes the cipher keys of persons */
};

struct host_crypt {
    struct host_crypt_keys from; /* texts of its own */
    struct host_persons persons;
    struct evp_cipher_st *sm4_ctr;
    _Atomic(size_t) n_keys;    /* keys are only ever added */
    _Atomic(size_t) n_sealing; /* the last of so many seals; those after it only open */
    struct host_crypt_key *keys[HOST_CRYPT_KEYS_MAX];
    pthread_mutex_t lock;           /* of a reading of the file */
    _Atomic int64_t n_persons_told; /* keys in their file that the store was told of */
    struct stat seen;
    time_t retry_at; /* of a file that could not be taken up; 0: it was */
};

/* Takes up what was added to the file; CIM_E_STATE: a key at hand is no longer in it. */
cim_status host_crypt_look_again(struct host_crypt *crypt, cim_error *err);

/* ---- keys.c: the file ---- */

struct host_master {
    int32_t version;
    bool wrapped; /* in the file */
    unsigned char bytes[HOST_MASTER_BYTES];
};

cim_status host_masters_read(const struct host_crypt_keys *keys,
                             struct host_master ret_masters[HOST_CRYPT_KEYS_MAX], size_t *ret_n,
                             struct stat *ret_stat, cim_error *err);
/* The file anew with these keys; with `first` only where there is none yet. */
cim_status host_masters_write(const struct host_crypt_keys *keys, const struct host_master *masters,
                              size_t n, bool first, cim_error *err);
cim_status host_master_new(int32_t version, struct host_master *ret_master, cim_error *err);

/* ---- provider.c, pkcs11.c: how master keys lie in the file ---- */

struct host_key_provider {
    const char *mark; /* between version and bytes of a line; "": nothing */
    size_t n_kept;    /* bytes of a key in the file */
    cim_status (*wrap)(struct host_key_provider *self, int32_t version,
                       const unsigned char master[HOST_MASTER_BYTES],
                       unsigned char ret_kept[HOST_KEPT_BYTES], cim_error *err);
    cim_status (*unwrap)(struct host_key_provider *self, int32_t version,
                         const unsigned char kept[HOST_KEPT_BYTES],
                         unsigned char ret_master[HOST_MASTER_BYTES], cim_error *err);
    void (*close)(struct host_key_provider *self);
};

/* Keys as they are; needs no close. */
struct host_key_provider *host_provider_plain(void);
/* The one that is set; it borrows `keys`. `make`: makes its wrapping key where there is none. */
cim_status host_provider_open(const struct host_crypt_keys *keys, bool make,
                              struct host_key_provider **ret_provider, cim_error *err);
cim_status host_pkcs11_open(const struct host_crypt_keys *keys, bool make,
                            struct host_key_provider **ret_provider, cim_error *err);

/* ---- derive.c ---- */

cim_status host_crypt_key_new(const struct host_master *master, struct host_crypt_key **ret_key,
                              cim_error *err);
void host_crypt_key_free(struct host_crypt_key *key); /* NULL-safe */

#endif

/* host/crypt/internal.h -- the inside of crypt; private to this folder. */
#ifndef HOST_CRYPT_INTERNAL_H
#define HOST_CRYPT_INTERNAL_H

#include "host/crypt/crypt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
    HOST_MASTER_BYTES = 32,
    HOST_SM3_BYTES = 32,
    HOST_SM4_BYTES = 16 /* of a key, of an IV */
};

struct evp_mac_ctx_st;
struct evp_cipher_st;

/* Derived from one master key; never changed once it is published. */
struct host_crypt_key {
    struct host_crypt_known known;
    unsigned char cipher_key[HOST_SM4_BYTES];
    struct evp_mac_ctx_st *mac; /* keyed; duplicated for each use */
    struct evp_mac_ctx_st *index;
};

struct host_crypt {
    char *path;
    struct evp_cipher_st *sm4_ctr;
    _Atomic(size_t) n_keys;    /* keys are only ever added */
    _Atomic(size_t) n_sealing; /* the last of so many seals; those after it only open */
    struct host_crypt_key *keys[HOST_CRYPT_KEYS_MAX];
    pthread_mutex_t lock; /* of a reading of the file */
    struct stat seen;
};

/* Takes up what was added to the file; CIM_E_STATE: a key at hand is no longer in it. */
cim_status host_crypt_look_again(struct host_crypt *crypt, cim_error *err);

/* ---- keys.c: the file ---- */

struct host_master {
    int32_t version;
    unsigned char bytes[HOST_MASTER_BYTES];
};

cim_status host_masters_read(const char *path, struct host_master ret_masters[HOST_CRYPT_KEYS_MAX],
                             size_t *ret_n, struct stat *ret_stat, cim_error *err);
/* The file anew with these keys; with `first` only where there is none yet. */
cim_status host_masters_write(const char *path, const struct host_master *masters, size_t n,
                              bool first, cim_error *err);
cim_status host_master_new(int32_t version, struct host_master *ret_master, cim_error *err);

/* ---- derive.c ---- */

cim_status host_crypt_key_new(const struct host_master *master, struct host_crypt_key **ret_key,
                              cim_error *err);
void host_crypt_key_free(struct host_crypt_key *key); /* NULL-safe */

#endif

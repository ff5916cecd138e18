/* cim/crypt.h -- cim.crypt/1: texts that lie encrypted in the store, and finding them by equality.
 *
 * A sealed text is "e1:KEY:INDEX:PERSON:DATA": the version of its key, its blind index (or "-"),
 * the number of its person's key (left out with its colon where there is none), and in base64 the
 * IV (16 random bytes), the text in SM4-CTR (GB/T 32907) and HMAC-SM3 (GB/T 32905, GM/T 0042) over
 * table, column, uid, all that is before the base64, IV and ciphertext. So it opens only
 * where it was sealed: moved to another record, column or table it is refused, as is a changed
 * byte. The index is HMAC-SM3 of a normalised text under a key of its own, per table and column:
 * equal texts have equal indexes there, and nothing tells which. Keys never leave the platform.
 *
 * Keys of persons lie outside of the store and its backups. Once one is destroyed, what was sealed
 * with it opens nowhere: not in the change images, not in a backup. A record about a person takes
 * one key for all its texts.
 */
#ifndef CIM_CRYPT_H
#define CIM_CRYPT_H

#include "cim/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_CRYPT "cim.crypt/1"

enum {
    CIM_CRYPT_TEXT_MAX = 16000, /* bytes of a text */
    CIM_CRYPT_HEAD_MAX = 64,    /* bytes of "e1:KEY:INDEX:PERSON:" with its NUL */
    CIM_CRYPT_SEALED_MAX = CIM_CRYPT_HEAD_MAX + (CIM_CRYPT_TEXT_MAX + 48 + 2) / 3 * 4 + 1
};

/* Stands in the store for a text of somebody who was erased. */
#define CIM_CRYPT_ERASED "e1:erased"

/* Where a text lies. */
typedef struct cim_crypt_place {
    uint32_t struct_size;
    uint32_t uid_len;
    const char *table;
    const char *column;
    const char *uid; /* of the record; needs no NUL */
    uint64_t person; /* to seal with: number of the person's key; 0: none */
} cim_crypt_place;

typedef struct cim_crypt_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Seals with the newest key. `index_text`: the normalised text to find it by; NULL: not to be
     * found. CIM_E_TOO_LARGE past CIM_CRYPT_TEXT_MAX or `out_size`, CIM_E_NOTFOUND: the person was
     * erased. [any] */
    cim_status (*seal)(const cim_host *host, const cim_crypt_place *place, const char *text,
                       size_t len, const char *index_text, size_t index_len, char *out,
                       size_t out_size, size_t *ret_len, cim_error *err);
    /* CIM_E_STATE: changed, not from this place, or its key is not there; CIM_E_NOTFOUND: the
     * person was erased, also of CIM_CRYPT_ERASED. The text is never longer than what it was sealed
     * to. [any] */
    cim_status (*open)(const cim_host *host, const cim_crypt_place *place, const char *sealed,
                       size_t len, char *out, size_t out_size, size_t *ret_len, cim_error *err);
    /* How every text with this index begins that was sealed with the i-th key; CIM_E_NOTFOUND past
     * the last. NULL as `index_text`: how every text of that key begins. The newest key comes
     * first. `place` needs no uid. [any] */
    cim_status (*head)(const cim_host *host, const cim_crypt_place *place, const char *index_text,
                       size_t index_len, uint32_t i, char ret_head[CIM_CRYPT_HEAD_MAX],
                       cim_error *err);
    /* The number of a new key for a person; cheap, and no loss where it stays unused. [any] */
    cim_status (*person_new)(const cim_host *host, uint64_t *ret_person, cim_error *err);
    /* Of a sealed text; 0: none. [any] */
    uint64_t (*person_of)(const cim_host *host, const char *sealed, size_t len);
    /* Destroys the key, on the disk when it returns; again is no error. Called last in the
     * transaction that removes the texts. CIM_E_NOTFOUND: there never was such a key. [any] */
    cim_status (*person_erase)(const cim_host *host, uint64_t person, cim_error *err);
} cim_crypt_v1;

#ifdef __cplusplus
}
#endif
#endif

/* plugin/data/sealed.h -- fields that lie encrypted in the store.
 *
 * They are sealed on their way into a statement and opened on their way into an answer, before
 * masking; nothing in between sees them clear. A value that was stored clear, before its field was
 * encrypted, reads as it is until the keeper (lpg_sealed_run) has sealed it.
 */
#ifndef LPG_DATA_SEALED_H
#define LPG_DATA_SEALED_H

#include "data/block.h"
#include "data/edit.h"
#include "data/filter.h"

#include <stdatomic.h>

enum {
    LPG_SEALED_SLICE = 200,        /* records sealed anew in one transaction */
    LPG_SEALED_BYTES_MAX = 1 << 20 /* of one record */
};

/* The value of an encrypted field as it was stored, for an edit that undoes; false: it is none. */
bool lpg_sealed_read(const struct cim_field *field, const cim_column *column, int64_t row,
                     cim_value *value);
/* Seals the set, encrypted fields of the record at hand, which has this uid. A value that `stored`
 * (the stored record in its first row; NULL: a new record) holds already under the newest key stays
 * the same sealed text. The texts live until the next record. */
cim_status lpg_sealed_take(struct lpg_run *run, const char *uid, const cim_batch *stored,
                           cim_error *err);
/* Of an edit that erases: notes the persons of the stored record, and leaves what has no value. */
cim_status lpg_sealed_erase(struct lpg_run *run, const cim_batch *stored, cim_error *err);
/* Destroys the keys noted. Last in the transaction: a record that still stands reads as erased when
 * the transaction fails after all, and can be erased again; the other way round its key would stay.
 */
cim_status lpg_sealed_destroy(struct lpg_run *run, cim_error *err);
/* Whether a value of the record equals what is stored: opens it where it is sealed. */
bool lpg_sealed_same(const struct lpg_run *run, uint32_t slot, const cim_batch *stored);
/* Opens the column of an encrypted field in place; column CIM_RECORD_UID has the uids. Of persons
 * who were erased it says CIM_ERASED_TEXT.
 * CIM_E_STATE names the record whose value was changed or moved. */
cim_status lpg_sealed_open(const struct lpg_layer *layer, struct lpg_block *block, uint32_t column,
                           const struct cim_field *field, cim_error *err);
/* "(field equals one of the texts)"; `values` are JSON texts. */
cim_status lpg_sealed_filter(struct lpg_filter *filter, const struct cim_field *field,
                             struct json_object *const *values, size_t n);
/* Refuses an encrypted field where order or parts of its values are wanted. */
cim_status lpg_sealed_refuse(const struct lpg_column *column, cim_error *err);
/* A stored value sealed anew with the newest key; CIM_CRYPT_ERASED where its person was erased.
 * CIM_E_STATE: it cannot be opened. */
cim_status lpg_sealed_again(const struct lpg_layer *layer, const struct cim_field *field,
                            const char *uid, size_t uid_len, const char *stored, size_t len,
                            struct cim_buf *out, cim_error *err);
/* Seals what is stored clear or under an older key, slice by slice; looks through the tables once
 * for each newest key. From one thread. */
cim_status lpg_sealed_run(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_sealed,
                          cim_error *err);

#endif

/* crypt/register.c -- the fingerprints that the data store keeps of its keys. */
#include "host/crypt/internal.h"

#include "host/audit/audit.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <errno.h>
#include <unistd.h>

struct register_of {
    struct host_crypt *crypt;
    const char *key_file;
    size_t n; /* what the store knows, oldest first */
    struct host_crypt_known known[HOST_CRYPT_KEYS_MAX];
};

/* ---- reading ---- */

static const char KNOWN_SQL[] =
    "select version, fingerprint from cim_data_key order by version limit 64";

static cim_status
read_known(struct register_of *self, cim_rows *rows, cim_error *err)
{
    struct host_row row = {.rows = rows};
    bool there = false;
    CIM_TRY(host_row_next(&row, &there, err));
    for (self->n = 0; there && self->n < HOST_CRYPT_KEYS_MAX; self->n++) {
        struct host_crypt_known *known = &self->known[self->n];
        CIM_AUTO_FREE char *fingerprint = host_row_text(&row, 1);
        if (fingerprint == NULL) {
            return cim_fail_nomem(err);
        }
        known->version = (int32_t)host_row_i64(&row, 0);
        cim_copy_text(known->fingerprint, sizeof known->fingerprint, fingerprint);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

static cim_status
read_store(struct register_of *self, struct host_store *store, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_store_read(store, KNOWN_SQL, NULL, 0, &rows, err));
    return read_known(self, rows, err);
}

/* ---- comparing ---- */

static const struct host_crypt_known *
find(const struct host_crypt_known *known, size_t n, int32_t version)
{
    for (size_t i = 0; i < n; i++) {
        if (known[i].version == version) {
            return &known[i];
        }
    }
    return NULL;
}

static cim_status
fail_lost(const struct register_of *self, cim_error *err)
{
    return cim_fail(
        err, CIM_E_STATE, "crypt.key_file", self->key_file,
        "加密密钥文件 %s 不存在，而库中数据曾用第 %d 至 %d 版密钥加密：请从备份恢复该文件"
        "后再启动，平台不会另造新密钥",
        "the file of the encryption keys, %s, is not there, but keys %d to %d sealed in "
        "this store: restore it from its backup and start again; no new key is made",
        self->key_file, self->known[0].version, self->known[self->n - 1].version);
}

static cim_status
fail_version(const struct register_of *self, const struct host_crypt_known *known, bool differs,
             cim_error *err)
{
    return differs
               ? cim_fail(
                     err, CIM_E_STATE, "crypt.key_file", self->key_file,
                     "加密密钥文件 %s 中第 %d 版不是库中数据所用的密钥（指纹应为 %s）：请从备份"
                     "恢复与此数据库对应的文件后再启动",
                     "%s: key %d is not the one that sealed in this store, whose "
                     "fingerprint is %s: restore the file that belongs to this database "
                     "and start again",
                     self->key_file, known->version, known->fingerprint)
               : cim_fail(err, CIM_E_STATE, "crypt.key_file", self->key_file,
                          "加密密钥文件 %s 缺少库中数据所用的第 %d 版密钥（指纹 %s）：请从备份恢复"
                          "较新的文件后再启动",
                          "%s lacks key %d (fingerprint %s), which sealed in this store: restore "
                          "a newer copy of the file and start again",
                          self->key_file, known->version, known->fingerprint);
}

/* Every key that the store knows is at hand. */
static cim_status
compare(const struct register_of *self, size_t n_keys, cim_error *err)
{
    for (size_t i = 0; i < self->n; i++) {
        const struct host_crypt_known *known = &self->known[i];
        const struct host_crypt_known *own = NULL;
        for (size_t k = 0; k < n_keys && own == NULL; k++) {
            own = find(&self->crypt->keys[k]->known, 1, known->version);
        }
        if (own == NULL || strcmp(own->fingerprint, known->fingerprint) != 0) {
            return fail_version(self, known, own != NULL, err);
        }
    }
    return CIM_OK;
}

/* ---- telling the store ---- */

static cim_status
insert(cim_tx *tx, const struct host_crypt_known *known, cim_error *err)
{
    char detail[96];
    const cim_audit_entry entry = {
        .struct_size = sizeof entry, .action = "key.add", .detail = detail};
    const cim_value values[] = {host_value_i64("version", known->version),
                                host_value_text("fingerprint", known->fingerprint)};
    (void)snprintf(detail, sizeof detail, "{\"version\":%d,\"fingerprint\":\"%s\"}", known->version,
                   known->fingerprint);
    CIM_TRY(host_store_exec(tx,
                            "insert into cim_data_key (version, fingerprint, at) values (:version, "
                            ":fingerprint, {now})",
                            values, 2, NULL, err));
    return host_audit_record(tx, NULL, &entry, err);
}

/* Compared again: another host may have told the store of its keys meanwhile. */
static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct register_of *self = arg;
    const size_t n_keys = atomic_load(&self->crypt->n_keys);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_store_query(tx, KNOWN_SQL, NULL, 0, &rows, err));
    CIM_TRY(read_known(self, rows, err));
    CIM_TRY(compare(self, n_keys, err));
    for (size_t k = 0; k < n_keys; k++) {
        const struct host_crypt_known *own = &self->crypt->keys[k]->known;
        if (find(self->known, self->n, own->version) == NULL) {
            CIM_TRY(insert(tx, own, err));
        }
    }
    return CIM_OK;
}

static cim_status
tell(struct register_of *self, struct host_store *store, cim_error *err)
{
    const size_t n_keys = atomic_load(&self->crypt->n_keys);
    CIM_TRY(compare(self, n_keys, err));
    return self->n == n_keys || host_store_is_read_only(store)
               ? CIM_OK
               : host_store_write(store, in_transaction, self, NULL, err);
}

cim_status
host_crypt_open_for(struct host_store *store, const struct host_crypt_keys *keys,
                    struct host_crypt **ret_crypt, cim_error *err)
{
    struct register_of self = {.key_file = keys->file};
    CIM_TRY(read_store(&self, store, err));
    if (self.n > 0 && access(keys->file, F_OK) != 0 && errno == ENOENT) {
        return fail_lost(&self, err);
    }
    const bool make = self.n == 0 && !host_store_is_read_only(store);
    CIM_TRY(host_crypt_open(keys, make, &self.crypt, err));
    const cim_status status = tell(&self, store, err);
    if (status != CIM_OK) {
        host_crypt_close(self.crypt);
        return status;
    }
    *ret_crypt = self.crypt;
    return CIM_OK;
}

cim_status
host_crypt_admit(struct host_crypt *crypt, struct host_store *store, cim_error *err)
{
    struct register_of self = {.crypt = crypt, .key_file = crypt->from.file};
    CIM_TRY(host_crypt_look_again(crypt, err));
    const size_t n_keys = atomic_load(&crypt->n_keys);
    if (n_keys == atomic_load(&crypt->n_sealing)) {
        return CIM_OK;
    }
    CIM_TRY(read_store(&self, store, err));
    CIM_TRY(tell(&self, store, err));
    atomic_store(&crypt->n_sealing, n_keys);
    return CIM_OK;
}

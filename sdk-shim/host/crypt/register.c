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
    bool has_persons; /* the store knows their file: */
    char persons_id[HOST_PERSONS_ID_TEXT];
    int64_t n_persons;
};

/* ---- reading ---- */

static const char KNOWN_SQL[] =
    "select version, fingerprint from cim_data_key order by version limit 64";
static const char PERSONS_SQL[] = "select file_id, keys from cim_person_file";

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
read_persons(struct register_of *self, cim_rows *rows, cim_error *err)
{
    struct host_row row = {.rows = rows};
    CIM_TRY(host_row_next(&row, &self->has_persons, err));
    if (self->has_persons) {
        CIM_AUTO_FREE char *id = host_row_text(&row, 0);
        if (id == NULL) {
            return cim_fail_nomem(err);
        }
        cim_copy_text(self->persons_id, sizeof self->persons_id, id);
        self->n_persons = host_row_i64(&row, 1);
    }
    return CIM_OK;
}

static cim_status
read_store(struct register_of *self, struct host_store *store, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_ROWS cim_rows *persons = NULL;
    CIM_TRY(host_store_read(store, KNOWN_SQL, NULL, 0, &rows, err));
    CIM_TRY(read_known(self, rows, err));
    CIM_TRY(host_store_read(store, PERSONS_SQL, NULL, 0, &persons, err));
    return read_persons(self, persons, err);
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

static cim_status
check_persons_there(const struct register_of *self, cim_error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s.persons", self->key_file);
    return access(path, F_OK) == 0 || errno != ENOENT
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_STATE, "crypt.key_file", path,
                     "个人密钥文件 %s 不存在，而库中 %lld "
                     "人的数据靠它解密：请从备份恢复该文件后再启动，"
                     "平台不会另造新文件",
                     "the file of the persons' keys, %s, is not there, but the store has data "
                     "of %lld persons under it: restore it and start again; no new one is made",
                     path, (long long)self->n_persons);
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

/* The file of the persons' keys is the store's, and no copy from before. */
static cim_status
compare_persons(const struct register_of *self, int64_t n, cim_error *err)
{
    const struct host_persons *persons = &self->crypt->persons;
    if (!self->has_persons) {
        return CIM_OK;
    }
    if (strcmp(persons->id, self->persons_id) != 0) {
        return cim_fail(err, CIM_E_STATE, "crypt.key_file", persons->path,
                        "%s 不是此数据库的个人密钥文件（应为 %s）：请从备份恢复后再启动",
                        "%s is not the file of persons' keys that belongs to this database (%s): "
                        "restore it and start again",
                        persons->path, self->persons_id);
    }
    return n >= self->n_persons
               ? CIM_OK
               : cim_fail(
                     err, CIM_E_STATE, "crypt.key_file", persons->path,
                     "%s 是旧的副本：其中有 %lld 个个人密钥，数据库用到 %lld 个；请恢复较新的文件后"
                     "再启动",
                     "%s is an old copy: it has %lld keys of persons, and the database uses "
                     "%lld: restore a newer copy and start again",
                     persons->path, (long long)n, (long long)self->n_persons);
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

static cim_status
tell_persons(const struct register_of *self, cim_tx *tx, cim_error *err)
{
    int64_t n = 0;
    CIM_TRY(host_persons_count(&self->crypt->persons, &n, err));
    CIM_TRY(compare_persons(self, n, err));
    const cim_value values[] = {host_value_i64("n", n),
                                host_value_text("id", self->crypt->persons.id)};
    return self->has_persons
               ? host_store_exec(tx, "update cim_person_file set keys = :n, at = {now}", values, 1,
                                 NULL, err)
               : host_store_exec(tx,
                                 "insert into cim_person_file (file_id, keys, at) values (:id, :n, "
                                 "{now})",
                                 values, 2, NULL, err);
}

/* Compared again: another host may have told the store of its keys meanwhile. */
static cim_status
in_transaction(void *arg, cim_tx *tx, cim_error *err)
{
    struct register_of *self = arg;
    const size_t n_keys = atomic_load(&self->crypt->n_keys);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_ROWS cim_rows *persons = NULL;
    CIM_TRY(host_store_query(tx, KNOWN_SQL, NULL, 0, &rows, err));
    CIM_TRY(read_known(self, rows, err));
    CIM_TRY(host_store_query(tx, PERSONS_SQL, NULL, 0, &persons, err));
    CIM_TRY(read_persons(self, persons, err));
    CIM_TRY(compare(self, n_keys, err));
    CIM_TRY(tell_persons(self, tx, err));
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
    int64_t n_persons = 0;
    CIM_TRY(compare(self, n_keys, err));
    CIM_TRY(host_persons_count(&self->crypt->persons, &n_persons, err));
    CIM_TRY(compare_persons(self, n_persons, err));
    const bool is_told = self->n == n_keys && self->has_persons && n_persons == self->n_persons;
    if (!is_told && !host_store_is_read_only(store)) {
        CIM_TRY(host_store_write(store, in_transaction, self, NULL, err));
    }
    atomic_store(&self->crypt->n_persons_told, n_persons);
    return CIM_OK;
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
    if (self.has_persons) {
        CIM_TRY(check_persons_there(&self, err));
    }
    const bool make = !host_store_is_read_only(store);
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
    int64_t n_persons = 0;
    CIM_TRY(host_persons_count(&crypt->persons, &n_persons, err));
    if (n_keys == atomic_load(&crypt->n_sealing) &&
        n_persons == atomic_load(&crypt->n_persons_told)) {
        return CIM_OK;
    }
    CIM_TRY(read_store(&self, store, err));
    CIM_TRY(tell(&self, store, err));
    atomic_store(&crypt->n_sealing, n_keys);
    return CIM_OK;
}

/* tests/support/fake_host.c -- see fake_host.h. */
#include "fake_host.h"

#include "cim/bindings.h"

#include "pg_database.h"

#include "cim/access.h"
#include "cim/services.h"
#include "cim/store.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/batches/batches.h"
#include "host/base/clock.h"
#include "host/crypt/crypt.h"
#include "unit.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fake_host *
fake_of(const cim_host *host)
{
    return (struct fake_host *)host->impl;
}

/* ---- store/1 ---- */

static cim_status
store_read(const cim_host *host, const char *sql, const cim_value *values, uint32_t n_values,
           cim_rows **ret_rows, cim_error *err)
{
    return host_store_read(fake_of(host)->store, sql, values, n_values, ret_rows, err);
}

static cim_status
give_up(void *arg, cim_tx *tx, cim_error *err)
{
    struct {
        cim_tx_fn fn;
        void *arg;
    } *inner = arg;
    (void)inner->fn(inner->arg, tx, err); /* its work is undone with the transaction */
    return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "撤销", "rolled back by the test");
}

static cim_status
store_write(const cim_host *host, cim_tx_fn fn, void *arg, int64_t *ret_pos, cim_error *err)
{
    struct fake_host *fake = fake_of(host);
    struct {
        cim_tx_fn fn;
        void *arg;
    } inner = {fn, arg};
    if (++fake->n_writes > fake->writes_end_at && fake->writes_end_at > 0) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "库不可用", "the store is gone");
    }
    for (int i = 0; i < fake->rolled_back_times; i++) {
        int64_t pos = 0;
        (void)host_store_write(fake->store, give_up, &inner, &pos, err);
    }
    return host_store_write(fake->store, fn, arg, ret_pos, err);
}

static int64_t
store_pos(const cim_host *host)
{
    return host_store_pos(fake_of(host)->store);
}

static int64_t
store_layer_pos(const cim_host *host, const char *layer)
{
    return host_store_layer_pos(fake_of(host)->store, layer);
}

static void
store_loaded(const cim_host *host, const char *table)
{
    host_store_loaded(fake_of(host)->store, table);
}

static const cim_store_v1 store_service = {.struct_size = sizeof store_service,
                                           .read = store_read,
                                           .write = store_write,
                                           .exec = host_store_exec,
                                           .query = host_store_query,
                                           .change = host_store_change,
                                           .pos = store_pos,
                                           .layer_pos = store_layer_pos,
                                           .insert = host_store_insert,
                                           .loaded = store_loaded};

/* ---- audit/1: real entries, in transactions of the caller ---- */

static cim_status
audit_event(const cim_host *host, const cim_call *call, const cim_audit_entry *entry,
            cim_error *err)
{
    (void)host;
    (void)call;
    (void)entry;
    return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "不记事件",
                    "the fake host keeps no events");
}

static const cim_audit_v1 audit_service = {
    .struct_size = sizeof audit_service, .record = host_audit_record, .event = audit_event};

static const cim_batches_v1 batches_service = {
    .struct_size = sizeof batches_service, .note = host_batches_note, .keep = host_batches_keep};

/* ---- crypt/1: real keys ---- */

static cim_status
crypt_seal(const cim_host *host, const cim_crypt_place *place, const char *text, size_t len,
           const char *index_text, size_t index_len, char *out, size_t out_size, size_t *ret_len,
           cim_error *err)
{
    return host_crypt_seal(fake_of(host)->crypt, place, text, len, index_text, index_len, out,
                           out_size, ret_len, err);
}

static cim_status
crypt_open(const cim_host *host, const cim_crypt_place *place, const char *sealed, size_t len,
           char *out, size_t out_size, size_t *ret_len, cim_error *err)
{
    return host_crypt_unseal(fake_of(host)->crypt, place, sealed, len, out, out_size, ret_len, err);
}

static cim_status
crypt_head(const cim_host *host, const cim_crypt_place *place, const char *index_text,
           size_t index_len, uint32_t i, char ret_head[CIM_CRYPT_HEAD_MAX], cim_error *err)
{
    return host_crypt_head(fake_of(host)->crypt, place, index_text, index_len, i, ret_head, err);
}

static cim_status
crypt_person_new(const cim_host *host, uint64_t *ret_person, cim_error *err)
{
    return host_crypt_person_new(fake_of(host)->crypt, ret_person, err);
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
    return host_crypt_person_erase(fake_of(host)->crypt, person, err);
}

static const cim_crypt_v1 crypt_service = {.struct_size = sizeof crypt_service,
                                           .seal = crypt_seal,
                                           .open = crypt_open,
                                           .head = crypt_head,
                                           .person_new = crypt_person_new,
                                           .person_of = crypt_person_of,
                                           .person_erase = crypt_person_erase};

/* ---- access/1 ---- */

static cim_status
access_scope(const cim_host *host, const cim_call *call, const char *resource, uint32_t action,
             const cim_scope **ret_scope, cim_error *err)
{
    static const cim_scope nothing = {.struct_size = sizeof nothing};
    (void)call;
    (void)resource;
    (void)action;
    (void)err;
    *ret_scope = fake_of(host)->scope != NULL ? fake_of(host)->scope : &nothing;
    return CIM_OK;
}

static int32_t
access_has_function(const cim_host *host, const cim_call *call, const char *function_id)
{
    (void)host;
    (void)call;
    (void)function_id;
    return 0;
}

static int64_t
access_version(const cim_host *host)
{
    return cim_area_tree_version(fake_of(host)->areas);
}

static int32_t
access_count(const cim_host *host)
{
    return cim_area_tree_count(fake_of(host)->areas);
}

static int32_t
access_ordinal(const cim_host *host, const char *code)
{
    return cim_area_tree_ordinal(fake_of(host)->areas, code);
}

static cim_status
access_area(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    const cim_area *area = cim_area_tree_at(fake_of(host)->areas, ordinal);
    if (area == NULL) {
        return CIM_E_NOTFOUND;
    }
    *ret_area = *area;
    return CIM_OK;
}

static const cim_access_v1 access_service = {.struct_size = sizeof access_service,
                                             .scope = access_scope,
                                             .has_function = access_has_function,
                                             .areas_version = access_version,
                                             .area_count = access_count,
                                             .area_ordinal = access_ordinal,
                                             .area = access_area};

/* ---- clock/1, layers/1, analyses/1 ---- */

static int64_t
clock_now(const cim_host *host)
{
    return host_clock_now_ms(fake_of(host)->clock);
}

static const cim_clock_v1 clock_service = {.struct_size = sizeof clock_service,
                                           .now_ms = clock_now};

static cim_status
add_layer(const cim_host *host, const cim_layer *layer, cim_error *err)
{
    struct fake_host *fake = fake_of(host);
    (void)err;
    assert_true(fake->n_layers < sizeof fake->layers / sizeof fake->layers[0]);
    assert_non_null(layer->definition);
    fake->n_layers++;
    return CIM_OK;
}

static const cim_layers_v1 layers_service = {.struct_size = sizeof layers_service,
                                             .add_layer = add_layer};

static cim_status
add_analysis(const cim_host *host, const cim_analysis *analysis, cim_error *err)
{
    struct fake_host *fake = fake_of(host);
    (void)err;
    assert_true(fake->n_analyses < sizeof fake->analyses / sizeof fake->analyses[0]);
    fake->analyses[fake->n_analyses++] = (cim_analysis){.struct_size = sizeof *analysis,
                                                        .flags = analysis->flags,
                                                        .id = analysis->id,
                                                        .run = analysis->run,
                                                        .self = analysis->self};
    return CIM_OK;
}

static const cim_analyses_v1 analyses_service = {.struct_size = sizeof analyses_service,
                                                 .add_analysis = add_analysis};

static cim_status
get_binding(const cim_host *host, const char *input, cim_binding *ret_binding, cim_error *err)
{
    const struct fake_host *fake = host->impl;
    if (fake->raster[0] == '\0') {
        return cim_fail(err, CIM_E_NOTFOUND, "input", input, "未绑定", "not bound");
    }
    cim_copy_text(ret_binding->name, sizeof ret_binding->name, "测试高程");
    cim_copy_text(ret_binding->path, sizeof ret_binding->path, fake->raster);
    ret_binding->good_ms = 1;
    return CIM_OK;
}

static const cim_bindings_v1 bindings_service = {.struct_size = sizeof bindings_service,
                                                 .get = get_binding};

static const void *
get_service(const cim_host *host, const char *id)
{
    (void)host;
    return strcmp(id, CIM_SERVICE_STORE) == 0      ? (const void *)&store_service
           : strcmp(id, CIM_SERVICE_ACCESS) == 0   ? (const void *)&access_service
           : strcmp(id, CIM_SERVICE_CLOCK) == 0    ? (const void *)&clock_service
           : strcmp(id, CIM_SERVICE_AUDIT) == 0    ? (const void *)&audit_service
           : strcmp(id, CIM_SERVICE_BATCHES) == 0  ? (const void *)&batches_service
           : strcmp(id, CIM_SERVICE_CRYPT) == 0    ? (const void *)&crypt_service
           : strcmp(id, CIM_SERVICE_LAYERS) == 0   ? (const void *)&layers_service
           : strcmp(id, CIM_SERVICE_ANALYSES) == 0 ? (const void *)&analyses_service
           : strcmp(id, CIM_SERVICE_BINDINGS) == 0 ? (const void *)&bindings_service
                                                   : NULL;
}

/* ---- the platform ---- */

static void
add_area(struct fake_host *fake, const struct cim_area_input *input)
{
    const cim_area *area =
        cim_area_tree_at(fake->areas, cim_area_tree_ordinal(fake->areas, input->code));
    cim_error err = {0};
    const cim_value values[] = {
        {.name = "code",
         .type = CIM_COL_TEXT,
         .len = (uint32_t)strlen(area->code),
         .v.ptr = area->code},
        {.name = "name",
         .type = CIM_COL_TEXT,
         .len = (uint32_t)strlen(area->name),
         .v.ptr = area->name},
        {.name = "level",
         .type = CIM_COL_TEXT,
         .len = (uint32_t)strlen(area->level),
         .v.ptr = area->level},
        {.name = "ord", .type = CIM_COL_INT64, .v.i64 = area->ordinal},
        {.name = "ord_end", .type = CIM_COL_INT64, .v.i64 = area->ordinal_end}};
    assert_ok(host_store_write_one(fake->store,
                                   "insert into cim_area (code, name, level, ord, ord_end) values "
                                   "(:code, :name, :level, :ord, :ord_end)",
                                   values, 5, NULL, &err),
              &err);
}

struct fake_host *
fake_host_new(const struct cim_area_input *areas, size_t n_areas)
{
    struct fake_host *fake = calloc(1, sizeof *fake);
    cim_error err = {0};
    char path[128];
    assert_non_null(fake);
    fake->host = (cim_host){.struct_size = sizeof fake->host,
                            .abi_major = CIM_ABI_MAJOR,
                            .name = "fake",
                            .version = "0",
                            .impl = fake,
                            .get_service = get_service};
    (void)snprintf(fake->dir, sizeof fake->dir, "/tmp/cim-fake-XXXXXX");
    assert_non_null(mkdtemp(fake->dir));
    fake->host.plugin_dir = fake->dir;
    (void)snprintf(path, sizeof path, "%s/cim.gpkg", fake->dir);
    (void)snprintf(fake->key_file, sizeof fake->key_file, "%s/data.keys", fake->dir);
    const struct host_crypt_keys keys = {.file = fake->key_file};
    assert_ok(host_crypt_open(&keys, true, &fake->crypt, &err), &err);
    fake->clock = host_clock_new(FAKE_NOW_MS);
    assert_non_null(fake->clock);
    if (pg_is_there()) {
        pg_make_database(fake->url, sizeof fake->url);
    }
    const struct host_store_options options = {.kind = HOST_STORE_DATA,
                                               .path = path,
                                               .url = fake->url,
                                               .clock = fake->clock,
                                               .max_readers = 4,
                                               .read_timeout_ms = 60000};
    assert_ok(host_store_open(&options, &fake->store, &err), &err);
    fake_host_migrate(fake, HOST_MIGRATIONS "/store");
    assert_ok(cim_area_tree_new(areas, n_areas, 5, &fake->areas, &err), &err);
    for (size_t i = 0; i < n_areas; i++) {
        add_area(fake, &areas[i]);
    }
    return fake;
}

void
fake_host_migrate(struct fake_host *fake, const char *folder)
{
    struct host_migration_report report;
    cim_error err = {0};
    assert_ok(host_store_migrate(fake->store, folder, folder, NULL, NULL, &report, &err), &err);
    assert_true(report.n_applied > 0);
}

const char *
fake_host_file(struct fake_host *fake, const char *name, const char *text)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", fake->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

void
fake_host_migrate_text(struct fake_host *fake, const char *text)
{
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/migrations", fake->dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)fake_host_file(fake, "migrations/0001_test.sql", text);
    fake_host_migrate(fake, folder);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void
fake_host_free(struct fake_host *fake)
{
    host_store_close(fake->store);
    host_crypt_close(fake->crypt);
    if (fake->url[0] != '\0') {
        pg_drop_database(fake->url);
    }
    host_clock_free(fake->clock);
    cim_area_tree_free(fake->areas);
    assert_int_equal(nftw(fake->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(fake);
}

const cim_scope *
fake_scope_all(void)
{
    static const cim_term term = {.struct_size = sizeof term,
                                  .actions = 63,
                                  .resource = "*",
                                  .all_areas = 1,
                                  .sensitive_mode = CIM_FIELD_CLEAR,
                                  .from_ms = INT64_MIN,
                                  .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&term};
    static const cim_scope scope = {
        .struct_size = sizeof scope, .n_terms = 1, .terms = terms, .areas_version = 5};
    return &scope;
}

cim_call
fake_call(const cim_scope *scope)
{
    return (cim_call){.struct_size = sizeof(cim_call),
                      .request_id = "test",
                      .principal = "test",
                      .lang = "zh",
                      .scope = scope,
                      .now_ms = FAKE_NOW_MS};
}

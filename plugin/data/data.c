/* plugin/data/data.c -- opening the definitions and offering them as layers. */
#include "data/classes.h"
#include "data/tally.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { PATH_TEXT_MAX = 1024 };

static void
close_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file); /* only read from */
    }
}

static cim_status
read_text(const char *path, char **ret_text, size_t *ret_len, cim_error *err)
{
    __attribute__((cleanup(close_file))) FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        const int code = errno;
        (void)cim_fail(err, CIM_E_IO, NULL, path, "文件打不开：%s", "the file cannot be opened: %s",
                       path);
        if (err != NULL) {
            err->os_errno = code;
        }
        return CIM_E_IO;
    }
    CIM_AUTO_FREE char *text = malloc(CIM_LAYER_TEXT_MAX + 2);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    const size_t len = fread(text, 1, CIM_LAYER_TEXT_MAX + 1, file);
    if (ferror(file) != 0 || len > CIM_LAYER_TEXT_MAX) {
        return cim_fail(err, CIM_E_IO, NULL, path, "%s：读取失败或超过 %d 字节",
                        "%s: cannot be read, or is over %d bytes", path, CIM_LAYER_TEXT_MAX);
    }
    text[len] = '\0';
    char *exact = realloc(text, len + 1);
    text = exact != NULL ? exact : text;
    *ret_len = len;
    *ret_text = CIM_TAKE(text);
    return CIM_OK;
}

static void
free_layer(struct lpg_layer *layer)
{
    if (layer != NULL) {
        (void)pthread_mutex_destroy(&layer->mutex); /* nobody holds it any more */
        cim_definition_free(layer->def);
        free(layer->counts.before);
        lpg_tally_free(layer->tally);
        free(layer->text);
        free(layer->class_sql);
        lpg_class_rule_free(layer->class_rule);
        free(layer);
    }
}

/* classes/NAME.sql of the layer lpg.NAME, where a field has `next`. */
static cim_status
open_classes(struct lpg_layer *layer, const char *layers_dir, cim_error *err)
{
    char path[PATH_TEXT_MAX];
    size_t len = 0;
    if (!layer->def->has_next) {
        return CIM_OK;
    }
    if (snprintf(path, sizeof path, "%s/classes/%s.sql", layers_dir,
                 strchr(layer->def->id, '.') + 1) >= (int)sizeof path) {
        return cim_fail(err, CIM_E_INVALID, NULL, layers_dir, "路径过长", "the path is too long");
    }
    CIM_TRY(read_text(path, &layer->class_sql, &len, err));
    CIM_TRY(cim_sql_lint(layer->class_sql, err));
    return lpg_class_rule_open(layer, path, &layer->class_rule, err);
}

static cim_status
open_layer(struct lpg_data *data, const char *name, const char *path, cim_error *err)
{
    size_t len = 0;
    if (data->n_layers == LPG_LAYERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, name, "图层不能超过 %d 个", "at most %d layers",
                        LPG_LAYERS_MAX);
    }
    struct lpg_layer *layer = calloc(1, sizeof *layer);
    if (layer == NULL) {
        return cim_fail_nomem(err);
    }
    (void)pthread_mutex_init(&layer->mutex, NULL); /* cannot fail for the default kind */
    layer->data = data;
    cim_status status = read_text(path, &layer->text, &len, err);
    if (status == CIM_OK) {
        status = cim_definition_parse(name, layer->text, len, data->codes, &layer->def, err);
    }
    if (status == CIM_OK && lpg_data_layer(data, layer->def->id) != NULL) {
        status = cim_fail(err, CIM_E_EXISTS, "id", layer->def->id, "%s：图层 %s 已有定义",
                          "%s: the layer %s is defined already", name, layer->def->id);
    }
    if (status != CIM_OK) {
        free_layer(layer);
        return status;
    }
    data->layers[data->n_layers++] = layer;
    return CIM_OK;
}

static cim_status
open_codes(struct lpg_data *data, const char *path, cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    size_t len = 0;
    CIM_TRY(read_text(path, &text, &len, err));
    return cim_codes_parse("codes.json", text, len, &data->codes, err);
}

static int
by_id(const void *a, const void *b)
{
    const struct lpg_layer *const *left = (const struct lpg_layer *const *)a;
    const struct lpg_layer *const *right = (const struct lpg_layer *const *)b;
    return strcmp((*left)->def->id, (*right)->def->id);
}

static bool
is_definition(const char *name)
{
    const size_t len = strlen(name);
    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".json") == 0 &&
           strcmp(name, "codes.json") != 0;
}

static cim_status
open_all(struct lpg_data *data, const char *layers_dir, cim_error *err)
{
    char path[PATH_TEXT_MAX];
    cim_status status = CIM_OK;
    if (snprintf(path, sizeof path, "%s/codes.json", layers_dir) >= (int)sizeof path) {
        return cim_fail(err, CIM_E_INVALID, NULL, layers_dir, "路径过长", "the path is too long");
    }
    CIM_TRY(open_codes(data, path, err));
    DIR *dir = opendir(layers_dir);
    if (dir == NULL) {
        return cim_fail(err, CIM_E_IO, NULL, layers_dir, "目录打不开", "the folder cannot be read");
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && status == CIM_OK;
         entry = readdir(dir)) {
        if (!is_definition(entry->d_name)) {
            continue;
        }
        if (snprintf(path, sizeof path, "%s/%s", layers_dir, entry->d_name) >= (int)sizeof path) {
            status = cim_fail(err, CIM_E_INVALID, NULL, entry->d_name, "路径过长",
                              "the path is too long");
        } else {
            status = open_layer(data, entry->d_name, path, err);
        }
    }
    (void)closedir(dir); /* only read from */
    for (size_t i = 0; i < data->n_layers && status == CIM_OK; i++) {
        status = open_classes(data->layers[i], layers_dir, err);
    }
    if (status == CIM_OK) {
        qsort(data->layers, data->n_layers, sizeof data->layers[0], by_id);
    }
    return status;
}

static cim_status
find_services(struct lpg_data *data, cim_error *err)
{
    const cim_host *host = data->host;
    data->store = (const cim_store_v1 *)host->get_service(host, CIM_SERVICE_STORE);
    data->access = (const cim_access_v1 *)host->get_service(host, CIM_SERVICE_ACCESS);
    data->clock = (const cim_clock_v1 *)host->get_service(host, CIM_SERVICE_CLOCK);
    data->audit = (const cim_audit_v1 *)host->get_service(host, CIM_SERVICE_AUDIT);
    data->batches = (const cim_batches_v1 *)host->get_service(host, CIM_SERVICE_BATCHES);
    data->crypt = (const cim_crypt_v1 *)host->get_service(host, CIM_SERVICE_CRYPT);
    const char *missing = data->store == NULL     ? CIM_SERVICE_STORE
                          : data->access == NULL  ? CIM_SERVICE_ACCESS
                          : data->clock == NULL   ? CIM_SERVICE_CLOCK
                          : data->audit == NULL   ? CIM_SERVICE_AUDIT
                          : data->crypt == NULL   ? CIM_SERVICE_CRYPT
                          : data->batches == NULL ? CIM_SERVICE_BATCHES
                                                  : NULL;
    if (missing != NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "service", missing, "平台没有服务 %s",
                        "the platform lacks the service %s", missing);
    }
    return CIM_OK;
}

cim_status
lpg_data_open(const cim_host *host, const char *layers_dir, struct lpg_data **ret_data,
              cim_error *err)
{
    struct lpg_data *data = calloc(1, sizeof *data);
    if (data == NULL) {
        return cim_fail_nomem(err);
    }
    data->host = host;
    data->layers = calloc(LPG_LAYERS_MAX, sizeof *data->layers);
    data->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    cim_status status = data->layers != NULL && data->c_locale != (locale_t)0
                            ? find_services(data, err)
                            : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = open_all(data, layers_dir, err);
    }
    if (status != CIM_OK) {
        lpg_data_close(data);
        return status;
    }
    *ret_data = data;
    return CIM_OK;
}

void
lpg_data_close(struct lpg_data *data)
{
    if (data == NULL) {
        return;
    }
    for (size_t i = 0; i < data->n_layers; i++) {
        free_layer(data->layers[i]);
    }
    free(data->layers);
    cim_codes_free(data->codes);
    if (data->c_locale != (locale_t)0) {
        freelocale(data->c_locale);
    }
    free(data);
}

const struct cim_codes *
lpg_data_codes(const struct lpg_data *data)
{
    return data->codes;
}

size_t
lpg_data_layer_count(const struct lpg_data *data)
{
    return data->n_layers;
}

struct lpg_layer *
lpg_data_layer_at(struct lpg_data *data, size_t i)
{
    return i < data->n_layers ? data->layers[i] : NULL;
}

struct lpg_layer *
lpg_data_layer(struct lpg_data *data, const char *id)
{
    for (size_t i = 0; i < data->n_layers; i++) {
        if (strcmp(data->layers[i]->def->id, id) == 0) {
            return data->layers[i];
        }
    }
    return NULL;
}

const struct cim_definition *
lpg_layer_definition(const struct lpg_layer *layer)
{
    return layer->def;
}

void
lpg_layer_describe(struct lpg_layer *layer, cim_layer *ret_layer)
{
    *ret_layer = (cim_layer){.struct_size = sizeof *ret_layer,
                             .id = layer->def->id,
                             .definition = layer->text,
                             .count = lpg_layer_count,
                             .extent = lpg_layer_extent,
                             .query = lpg_layer_query,
                             .write = lpg_layer_write,
                             .self = layer};
}

cim_status
lpg_data_register(struct lpg_data *data, cim_error *err)
{
    const cim_layers_v1 *layers =
        (const cim_layers_v1 *)data->host->get_service(data->host, CIM_SERVICE_LAYERS);
    if (layers == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "service", CIM_SERVICE_LAYERS, "平台没有服务 %s",
                        "the platform lacks the service %s", CIM_SERVICE_LAYERS);
    }
    for (size_t i = 0; i < data->n_layers; i++) {
        cim_layer layer;
        lpg_layer_describe(data->layers[i], &layer);
        CIM_TRY(layers->add_layer(data->host, &layer, err));
    }
    return CIM_OK;
}

/* host/ogc/items_file.c -- see items_file.h. */
#include "host/ogc/items_file.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/exchange/exchange.h"
#include "host/ogc/page.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

static atomic_int n_files;

struct items_file {
    struct host_page *page;
    struct host_export *export;
    bool opened;
    char crs[24];               /* "EPSG:4546" */
    char dir[PATH_BYTES];       /* of its own; "" while there is none */
    char path[PATH_BYTES + 32]; /* in it */
    FILE *file;                 /* once it is whole */
};

static void
release(void *self)
{
    struct items_file *file = self;
    host_export_free(file->export);
    host_page_free(file->page);
    if (file->file != NULL) {
        (void)fclose(file->file); /* only read */
    }
    if (file->dir[0] != '\0') {
        host_folder_remove(file->dir);
    }
    free(file);
    atomic_fetch_sub(&n_files, 1);
}

static cim_status
take_rows(void *arg, const struct cim_definition *definition, const cim_rows *rows,
          const cim_batch *batch, cim_error *err)
{
    struct items_file *file = arg;
    if (!file->opened) {
        CIM_TRY(host_export_open(file->export, definition, rows, err));
        file->opened = true;
    }
    return batch->n_rows > 0 ? host_export_add(file->export, batch, err) : CIM_OK;
}

static cim_status
finish(struct items_file *file, cim_error *err)
{
    CIM_TRY(host_export_finish(file->export, file->path, err));
    file->file = fopen(file->path, "rbe");
    return file->file != NULL ? CIM_OK
                              : cim_fail(err, CIM_E_IO, NULL, NULL, "导出文件无法读取",
                                         "the export cannot be read");
}

static cim_status
produce(void *self, const cim_call *call, cim_http_writer *writer, int32_t *ret_more,
        cim_error *err)
{
    struct items_file *file = self;
    char bytes[HOST_ITEMS_FILE_BYTES];
    bool more = true;
    size_t n = 0;
    *ret_more = CIM_HTTP_MORE;
    if (file->file == NULL) {
        CIM_TRY(host_page_piece(file->page, call, &more, err));
        return more ? CIM_OK : finish(file, err);
    }
    n = fread(bytes, 1, sizeof bytes, file->file);
    *ret_more = n == sizeof bytes ? CIM_HTTP_MORE : CIM_HTTP_END;
    if (n < sizeof bytes && ferror(file->file)) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "导出文件无法读取", "the export cannot be read");
    }
    return host_http_write(writer, bytes, n, err);
}

/* What a process that is gone has left behind. */
static void
sweep(const char *spool)
{
    DIR *dir = opendir(spool);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[PATH_BYTES + 300];
        char *end = NULL;
        const long pid =
            strncmp(entry->d_name, "export-", 7) == 0 ? strtol(entry->d_name + 7, &end, 10) : 0;
        if (pid > 0 && *end == '-' && pid != getpid() && kill((pid_t)pid, 0) != 0 &&
            errno == ESRCH) {
            (void)snprintf(path, sizeof path, "%s/%s", spool, entry->d_name);
            host_folder_remove(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read */
    }
}

static cim_status
make_folder(struct host_ogc *ogc, struct items_file *file, cim_error *err)
{
    static atomic_flag swept = ATOMIC_FLAG_INIT;
    static atomic_uint number;
    char spool[PATH_BYTES - 64];
    (void)snprintf(spool, sizeof spool, "%s/spool", host_config_text(ogc->app->config, "var"));
    if (!atomic_flag_test_and_set(&swept)) {
        sweep(spool);
    }
    (void)snprintf(file->dir, sizeof file->dir, "%s/export-%ld-%u", spool, (long)getpid(),
                   atomic_fetch_add(&number, 1));
    if (mkdir(file->dir, 0700) != 0) {
        file->dir[0] = '\0';
        return cim_fail(err, CIM_E_IO, "var", spool, "导出的临时目录无法建立",
                        "a folder for the export cannot be made");
    }
    return CIM_OK;
}

/* Takes the page into the file. */
static cim_status
begin(const struct host_ask *ask, const char *layer_id, struct host_items_request *request,
      struct items_file *file, cim_error *err)
{
    const struct host_page_sink sink = {take_rows, file};
    struct host_export_options options = {.encoding = request->encoding, .map = request->map};
    if (request->crs.kind == HOST_CRS_OTHER) {
        (void)snprintf(file->crs, sizeof file->crs, "EPSG:%d", (int)request->crs.epsg);
        options.crs = file->crs;
    }
    CIM_TRY(host_page_new(ask, layer_id, request, &file->page, err));
    host_page_deliver(file->page, &sink);
    CIM_TRY(host_export_format_of(ask->offer->name, NULL, &options.format, err));
    CIM_TRY(make_folder(ask->ogc, file, err));
    (void)snprintf(file->path, sizeof file->path, "%s/layer%s", file->dir,
                   host_export_ending(options.format));
    return host_export_begin(file->path, &options, &file->export, err);
}

cim_status
host_items_file(const struct host_ask *ask, const char *layer_id,
                struct host_items_request *request, cim_error *err)
{
    struct items_file *file = calloc(1, sizeof *file);
    cim_status status = CIM_OK;
    if (file == NULL) {
        host_items_request_free(request);
        return cim_fail_nomem(err);
    }
    if (atomic_fetch_add(&n_files, 1) >= HOST_ITEMS_FILES_MAX) {
        host_items_request_free(request);
        release(file);
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "同时进行的文件导出已有 %d 个，请稍后再试",
                        "%d files are being exported already, try again later",
                        HOST_ITEMS_FILES_MAX);
    }
    status = begin(ask, layer_id, request, file, err);
    if (status != CIM_OK) {
        release(file);
        return status;
    }
    const cim_http_producer producer = {
        .struct_size = sizeof producer, .self = file, .produce = produce, .release = release};
    return host_http_respond_stream(ask->req, 200, ask->offer->mime, &producer, err);
}

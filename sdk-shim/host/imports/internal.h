/* host/imports/internal.h -- what the files of this folder share. */
#ifndef HOST_IMPORTS_INTERNAL_H
#define HOST_IMPORTS_INTERNAL_H

#include "cim/http.h"
#include "host/exchange/exchange.h"
#include "host/exchange/sheet.h"
#include "host/imports/imports.h"
#include "host/imports/request.h"
#include "host/jobs/jobs.h"

#include <stdio.h>

#define HOST_IMPORT_KIND "cim.import"

enum {
    HOST_IMPORT_FILE_ID = 33, /* 32 hexadecimal digits, NUL */
    HOST_IMPORT_NAME_MAX = 200,
    HOST_IMPORT_PATH_MAX = 1024,
    HOST_IMPORT_FILES_MAX = 20, /* of one person at a time */
    HOST_IMPORT_REPAIRS_MAX = 100000
};
#define HOST_IMPORT_FILE_KEPT_MS (INT64_C(24) * 3600 * 1000)

/* ---- files (files.c) ---- */

struct host_import_file {
    char id[HOST_IMPORT_FILE_ID];
    char name[HOST_IMPORT_NAME_MAX];
    char path[HOST_IMPORT_PATH_MAX];
    int64_t bytes;
};
/* Keeps the file at `path`, which must lie in the data directory, under `name` for `owner`. Old
 * ones go. CIM_E_BUSY: the owner has too many. */
cim_status host_import_file_keep(struct host_app *app, const char *owner, const char *path,
                                 const char *name, struct host_import_file *ret_file,
                                 cim_error *err);
/* CIM_E_NOTFOUND also for files of others. */
cim_status host_import_file_get(struct host_app *app, const char *owner, const char *id,
                                struct host_import_file *ret_file, cim_error *err);
void host_import_file_remove(const struct host_import_file *file);
/* Another name for the same bytes, to be handed to a job. */
cim_status host_import_file_link(const struct host_import_file *file, char *ret_path, size_t size,
                                 cim_error *err);

/* ---- what is told of rows (tell.c) ---- */

/* Grows in `dir` while the import runs: report.csv and report.xlsx with every finding, and what
 * refused.csv is made of. */
struct host_import_tell {
    const char *dir;
    FILE *csv;
    struct host_sheet *sheet;
    int64_t n_rows; /* in either */
    size_t n_repairs;
    struct host_import_repair *repairs; /* not sorted */
    cim_error failed;                   /* code CIM_OK: nothing did */
};
cim_status host_import_tell_open(const char *dir, struct host_import_tell *ret_tell,
                                 cim_error *err);
void host_import_tell_row(struct host_import_tell *tell, bool refused, int64_t row,
                          const cim_error *what);
/* Ends the report files, and writes refused.csv out of `path`. */
cim_status host_import_tell_finish(struct host_import_tell *tell, const char *path,
                                   const struct host_import_options *options,
                                   const struct cim_definition *definition, cim_error *err);
void host_import_tell_done(struct host_import_tell *tell);

/* ---- the job (job.c), routes (routes.c, files_routes.c) ---- */

/* The kind's run(); `self` is the struct host_app. */
cim_status host_import_run(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                           cim_blob *ret_result, cim_error *err);
/* Answers with the JSON in `out`, which is empty afterwards. */
cim_status host_import_respond(cim_http_req *req, int32_t http_status, struct cim_buf *out,
                               cim_error *err);
cim_status host_imports_add_file_routes(struct host_app *app, cim_error *err);
/* mappings.c */
cim_status host_imports_add_mapping_routes(struct host_app *app, cim_error *err);

#endif

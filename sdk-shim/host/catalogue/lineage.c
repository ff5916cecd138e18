/* host/catalogue/lineage.c -- see lineage.h. */
#include "host/catalogue/lineage.h"

#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/store/row.h"
#include "host/store/store.h"

static const char *
without_folders(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path != NULL ? path : "";
}

void
host_lineage_note(struct host_app *app, const cim_call *call, const struct host_lineage *lineage)
{
    cim_error err = {.code = CIM_OK};
    char source[HOST_LINEAGE_SOURCE_MAX];
    cim_copy_text(source, sizeof source, without_folders(lineage->source));
    const cim_value values[] = {host_value_text("layer", lineage->layer),
                                host_value_i64("at", host_clock_now_ms(app->clock)),
                                host_value_text("principal", call->principal),
                                host_value_text("way", lineage->way),
                                host_value_text("job", lineage->job),
                                host_value_text("source", source),
                                host_value_i64("written", lineage->n_written),
                                host_value_i64("refused", lineage->n_refused)};
    if (lineage->n_written > 0 &&
        host_store_write_one(app->platform,
                             "insert into cim_lineage (layer, at_ms, principal, way, job, source, "
                             "n_written, n_refused) values (:layer, :at, :principal, :way, :job, "
                             ":source, :written, :refused)",
                             values, sizeof values / sizeof values[0], NULL, &err) != CIM_OK) {
        host_log_error("catalogue", lineage->layer, &err);
    }
}

cim_status
host_lineage_each(struct host_app *app, const char *layer,
                  void (*each)(void *arg, const struct host_lineage *lineage), void *arg,
                  cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("layer", layer),
                                host_value_i64("most", HOST_LINEAGE_SHOWN)};
    CIM_TRY(host_store_read(app->platform,
                            "select at_ms, principal, way, job, source, n_written, n_refused from "
                            "cim_lineage where layer = :layer order by at_ms desc, fid desc limit "
                            ":most",
                            values, 2, &rows, err));
    row.rows = rows;
    for (;;) {
        char principal[128];
        char way[16];
        char job[64];
        char source[HOST_LINEAGE_SOURCE_MAX];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 1, principal, sizeof principal);
        host_row_copy(&row, 2, way, sizeof way);
        host_row_copy(&row, 3, job, sizeof job);
        host_row_copy(&row, 4, source, sizeof source);
        const struct host_lineage lineage = {.layer = layer,
                                             .way = way,
                                             .job = job[0] != '\0' ? job : NULL,
                                             .source = source,
                                             .n_written = host_row_i64(&row, 5),
                                             .n_refused = host_row_i64(&row, 6),
                                             .principal = principal,
                                             .at_ms = host_row_i64(&row, 0)};
        each(arg, &lineage);
    }
}

/* host/exchange/export_sheet.h -- rows as a sheet: a column per column, dates and times (of
 * Beijing) as cells of theirs, points as lon and lat, other geometries as WKT, so that what is
 * exported can be imported. */
#ifndef HOST_EXPORT_SHEET_H
#define HOST_EXPORT_SHEET_H

#include "host/exchange/sheet.h"
#include "host/exchange/source.h"

struct host_export_sheet {
    struct host_sheet *sheet;
    const cim_rows *rows; /* while it is opened */
    bool is_point;
    bool *days; /* columns of dates */
    struct cim_buf scratch;
};

/* As host_export_dataset_open(), _add() and _close(). */
cim_status host_export_sheet_open(const char *path, const char *work_dir,
                                  const struct cim_definition *definition, const cim_rows *rows,
                                  struct host_export_sheet *ret_sheet, cim_error *err);
cim_status host_export_sheet_add(struct host_export_sheet *sheet, const cim_batch *batch,
                                 cim_error *err);
cim_status host_export_sheet_close(struct host_export_sheet *sheet, cim_error *err);

#endif

/* host/retention/retention.c -- the platform's own tables, and a run as a whole. */
#include "host/retention/retention.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DETAIL_MAX = 8 << 10 };
#define DAY_MS INT64_C(86400000)

bool
host_retention_ms(const char *retention, int64_t *ret_ms)
{
    char *end = NULL;
    const long long number = retention != NULL ? strtoll(retention, &end, 10) : 0;
    if (number <= 0) {
        return false;
    }
    *ret_ms = number * DAY_MS * (*end == 'y' ? 366 : *end == 'm' ? 31 : 1);
    return true;
}

/* ---- tables ---- */

struct table {
    const char *what;
    const char *setting; /* days; NULL: what has expired */
    const char *count;
    const char *slices[2]; /* statements of one slice, the last tells how many went */
};

static const struct table tables[] = {
    {"changes",
     "retention.changes_days",
     "select count(*) from cim_change where at < {time :moment} and pos < (select max(pos) from "
     "cim_change)",
     {NULL,
      "delete from cim_change where pos in (select pos from cim_change where at < {time :moment} "
      "and pos < (select max(pos) from cim_change) order by pos limit :most)"}},
    {"batches",
     "retention.batches_days",
     "select count(*) from cim_batch where at < {time :moment}",
     {"delete from cim_batch_row where fid in (select r.fid from cim_batch_row r join cim_batch b "
      "on b.id = r.batch where b.at < {time :moment} order by r.fid limit :most)",
      "delete from cim_batch where fid in (select b.fid from cim_batch b where b.at < {time "
      ":moment} and not exists (select 1 from cim_batch_row r where r.batch = b.id) order by b.fid "
      "limit :most)"}},
    {"idempotency-keys",
     NULL,
     "select count(*) from cim_idempotency where expires_at < {time :moment}",
     {NULL,
      "delete from cim_idempotency where fid in (select fid from cim_idempotency where expires_at "
      "< {time :moment} order by fid limit :most)"}},
};

struct slice {
    const struct table *table;
    int64_t before_ms;
    int64_t n_last;  /* of the last statement */
    int64_t n_moved; /* of all */
};

static uint32_t
slice_values(const struct slice *slice, bool counts, cim_value values[2])
{
    values[0] = (cim_value){.name = "moment", .type = CIM_COL_TIME_MS, .v.i64 = slice->before_ms};
    values[1] = host_value_i64("most", HOST_RETENTION_SLICE);
    return counts ? 1 : 2;
}

static cim_status
delete_slice(void *arg, cim_tx *tx, cim_error *err)
{
    struct slice *slice = arg;
    cim_value values[2];
    const uint32_t n_values = slice_values(slice, false, values);
    slice->n_moved = 0;
    slice->n_last = 0;
    for (size_t i = 0; i < 2; i++) {
        if (slice->table->slices[i] != NULL) {
            CIM_TRY(host_store_exec(tx, slice->table->slices[i], values, n_values, &slice->n_last,
                                    err));
            slice->n_moved += slice->n_last;
        }
    }
    return CIM_OK;
}

static cim_status
count_rows(struct host_app *app, const struct slice *slice, int64_t *ret_n, cim_error *err)
{
    cim_value values[2];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {.rows = NULL};
    bool there = false;
    const uint32_t n_values = slice_values(slice, true, values);
    CIM_TRY(host_store_read(app->store, slice->table->count, values, n_values, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_n = host_row_i64(&row, 0);
    return CIM_OK;
}

static cim_status
run_table(struct host_app *app, const struct table *table, bool dry_run,
          struct host_retention_count *count, const _Atomic int *stop, cim_error *err)
{
    struct slice slice = {.table = table, .before_ms = count->before_ms, .n_moved = 1};
    if (dry_run) {
        return count_rows(app, &slice, &count->n, err);
    }
    while (slice.n_moved > 0 && (stop == NULL || atomic_load(stop) == 0)) {
        CIM_TRY(host_store_write(app->store, delete_slice, &slice, NULL, err));
        count->n += slice.n_last;
    }
    return CIM_OK;
}

/* ---- the run ---- */

struct run {
    void (*each)(void *arg, const struct host_retention_count *count);
    void *arg;
    struct cim_buf detail;
};

static void
tell(void *arg, const struct host_retention_count *count)
{
    struct run *run = arg;
    run->each(run->arg, count);
    if (count->n > 0) {
        cim_buf_add_char(&run->detail, run->detail.len > 1 ? ',' : ' ');
        cim_buf_add_json_text(&run->detail, count->what, SIZE_MAX);
        cim_buf_addf(&run->detail, ":%lld", (long long)count->n);
    }
}

static int64_t
cutoff(const struct host_app *app, const char *setting)
{
    const int64_t now_ms = host_clock_now_ms(app->clock);
    return setting != NULL ? now_ms - host_config_int(app->config, setting) * DAY_MS : now_ms;
}

static cim_status
run_all(struct host_app *app, bool dry_run, struct run *run, const _Atomic int *stop,
        cim_error *err)
{
    cim_status status = host_retention_layers(app, dry_run, tell, run, stop, err);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct host_retention_count count = {.what = tables[i].what,
                                             .before_ms = cutoff(app, tables[i].setting)};
        const cim_status one =
            run_table(app, &tables[i], dry_run, &count, stop, status == CIM_OK ? err : NULL);
        status = status == CIM_OK ? one : status;
        tell(run, &count);
    }
    struct host_retention_count count = {.what = "audit",
                                         .before_ms = cutoff(app, "retention.audit_days")};
    const cim_status one = host_audit_forget(app->audit, count.before_ms, dry_run, &count.n,
                                             status == CIM_OK ? err : NULL);
    tell(run, &count);
    return status == CIM_OK ? one : status;
}

cim_status
host_retention_run(struct host_app *app, bool dry_run,
                   void (*each)(void *arg, const struct host_retention_count *count), void *arg,
                   const _Atomic int *stop, cim_error *err)
{
    struct run run = {.each = each, .arg = arg};
    cim_buf_init(&run.detail, DETAIL_MAX);
    cim_buf_add_char(&run.detail, '{');
    const cim_status status = run_all(app, dry_run, &run, stop, err);
    cim_buf_add_char(&run.detail, '}');
    if (!dry_run && cim_buf_status(&run.detail, NULL) == CIM_OK) {
        const cim_audit_entry entry = {.struct_size = sizeof entry,
                                       .action = "retention",
                                       .detail = run.detail.data,
                                       .result = status == CIM_OK ? NULL : "failed"};
        host_audit_note(app->audit, NULL, &entry);
    }
    cim_buf_done(&run.detail);
    return status;
}

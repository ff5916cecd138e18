/* host/batches/batches.c -- noting what an edit does. */
#include "host/batches/batches.h"

#include "host/store/row.h"
#include "host/store/store.h"

cim_status
host_batches_note(cim_tx *tx, const char *id, const cim_batches_change *change, cim_error *err)
{
    static const char sql[] =
        "insert into cim_batch_row (batch, record_fid, last_fid, version, image) values (:batch, "
        ":record_fid, :last_fid, :version, :image)";
    const cim_value values[] = {
        host_value_text("batch", id),
        host_value_i64("record_fid", change->fid),
        host_value_i64("last_fid", change->last_fid),
        host_value_i64("version", change->version),
        host_value_text("image", change->image),
    };
    return host_store_exec(tx, sql, values, sizeof values / sizeof values[0], NULL, err);
}

cim_status
host_batches_keep(cim_tx *tx, const cim_call *call, const char *id, const char *layer, int32_t op,
                  int64_t n_records, cim_error *err)
{
    static const char sql[] =
        "insert into cim_batch (id, at, principal, request_id, layer, op, records) values (:id, "
        "{now}, :principal, :request_id, :layer, :op, :records)";
    const cim_value values[] = {
        host_value_text("id", id),
        host_value_text("principal", call->principal != NULL ? call->principal : ""),
        host_value_text("request_id", call->request_id),
        host_value_text("layer", layer),
        host_value_i64("op", op),
        host_value_i64("records", n_records),
    };
    return host_store_exec(tx, sql, values, sizeof values / sizeof values[0], NULL, err);
}

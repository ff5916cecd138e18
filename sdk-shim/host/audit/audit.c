/* host/audit/audit.c -- writing entries. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/base/log.h"
#include "host/http/http.h"
#include "host/store/row.h"
#include "host/store/store.h"

static const char *
address_of(const cim_call *call)
{
    const struct host_call_context *context = call != NULL ? call->impl : NULL;
    return context != NULL ? context->address : NULL;
}

static cim_status
check_entry(const cim_audit_entry *entry, cim_error *err)
{
    if (entry->action == NULL || entry->action[0] == '\0') {
        return cim_fail(err, CIM_E_INTERNAL, "action", NULL, "审计记录缺少操作",
                        "an audit entry without an action");
    }
    if (entry->detail != NULL && strlen(entry->detail) > HOST_AUDIT_DETAIL_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "detail", NULL, "审计记录的说明超过 %d 字节",
                        "the detail of an audit entry is over %d bytes",
                        HOST_AUDIT_DETAIL_BYTES_MAX);
    }
    return CIM_OK;
}

cim_status
host_audit_record(cim_tx *tx, const cim_call *call, const cim_audit_entry *entry, cim_error *err)
{
    static const char sql[] =
        "insert into cim_audit_pending (at, " HOST_AUDIT_NAMES ") values ({now}, :principal, "
        ":action, :layer, :record_fid, :record_uid, :area_code, :owner_org, :request_id, "
        ":address, :detail, :result)";
    const char *principal = call == NULL              ? "cim-host"
                            : call->principal != NULL ? call->principal
                                                      : "";
    cim_value values[] = {
        host_value_text("principal", principal),
        host_value_text("action", entry->action),
        host_value_text("layer", entry->layer),
        host_value_i64("record_fid", entry->fid),
        host_value_text("record_uid", entry->uid),
        host_value_text("area_code", entry->area_code),
        host_value_text("owner_org", entry->owner_org),
        host_value_text("request_id", call != NULL ? call->request_id : NULL),
        host_value_text("address", address_of(call)),
        host_value_text("detail", entry->detail),
        host_value_text("result", entry->result != NULL ? entry->result : "ok"),
    };
    CIM_TRY(check_entry(entry, err));
    if (entry->fid == 0) {
        values[3].type = 0;
    }
    return host_store_exec_late(tx, sql, values, sizeof values / sizeof values[0], err);
}

struct event {
    const cim_call *call;
    const cim_audit_entry *entry;
};

static cim_status
write_event(void *arg, cim_tx *tx, cim_error *err)
{
    const struct event *event = arg;
    return host_audit_record(tx, event->call, event->entry, err);
}

cim_status
host_audit_event(struct host_audit *audit, const cim_call *call, const cim_audit_entry *entry,
                 cim_error *err)
{
    struct event event = {.call = call, .entry = entry};
    return audit != NULL ? host_store_write(audit->options.store, write_event, &event, NULL, err)
                         : CIM_OK;
}

void
host_audit_note(struct host_audit *audit, const cim_call *call, const cim_audit_entry *entry)
{
    cim_error error = {0};
    if (host_audit_event(audit, call, entry, &error) != CIM_OK) {
        atomic_fetch_add(&audit->lost, 1);
        host_log_error("audit", entry->action, &error);
    }
}

void
host_audit_stats(struct host_audit *audit, struct host_audit_stats *ret_stats)
{
    ret_stats->seq = atomic_load(&audit->seq);
    ret_stats->anchored = atomic_load(&audit->anchored);
    ret_stats->chain_failures = atomic_load(&audit->chain_failures);
    ret_stats->anchor_failures = atomic_load(&audit->anchor_failures);
    ret_stats->lost = atomic_load(&audit->lost);
}

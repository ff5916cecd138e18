/* cim.audit/1 over the host's audit. */
#include "host/audit/audit.h"
#include "host/plugins/plugin.h"

static cim_status
audit_event(const cim_host *host, const cim_call *call, const cim_audit_entry *entry,
            cim_error *err)
{
    return host_audit_event(host_plugin_of(host)->owner->app->audit, call, entry, err);
}

const cim_audit_v1 host_svc_audit = {
    .struct_size = sizeof(cim_audit_v1),
    .record = host_audit_record,
    .event = audit_event,
};

/* cim/audit.h -- cim.audit/1: who did what, kept so that nobody can change it unseen.
 *
 * An entry of a change of data belongs into the transaction of the change: both are there or
 * neither is. The platform chains entries soon after their commit and anchors the chain outside of
 * the database. Entries outlive the records they tell of: they hold ids and names of fields, never
 * a value of a person's.
 */
#ifndef CIM_AUDIT_H
#define CIM_AUDIT_H

#include "cim/call.h"
#include "cim/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_AUDIT "cim.audit/1"

/* Texts may be NULL unless the comment says otherwise. Time, principal, request and address are
 * those of the call. */
typedef struct cim_audit_entry {
    uint32_t struct_size;
    uint32_t reserved;
    const char *action;    /* needed: "create", "update", "delete", "export", "reveal", … */
    const char *layer;     /* or another resource it was done to */
    int64_t fid;           /* of the record; 0: none, or many */
    const char *uid;       /* of the record */
    const char *area_code; /* of the record */
    const char *owner_org; /* of the record */
    const char *detail;    /* a JSON object: names of fields, counts, ids; at most 16 KiB */
    const char *result;    /* "ok" when NULL; "refused", "failed" */
} cim_audit_entry;

typedef struct cim_audit_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Inside a cim_tx_fn: the entry stands or falls with the transaction. */
    cim_status (*record)(cim_tx *tx, const cim_call *call, const cim_audit_entry *entry,
                         cim_error *err);
    /* In a transaction of its own; returns when it is durable. What must not happen unseen (a clear
     * reading, an export) happens after CIM_OK. Not from inside a cim_tx_fn. [worker] */
    cim_status (*event)(const cim_host *host, const cim_call *call, const cim_audit_entry *entry,
                        cim_error *err);
} cim_audit_v1;

#ifdef __cplusplus
}
#endif
#endif

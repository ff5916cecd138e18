/* cim.batches/1 over the host's batches. */
#include "host/batches/batches.h"
#include "host/plugins/plugin.h"

const cim_batches_v1 host_svc_batches = {
    .struct_size = sizeof(cim_batches_v1),
    .note = host_batches_note,
    .keep = host_batches_keep,
};

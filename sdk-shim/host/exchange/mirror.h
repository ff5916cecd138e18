/* host/exchange/mirror.h -- a layer made equal to a file; inside of the exchange module.
 *
 * A record of a copy has a uid that follows from the copy's name and the record's content (RFC
 * 9562, version 8). So what did not change in the file is not touched in the layer, and what
 * changed goes and comes anew, in one transaction: readers see the old copy or the new one. */
#ifndef HOST_MIRROR_H
#define HOST_MIRROR_H

#include "host/exchange/exchange.h"
#include "host/exchange/spool.h"

#include <stdbool.h>

enum { HOST_MIRROR_ROWS_MAX = 2000000 /* of the file, and of the layer */ };

struct host_mirror_counts {
    int64_t created;
    int64_t removed;
    int64_t kept;
};
/* `name`: of the copy. `keeps_others`: records that are not of this copy stay. `edit`: flags,
 * refused, progress, begun, ending and caller of the edit; rows are told by their number in the
 * spool; its results are set. CIM_E_STATE: the file has no rows, but the copy in the layer has: it
 * stays as it is. */
cim_status host_mirror_write(const cim_layer *layer, const cim_call *call, struct host_spool *spool,
                             const char *name, bool keeps_others, cim_edit *edit,
                             struct host_mirror_counts *ret_counts, cim_error *err);

#endif

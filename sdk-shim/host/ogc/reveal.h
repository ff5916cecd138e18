/* host/ogc/reveal.h -- reading fields of one record in clear, with a reason.
 *
 * Encrypted fields are shown masked at most in every list and every record, also to who may see
 * them clear: reading one clear is an act of its own, which names its fields and its reason, needs
 * the function point "<plugin>.reveal" beside the terms that show them, and is on the record before
 * the value goes out. */
#ifndef HOST_OGC_REVEAL_H
#define HOST_OGC_REVEAL_H

#include "host/ogc/ask.h"
#include "host/ogc/request.h"

struct host_reveal {
    const char *reason; /* NULL: nothing is to be revealed */
    char *text;         /* of the names */
    size_t n_names;
    const char *names[HOST_QUERY_NAMES_MAX];
};

/* Takes `reveal` and `reason` out of the parameters and checks them; host_reveal_done() at the end
 * in any case. */
cim_status host_reveal_take(struct host_ask *ask, const char *layer_id, struct host_reveal *reveal,
                            cim_error *err);
void host_reveal_done(struct host_reveal *reveal);
#define HOST_AUTO_REVEAL __attribute__((cleanup(host_reveal_done)))
/* Refuses a caller whose terms or functions do not allow it, notes it, and has the query show it.
 * CIM_E_NOTFOUND: the caller sees no such record. Nothing where nothing is to be revealed. */
cim_status host_reveal_allow(const struct host_ask *ask, const struct host_visit *visit,
                             const struct host_reveal *reveal, cim_query *query, cim_error *err);

#endif

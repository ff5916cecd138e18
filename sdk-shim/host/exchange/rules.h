/* host/exchange/rules.h -- the topology rules of a definition, held against each row of an import;
 * inside of the exchange module.
 *
 * Rows are compared with what the layer holds and with the rows before them, and with other layers
 * as the caller may read them. */
#ifndef HOST_EXCHANGE_RULES_H
#define HOST_EXCHANGE_RULES_H

#include "host/exchange/exchange.h"
#include "host/exchange/topology.h"

enum {
    HOST_RULES_RECORDS_MAX = 500000, /* of one layer that rows are compared with */
    HOST_RULES_BYTES_MAX = 512 << 20
};

struct host_rules;
/* *ret_rules NULL: the definition has none, or nobody can read layers. Reads the other layers;
 * `found` is told, with row 1, of rules that cannot be judged and why. `own`: the layer's own
 * records count too. `bbox_deg`: no row will reach out of it (west, south, east, north); NULL: not
 * known. */
cim_status host_rules_open(const struct cim_definition *definition,
                           const struct host_layer_reader *reader, bool own, const double *bbox_deg,
                           host_topology_fn found, void *arg, struct host_rules **ret_rules,
                           cim_error *err);
void host_rules_free(struct host_rules *rules); /* NULL-safe */
/* `wkb` in degrees. CIM_E_INVALID names "geom", the record at fault and the rule that refuses the
 * row; rules that warn are told to `found`. A row that passes is compared with those that follow.
 */
cim_status host_rules_check(struct host_rules *rules, int64_t row, const uint8_t *wkb, size_t len,
                            cim_error *err);

#endif

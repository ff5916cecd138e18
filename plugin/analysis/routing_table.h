/* plugin/analysis/routing_table.h -- how vehicles use roads: speeds by class, what is closed to
 * them. Data (data/routing.json, installed with the plugin), each with basis and confidence. */
#ifndef LPG_ANALYSIS_ROUTING_TABLE_H
#define LPG_ANALYSIS_ROUTING_TABLE_H

#include "analysis/route_table.h"

struct json_object;

enum { LPG_VEHICLES_MAX = 16 };

struct lpg_vehicle {
    const char *vehicle;  /* of the codes vehicle_kind, and "emergency" */
    bool dangerous_goods; /* restricted zones and roads closed to dangerous goods are not for it */
    double speed_km_h[LPG_ROUTE_KINDS_MAX]; /* by class of the route table; 0: not on such roads */
    const char *basis_zh;                   /* borrowed from the document */
    const char *basis_en;
    const char *clause;
    char confidence; /* 'C', 'L', 'U' */
};

struct lpg_routing_table {
    struct json_object *document; /* owns the texts */
    double snap_m;
    double access_m;
    double access_km_h;
    int n_vehicles;
    struct lpg_vehicle vehicles[LPG_VEHICLES_MAX];
};

/* `classes`: whose numbers of road classes are used; borrowed during the call. CIM_E_INVALID with
 * the key at fault. [lifecycle] */
cim_status lpg_routing_table_read(const char *path, const struct lpg_route_table *classes,
                                  struct lpg_routing_table **ret_table, cim_error *err);
void lpg_routing_table_free(struct lpg_routing_table *table); /* NULL-safe */
/* The member `key` of the inputs, or `otherwise`; CIM_E_INVALID lists those there are. */
cim_status lpg_routing_vehicle(const struct lpg_routing_table *table, struct json_object *inputs,
                               const char *otherwise, const struct lpg_vehicle **ret_vehicle,
                               cim_error *err);

#endif

/* plugin/analysis/route_table.h -- what a route is judged by: kinds of element with their
 * distances, road types with their accident rates, restrictions, parameters. Data
 * (data/route_hazards.json, installed with the plugin), each with its basis and confidence: C
 * certain, L likely, U unsure; what is not C is shown as to be confirmed.
 */
#ifndef LPG_ANALYSIS_ROUTE_TABLE_H
#define LPG_ANALYSIS_ROUTE_TABLE_H

#include "cim/base.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object;

enum { LPG_ROUTE_KINDS_MAX = 64 };

/* Clause, texts and confidence ('C', 'L', 'U') as answers say them: members of a JSON object. */
struct lpg_basis {
    char *json;
    size_t json_len;
};

struct lpg_route_kind {
    const char *kind; /* of lpg.risk-elements */
    const char *group;
    double distance_m; /* 0: on the link itself */
    bool on_link;
    bool residents;       /* its persons live there: they are the end users of the place */
    double weight;        /* of the score, 0…1 */
    double persons_worst; /* where a record says nothing; 0: nobody is expected there */
    int restriction;      /* number in `restrictions`, -1: none */
    struct lpg_basis basis;
};

struct lpg_road_type {
    const char *type;
    double accidents_per_1e6_km;
    double release;
};

struct lpg_road_class {
    const char *road_class; /* of lpg.roads */
    int rural;              /* numbers in `types` */
    int urban;
};

struct lpg_restriction {
    const char *id;
    const char *road_class; /* restricted at hours; NULL: by the elements that name it */
    int from_minute;        /* of the day in Beijing */
    int to_minute;
    struct lpg_basis basis;
};

enum lpg_route_parameter {
    LPG_ROUTE_EXPOSURE_M,
    LPG_ROUTE_ON_LINK_M,
    LPG_ROUTE_ROAD_MATCH_M,
    LPG_ROUTE_LINK_M,
    LPG_ROUTE_URBAN_PERSONS_PER_KM2,
    LPG_ROUTE_PERSONS_PER_HOUSEHOLD,
    LPG_ROUTE_SPEED_EXPRESSWAY_KM_H,
    LPG_ROUTE_SPEED_OTHER_KM_H,
    LPG_ROUTE_TRACK_GAP_S, /* without a position for longer, nobody knows the way */
    LPG_ROUTE_TRACK_SPEED_MAX_KM_H,
    LPG_ROUTE_N_PARAMETERS
};

struct lpg_route_table {
    struct json_object *document; /* owns the texts */
    const char *edition;
    double parameters[LPG_ROUTE_N_PARAMETERS];
    int n_kinds;
    struct lpg_route_kind kinds[LPG_ROUTE_KINDS_MAX];
    int n_types;
    struct lpg_road_type types[LPG_ROUTE_KINDS_MAX];
    int worst_type; /* with the largest accidents × release */
    int n_classes;
    struct lpg_road_class classes[LPG_ROUTE_KINDS_MAX];
    int n_restrictions;
    struct lpg_restriction restrictions[LPG_ROUTE_KINDS_MAX];
};

/* CIM_E_INVALID with the file and the key at fault. [lifecycle] */
cim_status lpg_route_table_read(const char *path, struct lpg_route_table **ret_table,
                                cim_error *err);
void lpg_route_table_free(struct lpg_route_table *table); /* NULL-safe */
/* Numbers, -1: none. */
int lpg_route_table_kind(const struct lpg_route_table *table, const char *kind, size_t len);
int lpg_route_table_class(const struct lpg_route_table *table, const char *road_class, size_t len);
int lpg_route_table_type(const struct lpg_route_table *table, const char *type);

#endif

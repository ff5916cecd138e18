/* plugin/analysis/separation_table.h -- which receptors of separation rules the records are, and
 * what stands for what they do not say (separation.json). No distance of a standard is here: those
 * are records of lpg.separation-rules. */
#ifndef LPG_ANALYSIS_SEPARATION_TABLE_H
#define LPG_ANALYSIS_SEPARATION_TABLE_H

#include "cim/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the code list separation_station; names end with NULL. */
enum lpg_separation_station {
    LPG_STATION_CLASS1,
    LPG_STATION_CLASS2,
    LPG_STATION_CLASS3,
    LPG_STATION_STORAGE,
    LPG_STATION_FILLING,
    LPG_STATION_GROUP_ROOM,
    LPG_SEPARATION_STATIONS
};
extern const char *const lpg_separation_stations[LPG_SEPARATION_STATIONS + 1];

/* In the order of the code list receptor_kind; its names are lpg_receptor_names. */
enum lpg_receptor {
    LPG_RECEPTOR_OPEN_FLAME,
    LPG_RECEPTOR_IMPORTANT_PUBLIC,
    LPG_RECEPTOR_OTHER_CIVIL,
    LPG_RECEPTOR_DWELLING,
    LPG_RECEPTOR_HIGH_RISE,
    LPG_RECEPTOR_RESIDENTIAL_AREA,
    LPG_RECEPTOR_MAIN_ROAD,
    LPG_RECEPTOR_SECONDARY_ROAD,
    LPG_RECEPTOR_HIGHWAY,
    LPG_RECEPTOR_OTHER_ROAD,
    LPG_RECEPTOR_RAILWAY_NATIONAL,
    LPG_RECEPTOR_RAILWAY_SIDING,
    LPG_RECEPTOR_POWER_LINE,
    LPG_RECEPTOR_COMMS_LINE,
    LPG_RECEPTOR_SUBSTATION,
    LPG_RECEPTOR_INDUSTRIAL,
    LPG_RECEPTOR_CLASS_AB_STORE,
    LPG_RECEPTOR_CLASS_C_STORE,
    LPG_RECEPTOR_OXIDISING_TIMBER,
    LPG_RECEPTOR_BUILDING_12,
    LPG_RECEPTOR_BUILDING_3,
    LPG_RECEPTOR_BUILDING_4,
    LPG_RECEPTORS
};
extern const char *const lpg_receptor_names[LPG_RECEPTORS + 1]; /* ends with NULL */

/* Attributes that a receptor does not say and that were taken at their worst; bits. */
enum {
    LPG_ASSUMED_PUBLIC = 1,
    LPG_ASSUMED_FLAME = 2,
    LPG_ASSUMED_HEIGHT = 4,
    LPG_ASSUMED_RATING = 8,
    LPG_ASSUMED_HOUSEHOLDS = 16,
    LPG_ASSUMED_ROAD_WIDTH = 32,
    LPG_ASSUMED_ROAD_CLASS = 64,
    LPG_ASSUMED_POLE = 128,
    LPG_ASSUMED_RAILWAY = 256,
    LPG_ASSUMED_OUTLINE = 512, /* a position stands for the whole: not the worst */
    LPG_ASSUMED_ALL = 10       /* names */
};
extern const char *const lpg_assumed_names[LPG_ASSUMED_ALL];

enum lpg_separation_parameter {
    LPG_SEPARATION_LOOK_M,
    LPG_SEPARATION_SLACK_M,
    LPG_SEPARATION_POLE_HEIGHT_M,
    LPG_SEPARATION_STOREY_HEIGHT_M,
    LPG_SEPARATION_HIGH_DWELLING_M,
    LPG_SEPARATION_HIGH_OTHER_M,
    LPG_SEPARATION_CLASS_ONE_DWELLING_M,
    LPG_SEPARATION_RESIDENTIAL_HOUSEHOLDS,
    LPG_SEPARATION_CLASS3_UPTO_M3,
    LPG_SEPARATION_CLASS2_UPTO_M3,
    LPG_SEPARATION_CLASS1_UPTO_M3,
    LPG_SEPARATION_ROOM_LEAST_M2,
    LPG_SEPARATION_ROOM_FIRE_RATING,
    LPG_SEPARATION_PARAMETERS
};

enum { LPG_SEPARATION_ROWS_MAX = 64 };

struct lpg_separation_row {
    const char *name;   /* of the use, road class, element kind or land-use class */
    uint32_t receptors; /* bits of enum lpg_receptor; of land use those of the stations */
    double half_width_m;
    bool residential;
    bool unknown_public; /* what is not said of it counts as so */
    bool unknown_flame;
    bool rated; /* as a building of its fire rating */
    bool own_room;
    bool holds_room; /* a class III supply station may have its room in it */
    bool unknown_class;
    bool unknown_railway;
    bool unknown_pole;
};

struct lpg_separation_rows {
    int n;
    struct lpg_separation_row rows[LPG_SEPARATION_ROWS_MAX];
};

struct lpg_separation_table {
    struct json_object *document; /* owns the texts */
    double parameters[LPG_SEPARATION_PARAMETERS];
    struct lpg_separation_rows uses;
    struct lpg_separation_rows roads;
    struct lpg_separation_rows elements;
    struct lpg_separation_rows land_use;
};

/* A fault is refused with file, list, row and member. [lifecycle] */
cim_status lpg_separation_table_read(const char *path, struct lpg_separation_table **ret_table,
                                     cim_error *err);
void lpg_separation_table_free(struct lpg_separation_table *table); /* NULL-safe */
/* The number of the row with that name, -1: none. `arg`: a struct lpg_separation_rows. [any] */
int lpg_separation_row_code(const void *arg, const char *text, size_t len);

#endif

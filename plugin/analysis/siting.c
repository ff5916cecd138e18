/* plugin/analysis/siting.c -- see siting.h. */
#include "analysis/siting.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATIONS "lpg.stations"

/* ---- what is kept ---- */

/* Place of a text in `names`, which end with NULL; -1: not there. */
static int
place_of(const char *const *names, const char *text, size_t len)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
            return i;
        }
    }
    return -1;
}

static int
any_code(const void *arg, const char *text, size_t len)
{
    (void)arg;
    (void)text;
    (void)len;
    return 0;
}

static int
resource_code(const void *arg, const char *text, size_t len)
{
    static const char *const kinds[] = {"fire_station", "hospital", NULL};
    (void)arg;
    return place_of(kinds, text, len);
}

/* In the order of enum lpg_station_kind. */
static const char *const station_kinds[] = {"storage", "filling", "supply", "cylinder_room", NULL};

/* Test and vaporising stations have no table of separations of their own. */
static int
station_code(const void *arg, const char *text, size_t len)
{
    (void)arg;
    return place_of(station_kinds, text, len);
}

/* What keeps building out; what only restricts it is a matter of a permit. */
static int
effect_code(const void *arg, const char *text, size_t len)
{
    static const char *const effects[] = {"prohibited", NULL};
    (void)arg;
    return place_of(effects, text, len);
}

static cim_status
open_all(struct lpg_siting *siting, struct lpg_data *data, const char *folder, cim_error *err)
{
    static const char *const classes[] = {"I", "II", "III", NULL};
    const struct lpg_sites_spec stations = {.layer = STATIONS,
                                            .code_field = "kind",
                                            .code = station_code,
                                            .name_field = "name",
                                            .values = {{"class", classes},
                                                       {"volume_limit_l", NULL},
                                                       {"full_volume_l", NULL},
                                                       {"tank_volume_m3", NULL}}};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/separation.json", folder);
    CIM_TRY(lpg_separation_table_read(path, &siting->table, err));
    CIM_TRY(lpg_separation_rules_init(&siting->rules, siting->host, data, err));
    CIM_TRY(lpg_sites_cache_init(&siting->stations, siting->host, data, &stations, err));
    const struct lpg_sites_spec land_use = {.layer = "lpg.land-use",
                                            .code_field = "code",
                                            .code = lpg_separation_row_code,
                                            .arg = &siting->table->land_use,
                                            .name_field = "parcel_no",
                                            .from_field = "valid_from",
                                            .to_field = "valid_to"};
    const struct lpg_sites_spec control = {.layer = "lpg.control-lines",
                                           .code_field = "effect",
                                           .code = effect_code,
                                           .name_field = "line_no",
                                           .from_field = "valid_from",
                                           .to_field = "valid_to"};
    const struct lpg_sites_spec resources = {.layer = "lpg.emergency-resources",
                                             .code_field = "kind",
                                             .code = resource_code,
                                             .name_field = "name"};
    const struct lpg_sites_spec users = {.layer = "lpg.end-users",
                                         .code_field = "kind",
                                         .code = any_code,
                                         .values = {{"ordered_12m_kg", NULL}}};
    CIM_TRY(lpg_sites_cache_init(&siting->users, siting->host, data, &users, err));
    CIM_TRY(lpg_sites_cache_init(&siting->resources, siting->host, data, &resources, err));
    CIM_TRY(lpg_sites_cache_init(&siting->land_use, siting->host, data, &land_use, err));
    CIM_TRY(lpg_sites_cache_init(&siting->control_lines, siting->host, data, &control, err));
    return lpg_receptor_caches_init(&siting->receptors, siting->table, siting->host, data, err);
}

cim_status
lpg_siting_new(const cim_host *host, struct lpg_data *data, const char *folder,
               struct lpg_siting **ret_siting, cim_error *err)
{
    struct lpg_siting *siting = calloc(1, sizeof *siting);
    cim_status status;
    if (siting == NULL) {
        return cim_fail_nomem(err);
    }
    siting->host = host;
    status = open_all(siting, data, folder, err);
    if (status != CIM_OK) {
        lpg_siting_free(siting);
        return status;
    }
    *ret_siting = siting;
    return CIM_OK;
}

void
lpg_siting_free(struct lpg_siting *siting)
{
    if (siting != NULL) {
        lpg_sites_cache_done(&siting->stations);
        lpg_sites_cache_done(&siting->resources);
        lpg_sites_cache_done(&siting->users);
        lpg_sites_cache_done(&siting->land_use);
        lpg_sites_cache_done(&siting->control_lines);
        lpg_receptor_caches_done(&siting->receptors);
        lpg_separation_rules_done(&siting->rules);
        lpg_separation_table_free(siting->table);
        free(siting);
    }
}

/* ---- one run ---- */

/* {"51142-8.0.4-3-2b": 7}: metres instead of a row's own, for this run. */
static cim_status
read_overrides(struct json_object *inputs, struct lpg_siting_run *run, cim_error *err)
{
    struct json_object *given = lpg_in_member(inputs, "separations");
    if (given == NULL) {
        return CIM_OK;
    }
    run->override_m = malloc(run->rules->n * sizeof *run->override_m);
    if (run->override_m == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 0; i < run->rules->n; i++) {
        run->override_m[i] = NAN;
    }
    json_object_object_foreach(given, rule_no, metres)
    {
        size_t i = 0;
        char where[320];
        (void)metres;
        (void)snprintf(where, sizeof where, "separations.%.250s", rule_no);
        while (i < run->rules->n && strcmp(run->rules->rules[i].rule_no, rule_no) != 0) {
            i++;
        }
        if (i == run->rules->n) {
            return cim_fail(err, CIM_E_INVALID, where, rule_no,
                            "没有这条间距规则，编号见图层 lpg.separation-rules",
                            "there is no such rule: the numbers are in the layer "
                            "lpg.separation-rules");
        }
        if (lpg_in_number(given, rule_no, 0.0, run->rules->rules[i].not_inside ? 0.0 : 5000.0,
                          &run->override_m[i], NULL) != CIM_OK) {
            return cim_fail(err, CIM_E_INVALID, where, lpg_in_given(metres),
                            "应为 0 到 5000 的米数，0 为不适用（不得设于其内的规则只能为 0）",
                            "expected metres from 0 to 5000, 0: the rule does not apply (of one "
                            "that forbids to stand inside only 0)");
        }
    }
    return CIM_OK;
}

cim_status
lpg_siting_open(struct lpg_siting *siting, const cim_call *call, struct json_object *inputs,
                const double bbox_deg[4], struct lpg_siting_run *ret_run, cim_error *err)
{
    struct lpg_siting_run run = {.day = cim_time_local_day(call->now_ms)};
    cim_status status;
    CIM_TRY(lpg_in_day(inputs, "as_of", &run.day, err));
    CIM_TRY(lpg_separation_rules_take(&siting->rules, call, &run.rules, err));
    status = read_overrides(inputs, &run, err);
    if (status == CIM_OK) {
        status = lpg_receptor_views_open(&siting->receptors, call, bbox_deg, &run.views, err);
    }
    if (status != CIM_OK) {
        lpg_siting_run_done(&run);
        return status;
    }
    *ret_run = run;
    return CIM_OK;
}

void
lpg_siting_run_done(struct lpg_siting_run *run)
{
    lpg_receptor_views_done(&run->views);
    lpg_separation_rules_unref(run->rules);
    free(run->override_m);
    *run = (struct lpg_siting_run){0};
}

bool
lpg_siting_surveyed(const struct lpg_receptor_views *views, const double lonlat_deg[2])
{
    const double margin_deg = 0.1; /* 10 km: the edge of what was surveyed */
    for (int i = 0; i < LPG_RECEPTOR_LAYERS; i++) {
        const struct lpg_sites *sites = views->layers[i].sites;
        const double *e = sites != NULL ? sites->extent_deg : NULL;
        /* roads reach everywhere: buildings and elements say what was surveyed */
        if (e != NULL && i != LPG_RECEPTORS_ROADS && lonlat_deg[0] >= e[0] - margin_deg &&
            lonlat_deg[0] <= e[2] + margin_deg && lonlat_deg[1] >= e[1] - margin_deg &&
            lonlat_deg[1] <= e[3] + margin_deg) {
            return true;
        }
    }
    return false;
}

cim_status
lpg_siting_covers(const struct lpg_siting_run *run, const double lonlat_deg[2], const char *input,
                  cim_error *err)
{
    char value[64];
    if (lpg_siting_surveyed(&run->views, lonlat_deg)) {
        return CIM_OK;
    }
    (void)snprintf(value, sizeof value, "%.6f, %.6f", lonlat_deg[0], lonlat_deg[1]);
    return cim_fail(err, CIM_E_INVALID, input, value,
                    "在建筑与要素数据范围之外，无法判定；请先导入该处数据",
                    "lies outside what buildings and elements cover and cannot be judged: import "
                    "the data of that place first");
}

/* ---- what stands there ---- */

static cim_status
read_supply(struct json_object *inputs, const struct lpg_separation_table *table,
            struct lpg_separation_station_in *station, cim_error *err)
{
    static const char *const names[] = {"I", "II", "III"};
    const char *given = json_object_get_string(lpg_in_member(inputs, "station_class"));
    const double volume_m3 = station->quantity[LPG_BAND_VOLUME];
    int number = -1;
    for (int i = 0; given != NULL && i < 3; i++) {
        number = strcmp(given, names[i]) == 0 ? i : number;
    }
    if (!isnan(volume_m3)) {
        const int by_volume = lpg_separation_class(table, volume_m3);
        if (by_volume < 0) {
            return cim_fail(err, CIM_E_INVALID, "volume_m3",
                            lpg_in_given(lpg_in_member(inputs, "volume_m3")),
                            "超过 %g m³，不是供应站，请按储配站（station: storage）判定",
                            "more than %g m³ is no supply station: judge it as a storage station "
                            "(station: storage)",
                            table->parameters[LPG_SEPARATION_CLASS1_UPTO_M3]);
        }
        if (number >= 0 && number != by_volume) {
            return cim_fail(err, CIM_E_INVALID, "station_class", given,
                            "总容积 %g m³ 属于 %s 类，请改正其一",
                            "%g m³ is class %s: mend one of the two", volume_m3, names[by_volume]);
        }
        number = by_volume;
    }
    if (number < 0) {
        return cim_fail(err, CIM_E_INVALID, "station_class", given,
                        "供应站应给出 station_class（I、II、III）或 volume_m3",
                        "a supply station needs station_class (I, II, III) or volume_m3");
    }
    station->stations = 1U << (unsigned)(LPG_STATION_CLASS1 + number);
    return CIM_OK;
}

cim_status
lpg_siting_read_station(struct json_object *inputs, const struct lpg_separation_table *table,
                        struct lpg_separation_station_in *ret_station, cim_error *err)
{
    const char *kind = json_object_get_string(lpg_in_member(inputs, "station"));
    struct lpg_separation_station_in station = {.quantity = {NAN, NAN, NAN}};
    double *volume_m3 = &station.quantity[LPG_BAND_VOLUME];
    CIM_TRY(lpg_in_number(inputs, "volume_m3", 1e-6, 1e6, volume_m3, err));
    CIM_TRY(lpg_in_number(inputs, "tank_m3", 1e-6, 1e6, &station.quantity[LPG_BAND_TANK], err));
    CIM_TRY(lpg_in_number(inputs, "mass_t", 1e-6, 1e6, &station.quantity[LPG_BAND_MASS], err));
    if (kind == NULL || strcmp(kind, "supply") == 0) {
        CIM_TRY(read_supply(inputs, table, &station, err));
    } else if (strcmp(kind, "group_room") == 0) {
        station.stations = 1U << LPG_STATION_GROUP_ROOM;
    } else {
        station.stations = 1U << LPG_STATION_STORAGE;
        if (strcmp(kind, "filling") == 0) {
            station.stations |= 1U << LPG_STATION_FILLING;
        }
        if (isnan(station.quantity[LPG_BAND_TANK])) {
            station.quantity[LPG_BAND_TANK] = *volume_m3; /* no tank is larger than all of them */
        }
    }
    *ret_station = station;
    return CIM_OK;
}

static void
write_quantity(struct cim_buf *out, const char *key, double value)
{
    lpg_out_key(out, key);
    if (isnan(value)) {
        cim_buf_add_text(out, "null");
    } else {
        cim_buf_add_double(out, value);
    }
}

void
lpg_siting_write_station(const struct lpg_separation_station_in *station, int32_t day,
                         struct cim_buf *out)
{
    char text[CIM_TIME_TEXT_MAX];
    cim_date_format(day, text);
    lpg_out_key(out, "station");
    cim_buf_add_text(out, "{\"judged_as\":[");
    for (int i = 0; i < LPG_SEPARATION_STATIONS; i++) {
        if ((station->stations >> (unsigned)i & 1U) != 0) {
            lpg_out_next(out);
            cim_buf_add_json_text(out, lpg_separation_stations[i], SIZE_MAX);
        }
    }
    cim_buf_add_char(out, ']');
    write_quantity(out, "volume_m3", station->quantity[LPG_BAND_VOLUME]);
    write_quantity(out, "tank_m3", station->quantity[LPG_BAND_TANK]);
    write_quantity(out, "mass_t", station->quantity[LPG_BAND_MASS]);
    lpg_out_text(out, "as_of", text);
    cim_buf_add_char(out, '}');
}

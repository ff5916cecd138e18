/* plugin/analysis/why_not.c -- lpg.why-not: one place, every rule. */
#include "analysis/siting.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <string.h>

static cim_status
judge_point(struct lpg_siting *siting, struct json_object *inputs, struct lpg_siting_run *run,
            const double lonlat_deg[2], struct cim_buf *out, cim_error *err)
{
    static const double here[4] = {0.0, 0.0, 0.0, 0.0};
    struct lpg_outline outline = {.edges = here, .n_edges = 1};
    struct lpg_separation_station_in station;
    struct lpg_separation_demand demand;
    struct lpg_separation_judgement judgement;
    CIM_TRY(lpg_siting_read_station(inputs, siting->table, &station, err));
    station.day = run->day;
    station.override_m = run->override_m;
    CIM_TRY(lpg_siting_covers(run, lonlat_deg, "point", err));
    lpg_separation_demand_of(run->rules, &station, &demand);
    CIM_TRY(lpg_separation_demand_check(&demand, err));
    lpg_tm_init(&outline.tm, lonlat_deg[0], lonlat_deg[1]);
    CIM_TRY(lpg_separation_judge(&demand, &outline, run->day, &run->views, &judgement, err));
    cim_buf_add_char(out, '{');
    lpg_out_point(out, "point", lonlat_deg);
    lpg_siting_write_station(&station, run->day, out);
    lpg_separation_write(&demand, &judgement, &station, &run->views, out);
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, err);
}

cim_status
lpg_why_not_answer(struct lpg_siting *siting, const cim_call *call, const char *inputs_json,
                   cim_blob *ret_result, cim_error *err)
{
    struct json_object *inputs = NULL;
    struct lpg_siting_run run = {0};
    CIM_AUTO_BUF struct cim_buf out;
    double lonlat_deg[2];
    double bbox_deg[4];
    struct lpg_tm tm;
    cim_status status;
    cim_buf_init(&out, LPG_SITING_RESULT_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    status = lpg_in_point(inputs, "point", lonlat_deg, err);
    if (status == CIM_OK) {
        lpg_tm_init(&tm, lonlat_deg[0], lonlat_deg[1]);
        lpg_separation_window(&tm, 20000.0, bbox_deg); /* past the extent that is looked for, too */
        status = lpg_siting_open(siting, call, inputs, bbox_deg, &run, err);
    }
    if (status == CIM_OK) {
        status = judge_point(siting, inputs, &run, lonlat_deg, &out, err);
    }
    lpg_siting_run_done(&run);
    (void)json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}

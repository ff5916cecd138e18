/* plugin/analysis/placing.c -- points for records that come with an address alone: what
 * data/placing.h asks for, over the gazetteer. */
#include "analysis/placing.h"

#include "analysis/geocode.h"
#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

static cim_status
open_view(void *self, const cim_call *call, void **ret_view, cim_error *err)
{
    static const double anywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    struct lpg_gazetteer_view *view = malloc(sizeof *view);
    if (view == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = lpg_gazetteer_open(self, call, anywhere, view, err);
    if (status != CIM_OK) {
        free(view);
        return status;
    }
    *ret_view = view;
    return CIM_OK;
}

static void
close_view(void *arg)
{
    struct lpg_gazetteer_view *view = arg;
    lpg_gazetteer_done(view);
    free(view);
}

/* Only what is beyond doubt: in the record's own area, in the town that the address names, and
 * nowhere else as well. */
static void
place(void *arg, const char *area, const char *text, size_t len, struct lpg_placed *ret_placed)
{
    struct lpg_gazetteer_view *view = arg;
    struct lpg_geocoded geocoded;
    lpg_geocode(view, area[0] != '\0' ? lpg_area_names_of_code(view->names, area) : -1, text, len,
                &geocoded);
    const struct lpg_candidate *best = &geocoded.candidates[0];
    const bool doubtful =
        geocoded.conflicts || geocoded.ambiguous || (geocoded.n > 0 && best->area_differs);
    *ret_placed =
        (struct lpg_placed){.grade = lpg_grade_names[doubtful ? LPG_GRADES : (int)geocoded.grade]};
    if (geocoded.n > 0 && !doubtful) {
        ret_placed->has_point = true;
        memcpy(ret_placed->lonlat_deg, best->lonlat_deg, sizeof best->lonlat_deg);
        ret_placed->error_m = best->error_m;
        ret_placed->source = view->parts[best->part].layer;
    }
}

void
lpg_placing_serve(struct lpg_gazetteer *gazetteer, struct lpg_data *data)
{
    const struct lpg_placer placer = {.self = gazetteer,
                                      .grades = lpg_grade_names,
                                      .open = open_view,
                                      .close = close_view,
                                      .place = place};
    lpg_data_set_placer(data, &placer);
}

/* Inspections with their items, and the steps of hazards. */

#include "registers_internal.h"

#include "names.h"
#include "text.h"

#include <string.h>

/* ---- inspections ---- */

struct form {
    const char *name;
    const char *items[8][2]; /* code of hazard_item, what is looked at */
};

static const struct form USER_FORM = {"用户安全检查表",
                                      {{"hose", "连接管"},
                                       {"regulator", "调压器"},
                                       {"location", "气瓶位置"},
                                       {"appliance", "灶具熄火保护"},
                                       {"ventilation", "通风"},
                                       {"detector", "燃气报警器"}}};
static const struct form STATION_FORM = {"供应站检查表",
                                         {{"cylinder", "气瓶检验期限"},
                                          {"foreign_cylinder", "非自有气瓶"},
                                          {"volume", "实瓶容积"},
                                          {"fire_gear", "灭火器"},
                                          {"detector", "燃气探测器"},
                                          {"electrical", "电气防爆"},
                                          {"video", "视频监控"},
                                          {"system", "出入库台账"}}};
static const struct form ENTERPRISE_FORM = {
    "企业检查表", {{"licence", "经营许可"}, {"system", "安全管理制度"}, {"staff", "人员证书"}}};
static const struct form VEHICLE_FORM = {
    "运输检查表", {{"vehicle", "车辆标志与灭火器"}, {"delivery", "定位终端"}}};

static const struct form *
form_of(const char *subject)
{
    return subject[0] == 'u'   ? &USER_FORM
           : subject[0] == 's' ? &STATION_FORM
           : subject[0] == 'v' ? &VEHICLE_FORM
                               : &ENTERPRISE_FORM;
}

static int
write_item(struct demo_world *world, const struct demo_check *check, const char *inspection_no,
           int sequence, const char *const item[2], int failed, struct demo_error *err)
{
    struct demo_out *out = demo_register_begin(world, DEMO_REGISTER_ITEMS, DEMO_LAYER_ITEM,
                                               check->enterprise, check->town);
    char no[32];

    demo_text(no, sizeof(no), "%s-%02d", inspection_no, sequence);
    demo_out_text(out, "item_no", no);
    demo_out_text(out, "inspection_no", inspection_no);
    demo_out_int(out, "sequence", sequence);
    demo_out_text(out, "item", item[0]);
    demo_out_text(out, "content", item[1]);
    demo_out_text(out, "verdict", failed ? "failed" : "passed");
    demo_out_text(out, "hazard_no", failed ? check->hazard_no : NULL);
    return demo_register_end(out, err);
}

/* The items of the form; the one that failed stands in the place of its own, or at the end. */
static int
write_items(struct demo_world *world, const struct demo_check *check, const char *inspection_no,
            int *ret_n, struct demo_error *err)
{
    const struct form *form = form_of(check->subject);
    int told = check->hazard_no == NULL;
    int n = 0;

    for (int i = 0; i < 8 && form->items[i][0] != NULL; i++) {
        int fails = !told && strcmp(form->items[i][0], check->item) == 0;
        const char *const item[2] = {form->items[i][0], fails ? check->content : form->items[i][1]};
        told |= fails;
        if (write_item(world, check, inspection_no, ++n, item, fails, err) != 0) {
            return -1;
        }
    }
    if (!told) {
        const char *const item[2] = {check->item, check->content};
        if (write_item(world, check, inspection_no, ++n, item, 1, err) != 0) {
            return -1;
        }
    }
    *ret_n = n;
    return 0;
}

int
demo_register_check(struct demo_world *world, const struct demo_check *check,
                    struct demo_error *err)
{
    const struct demo_enterprise *e = &world->enterprises[check->enterprise];
    uint64_t index = world->registers->outs[DEMO_REGISTER_INSPECTIONS].n_features;
    struct demo_out *out;
    struct demo_rng rng;
    char no[24], person[DEMO_PERSON_TEXT], text[48];
    int n = 0;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_INSPECTION, index);
    demo_text(no, sizeof(no), "JC%08u", (unsigned)((index + 1) % 100000000));
    if (write_items(world, check, no, &n, err) != 0) {
        return -1;
    }
    demo_person_name(&rng, person);
    out = demo_register_begin(world, DEMO_REGISTER_INSPECTIONS, DEMO_LAYER_INSPECTION,
                              check->enterprise, check->town);
    demo_out_text(out, "inspection_no", no);
    demo_out_text(out, "kind", check->kind);
    demo_out_text(out, "subject", check->subject);
    demo_out_text(out, "subject_uid", check->uid);
    demo_out_text(out, "subject_no", check->no);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "form_name", form_of(check->subject)->name);
    demo_out_time(out, "started_at",
                  check->ended_at - INT64_C(60000) * demo_rng_range(&rng, 10, 70));
    demo_out_time(out, "ended_at", check->ended_at);
    demo_out_text(out, "inspector", check->inspector != NULL ? check->inspector : person);
    /* Who checks belongs to the county where it is. */
    demo_text(text, sizeof(text), "J%.6s-%02u", world->geo.towns[check->town].code,
              demo_rng_below(&rng, 12) + 1);
    demo_out_text(out, "inspector_no", text);
    demo_out_text(out, "result",
                  check->hazard_no == NULL ? "passed"
                  : check->major           ? "major_hazard"
                                           : "general_hazard");
    demo_out_int(out, "item_count", n);
    demo_out_int(out, "failed_count", check->hazard_no != NULL);
    demo_text(text, sizeof(text), "demo/%s.jpg", no);
    demo_out_text(out, "photo", text);
    demo_out_bool(out, "offline", demo_rng_chance(&rng, 800));
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, check->at.lon_e6, check->at.lat_e6, err);
}

/* ---- steps ---- */

static int
write_step(struct demo_world *world, const struct demo_trail *trail, const char *step, int sequence,
           int64_t at, struct demo_error *err)
{
    struct demo_out *out = demo_register_begin(world, DEMO_REGISTER_STEPS, DEMO_LAYER_STEP,
                                               trail->enterprise, trail->town);
    int submits = strcmp(step, "submitted") == 0;
    int own = submits || strcmp(step, "accepted") == 0;
    char text[64];

    demo_text(text, sizeof(text), "%s-%d", trail->hazard_no, sequence);
    demo_out_text(out, "step_no", text);
    demo_out_text(out, "hazard_no", trail->hazard_no);
    demo_out_text(out, "step", step);
    demo_out_time(out, "done_at", at);
    demo_out_text(out, "done_by", trail->found_by);
    demo_out_text(out, "department",
                  own ? world->enterprises[trail->enterprise].name : "示例主管部门");
    demo_out_text(out, "opinion",
                  strcmp(step, "returned") == 0   ? "整改不到位，退回重新整改"
                  : strcmp(step, "closed") == 0   ? "同意销号"
                  : strcmp(step, "extended") == 0 ? "同意延期 7 日"
                                                  : NULL);
    demo_out_text(out, "problem", submits ? "已按要求整改" : NULL);
    demo_out_text(out, "place", submits ? trail->place : NULL);
    demo_text(text, sizeof(text), "demo/%s-before.jpg", trail->hazard_no);
    demo_out_text(out, "before_photo", submits ? text : NULL);
    demo_text(text, sizeof(text), "demo/%s-after.jpg", trail->hazard_no);
    demo_out_text(out, "after_photo", submits ? text : NULL);
    return demo_register_end(out, err);
}

int
demo_register_steps(struct demo_world *world, const struct demo_trail *trail,
                    struct demo_error *err)
{
    const struct {
        const char *step;
        int64_t at;
    } steps[] = {{"found", trail->found},
                 {"issued", trail->issued},
                 {"listed", trail->listed ? trail->issued : DEMO_NO_TIME},
                 {"accepted", trail->accepted},
                 {"extended", trail->extended ? trail->accepted : DEMO_NO_TIME},
                 {"submitted", trail->submitted},
                 {"returned", trail->returned},
                 {"reviewed", trail->closed},
                 {"closed", trail->closed}};
    int sequence = 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].at != DEMO_NO_TIME &&
            write_step(world, trail, steps[i].step, ++sequence, steps[i].at, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Hazards: the workflow from finding to closing, with times that follow one another. */

#include "world.h"

#include "names.h"
#include "registers.h"
#include "text.h"

#include <string.h>

struct item {
    const char *code;
    const char *general;
    const char *major; /* NULL: this item is never a major hazard */
    const char *basis;
    const char *major_basis;
};

#define MAJOR_CRITERIA "城镇燃气经营安全重大隐患判定标准"

static const struct item USER_ITEMS[] = {
    {"hose", "连接管超过使用年限", NULL, "用户安全检查表 8", NULL},
    {"hose", "连接管穿墙敷设", "使用国家明令禁止的连接管且未书面告知", "用户安全检查表 8",
     MAJOR_CRITERIA "第九条"},
    {"regulator", "调压器超过 5 年", NULL, "用户安全检查表 7", NULL},
    {"location", "气瓶与灶具间距不足 0.5 m", "地下空间使用液化石油气且未书面告知",
     "用户安全检查表 4", MAJOR_CRITERIA "第九条"},
    {"appliance", "灶具无熄火保护", "卧室内设置燃气具且未书面告知", "用户安全检查表 10",
     MAJOR_CRITERIA "第九条"},
    {"ventilation", "用气场所通风不良", NULL, "用户安全检查表 12", NULL},
    {"detector", "未安装燃气报警器", NULL, "用户安全检查表 14", NULL}};
static const struct item STATION_ITEMS[] = {
    {"cylinder", "站内存放超期未检气瓶", NULL, "供应站检查表 7", NULL},
    {"foreign_cylinder", "站内发现标签无法识别的气瓶", "销售非自有气瓶充装的燃气", "供应站检查表 8",
     MAJOR_CRITERIA "第七条"},
    {"volume", "实瓶存放接近上限未登记", NULL, "供应站检查表 5", NULL},
    {"fire_gear", "灭火器压力不足", NULL, "供应站检查表 16", NULL},
    {"detector", "燃气探测器校准过期", "可能泄漏处未设固定式燃气探测器", "供应站检查表 15",
     MAJOR_CRITERIA "第五条"},
    {"electrical", "照明开关设于瓶库内", "爆炸危险区电气不符合防爆要求", "供应站检查表 13",
     MAJOR_CRITERIA "第五条"},
    {"video", "大门摄像机离线", NULL, "供应站检查表 21", NULL},
    {"system", "出入库台账不完整", NULL, "供应站检查表 22", NULL},
    {"staff", "从业人员培训记录缺失", NULL, "供应站检查表 27", NULL}};
static const struct item ENTERPRISE_ITEMS[] = {
    {"system", "岗位制度未按期评审", "未建立燃气用户安全检查制度", "企业检查表 2",
     MAJOR_CRITERIA "第四条"},
    {"staff", "安全管理人员证书临期", NULL, "企业检查表 3", NULL},
    {"licence", "经营许可信息变更未及时申请", NULL, "企业检查表 1", NULL}};
static const struct item VEHICLE_ITEMS[] = {
    {"vehicle", "车载灭火器过期", NULL, "运输检查表 4", NULL},
    {"vehicle", "危险货物标志缺失", NULL, "运输检查表 2", NULL},
    {"delivery", "配送车定位终端脱落", NULL, "配送检查表 6", NULL}};

struct item_list {
    const struct item *items;
    uint32_t n_items;
};

static struct item_list
items_of(const char *subject)
{
#define LIST(array) ((struct item_list){array, sizeof(array) / sizeof((array)[0])})
    if (strcmp(subject, "user") == 0) {
        return LIST(USER_ITEMS);
    }
    if (strcmp(subject, "station") == 0) {
        return LIST(STATION_ITEMS);
    }
    return strcmp(subject, "vehicle") == 0 ? LIST(VEHICLE_ITEMS) : LIST(ENTERPRISE_ITEMS);
#undef LIST
}

static const struct item *
pick_item(struct demo_rng *rng, const char *subject, int *major)
{
    struct item_list list = items_of(subject);
    uint32_t first = demo_rng_below(rng, list.n_items);

    for (uint32_t i = 0; i < list.n_items; i++) {
        const struct item *item = &list.items[(first + i) % list.n_items];
        if (!*major || item->major != NULL) {
            return item;
        }
    }
    *major = 0;
    return &list.items[first];
}

/* How far the workflow has come; each state needs the times of those before it. */
enum stage { FOUND, ISSUED, RECTIFYING, SUBMITTED, RETURNED, CLOSED };

static const char *const STAGE_CODES[] = {"found",     "issued",   "rectifying",
                                          "submitted", "returned", "closed"};

struct times {
    int64_t found;
    int64_t issued;
    int64_t accepted;
    int64_t submitted;
    int64_t reviewed;
    int64_t closed;
};

static int64_t
later(const struct demo_world *world, struct demo_rng *rng, int64_t from, int32_t most_hours)
{
    int64_t at = from + (int64_t)demo_rng_range(rng, 20, most_hours * 60) * 60000;

    return at < world->now_ms ? at : world->now_ms;
}

static void
draw_times(const struct demo_world *world, struct demo_rng *rng, enum stage stage, int32_t found_on,
           struct times *t)
{
    t->found = demo_beijing_ms(found_on, demo_rng_range(rng, 8 * 60, 17 * 60));
    if (t->found > world->now_ms) {
        t->found = world->now_ms - (int64_t)demo_rng_range(rng, 1, 90) * 60000;
    }
    t->issued = t->accepted = t->submitted = t->reviewed = t->closed = DEMO_NO_TIME;
    if (stage >= ISSUED) {
        t->issued = later(world, rng, t->found, 24);
    }
    if (stage >= RECTIFYING) {
        t->accepted = later(world, rng, t->issued, 12);
    }
    if (stage >= SUBMITTED) {
        t->submitted = later(world, rng, t->accepted, 72);
    }
    if (stage >= RETURNED) {
        t->reviewed = later(world, rng, t->submitted, 48);
    }
    if (stage == CLOSED) {
        t->closed = t->reviewed;
    }
}

int32_t
demo_recent_days(struct demo_rng *rng)
{
    return demo_rng_chance(rng, 8300) ? demo_rng_range(rng, 0, 7) : demo_rng_range(rng, 8, 28);
}

static void
count_open(struct demo_world *world, const struct demo_hazard_subject *subject, int major)
{
    struct demo_totals *totals = &world->enterprises[subject->enterprise].totals;

    totals->open_hazards++;
    totals->open_major_hazards += (uint32_t)major;
}

/* What led to it and what followed: the inspection that found it, and its steps. */
static int
register_hazard(struct demo_world *world, const struct demo_hazard_subject *subject,
                const struct demo_trail *trail, const struct item *item, int major,
                const char *source, struct demo_error *err)
{
    int by_office = strcmp(source, "inspection") == 0;
    int is_user = strcmp(subject->subject, "user") == 0;
    const struct demo_check check = {.subject = subject->subject,
                                     .uid = subject->uid,
                                     .no = subject->name,
                                     .kind = is_user     ? "user"
                                             : by_office ? "regulator"
                                             : strcmp(subject->subject, "station") == 0
                                                 ? "station_self"
                                                 : "enterprise_self",
                                     .enterprise = subject->enterprise,
                                     .town = subject->town,
                                     .at = subject->at,
                                     .ended_at = trail->found,
                                     .hazard_no = trail->hazard_no,
                                     .inspector = trail->found_by,
                                     .item = item->code,
                                     .content = major ? item->major : item->general,
                                     .major = major};

    if ((by_office || strcmp(source, "self_check") == 0) &&
        demo_register_check(world, &check, err) != 0) {
        return -1;
    }
    return demo_register_steps(world, trail, err);
}

int
demo_write_hazard(struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
                  const struct demo_hazard_subject *subject, int major, int closed,
                  int32_t found_on, struct demo_error *err)
{
    static const char *const sources[] = {"self_check", "inspection", "grid", "alert", "report"};
    static const uint16_t source_weights[] = {35, 40, 12, 8, 5};
    static const uint16_t stage_weights[] = {10, 15, 45, 18, 12};
    const struct demo_enterprise *enterprise = &world->enterprises[subject->enterprise];
    const struct item *item = pick_item(rng, subject->subject, &major);
    enum stage stage = closed ? CLOSED : (enum stage)demo_rng_pick(rng, stage_weights, 5);
    int32_t rectify_by = found_on + (major ? 3 : 7);
    int extended = stage == RECTIFYING && demo_rng_chance(rng, 700);
    int submitted = stage >= SUBMITTED;
    const char *source;
    struct times t;
    char uid[DEMO_UUID_TEXT];
    char no[32];
    char photo[64];
    char person[DEMO_PERSON_TEXT];

    draw_times(world, rng, stage, found_on, &t);
    demo_record_uid(world, DEMO_LAYER_HAZARD, world->n_hazards, uid);
    demo_text(no, sizeof(no), "YH%07u", ++world->n_hazards % 10000000);
    demo_person_name(rng, person);
    if (!closed) {
        count_open(world, subject, major);
    }

    demo_out_begin(out, uid, enterprise->org, world->geo.towns[subject->town].code);
    demo_out_text(out, "hazard_no", no);
    demo_out_text(out, "description", major ? item->major : item->general);
    demo_out_text(out, "basis", major ? item->major_basis : item->basis);
    demo_out_text(out, "grade", major ? "major" : "general");
    demo_out_text(out, "state", STAGE_CODES[stage]);
    source = sources[demo_rng_pick(rng, source_weights, 5)];
    demo_out_text(out, "source", source);
    demo_out_text(out, "item", item->code);
    demo_out_text(out, "subject", subject->subject);
    demo_out_text(out, "subject_uid", subject->uid);
    demo_out_text(out, "subject_name", subject->name);
    demo_out_text(out, "enterprise_uid", enterprise->uid);
    demo_out_text(out, "enterprise_name", enterprise->name);
    demo_out_text(out, "place", subject->place);
    demo_out_text(out, "found_by", person);
    demo_out_time(out, "found_at", t.found);
    demo_out_time(out, "issued_at", t.issued);
    demo_out_time(out, "accepted_at", t.accepted);
    demo_out_time(out, "submitted_at", t.submitted);
    demo_out_time(out, "reviewed_at", t.reviewed);
    demo_out_time(out, "closed_at", t.closed);
    demo_out_date(out, "rectify_by", rectify_by);
    demo_out_date(out, "extended_to", extended ? rectify_by + 7 : DEMO_NO_DATE);
    demo_out_bool(out, "overdue", !closed && rectify_by + 7 * extended < world->as_of);
    demo_out_time(out, "overdue_next_change",
                  closed ? DEMO_NEVER : demo_next_change(world, rectify_by + 7 * extended, 400));
    demo_out_bool(out, "listed", major);
    demo_text(photo, sizeof(photo), "demo/%s-before.jpg", no);
    demo_out_text(out, "before_photo", photo);
    demo_text(photo, sizeof(photo), "demo/%s-after.jpg", no);
    demo_out_text(out, "after_photo", submitted ? photo : NULL);
    demo_out_text(out, "handled_problem", submitted ? "已按要求整改" : NULL);
    demo_out_text(out, "handled_place", submitted ? subject->place : NULL);
    demo_out_text(out, "review_opinion",
                  stage == CLOSED     ? "同意销号"
                  : stage == RETURNED ? "整改不到位，退回重新整改"
                                      : NULL);
    demo_out_int(out, "reopened", demo_rng_chance(rng, 300));
    demo_out_bool(out, "made_up", 1);
    if (demo_out_end(out, subject->at.lon_e6, subject->at.lat_e6, err) != 0) {
        return -1;
    }
    const struct demo_trail trail = {
        .hazard_no = no,
        .found_by = person,
        .place = subject->place != NULL ? subject->place : world->geo.towns[subject->town].prefix,
        .enterprise = subject->enterprise,
        .town = subject->town,
        .found = t.found,
        .issued = t.issued,
        .accepted = t.accepted,
        .submitted = t.submitted,
        .returned = stage == RETURNED ? t.reviewed : DEMO_NO_TIME,
        .closed = t.closed,
        .listed = major,
        .extended = extended};
    return register_hazard(world, subject, &trail, item, major, source, err);
}

int
demo_write_findings(struct demo_world *world, struct demo_out *out, struct demo_rng *rng,
                    struct demo_hazard_subject *subject, const struct demo_finding *finding,
                    struct demo_error *err)
{
    struct demo_totals *firm = &world->enterprises[subject->enterprise].totals;
    uint32_t closed = demo_rng_below(rng, finding->most_closed + 1);
    char place[DEMO_ADDRESS_TEXT];

    demo_street_address(rng, &world->geo.towns[subject->town], place);
    subject->place = place;
    if (demo_rng_chance(rng, finding->open_per_10k)) {
        uint32_t before = firm->open_major_hazards;

        if (demo_write_hazard(world, out, rng, subject, demo_rng_chance(rng, 900), 0,
                              world->as_of - demo_recent_days(rng), err) != 0) {
            return -1;
        }
        if (finding->station != NULL) {
            finding->station->open_hazards++;
            finding->station->open_major_hazards += firm->open_major_hazards - before;
        }
    }
    for (uint32_t i = 0; i < closed; i++) {
        if (demo_write_hazard(world, out, rng, subject, demo_rng_chance(rng, 500), 1,
                              world->as_of - demo_rng_range(rng, 30, 360), err) != 0) {
            return -1;
        }
    }
    subject->place = NULL;
    return 0;
}

int
demo_write_other_hazards(struct demo_world *world, struct demo_out *hazards, struct demo_error *err)
{
    struct demo_rng rng;

    for (size_t i = 0; i < world->n_stations; i++) {
        struct demo_station *s = &world->stations[i];
        struct demo_hazard_subject subject = {"station", s->uid, s->name, s->enterprise,
                                              s->town,   s->at,  NULL};
        struct demo_finding finding = {900, 4, &s->totals};

        demo_rng_init(&rng, world->seed, DEMO_LAYER_HAZARD, i);
        if (demo_write_findings(world, hazards, &rng, &subject, &finding, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < world->n_enterprises; i++) {
        struct demo_enterprise *e = &world->enterprises[i];
        struct demo_hazard_subject subject = {"enterprise", e->uid, e->name, i,
                                              e->town,      e->at,  NULL};
        struct demo_finding finding = {2500, 6, NULL};

        demo_rng_init(&rng, world->seed, DEMO_LAYER_HAZARD, 1000000 + i);
        if (demo_write_findings(world, hazards, &rng, &subject, &finding, err) != 0) {
            return -1;
        }
    }
    return 0;
}

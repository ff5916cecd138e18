/* Files of the registers; licences, documents and sales, which need one record each. */

#include "registers_internal.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[DEMO_REGISTERS] = {[DEMO_REGISTER_LICENCES] = "licences",
                                                  [DEMO_REGISTER_STAFF] = "staff",
                                                  [DEMO_REGISTER_CERTIFICATES] =
                                                      "staff-certificates",
                                                  [DEMO_REGISTER_DOCUMENTS] = "documents",
                                                  [DEMO_REGISTER_INSPECTIONS] = "inspections",
                                                  [DEMO_REGISTER_ITEMS] = "inspection-items",
                                                  [DEMO_REGISTER_STEPS] = "hazard-steps",
                                                  [DEMO_REGISTER_SALES] = "sales"};

int
demo_registers_open(struct demo_world *world, struct demo_error *err)
{
    world->registers = calloc(1, sizeof(*world->registers));
    if (world->registers == NULL) {
        return demo_fail(err, "out of memory");
    }
    for (int i = 0; i < DEMO_REGISTERS; i++) {
        if (demo_out_open(&world->registers->outs[i], world->dir, NAMES[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

int
demo_registers_close(struct demo_world *world, struct demo_error *err)
{
    for (int i = 0; i < DEMO_REGISTERS; i++) {
        if (demo_out_close(&world->registers->outs[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

void
demo_registers_free(struct demo_registers *registers)
{
    for (int i = 0; registers != NULL && i < DEMO_REGISTERS; i++) {
        demo_out_discard(&registers->outs[i]);
    }
    free(registers);
}

struct demo_out *
demo_register_begin(struct demo_world *world, enum demo_register which, enum demo_layer layer,
                    size_t enterprise, size_t town)
{
    struct demo_out *out = &world->registers->outs[which];
    char uid[DEMO_UUID_TEXT];

    demo_record_uid(world, layer, out->n_features, uid);
    demo_out_begin(out, uid, world->enterprises[enterprise].org, world->geo.towns[town].code);
    return out;
}

int
demo_register_end(struct demo_out *out, struct demo_error *err)
{
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_bare(out, err);
}

/* ---- licences ---- */

struct holder {
    const char *licence_kind;
    const char *kind; /* of subject_kind */
    const char *uid;
    const char *name;
    const char *uscc;
    const char *scope;
    size_t enterprise;
    size_t town;
};

static int
write_licence(struct demo_world *world, const struct holder *holder,
              const struct demo_licence *licence, struct demo_error *err)
{
    const struct demo_district *district =
        &world->geo.districts[world->geo.towns[holder->town].district];
    struct demo_out *out = demo_register_begin(world, DEMO_REGISTER_LICENCES, DEMO_LAYER_LICENCE,
                                               holder->enterprise, holder->town);
    int cancelled = strcmp(licence->state, "cancelled") == 0;
    char issuer[DEMO_NAME_TEXT * 2];

    demo_text(issuer, sizeof(issuer), "%.80s示例主管部门", district->name);
    demo_out_text(out, "licence_no", licence->no);
    demo_out_text(out, "kind", holder->licence_kind);
    demo_out_text(out, "holder_kind", holder->kind);
    demo_out_text(out, "holder_uid", holder->uid);
    demo_out_text(out, "holder_name", holder->name);
    demo_out_text(out, "holder_uscc", holder->uscc);
    demo_out_text(out, "business_scope", holder->scope);
    demo_out_text(out, "issuer", issuer);
    demo_out_date(out, "issued_on", licence->from - 5);
    demo_out_date(out, "valid_from", licence->from);
    demo_out_date(out, "valid_to", licence->to);
    demo_out_date(out, "renewal_applied_on", licence->applied_on);
    demo_out_bool(out, "suspended", strcmp(licence->state, "suspended") == 0);
    demo_out_date(out, "cancelled_on", cancelled ? licence->to : DEMO_NO_DATE);
    demo_out_text(out, "state", licence->state);
    demo_out_time(out, "state_next_change", licence->next_change);
    demo_out_date(out, "published_on", licence->from - 3);
    return demo_register_end(out, err);
}

int
demo_register_enterprise_licence(struct demo_world *world, size_t enterprise, const char *uscc,
                                 const char *scope, const struct demo_licence *licence,
                                 struct demo_error *err)
{
    const struct demo_enterprise *e = &world->enterprises[enterprise];
    const struct holder holder = {e->kind == DEMO_ENTERPRISE_TRANSPORT ? "dangerous_goods_carrier"
                                                                       : "gas_business",
                                  "enterprise",
                                  e->uid,
                                  e->name,
                                  uscc,
                                  scope,
                                  enterprise,
                                  e->town};

    return write_licence(world, &holder, licence, err);
}

int
demo_register_station_licence(struct demo_world *world, size_t station,
                              const struct demo_licence *licence, struct demo_error *err)
{
    const struct demo_station *s = &world->stations[station];
    int fills = s->kind == DEMO_STATION_STORAGE || s->kind == DEMO_STATION_FILLING;
    const struct holder holder = {fills                          ? "filling"
                                  : s->kind == DEMO_STATION_TEST ? "inspection_agency"
                                                                 : "supply_station",
                                  "station",
                                  s->uid,
                                  s->name,
                                  NULL,
                                  fills ? "液化石油气充装" : "瓶装液化石油气供应",
                                  s->enterprise,
                                  s->town};

    return write_licence(world, &holder, licence, err);
}

/* ---- documents ---- */

/* The titles of document_item s01 to s21 in layers/codes.json. */
static const char *const SYSTEMS[] = {
    "全员安全生产责任制", "安全生产例会制度",     "安全教育培训制度",     "安全生产投入保障制度",
    "安全检查制度",       "安全风险分级管控制度", "事故隐患排查治理制度", "用户安全检查制度",
    "用户实名制管理制度", "气瓶安全管理制度",     "气瓶追溯管理制度",     "充装质量管理制度",
    "设备设施管理制度",   "特种设备管理制度",     "消防安全管理制度",     "运输与配送管理制度",
    "危险作业管理制度",   "值班与交接班制度",     "应急管理制度",         "事故报告与处理制度",
    "安全奖惩制度"};

int
demo_register_documents(struct demo_world *world, size_t station, int systems,
                        struct demo_error *err)
{
    const struct demo_station *s = &world->stations[station];
    const struct demo_enterprise *e = &world->enterprises[s->enterprise];
    int n = (int)(sizeof(SYSTEMS) / sizeof(SYSTEMS[0]));
    struct demo_rng rng;
    char text[64];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_DOCUMENT, station);
    for (int i = 0; i < n; i++) {
        struct demo_out *out = demo_register_begin(world, DEMO_REGISTER_DOCUMENTS,
                                                   DEMO_LAYER_DOCUMENT, s->enterprise, s->town);
        int in_force = i < systems;
        int32_t issued = world->as_of - demo_rng_range(&rng, 30, 900);

        demo_text(text, sizeof(text), "%s-S%02d", s->no, i + 1);
        demo_out_text(out, "document_no", text);
        demo_out_text(out, "enterprise_uid", e->uid);
        demo_out_text(out, "enterprise_name", e->name);
        demo_out_text(out, "station_uid", s->uid);
        demo_out_text(out, "station_name", s->name);
        demo_out_text(out, "class", "system");
        demo_text(text, sizeof(text), "s%02d", i + 1);
        demo_out_text(out, "item", text);
        demo_out_text(out, "title", SYSTEMS[i]);
        demo_out_text(out, "edition", "A/1");
        demo_out_date(out, "issued_on", in_force ? issued : DEMO_NO_DATE);
        demo_out_date(out, "review_by", in_force ? issued + 1096 : DEMO_NO_DATE);
        demo_out_text(out, "issuer", e->short_name);
        demo_out_text(out, "state", in_force ? "in_force" : "draft");
        if (demo_register_end(out, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- sales ---- */

static int32_t
price_cny(const char *model)
{
    static const struct {
        const char *model;
        int32_t cny;
    } prices[] = {
        {"YSP4.7", 25}, {"YSP12", 52}, {"YSP26.2", 98}, {"YSP35.5", 125}, {"YSP118", 410}};
    size_t i = 0;

    while (i + 1 < sizeof(prices) / sizeof(prices[0]) && strcmp(prices[i].model, model) != 0) {
        i++;
    }
    return prices[i].cny;
}

int
demo_register_sale(struct demo_world *world, const struct demo_sale *sale, struct demo_error *err)
{
    static const char *const payments[] = {"mobile", "cash", "card", "account"};
    static const uint16_t weights[] = {78, 15, 4, 3};
    const struct demo_station *s = &world->stations[sale->station];
    const struct demo_enterprise *e = &world->enterprises[s->enterprise];
    struct demo_out *out =
        demo_register_begin(world, DEMO_REGISTER_SALES, DEMO_LAYER_SALE, s->enterprise, s->town);
    int32_t price = price_cny(sale->model);
    struct demo_rng rng;
    char no[48];

    demo_rng_init(&rng, world->seed, DEMO_LAYER_SALE, sale->index);
    demo_text(no, sizeof(no), "X-%s", sale->tag);
    demo_out_text(out, "sale_no", no);
    demo_out_time(out, "sold_at", sale->sold_at);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "station_uid", s->uid);
    demo_out_text(out, "station_name", s->name);
    demo_out_text(out, "goods", "gas");
    demo_out_text(out, "user_no", sale->user_no);
    demo_out_text(out, "real_name_state", demo_rng_chance(&rng, 9700) ? "verified" : "unverified");
    demo_out_text(out, "tag_no", sale->tag);
    demo_out_text(out, "model", sale->model);
    demo_out_int(out, "quantity", 1);
    demo_out_decimal(out, "net_kg", sale->net_100g, 1);
    demo_out_int(out, "unit_price_cny", price);
    demo_out_int(out, "amount_cny", price);
    demo_out_text(out, "payment", payments[demo_rng_pick(&rng, weights, 4)]);
    return demo_register_end(out, err);
}

/* Holidays and make-up working days, from the State Council's notices 国办发明电〔2024〕12号 for
 * 2025 and of 2025-11-04 for 2026. */

#include "world.h"

#include "text.h"

struct span {
    int32_t year;
    int32_t month;
    int32_t day;
    int32_t n_days;
    const char *kind;
    const char *name;
};

static const struct span SPANS[] = {{2025, 1, 1, 1, "holiday", "元旦"},
                                    {2025, 1, 28, 8, "holiday", "春节"},
                                    {2025, 1, 26, 1, "makeup", "春节调休"},
                                    {2025, 2, 8, 1, "makeup", "春节调休"},
                                    {2025, 4, 4, 3, "holiday", "清明节"},
                                    {2025, 5, 1, 5, "holiday", "劳动节"},
                                    {2025, 4, 27, 1, "makeup", "劳动节调休"},
                                    {2025, 5, 31, 3, "holiday", "端午节"},
                                    {2025, 10, 1, 8, "holiday", "国庆节、中秋节"},
                                    {2025, 9, 28, 1, "makeup", "国庆节调休"},
                                    {2025, 10, 11, 1, "makeup", "国庆节调休"},
                                    {2026, 1, 1, 3, "holiday", "元旦"},
                                    {2026, 1, 4, 1, "makeup", "元旦调休"},
                                    {2026, 2, 15, 9, "holiday", "春节"},
                                    {2026, 2, 14, 1, "makeup", "春节调休"},
                                    {2026, 2, 28, 1, "makeup", "春节调休"},
                                    {2026, 4, 4, 3, "holiday", "清明节"},
                                    {2026, 5, 1, 5, "holiday", "劳动节"},
                                    {2026, 5, 9, 1, "makeup", "劳动节调休"},
                                    {2026, 6, 19, 3, "holiday", "端午节"},
                                    {2026, 9, 25, 3, "holiday", "中秋节"},
                                    {2026, 10, 1, 7, "holiday", "国庆节"},
                                    {2026, 9, 20, 1, "makeup", "国庆节调休"},
                                    {2026, 10, 10, 1, "makeup", "国庆节调休"}};

static int
write_day(const struct demo_world *world, struct demo_out *out, const struct span *span,
          int32_t day, struct demo_error *err)
{
    char uid[DEMO_UUID_TEXT];
    char basis[DEMO_NAME_TEXT];

    demo_record_uid(world, DEMO_LAYER_CALENDAR, (uint64_t)day, uid);
    demo_text(basis, sizeof(basis), "国务院办公厅关于%d年部分节假日安排的通知", (int)span->year);
    demo_out_begin(out, uid, "demo", "460000");
    demo_out_date(out, "day", day);
    demo_out_text(out, "kind", span->kind);
    demo_out_text(out, "name", span->name);
    demo_out_text(out, "basis", basis);
    demo_out_bool(out, "made_up", 0);
    return demo_out_end_bare(out, err);
}

int
demo_write_calendar(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    int failed = demo_out_open(&out, world->dir, "calendar-days", err);

    for (size_t i = 0; failed == 0 && i < sizeof(SPANS) / sizeof(SPANS[0]); i++) {
        int32_t first = demo_days_from_civil(SPANS[i].year, SPANS[i].month, SPANS[i].day);

        for (int32_t k = 0; failed == 0 && k < SPANS[i].n_days; k++) {
            failed = write_day(world, &out, &SPANS[i], first + k, err);
        }
    }
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}

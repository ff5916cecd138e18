#include "names.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static const char *const SURNAMES[] = {"符", "陈", "王", "李", "林", "吴", "黄", "张", "周", "郑",
                                       "云", "韩", "邢", "冯", "蔡", "羊", "麦", "苏", "何", "潘",
                                       "许", "杨", "刘", "梁", "曾", "唐", "邓", "钟", "欧", "庄"};
static const char *const GIVEN[] = {
    "海", "明", "丽", "华", "强", "芳", "伟", "娟", "勇", "燕", "平", "军", "玉", "兰", "文",
    "春", "秋", "梅", "德", "志", "雄", "英", "才", "福", "荣", "月", "珍", "光", "雅", "斌",
    "凤", "健", "琼", "帆", "岚", "涛", "晓", "慧", "康", "宁", "思", "远", "嘉", "俊", "佳"};
static const char *const BRAND_FIRST[] = {"椰", "蓝", "云", "晴", "南", "木", "白", "金", "红",
                                          "朝", "星", "翠", "银", "长", "青", "丰", "归", "碧"};
static const char *const BRAND_SECOND[] = {"影", "礁", "帆", "屿", "棉",
                                           "鹭", "汐", "湾", "岭", "澜"};
static const char *const STREETS[] = {"人民路", "解放路", "和平路", "文明路", "建设路", "新风路",
                                      "椰林路", "东风路", "振兴路", "滨河路", "学府路", "环城路",
                                      "中山路", "南海路", "工业路", "市场街"};

void
demo_person_name(struct demo_rng *rng, char ret_text[DEMO_PERSON_TEXT])
{
    const char *surname = SURNAMES[demo_rng_below(rng, COUNT(SURNAMES))];
    const char *first = GIVEN[demo_rng_below(rng, COUNT(GIVEN))];
    const char *second = demo_rng_chance(rng, 7500) ? GIVEN[demo_rng_below(rng, COUNT(GIVEN))] : "";

    demo_text(ret_text, DEMO_PERSON_TEXT, "%s%s%s", surname, first, second);
}

void
demo_brand_name(uint32_t index, char ret_text[DEMO_PERSON_TEXT])
{
    uint32_t first = index % COUNT(BRAND_FIRST);
    uint32_t second = (index / COUNT(BRAND_FIRST) + first) % COUNT(BRAND_SECOND);

    demo_text(ret_text, DEMO_PERSON_TEXT, "%s%s", BRAND_FIRST[first], BRAND_SECOND[second]);
}

const char *
demo_street_name(struct demo_rng *rng)
{
    return STREETS[demo_rng_below(rng, COUNT(STREETS))];
}

const char *
demo_street_at(uint32_t index)
{
    return STREETS[index % COUNT(STREETS)];
}

void
demo_street_address(struct demo_rng *rng, const struct demo_town *town,
                    char ret_text[DEMO_ADDRESS_TEXT])
{
    const char *street = demo_street_name(rng);

    demo_text(ret_text, DEMO_ADDRESS_TEXT, "%s%s%d号", town->prefix, street,
              demo_rng_range(rng, 1, 288));
}

void
demo_home_address(struct demo_rng *rng, const struct demo_town *town, int storeys,
                  char ret_text[DEMO_ADDRESS_TEXT])
{
    const char *street = demo_street_name(rng);
    int number = demo_rng_range(rng, 1, 288);

    if (storeys <= 2) {
        demo_text(ret_text, DEMO_ADDRESS_TEXT, "%s%s%d号", town->prefix, street, number);
        return;
    }
    demo_text(ret_text, DEMO_ADDRESS_TEXT, "%s%s%d号%d栋%d单元%d%02d房", town->prefix, street,
              number, demo_rng_range(rng, 1, 12), demo_rng_range(rng, 1, 3),
              demo_rng_range(rng, 1, storeys), demo_rng_range(rng, 1, 4));
}

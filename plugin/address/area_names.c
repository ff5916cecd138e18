/* plugin/address/area_names.c -- see area_names.h. */
#include "address/area_names.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { STEM_BYTES_MIN = 6 /* two characters: 海口 */, NAME_BYTES_MAX = 120, FORMS_MAX = 4 };

struct area {
    char *code;
    char *name;
    int32_t parent;
    int32_t end;
    int level;
};

/* One form of a name. */
struct form {
    char *text;
    int32_t ordinal;
    bool stem;
};

struct lpg_area_names {
    const cim_host *host;
    const cim_access_v1 *access;
    int64_t version;
    int32_t n_areas;
    struct area *areas;
    size_t n_forms;
    size_t capacity;
    struct form *forms; /* by text */
};

static int
level_of(const char *level)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = {{"province", 1}, {"city", 2}, {"county", 3},
                  {"town", 4},     {"park", 4}, {"village", 5}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(level, levels[i].name) == 0) {
            return levels[i].level;
        }
    }
    return 4;
}

static cim_status
add_form(struct lpg_area_names *names, int32_t ordinal, const char *text, size_t len, bool stem,
         cim_error *err)
{
    if (names->n_forms == names->capacity) {
        const size_t capacity = names->capacity == 0 ? 1024 : names->capacity * 2;
        struct form *grown = realloc(names->forms, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        names->forms = grown;
        names->capacity = capacity;
    }
    char *copy = strndup(text, len);
    if (copy == NULL) {
        return cim_fail_nomem(err);
    }
    names->forms[names->n_forms++] = (struct form){copy, ordinal, stem};
    return CIM_OK;
}

/* Longer ones first. */
static const char *const endings[] = {"黎族苗族自治县",
                                      "黎族自治县",
                                      "苗族自治县",
                                      "自治县",
                                      "街道办事处",
                                      "街道办",
                                      "街道",
                                      "经济开发区",
                                      "开发区",
                                      "省",
                                      "市",
                                      "区",
                                      "县",
                                      "镇",
                                      "乡"};

/* A committee stands for the place that it serves. */
static const struct {
    const char *ending;
    const char *forms[FORMS_MAX];
} committees[] = {
    {"社区居民委员会", {"社区居委会", "社区", "居委会", NULL}},
    {"社区居委会", {"社区居民委员会", "社区", "居委会", NULL}},
    {"村民委员会", {"村委会", "村", NULL}},
    {"村委会", {"村民委员会", "村", NULL}},
    {"居民委员会", {"居委会", "社区", NULL}},
    {"居委会", {"居民委员会", "社区", NULL}},
    {"社区", {"社区居委会", "社区居民委员会", "居委会", NULL}},
};

static bool
ends_with(const char *name, const char *ending, size_t *ret_len)
{
    const size_t len = strlen(name);
    const size_t end = strlen(ending);
    if (len <= end || strcmp(name + len - end, ending) != 0) {
        return false;
    }
    *ret_len = len - end;
    return true;
}

static cim_status
add_committee(struct lpg_area_names *names, int32_t ordinal, const char *name, cim_error *err)
{
    for (size_t i = 0; i < sizeof committees / sizeof committees[0]; i++) {
        size_t len = 0;
        if (!ends_with(name, committees[i].ending, &len) || len < STEM_BYTES_MIN / 2) {
            continue;
        }
        for (int k = 0; committees[i].forms[k] != NULL; k++) {
            char text[NAME_BYTES_MAX + 40];
            (void)snprintf(text, sizeof text, "%.*s%s", (int)len, name, committees[i].forms[k]);
            CIM_TRY(add_form(names, ordinal, text, strlen(text), false, err));
        }
        return CIM_OK;
    }
    return CIM_OK;
}

static cim_status
add_area(struct lpg_area_names *names, int32_t ordinal, cim_error *err)
{
    cim_area area = {.struct_size = sizeof area};
    struct area *of = &names->areas[ordinal];
    CIM_TRY(names->access->area(names->host, ordinal, &area));
    of->code = strdup(area.code);
    of->name = strdup(area.name);
    of->parent = area.parent;
    of->end = area.ordinal_end;
    of->level = level_of(area.level);
    if (of->code == NULL || of->name == NULL) {
        return cim_fail_nomem(err);
    }
    if (strlen(of->name) > NAME_BYTES_MAX) {
        return CIM_OK; /* nobody writes it into an address */
    }
    CIM_TRY(add_form(names, ordinal, of->name, strlen(of->name), false, err));
    if (of->level >= 5) {
        return add_committee(names, ordinal, of->name, err);
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t len = 0;
        if (ends_with(of->name, endings[i], &len) && len >= STEM_BYTES_MIN) {
            return add_form(names, ordinal, of->name, len, true, err);
        }
    }
    return CIM_OK;
}

static int
by_text(const void *a, const void *b)
{
    const struct form *x = a;
    const struct form *y = b;
    const int order = strcmp(x->text, y->text);
    if (order != 0) {
        return order;
    }
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

cim_status
lpg_area_names_new(const cim_host *host, const cim_access_v1 *access,
                   struct lpg_area_names **ret_names, cim_error *err)
{
    struct lpg_area_names *names = calloc(1, sizeof *names);
    cim_status status = CIM_OK;
    if (names == NULL) {
        return cim_fail_nomem(err);
    }
    names->host = host;
    names->access = access;
    names->version = access->areas_version(host);
    names->n_areas = access->area_count(host);
    names->areas = calloc((size_t)names->n_areas + 1, sizeof *names->areas);
    if (names->areas == NULL) {
        status = cim_fail_nomem(err);
    }
    for (int32_t i = 0; status == CIM_OK && i < names->n_areas; i++) {
        status = add_area(names, i, err);
    }
    if (status != CIM_OK) {
        lpg_area_names_free(names);
        return status;
    }
    if (names->n_forms > 0) {
        qsort(names->forms, names->n_forms, sizeof *names->forms, by_text);
    }
    *ret_names = names;
    return CIM_OK;
}

void
lpg_area_names_free(struct lpg_area_names *names)
{
    if (names == NULL) {
        return;
    }
    for (int32_t i = 0; names->areas != NULL && i < names->n_areas; i++) {
        free(names->areas[i].code);
        free(names->areas[i].name);
    }
    for (size_t i = 0; i < names->n_forms; i++) {
        free(names->forms[i].text);
    }
    free(names->areas);
    free(names->forms);
    free(names);
}

int64_t
lpg_area_names_version(const struct lpg_area_names *names)
{
    return names->version;
}

bool
lpg_area_names_within(const struct lpg_area_names *names, int32_t inner, int32_t outer)
{
    if (outer < 0) {
        return true;
    }
    return inner >= outer && inner < names->areas[outer].end;
}

static size_t
first_form(const struct lpg_area_names *names, const char *text)
{
    size_t low = 0;
    size_t high = names->n_forms;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(names->forms[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int
lpg_area_names_longest(const struct lpg_area_names *names, const char *begin, size_t len)
{
    char copy[NAME_BYTES_MAX + 1];
    int longest = 0;
    if (len == 0 || len > NAME_BYTES_MAX) {
        return 0;
    }
    memcpy(copy, begin, len);
    copy[len] = '\0';
    for (size_t i = first_form(names, copy);
         i < names->n_forms && strncmp(names->forms[i].text, copy, len) == 0; i++) {
        int chars = 0;
        for (const char *at = names->forms[i].text; *at != '\0'; at++) {
            chars += ((unsigned char)*at & 0xC0U) != 0x80U;
        }
        longest = chars > longest ? chars : longest;
    }
    return longest;
}

/* Two areas of one name where one lies in the other (三亚市 and its 三亚): the outer one. */
static int32_t
chosen(const struct lpg_area_names *names, int32_t found, int32_t next, int32_t bias,
       bool *ret_many)
{
    if (found < 0 || found == next || lpg_area_names_within(names, found, next)) {
        return next;
    }
    if (lpg_area_names_within(names, next, found)) {
        return found;
    }
    const bool near_found = bias >= 0 && (lpg_area_names_within(names, bias, found) ||
                                          lpg_area_names_within(names, found, bias));
    const bool near_next = bias >= 0 && (lpg_area_names_within(names, bias, next) ||
                                         lpg_area_names_within(names, next, bias));
    *ret_many = *ret_many || near_found == near_next;
    return near_next && !near_found ? next : found;
}

int32_t
lpg_area_names_find(const struct lpg_area_names *names, int32_t above, int32_t bias,
                    const char *text, size_t len, bool *ret_stem)
{
    char copy[NAME_BYTES_MAX + 1];
    int32_t found = -1;
    bool many = false;
    *ret_stem = false;
    if (len == 0 || len > NAME_BYTES_MAX) {
        return -1;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (size_t i = first_form(names, copy);
         i < names->n_forms && strcmp(names->forms[i].text, copy) == 0; i++) {
        const struct form *form = &names->forms[i];
        if (form->ordinal != above && lpg_area_names_within(names, form->ordinal, above)) {
            const int32_t before = found;
            found = chosen(names, found, form->ordinal, bias, &many);
            *ret_stem = found == before ? *ret_stem : form->stem;
        }
    }
    return many ? -1 : found;
}

const char *
lpg_area_names_text(const struct lpg_area_names *names, int32_t ordinal)
{
    return ordinal >= 0 ? names->areas[ordinal].name : "";
}

int
lpg_area_names_level(const struct lpg_area_names *names, int32_t ordinal)
{
    return ordinal >= 0 ? names->areas[ordinal].level : 0;
}

const char *
lpg_area_names_code(const struct lpg_area_names *names, int32_t ordinal)
{
    return ordinal >= 0 ? names->areas[ordinal].code : "";
}

int32_t
lpg_area_names_parent(const struct lpg_area_names *names, int32_t ordinal)
{
    return ordinal >= 0 ? names->areas[ordinal].parent : -1;
}

int32_t
lpg_area_names_of_code(const struct lpg_area_names *names, const char *code)
{
    const int32_t ordinal = names->access->area_ordinal(names->host, code);
    return ordinal < names->n_areas ? ordinal : -1;
}

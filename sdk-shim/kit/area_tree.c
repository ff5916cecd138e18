/* kit/area_tree.c -- see area_tree.h. */
#include "kit/area_tree.h"

#include "cim/util.h"
#include "kit/time.h"

#include <stdlib.h>

struct node {
    int32_t parent; /* index of the input; -1 for a root */
    int32_t first_child;
    int32_t last_child;
    int32_t next_sibling;
};

struct key {
    const char *text; /* a code or an alias */
    int32_t input;    /* while building */
    int32_t ordinal;
};

struct cim_area_tree {
    int64_t version;
    int32_t count;
    cim_area *areas; /* by ordinal */
    char *texts;
    size_t texts_len;
    struct key *keys;
    size_t n_keys;
    int32_t *slots; /* hash table of key numbers, -1 empty */
    size_t n_slots; /* a power of two */
};

static bool
has_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static size_t
hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *c = text; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    }
    return (size_t)(hash ^ hash >> 32U);
}

/* The slot that holds `text`, or the empty one where it belongs. */
static int32_t *
find_slot(const struct cim_area_tree *tree, const char *text)
{
    size_t at = hash_text(text) & (tree->n_slots - 1);
    while (tree->slots[at] >= 0 && strcmp(tree->keys[tree->slots[at]].text, text) != 0) {
        at = (at + 1) & (tree->n_slots - 1);
    }
    return &tree->slots[at];
}

static const char *
store_text(struct cim_area_tree *tree, const char *text, size_t len)
{
    char *to = tree->texts + tree->texts_len;
    memcpy(to, text, len);
    to[len] = '\0';
    tree->texts_len += len + 1;
    return to;
}

static cim_status
add_key(struct cim_area_tree *tree, const char *text, int32_t input, cim_error *err)
{
    int32_t *slot = find_slot(tree, text);
    if (*slot >= 0) {
        return cim_fail(err, CIM_E_INVALID, "code", text, "区划代码或别名 %s 重复",
                        "the area code or alias %s occurs twice", text);
    }
    tree->keys[tree->n_keys] = (struct key){.text = text, .input = input, .ordinal = -1};
    *slot = (int32_t)tree->n_keys++;
    return CIM_OK;
}

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 1;
}

/* Room for all texts, keys and areas at once. */
static cim_status
allocate(struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
         cim_error *err)
{
    size_t n_keys = n_inputs;
    size_t texts_bytes = 1;
    for (size_t i = 0; i < n_inputs; i++) {
        texts_bytes += text_size(inputs[i].code) + text_size(inputs[i].name) +
                       text_size(inputs[i].level) + text_size(inputs[i].aliases);
        for (const char *c = inputs[i].aliases; has_text(c); c++) {
            n_keys += c[0] != ' ' && (c[1] == ' ' || c[1] == '\0') ? 1 : 0;
        }
    }
    tree->n_slots = 16;
    while (tree->n_slots < n_keys * 2) {
        tree->n_slots *= 2;
    }
    tree->texts = malloc(texts_bytes);
    tree->keys = calloc(n_keys + 1, sizeof *tree->keys);
    tree->slots = malloc(tree->n_slots * sizeof *tree->slots);
    tree->areas = calloc(n_inputs + 1, sizeof *tree->areas);
    if (tree->texts == NULL || tree->keys == NULL || tree->slots == NULL || tree->areas == NULL) {
        return cim_fail_nomem(err);
    }
    memset(tree->slots, 0xFF, tree->n_slots * sizeof *tree->slots);
    return CIM_OK;
}

static cim_status
add_codes(struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
          cim_error *err)
{
    for (size_t i = 0; i < n_inputs; i++) {
        if (!has_text(inputs[i].code) || !has_text(inputs[i].name)) {
            return cim_fail(err, CIM_E_INVALID, "code", inputs[i].code,
                            "第 %zu 个区划缺少代码或名称", "area %zu lacks a code or a name",
                            i + 1);
        }
        const char *code = store_text(tree, inputs[i].code, strlen(inputs[i].code));
        CIM_TRY(add_key(tree, code, (int32_t)i, err));
    }
    return CIM_OK;
}

static cim_status
add_aliases(struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
            cim_error *err)
{
    for (size_t i = 0; i < n_inputs; i++) {
        const char *at = inputs[i].aliases;
        while (has_text(at)) {
            const size_t len = strcspn(at, " ");
            if (len > 0) {
                CIM_TRY(add_key(tree, store_text(tree, at, len), (int32_t)i, err));
            }
            at += len;
            at += strspn(at, " ");
        }
    }
    return CIM_OK;
}

static cim_status
link_parents(const struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
             struct node *nodes, int32_t *ret_first_root, cim_error *err)
{
    int32_t first_root = -1;
    int32_t last_root = -1;
    for (size_t i = 0; i < n_inputs; i++) {
        nodes[i] = (struct node){-1, -1, -1, -1};
    }
    for (size_t i = 0; i < n_inputs; i++) {
        const int32_t self = (int32_t)i;
        int32_t *first = &first_root;
        int32_t *last = &last_root;
        if (has_text(inputs[i].parent)) {
            const int32_t slot = *find_slot(tree, inputs[i].parent);
            if (slot < 0) {
                return cim_fail(err, CIM_E_INVALID, "parent", inputs[i].parent,
                                "区划 %s 的上级 %s 不存在", "area %s: its parent %s does not exist",
                                inputs[i].code, inputs[i].parent);
            }
            nodes[i].parent = tree->keys[slot].input;
            first = &nodes[nodes[i].parent].first_child;
            last = &nodes[nodes[i].parent].last_child;
        }
        if (*first < 0) {
            *first = self;
        } else {
            nodes[*last].next_sibling = self;
        }
        *last = self;
    }
    *ret_first_root = first_root;
    return CIM_OK;
}

static void
fill_area(struct cim_area_tree *tree, const struct cim_area_input *input, int32_t input_number,
          int32_t parent_ordinal)
{
    const int32_t ordinal = tree->count++;
    const char *level = input->level != NULL ? input->level : "";
    tree->keys[input_number].ordinal = ordinal;
    tree->areas[ordinal] = (cim_area){
        .struct_size = sizeof tree->areas[ordinal],
        .ordinal = ordinal,
        .parent = parent_ordinal,
        .code = tree->keys[input_number].text,
        .name = store_text(tree, input->name, strlen(input->name)),
        .level = store_text(tree, level, strlen(level)),
        .from_ms = INT64_MIN,
        .until_ms = INT64_MAX,
    };
}

/* Depth first, without recursion: a tree may be as deep as it is large. The first n keys are the
 * codes, in the order of the inputs. */
static void
number_areas(struct cim_area_tree *tree, const struct cim_area_input *inputs,
             const struct node *nodes, int32_t first_root)
{
    int32_t at = first_root;
    while (at >= 0) {
        const int32_t parent = nodes[at].parent;
        fill_area(tree, &inputs[at], at, parent >= 0 ? tree->keys[parent].ordinal : -1);
        if (nodes[at].first_child >= 0) {
            at = nodes[at].first_child;
            continue;
        }
        tree->areas[tree->keys[at].ordinal].ordinal_end = tree->count;
        while (nodes[at].next_sibling < 0 && nodes[at].parent >= 0) {
            at = nodes[at].parent;
            tree->areas[tree->keys[at].ordinal].ordinal_end = tree->count;
        }
        at = nodes[at].next_sibling;
    }
    for (size_t i = 0; i < tree->n_keys; i++) {
        tree->keys[i].ordinal = tree->keys[tree->keys[i].input].ordinal;
    }
}

static cim_status
refuse_cycle(const struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
             cim_error *err)
{
    for (size_t i = 0; i < n_inputs; i++) {
        if (tree->keys[i].ordinal < 0) {
            return cim_fail(err, CIM_E_INVALID, "parent", inputs[i].parent,
                            "区划 %s 的上级构成循环", "area %s: its parents form a cycle",
                            inputs[i].code);
        }
    }
    return CIM_OK;
}

static cim_status
build(struct cim_area_tree *tree, const struct cim_area_input *inputs, size_t n_inputs,
      cim_error *err)
{
    int32_t first_root = -1;
    CIM_TRY(allocate(tree, inputs, n_inputs, err));
    CIM_TRY(add_codes(tree, inputs, n_inputs, err));
    CIM_TRY(add_aliases(tree, inputs, n_inputs, err));
    struct node *nodes = calloc(n_inputs + 1, sizeof *nodes);
    if (nodes == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = link_parents(tree, inputs, n_inputs, nodes, &first_root, err);
    if (status == CIM_OK) {
        number_areas(tree, inputs, nodes, first_root);
        status = refuse_cycle(tree, inputs, n_inputs, err);
    }
    free(nodes);
    return status;
}

cim_status
cim_area_tree_new(const struct cim_area_input *inputs, size_t n_inputs, int64_t version,
                  struct cim_area_tree **ret_tree, cim_error *err)
{
    if (n_inputs > CIM_AREAS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "区划不能超过 %d 个",
                        "a tree holds at most %d areas", CIM_AREAS_MAX);
    }
    struct cim_area_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL) {
        return cim_fail_nomem(err);
    }
    tree->version = version;
    const cim_status status = build(tree, inputs, n_inputs, err);
    if (status != CIM_OK) {
        cim_area_tree_free(tree);
        return status;
    }
    *ret_tree = tree;
    return CIM_OK;
}

/* Beijing's midnight at the beginning of the day, `more` days later. */
static cim_status
midnight_of(const char *text, const char *param, int32_t more, int64_t *ret_ms, cim_error *err)
{
    static const int64_t day_ms = 86400000;
    static const int64_t beijing_ms = 8 * 3600000;
    int32_t day = 0;
    if (!has_text(text)) {
        return CIM_OK;
    }
    if (cim_date_parse(text, SIZE_MAX, &day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, param, text, "应为日期 YYYY-MM-DD",
                        "expected a date YYYY-MM-DD");
    }
    *ret_ms = ((int64_t)day + more) * day_ms - beijing_ms;
    return CIM_OK;
}

cim_status
cim_area_tree_set_days(struct cim_area_tree *tree, const char *code, const char *valid_from,
                       const char *valid_to, cim_error *err)
{
    const int32_t ordinal = cim_area_tree_ordinal(tree, code);
    int64_t from_ms = INT64_MIN;
    int64_t until_ms = INT64_MAX;
    if (ordinal < 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "code", code, "没有区划 %s", "there is no area %s",
                        code);
    }
    CIM_TRY(midnight_of(valid_from, "valid_from", 0, &from_ms, err));
    CIM_TRY(midnight_of(valid_to, "valid_to", 1, &until_ms, err));
    if (from_ms >= until_ms) {
        return cim_fail(err, CIM_E_INVALID, "valid_to", valid_to, "区划 %s 的止期早于起期 %s",
                        "area %s: it ends before it begins, on %s", code, valid_from);
    }
    tree->areas[ordinal].from_ms = from_ms;
    tree->areas[ordinal].until_ms = until_ms;
    return CIM_OK;
}

int64_t
cim_area_tree_steady_until(const struct cim_area_tree *tree, int64_t now_ms)
{
    int64_t until_ms = INT64_MAX;
    for (int32_t i = 0; i < tree->count; i++) {
        const int64_t edges[] = {tree->areas[i].from_ms, tree->areas[i].until_ms};
        for (size_t k = 0; k < 2; k++) {
            until_ms = edges[k] > now_ms && edges[k] < until_ms ? edges[k] : until_ms;
        }
    }
    return until_ms;
}

void
cim_area_tree_free(struct cim_area_tree *tree)
{
    if (tree != NULL) {
        free(tree->areas);
        free(tree->texts);
        free(tree->keys);
        free(tree->slots);
        free(tree);
    }
}

int64_t
cim_area_tree_version(const struct cim_area_tree *tree)
{
    return tree->version;
}

int32_t
cim_area_tree_count(const struct cim_area_tree *tree)
{
    return tree->count;
}

int32_t
cim_area_tree_ordinal(const struct cim_area_tree *tree, const char *code)
{
    if (!has_text(code)) {
        return -1;
    }
    const int32_t slot = *find_slot(tree, code);
    return slot < 0 ? -1 : tree->keys[slot].ordinal;
}

const cim_area *
cim_area_tree_at(const struct cim_area_tree *tree, int32_t ordinal)
{
    return ordinal >= 0 && ordinal < tree->count ? &tree->areas[ordinal] : NULL;
}

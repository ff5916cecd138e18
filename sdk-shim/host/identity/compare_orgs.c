/* host/identity/compare_orgs.c -- organisations out of a sheet or a directory.
 *
 * A parent may stand in the same sheet, before or after: it goes first. Organisations under the
 * same parents that the rows do not name are told, and left as they are.
 */
#include "host/identity/compare.h"

#include "cim/util.h"

#include "host/store/row.h"
#include "host/store/store.h"

#include <stdlib.h>

enum column { CODE, NAME, KIND, PARENT, AREA, N_COLUMNS };

static const struct host_compare_column columns[N_COLUMNS] = {
    [CODE] = {"code", "代码", true, true},      [NAME] = {"name", "名称", true, true},
    [KIND] = {"kind", "类别", false, true},     [PARENT] = {"parent", "上级组织", false, true},
    [AREA] = {"area", "所在区划", false, true},
};

static cim_status
take_known(struct host_compare *compare, const struct host_org *org, struct host_org_input *input,
           enum host_outcome *ret_outcome, struct cim_buf *more, cim_error *err)
{
    struct host_changes changes = {.out = more};
    if (org->ended) {
        return cim_fail(err, CIM_E_STATE, "code", org->code, "组织已停用",
                        "the organisation has ended");
    }
    if (compare->source != NULL && org->source == NULL && !compare->source->link_by_name) {
        return cim_fail(err, CIM_E_EXISTS, "code", org->code,
                        "本平台已有同代码的组织，不来自目录（directory.link_by_name）",
                        "there is an organisation of that code here that is not of the directory "
                        "(directory.link_by_name)");
    }
    input->source = compare->source != NULL ? HOST_SOURCE_DIRECTORY : org->source;
    /* An empty cell leaves what is there. */
    input->kind = input->kind != NULL ? input->kind : org->kind;
    input->parent = input->parent != NULL ? input->parent : org->parent;
    input->area = input->area != NULL ? input->area : org->area;
    host_changes_add(&changes, "name", org->name, input->name);
    host_changes_add(&changes, "kind", org->kind, input->kind);
    host_changes_add(&changes, "parent", org->parent, input->parent);
    host_changes_add(&changes, "area", org->area, input->area);
    host_changes_add(&changes, "source", org->source, input->source);
    host_changes_end(&changes);
    *ret_outcome = changes.n > 0 ? HOST_ROW_CHANGED : HOST_ROW_SAME;
    return changes.n == 0 ? CIM_OK
                          : host_api_change_org(compare->api, org, input, !compare->applies, err);
}

static cim_status
judge(struct host_compare *compare, const struct host_compare_row *row,
      enum host_outcome *ret_outcome, struct cim_buf *more, cim_error *err)
{
    HOST_AUTO_ORG struct host_org org = {0};
    struct host_org_input input = {.code = host_compare_cell(row, CODE),
                                   .name = host_compare_cell(row, NAME),
                                   .kind = host_org_kind(host_compare_cell_or_none(row, KIND)),
                                   .parent = host_compare_cell_or_none(row, PARENT),
                                   .area = host_compare_cell_or_none(row, AREA)};
    const cim_status status = host_api_load_org(compare->api, input.code, &org, err);
    if (status == CIM_E_NOTFOUND) {
        *ret_outcome = HOST_ROW_NEW;
        input.source = compare->source != NULL ? HOST_SOURCE_DIRECTORY : NULL;
        return host_api_add_org(compare->api, &input, !compare->applies, err);
    }
    CIM_TRY(status);
    return take_known(compare, &org, &input, ret_outcome, more, err);
}

/* Is the parent one of the rows, or one that they name? */
static bool
names_parent(const struct host_compare *compare, const char *parent)
{
    if (compare->source != NULL) {
        return true;
    }
    for (size_t i = 0; i < compare->n; i++) {
        if (strcmp(host_compare_cell(&compare->rows[i], CODE), parent) == 0 ||
            strcmp(host_compare_cell(&compare->rows[i], PARENT), parent) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
absent(struct host_compare *compare, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    int64_t n = 0;
    CIM_TRY(host_store_read(compare->api->identity->options.platform,
                            compare->source != NULL
                                ? "select code, name, coalesce(parent, ''), area from cim_org "
                                  "where ended_ms is null and source = 'directory' order by code"
                                : "select code, name, parent, area from cim_org where ended_ms is "
                                  "null and parent is not null order by code",
                            NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        char texts[4][HOST_API_TEXT_MAX + 1];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        for (uint32_t i = 0; i < 4; i++) {
            host_row_copy(&row, i, texts[i], sizeof texts[i]);
        }
        if (host_compare_find(compare, texts[0]) != NULL || !names_parent(compare, texts[2]) ||
            host_delegate_areas(compare->api->giver, HOST_ADMIN_ORGS, texts[3], "area", NULL) !=
                CIM_OK) {
            continue;
        }
        cim_buf_addf(out, "%s{\"code\":", n++ > 0 ? "," : "");
        cim_buf_add_json_text(out, texts[0], SIZE_MAX);
        host_api_add(out, "name", texts[1]);
        host_api_add(out, "parent", texts[2]);
        cim_buf_add_char(out, '}');
    }
}

const struct host_compare_kind host_compare_orgs = {
    .columns = columns, .n_columns = N_COLUMNS, .after = PARENT, .judge = judge, .absent = absent};

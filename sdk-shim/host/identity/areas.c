/* The area tree: loaded from cim_area, replaced as a whole by an import. */
#include "host/identity/areas.h"

#include "host/identity/area_rows.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* Changes of the tree are noted under this name; its newest position is the tree's version. */
#define AREAS_LAYER "cim.areas"

struct kept_tree {
    struct kept_tree *next;
    struct cim_area_tree *tree;
};

struct host_areas {
    struct host_store *store;
    pthread_mutex_t lock; /* one import at a time */
    _Atomic(const struct cim_area_tree *) now;
    struct kept_tree *kept; /* all there ever were: calls may still use an older one */
};

static cim_status
keep(struct host_areas *areas, struct cim_area_tree *tree, cim_error *err)
{
    struct kept_tree *kept = calloc(1, sizeof *kept);
    if (kept == NULL) {
        cim_area_tree_free(tree);
        return cim_fail_nomem(err);
    }
    kept->tree = tree;
    kept->next = areas->kept;
    areas->kept = kept;
    atomic_store_explicit(&areas->now, tree, memory_order_release);
    return CIM_OK;
}

static cim_status
make_tree(const struct host_area_rows *rows, int64_t version, struct cim_area_tree **ret_tree,
          cim_error *err)
{
    struct cim_area_tree *tree = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(cim_area_tree_new(rows->inputs, rows->n_rows, version, &tree, err));
    for (size_t i = 0; i < rows->n_rows && status == CIM_OK; i++) {
        status = cim_area_tree_set_days(tree, rows->inputs[i].code, rows->more[i].valid_from,
                                        rows->more[i].valid_to, err);
    }
    if (status != CIM_OK) {
        cim_area_tree_free(tree);
        return status;
    }
    *ret_tree = tree;
    return CIM_OK;
}

static cim_status
load(struct host_areas *areas, cim_error *err)
{
    struct host_area_rows rows = {0};
    struct cim_area_tree *tree = NULL;
    cim_status status = host_area_rows_load(&rows, areas->store, err);
    if (status == CIM_OK) {
        status = make_tree(&rows, host_store_layer_pos(areas->store, AREAS_LAYER), &tree, err);
    }
    host_area_rows_done(&rows);
    CIM_TRY(status);
    return keep(areas, tree, err);
}

cim_status
host_areas_open(struct host_store *store, struct host_areas **ret_areas, cim_error *err)
{
    struct host_areas *areas = calloc(1, sizeof *areas);
    cim_status status = CIM_OK;
    if (areas == NULL) {
        return cim_fail_nomem(err);
    }
    areas->store = store;
    atomic_init(&areas->now, NULL);
    (void)pthread_mutex_init(&areas->lock, NULL);
    status = load(areas, err);
    if (status != CIM_OK) {
        host_areas_free(areas);
        return status;
    }
    *ret_areas = areas;
    return CIM_OK;
}

void
host_areas_free(struct host_areas *areas)
{
    if (areas == NULL) {
        return;
    }
    while (areas->kept != NULL) {
        struct kept_tree *kept = areas->kept;
        areas->kept = kept->next;
        cim_area_tree_free(kept->tree);
        free(kept);
    }
    (void)pthread_mutex_destroy(&areas->lock);
    free(areas);
}

const struct cim_area_tree *
host_areas_tree(struct host_areas *areas)
{
    return atomic_load_explicit(&areas->now, memory_order_acquire);
}

/* ---- import ---- */

struct replace {
    const struct host_area_rows *rows;
    const struct cim_area_tree *tree; /* for the ordinals */
};

static cim_status
insert(cim_tx *tx, const struct host_area_rows *rows, size_t i, const struct cim_area_tree *tree,
       cim_error *err)
{
    static const char sql[] =
        "insert into cim_area (code, name, level, parent, aliases, valid_from, valid_to, "
        "managed_by, ord, ord_end) values (:code, :name, :level, :parent, :aliases, :valid_from, "
        ":valid_to, :managed_by, :ord, :ord_end)";
    const struct cim_area_input *input = &rows->inputs[i];
    const struct host_area_more *more = &rows->more[i];
    const cim_area *area = cim_area_tree_at(tree, cim_area_tree_ordinal(tree, input->code));
    const cim_value values[] = {
        host_value_text("code", input->code),
        host_value_text("name", input->name),
        host_value_text("level", input->level),
        host_value_text("parent", input->parent),
        host_value_text("aliases", input->aliases),
        host_value_text("valid_from", more->valid_from),
        host_value_text("valid_to", more->valid_to),
        host_value_text("managed_by", more->managed_by),
        host_value_i64("ord", area->ordinal),
        host_value_i64("ord_end", area->ordinal_end),
    };
    return host_store_exec(tx, sql, values, 10, NULL, err);
}

static cim_status
replace_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct replace *replace = arg;
    CIM_TRY(host_store_exec(tx, "delete from cim_area", NULL, 0, NULL, err));
    for (size_t i = 0; i < replace->rows->n_rows; i++) {
        CIM_TRY(insert(tx, replace->rows, i, replace->tree, err));
    }
    return host_store_change(tx, AREAS_LAYER, 0, CIM_CHANGE_BULK, NULL, NULL, err);
}

cim_status
host_areas_import(struct host_areas *areas, const char *csv_path, int64_t *ret_count,
                  cim_error *err)
{
    struct host_area_rows rows = {0};
    struct cim_area_tree *tree = NULL;
    struct replace replace = {.rows = &rows};
    cim_status status = host_area_rows_read_csv(&rows, csv_path, err);
    if (status == CIM_OK) {
        status = make_tree(&rows, 0, &tree, err);
    }
    if (status == CIM_OK) {
        replace.tree = tree;
        (void)pthread_mutex_lock(&areas->lock);
        status = host_store_write(areas->store, replace_in_tx, &replace, NULL, err);
        if (status == CIM_OK) {
            status = load(areas, err);
        }
        (void)pthread_mutex_unlock(&areas->lock);
        cim_area_tree_free(tree);
    }
    if (status == CIM_OK) {
        *ret_count = (int64_t)rows.n_rows;
    }
    host_area_rows_done(&rows);
    return status;
}

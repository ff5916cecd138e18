/* plugin/data/together.c -- new records of several callers in one transaction.
 *
 * What a commit, its place in the log and an insert cost is mostly the same for one record and for
 * many. While as many transactions run as serve a layer well, further callers queue; whoever is
 * first when one ends takes those behind along whose record has the same columns. Each is checked,
 * audited and answered by itself. All go in or none: where one cannot, they are tried alone. */
#include "data/block.h"
#include "data/write.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { TOGETHER_MAX = 64, RUNNING_MAX = 3 };

enum state { WAITING, TAKEN, ENDED, ALONE };

struct lpg_caller {
    struct lpg_write *write;
    struct lpg_caller *next;
    pthread_cond_t moved; /* with the layer's mutex */
    enum state state;
    cim_status status; /* with ENDED */
    cim_error error;
    int64_t pos;
};

struct group {
    uint32_t n;
    struct lpg_caller *callers[TOGETHER_MAX];
    int64_t fids[TOGETHER_MAX];
    cim_value *values;
    bool whole; /* every record is in */
    cim_status status;
    cim_error error;
    int64_t pos;
};

bool
lpg_write_can_join(const struct lpg_write *write)
{
    const cim_edit *edit = write->run.edit;
    return edit->op == CIM_EDIT_CREATE && (edit->flags & ~(uint32_t)CIM_EDIT_ROW_WISE) == 0 &&
           write->also == NULL && !write->run.scope_has_filters && write->is_small &&
           write->staged != NULL && write->staged->batch.n_rows == 1;
}

/* ---- the transaction ---- */

static int32_t
on_refused(cim_insert *insert, uint32_t row, const cim_error *why)
{
    (void)insert;
    (void)row;
    (void)why; /* told when it is tried alone */
    return 1;
}

static cim_status
not_all(cim_error *err)
{
    return cim_fail(err, CIM_E_STATE, NULL, NULL, "须逐条写入", "to be written one by one");
}

static cim_status
insert(struct group *group, cim_tx *tx, cim_error *err)
{
    const struct lpg_run *run = &group->callers[0]->write->run;
    cim_insert rows = {.struct_size = sizeof rows,
                       .n_values = group->callers[0]->write->gather.n_values,
                       .table = run->layer->def->table,
                       .sql = run->write.sql.data,
                       .values = group->values,
                       .n_rows = group->n,
                       .ret_fids = group->fids,
                       .refused = on_refused};
    memset(group->fids, 0, sizeof group->fids);
    CIM_TRY(run->layer->data->store->insert(tx, &rows, err));
    for (uint32_t i = 0; i < group->n; i++) {
        if (group->fids[i] == 0) {
            return not_all(err);
        }
    }
    return CIM_OK;
}

static cim_status
write_group(void *arg, cim_tx *tx, cim_error *err)
{
    struct group *group = (struct group *)arg;
    group->whole = false; /* the transaction may run again */
    for (uint32_t i = 0; i < group->n; i++) {
        struct lpg_write *write = group->callers[i]->write;
        const struct lpg_gather *gather = &write->gather;
        CIM_TRY(lpg_write_begin(write, tx, err));
        if (lpg_write_is_refused(write) || gather->n != 1) {
            return not_all(err);
        }
        memcpy(group->values + (size_t)i * gather->n_values, gather->values,
               gather->n_values * sizeof *gather->values);
    }
    CIM_TRY(insert(group, tx, err));
    for (uint32_t i = 0; i < group->n; i++) {
        struct lpg_write *write = group->callers[i]->write;
        write->gather.fids[0] = group->fids[i];
        CIM_TRY(lpg_create_note(write, tx, 0, err));
        CIM_TRY(lpg_write_end(write, tx, err));
    }
    group->whole = true;
    return CIM_OK;
}

static void
run_group(struct group *group)
{
    const struct lpg_write *first = group->callers[0]->write;
    const struct lpg_data *data = first->run.layer->data;
    group->values = malloc((size_t)group->n * first->gather.n_values * sizeof *group->values);
    if (group->values != NULL) {
        group->status =
            data->store->write(data->host, write_group, group, &group->pos, &group->error);
    }
    free(group->values);
}

/* ---- who goes with whom (under the layer's mutex) ---- */

static bool
fits(const struct lpg_write *write, const struct lpg_write *first)
{
    return write->gather.n_values == first->gather.n_values &&
           strcmp(write->run.write.sql.data, first->run.write.sql.data) == 0;
}

/* Those that fit the first of the queue, which is one of them. */
static void
take_group(struct lpg_layer *layer, struct group *group)
{
    const struct lpg_write *first = layer->callers->write;
    for (struct lpg_caller **at = &layer->callers; *at != NULL && group->n < TOGETHER_MAX;) {
        struct lpg_caller *caller = *at;
        if (!fits(caller->write, first)) {
            at = &caller->next;
            continue;
        }
        *at = caller->next;
        caller->state = TAKEN;
        group->callers[group->n++] = caller;
    }
}

static void
queue_up(struct lpg_layer *layer, struct lpg_caller *caller)
{
    struct lpg_caller **at = &layer->callers;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = caller;
}

/* The first of the queue, when one more may run. */
static bool
may_lead(const struct lpg_layer *layer, const struct lpg_caller *caller)
{
    return caller->state == WAITING && layer->callers == caller && layer->n_running < RUNNING_MAX;
}

/* What was whole may be stored even if its commit failed: to write it again would be worse. */
static void
tell_group(const struct group *group)
{
    for (uint32_t i = 0; i < group->n; i++) {
        struct lpg_caller *caller = group->callers[i];
        caller->status = group->status;
        caller->error = group->error;
        caller->pos = group->pos;
        caller->state = group->whole ? ENDED : ALONE;
        (void)pthread_cond_signal(&caller->moved);
    }
}

static void
wake_first(const struct lpg_layer *layer)
{
    if (layer->callers != NULL) {
        (void)pthread_cond_signal(&layer->callers->moved);
    }
}

static void
lead(struct lpg_layer *layer)
{
    struct group group = {.status = CIM_E_NOMEM};
    take_group(layer, &group);
    layer->n_running++;
    wake_first(layer); /* there may be room for it, too */
    if (group.n > 1) {
        (void)pthread_mutex_unlock(&layer->mutex);
        run_group(&group);
        (void)pthread_mutex_lock(&layer->mutex);
    }
    tell_group(&group);
}

cim_status
lpg_write_together(struct lpg_layer *layer, struct lpg_write *write, int64_t *ret_pos,
                   cim_error *err)
{
    struct lpg_caller caller = {.write = write, .state = WAITING};
    bool leads = false;
    (void)pthread_cond_init(&caller.moved, NULL); /* cannot fail for the default kind */
    (void)pthread_mutex_lock(&layer->mutex);
    queue_up(layer, &caller);
    while (caller.state < ENDED) {
        if (may_lead(layer, &caller)) {
            leads = true;
            lead(layer);
        } else {
            (void)pthread_cond_wait(&caller.moved, &layer->mutex);
        }
    }
    (void)pthread_mutex_unlock(&layer->mutex);
    cim_status status = caller.status;
    if (caller.state == ALONE) {
        status = lpg_write_whole(write, ret_pos, err);
    } else if (status == CIM_OK) {
        *ret_pos = caller.pos;
    } else if (err != NULL) {
        *err = caller.error;
    }
    (void)pthread_mutex_lock(&layer->mutex);
    layer->n_running -= leads ? 1 : 0;
    wake_first(layer);
    (void)pthread_mutex_unlock(&layer->mutex);
    (void)pthread_cond_destroy(&caller.moved);
    return status;
}

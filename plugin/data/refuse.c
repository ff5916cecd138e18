/* plugin/data/refuse.c -- refused rows of an edit. */
#include "data/write.h"

#include <stdlib.h>
#include <string.h>

bool
lpg_is_refusal(cim_status status)
{
    return status == CIM_E_INVALID || status == CIM_E_EXISTS || status == CIM_E_DENIED ||
           status == CIM_E_NOTFOUND || status == CIM_E_VERSION || status == CIM_E_TOO_LARGE;
}

/* A unique index names its column; the value is the row's. */
static void
complete(const cim_value *values, uint32_t n_values, cim_error *why)
{
    cim_error value = {.code = 0};
    for (uint32_t i = 0; why->code == CIM_E_EXISTS && i < n_values; i++) {
        if (values[i].type != 0 && strcmp(values[i].name, why->param) == 0) {
            (void)lpg_refuse_value(why->param, &values[i], "", "", &value);
            memcpy(why->value, value.value, sizeof why->value);
        }
    }
}

static struct lpg_refusal *
new_refusal(struct lpg_write *write)
{
    if (write->n_refusals == write->refusals_capacity) {
        const size_t capacity = write->refusals_capacity == 0 ? 16 : write->refusals_capacity * 2;
        struct lpg_refusal *grown = realloc(write->refusals, capacity * sizeof *grown);
        if (grown == NULL) {
            write->failed = CIM_E_NOMEM;
            return NULL;
        }
        write->refusals = grown;
        write->refusals_capacity = capacity;
    }
    return &write->refusals[write->n_refusals++];
}

void
lpg_refuse(struct lpg_write *write, int64_t row, const cim_value *values, uint32_t n_values,
           const cim_error *why)
{
    struct lpg_refusal *refusal = new_refusal(write);
    if (refusal == NULL) {
        return;
    }
    *refusal = (struct lpg_refusal){.row = row, .why = *why};
    complete(values, n_values, &refusal->why);
    if (write->run.edit->n_refused++ == 0 || row < write->first_row) {
        write->first = refusal->why;
        write->first_row = row;
    }
}

static int
by_row(const void *a, const void *b)
{
    const int64_t left = ((const struct lpg_refusal *)a)->row;
    const int64_t right = ((const struct lpg_refusal *)b)->row;
    return left < right ? -1 : left > right;
}

void
lpg_refusals_tell(struct lpg_write *write)
{
    cim_edit *edit = write->run.edit;
    if (write->n_refusals > 1) {
        qsort(write->refusals, write->n_refusals, sizeof *write->refusals, by_row);
    }
    for (size_t i = 0; i < write->n_refusals && edit->refused != NULL; i++) {
        edit->refused(edit, write->refusals[i].row, &write->refusals[i].why);
    }
    write->n_refusals = 0;
}

bool
lpg_write_is_refused(const struct lpg_write *write)
{
    return write->run.edit->n_refused > 0 && (write->run.edit->flags & CIM_EDIT_ROW_WISE) == 0;
}

cim_status
lpg_refusals_fail(const struct lpg_write *write, cim_error *err)
{
    if (err != NULL) {
        *err = write->first;
    }
    return write->first.code;
}

void
lpg_refusals_forget(struct lpg_write *write)
{
    write->n_refusals = 0;
    write->failed = CIM_OK;
}

/* plugin/data/changes.c -- see changes.h. */
#include "data/changes.h"

#include "cim/util.h"

#include <stdlib.h>

cim_status
lpg_changes_init(struct lpg_changes *changes, cim_error *err)
{
    *changes = (struct lpg_changes){.n = 0};
    cim_buf_init(&changes->texts, LPG_CHANGES_SINGLE_MAX * 512);
    changes->items = malloc(LPG_CHANGES_SINGLE_MAX * sizeof *changes->items);
    return changes->items != NULL ? CIM_OK : cim_fail_nomem(err);
}

void
lpg_changes_done(struct lpg_changes *changes)
{
    cim_buf_done(&changes->texts);
    free(changes->items);
}

void
lpg_changes_clear(struct lpg_changes *changes)
{
    changes->n = 0;
    cim_buf_clear(&changes->texts);
}

static size_t
keep_text(struct lpg_changes *changes, const void *text, size_t len)
{
    const size_t at = changes->texts.len;
    if (text == NULL) {
        return SIZE_MAX;
    }
    cim_buf_add(&changes->texts, text, len);
    cim_buf_add(&changes->texts, "", 1); /* the NUL */
    return at;
}

void
lpg_changes_add(struct lpg_changes *changes, int64_t fid, int32_t op, const void *area,
                size_t area_len, const void *owner, size_t owner_len)
{
    if (changes->n < LPG_CHANGES_SINGLE_MAX) {
        changes->items[changes->n] =
            (struct lpg_change){.fid = fid,
                                .op = op,
                                .area = keep_text(changes, area, area_len),
                                .owner = keep_text(changes, owner, owner_len)};
    }
    changes->n++;
}

cim_status
lpg_changes_note(const struct lpg_changes *changes, const struct lpg_layer *layer, cim_tx *tx,
                 cim_error *err)
{
    const cim_store_v1 *store = layer->data->store;
    const char *id = layer->def->id;
    if (changes->n > LPG_CHANGES_SINGLE_MAX) {
        return store->change(tx, id, 0, CIM_CHANGE_BULK, NULL, NULL, err);
    }
    CIM_TRY(cim_buf_status(&changes->texts, err));
    for (int64_t i = 0; i < changes->n; i++) {
        const struct lpg_change *change = &changes->items[i];
        const char *texts = changes->texts.data;
        CIM_TRY(store->change(tx, id, change->fid, change->op,
                              change->area != SIZE_MAX ? texts + change->area : NULL,
                              change->owner != SIZE_MAX ? texts + change->owner : NULL, err));
    }
    return CIM_OK;
}

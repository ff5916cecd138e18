/* plugin/data/words_edit.c -- the words of a record that is being written. */
#include "data/words.h"

#include "data/edit.h"
#include "kit/rows.h"

bool
lpg_words_change(const struct lpg_record *record)
{
    bool any = record->op == CIM_EDIT_CREATE;
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        any =
            any || (lpg_words_field(lpg_record_field(record, slot)) && lpg_run_sets(record, slot));
    }
    return any && record->op != CIM_EDIT_DELETE && lpg_words_kept(record->layer);
}

void
lpg_words_take(struct lpg_run *run, const cim_batch *stored)
{
    const struct lpg_record *record = &run->record;
    if (!run->writes_words) {
        return;
    }
    cim_buf_clear(&run->words);
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const cim_value *value = &record->values[slot];
        size_t len = 0;
        if (!lpg_words_field(lpg_record_field(record, slot))) {
            continue;
        }
        if (stored != NULL && !lpg_run_sets(record, slot)) {
            if (cim_column_present(stored->columns[slot], 0)) {
                const uint8_t *text = cim_column_bytes(stored->columns[slot], 0, &len);
                lpg_words_add(&run->words, (const char *)text, len);
            }
        } else if (value->type == CIM_COL_TEXT) {
            lpg_words_add(&run->words, (const char *)value->v.ptr, value->len);
        }
    }
}

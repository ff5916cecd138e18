/* plugin/data/record.h -- rows of an edit, checked and turned into values for the store. */
#ifndef LPG_DATA_RECORD_H
#define LPG_DATA_RECORD_H

#include "data/internal.h"

/* Slots of a record: the seven record columns, then the fields in the order of the definition. */
enum {
    LPG_SLOTS_MAX = LPG_RECORD_COLUMNS + CIM_LAYER_FIELDS_MAX,
    LPG_SMALL_TEXT_MAX = 48,
    LPG_AREA_CODE_MAX = 64
};

/* Reads the rows of one cim_edit. One row at a time; values stay until the next. */
struct lpg_record {
    const struct lpg_layer *layer;
    const cim_call *call;
    int32_t op;
    bool undoes; /* encrypted fields come as they were stored */
    bool erases; /* sensitive fields get what stands for somebody erased */
    uint32_t n_slots;
    /* Of the input: column -> slot, and slot -> whether the input has it. */
    uint32_t n_columns;
    uint32_t slot_of[LPG_SLOTS_MAX];
    bool given[LPG_SLOTS_MAX];
    /* The row at hand, checked: type 0 is absent. */
    cim_value values[LPG_SLOTS_MAX];
    int32_t area_ordinal;                          /* -1: no area */
    bool area_in_force;                            /* of the area given */
    char small[LPG_SLOTS_MAX][LPG_SMALL_TEXT_MAX]; /* texts made of other types */
    struct cim_buf geometry;
    char area_memory[LPG_AREA_CODE_MAX]; /* the last code and what the tree says of it */
    size_t area_memory_len;
    int32_t area_memory_ordinal;
    const char *area_memory_code;
    bool area_memory_in_force;
};

/* Maps the columns; CIM_E_INVALID names a column that the layer does not have. */
cim_status lpg_record_init(struct lpg_record *record, const struct lpg_layer *layer,
                           const cim_call *call, int32_t op, const cim_rows *rows, cim_error *err);
void lpg_record_done(struct lpg_record *record);
/* As of an edit that erases: before the first row. */
void lpg_record_erases(struct lpg_record *record);
/* Checks one row. CIM_E_INVALID names field, value and what was expected. */
cim_status lpg_record_read(struct lpg_record *record, const cim_batch *batch, int64_t row,
                           cim_error *err);
/* The field of a slot; NULL for record columns. */
const struct cim_field *lpg_record_field(const struct lpg_record *record, uint32_t slot);

/* One cell as a value of a field: TEXT is parsed, numbers become texts where texts are wanted.
 * `small` holds what has to be written anew. Absent and empty cells give type 0. */
cim_status lpg_cell_read(const struct lpg_data *data, const struct cim_field *field,
                         const cim_column *column, int64_t row, char small[LPG_SMALL_TEXT_MAX],
                         cim_value *ret_value, cim_error *err);
/* A value that was taken though something is wrong with it: it fails a check that warns, or the
 * check digit of a credit code is wrong, as in old data; *what as a refusal would be. */
bool lpg_cell_warns(const struct cim_field *field, const cim_value *value, cim_error *what);
/* The refusal of a value: the field, the value, what was expected. */
cim_status lpg_refuse_value(const char *name, const cim_value *value, const char *zh,
                            const char *en, cim_error *err);

#endif

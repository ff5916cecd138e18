/* plugin/data/words.h -- what a record is found by: the texts that its definition marks `search`,
 * with their pinyin and its initials, in one column beside them. */
#ifndef LPG_DATA_WORDS_H
#define LPG_DATA_WORDS_H

#include "data/internal.h"

/* The column. A table without it is searched in its fields, by what they hold alone. */
#define LPG_WORDS_COLUMN "search_words"

enum {
    LPG_WORDS_BYTES_MAX = 16 << 10,
    LPG_WORDS_CHARS_MAX = 200, /* of one text */
    LPG_WORDS_SLICE = 1000     /* records made anew in one transaction */
};

/* Is the field one that a search looks into? A sensitive one is not, or the search would tell what
 * the mask hides. */
bool lpg_words_field(const struct cim_field *field);
/* Has the layer's table the column? Asks the store the first time. [worker] */
bool lpg_words_kept(const struct lpg_layer *layer);
/* Adds "|text|initials|pinyin", each in letters and digits alone, small and of half width. What ICU
 * has no reading for stands for itself. */
void lpg_words_add(struct cim_buf *out, const char *text, size_t len);
struct lpg_record;
struct lpg_run;
/* Does the edit write the column? (words_edit.c) */
bool lpg_words_change(const struct lpg_record *record);
/* The words of the record at hand into the run; what an update leaves out is that of the first row
 * of `stored` (NULL: a new record). */
void lpg_words_take(struct lpg_run *run, const cim_batch *stored);

/* Makes the words of all records anew; *ret_n_changed: of how many they were others. CIM_E_DENIED
 * unless the caller may update every record; CIM_E_CANCELLED keeps what was done. (words_run.c)
 * [worker] */
cim_status lpg_words_rebuild(struct lpg_layer *layer, const cim_call *call, int64_t *ret_n_read,
                             int64_t *ret_n_changed, cim_error *err);

/* A text that is looked for, as it stands in the column. */
void lpg_words_normalise(struct cim_buf *out, const char *text, size_t len);

/* "(…)": every word of `text`, blanks between, is found. */
cim_status lpg_sql_words(struct lpg_statement *statement, const struct lpg_layer *layer,
                         const char *text, const cim_scope *scope, cim_error *err);

#endif

/* plugin/data/masking.h -- hides what the terms that cover a record do not show of it. */
#ifndef LPG_DATA_MASKING_H
#define LPG_DATA_MASKING_H

#include "data/block.h"
#include "data/internal.h"

struct lpg_masking;

/* For the fields of a select list: `columns[i]` is the field at index `first_field + i`. NULL when
 * every term shows all of them in clear and the query conceals none. Copies what it needs of the
 * scope, because the rows outlive the call. A term with a row filter takes one more column of the
 * select list: lpg_masking_sql() appends them. */
cim_status lpg_masking_new(const struct lpg_layer *layer, const cim_call *call,
                           const cim_scope *scope, const cim_query *query, uint32_t first_field,
                           const struct cim_field *const *fields, uint32_t n_fields,
                           struct lpg_masking **ret_masking, cim_error *err);
void lpg_masking_free(struct lpg_masking *masking); /* NULL-safe */
/* ", …" for the terms with filters; `next_index` is the index of the first of these columns. */
cim_status lpg_masking_sql(struct lpg_masking *masking, struct lpg_statement *statement,
                           const cim_scope *scope, uint32_t next_index, cim_error *err);
cim_status lpg_masking_apply(const struct lpg_masking *masking, struct lpg_block *block,
                             cim_error *err);

#endif

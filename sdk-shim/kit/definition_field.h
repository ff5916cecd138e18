/* kit/definition_field.h -- reading one field of a definition; inside the kit. */
#ifndef CIM_KIT_DEFINITION_FIELD_H
#define CIM_KIT_DEFINITION_FIELD_H

#include "kit/definition_read.h"

/* What was read stays in *field also after a failure: cim_field_done() frees it either way. */
cim_status cim_field_read(const struct cim_reader *reader, const struct cim_codes *codes,
                          struct cim_field *field);
void cim_field_done(struct cim_field *field);
/* Reads `after`, `next` and `required_if`, as names for now. */
cim_status cim_field_read_rules(const struct cim_reader *reader, struct cim_field *field);
/* Resolves what fields say of each other, once all of them are read. */
cim_status cim_fields_join(const struct cim_reader *reader, struct json_object *array,
                           struct cim_definition *def);
/* Names become columns, which the SQL subset does not quote. */
bool cim_is_reserved_word(const char *name);

#endif

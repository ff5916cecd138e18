/* kit/json_schema.h -- the part of JSON Schema that inputs and outputs of analyses are described
 * with.
 *
 * Keywords that check: type (one name), enum, minimum, maximum, exclusiveMinimum, exclusiveMaximum
 * (numbers), minLength, maxLength (characters), items (one schema), minItems, maxItems, properties,
 * required, additionalProperties (true or false), oneOf (of which one at least must fit), and
 * format: date, date-time, geojson-geometry, geojson-feature, geojson-feature-collection (an object
 * of such a type; its coordinates are the reader's business). Keywords that say: title,
 * description, default, examples, contentMediaType, contentSchema, and names that begin with "x-".
 * Anything else is refused when the schema is read, so that no schema promises a check that is not
 * made.
 */
#ifndef CIM_KIT_JSON_SCHEMA_H
#define CIM_KIT_JSON_SCHEMA_H

#include "cim/base.h"

struct json_object;

enum { CIM_SCHEMA_DEPTH_MAX = 32 };

/* Is it a schema of this part? CIM_E_INVALID naming `where`, the keyword and what was expected. */
cim_status cim_schema_check(const char *where, struct json_object *schema, cim_error *err);
/* Does the value fit a schema that was checked? `name` is where the value stands ("distance_m"):
 * err->param is that, or the place below it at fault ("route.coordinates[3]"), err->value what
 * stands there. NULL is JSON's null. Numbers must be finite. */
cim_status cim_schema_validate(struct json_object *schema, struct json_object *value,
                               const char *name, cim_error *err);

#endif

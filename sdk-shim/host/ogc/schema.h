/* host/ogc/schema.h -- JSON Schemas of a collection (OGC API Features Part 5) from its definition.
 */
#ifndef HOST_OGC_SCHEMA_H
#define HOST_OGC_SCHEMA_H

#include "cim/scope.h"
#include "host/ogc/doc.h"
#include "kit/definition.h"

/* What a feature holds. `url` is the schema's own. */
struct json_object *host_schema_returnables(const struct cim_definition *def, const char *url,
                                            bool chinese);
/* What may filter; fields that some term of the scope hides are left out. */
struct json_object *host_schema_queryables(const struct cim_definition *def, const cim_scope *scope,
                                           const char *url, bool chinese);

/* Titles of the columns that every record has; false: no such column. */
bool host_schema_record_title(const char *name, const char **ret_zh, const char **ret_en);

#endif

/* host/ogc/edit_feature.h -- one feature as one row; inside of the edit reader. */
#ifndef HOST_OGC_EDIT_FEATURE_H
#define HOST_OGC_EDIT_FEATURE_H

#include "host/ogc/edit_read.h"

struct cim_batch_builder;

/* Members and properties that a feature of the layer may have; `patch`: "type" may be left out. */
cim_status host_edit_feature_check(const struct cim_definition *def, struct json_object *feature,
                                   bool patch, cim_error *err);
/* Is the property or, for "geom", the geometry there? */
bool host_edit_feature_has(struct json_object *feature, const char *column,
                           struct json_object **ret_value);
/* Appends the cells of one row, which the caller ends. */
cim_status host_edit_feature_append(struct host_edit_reader *reader, struct json_object *feature,
                                    struct cim_batch_builder *builder, cim_error *err);

#endif

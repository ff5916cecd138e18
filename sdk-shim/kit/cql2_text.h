/* kit/cql2_text.h -- CQL2 text (OGC 21-065r2, annex B) as the expression tree of CQL2 JSON.
 *
 * The text is only read, not judged: whether a property exists and fits its operator is for those
 * who know the layer. Geometries become GeoJSON, boxes {"bbox": …}, `a not in …` {"op":"not", …}.
 */
#ifndef CIM_KIT_CQL2_TEXT_H
#define CIM_KIT_CQL2_TEXT_H

#include "cim/base.h"

struct json_object;

/* Levels of nesting, of parentheses as of operators; bytes of one text. */
enum { CIM_CQL2_DEPTH_MAX = 24, CIM_CQL2_TEXT_MAX = 64 << 10 };

/* `text` ends with a NUL at `len`. The result is owned: json_object_put(). CIM_E_INVALID names,
 * under "filter", the place (in characters, from 1), what stands there and what was expected;
 * CIM_E_TOO_LARGE past a limit. */
cim_status cim_cql2_text_parse(const char *text, size_t len, struct json_object **ret_tree,
                               cim_error *err);

#endif

/* plugin/analysis/line_scan.h -- the positions of GeoJSON lines, read from the text itself.
 *
 * A line of some thousand positions is nearly all of a question. A tree of the text makes an object
 * of every number and an array of every pair, which costs several times what the analysis does; so
 * lines are taken out of the text first, and the rest is parsed as ever.
 */
#ifndef LPG_ANALYSIS_LINE_SCAN_H
#define LPG_ANALYSIS_LINE_SCAN_H

#include "cim/base.h"

#include <stddef.h>

struct lpg_line {
    double *lonlat_deg; /* pairs; the first two numbers of each position */
    size_t n;
};

struct lpg_lines {
    char *text; /* the text, "coordinates": NUMBER in the place of each line that was taken out */
    size_t n;
    struct lpg_line *lines; /* by that number */
};

/* Takes out each "coordinates" that is a list of 2 to LPG_CHAIN_POSITIONS_MAX positions of two or
 * more finite numbers, written as JSON has it. Anything else stays, for the parser to judge; and a
 * text that has a number there already is left as it is. CIM_E_NOMEM. [any] */
cim_status lpg_lines_take(const char *json, struct lpg_lines *ret_lines, cim_error *err);
void lpg_lines_done(struct lpg_lines *lines); /* also of {0} */

#endif

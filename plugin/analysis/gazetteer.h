/* plugin/analysis/gazetteer.h -- what addresses are matched with: the sources that addresses.json
 * names, in memory, each as far as the caller may read it.
 */
#ifndef LPG_ANALYSIS_GAZETTEER_H
#define LPG_ANALYSIS_GAZETTEER_H

#include "analysis/name_index.h"

enum { LPG_GAZETTEER_SOURCES_MAX = 12 };

struct lpg_gazetteer;
struct held; /* names of areas, shared */

/* One source as a caller sees it. */
struct lpg_gazetteer_part {
    const char *layer;
    enum lpg_name_kind kind;
    double error_m; /* of its positions as those of an address */
    struct lpg_sites_view view;
    struct lpg_name_index *index; /* NULL: he may not read the layer */
};

struct lpg_gazetteer_view {
    struct lpg_gazetteer *gazetteer;
    const struct lpg_area_names *names;
    struct held *held;
    size_t n_parts;
    struct lpg_gazetteer_part parts[LPG_GAZETTEER_SOURCES_MAX];
    struct lpg_sites_view areas; /* polygons of areas; sites NULL: none */
};

/* Reads <folder>/addresses.json. Keeps host and data. [lifecycle] */
cim_status lpg_gazetteer_new(const cim_host *host, struct lpg_data *data, const char *folder,
                             struct lpg_gazetteer **ret_gazetteer, cim_error *err);
void lpg_gazetteer_free(struct lpg_gazetteer *gazetteer); /* NULL-safe */

/* `bbox_deg`: where the caller will look. [worker] */
cim_status lpg_gazetteer_open(struct lpg_gazetteer *gazetteer, const cim_call *call,
                              const double bbox_deg[4], struct lpg_gazetteer_view *ret_view,
                              cim_error *err);
void lpg_gazetteer_done(struct lpg_gazetteer_view *view); /* also of {0} */

#endif

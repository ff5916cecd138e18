/* plugin/map/saved.h -- the base of a point layer as a file, so that after a crash the first tile
 * needs no reading of the store.
 *
 * The file is the base's columns one after the other, as they lie in memory: it is mapped and used
 * where it lies. A head tells the format, what the columns are of, as of which position, and in
 * which store; checksums are over the head and over all behind it, and are checked whole before
 * anything is used. A file is written beside and renamed. It holds nothing that the store has not:
 * one that is damaged, of another format, of a definition that is another now, or of another store,
 * is refused, and the layer is loaded.
 */
#ifndef LPG_MAP_SAVED_H
#define LPG_MAP_SAVED_H

#include "map/base.h"

/* The store and the change at base->pos: what the columns can be followed on from. */
struct lpg_origin {
    uint8_t digest[32];
};

/* Replaces the file; what lay there is whole until then. The base is only read. */
cim_status lpg_saved_write(struct lpg_base *base, const char *layer,
                           const struct lpg_origin *origin, const char *path, cim_error *err);
/* CIM_E_NOTFOUND: no file; CIM_E_INVALID: refused, and why. The base's arrays lie in the file,
 * which stays mapped until the base goes. */
cim_status lpg_saved_open(const struct cim_definition *def, bool degrees, const char *path,
                          struct lpg_base **ret_base, struct lpg_origin *ret_origin,
                          cim_error *err);
/* Removes from a folder what writers left that did not come to their end. */
void lpg_saved_tidy(const char *folder);
/* Takes out of the base what lies in the file. */
void lpg_saved_close(struct lpg_base *base);

#endif

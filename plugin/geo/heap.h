/* plugin/geo/heap.h -- a binary heap of items with up to three keys, least first.
 *
 * Compared key by key, then by number: what is taken out does not depend on the order of adding.
 */
#ifndef LPG_GEO_HEAP_H
#define LPG_GEO_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lpg_heap_item {
    int64_t key[3];
    uint32_t id;
};

/* Starts as {0}. */
struct lpg_heap {
    size_t n;
    size_t capacity;
    struct lpg_heap_item *items;
};

/* False when out of memory. */
bool lpg_heap_push(struct lpg_heap *heap, const struct lpg_heap_item *item);
/* Not of an empty one. */
struct lpg_heap_item lpg_heap_pop(struct lpg_heap *heap);
void lpg_heap_done(struct lpg_heap *heap);

#endif

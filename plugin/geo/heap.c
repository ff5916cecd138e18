/* plugin/geo/heap.c -- see heap.h. */
#include "geo/heap.h"

#include <stdlib.h>

static bool
less(const struct lpg_heap_item *a, const struct lpg_heap_item *b)
{
    for (int k = 0; k < 3; k++) {
        if (a->key[k] != b->key[k]) {
            return a->key[k] < b->key[k];
        }
    }
    return a->id < b->id;
}

bool
lpg_heap_push(struct lpg_heap *heap, const struct lpg_heap_item *item)
{
    size_t i = heap->n;
    if (heap->n == heap->capacity) {
        const size_t capacity = heap->capacity == 0 ? 1024 : heap->capacity * 2;
        struct lpg_heap_item *grown = realloc(heap->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        heap->items = grown;
        heap->capacity = capacity;
    }
    heap->n++;
    while (i > 0 && less(item, &heap->items[(i - 1) / 2])) {
        heap->items[i] = heap->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->items[i] = *item;
    return true;
}

struct lpg_heap_item
lpg_heap_pop(struct lpg_heap *heap)
{
    const struct lpg_heap_item top = heap->items[0];
    const struct lpg_heap_item last = heap->items[--heap->n];
    size_t i = 0;
    for (size_t child = 1; child < heap->n; child = 2 * i + 1) {
        if (child + 1 < heap->n && less(&heap->items[child + 1], &heap->items[child])) {
            child++;
        }
        if (!less(&heap->items[child], &last)) {
            break;
        }
        heap->items[i] = heap->items[child];
        i = child;
    }
    heap->items[i] = last;
    return top;
}

void
lpg_heap_done(struct lpg_heap *heap)
{
    free(heap->items);
    *heap = (struct lpg_heap){0};
}

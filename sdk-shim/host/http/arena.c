/* host/http/arena.c -- memory that lives as long as its request. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4096, ALIGN = 16 };

struct host_arena_block {
    struct host_arena_block *next;
    size_t size;
    _Alignas(ALIGN) unsigned char data[];
};

void *
host_arena_alloc(struct host_arena *arena, size_t size)
{
    if (size > REQUEST_MEMORY_MAX_BYTES) {
        return NULL;
    }
    const size_t wanted = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct host_arena_block *block = arena->blocks;
    if (block == NULL || block->size - arena->used < wanted) {
        const size_t room = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;
        if (arena->total + room > REQUEST_MEMORY_MAX_BYTES) {
            return NULL;
        }
        block = malloc(sizeof *block + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
        arena->total += room;
    }
    void *memory = block->data + arena->used;
    arena->used += wanted;
    memset(memory, 0, size);
    return memory;
}

char *
host_arena_text(struct host_arena *arena, const char *text, size_t len)
{
    char *copy = host_arena_alloc(arena, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

void
host_arena_done(struct host_arena *arena)
{
    while (arena->blocks != NULL) {
        struct host_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    *arena = (struct host_arena){0};
}

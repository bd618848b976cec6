#include "sim/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#ifndef PERDURE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

/* Before each allocation; keeps 16-byte alignment. */
struct header {
    uint64_t size;
    uint64_t reserved;
#ifdef PERDURE_NO_JEMALLOC
    struct header *next;
    struct header *previous;
#endif
};

#ifndef PERDURE_NO_JEMALLOC

static bool arena_open(struct sim_memory *memory)
{
    if (memory->has_arena)
        return true;
    size_t size = sizeof(memory->arena);
    if (mallctl("arenas.create", &memory->arena, &size, NULL, 0) != 0)
        return false;
    memory->has_arena = 1;
    return true;
}

static struct header *block_resize(struct sim_memory *memory,
                                   struct header *old, size_t size)
{
    if (!arena_open(memory))
        return NULL;
    int flags = (int)MALLOCX_ARENA(memory->arena) | MALLOCX_TCACHE_NONE;
    return old ? rallocx(old, size, flags) : mallocx(size, flags);
}

static void block_free(struct sim_memory *memory, struct header *old)
{
    (void)memory;
    dallocx(old, MALLOCX_TCACHE_NONE);
}

static void blocks_drop(struct sim_memory *memory)
{
    if (!memory->has_arena)
        return;
    char name[32];
    snprintf(name, sizeof(name), "arena.%u.reset", memory->arena);
    int error = mallctl(name, NULL, NULL, NULL, 0);
    assert(error == 0);
    (void)error;
}

static void blocks_close(struct sim_memory *memory)
{
    if (!memory->has_arena)
        return;
    char name[32];
    snprintf(name, sizeof(name), "arena.%u.destroy", memory->arena);
    int error = mallctl(name, NULL, NULL, NULL, 0);
    assert(error == 0);
    (void)error;
    memory->has_arena = 0;
}

#else

static struct header *block_resize(struct sim_memory *memory,
                                   struct header *old, size_t size)
{
    bool fresh = old == NULL;
    struct header *block = realloc(old, size);
    if (!block)
        return NULL;
    if (fresh) {
        block->previous = NULL;
        block->next = memory->blocks;
    }
    if (block->next)
        block->next->previous = block;
    if (block->previous)
        block->previous->next = block;
    else
        memory->blocks = block;
    return block;
}

static void block_free(struct sim_memory *memory, struct header *old)
{
    if (old->next)
        old->next->previous = old->previous;
    if (old->previous)
        old->previous->next = old->next;
    else
        memory->blocks = old->next;
    free(old);
}

static void blocks_drop(struct sim_memory *memory)
{
    struct header *block = memory->blocks;
    while (block) {
        struct header *next = block->next;
        free(block);
        block = next;
    }
    memory->blocks = NULL;
}

static void blocks_close(struct sim_memory *memory)
{
    blocks_drop(memory);
}

#endif

static void *resize(void *self, void *old, size_t size)
{
    struct sim_memory *memory = self;
    struct header *before = old ? (struct header *)old - 1 : NULL;
    uint64_t freed = before ? before->size : 0;
    if (size == 0) {
        if (before)
            block_free(memory, before);
        memory->used -= freed;
        return NULL;
    }
    if (size > SIZE_MAX - sizeof(struct header) ||
        (memory->limit && memory->used - freed + size > memory->limit))
        return NULL;
    struct header *after =
        block_resize(memory, before, size + sizeof(struct header));
    if (!after)
        return NULL;
    after->size = size;
    memory->used += size - freed;
    if (memory->used > memory->peak)
        memory->peak = memory->used;
    return after + 1;
}

void sim_memory_init(struct sim_memory *memory, uint64_t limit)
{
    *memory = (struct sim_memory){.limit = limit};
    memory->port.resize = resize;
    memory->port.self = memory;
}

void sim_memory_drop(struct sim_memory *memory)
{
    blocks_drop(memory);
    memory->used = 0;
    memory->peak = 0;
}

void sim_memory_deinit(struct sim_memory *memory)
{
    sim_memory_drop(memory);
    blocks_close(memory);
}

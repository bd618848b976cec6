#include "sim/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

/* Before each allocation; keeps 16-byte alignment. */
struct header {
    uint64_t size;
    uint64_t reserved;
    struct header *next;
    struct header *previous;
};

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
}

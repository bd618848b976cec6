/*
 * Where a machine's memory comes from. A host that gives each process memory
 * of its own can drop all of it at once when the process dies, can bound it,
 * and can say how much it uses. NULL stands for the C library's heap.
 */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stdlib.h>
#include <string.h>

struct engine_memory {
    /*
     * Like realloc(): old may be NULL; size 0 frees and returns NULL. NULL
     * for any other size: out of memory, old stays as it is.
     */
    void *(*resize)(void *self, void *old, size_t size);
    void *self;
};

static inline void *engine_resize(const struct engine_memory *memory, void *old,
                                  size_t size)
{
    if (memory)
        return memory->resize(memory->self, old, size);
    if (size > 0)
        return realloc(old, size);
    free(old);
    return NULL;
}

/* size bytes of zeros, or NULL. */
static inline void *engine_new(const struct engine_memory *memory, size_t size)
{
    void *bytes = engine_resize(memory, NULL, size);
    return bytes ? memset(bytes, 0, size) : NULL;
}

static inline void engine_delete(const struct engine_memory *memory,
                                 void *bytes)
{
    if (bytes)
        (void)engine_resize(memory, bytes, 0);
}

#endif

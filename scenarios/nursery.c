#include "scenarios/nursery.h"

#include <assert.h>
#include <stddef.h>

#ifdef PERDURE_NO_JEMALLOC

struct nursery *nursery_open(void)
{
    return NULL;
}

void nursery_ready(struct nursery *nursery)
{
    assert(!nursery);
}

void nursery_enter(struct nursery *nursery, unsigned level)
{
    (void)level;
    assert(!nursery);
}

#else

#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    PAGE_BITS = 21, /* of a huge page */
};

#define HUGE_SIZE ((size_t)1 << PAGE_BITS)
#define ROOM_SIZE (32 * HUGE_SIZE)

/* Addresses of one generation; pages come when they are written to. */
struct room {
    extent_hooks_t hooks; /* first: what jemalloc hands back is the room */
    uint8_t *next;
    uint8_t *end;
    bool open; /* before that, jemalloc only asks for its own books */
    unsigned arena;
};

struct nursery {
    struct room rooms[NURSERY_LEVELS];
};

static void *map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static uint8_t *aligned(uint8_t *at, size_t alignment)
{
    return at + (alignment - (uintptr_t)at % alignment) % alignment;
}

/* Addresses outside of the room, like those of any other arena. */
static void *give_other(size_t size, size_t alignment)
{
    uint8_t *at = map(size + alignment);
    return at ? aligned(at, alignment) : NULL;
}

static void *give(extent_hooks_t *hooks, void *at, size_t size,
                  size_t alignment, bool *zero, bool *commit, unsigned arena)
{
    struct room *room = (struct room *)hooks;
    (void)arena;
    if (at)
        return NULL; /* these addresses and no others: not ours to promise */
    *zero = true;
    *commit = true;
    uint8_t *start = aligned(room->next, alignment);
    if (!room->open || start > room->end || size > (size_t)(room->end - start))
        return give_other(size, alignment);
    room->next = start + size;
    return start;
}

static bool split(extent_hooks_t *hooks, void *at, size_t size, size_t left,
                  size_t right, bool committed, unsigned arena)
{
    (void)hooks, (void)at, (void)size, (void)left, (void)right;
    (void)committed, (void)arena;
    return false; /* done */
}

static bool merge(extent_hooks_t *hooks, void *left, size_t left_size,
                  void *right, size_t right_size, bool committed,
                  unsigned arena)
{
    struct room *room = (struct room *)hooks;
    (void)left, (void)left_size, (void)right, (void)right_size;
    (void)committed, (void)arena;
    return !room->open; /* what lies in a row is one */
}

static bool open_room(struct room *room)
{
    extent_hooks_t *hooks = &room->hooks;
    size_t size = sizeof(room->arena);
    uint8_t *at = map(ROOM_SIZE + HUGE_SIZE);
    if (!at)
        return false;
    room->next = aligned(at, HUGE_SIZE);
    room->end = room->next + ROOM_SIZE;
    room->hooks.alloc = give;
    room->hooks.split = split;
    room->hooks.merge = merge;
    (void)madvise(room->next, ROOM_SIZE, MADV_HUGEPAGE);
    if (mallctl("arenas.create", &room->arena, &size, &hooks, sizeof(hooks)))
        return false;
    room->open = true;
    return true;
}

struct nursery *nursery_open(void)
{
    struct nursery *nursery = calloc(1, sizeof(*nursery));
    if (!nursery)
        return NULL;
    for (unsigned i = 0; i < NURSERY_LEVELS; i++)
        if (!open_room(&nursery->rooms[i]))
            return NULL; /* a few addresses stay taken: the process is short */
    return nursery;
}

void nursery_ready(struct nursery *nursery)
{
    if (nursery)
        (void)mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
}

void nursery_enter(struct nursery *nursery, unsigned level)
{
    assert(level < NURSERY_LEVELS);
    if (!nursery)
        return;
    struct room *room = &nursery->rooms[level];
    (void)mallctl("thread.arena", NULL, NULL, &room->arena,
                  sizeof(room->arena));
}

#endif

#include "scenarios/nursery.h"

#include <assert.h>
#include <stddef.h>

#ifdef PERDURE_NO_JEMALLOC

struct nursery *nursery_open(unsigned levels, unsigned rooms)
{
    (void)levels, (void)rooms;
    return NULL;
}

void nursery_ready(struct nursery *nursery)
{
    assert(!nursery);
}

void nursery_enter(struct nursery *nursery, unsigned level, unsigned room)
{
    (void)level, (void)room;
    assert(!nursery);
}

#else

#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* of Linux 6.1; older ones refuse it */
#endif

enum {
    PAGE_BITS = 21, /* of a huge page */
};

#define HUGE_SIZE ((size_t)1 << PAGE_BITS)
#define ROOM_SIZE (32 * HUGE_SIZE)
#define WARM_SIZE (2 * HUGE_SIZE) /* of a room that is used again */

/* Addresses of one level; pages come when they are written to. */
struct room {
    extent_hooks_t hooks; /* first: what jemalloc hands back is the room */
    uint8_t *next;
    uint8_t *end;
    bool open;  /* before that, jemalloc only asks for its own books */
    bool stale; /* holds what another process has left there */
    unsigned arena;
};

struct nursery {
    struct room levels[NURSERY_LEVELS];
    unsigned last;   /* the level whose children fork nothing */
    uint8_t *shared; /* rooms of that level, one behind the other */
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
    bool wanted = *zero;
    *zero = true;
    *commit = true;
    uint8_t *start = aligned(room->next, alignment);
    if (!room->open || start > room->end || size > (size_t)(room->end - start))
        return give_other(size, alignment);
    room->next = start + size;
    if (room->stale && wanted)
        memset(start, 0, size);
    *zero = wanted || !room->stale;
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

/* An arena whose memory comes from the room. */
static bool open_room(struct room *room)
{
    extent_hooks_t *hooks = &room->hooks;
    size_t size = sizeof(room->arena);
    room->hooks.alloc = give;
    room->hooks.split = split;
    room->hooks.merge = merge;
    if (mallctl("arenas.create", &room->arena, &size, &hooks, sizeof(hooks)))
        return false;
    room->open = true;
    return true;
}

/* Pages of its own for each process: a fork does not share what is written. */
static bool open_own(struct room *room)
{
    uint8_t *at = map(ROOM_SIZE + HUGE_SIZE);
    if (!at)
        return false;
    room->next = aligned(at, HUGE_SIZE);
    room->end = room->next + ROOM_SIZE;
    (void)madvise(room->next, ROOM_SIZE, MADV_HUGEPAGE);
    return open_room(room);
}

/*
 * The same pages in all processes. The first of each room become huge, so that
 * a child needs one fault for all of them; where the system cannot do that it
 * needs more, and that is all.
 */
static bool open_shared(struct nursery *nursery, unsigned rooms)
{
    size_t size = rooms * ROOM_SIZE;
    uint8_t *at = map(size + HUGE_SIZE);
    if (!at)
        return false;
    at = mmap(aligned(at, HUGE_SIZE), size, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED)
        return false;
    for (unsigned i = 0; i < rooms; i++) {
        uint8_t *room = at + i * ROOM_SIZE;
        for (size_t page = 0; page < WARM_SIZE; page += HUGE_SIZE)
            room[page] = 0;
        (void)madvise(room, WARM_SIZE, MADV_COLLAPSE);
    }
    nursery->shared = at;
    nursery->levels[nursery->last].stale = true;
    return open_room(&nursery->levels[nursery->last]);
}

struct nursery *nursery_open(unsigned levels, unsigned rooms)
{
    assert(levels > 1 && levels <= NURSERY_LEVELS && rooms > 0);
    struct nursery *nursery = calloc(1, sizeof(*nursery));
    if (!nursery)
        return NULL;
    nursery->last = levels - 1;
    /* Of one that fails a few addresses stay taken: the process is short. */
    for (unsigned i = 0; i < nursery->last; i++)
        if (!open_own(&nursery->levels[i]))
            return NULL;
    return open_shared(nursery, rooms) ? nursery : NULL;
}

void nursery_ready(struct nursery *nursery)
{
    if (nursery)
        (void)mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
}

void nursery_enter(struct nursery *nursery, unsigned level, unsigned room)
{
    if (!nursery)
        return;
    assert(level <= nursery->last);
    struct room *own = &nursery->levels[level];
    if (level == nursery->last) {
        own->next = nursery->shared + room * ROOM_SIZE;
        own->end = own->next + ROOM_SIZE;
    }
    (void)mallctl("thread.arena", NULL, NULL, &own->arena, sizeof(own->arena));
}

#endif

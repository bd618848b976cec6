#include "reports/attempts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void report_attempts_init(struct report_attempts *table)
{
    memset(table, 0, sizeof(*table));
}

void report_attempts_deinit(struct report_attempts *table)
{
    free(table->slots);
    memset(table, 0, sizeof(*table));
}

static size_t home_of(const struct report_attempts *table, uint64_t run,
                      uint32_t op, uint32_t attempt)
{
    uint64_t hash = run * 0x9e3779b97f4a7c15ull;
    hash ^= ((uint64_t)op << 32 | attempt) * 0xc2b2ae3d27d4eb4full;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9ull;
    return (size_t)(hash >> 32) & (table->size - 1);
}

/* Where the entry is, or the free slot where it belongs. */
static struct report_attempt *probe(const struct report_attempts *table,
                                    uint64_t run, uint32_t op, uint32_t attempt)
{
    size_t at = home_of(table, run, op, attempt);
    for (;; at = (at + 1) & (table->size - 1)) {
        struct report_attempt *slot = &table->slots[at];
        if (slot->run == 0 ||
            (slot->run == run && slot->op == op && slot->attempt == attempt))
            return slot;
    }
}

struct report_attempt *report_attempts_find(const struct report_attempts *table,
                                            uint64_t run, uint32_t op,
                                            uint32_t attempt)
{
    if (table->count == 0 || run == 0)
        return NULL;
    struct report_attempt *slot = probe(table, run, op, attempt);
    return slot->run ? slot : NULL;
}

static int grow(struct report_attempts *table)
{
    struct report_attempts old = *table;
    table->size = old.size ? old.size * 2 : 256;
    table->slots = calloc(table->size, sizeof(*table->slots));
    if (!table->slots) {
        *table = old;
        return -1;
    }
    for (size_t i = 0; i < old.size; i++) {
        struct report_attempt *from = &old.slots[i];
        if (from->run)
            *probe(table, from->run, from->op, from->attempt) = *from;
    }
    free(old.slots);
    return 0;
}

struct report_attempt *report_attempts_add(struct report_attempts *table,
                                           uint64_t run, uint32_t op,
                                           uint32_t attempt)
{
    assert(run != 0);
    if (table->count * 3 >= table->size * 2 && grow(table))
        return NULL;
    struct report_attempt *slot = probe(table, run, op, attempt);
    if (slot->run)
        return slot;
    *slot = (struct report_attempt){.run = run, .op = op, .attempt = attempt};
    table->count++;
    return slot;
}

void report_attempts_drop(struct report_attempts *table,
                          struct report_attempt *entry)
{
    size_t mask = table->size - 1;
    size_t hole = (size_t)(entry - table->slots);
    assert(hole < table->size && entry->run);
    /* Entries behind the hole move up, unless they are at home before it. */
    for (size_t at = (hole + 1) & mask; table->slots[at].run;
         at = (at + 1) & mask) {
        struct report_attempt *next = &table->slots[at];
        size_t home = home_of(table, next->run, next->op, next->attempt);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        table->slots[hole] = *next;
        hole = at;
    }
    table->slots[hole].run = 0;
    table->count--;
}

#include "sim/platform/causes.h"

#include <stdlib.h>

enum {
    BLOCK = 32
};

struct sim_causes_block {
    struct sim_causes_block *next;
    struct sim_cause list[BLOCK];
};

void sim_causes_deinit(struct sim_causes *causes)
{
    while (causes->first != NULL) {
        struct sim_causes_block *block = causes->first;
        causes->first = block->next;
        free(block);
    }
    causes->last = NULL;
}

void sim_causes_reset(struct sim_causes *causes)
{
    causes->last = causes->first;
    causes->used = 0;
}

/* The block after the last, made if there is none. */
static struct sim_causes_block *block_after(struct sim_causes *causes)
{
    struct sim_causes_block **link =
        causes->last != NULL ? &causes->last->next : &causes->first;
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
    }
    return *link;
}

struct sim_cause *sim_causes_add(struct sim_causes *causes)
{
    struct sim_cause *cause = &causes->spare;
    if (causes->last == NULL || causes->used == BLOCK) {
        struct sim_causes_block *block = block_after(causes);
        if (block != NULL) {
            causes->last = block;
            causes->used = 0;
        }
    }
    if (causes->last != NULL && causes->used < BLOCK) {
        cause = &causes->last->list[causes->used++];
    }
    cause->error = ENGINE_ERR_NONE;
    cause->words[0] = '\0';
    return cause;
}

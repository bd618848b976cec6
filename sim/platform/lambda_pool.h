/*
 * The environments of a Lambda platform: a dense pool of slots, the order in
 * which they became idle, and when they expire. Private to
 * sim/platform/lambda*.c.
 *
 * An idle slot is in the list of its function (which slot serves next) and
 * also either among the young, in the order they became idle, or in a heap by
 * expiry. It moves from young to the heap when it has been idle for the
 * shortest possible time, and only then is its expiry drawn: an environment
 * in steady use costs neither a draw nor a comparison.
 */
#ifndef SIM_LAMBDA_POOL_H
#define SIM_LAMBDA_POOL_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_LAMBDA_NONE UINT32_MAX

enum sim_lambda_list_kind {
    SIM_LAMBDA_OF_FUNCTION,
    SIM_LAMBDA_OF_YOUNG,
    SIM_LAMBDA_LISTS,
};

struct sim_lambda_list {
    uint32_t first; /* idle for longest */
    uint32_t last;
};

struct sim_lambda_links {
    uint32_t before;
    uint32_t after;
};

struct sim_lambda_slot {
    uint64_t since_ns; /* busy: billed from then; idle: since then */
    uint64_t until_ns; /* busy: its deadline; in the heap: its expiry */
    uint64_t serial;   /* its number among those of its function */
    struct sim_lambda_links links[SIM_LAMBDA_LISTS];
    uint32_t uses;
    uint32_t generation; /* odd while the slot is in use */
    uint32_t function;
    uint32_t heap_at; /* SIM_LAMBDA_NONE when not in the heap */
    bool busy;
    bool fresh; /* no work has run in it */
    bool ahead; /* provisioned: made ahead of need; in the heap until ready */
};

struct sim_lambda_pool {
    struct sim_lambda_slot *slots;
    uint32_t *heap;
    uint32_t capacity; /* of slots and of the heap */
    uint32_t used;     /* slots that were ever in use */
    uint32_t heap_count;
    uint32_t free_slot; /* linked by OF_FUNCTION's `after` */
    struct sim_lambda_list young;
};

void sim_lambda_pool_init(struct sim_lambda_pool *pool);
void sim_lambda_pool_deinit(struct sim_lambda_pool *pool);

/* A slot with zeroed fields and a new generation, or SIM_LAMBDA_NONE. */
uint32_t sim_lambda_pool_take(struct sim_lambda_pool *pool);

/* Gives back a slot that is in no list and not in the heap. */
void sim_lambda_pool_give(struct sim_lambda_pool *pool, uint32_t slot);

/* Adds a slot at the end of a list, or takes it out from anywhere. */
void sim_lambda_list_add(struct sim_lambda_pool *pool,
                         struct sim_lambda_list *list,
                         enum sim_lambda_list_kind kind, uint32_t slot);
void sim_lambda_list_cut(struct sim_lambda_pool *pool,
                         struct sim_lambda_list *list,
                         enum sim_lambda_list_kind kind, uint32_t slot);

/* Adds a slot to the heap by its until_ns, or takes it out from anywhere. */
void sim_lambda_heap_add(struct sim_lambda_pool *pool, uint32_t slot);
void sim_lambda_heap_cut(struct sim_lambda_pool *pool, uint32_t slot);

#endif

/*
 * A budget of retries over all layers that retry the same work. Each layer
 * alone may look modest: three attempts in the client, three in the worker,
 * three in the platform are 27 calls to a service that is down. One budget,
 * asked by all of them, keeps retries below a share of first attempts:
 *
 *     retries <= burst + first attempts * share
 *
 * at any moment, whatever the layers ask for. Counters only; integers only.
 */
#ifndef ENGINE_BUDGET_H
#define ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* A value: copy it freely. Start with engine_budget_init(). */
struct engine_budget {
    uint32_t share_milli; /* retries a first attempt earns, in thousandths */
    uint32_t reserved;
    uint64_t cap;   /* what can be saved up, in thousandths of a retry */
    uint64_t saved; /* what may be spent, in thousandths of a retry */
    uint64_t firsts;
    uint64_t retries;
    uint64_t refused;
};

/*
 * Starts with `burst` retries saved, which is also the most that can be saved
 * up: a long quiet time buys no storm. share_milli 200: one in five.
 */
void engine_budget_init(struct engine_budget *budget, uint32_t share_milli,
                        uint32_t burst);
/* Counts a first attempt. */
void engine_budget_first(struct engine_budget *budget);
/* Whether one more retry may be made, by any layer; counts it if so. */
bool engine_budget_take(struct engine_budget *budget);

#endif

/*
 * The receiver of side effects: a card processor, a warehouse. What it has
 * applied is the truth about effects, written down after its own
 * deduplication. Requests that carry a key are applied once for each key, for
 * as long as it remembers keys; requests without are applied every time.
 */
#ifndef SIM_RECEIVER_H
#define SIM_RECEIVER_H

#include "engine/defects.h"
#include "sim/effect.h"
#include "sim/world.h"

struct sim_receiver;

/*
 * Sets the actor at SIM_NODE_RECEIVER. dedup_ttl_ns: how long keys are kept,
 * 0: for ever. NULL without memory.
 */
struct sim_receiver *sim_receiver_new(struct sim_world *world,
                                      const struct sim_clock *clock,
                                      uint64_t dedup_ttl_ns,
                                      const struct engine_defects *defects);
void sim_receiver_free(struct sim_receiver *receiver);

#endif

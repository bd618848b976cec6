/*
 * A mirror keeps the whole log of each run as the store acknowledged it, for
 * those who hold what others make of it against it. It listens at the store
 * and asks it nothing, so that nothing is disturbed.
 *
 *     store --committed exchange--> mirror --fold--> what the run is
 *
 * A run of which the mirror does not have all, since a commit in doubt was
 * kept without a word, is not looked at until a reader gets its log from the
 * start.
 */
#ifndef SIM_MIRROR_H
#define SIM_MIRROR_H

#include "engine/graph.h"
#include "engine/limits.h"
#include "engine/record.h"
#include "engine/run.h"

struct sim_mirror;

struct sim_mirror_config {
    const struct engine_graph *const *graphs; /* by workflow id */
    uint32_t graph_count;
    const struct engine_limits *limits; /* of handlers, as coordinators have */
    const struct engine_sink *sink;
};

/* NULL without memory. What the config points to must outlive it. */
struct sim_mirror *sim_mirror_new(const struct sim_mirror_config *config);
void sim_mirror_free(struct sim_mirror *mirror);

/*
 * Takes one exchange that is durable. If a reader gets a snapshot, RESTORED
 * says whether it and what follows it are the same as the whole log. -1
 * without memory.
 */
int sim_mirror_exchange(struct sim_mirror *mirror,
                        const struct engine_request *request,
                        const struct engine_reply *reply);
/*
 * The run's owner on this node is about to ask for this APPEND, which is what
 * it decided in this state: REPLAYED says whether the whole log and these
 * events fold to the same. Nothing is said if the store has gone on meanwhile.
 * -1 without memory.
 */
int sim_mirror_appends(struct sim_mirror *mirror, uint32_t node,
                       const struct engine_request *request,
                       const struct engine_run *run);
/* The snapshot that the store keeps of a run, at the end: RESTORED. */
int sim_mirror_snapshot(struct sim_mirror *mirror, uint64_t run,
                        const struct engine_item *snapshot);

#endif

/*
 * What operations of a handler start in other runs: an INVOKE makes a child,
 * a SEND puts a message into a run's inbox. Both go through the outbox, in the
 * append that starts the operation.
 */
#ifndef ENGINE_INVOKE_H
#define ENGINE_INVOKE_H

#include "engine/decide.h"

struct engine_invoke_rules {
    const struct engine_graph *const *graphs; /* by workflow id */
    uint32_t graph_count;
};

/*
 * Looks at the events of the request between two offsets, which have been
 * applied: adds the outbox rows of what was started, or the failure of what
 * cannot be: an unknown workflow, a run that is none.
 */
void engine_invoke_started(struct engine_decide *decide,
                           const struct engine_invoke_rules *rules, size_t from,
                           size_t end);

/* The child that an operation of a run makes: the same whenever it is asked,
 * and none that a client would choose. */
uint64_t engine_invoke_child(uint64_t run, uint32_t op);
/* The workflow with this name; UINT32_MAX: none. */
uint32_t engine_invoke_find(const struct engine_graph *const *graphs,
                            uint32_t count, const char *name, size_t size);

#endif

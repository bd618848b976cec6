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

enum {
    /*
     * Operations up to here have rows of their own in the outbox, 2n and
     * 2n + 1. Above those are the answers to what a run leaves unread, and
     * from INVOKE_ENDS on the ends of its edges, down from the last.
     */
    ENGINE_INVOKE_LAST = 30000,
    ENGINE_INVOKE_EDGES = 2000,
    ENGINE_INVOKE_ENDS = 65535 - ENGINE_INVOKE_EDGES + 1
};

/*
 * Looks at the events of the request between two offsets, which have been
 * applied: adds the outbox rows of what was started, or the failure of what
 * cannot be: an unknown workflow, a run that is none, an operation that there
 * is no row for.
 */
void engine_invoke_started(struct engine_decide *decide,
                           const struct engine_invoke_rules *rules, size_t from,
                           size_t end);

/* The child that an operation of a run makes: the same whenever it is asked,
 * and none that a client would choose. */
uint64_t engine_invoke_child(uint64_t run, uint32_t op);
/* The first outbox row behind those of the run's operations. */
uint32_t engine_invoke_free_row(const struct engine_run *run);
/* Whether a SEND came to nothing: its message was never on its way. */
bool engine_invoke_unsent(const struct engine_op_entry *entry);
/* Whether a run was made for this row of its parent's. */
bool engine_invoke_is_child(const struct engine_origin *origin,
                            const struct engine_child *child);
/*
 * A run that was to be created is there: whether the reply says that it was
 * made by another run, another operation or a client. If it does not say, the
 * run counts as the one that was wanted.
 */
bool engine_invoke_is_taken(const struct engine_origin *origin,
                            const struct engine_reply *reply);
/* The workflow with this name; UINT32_MAX: none. */
uint32_t engine_invoke_find(const struct engine_graph *const *graphs,
                            uint32_t count, const char *name, size_t size);

#endif

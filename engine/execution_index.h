/*
 * What an execution is looked up by, beside the table of its operations: which
 * changed last, when each falls due, who sends and receives on which edge.
 * Private to engine/execution*.c; all of it follows from the operations.
 */
#ifndef ENGINE_EXECUTION_INDEX_H
#define ENGINE_EXECUTION_INDEX_H

#include "engine/execution.h"
#include "engine/timers.h"

#define ENGINE_NO_OPERATION UINT32_MAX

/* Beside each operation. */
struct engine_track {
    uint32_t older; /* the one that changed before it, ENGINE_NO_OPERATION */
    uint32_t newer;
    uint32_t place[2];  /* in the heap from 1: due, heartbeat; 0: not there */
    uint32_t next_open; /* on the same edge */
};

/*
 * Messages in one direction; open operations in the order of their start. To
 * where this run receives there is one for the edge itself (peer 0), and one
 * for each sender seen on it, of which only count and ended are used.
 */
struct engine_edge {
    struct engine_hash key;
    uint32_t named_by; /* the first operation on it */
    uint32_t first_open;
    uint32_t last_open;
    uint32_t senders; /* of a whole edge: seen */
    uint32_t over;    /* of them, ended */
    uint64_t count;   /* messages sent, or consumed from this sender */
    bool ended;       /* the sender has, or every sender seen */
};

/* The end of what a sender sends on an edge. */
struct engine_edge_end {
    uint64_t sender;
    uint32_t named_by;
    uint32_t reserved;
};

/* One operation as a batch leaves it. */
struct engine_batch_op;

struct engine_execution_index {
    const struct engine_memory *memory;
    struct engine_track *tracks; /* by number */
    uint32_t track_capacity;
    uint32_t oldest;
    uint32_t newest;
    struct engine_timer *heap; /* key: number * 2, + 1 for its heartbeat */
    uint32_t heap_count;
    uint32_t heap_capacity;
    uint32_t *unstamped; /* operations that wait for stamp */
    uint32_t unstamped_count;
    uint32_t unstamped_capacity;
    bool start_unstamped; /* the run's own start does */
    struct engine_edge *edges;
    uint32_t edge_count;
    uint32_t edge_capacity;
    uint32_t *edge_slots; /* open addressing: place + 1 */
    uint32_t edge_slot_count;
    struct engine_edge_end *ends; /* in their order */
    uint32_t end_count;
    uint32_t end_capacity;
    bool late; /* a RECEIVE was begun on an edge that had ended */
    struct engine_batch_op *batch; /* kept between checks for its room */
    uint32_t *batch_slots;
    uint32_t batch_capacity;
};

/* NULL when out of memory. */
struct engine_execution_index *
engine_index_new(const struct engine_memory *memory);
void engine_index_free(struct engine_execution_index *index);

/* Makes room for so many operations; those from `from` on are new. 0, -1. */
int engine_index_reserve(struct engine_execution_index *index, uint32_t from,
                         uint32_t count);
/* The operation is now the one that changed last. */
void engine_index_touch(struct engine_execution_index *index, uint32_t number);
/* Sets one of its timers, UINT64_MAX: none. 0, or -1: out of memory, but not
 * while stamp sets the timers of those that wait for it. */
int engine_index_arm(struct engine_execution_index *index, uint64_t key,
                     uint64_t time_ns);
/* Remembers an operation for stamp. 0 or -1. */
int engine_index_unstamped(struct engine_execution_index *index,
                           uint32_t number);

/* What an edge is looked up by. */
struct engine_hash engine_index_edge_key(unsigned type, uint64_t peer,
                                         struct engine_text name);
/* The edge of this type (SEND or RECEIVE), or NULL. peer: of RECEIVE, 0 or the
 * sender on it. */
struct engine_edge *
engine_index_edge(const struct engine_execution_index *index, unsigned type,
                  uint64_t peer, struct engine_text name);
/* An open operation at the end of its edge, which is made. NULL: no memory. */
struct engine_edge *engine_index_join(struct engine_execution_index *index,
                                      const struct engine_op_entry *entry);
/* A sender on the edge of a RECEIVE, which is made. NULL: no memory. */
struct engine_edge *engine_index_sender(struct engine_execution_index *index,
                                        const struct engine_op_entry *entry,
                                        uint64_t sender);
/* A sender on that edge has ended. 0, also if it had before; -1. */
int engine_index_end(struct engine_execution_index *index,
                     const struct engine_op_entry *entry, uint64_t sender);

/* Rules shared by check and apply ----------------------------------------- */

/* The status an action leads to, 0: not allowed. status 0: none yet. */
unsigned engine_execution_next(unsigned type, unsigned status, unsigned action);
/* The step attempt that an action is about. */
uint32_t engine_execution_attempt(unsigned status, uint32_t attempt,
                                  unsigned action);
/* Payload bytes that an update writes. */
uint64_t engine_execution_payload(const struct engine_operation_view *view,
                                  unsigned action, unsigned options);
/* A STARTED step that waits for an operator. */
static inline bool engine_entry_ambiguous(const struct engine_op_entry *entry)
{
    return entry->type == ENGINE_OPERATION_STEP &&
           entry->status == ENGINE_STATUS_STARTED &&
           entry->error == ENGINE_ERR_AMBIGUOUS;
}
static inline bool engine_is_branch(unsigned type, unsigned subtype)
{
    return type == ENGINE_OPERATION_CONTEXT &&
           (subtype == ENGINE_SUBTYPE_MAP_ITERATION ||
            subtype == ENGINE_SUBTYPE_PARALLEL_BRANCH);
}
/* Whether nobody can end it any more, or nobody waits for that. */
static inline bool engine_entry_over(const struct engine_op_entry *entry)
{
    return engine_status_terminal(entry->status) || entry->orphan;
}
/* Counts an operation in or out of waiting, open_count and so on. */
void engine_execution_tally(struct engine_execution *execution,
                            const struct engine_op_entry *entry, int sign);
/* Sets the timers of an entry as its state wants them. 0 or -1. */
int engine_execution_arm(struct engine_execution *execution,
                         const struct engine_op_entry *entry);
/* Puts an operation just read back on its edge, if it has one. 0 or -1. */
int engine_execution_rejoin(struct engine_execution *execution,
                            const struct engine_op_entry *entry);
/* By whom an edge is looked up beside its name: SEND has one for each run. */
static inline uint64_t engine_edge_peer(const struct engine_op_entry *entry)
{
    return entry->type == ENGINE_OPERATION_SEND ? entry->peer : 0;
}
/* The first operation on an edge that is still open, ENGINE_NO_OPERATION. */
uint32_t engine_execution_first_open(const struct engine_execution *execution,
                                     const struct engine_edge *edge);

#endif

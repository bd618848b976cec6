/*
 * Coordinators and workers on a test bed: machines over one store in memory,
 * with nothing between them that moves by itself. What a machine wants sent
 * lies in a row of posts until the test carries it, loses it or carries it
 * twice; clocks stand still until the test moves them.
 *
 *     machine --step--> posts --take--> store or machine --> step ...
 */
#ifndef ENGINE_BED_H
#define ENGINE_BED_H

#include "engine/coordinator.h"
#include "engine/store.h"
#include "engine/update.h"
#include "engine/worker.h"

#define BED_MS UINT64_C(1000000)
#define BED_S UINT64_C(1000000000)

enum {
    BED_CLIENT = 1, /* nodes */
    BED_PLATFORM = 2,
    BED_STORE = 3,
    BED_MACHINE = 4, /* the first machine; the next is 5, ... */
    BED_MACHINES_MAX = 8,
    BED_WORKFLOWS_MAX = 4
};

/* Something a machine wants done. */
struct engine_bed_post {
    uint32_t kind; /* enum engine_action_kind */
    uint32_t from; /* node */
    uint32_t size;
    bool taken;
    unsigned char *bytes;
};

struct engine_bed_machine {
    struct engine_coordinator *coordinator;
    struct engine_worker *worker;
    uint64_t mono_ns;
    uint32_t incarnation;
};

struct engine_bed {
    struct engine_store store;
    const struct engine_graph *graphs[BED_WORKFLOWS_MAX];
    uint32_t platforms[4]; /* addresses; machines know the first */
    const struct engine_handler *handlers[BED_WORKFLOWS_MAX];
    uint64_t now_ns; /* true time, and the store's */
    struct engine_bed_machine machines[BED_MACHINES_MAX];
    /* What a new machine gets; node and incarnation are filled in. */
    struct engine_coordinator_config coordinator;
    struct engine_worker_config worker;
    struct engine_bed_post **posts; /* oldest first */
    size_t post_count;
    size_t post_capacity;
    struct engine_block reply; /* of the last request applied */
    struct engine_block request;
    struct engine_block scratch;
    struct engine_block rows;
    struct engine_update update;
    struct engine_sink sink;
    uint64_t next_id;                   /* of the test's own requests */
    unsigned records[ENGINE_REC_COUNT]; /* emitted by machines, by kind */
    uint32_t disowned_detail;           /* of the last DISOWNED */
};

/* The graph stays the caller's. Defaults: leases 30 s, claims 30 s, skew 1 s.
 */
void engine_bed_open(struct engine_bed *bed, const struct engine_graph *graph,
                     const struct engine_store_limits *limits);
void engine_bed_close(struct engine_bed *bed);
struct engine_store_limits engine_bed_limits(void);

/* A new machine on a node, in place of the one that was there. */
void engine_bed_coordinator(struct engine_bed *bed, uint32_t node);
void engine_bed_worker(struct engine_bed *bed, uint32_t node);
void engine_bed_kill(struct engine_bed *bed, uint32_t node);
struct engine_bed_machine *engine_bed_machine(struct engine_bed *bed,
                                              uint32_t node);

/* All clocks move; no machine is told. */
void engine_bed_pass(struct engine_bed *bed, uint64_t ns);
/* The machine is told the time. */
void engine_bed_wake(struct engine_bed *bed, uint32_t node);
/* Both, for one machine: stepwise at each of its deadlines until then. */
void engine_bed_run_for(struct engine_bed *bed, uint32_t node, uint64_t ns);

/* Inputs of one machine. */
void engine_bed_message(struct engine_bed *bed, uint32_t node,
                        const struct engine_message *message,
                        const void *payload, size_t size);
void engine_bed_reply(struct engine_bed *bed, uint32_t node,
                      const struct engine_reply *reply);
void engine_bed_ended(struct engine_bed *bed, uint32_t node, uint32_t slot,
                      uint32_t error, const void *output, uint32_t size);

/* A step of a handler ends; its output is bytes. */
void engine_bed_part_ended(struct engine_bed *bed, uint32_t node, uint32_t slot,
                           uint32_t part, uint32_t error, const void *output,
                           uint32_t size);

/* It shows a sign of life, and saves this text if it is not empty. */
void engine_bed_progress(struct engine_bed *bed, uint32_t node, uint32_t slot,
                         uint32_t part, const char *saved);

/*
 * The oldest post not yet taken: a request of this kind, a message of this
 * kind, or an order to the worker's host. NULL: there is none.
 */
struct engine_bed_post *engine_bed_request_post(struct engine_bed *bed,
                                                uint32_t kind);
struct engine_bed_post *engine_bed_message_post(struct engine_bed *bed,
                                                uint32_t kind);
struct engine_bed_post *engine_bed_order_post(struct engine_bed *bed,
                                              uint32_t kind);
/* Marks every post as taken. */
void engine_bed_lose_all(struct engine_bed *bed);
/* Posts not taken. */
size_t engine_bed_waiting(const struct engine_bed *bed);
/* Takes a post out of the row; it is the caller's. */
struct engine_bed_post *engine_bed_detach(struct engine_bed *bed, size_t index);
/* Removes a post for good. */
void engine_bed_discard(struct engine_bed *bed, size_t index);

const struct engine_request *
engine_bed_request(const struct engine_bed_post *post);
const struct engine_message *
engine_bed_head(const struct engine_bed_post *post);
const struct engine_execute *
engine_bed_order(const struct engine_bed_post *post);

/* Gives a request to the store; the reply is in bed->reply. Its outcome. */
unsigned engine_bed_apply(struct engine_bed *bed,
                          const struct engine_request *request);
/*
 * Takes the oldest request of this kind, applies it and hands the reply to
 * its sender. The outcome; 0 if there is no such request.
 */
unsigned engine_bed_serve(struct engine_bed *bed, uint32_t kind);
/* Takes it and answers with this outcome without applying it. */
unsigned engine_bed_refuse(struct engine_bed *bed, uint32_t kind,
                           uint32_t outcome, uint64_t actual, uint64_t maximum);
/* Serves until no request is left. */
void engine_bed_serve_all(struct engine_bed *bed);

/* Shorthand: messages that a client or a platform sends. */
void engine_bed_start(struct engine_bed *bed, uint32_t node, uint64_t run);
void engine_bed_tell(struct engine_bed *bed, uint32_t node, uint32_t kind,
                     uint64_t run, uint32_t op, uint32_t attempt);
/* A worker of the bed claims the attempt; the outcome. */
unsigned engine_bed_claim(struct engine_bed *bed, uint64_t run, uint32_t op,
                          uint32_t attempt, uint64_t ttl_ns);
/* It reports, with an output of one inline value "out"; the outcome. */
unsigned engine_bed_finish(struct engine_bed *bed, uint64_t run, uint32_t op,
                           uint32_t attempt, uint32_t error,
                           uint32_t retryable);
/* It tells the coordinator on this node what it has reported. */
void engine_bed_hint(struct engine_bed *bed, uint32_t node, uint64_t run,
                     uint32_t op, uint32_t attempt, uint32_t error,
                     uint32_t retryable);
/* A request of the test's own, sent by machine 99; fill it in, then apply. */
struct engine_request *engine_bed_ask(struct engine_bed *bed, uint32_t kind,
                                      uint64_t run);
void engine_bed_add(struct engine_bed *bed, const struct engine_item *item,
                    const void *payload, size_t size);
unsigned engine_bed_apply_own(struct engine_bed *bed);

/* The run's row; false if the store has none. */
bool engine_bed_row(const struct engine_bed *bed, uint64_t run,
                    struct engine_run_row *row);
/*
 * The events of a run in one line, "run_created op_scheduled:0.1 ..."; op and
 * attempt follow where they mean something. In a buffer of the caller.
 */
const char *engine_bed_story(const struct engine_bed *bed, uint64_t run,
                             char *text, size_t size);

/* Somebody puts a signal into a run's inbox; the outcome. Texts may be NULL. */
unsigned engine_bed_signal(struct engine_bed *bed, uint64_t run, uint32_t kind,
                           uint32_t op, uint64_t id, const char *reason,
                           const char *value);

/* A graph that is one handler; free with engine_graph_free(). */
struct engine_graph *engine_bed_handler(const char *name);

/* Graphs for tests; free with engine_graph_free(). */
struct engine_node engine_bed_step(const char *name);
struct engine_node engine_bed_wait(const char *name, uint64_t ns);
/* Nodes in a row, each fed by the one before. */
struct engine_graph *engine_bed_chain(const struct engine_node *nodes,
                                      uint32_t count);

#endif

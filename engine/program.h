/*
 * Declared programs: the operations of engine/workflow.h as nodes of a graph,
 * so that a workflow can be data. A program is blocks inside blocks; a block
 * is a sealed graph of nodes. It is built once, read-only afterwards, shared
 * by all its runs, and executed by one handler:
 *
 *     program = engine_program_new("order");
 *     number = engine_program_add_step(program, &step);
 *     block = engine_program_add_block(program, graph, nodes);
 *     engine_program_set_root(program, block);
 *     bound = engine_program_bind(program, &host, self);
 *     handler = engine_program_handler(bound);
 *
 * Each time the handler is called it goes over a block's nodes, sources
 * first, and calls the operation of each node whose inputs are there. It goes
 * on past operations that are not done, so independent nodes overlap, and is
 * SUSPENDED while one is open. A node that fails fails its block.
 *
 * Operations are known by the number of their call. So that a node that is
 * passed over shifts no others, one that could be while a later node is
 * called stands in a child context of its own; nodes in a row and nodes that
 * wait for the same ones do not need it.
 *
 * Data: a step takes an envelope (engine/value.h) with a value for each input
 * and gives one with a value for each output. All other nodes take and give
 * bare bytes: with one input its value, else the envelope. A wait (until, too)
 * gives nothing: whoever comes after it gets an empty value. A node without
 * edges into it takes the block's input as its one value. A block's result is
 * the outputs of the nodes without edges out of them: the bytes if it is one
 * value, else their envelope. Nodes that give several results (map, parallel,
 * receive) give them as a row, each after its size as uint32: engine_item_of()
 * takes it apart.
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include "engine/cron.h"
#include "engine/workflow.h"

enum engine_program_kind {
    ENGINE_PROGRAM_STEP = 1,
    ENGINE_PROGRAM_WAIT,
    ENGINE_PROGRAM_CONDITION,
    ENGINE_PROGRAM_CALLBACK,
    ENGINE_PROGRAM_WAIT_FOR_CALLBACK,
    ENGINE_PROGRAM_INVOKE,
    ENGINE_PROGRAM_CHILD,
    ENGINE_PROGRAM_MAP,
    ENGINE_PROGRAM_PARALLEL,
    ENGINE_PROGRAM_SEND,
    ENGINE_PROGRAM_RECEIVE,
    ENGINE_PROGRAM_UNTIL
};

enum engine_program_mode {
    ENGINE_PROGRAM_ALL,         /* the first failure fails it */
    ENGINE_PROGRAM_ALL_SETTLED, /* failures are results */
    ENGINE_PROGRAM_RACE,        /* the first to end, however it ends */
    ENGINE_PROGRAM_ANY,         /* the first to succeed */
    ENGINE_PROGRAM_POLICY       /* as options.completion says */
};

/* What a host is asked for. */
enum engine_program_role {
    ENGINE_PROGRAM_CODE = 1,     /* of a step */
    ENGINE_PROGRAM_SUBMITTER,    /* input: a callback's id; output unused */
    ENGINE_PROGRAM_CHECK,        /* of a condition: see the host's run */
    ENGINE_PROGRAM_COMPENSATION, /* input: the result of what it undoes */
    ENGINE_PROGRAM_AWAITED       /* never run: a callback without submitter */
};

/*
 * What the outside does of a program. Steps are numbered from 0 in the order
 * of adding, so that a host can keep what it knows of them in an array.
 */
struct engine_program_step {
    const char *name;
    enum engine_program_role role;
    enum engine_side_effect side_effect; /* 0: undeclared */
    uint32_t number;                     /* set by the program */
    uint32_t output_count;               /* values of the output envelope */
    uint64_t attempt_timeout_ns;         /* 0: none */
    uint64_t timeout_ns;           /* of all attempts, by contract; 0: none */
    uint64_t schedule_to_start_ns; /* from ready to begun, the host's to keep;
                                      0: no limit */
};

struct engine_program;
struct engine_program_block;

#define ENGINE_PROGRAM_NONE UINT32_MAX

struct engine_program_branch {
    const char *name;
    struct engine_program_block *block;
};

/* One node; what its kind does not use is zero. Its name is the graph's. */
struct engine_program_node {
    enum engine_program_kind kind;
    uint32_t step;         /* number of its step; what its kind runs */
    uint32_t compensation; /* number, or ENGINE_PROGRAM_NONE */
    /* Of a step or submitter; retry and compensate are set by the program. */
    struct engine_step_options options;
    struct engine_retry retry; /* of those, or how a condition polls */
    uint64_t ns;               /* a wait; a callback's, invoke's or receive's
                                  timeout, 0: none; until: a moment, unix ns, */
    const struct engine_cron *cron; /* .. unless this is set: its next time
                                       after engine_time() */
    uint64_t heartbeat_ns;
    enum engine_parent_end on_parent_end; /* an invoke's */
    uint32_t holds_after; /* a condition: polls until it holds; 0: run says */
    const char *text;     /* the invoked workflow; send, receive: the edge */
    uint64_t to;      /* send: a run; a difference as two's complement ... */
    bool to_relative; /* ... if this is set */
    uint32_t window;
    uint32_t messages; /* send, receive; 0: receive until the end */
    enum engine_program_mode mode;
    struct engine_batch_options batch;
    struct engine_bytes *items; /* of a map; NULL with ... */
    uint32_t item_count;        /* ... ENGINE_PROGRAM_NONE: its input's row */
    const struct engine_program_branch *branches; /* child, map: one */
    uint32_t branch_count;
};

/* NULL when out of memory, as with everything below. */
struct engine_program *engine_program_new(const char *name);
void engine_program_free(struct engine_program *program);

/* Zeros, aligned for anything, that live as long as the program. */
void *engine_program_memory(struct engine_program *program, size_t size);
char *engine_program_text(struct engine_program *program, const char *text);

/* Adds a copy; returns its number, or ENGINE_PROGRAM_NONE out of memory. */
uint32_t engine_program_add_step(struct engine_program *program,
                                 const struct engine_program_step *step);
/* Sets how long a step may take from ready to begun. */
void engine_program_set_start(struct engine_program *program, uint32_t number,
                              uint64_t schedule_to_start_ns);
/*
 * Adds a block: the graph, of nodes of any kind that is taken over even when
 * this fails, and what its nodes are, by their index there. The nodes are
 * copied; what they point to must live as long as the program.
 */
struct engine_program_block *
engine_program_add_block(struct engine_program *program,
                         struct engine_graph *graph,
                         const struct engine_program_node *nodes);
void engine_program_set_root(struct engine_program *program,
                             struct engine_program_block *root);

const char *engine_program_name(const struct engine_program *program);
uint32_t engine_program_step_count(const struct engine_program *program);
const struct engine_program_step *
engine_program_step(const struct engine_program *program, uint32_t number);
/* The number of the step with this name, or ENGINE_PROGRAM_NONE. */
uint32_t engine_program_find(const struct engine_program *program,
                             const char *name);
const struct engine_program_block *
engine_program_root(const struct engine_program *program);
const struct engine_graph *
engine_program_graph(const struct engine_program_block *block);
const struct engine_program_node *
engine_program_node(const struct engine_program_block *block, uint32_t index);
/* Whether a node stands in a child context of its own. */
bool engine_program_is_held(const struct engine_program_block *block,
                            uint32_t index);

struct engine_program_host {
    /*
     * Does what a step does, as an engine_step_fn: DONE with its output,
     * FAILED_FLOW after engine_attempt_fail(), or SUSPENDED after
     * engine_attempt_tag() if it runs elsewhere and its end is told later. A
     * CHECK is answered at once: DONE if the condition holds, SUSPENDED to be
     * asked again; *out is the state, in place of the input.
     */
    int (*run)(void *self, const struct engine_program_step *step,
               struct engine_attempt *a, struct engine_bytes input,
               struct engine_bytes *out);
    /* NULL, or told of a callback that waits, perhaps more than once. */
    void (*opened)(void *self, const struct engine_program_step *step,
                   uint64_t run, const char *callback);
};

/*
 * A program with the host that runs its steps. Both must outlive it; it must
 * outlive the replays that use its handler.
 */
struct engine_program_bound;
struct engine_program_bound *
engine_program_bind(const struct engine_program *program,
                    const struct engine_program_host *host, void *self);
void engine_program_unbind(struct engine_program_bound *bound);
struct engine_handler
engine_program_handler(struct engine_program_bound *bound);

#endif

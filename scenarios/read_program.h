/*
 * Reading workflows, in two parts: read_workflow.c knows nodes, handles,
 * edges and what a step does; read_program.c knows the kinds of nodes that
 * need a handler and the blocks inside them. Errors stick, as in read.h.
 */
#ifndef SCENARIOS_READ_PROGRAM_H
#define SCENARIOS_READ_PROGRAM_H

#include "engine/contract.h"
#include "engine/program.h"
#include "scenarios/read.h"

enum {
    READ_NAME_MAX = 256,
    READ_WORKFLOWS_MAX = 64,
    READ_STEPS_MAX = 16384,  /* of one program */
    READ_PLATFORMS_MAX = 16, /* of a scenario */
    READ_ATTEMPTS_MAX = 10000,
    READ_WORDS_MAX = 64, /* of a command */
    READ_WORD_MAX = 4096,
    READ_OUTPUT_MAX = 64 * 1024 * 1024
};

/* What the names of compensations begin with. */
#define READ_UNDO "undo "

/* The kinds of nodes, by enum engine_program_kind - 1. */
extern const char *const read_kinds[];
#define READ_KIND_COUNT 12

/* Platforms in the order of falling back, as struct engine_node has them. */
struct read_platforms {
    uint32_t count;
    uint32_t numbers[ENGINE_NODE_PLATFORMS_MAX];
    const char *names[ENGINE_NODE_PLATFORMS_MAX];
};

/* One workflow while it is read. */
struct read_program {
    struct json_error *err;
    struct engine_program *program; /* NULL: the coordinator drives a graph */
    uint64_t timeout_ns;            /* of a run; 0: none */
    uint64_t invocation_ns;         /* of a handler */
    /* What the platforms of a scenario are called, by number, while their
     * names can be looked up: else any name will do, and tells nothing. */
    const char *const *platform_names;
    uint32_t platform_count;
    bool any_platform;
    struct read_platforms platforms; /* of all that name none themselves */
    /* By step number: in a graph the nodes, in a program its steps. */
    struct sim_step *steps;
    struct sim_answer *answers;
    bool *exactly_once;
    uint32_t count;
    uint32_t capacity;
    /* Names of workflows to be invoked, known once all have been read. */
    struct json_view *invokes;
    uint32_t invoke_count;
    uint32_t invoke_capacity;
};

/* A block, whose "nodes" and "edges" are members of @view. NULL: an error. */
struct engine_program_block *read_block(struct read_program *reading,
                                        struct json_view view);

/*
 * Reads a node of a kind that only programs have, whose name and handles are
 * in @node already.
 */
void read_program_node(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_program_node *out);
/* What a step of a program, read as one of a graph, may have beyond it. */
void read_program_step(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_contract *contract,
                       struct engine_program_node *out);

/* Adds a step with what it does by default; its number, or an error and
 * ENGINE_PROGRAM_NONE. */
uint32_t read_add_step(struct read_program *reading, struct json_view view,
                       const struct engine_program_step *step);
/* The same of a step as @node declares it, with what is in "run". */
uint32_t read_code(struct read_program *reading, struct json_view view,
                   enum engine_program_role role,
                   const struct engine_node *node,
                   struct engine_contract *contract);
/* What a step does: "run", over what is there. */
void read_run(struct json_view view, enum engine_side_effect effect,
              struct sim_step *step, struct json_error *err);
/* Whether it says of its output that it is "json", or a "stream". */
bool read_output_is(struct json_view run, const char *word);
/* "retry", over what is there; no delay may be shorter than @delay_min. */
void read_retry(struct json_view view, uint64_t delay_min,
                struct engine_retry *retry, struct json_error *err);
/*
 * "side_effect", "semantics", "retry" and "contract" of a step or submitter
 * whose attempts time out after @timeout_key. What they promise together is
 * to be checked when all of @contract is there.
 */
void read_class(struct read_program *reading, struct json_view view,
                const char *timeout_key, struct engine_node *node,
                struct engine_contract *contract);
void read_check_contract(struct read_program *reading, struct json_view view,
                         const char *timeout_key,
                         struct engine_contract *contract);

#endif

/*
 * A declared workflow: nodes with named input and output handles, joined by
 * edges. A graph is built by adding, then sealed; sealing checks that it is
 * a whole, acyclic graph and computes its identity. A sealed graph is
 * read-only and may be shared by any number of engines.
 *
 *     source ──out──▶ in ── step ──out──▶ in ── step
 *
 * An operation is ready when every edge into its node carries a value; a node
 * without edges into it is ready at the start. The run succeeds when all
 * operations have; the outputs of nodes without edges out of them are its
 * result.
 */
#ifndef ENGINE_GRAPH_H
#define ENGINE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/wire.h"

enum engine_node_kind {
    ENGINE_NODE_STEP = 1,
    ENGINE_NODE_WAIT,
    ENGINE_NODE_HANDLER /* a replayed handler: the only node of its graph */
};

/* What may be repeated. Decides, with the policy, whether it is. */
enum engine_side_effect {
    ENGINE_EFFECT_READ_ONLY = 1,
    ENGINE_EFFECT_IDEMPOTENT,   /* the receiver takes an idempotency key */
    ENGINE_EFFECT_REVERSIBLE,   /* repeatable, a compensation exists */
    ENGINE_EFFECT_IRREVERSIBLE, /* never repeated without an operator */
};

enum engine_semantics {
    ENGINE_AT_LEAST_ONCE = 1,
    ENGINE_AT_MOST_ONCE
};

enum engine_jitter {
    ENGINE_JITTER_NONE,
    ENGINE_JITTER_HALF, /* uniform in [delay/2, delay] */
    ENGINE_JITTER_FULL  /* uniform in [0, delay] */
};

struct engine_retry {
    uint32_t attempts_max; /* 1: never retried */
    uint32_t factor_milli; /* growth by attempt, in thousandths */
    uint64_t delay_ns;     /* before the second attempt */
    uint64_t delay_max_ns;
    enum engine_jitter jitter;
};

enum {
    ENGINE_NODE_PLATFORMS_MAX = 8
};

struct engine_node {
    const char *name; /* unique in the graph; any UTF-8, untrusted */
    enum engine_node_kind kind;
    uint64_t wait_ns;              /* WAIT */
    uint64_t attempt_timeout_ns;   /* STEP, HANDLER: claim to report */
    uint64_t schedule_to_start_ns; /* the same: scheduled to claim; 0: none */
    uint64_t timeout_ns; /* STEP: all attempts, with the delays between
                            them, from when the first is scheduled;
                            0: none */
    enum engine_side_effect side_effect;
    enum engine_semantics semantics;
    struct engine_retry retry;
    const char *const *inputs; /* names of handles */
    uint32_t input_count;
    const char *const *outputs;
    uint32_t output_count;
    uint32_t platform_count; /* STEP, HANDLER; 0: on platform 0 */
    uint32_t platforms[ENGINE_NODE_PLATFORMS_MAX]; /* where it may run, in the
                            order of falling back, none twice: as the owner of
                            its runs numbers them */
    const char *platform_names[ENGINE_NODE_PLATFORMS_MAX]; /* as the author
                            calls them; NULL: they have no names */
};

enum engine_graph_fault {
    ENGINE_GRAPH_OK,
    ENGINE_GRAPH_EMPTY,
    ENGINE_GRAPH_DUPLICATE_NODE,   /* node, other */
    ENGINE_GRAPH_DUPLICATE_HANDLE, /* node, handle */
    ENGINE_GRAPH_DUPLICATE_EDGE,   /* edge */
    ENGINE_GRAPH_UNKNOWN_NODE,     /* edge */
    ENGINE_GRAPH_UNKNOWN_HANDLE,   /* edge */
    ENGINE_GRAPH_HANDLE_TAKEN,     /* edge: second value for one input */
    ENGINE_GRAPH_MISSING_INPUT, /* node, handle: some inputs joined, not all */
    ENGINE_GRAPH_CYCLE,         /* edge that closes it, node */
    ENGINE_GRAPH_BAD_VALUE,     /* node: a number out of its range */
    ENGINE_GRAPH_TOO_LARGE,     /* nodes, edges or handles above the limit */
    ENGINE_GRAPH_NOT_ALONE,     /* node: a handler among others */
    ENGINE_GRAPH_NO_MEMORY
};

enum {
    ENGINE_GRAPH_NODES_MAX = 4096,
    ENGINE_GRAPH_EDGES_MAX = 65536,
    ENGINE_GRAPH_HANDLES_MAX = 256
};

/* Where a graph is wrong. Indices are in the order of adding. */
struct engine_graph_error {
    enum engine_graph_fault fault;
    uint32_t node;
    uint32_t other;
    uint32_t edge;
    uint32_t handle;
};

struct engine_graph;

/* An edge as given: names of nodes and of their handles. */
struct engine_edge_names {
    const char *from;
    const char *output;
    const char *to;
    const char *input;
};

/*
 * Builds a sealed graph from nodes and edges; copies all it is given. Returns
 * NULL and fills *error (which may be NULL) when the graph is refused.
 */
struct engine_graph *
engine_graph_new(const char *name, const struct engine_node *nodes,
                 uint32_t node_count, const struct engine_edge_names *edges,
                 uint32_t edge_count, struct engine_graph_error *error);
void engine_graph_free(struct engine_graph *graph);
/*
 * Says how long a run may take from its creation, at most INT64_MAX ns; 0, as
 * at first: as long as it likes. Part of the identity; only before the graph
 * is shared.
 */
void engine_graph_set_timeout(struct engine_graph *graph, uint64_t timeout_ns);
uint64_t engine_graph_timeout(const struct engine_graph *graph);
/*
 * The words of a run's error are not the engine's: whoever invokes it gets
 * them as they are, without a line on where they come from. Only before the
 * graph is shared.
 */
void engine_graph_set_verbatim(struct engine_graph *graph);
bool engine_graph_verbatim(const struct engine_graph *graph);
/* True if its runs are those of a replayed handler. */
bool engine_graph_is_handler(const struct engine_graph *graph);

const char *engine_graph_name(const struct engine_graph *graph);
/* Digest of the canonical definition; its identity. */
struct engine_hash engine_graph_digest(const struct engine_graph *graph);
uint32_t engine_graph_count(const struct engine_graph *graph);
const struct engine_node *engine_graph_node(const struct engine_graph *graph,
                                            uint32_t index);
/* Index of the node with this name, or UINT32_MAX. */
uint32_t engine_graph_find(const struct engine_graph *graph, const char *name);

/* An edge after sealing: source node and handle that feed an input. */
struct engine_source {
    uint32_t node;
    uint32_t output; /* handle index */
    uint32_t input;  /* handle index at the receiving node */
};

/* The sources of a node's inputs, by input handle; *count of them. */
const struct engine_source *
engine_graph_sources(const struct engine_graph *graph, uint32_t node,
                     uint32_t *count);
/* The distinct nodes that wait for this one, ascending; *count of them. */
const uint32_t *engine_graph_dependents(const struct engine_graph *graph,
                                        uint32_t node, uint32_t *count);
/* How many distinct nodes this one waits for. */
uint32_t engine_graph_indegree(const struct engine_graph *graph, uint32_t node);

#endif

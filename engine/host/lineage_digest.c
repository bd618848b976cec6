/*
 * What two lineages are compared by. An execution's digest covers what it is,
 * what went in and out, and the digests of those that it has its input from;
 * a lineage's covers those of all its executions, whatever their order.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage_private.h"

struct engine_hash lineage_hash(const struct engine_hash *parts, size_t count)
{
    return engine_hash_bytes(parts, count * sizeof(*parts));
}

static struct engine_hash hash_text(const char *text)
{
    return text ? engine_hash_bytes(text, strlen(text))
                : (struct engine_hash){0, 0};
}

/* Definitions -------------------------------------------------------------- */

static uint32_t count_edges(const struct engine_graph *graph)
{
    uint32_t edges = 0;

    for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
        uint32_t count;
        (void)engine_graph_sources(graph, i, &count);
        edges += count;
    }
    return edges;
}

static void name_edges(const struct engine_graph *graph,
                       struct engine_edge_names *edges)
{
    for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
        const struct engine_node *to = engine_graph_node(graph, i);
        uint32_t count;
        const struct engine_source *from =
            engine_graph_sources(graph, i, &count);
        for (uint32_t s = 0; s < count; s++) {
            const struct engine_node *node =
                engine_graph_node(graph, from[s].node);
            *edges++ = (struct engine_edge_names){
                node->name, node->outputs[from[s].output], to->name,
                to->inputs[from[s].input]};
        }
    }
}

static struct engine_graph *without_platforms(const struct engine_graph *graph)
{
    uint32_t count = engine_graph_count(graph);
    uint32_t edge_count = count_edges(graph);
    struct engine_node *nodes = malloc(count * sizeof(*nodes));
    struct engine_edge_names *edges =
        malloc((edge_count ? edge_count : 1) * sizeof(*edges));
    struct engine_graph *bare = NULL;

    if (nodes && edges) {
        for (uint32_t i = 0; i < count; i++) {
            nodes[i] = *engine_graph_node(graph, i);
            nodes[i].platform_count = 0;
        }
        name_edges(graph, edges);
        bare = engine_graph_new(engine_graph_name(graph), nodes, count, edges,
                                edge_count, NULL);
    }
    free(nodes);
    free(edges);
    if (bare)
        engine_graph_set_timeout(bare, engine_graph_timeout(graph));
    return bare;
}

struct engine_hash lineage_code(const struct engine_graph *graph)
{
    struct engine_hash digest = engine_graph_digest(graph);
    bool named = false;

    for (uint32_t i = 0; i < engine_graph_count(graph); i++)
        named = named || engine_graph_node(graph, i)->platform_count > 0;
    struct engine_graph *bare = named ? without_platforms(graph) : NULL;
    if (bare)
        digest = engine_graph_digest(bare);
    engine_graph_free(bare);
    return digest;
}

/* Places ------------------------------------------------------------------- */

/*
 * Where an execution is: the run that was asked for, an operation by which a
 * run was invoked, or the number of a run that nobody invoked; then contexts
 * by the number of their call, since operations are numbered as they begin.
 */
static struct engine_hash path_of(const struct lineage *l, uint32_t index)
{
    const struct lineage_execution *e = &l->executions[index];
    const struct engine_hash name = engine_hash_bytes(e->name, e->name_size);
    struct engine_hash parts[3] = {{e->type, e->subtype}, name, {0, 0}};
    bool is_run = e->op == UINT32_MAX;

    if (e->context != LINEAGE_NONE)
        parts[2] = l->executions[e->context].path;
    else if (e->run > 0)
        parts[2].lo = l->runs[e->run].number;
    /* The name of what has a place does not say more about where it is. */
    if (!is_run && e->ordinal > 0)
        parts[1] = (struct engine_hash){e->ordinal, 1};
    return lineage_hash(parts, 3);
}

/* Contexts first: an operation may have been seen before what it is in. */
static void find_path(struct lineage *l, uint32_t *stack, uint8_t *done,
                      uint32_t index)
{
    uint32_t depth = 0;

    for (uint32_t at = index; at != LINEAGE_NONE && !done[at];
         at = l->executions[at].context) {
        done[at] = 1;
        stack[depth++] = at;
    }
    while (depth > 0) {
        uint32_t at = stack[--depth];
        l->executions[at].path = path_of(l, at);
    }
}

/* Digests ------------------------------------------------------------------ */

/* Edges along which values came, and which no other kind implies. */
static bool carries(const struct lineage_edge *edge)
{
    return edge->kind == LINEAGE_OUTPUT || edge->kind == LINEAGE_VALUE ||
           edge->kind == LINEAGE_MESSAGE || edge->kind == LINEAGE_CHILD;
}

static struct engine_hash hash_value(const struct lineage_value *value)
{
    return value->known ? value->digest : (struct engine_hash){0, 0};
}

/* Whether a message was taken before its sender ended is time. */
static uint32_t state_of(const struct lineage_execution *e)
{
    return e->type == ENGINE_OPERATION_SEND && e->state == LINEAGE_OPEN
               ? LINEAGE_SUCCEEDED
               : e->state;
}

/* The parents' digests are there, but for those that are their own child. */
static struct engine_hash digest_of(const struct lineage *l, uint32_t index)
{
    const struct lineage_execution *e = &l->executions[index];
    struct engine_hash parts[6] = {
        e->path,
        l->runs[e->run].code,
        hash_value(&e->input),
        hash_value(&e->output),
        engine_hash_bytes(e->name, e->name_size),
        {(uint64_t)state_of(e) << 32 | e->error,
         (uint64_t)e->input.known << 1 | e->output.known}};
    struct engine_hash digest = lineage_hash(parts, 6);

    for (uint32_t i = e->first; i != LINEAGE_NONE; i = l->edges[i].next) {
        const struct lineage_edge *edge = &l->edges[i];
        struct engine_hash link[5] = {digest,
                                      l->executions[edge->parent].digest,
                                      hash_text(edge->from),
                                      hash_text(edge->to),
                                      {edge->kind, 0}};
        if (carries(edge))
            digest = lineage_hash(link, 5);
    }
    return digest;
}

enum {
    SEEN = 1,
    DONE
};

/* The next parent that has no digest yet; next[at] is the edge to look at. */
static uint32_t next_parent(const struct lineage *l, uint32_t *next,
                            const uint8_t *state, uint32_t at)
{
    while (next[at] != LINEAGE_NONE) {
        const struct lineage_edge *edge = &l->edges[next[at]];
        next[at] = edge->next;
        if (carries(edge) && !state[edge->parent])
            return edge->parent;
    }
    return LINEAGE_NONE;
}

/* Parents first, without recursion. Whoever is met again on the way, as only
 * a log that somebody made up could have it, has no digest yet. */
static void find_digest(struct lineage *l, uint32_t *stack, uint32_t *next,
                        uint8_t *state, uint32_t index)
{
    uint32_t depth = 0;

    if (state[index])
        return;
    state[index] = SEEN;
    stack[depth++] = index;
    while (depth > 0) {
        uint32_t at = stack[depth - 1];
        uint32_t parent = next_parent(l, next, state, at);
        if (parent != LINEAGE_NONE) {
            state[parent] = SEEN;
            stack[depth++] = parent;
            continue;
        }
        l->executions[at].digest = digest_of(l, at);
        state[at] = DONE;
        depth--;
    }
}

/* The whole ---------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct engine_hash *x = a;
    const struct engine_hash *y = b;

    if (x->hi != y->hi)
        return x->hi < y->hi ? -1 : 1;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static struct engine_hash sum_up(struct engine_hash *list, size_t count)
{
    qsort(list, count, sizeof(*list), compare);
    return lineage_hash(list, count);
}

static void find_sums(struct lineage *l, struct engine_hash *list)
{
    size_t count = 0;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct lineage_execution *e = &l->executions[i];
        if (e->final && e->type != LINEAGE_TYPE_INVOCATION)
            list[count++] = e->digest;
    }
    l->flow = sum_up(list, count);
    count = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct lineage_execution *e = &l->executions[i];
        bool invocation = e->type == LINEAGE_TYPE_INVOCATION;
        struct engine_hash parts[2] = {e->digest,
                                       {invocation ? 0 : e->attempt, 0}};
        if (!invocation || lineage_is_failure(e->state))
            list[count++] = lineage_hash(parts, 2);
    }
    l->digest = sum_up(list, count);
}

void lineage_digest(struct lineage *l)
{
    size_t count = l->count;
    uint32_t *stack = malloc((count + 1) * sizeof(*stack));
    uint32_t *next = malloc((count + 1) * sizeof(*next));
    uint8_t *state = calloc(count + 1, 1);
    struct engine_hash *list = malloc((count + 1) * sizeof(*list));

    if (stack && next && state && list) {
        for (uint32_t i = 0; i < count; i++)
            find_path(l, stack, state, i);
        memset(state, 0, count);
        for (uint32_t i = 0; i < count; i++)
            next[i] = l->executions[i].first;
        for (uint32_t i = 0; i < count; i++)
            find_digest(l, stack, next, state, i);
        find_sums(l, list);
    } else {
        l->failed = true;
    }
    free(stack);
    free(next);
    free(state);
    free(list);
}

#include "engine/graph.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"

struct engine_graph {
    char *name;
    struct engine_node *nodes;
    uint32_t node_count;
    struct engine_hash digest;
    uint64_t timeout_ns;           /* of a run, 0: none */
    bool verbatim;                 /* its errors go to who invokes it */
    struct engine_source *sources; /* grouped by node, by input handle */
    uint32_t *source_start;        /* node_count + 1 */
    uint32_t *dependents;          /* grouped by node, ascending, distinct */
    uint32_t *dependent_start;     /* node_count + 1 */
    uint32_t *indegree;            /* distinct */
    char *text;                    /* all names */
};

/* One edge by index while the graph is built. */
struct edge {
    uint32_t from;
    uint32_t output;
    uint32_t to;
    uint32_t input;
    uint32_t given; /* index as added */
};

struct name_ref {
    const char *name;
    uint32_t index;
};

static bool refuse(struct engine_graph_error *error,
                   enum engine_graph_fault fault, uint32_t node, uint32_t other,
                   uint32_t edge, uint32_t handle)
{
    if (error)
        *error = (struct engine_graph_error){fault, node, other, edge, handle};
    return false;
}

static bool platforms_good(const struct engine_node *node)
{
    if (node->platform_count > ENGINE_NODE_PLATFORMS_MAX)
        return false;
    for (uint32_t i = 0; i < node->platform_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (node->platforms[i] == node->platforms[k])
                return false;
    return true;
}

/* Store times fit int64; a duration within it added to one fits uint64. */
static bool node_values_good(const struct engine_node *node)
{
    if (node->kind == ENGINE_NODE_WAIT)
        return node->wait_ns > 0 && node->wait_ns <= INT64_MAX &&
               node->platform_count == 0;
    if (!platforms_good(node))
        return false;
    if (node->schedule_to_start_ns > INT64_MAX || node->timeout_ns > INT64_MAX)
        return false;
    if (node->kind == ENGINE_NODE_HANDLER)
        return node->attempt_timeout_ns > 0 &&
               node->attempt_timeout_ns <= INT64_MAX && node->timeout_ns == 0;
    const struct engine_retry *retry = &node->retry;
    return node->kind == ENGINE_NODE_STEP && node->attempt_timeout_ns > 0 &&
           node->attempt_timeout_ns <= INT64_MAX &&
           node->side_effect >= ENGINE_EFFECT_READ_ONLY &&
           node->side_effect <= ENGINE_EFFECT_IRREVERSIBLE &&
           node->semantics >= ENGINE_AT_LEAST_ONCE &&
           node->semantics <= ENGINE_AT_MOST_ONCE && retry->attempts_max > 0 &&
           retry->attempts_max <= 10000 && retry->factor_milli >= 1000 &&
           retry->factor_milli <= 1000000 &&
           retry->delay_ns <= retry->delay_max_ns &&
           retry->delay_max_ns <= INT64_MAX &&
           retry->jitter <= ENGINE_JITTER_FULL;
}

static uint32_t find_handle(const char *const *names, uint32_t count,
                            const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return UINT32_MAX;
}

static bool handles_distinct(const char *const *names, uint32_t count,
                             uint32_t node, struct engine_graph_error *error)
{
    for (uint32_t i = 0; i < count; i++)
        if (find_handle(names, i, names[i]) != UINT32_MAX)
            return refuse(error, ENGINE_GRAPH_DUPLICATE_HANDLE, node, 0, 0, i);
    return true;
}

/* Merge sort by name, stable: equal names keep the order of adding. */
static void sort_names(struct name_ref *refs, struct name_ref *scratch,
                       uint32_t count)
{
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t low = 0; low < count; low += 2 * width) {
            uint32_t mid = low + width < count ? low + width : count;
            uint32_t high = low + 2 * width < count ? low + 2 * width : count;
            uint32_t i = low;
            uint32_t j = mid;
            for (uint32_t k = low; k < high; k++) {
                bool left = i < mid && (j >= high || strcmp(refs[i].name,
                                                            refs[j].name) <= 0);
                scratch[k] = left ? refs[i++] : refs[j++];
            }
        }
        memcpy(refs, scratch, count * sizeof(*refs));
    }
}

static uint32_t find_name(const struct name_ref *refs, uint32_t count,
                          const char *name)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = strcmp(refs[mid].name, name);
        if (order == 0)
            return refs[mid].index;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return UINT32_MAX;
}

static bool check_nodes(const struct engine_node *nodes, uint32_t count,
                        const struct name_ref *sorted,
                        struct engine_graph_error *error)
{
    for (uint32_t i = 0; i + 1 < count; i++)
        if (strcmp(sorted[i].name, sorted[i + 1].name) == 0)
            return refuse(error, ENGINE_GRAPH_DUPLICATE_NODE,
                          sorted[i + 1].index, sorted[i].index, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        if (!node_values_good(&nodes[i]))
            return refuse(error, ENGINE_GRAPH_BAD_VALUE, i, 0, 0, 0);
        if (nodes[i].kind == ENGINE_NODE_HANDLER && count > 1)
            return refuse(error, ENGINE_GRAPH_NOT_ALONE, i, 0, 0, 0);
        if (nodes[i].input_count > ENGINE_GRAPH_HANDLES_MAX ||
            nodes[i].output_count > ENGINE_GRAPH_HANDLES_MAX)
            return refuse(error, ENGINE_GRAPH_TOO_LARGE, i, 0, 0, 0);
        if (!handles_distinct(nodes[i].inputs, nodes[i].input_count, i,
                              error) ||
            !handles_distinct(nodes[i].outputs, nodes[i].output_count, i,
                              error))
            return false;
    }
    return true;
}

static bool resolve_edges(struct edge *out, const struct engine_node *nodes,
                          uint32_t node_count, const struct name_ref *sorted,
                          const struct engine_edge_names *edges,
                          uint32_t edge_count, struct engine_graph_error *error)
{
    for (uint32_t i = 0; i < edge_count; i++) {
        struct edge edge = {.given = i};
        edge.from = find_name(sorted, node_count, edges[i].from);
        edge.to = find_name(sorted, node_count, edges[i].to);
        if (edge.from == UINT32_MAX || edge.to == UINT32_MAX)
            return refuse(error, ENGINE_GRAPH_UNKNOWN_NODE,
                          edge.from == UINT32_MAX ? 0 : 1, 0, i, 0);
        edge.output =
            find_handle(nodes[edge.from].outputs, nodes[edge.from].output_count,
                        edges[i].output);
        edge.input = find_handle(nodes[edge.to].inputs,
                                 nodes[edge.to].input_count, edges[i].input);
        if (edge.output == UINT32_MAX || edge.input == UINT32_MAX)
            return refuse(error, ENGINE_GRAPH_UNKNOWN_HANDLE,
                          edge.output == UINT32_MAX ? edge.from : edge.to,
                          edge.output == UINT32_MAX ? 0 : 1, i, 0);
        out[i] = edge;
    }
    return true;
}

/* Places the edges by (node, input); refuses two values for one input. */
static bool place_sources(struct engine_graph *graph, const struct edge *edges,
                          uint32_t edge_count, struct engine_graph_error *error)
{
    for (uint32_t i = 0; i < edge_count; i++)
        graph->source_start[edges[i].to + 1]++;
    for (uint32_t n = 0; n < graph->node_count; n++)
        graph->source_start[n + 1] += graph->source_start[n];
    for (uint32_t i = 0; i < edge_count; i++) {
        const struct edge *edge = &edges[i];
        struct engine_source *row =
            graph->sources + graph->source_start[edge->to];
        uint32_t room =
            graph->source_start[edge->to + 1] - graph->source_start[edge->to];
        uint32_t at = edge->input;
        if (at >= room) {
            /* Fewer edges than handles: some input below has no value. */
            at = room - 1;
        }
        while (at < room && row[at].node != UINT32_MAX &&
               row[at].input != edge->input)
            at = (at + 1) % room;
        if (row[at].node != UINT32_MAX)
            return refuse(error, ENGINE_GRAPH_HANDLE_TAKEN, edge->to, 0,
                          edge->given, edge->input);
        row[at] = (struct engine_source){edge->from, edge->output, edge->input};
    }
    for (uint32_t n = 0; n < graph->node_count; n++) {
        uint32_t have = graph->source_start[n + 1] - graph->source_start[n];
        if (have == 0 || have == graph->nodes[n].input_count)
            continue;
        const struct engine_source *row =
            graph->sources + graph->source_start[n];
        for (uint32_t h = 0; h < graph->nodes[n].input_count; h++) {
            bool joined = false;
            for (uint32_t k = 0; k < have; k++)
                joined = joined || row[k].input == h;
            if (!joined)
                return refuse(error, ENGINE_GRAPH_MISSING_INPUT, n, 0, 0, h);
        }
    }
    return true;
}

/* Distinct dependents ascending, by walking targets in order. */
static void place_dependents(struct engine_graph *graph)
{
    uint32_t count = graph->node_count;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t to = 0; to < count; to++) {
            uint32_t first = graph->source_start[to];
            uint32_t end = graph->source_start[to + 1];
            for (uint32_t k = first; k < end; k++) {
                uint32_t from = graph->sources[k].node;
                bool seen = false;
                for (uint32_t j = first; j < k; j++)
                    seen = seen || graph->sources[j].node == from;
                if (seen)
                    continue;
                if (pass == 0) {
                    graph->dependent_start[from + 1]++;
                    graph->indegree[to]++;
                } else {
                    graph->dependents[graph->dependent_start[from]++] = to;
                }
            }
        }
        if (pass == 0) {
            for (uint32_t n = 0; n < count; n++)
                graph->dependent_start[n + 1] += graph->dependent_start[n];
        } else {
            /* The second pass moved each start to its end: move back. */
            for (uint32_t n = count; n > 0; n--)
                graph->dependent_start[n] = graph->dependent_start[n - 1];
            graph->dependent_start[0] = 0;
        }
    }
}

/* The first source of a node on or behind a cycle that is so itself. */
static const struct engine_source *
unfinished_source(const struct engine_graph *graph, const uint32_t *left,
                  uint32_t node)
{
    const struct engine_source *from =
        graph->sources + graph->source_start[node];
    while (left[from->node] == 0)
        from++;
    return from;
}

/* Kahn's order; what is left over lies on or behind a cycle. */
static bool check_acyclic(const struct engine_graph *graph,
                          const struct edge *edges, uint32_t edge_count,
                          struct engine_graph_error *error)
{
    uint32_t count = graph->node_count;
    uint32_t *left = malloc(2 * (size_t)count * sizeof(*left));
    if (!left)
        return refuse(error, ENGINE_GRAPH_NO_MEMORY, 0, 0, 0, 0);
    uint32_t *ready = left + count;
    uint32_t ready_count = 0;
    for (uint32_t n = 0; n < count; n++) {
        left[n] = graph->indegree[n];
        if (left[n] == 0)
            ready[ready_count++] = n;
    }
    for (uint32_t i = 0; i < ready_count; i++) {
        uint32_t fan;
        const uint32_t *next = engine_graph_dependents(graph, ready[i], &fan);
        for (uint32_t k = 0; k < fan; k++)
            if (--left[next[k]] == 0)
                ready[ready_count++] = next[k];
    }
    bool good = ready_count == count;
    if (!good) {
        /* Walk backwards through unfinished nodes: it ends on a cycle, whose
         * edge into `at` is the one the walk would take next. */
        uint32_t at = 0;
        while (left[at] == 0)
            at++;
        for (uint32_t steps = 0; steps < count; steps++)
            at = unfinished_source(graph, left, at)->node;
        const struct engine_source *last = unfinished_source(graph, left, at);
        uint32_t closing = 0;
        for (uint32_t i = 0; i < edge_count; i++)
            if (edges[i].to == at && edges[i].input == last->input)
                closing = edges[i].given;
        refuse(error, ENGINE_GRAPH_CYCLE, at, 0, closing, 0);
    }
    free(left);
    return good;
}

/* How many there can be; a wrong number is refused later. */
static uint32_t platforms_named(const struct engine_node *node)
{
    return node->platform_count < ENGINE_NODE_PLATFORMS_MAX
               ? node->platform_count
               : ENGINE_NODE_PLATFORMS_MAX;
}

static const char *name_of_platform(const struct engine_node *node, uint32_t i)
{
    return node->platform_names[i] ? node->platform_names[i] : "";
}

static size_t names_size(const char *name, const struct engine_node *nodes,
                         uint32_t count)
{
    size_t size = strlen(name) + 1;
    for (uint32_t n = 0; n < count; n++) {
        size += strlen(nodes[n].name) + 1;
        for (uint32_t h = 0; h < nodes[n].input_count; h++)
            size += strlen(nodes[n].inputs[h]) + 1;
        for (uint32_t h = 0; h < nodes[n].output_count; h++)
            size += strlen(nodes[n].outputs[h]) + 1;
        for (uint32_t i = 0; i < platforms_named(&nodes[n]); i++)
            size += strlen(name_of_platform(&nodes[n], i)) + 1;
    }
    return size;
}

static char *copy_text(char **cursor, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*cursor, text, size);
    *cursor += size;
    return copy;
}

static const char *const *copy_handles(char **cursor, const char *const *names,
                                       uint32_t count, bool *ok)
{
    if (count == 0)
        return NULL;
    const char **copy = malloc(count * sizeof(*copy));
    if (!copy) {
        *ok = false;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        copy[i] = copy_text(cursor, names[i]);
    return copy;
}

static bool copy_nodes(struct engine_graph *graph, const char *name,
                       const struct engine_node *nodes, uint32_t count)
{
    graph->text = malloc(names_size(name, nodes, count));
    graph->nodes = calloc(count, sizeof(*graph->nodes));
    if (!graph->text || !graph->nodes)
        return false;
    char *cursor = graph->text;
    bool ok = true;
    graph->name = copy_text(&cursor, name);
    graph->node_count = count;
    for (uint32_t n = 0; n < count; n++) {
        struct engine_node *node = &graph->nodes[n];
        *node = nodes[n];
        node->name = copy_text(&cursor, nodes[n].name);
        node->inputs =
            copy_handles(&cursor, nodes[n].inputs, nodes[n].input_count, &ok);
        node->outputs =
            copy_handles(&cursor, nodes[n].outputs, nodes[n].output_count, &ok);
        for (uint32_t i = 0; i < platforms_named(node); i++)
            if (node->platform_names[i])
                node->platform_names[i] =
                    copy_text(&cursor, node->platform_names[i]);
    }
    return ok;
}

static bool allocate_edges(struct engine_graph *graph, uint32_t edge_count)
{
    size_t count = graph->node_count;
    size_t edges = edge_count ? edge_count : 1;
    graph->sources = malloc(edges * sizeof(*graph->sources));
    graph->source_start = calloc(count + 1, sizeof(uint32_t));
    graph->dependents = calloc(edges, sizeof(uint32_t));
    graph->dependent_start = calloc(count + 1, sizeof(uint32_t));
    graph->indegree = calloc(count, sizeof(uint32_t));
    if (!graph->sources || !graph->source_start || !graph->dependents ||
        !graph->dependent_start || !graph->indegree)
        return false;
    for (size_t i = 0; i < edges; i++)
        graph->sources[i].node = UINT32_MAX;
    return true;
}

/* Their names, where they have some, and not their numbers, which are those of
 * whoever runs it. */
static void digest_platforms(struct engine_block *form,
                             const struct engine_node *node, uint32_t n)
{
    const struct engine_item head = {.op = n, .a = 1};
    for (uint32_t i = 0; i < node->platform_count; i++) {
        const char *name = node->platform_names[i];
        engine_block_item(form, &head,
                          name ? name : (const void *)&node->platforms[i],
                          name ? strlen(name) : sizeof(node->platforms[i]));
    }
}

/* The canonical form: names and numbers in order, joined edges by index. */
static bool digest_graph(struct engine_graph *graph)
{
    struct engine_block form;
    engine_block_init(&form);
    engine_block_begin(&form, 8);
    const struct engine_item title = {.op = UINT32_MAX};
    engine_block_item(&form, &title, graph->name, strlen(graph->name));
    for (uint32_t n = 0; n < graph->node_count; n++) {
        const struct engine_node *node = &graph->nodes[n];
        const uint64_t numbers[] = {
            node->kind,
            node->input_count,
            node->output_count,
            node->wait_ns,
            node->attempt_timeout_ns,
            node->side_effect,
            node->semantics,
            node->retry.attempts_max,
            node->retry.factor_milli,
            node->retry.delay_ns,
            node->retry.delay_max_ns,
            node->retry.jitter,
        };
        struct engine_item head = {.op = n};
        engine_block_item(&form, &head, numbers, sizeof(numbers));
        engine_block_item(&form, &head, node->name, strlen(node->name));
        /* A graph without them is the one it was before there were any. */
        const uint64_t deadlines[] = {node->schedule_to_start_ns,
                                      node->timeout_ns};
        if (deadlines[0] > 0 || deadlines[1] > 0)
            engine_block_item(&form, &head, deadlines, sizeof(deadlines));
        digest_platforms(&form, node, n);
        for (uint32_t h = 0; h < node->input_count; h++)
            engine_block_item(&form, &head, node->inputs[h],
                              strlen(node->inputs[h]));
        for (uint32_t h = 0; h < node->output_count; h++)
            engine_block_item(&form, &head, node->outputs[h],
                              strlen(node->outputs[h]));
        engine_block_item(
            &form, &head, graph->sources + graph->source_start[n],
            (graph->source_start[n + 1] - graph->source_start[n]) *
                sizeof(struct engine_source));
    }
    bool ok = engine_block_ok(&form);
    if (ok)
        graph->digest = engine_hash_bytes(form.bytes, form.size);
    engine_block_free(&form);
    return ok;
}

static bool seal(struct engine_graph *graph, const struct engine_node *nodes,
                 const struct engine_edge_names *edges, uint32_t edge_count,
                 struct engine_graph_error *error)
{
    uint32_t count = graph->node_count;
    struct name_ref *refs = malloc(2 * (size_t)count * sizeof(*refs));
    struct edge *resolved =
        malloc((edge_count ? edge_count : 1) * sizeof(*resolved));
    bool ok = refs && resolved && allocate_edges(graph, edge_count);
    if (!ok) {
        refuse(error, ENGINE_GRAPH_NO_MEMORY, 0, 0, 0, 0);
    } else {
        for (uint32_t n = 0; n < count; n++)
            refs[n] = (struct name_ref){graph->nodes[n].name, n};
        sort_names(refs, refs + count, count);
        ok = check_nodes(nodes, count, refs, error) &&
             resolve_edges(resolved, nodes, count, refs, edges, edge_count,
                           error) &&
             place_sources(graph, resolved, edge_count, error);
        if (ok) {
            place_dependents(graph);
            ok = check_acyclic(graph, resolved, edge_count, error);
        }
    }
    free(refs);
    free(resolved);
    return ok;
}

struct engine_graph *
engine_graph_new(const char *name, const struct engine_node *nodes,
                 uint32_t node_count, const struct engine_edge_names *edges,
                 uint32_t edge_count, struct engine_graph_error *error)
{
    assert(name && (nodes || node_count == 0) && (edges || edge_count == 0));
    if (node_count == 0) {
        refuse(error, ENGINE_GRAPH_EMPTY, 0, 0, 0, 0);
        return NULL;
    }
    if (node_count > ENGINE_GRAPH_NODES_MAX ||
        edge_count > ENGINE_GRAPH_EDGES_MAX) {
        refuse(error, ENGINE_GRAPH_TOO_LARGE, 0, 0, 0, 0);
        return NULL;
    }
    struct engine_graph *graph = calloc(1, sizeof(*graph));
    if (!graph || !copy_nodes(graph, name, nodes, node_count)) {
        refuse(error, ENGINE_GRAPH_NO_MEMORY, 0, 0, 0, 0);
        engine_graph_free(graph);
        return NULL;
    }
    if (!seal(graph, nodes, edges, edge_count, error)) {
        engine_graph_free(graph);
        return NULL;
    }
    if (!digest_graph(graph)) {
        refuse(error, ENGINE_GRAPH_NO_MEMORY, 0, 0, 0, 0);
        engine_graph_free(graph);
        return NULL;
    }
    return graph;
}

void engine_graph_free(struct engine_graph *graph)
{
    if (!graph)
        return;
    for (uint32_t n = 0; graph->nodes && n < graph->node_count; n++) {
        free((void *)graph->nodes[n].inputs);
        free((void *)graph->nodes[n].outputs);
    }
    free(graph->nodes);
    free(graph->text);
    free(graph->sources);
    free(graph->source_start);
    free(graph->dependents);
    free(graph->dependent_start);
    free(graph->indegree);
    free(graph);
}

void engine_graph_set_timeout(struct engine_graph *graph, uint64_t timeout_ns)
{
    assert(timeout_ns <= INT64_MAX);
    const uint64_t covered[] = {graph->digest.lo, graph->digest.hi, timeout_ns};
    graph->timeout_ns = timeout_ns;
    if (timeout_ns > 0)
        graph->digest = engine_hash_bytes(covered, sizeof(covered));
}

uint64_t engine_graph_timeout(const struct engine_graph *graph)
{
    return graph->timeout_ns;
}

void engine_graph_set_verbatim(struct engine_graph *graph)
{
    graph->verbatim = true;
}

bool engine_graph_verbatim(const struct engine_graph *graph)
{
    return graph->verbatim;
}

bool engine_graph_is_handler(const struct engine_graph *graph)
{
    return graph->nodes[0].kind == ENGINE_NODE_HANDLER;
}

const char *engine_graph_name(const struct engine_graph *graph)
{
    return graph->name;
}

struct engine_hash engine_graph_digest(const struct engine_graph *graph)
{
    return graph->digest;
}

uint32_t engine_graph_count(const struct engine_graph *graph)
{
    return graph->node_count;
}

const struct engine_node *engine_graph_node(const struct engine_graph *graph,
                                            uint32_t index)
{
    assert(index < graph->node_count);
    return &graph->nodes[index];
}

uint32_t engine_graph_find(const struct engine_graph *graph, const char *name)
{
    for (uint32_t n = 0; n < graph->node_count; n++)
        if (strcmp(graph->nodes[n].name, name) == 0)
            return n;
    return UINT32_MAX;
}

const struct engine_source *
engine_graph_sources(const struct engine_graph *graph, uint32_t node,
                     uint32_t *count)
{
    assert(node < graph->node_count);
    *count = graph->source_start[node + 1] - graph->source_start[node];
    return graph->sources + graph->source_start[node];
}

const uint32_t *engine_graph_dependents(const struct engine_graph *graph,
                                        uint32_t node, uint32_t *count)
{
    assert(node < graph->node_count);
    *count = graph->dependent_start[node + 1] - graph->dependent_start[node];
    return graph->dependents + graph->dependent_start[node];
}

uint32_t engine_graph_indegree(const struct engine_graph *graph, uint32_t node)
{
    assert(node < graph->node_count);
    return graph->indegree[node];
}

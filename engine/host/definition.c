#include "engine/host/definition.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFINITION_VERSION = 1,
    DEFINITION_DEADLINES, /* nodes have deadlines around their attempts */
    DEFINITION_PLATFORMS  /* these, and nodes say where they may run */
};

/* Writing ----------------------------------------------------------------- */

/*
 * Everything is a uint64 or a text: its size as a uint64, then its bytes. One
 * item of the block, grown as it is written.
 */
struct writer {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
    int failed;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (w->size + size > w->capacity) {
        size_t capacity = w->capacity ? w->capacity : 1024;
        while (capacity < w->size + size)
            capacity *= 2;
        void *larger = realloc(w->bytes, capacity);
        if (!larger) {
            w->failed = 1;
            return;
        }
        w->bytes = larger;
        w->capacity = capacity;
    }
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

static void put_number(struct writer *w, uint64_t number)
{
    put(w, &number, sizeof(number));
}

static void put_text(struct writer *w, const char *text)
{
    put_number(w, strlen(text));
    put(w, text, strlen(text));
}

static void put_texts(struct writer *w, const char *const *texts,
                      uint32_t count)
{
    put_number(w, count);
    for (uint32_t i = 0; i < count; i++)
        put_text(w, texts[i]);
}

static void put_platforms(struct writer *w, const struct engine_node *node)
{
    put_number(w, node->platform_count);
    for (uint32_t i = 0; i < node->platform_count; i++) {
        put_number(w, node->platforms[i]);
        put_number(w, node->platform_names[i] != NULL);
        if (node->platform_names[i])
            put_text(w, node->platform_names[i]);
    }
}

static void put_node(struct writer *w, const struct engine_node *node,
                     uint64_t version)
{
    put_text(w, node->name);
    put_number(w, node->kind);
    put_number(w, node->wait_ns);
    put_number(w, node->attempt_timeout_ns);
    if (version >= DEFINITION_DEADLINES) {
        put_number(w, node->schedule_to_start_ns);
        put_number(w, node->timeout_ns);
    }
    put_number(w, node->side_effect);
    put_number(w, node->semantics);
    put_number(w, node->retry.attempts_max);
    put_number(w, node->retry.factor_milli);
    put_number(w, node->retry.delay_ns);
    put_number(w, node->retry.delay_max_ns);
    put_number(w, node->retry.jitter);
    put_texts(w, node->inputs, node->input_count);
    put_texts(w, node->outputs, node->output_count);
    if (version >= DEFINITION_PLATFORMS)
        put_platforms(w, node);
}

static void put_edges(struct writer *w, const struct engine_graph *graph)
{
    uint32_t nodes = engine_graph_count(graph);
    uint64_t edges = 0;
    uint32_t count;

    for (uint32_t i = 0; i < nodes; i++) {
        (void)engine_graph_sources(graph, i, &count);
        edges += count;
    }
    put_number(w, edges);
    for (uint32_t i = 0; i < nodes; i++) {
        const struct engine_source *sources =
            engine_graph_sources(graph, i, &count);
        for (uint32_t s = 0; s < count; s++) {
            put_number(w, sources[s].node);
            put_number(w, sources[s].output);
            put_number(w, i);
            put_number(w, sources[s].input);
        }
    }
}

/* The oldest that can say it, so that older programs can read it. */
static uint64_t version_of(const struct engine_graph *graph)
{
    uint64_t version = DEFINITION_VERSION;
    for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
        const struct engine_node *node = engine_graph_node(graph, i);
        if (node->platform_count > 0)
            return DEFINITION_PLATFORMS;
        if (node->schedule_to_start_ns > 0 || node->timeout_ns > 0)
            version = DEFINITION_DEADLINES;
    }
    return version;
}

int host_definition_write(struct engine_block *block,
                          const struct engine_graph *graph, const void **bytes,
                          size_t *size)
{
    struct engine_hash digest = engine_graph_digest(graph);
    uint64_t version = version_of(graph);
    struct writer w = {0};
    unsigned char *at = NULL;

    put_number(&w, version);
    put_number(&w, digest.lo);
    put_number(&w, digest.hi);
    put_text(&w, engine_graph_name(graph));
    put_number(&w, engine_graph_timeout(graph));
    put_number(&w, engine_graph_count(graph));
    for (uint32_t i = 0; i < engine_graph_count(graph); i++)
        put_node(&w, engine_graph_node(graph, i), version);
    put_edges(&w, graph);
    if (!w.failed)
        at = engine_block_begin(block, 8 + w.size);
    if (at) {
        memcpy(at + 8, w.bytes, w.size);
        *bytes = at + 8;
        *size = w.size;
    }
    free(w.bytes);
    return at ? 0 : -1;
}

/* Reading ----------------------------------------------------------------- */

struct reader {
    const unsigned char *bytes;
    size_t size;
    size_t at;
    int failed;
    char *texts; /* every text read, with its end; room for all there can be */
    size_t texts_size;
};

static uint64_t take_number(struct reader *r)
{
    uint64_t number = 0;

    if (r->failed || r->size - r->at < sizeof(number)) {
        r->failed = 1;
        return 0;
    }
    memcpy(&number, r->bytes + r->at, sizeof(number));
    r->at += sizeof(number);
    return number;
}

static uint32_t take_count(struct reader *r, uint64_t most)
{
    uint64_t count = take_number(r);

    if (count > most)
        r->failed = 1;
    return r->failed ? 0 : (uint32_t)count;
}

/* What a graph takes for a time of its own. */
static uint64_t take_time(struct reader *r)
{
    uint64_t ns = take_number(r);

    if (ns > INT64_MAX)
        r->failed = 1;
    return r->failed ? 0 : ns;
}

/* A size takes 8 bytes and an end 1, so all texts fit into r->size bytes. */
static const char *take_text(struct reader *r)
{
    uint64_t size = take_number(r);
    char *text = r->texts + r->texts_size;

    if (r->failed || size > r->size - r->at ||
        memchr(r->bytes + r->at, 0, size)) {
        r->failed = 1;
        return "";
    }
    memcpy(text, r->bytes + r->at, size);
    text[size] = '\0';
    r->at += size;
    r->texts_size += size + 1;
    return text;
}

static const char **take_texts(struct reader *r, uint32_t *count)
{
    uint32_t wanted = take_count(r, ENGINE_GRAPH_HANDLES_MAX);
    const char **texts = calloc(wanted ? wanted : 1, sizeof(*texts));

    if (!texts)
        r->failed = 1;
    for (uint32_t i = 0; texts && i < wanted; i++)
        texts[i] = take_text(r);
    *count = texts ? wanted : 0;
    return texts;
}

static void take_platforms(struct reader *r, struct engine_node *node)
{
    node->platform_count = take_count(r, ENGINE_NODE_PLATFORMS_MAX);
    for (uint32_t i = 0; i < node->platform_count; i++) {
        node->platforms[i] = take_count(r, UINT32_MAX);
        if (take_count(r, 1))
            node->platform_names[i] = take_text(r);
    }
}

static void take_node(struct reader *r, struct engine_node *node,
                      uint64_t version)
{
    node->name = take_text(r);
    node->kind = (enum engine_node_kind)take_count(r, 64);
    node->wait_ns = take_number(r);
    node->attempt_timeout_ns = take_number(r);
    if (version >= DEFINITION_DEADLINES) {
        node->schedule_to_start_ns = take_number(r);
        node->timeout_ns = take_number(r);
    }
    node->side_effect = (enum engine_side_effect)take_count(r, 64);
    node->semantics = (enum engine_semantics)take_count(r, 64);
    node->retry.attempts_max = take_count(r, UINT32_MAX);
    node->retry.factor_milli = take_count(r, UINT32_MAX);
    node->retry.delay_ns = take_number(r);
    node->retry.delay_max_ns = take_number(r);
    node->retry.jitter = (enum engine_jitter)take_count(r, 64);
    node->inputs = take_texts(r, &node->input_count);
    node->outputs = take_texts(r, &node->output_count);
    if (version >= DEFINITION_PLATFORMS)
        take_platforms(r, node);
}

static const char *handle_at(struct reader *r, const char *const *handles,
                             uint32_t count)
{
    uint64_t index = take_number(r);

    if (index >= count)
        r->failed = 1;
    return r->failed ? "" : handles[index];
}

static void take_edge(struct reader *r, const struct engine_node *nodes,
                      uint32_t count, struct engine_edge_names *edge)
{
    uint32_t from = take_count(r, count - 1);
    edge->from = nodes[from].name;
    edge->output = handle_at(r, nodes[from].outputs, nodes[from].output_count);
    uint32_t to = take_count(r, count - 1);
    edge->to = nodes[to].name;
    edge->input = handle_at(r, nodes[to].inputs, nodes[to].input_count);
}

static struct engine_graph *take_graph(struct reader *r, uint64_t version)
{
    struct engine_hash digest;
    digest.lo = take_number(r);
    digest.hi = take_number(r);
    const char *name = take_text(r);
    uint64_t timeout_ns = take_time(r);
    uint32_t count = take_count(r, ENGINE_GRAPH_NODES_MAX);
    struct engine_node *nodes = calloc(count ? count : 1, sizeof(*nodes));
    struct engine_edge_names *edges = NULL;
    struct engine_graph *graph = NULL;
    uint32_t edge_count = 0;

    r->failed |= !nodes || count == 0;
    for (uint32_t i = 0; i < count && !r->failed; i++)
        take_node(r, &nodes[i], version);
    edge_count = take_count(r, ENGINE_GRAPH_EDGES_MAX);
    edges = calloc(edge_count ? edge_count : 1, sizeof(*edges));
    r->failed |= !edges;
    for (uint32_t i = 0; i < edge_count && !r->failed; i++)
        take_edge(r, nodes, count, &edges[i]);
    if (!r->failed && r->at == r->size)
        graph = engine_graph_new(name, nodes, count, edges, edge_count, NULL);
    for (uint32_t i = 0; nodes && i < count; i++) {
        free((void *)nodes[i].inputs);
        free((void *)nodes[i].outputs);
    }
    free(nodes);
    free(edges);
    if (graph)
        engine_graph_set_timeout(graph, timeout_ns);
    if (graph && (engine_graph_digest(graph).lo != digest.lo ||
                  engine_graph_digest(graph).hi != digest.hi)) {
        engine_graph_free(graph);
        return NULL;
    }
    return graph;
}

struct engine_graph *host_definition_read(const void *bytes, size_t size)
{
    struct reader r = {.bytes = bytes, .size = size};
    struct engine_graph *graph = NULL;
    uint64_t version = take_number(&r);

    r.texts = malloc(size + 1);
    if (r.texts && version >= DEFINITION_VERSION &&
        version <= DEFINITION_PLATFORMS)
        graph = take_graph(&r, version);
    free(r.texts);
    return graph;
}

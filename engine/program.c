#include "engine/program.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/value.h"

/* What is allocated for a program, freed with it. */
struct chunk {
    struct chunk *next;
    max_align_t bytes[];
};

struct engine_program_block {
    struct engine_program_block *next;
    struct engine_graph *graph;
    struct engine_program_node *nodes;
    uint32_t *order;      /* nodes, sources first, as they are gone over */
    bool *held;           /* by node: in a context of its own */
    bool overlaps;        /* its nodes are not one row */
    uint32_t place;       /* among the program's blocks */
    uint32_t first_place; /* of its nodes among the program's */
};

struct engine_program {
    const char *name;
    struct chunk *chunks;
    struct engine_program_block *blocks;
    struct engine_program_block *root;
    struct engine_program_step *steps;
    uint32_t step_count;
    uint32_t step_capacity;
    uint32_t block_count;
    uint32_t node_count;
};

/* What a node's or block's function gets as its self. */
struct call {
    struct engine_program_bound *bound;
    const struct engine_program_block *block;
    const struct engine_program_node *node;
};

struct engine_program_bound {
    const struct engine_program *program;
    const struct engine_program_host *host;
    void *self;
    struct call *nodes;
    struct call *blocks;
};

/* Building ---------------------------------------------------------------- */

struct engine_program *engine_program_new(const char *name)
{
    struct engine_program *program = calloc(1, sizeof(*program));
    if (!program)
        return NULL;
    program->name = engine_program_text(program, name);
    if (program->name)
        return program;
    engine_program_free(program);
    return NULL;
}

void engine_program_free(struct engine_program *program)
{
    if (!program)
        return;
    for (struct engine_program_block *block = program->blocks; block;
         block = block->next)
        engine_graph_free(block->graph);
    while (program->chunks) {
        struct chunk *chunk = program->chunks;
        program->chunks = chunk->next;
        free(chunk);
    }
    free(program->steps);
    free(program);
}

void *engine_program_memory(struct engine_program *program, size_t size)
{
    struct chunk *chunk = NULL;
    if (size <= SIZE_MAX - sizeof(*chunk))
        chunk = calloc(1, sizeof(*chunk) + size);
    if (!chunk)
        return NULL;
    chunk->next = program->chunks;
    program->chunks = chunk;
    return chunk->bytes;
}

char *engine_program_text(struct engine_program *program, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = engine_program_memory(program, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

uint32_t engine_program_add_step(struct engine_program *program,
                                 const struct engine_program_step *step)
{
    if (program->step_count == program->step_capacity) {
        uint32_t capacity =
            program->step_capacity ? 2 * program->step_capacity : 16;
        struct engine_program_step *steps =
            realloc(program->steps, capacity * sizeof(*steps));
        if (!steps)
            return ENGINE_PROGRAM_NONE;
        program->steps = steps;
        program->step_capacity = capacity;
    }
    const char *name = engine_program_text(program, step->name);
    if (!name)
        return ENGINE_PROGRAM_NONE;
    uint32_t number = program->step_count++;
    program->steps[number] = *step;
    program->steps[number].name = name;
    program->steps[number].number = number;
    return number;
}

void engine_program_set_start(struct engine_program *program, uint32_t number,
                              uint64_t schedule_to_start_ns)
{
    assert(number < program->step_count);
    program->steps[number].schedule_to_start_ns = schedule_to_start_ns;
}

/* Sources first, then whatever they were the last to be waited for by. */
static void set_order(struct engine_program_block *block, uint32_t *waits)
{
    uint32_t count = engine_graph_count(block->graph), filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        waits[i] = engine_graph_indegree(block->graph, i);
        if (waits[i] == 0)
            block->order[filled++] = i;
    }
    for (uint32_t at = 0; at < filled; at++) {
        uint32_t after_count;
        const uint32_t *after = engine_graph_dependents(
            block->graph, block->order[at], &after_count);
        for (uint32_t i = 0; i < after_count; i++)
            if (--waits[after[i]] == 0)
                block->order[filled++] = after[i];
    }
    assert(filled == count);
}

/* Rows of bits: which nodes each node comes after. */
static void set_ancestors(const struct engine_program_block *block,
                          uint64_t *bits, uint32_t words)
{
    uint32_t count = engine_graph_count(block->graph);
    for (uint32_t at = 0; at < count; at++) {
        uint32_t node = block->order[at], sources;
        uint64_t *row = bits + (size_t)node * words;
        const struct engine_source *from =
            engine_graph_sources(block->graph, node, &sources);
        for (uint32_t i = 0; i < sources; i++) {
            const uint64_t *above = bits + (size_t)from[i].node * words;
            for (uint32_t word = 0; word < words; word++)
                row[word] |= above[word];
            row[from[i].node / 64] |= UINT64_C(1) << (from[i].node % 64);
        }
    }
}

/*
 * A node needs a context if a later one may be called before all that it
 * waits for is done. `common` is what all later nodes come after.
 */
static void set_held(struct engine_program_block *block, const uint64_t *bits,
                     uint32_t words, uint64_t *common)
{
    memset(common, 0xff, words * sizeof(*common));
    for (uint32_t at = engine_graph_count(block->graph); at-- > 0;) {
        uint32_t node = block->order[at], sources;
        const struct engine_source *from =
            engine_graph_sources(block->graph, node, &sources);
        for (uint32_t i = 0; i < sources; i++)
            if (!(common[from[i].node / 64] >> (from[i].node % 64) & 1))
                block->held[node] = true;
        for (uint32_t word = 0; word < words; word++)
            common[word] &= bits[(size_t)node * words + word];
    }
}

static void set_overlaps(struct engine_program_block *block,
                         const uint64_t *bits, uint32_t words)
{
    for (uint32_t at = 1; at < engine_graph_count(block->graph); at++) {
        uint32_t before = block->order[at - 1];
        const uint64_t *row = bits + (size_t)block->order[at] * words;
        if (!(row[before / 64] >> (before % 64) & 1))
            block->overlaps = true;
    }
}

static int arrange(struct engine_program_block *block)
{
    uint32_t count = engine_graph_count(block->graph);
    uint32_t words = (count + 63) / 64;
    uint32_t *waits = calloc(count, sizeof(*waits));
    uint64_t *bits = calloc((size_t)(count + 1) * words, sizeof(*bits));
    int result = waits && bits ? 0 : -1;
    if (result == 0) {
        set_order(block, waits);
        set_ancestors(block, bits, words);
        set_held(block, bits, words, bits + (size_t)count * words);
        set_overlaps(block, bits, words);
    }
    free(bits);
    free(waits);
    return result;
}

static int run_code(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out);
static int run_compensation(struct engine_attempt *a, void *self,
                            struct engine_bytes input,
                            struct engine_bytes *out);

static void take_nodes(struct engine_program_block *block,
                       const struct engine_program_node *nodes)
{
    for (uint32_t i = 0; i < engine_graph_count(block->graph); i++) {
        struct engine_program_node *node = &block->nodes[i];
        *node = nodes[i];
        node->options.retry = node->retry.attempts_max ? &node->retry : NULL;
        if (node->kind == ENGINE_PROGRAM_STEP &&
            node->compensation != ENGINE_PROGRAM_NONE)
            node->options.compensate = run_compensation;
    }
}

struct engine_program_block *
engine_program_add_block(struct engine_program *program,
                         struct engine_graph *graph,
                         const struct engine_program_node *nodes)
{
    uint32_t count = engine_graph_count(graph);
    struct engine_program_block *block =
        engine_program_memory(program, sizeof(*block));
    if (!block) {
        engine_graph_free(graph);
        return NULL;
    }
    block->graph = graph;
    block->next = program->blocks;
    program->blocks = block;
    block->place = program->block_count++;
    block->first_place = program->node_count;
    program->node_count += count;
    block->nodes = engine_program_memory(program, count * sizeof(*nodes));
    block->order =
        engine_program_memory(program, count * sizeof(*block->order));
    block->held = engine_program_memory(program, count * sizeof(*block->held));
    if (!block->nodes || !block->order || !block->held || arrange(block))
        return NULL;
    take_nodes(block, nodes);
    return block;
}

void engine_program_set_root(struct engine_program *program,
                             struct engine_program_block *root)
{
    program->root = root;
}

const char *engine_program_name(const struct engine_program *program)
{
    return program->name;
}

uint32_t engine_program_step_count(const struct engine_program *program)
{
    return program->step_count;
}

const struct engine_program_step *
engine_program_step(const struct engine_program *program, uint32_t number)
{
    assert(number < program->step_count);
    return &program->steps[number];
}

uint32_t engine_program_find(const struct engine_program *program,
                             const char *name)
{
    for (uint32_t i = 0; i < program->step_count; i++)
        if (strcmp(program->steps[i].name, name) == 0)
            return i;
    return ENGINE_PROGRAM_NONE;
}

const struct engine_program_block *
engine_program_root(const struct engine_program *program)
{
    return program->root;
}

const struct engine_graph *
engine_program_graph(const struct engine_program_block *block)
{
    return block->graph;
}

const struct engine_program_node *
engine_program_node(const struct engine_program_block *block, uint32_t index)
{
    assert(index < engine_graph_count(block->graph));
    return &block->nodes[index];
}

bool engine_program_is_held(const struct engine_program_block *block,
                            uint32_t index)
{
    assert(index < engine_graph_count(block->graph));
    return block->held[index];
}

/* Data -------------------------------------------------------------------- */

/* What a node has given so far, while its block is gone over. */
struct given {
    struct engine_bytes bytes;
    bool done;
};

/* One call of a block. */
struct frame {
    const struct call *call;
    struct engine_bytes input;
    struct given *given; /* by node */
};

static int no_memory(struct engine_context *c)
{
    return engine_fail(c, ENGINE_ERR_OOM, "OutOfMemory",
                       "memory ran out while a block was gone over");
}

/* A value as it goes along an edge. */
struct piece {
    enum engine_value_kind kind;
    struct engine_bytes bytes;
};

static struct piece piece_of(const struct frame *frame, uint32_t node,
                             uint32_t output)
{
    struct piece piece = {ENGINE_VALUE_INLINE, frame->given[node].bytes};
    if (frame->call->block->nodes[node].kind != ENGINE_PROGRAM_STEP)
        return piece;
    const struct engine_value *value =
        engine_value_at(piece.bytes.data, piece.bytes.size, output);
    if (!value)
        return (struct piece){ENGINE_VALUE_INLINE, {NULL, 0}};
    piece.kind = (enum engine_value_kind)value->kind;
    piece.bytes = (struct engine_bytes){engine_value_bytes(value), value->size};
    return piece;
}

static size_t write_piece(unsigned char *to, const struct piece *piece)
{
    return engine_value_write(to, piece->kind, piece->bytes.data,
                              (uint32_t)piece->bytes.size);
}

static size_t piece_span(const struct piece *piece)
{
    return engine_value_span((uint32_t)piece->bytes.size);
}

static struct piece input_piece(const struct frame *frame,
                                const struct engine_source *from,
                                uint32_t count, uint32_t i)
{
    if (count == 0)
        return (struct piece){ENGINE_VALUE_INLINE, frame->input};
    return piece_of(frame, from[i].node, from[i].output);
}

/* The envelope that a step gets. */
static int gather(struct engine_context *c, const struct frame *frame,
                  uint32_t node, struct engine_bytes *out)
{
    uint32_t count;
    size_t size = 0;
    const struct engine_source *from =
        engine_graph_sources(frame->call->block->graph, node, &count);
    uint32_t pieces = count ? count : 1;
    for (uint32_t i = 0; i < pieces; i++) {
        struct piece piece = input_piece(frame, from, count, i);
        size += piece_span(&piece);
    }
    /* In a row of steps the envelope can stay where it is. */
    if (count == 1 && frame->given[from->node].bytes.size == size &&
        frame->call->block->nodes[from->node].kind == ENGINE_PROGRAM_STEP) {
        *out = frame->given[from->node].bytes;
        return ENGINE_DONE;
    }
    unsigned char *to = engine_context_memory(c, size);
    if (!to)
        return no_memory(c);
    *out = (struct engine_bytes){to, size};
    for (uint32_t i = 0; i < pieces; i++) {
        struct piece piece = input_piece(frame, from, count, i);
        to += write_piece(to, &piece);
    }
    return ENGINE_DONE;
}

/* The bytes that any other node gets. */
static int gather_bytes(struct engine_context *c, const struct frame *frame,
                        uint32_t node, struct engine_bytes *out)
{
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(frame->call->block->graph, node, &count);
    if (count > 1)
        return gather(c, frame, node, out);
    *out = input_piece(frame, from, count, 0).bytes;
    return ENGINE_DONE;
}

/* How many values of the result are this node's. */
static uint32_t result_count(const struct engine_program_block *block,
                             uint32_t node)
{
    uint32_t after;
    (void)engine_graph_dependents(block->graph, node, &after);
    if (after > 0 || block->nodes[node].kind == ENGINE_PROGRAM_WAIT ||
        block->nodes[node].kind == ENGINE_PROGRAM_UNTIL)
        return 0;
    return block->nodes[node].kind == ENGINE_PROGRAM_STEP
               ? engine_graph_node(block->graph, node)->output_count
               : 1;
}

/* Writes the result's values at `to` unless it is NULL; returns their size,
 * and the last of them and their number. */
static size_t put_result(const struct frame *frame, unsigned char *to,
                         struct piece *last, uint32_t *count)
{
    const struct engine_program_block *block = frame->call->block;
    size_t size = 0;
    *count = 0;
    for (uint32_t node = 0; node < engine_graph_count(block->graph); node++) {
        uint32_t values = result_count(block, node);
        for (uint32_t i = 0; i < values; i++, ++*count) {
            *last = piece_of(frame, node, i);
            if (to)
                (void)write_piece(to + size, last);
            size += piece_span(last);
        }
    }
    return size;
}

static int block_result(struct engine_context *c, const struct frame *frame,
                        struct engine_bytes *out)
{
    struct piece last = {ENGINE_VALUE_INLINE, {NULL, 0}};
    uint32_t count;
    size_t size = put_result(frame, NULL, &last, &count);
    *out = last.bytes;
    if (count < 2)
        return ENGINE_DONE;
    unsigned char *to = engine_context_memory(c, size);
    if (!to)
        return no_memory(c);
    (void)put_result(frame, to, &last, &count);
    *out = (struct engine_bytes){to, size};
    return ENGINE_DONE;
}

/* A row of results, each after its size. */
static int put_row(struct engine_context *c, const struct engine_bytes *parts,
                   uint32_t count, struct engine_bytes *out)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += sizeof(uint32_t) + parts[i].size;
    unsigned char *to = engine_context_memory(c, size ? size : 1);
    if (!to)
        return no_memory(c);
    *out = (struct engine_bytes){to, size};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = (uint32_t)parts[i].size;
        memcpy(to, &part, sizeof(part));
        to += sizeof(part);
        if (part)
            memcpy(to, parts[i].data, part);
        to += part;
    }
    return ENGINE_DONE;
}

/* The results of branches; those that have none give an empty one. */
static int batch_row(struct engine_context *c, const struct engine_batch *batch,
                     struct engine_bytes *out)
{
    struct engine_bytes *parts =
        engine_context_memory(c, (batch->count + 1) * sizeof(*parts));
    if (!parts)
        return no_memory(c);
    for (uint32_t i = 0; i < batch->count; i++)
        parts[i] = batch->branches[i].status == ENGINE_BRANCH_SUCCEEDED
                       ? batch->branches[i].value
                       : (struct engine_bytes){NULL, 0};
    return put_row(c, parts, batch->count, out);
}

/* Operations -------------------------------------------------------------- */

static int run_as(const struct call *call, uint32_t number,
                  struct engine_attempt *a, struct engine_bytes input,
                  struct engine_bytes *out)
{
    const struct engine_program_bound *bound = call->bound;
    return bound->host->run(bound->self,
                            engine_program_step(bound->program, number), a,
                            input, out);
}

static int run_code(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    const struct call *call = self;
    return run_as(call, call->node->step, a, input, out);
}

static int run_compensation(struct engine_attempt *a, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    const struct call *call = self;
    return run_as(call, call->node->compensation, a, input, out);
}

static int run_check(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const struct call *call = self;
    if (call->node->holds_after == 0)
        return run_code(a, self, input, out);
    *out = input;
    return engine_attempt_number(a) >= call->node->holds_after
               ? ENGINE_DONE
               : ENGINE_SUSPENDED;
}

static int run_block(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out);

/* A node about to be called, its inputs gathered. */
struct asked {
    struct engine_context *c;
    struct call *call;
    const char *name;
    struct engine_bytes input;
    struct engine_bytes *out;
};

static struct call *block_call(const struct asked *asked, uint32_t branch)
{
    const struct engine_program_block *block =
        asked->call->node->branches[branch].block;
    return &asked->call->bound->blocks[block->place];
}

static int call_step(const struct asked *asked)
{
    return engine_step(asked->c, asked->name, run_code, asked->call,
                       asked->input, &asked->call->node->options, asked->out);
}

static int call_wait(const struct asked *asked)
{
    return engine_wait(asked->c, asked->name, asked->call->node->ns);
}

/* The next time stays the same in every replay, as engine_time() does. */
static int call_until(const struct asked *asked)
{
    const struct engine_program_node *node = asked->call->node;
    uint64_t moment = node->cron
                          ? engine_cron_next(node->cron, engine_time(asked->c))
                          : node->ns;

    return engine_wait_until(asked->c, asked->name, moment);
}

static int call_condition(const struct asked *asked)
{
    struct engine_condition_options options = {.poll =
                                                   asked->call->node->retry};
    return engine_wait_for_condition(asked->c, asked->name, run_check,
                                     asked->call, asked->input, &options,
                                     asked->out);
}

static struct engine_callback_options
callback_options(const struct engine_program_node *node)
{
    return (struct engine_callback_options){.timeout_ns = node->ns,
                                            .heartbeat_ns = node->heartbeat_ns};
}

static int call_callback(const struct asked *asked)
{
    const struct engine_program_bound *bound = asked->call->bound;
    const struct engine_program_node *node = asked->call->node;
    struct engine_callback_options options = callback_options(node);
    struct engine_callback callback;
    int flow =
        engine_create_callback(asked->c, asked->name, &options, &callback);
    if (flow)
        return flow;
    flow = engine_callback_result(asked->c, &callback, asked->out);
    if (flow == ENGINE_SUSPENDED && bound->host->opened)
        bound->host->opened(bound->self,
                            engine_program_step(bound->program, node->step),
                            engine_context_run(asked->c), callback.id);
    return flow;
}

static int call_wait_for_callback(const struct asked *asked)
{
    struct engine_callback_options options =
        callback_options(asked->call->node);
    return engine_wait_for_callback(asked->c, asked->name, run_code,
                                    asked->call, &asked->call->node->options,
                                    &options, asked->out);
}

static int call_invoke(const struct asked *asked)
{
    const struct engine_program_node *node = asked->call->node;
    struct engine_invoke_options options = {
        .timeout_ns = node->ns, .on_parent_end = node->on_parent_end};
    return engine_invoke(asked->c, asked->name, node->text, asked->input,
                         &options, asked->out);
}

static int call_child(const struct asked *asked)
{
    return engine_run_in_child_context(asked->c, asked->name, run_block,
                                       block_call(asked, 0), asked->input, NULL,
                                       asked->out);
}

/* Takes the input's row apart; *count of them. NULL: no memory. */
static struct engine_bytes *row_items(const struct asked *asked,
                                      uint32_t *count)
{
    *count = 0;
    while (engine_item_of(asked->input, *count).data)
        ++*count;
    struct engine_bytes *items =
        engine_context_memory(asked->c, (*count + 1) * sizeof(*items));
    for (uint32_t i = 0; items && i < *count; i++)
        items[i] = engine_item_of(asked->input, i);
    return items;
}

static int call_map(const struct asked *asked)
{
    const struct engine_program_node *node = asked->call->node;
    const struct engine_bytes *items = node->items;
    uint32_t count = node->item_count;
    struct engine_batch batch;
    if (count == ENGINE_PROGRAM_NONE) {
        items = row_items(asked, &count);
        if (!items)
            return no_memory(asked->c);
    }
    int flow = engine_map(asked->c, asked->name, items, count, run_block,
                          block_call(asked, 0), &node->batch, &batch);
    return flow ? flow : batch_row(asked->c, &batch, asked->out);
}

static int call_branches(const struct asked *asked,
                         const struct engine_branch *branches)
{
    const struct engine_program_node *node = asked->call->node;
    struct engine_context *c = asked->c;
    const char *name = asked->name;
    uint32_t count = node->branch_count, winner;
    struct engine_batch batch;
    int flow;
    if (node->mode == ENGINE_PROGRAM_RACE)
        return engine_race(c, name, branches, count, &winner, asked->out);
    if (node->mode == ENGINE_PROGRAM_ANY)
        return engine_any(c, name, branches, count, &winner, asked->out);
    if (node->mode == ENGINE_PROGRAM_ALL)
        flow = engine_all(c, name, branches, count, &batch);
    else if (node->mode == ENGINE_PROGRAM_ALL_SETTLED)
        flow = engine_all_settled(c, name, branches, count, &batch);
    else
        flow = engine_parallel(c, name, branches, count, &node->batch, &batch);
    return flow ? flow : batch_row(c, &batch, asked->out);
}

static int call_parallel(const struct asked *asked)
{
    const struct engine_program_node *node = asked->call->node;
    struct engine_branch *branches =
        engine_context_memory(asked->c, node->branch_count * sizeof(*branches));
    if (!branches)
        return no_memory(asked->c);
    for (uint32_t i = 0; i < node->branch_count; i++)
        branches[i] = (struct engine_branch){.name = node->branches[i].name,
                                             .run = run_block,
                                             .self = block_call(asked, i),
                                             .input = asked->input};
    return call_branches(asked, branches);
}

static int send_one(struct engine_context *c,
                    const struct engine_program_node *node,
                    struct engine_bytes message)
{
    uint64_t to = node->to;
    if (node->to_relative)
        to += engine_context_run(c);
    return engine_send(c, to, node->text, message, node->window);
}

static int run_sends(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const struct call *call = self;
    *out = (struct engine_bytes){NULL, 0};
    for (uint32_t i = 0; i < call->node->messages; i++) {
        int flow = send_one(c, call->node, input);
        if (flow)
            return flow;
    }
    return ENGINE_DONE;
}

static int call_send(const struct asked *asked)
{
    if (asked->call->node->messages == 1)
        return send_one(asked->c, asked->call->node, asked->input);
    return engine_run_in_child_context(asked->c, asked->name, run_sends,
                                       asked->call, asked->input, NULL,
                                       asked->out);
}

/* A message in the list of those received, the newest first. */
struct received {
    struct engine_bytes message;
    struct received *before;
};

static int received_row(struct engine_context *c, const struct received *last,
                        uint32_t count, struct engine_bytes *out)
{
    struct engine_bytes *parts =
        engine_context_memory(c, (count + 1) * sizeof(*parts));
    if (!parts)
        return no_memory(c);
    for (uint32_t i = count; i > 0; i--, last = last->before)
        parts[i - 1] = last->message;
    return put_row(c, parts, count, out);
}

static int run_receives(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    const struct call *call = self;
    struct received *last = NULL;
    uint32_t count = 0;
    (void)input;
    while (call->node->messages == 0 || count < call->node->messages) {
        struct received *next = engine_context_memory(c, sizeof(*next));
        bool end = false;
        if (!next)
            return no_memory(c);
        int flow = engine_receive_for(c, call->node->text, call->node->ns,
                                      &next->message, &end);
        if (flow)
            return flow;
        if (end)
            break;
        next->before = last;
        last = next;
        count++;
    }
    return received_row(c, last, count, out);
}

static int call_receive(const struct asked *asked)
{
    bool end = false;
    if (asked->call->node->messages != 1)
        return engine_run_in_child_context(asked->c, asked->name, run_receives,
                                           asked->call, asked->input, NULL,
                                           asked->out);
    int flow = engine_receive_for(asked->c, asked->call->node->text,
                                  asked->call->node->ns, asked->out, &end);
    if (flow == ENGINE_DONE && end)
        *asked->out = (struct engine_bytes){NULL, 0};
    return flow;
}

static int call_node(const struct asked *asked)
{
    static int (*const calls[])(const struct asked *) = {
        [ENGINE_PROGRAM_STEP] = call_step,
        [ENGINE_PROGRAM_WAIT] = call_wait,
        [ENGINE_PROGRAM_CONDITION] = call_condition,
        [ENGINE_PROGRAM_CALLBACK] = call_callback,
        [ENGINE_PROGRAM_WAIT_FOR_CALLBACK] = call_wait_for_callback,
        [ENGINE_PROGRAM_INVOKE] = call_invoke,
        [ENGINE_PROGRAM_CHILD] = call_child,
        [ENGINE_PROGRAM_MAP] = call_map,
        [ENGINE_PROGRAM_PARALLEL] = call_parallel,
        [ENGINE_PROGRAM_SEND] = call_send,
        [ENGINE_PROGRAM_RECEIVE] = call_receive,
        [ENGINE_PROGRAM_UNTIL] = call_until,
    };
    return calls[asked->call->node->kind](asked);
}

/* Blocks ------------------------------------------------------------------ */

static bool is_ready(const struct frame *frame, uint32_t node)
{
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(frame->call->block->graph, node, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!frame->given[from[i].node].done)
            return false;
    return true;
}

static int visit(struct engine_context *c, const struct frame *frame,
                 uint32_t node, struct engine_bytes *out)
{
    const struct engine_program_block *block = frame->call->block;
    struct asked asked = {
        .c = c,
        .call = &frame->call->bound->nodes[block->first_place + node],
        .name = engine_graph_node(block->graph, node)->name,
        .out = out,
    };
    int flow = block->nodes[node].kind == ENGINE_PROGRAM_STEP
                   ? gather(c, frame, node, &asked.input)
                   : gather_bytes(c, frame, node, &asked.input);
    return flow ? flow : call_node(&asked);
}

/* A node in a context of its own, which is there before its turn comes. */
struct held {
    const struct frame *frame;
    uint32_t node;
};

static int run_held(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    const struct held *held = self;
    (void)input;
    *out = (struct engine_bytes){NULL, 0};
    if (!is_ready(held->frame, held->node))
        return ENGINE_SUSPENDED;
    return visit(c, held->frame, held->node, out);
}

static int visit_held(struct engine_context *c, const struct frame *frame,
                      uint32_t node, struct engine_bytes *out)
{
    struct held held = {frame, node};
    struct engine_bytes none = {NULL, 0};
    return engine_run_in_child_context(
        c, engine_graph_node(frame->call->block->graph, node)->name, run_held,
        &held, none, NULL, out);
}

/*
 * Once a node without a context of its own is not ready, no later one is.
 * After a failure nothing more begins, but the nodes behind it are gone over
 * all the same: what has ended there may have to be undone.
 */
static int go_over(struct engine_context *c, struct frame *frame)
{
    const struct engine_program_block *block = frame->call->block;
    uint32_t count = engine_graph_count(block->graph);
    int failed = ENGINE_DONE;
    bool open = false;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t node = block->order[at];
        struct given *given = &frame->given[node];
        if (!block->held[node] && !is_ready(frame, node))
            break;
        int flow = block->held[node] ? visit_held(c, frame, node, &given->bytes)
                                     : visit(c, frame, node, &given->bytes);
        if (flow == ENGINE_BROKEN)
            return flow;
        if (flow == ENGINE_FAILED_FLOW && !failed) {
            failed = flow;
            engine_context_close(c);
        }
        given->done = flow == ENGINE_DONE;
        open |= !given->done;
    }
    if (failed)
        return failed;
    return open ? ENGINE_SUSPENDED : ENGINE_DONE;
}

static int run_block(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct frame frame = {.call = self, .input = input};
    size_t count = engine_graph_count(frame.call->block->graph);
    frame.given = engine_context_memory(c, count * sizeof(*frame.given));
    if (!frame.given)
        return no_memory(c);
    memset(frame.given, 0, count * sizeof(*frame.given));
    if (frame.call->block->overlaps)
        engine_context_overlap(c);
    int flow = go_over(c, &frame);
    return flow ? flow : block_result(c, &frame, out);
}

/* Binding ----------------------------------------------------------------- */

static void bind_block(struct engine_program_bound *bound,
                       const struct engine_program_block *block)
{
    bound->blocks[block->place] = (struct call){bound, block, NULL};
    for (uint32_t i = 0; i < engine_graph_count(block->graph); i++)
        bound->nodes[block->first_place + i] =
            (struct call){bound, block, &block->nodes[i]};
}

struct engine_program_bound *
engine_program_bind(const struct engine_program *program,
                    const struct engine_program_host *host, void *self)
{
    assert(program->root);
    size_t calls = (size_t)program->node_count + program->block_count;
    struct engine_program_bound *bound =
        calloc(1, sizeof(*bound) + calls * sizeof(struct call));
    if (!bound)
        return NULL;
    bound->program = program;
    bound->host = host;
    bound->self = self;
    bound->nodes = (struct call *)(bound + 1);
    bound->blocks = bound->nodes + program->node_count;
    for (const struct engine_program_block *block = program->blocks; block;
         block = block->next)
        bind_block(bound, block);
    return bound;
}

void engine_program_unbind(struct engine_program_bound *bound)
{
    free(bound);
}

struct engine_handler engine_program_handler(struct engine_program_bound *bound)
{
    return (struct engine_handler){
        .name = bound->program->name,
        .run = run_block,
        .self = &bound->blocks[bound->program->root->place],
    };
}

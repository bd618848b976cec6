#include "tests/support/engine_bed.h"

#include <assert.h>
#include <stdio.h>

#include "engine/host/store_memory.h"
#include "engine/value.h"

enum {
    OWN_SENDER = 99
};

static void emit(void *self, const struct engine_record *record)
{
    struct engine_bed *bed = self;
    bed->records[record->kind]++;
    if (record->kind == ENGINE_REC_DISOWNED)
        bed->disowned_detail = record->detail;
}

struct engine_store_limits engine_bed_limits(void)
{
    return (struct engine_store_limits){.op_payload_max = 1 << 20,
                                        .request_max = 1 << 24,
                                        .history_ops_max = 100000,
                                        .blob_max = 1 << 24};
}

static void default_configs(struct engine_bed *bed)
{
    bed->coordinator = (struct engine_coordinator_config){
        .store = BED_STORE,
        .platforms = bed->platforms,
        .platform_count = 1,
        .graphs = bed->graphs,
        .graph_count = 1,
        .seed = 7,
        .lease_ttl_ns = 30 * BED_S,
        .claim_ttl_ns = 30 * BED_S,
        .skew_bound_ns = BED_S,
        .scan_ns = 5 * BED_S,
        .request_timeout_ns = 2 * BED_S,
        .dispatch_timeout_ns = BED_S,
        .suspend_after_ns = 60 * BED_S,
        .runs_max = 100,
        .sink = &bed->sink,
        .scratch = &bed->scratch,
        .rows = &bed->rows,
    };
    bed->worker = (struct engine_worker_config){
        .store = BED_STORE,
        .slots = 2,
        .graphs = bed->graphs,
        .graph_count = 1,
        .handlers = bed->handlers,
        .claim_ttl_ns = 30 * BED_S,
        .skew_bound_ns = BED_S,
        .request_timeout_ns = 2 * BED_S,
        .inline_max = 4096,
        .sink = &bed->sink,
        .scratch = &bed->scratch,
    };
}

void engine_bed_open(struct engine_bed *bed, const struct engine_graph *graph,
                     const struct engine_store_limits *limits)
{
    *bed = (struct engine_bed){.now_ns = 1000000 * BED_S,
                               .graphs = {graph, graph},
                               .platforms = {BED_PLATFORM, 200, 201, 202}};
    struct store_memory_config config = {
        .limits = limits ? *limits : engine_bed_limits(), .keep_log = 1};
    int opened = store_memory_open(&config, &bed->store);
    assert(opened == 0);
    (void)opened;
    bed->sink = (struct engine_sink){emit, bed};
    engine_block_init(&bed->reply);
    engine_block_init(&bed->request);
    engine_block_init(&bed->scratch);
    engine_block_init(&bed->rows);
    engine_update_init(&bed->update);
    default_configs(bed);
}

void engine_bed_close(struct engine_bed *bed)
{
    for (uint32_t node = 0; node < BED_MACHINES_MAX; node++)
        engine_bed_kill(bed, BED_MACHINE + node);
    while (bed->post_count > 0)
        engine_bed_discard(bed, bed->post_count - 1);
    free(bed->posts);
    engine_block_free(&bed->reply);
    engine_block_free(&bed->request);
    engine_block_free(&bed->scratch);
    engine_block_free(&bed->rows);
    engine_update_free(&bed->update);
    bed->store.ops->close(bed->store.self);
}

/* Machines ------------------------------------------------------------------
 */

struct engine_bed_machine *engine_bed_machine(struct engine_bed *bed,
                                              uint32_t node)
{
    assert(node >= BED_MACHINE && node < BED_MACHINE + BED_MACHINES_MAX);
    return &bed->machines[node - BED_MACHINE];
}

void engine_bed_kill(struct engine_bed *bed, uint32_t node)
{
    struct engine_bed_machine *machine = engine_bed_machine(bed, node);
    engine_coordinator_free(machine->coordinator);
    engine_worker_free(machine->worker);
    machine->coordinator = NULL;
    machine->worker = NULL;
}

static struct engine_bed_machine *renew(struct engine_bed *bed, uint32_t node)
{
    struct engine_bed_machine *machine = engine_bed_machine(bed, node);
    engine_bed_kill(bed, node);
    machine->incarnation++;
    /* A monotonic clock starts anywhere, with the process or before it. */
    machine->mono_ns = UINT64_C(1000) * node * BED_S;
    return machine;
}

void engine_bed_coordinator(struct engine_bed *bed, uint32_t node)
{
    struct engine_bed_machine *machine = renew(bed, node);
    struct engine_coordinator_config config = bed->coordinator;
    config.node = node;
    config.incarnation = machine->incarnation;
    machine->coordinator = engine_coordinator_new(&config, machine->mono_ns);
    assert(machine->coordinator);
}

void engine_bed_worker(struct engine_bed *bed, uint32_t node)
{
    struct engine_bed_machine *machine = renew(bed, node);
    struct engine_worker_config config = bed->worker;
    config.node = node;
    config.incarnation = machine->incarnation;
    machine->worker = engine_worker_new(&config, machine->mono_ns);
    assert(machine->worker);
}

void engine_bed_pass(struct engine_bed *bed, uint64_t ns)
{
    bed->now_ns += ns;
    for (uint32_t i = 0; i < BED_MACHINES_MAX; i++)
        bed->machines[i].mono_ns += ns;
}

static void keep_post(struct engine_bed *bed, uint32_t node,
                      const struct engine_do *action)
{
    struct engine_bed_post *post = calloc(1, sizeof(*post));
    unsigned char *bytes = malloc(action->size);
    assert(post && bytes);
    memcpy(bytes, engine_update_bytes(&bed->update, action), action->size);
    *post = (struct engine_bed_post){.kind = action->kind,
                                     .from = node,
                                     .size = action->size,
                                     .bytes = bytes};
    if (bed->post_count == bed->post_capacity) {
        bed->post_capacity = bed->post_capacity ? 2 * bed->post_capacity : 64;
        bed->posts = realloc(bed->posts, bed->post_capacity *
                                             sizeof(struct engine_bed_post *));
        assert(bed->posts);
    }
    bed->posts[bed->post_count++] = post;
}

static void step(struct engine_bed *bed, uint32_t node,
                 struct engine_input *input)
{
    struct engine_bed_machine *machine = engine_bed_machine(bed, node);
    input->mono_ns = machine->mono_ns;
    input->wall_ns = bed->now_ns;
    engine_update_reset(&bed->update);
    int error = 0;
    if (machine->coordinator)
        error =
            engine_coordinator_step(machine->coordinator, input, &bed->update);
    else if (machine->worker)
        error = engine_worker_step(machine->worker, input, &bed->update);
    assert(error == 0);
    (void)error;
    for (uint32_t i = 0; i < bed->update.count; i++)
        keep_post(bed, node, &bed->update.actions[i]);
}

void engine_bed_wake(struct engine_bed *bed, uint32_t node)
{
    struct engine_input input = {.kind = ENGINE_IN_TIME};
    step(bed, node, &input);
}

static uint64_t deadline(const struct engine_bed_machine *machine)
{
    return machine->coordinator
               ? engine_coordinator_deadline(machine->coordinator)
               : engine_worker_deadline(machine->worker);
}

void engine_bed_run_for(struct engine_bed *bed, uint32_t node, uint64_t ns)
{
    struct engine_bed_machine *machine = engine_bed_machine(bed, node);
    uint64_t end = machine->mono_ns + ns;
    for (;;) {
        uint64_t next = deadline(machine);
        if (next > end)
            break;
        if (next > machine->mono_ns)
            engine_bed_pass(bed, next - machine->mono_ns);
        engine_bed_wake(bed, node);
    }
    engine_bed_pass(bed, end - machine->mono_ns);
}

void engine_bed_message(struct engine_bed *bed, uint32_t node,
                        const struct engine_message *message,
                        const void *payload, size_t size)
{
    struct engine_message *copy = malloc(sizeof(*copy) + size);
    assert(copy);
    *copy = *message;
    copy->size = (uint32_t)(sizeof(*copy) + size);
    copy->to = node;
    if (size > 0)
        memcpy(copy + 1, payload, size);
    struct engine_input input = {.kind = ENGINE_IN_MESSAGE, .message = copy};
    step(bed, node, &input);
    free(copy);
}

void engine_bed_reply(struct engine_bed *bed, uint32_t node,
                      const struct engine_reply *reply)
{
    struct engine_input input = {.kind = ENGINE_IN_REPLY, .reply = reply};
    step(bed, node, &input);
}

void engine_bed_ended(struct engine_bed *bed, uint32_t node, uint32_t slot,
                      uint32_t error, const void *output, uint32_t size)
{
    engine_bed_part_ended(bed, node, slot, 0, error, output, size);
}

void engine_bed_part_ended(struct engine_bed *bed, uint32_t node, uint32_t slot,
                           uint32_t part, uint32_t error, const void *output,
                           uint32_t size)
{
    struct engine_ended ended = {.slot = slot,
                                 .part = part,
                                 .error = error,
                                 .retryable = error == ENGINE_ERR_USER,
                                 .size = size,
                                 .output = output};
    struct engine_input input = {.kind = ENGINE_IN_ENDED, .ended = &ended};
    step(bed, node, &input);
}

void engine_bed_progress(struct engine_bed *bed, uint32_t node, uint32_t slot,
                         uint32_t part, const char *saved)
{
    struct engine_ended sign = {.slot = slot,
                                .part = part,
                                .size = (uint32_t)strlen(saved),
                                .output = saved};
    struct engine_input input = {.kind = ENGINE_IN_PROGRESS, .ended = &sign};
    step(bed, node, &input);
}

/* Posts ---------------------------------------------------------------------
 */

const struct engine_message *engine_bed_head(const struct engine_bed_post *post)
{
    return (const void *)post->bytes;
}

const struct engine_request *
engine_bed_request(const struct engine_bed_post *post)
{
    assert(post->kind == ENGINE_DO_REQUEST);
    return (const void *)(post->bytes + sizeof(struct engine_message));
}

const struct engine_execute *
engine_bed_order(const struct engine_bed_post *post)
{
    return (const void *)post->bytes;
}

static uint32_t detail_of(const struct engine_bed_post *post)
{
    if (post->kind == ENGINE_DO_REQUEST)
        return engine_bed_request(post)->kind;
    return post->kind == ENGINE_DO_SEND ? engine_bed_head(post)->kind : 0;
}

static struct engine_bed_post *take(struct engine_bed *bed, uint32_t kind,
                                    uint32_t detail)
{
    for (size_t i = 0; i < bed->post_count; i++) {
        struct engine_bed_post *post = bed->posts[i];
        if (post->taken || post->kind != kind || detail_of(post) != detail)
            continue;
        post->taken = true;
        return post;
    }
    return NULL;
}

struct engine_bed_post *engine_bed_request_post(struct engine_bed *bed,
                                                uint32_t kind)
{
    return take(bed, ENGINE_DO_REQUEST, kind);
}

struct engine_bed_post *engine_bed_message_post(struct engine_bed *bed,
                                                uint32_t kind)
{
    return take(bed, ENGINE_DO_SEND, kind);
}

struct engine_bed_post *engine_bed_order_post(struct engine_bed *bed,
                                              uint32_t kind)
{
    return take(bed, kind, 0);
}

void engine_bed_lose_all(struct engine_bed *bed)
{
    for (size_t i = 0; i < bed->post_count; i++)
        bed->posts[i]->taken = true;
}

size_t engine_bed_waiting(const struct engine_bed *bed)
{
    size_t count = 0;
    for (size_t i = 0; i < bed->post_count; i++)
        count += !bed->posts[i]->taken;
    return count;
}

struct engine_bed_post *engine_bed_detach(struct engine_bed *bed, size_t index)
{
    struct engine_bed_post *post = bed->posts[index];
    bed->post_count--;
    memmove(&bed->posts[index], &bed->posts[index + 1],
            (bed->post_count - index) * sizeof(struct engine_bed_post *));
    return post;
}

void engine_bed_discard(struct engine_bed *bed, size_t index)
{
    struct engine_bed_post *post = engine_bed_detach(bed, index);
    free(post->bytes);
    free(post);
}

/* The store -----------------------------------------------------------------
 */

unsigned engine_bed_apply(struct engine_bed *bed,
                          const struct engine_request *request)
{
    const struct engine_store_ops *ops = bed->store.ops;
    if (ops->begin(bed->store.self, bed->now_ns) ||
        ops->apply(bed->store.self, request, &bed->reply) ||
        ops->commit(bed->store.self))
        return 0;
    const struct engine_reply *reply = (const void *)bed->reply.bytes;
    return reply->outcome;
}

unsigned engine_bed_serve(struct engine_bed *bed, uint32_t kind)
{
    struct engine_bed_post *post = engine_bed_request_post(bed, kind);
    if (!post)
        return 0;
    unsigned outcome = engine_bed_apply(bed, engine_bed_request(post));
    engine_bed_reply(bed, post->from, (const void *)bed->reply.bytes);
    return outcome;
}

unsigned engine_bed_refuse(struct engine_bed *bed, uint32_t kind,
                           uint32_t outcome, uint64_t actual, uint64_t maximum)
{
    struct engine_bed_post *post = engine_bed_request_post(bed, kind);
    if (!post)
        return 0;
    const struct engine_request *request = engine_bed_request(post);
    struct engine_reply reply = {.size = sizeof(reply),
                                 .kind = request->kind,
                                 .outcome = (uint16_t)outcome,
                                 .id = request->id,
                                 .run = request->run,
                                 .token = request->token,
                                 .store_time_ns = bed->now_ns,
                                 .actual = actual,
                                 .maximum = maximum};
    engine_bed_reply(bed, post->from, &reply);
    return outcome;
}

void engine_bed_serve_all(struct engine_bed *bed)
{
    for (bool some = true; some;) {
        some = false;
        for (uint32_t kind = 1; kind < ENGINE_REQ_COUNT; kind++)
            while (engine_bed_serve(bed, kind))
                some = true;
    }
}

/* What others say ------------------------------------------------------------
 */

void engine_bed_tell(struct engine_bed *bed, uint32_t node, uint32_t kind,
                     uint64_t run, uint32_t op, uint32_t attempt)
{
    struct engine_message message = {
        .kind = (uint16_t)kind,
        .from = BED_CLIENT,
        .run = run,
        .op = op,
        .attempt = attempt,
        .b = kind == ENGINE_MSG_START ? 0 : BED_MACHINE};
    engine_bed_message(bed, node, &message, NULL, 0);
}

void engine_bed_start(struct engine_bed *bed, uint32_t node, uint64_t run)
{
    engine_bed_tell(bed, node, ENGINE_MSG_START, run, 0, 0);
}

struct engine_request *engine_bed_ask(struct engine_bed *bed, uint32_t kind,
                                      uint64_t run)
{
    struct engine_request *request =
        engine_block_begin(&bed->request, sizeof(*request));
    assert(request);
    request->kind = (uint16_t)kind;
    request->id = ++bed->next_id;
    request->sender = (uint64_t)OWN_SENDER << 32 | 1;
    request->run = run;
    request->ttl_ns = 30 * BED_S;
    return request;
}

void engine_bed_add(struct engine_bed *bed, const struct engine_item *item,
                    const void *payload, size_t size)
{
    struct engine_item *added =
        engine_block_item(&bed->request, item, payload, size);
    assert(added);
    (void)added;
    struct engine_request *request = (void *)bed->request.bytes;
    request->item_count++;
}

unsigned engine_bed_apply_own(struct engine_bed *bed)
{
    return engine_bed_apply(bed, (const void *)bed->request.bytes);
}

unsigned engine_bed_claim(struct engine_bed *bed, uint64_t run, uint32_t op,
                          uint32_t attempt, uint64_t ttl_ns)
{
    struct engine_request *request = engine_bed_ask(bed, ENGINE_REQ_CLAIM, run);
    request->op = op;
    request->attempt = attempt;
    request->ttl_ns = ttl_ns;
    return engine_bed_apply_own(bed);
}

static uint32_t write_output(unsigned char *out, uint32_t error)
{
    return error ? 0
                 : (uint32_t)engine_value_write(out, ENGINE_VALUE_INLINE, "out",
                                                3);
}

unsigned engine_bed_finish(struct engine_bed *bed, uint64_t run, uint32_t op,
                           uint32_t attempt, uint32_t error, uint32_t retryable)
{
    unsigned char output[16];
    uint32_t size = write_output(output, error);
    struct engine_request *request =
        engine_bed_ask(bed, ENGINE_REQ_FINISH, run);
    request->op = op;
    request->attempt = attempt;
    request->error = error;
    request->retryable = retryable;
    struct engine_item item = {
        .type = ENGINE_ITEM_WORK, .op = op, .attempt = attempt};
    engine_bed_add(bed, &item, output, size);
    return engine_bed_apply_own(bed);
}

void engine_bed_hint(struct engine_bed *bed, uint32_t node, uint64_t run,
                     uint32_t op, uint32_t attempt, uint32_t error,
                     uint32_t retryable)
{
    struct {
        struct engine_item item;
        unsigned char output[16];
    } work = {.item = {.type = ENGINE_ITEM_WORK,
                       .kind = ENGINE_WORK_DONE,
                       .op = op,
                       .attempt = attempt,
                       .flags = error | retryable << 16}};
    work.item.size = write_output(work.output, error);
    struct engine_message message = {.kind = ENGINE_MSG_HINT,
                                     .from = OWN_SENDER,
                                     .run = run,
                                     .op = op,
                                     .attempt = attempt};
    engine_bed_message(bed, node, &message, &work,
                       engine_item_span(work.item.size));
}

/* Looking --------------------------------------------------------------------
 */

struct row_search {
    uint64_t run;
    bool found;
    struct engine_run_row *row;
};

static int visit_run(void *self, const struct engine_run_row *row)
{
    struct row_search *search = self;
    if (row->run != search->run)
        return 0;
    search->found = true;
    *search->row = *row;
    return 1;
}

bool engine_bed_row(const struct engine_bed *bed, uint64_t run,
                    struct engine_run_row *row)
{
    struct row_search search = {.run = run, .row = row};
    bed->store.ops->scan_runs(bed->store.self, visit_run, &search);
    return search.found;
}

struct story {
    uint64_t run;
    char *text;
    size_t size;
    size_t used;
};

static void tell_event(struct story *story, const struct engine_item *event)
{
    char *to = story->text + story->used;
    size_t room = story->size - story->used;
    const char *gap = story->used ? " " : "";
    int wrote =
        event->op == UINT32_MAX
            ? snprintf(to, room, "%s%s", gap, engine_event_name(event->kind))
            : snprintf(to, room, "%s%s:%u.%u", gap,
                       engine_event_name(event->kind), event->op,
                       event->attempt);
    assert(wrote > 0 && (size_t)wrote < room);
    story->used += (size_t)wrote;
}

static int visit_log(void *self, const struct engine_log_row *row)
{
    struct story *story = self;
    if (row->run != story->run)
        return 0;
    const unsigned char *at = row->items;
    const unsigned char *end = at + row->items_size;
    while (at < end) {
        const struct engine_item *event = (const void *)at;
        tell_event(story, event);
        at += engine_item_span(event->size);
    }
    return 0;
}

const char *engine_bed_story(const struct engine_bed *bed, uint64_t run,
                             char *text, size_t size)
{
    struct story story = {.run = run, .text = text, .size = size};
    text[0] = 0;
    bed->store.ops->scan_log(bed->store.self, 0, visit_log, &story);
    return text;
}

/* Signals ---------------------------------------------------------------------
 */

static void put_text(unsigned char **to, const char *text)
{
    for (; text && *text; text++)
        *(*to)++ = (unsigned char)*text;
}

unsigned engine_bed_signal(struct engine_bed *bed, uint64_t run, uint32_t kind,
                           uint32_t op, uint64_t id, const char *reason,
                           const char *value)
{
    static const char actor[] = "tests";
    unsigned char bytes[512];
    const struct engine_signal head = {
        .run = run,
        .kind = kind,
        .actor_size = sizeof(actor) - 1,
        .reason_size = (uint16_t)(reason ? strlen(reason) : 0),
        .value_size = (uint32_t)(value ? strlen(value) : 0)};
    unsigned char *to = bytes + sizeof(head);
    memcpy(bytes, &head, sizeof(head));
    put_text(&to, actor);
    put_text(&to, reason);
    put_text(&to, value);
    engine_bed_ask(bed, ENGINE_REQ_SIGNAL, run);
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = (uint16_t)kind,
                                     .op = op,
                                     .a = id,
                                     .b = 1};
    engine_bed_add(bed, &item, bytes, (size_t)(to - bytes));
    return engine_bed_apply_own(bed);
}

struct engine_graph *engine_bed_handler(const char *name)
{
    const struct engine_node node = {.name = name,
                                     .kind = ENGINE_NODE_HANDLER,
                                     .attempt_timeout_ns = 600 * BED_S};
    struct engine_graph *graph =
        engine_graph_new(name, &node, 1, NULL, 0, NULL);
    assert(graph);
    return graph;
}

/* Graphs ----------------------------------------------------------------------
 */

static const char *const in_handle[] = {"in"};
static const char *const out_handle[] = {"out"};

struct engine_node engine_bed_step(const char *name)
{
    return (struct engine_node){
        .name = name,
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 600 * BED_S,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 3,
                  .factor_milli = 2000,
                  .delay_ns = BED_S,
                  .delay_max_ns = 10 * BED_S,
                  .jitter = ENGINE_JITTER_NONE},
        .inputs = in_handle,
        .input_count = 1,
        .outputs = out_handle,
        .output_count = 1,
    };
}

struct engine_node engine_bed_wait(const char *name, uint64_t ns)
{
    return (struct engine_node){.name = name,
                                .kind = ENGINE_NODE_WAIT,
                                .wait_ns = ns,
                                .inputs = in_handle,
                                .input_count = 1,
                                .outputs = out_handle,
                                .output_count = 1};
}

struct engine_graph *engine_bed_chain(const struct engine_node *nodes,
                                      uint32_t count)
{
    struct engine_edge_names edges[16];
    assert(count <= 16);
    for (uint32_t i = 0; i + 1 < count; i++)
        edges[i] = (struct engine_edge_names){nodes[i].name, "out",
                                              nodes[i + 1].name, "in"};
    struct engine_graph *graph =
        engine_graph_new("chain", nodes, count, edges, count - 1, NULL);
    assert(graph);
    return graph;
}

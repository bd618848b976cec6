#include "engine/host/lambda/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/coordinator.h"

#define SECOND UINT64_C(1000000000)

/* Bytes that grow at one end and are taken all at once. */
struct queue {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

struct asked {
    size_t offset; /* of the request in the group's bytes */
    size_t reply;  /* of its reply */
    uint64_t tag;
    bool own; /* the coordinator's */
};

struct group {
    struct queue requests;
    struct asked *asked;
    uint32_t count;
    uint32_t capacity;
};

struct lambda_core {
    struct lambda_core_config config;
    struct engine_coordinator *coordinator;
    const struct engine_graph *graphs[LAMBDA_FUNCTIONS_MAX];
    struct engine_graph *nowhere; /* stands for numbers not given yet */
    uint32_t graph_count;
    struct engine_graph **former; /* that were changed: runs still have them */
    uint32_t former_count;
    struct engine_update update;
    struct engine_block scratch;
    struct engine_block rows;
    struct engine_block reply;
    struct engine_block request;
    struct group group;   /* gathering */
    struct group writing; /* being carried out */
    struct queue replies;
    struct queue inner;
    struct queue inner_taken;
    uint64_t now_ns;
    uint64_t next_id;
    uint64_t sender;
    uint64_t commits;
    bool failed;
};

/* Queues ------------------------------------------------------------------ */

static void *extend(struct lambda_core *core, struct queue *queue, size_t size)
{
    size_t room = (size + 7) & ~(size_t)7;

    if (queue->capacity - queue->size < room) {
        size_t capacity = queue->capacity ? queue->capacity : 4096;
        while (capacity - queue->size < room)
            capacity *= 2;
        unsigned char *bytes = realloc(queue->bytes, capacity);
        if (!bytes) {
            core->failed = true;
            return NULL;
        }
        queue->bytes = bytes;
        queue->capacity = capacity;
    }
    void *place = queue->bytes + queue->size;
    queue->size += room;
    return place;
}

static void enqueue(struct lambda_core *core, const void *request, size_t size,
                    struct asked how)
{
    struct group *group = &core->group;

    if (group->count == group->capacity) {
        uint32_t capacity = group->capacity ? 2 * group->capacity : 64;
        struct asked *asked =
            realloc(group->asked, capacity * sizeof(*group->asked));
        if (!asked) {
            core->failed = true;
            return;
        }
        group->asked = asked;
        group->capacity = capacity;
    }
    how.offset = group->requests.size;
    void *place = extend(core, &group->requests, size);
    if (!place)
        return;
    memcpy(place, request, size);
    group->asked[group->count++] = how;
}

void lambda_core_send(struct lambda_core *core,
                      const struct engine_message *head, const void *payload,
                      size_t size)
{
    struct engine_message *place =
        extend(core, &core->inner, sizeof(*head) + size);

    if (!place)
        return;
    *place = *head;
    place->size = (uint32_t)(sizeof(*head) + size);
    place->to = LAMBDA_NODE_COORDINATOR;
    if (size > 0)
        memcpy(place + 1, payload, size);
}

struct engine_request *lambda_core_begin(struct lambda_core *core,
                                         enum engine_request_kind kind,
                                         uint64_t run)
{
    struct engine_request *request =
        engine_block_begin(&core->request, sizeof(*request));

    if (!request) {
        core->failed = true;
        return NULL;
    }
    request->kind = (uint16_t)kind;
    request->id = ++core->next_id;
    request->sender = core->sender;
    request->run = run;
    request->ttl_ns = core->config.lease_ns;
    request->now_ns = core->now_ns;
    return request;
}

struct engine_block *lambda_core_block(struct lambda_core *core)
{
    return &core->request;
}

void lambda_core_ask(struct lambda_core *core, uint64_t tag)
{
    struct engine_request *request = (void *)core->request.bytes;

    if (!engine_block_ok(&core->request)) {
        core->failed = true;
        return;
    }
    request->item_count = 0;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        request->item_count++;
    }
    enqueue(core, request, core->request.size, (struct asked){.tag = tag});
}

/* The coordinator --------------------------------------------------------- */

static void carry_out(struct lambda_core *core)
{
    for (uint32_t i = 0; i < core->update.count; i++) {
        const struct engine_do *action = &core->update.actions[i];
        const struct engine_message *message =
            engine_update_bytes(&core->update, action);
        if (action->kind == ENGINE_DO_REQUEST)
            enqueue(core, message + 1, message->size - sizeof(*message),
                    (struct asked){.own = true});
        else if (message->to == LAMBDA_NODE_COORDINATOR)
            lambda_core_send(core, message, message + 1,
                             message->size - sizeof(*message));
        else
            core->config.message(core->config.self, message);
    }
    engine_update_reset(&core->update);
}

static void feed(struct lambda_core *core, struct engine_input *input)
{
    input->mono_ns = core->now_ns;
    input->wall_ns = core->now_ns;
    if (engine_coordinator_step(core->coordinator, input, &core->update))
        core->failed = true;
    carry_out(core);
}

static void feed_inner(struct lambda_core *core)
{
    while (core->inner.size > 0 && !core->failed) {
        struct queue taken = core->inner;
        core->inner = core->inner_taken;
        core->inner.size = 0;
        core->inner_taken = taken;
        for (size_t at = 0; at < taken.size;) {
            const struct engine_message *message =
                (const void *)(taken.bytes + at);
            struct engine_input input = {.kind = ENGINE_IN_MESSAGE,
                                         .message = message};
            at += ((size_t)message->size + 7) & ~(size_t)7;
            feed(core, &input);
        }
    }
}

static void feed_time(struct lambda_core *core)
{
    struct engine_input input = {.kind = ENGINE_IN_TIME};

    if (engine_coordinator_deadline(core->coordinator) <= core->now_ns)
        feed(core, &input);
}

/* The store --------------------------------------------------------------- */

static const struct engine_request *request_at(const struct group *group,
                                               uint32_t i)
{
    return (const void *)(group->requests.bytes + group->asked[i].offset);
}

static int apply_all(struct lambda_core *core)
{
    const struct engine_store_ops *ops = core->config.store.ops;
    void *store = core->config.store.self;

    core->replies.size = 0;
    if (ops->begin(store, core->now_ns))
        return -1;
    for (uint32_t i = 0; i < core->writing.count; i++) {
        if (ops->apply(store, request_at(&core->writing, i), &core->reply) ||
            !engine_block_ok(&core->reply)) {
            ops->rollback(store);
            return -1;
        }
        if (core->config.applied &&
            core->config.applied(core->config.self,
                                 request_at(&core->writing, i),
                                 (const void *)core->reply.bytes)) {
            ops->rollback(store);
            return -1;
        }
        core->writing.asked[i].reply = core->replies.size;
        void *place = extend(core, &core->replies, core->reply.size);
        if (!place)
            return -1;
        memcpy(place, core->reply.bytes, core->reply.size);
    }
    core->commits++;
    return ops->commit(store);
}

static void hand_out(struct lambda_core *core)
{
    for (uint32_t i = 0; i < core->writing.count && !core->failed; i++) {
        const struct asked *asked = &core->writing.asked[i];
        const struct engine_reply *reply =
            (const void *)(core->replies.bytes + asked->reply);
        struct engine_input input = {.kind = ENGINE_IN_REPLY, .reply = reply};
        if (core->config.sink)
            engine_record_exchange(core->config.sink, LAMBDA_NODE_STORE,
                                   request_at(&core->writing, i), reply);
        core->config.committed(core->config.self, request_at(&core->writing, i),
                               reply);
        if (asked->own)
            feed(core, &input);
        else
            core->config.reply(core->config.self, asked->tag,
                               request_at(&core->writing, i), reply);
    }
}

static void write_group(struct lambda_core *core)
{
    struct group swap = core->writing;

    core->writing = core->group;
    core->group = swap;
    core->group.count = 0;
    core->group.requests.size = 0;
    if (apply_all(core))
        core->failed = true;
    else
        hand_out(core);
}

int lambda_core_turn(struct lambda_core *core, uint64_t now_ns)
{
    if (now_ns > core->now_ns)
        core->now_ns = now_ns;
    feed_time(core);
    feed_inner(core);
    while (core->group.count > 0 && !core->failed) {
        write_group(core);
        feed_inner(core);
    }
    return core->failed ? -1 : 0;
}

bool lambda_core_busy(const struct lambda_core *core)
{
    return core->group.count > 0 || core->inner.size > 0;
}

uint64_t lambda_core_deadline(const struct lambda_core *core)
{
    return engine_coordinator_deadline(core->coordinator);
}

uint64_t lambda_core_due(const struct lambda_core *core)
{
    return engine_coordinator_due(core->coordinator);
}

uint64_t lambda_core_now(const struct lambda_core *core)
{
    return core->now_ns;
}

struct engine_store *lambda_core_store(struct lambda_core *core)
{
    return &core->config.store;
}

const struct engine_graph *const *
lambda_core_graphs(const struct lambda_core *core)
{
    return core->graphs;
}

uint64_t lambda_core_commits(const struct lambda_core *core)
{
    return core->commits;
}

/* Life -------------------------------------------------------------------- */

static struct engine_graph *make_graph(const char *name,
                                       uint64_t attempt_timeout_ns,
                                       uint64_t run_timeout_ns)
{
    static const char *const handles[] = {"value"};
    const struct engine_node node = {
        .name = "handler",
        .kind = ENGINE_NODE_HANDLER,
        .attempt_timeout_ns = attempt_timeout_ns,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 1},
        .outputs = handles,
        .output_count = 1,
    };
    struct engine_graph *graph =
        engine_graph_new(name, &node, 1, NULL, 0, NULL);

    if (!graph)
        return NULL;
    engine_graph_set_timeout(graph, run_timeout_ns);
    engine_graph_set_verbatim(graph);
    return graph;
}

uint32_t lambda_core_add(struct lambda_core *core, const char *name,
                         uint64_t attempt_timeout_ns, uint64_t run_timeout_ns)
{
    struct engine_graph *graph;

    if (core->graph_count == LAMBDA_FUNCTIONS_MAX)
        return UINT32_MAX;
    graph = make_graph(name, attempt_timeout_ns, run_timeout_ns);
    if (!graph)
        return UINT32_MAX;
    core->graphs[core->graph_count] = graph;
    return core->graph_count++;
}

bool lambda_core_change(struct lambda_core *core, uint32_t number,
                        uint64_t attempt_timeout_ns, uint64_t run_timeout_ns)
{
    const struct engine_graph *now = core->graphs[number];
    struct engine_graph **former;
    struct engine_graph *graph;

    assert(number < core->graph_count);
    if (engine_graph_node(now, 0)->attempt_timeout_ns == attempt_timeout_ns &&
        engine_graph_timeout(now) == run_timeout_ns)
        return true;
    former = realloc(core->former, (core->former_count + 1) * sizeof(*former));
    if (!former)
        return false;
    core->former = former;
    graph =
        make_graph(engine_graph_name(now), attempt_timeout_ns, run_timeout_ns);
    if (!graph)
        return false;
    core->former[core->former_count++] = (struct engine_graph *)now;
    core->graphs[number] = graph;
    return true;
}

static struct engine_graph *make_nowhere(void)
{
    const struct engine_node node = {.name = "unknown function",
                                     .kind = ENGINE_NODE_WAIT,
                                     .wait_ns = INT64_MAX / 4};

    return engine_graph_new("unknown function", &node, 1, NULL, 0, NULL);
}

static struct engine_coordinator *make_coordinator(struct lambda_core *core)
{
    static const uint32_t platform = LAMBDA_NODE_PLATFORM;
    const struct engine_coordinator_config config = {
        .node = LAMBDA_NODE_COORDINATOR,
        .incarnation = core->config.incarnation,
        .store = LAMBDA_NODE_STORE,
        .platforms = &platform,
        .platform_count = 1,
        .graphs = core->graphs,
        .graph_count = LAMBDA_FUNCTIONS_MAX,
        .seed = core->config.seed,
        .lease_ttl_ns = core->config.lease_ns,
        .claim_ttl_ns = core->config.lease_ns,
        .skew_bound_ns = core->config.lease_ns / 100,
        .scan_ns = 3600 * SECOND,
        .request_timeout_ns = core->config.lease_ns / 4,
        .dispatch_timeout_ns = UINT64_MAX / 4,
        .suspend_after_ns = core->config.lease_ns,
        .runs_max = 1000000,
        .limits = core->config.limits,
        .sink = core->config.sink,
        .scratch = &core->scratch,
        .rows = &core->rows,
    };

    return engine_coordinator_new(&config, core->now_ns);
}

struct lambda_core *lambda_core_new(const struct lambda_core_config *config)
{
    struct lambda_core *core = calloc(1, sizeof(*core));

    assert(config->incarnation != 0);
    if (!core)
        return NULL;
    core->config = *config;
    core->now_ns = config->now_ns;
    core->sender = (uint64_t)LAMBDA_NODE_WORKER << 32 | config->incarnation;
    core->next_id = (uint64_t)config->incarnation << 32;
    engine_update_init(&core->update);
    engine_block_init(&core->scratch);
    engine_block_init(&core->rows);
    engine_block_init(&core->reply);
    engine_block_init(&core->request);
    core->nowhere = make_nowhere();
    for (uint32_t i = 0; i < LAMBDA_FUNCTIONS_MAX; i++)
        core->graphs[i] = core->nowhere;
    core->coordinator = core->nowhere ? make_coordinator(core) : NULL;
    if (core->coordinator)
        return core;
    lambda_core_leave(core);
    lambda_core_free(core);
    return NULL;
}

void lambda_core_leave(struct lambda_core *core)
{
    core->config.store.ops = NULL;
}

static void free_group(struct group *group)
{
    free(group->requests.bytes);
    free(group->asked);
}

void lambda_core_free(struct lambda_core *core)
{
    if (!core)
        return;
    if (core->coordinator)
        engine_coordinator_free(core->coordinator);
    for (uint32_t i = 0; i < core->graph_count; i++)
        engine_graph_free((struct engine_graph *)core->graphs[i]);
    for (uint32_t i = 0; i < core->former_count; i++)
        engine_graph_free(core->former[i]);
    free(core->former);
    if (core->nowhere)
        engine_graph_free(core->nowhere);
    engine_update_free(&core->update);
    engine_block_free(&core->scratch);
    engine_block_free(&core->rows);
    engine_block_free(&core->reply);
    engine_block_free(&core->request);
    free_group(&core->group);
    free_group(&core->writing);
    free(core->replies.bytes);
    free(core->inner.bytes);
    free(core->inner_taken.bytes);
    if (core->config.store.ops)
        core->config.store.ops->close(core->config.store.self);
    free(core);
}

#include "sim/platform/local.h"

#include <assert.h>
#include <stdlib.h>

struct worker {
    struct sim_worker_node *node;
    uint32_t given;       /* attempts given to it and not known to be over */
    uint64_t *arrives_ns; /* of what was given last, one for each slot */
};

struct sim_local {
    struct sim_world *world;
    struct sim_platform platform;
    struct worker *workers;
    uint64_t *arrivals_ns; /* of all workers */
    uint32_t count;
    uint32_t workers_max;
    uint32_t slots;
    struct sim_dist latency;
    struct engine_stream latencies;
    uint64_t given;               /* in all: index of the draws */
    struct engine_message *queue; /* a ring */
    uint32_t head;
    uint32_t queued;
    uint32_t capacity;
};

static void gauge(struct sim_local *l)
{
    uint64_t in_flight = 0;
    for (uint32_t i = 0; i < l->count; i++)
        in_flight += l->workers[i].given;
    struct engine_record record = {
        .kind = ENGINE_REC_GAUGE,
        .node = SIM_NODE_PLATFORM,
        .op = UINT32_MAX,
        .a = in_flight,
        .b = (uint64_t)l->count * l->slots,
    };
    sim_record(l->world, &record);
}

/* The worker with most free slots, the first of equals; UINT32_MAX: none. */
static uint32_t choose(const struct sim_local *l)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < l->count; i++)
        if (sim_node(l->world, SIM_NODE_WORKER + i)->state == SIM_PROCESS_UP &&
            l->workers[i].given < l->slots &&
            (best == UINT32_MAX ||
             l->workers[i].given < l->workers[best].given))
            best = i;
    return best;
}

/* Attempts that have not reached the worker yet. */
static uint32_t on_the_way(const struct sim_local *l,
                           const struct worker *worker)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->slots; i++)
        count += worker->arrives_ns[i] > l->world->now_ns;
    return count;
}

/* Remembers an arrival in place of one that is past. */
static void remember(struct sim_local *l, struct worker *worker, uint64_t ns)
{
    for (uint32_t i = 0; i < l->slots; i++)
        if (worker->arrives_ns[i] <= l->world->now_ns) {
            worker->arrives_ns[i] = ns;
            return;
        }
}

static void give(struct sim_local *l, uint32_t worker,
                 const struct engine_message *message)
{
    /* Never at once: until it arrives it must count as on its way. */
    uint64_t delay_ns =
        1 + sim_dist_draw(&l->latency, &l->latencies, l->given++);
    l->workers[worker].given++;
    remember(l, &l->workers[worker], l->world->now_ns + delay_ns);
    struct engine_message forward = *message;
    forward.size = sizeof(forward);
    forward.from = SIM_NODE_PLATFORM;
    forward.to = SIM_NODE_WORKER + worker;
    struct engine_record record = {
        .kind = ENGINE_REC_INVOKED,
        .node = SIM_NODE_PLATFORM,
        .peer = (uint16_t)forward.to,
        .run = message->run,
        .op = message->op,
        .attempt = message->attempt,
        .detail = 2,
    };
    sim_record(l->world, &record);
    gauge(l);
    sim_local_send(l->world, &forward, delay_ns);
}

static void drain(struct sim_local *l)
{
    while (l->queued > 0) {
        uint32_t worker = choose(l);
        if (worker == UINT32_MAX)
            return;
        struct engine_message message = l->queue[l->head];
        l->head = (l->head + 1) % l->capacity;
        l->queued--;
        give(l, worker, &message);
    }
}

static void enqueue(struct sim_local *l, const struct engine_message *message)
{
    if (l->queued == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
        struct engine_message *queue = malloc(capacity * sizeof(*queue));
        if (!queue) {
            l->world->failed = true;
            return;
        }
        for (uint32_t i = 0; i < l->queued; i++)
            queue[i] = l->queue[(l->head + i) % l->capacity];
        free(l->queue);
        l->queue = queue;
        l->head = 0;
        l->capacity = capacity;
    }
    l->queue[(l->head + l->queued++) % l->capacity] = *message;
}

static void answer(struct sim_local *l, const struct engine_message *message,
                   enum engine_message_kind kind)
{
    struct engine_message reply = *message;
    reply.size = sizeof(reply);
    reply.kind = (uint16_t)kind;
    reply.from = SIM_NODE_PLATFORM;
    reply.to = message->from;
    sim_net_send(l->world, &reply);
}

/*
 * What it was given, should have reached it and is not being done is over, or
 * was refused.
 */
static void settle(const struct sim_local *l, struct worker *worker)
{
    uint32_t busy = sim_worker_node_busy(worker->node) + on_the_way(l, worker);
    if (busy < worker->given)
        worker->given = busy;
}

/* A worker that takes no notice of a copy does not say so. */
static void settle_all(const struct sim_local *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        settle(l, &l->workers[i]);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_local *l = self;
    struct engine_decision decision = {0};
    if (message->kind != ENGINE_MSG_DISPATCH)
        return;
    if (sim_point(l->world, SIM_POINT_PLATFORM_INVOKE, SIM_NODE_PLATFORM,
                  message->run, message->op + 1, message->attempt, &decision)) {
        if (decision.action == ENGINE_ACT_THROTTLE) {
            answer(l, message, ENGINE_MSG_THROTTLED);
            return;
        }
        if (decision.action == ENGINE_ACT_LOSE)
            return;
        if (decision.action == ENGINE_ACT_DUPLICATE)
            enqueue(l, message);
    }
    enqueue(l, message);
    answer(l, message, ENGINE_MSG_ACCEPTED);
    if (choose(l) == UINT32_MAX)
        settle_all(l);
    drain(l);
}

static void idle(void *self, uint32_t node)
{
    struct sim_local *l = self;
    settle(l, &l->workers[node - SIM_NODE_WORKER]);
    gauge(l);
    drain(l);
}

static void lost(void *self, uint32_t node)
{
    struct sim_local *l = self;
    l->workers[node - SIM_NODE_WORKER].given = 0;
}

static uint64_t run_time(void *self, uint32_t node, uint64_t nominal_ns,
                         uint32_t cpu_share_ppb)
{
    (void)self;
    (void)node;
    (void)cpu_share_ppb;
    return nominal_ns;
}

static const struct sim_platform_ops platform_ops = {
    .idle = idle,
    .run_time = run_time,
    .lost = lost,
};

static const struct sim_actor_ops ops = {.message = message};

struct sim_local *sim_local_new(struct sim_world *world,
                                const struct sim_clock *clock,
                                uint32_t workers_max, uint32_t slots,
                                const struct sim_dist *dispatch_latency)
{
    struct sim_local *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->world = world;
    l->workers_max = workers_max;
    l->slots = slots;
    l->latency = *dispatch_latency;
    engine_stream_init(&l->latencies, world->schedule, "sim/local/dispatch", 0);
    l->platform = (struct sim_platform){&platform_ops, l};
    l->workers = calloc(workers_max, sizeof(*l->workers));
    l->arrivals_ns =
        calloc((size_t)workers_max * slots, sizeof(*l->arrivals_ns));
    if (!l->workers || !l->arrivals_ns) {
        sim_local_free(l);
        return NULL;
    }
    for (uint32_t i = 0; i < workers_max; i++)
        l->workers[i].arrives_ns = l->arrivals_ns + (size_t)i * slots;
    sim_node_set(world, SIM_NODE_PLATFORM, &ops, l, clock, UINT64_MAX);
    return l;
}

void sim_local_free(struct sim_local *l)
{
    if (!l)
        return;
    free(l->workers);
    free(l->arrivals_ns);
    free(l->queue);
    free(l);
}

struct sim_platform *sim_local_platform(struct sim_local *l)
{
    return &l->platform;
}

void sim_local_add(struct sim_local *l, struct sim_worker_node *worker)
{
    assert(l->count < l->workers_max);
    l->workers[l->count++].node = worker;
}

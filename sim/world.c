#include "sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum event_kind {
    EVENT_MESSAGE,
    EVENT_TIMER,
    EVENT_START,
    EVENT_RESUME,
    EVENT_THAW,
    EVENT_CLOCK
};

/* The kind's share of an event's kind; the rest is the incarnation. */
enum {
    EVENT_KIND_BITS = 3
};

/* Kinds carry the low bits of the incarnation they were meant for. */
static uint32_t kind_of(enum event_kind kind, uint32_t incarnation)
{
    return (uint32_t)kind | incarnation << EVENT_KIND_BITS;
}

static enum event_kind event_kind(const struct sim_event *event)
{
    return (enum event_kind)(event->kind & ((1U << EVENT_KIND_BITS) - 1));
}

static void push(struct sim_world *world, uint64_t time_ns, uint32_t node,
                 uint32_t kind, uint64_t arg)
{
    struct sim_event event = {
        .time_ns = time_ns < world->now_ns ? world->now_ns : time_ns,
        .target = node,
        .kind = kind,
        .arg = arg,
    };
    if (sim_queue_push(world->queue, &event))
        world->failed = true;
}

/* Messages in transit: blocks of a power of two, kept for the next one. */

struct parcel {
    struct parcel *next;
    uint32_t size_class;
    uint32_t copies; /* deliveries still to come */
};

static struct parcel *parcel_new(struct sim_world *world, size_t size)
{
    size_t need = size + sizeof(struct parcel);
    uint32_t size_class = 8;
    while (((size_t)1 << size_class) < need)
        size_class++;
    struct parcel *parcel = NULL;
    if (size_class < SIM_MESSAGE_CLASSES)
        parcel = world->free_messages[size_class];
    if (parcel)
        world->free_messages[size_class] = parcel->next;
    else
        parcel = malloc((size_t)1 << size_class);
    if (!parcel) {
        world->failed = true;
        return NULL;
    }
    parcel->size_class = size_class;
    parcel->copies = 0;
    return parcel;
}

static void parcel_done(struct sim_world *world, struct parcel *parcel)
{
    if (parcel->copies-- > 1)
        return;
    if (parcel->size_class >= SIM_MESSAGE_CLASSES) {
        free(parcel);
        return;
    }
    parcel->next = world->free_messages[parcel->size_class];
    world->free_messages[parcel->size_class] = parcel;
}

static struct parcel *parcel_of(uint64_t arg)
{
    return (struct parcel *)(uintptr_t)arg;
}

static const struct engine_message *parcel_message(struct parcel *parcel)
{
    return (const void *)(parcel + 1);
}

/* Records --------------------------------------------------------------- */

void sim_record_flush(struct sim_world *world)
{
    if (world->record_count > 0 && world->records_to.take)
        world->records_to.take(world->records_to.self, world->records,
                               world->record_count);
    world->record_count = 0;
}

void sim_record(struct sim_world *world, const struct engine_record *record)
{
    if (!world->recording)
        return;
    struct engine_record *to = &world->records[world->record_count++];
    *to = *record;
    to->time_ns = world->now_ns;
    const struct sim_node_state *node = sim_node_clocks(world, record->node);
    if (to->wall_ns == 0)
        to->wall_ns = node->read_wall_ns;
    to->mono_ns = node->read_mono_ns;
    world->record_total++;
    if (world->record_count == world->record_block)
        sim_record_flush(world);
}

static void sink_emit(void *self, const struct engine_record *record)
{
    sim_record(self, record);
}

static void note(struct sim_world *world, enum engine_record_kind kind,
                 uint32_t node, unsigned detail, uint64_t a, uint64_t b)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = (uint16_t)node,
        .op = UINT32_MAX,
        .detail = (uint16_t)detail,
        .a = a,
        .b = b,
    };
    sim_record(world, &record);
}

/* The world ---------------------------------------------------------------- */

struct sim_world *sim_world_new(const struct sim_world_config *config)
{
    assert(config->start_ns > 0);
    struct sim_world *world = calloc(1, sizeof(*world));
    if (!world)
        return NULL;
    world->now_ns = config->start_ns;
    world->seed = config->seed;
    world->points = config->points;
    world->point_base = config->point_base;
    world->net = config->net;
    world->recording = config->recording;
    world->records_to = config->records_to;
    world->record_block =
        config->record_block ? config->record_block : SIM_RECORDS_BLOCK;
    assert(world->record_block <= SIM_RECORDS_BLOCK);
    world->memory_limit = config->memory_limit;
    world->sink = (struct engine_sink){sink_emit, world};
    world->queue = sim_queue_new(1024);
    world->nodes = calloc(SIM_NODE_MAX + 1, sizeof(*world->nodes));
    world->records = malloc(SIM_RECORDS_BLOCK * sizeof(*world->records));
    if (!world->queue || !world->nodes || !world->records) {
        sim_world_free(world);
        return NULL;
    }
    world->schedule = config->schedule ? config->schedule : config->seed;
    engine_stream_init(&world->net_latency, world->schedule, "sim/net/latency",
                       0);
    engine_stream_init(&world->net_chance, config->seed, "sim/net/chance", 0);
    /* The clock of a node that nobody sets is all zeros: it is right. */
    return world;
}

void sim_world_free(struct sim_world *world)
{
    if (!world)
        return;
    for (uint32_t node = 0; world->nodes && node < world->node_count; node++) {
        struct sim_node_state *state = &world->nodes[node];
        if (sim_node_up(world, node) && state->ops->stop)
            state->ops->stop(state->self);
        if (state->memory.port.resize)
            sim_memory_deinit(&state->memory);
        for (uint32_t i = 0; i < state->kept_count; i++)
            if (event_kind(&state->kept[i]) == EVENT_MESSAGE)
                parcel_done(world, parcel_of(state->kept[i].arg));
        free(state->kept);
    }
    struct sim_event event;
    while (world->queue && sim_queue_pop(world->queue, &event))
        if (event.target != SIM_NODE_WORLD &&
            event_kind(&event) == EVENT_MESSAGE)
            parcel_done(world, parcel_of(event.arg));
    for (uint32_t i = 0; i < SIM_MESSAGE_CLASSES; i++) {
        struct parcel *parcel = world->free_messages[i];
        while (parcel) {
            struct parcel *next = parcel->next;
            free(parcel);
            parcel = next;
        }
    }
    sim_queue_free(world->queue);
    free(world->nodes);
    free(world->records);
    free(world);
}

void sim_node_set(struct sim_world *world, uint32_t node,
                  const struct sim_actor_ops *ops, void *self,
                  const struct sim_clock *clock, uint64_t restart_ns)
{
    assert(node > SIM_NODE_WORLD && node <= SIM_NODE_MAX);
    struct sim_node_state *state = &world->nodes[node];
    assert(state->state < SIM_PROCESS_UP);
    state->ops = ops;
    state->self = self;
    state->clock = *clock;
    state->read_ns = 0;
    state->restart_ns = restart_ns;
    if (!state->memory.port.resize)
        sim_memory_init(&state->memory, world->memory_limit);
    if (node >= world->node_count)
        world->node_count = node + 1;
}

static void keep(struct sim_world *world, struct sim_node_state *state,
                 const struct sim_event *event)
{
    if (state->kept_count == state->kept_capacity) {
        uint32_t capacity =
            state->kept_capacity ? 2 * state->kept_capacity : 64;
        void *kept = realloc(state->kept, capacity * sizeof(*state->kept));
        if (!kept) {
            world->failed = true;
            return;
        }
        state->kept = kept;
        state->kept_capacity = capacity;
    }
    state->kept[state->kept_count++] = *event;
}

static void deliver(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node_state *state = &world->nodes[event->target];
    if (event_kind(event) == EVENT_MESSAGE) {
        struct parcel *parcel = parcel_of(event->arg);
        if (state->ops && state->ops->message && state->state == SIM_PROCESS_UP)
            state->ops->message(state->self, parcel_message(parcel));
        parcel_done(world, parcel);
    } else if (state->state == SIM_PROCESS_UP && state->ops->timer &&
               event->kind == kind_of(EVENT_TIMER, state->incarnation)) {
        state->ops->timer(state->self, event->arg);
    }
}

static void resume(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->state != SIM_PROCESS_PAUSED || world->now_ns < state->resume_ns)
        return;
    if (state->paused)
        note(world, ENGINE_REC_PROC_RESUMED, node, 0, 0, 0);
    state->paused = false;
    if (state->frozen)
        return;
    state->state = SIM_PROCESS_UP;
    if (state->ops->resume)
        state->ops->resume(state->self);
    /* It may be paused or die again while it works off what waited. */
    struct sim_event *kept = state->kept;
    uint32_t count = state->kept_count;
    state->kept = NULL;
    state->kept_count = 0;
    state->kept_capacity = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (state->state == SIM_PROCESS_PAUSED)
            keep(world, state, &kept[i]);
        else
            deliver(world, &kept[i]);
    }
    free(kept);
}

/* Timers were set for when the old clock would show their time, or never. */
static void clock_changed(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->state == SIM_PROCESS_UP && state->ops->resume)
        state->ops->resume(state->self);
}

static void thaw(struct sim_world *world, uint32_t node)
{
    world->nodes[node].read_ns = 0;
    sim_clock_thaw(&world->nodes[node].clock, world->now_ns,
                   SIM_CLOCK_CATCH_UP);
    clock_changed(world, node);
}

static void carry_out(struct sim_world *world, const struct sim_event *event)
{
    if (event->target == SIM_NODE_WORLD) {
        world->timed(world->timed_self, event->arg);
        return;
    }
    struct sim_node_state *state = &world->nodes[event->target];
    switch (event_kind(event)) {
    case EVENT_START:
        if (event->kind == kind_of(EVENT_START, state->incarnation))
            sim_process_start(world, event->target);
        return;
    case EVENT_RESUME:
        resume(world, event->target);
        return;
    case EVENT_THAW:
        thaw(world, event->target);
        return;
    case EVENT_CLOCK:
        clock_changed(world, event->target);
        return;
    default:
        break;
    }
    if (state->state == SIM_PROCESS_PAUSED)
        keep(world, state, event);
    else
        deliver(world, event);
}

bool sim_world_step(struct sim_world *world)
{
    struct sim_event event;
    if (world->ending || world->failed || !sim_queue_pop(world->queue, &event))
        return false;
    world->now_ns = event.time_ns;
    world->event_count++;
    carry_out(world, &event);
    return !world->failed;
}

void sim_world_at(struct sim_world *world, uint64_t time_ns, uint64_t arg)
{
    push(world, time_ns, SIM_NODE_WORLD, EVENT_TIMER, arg);
}

void sim_timer_at(struct sim_world *world, uint32_t node, uint64_t time_ns,
                  uint64_t arg)
{
    push(world, time_ns, node,
         kind_of(EVENT_TIMER, world->nodes[node].incarnation), arg);
}

uint64_t sim_timer_mono(struct sim_world *world, uint32_t node,
                        uint64_t mono_ns, uint64_t arg)
{
    uint64_t time_ns = sim_clock_true_for_mono(&world->nodes[node].clock,
                                               mono_ns, world->now_ns);
    if (time_ns != SIM_CLOCK_NEVER)
        sim_timer_at(world, node, time_ns, arg);
    return time_ns;
}

/* The network ------------------------------------------------------------- */

static bool cut_off(const struct sim_world *world,
                    const struct engine_message *message)
{
    return world->now_ns < world->nodes[message->from].cut_out_until_ns ||
           world->now_ns < world->nodes[message->to].cut_in_until_ns;
}

static enum sim_point point_of(const struct engine_message *message)
{
    if (message->kind == ENGINE_MSG_REQUEST)
        return SIM_POINT_NET_REQUEST;
    if (message->kind == ENGINE_MSG_REPLY)
        return SIM_POINT_NET_REPLY;
    return SIM_POINT_NET_SEND;
}

/* A draw of this sender's n-th message for one purpose. */
static uint64_t index_of(const struct engine_message *message, uint64_t sent,
                         unsigned purpose)
{
    return (uint64_t)message->from << 48 | sent << 3 | purpose;
}

static void deliver_later(struct sim_world *world, struct parcel *parcel,
                          const struct engine_message *message,
                          uint64_t delay_ns)
{
    parcel->copies++;
    push(world, world->now_ns + delay_ns, message->to,
         kind_of(EVENT_MESSAGE, 0), (uint64_t)(uintptr_t)parcel);
}

/* How long one copy is under way, now and then so long that others pass. */
static uint64_t transit(const struct sim_world *world,
                        const struct engine_message *message, uint64_t sent,
                        unsigned copy)
{
    const struct sim_net_config *net = &world->net;
    uint64_t ns = sim_dist_draw(&net->latency, &world->net_latency,
                                index_of(message, sent, copy));
    if (net->reorder_ppb &&
        engine_draw_chance(&world->net_chance,
                           index_of(message, sent, 2 + copy), net->reorder_ppb))
        ns += sim_dist_draw(&net->reorder_delay, &world->net_latency,
                            index_of(message, sent, 2 + copy));
    return ns;
}

void sim_net_send2(struct sim_world *world, const struct engine_message *head,
                   const void *payload, size_t payload_size)
{
    assert(head->size == sizeof(*head) + payload_size);
    assert(head->from <= SIM_NODE_MAX && head->to <= SIM_NODE_MAX);
    const struct sim_net_config *net = &world->net;
    struct sim_node_state *from = &world->nodes[head->from];
    uint64_t sent = from->sent++;
    uint64_t extra_ns = world->now_ns < from->slow_until_ns ? from->slow_ns : 0;
    bool twice = net->duplicate_ppb &&
                 engine_draw_chance(&world->net_chance, index_of(head, sent, 0),
                                    net->duplicate_ppb);
    bool lost = cut_off(world, head) ||
                (net->loss_ppb &&
                 engine_draw_chance(&world->net_chance, index_of(head, sent, 1),
                                    net->loss_ppb));
    struct engine_decision decision;
    if (sim_point(world, point_of(head), head->from, head->run,
                  head->attempt ? head->op + 1 : 0, head->attempt, &decision)) {
        lost = lost || decision.action == ENGINE_ACT_LOSE;
        twice = twice || decision.action == ENGINE_ACT_DUPLICATE;
        if (decision.action == ENGINE_ACT_DELAY && decision.amount > 0)
            extra_ns += (uint64_t)decision.amount;
    }
    if (lost)
        return;
    struct parcel *parcel = parcel_new(world, head->size);
    if (!parcel)
        return;
    unsigned char *bytes = (unsigned char *)(parcel + 1);
    memcpy(bytes, head, sizeof(*head));
    if (payload_size > 0)
        memcpy(bytes + sizeof(*head), payload, payload_size);
    deliver_later(world, parcel, head,
                  extra_ns + transit(world, head, sent, 0));
    if (twice)
        deliver_later(world, parcel, head,
                      extra_ns + transit(world, head, sent, 1));
}

void sim_net_send(struct sim_world *world, const struct engine_message *message)
{
    sim_net_send2(world, message, message + 1,
                  message->size - sizeof(*message));
}

void sim_local_send(struct sim_world *world,
                    const struct engine_message *message, uint64_t delay_ns)
{
    struct parcel *parcel = parcel_new(world, message->size);
    if (!parcel)
        return;
    memcpy(parcel + 1, message, message->size);
    deliver_later(world, parcel, message, delay_ns);
}

/* Processes -----------------------------------------------------------------
 */

void sim_process_start(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (!state->ops || state->state >= SIM_PROCESS_UP || state->retired)
        return;
    state->state = SIM_PROCESS_UP;
    state->incarnation++;
    note(world, ENGINE_REC_PROC_UP, node, 0, state->incarnation, 0);
    if (state->ops->start)
        state->ops->start(state->self);
}

void sim_process_crash(struct sim_world *world, uint32_t node, unsigned why)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->state < SIM_PROCESS_UP)
        return;
    note(world, ENGINE_REC_PROC_DOWN, node, why, state->memory.peak, 0);
    state->state = SIM_PROCESS_DOWN;
    state->paused = false;
    state->frozen = false;
    /* What waited for a paused process is lost with it. */
    for (uint32_t i = 0; i < state->kept_count; i++)
        if (event_kind(&state->kept[i]) == EVENT_MESSAGE)
            parcel_done(world, parcel_of(state->kept[i].arg));
    state->kept_count = 0;
    if (state->ops->stop)
        state->ops->stop(state->self);
    sim_memory_drop(&state->memory);
    if (why && state->restart_ns != UINT64_MAX)
        push(world, world->now_ns + state->restart_ns, node,
             kind_of(EVENT_START, state->incarnation), 0);
}

void sim_process_retire(struct sim_world *world, uint32_t node)
{
    world->nodes[node].retired = true;
    sim_process_crash(world, node, ENGINE_ACT_CRASH);
}

void sim_process_pause(struct sim_world *world, uint32_t node,
                       uint64_t duration_ns)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->state < SIM_PROCESS_UP || state->paused)
        return;
    note(world, ENGINE_REC_PROC_PAUSED, node, 0, duration_ns, 0);
    state->state = SIM_PROCESS_PAUSED;
    state->paused = true;
    state->resume_ns = world->now_ns + duration_ns;
    push(world, state->resume_ns, node, EVENT_RESUME, 0);
}

void sim_process_freeze(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->state < SIM_PROCESS_UP || state->frozen)
        return;
    state->frozen = true;
    if (!state->paused)
        state->resume_ns = 0;
    state->state = SIM_PROCESS_PAUSED;
}

void sim_process_thaw(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (!state->frozen)
        return;
    state->frozen = false;
    if (!state->paused)
        push(world, world->now_ns, node, EVENT_RESUME, 0);
}

void sim_process_put_back(struct sim_world *world, uint32_t node,
                          const struct engine_message *message)
{
    struct parcel *parcel = parcel_new(world, message->size);
    if (!parcel)
        return;
    memcpy(parcel + 1, message, message->size);
    parcel->copies = 1;
    struct sim_event event = {
        .target = node,
        .kind = kind_of(EVENT_MESSAGE, 0),
        .arg = (uint64_t)(uintptr_t)parcel,
    };
    keep(world, &world->nodes[node], &event);
} /* NOLINT(clang-analyzer-unix.Malloc): the event holds it. */

static void set_clock(struct sim_world *world, uint32_t node,
                      const struct engine_decision *decision)
{
    struct sim_clock *clock = &world->nodes[node].clock;
    world->nodes[node].read_ns = 0;
    if (decision->action == ENGINE_ACT_STEP)
        sim_clock_step(clock, world->now_ns, decision->amount);
    else if (decision->action == ENGINE_ACT_DRIFT)
        sim_clock_set_drift(clock, world->now_ns, (int32_t)decision->amount);
    /* Later, since the process may be in the midst of a step. */
    if (decision->action == ENGINE_ACT_DRIFT)
        push(world, world->now_ns, node, EVENT_CLOCK, 0);
    int64_t offset =
        (int64_t)(sim_clock_wall(clock, world->now_ns) - world->now_ns);
    note(world, ENGINE_REC_CLOCK_SET, node, decision->action, (uint64_t)offset,
         (uint64_t)(decision->action == ENGINE_ACT_DRIFT ? decision->amount
                                                         : 0));
}

enum {
    SLOW_FOR_S = 60
};

bool sim_world_act(struct sim_world *world, uint32_t node,
                   const struct engine_decision *decision)
{
    struct sim_node_state *state = &world->nodes[node];
    uint64_t amount = decision->amount > 0 ? (uint64_t)decision->amount : 0;
    switch (decision->action) {
    case ENGINE_ACT_CRASH:
    case ENGINE_ACT_OOM:
        sim_process_crash(world, node, decision->action);
        return true;
    case ENGINE_ACT_PAUSE:
        sim_process_pause(world, node, amount);
        return true;
    case ENGINE_ACT_DELAY:
        state->slow_ns = amount;
        state->slow_until_ns =
            world->now_ns + SLOW_FOR_S * UINT64_C(1000000000);
        return false;
    case ENGINE_ACT_CUT:
    case ENGINE_ACT_CUT_IN:
    case ENGINE_ACT_CUT_OUT:
        if (decision->action != ENGINE_ACT_CUT_OUT)
            state->cut_in_until_ns = world->now_ns + amount;
        if (decision->action != ENGINE_ACT_CUT_IN)
            state->cut_out_until_ns = world->now_ns + amount;
        return false;
    case ENGINE_ACT_FREEZE:
        if (state->clock.frozen)
            return false;
        sim_clock_freeze(&state->clock, world->now_ns);
        push(world, world->now_ns + amount, node, EVENT_THAW, 0);
        return false;
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
        set_clock(world, node, decision);
        return false;
    default:
        return false;
    }
}

#include "sim/worker_node.h"

#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "engine/value.h"
#include "sim/machine.h"
#include "sim/receiver.h"

enum play_state {
    PLAY_IDLE,
    PLAY_BEFORE_EFFECT,
    PLAY_HELD, /* a pause came before the request */
    PLAY_EFFECT,
    PLAY_AFTER
};

/* A step's code in execution. */
struct play {
    uint64_t run;
    uint64_t rest_ns; /* what it takes after the effect */
    uint64_t input_hash;
    uint64_t key;
    uint64_t key_hi;
    uint32_t workflow;
    uint32_t op;
    uint32_t attempt;
    uint32_t serial; /* tells this execution from others in the slot */
    uint8_t state;
};

struct sim_worker_node {
    struct sim_machine machine;
    struct sim_worker_config config;
    struct engine_worker *worker; /* NULL while down */
    struct engine_block output;
    struct engine_stream times;
    struct engine_stream fates;
    uint32_t serial;
    uint32_t busy_before;
    bool held;          /* a pause came before this action */
    bool held_message;  /* or before this reply: do not ask again */
    struct play *plays; /* by slot */
};

/* Timer arguments: WAKE of the machine is 0; a play is serial and slot. */
enum {
    SLOT_BITS = 16
};

static uint64_t timer_arg(const struct sim_worker_node *n, uint32_t slot)
{
    return (uint64_t)n->plays[slot].serial << SLOT_BITS | slot;
}

static struct sim_world *world_of(struct sim_worker_node *n)
{
    return n->config.world;
}

static uint32_t node_of(const struct sim_worker_node *n)
{
    return n->config.engine.node;
}

static bool ask(struct sim_worker_node *n, enum sim_point point,
                const struct play *play)
{
    return sim_boundary(world_of(n), point, node_of(n), play->run, play->op + 1,
                        play->attempt);
}

static const struct sim_step *step_of(const struct sim_worker_node *n,
                                      const struct play *play)
{
    return &n->config.steps[play->workflow][play->op];
}

static void note(struct sim_worker_node *n, enum engine_record_kind kind,
                 const struct play *play, unsigned detail)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = (uint16_t)node_of(n),
        .run = play->run,
        .op = play->op,
        .attempt = play->attempt,
        .detail = (uint16_t)detail,
        .key = play->key,
        .key_hi = play->key_hi,
    };
    sim_record(world_of(n), &record);
}

/* A draw that belongs to one attempt of one operation of one run. */
static uint64_t attempt_draw(const struct engine_stream *stream,
                             const struct play *play)
{
    return engine_stream_u64(stream, play->run << 28 |
                                         (uint64_t)play->op << 16 |
                                         (play->attempt & 0xffff));
}

/* Idleness is told to the platform once, when the last attempt has gone. */
static void tell_idle(struct sim_worker_node *n)
{
    uint32_t busy = sim_worker_node_busy(n);
    if (busy < n->busy_before && n->worker)
        n->config.platform->ops->idle(n->config.platform->self, node_of(n));
    n->busy_before = busy;
}

static void input(struct sim_worker_node *n, struct engine_input *in)
{
    sim_machine_input(&n->machine, in);
    if (n->worker)
        tell_idle(n);
}

/* Playing a step --------------------------------------------------------- */

static void timer_in(struct sim_worker_node *n, uint32_t slot, uint64_t ns)
{
    sim_timer_at(world_of(n), node_of(n), world_of(n)->now_ns + ns,
                 timer_arg(n, slot));
}

static void begin(struct sim_worker_node *n, const struct engine_execute *what,
                  const void *envelope, size_t size)
{
    struct play *play = &n->plays[what->slot];
    *play = (struct play){
        .run = what->run,
        .workflow = what->workflow,
        .op = what->op,
        .attempt = what->attempt,
        .serial = ++n->serial,
        .state = PLAY_BEFORE_EFFECT,
        .input_hash = engine_hash_bytes(envelope, size).lo,
    };
    const struct sim_step *step = step_of(n, play);
    const uint64_t identity[2] = {play->run, play->op};
    struct engine_hash key = engine_hash_bytes(identity, sizeof(identity));
    play->key = key.lo;
    play->key_hi = key.hi;
    uint64_t nominal =
        sim_dist_at(&step->duration, attempt_draw(&n->times, play));
    uint64_t takes = n->config.platform->ops->run_time(
        n->config.platform->self, node_of(n), nominal, step->cpu_share_ppb);
    note(n, ENGINE_REC_ATTEMPT_BEGIN, play, 0);
    play->rest_ns = step->effect ? takes / 2 : 0;
    timer_in(n, what->slot, takes - play->rest_ns);
}

static bool fails(const struct sim_worker_node *n, const struct play *play)
{
    const struct sim_step *step = step_of(n, play);
    if (play->attempt <= step->fail_first)
        return true;
    return step->fail_ppb && engine_random_scale(attempt_draw(&n->fates, play),
                                                 1000000000) < step->fail_ppb;
}

/* The same input gives the same output, whoever runs the step. */
static void write_output(struct sim_worker_node *n, const struct play *play)
{
    const struct engine_node *node =
        engine_graph_node(n->config.engine.graphs[play->workflow], play->op);
    size_t span = engine_value_span(step_of(n, play)->output_bytes);
    unsigned char *at =
        engine_block_begin(&n->output, 8 + node->output_count * span);
    if (!at) {
        world_of(n)->failed = true;
        return;
    }
    at += 8;
    for (uint32_t i = 0; i < node->output_count; i++, at += span) {
        uint32_t size = step_of(n, play)->output_bytes;
        struct engine_value head = {.size = size, .kind = ENGINE_VALUE_INLINE};
        memcpy(at, &head, sizeof(head));
        uint64_t word = play->input_hash ^ play->key ^ i;
        for (uint32_t byte = 0; byte + 8 <= size; byte += 8) {
            word = word * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
            memcpy(at + sizeof(head) + byte, &word, sizeof(word));
        }
    }
}

static void end(struct sim_worker_node *n, uint32_t slot)
{
    struct play *play = &n->plays[slot];
    struct engine_ended ended = {.slot = slot};
    if (fails(n, play)) {
        ended.error = ENGINE_ERR_USER;
        ended.retryable = step_of(n, play)->fail_retryable;
    } else {
        write_output(n, play);
        ended.size = (uint32_t)n->output.size - 8;
        ended.output = n->output.bytes + 8;
    }
    play->state = PLAY_IDLE;
    note(n, ENGINE_REC_ATTEMPT_END, play, ended.error);
    struct engine_input in = {.kind = ENGINE_IN_ENDED, .ended = &ended};
    input(n, &in);
}

static void request_effect(struct sim_worker_node *n, uint32_t slot)
{
    struct play *play = &n->plays[slot];
    bool first = play->state == PLAY_BEFORE_EFFECT;
    /* Before the first request: an attempt stopped here has had no effect. */
    if (first && ask(n, SIM_POINT_WORKER_EFFECT_BEFORE, play)) {
        play->state = PLAY_HELD;
        if (n->worker)
            timer_in(n, slot, 0);
        return;
    }
    play->state = PLAY_EFFECT;
    struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_EFFECT,
        .flags = step_of(n, play)->keyed ? SIM_EFFECT_KEYED : 0,
        .from = node_of(n),
        .to = SIM_NODE_RECEIVER,
        .run = play->run,
        .op = play->op,
        .attempt = play->attempt,
        .token = timer_arg(n, slot),
        .a = play->key,
        .b = play->key_hi,
    };
    note(n, ENGINE_REC_EFFECT_SENT, play, 0);
    sim_net_send(world_of(n), &message);
    timer_in(n, slot, n->config.effect_timeout_ns);
}

static void go_on(struct sim_worker_node *n, uint32_t slot)
{
    struct play *play = &n->plays[slot];
    switch (play->state) {
    case PLAY_BEFORE_EFFECT:
        if (step_of(n, play)->effect)
            request_effect(n, slot);
        else
            end(n, slot);
        return;
    case PLAY_HELD:
        request_effect(n, slot);
        return;
    case PLAY_EFFECT:
        /*
         * No answer. With a key it is safe to ask again; without one the
         * step waits: its time runs out and the engine decides.
         */
        if (step_of(n, play)->keyed)
            request_effect(n, slot);
        return;
    case PLAY_AFTER:
        end(n, slot);
        return;
    default:
        return;
    }
}

static void effect_done(struct sim_worker_node *n,
                        const struct engine_message *message)
{
    uint32_t slot = (uint32_t)message->token & ((1U << SLOT_BITS) - 1);
    if (slot >= n->config.engine.slots)
        return;
    struct play *play = &n->plays[slot];
    if (play->state != PLAY_EFFECT || message->token != timer_arg(n, slot))
        return;
    play->state = PLAY_AFTER;
    play->serial = ++n->serial; /* the timer of the request is void */
    if (ask(n, SIM_POINT_WORKER_EFFECT_AFTER, play) && !n->worker)
        return;
    timer_in(n, slot, play->rest_ns);
}

/* The machine ------------------------------------------------------------- */

static bool before_request(struct sim_worker_node *n,
                           const struct engine_message *message)
{
    const struct engine_request *request = (const void *)(message + 1);
    enum sim_point point;
    switch (request->kind) {
    case ENGINE_REQ_CLAIM:
        point = SIM_POINT_WORKER_CLAIM_BEFORE;
        break;
    case ENGINE_REQ_FINISH:
        point = SIM_POINT_WORKER_REPORT_BEFORE;
        break;
    case ENGINE_REQ_HEARTBEAT:
        point = SIM_POINT_WORKER_HEARTBEAT;
        break;
    default:
        return false;
    }
    return sim_boundary(world_of(n), point, node_of(n), request->run,
                        request->op + 1, request->attempt);
}

static bool carry_out(void *self, const struct engine_do *action)
{
    struct sim_worker_node *n = self;
    const void *bytes = engine_update_bytes(&n->machine.update, action);
    if (action->kind == ENGINE_DO_EXECUTE) {
        const struct engine_execute *what = bytes;
        begin(n, what, what + 1, action->size - sizeof(*what));
        return false;
    }
    if (action->kind == ENGINE_DO_ABANDON) {
        const struct engine_execute *what = bytes;
        n->plays[what->slot].state = PLAY_IDLE;
        n->plays[what->slot].serial = ++n->serial;
        return false;
    }
    bool held = n->held;
    n->held = false;
    if (!held && action->kind == ENGINE_DO_REQUEST &&
        before_request(n, bytes)) {
        if (n->worker) {
            n->held = true;
            n->machine.done--;
        }
        return true;
    }
    sim_net_send(world_of(n), bytes);
    return false;
}

static int step(void *self, const struct engine_input *in,
                struct engine_update *update)
{
    struct sim_worker_node *n = self;
    return engine_worker_step(n->worker, in, update);
}

static uint64_t deadline(void *self)
{
    struct sim_worker_node *n = self;
    return engine_worker_deadline(n->worker);
}

static bool after_reply(struct sim_worker_node *n,
                        const struct engine_reply *reply)
{
    if (reply->outcome != ENGINE_COMMITTED)
        return false;
    if (reply->kind == ENGINE_REQ_CLAIM) {
        const struct engine_item *work =
            engine_item_first(reply, sizeof(*reply));
        return sim_boundary(world_of(n), SIM_POINT_WORKER_CLAIM_AFTER,
                            node_of(n), reply->run, work ? work->op + 1 : 0,
                            work ? work->attempt : 0);
    }
    return reply->kind == ENGINE_REQ_FINISH &&
           sim_boundary(world_of(n), SIM_POINT_WORKER_REPORT_AFTER, node_of(n),
                        reply->run, 0, 0);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_worker_node *n = self;
    if (message->kind == ENGINE_MSG_EFFECT_DONE) {
        effect_done(n, message);
        return;
    }
    struct engine_input in = {.kind = ENGINE_IN_MESSAGE, .message = message};
    if (message->kind == ENGINE_MSG_REPLY) {
        in.kind = ENGINE_IN_REPLY;
        in.reply = (const void *)(message + 1);
        if (!sim_machine_asked(&n->machine, message) ||
            engine_reply_check(in.reply, message->size - sizeof(*message)))
            return;
        bool held = n->held_message;
        n->held_message = false;
        if (!held && after_reply(n, in.reply)) {
            if (n->worker) {
                n->held_message = true;
                sim_process_put_back(world_of(n), node_of(n), message);
            }
            return;
        }
    }
    input(n, &in);
}

static void timer(void *self, uint64_t arg)
{
    struct sim_worker_node *n = self;
    if (arg == 0) {
        sim_machine_timer(&n->machine);
        if (n->worker)
            tell_idle(n);
        return;
    }
    uint32_t slot = (uint32_t)arg & ((1U << SLOT_BITS) - 1);
    if (arg == timer_arg(n, slot))
        go_on(n, slot);
}

static void start(void *self)
{
    struct sim_worker_node *n = self;
    struct sim_node_state *state = sim_node(world_of(n), node_of(n));
    n->config.engine.incarnation = state->incarnation;
    n->config.engine.memory = &state->memory.port;
    sim_machine_restart(&n->machine);
    n->busy_before = 0;
    memset(n->plays, 0, n->config.engine.slots * sizeof(*n->plays));
    n->worker = engine_worker_new(&n->config.engine,
                                  sim_node_mono(world_of(n), node_of(n)));
    if (!n->worker)
        sim_process_crash(world_of(n), node_of(n), ENGINE_ACT_OOM);
}

static void stop(void *self)
{
    struct sim_worker_node *n = self;
    n->worker = NULL;
    n->held = false;
    n->held_message = false;
    sim_machine_restart(&n->machine);
    n->config.platform->ops->lost(n->config.platform->self, node_of(n));
}

static void resume(void *self)
{
    struct sim_worker_node *n = self;
    sim_machine_resume(&n->machine);
    if (n->worker)
        tell_idle(n);
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = start,
    .stop = stop,
    .resume = resume,
};

struct sim_worker_node *
sim_worker_node_new(const struct sim_worker_config *config,
                    const struct sim_clock *clock, uint64_t restart_ns)
{
    struct sim_worker_node *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->config = *config;
    n->plays = calloc(config->engine.slots, sizeof(*n->plays));
    if (!n->plays) {
        free(n);
        return NULL;
    }
    sim_machine_init(&n->machine, config->world, config->engine.node);
    n->machine.carry_out = carry_out;
    n->machine.step = step;
    n->machine.deadline = deadline;
    n->machine.self = n;
    n->config.engine.sink = &config->world->sink;
    engine_block_init(&n->output);
    engine_stream_init(&n->times, config->world->seed, "sim/step/time", 0);
    engine_stream_init(&n->fates, config->world->seed, "sim/step/fate", 0);
    sim_node_set(config->world, config->engine.node, &ops, n, clock,
                 restart_ns);
    return n;
}

void sim_worker_node_free(struct sim_worker_node *n)
{
    if (!n)
        return;
    sim_machine_deinit(&n->machine);
    engine_block_free(&n->output);
    free(n->plays);
    free(n);
}

uint32_t sim_worker_node_busy(const struct sim_worker_node *n)
{
    return n->worker ? engine_worker_busy(n->worker) : 0;
}

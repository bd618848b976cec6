#include "sim/platform/lambda_front.h"

#include <stdlib.h>

/* Timer arguments of the front end: what, and about which environment. */
enum front_timer {
    TIMER_READY,
    TIMER_KILL,
    TIMER_HANG,
    TIMER_DIE,
    TIMER_QUEUE
};

enum {
    TIMER_BITS = 3,
    GENERATION_SHIFT = 32
};

/* How long into an invocation a fault inside it strikes. */
static const uint64_t strike_ns = UINT64_C(10000000);

/* An environment and the invocation it has. By index of the platform's. */
struct env {
    struct sim_worker_node *worker; /* kept for the next of this index */
    uint32_t generation;
    bool busy;
    bool from_queue;
    uint32_t queue_id;
    uint32_t tag; /* of the message kept for the queue */
    uint64_t born_ns;
    uint64_t deadline_ns;
    struct engine_message message;
};

struct held {
    struct engine_message message;
    bool used;
};

struct sim_lambda_front {
    struct sim_lambda_front_config config;
    struct sim_platform platform;
    struct env *envs;
    uint32_t env_count; /* indices ever used */
    struct held *held;  /* messages in the queue, by tag */
    uint32_t held_count;
    uint64_t queue_timer_ns;
};

static struct sim_world *world_of(struct sim_lambda_front *f)
{
    return f->config.world;
}

static uint32_t node_of(uint32_t index)
{
    return SIM_NODE_WORKER + index;
}

static void note(struct sim_lambda_front *f, enum engine_record_kind kind,
                 const struct engine_message *message, uint32_t peer,
                 unsigned detail, uint64_t a, uint64_t b)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = SIM_NODE_PLATFORM,
        .peer = (uint16_t)peer,
        .op = message ? message->op : UINT32_MAX,
        .run = message ? message->run : 0,
        .attempt = message ? message->attempt : 0,
        .detail = (uint16_t)detail,
        .a = a,
        .b = b,
    };
    sim_record(world_of(f), &record);
}

static void gauge(struct sim_lambda_front *f)
{
    note(f, ENGINE_REC_GAUGE, NULL, 0, 0,
         sim_lambda_counts(f->config.lambda)->busy, f->config.limit);
}

static void timer_at(struct sim_lambda_front *f, uint64_t time_ns,
                     enum front_timer what, uint32_t index)
{
    uint64_t generation = f->envs[index].generation;
    sim_timer_at(world_of(f), SIM_NODE_PLATFORM, time_ns,
                 generation << GENERATION_SHIFT |
                     (uint64_t)index << TIMER_BITS | (uint64_t)what);
}

static void answer(struct sim_lambda_front *f,
                   const struct engine_message *message,
                   enum engine_message_kind kind)
{
    struct engine_message reply = *message;
    reply.size = sizeof(reply);
    reply.kind = (uint16_t)kind;
    reply.from = SIM_NODE_PLATFORM;
    reply.to = message->from;
    sim_net_send(world_of(f), &reply);
}

/* Environments ------------------------------------------------------------ */

static struct sim_lambda_env env_id(const struct sim_lambda_front *f,
                                    uint32_t index)
{
    return (struct sim_lambda_env){index, f->envs[index].generation};
}

static bool worker_ready(struct sim_lambda_front *f, uint32_t index)
{
    struct env *env = &f->envs[index];
    if (env->worker)
        return true;
    struct sim_worker_config config = f->config.worker;
    config.engine.node = node_of(index);
    config.engine.slots = 1;
    config.platform = &f->platform;
    struct sim_clock clock;
    f->config.clock(f->config.clock_self, config.engine.node, &clock);
    env->worker = sim_worker_node_new(&config, &clock, UINT64_MAX);
    if (!env->worker)
        world_of(f)->failed = true;
    else if (index >= f->env_count)
        f->env_count = index + 1;
    return env->worker != NULL;
}

/* Why an environment ended; detail of ENV_ENDED. */
enum env_end {
    ENV_EXPIRED = 1,
    ENV_LOST,
    ENV_KILLED
};

static void ended(struct sim_lambda_front *f, uint32_t index, enum env_end why,
                  uint64_t time_ns)
{
    note(f, ENGINE_REC_ENV_ENDED, NULL, node_of(index), why,
         time_ns - f->envs[index].born_ns, 0);
}

static void gone(void *self, struct sim_lambda_env env, uint64_t time_ns)
{
    struct sim_lambda_front *f = self;
    ended(f, env.index, ENV_EXPIRED, time_ns);
    sim_process_crash(world_of(f), node_of(env.index), 0);
}

static void queue_timer(struct sim_lambda_front *f)
{
    if (!f->config.queue)
        return;
    uint64_t next = sim_lambda_queue_next(f->config.queue);
    if (next >= f->queue_timer_ns)
        return;
    f->queue_timer_ns = next;
    sim_timer_at(world_of(f), SIM_NODE_PLATFORM, next, TIMER_QUEUE);
}

/* The queue has taken an event back, or has given it up. */
static void returned(struct sim_lambda_front *f, uint32_t tag, int fate)
{
    if (fate < 0)
        world_of(f)->failed = true;
    else if (fate != SIM_LAMBDA_AGAIN)
        f->held[tag].used = false;
}

/* The invocation is over, well or not. */
static void close_invocation(struct sim_lambda_front *f, struct env *env,
                             bool good)
{
    env->busy = false;
    if (!env->from_queue)
        return;
    env->from_queue = false;
    if (good) {
        sim_lambda_queue_done(f->config.queue, env->queue_id);
        f->held[env->tag].used = false;
    } else {
        returned(f, env->tag,
                 sim_lambda_queue_failed(f->config.queue, env->queue_id,
                                         world_of(f)->now_ns));
    }
    queue_timer(f);
}

/* Invocations ------------------------------------------------------------- */

static void begin_faults(struct sim_lambda_front *f, uint32_t index, bool hangs)
{
    struct env *env = &f->envs[index];
    struct engine_decision decision;
    if (hangs)
        timer_at(f, world_of(f)->now_ns + strike_ns, TIMER_HANG, index);
    if (sim_point(world_of(f), SIM_POINT_PLATFORM_RUN, node_of(index),
                  env->message.run, env->message.op + 1, env->message.attempt,
                  &decision))
        timer_at(f, world_of(f)->now_ns + strike_ns, TIMER_DIE, index);
}

static void hand_over(struct sim_lambda_front *f, uint32_t index)
{
    struct engine_message message = f->envs[index].message;
    bool hangs = message.flags != 0;
    message.size = sizeof(message);
    message.flags = 0;
    message.from = SIM_NODE_PLATFORM;
    message.to = node_of(index);
    sim_process_start(world_of(f), message.to);
    sim_local_send(world_of(f), &message, 0);
    begin_faults(f, index, hangs);
}

static void placed_at(struct sim_lambda_front *f,
                      const struct sim_lambda_placed *placed,
                      const struct engine_message *message, bool hangs)
{
    struct env *env = &f->envs[placed->env.index];
    bool cold = placed->answer == SIM_LAMBDA_COLD;
    uint64_t now_ns = world_of(f)->now_ns;
    uint32_t node = node_of(placed->env.index);
    env->generation = placed->env.generation;
    env->busy = true;
    env->deadline_ns = placed->deadline_ns;
    env->message = *message;
    env->message.flags = hangs;
    if (cold) {
        env->born_ns = now_ns;
        note(f, ENGINE_REC_ENV_STARTED, message, node, 0,
             placed->starts_ns - now_ns, placed->init_ns);
    }
    note(f, ENGINE_REC_INVOKED, message, node, cold ? 1 : 2, 0, 0);
    gauge(f);
    timer_at(f, placed->starts_ns, TIMER_READY, placed->env.index);
    timer_at(f, placed->deadline_ns, TIMER_KILL, placed->env.index);
}

/* One try to place a request. */
static enum sim_lambda_answer invoke(struct sim_lambda_front *f,
                                     const struct engine_message *message,
                                     bool hangs, uint32_t *index)
{
    uint64_t now_ns = world_of(f)->now_ns;
    struct sim_lambda_request request = {
        .function = (uint32_t)message->a,
        .mode = f->config.mode,
        .payload_bytes = f->config.payload_bytes,
    };
    struct sim_lambda_placed placed;
    sim_lambda_expire(f->config.lambda, now_ns, gone, f);
    if (sim_lambda_invoke(f->config.lambda, now_ns, &request, &placed)) {
        world_of(f)->failed = true;
        return SIM_LAMBDA_THROTTLED;
    }
    if (placed.answer == SIM_LAMBDA_THROTTLED) {
        note(f, ENGINE_REC_THROTTLED, message, 0, placed.reason, placed.actual,
             placed.limit);
    } else if (placed.answer != SIM_LAMBDA_TOO_LARGE) {
        *index = placed.env.index;
        if (node_of(*index) > SIM_NODE_MAX || !worker_ready(f, *index)) {
            sim_lambda_kill(f->config.lambda, placed.env, now_ns);
            return SIM_LAMBDA_THROTTLED;
        }
        placed_at(f, &placed, message, hangs);
    }
    return placed.answer;
}

static void invoke_sync(struct sim_lambda_front *f,
                        const struct engine_message *message, bool hangs)
{
    uint32_t index;
    enum sim_lambda_answer got = invoke(f, message, hangs, &index);
    answer(f, message,
           got == SIM_LAMBDA_WARM || got == SIM_LAMBDA_COLD
               ? ENGINE_MSG_ACCEPTED
               : ENGINE_MSG_THROTTLED);
}

static bool hold(struct sim_lambda_front *f,
                 const struct engine_message *message, uint32_t *tag)
{
    for (*tag = 0; *tag < f->held_count; (*tag)++)
        if (!f->held[*tag].used)
            break;
    if (*tag == f->held_count) {
        uint32_t count = f->held_count ? 2 * f->held_count : 64;
        struct held *held = realloc(f->held, count * sizeof(*held));
        if (!held)
            return false;
        for (uint32_t i = f->held_count; i < count; i++)
            held[i].used = false;
        f->held = held;
        f->held_count = count;
    }
    f->held[*tag] = (struct held){*message, true};
    return true;
}

static void invoke_async(struct sim_lambda_front *f,
                         const struct engine_message *message, bool hangs)
{
    struct engine_message kept = *message;
    uint32_t tag;
    kept.flags = hangs;
    if (!hold(f, &kept, &tag)) {
        answer(f, message, ENGINE_MSG_THROTTLED);
        return;
    }
    if (sim_lambda_queue_push(f->config.queue, world_of(f)->now_ns,
                              (uint32_t)message->a, f->config.payload_bytes,
                              tag)) {
        f->held[tag].used = false;
        answer(f, message, ENGINE_MSG_THROTTLED);
        return;
    }
    answer(f, message, ENGINE_MSG_ACCEPTED);
    queue_timer(f);
}

static void work_queue(struct sim_lambda_front *f)
{
    struct sim_lambda_queued event;
    uint64_t now_ns = world_of(f)->now_ns;
    f->queue_timer_ns = UINT64_MAX;
    while (sim_lambda_queue_pop(f->config.queue, now_ns, &event)) {
        const struct engine_message *message = &f->held[event.tag].message;
        uint32_t index;
        enum sim_lambda_answer got =
            invoke(f, message, message->flags != 0, &index);
        if (got == SIM_LAMBDA_WARM || got == SIM_LAMBDA_COLD) {
            f->envs[index].from_queue = true;
            f->envs[index].queue_id = event.id;
            f->envs[index].tag = (uint32_t)event.tag;
        } else {
            returned(
                f, (uint32_t)event.tag,
                sim_lambda_queue_throttled(f->config.queue, event.id, now_ns));
        }
    }
    queue_timer(f);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_lambda_front *f = self;
    struct engine_decision decision = {0};
    void (*deliver)(struct sim_lambda_front *, const struct engine_message *,
                    bool) =
        f->config.mode == SIM_LAMBDA_ASYNC ? invoke_async : invoke_sync;
    if (message->kind != ENGINE_MSG_DISPATCH)
        return;
    (void)sim_point(world_of(f), SIM_POINT_PLATFORM_INVOKE, SIM_NODE_PLATFORM,
                    message->run, message->op + 1, message->attempt, &decision);
    switch (decision.action) {
    case ENGINE_ACT_THROTTLE:
        note(f, ENGINE_REC_THROTTLED, message, 0, SIM_LAMBDA_REASONS, 0, 0);
        answer(f, message, ENGINE_MSG_THROTTLED);
        return;
    case ENGINE_ACT_LOSE:
        return;
    case ENGINE_ACT_DUPLICATE:
        deliver(f, message, false);
        break;
    default:
        break;
    }
    deliver(f, message, decision.action == ENGINE_ACT_TIMEOUT);
}

/* What the workers say ----------------------------------------------------- */

static void idle(void *self, uint32_t node)
{
    struct sim_lambda_front *f = self;
    uint32_t index = node - SIM_NODE_WORKER;
    struct env *env = &f->envs[index];
    if (!env->busy)
        return;
    sim_lambda_finish(f->config.lambda, env_id(f, index), world_of(f)->now_ns);
    close_invocation(f, env, true);
    gauge(f);
}

static void lost(void *self, uint32_t node)
{
    struct sim_lambda_front *f = self;
    uint32_t index = node - SIM_NODE_WORKER;
    struct env *env = &f->envs[index];
    uint64_t now_ns = world_of(f)->now_ns;
    if (!sim_lambda_alive(f->config.lambda, env_id(f, index)))
        return; /* it expired: the platform knows */
    sim_lambda_kill(f->config.lambda, env_id(f, index), now_ns);
    ended(f, index, now_ns >= env->deadline_ns ? ENV_KILLED : ENV_LOST, now_ns);
    if (env->busy)
        close_invocation(f, env, false);
    gauge(f);
}

static uint64_t run_time(void *self, uint32_t node, uint64_t nominal_ns,
                         uint32_t cpu_share_ppb)
{
    struct sim_lambda_front *f = self;
    struct sim_lambda_work work = {
        .nominal_ns = nominal_ns,
        .cpu_ppb = cpu_share_ppb,
        .threads = f->config.threads,
    };
    return sim_lambda_run_time(f->config.lambda,
                               env_id(f, node - SIM_NODE_WORKER), &work);
}

static const struct sim_platform_ops platform_ops = {
    .idle = idle,
    .run_time = run_time,
    .lost = lost,
};

static void kill_env(struct sim_lambda_front *f, uint32_t index)
{
    struct env *env = &f->envs[index];
    note(f, ENGINE_REC_KILLED, &env->message, node_of(index), 0, 0, 0);
    if (sim_node_up(world_of(f), node_of(index)))
        sim_process_crash(world_of(f), node_of(index), ENGINE_ACT_TIMEOUT);
    else
        lost(f, node_of(index)); /* it never got to its handler */
}

static void timer(void *self, uint64_t arg)
{
    struct sim_lambda_front *f = self;
    enum front_timer what = (enum front_timer)(arg & ((1U << TIMER_BITS) - 1));
    uint32_t index = (uint32_t)(arg & UINT32_MAX) >> TIMER_BITS;
    if (what == TIMER_QUEUE) {
        work_queue(f);
        return;
    }
    struct env *env = &f->envs[index];
    if (env->generation != arg >> GENERATION_SHIFT || !env->busy)
        return;
    switch (what) {
    case TIMER_READY:
        hand_over(f, index);
        break;
    case TIMER_KILL:
        if (world_of(f)->now_ns >= env->deadline_ns)
            kill_env(f, index);
        break;
    case TIMER_HANG:
        sim_process_pause(world_of(f), node_of(index),
                          env->deadline_ns - world_of(f)->now_ns + strike_ns);
        break;
    case TIMER_DIE:
        sim_process_crash(world_of(f), node_of(index), ENGINE_ACT_CRASH);
        break;
    default:
        break;
    }
}

static const struct sim_actor_ops ops = {.message = message, .timer = timer};

struct sim_lambda_front *
sim_lambda_front_new(const struct sim_lambda_front_config *config,
                     const struct sim_clock *clock)
{
    struct sim_lambda_front *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->config = *config;
    f->platform = (struct sim_platform){&platform_ops, f};
    f->queue_timer_ns = UINT64_MAX;
    f->envs = calloc(SIM_NODE_MAX - SIM_NODE_WORKER + 1, sizeof(*f->envs));
    if (!f->envs) {
        free(f);
        return NULL;
    }
    sim_node_set(config->world, SIM_NODE_PLATFORM, &ops, f, clock, UINT64_MAX);
    return f;
}

void sim_lambda_front_free(struct sim_lambda_front *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->env_count; i++)
        sim_worker_node_free(f->envs[i].worker);
    free(f->envs);
    free(f->held);
    free(f);
}

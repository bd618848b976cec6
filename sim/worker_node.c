#include "sim/worker_node.h"

#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "engine/value.h"
#include "sim/effect.h"
#include "sim/machine.h"

enum play_state {
    PLAY_IDLE,
    PLAY_BEFORE_EFFECT,
    PLAY_HELD, /* a pause came before the request */
    PLAY_EFFECT,
    PLAY_AFTER,
    PLAY_TELLING /* a submitter gives its callback's id to the outside */
};

/* A step's code in execution. */
struct play {
    uint64_t run;
    uint64_t rest_ns;      /* after the effect: what it takes; if speeds change,
                              what it would on an idle machine */
    uint64_t due_ns;       /* of its last timer */
    uint64_t asked;        /* the platform for time: the last one did last */
    struct sim_attempt of; /* as it was dispatched */
    uint64_t input_hash;
    uint64_t key;
    uint64_t key_hi;
    uint64_t operation; /* of a handler's step: low half of its id */
    uint32_t workflow;
    uint32_t op; /* of a handler's step: as its invocation counts it */
    uint32_t attempt;
    uint32_t slot;
    uint32_t part;   /* 0: of a graph's step */
    uint32_t step;   /* index of its model */
    uint32_t serial; /* tells this execution from others at its place */
    uint32_t next;   /* while idle: place of the next idle one, plus 1 */
    uint8_t state;
    char callback[SIM_CALLBACK_SIZE]; /* of a submitter: what it is given */
};

/* What a program's functions get as their self. */
struct binding {
    struct sim_worker_node *node;
    struct engine_program_bound *bound; /* NULL: a graph */
    struct engine_handler handler;
    uint32_t workflow;
};

struct sim_worker_node {
    struct sim_machine machine;
    struct sim_worker_config config;
    struct engine_worker *worker; /* NULL while down */
    struct engine_budget budget;
    struct engine_block output;
    struct engine_stream times;
    struct engine_stream fates;
    uint64_t asked; /* the platform for time, so often */
    uint32_t serial;
    uint32_t busy_before;
    bool held;          /* a pause came before this action */
    bool held_message;  /* or before this message: do not ask again */
    struct play *plays; /* at their places; some are idle */
    uint32_t play_count;
    uint32_t idle;            /* place of an idle one, plus 1; 0: none */
    struct binding *bindings; /* by workflow; NULL: no programs */
    const struct engine_handler **handlers;
};

/* Timer arguments: WAKE of the machine is 0; a play is serial and place. */
enum {
    PLACE_BITS = 24,
    PLACE_MASK = (1 << PLACE_BITS) - 1
};

static uint64_t timer_arg(const struct sim_worker_node *n, uint32_t place)
{
    return (uint64_t)n->plays[place].serial << PLACE_BITS | place;
}

/* The place that a timer or an answer is for; UINT32_MAX: it is void. */
static uint32_t place_of(const struct sim_worker_node *n, uint64_t arg)
{
    uint32_t place = (uint32_t)arg & PLACE_MASK;
    return place < n->play_count && arg == timer_arg(n, place) ? place
                                                               : UINT32_MAX;
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
    uint32_t op = play->part ? play->step + SIM_STEP_BASE : play->op;
    return sim_boundary(world_of(n), point, node_of(n), play->run, op + 1,
                        play->attempt);
}

static const struct sim_step *step_of(const struct sim_worker_node *n,
                                      const struct play *play)
{
    return &n->config.steps[play->workflow][play->step];
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
        .b = play->operation,
        .count = play->part ? play->step + SIM_STEP_BASE : 0,
    };
    sim_record(world_of(n), &record);
}

/* A draw that belongs to one attempt of one operation of one run. */
static uint64_t attempt_draw(const struct engine_stream *stream,
                             const struct play *play)
{
    if (play->part)
        return engine_stream_u64(stream, play->key ^ play->attempt);
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

/* Places ------------------------------------------------------------------ */

static void clear_plays(struct sim_worker_node *n)
{
    memset(n->plays, 0, n->play_count * sizeof(*n->plays));
    for (uint32_t i = 0; i < n->play_count; i++)
        n->plays[i].next = i + 1 < n->play_count ? i + 2 : 0;
    n->idle = n->play_count ? 1 : 0;
}

static bool grow_plays(struct sim_worker_node *n)
{
    uint32_t count = n->play_count ? 2 * n->play_count : n->config.engine.slots;
    struct play *plays =
        count <= PLACE_MASK ? realloc(n->plays, count * sizeof(*plays)) : NULL;
    if (!plays)
        return false;
    n->plays = plays;
    memset(plays + n->play_count, 0, (count - n->play_count) * sizeof(*plays));
    for (uint32_t i = n->play_count; i < count; i++)
        plays[i].next = i + 1 < count ? i + 2 : 0;
    n->idle = n->play_count + 1;
    n->play_count = count;
    return true;
}

static void give_up(struct sim_worker_node *n, uint32_t place)
{
    struct play *play = &n->plays[place];
    play->state = PLAY_IDLE;
    play->serial = ++n->serial;
    play->next = n->idle;
    n->idle = place + 1;
}

static void abandon(struct sim_worker_node *n,
                    const struct engine_execute *what)
{
    for (uint32_t i = 0; i < n->play_count; i++)
        if (n->plays[i].state != PLAY_IDLE && n->plays[i].slot == what->slot &&
            n->plays[i].part == what->part)
            give_up(n, i);
}

/* Playing a step --------------------------------------------------------- */

static void timer_in(struct sim_worker_node *n, uint32_t place, uint64_t ns)
{
    n->plays[place].due_ns = world_of(n)->now_ns + ns;
    sim_timer_at(world_of(n), node_of(n), n->plays[place].due_ns,
                 timer_arg(n, place));
}

/* Asks the platform how long this takes. */
static uint64_t run_time(struct sim_worker_node *n, struct play *play,
                         uint64_t nominal_ns)
{
    const struct sim_platform *platform = n->config.platform;
    play->asked = ++n->asked;
    return platform->ops->run_time(platform->self, node_of(n), &play->of,
                                   nominal_ns, step_of(n, play)->cpu_share_ppb);
}

/* Whose attempt it is: a graph's operation, or a step of a program. */
static void set_identity(const struct sim_worker_node *n, struct play *play,
                         const struct engine_execute *what)
{
    uint64_t identity[2] = {what->run, what->op};
    if (engine_defect(&n->config.engine.defects, ENGINE_DEFECT_KEY_PER_ATTEMPT))
        identity[1] |= (uint64_t)what->attempt << 32;
    struct engine_hash key =
        what->part ? what->key : engine_hash_bytes(identity, sizeof(identity));
    play->key = key.lo;
    play->key_hi = key.hi;
    play->op = what->part ? what->part : what->op;
    play->attempt = what->part ? what->part_attempt : what->attempt;
    play->step = what->part ? (uint32_t)what->tag : what->op;
    play->operation = what->part ? what->id.lo : 0;
}

static bool is_submitter(const struct sim_worker_node *n,
                         const struct play *play)
{
    return play->part &&
           engine_program_step(n->config.programs[play->workflow], play->step)
                   ->role == ENGINE_PROGRAM_SUBMITTER;
}

static void begin(struct sim_worker_node *n, const struct engine_execute *what,
                  const void *input, size_t size)
{
    if (n->idle == 0 && !grow_plays(n)) {
        world_of(n)->failed = true;
        return;
    }
    uint32_t place = n->idle - 1;
    struct play *play = &n->plays[place];
    n->idle = play->next;
    *play = (struct play){
        .run = what->run,
        .workflow = what->workflow,
        .slot = what->slot,
        .part = what->part,
        .serial = ++n->serial,
        .state = PLAY_BEFORE_EFFECT,
        .input_hash = engine_hash_bytes(input, size).lo,
        .of = {what->run, what->op, what->attempt},
    };
    set_identity(n, play, what);
    if (is_submitter(n, play) && size < sizeof(play->callback))
        memcpy(play->callback, input, size);
    const struct sim_step *step = step_of(n, play);
    uint64_t nominal =
        sim_dist_at(&step->duration, attempt_draw(&n->times, play));
    bool shared = n->config.platform->shared;
    if (shared && step->effect)
        play->rest_ns = nominal / 2;
    uint64_t takes = run_time(n, play, nominal - play->rest_ns);
    note(n, ENGINE_REC_ATTEMPT_BEGIN, play, 0);
    if (!shared && step->effect)
        play->rest_ns = takes / 2;
    timer_in(n, place, shared ? takes : takes - play->rest_ns);
}

static bool fails(const struct sim_worker_node *n, const struct play *play)
{
    const struct sim_step *step = step_of(n, play);
    if (play->attempt <= step->fail_first)
        return true;
    return step->fail_ppb && engine_random_scale(attempt_draw(&n->fates, play),
                                                 1000000000) < step->fail_ppb;
}

static uint32_t output_count(const struct sim_worker_node *n,
                             const struct play *play)
{
    if (play->part)
        return engine_program_step(n->config.programs[play->workflow],
                                   play->step)
            ->output_count;
    return engine_graph_node(n->config.engine.graphs[play->workflow], play->op)
        ->output_count;
}

/* The same input gives the same output, whoever runs the step. */
static void write_output(struct sim_worker_node *n, const struct play *play)
{
    uint32_t count = output_count(n, play);
    size_t span = engine_value_span(step_of(n, play)->output_bytes);
    unsigned char *at = engine_block_begin(&n->output, 8 + count * span);
    if (!at) {
        world_of(n)->failed = true;
        return;
    }
    at += 8;
    for (uint32_t i = 0; i < count; i++, at += span) {
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

/*
 * What an attempt answers its platform with: of a value that becomes a blob,
 * where to find it. A program's steps do not answer: their handler does, and
 * its result has a limit of its own.
 */
static bool answers_too_much(const struct sim_worker_node *n,
                             const struct play *play)
{
    uint64_t most = n->config.platform->response_max;
    uint64_t bytes = step_of(n, play)->output_bytes;
    if (bytes > n->config.engine.inline_max)
        bytes = sizeof(struct engine_blob_ref);
    return most > 0 && play->part == 0 && bytes * output_count(n, play) > most;
}

static void end(struct sim_worker_node *n, uint32_t place)
{
    struct play *play = &n->plays[place];
    struct engine_ended ended = {
        .slot = play->slot, .part = play->part, .output = ""};
    if (fails(n, play)) {
        ended.error = ENGINE_ERR_USER;
        ended.retryable = step_of(n, play)->fail_retryable;
    } else if (answers_too_much(n, play)) {
        ended.error = ENGINE_ERR_SIZE_LIMIT;
    } else {
        write_output(n, play);
        ended.size = (uint32_t)n->output.size - 8;
        ended.output = n->output.bytes + 8;
    }
    note(n, ENGINE_REC_ATTEMPT_END, play, ended.error);
    give_up(n, place);
    struct engine_input in = {.kind = ENGINE_IN_ENDED, .ended = &ended};
    input(n, &in);
}

static struct engine_message effect_message(struct sim_worker_node *n,
                                            uint32_t place, uint32_t to)
{
    const struct play *play = &n->plays[place];
    return (struct engine_message){
        .size = sizeof(struct engine_message),
        .kind = ENGINE_MSG_EFFECT,
        .from = node_of(n),
        .to = to,
        .run = play->run,
        .op = play->op,
        .attempt = play->attempt,
        .token = timer_arg(n, place),
        .a = play->key,
        .b = play->key_hi,
    };
}

static void send_effect(struct sim_worker_node *n, uint32_t place)
{
    const struct play *play = &n->plays[place];
    struct engine_message message = effect_message(n, place, SIM_NODE_RECEIVER);
    const struct sim_effect effect = {
        .operation = play->operation,
        .content = play->input_hash,
        .step = play->part ? play->step + SIM_STEP_BASE : 0,
    };
    message.flags = step_of(n, play)->keyed ? SIM_EFFECT_KEYED : 0;
    message.size += sizeof(effect);
    sim_net_send2(world_of(n), &message, &effect, sizeof(effect));
}

static void request_effect(struct sim_worker_node *n, uint32_t place)
{
    struct play *play = &n->plays[place];
    bool first = play->state == PLAY_BEFORE_EFFECT;
    /* Before the first request: an attempt stopped here has had no effect. */
    if (first && ask(n, SIM_POINT_WORKER_EFFECT_BEFORE, play)) {
        play->state = PLAY_HELD;
        if (n->worker)
            timer_in(n, place, 0);
        return;
    }
    play->state = PLAY_EFFECT;
    note(n, ENGINE_REC_EFFECT_SENT, play, 0);
    send_effect(n, place);
    timer_in(n, place, n->config.effect_timeout_ns);
}

/* Until it is known to have arrived. */
static void tell_outside(struct sim_worker_node *n, uint32_t place)
{
    struct play *play = &n->plays[place];
    struct engine_message message = effect_message(n, place, SIM_NODE_OUTSIDE);
    struct sim_callback callback = {.workflow = play->workflow,
                                    .step = play->step};
    memcpy(callback.id, play->callback, sizeof(callback.id));
    message.size += sizeof(callback);
    play->state = PLAY_TELLING;
    sim_net_send2(world_of(n), &message, &callback, sizeof(callback));
    timer_in(n, place, n->config.effect_timeout_ns);
}

static void finish(struct sim_worker_node *n, uint32_t place)
{
    const struct play *play = &n->plays[place];
    if (is_submitter(n, play) && !fails(n, play))
        tell_outside(n, place);
    else
        end(n, place);
}

static void go_on(struct sim_worker_node *n, uint32_t place)
{
    struct play *play = &n->plays[place];
    switch (play->state) {
    case PLAY_BEFORE_EFFECT:
        if (step_of(n, play)->effect)
            request_effect(n, place);
        else
            finish(n, place);
        return;
    case PLAY_HELD:
        request_effect(n, place);
        return;
    case PLAY_EFFECT:
        /*
         * No answer. With a key it is safe to ask again; without one the
         * step waits: its time runs out and the engine decides.
         */
        if (step_of(n, play)->keyed)
            request_effect(n, place);
        return;
    case PLAY_AFTER:
        finish(n, place);
        return;
    case PLAY_TELLING:
        tell_outside(n, place);
        return;
    default:
        return;
    }
}

static void effect_done(struct sim_worker_node *n,
                        const struct engine_message *message)
{
    uint32_t place = place_of(n, message->token);
    struct play *play = place != UINT32_MAX ? &n->plays[place] : NULL;
    if (play && play->state == PLAY_TELLING) {
        end(n, place);
        return;
    }
    if (!play || play->state != PLAY_EFFECT)
        return;
    play->state = PLAY_AFTER;
    play->serial = ++n->serial; /* the timer of the request is void */
    if (ask(n, SIM_POINT_WORKER_EFFECT_AFTER, play) && !n->worker)
        return;
    timer_in(n, place,
             n->config.platform->shared ? run_time(n, play, play->rest_ns)
                                        : play->rest_ns);
}

/* Programs ---------------------------------------------------------------- */

/* Every step runs here, in place of a user's code. */
static int run_step(void *self, const struct engine_program_step *step,
                    struct engine_attempt *a, struct engine_bytes in,
                    struct engine_bytes *out)
{
    (void)self;
    (void)in;
    (void)out;
    engine_attempt_tag(a, step->number);
    return ENGINE_SUSPENDED;
}

/*
 * Nobody is told a callback's id by a step: whoever answers sees in the store
 * that it waits.
 */
static void opened(void *self, const struct engine_program_step *step,
                   uint64_t run, const char *callback)
{
    static const uint64_t until_seen_ns = 1000000;
    const struct binding *binding = self;
    struct sim_worker_node *n = binding->node;
    struct {
        struct engine_message head;
        struct sim_callback callback;
    } message = {
        .head = {.size = sizeof(message),
                 .kind = ENGINE_MSG_EFFECT,
                 .from = node_of(n),
                 .to = SIM_NODE_OUTSIDE,
                 .run = run},
        .callback = {.workflow = binding->workflow, .step = step->number},
    };
    size_t size = strlen(callback);
    if (size >= sizeof(message.callback.id))
        return;
    memcpy(message.callback.id, callback, size);
    sim_local_send(world_of(n), &message.head, until_seen_ns);
}

static const struct engine_program_host host = {.run = run_step,
                                                .opened = opened};

static bool bind_programs(struct sim_worker_node *n)
{
    uint32_t count = n->config.engine.graph_count;
    if (!n->config.programs)
        return true;
    n->bindings = calloc(count, sizeof(*n->bindings));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    n->handlers = calloc(count, sizeof(*n->handlers));
    if (!n->bindings || !n->handlers)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct binding *binding = &n->bindings[i];
        binding->node = n;
        binding->workflow = i;
        if (!n->config.programs[i])
            continue;
        binding->bound =
            engine_program_bind(n->config.programs[i], &host, binding);
        if (!binding->bound)
            return false;
        binding->handler = engine_program_handler(binding->bound);
        n->handlers[i] = &binding->handler;
    }
    n->config.engine.handlers = n->handlers;
    return true;
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

/* Questions to the run's owner. */
static bool before_send(struct sim_worker_node *n,
                        const struct engine_message *message)
{
    enum sim_point point;
    switch (message->kind) {
    case ENGINE_MSG_STATE:
        point = SIM_POINT_WORKER_STATE_BEFORE;
        break;
    case ENGINE_MSG_CHECKPOINT:
        point = SIM_POINT_WORKER_CHECKPOINT_BEFORE;
        break;
    default:
        return false;
    }
    return sim_boundary(world_of(n), point, node_of(n), message->run, 1,
                        message->attempt);
}

static bool before_action(struct sim_worker_node *n,
                          const struct engine_do *action)
{
    const void *bytes = engine_update_bytes(&n->machine.update, action);
    return action->kind == ENGINE_DO_REQUEST ? before_request(n, bytes)
                                             : before_send(n, bytes);
}

/* What is not is lost: the worker asks again after its request timeout. */
static bool is_let_through(struct sim_worker_node *n,
                           const struct engine_do *action,
                           const struct engine_message *message)
{
    const struct sim_platform *platform = n->config.platform;
    return action->kind == ENGINE_DO_REQUEST ||
           message->kind != ENGINE_MSG_CHECKPOINT ||
           platform->ops->checkpoint(platform->self, node_of(n), message);
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
        abandon(n, bytes);
        return false;
    }
    bool held = n->held;
    n->held = false;
    if (!held && before_action(n, action)) {
        if (n->worker) {
            n->held = true;
            n->machine.done--;
        }
        return true;
    }
    if (is_let_through(n, action, bytes))
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

/* Whether the process is not running on: then the message comes again. */
static bool after_message(struct sim_worker_node *n,
                          const struct engine_message *message)
{
    if (message->kind == ENGINE_MSG_REPLY)
        return after_reply(n, (const void *)(message + 1));
    return message->kind == ENGINE_MSG_CHECKPOINTED &&
           message->op == ENGINE_ERR_NONE &&
           sim_boundary(world_of(n), SIM_POINT_WORKER_CHECKPOINT_AFTER,
                        node_of(n), message->run, 1, message->attempt);
}

static void delivered(struct sim_worker_node *n,
                      const struct engine_message *message)
{
    const struct sim_platform *platform = n->config.platform;
    const struct sim_attempt attempt = {message->run, message->op,
                                        message->attempt};
    platform->ops->delivered(platform->self, node_of(n), &attempt);
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
    }
    bool held = n->held_message;
    n->held_message = false;
    if (!held && after_message(n, message)) {
        if (n->worker) {
            n->held_message = true;
            sim_process_put_back(world_of(n), node_of(n), message);
        }
        return;
    }
    input(n, &in);
    if (message->kind == ENGINE_MSG_DISPATCH && n->worker)
        delivered(n, message);
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
    uint32_t place = place_of(n, arg);
    if (place != UINT32_MAX)
        go_on(n, place);
}

static void start(void *self)
{
    struct sim_worker_node *n = self;
    struct sim_node_state *state = sim_node(world_of(n), node_of(n));
    n->config.engine.incarnation = state->incarnation;
    n->config.engine.memory = &state->memory.port;
    engine_budget_init(&n->budget, n->config.retry_share_milli,
                       n->config.retry_burst);
    n->config.engine.budget = n->config.retries_bounded ? &n->budget : NULL;
    sim_machine_restart(&n->machine);
    n->busy_before = 0;
    clear_plays(n);
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
    engine_block_init(&n->output);
    if (!grow_plays(n) || !bind_programs(n)) {
        sim_worker_node_free(n);
        return NULL;
    }
    sim_machine_init(&n->machine, config->world, config->engine.node);
    n->machine.carry_out = carry_out;
    n->machine.step = step;
    n->machine.deadline = deadline;
    n->machine.self = n;
    n->config.engine.sink = &config->world->sink;
    engine_stream_init(&n->times, config->world->schedule, "sim/step/time", 0);
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
    for (uint32_t i = 0; n->bindings && i < n->config.engine.graph_count; i++)
        engine_program_unbind(n->bindings[i].bound);
    free(n->bindings);
    free(n->handlers);
    free(n->plays);
    free(n);
}

uint32_t sim_worker_node_busy(const struct sim_worker_node *n)
{
    return n->worker ? engine_worker_busy(n->worker) : 0;
}

bool sim_worker_node_has(const struct sim_worker_node *n,
                         const struct sim_attempt *attempt)
{
    return n->worker && engine_worker_has(n->worker, attempt->run, attempt->op,
                                          attempt->attempt);
}

/* Whether the platform's speed makes its time. */
static bool works(const struct play *play, const struct sim_attempt *attempt,
                  uint64_t now_ns)
{
    return (play->state == PLAY_BEFORE_EFFECT || play->state == PLAY_AFTER) &&
           play->due_ns > now_ns && play->of.run == attempt->run &&
           play->of.op == attempt->op && play->of.attempt == attempt->attempt;
}

static void set_left(struct sim_worker_node *n, uint32_t place,
                     uint64_t left_ns)
{
    n->plays[place].serial = ++n->serial; /* the timer it had is void */
    timer_in(n, place, left_ns);
}

void sim_worker_node_pace(struct sim_worker_node *n,
                          const struct sim_attempt *attempt, uint64_t left_ns)
{
    uint64_t now_ns = world_of(n)->now_ns;
    const struct play *last = NULL;
    for (uint32_t i = 0; i < n->play_count; i++)
        if (works(&n->plays[i], attempt, now_ns) &&
            (!last || n->plays[i].asked > last->asked))
            last = &n->plays[i];
    if (!last)
        return;
    uint64_t was_ns = last->due_ns - now_ns;
    for (uint32_t i = 0; i < n->play_count; i++) {
        if (!works(&n->plays[i], attempt, now_ns))
            continue;
        double other_ns = (double)(n->plays[i].due_ns - now_ns);
        double scaled_ns = other_ns / (double)was_ns * (double)left_ns;
        set_left(n, i, &n->plays[i] == last ? left_ns : (uint64_t)scaled_ns);
    }
}

#include "sim/outside.h"

#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "engine/table.h"
#include "engine/workflow.h"
#include "sim/effect.h"

enum errand_state {
    ERRAND_FREE,
    ERRAND_WAITING, /* until its next signal is due */
    ERRAND_ASKING   /* a request is on its way */
};

/* A callback to be answered, or one run for one operator to act on. */
struct errand {
    uint64_t run;
    uint64_t due_ns; /* true time, of the answer or action */
    struct engine_hash key;
    const struct sim_answer *answer;     /* NULL: an operator's */
    const struct sim_operator *operator; /* NULL: an answer */
    uint32_t op;
    uint32_t serial;
    uint32_t next; /* while free: place of the next free one, plus 1 */
    uint32_t kind; /* of the signal on its way */
    uint32_t sent; /* signs of life, or actions */
    uint32_t left; /* answers still to be given */
    uint8_t state;
};

struct sim_outside {
    struct sim_outside_config config;
    uint64_t start_ns;
    struct engine_stream delays;
    struct engine_block block;
    struct errand *errands;
    uint32_t errand_count;
    uint32_t free; /* place of a free one, plus 1; 0: none */
    uint32_t serial;
    struct engine_table told; /* callbacks, by the low half of their keys */
    uint64_t *next_runs;      /* by operator: the run whose turn it is */
    uint64_t callbacks;
    uint64_t signals;
};

/*
 * Timer arguments and request ids: serial and place of an errand; the serials
 * start above the operators, whose numbers are timer arguments as well.
 */
enum {
    PLACE_BITS = 32
};

static uint64_t errand_id(const struct sim_outside *o, uint32_t place)
{
    return (uint64_t)o->errands[place].serial << PLACE_BITS | place;
}

static struct errand *errand_of(const struct sim_outside *o, uint64_t id)
{
    uint32_t place = (uint32_t)id;
    return place < o->errand_count && errand_id(o, place) == id
               ? &o->errands[place]
               : NULL;
}

static uint32_t place_of(const struct sim_outside *o, const struct errand *e)
{
    return (uint32_t)(e - o->errands);
}

static void timer_in(struct sim_outside *o, const struct errand *e, uint64_t ns)
{
    sim_timer_at(o->config.world, SIM_NODE_OUTSIDE,
                 o->config.world->now_ns + ns, errand_id(o, place_of(o, e)));
}

/* NULL: out of memory, and the world has failed. */
static struct errand *new_errand(struct sim_outside *o)
{
    if (o->free == 0) {
        uint32_t count = o->errand_count ? 2 * o->errand_count : 64;
        struct errand *errands = realloc(o->errands, count * sizeof(*errands));
        if (!errands) {
            o->config.world->failed = true;
            return NULL;
        }
        for (uint32_t i = o->errand_count; i < count; i++)
            errands[i] = (struct errand){.next = i + 1 < count ? i + 2 : 0};
        o->free = o->errand_count + 1;
        o->errands = errands;
        o->errand_count = count;
    }
    struct errand *e = &o->errands[o->free - 1];
    o->free = e->next;
    *e = (struct errand){.serial = ++o->serial, .state = ERRAND_WAITING};
    return e;
}

static void drop(struct sim_outside *o, struct errand *e)
{
    *e = (struct errand){.next = o->free};
    o->free = place_of(o, e) + 1;
}

/* Signals ----------------------------------------------------------------- */

/* The same for every copy of a signal. */
static struct engine_hash signal_id(const struct errand *e)
{
    const uint64_t identity[6] = {
        e->run, e->op, e->key.lo, e->key.hi, e->kind,
        e->kind == ENGINE_SIG_CALLBACK_HEARTBEAT || e->operator? e->sent : 0 };
    return engine_hash_bytes(identity, sizeof(identity));
}

static uint32_t value_size(const struct errand *e)
{
    return e->kind == ENGINE_SIG_CALLBACK_SUCCEED ? e->answer->value_bytes : 0;
}

/* Head, actor, reason and value one after the other. */
static void write_signal(const struct errand *e, unsigned char *to)
{
    static const char failure[] = "refused";
    const char *actor = e->operator ? e->operator->actor : "outside";
    const char *reason = e->operator? e->operator->reason : "";
    const bool fails = e->kind == ENGINE_SIG_CALLBACK_FAIL;
    const struct engine_signal signal = {
        .run = e->run,
        .kind = e->kind,
        .error = fails ? ENGINE_ERR_USER : ENGINE_ERR_NONE,
        .actor_size = (uint16_t)strlen(actor),
        .reason_size = (uint16_t)strlen(reason),
        .value_size = fails ? sizeof(failure) - 1 : value_size(e),
    };
    memcpy(to, &signal, sizeof(signal));
    to += sizeof(signal);
    memcpy(to, actor, signal.actor_size);
    to += signal.actor_size;
    memcpy(to, reason, signal.reason_size);
    to += signal.reason_size;
    if (fails)
        memcpy(to, failure, signal.value_size);
    else
        memset(to, (int)(e->key.lo & 0xff), signal.value_size);
}

static size_t signal_size(const struct errand *e)
{
    size_t texts =
        e->operator? strlen(e->operator->actor) + strlen(e->operator->reason)
                   : strlen("outside");
    size_t value =
        e->kind == ENGINE_SIG_CALLBACK_FAIL ? strlen("refused") : value_size(e);
    return sizeof(struct engine_signal) + texts + value;
}

/* What the client of a run knows of a signal: outcome and repeat of an answer.
 */
static void note(struct sim_outside *o, enum engine_record_kind kind,
                 const struct errand *e, uint32_t outcome, bool repeat)
{
    struct engine_hash id = signal_id(e);
    const struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = SIM_NODE_OUTSIDE,
        .run = e->run,
        .op = e->op,
        .a = id.lo,
        .b = id.hi,
        .detail = (uint16_t)e->kind,
        .count = outcome,
        .state = repeat,
    };
    sim_record(o->config.world, &record);
}

static void ask(struct sim_outside *o, struct errand *e)
{
    struct sim_world *world = o->config.world;
    uint64_t sender = (uint64_t)SIM_NODE_OUTSIDE << 32 |
                      sim_node(world, SIM_NODE_OUTSIDE)->incarnation;
    struct engine_hash id = signal_id(e);
    const struct engine_item head = {.type = ENGINE_ITEM_INBOX,
                                     .kind = (uint16_t)e->kind,
                                     .op = e->op,
                                     .a = id.lo,
                                     .b = id.hi};
    struct engine_request *request =
        engine_block_begin(&o->block, sizeof(*request));
    struct engine_item *item =
        engine_block_item(&o->block, &head, NULL, signal_size(e));
    if (!item) {
        world->failed = true;
        return;
    }
    write_signal(e, (unsigned char *)(item + 1));
    request = (void *)o->block.bytes;
    request->kind = ENGINE_REQ_SIGNAL;
    request->id = errand_id(o, place_of(o, e));
    request->sender = sender;
    request->run = e->run;
    request->item_count = 1;
    const struct engine_message message = {
        .size = (uint32_t)(sizeof(message) + o->block.size),
        .kind = ENGINE_MSG_REQUEST,
        .from = SIM_NODE_OUTSIDE,
        .to = SIM_NODE_STORE,
        .run = e->run,
        .token = sender,
    };
    e->state = ERRAND_ASKING;
    sim_net_send2(world, &message, o->block.bytes, o->block.size);
    timer_in(o, e, o->config.timeout_ns);
}

/* What is next ------------------------------------------------------------ */

static uint64_t beat_ns(const struct errand *e)
{
    return e->answer ? e->answer->heartbeat_every_ns : 0;
}

/* Waits for the answer or the sign of life before it. */
static void wait_on(struct sim_outside *o, struct errand *e)
{
    uint64_t now = o->config.world->now_ns;
    uint64_t wait = e->due_ns > now ? e->due_ns - now : 0;
    if (beat_ns(e) > 0 && beat_ns(e) < wait)
        wait = beat_ns(e);
    e->serial = ++o->serial; /* what was set for the request is void */
    e->state = ERRAND_WAITING;
    timer_in(o, e, wait);
}

static uint32_t answer_kind(const struct sim_answer *answer)
{
    return answer->kind == SIM_ANSWER_SUCCESS ? ENGINE_SIG_CALLBACK_SUCCEED
                                              : ENGINE_SIG_CALLBACK_FAIL;
}

static void act(struct sim_outside *o, struct errand *e)
{
    bool due = o->config.world->now_ns >= e->due_ns;
    if (e->operator)
        e->kind = e->operator->kind;
    else if (due && e->answer->kind == SIM_ANSWER_NOTHING) {
        drop(o, e);
        return;
    } else
        e->kind = due ? answer_kind(e->answer) : ENGINE_SIG_CALLBACK_HEARTBEAT;
    note(o, ENGINE_REC_SIGNAL_SENT, e, 0, false);
    ask(o, e);
}

static void taken(struct sim_outside *o, struct errand *e)
{
    bool beat = e->kind == ENGINE_SIG_CALLBACK_HEARTBEAT;
    o->signals++;
    e->sent++;
    if (e->operator&& e->operator->every_ns> 0) {
        e->due_ns = o->config.world->now_ns + e->operator->every_ns;
        wait_on(o, e);
    } else if (e->answer && (beat || --e->left > 0)) {
        wait_on(o, e);
    } else {
        drop(o, e);
    }
}

static void wake(struct sim_outside *o, uint64_t run, uint64_t holder)
{
    const struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_WAKE,
        .from = SIM_NODE_OUTSIDE,
        .to = (uint32_t)(holder >> 32),
        .run = run,
    };
    if (message.to > 0)
        sim_net_send(o->config.world, &message);
}

static void answered(struct sim_outside *o, const struct engine_reply *reply)
{
    struct errand *e = errand_of(o, reply->id);
    if (!e || e->state != ERRAND_ASKING)
        return;
    note(o, ENGINE_REC_SIGNAL_ANSWERED, e, reply->outcome, reply->repeat);
    switch (reply->outcome) {
    case ENGINE_COMMITTED:
        wake(o, e->run, reply->holder);
        taken(o, e);
        break;
    case ENGINE_FENCED:
    case ENGINE_REFUSED:
        drop(o, e);
        break;
    default:
        break; /* asked again; an operator's run may not be there yet */
    }
}

/* Being told ---------------------------------------------------------------
 */

static void answer_later(struct sim_outside *o, uint64_t run, uint32_t op,
                         struct engine_hash key,
                         const struct sim_answer *answer)
{
    struct errand *e = new_errand(o);
    if (!e || engine_table_add(&o->told, key.lo | 1, o)) {
        o->config.world->failed = true;
        return;
    }
    e->run = run;
    e->op = op;
    e->key = key;
    e->answer = answer;
    e->left = answer->times;
    e->due_ns =
        o->config.world->now_ns +
        sim_dist_at(&answer->after, engine_stream_u64(&o->delays, key.lo));
    o->callbacks++;
    wait_on(o, e);
}

static void told(struct sim_outside *o, const struct engine_message *message)
{
    struct sim_callback callback;
    uint64_t run;
    uint32_t op;
    struct engine_hash key;
    if (message->size != sizeof(*message) + sizeof(callback))
        return;
    memcpy(&callback, message + 1, sizeof(callback));
    callback.id[sizeof(callback.id) - 1] = '\0';
    if (engine_callback_parse(callback.id, &run, &op, &key) == 0 &&
        !engine_table_find(&o->told, key.lo | 1))
        answer_later(o, run, op, key,
                     &o->config.answers[callback.workflow][callback.step]);
    if (!message->token)
        return; /* seen, not told */
    struct engine_message done = *message;
    done.size = sizeof(done);
    done.kind = ENGINE_MSG_EFFECT_DONE;
    done.from = SIM_NODE_OUTSIDE;
    done.to = message->from;
    sim_net_send(o->config.world, &done);
}

/* Operators ----------------------------------------------------------------
 */

static uint64_t action_ns(const struct sim_outside *o,
                          const struct sim_operator *operator, uint64_t run)
{
    uint64_t from = operator->of_run
                        ? o->config.arrival(o->config.arrival_self, run - 1)
                        : 0;
    return o->start_ns + from + operator->at_ns;
}

/* The first of its runs from this one on; 0: none. */
static uint64_t next_run(const struct sim_outside *o,
                         const struct sim_operator *operator, uint64_t run)
{
    uint64_t last = operator->last_run<o->config.runs ? operator->last_run
        : o->config.runs;
    run = run < operator->first_run ? operator->first_run : run;
    run = (run + operator->each - 1) / operator->each * operator->each;
    return run <= last ? run : 0;
}

static void set_turn(struct sim_outside *o, uint32_t index, uint64_t run)
{
    const struct sim_operator *operator= & o->config.operators[index];
    o->next_runs[index] = next_run(o, operator, run);
    if (o->next_runs[index])
        sim_timer_at(o->config.world, SIM_NODE_OUTSIDE,
                     action_ns(o, operator, o->next_runs[index]), index);
}

/* It is about what waits for an operator, whichever that is. */
static bool decides(uint32_t kind)
{
    return kind == ENGINE_SIG_RESUME || kind == ENGINE_SIG_SKIP ||
           kind == ENGINE_SIG_ABORT;
}

static void take_turn(struct sim_outside *o, uint32_t index)
{
    const struct sim_operator *operator= & o->config.operators[index];
    uint64_t run = o->next_runs[index];
    struct errand *e = new_errand(o);
    if (!e)
        return;
    e->run = run;
    e->op = decides(operator->kind) ? ENGINE_SIGNAL_ANY : UINT32_MAX;
    e->key = (struct engine_hash){index, 0};
    e->operator= operator;
    e->due_ns = o->config.world->now_ns;
    act(o, e);
    set_turn(o, index, run + 1);
}

/* The actor ---------------------------------------------------------------- */

static void message(void *self, const struct engine_message *message)
{
    struct sim_outside *o = self;
    if (message->kind == ENGINE_MSG_EFFECT)
        told(o, message);
    else if (message->kind == ENGINE_MSG_REPLY &&
             !engine_reply_check(message + 1, message->size - sizeof(*message)))
        answered(o, (const void *)(message + 1));
}

static void timer(void *self, uint64_t arg)
{
    struct sim_outside *o = self;
    struct errand *e =
        arg < o->config.operator_count ? NULL : errand_of(o, arg);
    if (arg < o->config.operator_count)
        take_turn(o, (uint32_t)arg);
    else if (e && e->state == ERRAND_ASKING)
        ask(o, e);
    else if (e && e->state == ERRAND_WAITING)
        act(o, e);
}

static void start(void *self)
{
    struct sim_outside *o = self;
    for (uint32_t i = 0; i < o->config.operator_count; i++)
        set_turn(o, i, 1);
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = start,
};

struct sim_outside *sim_outside_new(const struct sim_outside_config *config,
                                    const struct sim_clock *clock)
{
    struct sim_outside *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->config = *config;
    o->start_ns = config->world->now_ns;
    engine_block_init(&o->block);
    engine_stream_init(&o->delays, config->world->schedule,
                       "sim/outside/answer", 0);
    o->next_runs = calloc(config->operator_count + 1, sizeof(*o->next_runs));
    if (!o->next_runs) {
        sim_outside_free(o);
        return NULL;
    }
    sim_node_set(config->world, SIM_NODE_OUTSIDE, &ops, o, clock, UINT64_MAX);
    return o;
}

void sim_outside_free(struct sim_outside *o)
{
    if (!o)
        return;
    engine_block_free(&o->block);
    engine_table_free(&o->told);
    free(o->errands);
    free(o->next_runs);
    free(o);
}

uint64_t sim_outside_callbacks(const struct sim_outside *o)
{
    return o->callbacks;
}

uint64_t sim_outside_signals(const struct sim_outside *o)
{
    return o->signals;
}

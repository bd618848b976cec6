/*
 * Coordinators and workers under a scheduler that draws everything: which
 * post is carried next, lost or doubled, who dies, who stands still, whose
 * clock drifts. No model says what should happen; what must never happen is
 * checked at the store and, when all is calm again, in the log. What handlers
 * give must be what they give when nothing happens.
 */
#include <criterion/criterion.h>

#include "engine/random.h"
#include "engine/run.h"
#include "engine/value.h"
#include "tests/support/engine_bed.h"

enum {
    COORDINATORS = 3,
    WORKERS = 3,
    MACHINES = COORDINATORS + WORKERS,
    RUNS = 6, /* of clients; those have invoked others */
    RUNS_MAX = 64,
    NODES = 7,
    CHAOS_STEPS = 6000,
    SEEDS = 500,
    HANDLER_SEEDS = 150,
    KEYS_MAX = 16,
    ATTEMPTS_SEEN_MAX = 4096
};

/* A message or a reply under way. */
struct parcel {
    uint32_t to;
    bool reply;
    uint32_t size;
    unsigned char *bytes;
};

/* An attempt of an operation, or of a handler's step. */
struct seen {
    uint64_t run;
    uint64_t key; /* 0: no handler's */
    uint32_t op, attempt;
};

struct world {
    struct engine_bed bed;
    struct engine_stream stream;
    uint64_t draws;
    uint64_t seed;
    struct parcel *parcels;
    size_t parcel_count, parcel_capacity;
    uint64_t paused_until[MACHINES];
    int64_t drift_ppm[MACHINES];
    bool calm;
    bool confirmed[RUNS + 1];
    uint32_t result[RUNS + 1];
    struct seen begun[ATTEMPTS_SEEN_MAX]; /* attempts executed */
    size_t begun_count;
    bool handlers;    /* runs are those of handlers, else of the graph */
    uint64_t signals; /* put so far */
    uint64_t keys[RUNS_MAX][KEYS_MAX]; /* of steps that have ended, by run */
    uint64_t key_runs[RUNS_MAX];
};

/* Handlers
 * ------------------------------------------------------------------- */

enum {
    MAIN = 1, /* workflows */
    CHILD,
    PAY,
    CANCELLED = 5, /* a run */
    TAG_ANY = 1,   /* steps */
    TAG_ONCE
};

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static int any_code(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, TAG_ANY);
    return ENGINE_SUSPENDED;
}

static int once_code(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, TAG_ONCE);
    return ENGINE_SUSPENDED;
}

static int any_step(struct engine_context *c, const char *name,
                    struct engine_bytes *out)
{
    const struct engine_retry retry = engine_retry_fixed(1000, BED_S);
    const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT, .retry = &retry};
    return engine_step(c, name, any_code, NULL, engine_text_bytes(""), &options,
                       out);
}

static int once_step(struct engine_context *c, const char *name,
                     struct engine_bytes *out)
{
    const struct engine_retry retry = engine_retry_fixed(1000, BED_S);
    const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_MOST_ONCE,
        .retry = &retry};
    return engine_step(c, name, once_code, NULL, engine_text_bytes(""),
                       &options, out);
}

static int quick_branch(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    return any_step(c, "quick", out);
}

static int late_branch(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    TRY(engine_wait(c, "short", 3 * BED_S));
    return any_step(c, "late", out);
}

static int child_branch(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_invoke(c, "other", "child", input, NULL, out);
}

static void join(struct engine_context *c, struct engine_bytes *all,
                 struct engine_bytes more)
{
    char *bytes = engine_context_memory(c, all->size + more.size + 1);
    cr_assert(bytes);
    memcpy(bytes, all->data, all->size);
    memcpy(bytes + all->size, more.data, more.size);
    *all = (struct engine_bytes){bytes, all->size + more.size};
}

static int main_handler(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_branch branches[] = {
        {"quick", quick_branch, NULL, input},
        {"late", late_branch, NULL, input},
        {"child", child_branch, NULL, engine_text_bytes("child-")},
    };
    struct engine_callback callback;
    struct engine_batch batch;
    struct engine_bytes part;
    struct engine_bytes all = engine_text_bytes("");
    (void)self;
    TRY(engine_create_callback(c, "answer", NULL, &callback));
    TRY(engine_all(c, "three", branches, 3, &batch));
    for (uint32_t i = 0; i < batch.count; i++)
        join(c, &all, batch.branches[i].value);
    TRY(engine_callback_result(c, &callback, &part));
    join(c, &all, part);
    TRY(engine_wait(c, "long", 200 * BED_S));
    TRY(once_step(c, "once", &part));
    join(c, &all, part);
    TRY(any_step(c, "last", &part));
    join(c, &all, part);
    *out = all;
    return ENGINE_DONE;
}

static int child_handler(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes ignored;
    (void)self;
    TRY(any_step(c, "only", &ignored));
    *out = input;
    return ENGINE_DONE;
}

static int pay_handler(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_retry retry = engine_retry_fixed(1000, BED_S);
    const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IRREVERSIBLE,
        .semantics = ENGINE_AT_MOST_ONCE,
        .retry = &retry};
    (void)self;
    return engine_step(c, "pay", once_code, NULL, input, &options, out);
}

static const struct engine_handler handlers[] = {
    {"", NULL, NULL},
    {"main", main_handler, NULL},
    {"child", child_handler, NULL},
    {"pay", pay_handler, NULL},
};

static uint32_t workflow_of(const struct world *w, uint64_t run)
{
    if (!w->handlers)
        return 0;
    return run <= 2 ? PAY : MAIN;
}

static uint64_t draw(struct world *w, uint64_t n)
{
    return engine_draw_below(&w->stream, w->draws++, n);
}

static bool chance(struct world *w, unsigned percent)
{
    return draw(w, 100) < percent;
}

/* Posts and parcels
 * ------------------------------------------------------------ */

static void put_parcel(struct world *w, uint32_t to, bool reply,
                       const void *bytes, uint32_t size)
{
    if (w->parcel_count == w->parcel_capacity) {
        w->parcel_capacity = w->parcel_capacity ? 2 * w->parcel_capacity : 64;
        w->parcels =
            realloc(w->parcels, w->parcel_capacity * sizeof(*w->parcels));
        cr_assert(w->parcels);
    }
    unsigned char *copy = malloc(size);
    cr_assert(copy);
    memcpy(copy, bytes, size);
    w->parcels[w->parcel_count++] = (struct parcel){to, reply, size, copy};
}

static void drop_parcel(struct world *w, size_t index)
{
    free(w->parcels[index].bytes);
    w->parcels[index] = w->parcels[--w->parcel_count];
}

static bool same_work(const struct engine_bed_post *post,
                      const struct engine_bed_post *other)
{
    const struct engine_execute *left = engine_bed_order(post);
    const struct engine_execute *right = engine_bed_order(other);
    return post->from == other->from && left->slot == right->slot &&
           left->part == right->part;
}

/*
 * An attempt may be begun once, whoever claims it; one of a handler's step
 * that is repeatable may be, by another invocation.
 */
static void begin_attempt(struct world *w, const struct engine_execute *what)
{
    const struct seen now = {.run = what->run,
                             .key = what->key.lo,
                             .op = what->part ? 0 : what->op,
                             .attempt = what->part ? what->part_attempt
                                                   : what->attempt};
    if (what->part && what->tag != TAG_ONCE)
        return;
    for (size_t i = 0; i < w->begun_count; i++)
        cr_assert(w->begun[i].run != now.run || w->begun[i].key != now.key ||
                      w->begun[i].op != now.op ||
                      w->begun[i].attempt != now.attempt,
                  "seed %lu: run %lu, attempt %u.%u is begun twice",
                  (unsigned long)w->seed, (unsigned long)what->run, what->op,
                  now.attempt);
    cr_assert_lt(w->begun_count, ATTEMPTS_SEEN_MAX);
    w->begun[w->begun_count++] = now;
}

/* Drops the execution that this post gives up, and the post itself. */
static void abandon(struct world *w, size_t index)
{
    struct engine_bed *bed = &w->bed;
    for (size_t i = 0; i < index; i++) {
        if (bed->posts[i]->kind == ENGINE_DO_EXECUTE &&
            same_work(bed->posts[i], bed->posts[index])) {
            engine_bed_discard(bed, index);
            engine_bed_discard(bed, i);
            return;
        }
    }
    engine_bed_discard(bed, index);
}

/* Orders to a worker's host take effect at once. */
static void take_orders(struct world *w)
{
    struct engine_bed *bed = &w->bed;
    for (size_t i = 0; i < bed->post_count;) {
        struct engine_bed_post *post = bed->posts[i];
        if (post->kind == ENGINE_DO_ABANDON) {
            abandon(w, i);
            i = 0;
            continue;
        }
        if (post->kind == ENGINE_DO_EXECUTE && !post->taken) {
            begin_attempt(w, engine_bed_order(post));
            post->taken = true;
        }
        i++;
    }
}

/* What the store must refuse
 * ---------------------------------------------------- */

static void serve(struct world *w, const struct engine_request *request,
                  uint32_t from)
{
    struct engine_run_row row;
    bool write =
        request->kind == ENGINE_REQ_APPEND || request->kind == ENGINE_REQ_ACK;
    bool there = write && engine_bed_row(&w->bed, request->run, &row);
    unsigned outcome = engine_bed_apply(&w->bed, request);
    cr_assert_neq(outcome, 0);
    if (write && outcome == ENGINE_COMMITTED)
        cr_assert(there && row.token == request->token && row.holder,
                  "seed %lu: run %lu took a write with an old token",
                  (unsigned long)w->seed, (unsigned long)request->run);
    const struct engine_reply *reply = (const void *)w->bed.reply.bytes;
    put_parcel(w, from, true, reply, reply->size);
}

/* The world around the machines
 * ------------------------------------------------- */

static uint32_t some_coordinator(struct world *w)
{
    return BED_MACHINE + (uint32_t)draw(w, COORDINATORS);
}

static void client_hears(struct world *w, const struct engine_message *message)
{
    uint64_t run = message->run;
    cr_assert(run >= 1 && run <= RUNS);
    if (message->kind == ENGINE_MSG_STARTED) {
        struct engine_run_row row;
        cr_assert(engine_bed_row(&w->bed, run, &row),
                  "seed %lu: run %lu was confirmed and is not there",
                  (unsigned long)w->seed, (unsigned long)run);
        w->confirmed[run] = true;
    }
    if (message->kind != ENGINE_MSG_RESULT)
        return;
    cr_assert(w->result[run] == 0 || w->result[run] == message->a,
              "seed %lu: run %lu has two results", (unsigned long)w->seed,
              (unsigned long)run);
    w->result[run] = (uint32_t)message->a;
    struct engine_message ack = {.size = sizeof(ack),
                                 .kind = ENGINE_MSG_RESULT_ACK,
                                 .from = BED_CLIENT,
                                 .run = run};
    put_parcel(w, message->from, false, &ack, sizeof(ack));
}

static void platform_hears(struct world *w,
                           const struct engine_message *dispatch)
{
    struct engine_message answer = *dispatch;
    bool full = !w->calm && chance(w, 20);
    answer.kind = full ? ENGINE_MSG_THROTTLED : ENGINE_MSG_ACCEPTED;
    answer.from = BED_PLATFORM;
    put_parcel(w, dispatch->from, false, &answer, sizeof(answer));
    if (!full)
        put_parcel(w, BED_MACHINE + COORDINATORS + (uint32_t)draw(w, WORKERS),
                   false, dispatch, sizeof(*dispatch));
}

/* A step of a handler has had its effect, under this key. */
static void note_key(struct world *w, const struct engine_execute *what)
{
    unsigned run = 0;
    while (w->key_runs[run] != 0 && w->key_runs[run] != what->run)
        run++;
    cr_assert_lt(run, RUNS_MAX);
    w->key_runs[run] = what->run;
    unsigned i = 0;
    while (w->keys[run][i] != 0 && w->keys[run][i] != what->key.lo)
        i++;
    cr_assert_lt(i, KEYS_MAX, "run %lu has more effects than steps",
                 (unsigned long)what->run);
    w->keys[run][i] = what->key.lo;
}

static void end_execution(struct world *w, size_t index)
{
    unsigned char out[16];
    size_t size = engine_value_write(out, ENGINE_VALUE_INLINE, "out", 3);
    uint32_t from = w->bed.posts[index]->from;
    const struct engine_execute what = *engine_bed_order(w->bed.posts[index]);
    uint32_t slot = what.slot;
    static const uint32_t errors[] = {ENGINE_ERR_USER, ENGINE_ERR_OOM,
                                      ENGINE_ERR_UNKNOWN};
    uint32_t error = !w->calm && chance(w, 15) ? errors[draw(w, 3)] : 0;
    engine_bed_discard(&w->bed, index);
    if (what.part) {
        /* Its effect is there, even if it is told that it failed. */
        note_key(w, &what);
        error = error ? ENGINE_ERR_NETWORK : 0;
        engine_bed_part_ended(&w->bed, from, slot, what.part, error, "x", 1);
        return;
    }
    engine_bed_ended(&w->bed, from, slot, error, out, (uint32_t)size);
}

/* Carries one post where it goes. */
static void carry(struct world *w, size_t index)
{
    struct engine_bed_post *post = w->bed.posts[index];
    if (post->kind == ENGINE_DO_EXECUTE) {
        end_execution(w, index);
        return;
    }
    const struct engine_message *message = engine_bed_head(post);
    if (post->kind == ENGINE_DO_REQUEST)
        serve(w, engine_bed_request(post), post->from);
    else if (message->to == BED_CLIENT)
        client_hears(w, message);
    else if (message->to == BED_PLATFORM)
        platform_hears(w, message);
    else
        put_parcel(w, message->to, false, message, message->size);
    if (w->calm || !chance(w, 10))
        engine_bed_discard(&w->bed, index);
}

static bool awake(const struct world *w, uint32_t node)
{
    return w->bed.now_ns >= w->paused_until[node - BED_MACHINE];
}

static void deliver(struct world *w, size_t index)
{
    struct parcel parcel = w->parcels[index];
    if (!awake(w, parcel.to))
        return;
    if (!w->calm && chance(w, 10)) /* it comes again */
        put_parcel(w, parcel.to, parcel.reply, parcel.bytes, parcel.size);
    w->parcels[index].bytes = NULL;
    drop_parcel(w, index);
    if (parcel.reply) {
        engine_bed_reply(&w->bed, parcel.to, (const void *)parcel.bytes);
    } else {
        const struct engine_message *message = (const void *)parcel.bytes;
        engine_bed_message(&w->bed, parcel.to, message, message + 1,
                           message->size - sizeof(*message));
    }
    free(parcel.bytes);
}

/* Faults
 * ------------------------------------------------------------------------ */

static void replace_machine(struct world *w, uint32_t node)
{
    struct engine_bed *bed = &w->bed;
    for (size_t i = 0; i < bed->post_count;) {
        if (bed->posts[i]->kind == ENGINE_DO_EXECUTE &&
            bed->posts[i]->from == node)
            engine_bed_discard(bed, i);
        else
            i++;
    }
    if (node < BED_MACHINE + COORDINATORS)
        engine_bed_coordinator(bed, node);
    else
        engine_bed_worker(bed, node);
}

static void something_goes_wrong(struct world *w)
{
    uint32_t machine = (uint32_t)draw(w, MACHINES);
    if (chance(w, 50))
        replace_machine(w, BED_MACHINE + machine);
    else
        w->paused_until[machine] =
            w->bed.now_ns + draw(w, 8) * draw(w, 8) * BED_S;
}

static void time_passes(struct world *w, uint64_t ns)
{
    engine_bed_pass(&w->bed, ns);
    for (uint32_t i = 0; i < MACHINES; i++)
        w->bed.machines[i].mono_ns +=
            (uint64_t)((int64_t)(ns / 1000000) * w->drift_ppm[i]);
    for (uint32_t i = 0; i < MACHINES; i++)
        if (awake(w, BED_MACHINE + i))
            engine_bed_wake(&w->bed, BED_MACHINE + i);
}

/* Callbacks are answered, operators say go on, one run is cancelled. */
static void signal_runs(struct world *w)
{
    if (!w->handlers || (!w->calm && chance(w, 80)))
        return;
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct engine_run_row row;
        if (!engine_bed_row(&w->bed, run, &row) ||
            engine_run_state_terminal(row.state))
            continue;
        bool pay = workflow_of(w, run) == PAY;
        uint32_t kind = run == CANCELLED ? ENGINE_SIG_CANCEL
                        : pay            ? ENGINE_SIG_RESUME
                                         : ENGINE_SIG_CALLBACK_SUCCEED;
        engine_bed_signal(&w->bed, run, kind,
                          run == CANCELLED || pay ? UINT32_MAX : 1,
                          ++w->signals, "why", "cb");
        const struct engine_message wake = {
            .size = sizeof(wake), .kind = ENGINE_MSG_WAKE, .run = run};
        put_parcel(w, some_coordinator(w), false, &wake, sizeof(wake));
    }
}

/* The client asks for what has not been confirmed to it. */
static void ask_for_runs(struct world *w)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        if (w->confirmed[run] || (!w->calm && chance(w, 70)))
            continue;
        struct engine_message start = {.size = sizeof(start),
                                       .kind = ENGINE_MSG_START,
                                       .from = BED_CLIENT,
                                       .run = run,
                                       .a = workflow_of(w, run)};
        put_parcel(w, some_coordinator(w), false, &start, sizeof(start));
    }
}

static void chaos(struct world *w)
{
    for (unsigned step = 0; step < CHAOS_STEPS; step++) {
        uint64_t what = draw(w, 100);
        if (what < 12)
            time_passes(w, 1 + draw(w, 400) * BED_MS);
        else if (what < 14)
            ask_for_runs(w);
        else if (what == 14 && w->handlers)
            signal_runs(w);
        else if (step % 97 == 0)
            something_goes_wrong(w);
        else if (what < 57 && w->bed.post_count > 0) {
            size_t index = draw(w, w->bed.post_count);
            if (chance(w, 8) &&
                w->bed.posts[index]->kind != ENGINE_DO_EXECUTE) {
                engine_bed_discard(&w->bed, index);
            } else {
                carry(w, index);
            }
        } else if (w->parcel_count > 0) {
            size_t index = draw(w, w->parcel_count);
            if (chance(w, 8))
                drop_parcel(w, index);
            else
                deliver(w, index);
        }
        take_orders(w);
    }
}

static int is_restless(void *self, const struct engine_run_row *row)
{
    (void)self;
    return row->wake_ns != UINT64_MAX ||
           (row->state != ENGINE_RUN_BLOCKED &&
            !engine_run_state_terminal(row->state));
}

static bool at_rest(struct world *w)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct engine_run_row row;
        if (!w->confirmed[run] || !engine_bed_row(&w->bed, run, &row) ||
            (row.state == ENGINE_RUN_BLOCKED && w->handlers))
            return false;
    }
    return w->bed.store.ops->scan_runs(w->bed.store.self, is_restless, NULL) ==
           0;
}

/* Nothing is lost any more; everything that can end must. */
static void settle(struct world *w)
{
    w->calm = true;
    memset(w->paused_until, 0, sizeof(w->paused_until));
    for (unsigned second = 0; second < 3000 && !at_rest(w); second++) {
        if (second % 5 == 0)
            ask_for_runs(w);
        if (second % 20 == 0)
            signal_runs(w);
        for (unsigned n = 0; n < 10000; n++) {
            if (w->bed.post_count > 0)
                carry(w, 0);
            else if (w->parcel_count > 0)
                deliver(w, 0);
            else
                break;
            take_orders(w);
        }
        time_passes(w, BED_S);
        take_orders(w);
    }
}

/* The log, read again
 * ------------------------------------------------------------ */

struct folded {
    uint64_t id;
    struct engine_run *run;
    uint64_t next_seq;
    uint32_t attempts[NODES];
    char result[64];
};

struct fold {
    struct world *world;
    struct folded runs[RUNS_MAX];
    unsigned count;
};

/* The run whose log this is; a new one has its RUN_CREATED as first event. */
static struct folded *folded_of(struct fold *fold,
                                const struct engine_log_row *row)
{
    unsigned i = 0;
    while (i < fold->count && fold->runs[i].id != row->run)
        i++;
    if (i < fold->count)
        return &fold->runs[i];
    const struct engine_item *created = row->items;
    cr_assert_lt(i, RUNS_MAX);
    cr_assert_eq(created->kind, ENGINE_EV_RUN_CREATED);
    fold->runs[fold->count++] = (struct folded){
        .id = row->run,
        .next_seq = 1,
        .run = engine_run_new(NULL, row->run, (uint32_t)created->a,
                              fold->world->bed.graphs[created->a])};
    return &fold->runs[i];
}

static void keep_result(struct folded *folded, const struct engine_item *event)
{
    const struct engine_value *value =
        engine_value_at(engine_item_payload(event), event->size, 0);
    if (value && value->size < sizeof(folded->result))
        memcpy(folded->result, engine_value_bytes(value), value->size);
}

static void fold_event(struct fold *fold, struct folded *folded,
                       const struct engine_item *event, uint64_t time_ns)
{
    unsigned long seed = (unsigned long)fold->world->seed;
    unsigned long run = (unsigned long)folded->id;
    cr_assert(!engine_run_state_terminal(folded->run->state),
              "seed %lu: run %lu has an event after its end", seed, run);
    if (event->kind == ENGINE_EV_OP_SCHEDULED) {
        cr_assert_eq(event->attempt, folded->attempts[event->op] + 1,
                     "seed %lu: run %lu counts attempts wrongly", seed, run);
        folded->attempts[event->op] = event->attempt;
    }
    if (event->kind == ENGINE_EV_RUN_SUCCEEDED)
        keep_result(folded, event);
    cr_assert_eq(engine_run_apply(folded->run, event, time_ns), 0,
                 "seed %lu: run %lu: %s cannot follow", seed, run,
                 engine_event_name(event->kind));
}

static int fold_row(void *self, const struct engine_log_row *row)
{
    struct fold *fold = self;
    struct folded *folded = folded_of(fold, row);
    cr_assert_eq(row->seq, folded->next_seq);
    folded->next_seq += row->count;
    const unsigned char *at = row->items;
    const unsigned char *end = at + row->items_size;
    while (at < end) {
        const struct engine_item *event = (const void *)at;
        fold_event(fold, folded, event, row->time_ns);
        at += engine_item_span(event->size);
    }
    return 0;
}

/* What the run gives, and how many effects it has, when nothing goes wrong. */
static void check_handler(struct world *w, const struct folded *folded)
{
    static const char *const results[] = {"", "xxchild-cbxx", "child-", "x"};
    static const unsigned effects[] = {0, 4, 1, 1};
    unsigned run = 0;
    unsigned count = 0;
    if (folded->run->state != ENGINE_RUN_SUCCEEDED) {
        cr_assert_eq(folded->run->state, ENGINE_RUN_CANCELLED,
                     "seed %lu: run %lu ended as %u", (unsigned long)w->seed,
                     (unsigned long)folded->id, folded->run->state);
        cr_assert_eq(folded->id, CANCELLED);
        return;
    }
    cr_assert_str_eq(folded->result, results[folded->run->workflow],
                     "seed %lu: run %lu gave \"%s\"", (unsigned long)w->seed,
                     (unsigned long)folded->id, folded->result);
    while (run < RUNS_MAX && w->key_runs[run] != folded->id)
        run++;
    while (run < RUNS_MAX && count < KEYS_MAX && w->keys[run][count] != 0)
        count++;
    cr_assert_eq(count, effects[folded->run->workflow],
                 "seed %lu: run %lu has %u effects", (unsigned long)w->seed,
                 (unsigned long)folded->id, count);
}

static void check_end(struct world *w, const struct folded *folded)
{
    struct engine_run_row row = {0};
    static char text[1 << 18];
    uint64_t run = folded->id;
    bool there = engine_bed_row(&w->bed, run, &row);
    cr_assert(there, "seed %lu: run %lu is lost", (unsigned long)w->seed,
              (unsigned long)run);
    cr_assert(engine_run_state_terminal(row.state) ||
                  row.state == ENGINE_RUN_BLOCKED,
              "seed %lu: run %lu is stuck in state %u: %s",
              (unsigned long)w->seed, (unsigned long)run, row.state,
              engine_bed_story(&w->bed, run, text, sizeof(text)));
    cr_assert_eq(folded->run->state, row.state);
    cr_assert_eq(folded->next_seq, row.next_seq);
    cr_assert(row.state == ENGINE_RUN_BLOCKED || run > RUNS ||
                  w->result[run] == row.state,
              "seed %lu: the client has not the result of run %lu",
              (unsigned long)w->seed, (unsigned long)run);
    if (row.state == ENGINE_RUN_BLOCKED)
        cr_assert_gt(folded->run->ambiguous_count, 0,
                     "seed %lu: run %lu is blocked without a reason",
                     (unsigned long)w->seed, (unsigned long)run);
    if (w->handlers)
        check_handler(w, folded);
}

static void check_log(struct world *w, unsigned ends[])
{
    struct fold *fold = calloc(1, sizeof(*fold));
    cr_assert(fold);
    fold->world = w;
    cr_assert_eq(
        w->bed.store.ops->scan_log(w->bed.store.self, 0, fold_row, fold), 0);
    cr_assert_geq(fold->count, RUNS);
    for (unsigned i = 0; i < fold->count; i++) {
        check_end(w, &fold->runs[i]);
        ends[fold->runs[i].run->state]++;
        engine_run_free(fold->runs[i].run);
    }
    free(fold);
}

/* A work row of a run at its end is work that nobody will take. */
static int no_work(void *self, uint64_t run, const struct engine_item *item)
{
    const struct world *w = self;
    cr_assert_fail("seed %lu: run %lu left a work row of attempt %u.%u",
                   (unsigned long)w->seed, (unsigned long)run, item->op,
                   item->attempt);
    return 1;
}

/*
 * a -> b (irreversible) -> e, a -> long wait -> e, a -> c (at most once) -> e,
 * d and a short wait alone.
 */
static struct engine_graph *graph_of_all_kinds(void)
{
    static const char *const three[] = {"x", "y", "z"};
    struct engine_node nodes[NODES] = {
        engine_bed_step("a"),
        engine_bed_step("b"),
        engine_bed_step("c"),
        engine_bed_step("d"),
        engine_bed_step("e"),
        engine_bed_wait("long", 200 * BED_S),
        engine_bed_wait("short", 3 * BED_S),
    };
    for (unsigned i = 0; i < 5; i++) {
        nodes[i].retry.attempts_max = 6;
        nodes[i].retry.jitter = ENGINE_JITTER_FULL;
    }
    nodes[1].side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    nodes[2].side_effect = ENGINE_EFFECT_REVERSIBLE;
    nodes[2].semantics = ENGINE_AT_MOST_ONCE;
    nodes[3].side_effect = ENGINE_EFFECT_READ_ONLY;
    nodes[3].attempt_timeout_ns = 20 * BED_S;
    nodes[4].inputs = three;
    nodes[4].input_count = 3;
    const struct engine_edge_names edges[] = {
        {"a", "out", "b", "in"},    {"a", "out", "c", "in"},
        {"a", "out", "long", "in"}, {"b", "out", "e", "x"},
        {"c", "out", "e", "y"},     {"long", "out", "e", "z"}};
    return engine_graph_new("kinds", nodes, NODES, edges, 6, NULL);
}

static void open_handlers(struct world *w,
                          const struct engine_graph *const workflows[])
{
    for (unsigned i = MAIN; i <= PAY; i++) {
        w->bed.graphs[i] = workflows[i];
        w->bed.handlers[i] = &handlers[i];
    }
    w->bed.coordinator.graph_count = PAY + 1;
    w->bed.worker.graph_count = PAY + 1;
    w->bed.worker.slots = 6;
    w->bed.coordinator.snapshot_events = (uint32_t)(w->seed % 3) * 7;
    w->bed.coordinator.page_max = w->seed % 2 ? 100 : 0;
    w->bed.worker.optimistic = w->seed % 5 == 0;
    w->bed.worker.checkpoint_window_ns = w->seed % 3 == 0 ? 30 * BED_MS : 0;
    w->handlers = true;
}

static void run_seed(uint64_t seed, const struct engine_graph *graph,
                     const struct engine_graph *const workflows[],
                     unsigned ends[])
{
    struct world *w = calloc(1, sizeof(*w));
    cr_assert(w);
    w->seed = seed;
    engine_stream_init(&w->stream, seed, "test", 0);
    engine_bed_open(&w->bed, graph, NULL);
    w->bed.worker.slots = 3;
    w->bed.coordinator.lease_ttl_ns = 10 * BED_S;
    w->bed.coordinator.claim_ttl_ns = 10 * BED_S;
    w->bed.coordinator.suspend_after_ns = 20 * BED_S;
    w->bed.worker.claim_ttl_ns = 10 * BED_S;
    if (workflows)
        open_handlers(w, workflows);
    for (uint32_t i = 0; i < MACHINES; i++) {
        replace_machine(w, BED_MACHINE + i);
        w->drift_ppm[i] = (int64_t)draw(w, 401) - 200;
    }
    chaos(w);
    settle(w);
    check_log(w, ends);
    w->bed.store.ops->scan_work(w->bed.store.self, no_work, w);
    cr_assert_eq(w->bed.records[ENGINE_REC_ENGINE_ERROR], 0,
                 "seed %lu: the engine found a defect of its own",
                 (unsigned long)seed);
    while (w->parcel_count > 0)
        drop_parcel(w, 0);
    free(w->parcels);
    engine_bed_close(&w->bed);
    free(w);
}

Test(engine_random_runs, every_run_ends_as_its_log_says_whatever_happens)
{
    struct engine_graph *graph = graph_of_all_kinds();
    unsigned ends[ENGINE_RUN_STATE_COUNT] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, graph, NULL, ends);
    /* Otherwise the sweep has not seen what it is there for. */
    cr_assert_gt(ends[ENGINE_RUN_SUCCEEDED], 0);
    cr_assert_gt(ends[ENGINE_RUN_FAILED], 0);
    cr_assert_gt(ends[ENGINE_RUN_BLOCKED], 0);
    engine_graph_free(graph);
}

Test(engine_random_runs, handlers_give_what_they_give_when_nothing_happens)
{
    struct engine_graph *workflows[] = {
        graph_of_all_kinds(), engine_bed_handler("main"),
        engine_bed_handler("child"), engine_bed_handler("pay")};
    unsigned ends[ENGINE_RUN_STATE_COUNT] = {0};
    for (uint64_t seed = 1; seed <= HANDLER_SEEDS; seed++)
        run_seed(seed, workflows[0],
                 (const struct engine_graph *const *)workflows, ends);
    cr_assert_gt(ends[ENGINE_RUN_SUCCEEDED], 0);
    cr_assert_gt(ends[ENGINE_RUN_CANCELLED], 0);
    for (unsigned i = 0; i <= PAY; i++)
        engine_graph_free(workflows[i]);
}

/*
 * Coordinators and workers under a scheduler that draws everything: which
 * post is carried next, lost or doubled, who dies, who stands still, whose
 * clock drifts. No model says what should happen; what must never happen is
 * checked at the store and, when all is calm again, in the log.
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
    RUNS = 6,
    NODES = 7,
    CHAOS_STEPS = 6000,
    SEEDS = 500,
    ATTEMPTS_SEEN_MAX = 4096
};

/* A message or a reply under way. */
struct parcel {
    uint32_t to;
    bool reply;
    uint32_t size;
    unsigned char *bytes;
};

struct seen {
    uint64_t run;
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
};

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
    return post->from == other->from && left->slot == right->slot;
}

/* An attempt may be begun once, whoever claims it. */
static void begin_attempt(struct world *w, const struct engine_execute *what)
{
    for (size_t i = 0; i < w->begun_count; i++)
        cr_assert(w->begun[i].run != what->run || w->begun[i].op != what->op ||
                      w->begun[i].attempt != what->attempt,
                  "seed %lu: run %lu, attempt %u.%u is begun twice",
                  (unsigned long)w->seed, (unsigned long)what->run, what->op,
                  what->attempt);
    cr_assert_lt(w->begun_count, ATTEMPTS_SEEN_MAX);
    w->begun[w->begun_count++] =
        (struct seen){what->run, what->op, what->attempt};
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

static void end_execution(struct world *w, size_t index)
{
    unsigned char out[16];
    size_t size = engine_value_write(out, ENGINE_VALUE_INLINE, "out", 3);
    uint32_t from = w->bed.posts[index]->from;
    uint32_t slot = engine_bed_order(w->bed.posts[index])->slot;
    static const uint32_t errors[] = {ENGINE_ERR_USER, ENGINE_ERR_OOM,
                                      ENGINE_ERR_UNKNOWN};
    uint32_t error = !w->calm && chance(w, 15) ? errors[draw(w, 3)] : 0;
    engine_bed_discard(&w->bed, index);
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

/* The client asks for what has not been confirmed to it. */
static void ask_for_runs(struct world *w)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        if (w->confirmed[run] || (!w->calm && chance(w, 70)))
            continue;
        struct engine_message start = {.size = sizeof(start),
                                       .kind = ENGINE_MSG_START,
                                       .from = BED_CLIENT,
                                       .run = run};
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

static bool at_rest(const struct world *w)
{
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct engine_run_row row;
        if (!w->confirmed[run] || !engine_bed_row(&w->bed, run, &row) ||
            row.wake_ns != UINT64_MAX ||
            (row.state != ENGINE_RUN_BLOCKED &&
             !engine_run_state_terminal(row.state)))
            return false;
    }
    return true;
}

/* Nothing is lost any more; everything that can end must. */
static void settle(struct world *w)
{
    w->calm = true;
    memset(w->paused_until, 0, sizeof(w->paused_until));
    for (unsigned second = 0; second < 3000 && !at_rest(w); second++) {
        if (second % 5 == 0)
            ask_for_runs(w);
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

struct fold {
    struct world *world;
    struct engine_run *runs[RUNS + 1];
    uint64_t next_seq[RUNS + 1];
    uint32_t attempts[RUNS + 1][NODES];
};

static void fold_event(struct fold *fold, uint64_t run,
                       const struct engine_item *event, uint64_t time_ns)
{
    unsigned long seed = (unsigned long)fold->world->seed;
    cr_assert(!engine_run_state_terminal(fold->runs[run]->state),
              "seed %lu: run %lu has an event after its end", seed,
              (unsigned long)run);
    if (event->kind == ENGINE_EV_OP_SCHEDULED) {
        cr_assert_eq(event->attempt, fold->attempts[run][event->op] + 1,
                     "seed %lu: run %lu counts attempts wrongly", seed,
                     (unsigned long)run);
        fold->attempts[run][event->op] = event->attempt;
    }
    cr_assert_eq(engine_run_apply(fold->runs[run], event, time_ns), 0,
                 "seed %lu: run %lu: %s cannot follow", seed,
                 (unsigned long)run, engine_event_name(event->kind));
}

static int fold_row(void *self, const struct engine_log_row *row)
{
    struct fold *fold = self;
    cr_assert(row->run >= 1 && row->run <= RUNS);
    cr_assert_eq(row->seq, fold->next_seq[row->run]);
    fold->next_seq[row->run] += row->count;
    const unsigned char *at = row->items;
    const unsigned char *end = at + row->items_size;
    while (at < end) {
        const struct engine_item *event = (const void *)at;
        fold_event(fold, row->run, event, row->time_ns);
        at += engine_item_span(event->size);
    }
    return 0;
}

static void check_end(struct world *w, const struct fold *fold, uint64_t run)
{
    struct engine_run_row row = {0};
    char text[8192];
    bool there = engine_bed_row(&w->bed, run, &row);
    cr_assert(there, "seed %lu: run %lu is lost", (unsigned long)w->seed,
              (unsigned long)run);
    cr_assert(engine_run_state_terminal(row.state) ||
                  row.state == ENGINE_RUN_BLOCKED,
              "seed %lu: run %lu is stuck in state %u: %s",
              (unsigned long)w->seed, (unsigned long)run, row.state,
              engine_bed_story(&w->bed, run, text, sizeof(text)));
    cr_assert_eq(fold->runs[run]->state, row.state);
    cr_assert_eq(fold->next_seq[run], row.next_seq);
    cr_assert(row.state == ENGINE_RUN_BLOCKED || w->result[run] == row.state,
              "seed %lu: the client has not the result of run %lu",
              (unsigned long)w->seed, (unsigned long)run);
    if (row.state == ENGINE_RUN_BLOCKED)
        cr_assert_gt(fold->runs[run]->ambiguous_count, 0,
                     "seed %lu: run %lu is blocked without a reason",
                     (unsigned long)w->seed, (unsigned long)run);
}

static void check_log(struct world *w, unsigned ends[])
{
    struct fold fold = {.world = w};
    for (uint64_t run = 1; run <= RUNS; run++) {
        fold.runs[run] = engine_run_new(NULL, run, 0, w->bed.graphs[0]);
        fold.next_seq[run] = 1;
    }
    cr_assert_eq(
        w->bed.store.ops->scan_log(w->bed.store.self, 0, fold_row, &fold), 0);
    for (uint64_t run = 1; run <= RUNS; run++) {
        check_end(w, &fold, run);
        ends[fold.runs[run]->state]++;
        engine_run_free(fold.runs[run]);
    }
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

static void run_seed(uint64_t seed, const struct engine_graph *graph,
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
    unsigned ends[ENGINE_RUN_FAILED + 1] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, graph, ends);
    /* Otherwise the sweep has not seen what it is there for. */
    cr_assert_gt(ends[ENGINE_RUN_SUCCEEDED], 0);
    cr_assert_gt(ends[ENGINE_RUN_FAILED], 0);
    cr_assert_gt(ends[ENGINE_RUN_BLOCKED], 0);
    engine_graph_free(graph);
}

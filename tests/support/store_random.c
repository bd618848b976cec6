#include <stdio.h>
#include <string.h>

#include "tests/support/store_bed.h"

/*
 * The model: a few runs with a few operations, written as one would explain
 * the contract to somebody. It knows outcomes, tokens and sequence numbers;
 * bytes are compared between the stores.
 */
enum {
    RUNS = 24,
    OPS = 3,
    SIGNALS = 4, /* ids of signals, from 1 */
    NEVER = -1
};

struct model_work {
    uint32_t state; /* 0: no row */
    uint32_t attempt;
    uint64_t holder;
    uint64_t expires;
};

struct model_run {
    int exists;
    uint64_t token;
    uint64_t holder;
    int64_t wake;
    int64_t expires;
    uint64_t seq;
    uint32_t state;
    struct model_work work[OPS];
    int outbox;
    char inbox[SIGNALS + 1]; /* 'w' waits, 't' was taken, 0 never put */
};

struct model {
    struct model_run runs[RUNS + 1];
    int blobs[3];
    int64_t now;
};

static int held(const struct model *model, const struct engine_request *request,
                uint64_t run, uint64_t token)
{
    const struct model_run *is = &model->runs[run];

    return is->exists && is->holder == request->sender && is->token == token;
}

static uint64_t count_events(const struct engine_request *request)
{
    uint64_t count = 0;

    ENGINE_REQUEST_ITEMS(request, item)
    {
        count += item->type == ENGINE_ITEM_EVENT;
    }
    return count;
}

static uint32_t waiting(const struct model_run *run)
{
    uint32_t count = 0;

    for (int i = 1; i <= SIGNALS; i++)
        count += run->inbox[i] == 'w';
    return count;
}

static int ended(const struct model_run *run)
{
    return run->state >= ENGINE_RUN_SUCCEEDED;
}

static int rests(const struct model_run *run)
{
    return run->state >= ENGINE_RUN_BLOCKED;
}

/* Wakes the run now or, if it is held, when the lease expires. */
static void model_wake(const struct model *model, struct model_run *run)
{
    int64_t wake = run->holder ? run->expires : model->now;

    if (run->wake == NEVER || run->wake > wake)
        run->wake = wake;
}

/* Applies the items to a copy of the run; what the first bad one makes. */
static unsigned model_items(const struct model *model, struct model_run *run,
                            const struct engine_request *request)
{
    ENGINE_REQUEST_ITEMS(request, item)
    {
        struct model_work *work = &run->work[item->op % OPS];

        if (item->type == ENGINE_ITEM_EVENT) {
            run->seq++;
        } else if (item->type == ENGINE_ITEM_INBOX) {
            if (model->runs[request->run].inbox[item->a] != 'w')
                return ENGINE_CONFLICT;
            run->inbox[item->a] = 't';
        } else if (item->type == ENGINE_ITEM_SNAPSHOT) {
            if (!item->a || (item->a != run->seq - 1 &&
                             item->a != run->seq - 1 - count_events(request)))
                return ENGINE_REFUSED;
        } else if (item->type == ENGINE_ITEM_OUTBOX) {
            if (run->outbox)
                return ENGINE_CONFLICT;
            run->outbox = 1;
        } else if (item->flags == ENGINE_WORK_PUT) {
            if (work->state)
                return ENGINE_CONFLICT;
            *work =
                (struct model_work){ENGINE_WORK_PENDING, item->attempt, 0, 0};
        } else {
            int take = item->flags == ENGINE_WORK_TAKE;

            if (work->attempt != item->attempt ||
                work->state !=
                    (uint32_t)(take ? ENGINE_WORK_DONE : ENGINE_WORK_CLAIMED))
                return ENGINE_CONFLICT;
            if (!take && work->expires != item->a)
                return ENGINE_CONFLICT;
            if (!take && model->now < (int64_t)item->b)
                return ENGINE_REFUSED;
            memset(work, 0, sizeof(*work));
        }
    }
    return ENGINE_COMMITTED;
}

static unsigned model_create(struct model *model,
                             const struct engine_request *request)
{
    struct model_run *run = &model->runs[request->run];
    struct model_run made = {.exists = 1,
                             .token = 1,
                             .holder = request->sender,
                             .wake = model->now + (int64_t)request->ttl_ns,
                             .expires = model->now + (int64_t)request->ttl_ns,
                             .seq = 1,
                             .state = ENGINE_RUN_RUNNING};
    unsigned outcome;

    if (run->exists)
        return ENGINE_CONFLICT;
    outcome = model_items(model, &made, request);
    if (outcome == ENGINE_COMMITTED)
        *run = made;
    return outcome;
}

static unsigned model_append(struct model *model,
                             const struct engine_request *request)
{
    struct model_run *run = &model->runs[request->run];
    struct model_run after = *run;
    unsigned outcome;

    if (!held(model, request, request->run, request->token))
        return ENGINE_FENCED;
    if (request->seq != run->seq || run->state >= ENGINE_RUN_SUCCEEDED)
        return ENGINE_CONFLICT;
    if (model->now < (int64_t)request->not_before_ns)
        return ENGINE_REFUSED;
    outcome = model_items(model, &after, request);
    if (outcome != ENGINE_COMMITTED)
        return outcome;
    after.state = request->state;
    if (request->flags & ENGINE_APPEND_RELEASE) {
        after.holder = 0;
        after.wake = (int64_t)request->wake_ns;
    }
    if (rests(&after) && !after.outbox)
        after.wake = NEVER;
    if ((rests(&after) || !after.holder) && !ended(&after) &&
        waiting(&after) > request->op)
        model_wake(model, &after);
    *run = after;
    return outcome;
}

static uint64_t model_due(const struct model *model)
{
    uint64_t first = 0;

    for (uint64_t i = 1; i <= RUNS; i++) {
        const struct model_run *run = &model->runs[i];

        if (run->exists && run->wake != NEVER && run->wake <= model->now &&
            (!first || run->wake < model->runs[first].wake))
            first = i;
    }
    return first;
}

static unsigned model_acquire(struct model *model,
                              const struct engine_request *request)
{
    struct model_run *run = &model->runs[model_due(model)];

    if (run == model->runs)
        return ENGINE_COMMITTED;
    run->token++;
    run->seq += run->state < ENGINE_RUN_SUCCEEDED;
    run->holder = request->sender;
    run->wake = model->now + (int64_t)request->ttl_ns;
    run->expires = run->wake;
    if (run->state == ENGINE_RUN_SUSPENDED)
        run->state = ENGINE_RUN_RUNNING;
    return ENGINE_COMMITTED;
}

static unsigned model_renew(struct model *model,
                            const struct engine_request *request)
{
    ENGINE_REQUEST_ITEMS(request, item)
    {
        struct model_run *run = &model->runs[item->a];

        if (!held(model, request, item->a, item->b))
            continue;
        run->expires = model->now + (int64_t)request->ttl_ns;
        if (run->wake != NEVER)
            run->wake = run->expires;
    }
    return ENGINE_COMMITTED;
}

static unsigned model_ack(struct model *model,
                          const struct engine_request *request)
{
    struct model_run *run = &model->runs[request->run];

    if (!held(model, request, request->run, request->token))
        return ENGINE_FENCED;
    run->outbox = 0;
    if (rests(run) && (ended(run) || !waiting(run)))
        run->wake = NEVER;
    return ENGINE_COMMITTED;
}

static unsigned model_signal(struct model *model,
                             const struct engine_request *request)
{
    struct model_run *run = &model->runs[request->run];
    const struct engine_item *item =
        engine_item_first(request, sizeof(*request));

    if (!run->exists)
        return ENGINE_CONFLICT;
    if (run->inbox[item->a])
        return ENGINE_COMMITTED;
    if (ended(run))
        return ENGINE_FENCED;
    run->inbox[item->a] = 'w';
    model_wake(model, run);
    return ENGINE_COMMITTED;
}

static unsigned model_worker(struct model *model,
                             const struct engine_request *request)
{
    struct model_work *work =
        &model->runs[request->run].work[request->op % OPS];
    int ours = work->holder == request->sender;

    if (!work->state || work->attempt != request->attempt)
        return ENGINE_FENCED;
    if (request->kind == ENGINE_REQ_CLAIM) {
        if (work->state == ENGINE_WORK_CLAIMED && !ours)
            return ENGINE_CONFLICT;
        if (work->state == ENGINE_WORK_DONE)
            return ENGINE_FENCED;
        work->state = ENGINE_WORK_CLAIMED;
        work->holder = request->sender;
        work->expires = (uint64_t)model->now + request->ttl_ns;
        return ENGINE_COMMITTED;
    }
    if (!ours || work->state == ENGINE_WORK_PENDING)
        return ENGINE_FENCED;
    if (request->kind == ENGINE_REQ_HEARTBEAT) {
        if (work->state != ENGINE_WORK_CLAIMED)
            return ENGINE_FENCED;
        work->expires = (uint64_t)model->now + request->ttl_ns;
        return ENGINE_COMMITTED;
    }
    work->state = ENGINE_WORK_DONE;
    return ENGINE_COMMITTED;
}

static unsigned model_answer(struct model *model,
                             const struct engine_request *request)
{
    switch (request->kind) {
    case ENGINE_REQ_CREATE:
        return model_create(model, request);
    case ENGINE_REQ_APPEND:
        return model_append(model, request);
    case ENGINE_REQ_ACQUIRE:
        return model_acquire(model, request);
    case ENGINE_REQ_RENEW:
        return model_renew(model, request);
    case ENGINE_REQ_ACK:
        return model_ack(model, request);
    case ENGINE_REQ_SIGNAL:
        return model_signal(model, request);
    case ENGINE_REQ_LOAD:
    case ENGINE_REQ_MAIL:
        return held(model, request, request->run, request->token)
                   ? ENGINE_COMMITTED
                   : ENGINE_FENCED;
    case ENGINE_REQ_CLAIM:
    case ENGINE_REQ_HEARTBEAT:
    case ENGINE_REQ_FINISH:
        return model_worker(model, request);
    default:
        return ENGINE_COMMITTED;
    }
}

/* Drawing requests. */

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) +
                  UINT64_C(1442695040888963407);
    return (uint32_t)(dice->state >> 33) % sides;
}

static const char *text(struct dice *dice)
{
    static const char longest[] = "a payload of some length, cut anywhere";

    return longest + roll(dice, sizeof(longest));
}

static void draw_work(struct store_bed *bed, const struct model *model,
                      struct dice *dice)
{
    uint32_t op = roll(dice, OPS);
    const struct model_work *work =
        &model->runs[store_bed_head(bed)->run].work[op];
    struct engine_item item = {.type = ENGINE_ITEM_WORK,
                               .op = op,
                               .attempt = 1 + roll(dice, 2),
                               .a = work->expires - !roll(dice, 6),
                               .b = (uint64_t)model->now - 20 + roll(dice, 25),
                               .flags = ENGINE_WORK_PUT};
    const char *input = text(dice);

    if (work->state && roll(dice, 5)) {
        item.attempt = work->attempt;
        item.flags = work->state == ENGINE_WORK_DONE ? ENGINE_WORK_TAKE
                                                     : ENGINE_WORK_CUT;
    }
    store_bed_item(bed, &item, input, strlen(input));
}

static void draw_rows(struct store_bed *bed, const struct model *model,
                      struct dice *dice)
{
    for (uint32_t i = roll(dice, 4); i; i--)
        store_bed_event(bed, (uint16_t)(1 + roll(dice, 17)), roll(dice, 100));
    for (uint32_t i = roll(dice, 3); i; i--)
        draw_work(bed, model, dice);
}

/* Takes signals, leaves others, folds the log. */
static void draw_mail(struct store_bed *bed, const struct model_run *run,
                      struct dice *dice)
{
    uint64_t seq = run->seq - 1;

    for (uint64_t id = 1; id <= SIGNALS; id++) {
        if (!roll(dice, 3) && (run->inbox[id] == 'w' || !roll(dice, 20)))
            store_bed_take(bed, id);
    }
    store_bed_head(bed)->op = roll(dice, 3);
    if (!roll(dice, 6))
        store_bed_snapshot(bed,
                           roll(dice, 2)
                               ? seq
                               : seq + count_events(store_bed_head(bed)) +
                                     !roll(dice, 5),
                           text(dice));
}

static void draw_append(struct store_bed *bed, const struct model *model,
                        struct dice *dice)
{
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX,
                                 .kind = ENGINE_OUTBOX_RESULT};
    struct engine_request *request = store_bed_head(bed);

    request->seq = model->runs[request->run].seq + !roll(dice, 8);
    request->state = ENGINE_RUN_RUNNING;
    if (!roll(dice, 12))
        request->state = 1 + roll(dice, 5);
    if (!roll(dice, 6))
        request->not_before_ns = (uint64_t)model->now - 5 + roll(dice, 10);
    if (!roll(dice, 5)) {
        request->flags = ENGINE_APPEND_RELEASE;
        request->wake_ns = (uint64_t)model->now + roll(dice, 100);
    }
    draw_rows(bed, model, dice);
    draw_mail(bed, &model->runs[store_bed_head(bed)->run], dice);
    if (store_bed_head(bed)->state >= ENGINE_RUN_SUCCEEDED && roll(dice, 2))
        store_bed_item(bed, &outbox, "result", 6);
}

static void draw_worker(struct store_bed *bed, const struct model *model,
                        struct dice *dice)
{
    struct engine_request *request = store_bed_head(bed);
    struct engine_item output = {.type = ENGINE_ITEM_WORK};
    const struct model_work *work;

    request->op = roll(dice, OPS);
    work = &model->runs[request->run].work[request->op];
    request->attempt = roll(dice, 8) ? work->attempt : 1 + roll(dice, 2);
    request->error = roll(dice, 3);
    request->retryable = roll(dice, 2);
    if (work->holder && roll(dice, 4))
        request->sender = work->holder;
    if (request->kind == ENGINE_REQ_FINISH && roll(dice, 4)) {
        const char *value = text(dice);

        store_bed_item(bed, &output, value, strlen(value));
    }
}

static void draw_renew(struct store_bed *bed, const struct model *model,
                       struct dice *dice)
{
    for (uint64_t i = 1 + roll(dice, 3); i <= RUNS; i++) {
        struct engine_item item = {.type = ENGINE_ITEM_RUN,
                                   .a = i,
                                   .b = model->runs[i].token - !roll(dice, 4)};

        store_bed_item(bed, &item, NULL, 0);
    }
}

static void draw_blob(struct store_bed *bed, struct dice *dice)
{
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    struct engine_request *request = store_bed_head(bed);
    uint8_t name = (uint8_t)roll(dice, 3);

    request->blob[31] = name;
    if (request->kind == ENGINE_REQ_PUT_BLOB)
        store_bed_item(bed, &item, "blobs", name);
}

static uint16_t draw_kind(struct dice *dice)
{
    static const uint16_t kinds[] = {
        ENGINE_REQ_CREATE,   ENGINE_REQ_ACQUIRE,  ENGINE_REQ_ACQUIRE,
        ENGINE_REQ_LOAD,     ENGINE_REQ_APPEND,   ENGINE_REQ_APPEND,
        ENGINE_REQ_APPEND,   ENGINE_REQ_APPEND,   ENGINE_REQ_APPEND,
        ENGINE_REQ_MAIL,     ENGINE_REQ_RENEW,    ENGINE_REQ_ACK,
        ENGINE_REQ_CLAIM,    ENGINE_REQ_CLAIM,    ENGINE_REQ_CLAIM,
        ENGINE_REQ_FINISH,   ENGINE_REQ_FINISH,   ENGINE_REQ_HEARTBEAT,
        ENGINE_REQ_PUT_BLOB, ENGINE_REQ_GET_BLOB, ENGINE_REQ_SIGNAL,
        ENGINE_REQ_SIGNAL,
    };

    return kinds[roll(dice, sizeof(kinds) / sizeof(kinds[0]))];
}

static void draw_request(struct store_bed *bed, const struct model *model,
                         struct dice *dice)
{
    uint16_t kind = draw_kind(dice);
    uint64_t run = 1 + roll(dice, 1 + roll(dice, RUNS));
    struct engine_request *request =
        store_bed_ask(bed, kind, 1 + roll(dice, 3), run);

    if (kind == ENGINE_REQ_SIGNAL) {
        store_bed_signal(bed, BED_C, run, 1 + roll(dice, SIGNALS), text(dice));
        return;
    }
    request->token = model->runs[run].token - !roll(dice, 8);
    if (kind != ENGINE_REQ_CREATE && kind != ENGINE_REQ_ACQUIRE &&
        model->runs[run].holder && roll(dice, 8))
        request->sender = model->runs[run].holder;
    request->ttl_ns = 20 + roll(dice, 50);
    switch (kind) {
    case ENGINE_REQ_CREATE:
        draw_rows(bed, model, dice);
        break;
    case ENGINE_REQ_APPEND:
        draw_append(bed, model, dice);
        break;
    case ENGINE_REQ_RENEW:
        draw_renew(bed, model, dice);
        break;
    case ENGINE_REQ_CLAIM:
    case ENGINE_REQ_HEARTBEAT:
    case ENGINE_REQ_FINISH:
        draw_worker(bed, model, dice);
        break;
    case ENGINE_REQ_PUT_BLOB:
    case ENGINE_REQ_GET_BLOB:
        draw_blob(bed, dice);
        break;
    default:
        break;
    }
}

/* Whether the store's answer is the one the model gives. */
static int agrees(struct model *model, const struct store_bed *bed,
                  unsigned outcome)
{
    const struct engine_request *request = store_bed_head(bed);
    const struct engine_reply *reply = store_bed_reply(bed);
    unsigned expected = model_answer(model, request);
    const struct model_run *run = &model->runs[reply->run % (RUNS + 1)];

    if (outcome != expected) {
        fprintf(stderr, "%s of run %d: %s, the model says %s\n",
                engine_request_name(request->kind), (int)request->run,
                engine_outcome_name(outcome), engine_outcome_name(expected));
        return 0;
    }
    if (outcome != ENGINE_COMMITTED || !reply->seq)
        return 1;
    return reply->token == run->token && reply->seq == run->seq;
}

static int same_reply(const struct store_bed *one,
                      const struct store_bed *other)
{
    return one->reply.size == other->reply.size &&
           !memcmp(one->reply.bytes, other->reply.bytes, one->reply.size);
}

struct contest {
    struct store_bed one;
    struct store_bed other;
    struct model model;
    struct dice dice;
    size_t outcomes[ENGINE_UNKNOWN + 1];
};

/* The other bed sends what the first has built. */
static unsigned send_copy(struct store_bed *other, const struct store_bed *one)
{
    struct engine_block own = other->request;
    unsigned outcome;

    other->request = one->request;
    outcome = store_bed_apply(other);
    other->request = own;
    return outcome;
}

static int contest_request(struct contest *contest)
{
    unsigned one;
    unsigned other;

    draw_request(&contest->one, &contest->model, &contest->dice);
    one = store_bed_apply(&contest->one);
    other = send_copy(&contest->other, &contest->one);
    contest->outcomes[one]++;
    return one && one == other && same_reply(&contest->one, &contest->other) &&
           agrees(&contest->model, &contest->one, one);
}

static int contest_group(struct contest *contest)
{
    const struct engine_store *one = &contest->one.store;
    const struct engine_store *other = &contest->other.store;
    uint64_t now = (uint64_t)(contest->model.now += roll(&contest->dice, 15));
    uint32_t size = 1 + roll(&contest->dice, 4);

    if (one->ops->begin(one->self, now) || other->ops->begin(other->self, now))
        return -1;
    for (uint32_t i = 0; i < size; i++) {
        if (!contest_request(contest))
            return -1;
    }
    if (one->ops->commit(one->self) || other->ops->commit(other->self))
        return -1;
    return (int)size;
}

static int play(struct contest *contest, size_t count)
{
    for (size_t i = 0; i < count;) {
        int size = contest_group(contest);

        if (size < 0) {
            fprintf(stderr, "request %zu: the answers differ\n", i);
            return -1;
        }
        i += (size_t)size;
    }
    for (unsigned i = ENGINE_COMMITTED; i <= ENGINE_REFUSED; i++) {
        if (!contest->outcomes[i]) {
            fprintf(stderr, "no request was %s\n", engine_outcome_name(i));
            return -1;
        }
    }
    return 0;
}

int store_conformance_random(const struct store_opener *one,
                             const struct store_opener *other, uint64_t seed,
                             size_t count)
{
    struct contest contest = {.dice = {seed}, .model = {.now = 1000}};
    int result;

    if (store_bed_open(&contest.one, one))
        return -1;
    if (store_bed_open(&contest.other, other)) {
        store_bed_close(&contest.one);
        return -1;
    }
    result = play(&contest, count);
    store_bed_close(&contest.one);
    store_bed_close(&contest.other);
    return result;
}

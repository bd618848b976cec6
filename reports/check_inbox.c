/*
 * S16: a signal is heard once. Each row of an inbox is consumed at most once,
 * nothing is consumed that was not put, what is consumed leaves the inbox in
 * the same commit, and none is put twice or to a run that has ended. A
 * run that was told to pause or to go on does so. By the
 * end of the world a run that lives has consumed what it was sent; messages
 * may wait for somebody to receive them, and a run that an operator holds
 * listens to operators alone. An answer that is consumed while an operation
 * waits for it ends that operation in the same row.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/index.h"

struct signal {
    struct engine_record put;
    uint64_t index;
    int consumed;
    int taken;
};

/* An answer that was consumed, until its operation has ended. */
struct answer {
    struct engine_record consumed; /* kind 0: none */
    uint64_t index;
    uint32_t op;
};

struct inbox {
    struct check_self head;
    struct answer answer;
    struct report_index index; /* run and id */
    struct signal *signals;
};

static void close_inbox(void *self)
{
    struct inbox *s = self;

    report_index_deinit(&s->index);
    free(s->signals);
    free(s);
}

static void *open_inbox(const struct check_view *view,
                        struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct inbox));
}

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": signal %016" PRIx64 " " format,          \
                    (record)->run, (record)->a, __VA_ARGS__)

static struct report_key key_of(const struct engine_record *record)
{
    return (struct report_key){{record->run, record->a, record->b}};
}

static struct signal *find(const struct inbox *s,
                           const struct engine_record *record)
{
    struct report_key key = key_of(record);
    uint32_t place = report_index_find(&s->index, &key);

    return place == REPORT_INDEX_NONE ? NULL : &s->signals[place];
}

static void add(struct inbox *s, const struct engine_record *record,
                uint64_t index)
{
    struct report_key key = key_of(record);
    void *list = s->signals;
    uint32_t place =
        report_index_add(&s->index, &key, &list, sizeof(*s->signals));

    s->signals = list;
    if (place == REPORT_INDEX_NONE)
        return;
    s->signals[place].put = *record;
    s->signals[place].index = index;
}

static void put(struct inbox *s, const struct fold_run *run,
                const struct engine_record *record, uint64_t index)
{
    struct check_node word;

    s->head.result->checked++;
    if (find(s, record))
        WRONG(s, record, index, "was put a second time, by %s",
              check_node(&word, s->head.world, record->peer));
    else if (fold_terminal(run))
        WRONG(s, record, index, "was put by %s although the run had %s",
              check_node(&word, s->head.world, record->peer),
              fold_state_name(run->state));
    else
        add(s, record, index);
}

/* A signal that may be durable without a record of its own. */
static bool unrecorded(const struct inbox *s, const struct fold_run *run)
{
    return s->head.fold->in_doubt_ns ||
           fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE);
}

/* Whether an operation of the run waits for this. */
static bool awaited(const struct fold_run *run, const struct signal *signal)
{
    const struct fold_operation *op = fold_operation(run, signal->put.op);
    unsigned kind = signal->put.detail;

    return op && op->status == ENGINE_STATUS_STARTED && !op->orphan &&
           ((op->type == ENGINE_OPERATION_CALLBACK &&
             (kind == ENGINE_SIG_CALLBACK_SUCCEED ||
              kind == ENGINE_SIG_CALLBACK_FAIL)) ||
            (op->type == ENGINE_OPERATION_INVOKE &&
             kind == ENGINE_SIG_CHILD_ENDED));
}

/* The row goes on, or has ended: by now the operation must have. */
static void settle_answer(struct inbox *s)
{
    struct engine_record *consumed = &s->answer.consumed;

    if (consumed->kind)
        WRONG(s, consumed, s->answer.index,
              "was consumed at seq %" PRIu64 ", but operation %u, which waits "
              "for it, goes on to wait",
              consumed->key, s->answer.op);
    consumed->kind = 0;
}

/* An event about an operation. */
static void operation(struct inbox *s, const struct engine_record *record)
{
    if (s->answer.consumed.run == record->run && s->answer.op == record->op &&
        fold_is_end(record->detail))
        s->answer.consumed.kind = 0;
}

/* A run that has heard that it is to be held is held, or the other way. */
static void obeyed(struct inbox *s, const struct fold_run *run,
                   const struct signal *signal,
                   const struct engine_record *record, uint64_t index)
{
    unsigned kind = signal->put.detail;

    if ((kind == ENGINE_SIG_PAUSE && run->state == ENGINE_RUN_RUNNING) ||
        (kind == ENGINE_SIG_UNPAUSE && run->state == ENGINE_RUN_PAUSED))
        WRONG(s, record, index, "(%s) was consumed, and the run is %s",
              kind == ENGINE_SIG_PAUSE ? "pause" : "unpause",
              fold_state_name(run->state));
}

static void consumed(struct inbox *s, const struct fold_run *run,
                     const struct engine_record *record, uint64_t index)
{
    struct signal *signal = find(s, record);

    settle_answer(s);
    s->head.result->checked++;
    if (!signal && !unrecorded(s, run))
        WRONG(s, record, index,
              "was consumed at seq %" PRIu64 ", but never put", record->key);
    else if (signal && signal->consumed)
        WRONG(s, record, index, "was consumed a second time, at seq %" PRIu64,
              record->key);
    else if (signal && awaited(run, signal))
        s->answer = (struct answer){*record, index, signal->put.op};
    if (signal && !unrecorded(s, run))
        obeyed(s, run, signal, record, index);
    if (signal)
        signal->consumed = 1;
}

static void taken(struct inbox *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    struct signal *signal = find(s, record);
    struct check_node word;

    if (signal && !signal->consumed && !unrecorded(s, run))
        WRONG(s, record, index,
              "was taken out by %s, but the log does not have it",
              check_node(&word, s->head.world, record->peer));
    if (signal)
        signal->taken = 1;
}

/* Whether the run should have listened to it by now, had it the time. */
static bool heard(const struct fold_run *run, const struct signal *signal)
{
    unsigned kind = signal->put.detail;

    if (fold_held(run))
        return kind >= ENGINE_SIG_CANCEL;
    return kind != ENGINE_SIG_MESSAGE && kind != ENGINE_SIG_END_OF_STREAM &&
           kind != ENGINE_SIG_MESSAGE_ACK;
}

static void check_end(struct inbox *s, const struct signal *signal,
                      const struct engine_record *end)
{
    const struct fold_run *run = fold_run(s->head.fold, signal->put.run);
    const struct engine_record *put = &signal->put;

    if (fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        return;
    if (signal->consumed && !signal->taken && !fold_terminal(run)) {
        WRONG(s, put, signal->index,
              "was consumed and is still in the inbox of a "
              "run that is %s",
              fold_state_name(run->state));
        return;
    }
    if (signal->consumed || fold_terminal(run) || !heard(run, signal))
        return;
    if (fold_settled(s->head.fold, end, put->time_ns))
        WRONG(s, put, signal->index,
              "was put at %.6f s and not consumed by the end",
              check_seconds(put->time_ns));
    else
        s->head.result->unjudged++;
}

/* Rows come one after another: with the next one the last is over. */
static void settle_if_over(struct inbox *s, const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_APPENDED ||
        record->kind == ENGINE_REC_WORLD_END)
        settle_answer(s);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct inbox *s = self;
    const struct fold_run *run;

    if (record->kind != ENGINE_REC_EVENT)
        settle_if_over(s, record);
    if (record->kind == ENGINE_REC_WORLD_END) {
        for (uint32_t i = 0; i < s->index.count; i++)
            check_end(s, &s->signals[i], record);
        return;
    }
    if (record->kind == ENGINE_REC_APPENDED)
        return;
    if (record->kind == ENGINE_REC_EVENT &&
        record->detail != ENGINE_EV_INBOX_CONSUMED) {
        operation(s, record);
        return;
    }
    run = fold_run(s->head.fold, record->run);
    if (!run)
        return;
    if (record->kind == ENGINE_REC_INBOX_PUT)
        put(s, run, record, index);
    else if (record->kind == ENGINE_REC_INBOX_TAKEN)
        taken(s, run, record, index);
    else
        consumed(s, run, record, index);
}

const struct check_ops check_inbox = {
    .id = "S16",
    .name = "signals are heard once",
    .unit = "signals",
    .kinds = CHECK_KIND(INBOX_PUT) | CHECK_KIND(INBOX_TAKEN) |
             CHECK_KIND(EVENT) | CHECK_KIND(APPENDED) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .applies = fold_has_handlers,
    .open = open_inbox,
    .feed = feed,
    .close = close_inbox,
};

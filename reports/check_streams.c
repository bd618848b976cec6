/*
 * S19: messages of one edge arrive in order. They are sent with the numbers
 * 1, 2, 3 .., the end of the stream comes once, behind the last; they are
 * consumed in the same order, each by an operation that receives it, none
 * left out, none twice, none that was not sent. A sender that has ended,
 * however it did, has ended its streams, and what was sent to a run that lives
 * has reached its inbox.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/index.h"

/* An edge: its receiver and its name. */
struct edge {
    struct engine_record opened; /* the first message's OUTBOX_PUT */
    uint64_t index;
    uint64_t sent;     /* number of the last message */
    uint64_t consumed; /* as sent */
    uint64_t arrived;  /* signals in the receiver's inbox, all told */
    uint64_t sent_ns;  /* true time of the last */
    uint64_t end;      /* number of the end of the stream, 0: not sent */
    int ended;         /* the receiver has consumed the end */
};

/* What a signal in an inbox is, by run and id. */
struct arrival {
    uint64_t number;
    uint64_t edge;
    uint16_t kind;
};

struct streams {
    struct check_self head;
    struct engine_record taken; /* a message's consumption, until an operation
                                   has received it; kind 0: none */
    uint64_t taken_index;
    struct arrival message;
    struct report_index edges_by;
    struct edge *edges;
    struct report_index arrivals_by;
    struct arrival *arrivals;
};

static void close_streams(void *self)
{
    struct streams *s = self;

    report_index_deinit(&s->edges_by);
    report_index_deinit(&s->arrivals_by);
    free(s->edges);
    free(s->arrivals);
    free(s);
}

static void *open_streams(const struct check_view *view,
                          struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct streams));
}

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": " format " of edge %016" PRIx64,         \
                    (record)->run, __VA_ARGS__)

static struct edge *edge_of(struct streams *s, uint64_t receiver, uint64_t name)
{
    struct report_key key = {{receiver, name, 0}};
    uint32_t place = report_index_find(&s->edges_by, &key);
    void *list = s->edges;

    if (place == REPORT_INDEX_NONE)
        place = report_index_add(&s->edges_by, &key, &list, sizeof(*s->edges));
    s->edges = list;
    return place == REPORT_INDEX_NONE ? NULL : &s->edges[place];
}

static void sent(struct streams *s, const struct engine_record *record,
                 uint64_t index)
{
    struct edge *edge = edge_of(s, record->a, record->key);

    if (!edge)
        return;
    s->head.result->checked++;
    if (edge->end)
        WRONG(s, record, index, "%s %" PRIu64 " was sent after the end",
              record->state == ENGINE_SIG_MESSAGE ? "message" : "end",
              record->b, record->key);
    else if (record->b != edge->sent + 1)
        WRONG(s, record, index,
              "%s %" PRIu64 " was sent after message %" PRIu64,
              record->state == ENGINE_SIG_MESSAGE ? "message" : "end",
              record->b, edge->sent, record->key);
    if (!edge->opened.kind) {
        edge->opened = *record;
        edge->index = index;
    }
    edge->sent_ns = record->time_ns;
    if (record->state == ENGINE_SIG_MESSAGE)
        edge->sent = record->b;
    else
        edge->end = record->b;
}

static void arrived(struct streams *s, const struct engine_record *record)
{
    struct report_key key = {{record->run, record->a, record->b}};
    struct edge *edge = edge_of(s, record->run, record->key_hi);
    void *list = s->arrivals;
    uint32_t place;

    if (!edge || report_index_find(&s->arrivals_by, &key) != REPORT_INDEX_NONE)
        return; /* S16 */
    edge->arrived++;
    place =
        report_index_add(&s->arrivals_by, &key, &list, sizeof(*s->arrivals));
    s->arrivals = list;
    if (place != REPORT_INDEX_NONE)
        s->arrivals[place] =
            (struct arrival){record->key, record->key_hi, record->detail};
}

static void check_consumed(struct streams *s, const struct edge *edge,
                           const struct arrival *arrival,
                           const struct engine_record *record, uint64_t index)
{
    const char *what =
        arrival->kind == ENGINE_SIG_MESSAGE ? "message" : "the end";

    if (edge->ended)
        WRONG(s, record, index, "%s %" PRIu64 " was consumed after the end",
              what, arrival->number, arrival->edge);
    else if (arrival->number != edge->consumed + 1)
        WRONG(s, record, index,
              "%s %" PRIu64 " was consumed after message %" PRIu64, what,
              arrival->number, edge->consumed, arrival->edge);
    else if (!s->head.fold->in_doubt_ns &&
             arrival->number > (edge->end ? edge->end : edge->sent))
        WRONG(s, record, index,
              "%s %" PRIu64 " was consumed, but only %" PRIu64
              " messages were sent",
              what, arrival->number, edge->sent, arrival->edge);
}

/* The row goes on, or has ended: by now the message must have a receiver. */
static void settle_message(struct streams *s)
{
    if (s->taken.kind)
        WRONG(s, &s->taken, s->taken_index,
              "message %" PRIu64 " was consumed, and no operation received it,",
              s->message.number, s->message.edge);
    s->taken.kind = 0;
}

/* An event about an operation. */
static void operation(struct streams *s, const struct engine_record *record)
{
    if (s->taken.run == record->run &&
        record->detail == ENGINE_EV_OPERATION_SUCCEEDED &&
        engine_record_type(record) == ENGINE_OPERATION_RECEIVE)
        s->taken.kind = 0;
}

static void consumed(struct streams *s, const struct engine_record *record,
                     uint64_t index)
{
    struct report_key key = {{record->run, record->a, record->b}};
    uint32_t place = report_index_find(&s->arrivals_by, &key);
    struct arrival *arrival;
    struct edge *edge;

    if (place == REPORT_INDEX_NONE)
        return; /* S16 */
    arrival = &s->arrivals[place];
    edge = edge_of(s, record->run, arrival->edge);
    if (!edge)
        return;
    s->head.result->checked++;
    check_consumed(s, edge, arrival, record, index);
    if (arrival->kind == ENGINE_SIG_MESSAGE && !edge->ended &&
        arrival->number == edge->consumed + 1) {
        s->taken = *record;
        s->taken_index = index;
        s->message = *arrival;
    }
    if (arrival->kind == ENGINE_SIG_END_OF_STREAM)
        edge->ended = 1;
    else
        edge->consumed = arrival->number;
}

/* What was sent and is on its way no more has arrived, if anybody is there. */
static void check_arrived(struct streams *s, const struct edge *edge,
                          const struct engine_record *end)
{
    const struct fold_run *receiver = fold_run(s->head.fold, edge->opened.a);
    uint64_t sent = edge->sent + (edge->end != 0);

    if (!receiver || !receiver->next_seq || fold_terminal(receiver) ||
        fold_has(receiver, FOLD_RECOVERED | FOLD_OPAQUE) ||
        s->head.fold->in_doubt_ns || edge->arrived >= sent)
        return;
    if (fold_settled(s->head.fold, end, edge->sent_ns))
        WRONG(s, &edge->opened, edge->index,
              "it sent %" PRIu64 " signals to run %" PRIu64 ", %" PRIu64
              " arrived by the end,",
              sent, edge->opened.a, edge->arrived, edge->opened.key);
    else
        s->head.result->unjudged++;
}

static bool has_open_send(const struct fold_run *run)
{
    for (uint32_t n = 1; run->handler && n <= run->handler->count; n++) {
        const struct fold_operation *op = fold_operation(run, n);

        if (op->type == ENGINE_OPERATION_SEND && !op->orphan &&
            op->status == ENGINE_STATUS_STARTED)
            return true;
    }
    return false;
}

/* Nobody will read any more what a sender with this edge alone waits for. */
static void check_answered(struct streams *s, const struct edge *edge,
                           const struct engine_record *end)
{
    const struct fold_run *sender = fold_run(s->head.fold, edge->opened.run);
    const struct fold_run *receiver = fold_run(s->head.fold, edge->opened.a);

    if (!sender || !receiver || !fold_terminal(receiver) ||
        fold_terminal(sender) || fold_held(sender) ||
        fold_has(sender, FOLD_RECOVERED | FOLD_OPAQUE) ||
        s->head.fold->in_doubt_ns || !has_open_send(sender))
        return;
    for (uint32_t i = 0; i < s->edges_by.count; i++)
        if (&s->edges[i] != edge && s->edges[i].opened.run == edge->opened.run)
            return;
    if (fold_settled(s->head.fold, end,
                     edge->sent_ns > receiver->last_ns ? edge->sent_ns
                                                       : receiver->last_ns))
        WRONG(s, &edge->opened, edge->index,
              "it waits for an answer to message %" PRIu64 ", and run %" PRIu64
              " has ended,",
              edge->sent, edge->opened.a, edge->opened.key);
}

static void check_end(struct streams *s, const struct edge *edge,
                      const struct engine_record *end)
{
    const struct fold_run *sender = fold_run(s->head.fold, edge->opened.run);

    if (!edge->opened.kind)
        return;
    check_arrived(s, edge, end);
    check_answered(s, edge, end);
    if (!sender || edge->end || !fold_terminal(sender) ||
        fold_has(sender, FOLD_RECOVERED | FOLD_OPAQUE))
        return;
    WRONG(s, &edge->opened, edge->index,
          "it %s after message %" PRIu64 " without sending the end",
          fold_state_name(sender->state), edge->sent, edge->opened.key);
}

static bool is_stream(unsigned signal)
{
    return signal == ENGINE_SIG_MESSAGE || signal == ENGINE_SIG_END_OF_STREAM;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct streams *s = self;

    switch (record->kind) {
    case ENGINE_REC_OUTBOX_PUT:
        if (record->detail == ENGINE_OUTBOX_SIGNAL && is_stream(record->state))
            sent(s, record, index);
        break;
    case ENGINE_REC_INBOX_PUT:
        if (is_stream(record->detail))
            arrived(s, record);
        break;
    case ENGINE_REC_EVENT:
        if (record->detail != ENGINE_EV_INBOX_CONSUMED) {
            operation(s, record);
            break;
        }
        settle_message(s);
        consumed(s, record, index);
        break;
    case ENGINE_REC_APPENDED:
        settle_message(s);
        break;
    default:
        settle_message(s);
        for (uint32_t i = 0; i < s->edges_by.count; i++)
            check_end(s, &s->edges[i], record);
        break;
    }
}

const struct check_ops check_streams = {
    .id = "S19",
    .name = "messages keep their order",
    .unit = "messages between runs",
    .kinds = CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(INBOX_PUT) |
             CHECK_KIND(APPENDED) | CHECK_KIND(EVENT) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .applies = fold_has_handlers,
    .open = open_streams,
    .feed = feed,
    .close = close_streams,
};

/*
 * S21: the client's history is linearizable. What clients and operators asked
 * for (start, signal, result), with the answers they got, has an order, run by
 * run, in which each took effect at one point between asking and answer. A run
 * only moves on: it is not there, it is open, it has ended. So it is enough to
 * compare each answer with what was durable when it was asked for and when it
 * was given:
 *
 *     asked            answered          the effect
 *     start            acknowledged      this run, made after it was asked for
 *     start            refused           none, ever
 *     signal           accepted          in the inbox, since it was asked for
 *     signal           as a repeat       in the inbox
 *     signal           run has ended     none, ever; the run has ended by then
 *     signal           no such run       none yet; nor was there a run when it
 *                                        was asked for
 *     signal           over a limit      none, ever
 *     result           a state           the same each time
 *
 * What was not answered may have an effect or none, but what has an effect was
 * asked for. And a signal whose effect is on the run must have it when it is
 * consumed: cancel and stop end the run in the same row, and no run ends like
 * that without; pause and unpause change its state. Whoever gets the lease of a
 * run gets its inbox with it: a cancel or stop that is in there comes first,
 * and the run cannot succeed any more. One that is put while the run has an
 * owner may be too late.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/index.h"

/* A signal by run and id. What is of the asking is of the last one. */
struct request {
    uint16_t kind;
    uint8_t asked;
    uint8_t refused;
    uint8_t put;
    uint8_t put_since; /* it was asked for */
    uint8_t existed;   /* the run, when it was asked for */
    uint8_t ended;     /* the same */
};

/* What is known of a run's start and result. */
struct asked {
    uint32_t workflow; /* UINT32_MAX: unknown */
    uint16_t result;   /* state that the client was told, 0: none */
    uint8_t asked;
    uint8_t refused;
    uint8_t to_end; /* a cancel or stop is in its inbox, ... */
    uint8_t knows;  /* ... and came with the lease to its owner */
};

/* A cancel or stop that was consumed, until the end of its row. */
struct due {
    struct engine_record consumed; /* kind 0: none */
    uint64_t index;
    uint16_t kind;
};

struct history {
    struct check_self head;
    struct check_by_run runs;  /* struct asked */
    struct report_index index; /* of requests: run and id */
    struct request *requests;
    struct due due;
    uint32_t outside; /* node that tells what it asks for, 0: none does */
};

static void close_history(void *self)
{
    struct history *s = self;

    check_by_run_deinit(&s->runs);
    report_index_deinit(&s->index);
    free(s->requests);
    free(s);
}

static void *open_history(const struct check_view *view,
                          struct check_result *result)
{
    struct history *s = check_self_new(view, result, sizeof(*s));

    if (s && check_by_run_init(&s->runs, view->fold, sizeof(struct asked))) {
        close_history(s);
        return NULL;
    }
    return s;
}

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->head.result, record, index,                           \
                    "run %" PRIu64 ": " format, (record)->run, __VA_ARGS__)

static const char *kind_name(unsigned kind)
{
    static const char *const names[ENGINE_SIG_COUNT] = {
        [ENGINE_SIG_CALLBACK_SUCCEED] = "answer",
        [ENGINE_SIG_CALLBACK_FAIL] = "refusal",
        [ENGINE_SIG_CALLBACK_HEARTBEAT] = "sign of life",
        [ENGINE_SIG_CANCEL] = "cancel",
        [ENGINE_SIG_STOP] = "stop",
        [ENGINE_SIG_PAUSE] = "pause",
        [ENGINE_SIG_UNPAUSE] = "unpause",
        [ENGINE_SIG_RESUME] = "resume",
        [ENGINE_SIG_SKIP] = "skip",
        [ENGINE_SIG_ABORT] = "abort",
    };

    return kind < ENGINE_SIG_COUNT && names[kind] ? names[kind] : "signal";
}

/* Starts and results ------------------------------------------------------ */

static void start_sent(struct history *s, const struct engine_record *record)
{
    struct asked *asked = check_by_run(&s->runs, record->run);

    if (!asked || asked->asked)
        return;
    asked->asked = 1;
    asked->workflow = record->op;
}

static void start_ok(struct history *s, const struct fold_run *run,
                     const struct engine_record *record, uint64_t index)
{
    const struct asked *asked = check_by_run(&s->runs, record->run);

    s->head.result->checked++;
    if (!asked)
        return;
    if (!asked->asked)
        WRONG(s, record, index, "its start was acknowledged, but %s",
              "nobody had asked for it");
    else if (run->next_seq && !fold_has(run, FOLD_OPAQUE) &&
             asked->workflow != UINT32_MAX && run->workflow != asked->workflow)
        WRONG(s, record, index,
              "the start of workflow %u was acknowledged, but the run is of "
              "workflow %u",
              asked->workflow, run->workflow);
}

static void start_refused(struct history *s, const struct fold_run *run,
                          const struct engine_record *record, uint64_t index)
{
    struct asked *asked = check_by_run(&s->runs, record->run);

    s->head.result->checked++;
    if (asked)
        asked->refused = 1;
    if (run->next_seq)
        WRONG(s, record, index, "its start was refused, but the run is %s",
              fold_state_name(run->state));
}

/* A row that makes a run. */
static void created(struct history *s, const struct engine_record *record,
                    uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, record->run);
    const struct asked *asked = check_by_run(&s->runs, record->run);

    if (!run || !asked || record->run > s->head.world->runs_max)
        return;
    if (!asked->asked)
        WRONG(s, record, index, "it was created before %s",
              "anybody asked for it");
    else if (asked->refused)
        WRONG(s, record, index, "it was created after %s",
              "its start had been refused");
    else if (run->next_seq && !fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        WRONG(s, record, index,
              "a start made another run where there was one already, which "
              "is %s",
              fold_state_name(run->state));
}

static void result_seen(struct history *s, const struct engine_record *record,
                        uint64_t index)
{
    struct asked *asked = check_by_run(&s->runs, record->run);
    unsigned state = record->a < 16 ? (unsigned)record->a : 16;

    s->head.result->checked++;
    if (!asked)
        return;
    if (!asked->asked || asked->refused)
        WRONG(s, record, index, "the client was told that it %s, but its %s",
              fold_state_name(state),
              asked->refused ? "start had been refused"
                             : "start was never asked for");
    else if (asked->result && asked->result != state)
        WRONG(s, record, index,
              "the client was told that it %s, after it had been told that it "
              "%s",
              fold_state_name(state), fold_state_name(asked->result));
    if (!asked->result)
        asked->result = (uint16_t)state;
}

/* Signals ----------------------------------------------------------------- */

static struct request *find(const struct history *s,
                            const struct engine_record *record)
{
    struct report_key key = {{record->run, record->a, record->b}};
    uint32_t place = report_index_find(&s->index, &key);

    return place == REPORT_INDEX_NONE ? NULL : &s->requests[place];
}

/* The request, new if it is not known; NULL: out of memory. */
static struct request *meet(struct history *s,
                            const struct engine_record *record)
{
    struct report_key key = {{record->run, record->a, record->b}};
    struct request *known = find(s, record);
    void *list = s->requests;
    uint32_t place;

    if (known)
        return known;
    place = report_index_add(&s->index, &key, &list, sizeof(*s->requests));
    s->requests = list;
    if (place == REPORT_INDEX_NONE)
        return NULL;
    s->requests[place].kind = record->detail;
    return &s->requests[place];
}

static void signal_sent(struct history *s, const struct fold_run *run,
                        const struct engine_record *record)
{
    struct request *request = meet(s, record);

    s->outside = record->node;
    if (!request)
        return;
    request->asked = 1;
    request->put_since = 0;
    request->existed = run && run->next_seq;
    request->ended = run && fold_terminal(run);
}

/* It may stand in the inbox without a record of its own. */
static bool unrecorded(const struct history *s, const struct fold_run *run)
{
    return s->head.fold->in_doubt_ns ||
           fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE);
}

static void accepted(struct history *s, const struct fold_run *run,
                     const struct request *request,
                     const struct engine_record *record, uint64_t index)
{
    const char *name = kind_name(record->detail);

    if (record->state && !request->put && !unrecorded(s, run))
        WRONG(s, record, index,
              "a %s was answered as a repeat of one that was never put", name);
    else if (!record->state && request->put && !request->put_since)
        WRONG(s, record, index,
              "a %s was accepted as new, but it had been put before it was "
              "asked for",
              name);
    else if (!record->state && !request->put)
        WRONG(s, record, index, "a %s was accepted, but it was not durable",
              name);
    else if (!record->state && request->ended)
        WRONG(s, record, index,
              "a %s was accepted, but the run had ended before it was sent",
              name);
}

/* It came too late, if that is true. */
static void too_late(struct history *s, const struct fold_run *run,
                     const struct request *request,
                     const struct engine_record *record, uint64_t index)
{
    const char *name = kind_name(record->detail);

    if (request->put)
        WRONG(s, record, index,
              "a %s was refused since the run had ended, but it had been put",
              name);
    else if (!fold_terminal(run) && !fold_has(run, FOLD_OPAQUE) &&
             !fold_in_doubt(s->head.fold, run))
        WRONG(s, record, index,
              "a %s was refused since the run had ended, but it is %s", name,
              fold_state_name(run->state));
}

static void answer(struct history *s, const struct fold_run *run,
                   struct request *request, const struct engine_record *record,
                   uint64_t index)
{
    switch (record->count) {
    case ENGINE_COMMITTED:
        accepted(s, run, request, record, index);
        break;
    case ENGINE_FENCED:
        too_late(s, run, request, record, index);
        request->refused = 1;
        break;
    case ENGINE_REFUSED:
        if (request->put)
            WRONG(s, record, index,
                  "a %s was refused for its size, but it had been put",
                  kind_name(record->detail));
        request->refused = 1;
        break;
    case ENGINE_CONFLICT:
        if (request->existed)
            WRONG(s, record, index,
                  "a %s was answered that there is no such run, but there was "
                  "when it was sent",
                  kind_name(record->detail));
        break;
    default:
        break; /* the same as no answer */
    }
}

static void signal_answered(struct history *s, const struct fold_run *run,
                            const struct engine_record *record, uint64_t index)
{
    struct request *request = find(s, record);

    s->head.result->checked++;
    if (request && request->asked)
        answer(s, run, request, record, index);
    else
        WRONG(s, record, index, "a %s was answered that nobody had sent",
              kind_name(record->detail));
}

static bool ends(unsigned kind)
{
    return kind == ENGINE_SIG_CANCEL || kind == ENGINE_SIG_STOP;
}

static void end_wanted(struct history *s, uint64_t run, uint8_t wanted)
{
    struct asked *asked = check_by_run(&s->runs, run);

    if (!asked)
        return;
    asked->to_end = wanted;
    asked->knows = 0;
}

static void put(struct history *s, const struct engine_record *record,
                uint64_t index)
{
    struct request *request = find(s, record);

    if (s->outside && record->peer == s->outside &&
        !(request && request->asked))
        WRONG(s, record, index, "a %s was put that nobody had sent",
              kind_name(record->detail));
    else if (request && request->refused)
        WRONG(s, record, index, "a %s was put after it had been refused",
              kind_name(record->detail));
    if (!request && record->detail >= ENGINE_SIG_CANCEL)
        request = meet(s, record);
    if (!request)
        return;
    request->kind = record->detail;
    request->put = 1;
    request->put_since = 1;
    if (ends(record->detail))
        end_wanted(s, record->run, 1);
}

/* The inbox goes with the lease. */
static void granted(struct history *s, const struct engine_record *record)
{
    struct asked *asked = check_by_run(&s->runs, record->run);

    if (asked && asked->to_end)
        asked->knows = 1;
}

/* What becomes of them ----------------------------------------------------- */

static unsigned end_of(unsigned kind)
{
    return kind == ENGINE_SIG_CANCEL ? ENGINE_EV_RUN_CANCELLED
                                     : ENGINE_EV_RUN_STOPPED;
}

/* The row is over: the run must have ended in it. */
static void settle(struct history *s)
{
    struct engine_record *consumed = &s->due.consumed;

    if (consumed->kind)
        WRONG(s, consumed, s->due.index,
              "a %s was consumed at seq %" PRIu64 ", and the run goes on",
              kind_name(s->due.kind), consumed->key);
    consumed->kind = 0;
}

static void consumed(struct history *s, const struct fold_run *run,
                     const struct engine_record *record, uint64_t index)
{
    const struct request *request = find(s, record);
    bool stays;

    if (!request)
        return;
    stays = (request->kind == ENGINE_SIG_PAUSE &&
             run->state == ENGINE_RUN_RUNNING) ||
            (request->kind == ENGINE_SIG_UNPAUSE &&
             run->state == ENGINE_RUN_PAUSED);
    s->head.result->checked += request->kind >= ENGINE_SIG_CANCEL;
    if (ends(request->kind)) {
        end_wanted(s, record->run, 0);
        s->due = (struct due){*record, index, request->kind};
    } else if (stays) {
        WRONG(s, record, index,
              "a %s was consumed at seq %" PRIu64 ", and the run is still %s",
              kind_name(request->kind), record->key,
              fold_state_name(run->state));
    }
}

/* It ends as only somebody outside can end it. */
static void ended(struct history *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    struct due *due = &s->due;

    s->head.result->checked++;
    if (due->consumed.kind && due->consumed.run == record->run &&
        end_of(due->kind) == record->detail)
        due->consumed.kind = 0;
    else if (!unrecorded(s, run))
        WRONG(s, record, index, "%s was logged at seq %" PRIu64 ", but %s",
              engine_event_name(record->detail), record->key,
              "nobody's request for it was consumed with it");
}

static void succeeded(struct history *s, const struct engine_record *record,
                      uint64_t index)
{
    const struct asked *asked = check_by_run(&s->runs, record->run);

    if (asked && asked->knows)
        WRONG(s, record, index, "it succeeded at seq %" PRIu64 ", but %s",
              record->key,
              "a cancel or stop had been in its inbox when it got its owner");
}

static void event(struct history *s, const struct engine_record *record,
                  uint64_t index)
{
    const struct fold_run *run;

    if (record->detail != ENGINE_EV_INBOX_CONSUMED &&
        record->detail != ENGINE_EV_RUN_SUCCEEDED &&
        record->detail != ENGINE_EV_RUN_CANCELLED &&
        record->detail != ENGINE_EV_RUN_STOPPED)
        return;
    run = fold_run(s->head.fold, record->run);
    if (!run)
        return;
    if (record->detail == ENGINE_EV_INBOX_CONSUMED)
        consumed(s, run, record, index);
    else if (record->detail == ENGINE_EV_RUN_SUCCEEDED)
        succeeded(s, record, index);
    else
        ended(s, run, record, index);
}

/* What the client and the outside have told. */
static void told(struct history *s, const struct engine_record *record,
                 uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (record->kind == ENGINE_REC_SIGNAL_SENT)
        signal_sent(s, run, record);
    if (!run)
        return;
    if (record->kind == ENGINE_REC_START_SENT)
        start_sent(s, record);
    else if (record->kind == ENGINE_REC_START_OK)
        start_ok(s, run, record, index);
    else if (record->kind == ENGINE_REC_START_REFUSED)
        start_refused(s, run, record, index);
    else if (record->kind == ENGINE_REC_RESULT_SEEN)
        result_seen(s, record, index);
    else if (record->kind == ENGINE_REC_SIGNAL_ANSWERED)
        signal_answered(s, run, record, index);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct history *s = self;

    switch (record->kind) {
    case ENGINE_REC_EVENT:
        event(s, record, index);
        break;
    case ENGINE_REC_APPENDED:
        settle(s);
        if (record->detail == ENGINE_REQ_CREATE)
            created(s, record, index);
        break;
    case ENGINE_REC_WORLD_END:
        settle(s);
        break;
    case ENGINE_REC_INBOX_PUT:
        put(s, record, index);
        break;
    case ENGINE_REC_LEASE_GRANTED:
        granted(s, record);
        break;
    default:
        told(s, record, index);
        break;
    }
}

const struct check_ops check_history = {
    .id = "S21",
    .name = "linearizable client history",
    .unit = "answers and requests consumed",
    .kinds = CHECK_KIND(START_SENT) | CHECK_KIND(START_OK) |
             CHECK_KIND(START_REFUSED) | CHECK_KIND(RESULT_SEEN) |
             CHECK_KIND(SIGNAL_SENT) | CHECK_KIND(SIGNAL_ANSWERED) |
             CHECK_KIND(INBOX_PUT) | CHECK_KIND(LEASE_GRANTED) |
             CHECK_KIND(EVENT) | CHECK_KIND(APPENDED) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_DISK | CHECK_BEYOND_ROT,
    .open = open_history,
    .feed = feed,
    .close = close_history,
};

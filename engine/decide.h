/*
 * What the owner of a run decides next. Each function looks at the run, adds
 * events and work to a request, and applies the same events to the run, so
 * that the next function sees them. Nothing here knows about leases, stores
 * or messages; if the request is not committed, the run must be read again.
 */
#ifndef ENGINE_DECIDE_H
#define ENGINE_DECIDE_H

#include "engine/defects.h"
#include "engine/run.h"

/*
 * Outbox rows of a run: 1 tells its end; those of operation n are 2n and
 * 2n + 1, behind them come the answers to what it leaves unread; the ends of
 * its edges count down from ENGINE_OP_MAX (engine/invoke.h).
 */
enum {
    ENGINE_OUTBOX_END = 1
};

struct engine_decide {
    struct engine_run *run;
    struct engine_block *block; /* a request under construction */
    struct engine_block *rows;  /* work and outbox changes: they follow the
                                   events in a request */
    uint64_t store_now_ns;      /* the owner's estimate, never too late */
    uint64_t seed;              /* of the jitter streams */
    const struct engine_defects *defects;
    const void *words; /* what platforms have said of attempts: items, op and
                          attempt, a = enum engine_error, payload: chain */
    size_t words_size;
    bool busy; /* outbox rows are on their way: its lease is needed */
    uint64_t not_before_ns; /* set: latest deadline taken as past */
    uint32_t count;         /* set: items added */
    uint32_t cut_count;     /* set: attempts cut off */
    int error;              /* set: 0, -1 out of memory, -2 log damaged */
};

/*
 * Takes a work row into the log: a DONE row is a report; a CLAIMED row is an
 * attempt to be cut off if its claim has expired or its time is over; a
 * PENDING row is one to be given up if it must have been claimed by now, or if
 * its platform has said that nothing will come of it. While an attempt is
 * claimed the word of its platform waits: the claim rules, and if it runs out
 * the word says why. Rows of former attempts are ignored.
 */
void engine_decide_work(struct engine_decide *decide,
                        const struct engine_item *work);
/* The item about this attempt among those of words, or NULL. */
const struct engine_item *engine_decide_word(const void *words, size_t size,
                                             uint32_t op, uint32_t attempt);
/*
 * Whether a platform's error can be about an attempt that had begun. What it
 * says of one that could not begin is about a copy of it.
 */
bool engine_decide_may_end(uint32_t error);
/*
 * Whether there may be another attempt of a step after the last one, by its
 * retry policy. An attempt that goes on to a platform not tried before is not
 * counted. One that its platform would not begin, THROTTLED or AUTH_EXPIRED,
 * follows the policy of that class.
 */
bool engine_decide_has_attempt(const struct engine_run *run, uint32_t op);
/* When an attempt of an operation that was claimed at that time must be over:
 * by its own timeout, or that of all attempts. */
uint64_t engine_decide_over_at(const struct engine_run *run, uint32_t op,
                               uint64_t claimed_ns);
/* Fires waits and starts retries whose time has come, and ends steps whose time
 * for all attempts is over meanwhile; a handler's timers, too.
 * A run that is held does none of it, nor of what follows. */
void engine_decide_timers(struct engine_decide *decide);
/* Schedules operations whose inputs are complete, and the next invocation of a
 * handler that there is news for. */
void engine_decide_ready(struct engine_decide *decide);
/* Ends the run if nothing is left to do; returns 1 if it did. */
int engine_decide_end(struct engine_decide *decide);
/* Ends the run as BLOCKED: an operator must look at it. */
void engine_decide_block(struct engine_decide *decide, uint64_t reason);
/* Ends the run as FAILED with this error. */
void engine_decide_fail(struct engine_decide *decide, uint64_t error);
/* Stops what a handler has open, then ends the run with this event and error;
 * who asked for it is told. */
void engine_decide_over(struct engine_decide *decide,
                        enum engine_event_kind kind, uint32_t error,
                        const void *words, size_t size);

/* Whether the run can be ended although attempts are under way. */
enum engine_abandon {
    ENGINE_ABANDON_DONE, /* their work rows are removed */
    ENGINE_ABANDON_READ, /* the row of one must be read first */
    ENGINE_ABANDON_CLAIM /* one is unclaimed: it must be, so that nobody else
                            begins it */
};
/*
 * Removes the work rows of all attempts under way, as they stand in mail; or
 * decides nothing and says what must be done first about operation *op.
 */
enum engine_abandon engine_decide_abandon(struct engine_decide *decide,
                                          const void *mail, size_t mail_size,
                                          uint32_t *op);
/*
 * Fails the run without taking reports into the log, if the work rows in mail
 * hold the reports of all `running` attempts; the rows are removed. Returns
 * false, having decided nothing, while a report is missing.
 */
bool engine_decide_give_up(struct engine_decide *decide, const void *mail,
                           size_t mail_size, uint32_t running, uint64_t error);
/*
 * Suspends the run if it waits for nothing but time, and for longer than
 * after_ns, or a handler's that waits for the outside world; returns when it
 * is due (store time, UINT64_MAX: never of itself), or 0.
 */
uint64_t engine_decide_suspend(struct engine_decide *decide, uint64_t after_ns);
/* Adds the changes of work and outbox to the request: the last call. */
void engine_decide_rows(struct engine_decide *decide);
/* Adds a work, outbox or inbox row to those that follow the events. */
void engine_decide_row(struct engine_decide *decide,
                       const struct engine_item *row, const void *payload,
                       size_t size);
/* Adds an outbox row: a signal to another run, from this one. text: its reason
 * and its edge, one of which is empty. Their sizes and the value's are the
 * signal's. */
void engine_decide_signal(struct engine_decide *decide, uint32_t number,
                          const struct engine_signal *signal, const char *text,
                          const void *value);
/* How this run calls itself in signals: "run 17"; the size, without an end. */
size_t engine_decide_actor(uint64_t run, char text[32]);
/* Applies the events that somebody has added to the request behind `from`. */
void engine_decide_added(struct engine_decide *decide, size_t from);
/* Adds one event to the request and applies it. */
void engine_decide_event(struct engine_decide *decide,
                         enum engine_event_kind kind, uint32_t op,
                         uint32_t attempt, uint64_t a, uint64_t b,
                         const void *payload, size_t size);

/* Before the next invocation after so many in a row have broken off: 1 s,
 * doubling to 60 s. */
uint64_t engine_decide_backoff(uint32_t failures);

/*
 * The delay before attempt number `attempt` (from 2): base * factor^(n-2),
 * at most delay_max, then jitter drawn from the run's own stream.
 */
uint64_t engine_retry_delay(const struct engine_retry *retry, uint64_t seed,
                            uint64_t run, uint32_t op, uint32_t attempt);

#endif

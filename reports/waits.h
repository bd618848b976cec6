/*
 * What a run waits for, link by link, from the fold of the records: a run
 * waits for one of its operations, that for a timer, a row in the queue, an
 * answer, or a decision of whoever holds the run's lease, and that node may
 * be down, cut off, or nobody. Where a link is missing, the run is stuck:
 *
 *     run 7 -> hold (waiting) -> timer at 12 s -> lease token 2 -> nobody
 *
 * The same tells how long a run could have gone on already, which is what
 * bounds on progress are counted from.
 */
#ifndef REPORTS_WAITS_H
#define REPORTS_WAITS_H

#include "reports/fold.h"

enum waits_kind {
    WAITS_NOTHING, /* it has ended, was never created, or an operator has it */
    WAITS_UNKNOWN, /* its events are not all known */
    WAITS_TIMER,   /* a wait or timeout that is due at due_ns */
    WAITS_RETRY,   /* the next attempt, due at due_ns */
    WAITS_ROW,     /* an attempt that is scheduled without a work row */
    WAITS_CLAIM,   /* a worker that takes the work row */
    WAITS_WORKER,  /* the worker that has claimed it */
    WAITS_REPORT,  /* its owner, to take a report into the log */
    WAITS_NEWS,    /* its owner, to invoke a handler that has news */
    WAITS_OWNER,   /* its owner, to decide what comes next */
    WAITS_OUTSIDE, /* an answer from outside, without a timeout */
    WAITS_NEVER    /* parked, and nothing is to come */
};

struct waits {
    enum waits_kind kind;
    uint32_t op;       /* operation of the graph, or of the handler */
    uint32_t attempt;  /* of WAITS_RETRY, ROW, CLAIM, WORKER, REPORT */
    uint32_t node;     /* of WAITS_WORKER: who claimed it */
    uint64_t due_ns;   /* store time; of WAITS_TIMER and WAITS_RETRY */
    uint64_t since_ns; /* true time from which on nothing kept it waiting;
                          UINT64_MAX: it is right that it waits */
};

/* What keeps this run. Of several operations, the one that is most at fault:
 * the first that waits for nothing legitimate, or else the first open one. */
struct waits waits_of(const struct fold *fold, const struct fold_run *run);

/*
 * In words, from "waits for", with the first link that is missing. now_ns is
 * the true time at which it is asked.
 */
void waits_text(const struct fold *fold, uint64_t number, uint64_t now_ns,
                char *text, size_t size);

/* The links as "run 7 -> hold (waiting) -> .. -> nobody". */
void waits_chain(const struct fold *fold, uint64_t number, uint64_t now_ns,
                 char *text, size_t size);

#endif

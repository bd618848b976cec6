/*
 * What became of those that faults struck. Each firing of a fault strikes the
 * run that it was about and, if it hits a process, the runs whose lease or
 * whose attempt that process has, or all if it has the store; what then happens
 * to these runs until they end is said to follow from it. A firing comes to the
 * gravest thing that followed, so that points and what came of them make a
 * matrix:
 *
 *                         lost  duplicate .. taken over  retried  went on
 *     worker/effect/after    0          0             0       12        3
 *
 * That one thing follows another is no proof that it caused it. Memory: about
 * 60 bytes a run, 40 an attempt under way, and 32 a firing, of which
 * REPORT_FIRINGS_MAX are followed.
 */
#ifndef REPORTS_STRUCK_H
#define REPORTS_STRUCK_H

#include <stdint.h>

#include "engine/record.h"

enum {
    REPORT_FIRINGS_MAX = 100000
};

/* What a firing came to, gravest first. */
enum report_came {
    REPORT_CAME_LOST,       /* an effect is missing behind a step's success */
    REPORT_CAME_DUPLICATE,  /* an effect was applied again */
    REPORT_CAME_UNFINISHED, /* a run had not ended when the world did */
    REPORT_CAME_BLOCKED,    /* a run waits for an operator */
    REPORT_CAME_FAILED,     /* a run ended in another way than by success */
    REPORT_CAME_REPEATED,   /* an effect was asked for again and recognised */
    REPORT_CAME_TAKEN_OVER, /* another owner went on */
    REPORT_CAME_RETRIED,    /* another attempt, or a replay of a handler */
    REPORT_CAME_WENT_ON,    /* nothing had to be done again */
    REPORT_CAME_NOTHING,    /* no work was in flight */
    REPORT_CAMES
};

/* "lost", "duplicate", "unfinished", .., "nothing struck". */
const char *report_came_name(enum report_came came);

struct report_came_count {
    uint64_t firings;
    uint64_t run;     /* that the first of them struck; 0: none is known */
    uint64_t time_ns; /* of the first of them */
};

/* Of all firings at one point. */
struct report_strikes {
    struct report_came_count came[REPORT_CAMES];
    /* What followed, in all. */
    uint64_t retries;
    uint64_t takeovers;
    uint64_t replays; /* invocations of a handler that go through it again */
    uint64_t repeats;
    uint64_t duplicates;
    uint64_t lost;
    uint64_t unfinished;
    uint64_t in_flight_max; /* most runs in flight at the instant of one */
    uint64_t not_followed;  /* firings beyond those that are */
};

struct report_struck;

/* NULL: out of memory. */
struct report_struck *report_struck_new(uint32_t point_count);
void report_struck_free(struct report_struck *struck);
/*
 * Takes the next record. in_flight: runs in flight before it; handler: its run
 * is of a handler.
 */
void report_struck_feed(struct report_struck *struck,
                        const struct engine_record *record, uint64_t in_flight,
                        int handler);
/* A step of the run has succeeded without its effect. */
void report_struck_lost(struct report_struck *struck, uint64_t run);
/* Ends the stream; again: the same. Of each point; 0 of those out of range. */
const struct report_strikes *report_struck_finish(struct report_struck *struck);
/* Memory ran out: too little was followed. */
int report_struck_failed(const struct report_struck *struck);

#endif

/*
 * How much of each limit was used: the most that records show beside what is
 * allowed, so that a world that holds says how near it came.
 */
#ifndef REPORTS_USED_H
#define REPORTS_USED_H

#include "engine/record.h"

enum report_limit {
    REPORT_LIMIT_BATCH,       /* updates of a handler's checkpoint */
    REPORT_LIMIT_CONCURRENCY, /* attempts in flight on a platform */
    REPORT_LIMIT_DEPTH,       /* of runs that invoke runs */
    REPORT_LIMIT_EVENTS,      /* of the log of a run that is a graph */
    REPORT_LIMIT_OPERATIONS,  /* of a handler's run */
    REPORT_LIMIT_PAYLOAD,     /* bytes of an event */
    REPORT_LIMIT_VALUE,       /* bytes of an operation's result */
    REPORT_LIMITS
};

struct report_used {
    uint64_t used;    /* the most at once, or of one run */
    uint64_t allowed; /* 0: there is no limit, or it is not known */
    uint64_t run;     /* the first that used as much; 0: none */
};

/* Counts the use; zeroed at first. */
struct report_use {
    struct report_used list[REPORT_LIMITS];
    uint64_t run;     /* whose checkpoint the last records were of; 0: none */
    uint64_t updates; /* of it, so far */
};

/* Takes the next record; handler: its run is of a handler. */
void report_use_feed(struct report_use *use, const struct engine_record *record,
                     int handler);

/* "updates of a checkpoint", "events of a run", .. */
const char *report_limit_name(enum report_limit limit);
/* "bytes", or "" for counts. */
const char *report_limit_unit(enum report_limit limit);

#endif

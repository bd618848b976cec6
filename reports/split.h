/*
 * What the latency of runs is made of. The time of a run, from when it was due
 * to the record that makes its end durable, is divided among seven parts: at
 * any moment it is in one of them, so the parts of a run add up to its latency
 * to the nanosecond. Where a run does several things at once, the part named
 * first below counts.
 */
#ifndef REPORTS_SPLIT_H
#define REPORTS_SPLIT_H

#include "reports/hist.h"

enum report_part {
    REPORT_PART_SERVICE,  /* code of one of its steps runs */
    REPORT_PART_REPLAY,   /* a handler is called again and goes through what it
                             has done already */
    REPORT_PART_START_UP, /* a place for one of its attempts starts: cold */
    REPORT_PART_QUEUEING, /* an attempt is ready and nobody has taken it, in the
                             store or in the queue of a platform */
    REPORT_PART_RETRY,    /* a failed step waits before it is repeated */
    REPORT_PART_WAITING,  /* for a timer, an answer, another run, an operator */
    REPORT_PART_ENGINE,   /* the rest: commits, messages, take-over */
    REPORT_PARTS
};

/* The parts of all runs that ended, each a histogram over runs of the time
   that they spent in it, 0 included. counts == NULL: not measured. */
struct report_split {
    struct report_hist parts[REPORT_PARTS];
};

/* "service", "replay", "start-up", "queueing", "retry wait", "waiting",
   "engine". */
const char *report_part_name(enum report_part part);

#endif

/*
 * What the latency of runs is made of. The time of a run, from when it was due
 * to the record that makes its end durable, is divided among seven parts: at
 * any moment it is in one of them, so the parts of a run add up to its latency
 * to the nanosecond. Where a run does several things at once, the part named
 * first below counts.
 *
 * The splitter sees the records of the stream that move a run from one part
 * to another, and is told when runs begin and end. It keeps only runs that are
 * under way and, of these, what is under way in them:
 *
 *     report_splitter_start(splitter, run, due_ns);
 *     report_splitter_feed(splitter, &record);            each record
 *     report_splitter_end(splitter, run, now_ns, parts);
 *
 * What a standing process runs is counted as running: it is what the wait
 * beside it would look like to whoever measures the step. A process that is
 * gone runs nothing: until the attempt is taken from it, that is the engine's.
 */
#ifndef REPORTS_SPLIT_H
#define REPORTS_SPLIT_H

#include "engine/record.h"
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
/* The same as a key of report.json: "start_up", "retry_wait". */
const char *report_part_key(enum report_part part);

struct report_splitter;

/*
 * An empty splitter; NULL: out of memory. With claims_run an attempt's code
 * runs from its claim to its end, since no record says when it does: capacity
 * mode. A cold start is then what the attempt has waited since it was ready
 * or refused, one that failed waits to be repeated, and a run in which nothing
 * is under way waits, as there is no engine.
 */
struct report_splitter *report_splitter_new(int claims_run);
void report_splitter_free(struct report_splitter *splitter);
/* A run begins, due at a time that need not have come. Again: nothing. */
void report_splitter_start(struct report_splitter *splitter, uint64_t run,
                           uint64_t due_ns);
/*
 * Takes the next record of the stream. Runs that others invoke are followed
 * by themselves, for the backlog. What speaks of a run that has not begun, or
 * is over, changes nothing.
 */
void report_splitter_feed(struct report_splitter *splitter,
                          const struct engine_record *record);
/* A run ends: writes its parts, which add up to the time from due to now, or
   0 if it was not due yet, and forgets it. Returns 0 if it is not known. */
int report_splitter_end(struct report_splitter *splitter, uint64_t run,
                        uint64_t now_ns, uint64_t parts[REPORT_PARTS]);
/* Attempts that are ready and that nobody has taken, of all runs. */
uint64_t report_splitter_backlog(const struct report_splitter *splitter);
/* Memory ran out: parts are missing. */
int report_splitter_failed(const struct report_splitter *splitter);

#endif

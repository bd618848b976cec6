/*
 * The collector turns the record stream into the figures of a report: counts
 * of runs, latency, effects by step, the ledger of faults, and how all that
 * went over virtual time. It sees each record once, in order, and keeps
 * what it needs in bounded memory: about 16 bytes a run, 300 bytes a run and
 * 200 bytes an attempt that are under way, and a limited number of whole
 * records from which the story of one run can be told.
 *
 *     collect = report_collect_new(&world);
 *     report_collect_feed(collect, records, count);   any number of times
 *     stats = report_collect_finish(collect);
 *
 * Latency counts from the time a run was due, not from when the client got
 * round to asking, to the record that makes its end durable.
 */
#ifndef REPORTS_COLLECT_H
#define REPORTS_COLLECT_H

#include <stddef.h>

#include "engine/graph.h"
#include "engine/point.h"
#include "engine/record.h"
#include "reports/hist.h"
#include "reports/program.h"
#include "reports/split.h"
#include "reports/struck.h"
#include "reports/used.h"

enum {
    REPORT_BUCKETS_MAX = 240,
    REPORT_BANDS_MAX = 500,
    REPORT_STEPS_MAX = 256, /* steps with figures of their own */
    REPORT_FOLLOWED_MAX = 16
};

struct outcomes;

/* What the plan armed, for each point of the switchboard. */
struct report_armed {
    uint32_t count; /* decisions that name the point; 0: not armed */
    int optional;   /* drawn by chance: need not fire for a verdict */
};

/* What records do not say. Arrays are borrowed and must outlive the report. */
struct report_world {
    const struct engine_graph *const *graphs; /* by workflow id */
    const uint32_t *const *effects;        /* [workflow][op], not 0: has a side
                                              effect; NULL: unknown */
    const struct report_program *programs; /* by workflow; NULL: unknown */
    uint32_t graph_count;
    uint32_t node_count;
    const char *const *node_names; /* by node; NULL: unknown */
    const struct engine_point *points;
    const struct report_armed *armed; /* by point; NULL: nothing was armed */
    uint32_t point_count;
    const uint32_t *platforms; /* nodes of their front ends, if there are
                                  several; at most REPORT_PLATFORMS_MAX */
    uint32_t platform_count;
    uint64_t runs_max;     /* run ids are 1..runs_max */
    uint64_t retained_max; /* whole records kept; 0: 400,000 */
    int brief;             /* figures for verdicts only: no records are kept,
                              nothing over time */
    int claims_run;        /* capacity mode: an attempt's code runs from its
                              claim to its end */
    const uint64_t
        *limits; /* by enum report_limit, 0: none; NULL: none known */
    const struct outcomes *golden; /* of the faultless world; NULL: none */
    uint64_t follow; /* a run whose records are kept anyway; 0: none */
    /*
     * Whole records are kept only of sample_ppb of a billion of the runs
     * (engine/sample.h) and, unless that is 0, of the world. Figures are of
     * all runs all the same.
     */
    int sampled;
    uint32_t sample_ppb;
};

struct report_runs {
    uint64_t started;
    uint64_t succeeded;
    uint64_t failed;
    uint64_t blocked; /* waiting for an operator at the end */
    uint64_t stuck;   /* none of the others at the end */
    uint64_t cancelled;
    uint64_t timed_out;
    uint64_t stopped;
    uint64_t paused;  /* held by an operator at the end */
    uint64_t waiting; /* a handler that waits for the outside at the end */
    uint64_t invoked; /* by other runs, not counted in any of the others */
};

/*
 * One step of one workflow. A handler has a row for its invocations, op 0, and
 * one for each step that is known by name, its op being the step's number.
 */
struct report_step {
    const char *name;
    const char *workflow;
    uint32_t workflow_id;
    uint32_t op;
    int has_effect;
    uint64_t attempts; /* put; of a handler's step: begun */
    uint64_t retries;  /* of these, beyond the first */
    uint64_t failures; /* reported with an error */
    uint64_t cut;      /* abandoned: the worker disappeared */
    uint64_t effects_sent;
    uint64_t applied;
    uint64_t repeats;    /* recognised by the receiver, not applied */
    uint64_t duplicates; /* applied again */
    uint64_t lost;       /* step succeeded, effect not applied before it */
    uint64_t succeeded;  /* times that the log has it so, if has_effect */
    /* Applied in the world where nothing goes wrong: the least and the most
       over its schedules, if stats.golden_schedules is not 0. */
    uint64_t expected_min;
    uint64_t expected_max;
    /* Without memory (counts == NULL) if the step was never attempted. */
    struct report_hist total;    /* work durable to report durable */
    struct report_hist dispatch; /* work durable to claim durable */
    struct report_hist code;     /* the step's code, begin to end */
};

/*
 * One point of the fault ledger. A firing is effective once the world shows
 * it: a crash by the process going down, a pause by its standing still;
 * other actions by being carried out.
 */
struct report_fault {
    const char *name;
    uint32_t point;
    uint32_t armed;
    int optional;
    uint64_t fired;
    uint64_t effective;
    uint64_t in_flight; /* fired while work was in flight */
    uint64_t first_ns;
    uint64_t last_ns;
    struct report_strikes strikes; /* what came of them */
};

enum report_band_kind {
    REPORT_BAND_DOWN,   /* a process is down */
    REPORT_BAND_PAUSED, /* a process stands still */
    REPORT_BAND_FAULT,  /* a fault that lasts: a link cut, a clock frozen */
    REPORT_BAND_KINDS
};

/* "down", "paused", "fault". */
const char *report_band_name(enum report_band_kind kind);

struct report_band {
    enum report_band_kind kind;
    uint32_t node;
    uint32_t point; /* FAULT only */
    uint64_t from_ns;
    uint64_t to_ns;
};

/* A slice of virtual time. */
struct report_bucket {
    uint64_t started;       /* runs due in it */
    uint64_t finished;      /* runs that ended in it */
    uint64_t in_flight;     /* most at once */
    uint64_t backlog;       /* most attempts at once that nobody had taken */
    uint64_t faults;        /* fired in it */
    uint64_t latency_count; /* of runs due in it that have ended */
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t max_ns;
    /* By enum report_part, the sums over the same runs as the percentiles:
       divided by latency_count they add up to the mean latency. */
    uint64_t split_ns[REPORT_PARTS];
};

enum {
    REPORT_PLATFORMS_MAX = 8
};

struct report_platform {
    const char *name; /* of one of several; NULL: all together */
    /* Refused or given up by it, by enum engine_error. */
    uint64_t given_up[ENGINE_ERR_COUNT];
    uint64_t cold;
    uint64_t warm;
    uint64_t throttled;
    uint64_t killed; /* over the time limit */
    uint64_t warned; /* places that were told of their end beforehand: spot */
    uint64_t notice_ns; /* at least so long before it; 0: none was */
    uint64_t environments;
    uint64_t environments_max; /* at once */
    uint64_t environments_open;
    uint64_t in_flight_max;
    uint64_t limit; /* last told; 0: none */
    struct report_hist start_up;
};

struct report_store {
    uint64_t opened;
    uint64_t refused;   /* opened and found damaged */
    uint64_t takeovers; /* leases granted that were not given back */
    uint64_t fenced;    /* requests with an old token */
    uint64_t conflicts;
    uint64_t unknown;        /* commits whose outcome was in doubt */
    uint64_t taint_believed; /* corrupted reads nobody noticed */
    uint64_t process_bytes_max;
    uint64_t process_bytes_node;
};

struct report_slice;

struct report_stats {
    uint64_t first_ns; /* true time of the first and last record */
    uint64_t last_ns;
    uint64_t events; /* records */
    uint64_t commits;
    struct report_runs runs;
    struct report_hist latency; /* of runs that ended */
    struct report_split split;  /* what it was made of */
    uint64_t crashes;           /* processes down for a fault */
    uint64_t faults_fired;
    uint64_t faults_in_flight;
    uint64_t last_fault_ns; /* start or end of the last one; 0: none */
    /* From the last fault until no more runs were in flight than ever before
       the first one; UINT64_MAX: that did not happen, 0 also: no faults. */
    uint64_t drain_ns;
    struct report_step *steps;
    uint32_t step_count;
    uint32_t steps_left_out;
    struct report_fault *faults; /* armed or fired, by point */
    uint32_t fault_count;
    struct report_band *bands; /* by end */
    uint32_t band_count;
    uint64_t bands_left_out;
    struct report_bucket buckets[REPORT_BUCKETS_MAX];
    uint32_t bucket_count;
    const struct report_slice *slices; /* the latencies in each (series.h);
                                          NULL: none were kept */
    uint64_t bucket_ns;                /* width of each */
    struct report_platform platform;   /* all together */
    struct report_platform platforms[REPORT_PLATFORMS_MAX];
    uint32_t platform_count; /* 0: there is one */
    struct report_store store;
    struct report_used used[REPORT_LIMITS]; /* of each limit */
    uint32_t golden_schedules; /* of the faultless world; 0: it did not run */
    /* Attempts that ended with it by the log, by enum engine_error. */
    uint64_t errors[ENGINE_ERR_COUNT];
    uint64_t worst_run; /* most faults, takeovers and retries; 0: none */
    uint64_t slowest_run;
    uint64_t slowest_ns;
    int incomplete; /* memory ran out: figures are too low */
};

/* A record that was kept, with its place in the stream. */
struct report_retained {
    struct engine_record record;
    uint64_t index;
};

struct report_collect;

/* Opens a collector over a world; NULL: out of memory. */
struct report_collect *report_collect_new(const struct report_world *world);
void report_collect_free(struct report_collect *collect);
/* Takes the next records of the stream. Not after finish(). */
void report_collect_feed(struct report_collect *collect,
                         const struct engine_record *records, size_t count);
/* Ends the stream; the figures are the collector's. Again: the same. */
const struct report_stats *
report_collect_finish(struct report_collect *collect);

/* What the collector was opened with. */
const struct report_world *
report_collect_world(const struct report_collect *collect);
/* The records kept, in order, *count of them; *left_out were not. */
const struct report_retained *
report_collect_retained(const struct report_collect *collect, size_t *count,
                        uint64_t *left_out);
/* 1 if from some time on records were kept of a few runs only. */
int report_collect_is_choosy(const struct report_collect *collect);
/* When a run was due; 0 if it was never seen. */
uint64_t report_collect_due(const struct report_collect *collect, uint64_t run);
/* The workflow of a run, or UINT32_MAX. */
uint32_t report_collect_workflow(const struct report_collect *collect,
                                 uint64_t run);

#endif

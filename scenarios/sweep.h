/*
 * A sweep is many worlds of one scenario, each from a seed of its own, run on
 * all cores and judged together. What it says depends on the worlds only, not
 * on how many processes ran them or in which order they ended.
 *
 *     item 0: seed A, item 1: seed A again in a fresh process (the audit),
 *     items 2 .. 10: the next nine seeds, item 11: a seed, item 12: again ..
 *
 * Results are kept in a journal as they come (scenarios/sweep_journal.h), so
 * that a sweep that was interrupted goes on where it was.
 */
#ifndef SCENARIOS_SWEEP_H
#define SCENARIOS_SWEEP_H

#include <signal.h>

#include "reports/buffer.h"
#include "scenarios/coverage.h"
#include "scenarios/progress_line.h"
#include "scenarios/trial.h"

struct sweep_world;

struct sweep_options {
    const struct scenario *scenario;
    const char *file; /* as the replay line names it */
    uint64_t from;    /* seeds, both inclusive; without for_ns */
    uint64_t to;
    uint64_t for_ns; /* not 0: seeds chosen by novelty for so long */
    uint32_t jobs;   /* 0: one for each core */
    const char *const *defects;
    uint32_t defect_count;
    bool golden; /* S8: each seed's faultless twin runs first */
    bool paranoid;
    uint64_t limit_ns; /* wall time of one world; 0: the default */
    /* A seeded defect of the sweep: what took how long depends on how many
       worlds the process had before, so that its audit can be seen red. */
    bool leaky;
    const char *directory; /* where it keeps its results; NULL: nowhere */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    /* Often; may be NULL. */
    void (*progress)(void *self, const struct progress_now *now);
    void *progress_self;
    /* Each world, in the order of items, and of what was run again those that
       came out otherwise; may be NULL. */
    void (*world)(void *self, const struct sweep_world *world);
    void *world_self;
};

enum sweep_outcome {
    SWEEP_HELD,
    SWEEP_QUIET, /* held, but none of its swarm's faults struck */
    SWEEP_EXCUSED,
    SWEEP_PROPERTY, /* a property failed */
    SWEEP_MISSED,   /* an expectation was missed */
    SWEEP_INCONCLUSIVE,
    SWEEP_CRASHED,   /* its process did not live to tell */
    SWEEP_DIFFERENT, /* run again it was another: not deterministic */
    SWEEP_OUTCOMES
};

/* One world: what is to be run. Plain data. */
struct sweep_item {
    uint64_t seed;
    uint64_t audit; /* 1: the item before it, once more */
};

enum {
    SWEEP_TUPLES_MAX = 8192,
    SWEEP_AUDIT_EVERY = 10,
    SWEEP_GROUP = SWEEP_AUDIT_EVERY + 1, /* items */
    SWEEP_ROUND = 20 * SWEEP_GROUP /* items chosen together, with for_ns */
};

/* What comes of it; of tuples only the first tuple_count are there. */
struct sweep_result {
    struct trial_result trial;
    uint32_t refused; /* the world could not be made; trial.text says why */
    uint32_t tuple_count;
    uint32_t tuples[SWEEP_TUPLES_MAX]; /* rising */
};

/* A world of which there is something to say. */
struct sweep_failure {
    struct sweep_item item;
    enum sweep_outcome outcome;
    uint32_t property; /* index in check_all, or UINT32_MAX */
    char text[TRIAL_TEXT_SIZE];
};

/* What is told of each world. */
struct sweep_world {
    struct sweep_item item;
    enum sweep_outcome outcome;
    uint32_t property;                /* index in check_all, or UINT32_MAX */
    const char *text;                 /* why it did not hold, or "" */
    const struct engine_hash *digest; /* NULL: it did not live to have one */
};

enum {
    SWEEP_GROWTH_MAX = 64
};

/* Tuples met after so many worlds. */
struct sweep_growth {
    uint64_t worlds;
    uint32_t tuples;
};

struct sweep_summary {
    uint64_t items; /* of the sweep that are done, audits too */
    uint64_t worlds;
    uint64_t counts[SWEEP_OUTCOMES];
    uint64_t audits; /* worlds that were run twice */
    uint64_t runs_ended;
    uint64_t faults_fired;
    uint64_t faults_in_flight;
    uint64_t events;
    uint64_t virtual_ns;
    uint64_t checked[TRIAL_CHECKS_MAX];
    uint64_t failed[TRIAL_CHECKS_MAX]; /* worlds, as below */
    uint64_t excused[TRIAL_CHECKS_MAX];
    uint64_t inconclusive[TRIAL_CHECKS_MAX];
    uint64_t sometimes;             /* conditions that came true, as a mask */
    struct sweep_failure *failures; /* by item; inconclusive ones too */
    uint64_t failure_count;
    struct coverage_set coverage;
    struct sweep_growth growth[SWEEP_GROWTH_MAX];
    uint32_t growth_count;
    uint64_t corpus; /* worlds kept because they met something new */
    bool complete;   /* not interrupted */
    enum check_verdict verdict;
    /* Of this machine and start only. */
    uint64_t wall_ns;
    uint64_t repeated;   /* worlds whose results were there already */
    uint64_t memory_max; /* of a worker, in bytes */
    uint32_t jobs;
};

enum sweep_error {
    SWEEP_EENVIRONMENT = -1, /* processes, memory or the directory */
    SWEEP_EFOREIGN = -2      /* the directory is another sweep's */
};

/*
 * Runs it. 0, or an error with a sentence in message; the summary is what it
 * was up to then, and valid in any case until sweep_summary_deinit().
 */
int sweep_run(const struct sweep_options *options,
              struct sweep_summary *summary, char *message, size_t size);
void sweep_summary_deinit(struct sweep_summary *summary);

/* The exit code of a command that ran it (scenarios/command.h). */
int sweep_exit_code(const struct sweep_summary *summary);

/* One world as a line of JSON, {"digest": .., "event": "world", ..}. */
void sweep_world_json(const struct sweep_options *options,
                      const struct sweep_world *world,
                      struct report_buffer *out);

/* The summary for a terminal, and as "perdure.sweep/1". */
void sweep_text(const struct sweep_options *options,
                const struct sweep_summary *summary, struct report_buffer *out);
void sweep_json(const struct sweep_options *options,
                const struct sweep_summary *summary, struct report_buffer *out);
/* The same as a page. */
void sweep_html(const struct sweep_options *options,
                const struct sweep_summary *summary, struct report_buffer *out);
/* What repeats the world of a seed. */
void sweep_line(const struct sweep_options *options, uint64_t seed, char *line,
                size_t size);
/* "held", "property failed", .. */
const char *sweep_outcome_name(enum sweep_outcome outcome);
/* Whether the point had a rule in some world and never struck in any. */
bool sweep_silent(const struct sweep_summary *summary, uint32_t point);

#endif

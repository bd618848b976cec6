/*
 * The runner makes a world from a scenario and a seed, lets it happen, and
 * judges the records. It is the only place that knows all rooms.
 *
 *     scenario + seed -> world -> records -> checkers, collector -> model
 *
 * One run at a time in a process: libfiu, which the switchboard stands on, is
 * process-wide.
 */
#ifndef SCENARIOS_RUNNER_H
#define SCENARIOS_RUNNER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "reports/report.h"
#include "scenarios/progress_line.h"
#include "scenarios/recording.h"
#include "scenarios/scenario.h"

struct runner_options {
    uint64_t seed;
    const char *const *defects; /* names of seeded defects to switch on */
    uint32_t defect_count;
    bool paranoid;           /* S7 after every event */
    bool golden;             /* S8: its faultless twin runs first */
    bool no_checks;          /* measure the run without its checkers */
    FILE *trace;             /* one line for each record; NULL: none */
    struct recording record; /* of which runs something is kept to be looked
                                at; zero: of all. Changes no verdict */
    uint64_t show;           /* a run whose timeline is wanted; 0: whichever */
    const char *database;    /* its store is kept there at the end; NULL: not */
    const char *command;     /* what repeats the run, for the report */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    /* Called often; may be NULL. */
    void (*progress)(void *self, const struct progress_now *now);
    void *progress_self;
};

enum runner_error {
    RUNNER_ENOMEM = -1,
    RUNNER_ESTORE = -2, /* the store could not be made; see message */
    RUNNER_EFAULTS = -3 /* the plan was refused; see message */
};

struct runner;

/*
 * Runs the scenario, which must outlive the runner. NULL and a sentence in
 * message on failure.
 */
struct runner *runner_run(const struct scenario *scenario,
                          const struct runner_options *options, char *message,
                          size_t message_size);
void runner_free(struct runner *runner);

/* The version of the program, as reports carry it. */
const char *runner_version(void);

/* What came of it; valid as long as the runner. */
const struct report_model *runner_model(const struct runner *runner);
/* Its records that were kept, and how they were counted; as long. */
const struct report_collect *runner_collect(const struct runner *runner);

/* Counts for benches. */
struct runner_counts {
    uint64_t virtual_ns;
    uint64_t events;
    uint64_t records;
    uint64_t operations; /* durable ones of runs: events, claims, reports,
                            work and outbox rows */
    uint64_t commits;
    uint64_t groups;
    uint64_t crashes;
};
struct runner_counts runner_counts(const struct runner *runner);

#endif

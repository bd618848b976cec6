/*
 * A trial is one world run and judged in brief: what sweeps, enumerations,
 * shrinkers and the kill matrix repeat thousands of times. It runs the same
 * world under the same checkers as `perdure run`, with the same digest, but
 * renders no report; what came of it is plain data that crosses a pipe.
 *
 *     scenario + seed + rules + defects -> trial_run() -> struct trial_result
 *
 * One trial at a time in a process (libfiu is process-wide); a pool of
 * processes is scenarios/pool.h.
 */
#ifndef SCENARIOS_TRIAL_H
#define SCENARIOS_TRIAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/point.h"
#include "engine/wire.h"
#include "faults/rule.h"
#include "reports/check.h"
#include "reports/outcome.h"
#include "scenarios/scenario.h"

struct trial_result;

/*
 * Watches every boundary of a world, and may break the world there.
 *
 * site() may be NULL. It is called before the question at each point that can
 * be asked (not those of defects, nor timed ones), also where no rule is armed.
 * It returns NULL, or a rule (times counted from the world's start, as in
 * scenarios) to add to the plan now. `matches` says how many sites before this
 * one the rule would have matched, had it been there from the start; then the
 * rest of the world is, byte for byte, that of a trial with the rule in
 * trial.rules. record() sees each record as it is written, or in blocks if
 * there is no site(); may be NULL. judged() is told what came of it before the
 * world is taken down; it need not return: a process that was forked for one
 * world ends there. May be NULL.
 *
 * forked may be NULL; true, from the time at which site() returns a rule: the
 * process ends in judged(), and nothing needs to be given back before. over
 * likewise: nobody wants to know of more sites and records of this world.
 */
struct trial_watch {
    const struct fault_rule *(*site)(void *self, const struct engine_site *site,
                                     uint64_t *matches);
    void (*record)(void *self, const struct engine_record *record);
    void (*judged)(void *self, const struct trial_result *result);
    void *self;
    const bool *forked;
    const bool *over;
};

struct coverage; /* scenarios/coverage.h */

struct trial {
    const struct scenario *scenario;
    uint64_t seed;
    const struct fault_rule *rules; /* on top of the scenario's plan */
    uint32_t rule_count;
    const char *const *defects; /* on top of the scenario's own */
    uint32_t defect_count;
    bool faultless;    /* without the scenario's plan and swarm: a golden run */
    bool paranoid;     /* S7 after every event */
    uint64_t schedule; /* seed of latencies and durations; 0: as the rest */
    const struct outcomes *golden;   /* S8: what to compare with; NULL: nothing,
                                        unless this or the scenario asks */
    bool compare;                    /* run the faultless twin for that first */
    struct outcomes *outcomes;       /* NULL, or filled with what came of its
                                        runs: golden for others */
    struct coverage *coverage;       /* is fed what happens; NULL: not wanted */
    const struct trial_watch *watch; /* NULL: nobody watches */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

enum {
    TRIAL_CHECKS_MAX = 40,
    TRIAL_TEXT_SIZE = 480
};

/* Plain data: no pointers, so that it may be written to a pipe or a file. */
struct trial_result {
    struct engine_hash digest;
    uint64_t records;
    uint64_t events;
    uint64_t virtual_ns;
    uint64_t faults_fired;
    uint64_t faults_in_flight;
    uint64_t runs_ended;
    uint64_t coverage; /* tuples met, see scenarios/coverage.h */
    uint32_t verdict;  /* enum check_verdict, of the whole trial */
    uint32_t end;      /* why the world ended: engine record WORLD_END */
    uint64_t failed;   /* mask of checks by their index in check_all */
    uint64_t excused;
    uint64_t inconclusive;                /* those that apply */
    uint64_t checked[TRIAL_CHECKS_MAX];   /* how much each looked at */
    uint64_t failed_ns[TRIAL_CHECKS_MAX]; /* virtual time of its first
                                             violation; 0: it held */
    uint64_t sometimes; /* which of the scenario's conditions came true */
    uint32_t missed;    /* expectations, as a mask */
    uint32_t reasons;   /* against a pass: failures, excuses and doubts */
    uint32_t reserved;  /* 0 */
    /* The gravest reason, one sentence; its property's index or UINT32_MAX. */
    uint32_t property;
    char text[TRIAL_TEXT_SIZE];
};

/*
 * For a process that has one thread and makes nothing but worlds, before its
 * first: SQLite then takes no locks and counts no memory. Nothing happens
 * where SQLite is in use already.
 */
void trial_alone(void);

/*
 * Runs it. 0, or -1 with a sentence in message: the world could not be made;
 * nothing is known then. What goes wrong inside the world is a result.
 */
int trial_run(const struct trial *trial, struct trial_result *result,
              char *message, size_t message_size);

/*
 * What comes of the trial's runs when nothing goes wrong: runs its faultless
 * twin, without the trial's own rules but with its defects, since a real one
 * could not be switched off either. Where who is first decides what comes of a
 * run, some more with other schedules. The caller's, outcomes_free(); NULL and
 * a sentence in message if a world could not be made.
 */
struct outcomes *trial_golden(const struct trial *trial, char *message,
                              size_t message_size);
/*
 * The same for who has run the twin already: adds to its outcomes those of
 * other schedules, if these decide anything. 0, or -1 as above.
 */
int trial_schedules(const struct trial *trial, struct outcomes *golden,
                    char *message, size_t message_size);

#endif

/*
 * One try of a candidate: the scenario in a text is read, run and judged in a
 * child process, so that whatever it does to its process (a crash, a hang) is
 * one more thing that can come of it.
 */
#ifndef SCENARIOS_SHRINK_TRIAL_H
#define SCENARIOS_SHRINK_TRIAL_H

#include "scenarios/trial.h"
#include "scenarios/write_faults.h"

enum {
    SHRINK_FAULTS_MAX = 1000, /* kept of those that fired */
    SHRINK_ARRIVALS_MAX = 64
};

enum shrink_end {
    SHRINK_JUDGED,  /* there is a result */
    SHRINK_REFUSED, /* not a scenario, or its world could not be made */
    SHRINK_CRASHED, /* by signal number `status`, or it left with `status` */
    SHRINK_HUNG     /* it took too long, or was interrupted, and was killed */
};

/* Plain data: it crosses a pipe. */
struct shrink_seen {
    enum shrink_end end;
    int status;
    uint64_t wall_ns;
    uint64_t seed;
    uint64_t failed_ns; /* virtual time of what is reproduced; 0: unknown */
    struct trial_result result;
    uint64_t fault_count; /* fired; the first of them are kept */
    struct write_fault faults[SHRINK_FAULTS_MAX];
    uint64_t run_count;
    uint64_t arrivals_ns[SHRINK_ARRIVALS_MAX]; /* if there are no more */
    char message[512];                         /* of SHRINK_REFUSED */
};

struct shrink_trial {
    const char *text; /* of the scenario, with its seed and defects */
    size_t size;
    const char *name;             /* of the scenario */
    const struct scenario *files; /* its other files are found here; borrowed */
    bool sound;                   /* without its seeded defects */
    uint64_t events_max;          /* 0: as many as the scenario allows */
    uint64_t wall_max_ns;         /* 0: no limit */
    void (*record)(void *self, const struct engine_record *record);
    void *self; /* of record(), which is called in the child */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    void (*tick)(void *self); /* ten times a second, in the caller; or NULL */
    void *tick_self;
};

/*
 * Runs it and waits. 0, or -1 with errno: no process or pipe could be had.
 */
int shrink_try(const struct shrink_trial *trial, struct shrink_seen *seen);

#endif

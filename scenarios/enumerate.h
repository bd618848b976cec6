/*
 * Enumerations break a world once at each of its boundaries, and see whether
 * everything recovers. A faultless run discovers the boundaries; it is also
 * the golden run that the others are measured by.
 *
 *     faultless run   --b1------b2------b3--> golden outcome
 *                       |       |       `fork: crash at b3, to the end
 *                       |       `fork: crash at b2 ---c1----c2--> ..
 *                       `fork: crash at b1            |     `fork: second crash
 *                                                     `fork: second crash
 *
 * At each boundary the process forks: the child breaks the world there and
 * lets it go on to its end, the parent goes on without. So no world runs its
 * past again. Without forks each world runs from its start, with the rule in
 * its plan; the results are the same, byte for byte.
 *
 * With two crashes, the second comes at each boundary of the recovery from
 * the first, whoever crosses it. The recovery lasts from the crash until the
 * process that died is up again and everything that was under way has been
 * brought to its end: each start sent before the crash is durable, of each
 * step scheduled before it an attempt was reported and taken into the log (or
 * its run has ended, or waits for an operator), and the result of each run
 * that had ended is acknowledged. Environments of a platform do not come back
 * as themselves: for those only the rest counts.
 *
 * A process of its own makes the worlds, so that a crash of one, or of all,
 * is a result.
 */
#ifndef SCENARIOS_ENUMERATE_H
#define SCENARIOS_ENUMERATE_H

#include "scenarios/boundary.h"
#include "scenarios/progress_line.h"
#include "scenarios/trial.h"

enum {
    ENUMERATE_DEPTH = 2 /* faults in one world, at most */
};

struct enumerate_config {
    const struct scenario *scenario; /* not in capacity mode */
    uint64_t seed;
    const char *const *defects;
    uint32_t defect_count;
    /* Each boundary is broken in each of these ways that fits it. */
    enum boundary_way ways[2];
    uint32_t way_count;
    uint32_t depth; /* 1, or 2: and again in each recovery */
    bool no_fork;
    uint32_t jobs;  /* worlds at the same time, from 1 */
    uint64_t limit; /* second boundaries of each recovery; 0: all of them */
    /* Mask of properties, as in trials: no world comes after the first in which
       one of them fails; with one job that is the same world each time. */
    uint64_t until;
    /* Only the world of these names, the second NULL if depth is 1. */
    const char *only[ENUMERATE_DEPTH];
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    /* Often; may be NULL. */
    void (*progress)(void *self, const struct progress_now *now);
    void *progress_self;
};

enum enumerate_outcome {
    ENUMERATE_HELD,
    ENUMERATE_FAILED, /* a property */
    ENUMERATE_MISSED, /* an expectation that the golden run met */
    ENUMERATE_EXCUSED,
    ENUMERATE_INCONCLUSIVE, /* no fault came of it, or the world was cut off */
    ENUMERATE_DIED,         /* the process that made the world died */
    ENUMERATE_OUTCOMES
};

const char *enumerate_outcome_name(enum enumerate_outcome outcome);

struct enumerate_world {
    uint32_t number[ENUMERATE_DEPTH]; /* of its boundaries, from 1; 0: none */
    struct boundary at[ENUMERATE_DEPTH];
    enum enumerate_outcome outcome;
    int signal; /* of those that died; 0: it ended by itself */
    struct engine_hash digest;
    uint32_t property; /* index in check_all, UINT32_MAX: none */
    char *text;        /* a sentence if it did not hold, else NULL; owned */
};

struct enumeration {
    struct trial_result golden;
    struct enumerate_world *worlds; /* by their numbers */
    uint64_t count;
    uint32_t boundaries; /* of the golden run */
    uint64_t recoveries; /* boundaries crossed in recoveries */
    uint64_t left_out;   /* of those, because of the limit */
    uint32_t longest;    /* recovery, in boundaries */
    uint64_t checked;    /* mask of the properties that some world judged */
    uint64_t outcomes[ENUMERATE_OUTCOMES];
    bool interrupted;
};

enum enumerate_error {
    ENUMERATE_EWORLD = -1,  /* the world could not be made */
    ENUMERATE_EGOLDEN = -2, /* the faultless run fails by itself */
    ENUMERATE_ECUT = -3,    /* it does not come to its end */
    ENUMERATE_ENAME = -4,   /* no boundary has the name of only */
    ENUMERATE_ESYSTEM = -5, /* no process, pipe or memory */
};

/*
 * Does it all. 0 and an enumeration, which the caller frees; or an error and
 * a sentence in message.
 */
int enumerate_run(const struct enumerate_config *config,
                  struct enumeration **enumeration, char *message,
                  size_t message_size);
void enumerate_free(struct enumeration *enumeration);

#endif

/*
 * A reproduction is a scenario that stands alone and fails in one way, made
 * from a run that failed (scenarios/shrink.h): why, seed, seeded defects and
 *
 *     "reproduces": {"property": "S5", "text": .., "digest": ..,
 *                    "version": .., "content": .., "from": ..}
 *
 * The content is a hash of all the rest of the file, so that one that was
 * damaged or edited is told from one that does not fail any more.
 */
#ifndef SCENARIOS_REPRODUCE_H
#define SCENARIOS_REPRODUCE_H

#include <signal.h>

#include "scenarios/progress_line.h"
#include "scenarios/shrink.h"

struct reproduce_request {
    const struct scenario *scenario;
    const char *file; /* as people know it, for "from" */
    uint64_t seed;
    const char *const *defects; /* on top of the scenario's own */
    uint32_t defect_count;
    bool golden;           /* S8 is asked for, as by run --golden */
    bool paranoid;         /* and S7 */
    const char *property;  /* "S5"; NULL: that of a defect, or the first */
    const char *directory; /* which is there */
    uint64_t budget_ns;    /* wall time */
    uint64_t trials_max;   /* 0: no limit */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    /* Often; may be NULL. */
    void (*progress)(void *self, const struct progress_now *now);
    void *progress_self;
};

enum reproduce_error {
    REPRODUCE_EHELD = -1, /* nothing of that fails, so there is nothing */
    REPRODUCE_EENVIRONMENT = -2, /* processes, memory or the directory */
    REPRODUCE_EUNSTABLE = -3,    /* what was saved does not fail like that */
    REPRODUCE_EINTERRUPTED = -4  /* before it had failed once: nothing was
                                    saved */
};

struct reproduce_result {
    char path[4200];
    char property[16]; /* or "crash" */
    char text[TRIAL_TEXT_SIZE];
    struct engine_hash digest;
    struct shrink_result shrunk;
    uint64_t wall_ns;
};

/*
 * Shrinks the failure, saves it in the directory and proves, by reading and
 * running it, that what was saved fails in the same way. 0 or an error, with a
 * sentence in message.
 */
int reproduce(const struct reproduce_request *request,
              struct reproduce_result *result, char *message, size_t size);

/*
 * Whether a scenario that was read is a reproduction that this program can
 * trust, or none at all. 0, or -1 and a sentence that says what is wrong:
 * another version made it (both are named), or it was changed since.
 */
int reproduce_check(const struct scenario *scenario, char *message,
                    size_t size);

#endif

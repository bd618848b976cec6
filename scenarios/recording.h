/*
 * How much of a run is recorded to be looked at: `--record full`, `off` or
 * `sample=1%`, of `perdure run` and of `perdure engine`. It decides for which
 * runs the timeline, a trace or the stream of `engine --observe` have
 * anything, and nothing else: logs, digest, figures, properties and verdict
 * are of all runs, whatever is recorded. Which runs a sample has follows from
 * their numbers (engine/sample.h).
 */
#ifndef SCENARIOS_RECORDING_H
#define SCENARIOS_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RECORDING_TEXT = 320
};

/* Zero is full. */
struct recording {
    bool sampled;
    uint32_t share_ppb; /* if sampled: of the runs; 0: nothing at all */
};

/* Reads the value of --record. False: *why is a sentence, *recording as it
 * was. */
bool recording_read(const char *text, struct recording *recording,
                    const char **why);

/* Whether records of this run are kept; of run 0, the world's own. */
bool recording_keeps(const struct recording *recording, uint64_t run);

/* Whether anything is kept at all. */
static inline bool recording_keeps_any(const struct recording *recording)
{
    return !recording->sampled || recording->share_ppb > 0;
}

/* What a report of runs 1 .. runs does not show; not for full. Returns text. */
const char *recording_limit(const struct recording *recording, uint64_t runs,
                            char text[RECORDING_TEXT]);

/* As it is written on a command line; word holds 40 bytes. */
const char *recording_print(const struct recording *recording, char *word);

#endif

/*
 * A stream to look at, beside the log: engine records (engine/record.h) of
 * some of the runs, one JSON object a line. The log is what recovery reads
 * and is always whole; this one may lose lines, and nobody waits for it.
 *
 *     engine ──line──▶ ring in memory ──thread──▶ file
 *                      full: dropped, counted
 *
 * Which runs are seen depends on their number only, so that they are the same
 * after every start, and of a run that is seen everything is.
 */
#ifndef ENGINE_HOST_OBSERVE_H
#define ENGINE_HOST_OBSERVE_H

#include <stdbool.h>

#include "engine/record.h"

enum {
    OBSERVE_ERROR_SIZE = 512
};

struct observe;

/*
 * Appends to a file, which is made if it is not there, or to a pipe that
 * somebody reads. share_ppb: of the runs, above 0 to 1,000,000,000. NULL with
 * a sentence.
 */
struct observe *observe_open(const char *path, uint32_t share_ppb,
                             char error[OBSERVE_ERROR_SIZE]);
struct observe_counts {
    uint64_t written; /* records */
    uint64_t dropped;
};

/* Writes what is in memory, for a second at most if nobody takes it, and
 * closes the file. NULL is allowed. */
struct observe_counts observe_close(struct observe *observe);

/* Whether a run is among those that are seen. */
bool observe_sees(const struct observe *observe, uint64_t run);
/* The clocks of records from now on. */
void observe_clocks(struct observe *observe, uint64_t wall_ns,
                    uint64_t mono_ns);
/* Where records go, as long as it is open. Of one thread only; never waits. */
const struct engine_sink *observe_sink(const struct observe *observe);

#endif

/*
 * When runs are asked for. A scenario says it in one of these forms:
 *
 *     {"trace": "azure-llm-code"}                 recorded requests ...
 *     {"trace": "azure-llm-code", "speed": 2}     ... at twice the pace
 *     {"rate": "5/s"}                             Poisson
 *     {"every": "100ms"}                          evenly
 *     {"burst": 50, "every": "10s"}               so many at once, evenly
 *     {"at": ["0s", "2.5s"]}                      each by itself
 *
 * Times count from the start of the load. A trace begins at 0 and starts over
 * when it ends, after its mean gap; after the last of a list the rest comes
 * at the same time. Poisson gaps come from the stream
 * "arrivals": the i-th depends on the seed and i alone.
 *
 * A trace is a table, data/NAME.csv, with one column, `gap_us`: microseconds
 * since the request before, 0 for the first.
 */
#ifndef SCENARIOS_ARRIVALS_H
#define SCENARIOS_ARRIVALS_H

#include <stdint.h>

#include "engine/host/json.h"
#include "scenarios/data.h"
#include "sim/draw.h"

/* Later arrivals are put off to this time: 146 years. */
#define ARRIVALS_MAX_NS (UINT64_C(1) << 62)

enum arrivals_kind {
    ARRIVALS_EVEN, /* a burst of 1 or more */
    ARRIVALS_POISSON,
    ARRIVALS_TRACE,
    ARRIVALS_LIST,
};

/*
 * Read by arrivals_read(). A copy asks for its own times but shares the trace,
 * so only one of them may be deinitialised.
 */
struct arrivals {
    enum arrivals_kind kind;
    uint64_t every_ns;           /* EVEN */
    uint64_t burst;              /* EVEN */
    struct sim_dist gap;         /* POISSON */
    struct engine_stream stream; /* POISSON; see arrivals_seed() */
    uint64_t last_index; /* POISSON: where the walk is, and when that was */
    uint64_t last_ns;
    uint64_t *offsets_ns; /* TRACE and LIST; owned */
    uint64_t count;       /* of them: at least 2, or 1 */
    uint64_t speed_ppm;
    char trace[64];
};

/*
 * Reads the value of "arrivals", and the trace it names from `files`. True, or
 * an error and nothing to deinitialise.
 */
bool arrivals_read(struct json_view view, const struct data_files *files,
                   struct arrivals *arrivals, struct json_error *err);

void arrivals_deinit(struct arrivals *arrivals);

/* Chooses the Poisson gaps; a run does it once, before the first time. */
void arrivals_seed(struct arrivals *arrivals, uint64_t seed);

/*
 * When arrival `index` is, from 0, in nanoseconds after the start of the load;
 * never before the one with a lower index. Poisson arrivals are walked: asking
 * in rising order costs one draw each, going back starts over.
 */
uint64_t arrivals_time(struct arrivals *arrivals, uint64_t index);

/* The names of the traces that come with perdure. */
const char *const *arrivals_traces(size_t *count);

#endif

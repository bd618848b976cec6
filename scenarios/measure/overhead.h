/*
 * What it costs to record for people: the same runs with a stream of all
 * their records, of one run in a hundred, and of none, taking turns so that
 * whatever else the machine does falls on all three. The log is always whole:
 * it is what recovery reads, and no choice here leaves anything out of it.
 */
#ifndef SCENARIOS_MEASURE_OVERHEAD_H
#define SCENARIOS_MEASURE_OVERHEAD_H

#include "scenarios/measure/figures.h"
#include "scenarios/measure/stage.h"

enum measure_recording {
    MEASURE_OFF,
    MEASURE_SAMPLE,
    MEASURE_FULL,
    MEASURE_RECORDINGS
};

#define MEASURE_SAMPLE_PPB 10000000

/* Of one way to record, a value for each repeat. */
struct measure_recorded {
    struct measure_repeats steps_a_second;
    struct measure_repeats engine_ns_a_step; /* processor time */
    uint64_t runs;                           /* in all repeats */
    uint64_t bytes;                          /* of the stream, over these */
    uint64_t records;                        /* in it */
    uint64_t dropped; /* that did not fit: the engine never waits for them */
};

struct measure_overhead {
    struct measure_shape shape;
    uint32_t in_flight;
    struct measure_recorded by[MEASURE_RECORDINGS];
};

/*
 * One turn of all three, beginning with another one each time; called for turn
 * 0, 1, .. with config's dir and shape. 0, or -1 with the sentence in error
 * (HOST_ERROR_SIZE).
 */
int measure_overhead_turn(const struct measure_stage_config *config,
                          uint32_t runs, uint32_t turn,
                          struct measure_overhead *overhead, char *error);

/*
 * How long single runs take with nothing beside them: fills each[0 .. runs)
 * with nanoseconds.
 */
int measure_alone(const struct measure_stage_config *config, uint32_t runs,
                  uint64_t *each, char *error);

/*
 * Counts what is in a stream of records, and those that it says were dropped.
 * 0, or -1: there is no such file.
 */
int measure_stream(const char *path, uint64_t *records, uint64_t *dropped);

/* "off", "sample=1%", "full". */
const char *measure_recording_name(enum measure_recording recording);

#endif

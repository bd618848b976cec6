/*
 * A scenario in capacity mode: its workflows, load and platform in
 * sim/capacity.h, which writes records for the same report. What an engine
 * would add to the time of each step is computed from the scenario's network
 * and disk as constants; the formula is in sim/capacity.h, with
 *
 *     D   mean write + mean sync of the disk; 2 us for a store in memory
 *     H   mean latency of the network
 *
 * and, on local workers, the mean dispatch latency in a slot's hold. Nothing
 * can fail but steps: faults and defects are refused, and no property applies.
 */
#ifndef SCENARIOS_CAPACITY_H
#define SCENARIOS_CAPACITY_H

#include "scenarios/settings.h"
#include "scenarios/world.h"
#include "sim/capacity.h"

struct scenario_capacity;

/* The constants, in nanoseconds. */
struct scenario_capacity_times {
    uint64_t decide_ns;
    uint64_t hold_ns;
};

struct scenario_capacity_times
scenario_capacity_times(const struct scenario *scenario);

/*
 * Builds it; the scenario must outlive it. Records go to `records`. NULL and a
 * sentence in message on failure.
 */
struct scenario_capacity *scenario_capacity_new(const struct scenario *scenario,
                                                uint64_t seed,
                                                uint32_t defect_count,
                                                struct sim_record_sink records,
                                                char *message, size_t size);
/* NULL is allowed. Frees its world too. */
void scenario_capacity_free(struct scenario_capacity *capacity);

/*
 * Carries out up to events_max events: 1, there are more; 0, the load has run
 * out or the scenario's time has; negative: out of memory.
 */
int scenario_capacity_run(struct scenario_capacity *capacity,
                          uint64_t events_max);
/* The end: writes the last records. */
void scenario_capacity_end(struct scenario_capacity *capacity, unsigned why);

/* What a report needs of a world: graphs, effects, an empty plan, platform. */
struct scenario_world *
scenario_capacity_world(const struct scenario_capacity *capacity);
struct sim_capacity_counts
scenario_capacity_counts(const struct scenario_capacity *capacity);

/* Adds throughput, use and waiting to the bill. */
void scenario_capacity_bill(const struct scenario_capacity *capacity,
                            struct settings *settings);

#endif

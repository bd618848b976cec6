/*
 * The two clocks of a simulated node, as functions of true time.
 *
 * The monotonic clock runs at its own rate and never goes back; the wall
 * clock runs beside it and can be stepped either way. A freeze (a paused
 * machine, a long stop of the whole process) holds both. The engine on a node
 * sees these readings only; true time is the simulator's.
 *
 * A clock remembers the present stretch of constant rate. A change says when
 * it happens, and from then on no earlier time may be asked about; times are
 * therefore handed over in rising order of changes, while between changes
 * they may be asked about in any order. All arithmetic is exact in integers.
 * True times and readings are below SIM_CLOCK_MAX_NS, some 146 years.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/random.h"

#define SIM_CLOCK_MAX_NS (UINT64_C(1) << 62)

/* A drift beyond half or one and a half times true time is not simulated. */
#define SIM_CLOCK_DRIFT_MAX_PPB INT32_C(500000000)

/* The widest error of a wall reading, some 18 years. */
#define SIM_CLOCK_NOISE_MAX_NS (UINT64_C(1) << 59)

/* No true time: what is asked for does not happen while things stay so. */
#define SIM_CLOCK_NEVER UINT64_MAX

enum sim_clock_thaw {
    SIM_CLOCK_CATCH_UP, /* wall reads as if it had never been frozen */
    SIM_CLOCK_STAY_BEHIND,
};

/* A value without pointers; the fields are private to clock.c. */
struct sim_clock {
    uint64_t since_ns;     /* true time at which this stretch began */
    uint64_t mono_ns;      /* the monotonic reading then */
    int64_t wall_ahead_ns; /* wall minus monotonic */
    uint64_t frozen_ns;    /* true time of the freeze, if frozen */
    uint64_t noise_ns;     /* wall readings err by at most this */
    int32_t drift_ppb;     /* of both clocks, against true time */
    bool frozen;
    struct engine_stream noise;
};

/*
 * Starts a node's clocks at true time `at_ns`: the monotonic clock reads
 * `mono_ns`, the wall clock is `wall_offset_ns` ahead of true time (behind if
 * negative), both gain `drift_ppb` nanoseconds in each second (lose if
 * negative). The drift is within +-SIM_CLOCK_DRIFT_MAX_PPB.
 */
void sim_clock_init(struct sim_clock *clock, uint64_t at_ns, uint64_t mono_ns,
                    int64_t wall_offset_ns, int32_t drift_ppb);

/* What the monotonic clock reads at a true time. */
uint64_t sim_clock_mono(const struct sim_clock *clock, uint64_t true_ns);

/*
 * What the wall clock reads at a true time, its noise included; 0 where it
 * would be negative. The same time gives the same reading, every time.
 */
uint64_t sim_clock_wall(const struct sim_clock *clock, uint64_t true_ns);

/*
 * Moves the wall clock by `by_ns` at a true time; the other never notices.
 * Steps that add up to more than some hundred years leave it there.
 */
void sim_clock_step(struct sim_clock *clock, uint64_t at_ns, int64_t by_ns);

/* Gives both clocks another rate from a true time on. */
void sim_clock_set_drift(struct sim_clock *clock, uint64_t at_ns,
                         int32_t drift_ppb);

/* Lets each wall reading err by up to +-noise_ns, drawn from the stream. */
void sim_clock_set_noise(struct sim_clock *clock, uint64_t noise_ns,
                         const struct engine_stream *stream);

/* Stops both clocks at a true time. They must be running. */
void sim_clock_freeze(struct sim_clock *clock, uint64_t at_ns);

/*
 * Lets both run again. The monotonic clock goes on from where it stood; the
 * wall clock does too, or first jumps over what it has missed. They must be
 * frozen.
 */
void sim_clock_thaw(struct sim_clock *clock, uint64_t at_ns,
                    enum sim_clock_thaw how);

/*
 * The earliest true time, `now_ns` or later, at which the monotonic clock
 * reads `mono_ns` or more if nothing changes until then: when a node's timer
 * fires. Ask again after each change. SIM_CLOCK_NEVER when frozen before it.
 */
uint64_t sim_clock_true_for_mono(const struct sim_clock *clock,
                                 uint64_t mono_ns, uint64_t now_ns);

#endif

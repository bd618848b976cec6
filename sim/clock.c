#include "sim/clock.h"

#include <assert.h>
#include <stddef.h>

#define SECOND_NS UINT64_C(1000000000)
#define WALL_AHEAD_MAX_NS (INT64_C(3) << 60)

static uint64_t rate_of(int32_t drift_ppb)
{
    return (uint64_t)((int64_t)SECOND_NS + drift_ppb);
}

/* floor(true_ns * rate / 10^9), in parts that cannot overflow. */
static uint64_t run_for(uint64_t true_ns, int32_t drift_ppb)
{
    uint64_t rate = rate_of(drift_ppb);
    return true_ns / SECOND_NS * rate + true_ns % SECOND_NS * rate / SECOND_NS;
}

/* The least true time after which run_for() has reached `reading_ns`. */
static uint64_t time_to_run(uint64_t reading_ns, int32_t drift_ppb)
{
    uint64_t rate = rate_of(drift_ppb);
    uint64_t rest = reading_ns % rate * SECOND_NS;
    return reading_ns / rate * SECOND_NS + (rest + rate - 1) / rate;
}

static void check_drift(int32_t drift_ppb)
{
    assert(drift_ppb >= -SIM_CLOCK_DRIFT_MAX_PPB);
    assert(drift_ppb <= SIM_CLOCK_DRIFT_MAX_PPB);
}

/* What keeps a wall reading, noise included, within 64 bits and a sign. */
static void check_wall(const struct sim_clock *clock)
{
    assert(clock->wall_ahead_ns >= -WALL_AHEAD_MAX_NS);
    assert(clock->wall_ahead_ns <= WALL_AHEAD_MAX_NS);
}

static int64_t within_wall(int64_t ahead_ns)
{
    if (ahead_ns > WALL_AHEAD_MAX_NS)
        return WALL_AHEAD_MAX_NS;
    return ahead_ns < -WALL_AHEAD_MAX_NS ? -WALL_AHEAD_MAX_NS : ahead_ns;
}

void sim_clock_init(struct sim_clock *clock, uint64_t at_ns, uint64_t mono_ns,
                    int64_t wall_offset_ns, int32_t drift_ppb)
{
    assert(clock != NULL);
    assert(at_ns < SIM_CLOCK_MAX_NS);
    assert(mono_ns < SIM_CLOCK_MAX_NS);
    check_drift(drift_ppb);
    *clock = (struct sim_clock){
        .since_ns = at_ns,
        .mono_ns = mono_ns,
        .wall_ahead_ns = (int64_t)(at_ns - mono_ns) + wall_offset_ns,
        .drift_ppb = drift_ppb,
    };
    check_wall(clock);
}

uint64_t sim_clock_mono(const struct sim_clock *clock, uint64_t true_ns)
{
    assert(true_ns >= clock->since_ns);
    assert(true_ns < SIM_CLOCK_MAX_NS);
    if (clock->frozen) {
        return clock->mono_ns;
    }
    return clock->mono_ns +
           run_for(true_ns - clock->since_ns, clock->drift_ppb);
}

/* Between -noise_ns and noise_ns, by the time that is read. */
static int64_t noise_at(const struct sim_clock *clock, uint64_t true_ns)
{
    if (clock->noise_ns == 0) {
        return 0;
    }
    uint64_t span = 2 * clock->noise_ns + 1;
    return (int64_t)engine_draw_below(&clock->noise, true_ns, span) -
           (int64_t)clock->noise_ns;
}

uint64_t sim_clock_wall(const struct sim_clock *clock, uint64_t true_ns)
{
    int64_t wall = (int64_t)sim_clock_mono(clock, true_ns) +
                   clock->wall_ahead_ns + noise_at(clock, true_ns);
    return wall < 0 ? 0 : (uint64_t)wall;
}

/* Begins a new stretch, in which the readings so far are kept. */
static void begin_stretch(struct sim_clock *clock, uint64_t at_ns)
{
    clock->mono_ns = sim_clock_mono(clock, at_ns);
    clock->since_ns = at_ns;
}

void sim_clock_step(struct sim_clock *clock, uint64_t at_ns, int64_t by_ns)
{
    begin_stretch(clock, at_ns);
    /* Steps add up: a clock has a last date that it can show. */
    if (__builtin_add_overflow(clock->wall_ahead_ns, by_ns, &by_ns))
        by_ns = by_ns < 0 ? INT64_MAX : INT64_MIN;
    clock->wall_ahead_ns = within_wall(by_ns);
}

void sim_clock_set_drift(struct sim_clock *clock, uint64_t at_ns,
                         int32_t drift_ppb)
{
    check_drift(drift_ppb);
    begin_stretch(clock, at_ns);
    clock->drift_ppb = drift_ppb;
}

void sim_clock_set_noise(struct sim_clock *clock, uint64_t noise_ns,
                         const struct engine_stream *stream)
{
    assert(noise_ns <= SIM_CLOCK_NOISE_MAX_NS);
    clock->noise_ns = noise_ns;
    clock->noise = *stream;
}

void sim_clock_freeze(struct sim_clock *clock, uint64_t at_ns)
{
    assert(!clock->frozen);
    begin_stretch(clock, at_ns);
    clock->frozen = true;
    clock->frozen_ns = at_ns;
}

void sim_clock_thaw(struct sim_clock *clock, uint64_t at_ns,
                    enum sim_clock_thaw how)
{
    assert(clock->frozen);
    assert(at_ns >= clock->since_ns);
    clock->frozen = false;
    clock->since_ns = at_ns;
    if (how == SIM_CLOCK_CATCH_UP) {
        uint64_t missed_ns =
            run_for(at_ns - clock->frozen_ns, clock->drift_ppb);
        clock->wall_ahead_ns =
            within_wall(clock->wall_ahead_ns + (int64_t)missed_ns);
    }
}

uint64_t sim_clock_true_for_mono(const struct sim_clock *clock,
                                 uint64_t mono_ns, uint64_t now_ns)
{
    if (mono_ns <= sim_clock_mono(clock, now_ns)) {
        return now_ns;
    }
    if (clock->frozen) {
        return SIM_CLOCK_NEVER;
    }
    assert(mono_ns < SIM_CLOCK_MAX_NS);
    return clock->since_ns +
           time_to_run(mono_ns - clock->mono_ns, clock->drift_ppb);
}

#include "sim/clock.h"

#include <criterion/criterion.h>

#define S UINT64_C(1000000000)
#define YEAR (UINT64_C(31557600) * S)

Test(sim_clock, without_drift_both_clocks_keep_their_distance)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 5 * S, 2 * S, -3, 0);
    cr_assert_eq(sim_clock_mono(&clock, 5 * S), 2 * S);
    cr_assert_eq(sim_clock_wall(&clock, 5 * S), 5 * S - 3);
    cr_assert_eq(sim_clock_mono(&clock, 9 * S), 6 * S);
    cr_assert_eq(sim_clock_wall(&clock, 9 * S), 9 * S - 3);
}

Test(sim_clock, drift_moves_both_by_parts_per_billion)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0, 0, 200000);
    cr_assert_eq(sim_clock_mono(&clock, 100 * S), 100 * S + 20000000);
    cr_assert_eq(sim_clock_wall(&clock, 100 * S), 100 * S + 20000000);
    sim_clock_init(&clock, 0, 0, 0, -200000);
    cr_assert_eq(sim_clock_mono(&clock, 100 * S), 100 * S - 20000000);
}

Test(sim_clock, a_step_moves_the_wall_and_not_the_monotonic_clock)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0, 0, 0);
    sim_clock_step(&clock, 10 * S, -4 * (int64_t)S);
    cr_assert_eq(sim_clock_wall(&clock, 10 * S), 6 * S);
    cr_assert_eq(sim_clock_mono(&clock, 10 * S), 10 * S);
    sim_clock_step(&clock, 11 * S, 9 * (int64_t)S);
    cr_assert_eq(sim_clock_wall(&clock, 12 * S), 17 * S);
    cr_assert_eq(sim_clock_mono(&clock, 12 * S), 12 * S);
}

Test(sim_clock, a_wall_before_its_epoch_reads_0)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 1 * S, 0, -5 * (int64_t)S, 0);
    cr_assert_eq(sim_clock_wall(&clock, 2 * S), 0);
    cr_assert_eq(sim_clock_wall(&clock, 7 * S), 2 * S);
}

Test(sim_clock, a_freeze_holds_both_until_the_thaw)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 100, 0, 0);
    sim_clock_freeze(&clock, 10 * S);
    cr_assert_eq(sim_clock_mono(&clock, 15 * S), 10 * S + 100);
    cr_assert_eq(sim_clock_wall(&clock, 15 * S), 10 * S);
    sim_clock_step(&clock, 16 * S, 7);
    cr_assert_eq(sim_clock_wall(&clock, 17 * S), 10 * S + 7);
}

Test(sim_clock, steps_that_add_up_to_centuries_stop_at_the_last_date)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 100, 0, 0);
    for (uint64_t i = 1; i <= 40; i++)
        sim_clock_step(&clock, i * S, INT64_MAX / 8);
    uint64_t last = sim_clock_wall(&clock, 50 * S);
    cr_assert_gt(last, UINT64_C(3) << 60);
    sim_clock_step(&clock, 50 * S, 1);
    cr_assert_eq(sim_clock_wall(&clock, 50 * S), last);
    for (uint64_t i = 51; i <= 100; i++)
        sim_clock_step(&clock, i * S, -(INT64_MAX / 8));
    cr_assert_eq(sim_clock_wall(&clock, 100 * S), 0);
}

Test(sim_clock, after_a_thaw_the_wall_catches_up_or_stays_behind)
{
    struct sim_clock jumps, lags;
    sim_clock_init(&jumps, 0, 0, 0, 1000);
    sim_clock_freeze(&jumps, 10 * S);
    sim_clock_step(&jumps, 12 * S, 7);
    lags = jumps;
    sim_clock_thaw(&jumps, 20 * S, SIM_CLOCK_CATCH_UP);
    sim_clock_thaw(&lags, 20 * S, SIM_CLOCK_STAY_BEHIND);
    cr_assert_eq(sim_clock_wall(&jumps, 20 * S), 20 * S + 20000 + 7);
    cr_assert_eq(sim_clock_wall(&lags, 20 * S), 10 * S + 10000 + 7);
    cr_assert_eq(sim_clock_mono(&jumps, 20 * S), 10 * S + 10000);
    cr_assert_eq(sim_clock_mono(&lags, 21 * S), 11 * S + 11000);
}

Test(sim_clock, noise_stays_within_its_bound_and_off_the_monotonic_clock)
{
    struct sim_clock clock;
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "noise", 0);
    sim_clock_init(&clock, 0, 0, 0, 0);
    sim_clock_set_noise(&clock, 50, &stream);
    bool low = false, high = false;
    for (uint64_t t = 1000; t < 4000; t++) {
        uint64_t wall = sim_clock_wall(&clock, t);
        cr_assert(wall >= t - 50 && wall <= t + 50);
        cr_assert_eq(wall, sim_clock_wall(&clock, t));
        cr_assert_eq(sim_clock_mono(&clock, t), t);
        low |= wall == t - 50;
        high |= wall == t + 50;
    }
    cr_assert(low && high);
}

static void expect_inverse(const struct sim_clock *clock, uint64_t mono_ns,
                           uint64_t now_ns)
{
    uint64_t when = sim_clock_true_for_mono(clock, mono_ns, now_ns);
    cr_assert_geq(when, now_ns);
    cr_assert_geq(sim_clock_mono(clock, when), mono_ns);
    if (when > now_ns) {
        cr_assert_lt(sim_clock_mono(clock, when - 1), mono_ns);
    }
}

static int32_t any_drift(uint64_t draw)
{
    static const int32_t edges[] = {SIM_CLOCK_DRIFT_MAX_PPB,
                                    -SIM_CLOCK_DRIFT_MAX_PPB, 0, 1, -1};
    if (draw % 8 < 5) {
        return edges[draw % 8];
    }
    return (int32_t)((draw >> 3) % (S + 1)) - SIM_CLOCK_DRIFT_MAX_PPB;
}

Test(sim_clock, a_timer_fires_at_the_first_moment_the_clock_shows_its_time)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "timer", 0);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t a = engine_stream_u64(&stream, 4 * i);
        uint64_t b = engine_stream_u64(&stream, 4 * i + 1);
        uint64_t c = engine_stream_u64(&stream, 4 * i + 2);
        struct sim_clock clock;
        uint64_t start = a % YEAR;
        sim_clock_init(&clock, start, b % YEAR, 0, any_drift(c));
        uint64_t now = start + engine_stream_u64(&stream, 4 * i + 3) % YEAR;
        uint64_t ahead = c % (100 * S) >> c % 40;
        expect_inverse(&clock, sim_clock_mono(&clock, now) + ahead, now);
        expect_inverse(&clock, a % YEAR, start);
    }
}

Test(sim_clock, a_frozen_timer_never_fires_unless_it_is_due)
{
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0, 0, 0);
    sim_clock_freeze(&clock, 10);
    cr_assert_eq(sim_clock_true_for_mono(&clock, 10, 15), 15);
    cr_assert_eq(sim_clock_true_for_mono(&clock, 11, 15), SIM_CLOCK_NEVER);
    sim_clock_thaw(&clock, 20, SIM_CLOCK_STAY_BEHIND);
    cr_assert_eq(sim_clock_true_for_mono(&clock, 11, 20), 21);
}

Test(sim_clock, a_hundred_years_of_the_fastest_drift_do_not_overflow)
{
    __extension__ typedef unsigned __int128 wide;
    struct sim_clock clock;
    uint64_t drift = (uint64_t)SIM_CLOCK_DRIFT_MAX_PPB;
    sim_clock_init(&clock, 0, 0, 0, SIM_CLOCK_DRIFT_MAX_PPB);
    uint64_t century = 100 * YEAR - 7;
    uint64_t want = (uint64_t)((wide)century * (S + drift) / S);
    cr_assert_eq(sim_clock_mono(&clock, century), want);
    cr_assert_eq(sim_clock_wall(&clock, century), want);
    expect_inverse(&clock, 100 * YEAR, 0);
}

static void change(struct sim_clock *clock, uint64_t at_ns, uint64_t draw)
{
    switch (draw % 4) {
    case 0:
        sim_clock_set_drift(clock, at_ns, any_drift(draw >> 3));
        break;
    case 1:
        sim_clock_step(clock, at_ns, (int64_t)(draw >> 20) - (1 << 20));
        break;
    default:
        if (clock->frozen) {
            sim_clock_thaw(clock, at_ns, (draw >> 3) % 2);
        } else {
            sim_clock_freeze(clock, at_ns);
        }
    }
}

Test(sim_clock, whatever_happens_the_monotonic_clock_never_goes_back)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 2, "changes", 0);
    struct sim_clock clock;
    sim_clock_init(&clock, 0, 0, 0, 0);
    uint64_t now = 0, last = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t draw = engine_stream_u64(&stream, i);
        uint64_t before = sim_clock_mono(&clock, now);
        change(&clock, now, draw);
        cr_assert_eq(sim_clock_mono(&clock, now), before);
        cr_assert_geq(before, last);
        last = before;
        now += (draw >> 30) % (S >> draw % 30);
        if (!clock.frozen) {
            expect_inverse(&clock, before + draw % S, now);
        }
    }
}

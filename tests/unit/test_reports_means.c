#include "reports/means.h"

#include <criterion/criterion.h>
#include <math.h>

#include "engine/random.h"
#include "sim/real.h"

static double normal(const struct engine_stream *stream, uint64_t index)
{
    uint64_t draw = engine_stream_u64(stream, index) >> 11;
    return sim_real_normal(((double)draw + 0.5) / 9007199254740992.0);
}

Test(reports_means, equal_values_have_that_mean_and_no_error)
{
    struct report_means means;
    report_means_init(&means, 1);
    for (int i = 0; i < 1000; i++)
        report_means_add(&means, 7.25, 1);
    struct report_mean got = report_means_get(&means);
    cr_expect_float_eq(got.mean, 7.25, 1e-12);
    cr_expect_float_eq(got.half, 0, 1e-12);
    cr_expect_eq(got.count, 1000);
}

Test(reports_means, too_few_batches_give_no_interval)
{
    struct report_means means;
    report_means_init(&means, 1);
    cr_expect(isinf(report_means_get(&means).half));
    for (int i = 0; i < 8; i++)
        report_means_add(&means, i, 1);
    struct report_mean got = report_means_get(&means);
    cr_expect(isinf(got.half));
    cr_expect_float_eq(got.mean, 3.5, 1e-12);
}

Test(reports_means, the_intervals_hold_the_mean_19_times_in_20)
{
    uint32_t held = 0, tries = 1000;
    for (uint32_t try = 0; try < tries; try++) {
        struct engine_stream stream;
        struct report_means means;
        engine_stream_init(&stream, 1, "means", try);
        report_means_init(&means, 1);
        double x = normal(&stream, 0);
        for (uint32_t i = 1; i < 4000; i++) { /* correlated: 0.8 */
            x = 0.8 * x + 0.6 * normal(&stream, i);
            report_means_add(&means, 5 + x, 1);
        }
        struct report_mean got = report_means_get(&means);
        held += fabs(got.mean - 5) <= got.half;
    }
    cr_expect_gt(held, tries * 90 / 100, "%u of %u", held, tries);
    cr_expect_lt(held, tries * 99 / 100, "%u of %u", held, tries);
}

Test(reports_means, a_beginning_unlike_the_rest_is_left_out)
{
    struct engine_stream stream;
    struct report_means means;
    engine_stream_init(&stream, 1, "means", 0);
    report_means_init(&means, 1);
    for (uint32_t i = 0; i < 100000; i++)
        report_means_add(&means, i < 10000 ? 50 : normal(&stream, i), 1);
    struct report_mean got = report_means_get(&means);
    cr_expect_geq(got.warm_up, 0.1);
    cr_expect_lt(got.warm_up, 0.2);
    cr_expect_float_eq(got.mean, 0, 0.02);
}

Test(reports_means, a_level_counts_for_as_long_as_it_lasts)
{
    struct report_means split, whole;
    report_means_init(&split, 0.5);
    report_means_init(&whole, 0.5);
    for (uint32_t i = 0; i < 5000; i++) {
        double level = i % 2 ? 4 : 1;
        double lasts = i % 2 ? 1 : 3;
        report_means_add(&whole, level, lasts);
        for (int part = 0; part < 10; part++)
            report_means_add(&split, level, lasts / 10);
    }
    cr_expect_float_eq(report_means_get(&whole).mean, 1.75, 0.002);
    cr_expect_float_eq(report_means_get(&split).mean,
                       report_means_get(&whole).mean, 1e-3);
}

Test(reports_means, students_points_are_those_of_the_tables)
{
    cr_expect_float_eq(report_means_student(7), 2.3646, 1e-3);
    cr_expect_float_eq(report_means_student(30), 2.0423, 1e-4);
    cr_expect_float_eq(report_means_student(63), 1.9983, 1e-4);
    cr_expect_float_eq(report_means_student(120), 1.9799, 1e-4);
}

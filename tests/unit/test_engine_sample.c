#include <criterion/criterion.h>

#include "engine/random.h"
#include "engine/sample.h"

Test(engine_sample, none_of_them_all_of_them_and_never_the_run_that_is_none)
{
    for (uint64_t run = 1; run <= 1000; run++) {
        cr_assert_not(engine_sample_sees(run, 0));
        cr_assert(engine_sample_sees(run, ENGINE_CHANCE_ALWAYS));
    }
    cr_expect_not(engine_sample_sees(0, ENGINE_CHANCE_ALWAYS));
}

Test(engine_sample, a_share_of_them_within_what_chance_allows)
{
    uint32_t seen = 0;
    for (uint64_t run = 1; run <= 100000; run++)
        seen += engine_sample_sees(run, 10000000);
    /* 1,000 with a standard deviation of 31. */
    cr_expect_geq(seen, 850);
    cr_expect_leq(seen, 1150);
}

Test(engine_sample, a_larger_share_has_all_that_a_smaller_one_has)
{
    for (uint64_t run = 1; run <= 20000; run++)
        if (engine_sample_sees(run, 10000000))
            cr_assert(engine_sample_sees(run, 50000000), "run %lu", run);
}

/* Whoever follows a run over months wants to find it again. */
Test(engine_sample, the_first_runs_of_one_percent_are_these_and_stay_these)
{
    static const uint64_t first[] = {150, 218, 272, 472, 494, 524, 585, 630};
    uint64_t run = 0;
    for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
        do
            run++;
        while (!engine_sample_sees(run, 10000000));
        cr_expect_eq(run, first[i], "found %lu", run);
    }
}

#include "engine/budget.h"

#include <criterion/criterion.h>

#include "engine/random.h"

/* Layers that retry each call three times while the target is down. */
struct layers {
    struct engine_budget *budget; /* NULL: each for itself */
    uint64_t calls;
};

static void call(struct layers *layers, int depth)
{
    for (int attempt = 1; attempt <= 3; attempt++) {
        if (attempt > 1 && layers->budget &&
            !engine_budget_take(layers->budget))
            return;
        if (depth == 0)
            layers->calls++;
        else
            call(layers, depth - 1);
    }
}

Test(engine_budget, two_layers_of_three_make_nine_calls_without_a_budget)
{
    struct layers layers = {0};
    for (int i = 0; i < 1000; i++)
        call(&layers, 1);
    cr_assert_eq(layers.calls, 9000);
}

Test(engine_budget, two_layers_of_three_make_six_in_five_with_a_fifth)
{
    struct engine_budget budget;
    struct layers layers = {.budget = &budget};
    engine_budget_init(&budget, 200, 10);
    for (int i = 0; i < 1000; i++) {
        engine_budget_first(&budget);
        call(&layers, 1);
    }
    cr_assert_leq(layers.calls, 1000 + 200 + 10);
    cr_assert_geq(layers.calls, 1000 + 200);
    cr_assert_eq(layers.calls, budget.firsts + budget.retries);
    cr_assert_gt(budget.refused, 0);
}

Test(engine_budget, retries_never_exceed_burst_and_share_at_any_moment)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct engine_stream stream;
        struct engine_budget budget;
        engine_stream_init(&stream, seed, "test/budget", 0);
        uint32_t share = (uint32_t)engine_draw_below(&stream, 0, 1500);
        uint32_t burst = (uint32_t)engine_draw_below(&stream, 1, 20);
        engine_budget_init(&budget, share, burst);
        for (uint64_t i = 2; i < 2000; i++) {
            if (engine_draw_below(&stream, i, 3) == 0)
                engine_budget_first(&budget);
            else
                engine_budget_take(&budget);
            cr_assert_leq(budget.retries * 1000,
                          (uint64_t)burst * 1000 + budget.firsts * share);
        }
    }
}

Test(engine_budget, a_quiet_time_saves_up_no_more_than_the_burst)
{
    struct engine_budget budget;
    engine_budget_init(&budget, 500, 3);
    for (int i = 0; i < 100000; i++)
        engine_budget_first(&budget);
    for (int i = 0; i < 3; i++)
        cr_assert(engine_budget_take(&budget));
    cr_assert_not(engine_budget_take(&budget));
    cr_assert_eq(budget.refused, 1);
}

Test(engine_budget, a_burst_of_nothing_allows_no_retry_at_all)
{
    struct engine_budget budget;
    engine_budget_init(&budget, 1000, 0);
    engine_budget_first(&budget);
    cr_assert_not(engine_budget_take(&budget));
}

Test(engine_budget, the_largest_share_and_burst_do_not_overflow)
{
    struct engine_budget budget;
    engine_budget_init(&budget, UINT32_MAX, UINT32_MAX);
    for (int i = 0; i < 10; i++) {
        engine_budget_first(&budget);
        cr_assert(engine_budget_take(&budget));
        cr_assert_leq(budget.saved, budget.cap);
    }
}

#include "reports/served.h"

#include <criterion/criterion.h>

#include "reports/fold.h"
#include "tests/support/records.h"

struct offer {
    struct check_world world;
    struct fold fold;
    struct served served;
    struct served_span span;
};

static void open_offer(struct offer *offer)
{
    *offer = (struct offer){
        .world = {.runs_max = 4, .node_count = NODE_COUNT},
        .span = {.from_ns = 10, .to_ns = 20, .end_ns = 100, .bound_ns = 30},
    };
    cr_assert_eq(fold_init(&offer->fold, &offer->world), 0);
    const struct check_view view = {&offer->world, &offer->fold};
    cr_assert_eq(served_init(&offer->served, &view), 0);
}

static void close_offer(struct offer *offer)
{
    served_deinit(&offer->served);
    fold_deinit(&offer->fold);
}

static void start(struct offer *offer, uint64_t run, uint64_t at_ns)
{
    const struct engine_record sent = {
        .kind = ENGINE_REC_START_SENT, .run = run, .time_ns = at_ns};
    served_feed(&offer->served, &sent);
}

static void row(struct offer *offer, uint64_t run, uint64_t at_ns, int state)
{
    const struct engine_record row = {.kind = ENGINE_REC_APPENDED,
                                      .run = run,
                                      .time_ns = at_ns,
                                      .state = (uint8_t)state};
    served_feed(&offer->served, &row);
}

static void expect(struct offer *offer, uint64_t offered, uint64_t late,
                   uint64_t first)
{
    struct served_count count = served_in(&offer->served, &offer->span);
    cr_assert_eq(count.offered, offered, "%d", (int)count.offered);
    cr_assert_eq(count.late, late, "%d", (int)count.late);
    cr_assert_eq(count.first, first, "%d", (int)count.first);
    close_offer(offer);
}

Test(reports_served, both_ends_of_a_span_belong_to_it)
{
    struct offer offer;
    open_offer(&offer);
    start(&offer, 1, 9);
    start(&offer, 2, 10);
    start(&offer, 3, 20);
    start(&offer, 4, 21);
    expect(&offer, 2, 2, 2);
}

Test(reports_served, what_is_done_within_the_bound_is_not_late)
{
    struct offer offer;
    open_offer(&offer);
    start(&offer, 1, 10);
    row(&offer, 1, 40, ENGINE_RUN_SUCCEEDED);
    start(&offer, 2, 10);
    row(&offer, 2, 41, ENGINE_RUN_SUCCEEDED);
    expect(&offer, 2, 1, 2);
}

Test(reports_served, a_run_that_goes_on_is_not_done)
{
    struct offer offer;
    open_offer(&offer);
    start(&offer, 1, 10);
    row(&offer, 1, 11, ENGINE_RUN_RUNNING);
    start(&offer, 2, 10);
    row(&offer, 2, 11, ENGINE_RUN_SUSPENDED);
    row(&offer, 2, 90, ENGINE_RUN_SUCCEEDED);
    expect(&offer, 2, 1, 1);
}

Test(reports_served, the_first_start_of_a_run_is_the_one_that_counts)
{
    struct offer offer;
    open_offer(&offer);
    start(&offer, 1, 10);
    start(&offer, 1, 30);
    row(&offer, 1, 45, ENGINE_RUN_FAILED);
    expect(&offer, 1, 1, 1);
}

Test(reports_served, the_end_of_the_world_is_no_delay)
{
    struct offer offer;
    open_offer(&offer);
    offer.span.end_ns = 45;
    start(&offer, 1, 14);
    start(&offer, 2, 15);
    expect(&offer, 1, 1, 1);
}

Test(reports_served, runs_that_are_set_apart_do_not_count)
{
    struct offer offer;
    open_offer(&offer);
    start(&offer, 1, 10);
    start(&offer, 2, 10);
    served_set_apart(&offer.served, 1);
    cr_assert(served_is_apart(&offer.served, 1));
    cr_assert_not(served_is_apart(&offer.served, 2));
    expect(&offer, 1, 1, 2);
}

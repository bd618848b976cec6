#include "sim/platform/bucket.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)

static struct sim_bucket made(uint64_t tokens, uint64_t count, uint64_t per_ns)
{
    struct sim_bucket bucket;
    struct sim_rate rate = {count, per_ns};
    cr_assert(sim_bucket_init(&bucket, tokens, &rate));
    return bucket;
}

Test(sim_bucket, a_token_comes_exactly_when_it_is_whole)
{
    struct sim_bucket bucket = made(1, 3, SECOND);
    cr_assert(sim_bucket_take(&bucket, SECOND));
    cr_assert_not(sim_bucket_take(&bucket, SECOND + 333333333));
    cr_assert(sim_bucket_take(&bucket, SECOND + 333333334));
    /* What was above the whole token is not lost. */
    cr_assert_not(sim_bucket_take(&bucket, SECOND + 666666666));
}

Test(sim_bucket, it_never_holds_more_than_its_size)
{
    struct sim_bucket bucket = made(10, 100, SECOND);
    cr_assert_eq(sim_bucket_size(&bucket), 10);
    for (uint64_t hour = 1; hour < 4; hour++) {
        uint64_t now_ns = hour * 3600 * SECOND;
        for (int i = 0; i < 10; i++) {
            cr_assert(sim_bucket_take(&bucket, now_ns));
        }
        cr_assert_not(sim_bucket_take(&bucket, now_ns));
    }
}

Test(sim_bucket, asking_often_loses_no_refill)
{
    struct sim_bucket bucket = made(5, 7, SECOND);
    int taken = 0;
    for (uint64_t t = 0; t < 1000000; t++) {
        taken += sim_bucket_take(&bucket, SECOND + t * 10007);
    }
    /* 5 at once and 7 a second for 10.007 s. */
    cr_assert_eq(taken, 5 + 70);
}

Test(sim_bucket, a_rate_or_a_size_of_0_is_refused)
{
    static const uint64_t bad[][3] = {
        {0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {UINT64_MAX, 1, SECOND}};
    for (int i = 0; i < 4; i++) {
        struct sim_bucket bucket;
        struct sim_rate rate = {bad[i][1], bad[i][2]};
        cr_assert_not(sim_bucket_init(&bucket, bad[i][0], &rate));
    }
}

Test(sim_bucket, the_wait_it_tells_is_the_shortest_that_gets_a_token)
{
    struct sim_bucket bucket;
    struct sim_rate rate = {.count = 3, .per_ns = 10};
    cr_assert(sim_bucket_init(&bucket, 2, &rate));
    cr_expect_eq(sim_bucket_wait_ns(&bucket, 5), 0, "it is full");
    cr_assert(sim_bucket_take(&bucket, 5));
    cr_assert(sim_bucket_take(&bucket, 5));
    uint64_t wait = sim_bucket_wait_ns(&bucket, 5);
    cr_expect_eq(wait, 4, "10 ns for 3 tokens: the first is whole after 4");
    struct sim_bucket early = bucket;
    cr_expect_not(sim_bucket_take(&early, 5 + wait - 1));
    cr_expect(sim_bucket_take(&bucket, 5 + wait));
}

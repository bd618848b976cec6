#include "sim/platform/credentials.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)
#define BEGIN (1000 * SECOND)

static struct sim_credentials make(uint64_t ttl_s, bool refresh,
                                   uint32_t fails_ppb)
{
    struct sim_credentials made;
    struct sim_credentials_config config = {.ttl_ns = ttl_s * SECOND,
                                            .refresh = refresh,
                                            .refresh_fails_ppb = fails_ppb};
    (void)sim_dist_constant(&config.refresh_time, SECOND);
    sim_credentials_init(&made, &config, 1, BEGIN);
    return made;
}

Test(sim_credentials, without_refresh_they_expire_at_their_time)
{
    struct sim_credentials c = make(100, false, 0);
    cr_expect(sim_credentials_valid(&c, BEGIN + 100 * SECOND - 1));
    cr_expect_not(sim_credentials_valid(&c, BEGIN + 100 * SECOND));
    cr_expect_not(sim_credentials_valid(&c, BEGIN + 1000 * SECOND));
}

Test(sim_credentials, refreshed_at_four_fifths_of_their_life_they_never_expire)
{
    struct sim_credentials c = make(100, true, 0);
    for (uint64_t s = 0; s < 1000; s++)
        cr_assert(sim_credentials_valid(&c, BEGIN + s * SECOND), "%d", (int)s);
    /* Every 81 s: 80 of their life, and one for the refresh. */
    cr_expect_eq(c.tries, 999 / 81);
}

Test(sim_credentials, a_refresh_that_always_fails_is_tried_ever_more_slowly)
{
    struct sim_credentials c = make(100, true, 1000000000);
    cr_expect(sim_credentials_valid(&c, BEGIN + 99 * SECOND));
    /* At 81 s, then 1 + 1, 2 + 1, 4 + 1, 8 + 1 s later: 83, 86, 91, 100. */
    cr_expect_eq(c.tries, 4);
    cr_expect_not(sim_credentials_valid(&c, BEGIN + 100 * SECOND));
    cr_expect_eq(c.tries, 5);
    cr_expect_not(sim_credentials_valid(&c, BEGIN + 10000 * SECOND));
    cr_expect_eq(c.backoff_ns, 60 * SECOND);
}

Test(sim_credentials, without_a_life_they_are_valid_for_ever)
{
    struct sim_credentials c = make(0, true, 1000000000);
    cr_expect(sim_credentials_valid(&c, UINT64_MAX / 2));
}

#include "scenarios/bounds.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)

static struct scenario *opened(const char *path)
{
    struct json_error error;
    struct scenario *scenario = scenario_read(path, &error);

    cr_assert_not_null(scenario, "%s", path);
    return scenario;
}

Test(scenarios_bounds, each_bound_has_a_name_a_formula_and_a_value)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    struct bounds bounds;

    bounds_init(&bounds, scenario, CHECK_HEAL_ALL);
    for (unsigned i = 0; i < BOUND_COUNT; i++) {
        cr_assert_not_null(bounds.list[i].name);
        cr_assert_not_null(bounds.list[i].formula);
        cr_assert_gt(bounds.list[i].ns, 0);
    }
    scenario_free(scenario);
}

Test(scenarios_bounds, a_longer_lease_raises_every_bound)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    struct bounds before, after;

    bounds_init(&before, scenario, CHECK_HEAL_ALL);
    scenario->engine.lease_ttl_ns += 10 * SECOND;
    bounds_init(&after, scenario, CHECK_HEAL_ALL);
    for (unsigned i = 0; i < BOUND_COUNT; i++)
        cr_assert_geq(after.list[i].ns, before.list[i].ns + 10 * SECOND);
    scenario_free(scenario);
}

Test(scenarios_bounds, without_healing_an_advance_may_take_twenty_times_as_long)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    struct bounds healed, unhealed;

    bounds_init(&healed, scenario, CHECK_HEAL_ALL);
    bounds_init(&unhealed, scenario, CHECK_HEAL_NONE);
    cr_assert_eq(unhealed.list[BOUND_LIVELOCK].ns,
                 20 * healed.list[BOUND_LIVELOCK].ns);
    scenario_free(scenario);
}

Test(scenarios_bounds, work_may_wait_for_the_time_a_step_asks_for)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    struct bounds before, after;

    bounds_init(&before, scenario, CHECK_HEAL_ALL);
    scenario->workflows[0].steps[0].needs.demand.eta_ns = 7000 * SECOND;
    bounds_init(&after, scenario, CHECK_HEAL_ALL);
    cr_assert_eq(after.list[BOUND_WAITING].ns,
                 before.list[BOUND_WAITING].ns + 7000 * SECOND);
    scenario_free(scenario);
}

Test(scenarios_bounds, more_workers_carry_a_load_more_easily)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    uint64_t load = bounds_load(scenario);

    cr_assert_gt(load, 0);
    scenario->platform.local.workers *= 10;
    cr_assert_lt(bounds_load(scenario), load);
    scenario_free(scenario);
}

Test(scenarios_bounds, rented_machines_may_take_their_time_to_start)
{
    struct scenario *scenario = opened("scenarios/orders-on-batch.json");
    struct bounds before, after;

    bounds_init(&before, scenario, CHECK_HEAL_ALL);
    scenario->platform.batch.config.provision_min_ns += 60 * SECOND;
    bounds_init(&after, scenario, CHECK_HEAL_ALL);
    cr_assert_eq(after.list[BOUND_LIVELOCK].ns,
                 before.list[BOUND_LIVELOCK].ns + 60 * SECOND);
    cr_assert_geq(after.list[BOUND_PROGRESS].ns,
                  before.list[BOUND_PROGRESS].ns + 60 * SECOND);
    scenario_free(scenario);
}

Test(scenarios_bounds, each_platform_to_fall_back_to_takes_its_time)
{
    struct scenario *two = opened("scenarios/defects/expiry_fatal.json");
    struct scenario *one = opened("scenarios/defects/failure_spreads.json");
    struct bounds before, after;

    bounds_init(&before, two, CHECK_HEAL_ALL);
    two->engine.claim_ttl_ns += SECOND;
    bounds_init(&after, two, CHECK_HEAL_ALL);
    /* two steps, each on either of two platforms */
    cr_assert_eq(after.list[BOUND_PROGRESS].ns,
                 before.list[BOUND_PROGRESS].ns + 4 * SECOND);
    bounds_init(&before, one, CHECK_HEAL_ALL);
    one->engine.claim_ttl_ns += SECOND;
    bounds_init(&after, one, CHECK_HEAL_ALL);
    cr_assert_eq(after.list[BOUND_PROGRESS].ns,
                 before.list[BOUND_PROGRESS].ns + 3 * SECOND);
    scenario_free(two);
    scenario_free(one);
}

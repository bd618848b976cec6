#include "scenarios/heal.h"

#include <criterion/criterion.h>

static struct scenario *opened(const char *path)
{
    struct json_error error;
    struct scenario *scenario = scenario_read(path, &error);

    cr_assert_not_null(scenario, "%s", path);
    return scenario;
}

Test(scenarios_heal, a_swarm_that_names_no_mode_heals_for_all_or_a_core)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    unsigned counts[3] = {0};

    for (uint64_t seed = 1; seed <= 100; seed++)
        counts[heal_mode(scenario, seed)]++;
    cr_assert_gt(counts[CHECK_HEAL_ALL], counts[CHECK_HEAL_CORE]);
    cr_assert_gt(counts[CHECK_HEAL_CORE], 10);
    cr_assert_eq(counts[CHECK_HEAL_NONE], 0);
    scenario_free(scenario);
}

Test(scenarios_heal, a_mode_that_is_named_holds_for_all_seeds)
{
    struct scenario *scenario = opened("scenarios/faults-never-end.json");

    for (uint64_t seed = 1; seed <= 20; seed++)
        cr_assert_eq(heal_mode(scenario, seed), CHECK_HEAL_NONE);
    scenario_free(scenario);
}

Test(scenarios_heal, faults_without_a_swarm_are_left_as_they_are)
{
    struct scenario *scenario = opened("scenarios/nothing-goes-wrong.json");

    for (uint64_t seed = 1; seed <= 20; seed++)
        cr_assert_eq(heal_mode(scenario, seed), CHECK_HEAL_ALL);
    scenario_free(scenario);
}

Test(scenarios_heal, seeds_that_agree_in_the_low_half_heal_alike)
{
    struct scenario *scenario = opened("scenarios/swarm.json");

    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t other = seed | UINT64_C(7) << 32;

        cr_assert_eq(heal_mode(scenario, seed), heal_mode(scenario, other));
        cr_assert_eq(heal_time(scenario, seed), heal_time(scenario, other));
    }
    scenario_free(scenario);
}

Test(scenarios_heal, the_core_is_healed_within_load_and_two_leases)
{
    struct scenario *scenario = opened("scenarios/swarm.json");
    uint64_t lease = scenario->engine.lease_ttl_ns;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        cr_assert_geq(heal_time(scenario, seed), lease);
        cr_assert_lt(heal_time(scenario, seed),
                     3 * lease + UINT64_C(60000000000));
    }
    scenario_free(scenario);
}

#include "faults/swarm.h"

#include <criterion/criterion.h>
#include <string.h>

#include "faults/switchboard.h"
#include "sim/points.h"

static struct fault_plan plan;
static struct fault_swarm_knobs knobs;
static char message[256];

static void set_up(void)
{
    cr_assert_eq(fault_plan_init(&plan, sim_point_table, SIM_POINT_COUNT, 64),
                 0);
    fault_swarm_knobs_init(&knobs, 1000);
    fault_ranges_add(&knobs.workers, 10, 19);
    fault_ranges_add(&knobs.coordinators, 2, 3);
    fault_ranges_add(&knobs.stores, 1, 1);
    fault_ranges_add(&knobs.platforms, 5, 5);
}

static void tear_down(void)
{
    fault_plan_deinit(&plan);
}

TestSuite(faults_swarm, .init = set_up, .fini = tear_down);

static void draw(uint64_t seed)
{
    plan.count = 0;
    cr_assert_eq(fault_swarm(&plan, seed, &knobs, message, sizeof(message)), 0,
                 "seed %d: %s", (int)seed, message);
}

static void text_of(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < plan.count && used + 1024 < size; i++) {
        fault_rule_text(&plan.rules[i], sim_point_table, SIM_POINT_COUNT,
                        text + used, size - used);
        used += strlen(text + used);
    }
}

Test(faults_swarm, every_seed_makes_rules_within_the_envelope)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        draw(seed);
        for (uint32_t i = 0; i < plan.count; i++) {
            const struct fault_rule *rule = &plan.rules[i];
            cr_assert_null(fault_envelope_breach(&knobs.envelope, &plan, rule));
            cr_assert(rule->from_ns == knobs.from_ns &&
                      rule->to_ns == knobs.to_ns);
        }
    }
}

Test(faults_swarm, one_seed_draws_the_same_rules_again)
{
    static char first[16384], second[16384], other[16384];
    draw(5);
    text_of(first, sizeof(first));
    draw(6);
    text_of(other, sizeof(other));
    draw(5);
    text_of(second, sizeof(second));
    cr_expect_str_eq(first, second);
    cr_expect_str_neq(first, other);
}

Test(faults_swarm, each_family_exists_in_some_worlds_and_not_in_others)
{
    struct {
        char name[FAULT_NAME_SIZE];
        int worlds;
    } seen[64] = {0};
    int families = 0;
    knobs.envelope.honest_sync = false;
    for (uint64_t seed = 0; seed < 400; seed++) {
        draw(seed);
        for (uint32_t i = 0; i < plan.count; i++) {
            int at = 0;
            while (at < families &&
                   strcmp(seen[at].name, plan.rules[i].name) != 0)
                at++;
            if (at == families)
                memcpy(seen[families++].name, plan.rules[i].name,
                       FAULT_NAME_SIZE);
            seen[at].worlds++;
        }
    }
    cr_expect_eq(families, 25);
    for (int i = 0; i < families; i++)
        cr_expect(seen[i].worlds > 140 && seen[i].worlds < 260, "%s: %d",
                  seen[i].name, seen[i].worlds);
}

Test(faults_swarm, strengths_differ_from_seed_to_seed)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        draw(seed);
        for (uint32_t i = 0; i < plan.count; i++) {
            uint32_t chance = plan.rules[i].chance_ppb;
            if (strcmp(plan.rules[i].name, "swarm/net-loss") != 0)
                continue;
            least = chance < least ? chance : least;
            most = chance > most ? chance : most;
        }
    }
    cr_expect_eq(most, 100000000);
    cr_expect_leq(least, most / 64);
}

Test(faults_swarm, without_honest_sync_disks_may_lie_and_with_it_never)
{
    int lies[2] = {0, 0};
    for (int dishonest = 0; dishonest < 2; dishonest++) {
        knobs.envelope.honest_sync = !dishonest;
        for (uint64_t seed = 0; seed < 100; seed++) {
            draw(seed);
            for (uint32_t i = 0; i < plan.count; i++)
                lies[dishonest] += plan.rules[i].action == ENGINE_ACT_LIE;
        }
    }
    cr_expect_eq(lies[0], 0);
    cr_expect_gt(lies[1], 20);
}

Test(faults_swarm, an_absent_part_has_no_faults)
{
    knobs.workers.count = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        draw(seed);
        for (uint32_t i = 0; i < plan.count; i++)
            cr_assert_null(strstr(plan.rules[i].name, "worker"));
    }
}

Test(faults_swarm, a_zero_envelope_leaves_clocks_and_messages_alone)
{
    knobs.envelope.skew_ns_max = knobs.envelope.drift_ppb_max = 0;
    knobs.envelope.loss_ppb_max = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        draw(seed);
        for (uint32_t i = 0; i < plan.count; i++) {
            cr_assert_null(strstr(plan.rules[i].name, "clock"));
            cr_assert_null(strstr(plan.rules[i].name, "net-loss"));
        }
    }
}

Test(faults_swarm, what_is_drawn_can_be_switched_on_and_scheduled)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        int error, times = 0;
        struct fault_occurrence occurrence;
        uint64_t last = 0;
        draw(seed);
        struct fault_switchboard *board =
            fault_switchboard_new(&plan, seed, &error);
        cr_assert_not_null(board);
        while (fault_switchboard_next(board, &occurrence)) {
            cr_assert(occurrence.time_ns >= last &&
                      occurrence.time_ns < knobs.to_ns);
            last = occurrence.time_ns;
            cr_assert_lt(times++, 100);
        }
        fault_switchboard_free(board);
    }
}

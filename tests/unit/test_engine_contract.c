#include "engine/contract.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct engine_contract plain(enum engine_side_effect effect)
{
    return (struct engine_contract){.side_effect = effect,
                                    .retries_max = ENGINE_RETRIES_ANY};
}

static void expect_broken(const struct engine_contract *contract,
                          enum engine_contract_rule rule, const char *text)
{
    struct engine_contract_fault fault;
    char said[200];
    cr_assert_eq(engine_contract_check(contract, &fault), rule, "%s: %d", text,
                 (int)fault.rule);
    cr_assert_str_eq(engine_contract_text(&fault, said, sizeof(said)), text,
                     "%s", said);
}

static bool holds(const struct engine_contract *contract)
{
    struct engine_contract_fault fault;
    return engine_contract_check(contract, &fault) ==
           ENGINE_CONTRACT_RULE_COUNT;
}

/* The table of contract.h, read by itself: side effect, compensation. */
static bool may_repeat(const struct engine_contract *c)
{
    switch ((unsigned)c->side_effect) {
    case ENGINE_EFFECT_READ_ONLY:
    case ENGINE_EFFECT_IDEMPOTENT:
        return true;
    case ENGINE_EFFECT_REVERSIBLE:
        return c->compensation;
    default:
        return false;
    }
}

static bool table_allows(const struct engine_contract *c)
{
    bool single = c->no_retry || c->retries_max == 0 || c->attempts_max == 1;
    bool wants = c->retries_max != ENGINE_RETRIES_ANY && c->retries_max > 0;
    if (c->compensation && c->side_effect != ENGINE_EFFECT_REVERSIBLE)
        return false;
    if (c->exactly_once)
        if (!c->key || !may_repeat(c) || single ||
            c->semantics == ENGINE_AT_MOST_ONCE)
            return false;
    if (c->no_retry && (wants || c->attempts_max > 1))
        return false;
    if (wants && !may_repeat(c))
        return false;
    return c->attempts_max == 0 || c->retries_max == ENGINE_RETRIES_ANY ||
           c->attempts_max <= c->retries_max + 1;
}

/* The n-th combination of everything a contract can say. */
static struct engine_contract combination(unsigned n)
{
    static const uint32_t retries[] = {ENGINE_RETRIES_ANY, 0, 1, 5};
    static const uint32_t attempts[] = {0, 1, 2, 6, 7};
    struct engine_contract c = {0};
    c.side_effect = (enum engine_side_effect)(n % 5);
    n /= 5;
    c.semantics = (enum engine_semantics)(n % 3);
    n /= 3;
    c.compensation = n & 1;
    c.key = n & 2;
    c.exactly_once = n & 4;
    c.no_retry = n & 8;
    n /= 16;
    c.retries_max = retries[n % 4];
    c.attempts_max = attempts[n / 4];
    return c;
}

Test(engine_contract, every_pair_of_promises_is_judged_as_the_table_says)
{
    unsigned valid = 0;
    unsigned broken[ENGINE_CONTRACT_RULE_COUNT + 1] = {0};
    for (unsigned n = 0; n < 5 * 3 * 16 * 4 * 5; n++) {
        struct engine_contract c = combination(n);
        struct engine_contract_fault fault;
        enum engine_contract_rule rule = engine_contract_check(&c, &fault);
        bool ok = rule == ENGINE_CONTRACT_RULE_COUNT;
        broken[rule]++;
        valid += ok;
        cr_assert_eq(ok, table_allows(&c),
                     "effect %d semantics %d compensation %d key %d once %d "
                     "no_retry %d max %u attempts %u",
                     (int)c.side_effect, (int)c.semantics, c.compensation,
                     c.key, c.exactly_once, c.no_retry, c.retries_max,
                     c.attempts_max);
        if (ok) {
            uint32_t attempts = engine_contract_attempts(&c);
            cr_assert_geq(attempts, 1);
            cr_assert(!c.exactly_once || attempts > 1);
            cr_assert(!c.no_retry || attempts == 1);
            cr_assert(c.retries_max == ENGINE_RETRIES_ANY ||
                      attempts <= c.retries_max + 1);
        }
    }
    cr_assert_gt(valid, 100);
    for (unsigned r = ENGINE_CONTRACT_COMPENSATION;
         r <= ENGINE_CONTRACT_RETRIES_POLICY; r++)
        cr_assert_gt(broken[r], 0, "nothing broke \"%s\"",
                     engine_contract_rule_text((enum engine_contract_rule)r));
}

Test(engine_contract, a_broken_promise_is_named_with_both_values)
{
    struct engine_contract c = plain((enum engine_side_effect)9);
    expect_broken(&c, ENGINE_CONTRACT_SIDE_EFFECT,
                  "side_effect must be one that is known: found side_effect 9");
    c = plain(ENGINE_EFFECT_READ_ONLY);
    c.semantics = (enum engine_semantics)3;
    expect_broken(&c, ENGINE_CONTRACT_SEMANTICS,
                  "semantics must be one that is known: found semantics 3");
    c = plain(ENGINE_EFFECT_IDEMPOTENT);
    c.compensation = true;
    expect_broken(&c, ENGINE_CONTRACT_COMPENSATION,
                  "only a reversible step has a compensation: found "
                  "compensation 1, side_effect idempotent");
    c = plain(ENGINE_EFFECT_IDEMPOTENT);
    c.exactly_once = true;
    expect_broken(&c, ENGINE_CONTRACT_ONCE_KEY,
                  "exactly_once needs an idempotency key: found exactly_once "
                  "1, key 0");
    c.key = true;
    cr_assert(holds(&c));
    c.no_retry = true;
    expect_broken(&c, ENGINE_CONTRACT_ONCE_RETRY,
                  "exactly_once needs retries: found exactly_once 1, no_retry "
                  "1");
    c.no_retry = false;
    c.attempts_max = 1;
    expect_broken(&c, ENGINE_CONTRACT_ONCE_RETRY,
                  "exactly_once needs retries: found exactly_once 1, attempts "
                  "1");
    c = plain(ENGINE_EFFECT_IRREVERSIBLE);
    c.retries_max = 3;
    expect_broken(&c, ENGINE_CONTRACT_RETRIES_EFFECT,
                  "max_retries above 0 needs a step that may be repeated: "
                  "found max_retries 3, side_effect irreversible");
    c = plain(ENGINE_EFFECT_READ_ONLY);
    c.retries_max = 2;
    c.attempts_max = 4;
    expect_broken(&c, ENGINE_CONTRACT_RETRIES_POLICY,
                  "the retry policy must keep to max_retries: found "
                  "max_retries 2, attempts 4");
}

Test(engine_contract, a_reversible_step_counts_with_its_compensation_only)
{
    struct engine_contract c = plain(ENGINE_EFFECT_REVERSIBLE);
    cr_assert_eq((unsigned)engine_contract_effect(&c), 0);
    cr_assert_eq(engine_contract_attempts(&c), 1);
    c.compensation = true;
    cr_assert_eq(engine_contract_effect(&c), ENGINE_EFFECT_REVERSIBLE);
    cr_assert_eq(engine_contract_attempts(&c), 6);
    c.retries_max = 2;
    cr_assert_eq(engine_contract_attempts(&c), 3);
    c.retries_max = 0;
    cr_assert_eq(engine_contract_attempts(&c), 1);
}

struct order {
    size_t inner;
    size_t outer;
    bool strict;
    enum engine_contract_rule rule;
};

#define AT(field) offsetof(struct engine_deadlines, field)

/* Which must be within which. */
static const struct order orders[] = {
    {AT(stall_ns), AT(attempt_ns), true, ENGINE_CONTRACT_STALL_ATTEMPT},
    {AT(attempt_ns), AT(platform_kill_ns), false,
     ENGINE_CONTRACT_ATTEMPT_PLATFORM},
    {AT(heartbeat_ns), AT(callback_ns), true,
     ENGINE_CONTRACT_HEARTBEAT_CALLBACK},
    {AT(attempt_ns), AT(timeout_ns), false, ENGINE_CONTRACT_ATTEMPT_TIMEOUT},
    {AT(schedule_to_start_ns), AT(timeout_ns), false,
     ENGINE_CONTRACT_START_TIMEOUT},
    {AT(stall_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(attempt_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(platform_kill_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(schedule_to_start_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(heartbeat_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(callback_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
    {AT(timeout_ns), AT(run_ns), false, ENGINE_CONTRACT_WITHIN_RUN},
};

static uint64_t *deadline(struct engine_contract *c, size_t at)
{
    return (uint64_t *)(void *)((char *)&c->deadlines + at);
}

/* The rule that orders this pair of deadlines, or NULL. */
static const struct order *order_of(size_t low, size_t high)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
        if (orders[i].inner == low && orders[i].outer == high)
            return &orders[i];
    return NULL;
}

Test(engine_contract, each_pair_of_deadlines_is_ordered_as_its_rule_says)
{
    size_t size = sizeof(struct engine_deadlines);
    unsigned ordered = 0;
    for (size_t inner = 0; inner < size; inner += 8) {
        for (size_t outer = 0; outer < size; outer += 8) {
            const struct order *order = order_of(inner, outer);
            for (int more = -1; inner != outer && more <= 1; more++) {
                struct engine_contract c = plain(ENGINE_EFFECT_READ_ONLY);
                struct engine_contract_fault fault;
                *deadline(&c, outer) = 10 * SECOND;
                *deadline(&c, inner) = 10 * SECOND + (uint64_t)(int64_t)more;
                const struct order *back = order_of(outer, inner);
                bool bad = (order && (more > 0 || (order->strict && !more))) ||
                           (back && (more < 0 || (back->strict && !more)));
                enum engine_contract_rule rule =
                    engine_contract_check(&c, &fault);
                cr_assert_eq(rule != ENGINE_CONTRACT_RULE_COUNT, bad,
                             "%zu %zu %d", inner / 8, outer / 8, more);
                cr_assert(!bad || rule == (order ? order : back)->rule);
                cr_assert(!bad || fault.times);
            }
            ordered += order != NULL;
        }
    }
    cr_assert_eq(ordered, sizeof(orders) / sizeof(*orders));
}

Test(engine_contract, a_deadline_that_is_none_is_within_every_other)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        struct engine_contract c = plain(ENGINE_EFFECT_READ_ONLY);
        *deadline(&c, orders[i].outer) = 1;
        cr_assert(holds(&c));
        c = plain(ENGINE_EFFECT_READ_ONLY);
        *deadline(&c, orders[i].inner) = UINT64_MAX;
        cr_assert(holds(&c));
    }
}

Test(engine_contract, deadlines_are_said_in_whole_units)
{
    struct engine_contract c = plain(ENGINE_EFFECT_READ_ONLY);
    c.deadlines.stall_ns = 30 * SECOND;
    c.deadlines.attempt_ns = 30 * SECOND;
    expect_broken(&c, ENGINE_CONTRACT_STALL_ATTEMPT,
                  "stall must be below attempt: found stall 30 s, attempt 30 "
                  "s");
    c.deadlines.stall_ns = 1500 * UINT64_C(1000000);
    c.deadlines.platform_kill_ns = 29999999999;
    expect_broken(&c, ENGINE_CONTRACT_ATTEMPT_PLATFORM,
                  "attempt must be at most platform_kill: found attempt 30 s, "
                  "platform_kill 29999999999 ns");
    c.deadlines.platform_kill_ns = 900 * SECOND;
    c.deadlines.run_ns = 60 * SECOND;
    expect_broken(&c, ENGINE_CONTRACT_WITHIN_RUN,
                  "every deadline must be at most run: found platform_kill "
                  "900 s, run 60 s");
}

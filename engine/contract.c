#include "engine/contract.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    ATTEMPTS_STANDARD = 6
};

static const char *const effects[] = {"undeclared", "read_only", "idempotent",
                                      "reversible", "irreversible"};

/* Repeating it does no harm that cannot be undone. */
static bool repeatable(const struct engine_contract *contract)
{
    return engine_contract_effect(contract) != 0 &&
           contract->side_effect != ENGINE_EFFECT_IRREVERSIBLE;
}

static bool at_most_once(const struct engine_contract *contract)
{
    return contract->semantics == ENGINE_AT_MOST_ONCE;
}

static bool bounded(const struct engine_contract *contract)
{
    return contract->retries_max != ENGINE_RETRIES_ANY;
}

/* Deadlines that are none are never in the wrong order. */
static bool above(uint64_t low, uint64_t high)
{
    return low != 0 && high != 0 && low > high;
}

static bool not_below(uint64_t low, uint64_t high)
{
    return low != 0 && high != 0 && low >= high;
}

static bool breaks(const struct engine_contract *c,
                   enum engine_contract_rule rule)
{
    const struct engine_deadlines *d = &c->deadlines;
    switch (rule) {
    case ENGINE_CONTRACT_SIDE_EFFECT:
        return (unsigned)c->side_effect > ENGINE_EFFECT_IRREVERSIBLE;
    case ENGINE_CONTRACT_SEMANTICS:
        return (unsigned)c->semantics > ENGINE_AT_MOST_ONCE;
    case ENGINE_CONTRACT_COMPENSATION:
        return c->compensation && c->side_effect != ENGINE_EFFECT_REVERSIBLE;
    case ENGINE_CONTRACT_ONCE_KEY:
        return c->exactly_once && !c->key;
    case ENGINE_CONTRACT_ONCE_EFFECT:
        return c->exactly_once && !repeatable(c);
    case ENGINE_CONTRACT_ONCE_AT_MOST:
        return c->exactly_once && at_most_once(c);
    case ENGINE_CONTRACT_ONCE_RETRY:
        return c->exactly_once &&
               (c->no_retry || c->retries_max == 0 || c->attempts_max == 1);
    case ENGINE_CONTRACT_NO_RETRY_MAX:
        return c->no_retry && bounded(c) && c->retries_max > 0;
    case ENGINE_CONTRACT_NO_RETRY_POLICY:
        return c->no_retry && c->attempts_max > 1;
    case ENGINE_CONTRACT_RETRIES_EFFECT:
        return bounded(c) && c->retries_max > 0 && !repeatable(c);
    case ENGINE_CONTRACT_RETRIES_POLICY:
        return bounded(c) && c->attempts_max > 0 &&
               c->attempts_max - 1 > c->retries_max;
    case ENGINE_CONTRACT_STALL_ATTEMPT:
        return not_below(d->stall_ns, d->attempt_ns);
    case ENGINE_CONTRACT_ATTEMPT_PLATFORM:
        return above(d->attempt_ns, d->platform_kill_ns);
    case ENGINE_CONTRACT_HEARTBEAT_CALLBACK:
        return not_below(d->heartbeat_ns, d->callback_ns);
    case ENGINE_CONTRACT_ATTEMPT_TIMEOUT:
        return above(d->attempt_ns, d->timeout_ns);
    case ENGINE_CONTRACT_START_TIMEOUT:
        return above(d->schedule_to_start_ns, d->timeout_ns);
    case ENGINE_CONTRACT_WITHIN_RUN:
    case ENGINE_CONTRACT_RULE_COUNT:
        break;
    }
    return false;
}

/* A deadline that outlasts the run, or -1. */
static int outlasting(const struct engine_deadlines *d)
{
    const uint64_t values[] = {
#define VALUE(field, text) d->field,
        ENGINE_DEADLINES(VALUE)
#undef VALUE
    };
    for (int i = 0; i < (int)(sizeof(values) / sizeof(*values)); i++)
        if (above(values[i], d->run_ns))
            return i;
    return -1;
}

static void name_two(struct engine_contract_fault *fault, const char *name,
                     uint64_t value, const char *other, uint64_t other_value)
{
    fault->name = name;
    fault->value = value;
    fault->other = other;
    fault->other_value = other_value;
}

static void name_times(struct engine_contract_fault *fault,
                       const struct engine_deadlines *d, int outlasts)
{
    static const char *const names[] = {
#define NAME(field, text) text,
        ENGINE_DEADLINES(NAME)
#undef NAME
    };
    const uint64_t values[] = {
#define VALUE(field, text) d->field,
        ENGINE_DEADLINES(VALUE)
#undef VALUE
    };
    fault->times = true;
    if (fault->rule == ENGINE_CONTRACT_STALL_ATTEMPT)
        name_two(fault, "stall", d->stall_ns, "attempt", d->attempt_ns);
    else if (fault->rule == ENGINE_CONTRACT_ATTEMPT_PLATFORM)
        name_two(fault, "attempt", d->attempt_ns, "platform_kill",
                 d->platform_kill_ns);
    else if (fault->rule == ENGINE_CONTRACT_HEARTBEAT_CALLBACK)
        name_two(fault, "heartbeat", d->heartbeat_ns, "callback",
                 d->callback_ns);
    else if (fault->rule == ENGINE_CONTRACT_ATTEMPT_TIMEOUT)
        name_two(fault, "attempt", d->attempt_ns, "timeout", d->timeout_ns);
    else if (fault->rule == ENGINE_CONTRACT_START_TIMEOUT)
        name_two(fault, "schedule_to_start", d->schedule_to_start_ns, "timeout",
                 d->timeout_ns);
    else
        name_two(fault, names[outlasts], values[outlasts], "run", d->run_ns);
}

/* What leaves exactly_once a single attempt. */
static void name_bound(struct engine_contract_fault *fault,
                       const struct engine_contract *c)
{
    if (c->no_retry)
        name_two(fault, "exactly_once", 1, "no_retry", 1);
    else if (c->retries_max == 0)
        name_two(fault, "exactly_once", 1, "max_retries", 0);
    else
        name_two(fault, "exactly_once", 1, "attempts", c->attempts_max);
}

static void name_counts(struct engine_contract_fault *fault,
                        const struct engine_contract *c)
{
    switch (fault->rule) {
    case ENGINE_CONTRACT_SEMANTICS:
        name_two(fault, "semantics", c->semantics, NULL, 0);
        break;
    case ENGINE_CONTRACT_COMPENSATION:
        name_two(fault, "compensation", 1, "side_effect", c->side_effect);
        break;
    case ENGINE_CONTRACT_ONCE_KEY:
        name_two(fault, "exactly_once", 1, "key", 0);
        break;
    case ENGINE_CONTRACT_ONCE_EFFECT:
        name_two(fault, "exactly_once", 1, "side_effect", c->side_effect);
        break;
    case ENGINE_CONTRACT_ONCE_AT_MOST:
        name_two(fault, "exactly_once", 1, "at_most_once", 1);
        break;
    case ENGINE_CONTRACT_ONCE_RETRY:
        name_bound(fault, c);
        break;
    case ENGINE_CONTRACT_NO_RETRY_MAX:
        name_two(fault, "no_retry", 1, "max_retries", c->retries_max);
        break;
    case ENGINE_CONTRACT_NO_RETRY_POLICY:
        name_two(fault, "no_retry", 1, "attempts", c->attempts_max);
        break;
    case ENGINE_CONTRACT_RETRIES_EFFECT:
        name_two(fault, "max_retries", c->retries_max, "side_effect",
                 c->side_effect);
        break;
    case ENGINE_CONTRACT_RETRIES_POLICY:
        name_two(fault, "max_retries", c->retries_max, "attempts",
                 c->attempts_max);
        break;
    default:
        name_two(fault, "side_effect", c->side_effect, NULL, 0);
    }
}

enum engine_contract_rule
engine_contract_check(const struct engine_contract *contract,
                      struct engine_contract_fault *fault)
{
    int outlasts = outlasting(&contract->deadlines);
    unsigned rule = 0;
    while (rule < ENGINE_CONTRACT_WITHIN_RUN &&
           !breaks(contract, (enum engine_contract_rule)rule))
        rule++;
    if (rule == ENGINE_CONTRACT_WITHIN_RUN && outlasts < 0)
        rule = ENGINE_CONTRACT_RULE_COUNT;
    *fault =
        (struct engine_contract_fault){.rule = (enum engine_contract_rule)rule};
    if (rule < ENGINE_CONTRACT_STALL_ATTEMPT)
        name_counts(fault, contract);
    else if (rule < ENGINE_CONTRACT_RULE_COUNT)
        name_times(fault, &contract->deadlines, outlasts);
    return fault->rule;
}

const char *engine_contract_rule_text(enum engine_contract_rule rule)
{
    static const char *const texts[] = {
#define TEXT(id, text) text,
        ENGINE_CONTRACT_RULES(TEXT)
#undef TEXT
    };
    assert(rule < ENGINE_CONTRACT_RULE_COUNT);
    return texts[rule];
}

/* "30 s", "1500 ms": in the largest unit that needs no fraction. */
static void print_time(uint64_t ns, char text[32])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    int unit = 0;
    while (unit < 3 && ns % 1000 == 0) {
        ns /= 1000;
        unit++;
    }
    snprintf(text, 32, "%ju %s", (uintmax_t)ns, units[unit]);
}

static void print_value(const struct engine_contract_fault *fault,
                        const char *name, uint64_t value, char text[32])
{
    bool effect = strcmp(name, "side_effect") == 0;
    if (fault->times)
        print_time(value, text);
    else if (effect && value < sizeof(effects) / sizeof(*effects))
        snprintf(text, 32, "%s", effects[value]);
    else
        snprintf(text, 32, "%ju", (uintmax_t)value);
}

const char *engine_contract_text(const struct engine_contract_fault *fault,
                                 char *text, size_t size)
{
    const char *rule = engine_contract_rule_text(fault->rule);
    char value[32];
    char other[32];
    print_value(fault, fault->name, fault->value, value);
    if (!fault->other) {
        snprintf(text, size, "%s: found %s %s", rule, fault->name, value);
        return text;
    }
    print_value(fault, fault->other, fault->other_value, other);
    snprintf(text, size, "%s: found %s %s, %s %s", rule, fault->name, value,
             fault->other, other);
    return text;
}

enum engine_side_effect
engine_contract_effect(const struct engine_contract *contract)
{
    bool undone = contract->side_effect != ENGINE_EFFECT_REVERSIBLE ||
                  contract->compensation;
    return undone ? contract->side_effect : (enum engine_side_effect)0;
}

uint32_t engine_contract_attempts(const struct engine_contract *contract)
{
    uint32_t attempts = contract->attempts_max;
    if (contract->no_retry)
        return 1;
    if (attempts == 0)
        attempts = repeatable(contract) ? ATTEMPTS_STANDARD : 1;
    if (bounded(contract) && attempts - 1 > contract->retries_max)
        attempts = contract->retries_max + 1;
    return attempts;
}

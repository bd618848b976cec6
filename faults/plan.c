#include "faults/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/points.h"

/* A sentence to be, and whether something was refused. */
struct refusal {
    char *text;
    size_t size;
};

static int refuse(const struct refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(const struct refusal *refusal, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(refusal->text, refusal->size, format, args);
    va_end(args);
    return FAULT_EINVAL;
}

int fault_plan_init(struct fault_plan *plan, const struct engine_point *points,
                    uint32_t point_count, uint32_t capacity)
{
    assert(point_count <= FAULT_POINTS_MAX);
    *plan = (struct fault_plan){
        .points = points,
        .point_count = point_count,
        .rules = calloc(capacity ? capacity : 1, sizeof(*plan->rules)),
        .capacity = capacity,
    };
    return plan->rules ? 0 : FAULT_ENOMEM;
}

void fault_plan_deinit(struct fault_plan *plan)
{
    free(plan->rules);
    *plan = (struct fault_plan){0};
}

static int check_action(const struct engine_point *point, uint32_t action,
                        const struct refusal *refusal)
{
    char allowed[128];
    uint32_t actions = fault_point_actions(point);
    if (actions & FAULT_ACTION_BIT(action))
        return 0;
    fault_actions_text(actions, allowed, sizeof(allowed));
    return refuse(refusal, "%s cannot %s, allowed: %s", point->name,
                  fault_action_name(action), allowed);
}

/* Sets *timed to whether the rule's points are asked at set times. */
static int check_points(const struct fault_plan *plan,
                        const struct fault_rule *rule, bool *timed,
                        const struct refusal *refusal)
{
    uint32_t named = 0, timed_count = 0;
    for (uint32_t i = 0; i < FAULT_POINTS_MAX; i++) {
        if (!fault_rule_has_point(rule, i))
            continue;
        if (i >= plan->point_count)
            return refuse(refusal, "there is no point %" PRIu32, i);
        int error = check_action(&plan->points[i], rule->action, refusal);
        if (error)
            return error;
        named++;
        timed_count += fault_point_timed(&plan->points[i]);
    }
    if (named == 0)
        return refuse(refusal, "the rule names no point where it could %s",
                      fault_action_name(rule->action));
    if (timed_count != 0 && named != 1)
        return refuse(refusal,
                      "a point asked at set times stands alone, "
                      "but the rule names %" PRIu32 " points",
                      named);
    *timed = timed_count != 0;
    return 0;
}

/* What an action's amount may be. */
enum amount_kind {
    AMOUNT_OPTIONAL, /* 0 or more; the performer says what it means */
    AMOUNT_TIME,     /* more than 0 */
    AMOUNT_SIGNED,   /* anything but 0 */
    AMOUNT_ANY,      /* below 0: from now on, until somebody repairs it */
};

static enum amount_kind amount_kind(uint32_t action)
{
    switch (action) {
    case ENGINE_ACT_PAUSE:
    case ENGINE_ACT_DELAY:
    case ENGINE_ACT_FREEZE:
    case ENGINE_ACT_CUT:
    case ENGINE_ACT_CUT_IN:
    case ENGINE_ACT_CUT_OUT:
        return AMOUNT_TIME;
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
        return AMOUNT_SIGNED;
    case ENGINE_ACT_ERROR:
    case ENGINE_ACT_FULL:
        return AMOUNT_ANY;
    default:
        return AMOUNT_OPTIONAL;
    }
}

static int check_amount(const struct fault_rule *rule,
                        const struct refusal *refusal)
{
    const char *action = fault_action_name(rule->action);
    int64_t min = rule->amount_min, max = rule->amount_max;
    enum amount_kind kind = amount_kind(rule->action);
    if (min > max)
        return refuse(refusal, "the least amount is above the largest");
    if (kind == AMOUNT_SIGNED && min == 0 && max == 0)
        return refuse(refusal, "%s needs an amount other than 0", action);
    if (kind == AMOUNT_TIME && min <= 0)
        return refuse(refusal, "%s needs a time above 0", action);
    if (kind == AMOUNT_OPTIONAL && min < 0)
        return refuse(refusal, "%s takes no negative amount", action);
    if (rule->action == ENGINE_ACT_DRIFT &&
        (min <= -(int64_t)ENGINE_CHANCE_ALWAYS ||
         max >= (int64_t)ENGINE_CHANCE_ALWAYS))
        return refuse(refusal, "a drift is below 1000000000 ppb either way");
    return 0;
}

static int check_range(const struct fault_range *range, const char *what,
                       const struct refusal *refusal)
{
    if (range->from <= range->to)
        return 0;
    return refuse(refusal,
                  "%s %" PRIu64 " to %" PRIu64 " is empty: the first is larger",
                  what, range->from, range->to);
}

static int check_choice(const struct fault_rule *rule,
                        const struct refusal *refusal)
{
    if (rule->nth.from == 0)
        return refuse(refusal, "hits are counted from 1, found nth 0");
    if (rule->chance_ppb == 0 || rule->chance_ppb > ENGINE_CHANCE_ALWAYS)
        return refuse(refusal, "a chance is above 0 and at most 1");
    if (rule->from_ns >= rule->to_ns)
        return refuse(refusal, "the time window is empty");
    int error = check_range(&rule->nth, "nth", refusal);
    if (!error)
        error = check_range(&rule->runs, "run", refusal);
    if (!error)
        error = check_range(&rule->attempts, "attempt", refusal);
    return error;
}

static bool about_work(const struct fault_rule *rule)
{
    return rule->op_count != 0 || rule->runs.from != 0 ||
           rule->runs.to != UINT64_MAX || rule->attempts.from != 0 ||
           rule->attempts.to != UINT64_MAX;
}

static int check_schedule(const struct fault_rule *rule, bool timed,
                          const struct refusal *refusal)
{
    bool scheduled = rule->time_count != 0 || rule->period_ns != 0;
    if (!timed) {
        if (scheduled || rule->jitter_ns != 0)
            return refuse(refusal, "times and periods are for process, clock "
                                   "and link; other points are hit by the "
                                   "code that owns them");
        return 0;
    }
    if (!scheduled)
        return refuse(refusal, "the rule needs a time or a period");
    if (rule->time_count != 0 && rule->period_ns != 0)
        return refuse(refusal, "the rule has both times and a period");
    if (rule->period_ns != 0 && rule->jitter_ns >= rule->period_ns)
        return refuse(refusal, "jitter must be shorter than the period");
    for (uint32_t i = 0; i < rule->time_count; i++) {
        if (rule->jitter_ns >= UINT64_MAX - rule->times[i])
            return refuse(refusal, "the jitter is too long");
    }
    if (about_work(rule))
        return refuse(refusal, "a fault at a set time is about no step, run "
                               "or attempt");
    return 0;
}

static int check_defect(const struct fault_rule *rule,
                        const struct refusal *refusal)
{
    struct fault_rule plain;
    fault_rule_init(&plain, ENGINE_ACT_DEFECT);
    if (about_work(rule) || rule->in_flight_min || rule->every ||
        rule->max_fires || rule->from_ns || rule->to_ns != UINT64_MAX ||
        rule->amount_max || rule->chance_ppb != ENGINE_CHANCE_ALWAYS ||
        memcmp(&rule->nth, &plain.nth, sizeof(plain.nth)) != 0)
        return refuse(refusal, "a seeded defect is on or off: it can be "
                               "limited to nodes, to nothing else");
    return 0;
}

static int check_name(const struct fault_plan *plan,
                      const struct fault_rule *rule,
                      const struct refusal *refusal)
{
    if (!memchr(rule->name, '\0', sizeof(rule->name)))
        return refuse(refusal, "the name of a rule has at most %d bytes",
                      FAULT_NAME_SIZE - 1);
    for (uint32_t i = 0; rule->name[0] != '\0' && i < plan->count; i++) {
        if (strcmp(plan->rules[i].name, rule->name) == 0)
            return refuse(refusal, "two rules are named %s", rule->name);
    }
    return 0;
}

int fault_plan_check(const struct fault_plan *plan,
                     const struct fault_rule *rule, char *message, size_t size)
{
    assert(rule->action < ENGINE_ACT_COUNT);
    assert(size > 0);
    struct refusal refusal = {message, size};
    bool timed = false;
    message[0] = '\0';
    int error = check_name(plan, rule, &refusal);
    if (!error)
        error = check_points(plan, rule, &timed, &refusal);
    if (!error)
        error = check_amount(rule, &refusal);
    if (!error)
        error = check_choice(rule, &refusal);
    if (!error)
        error = check_schedule(rule, timed, &refusal);
    if (!error && rule->action == ENGINE_ACT_DEFECT)
        error = check_defect(rule, &refusal);
    return error;
}

int fault_plan_add(struct fault_plan *plan, const struct fault_rule *rule,
                   char *message, size_t size)
{
    int error = fault_plan_check(plan, rule, message, size);
    if (error)
        return error;
    if (plan->count == plan->capacity) {
        snprintf(message, size, "a plan has at most %" PRIu32 " rules",
                 plan->capacity);
        return FAULT_EFULL;
    }
    plan->rules[plan->count++] = *rule;
    return 0;
}

void fault_plan_remove(struct fault_plan *plan, uint32_t index)
{
    assert(index < plan->count);
    struct fault_rule *gone = &plan->rules[index];
    plan->count--;
    memmove(gone, gone + 1, (plan->count - index) * sizeof(*gone));
}

int fault_plan_replay(struct fault_plan *plan,
                      const struct fault_decision *decisions, uint32_t count,
                      char *message, size_t size)
{
    struct refusal refusal = {message, size};
    message[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        const struct fault_decision *decision = &decisions[i];
        if (decision->point >= plan->point_count)
            return refuse(&refusal, "there is no point %" PRIu32,
                          decision->point);
        if (decision->action >= ENGINE_ACT_COUNT)
            return refuse(&refusal, "there is no action %" PRIu32,
                          decision->action);
        int error = check_action(&plan->points[decision->point],
                                 decision->action, &refusal);
        if (error)
            return error;
    }
    plan->decisions = decisions;
    plan->decision_count = count;
    plan->replayed = true;
    return 0;
}

bool fault_decision_of(const struct engine_record *record,
                       struct fault_decision *decision)
{
    if (record->kind != ENGINE_REC_FAULT)
        return false;
    *decision = (struct fault_decision){
        .time_ns = record->time_ns,
        .hit = record->b,
        .rule = record->key_hi,
        .amount = (int64_t)record->a,
        .node = record->node,
        .point = (uint32_t)record->key,
        .action = record->detail,
    };
    return true;
}

static bool beyond(const struct fault_rule *rule, uint64_t limit)
{
    uint64_t low = rule->amount_min < 0 ? 0 - (uint64_t)rule->amount_min : 0;
    uint64_t high = rule->amount_max > 0 ? (uint64_t)rule->amount_max : 0;
    return low > limit || high > limit;
}

static bool at_point(const struct fault_plan *plan,
                     const struct fault_rule *rule, const char *prefix)
{
    for (uint32_t i = 0; i < plan->point_count; i++) {
        if (fault_rule_has_point(rule, i) &&
            strncmp(plan->points[i].name, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

const char *fault_envelope_breach(const struct fault_envelope *envelope,
                                  const struct fault_plan *plan,
                                  const struct fault_rule *rule)
{
    uint32_t action = rule->action;
    if (action == ENGINE_ACT_STEP && beyond(rule, envelope->skew_ns_max))
        return "a clock is set further off than the declared skew";
    if (action == ENGINE_ACT_DRIFT && beyond(rule, envelope->drift_ppb_max))
        return "a clock drifts faster than declared";
    if (action == ENGINE_ACT_LOSE && rule->max_fires == 0 &&
        rule->chance_ppb > envelope->loss_ppb_max &&
        rule->nth.to == UINT64_MAX && at_point(plan, rule, "net/"))
        return "more messages are lost than declared";
    if (action != ENGINE_ACT_LIE)
        return NULL;
    if (envelope->honest_sync && at_point(plan, rule, "disk/sync"))
        return "a sync reports success and keeps nothing";
    if (envelope->sound_disk && !at_point(plan, rule, "disk/sync"))
        return "the disk does not hold what was written";
    return NULL;
}

#include "reports/gate.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/mann_whitney.h"

#define PPB UINT64_C(1000000000)

__extension__ typedef unsigned __int128 wide;

/* Lines -------------------------------------------------------------------- */

void report_gate_result_init(struct report_gate_result *result)
{
    *result = (struct report_gate_result){0};
}

void report_gate_result_free(struct report_gate_result *result)
{
    free(result->lines);
    report_gate_result_init(result);
}

/* A new line, its outcome counted; NULL: out of memory, and remembered. */
static struct report_gate_line *add(struct report_gate_result *result,
                                    enum report_gate_outcome outcome,
                                    const char *word, const char *name)
{
    if (outcome > result->outcome)
        result->outcome = outcome;
    if (result->count == result->capacity) {
        size_t capacity = result->capacity ? 2 * result->capacity : 16;
        void *grown = realloc(result->lines, capacity * sizeof(*result->lines));
        if (!grown) {
            result->failed = true;
            return NULL;
        }
        result->lines = grown;
        result->capacity = capacity;
    }
    struct report_gate_line *line = &result->lines[result->count++];
    *line = (struct report_gate_line){.outcome = outcome};
    snprintf(line->word, sizeof(line->word), "%s", word);
    snprintf(line->name, sizeof(line->name), "%s", name);
    return line;
}

void report_gate_say(struct report_gate_result *result,
                     enum report_gate_outcome outcome, const char *word,
                     const char *name, const char *format, ...)
{
    struct report_gate_line *line = add(result, outcome, word, name);
    va_list arguments;
    if (!line)
        return;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof(line->text), format, arguments);
    va_end(arguments);
}

const char *report_gate_outcome_name(enum report_gate_outcome outcome)
{
    static const char *const names[] = {"held", "inconclusive", "budget",
                                        "property"};
    return names[outcome];
}

/* Figures ------------------------------------------------------------------ */

void report_gate_value(struct report_buffer *out, enum report_gate_unit unit,
                       uint64_t value)
{
    struct report_word word;
    if (value == UINT64_MAX)
        report_buffer_put(out, "never");
    else if (unit == REPORT_GATE_NS)
        report_buffer_put(out, report_format_ns(&word, value));
    else if (unit == REPORT_GATE_BYTES)
        report_buffer_put(out, report_format_bytes(&word, value));
    else if (unit == REPORT_GATE_MICRODOLLARS)
        report_buffer_print(out, "$%" PRIu64 ".%06" PRIu64, value / 1000000,
                            value % 1000000);
    else if (unit == REPORT_GATE_MILLIONTHS_PER_S)
        report_buffer_print(out, "%" PRIu64 ".%06" PRIu64 "/s", value / 1000000,
                            value % 1000000);
    else
        report_buffer_put(out, report_format_count(&word, value));
}

/* part / whole in tenths of a thousandth, at most a million of them. */
static uint64_t basis_points(uint64_t part, uint64_t whole)
{
    wide share = (wide)part * 10000 / whole;
    return share > 1000000 ? 1000000 : (uint64_t)share;
}

const char *report_gate_change(char *text, size_t size, uint64_t base,
                               uint64_t now)
{
    uint64_t off = now > base ? now - base : base - now;
    const char *sign = now > base ? "+" : "-";
    if (off == 0 || base == UINT64_MAX || now == UINT64_MAX) {
        snprintf(text, size, "%s", "");
        return text;
    }
    if (base == 0) {
        snprintf(text, size, "from 0");
        return text;
    }
    uint64_t share = basis_points(off, base);
    if (share == 0)
        snprintf(text, size, "%s<0.01 %%", sign);
    else
        snprintf(text, size, "%s%s%" PRIu64 ".%02" PRIu64 " %%",
                 share == 1000000 ? ">" : "", sign, share / 100, share % 100);
    return text;
}

/* Budgets ------------------------------------------------------------------ */

struct report_gate_budget
report_gate_budget_of(const struct report_gate_policy *policy,
                      const char *scenario, const char *metric)
{
    struct report_gate_budget budget = {.mode = REPORT_GATE_WITHIN};
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct report_gate_rule *rule = &policy->rules[i];
        if (fnmatch(rule->scenario, scenario, 0) == 0 &&
            fnmatch(rule->metric, metric, 0) == 0)
            budget = rule->budget;
    }
    return budget;
}

static bool is_worse(const struct report_gate_metric *base, uint64_t now)
{
    return (base->better == REPORT_GATE_LESS && now > base->value) ||
           (base->better == REPORT_GATE_MORE && now < base->value);
}

/* Whether a figure that is worse is so by more than it may. */
static bool is_too_much(const struct report_gate_budget *budget, uint64_t base,
                        uint64_t now)
{
    uint64_t off = now > base ? now - base : base - now;
    if (base == UINT64_MAX || now == UINT64_MAX)
        return true;
    return (wide)off * PPB > (wide)base * budget->worse_ppb &&
           off > budget->floor;
}

static void print_budget(struct report_buffer *out,
                         const struct report_gate_budget *budget,
                         enum report_gate_unit unit)
{
    if (budget->mode == REPORT_GATE_EXACT) {
        report_buffer_put(out, "allowed: no change");
        return;
    }
    report_buffer_print(out, "allowed: worse by %" PRIu64 ".%02" PRIu64 " %%",
                        budget->worse_ppb / 10000000,
                        budget->worse_ppb / 100000 % 100);
    if (budget->floor) {
        report_buffer_put(out, " or ");
        report_gate_value(out, unit, budget->floor);
    }
}

static void add_figures(struct report_gate_result *result,
                        enum report_gate_outcome outcome, const char *word,
                        const struct report_gate_metric *base, uint64_t now,
                        const struct report_gate_budget *budget)
{
    struct report_gate_line *line = add(result, outcome, word, base->name);
    struct report_buffer text;
    char change[40];
    if (!line)
        return;
    line->numbers = true;
    line->unit = base->unit;
    line->base = base->value;
    line->now = now;
    report_buffer_init(&text);
    report_gate_value(&text, base->unit, base->value);
    report_buffer_put(&text, " -> ");
    report_gate_value(&text, base->unit, now);
    report_gate_change(change, sizeof(change), base->value, now);
    report_buffer_print(&text, "%s%s", change[0] ? ", " : "", change);
    if (outcome != REPORT_GATE_HELD) {
        report_buffer_put(&text, "; ");
        print_budget(&text, budget, base->unit);
    }
    if (report_buffer_ok(&text))
        snprintf(line->text, sizeof(line->text), "%s", text.text);
    report_buffer_free(&text);
}

static void compare_metric(const struct report_gate_policy *policy,
                           const char *scenario,
                           const struct report_gate_metric *base, uint64_t now,
                           struct report_gate_result *result)
{
    struct report_gate_budget budget =
        report_gate_budget_of(policy, scenario, base->name);
    if (budget.mode == REPORT_GATE_IGNORE)
        return;
    if (base->value == now) {
        result->same++;
        return;
    }
    bool worse = is_worse(base, now);
    bool missed = budget.mode == REPORT_GATE_EXACT ||
                  (worse && is_too_much(&budget, base->value, now));
    if (missed)
        add_figures(result, REPORT_GATE_BUDGET, "budget", base, now, &budget);
    else if (base->better == REPORT_GATE_NEITHER)
        result->differs++;
    else
        add_figures(result, REPORT_GATE_HELD, worse ? "within" : "better", base,
                    now, &budget);
}

static int by_name(const void *a, const void *b)
{
    const struct report_gate_metric *left = a;
    const struct report_gate_metric *right = b;
    return strcmp(left->name, right->name);
}

static const struct report_gate_metric *
find_metric(const struct report_gate_report *report,
            const struct report_gate_metric *like)
{
    return report->metric_count == 0
               ? NULL
               : bsearch(like, report->metrics, report->metric_count,
                         sizeof(*report->metrics), by_name);
}

/* A figure that is gone can hide what it would have shown. */
static void compare_metrics(const struct report_gate_policy *policy,
                            const struct report_gate_report *base,
                            const struct report_gate_report *now,
                            struct report_gate_result *result)
{
    for (size_t i = 0; i < base->metric_count; i++) {
        const struct report_gate_metric *was = &base->metrics[i];
        const struct report_gate_metric *is = find_metric(now, was);
        if (is)
            compare_metric(policy, now->scenario, was, is->value, result);
        else if (report_gate_budget_of(policy, now->scenario, was->name).mode !=
                 REPORT_GATE_IGNORE)
            report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "gone", was->name,
                            "the new report does not have it");
    }
}

/* Correctness -------------------------------------------------------------- */

static const struct report_gate_judged *
find_judged(const struct report_gate_judged *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].id, id) == 0)
            return &list[i];
    return NULL;
}

static void say_judged(struct report_gate_result *result,
                       enum report_gate_outcome outcome, const char *word,
                       const struct report_gate_judged *now, const char *was)
{
    report_gate_say(result, outcome, word, now->id, "%s -> %s%s%s", was,
                    check_verdict_name(now->verdict), now->text[0] ? ": " : "",
                    now->text);
}

/* What was not judged before (was: NULL) was never accepted either. */
static void compare_judged(const struct report_gate_judged *was,
                           const struct report_gate_judged *now,
                           enum report_gate_outcome failure, const char *word,
                           struct report_gate_result *result)
{
    const char *before = was ? check_verdict_name(was->verdict) : "new";
    if (now->verdict == CHECK_FAIL) {
        bool known = was && was->verdict == CHECK_FAIL;
        say_judged(result, known ? REPORT_GATE_HELD : failure,
                   known ? "still fails" : word, now, before);
    } else if (now->verdict == CHECK_INCONCLUSIVE) {
        bool known = was && was->verdict == CHECK_INCONCLUSIVE;
        say_judged(result, known ? REPORT_GATE_HELD : REPORT_GATE_INCONCLUSIVE,
                   known ? "still unclear" : "unclear", now, before);
    } else if (was && was->verdict != now->verdict) {
        say_judged(result, REPORT_GATE_HELD,
                   now->verdict == CHECK_PASS ? "better" : "excused", now,
                   before);
    }
}

static void compare_list(const struct report_gate_judged *base,
                         size_t base_count,
                         const struct report_gate_judged *now, size_t now_count,
                         enum report_gate_outcome failure, const char *word,
                         struct report_gate_result *result)
{
    for (size_t i = 0; i < now_count; i++)
        compare_judged(find_judged(base, base_count, now[i].id), &now[i],
                       failure, word, result);
    for (size_t i = 0; i < base_count; i++)
        if (!find_judged(now, now_count, base[i].id))
            report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "gone",
                            base[i].id, "%s -> no longer judged",
                            check_verdict_name(base[i].verdict));
}

/* Whether anything at all was shown to hold, or not to. */
static bool is_judged(const struct report_gate_report *report)
{
    for (size_t i = 0; i < report->property_count; i++)
        if (report->properties[i].verdict != CHECK_INCONCLUSIVE)
            return true;
    return false;
}

static void check_whole(const struct report_gate_report *report,
                        const char *whose, struct report_gate_result *result)
{
    if (report->incomplete)
        report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "incomplete",
                        report->scenario,
                        "the run of the %s report was cut short", whose);
    else if (!is_judged(report))
        report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "unclear",
                        report->scenario,
                        "no property was judged in the %s report", whose);
}

/* Whether both are of the same work, so that figures say something. */
static bool is_same_work(const struct report_gate_policy *policy,
                         const struct report_gate_report *base,
                         const struct report_gate_report *now,
                         struct report_gate_result *result)
{
    if (strcmp(base->seed, now->seed) != 0) {
        report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "seed", now->scenario,
                        "the base has seed %s, the new report seed %s: "
                        "figures are not compared",
                        base->seed, now->seed);
        return false;
    }
    if (strcmp(base->source, now->source) == 0 || policy->changed)
        return true;
    report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "changed", now->scenario,
                    "the scenario's files are not those of the base: figures "
                    "are not compared; accept it with --accept if it is meant");
    return false;
}

void report_gate_compare(const struct report_gate_policy *policy,
                         const struct report_gate_report *base,
                         const struct report_gate_report *now,
                         struct report_gate_result *result)
{
    check_whole(base, "base", result);
    check_whole(now, "new", result);
    compare_list(base->properties, base->property_count, now->properties,
                 now->property_count, REPORT_GATE_PROPERTY, "property", result);
    compare_list(base->expectations, base->expectation_count, now->expectations,
                 now->expectation_count, REPORT_GATE_BUDGET, "expectation",
                 result);
    if (!base->incomplete && !now->incomplete &&
        is_same_work(policy, base, now, result))
        compare_metrics(policy, base, now, result);
}

void report_gate_alone(const struct report_gate_report *now,
                       struct report_gate_result *result)
{
    check_whole(now, "new", result);
    compare_list(NULL, 0, now->properties, now->property_count,
                 REPORT_GATE_PROPERTY, "property", result);
    compare_list(NULL, 0, now->expectations, now->expectation_count,
                 REPORT_GATE_BUDGET, "expectation", result);
}

/* The wall clock ----------------------------------------------------------- */

static void say_wall(struct report_gate_result *result, const char *text)
{
    report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "wall clock", "wall_ns",
                    "%s", text);
}

/* A sample with its side, to be put in order of time. */
struct turn {
    uint64_t finished_ns;
    bool now;
};

static int by_time(const void *a, const void *b)
{
    const struct turn *left = a;
    const struct turn *right = b;
    return (left->finished_ns > right->finished_ns) -
           (left->finished_ns < right->finished_ns);
}

/* A B A B and A B B A take turns: no side has three in a row. */
static bool take_turns(const struct report_gate_sample *base, size_t base_count,
                       const struct report_gate_sample *now, size_t now_count)
{
    size_t count = base_count + now_count;
    struct turn turns[2 * REPORT_SAMPLES_MAX];
    for (size_t i = 0; i < base_count; i++)
        turns[i] = (struct turn){base[i].finished_ns, false};
    for (size_t i = 0; i < now_count; i++)
        turns[base_count + i] = (struct turn){now[i].finished_ns, true};
    qsort(turns, count, sizeof(*turns), by_time);
    for (size_t i = 2; i < count; i++)
        if (turns[i].now == turns[i - 1].now &&
            turns[i].now == turns[i - 2].now)
            return false;
    return true;
}

static bool one_machine(const struct report_gate_sample *samples, size_t count,
                        const char *machine)
{
    for (size_t i = 0; i < count; i++)
        if (!samples[i].machine[0] || strcmp(samples[i].machine, machine) != 0)
            return false;
    return true;
}

static bool is_comparable(const struct report_gate_sample *base,
                          size_t base_count,
                          const struct report_gate_sample *now,
                          size_t now_count, struct report_gate_result *result)
{
    const char *why = NULL;
    if (base_count == 0 || now_count == 0)
        why = "no run-meta.json beside the reports of a side says how long "
              "they took";
    else if (base_count > REPORT_SAMPLES_MAX || now_count > REPORT_SAMPLES_MAX)
        why = "more than 1,000 runs of a side";
    else if (!one_machine(base, base_count, base[0].machine) ||
             !one_machine(now, now_count, base[0].machine))
        why = "the runs are of different machines (or starts of one): run "
              "base and new in one job, by turns";
    else if (!take_turns(base, base_count, now, now_count))
        why = "base and new did not take turns, so that what else the machine "
              "did is in the difference: run them A B B A";
    if (why)
        say_wall(result, why);
    return why == NULL;
}

/* All that the judgement rests on, for its line. */
struct wall {
    const struct report_gate_wall *policy;
    uint64_t base;
    uint64_t now;
    double effect; /* share of the base, negative: faster */
    double detectable;
    struct report_mann_whitney test;
    size_t base_count;
    size_t now_count;
};

static enum report_gate_outcome judge_wall(const struct wall *wall,
                                           const char **why)
{
    double floor = (double)wall->policy->worse_ppb / (double)PPB;
    uint64_t off = wall->now > wall->base ? wall->now - wall->base : 0;
    if (wall->test.p_least > wall->policy->level) {
        *why = "so few runs cannot show a difference at this level";
        return REPORT_GATE_INCONCLUSIVE;
    }
    if (wall->test.p < wall->policy->level) {
        if (wall->effect >= floor && off >= wall->policy->floor_ns && off) {
            *why = "slower";
            return REPORT_GATE_BUDGET;
        }
        *why = off ? "slower, by less than counts" : "faster";
        return REPORT_GATE_HELD;
    }
    if (wall->detectable > floor) {
        *why = "no difference seen, but what counts could be hidden in the "
               "noise";
        return REPORT_GATE_INCONCLUSIVE;
    }
    *why = "no difference";
    return REPORT_GATE_HELD;
}

static void print_detectable(char *text, size_t size, double detectable)
{
    if (isfinite(detectable))
        snprintf(text, size, "%.1f %%", 100 * detectable);
    else
        snprintf(text, size, "none");
}

static void say_judgement(const struct wall *wall,
                          struct report_gate_result *result)
{
    const char *why;
    struct report_word base, now;
    char detectable[32];
    enum report_gate_outcome outcome = judge_wall(wall, &why);
    print_detectable(detectable, sizeof(detectable), wall->detectable);
    struct report_gate_line *line =
        add(result, outcome, "wall clock", "wall_ns");
    if (!line)
        return;
    line->numbers = true;
    line->unit = REPORT_GATE_NS;
    line->base = wall->base;
    line->now = wall->now;
    snprintf(line->text, sizeof(line->text),
             "%s: median %s -> %s, %+.1f %%, p = %.4f (%s, %zu and %zu runs), "
             "level %.3g; counts from %.1f %% and %" PRIu64
             " ms on; smallest change that would be seen: %s",
             why, report_format_ns(&base, wall->base),
             report_format_ns(&now, wall->now), 100 * wall->effect,
             wall->test.p, wall->test.exact ? "exact" : "normal",
             wall->base_count, wall->now_count, wall->policy->level,
             (double)wall->policy->worse_ppb / 1e7,
             wall->policy->floor_ns / 1000000, detectable);
}

void report_gate_wall(const struct report_gate_policy *policy,
                      const struct report_gate_sample *base, size_t base_count,
                      const struct report_gate_sample *now, size_t now_count,
                      struct report_gate_result *result)
{
    uint64_t before[REPORT_SAMPLES_MAX], after[REPORT_SAMPLES_MAX];
    if (!policy->wall.wanted ||
        !is_comparable(base, base_count, now, now_count, result))
        return;
    for (size_t i = 0; i < base_count; i++)
        before[i] = base[i].wall_ns;
    for (size_t i = 0; i < now_count; i++)
        after[i] = now[i].wall_ns;
    struct wall wall = {
        .policy = &policy->wall,
        .base = report_median(before, base_count),
        .now = report_median(after, now_count),
        .detectable = report_mann_whitney_detectable(
            before, base_count, after, now_count, policy->wall.level),
        .test = report_mann_whitney(before, base_count, after, now_count),
        .base_count = base_count,
        .now_count = now_count};
    wall.effect =
        wall.base ? ((double)wall.now - (double)wall.base) / (double)wall.base
                  : 0;
    say_judgement(&wall, result);
}

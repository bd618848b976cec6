#include "scenarios/lambda/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SMALL_PAGE = 2 /* operations in a page, when crashes come on top */
};

/* Judging ----------------------------------------------------------------- */

static const struct lambda_effect *
find_effect(const struct lambda_outcome *outcome, const char *name)
{
    for (uint32_t i = 0; i < outcome->effect_count; i++)
        if (strcmp(outcome->effects[i].name, name) == 0)
            return &outcome->effects[i];
    return NULL;
}

static bool is_once(const struct lambda_sweep_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->once_count; i++)
        if (strcmp(config->once[i], name) == 0)
            return true;
    return false;
}

static void say(struct lambda_row *row, enum check_verdict verdict,
                const char *text)
{
    size_t used = strlen(row->why);

    if (verdict == CHECK_FAIL || row->verdict == CHECK_PASS)
        row->verdict = verdict;
    snprintf(row->why + used, sizeof(row->why) - used, "%s%s", used ? "; " : "",
             text);
}

static void judge_effect(const struct lambda_sweep_config *config,
                         const char *name, uint32_t expected, uint32_t found,
                         bool whole, struct lambda_row *row)
{
    char text[160];

    if (found > expected && is_once(config, name)) {
        snprintf(text, sizeof(text), "%.60s applied %u times, declared %u",
                 name, found, expected);
        say(row, CHECK_FAIL, text);
    } else if (found < expected && whole) {
        snprintf(text, sizeof(text), "%.60s applied %u times, not %u", name,
                 found, expected);
        say(row, CHECK_FAIL, text);
    } else if (found > expected) {
        snprintf(text, sizeof(text), "%.60s %ux, not %ux", name, found,
                 expected);
        say(row, CHECK_PASS, text);
    }
}

/* A run that is struck so may come out otherwise. */
static bool changes(const struct lambda_row *row)
{
    return lambda_fault_changes(row->fault) ||
           lambda_fault_changes(row->also.fault);
}

static void judge_effects(const struct lambda_sweep_config *config,
                          const struct lambda_outcome *golden,
                          const struct lambda_outcome *outcome,
                          struct lambda_row *row)
{
    bool whole = strcmp(outcome->status, golden->status) == 0 && !changes(row);

    for (uint32_t i = 0; i < golden->effect_count; i++) {
        const struct lambda_effect *expected = &golden->effects[i];
        const struct lambda_effect *found =
            find_effect(outcome, expected->name);
        judge_effect(config, expected->name, expected->applied,
                     found ? found->applied : 0, whole, row);
    }
    for (uint32_t i = 0; i < outcome->effect_count; i++)
        if (!find_effect(golden, outcome->effects[i].name))
            judge_effect(config, outcome->effects[i].name, 0,
                         outcome->effects[i].applied, whole, row);
}

static void judge_end(const struct lambda_sweep_config *config,
                      const struct lambda_outcome *golden,
                      const struct lambda_outcome *outcome,
                      struct lambda_row *row)
{
    char text[200];

    if (outcome->end != LAMBDA_ENDED) {
        lambda_outcome_why(outcome, text);
        say(row, CHECK_FAIL, text);
        if (outcome->troubles)
            say(row, CHECK_FAIL, outcome->trouble);
        return;
    }
    if (outcome->touched)
        say(row, CHECK_FAIL, "the execution whose token it got has changed");
    if ((row->fault == LAMBDA_FAULT_STOP ||
         row->also.fault == LAMBDA_FAULT_STOP) &&
        strcmp(outcome->status, "STOPPED") == 0)
        return;
    if (changes(row)) {
        if (strcmp(outcome->status, golden->status) != 0) {
            snprintf(text, sizeof(text), "it ends %s", outcome->status);
            say(row, CHECK_PASS, text);
        }
        return;
    }
    if (config->may_fail && strcmp(outcome->status, "FAILED") == 0) {
        say(row, CHECK_PASS, "it ends FAILED");
        return;
    }
    if (strcmp(outcome->status, golden->status) != 0) {
        snprintf(text, sizeof(text), "it ends %s, not %s: %.100s",
                 outcome->status, golden->status,
                 outcome->result ? outcome->result : "");
        say(row, CHECK_FAIL, text);
    } else if (outcome->result_size != golden->result_size ||
               memcmp(outcome->result ? outcome->result : "",
                      golden->result ? golden->result : "",
                      golden->result_size) != 0) {
        snprintf(text, sizeof(text), "its result is %.120s",
                 outcome->result ? outcome->result : "");
        say(row, CHECK_FAIL, text);
    }
}

/* Properties over all runs ------------------------------------------------ */

/* What the sweep itself looks for, before what is watched. */
enum own {
    OWN_END,
    OWN_SAME,
    OWN_EFFECTS,
    OWN_COUNT
};

static const struct lambda_property owns[OWN_COUNT] = {
    {.id = "R1", .name = "every trial ends", .unit = "runs"},
    {.id = "R2", .name = "same status and result", .unit = "runs"},
    {.id = "R3", .name = "effects as declared", .unit = "runs"}};

static void count_own(struct lambda_sweep *sweep, enum own own, bool bad,
                      const char *why)
{
    struct lambda_property *property = &sweep->properties[own];

    property->checked++;
    if (bad && property->violations++ == 0)
        snprintf(property->why, sizeof(property->why), "%s", why);
}

/* The properties of a run into the sums. */
static void add_findings(struct lambda_sweep *sweep,
                         const struct lambda_findings *findings)
{
    for (uint32_t i = 0; i < findings->property_count; i++) {
        const struct lambda_property *found = &findings->properties[i];
        struct lambda_property *sum = &sweep->properties[OWN_COUNT + i];
        uint64_t checked = sum->checked + found->checked;
        uint64_t violations = sum->violations + found->violations;
        if (!sum->id || (sum->violations == 0 && found->violations > 0))
            *sum = *found;
        sum->checked = checked;
        sum->violations = violations;
        if (sweep->property_count < OWN_COUNT + i + 1)
            sweep->property_count = OWN_COUNT + i + 1;
    }
}

static void conclude(struct lambda_sweep *sweep)
{
    for (uint32_t i = 0; i < sweep->property_count; i++) {
        struct lambda_property *sum = &sweep->properties[i];
        sum->verdict = sum->violations ? CHECK_FAIL
                       : sum->checked  ? CHECK_PASS
                                       : CHECK_INCONCLUSIVE;
    }
}

static void judge_findings(const struct lambda_findings *findings,
                           struct lambda_row *row)
{
    char text[LAMBDA_ROW_WHY_SIZE];

    for (uint32_t i = 0; i < findings->property_count; i++) {
        const struct lambda_property *property = &findings->properties[i];
        if (property->violations == 0)
            continue;
        snprintf(text, sizeof(text), "%s, %s: %.170s", property->id,
                 property->name, property->why);
        say(row, CHECK_FAIL, text);
    }
}

/* The number of an effect; UINT32_MAX: there are too many. */
static uint32_t number_of(struct lambda_sweep *sweep, const char *name)
{
    uint32_t i = 0;

    while (i < sweep->effect_count && strcmp(sweep->effects[i], name) != 0)
        i++;
    if (i == LAMBDA_EFFECTS_MAX)
        return UINT32_MAX;
    if (i == sweep->effect_count)
        snprintf(sweep->effects[sweep->effect_count++], LAMBDA_POINT_NAME, "%s",
                 name);
    return i;
}

static void keep_effects(struct lambda_sweep *sweep,
                         const struct lambda_outcome *outcome,
                         uint32_t applied[LAMBDA_EFFECTS_MAX])
{
    for (uint32_t i = 0; i < outcome->effect_count; i++) {
        uint32_t number = number_of(sweep, outcome->effects[i].name);
        if (number != UINT32_MAX)
            applied[number] = outcome->effects[i].applied;
    }
}

static void judge(const struct lambda_sweep_config *config,
                  struct lambda_sweep *sweep,
                  const struct lambda_outcome *outcome, struct lambda_row *row)
{
    const struct lambda_outcome *golden = &sweep->golden;
    bool bad;

    row->verdict = CHECK_PASS;
    snprintf(row->status, sizeof(row->status), "%s", outcome->status);
    row->invocations = outcome->invocations;
    row->virtual_ns = outcome->virtual_ns;
    row->use = outcome->findings.use;
    keep_effects(sweep, outcome, row->applied);
    judge_end(config, golden, outcome, row);
    bad = row->verdict == CHECK_FAIL;
    count_own(sweep, OWN_END, outcome->end != LAMBDA_ENDED, row->why);
    if (outcome->end == LAMBDA_ENDED)
        count_own(sweep, OWN_SAME, bad, row->why);
    row->verdict = CHECK_PASS;
    judge_effects(config, golden, outcome, row);
    count_own(sweep, OWN_EFFECTS, row->verdict == CHECK_FAIL, row->why);
    if (bad)
        row->verdict = CHECK_FAIL;
    judge_findings(&outcome->findings, row);
    add_findings(sweep, &outcome->findings);
    if (outcome->keys_full)
        say(row, CHECK_INCONCLUSIVE,
            "it sent more idempotency keys than are kept");
    if (row->verdict == CHECK_PASS && row->struck == 0)
        say(row, CHECK_INCONCLUSIVE, "it never came there");
}

/* Trials ------------------------------------------------------------------ */

static int try_one(const struct lambda_sweep_config *config,
                   struct lambda_sweep *sweep, const struct lambda_case *one,
                   bool *more)
{
    struct lambda_plan plan = {.fault = one->fault,
                               .at = one->at,
                               .times = one->times,
                               .also = one->also,
                               .page_items = one->page_items};
    struct lambda_row row = {.fault = one->fault,
                             .at = one->at,
                             .times = one->times,
                             .also = one->also,
                             .page_items = one->page_items};
    struct lambda_outcome outcome;
    int result = lambda_trial(config->bench, &plan, &outcome);

    row.struck = plan.struck;
    if (result == 0) {
        judge(config, sweep, &outcome, &row);
        sweep->trials++;
        sweep->held += row.verdict == CHECK_PASS;
        sweep->failed += row.verdict == CHECK_FAIL;
        sweep->missed += row.verdict == CHECK_INCONCLUSIVE;
        *more = config->row(config->self, &row);
    }
    lambda_outcome_free(&outcome);
    lambda_plan_free(&plan);
    return result;
}

/* Crashes at each boundary of a run whose state comes in small pages. */
static int add_paged(const struct lambda_sweep_config *config,
                     struct lambda_cases *cases)
{
    bool faults[LAMBDA_FAULT_COUNT] = {[LAMBDA_FAULT_CRASH] = true};
    const struct lambda_choice choice = {.faults = faults};
    struct lambda_plan plan = {.recording = true, .page_items = SMALL_PAGE};
    struct lambda_outcome outcome;
    int result;

    if (!config->faults[LAMBDA_FAULT_PAGES] ||
        !config->faults[LAMBDA_FAULT_CRASH] || config->only)
        return 0;
    result = lambda_trial(config->bench, &plan, &outcome);
    if (result == 0 && outcome.end == LAMBDA_ENDED)
        result = lambda_cases_add(cases, &choice, &plan, SMALL_PAGE);
    lambda_outcome_free(&outcome);
    lambda_plan_free(&plan);
    return result;
}

/* The fault that each run has besides. One that names no boundary leaves
 * nothing to try. */
static int add_also(const struct lambda_sweep_config *config,
                    const struct lambda_sweep *sweep,
                    struct lambda_cases *cases)
{
    struct lambda_strike also;

    if (config->also && !lambda_strike_read(config->also, &sweep->plan, &also))
        cases->count = 0;
    for (uint32_t i = 0; config->also && i < cases->count; i++)
        cases->cases[i].also = also;
    return 0;
}

static int add_cases(const struct lambda_sweep_config *config,
                     const struct lambda_sweep *sweep,
                     struct lambda_cases *cases)
{
    const struct lambda_choice choice = {
        .faults = config->faults, .only = config->only, .times = config->times};

    return lambda_cases_add(cases, &choice, &sweep->plan, 0) ||
                   lambda_cases_add_whole(cases, &choice, &sweep->plan) ||
                   lambda_cases_add_pairs(cases, config->pairs, config->seed) ||
                   add_paged(config, cases)
               ? -1
               : add_also(config, sweep, cases);
}

/* The run that is not struck. */
static int try_golden(const struct lambda_sweep_config *config,
                      struct lambda_sweep *sweep)
{
    uint32_t applied[LAMBDA_EFFECTS_MAX] = {0};

    sweep->plan.recording = true;
    if (lambda_trial(config->bench, &sweep->plan, &sweep->golden))
        return -1;
    keep_effects(sweep, &sweep->golden, applied);
    memcpy(sweep->properties, owns, sizeof(owns));
    sweep->property_count = OWN_COUNT;
    add_findings(sweep, &sweep->golden.findings);
    return 0;
}

int lambda_sweep_run(const struct lambda_sweep_config *config,
                     struct lambda_sweep *sweep)
{
    struct lambda_cases cases = {0};
    bool more = true;
    int result;

    memset(sweep, 0, sizeof(*sweep));
    result = try_golden(config, sweep);
    if (result == 0 && sweep->golden.end == LAMBDA_ENDED)
        result = add_cases(config, sweep, &cases);
    for (uint32_t i = 0; result == 0 && i < cases.count && more; i++) {
        config->progress(config->self, i, cases.count);
        result = try_one(config, sweep, &cases.cases[i], &more);
    }
    conclude(sweep);
    lambda_cases_free(&cases);
    return result;
}

void lambda_sweep_free(struct lambda_sweep *sweep)
{
    lambda_outcome_free(&sweep->golden);
    lambda_plan_free(&sweep->plan);
}

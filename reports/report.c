#include "reports/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"

static void reason(struct report_model *model, enum check_verdict verdict,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void reason(struct report_model *model, enum check_verdict verdict,
                   const char *format, ...)
{
    if (model->reason_count == REPORT_REASONS_MAX) {
        model->reasons_left_out++;
        return;
    }
    struct report_reason *next = &model->reasons[model->reason_count++];
    next->verdict = verdict;
    va_list args;
    va_start(args, format);
    vsnprintf(next->text, sizeof(next->text), format, args);
    va_end(args);
    report_buffer_trim(next->text);
}

static int required(const struct report_facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->required_count; i++)
        if (strcmp(facts->required[i], id) == 0)
            return 1;
    return 0;
}

void report_model_count(struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        model->held += result->verdict == CHECK_PASS;
        model->failed += result->verdict == CHECK_FAIL;
        model->absent += result->absent != 0;
    }
    for (size_t i = 0; i < facts->expectation_count; i++) {
        model->met += facts->expectations[i].verdict == CHECK_PASS;
        model->missed += facts->expectations[i].verdict == CHECK_FAIL;
    }
    for (size_t i = 0; i < facts->threshold_count; i++) {
        model->met += facts->thresholds[i].verdict == CHECK_PASS;
        model->missed += facts->thresholds[i].verdict == CHECK_FAIL;
    }
}

static void judge_thresholds(struct report_model *model,
                             enum check_verdict verdict)
{
    const struct report_facts *facts = &model->facts;
    for (size_t i = 0; i < facts->threshold_count; i++) {
        const struct report_threshold *each = &facts->thresholds[i];
        if (each->verdict == verdict)
            reason(model, verdict, "The threshold of %s is %s, found %s.",
                   each->expr, each->limit, each->actual);
    }
}

static void judge_failures(struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        if (result->verdict != CHECK_FAIL)
            continue;
        reason(model, CHECK_FAIL, "%s %s: %s", result->id, result->name,
               result->violations ? result->first.text : result->reason);
    }
    for (size_t i = 0; i < facts->expectation_count; i++) {
        const struct report_expectation *expected = &facts->expectations[i];
        if (expected->verdict != CHECK_FAIL)
            continue;
        reason(model, CHECK_FAIL, "Expected %s, found %s.", expected->text,
               expected->actual);
    }
    judge_thresholds(model, CHECK_FAIL);
}

static void judge_excuses(struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        if (result->verdict == CHECK_EXCUSED)
            reason(model, CHECK_EXCUSED, "%s %s is excused: %s", result->id,
                   result->name, result->reason);
    }
}

/* Points tell too little: what one rule did there hides another's silence. */
static void judge_rules(struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    for (size_t i = 0; i < facts->rule_count; i++) {
        const struct report_rule *rule = &facts->rules[i];
        if (rule->optional)
            continue;
        if (!rule->fired)
            reason(model, CHECK_INCONCLUSIVE,
                   "A fault was armed and never fired: %s.", rule->text);
        else if (!rule->in_flight)
            reason(model, CHECK_INCONCLUSIVE,
                   "A fault never fired while work was in flight: %s.",
                   rule->text);
    }
    if (facts->rule_count && !model->stats->faults_fired)
        reason(model, CHECK_INCONCLUSIVE,
               "Faults were armed and none of them fired.");
}

static void judge_faults(struct report_model *model)
{
    const struct report_stats *stats = model->stats;
    judge_rules(model);
    for (uint32_t i = 0; i < stats->fault_count; i++) {
        const struct report_fault *fault = &stats->faults[i];
        if (fault->armed && !fault->fired && !fault->optional &&
            !model->facts.rule_count)
            reason(model, CHECK_INCONCLUSIVE,
                   "The fault at %s was armed and never fired.", fault->name);
        if (fault->fired && !fault->effective && !fault->optional)
            reason(model, CHECK_INCONCLUSIVE,
                   "The fault at %s fired, but nothing came of it.",
                   fault->name);
    }
    if (stats->faults_fired && stats->faults_in_flight == 0)
        reason(model, CHECK_INCONCLUSIVE,
               "%" PRIu64 " faults fired, none while work was in flight.",
               stats->faults_fired);
}

static void judge_doubts(struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    if (facts->incomplete)
        reason(model, CHECK_INCONCLUSIVE, "The run is incomplete: %s",
               facts->incomplete);
    if (model->stats->incomplete)
        reason(model, CHECK_INCONCLUSIVE,
               "Memory ran out: the figures of this report are too low.");
    judge_faults(model);
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        if (result->verdict == CHECK_FAIL || result->verdict == CHECK_EXCUSED ||
            result->absent || !required(facts, result->id))
            continue;
        if (result->checked == 0)
            reason(model, CHECK_INCONCLUSIVE, "%s %s looked at no %s.",
                   result->id, result->name, result->unit);
        else if (result->verdict == CHECK_INCONCLUSIVE)
            reason(model, CHECK_INCONCLUSIVE, "%s %s: %s", result->id,
                   result->name, result->reason);
    }
    for (size_t i = 0; i < facts->expectation_count; i++)
        if (facts->expectations[i].verdict == CHECK_INCONCLUSIVE)
            reason(model, CHECK_INCONCLUSIVE, "Expected %s, found %s.",
                   facts->expectations[i].text, facts->expectations[i].actual);
    judge_thresholds(model, CHECK_INCONCLUSIVE);
    if (facts->result_count == 0 && facts->expectation_count == 0 &&
        facts->threshold_count == 0)
        reason(model, CHECK_INCONCLUSIVE,
               "No property was checked and nothing was expected.");
    if (model->stats->runs.started == 0)
        reason(model, CHECK_INCONCLUSIVE, "No run was started.");
}

/* Reasons are written gravest first, so the first one has the verdict. */
static void judge(struct report_model *model)
{
    report_model_count(model);
    judge_failures(model);
    judge_excuses(model);
    judge_doubts(model);
    if (model->reason_count)
        model->verdict = model->reasons[0].verdict;
    else
        model->verdict = CHECK_PASS;
}

/* Where only some runs are recorded, the first of them; 0: there is none. */
static uint64_t first_sampled(const struct report_collect *collect)
{
    size_t count;
    uint64_t left_out;
    const struct report_retained *kept =
        report_collect_retained(collect, &count, &left_out);
    if (!report_collect_world(collect)->sampled)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (kept[i].record.run)
            return kept[i].record.run;
    return 0;
}

/* The run that explains most: a violation's, else the most troubled. */
static uint64_t choose_run(const struct report_model *model,
                           const struct report_collect *collect,
                           const char **why)
{
    const struct report_facts *facts = &model->facts;
    *why = "the run that was asked for";
    uint64_t follow = report_collect_world(collect)->follow;
    if (follow && report_timeline_kept(collect, follow))
        return follow;
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *result = &facts->results[i];
        *why = "the first run that violates a property";
        if (result->violations &&
            report_timeline_kept(collect, result->first.record.run))
            return result->first.record.run;
    }
    *why = "the run that met most faults, takeovers and retries";
    if (report_timeline_kept(collect, model->stats->worst_run))
        return model->stats->worst_run;
    *why = "the slowest run";
    if (report_timeline_kept(collect, model->stats->slowest_run))
        return model->stats->slowest_run;
    *why = "the first run";
    if (report_timeline_kept(collect, 1))
        return 1;
    *why = "the first run that was recorded";
    return first_sampled(collect);
}

void report_model_judge(struct report_model *model,
                        struct report_collect *collect,
                        const struct report_facts *facts)
{
    memset(model, 0, sizeof(*model));
    model->facts = *facts;
    model->stats = report_collect_finish(collect);
    size_t kept;
    report_collect_retained(collect, &kept, &model->records_left_out);
    judge(model);
}

/* Why a run is shown to which this happened behind a fault. */
static const char *why_more(enum report_came came)
{
    static const char *const why[REPORT_CAMES] = {
        [REPORT_CAME_LOST] = "a fault struck it and an effect was lost",
        [REPORT_CAME_DUPLICATE] =
            "a fault struck it and an effect was applied again",
        [REPORT_CAME_UNFINISHED] = "a fault struck it and it did not end",
        [REPORT_CAME_BLOCKED] =
            "a fault struck it and it waits for an operator",
        [REPORT_CAME_FAILED] = "a fault struck it and it did not succeed",
        [REPORT_CAME_REPEATED] =
            "a fault struck it and an effect was repeated and recognised",
        [REPORT_CAME_TAKEN_OVER] = "a fault struck it and it was taken over",
        [REPORT_CAME_RETRIED] =
            "a fault struck it and an attempt was made again"};
    return why[came];
}

static int shown(const struct report_model *model, uint64_t run)
{
    if (model->timeline && model->timeline->run == run)
        return 1;
    for (uint32_t i = 0; i < model->more_count; i++)
        if (model->more[i]->run == run)
            return 1;
    return 0;
}

/* A run that stands for what came of some point's firings. */
struct candidate {
    uint64_t run;
    enum report_came came;
    int kept; /* records of it are */
};

enum {
    CANDIDATES_MAX = 64
};

/* Gravest first; how many. */
static uint32_t list_candidates(const struct report_stats *stats,
                                struct candidate list[CANDIDATES_MAX])
{
    uint32_t count = 0;
    for (unsigned came = 0; came < REPORT_CAME_WENT_ON; came++)
        for (uint32_t i = 0; i < stats->fault_count; i++) {
            uint64_t run = stats->faults[i].strikes.came[came].run;
            if (run && count < CANDIDATES_MAX)
                list[count++] = (struct candidate){run, came, 0};
        }
    return count;
}

/* One pass for all of them: there may be very many records. */
static void find_kept(const struct report_collect *collect,
                      struct candidate *list, uint32_t count)
{
    size_t records;
    uint64_t left_out;
    const struct report_retained *kept =
        report_collect_retained(collect, &records, &left_out);
    for (size_t i = 0; count && i < records; i++)
        for (uint32_t k = 0; kept[i].record.run && k < count; k++)
            list[k].kept |= kept[i].record.run == list[k].run;
}

/* One run for each of the gravest things that faults came to. */
static int choose_more(struct report_model *model,
                       const struct report_collect *collect)
{
    struct candidate list[CANDIDATES_MAX];
    uint32_t count = list_candidates(model->stats, list);
    unsigned told = REPORT_CAMES; /* the last of which there is a run */
    find_kept(collect, list, count);
    for (uint32_t i = 0; i < count && model->more_count < REPORT_MORE_MAX;
         i++) {
        if (!list[i].kept || list[i].came == told || shown(model, list[i].run))
            continue;
        struct report_timeline *line =
            report_timeline_new(collect, list[i].run, why_more(list[i].came));
        if (!line)
            return -1;
        model->more[model->more_count++] = line;
        told = list[i].came;
    }
    return 0;
}

int report_model_init(struct report_model *model,
                      struct report_collect *collect,
                      const struct report_facts *facts)
{
    report_model_judge(model, collect, facts);
    const char *why;
    uint64_t run = choose_run(model, collect, &why);
    if (run == 0)
        return 0;
    model->timeline = report_timeline_new(collect, run, why);
    return model->timeline ? choose_more(model, collect) : -1;
}

void report_model_deinit(struct report_model *model)
{
    free(model->timeline);
    model->timeline = NULL;
    for (uint32_t i = 0; i < model->more_count; i++)
        free(model->more[i]);
    model->more_count = 0;
}

void report_model_held(const struct report_model *model,
                       struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    struct report_word runs;
    size_t judged = facts->result_count - model->absent;
    if (facts->result_count && model->held == judged && model->absent)
        report_buffer_print(out, "%" PRIu32 " %s held", model->held,
                            model->held == 1 ? "property" : "properties");
    else if (facts->result_count)
        report_buffer_print(out, "%" PRIu32 " of %zu properties held",
                            model->held, judged);
    if (model->absent)
        report_buffer_print(out, ", %" PRIu32 " %s not apply", model->absent,
                            model->absent == 1 ? "does" : "do");
    if (facts->expectation_count)
        report_buffer_print(out, "%s%" PRIu32 " of %zu expectations%s",
                            !facts->result_count ? ""
                            : model->absent      ? ", "
                                                 : " and ",
                            model->met, facts->expectation_count,
                            facts->result_count && !model->absent ? ""
                                                                  : " held");
    report_buffer_print(out, " over %s runs",
                        report_format_count(&runs, model->stats->runs.started));
    if (model->stats->runs.blocked)
        report_buffer_print(
            out, ", %s of them blocked until an operator decides",
            report_format_count(&runs, model->stats->runs.blocked));
    report_buffer_put(out, ".");
}

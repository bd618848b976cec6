#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/sample_report.h"

static const struct synthetic_options calm = {.runs = 12, .crash_every = 5};

static void fail(struct check_result *result, uint64_t run)
{
    result->verdict = CHECK_FAIL;
    result->violations = 1;
    result->first.record.run = run;
    snprintf(result->first.text, sizeof(result->first.text), "%s",
             "Run went wrong.");
}

Test(reports_report, a_world_in_which_all_holds_passes)
{
    struct sample_report *sample = sample_report_new(&calm);
    cr_assert_eq(sample->model.verdict, CHECK_PASS);
    cr_assert_eq(sample->model.reason_count, 0);
    cr_assert_eq(sample->model.held, 2);
    sample_report_free(sample);
}

Test(reports_report, failures_come_before_excuses_and_doubts)
{
    struct sample_report *sample = sample_report_new(&calm);
    sample->facts.incomplete = "interrupted";
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_INCONCLUSIVE);
    sample->results[0].verdict = CHECK_EXCUSED;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_EXCUSED);
    sample->expectations[1].verdict = CHECK_FAIL;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_FAIL);
    cr_assert_eq(sample->model.missed, 1);
    cr_assert_eq(sample->model.failed, 0);
    fail(&sample->results[2], 3);
    sample_report_judge(sample);
    cr_assert_eq(sample->model.failed, 1);
    cr_assert_str_eq(sample->model.reasons[0].text,
                     "L1 every run ends: Run went wrong.");
    cr_assert_eq(sample->model.reason_count, 4);
    sample_report_free(sample);
}

Test(reports_report, a_fault_that_never_fired_leaves_doubt_unless_optional)
{
    struct synthetic_options options = calm;
    options.never = 1;
    struct sample_report *sample = sample_report_new(&options);
    cr_assert_eq(sample->model.verdict, CHECK_INCONCLUSIVE);
    cr_assert_str_eq(
        sample->model.reasons[0].text,
        "The fault at disk/sync/before was armed and never fired.");
    sample_report_free(sample);
}

Test(reports_report, what_one_fault_did_does_not_excuse_the_silence_of_another)
{
    struct sample_report *sample = sample_report_new(&calm);
    struct report_rule rules[] = {{"crash of one", 3, 3, 0},
                                  {"crash of another", 0, 0, 1},
                                  {"pause of a third", 2, 1, 0}};
    sample->facts.rules = rules;
    sample->facts.rule_count = 3;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_PASS);
    rules[1].optional = 0;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_INCONCLUSIVE);
    cr_assert_str_eq(sample->model.reasons[0].text,
                     "A fault was armed and never fired: crash of another.");
    rules[1].fired = 1;
    sample_report_judge(sample);
    cr_assert_str_eq(sample->model.reasons[0].text,
                     "A fault never fired while work was in flight: crash of "
                     "another.");
    sample_report_free(sample);
}

static enum check_verdict verdict_with_fault(uint32_t in_flight)
{
    struct synthetic_options options = {.runs = 0, .crash_every = 1};
    struct sample_report *sample = sample_report_new(&options);
    struct report_collect *collect =
        report_collect_new(&sample->synthetic->world);
    struct engine_record records[2] = {
        {.kind = ENGINE_REC_START_SENT, .run = 1, .time_ns = 5, .a = 5},
        {.kind = ENGINE_REC_FAULT,
         .time_ns = 6,
         .count = in_flight,
         .detail = ENGINE_ACT_LOSE}};
    report_collect_free(sample->collect);
    sample->collect = collect;
    sample->synthetic->world.runs_max = 1;
    report_collect_feed(collect, records, 2);
    sample_report_judge(sample);
    enum check_verdict verdict = sample->model.reason_count
                                     ? sample->model.reasons[0].verdict
                                     : CHECK_PASS;
    int idle = sample->model.reason_count &&
               strstr(sample->model.reasons[0].text, "in flight") != NULL;
    cr_assert_eq(idle, in_flight == 0);
    sample_report_free(sample);
    return verdict;
}

Test(reports_report, faults_that_met_no_work_leave_doubt)
{
    cr_assert_eq(verdict_with_fault(0), CHECK_INCONCLUSIVE);
    verdict_with_fault(1);
}

Test(reports_report, a_required_property_that_looked_at_nothing_leaves_doubt)
{
    struct sample_report *sample = sample_report_new(&calm);
    sample->results[0].checked = 0;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_INCONCLUSIVE);
    cr_assert_str_eq(sample->model.reasons[0].text,
                     "S1 log integrity looked at no appends.");
    sample->facts.required_count = 0;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_PASS);
    sample_report_free(sample);
}

Test(reports_report, a_world_without_runs_proves_nothing)
{
    struct synthetic_options options = {.runs = 0};
    struct sample_report *sample = sample_report_new(&options);
    cr_assert_eq(sample->model.verdict, CHECK_INCONCLUSIVE);
    cr_assert_null(sample->model.timeline);
    sample_report_free(sample);
}

Test(reports_report, the_run_shown_is_the_one_that_violates_a_property)
{
    struct sample_report *sample = sample_report_new(&calm);
    cr_assert_eq(sample->model.timeline->run, 5); /* it met a crash */
    fail(&sample->results[0], 3);
    sample_report_judge(sample);
    cr_assert_eq(sample->model.timeline->run, 3);
    fail(&sample->results[0], 4000); /* nothing kept of it */
    sample_report_judge(sample);
    cr_assert_eq(sample->model.timeline->run, 5);
    sample_report_free(sample);
}

Test(reports_report, a_property_without_an_object_is_no_doubt)
{
    struct sample_report *sample = sample_report_new(&calm);
    struct report_buffer text;

    for (size_t i = 0; i < SAMPLE_RESULTS; i++)
        sample->results[i].verdict = CHECK_PASS;
    sample->results[0].verdict = CHECK_INCONCLUSIVE;
    sample->results[0].checked = 0;
    sample->results[0].absent = 1;
    sample_report_judge(sample);
    cr_assert_eq(sample->model.verdict, CHECK_PASS);
    report_buffer_init(&text);
    report_model_held(&sample->model, &text);
    cr_assert_str_eq(text.text, "2 properties held, 1 does not apply, 2 of 2 "
                                "expectations held over 12 runs.");
    report_buffer_free(&text);
    sample_report_free(sample);
}

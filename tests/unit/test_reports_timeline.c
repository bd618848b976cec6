#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "tests/support/sample_report.h"

static const struct report_row *row_of(const struct report_timeline *line,
                                       const char *text)
{
    for (uint32_t i = 0; i < line->row_count; i++)
        if (strstr(line->rows[i].text, text))
            return &line->rows[i];
    return NULL;
}

Test(reports_timeline, a_crash_cuts_the_attempt_and_the_retry_is_recognised)
{
    struct synthetic_options options = {.runs = 9, .crash_every = 4};
    struct sample_report *sample = sample_report_new(&options);
    struct report_timeline *line =
        report_timeline_new(sample->collect, 4, "chosen");
    cr_assert(line);
    uint32_t cut = 0;
    uint32_t repeats = 0;
    for (uint32_t i = 0; i < line->span_count; i++) {
        cr_assert_leq(line->spans[i].from_ns, line->spans[i].to_ns);
        cr_assert_leq(line->spans[i].lane, line->lane_count);
        cut += line->spans[i].kind == REPORT_SPAN_CUT;
    }
    for (uint32_t i = 0; i < line->mark_count; i++)
        repeats += line->marks[i].kind == REPORT_MARK_REPEAT;
    cr_assert_eq(cut, 1);
    cr_assert_eq(repeats, 1);
    cr_assert(row_of(line, "fault: crash at worker/effect/after"));
    cr_assert(row_of(line, "effect recognised, not applied: charge card"));
    cr_assert(row_of(line, "abandoned: charge card, attempt 1"));
    free(line);
    sample_report_free(sample);
}

Test(reports_timeline, lanes_go_from_the_client_to_the_receiver)
{
    struct synthetic_options options = {.runs = 3};
    struct sample_report *sample = sample_report_new(&options);
    const struct report_timeline *line = sample->model.timeline;
    cr_assert(line);
    cr_assert_str_eq(line->lanes[0].name, "client");
    cr_assert_str_eq(line->lanes[line->lane_count - 1].name, "receiver");
    for (uint32_t i = 1; i < line->lane_count; i++)
        cr_assert_leq(line->lanes[i - 1].role, line->lanes[i].role);
    for (uint32_t i = 1; i < line->row_count; i++)
        cr_assert_lt(line->rows[i - 1].index, line->rows[i].index);
    sample_report_free(sample);
}

Test(reports_timeline, a_run_without_records_was_not_kept)
{
    struct synthetic_options options = {.runs = 3};
    struct sample_report *sample = sample_report_new(&options);
    cr_assert(report_timeline_kept(sample->collect, 3));
    cr_assert_not(report_timeline_kept(sample->collect, 4));
    cr_assert_not(report_timeline_kept(sample->collect, 0));
    sample_report_free(sample);
}

/* The span of this kind and operation; fails the test if there is none. */
static const struct report_span *span_of(const struct report_timeline *line,
                                         enum report_span_kind kind,
                                         uint32_t op)
{
    for (uint32_t i = 0; i < line->span_count; i++)
        if (line->spans[i].kind == kind && line->spans[i].op == op)
            return &line->spans[i];
    cr_assert_fail("no span of operation %u", op);
    return NULL;
}

Test(reports_timeline, a_handlers_operations_have_a_lane_of_their_own)
{
    struct synthetic_options options = {.trips = 3};
    struct sample_report *sample = sample_report_new(&options);
    const struct report_timeline *line = sample->model.timeline;
    const struct report_span *map = span_of(line, REPORT_SPAN_CONTEXT, 1);
    const struct report_span *wait = span_of(line, REPORT_SPAN_WAITING, 4);
    const struct report_span *asked = span_of(line, REPORT_SPAN_WAITING, 5);
    const struct report_span *first = span_of(line, REPORT_SPAN_ATTEMPT, 0);
    const struct report_span *step = span_of(line, REPORT_SPAN_ATTEMPT, 2);

    cr_assert_str_eq(line->lanes[map->lane].name, "operations");
    cr_assert_str_eq(report_timeline_type(map->type, map->subtype), "map");
    cr_assert_geq(wait->to_ns - wait->from_ns, 4000000000);
    cr_assert_geq(asked->to_ns - asked->from_ns, 3000000000);
    cr_assert_str_eq(report_timeline_type(asked->type, 0), "callback");
    cr_assert_lt(first->from_ns, step->from_ns);
    cr_assert_gt(first->to_ns, step->to_ns);
    cr_assert(line->handler);
    sample_report_free(sample);
}

Test(reports_timeline, a_handlers_story_names_signals_and_who_sent_them)
{
    struct synthetic_options options = {.trips = 4};
    struct sample_report *sample = sample_report_new(&options);
    struct report_timeline *line =
        report_timeline_new(sample->collect, 4, "chosen");

    cr_assert(
        row_of(line, "signal from client: callback succeeds, operation 5"));
    cr_assert(row_of(line, "operation 4 (wait) started, 4.00 s"));
    cr_assert(row_of(line, "operation 4 (wait) fires"));
    cr_assert(row_of(line, "waits: plan trip, attempt 1"));
    cr_assert(row_of(line, "begins: operation 2, attempt 1"));
    cr_assert(row_of(line, "logged: run_cancelled")->bold);
    cr_assert_null(row_of(line, "error"));
    free(line);
    sample_report_free(sample);
}

/* What one worker says of a step, as its invocation counts operations. */
static struct engine_record of_step(unsigned kind, uint64_t time_ns,
                                    uint32_t op, uint64_t id)
{
    return (struct engine_record){.kind = (uint16_t)kind,
                                  .node = SYNTHETIC_WORKER,
                                  .time_ns = time_ns,
                                  .run = 1,
                                  .op = op,
                                  .attempt = 2,
                                  .b = id,
                                  .count = 1};
}

/* The third operation of the log is the ninth that this invocation met. */
Test(reports_timeline, a_handlers_step_has_the_number_of_the_log_and_its_name)
{
    static const char *const names[] = {"reserve"};
    static const uint32_t effects[] = {0};
    const struct report_program programs[2] = {
        {.names = names, .effects = effects, .count = 1, .undoes = NULL},
        {.names = names, .effects = effects, .count = 1, .undoes = NULL}};
    const struct engine_record records[] = {
        {.kind = ENGINE_REC_START_SENT, .run = 1, .time_ns = 1, .op = 1},
        of_step(ENGINE_REC_ATTEMPT_BEGIN, 10, 9, 0x22),
        of_step(ENGINE_REC_ATTEMPT_BEGIN, 20, 11, 0x44),
        of_step(ENGINE_REC_ATTEMPT_END, 30, 9, 0x22),
        {.kind = ENGINE_REC_EVENT,
         .node = SYNTHETIC_STORE,
         .time_ns = 40,
         .run = 1,
         .op = 3,
         .attempt = 2,
         .detail = ENGINE_EV_OPERATION_SUCCEEDED,
         .state = ENGINE_OPERATION_STEP,
         .a = 0x22},
    };
    struct synthetic *synthetic =
        synthetic_new(&(struct synthetic_options){.runs = 1, .trips = 1});
    synthetic->world.programs = programs;
    struct report_collect *collect = report_collect_new(&synthetic->world);
    report_collect_feed(collect, records, sizeof(records) / sizeof(*records));
    report_collect_finish(collect);
    struct report_timeline *line = report_timeline_new(collect, 1, "chosen");
    const struct report_span *span = span_of(line, REPORT_SPAN_ATTEMPT, 3);

    cr_expect(row_of(line, "begins: reserve (operation 3), attempt 2"));
    cr_expect(row_of(line, "ends: reserve (operation 3), attempt 2"));
    cr_expect(row_of(line, "begins: reserve (in no log), attempt 2"));
    cr_expect_null(row_of(line, "operation 9"));
    cr_expect_eq(span->from_ns, 10);
    cr_expect_eq(span->to_ns, 30);
    cr_expect_eq(span->attempt, 2);
    free(line);
    report_collect_free(collect);
    synthetic_free(synthetic);
}

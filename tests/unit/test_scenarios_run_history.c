/*
 * A history in print: a line for each event, or pages with a marker, and none
 * at all where the log is not whole.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/operation.h"
#include "scenarios/run_history.h"
#include "tests/support/engine_bed.h"
#include "tests/support/log_bed.h"
#include "tests/support/stage.h"

enum {
    RUN = 7
};

static int print(struct log_bed *b, struct run_history_page page,
                 struct report_buffer *out)
{
    const struct engine_run_row row = {.run = RUN,
                                       .workflow = LOG_BED_WORKFLOW};

    report_buffer_init(out);
    return run_history_print(b->reader, &row, &page, out);
}

/* Begin, three steps of two events each, and an end: eight events. */
static void write_steps(struct log_bed *b)
{
    log_bed_open(b);
    log_bed_create(b, RUN);
    log_bed_commit(b, 1000);
    log_bed_append(b, RUN, 2);
    for (uint32_t op = 1; op <= 3; op++)
        log_bed_operation(
            b, (struct log_operation){.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                                      .op = op,
                                      .type = ENGINE_OPERATION_STEP,
                                      .subtype = ENGINE_SUBTYPE_STEP,
                                      .attempt = 1,
                                      .name = "step",
                                      .value = "1"});
    log_bed_event(b, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0, "1");
    log_bed_commit(b, 2000);
}

Test(scenarios_run_history, each_event_is_a_line)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct report_buffer out;
    struct log_bed b;

    write_steps(&b);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(print(&b, (struct run_history_page){0}, &out), 0);
    cr_expect_eq(stage_count(out.text, "\n"), 8, "%s", out.text);
    cr_expect_eq(stage_count(out.text, "{\"EventType\""), 8, "%s", out.text);
    cr_expect_eq(stage_count(out.text, "\"StepSucceeded\""), 3);
    cr_expect_eq(stage_count(out.text, "\"ExecutionSucceeded\""), 1);
    cr_expect_eq(stage_count(out.text, "NextMarker"), 0);
    report_buffer_free(&out);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_history, pages_hold_each_event_once_and_say_where_to_go_on)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct report_buffer out;
    struct log_bed b;
    char words[64];

    write_steps(&b);
    (void)log_bed_look(&b, graph);
    for (uint64_t after = 0; after <= 9; after += 3) {
        const struct run_history_page page = {after, 3, true};
        const uint64_t left = after < 8 ? 8 - after : 0;

        cr_assert_eq(print(&b, page, &out), 0);
        cr_expect_eq(strncmp(out.text, "{\"Events\": [", 12), 0, "%s",
                     out.text);
        cr_expect_eq(stage_count(out.text, "\"EventId\""),
                     left < 3 ? (int)left : 3, "%s", out.text);
        snprintf(words, sizeof(words), "\"NextMarker\": \"%d\"}\n",
                 (int)after + 3);
        cr_expect_eq(stage_count(out.text, words), left > 3, "%s", out.text);
        cr_expect_eq(stage_count(out.text, "NextMarker"), left > 3);
        report_buffer_free(&out);
    }
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_history, the_last_page_has_no_marker)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct report_buffer out;
    struct log_bed b;

    write_steps(&b);
    (void)log_bed_look(&b, graph);
    cr_assert_eq(print(&b, (struct run_history_page){5, 3, true}, &out), 0);
    cr_expect_eq(stage_count(out.text, "\"EventId\""), 3, "%s", out.text);
    cr_expect_eq(stage_count(out.text, "NextMarker"), 0, "%s", out.text);
    cr_expect(strstr(out.text, "]}\n"), "%s", out.text);
    report_buffer_free(&out);
    log_bed_close(&b);
    engine_graph_free(graph);
}

Test(scenarios_run_history, a_log_that_does_not_fold_has_no_history)
{
    struct engine_graph *graph = engine_bed_handler("orders");
    struct report_buffer out;
    struct log_bed b;

    log_bed_open(&b);
    log_bed_create(&b, RUN);
    log_bed_event(&b, ENGINE_EV_OPERATION_FIRED, 4, 0, "");
    log_bed_commit(&b, 1000);
    (void)log_bed_look(&b, graph);
    cr_expect_eq(print(&b, (struct run_history_page){0}, &out), -2);
    cr_expect_eq(out.size, 0);
    report_buffer_free(&out);
    log_bed_close(&b);
    engine_graph_free(graph);
}

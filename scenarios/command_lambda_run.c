/*
 * `lambda run`: once, undisturbed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/table.h"
#include "scenarios/output.h"

static int write_history(struct lambda_bench *bench, const char *path, int code)
{
    struct json_writer history = {0};
    struct report_buffer out = {0};
    int written;

    if (lambda_bench_history(bench, &history)) {
        free(history.bytes);
        return EXIT_INTERNAL;
    }
    report_buffer_bytes(&out, history.bytes, history.size);
    free(history.bytes);
    written = output_file("lambda", path, &out);
    return written == EXIT_HELD ? code : written;
}

/* It succeeded, and nothing that was watched says otherwise. */
static int code_of(const struct lambda_outcome *outcome)
{
    const struct lambda_findings *findings = &outcome->findings;
    bool good = outcome->end == LAMBDA_ENDED &&
                strcmp(outcome->status, "SUCCEEDED") == 0;

    for (uint32_t i = 0; i < findings->property_count; i++)
        good = good && findings->properties[i].violations == 0;
    return good ? EXIT_HELD : EXIT_PROPERTY;
}

int command_lambda_run(struct lambda_setting *s)
{
    struct lambda_bench *bench;
    struct lambda_plan plan = {.recording = true};
    struct lambda_outcome outcome;
    struct report_buffer out = {0};
    int code = EXIT_INTERNAL;

    if (s->a->out && lambda_logs_open(s->a->out, &s->logs) != EXIT_HELD)
        return EXIT_ENVIRONMENT;
    bench = command_lambda_bench(s);
    if (!bench) {
        (void)lambda_logs_close(s->logs);
        return EXIT_ENVIRONMENT;
    }
    if (lambda_trial(bench, &plan, &outcome) == 0) {
        if (s->a->json)
            lambda_table_run_json(&outcome, &plan, &out);
        else
            lambda_table_run(&outcome, &plan, &out);
        code = output_print(&out, code_of(&outcome));
        if (s->a->history)
            code = write_history(bench, s->a->history, code);
        if (outcome.end != LAMBDA_ENDED && !s->a->logs)
            command_lambda_refuse("what the function prints is shown with %s",
                                  "--logs");
    }
    lambda_outcome_free(&outcome);
    lambda_plan_free(&plan);
    lambda_bench_close(bench);
    if (!lambda_logs_close(s->logs))
        code = EXIT_ENVIRONMENT;
    return *interrupt_flag() ? EXIT_INTERRUPTED : code;
}

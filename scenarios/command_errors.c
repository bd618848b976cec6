#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/platform_codes.h"
#include "reports/buffer.h"
#include "scenarios/command.h"
#include "scenarios/output.h"

static void member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "    \"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}

static void row(struct report_buffer *out, unsigned error, bool json)
{
    const struct engine_failure *failure = engine_failure_of(error);
    const char *retryable = engine_retryability_name(failure->retryable);
    if (!json) {
        report_buffer_print(out, "%-17s %-27s %s\n", failure->code, retryable,
                            failure->meaning);
        return;
    }
    report_buffer_put(out, error > 1 ? ",\n  {\n" : "  {\n");
    member(out, "code", failure->code, ",\n");
    member(out, "meaning", failure->meaning, ",\n");
    member(out, "retryable", retryable, "\n  }");
}

static void code_row(struct report_buffer *out, size_t index, bool json)
{
    const struct engine_platform_code *code = engine_platform_code_at(index);
    const struct engine_failure *failure = engine_failure_of(code->error);
    const char *retryable = engine_retryability_name(failure->retryable);
    if (!json) {
        report_buffer_print(out, "%-10s  %-8s  %-51s  %-14s  %-24s  %s\n",
                            code->platform, code->layer, code->code,
                            failure->code, retryable, code->meaning);
        return;
    }
    report_buffer_put(out, index > 0 ? ",\n  {\n" : "  {\n");
    member(out, "platform", code->platform, ",\n");
    member(out, "layer", code->layer, ",\n");
    member(out, "code", code->code, ",\n");
    member(out, "class", failure->code, ",\n");
    member(out, "meaning", code->meaning, ",\n");
    member(out, "retryable", retryable, "\n  }");
}

/* Every class but NONE, the absence of an error. */
static void classes(struct report_buffer *out, bool json)
{
    for (unsigned error = 1; error < ENGINE_ERR_COUNT; error++)
        row(out, error, json);
}

static void platform_codes(struct report_buffer *out, bool json)
{
    if (!json)
        report_buffer_print(out, "%-10s  %-8s  %-51s  %-14s  %-24s  %s\n",
                            "platform", "layer", "code", "class", "retryable",
                            "meaning");
    for (size_t i = 0; i < engine_platform_code_count(); i++)
        code_row(out, i, json);
}

struct arguments {
    bool json;
    bool platforms;
};

static const struct option options[] = {
    OPT_FLAG("--json", json, "As JSON on stdout."),
    OPT_FLAG("--platforms", platforms,
             "Only the codes of platforms, and the class of each."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.json = false};
    struct report_buffer out;
    if (options_read(argc, argv, &command_errors, &a, NULL) < 0)
        return EXIT_USAGE;
    report_buffer_init(&out);
    report_buffer_put(&out, a.json ? "[\n" : "");
    if (!a.platforms)
        classes(&out, a.json);
    if (!a.json && !a.platforms)
        report_buffer_put(&out, "\n");
    if (!a.json || a.platforms)
        platform_codes(&out, a.json);
    report_buffer_put(&out, a.json ? "\n]\n" : "");
    return output_print(&out, EXIT_HELD);
}

const struct command command_errors = {
    .name = "errors",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[--json] [--platforms]",
    .summary = "classes of errors, and whether each is retried",
    .about = "Every class of error: whether it is retried, and what it means; "
             "then which code of a platform belongs to which.",
    .options = options,
    .run = run};

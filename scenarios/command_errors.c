#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/platform_codes.h"
#include "reports/buffer.h"
#include "scenarios/command.h"

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

/* False: an option that is none; *wrong is it. */
static bool read_options(int argc, char **argv, bool *json, bool *platforms,
                         const char **wrong)
{
    *json = *platforms = false;
    for (int i = 1; i < argc; i++) {
        bool *option = strcmp(argv[i], "--json") == 0        ? json
                       : strcmp(argv[i], "--platforms") == 0 ? platforms
                                                             : NULL;
        *wrong = argv[i];
        if (!option || *option)
            return false;
        *option = true;
    }
    return true;
}

int command_errors(int argc, char **argv)
{
    bool json, platforms;
    const char *wrong = "";
    struct report_buffer out;
    int code = EXIT_HELD;
    if (!read_options(argc, argv, &json, &platforms, &wrong)) {
        fprintf(stderr,
                "perdure errors: found \"%.40s\", allowed --json, "
                "--platforms, each once\n",
                wrong);
        return EXIT_USAGE;
    }
    report_buffer_init(&out);
    report_buffer_put(&out, json ? "[\n" : "");
    if (!platforms)
        classes(&out, json);
    if (!json && !platforms)
        report_buffer_put(&out, "\n");
    if (!json || platforms)
        platform_codes(&out, json);
    report_buffer_put(&out, json ? "\n]\n" : "");
    if (!report_buffer_ok(&out) ||
        fwrite(out.text, 1, out.size, stdout) != out.size ||
        fflush(stdout) != 0)
        code = EXIT_INTERNAL;
    report_buffer_free(&out);
    return code;
}

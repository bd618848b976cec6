#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
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

/* Every class but NONE, the absence of an error. */
int command_errors(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    struct report_buffer out;
    int code = EXIT_HELD;
    if (argc > 1 && !json) {
        fprintf(stderr, "perdure errors: found \"%.40s\", allowed --json\n",
                argv[argc > 2 && strcmp(argv[1], "--json") == 0 ? 2 : 1]);
        return EXIT_USAGE;
    }
    report_buffer_init(&out);
    report_buffer_put(&out, json ? "[\n" : "");
    for (unsigned error = 1; error < ENGINE_ERR_COUNT; error++)
        row(&out, error, json);
    report_buffer_put(&out, json ? "\n]\n" : "");
    if (!report_buffer_ok(&out) ||
        fwrite(out.text, 1, out.size, stdout) != out.size ||
        fflush(stdout) != 0)
        code = EXIT_INTERNAL;
    report_buffer_free(&out);
    return code;
}

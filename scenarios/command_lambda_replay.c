/*
 * `lambda sweep --replay-history`: a recorded history against the code.
 */
#include <stdio.h>

#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/replay.h"
#include "scenarios/output.h"

static int say(const struct arguments *a, const struct lambda_replay *replay)
{
    struct report_buffer out = {0};

    if (a->json)
        lambda_replay_json(replay, &out);
    else
        lambda_replay_text(replay, a->replay, &out);
    return output_print(&out, replay->differs ? EXIT_PROPERTY : EXIT_HELD);
}

int command_lambda_replay(struct lambda_setting *s)
{
    struct json_error error = {0};
    struct lambda_recorded *recorded =
        lambda_recorded_read(s->a->replay, &error);
    struct lambda_bench *bench;
    struct lambda_replay replay;
    int code = EXIT_INTERNAL;

    if (!recorded) {
        command_lambda_refuse("%s", error.code ? error.text : "out of memory");
        return EXIT_USAGE;
    }
    bench = command_lambda_bench(s);
    if (!bench)
        code = EXIT_ENVIRONMENT;
    else if (lambda_replay_run(bench, recorded, &replay) == 0)
        code = say(s->a, &replay);
    lambda_bench_close(bench);
    lambda_recorded_free(recorded);
    return *interrupt_flag() ? EXIT_INTERRUPTED : code;
}

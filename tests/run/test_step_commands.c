/*
 * What real workers do with the commands of steps: output that must be JSON,
 * and commands that undo.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/stage.h"

/* Starts a run with this input and expects the exit code of start --wait. */
static void expect_end(struct stage *s, const char *workflow, const char *input,
                       int code)
{
    cr_expect_eq(STAGE_CALL(s, "start", s->database, workflow, "--input", input,
                            "--wait"),
                 code, "%s of %s: %s%s", workflow, input, s->said,
                 s->complained);
}

Test(run_step_commands, output_that_is_said_to_be_json_is_json, .timeout = 120)
{
    static const char *const ways[] = {"graph", "handler"};

    for (int i = 0; i < 2; i++) {
        char text[256];
        char file[STAGE_PATH_SIZE];
        struct stage s;
        stage_open(&s);
        snprintf(text, sizeof(text),
                 "{\"name\": \"echo\", \"run_as\": \"%s\", \"nodes\": "
                 "[{\"name\": \"e\", \"side_effect\": \"idempotent\", \"run\": "
                 "{\"command\": [\"cat\"], \"output\": \"json\"}}]}",
                 ways[i]);
        stage_file(&s, "echo.json", text, file);
        stage_engine(&s, "30s");
        stage_worker(&s, 0, file);
        stage_wait_words(&s, "w0.err", "ready");
        expect_end(&s, "echo", "{\"a\": 1}", 0);
        expect_end(&s, "echo", "{\"a\": ", 3);
        expect_end(&s, "echo", "[\"memory://x\"]", 3);
        stage_wait_words(&s, "w0.err", "run 2: not JSON at byte");
        stage_wait_words(&s, "w0.err", "run 3: volatile reference memory://x");
        cr_expect_eq(STAGE_CALL(&s, "events", s.database, "2"), 0);
        cr_expect(stage_has(s.said, "serialization"), "%s", s.said);
        cr_expect_not(stage_has(s.said, "retry"), "%s", s.said);
        stage_close(&s);
    }
}

/* How many checkpoints four branches at once take: words of events. */
static int checkpoints_of(const char *window)
{
    static const char text[] =
        "{\"name\": \"fan\", \"run_as\": \"handler\", \"nodes\": [{\"name\": "
        "\"all\", \"type\": \"map\", \"items\": 4, \"nodes\": [{\"name\": "
        "\"one\", \"side_effect\": \"idempotent\", \"run\": {\"command\": "
        "[\"sh\", \"-c\", \"echo done\"]}}]}]}";
    char file[STAGE_PATH_SIZE];
    struct stage s;
    int count;
    stage_open(&s);
    stage_file(&s, "fan.json", text, file);
    stage_engine(&s, "30s");
    stage_worker_with(&s, 0,
                      (const char *const[]){"--workflow", file,
                                            "--checkpoint-window", window,
                                            NULL});
    expect_end(&s, "fan", "x", 0);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1"), 0);
    cr_expect_eq(stage_count(s.said, "operation_succeeded"), 4 + 4 + 1, "%s",
                 s.said);
    count = stage_count(s.said, "checkpoint");
    stage_close(&s);
    return count;
}

/* A window of a second is over when no step runs any more, unless the machine
 * stood still for so long. Without one there are three at least. */
Test(run_step_commands, branches_in_a_window_share_a_checkpoint, .timeout = 120)
{
    int count = 0;
    for (int tries = 0; tries < 5 && count != 2; tries++)
        count = checkpoints_of("1s");
    cr_expect_eq(count, 2);
    cr_expect_gt(checkpoints_of("0s"), 2);
}

Test(run_step_commands, what_undoes_a_step_may_be_a_command, .timeout = 120)
{
    char text[STAGE_PATH_SIZE + 512];
    char file[STAGE_PATH_SIZE];
    char undone[STAGE_PATH_SIZE];
    struct stage s;

    stage_open(&s);
    stage_path(&s, "undone", undone);
    snprintf(text, sizeof(text),
             "{\"name\": \"undo\", \"run_as\": \"handler\", \"nodes\": ["
             "{\"name\": \"book\", \"side_effect\": \"reversible\", \"run\": "
             "{\"command\": [\"printf\", \"seat 7\"]}, \"compensate\": "
             "{\"command\": [\"sh\", \"-c\", \"cat >%s\"]}},"
             "{\"name\": \"pay\", \"side_effect\": \"idempotent\", \"run\": "
             "{\"command\": [\"false\"]}}],"
             "\"edges\": [[\"book.out\", \"pay.in\"]]}",
             undone);
    stage_file(&s, "undo.json", text, file);
    stage_engine(&s, "30s");
    stage_worker(&s, 0, file);
    stage_wait_words(&s, "w0.err", "ready");
    expect_end(&s, "undo", "x", 3);
    char *seat = stage_read(undone);
    cr_expect_str_eq(seat, "seat 7", "it is given the result it undoes");
    free(seat);
    stage_close(&s);
}

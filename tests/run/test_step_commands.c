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

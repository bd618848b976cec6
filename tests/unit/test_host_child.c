/*
 * Programs of a step: what they write and how they end is told once, however
 * they behave.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/child.h"

struct end {
    int calls;
    int exit_code;
    int signal;
    bool full;
    char *output;
    size_t size;
};

static void keep(void *self, const struct host_child_end *end)
{
    struct end *kept = self;

    kept->calls++;
    kept->exit_code = end->exit_code;
    kept->signal = end->signal;
    kept->full = end->output_full;
    kept->size = end->size;
    kept->output = calloc(1, end->size + 1);
    cr_assert_not_null(kept->output);
    if (end->size)
        memcpy(kept->output, end->output, end->size);
}

static const char *const nothing[] = {NULL};

static struct host_child_config
config_of(struct host_loop *loop, const char *const *command, struct end *end)
{
    return (struct host_child_config){.loop = loop,
                                      .command = command,
                                      .environment = nothing,
                                      .input = "",
                                      .output_max = 1 << 20,
                                      .ended = keep,
                                      .self = end};
}

/* Runs it until it has ended. The output is the caller's to free. */
static struct end run(const struct host_child_config *like)
{
    struct host_child_config config = *like;
    struct host_loop loop;
    struct end end = {0};

    cr_assert_eq(host_loop_open(&loop), 0);
    config.loop = &loop;
    config.self = &end;
    struct host_child *child = host_child_start(&config);
    cr_assert_not_null(child, "%s", strerror(errno));
    while (!host_child_look(child))
        cr_assert_geq(host_loop_wait(&loop, UINT64_MAX), 0);
    host_child_free(child);
    host_loop_close(&loop);
    cr_expect_eq(end.calls, 1);
    return end;
}

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(host_child, input_goes_in_and_output_comes_out, .timeout = 60)
{
    enum {
        SIZE = 1 << 20
    };
    char *input = malloc(SIZE);
    struct host_child_config config = config_of(NULL, COMMAND("cat"), NULL);

    cr_assert_not_null(input);
    for (size_t i = 0; i < SIZE; i++)
        input[i] = (char)('a' + i % 26);
    config.input = input;
    config.input_size = SIZE;
    struct end end = run(&config);
    cr_expect_eq(end.exit_code, 0);
    cr_expect_eq(end.size, SIZE);
    cr_expect_eq(memcmp(end.output, input, SIZE), 0);
    cr_expect_not(end.full, "it wrote just what it may");
    free(end.output);
    free(input);
}

Test(host_child, who_never_reads_its_input_ends_well, .timeout = 60)
{
    char *input = calloc(1, 1 << 20);
    struct host_child_config config = config_of(NULL, COMMAND("true"), NULL);

    cr_assert_not_null(input);
    cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    config.input = input;
    config.input_size = 1 << 20;
    struct end end = run(&config);
    cr_expect_eq(end.exit_code, 0);
    cr_expect_eq(end.size, 0);
    free(end.output);
    free(input);
}

Test(host_child, who_writes_without_end_is_cut_off, .timeout = 60)
{
    struct host_child_config config = config_of(NULL, COMMAND("yes"), NULL);

    config.output_max = 1001;
    struct end end = run(&config);
    cr_expect(end.full);
    cr_expect_eq(end.size, 1001);
    cr_expect_eq(end.signal, SIGPIPE);
    cr_expect_eq(end.exit_code, -1);
    free(end.output);
}

Test(host_child, a_byte_above_the_bound_is_seen, .timeout = 60)
{
    struct host_child_config config =
        config_of(NULL, COMMAND("printf", "123456"), NULL);

    config.output_max = 6;
    struct end end = run(&config);
    cr_expect_not(end.full);
    cr_expect_str_eq(end.output, "123456");
    free(end.output);
    config.output_max = 5;
    end = run(&config);
    cr_expect(end.full);
    cr_expect_str_eq(end.output, "12345");
    free(end.output);
}

Test(host_child, how_it_ended_is_told, .timeout = 60)
{
    struct host_child_config config =
        config_of(NULL, COMMAND("sh", "-c", "echo half; exit 75"), NULL);
    struct end end = run(&config);

    cr_expect_eq(end.exit_code, 75);
    cr_expect_eq(end.signal, 0);
    cr_expect_str_eq(end.output, "half\n");
    free(end.output);
    config.command = COMMAND("sh", "-c", "kill -KILL $$");
    end = run(&config);
    cr_expect_eq(end.exit_code, -1);
    cr_expect_eq(end.signal, SIGKILL);
    free(end.output);
}

Test(host_child, its_environment_is_ours_with_names_said_anew, .timeout = 60)
{
    static const char *const environment[] = {"TOLD=new", "MORE=1", NULL};
    struct host_child_config config =
        config_of(NULL, COMMAND("sh", "-c", "echo $TOLD $MORE $KEPT"), NULL);

    cr_assert_eq(setenv("TOLD", "old", 1), 0);
    cr_assert_eq(setenv("KEPT", "kept", 1), 0);
    config.environment = environment;
    struct end end = run(&config);
    cr_expect_str_eq(end.output, "new 1 kept\n");
    free(end.output);
}

Test(host_child, a_program_that_is_not_there_is_said_at_once)
{
    struct host_loop loop;
    struct end end = {0};

    cr_assert_eq(host_loop_open(&loop), 0);
    struct host_child_config config =
        config_of(&loop, COMMAND("/no/such/program"), &end);
    errno = 0;
    cr_expect_null(host_child_start(&config));
    cr_expect_eq(errno, ENOENT);
    cr_expect_eq(end.calls, 0);
    host_loop_close(&loop);
}

/* All that it has started holds the pipe's other end while it lives. */
Test(host_child, giving_up_ends_all_it_has_started, .timeout = 60)
{
    struct host_loop loop;
    struct end end = {0};
    int ends[2];
    char byte;

    cr_assert_eq(host_loop_open(&loop), 0);
    cr_assert_eq(pipe(ends), 0);
    struct host_child_config config =
        config_of(&loop, COMMAND("sh", "-c", "sleep 1000 & sleep 1000"), &end);
    struct host_child *child = host_child_start(&config);
    cr_assert_not_null(child);
    close(ends[1]);
    host_child_free(child);
    cr_expect_eq(read(ends[0], &byte, 1), 0, "nobody holds it any more");
    cr_expect_eq(end.calls, 0, "it is not told");
    close(ends[0]);
    host_loop_close(&loop);
}

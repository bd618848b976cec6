/*
 * Processes of functions, good and hostile: tests/lambda/runtime/runtime.py
 * speaks the Runtime API by itself, and behaves as its handler is called.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/lambda/programs.h"
#include "scenarios/lambda/sweep.h"

#define RUNTIME "tests/lambda/runtime/"
#define SECOND UINT64_C(1000000000)

struct bed {
    struct lambda_programs *set;
    struct lambda_bench *bench;
    struct lambda_plan plan;
    struct lambda_outcome outcome;
};

struct setting {
    const char *handler;
    const char *runtime; /* NULL: the bootstrap */
    uint32_t memory_mb;
    uint32_t prepared;
    uint32_t invocations_max;
    bool plain;
    bool freezes;
    uint64_t timeout_ns;
    uint64_t patience_ns;
};

static void open_bed(struct bed *bed, const struct setting *s)
{
    const struct lambda_function function = {
        .name = "function",
        .durable = !s->plain,
        .timeout_ns = s->timeout_ns ? s->timeout_ns : 900 * SECOND,
        .execution_timeout_ns = 366 * 86400 * SECOND};
    char error[256];

    memset(bed, 0, sizeof(*bed));
    bed->set = calloc(1, sizeof(*bed->set));
    cr_assert_not_null(bed->set);
    bed->set->runtimes.text = s->runtime;
    cr_assert_eq(
        lambda_programs_add(bed->set, s->handler, &function, s->memory_mb),
        EXIT_HELD);
    const struct lambda_bench_config config = {
        .programs = bed->set->programs,
        .program_count = 1,
        .event = "{}",
        .event_size = 2,
        .prepared = s->prepared,
        .invocations_max = s->invocations_max,
        .patience_ns = s->patience_ns ? s->patience_ns : 60 * SECOND,
        .freezes = s->freezes,
        .seed = 1,
        .quiet = true};
    bed->bench = lambda_bench_open(&config, error);
    cr_assert_not_null(bed->bench, "%s", error);
}

static void run(struct bed *bed, const struct setting *s)
{
    open_bed(bed, s);
    bed->plan.recording = true;
    cr_assert_eq(lambda_trial(bed->bench, &bed->plan, &bed->outcome), 0);
}

static void close_bed(struct bed *bed)
{
    lambda_outcome_free(&bed->outcome);
    lambda_plan_free(&bed->plan);
    lambda_bench_close(bed->bench);
    lambda_programs_free(bed->set);
    free(bed->set);
}

/* A way of the stand-in runtime that is no obstacle. */
static void expect_success(const char *way)
{
    const struct setting setting = {
        .handler = way, .runtime = RUNTIME "runtime.py", .freezes = true};
    struct bed bed;

    run(&bed, &setting);
    cr_expect_eq(bed.outcome.end, LAMBDA_ENDED, "%s: %s", way,
                 bed.outcome.trouble);
    cr_expect_str_eq(bed.outcome.status, "SUCCEEDED", "%s", way);
    cr_expect_eq(bed.outcome.effect_count, 2, "%s", way);
    cr_expect_eq(bed.outcome.invocations, 2, "%s", way);
    cr_expect_geq(bed.outcome.virtual_ns, 86400 * SECOND, "%s", way);
    close_bed(&bed);
}

/* One that ends otherwise, and why. */
static void expect_trouble(const struct setting *setting, enum lambda_end end,
                           const char *why)
{
    struct bed bed;

    run(&bed, setting);
    cr_expect_eq(bed.outcome.end, end, "%s: %u %s", setting->handler,
                 (unsigned)bed.outcome.end, bed.outcome.trouble);
    cr_expect_gt(bed.outcome.troubles, 0, "%s", setting->handler);
    cr_expect_not_null(strstr(bed.outcome.trouble, why), "%s: %s",
                       setting->handler, bed.outcome.trouble);
    close_bed(&bed);
}

Test(lambda_hosting, any_program_that_speaks_the_runtime_api_is_hosted)
{
    expect_success("durable");
}

Test(lambda_hosting, a_handler_that_is_a_program_is_started_as_it_is)
{
    struct bed bed = {.set = calloc(1, sizeof(*bed.set))};
    const struct lambda_function function = {.name = "f"};

    cr_assert_not_null(bed.set);
    cr_expect_eq(lambda_programs_add(bed.set, "ci/nothing", &function, 0),
                 EXIT_USAGE);
    cr_expect_eq(lambda_programs_add(bed.set, "ci/layers", &function, 0),
                 EXIT_HELD);
    cr_expect_str_eq(strrchr(bed.set->programs[0].command[0], '/'), "/layers");
    cr_expect_null(bed.set->programs[0].command[1]);
    lambda_programs_free(bed.set);
    free(bed.set);
}

Test(lambda_hosting,
     answers_to_other_requests_and_second_answers_change_nothing)
{
    expect_success("other");
    expect_success("twice");
}

Test(lambda_hosting, garbage_on_its_port_is_refused)
{
    expect_success("garbage");
}

Test(lambda_hosting, thousands_of_connections_and_files_are_its_own_matter)
{
    expect_success("connections");
    expect_success("files");
}

Test(lambda_hosting, what_does_not_heed_signals_ends_all_the_same)
{
    expect_success("deaf");
    expect_success("daemons");
}

Test(lambda_hosting, a_flood_of_output_is_cut_short)
{
    expect_success("flood");
}

Test(lambda_hosting, a_function_that_cannot_be_loaded_is_named)
{
    const struct setting setting = {.handler = "broken",
                                    .runtime = RUNTIME "runtime.py"};

    expect_trouble(&setting, LAMBDA_DEAD,
                   "SyntaxError: unexpected end, handler.py:3");
}

Test(lambda_hosting, a_process_that_exits_at_once_is_given_up)
{
    const struct setting setting = {.handler = "early",
                                    .runtime = RUNTIME "runtime.py"};

    expect_trouble(&setting, LAMBDA_DEAD, "exit status 5");
}

Test(lambda_hosting, a_process_that_never_asks_is_given_up)
{
    const struct setting setting = {.handler = "never",
                                    .runtime = RUNTIME "runtime.py",
                                    .patience_ns = SECOND};

    expect_trouble(&setting, LAMBDA_HUNG, "does not ask for work");
}

Test(lambda_hosting, what_ends_an_invocation_is_named)
{
    const struct setting exits = {.handler = "exit",
                                  .runtime = RUNTIME "runtime.py",
                                  .invocations_max = 2};
    const struct setting crashes = {.handler = "kill",
                                    .runtime = RUNTIME "runtime.py",
                                    .invocations_max = 2};

    expect_trouble(&exits, LAMBDA_ENDLESS, "exit status 3");
    expect_trouble(&crashes, LAMBDA_ENDLESS, "signal: Segmentation fault");
}

Test(lambda_hosting, memory_beyond_the_limit_ends_it)
{
    const struct setting setting = {.handler = "grow",
                                    .runtime = RUNTIME "runtime.py",
                                    .memory_mb = 96,
                                    .invocations_max = 1};

    expect_trouble(&setting, LAMBDA_ENDLESS, "Runtime.OutOfMemory: it used");
}

Test(lambda_hosting, a_timeout_passes_in_true_time_without_the_bootstrap)
{
    const struct setting setting = {.handler = "spin",
                                    .runtime = RUNTIME "runtime.py",
                                    .invocations_max = 1,
                                    .timeout_ns = SECOND};

    expect_trouble(&setting, LAMBDA_ENDLESS, "Sandbox.Timedout");
}

Test(lambda_hosting, everything_in_python_that_takes_time_is_virtual)
{
    const struct setting setting = {.handler = RUNTIME "clock.py",
                                    .plain = true};
    struct bed bed;

    run(&bed, &setting);
    cr_expect_str_eq(bed.outcome.status, "SUCCEEDED");
    cr_expect_eq(bed.outcome.virtual_ns, UINT64_C(407250) * 1000000);
    cr_expect_str_eq(
        bed.outcome.result,
        "[[[\"a\", \"b\", \"limit\"], 330.0], [\"empty\", 7.0], [true, 50.0], "
        "[true, 20.0], [null, 0.25], \"2026-01-01T00:06:47.250000+00:00\", "
        "492750]");
    close_bed(&bed);
}

Test(lambda_hosting, a_sleep_beyond_the_timeout_ends_there)
{
    const struct setting setting = {.handler = RUNTIME "clock.py",
                                    .plain = true,
                                    .timeout_ns = 200 * SECOND};

    expect_trouble(&setting, LAMBDA_ENDED, "Sandbox.Timedout");
}

/* Sweeps ------------------------------------------------------------------ */

struct rows {
    char text[16384];
    size_t used;
    uint32_t count;
};

static bool take_row(void *self, const struct lambda_row *row)
{
    struct rows *rows = self;
    char label[LAMBDA_LABEL_SIZE];

    rows->used += (size_t)snprintf(
        rows->text + rows->used, sizeof(rows->text) - rows->used,
        "%s %u %s %u %lu %s\n", lambda_point_write(&row->at, label),
        (unsigned)row->verdict, row->status, row->invocations,
        (unsigned long)row->virtual_ns, row->why);
    rows->count++;
    return rows->used < sizeof(rows->text);
}

static void tell_nothing(void *self, uint32_t done, uint32_t total)
{
    (void)self;
    (void)done;
    (void)total;
}

static void sweep(const struct setting *setting, struct rows *rows)
{
    struct lambda_sweep_config config = {.faults[LAMBDA_FAULT_CRASH] = true,
                                         .row = take_row,
                                         .progress = tell_nothing,
                                         .self = rows};
    struct lambda_sweep result;
    struct bed bed;

    open_bed(&bed, setting);
    config.bench = bed.bench;
    memset(rows, 0, sizeof(*rows));
    cr_assert_eq(lambda_sweep_run(&config, &result), 0);
    cr_expect_eq(result.golden.end, LAMBDA_ENDED);
    lambda_sweep_free(&result);
    close_bed(&bed);
}

Test(lambda_hosting, prepared_and_frozen_processes_change_no_row)
{
    const struct setting cold = {.handler = RUNTIME "durable.py"};
    const struct setting warm = {
        .handler = RUNTIME "durable.py", .prepared = 2, .freezes = true};
    struct rows one;
    struct rows other;

    sweep(&cold, &one);
    sweep(&warm, &other);
    cr_expect_gt(one.count, 15);
    cr_expect_str_eq(one.text, other.text);
}

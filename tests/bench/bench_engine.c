/*
 * The whole engine in its world: how fast it commits on the simulated disk,
 * with crashes and without, beside bare SQLite transactions of the same
 * statements; what the checkers cost; what waiting costs; how much memory a
 * hundred thousand runs take.
 *
 * A commit is one engine transaction (a claim, a report, an append, ...) that
 * became durable and was acknowledged. How many shared an SQLite transaction
 * is part of each name.
 */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scenarios/runner.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_store.h"

struct world {
    const char *file;

    uint32_t page_size; /* 0: as the scenario says */
    bool no_checks;
    struct runner_counts counts; /* of the last run */
    uint64_t cpu_ns;
};

static void run_world(struct world *world)
{
    struct json_error error = {0};
    char message[256];
    struct scenario *scenario = scenario_read(world->file, &error);
    if (!scenario)
        bench_fail(error.text);

    if (world->page_size)
        scenario->engine.page_size = world->page_size;
    struct runner_options options = {
        .seed = scenario->seed,
        .no_checks = world->no_checks,
        .command = "bench",
    };
    uint64_t began_ns = bench_cpu_ns();
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    world->cpu_ns = bench_cpu_ns() - began_ns;
    if (!runner)
        bench_fail(message);
    world->counts = runner_counts(runner);
    const struct report_model *model = runner_model(runner);
    if (!world->no_checks &&
        (model->verdict == CHECK_FAIL || model->stats->runs.stuck > 0))
        bench_fail("a measured world did not recover");
    runner_free(runner);
    scenario_free(scenario);
}

static double rate(uint64_t count, uint64_t ns)
{
    return (double)count * 1e9 / (double)ns;
}

static double commits_a_second(void *arg)
{
    struct world *world = arg;
    run_world(world);
    return rate(world->counts.commits, world->cpu_ns);
}

/* As many in a transaction as the engine has just had on average. */
static double bare_a_second(void *arg)
{
    const struct world *world = arg;
    double group = (double)world->counts.commits / (double)world->counts.groups;
    return 1e6 / bench_store_bare(world->page_size, (uint32_t)(group + 0.5));
}

static double seconds_without_checks(void *arg)
{
    struct world world = *(const struct world *)arg;
    world.no_checks = true;
    run_world(&world);
    return (double)world.cpu_ns / 1e9;
}

static double seconds_with_checks(void *arg)
{
    run_world(arg);
    return (double)((const struct world *)arg)->cpu_ns / 1e9;
}

/*
 * What a run does durably: its log events, claims, reports, work and outbox
 * rows. All of them are records, with the few that are about something else.
 */
static double operations_a_second(void *arg)
{
    struct world *world = arg;
    run_world(world);
    return rate(world->counts.operations, world->cpu_ns);
}

static double simulated_a_second(void *arg)
{
    struct world *world = arg;
    run_world(world);
    return (double)world->counts.virtual_ns / (double)world->cpu_ns;
}

/* Runs the program itself, to see what it takes as a whole. */
static void run_program(const char *file, struct rusage *usage, double *seconds)
{
    char *argv[] = {"perdure",
                    "run",
                    (char *)(uintptr_t)file,
                    "--out",
                    "build/bench-report",
                    NULL};
    struct timespec began;
    struct timespec ended;
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", 1, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
    pid_t child;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (posix_spawn(&child, "build/perdure", &quiet, NULL, argv, environ) ||
        wait4(child, &status, 0, usage) != child)
        bench_fail("build/perdure could not be run: make it first");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    posix_spawn_file_actions_destroy(&quiet);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_fail(file);
    *seconds = (double)(ended.tv_sec - began.tv_sec) +
               (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
}

static double demo_seconds(void *arg)
{
    struct rusage usage;
    double seconds;
    run_program(arg, &usage, &seconds);
    return seconds;
}

static double peak_megabytes(void *arg)
{
    struct rusage usage;
    double seconds;
    run_program(arg, &usage, &seconds);
    return (double)usage.ru_maxrss / 1024;
}

static void alone(struct bench *bench, const char *name, const char *unit,
                  enum bench_goal goal, double target,
                  double (*measure)(void *), void *arg)
{
    bench_case(bench, &(struct bench_case){.name = name,
                                           .unit = unit,
                                           .goal = goal,
                                           .target = target,
                                           .measure = measure,
                                           .arg = arg});
}

static void against_bare(struct bench *bench, const char *name,
                         struct world *world, enum bench_goal goal)
{
    bench_case(bench, &(struct bench_case){.name = name,
                                           .unit = "commits/s",
                                           .goal = goal,
                                           .target = 0.6,
                                           .measure = commits_a_second,
                                           .baseline = bare_a_second,
                                           .arg = world});
}

void bench_engine(struct bench *bench)
{
    static const char quiet[] = "tests/bench/scenarios/throughput.json";
    struct world crashing = {
        .file = "tests/bench/scenarios/throughput-under-crashes.json"};
    static const char single_file[] =
        "tests/bench/scenarios/one-a-transaction.json";
    struct world single = {
        .file = single_file, .page_size = 4096, .no_checks = true};
    struct world single_small = {
        .file = single_file, .page_size = 1024, .no_checks = true};
    struct world grouped = {
        .file = quiet, .page_size = 4096, .no_checks = true};
    struct world checked = {.file = quiet};
    struct world memory = {
        .file = "tests/bench/scenarios/throughput-in-memory.json",
        .no_checks = true};
    struct world waiting = {.file = "tests/bench/scenarios/waiting.json"};

    alone(bench, "engine: commits, crashing, checked", "commits/s",
          BENCH_AT_LEAST, 100000, commits_a_second, &crashing);
    against_bare(bench, "engine: one a transaction, 4 KiB", &single,
                 BENCH_AT_LEAST);
    against_bare(bench, "engine: one a transaction, 1 KiB", &single_small,
                 BENCH_NO_GOAL);
    against_bare(bench, "engine: in groups, 4 KiB", &grouped, BENCH_NO_GOAL);
    bench_case(bench, &(struct bench_case){.name = "engine: checks on v. off",
                                           .unit = "s",
                                           .goal = BENCH_AT_MOST,
                                           .target = 1.5,
                                           .measure = seconds_with_checks,
                                           .baseline = seconds_without_checks,
                                           .arg = &checked});
    alone(bench, "engine: operations in memory", "ops/s", BENCH_AT_LEAST,
          1000000, operations_a_second, &memory);
    alone(bench, "engine: commits in memory", "commits/s", BENCH_NO_GOAL, 0,
          commits_a_second, &memory);
    alone(bench, "engine: 10,000 runs that wait", "sim s/s", BENCH_AT_LEAST,
          1000000, simulated_a_second, &waiting);
    alone(bench, "program: the demo, with reports", "s", BENCH_AT_MOST, 15,
          demo_seconds, (void *)(uintptr_t) "scenarios/orders-on-lambda.json");
    alone(bench, "program: 100,000 runs in memory", "MB", BENCH_AT_MOST, 512,
          peak_megabytes,
          (void *)(uintptr_t) "tests/bench/scenarios/hundred-thousand.json");
}

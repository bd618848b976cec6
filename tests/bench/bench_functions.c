/*
 * Functions with the real SDK in processes of node, as `perdure lambda` runs
 * them: what a run costs in processes that are warm, what a sweep over 64
 * boundaries takes, and whether two sweeps give the same table. Needs what
 * `ci/npm lambda` installs.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/loop.h"
#include "scenarios/lambda/table.h"
#include "tests/bench/bench.h"

#define SET "build/npm-lambda"
#define SECOND UINT64_C(1000000000)

enum {
    INVOCATIONS = 5, /* of the workflow */
    COLD_RUNS = 20,  /* while node still compiles */
    WARM_RUNS = 30,
    BOUNDARIES = 64,
    PATH_ROOM = PATH_MAX + 128
};

/* Where things are. */
struct place {
    char node[PATH_ROOM];
    char bootstrap[PATH_ROOM];
    char directory[PATH_ROOM];
};

static bool find_place(struct place *place)
{
    static const char *const machines[] = {"x64", "arm64"};
    char root[PATH_MAX];

    if (!getcwd(root, sizeof(root)))
        return false;
    snprintf(place->bootstrap, sizeof(place->bootstrap),
             "%s/scenarios/lambda/runtime/bootstrap.cjs", root);
    snprintf(place->directory, sizeof(place->directory), "%s/" SET, root);
    for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
        snprintf(place->node, sizeof(place->node),
                 "%s/" SET "/node_modules/node-linux-%s/bin/node", root,
                 machines[i]);
        if (access(place->node, X_OK) == 0)
            return true;
    }
    return false;
}

/* What the processes are, which stays for as long as they do. */
struct setting {
    struct place place;
    const char *command[4];
    struct lambda_program program;
    struct lambda_bench_config config;
};

static struct lambda_bench *open_processes(struct setting *s, bool abandons)
{
    static const struct lambda_answer approval = {.name = "approve",
                                                  .body = "\"yes\"",
                                                  .size = 5,
                                                  .delay_ns = 3600 * SECOND};
    char error[256];

    if (!find_place(&s->place))
        bench_fail("node has gone");
    s->command[0] = s->place.node;
    s->command[1] = "--preserve-symlinks";
    s->command[2] = s->place.bootstrap;
    s->command[3] = NULL;
    s->program = (struct lambda_program){
        .function = {.name = "workflow",
                     .durable = true,
                     .timeout_ns = 900 * SECOND,
                     .execution_timeout_ns = 30 * 86400 * SECOND},
        .command = s->command,
        .directory = s->place.directory,
        .handler = "tests/bench/workflow.handler",
    };
    s->config = (struct lambda_bench_config){
        .programs = &s->program,
        .program_count = 1,
        .event = "{\"id\": 7}",
        .event_size = 9,
        .limits = engine_limits_at(0),
        .answers = &approval,
        .answer_count = 1,
        .prepared = 2,
        .seed = 1,
        .patience_ns = 30 * SECOND,
        .abandons = abandons,
        .quiet = true,
    };
    struct lambda_bench *bench = lambda_bench_open(&s->config, error);

    if (!bench)
        bench_fail(error);
    return bench;
}

/* A run ----------------------------------------------------------------- */

static void run(struct lambda_bench *bench)
{
    struct lambda_plan plan = {.fault = LAMBDA_FAULT_NONE};
    struct lambda_outcome outcome;

    if (lambda_trial(bench, &plan, &outcome))
        bench_fail("out of memory");
    if (outcome.end != LAMBDA_ENDED ||
        strcmp(outcome.status, "SUCCEEDED") != 0 ||
        outcome.invocations != INVOCATIONS)
        bench_fail("the workflow did not end as it should");
    lambda_outcome_free(&outcome);
    lambda_plan_free(&plan);
}

static double measure_run(void *arg)
{
    struct setting setting;
    struct lambda_bench *bench = open_processes(&setting, true);

    (void)arg;
    for (int i = 0; i < COLD_RUNS; i++)
        run(bench);
    uint64_t began_ns = host_mono_ns();
    for (int i = 0; i < WARM_RUNS; i++)
        run(bench);
    uint64_t took_ns = host_mono_ns() - began_ns;
    lambda_bench_close(bench);
    return (double)took_ns / 1e6 / WARM_RUNS;
}

/* Sweeps ------------------------------------------------------------------ */

struct rows {
    struct lambda_table *table;
    uint32_t held;
};

/* False: there are enough. */
static bool add_row(void *self, const struct lambda_row *row)
{
    struct rows *rows = self;

    rows->held += row->verdict == CHECK_PASS && row->struck > 0;
    return lambda_table_add(rows->table, row) == 0 && rows->held < BOUNDARIES;
}

static void unseen(void *self, uint32_t done, uint32_t total)
{
    (void)self;
    (void)done;
    (void)total;
}

/* A crash at each of 64 boundaries; the table is appended to out. Seconds. */
static double sweep(bool abandons, struct report_buffer *out)
{
    struct rows rows = {.table =
                            lambda_table_new("sweep", "again", "workflow")};
    struct setting setting;
    struct lambda_sweep_config config = {
        .bench = open_processes(&setting, abandons),
        .limits = engine_limits_at(0),
        .row = add_row,
        .progress = unseen,
        .self = &rows,
    };
    struct lambda_sweep swept;
    uint64_t began_ns = host_mono_ns();

    config.faults[LAMBDA_FAULT_CRASH] = true;
    if (!rows.table || lambda_sweep_run(&config, &swept) ||
        lambda_table_finish(rows.table, &swept, &config, true))
        bench_fail("the sweep failed");
    uint64_t took_ns = host_mono_ns() - began_ns;
    if (rows.held != BOUNDARIES || swept.trials != BOUNDARIES)
        bench_fail("a crash of the workflow changed what came of it");
    if (out)
        lambda_table_json(rows.table, out);
    lambda_sweep_free(&swept);
    lambda_table_free(rows.table);
    lambda_bench_close(config.bench);
    return (double)took_ns / 1e9;
}

static double measure_killing(void *arg)
{
    (void)arg;
    return sweep(false, NULL);
}

static double measure_abandoning(void *arg)
{
    (void)arg;
    return sweep(true, NULL);
}

static double measure_difference(void *arg)
{
    struct report_buffer first = {0};
    struct report_buffer second = {0};
    size_t same = 0;

    (void)arg;
    sweep(true, &first);
    sweep(true, &second);
    while (same < first.size && same < second.size &&
           first.text[same] == second.text[same])
        same++;
    double rest = (double)(first.size - same) + (double)(second.size - same);
    report_buffer_free(&first);
    report_buffer_free(&second);
    return rest;
}

static void bench_sweeps(struct bench *bench)
{
    bench_case_once(bench,
                    &(struct bench_case){
                        .name = "functions: 64 boundaries, processes killed",
                        .unit = "s",
                        .goal = BENCH_AT_MOST,
                        .target = 25,
                        .measure = measure_killing});
    bench_case_once(
        bench,
        &(struct bench_case){.name = "functions: 64 boundaries, work abandoned",
                             .unit = "s",
                             .goal = BENCH_AT_MOST,
                             .target = 6,
                             .measure = measure_abandoning});
    bench_case_once(bench,
                    &(struct bench_case){
                        .name = "functions: two sweeps, from where they differ",
                        .unit = "bytes",
                        .goal = BENCH_AT_MOST,
                        .target = 0,
                        .measure = measure_difference});
}

void bench_functions(struct bench *bench)
{
    struct place place;

    if (!find_place(&place)) {
        bench_skip(bench, "functions: runs and sweeps with the SDK",
                   "`ci/npm lambda` installs what they need");
        return;
    }
    bench_case(bench,
               &(struct bench_case){.name = "functions: a warm run of five "
                                            "invocations",
                                    .unit = "ms",
                                    .goal = BENCH_AT_MOST,
                                    .target = 40,
                                    .measure = measure_run});
    bench_sweeps(bench);
}

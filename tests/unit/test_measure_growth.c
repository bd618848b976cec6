/*
 * Real processes and real files, but few runs: what is counted must be what
 * was done, whatever the machine.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/measure/growth.h"
#include "scenarios/measure/overhead.h"

enum {
    RUNS = 20
};

static char directory[] = "/tmp/perdure-growth-XXXXXX";

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
    cr_expect_eq(rmdir(directory), 0, "%s is not empty", directory);
}

TestSuite(measure_growth, .init = make_directory, .fini = remove_directory);

static struct measure_growth grow(enum measure_form form, uint32_t steps,
                                  uint32_t result_size, bool archive)
{
    struct measure_growth growth;
    char error[HOST_ERROR_SIZE] = "";
    struct measure_stage_config config = {
        .dir = directory,
        .sync_normal = true,
        .shape = {"test", form, steps, result_size}};
    cr_assert_eq(measure_growth(&config, RUNS, archive, &growth, error), 0,
                 "%s", error);
    return growth;
}

Test(measure_growth, all_runs_are_there_and_longer_ones_take_more)
{
    struct measure_growth few = grow(MEASURE_HANDLER, 1, 100, false);
    struct measure_growth many = grow(MEASURE_HANDLER, 10, 100, false);
    cr_expect_geq(few.after.runs, RUNS + 1, "and those that waited");
    cr_expect_eq(few.after.events % few.runs, 0, "all runs are alike");
    cr_expect_gt(many.after.events / many.runs,
                 few.after.events / few.runs + 8);
    cr_expect_gt(many.after.log_bytes / many.runs, 1000, "10 times 100 B");
    cr_expect_gt(measure_growth_each(&many), 0);
    cr_expect_eq(many.before.runs, 0);
    cr_expect_eq(many.before.events, 0);
}

Test(measure_growth, what_a_graph_keeps_is_no_less_than_its_results)
{
    struct measure_growth growth = grow(MEASURE_GRAPH, 3, 4000, false);
    cr_expect_gt(growth.after.log_bytes / growth.runs, 12000);
}

Test(measure_growth, what_is_archived_leaves_the_database)
{
    struct measure_growth growth = grow(MEASURE_HANDLER, 1, 100000, true);
    cr_assert(growth.archived);
    cr_expect_gt(growth.archive_bytes, growth.runs * 100000);
    cr_expect_gt(growth.after.used_bytes, growth.runs * 100000);
    cr_expect_lt(growth.left.used_bytes, growth.runs * 20000);
    cr_expect_eq(growth.left.runs, growth.after.runs, "their numbers stay");
}

Test(measure_growth, a_sample_writes_less_than_all_and_off_nothing)
{
    struct measure_overhead overhead = {0};
    char error[HOST_ERROR_SIZE] = "";
    struct measure_stage_config config = {
        .dir = directory,
        .sync_normal = true,
        .shape = {"test", MEASURE_HANDLER, 2, 100}};
    for (uint32_t turn = 0; turn < 2; turn++)
        cr_assert_eq(
            measure_overhead_turn(&config, RUNS, turn, &overhead, error), 0,
            "%s", error);
    const struct measure_recorded *by = overhead.by;
    for (int i = 0; i < MEASURE_RECORDINGS; i++) {
        cr_expect_eq(by[i].steps_a_second.count, 2);
        cr_expect_eq(by[i].runs, 2 * RUNS);
        cr_expect_gt(measure_spread(&by[i].engine_ns_a_step).least, 0);
    }
    cr_expect_eq(by[MEASURE_OFF].bytes, 0);
    cr_expect_lt(by[MEASURE_SAMPLE].records, by[MEASURE_FULL].records);
    cr_expect_geq(by[MEASURE_FULL].records + by[MEASURE_FULL].dropped,
                  by[MEASURE_FULL].runs * 5);
}

Test(measure_growth, a_stage_that_cannot_begin_says_so)
{
    struct measure_stage stage;
    struct measure_stage_config config = {
        .dir = "/nowhere/at/all", .shape = {"test", MEASURE_HANDLER, 1, 1}};
    cr_expect_eq(measure_stage_open(&stage, &config), -1);
    cr_expect(strstr(stage.error, "/nowhere/at/all: No such file"), "%s",
              stage.error);
    measure_stage_remove(&stage);
}

Test(measure_growth, drops_are_counted_apart)
{
    char path[64];
    uint64_t records;
    uint64_t dropped;
    snprintf(path, sizeof(path), "%s/stream", directory);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("{\"a\": 1, \"kind\": \"event\"}\n"
          "{\"count\": 12, \"kind\": \"dropped\", \"time_ns\": 7}\n"
          "{\"a\": 2, \"kind\": \"event\"}\n"
          "{\"count\": 3, \"kind\": \"dropped\", \"time_ns\": 9}\n",
          file);
    fclose(file);
    cr_assert_eq(measure_stream(path, &records, &dropped), 0);
    cr_expect_eq(records, 2);
    cr_expect_eq(dropped, 15);
    unlink(path);
    cr_expect_eq(measure_stream(path, &records, &dropped), -1);
}

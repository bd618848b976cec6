/*
 * What is recorded to be looked at changes nothing else: the report of a run
 * is the same to the byte, but for the timelines and the sentence that says
 * what it does not show, and so is the database that it leaves.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/runner.h"

struct seen {
    struct report_buffer json; /* without what may differ */
    struct report_buffer text; /* of the whole report */
    struct engine_hash digest;
    enum check_verdict verdict;
    uint64_t timeline; /* the run it shows; 0: there is none */
    size_t limits;
    uint64_t lines; /* of the trace */
};

static uint64_t count_lines(FILE *file)
{
    uint64_t lines = 0;
    rewind(file);
    for (int c = getc(file); c != EOF; c = getc(file))
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void look(struct seen *seen, const struct report_model *model)
{
    struct report_model same = *model;
    report_buffer_init(&seen->json);
    report_buffer_init(&seen->text);
    report_html(model, NULL, &seen->text);
    seen->verdict = model->verdict;
    seen->digest = model->facts.digest;
    seen->timeline = model->timeline ? model->timeline->run : 0;
    seen->limits = model->facts.limit_count;
    same.timeline = NULL;
    same.more_count = 0;
    same.facts.limit_count = 0;
    report_json(&same, &seen->json);
    cr_assert(report_buffer_ok(&seen->json) && report_buffer_ok(&seen->text));
}

static struct seen run(const char *path, const char *record, const char *defect,
                       const char *database)
{
    struct seen seen;
    struct json_error error = {0};
    char message[512] = "";
    const char *why = NULL;
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    struct runner_options options = {.seed = scenario->seed,
                                     .defects = &defect,
                                     .defect_count = defect != NULL,
                                     .database = database,
                                     .trace = tmpfile(),
                                     .command = "test"};
    cr_assert(options.trace && recording_read(record, &options.record, &why));
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    look(&seen, runner_model(runner));
    seen.lines = count_lines(options.trace);
    runner_free(runner);
    scenario_free(scenario);
    return seen;
}

static void forget(struct seen *seen)
{
    report_buffer_free(&seen->json);
    report_buffer_free(&seen->text);
}

static void same(const char *path, const struct seen *full,
                 const struct seen *less)
{
    cr_expect(full->digest.lo == less->digest.lo &&
                  full->digest.hi == less->digest.hi,
              "%s: another digest", path);
    cr_expect_eq(full->json.size, less->json.size, "%s", path);
    cr_expect_eq(memcmp(full->json.text, less->json.text, less->json.size), 0,
                 "%s: verdict, properties or figures differ", path);
    cr_expect_eq(less->limits, full->limits + 1, "%s: and says so", path);
    cr_expect_lt(less->lines, full->lines, "%s", path);
}

static void three(const char *path, const char *defect)
{
    struct seen full = run(path, "full", defect, NULL);
    struct seen some = run(path, "sample=5%", defect, NULL);
    struct seen off = run(path, "off", defect, NULL);
    struct recording sample = {true, 50000000};
    same(path, &full, &some);
    same(path, &full, &off);
    cr_expect_eq(full.verdict == CHECK_FAIL, defect != NULL, "%s", path);
    cr_expect_gt(full.timeline, 0, "%s", path);
    cr_expect(some.timeline == 0 || recording_keeps(&sample, some.timeline),
              "%s: shows run %lu", path, some.timeline);
    cr_expect_eq(off.timeline, 0, "%s", path);
    cr_expect_eq(off.lines, 0, "%s", path);
    cr_expect(strstr(off.text.text, "--record off"), "%s", path);
    forget(&full);
    forget(&some);
    forget(&off);
}

Test(recording_of_runs, graphs_under_faults_come_out_the_same)
{
    three("scenarios/orders-on-lambda.json", NULL);
    three("scenarios/swarm.json", NULL);
}

Test(recording_of_runs, handlers_come_out_the_same)
{
    three("scenarios/handler-swarm.json", NULL);
    three("scenarios/saga-compensates.json", NULL);
}

Test(recording_of_runs, a_seeded_defect_is_found_whatever_is_recorded)
{
    three("scenarios/defects/ack_early.json", "ack_early");
    three("scenarios/defects/claim_no_fence.json", "claim_no_fence");
}

Test(recording_of_runs, capacity_mode_comes_out_the_same)
{
    three("scenarios/capacity/orders-on-local-workers.json", NULL);
}

static char *read_file(const char *path, size_t *size)
{
    static char bytes[8 << 20];
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    *size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    char *copy = malloc(*size + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, *size);
    return copy;
}

Test(recording_of_runs, the_database_that_is_left_is_the_same_to_the_byte)
{
    char dir[] = "/tmp/perdure-recording-XXXXXX";
    char paths[2][64];
    size_t sizes[2];
    char *bytes[2];
    static const char *const records[2] = {"full", "off"};
    cr_assert_not_null(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s.db", dir, records[i]);
        struct seen seen =
            run("scenarios/fanout-crash.json", records[i], NULL, paths[i]);
        forget(&seen);
        bytes[i] = read_file(paths[i], &sizes[i]);
        unlink(paths[i]);
    }
    rmdir(dir);
    cr_expect_gt(sizes[0], 4096);
    cr_expect_eq(sizes[0], sizes[1]);
    cr_expect_eq(memcmp(bytes[0], bytes[1], sizes[0]), 0);
    free(bytes[0]);
    free(bytes[1]);
}

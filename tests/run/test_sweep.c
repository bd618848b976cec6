/*
 * Sweeps in process: what they say depends on the worlds only, they go on
 * where they were interrupted, and a world that was lost is told.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/sweep.h"

static struct scenario *scenario;
static char directory[64];

static void set_up(void)
{
    struct json_error error = {0};
    scenario = scenario_read("scenarios/swarm.json", &error);
    cr_assert_not_null(scenario, "%s", error.text);
    scenario->runs = 5;
    scenario->sometimes_count = 0;
    snprintf(directory, sizeof(directory), "/tmp/perdure-sweep-XXXXXX");
    cr_assert(mkdtemp(directory));
}

static void tear_down(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/sweep.journal", directory);
    unlink(path);
    rmdir(directory);
    scenario_free(scenario);
}

TestSuite(sweep, .init = set_up, .fini = tear_down);

static struct sweep_options options_of(uint64_t to, uint32_t jobs)
{
    return (struct sweep_options){.scenario = scenario,
                                  .file = "scenarios/swarm.json",
                                  .from = 1,
                                  .to = to,
                                  .jobs = jobs};
}

/* Both texts of the sweep, one after the other; the caller frees them. */
static struct report_buffer say(const struct sweep_options *options,
                                struct sweep_summary *summary)
{
    char message[512] = "";
    struct report_buffer out;
    report_buffer_init(&out);
    cr_assert_eq(sweep_run(options, summary, message, sizeof(message)), 0, "%s",
                 message);
    sweep_text(options, summary, &out);
    sweep_json(options, summary, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

Test(sweep, says_the_same_whatever_the_number_of_processes)
{
    struct sweep_summary summaries[2];
    struct sweep_options one = options_of(25, 1);
    struct sweep_options many = options_of(25, 4);
    struct report_buffer first = say(&one, &summaries[0]);
    struct report_buffer second = say(&many, &summaries[1]);
    cr_expect_str_eq(first.text, second.text);
    cr_expect_eq(summaries[0].worlds, 25);
    cr_expect_eq(summaries[0].audits, 3);
    cr_expect_eq(summaries[0].counts[SWEEP_DIFFERENT], 0);
    cr_expect_gt(summaries[0].coverage.count, 20);
    for (int i = 0; i < 2; i++)
        sweep_summary_deinit(&summaries[i]);
    report_buffer_free(&first);
    report_buffer_free(&second);
}

/* Raises the flag after so many looks at the progress. */
struct interrupter {
    volatile sig_atomic_t flag;
    uint64_t after;
};

static void interrupt_after(void *self, const struct progress_now *now)
{
    struct interrupter *interrupter = self;
    interrupter->flag = now->done >= interrupter->after;
}

Test(sweep, goes_on_where_it_was_interrupted_and_says_the_same)
{
    struct sweep_summary summaries[3];
    struct interrupter interrupter = {.after = 1};
    struct sweep_options whole = options_of(400, 2);
    struct sweep_options kept = options_of(400, 2);
    struct report_buffer wanted = say(&whole, &summaries[0]);
    kept.directory = directory;
    kept.interrupted = &interrupter.flag;
    kept.progress = interrupt_after;
    kept.progress_self = &interrupter;
    struct report_buffer part = say(&kept, &summaries[1]);
    cr_expect_not(summaries[1].complete);
    cr_expect_lt(summaries[1].worlds, 400);
    cr_expect_eq(summaries[1].verdict, CHECK_INCONCLUSIVE);
    interrupter = (struct interrupter){.after = UINT64_MAX};
    struct report_buffer rest = say(&kept, &summaries[2]);
    cr_expect_str_eq(rest.text, wanted.text);
    cr_expect_geq(summaries[2].repeated, summaries[1].items);
    for (int i = 0; i < 3; i++)
        sweep_summary_deinit(&summaries[i]);
    report_buffer_free(&wanted);
    report_buffer_free(&part);
    report_buffer_free(&rest);
}

Test(sweep, refuses_the_directory_of_another)
{
    char message[512] = "";
    struct sweep_summary summary;
    struct sweep_options options = options_of(2, 1);
    options.directory = directory;
    cr_assert_eq(sweep_run(&options, &summary, message, sizeof(message)), 0);
    sweep_summary_deinit(&summary);
    options.to = 3;
    cr_expect_eq(sweep_run(&options, &summary, message, sizeof(message)),
                 SWEEP_EFOREIGN);
    cr_expect_not_null(strstr(message, "--seeds 1..2"), "%s", message);
    cr_expect_not_null(strstr(message, "--seeds 1..3"), "%s", message);
    sweep_summary_deinit(&summary);
}

Test(sweep, lists_failing_seeds_with_property_and_replay_line)
{
    static const char *const defect = "status_no_cas";
    struct json_error error = {0};
    struct sweep_summary summary;
    struct scenario *failing =
        scenario_read("scenarios/defects/status_no_cas.json", &error);
    cr_assert_not_null(failing, "%s", error.text);
    struct sweep_options options = options_of(6, 2);
    options.scenario = failing;
    options.file = "a b.json";
    options.defects = &defect;
    options.defect_count = 1;
    struct report_buffer out = say(&options, &summary);
    cr_expect_gt(summary.counts[SWEEP_PROPERTY], 0);
    cr_expect_eq(sweep_exit_code(&summary), EXIT_PROPERTY);
    cr_assert_gt(summary.failure_count, 0);
    char line[128];
    snprintf(line, sizeof(line),
             "perdure run 'a b.json' --seed %d --defect status_no_cas",
             (int)summary.failures[0].item.seed);
    cr_expect_not_null(strstr(out.text, line), "%s\n%s", line, out.text);
    cr_expect_lt(summary.failures[0].property, TRIAL_CHECKS_MAX);
    sweep_summary_deinit(&summary);
    report_buffer_free(&out);
    scenario_free(failing);
}

Test(sweep, is_inconclusive_if_something_never_came_true)
{
    struct sweep_summary summary;
    struct scenario_expectation never = {.text = "takeovers > 1000000",
                                         .measure = SCENARIO_TAKEOVERS,
                                         .comparison = SCENARIO_MORE,
                                         .value = 1000000};
    struct scenario_expectation *own = scenario->sometimes;
    struct sweep_options options = options_of(12, 2);
    scenario->sometimes = &never;
    scenario->sometimes_count = 1;
    struct report_buffer out = say(&options, &summary);
    cr_expect_eq(summary.verdict, CHECK_INCONCLUSIVE);
    cr_expect_eq(sweep_exit_code(&summary), EXIT_INCONCLUSIVE);
    cr_expect_not_null(strstr(out.text, "takeovers > 1000000"));
    cr_expect_not_null(strstr(out.text, "never came true"));
    scenario->sometimes = own;
    sweep_summary_deinit(&summary);
    report_buffer_free(&out);
}

/* A child of this process, by /proc; 0: there is none. */
static pid_t some_child(void)
{
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    bool got = fgets(text, sizeof(text), file) != NULL;
    fclose(file);
    return got ? (pid_t)strtol(text, NULL, 10) : 0;
}

static void kill_one(void *self, const struct progress_now *now)
{
    pid_t *killed = self;
    (void)now;
    if (*killed == 0 && (*killed = some_child()) > 0)
        kill(*killed, SIGKILL);
}

/* Each tenth world is run again by a process that has run none. */
Test(sweep, sees_worlds_that_are_others_when_they_are_run_again)
{
    struct sweep_summary summary;
    struct sweep_options options = options_of(21, 1);
    options.leaky = true;
    struct report_buffer said = say(&options, &summary);
    cr_expect_eq(summary.audits, 3);
    cr_expect_eq(summary.counts[SWEEP_DIFFERENT], 2,
                 "the first world's process had run none either: %s",
                 said.text);
    cr_expect(strstr(said.text, "run again in another process it had another "
                                "digest"));
    cr_expect_eq(sweep_exit_code(&summary), EXIT_INTERNAL);
    sweep_summary_deinit(&summary);
    report_buffer_free(&said);
}

Test(sweep, tells_of_a_worker_that_was_killed_and_runs_its_world_again)
{
    pid_t killed = 0;
    struct sweep_summary summary;
    struct sweep_options options = options_of(200, 1);
    options.directory = directory;
    options.progress = kill_one;
    options.progress_self = &killed;
    struct report_buffer out = say(&options, &summary);
    if (killed <= 0)
        cr_skip_test("this system does not list children");
    cr_expect_eq(summary.counts[SWEEP_CRASHED], 1);
    cr_expect_eq(sweep_exit_code(&summary), EXIT_INTERNAL);
    cr_expect_not_null(strstr(out.text, "killed by signal 9"), "%s", out.text);
    sweep_summary_deinit(&summary);
    report_buffer_free(&out);
    out = say(&options, &summary);
    cr_expect_eq(summary.counts[SWEEP_CRASHED], 0);
    cr_expect_geq(summary.repeated, 200);
    sweep_summary_deinit(&summary);
    report_buffer_free(&out);
}

Test(sweep, by_novelty_keeps_seeds_that_met_something_new)
{
    struct sweep_summary summary;
    struct sweep_options options = options_of(0, 2);
    options.for_ns = 1;
    struct report_buffer out = say(&options, &summary);
    cr_expect_eq(summary.worlds, SWEEP_ROUND / SWEEP_GROUP * SWEEP_AUDIT_EVERY);
    cr_expect_gt(summary.corpus, 0);
    cr_expect_lt(summary.corpus, summary.worlds);
    sweep_summary_deinit(&summary);
    report_buffer_free(&out);
}

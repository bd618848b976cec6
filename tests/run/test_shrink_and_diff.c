/*
 * The commands shrink and diff, as they are called: in a shell, on files.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/shrink.h"

enum {
    SAID_MAX = 65536
};

static char directory[64];
static char said[SAID_MAX];

static void make_directory(void)
{
    snprintf(directory, sizeof(directory), "/tmp/perdure-shrink-XXXXXX");
    cr_assert(mkdtemp(directory));
}

static void remove_directory(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    cr_expect_eq(system(command), 0);
}

TestSuite(shrink_and_diff, .init = make_directory, .fini = remove_directory,
          .timeout = 240);

/* The program that was built beside these tests. */
static const char *program(void)
{
    static char path[1024];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 16);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash, 16, "/perdure");
    return path;
}

/* Runs "perdure ARGUMENTS" with all it says in said[]; its exit code. */
static int perdure(const char *arguments)
{
    char command[4096];
    snprintf(command, sizeof(command), "%s %s 2>&1", program(), arguments);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe);
    size_t size = fread(said, 1, sizeof(said) - 1, pipe);
    said[size] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int perdure_in(const char *format)
{
    char arguments[2048], *to = arguments;
    for (const char *from = format; *from; from++) {
        if (*from == '@')
            to += snprintf(to, sizeof(arguments) - (size_t)(to - arguments),
                           "%s", directory);
        else
            *to++ = *from;
    }
    *to = '\0';
    return perdure(arguments);
}

static cJSON *document(const char *name)
{
    char path[256];
    static char text[SAID_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    size_t size = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    cJSON *read = cJSON_ParseWithLength(text, size);
    cr_assert(read, "%s", path);
    return read;
}

static void write_document(const char *name, const cJSON *content)
{
    char path[256];
    char *text = cJSON_Print(content);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && text);
    cr_assert_geq(fputs(text, file), 0);
    (void)fclose(file);
    cJSON_free(text);
}

static void expect_said(const char *what)
{
    cr_expect(strstr(said, what), "found no \"%s\" in: %s", what, said);
}

static void expect_small(const char *name, uint64_t items)
{
    cJSON *small = document(name);
    struct shrink_size size = shrink_size(small);
    cr_expect_leq(shrink_items(&size), items, "%s", name);
    cJSON_Delete(small);
}

Test(shrink_and_diff, a_repeated_effect_is_reproduced_by_a_few_items)
{
    cr_assert_eq(perdure_in("shrink scenarios/defects/dedup_ttl_short.json "
                            "--defect dedup_ttl_short --trials 400 "
                            "--budget 10m --out @"),
                 0, "%s", said);
    expect_said("perdure run ");
    expect_small("dedup_ttl_short-S5.json", 6);
    cr_expect_eq(perdure_in("run @/dedup_ttl_short-S5.json --out @/r"), 3);
    expect_said("reproduction: same digest");
    expect_said("FAIL  S5");
}

Test(shrink_and_diff, a_report_is_shrunk_as_its_run_was)
{
    cr_assert_eq(perdure_in("run scenarios/defects/timer_early.json --seed 3 "
                            "--defect timer_early --out @/r"),
                 3);
    cr_assert_eq(perdure_in("shrink @/r/report.json --trials 300 --budget 10m "
                            "--property S10 --out @"),
                 0, "%s", said);
    expect_small("timer_early-S10.json", 6);
    cr_expect_eq(perdure_in("run @/timer_early-S10.json --out @/again"), 3);
    cr_expect_eq(perdure_in("shrink @/r/report.json --seed 4 --out @"), 2);
    expect_said("found --seed with a report");
}

Test(shrink_and_diff, what_holds_is_not_shrunk)
{
    cr_expect_eq(perdure_in("shrink scenarios/defects/timer_early.json "
                            "--out @"),
                 2);
    expect_said("there is nothing to shrink");
    cr_expect_eq(perdure_in("shrink scenarios/defects/timer_early.json "
                            "--defect timer_early --property S5 --out @"),
                 2);
    expect_said("S10, allowed S5");
    cr_expect_eq(perdure_in("shrink scenarios/defects/timer_early.json "
                            "--property S99 --out @"),
                 2);
    expect_said("found --property \"S99\"");
    cr_expect_eq(perdure_in("shrink scenarios/defects/timer_early.json"), 2);
    expect_said("found no --out");
}

/* One reproduction, damaged in several ways. */
Test(shrink_and_diff, a_reproduction_that_is_not_as_it_was_is_refused)
{
    cr_assert_eq(perdure_in("shrink scenarios/defects/timer_early.json "
                            "--defect timer_early --trials 20 --out @"),
                 0, "%s", said);
    cJSON *whole = document("timer_early-S10.json");
    cJSON *made = cJSON_GetObjectItemCaseSensitive(whole, "reproduces");

    cJSON_ReplaceItemInObjectCaseSensitive(made, "version",
                                           cJSON_CreateString("0.0.7"));
    write_document("old.json", whole);
    cr_expect_eq(perdure_in("run @/old.json --out @/r"), 2);
    expect_said("made by perdure 0.0.7, allowed 0.1.0");
    cr_expect_eq(perdure_in("run @/old.json --force --out @/r"), 3);
    expect_said("reproduction: same digest");

    cJSON_ReplaceItemInObjectCaseSensitive(made, "version",
                                           cJSON_CreateString("0.1.0"));
    cJSON_ReplaceItemInObjectCaseSensitive(whole, "limit",
                                           cJSON_CreateString("3h"));
    write_document("changed.json", whole);
    cr_expect_eq(perdure_in("run @/changed.json --out @/r"), 2);
    expect_said("it was changed after it was made");
    cr_expect_eq(perdure_in("run @/changed.json --force --out @/r"), 3);

    cJSON_DeleteItemFromObjectCaseSensitive(made, "digest");
    write_document("foreign.json", whole);
    cr_expect_eq(perdure_in("run @/foreign.json --force --out @/r"), 2);
    expect_said("\"digest\"");
    cJSON_Delete(whole);
}

Test(shrink_and_diff, equal_runs_are_the_same)
{
    cr_expect_eq(perdure_in("diff scenarios/defects/retry_all.json "
                            "scenarios/defects/retry_all.json"),
                 0);
    expect_said("the same");
}

Test(shrink_and_diff, a_defect_shows_at_the_record_where_it_strikes)
{
    cr_expect_eq(perdure_in("diff scenarios/defects/retry_all.json "
                            "scenarios/defects/retry_all.json "
                            "--defect-b retry_all --context 2"),
                 1);
    expect_said("first difference at record ");
    expect_said("\nA ");
    expect_said("\nB ");
    expect_said("differ in ");
    cr_expect_eq(perdure_in("diff scenarios/defects/retry_all.json "
                            "scenarios/defects/retry_all.json --seed-b 2"),
                 1);
}

Test(shrink_and_diff, an_old_report_is_compared_by_its_digests)
{
    cr_assert_eq(perdure_in("run scenarios/defects/retry_all.json --out @"), 0,
                 "%s", said);
    cr_expect_eq(perdure_in("diff @/report.json "
                            "scenarios/defects/retry_all.json"),
                 0);
    cJSON *report = document("report.json");
    cJSON *digests = cJSON_GetObjectItemCaseSensitive(report, "digests");
    cJSON *at = cJSON_GetObjectItemCaseSensitive(digests, "at");
    int step = cJSON_GetObjectItemCaseSensitive(digests, "step")->valueint;
    const char *other = "0123456789abcdef0123456789abcdef";
    char expected[128];
    for (int i = 7; i < cJSON_GetArraySize(at); i++)
        cJSON_ReplaceItemInArray(at, i, cJSON_CreateString(other));
    cJSON_ReplaceItemInObjectCaseSensitive(report, "digest",
                                           cJSON_CreateString(other));
    cJSON_ReplaceItemInObjectCaseSensitive(report, "version",
                                           cJSON_CreateString("0.0.7"));
    write_document("old.json", report);
    cJSON_Delete(report);
    cr_expect_eq(perdure_in("diff @/old.json "
                            "scenarios/defects/retry_all.json"),
                 1);
    expect_said("A is a report of perdure 0.0.7; this is 0.1.0");
    snprintf(expected, sizeof(expected),
             "the first %d records are the same; the first difference is "
             "before record %d",
             7 * step, 8 * step);
    expect_said(expected);
}

/* A swarm that leaves a core alone is another world than one that ends. */
Test(shrink_and_diff, a_reproduction_of_a_swarm_says_how_it_healed)
{
    cr_assert_eq(perdure_in("shrink scenarios/swarm.json --seed 7 "
                            "--defect claim_no_cas --trials 1 --out @"),
                 0, "%s", said);
    cJSON *saved = document("swarm-S3.json");
    const cJSON *heal = cJSON_GetObjectItemCaseSensitive(saved, "heal");
    cr_expect_str_eq(cJSON_GetStringValue(heal), "core");
    cJSON_Delete(saved);
}

/* The file with its limits stands beside the scenario, not beside this. */
Test(shrink_and_diff, a_reproduction_holds_its_limits)
{
    cr_assert_eq(perdure_in("shrink scenarios/defects/batch_overflow.json "
                            "--defect batch_overflow --trials 30 --out @"),
                 0, "%s", said);
    cr_expect_eq(perdure_in("run @/batch_overflow-S15.json --out @/r"), 3);
    expect_said("reproduction: same digest");
}

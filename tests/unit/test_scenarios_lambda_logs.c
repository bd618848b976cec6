/* What functions print, in files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/lambda/logs.h"

struct bed {
    char directory[64];
    struct lambda_logs *logs;
};

static void open_bed(struct bed *bed)
{
    snprintf(bed->directory, sizeof(bed->directory),
             "/tmp/perdure-logs-XXXXXX");
    cr_assert_not_null(mkdtemp(bed->directory));
    cr_assert_eq(lambda_logs_open(bed->directory, &bed->logs), EXIT_HELD);
}

static void put(struct bed *bed, const char *request, bool platform,
                const char *text)
{
    const struct lambda_line line = {.function = "f",
                                     .request = request,
                                     .platform = platform,
                                     .text = text,
                                     .size = strlen(text)};

    lambda_logs_put(bed->logs, &line);
}

static void expect_file(const struct bed *bed, const char *name,
                        const char *text)
{
    char path[128];
    char bytes[256];

    snprintf(path, sizeof(path), "%s/logs/%s.log", bed->directory, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    size_t size = fread(bytes, 1, sizeof(bytes) - 1, file);
    bytes[size] = '\0';
    (void)fclose(file);
    (void)unlink(path);
    cr_expect_str_eq(bytes, text, "%s", name);
}

static void remove_bed(struct bed *bed)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/logs", bed->directory);
    (void)rmdir(path);
    (void)rmdir(bed->directory);
}

Test(lambda_logs, lines_of_invocations_that_overlap_go_to_their_files)
{
    struct bed bed;

    open_bed(&bed);
    put(&bed, NULL, false, "loads");
    put(&bed, "a", true, "START RequestId: a");
    put(&bed, "a", false, "one");
    put(&bed, "b", true, "START RequestId: b");
    put(&bed, "b", false, "two");
    put(&bed, "a", false, "three");
    put(&bed, NULL, false, "and more");
    cr_expect(lambda_logs_close(bed.logs));
    expect_file(&bed, "a", "START RequestId: a\none\nthree\n");
    expect_file(&bed, "b", "START RequestId: b\ntwo\n");
    expect_file(&bed, "start", "loads\nand more\n");
    remove_bed(&bed);
}

Test(lambda_logs, what_an_earlier_run_has_left_is_written_over)
{
    struct bed bed;

    open_bed(&bed);
    put(&bed, "a", true, "START first");
    put(&bed, NULL, false, "first");
    cr_expect(lambda_logs_close(bed.logs));
    cr_assert_eq(lambda_logs_open(bed.directory, &bed.logs), EXIT_HELD);
    put(&bed, NULL, false, "second");
    put(&bed, "a", true, "START second");
    cr_expect(lambda_logs_close(bed.logs));
    expect_file(&bed, "a", "START second\n");
    expect_file(&bed, "start", "second\n");
    remove_bed(&bed);
}

Test(lambda_logs, a_directory_that_is_gone_is_told_at_the_end)
{
    struct bed bed;

    open_bed(&bed);
    remove_bed(&bed);
    put(&bed, "a", false, "lost");
    cr_expect(!lambda_logs_close(bed.logs));
}

#include "scenarios/sweep_journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char identity[] = "version 1\nscenario a\noptions --seeds 1..2\n";

static char directory[64];
static char path[128];

static void set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/perdure-journal-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/j", directory);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(directory);
}

TestSuite(scenarios_sweep_journal, .init = set_up, .fini = tear_down);

static struct sweep_journal *reopen(struct sweep_journal *journal)
{
    char message[512] = "";
    int error;
    sweep_journal_close(journal);
    journal = sweep_journal_open(directory, "j", identity, &error, message,
                                 sizeof(message));
    cr_assert_not_null(journal, "%s", message);
    return journal;
}

static off_t size_of_file(void)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    return status.st_size;
}

Test(scenarios_sweep_journal, results_are_read_back_after_reopening)
{
    char found[64];
    struct sweep_journal *journal = reopen(NULL);
    cr_expect_eq(sweep_journal_put(journal, 7, "seven", 6), 0);
    cr_expect_eq(sweep_journal_put(journal, 2000, "many", 5), 0);
    journal = reopen(journal);
    cr_expect_eq(sweep_journal_count(journal), 2);
    cr_expect_eq(sweep_journal_get(journal, 7, found, sizeof(found)), 6);
    cr_expect_str_eq(found, "seven");
    cr_expect_eq(sweep_journal_get(journal, 2000, found, sizeof(found)), 5);
    cr_expect_str_eq(found, "many");
    cr_expect_eq(sweep_journal_get(journal, 8, found, sizeof(found)), 0);
    cr_expect_eq(sweep_journal_get(journal, 7, found, 5), 0);
    sweep_journal_close(journal);
}

Test(scenarios_sweep_journal, a_record_that_was_cut_off_is_dropped)
{
    char found[64];
    struct sweep_journal *journal = reopen(NULL);
    cr_assert_eq(sweep_journal_put(journal, 1, "one", 4), 0);
    off_t whole = size_of_file();
    cr_assert_eq(sweep_journal_put(journal, 2, "two", 4), 0);
    off_t both = size_of_file();
    sweep_journal_close(journal);
    for (off_t size = both - 1; size > whole; size--) {
        cr_assert_eq(truncate(path, size), 0);
        journal = reopen(NULL);
        cr_expect_eq(sweep_journal_count(journal), 1);
        cr_expect_eq(sweep_journal_get(journal, 1, found, sizeof(found)), 4);
        cr_expect_eq(size_of_file(), whole);
        cr_assert_eq(sweep_journal_put(journal, 2, "two", 4), 0);
        sweep_journal_close(journal);
    }
}

Test(scenarios_sweep_journal, a_byte_that_changed_is_noticed)
{
    struct sweep_journal *journal = reopen(NULL);
    cr_assert_eq(sweep_journal_put(journal, 1, "one", 4), 0);
    sweep_journal_close(journal);
    FILE *file = fopen(path, "r+b");
    fseek(file, -2, SEEK_END);
    fputc('X', file);
    fclose(file);
    journal = reopen(NULL);
    cr_expect_eq(sweep_journal_count(journal), 0);
    sweep_journal_close(journal);
}

Test(scenarios_sweep_journal, that_of_another_sweep_is_refused_with_both_named)
{
    char message[512] = "";
    int error;
    sweep_journal_close(reopen(NULL));
    cr_expect_null(sweep_journal_open(
        directory, "j", "version 1\nscenario a\noptions --seeds 1..3\n", &error,
        message, sizeof(message)));
    cr_expect_eq(error, SWEEP_JOURNAL_EFOREIGN);
    cr_expect_not_null(strstr(message, "options --seeds 1..2"), "%s", message);
    cr_expect_not_null(strstr(message, "options --seeds 1..3"), "%s", message);
}

Test(scenarios_sweep_journal, two_processes_do_not_write_one)
{
    char message[512] = "";
    int error;
    struct sweep_journal *journal = reopen(NULL);
    cr_expect_null(sweep_journal_open(directory, "j", identity, &error, message,
                                      sizeof(message)));
    cr_expect_eq(error, SWEEP_JOURNAL_EBUSY);
    sweep_journal_close(journal);
}

Test(scenarios_sweep_journal, a_full_disk_is_an_error_and_loses_nothing)
{
    char found[64];
    static char big[4096];
    struct rlimit limit;
    struct sweep_journal *journal = reopen(NULL);
    cr_assert_eq(sweep_journal_put(journal, 1, "one", 4), 0);
    off_t size = size_of_file();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)size + 1000;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect_eq(sweep_journal_put(journal, 2, big, sizeof(big)), -1);
    cr_expect_eq(errno, EFBIG);
    cr_expect_eq(size_of_file(), size);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect_eq(sweep_journal_put(journal, 2, big, sizeof(big)), 0);
    journal = reopen(journal);
    cr_expect_eq(sweep_journal_count(journal), 2);
    cr_expect_eq(sweep_journal_get(journal, 1, found, sizeof(found)), 4);
    sweep_journal_close(journal);
}

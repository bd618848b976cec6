#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/socket.h"
#include "scenarios/measure/disk.h"

static char directory[] = "/tmp/perdure-measure-XXXXXX";

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

/* Also proves that nothing was left behind. */
static void remove_directory(void)
{
    cr_expect_eq(rmdir(directory), 0, "%s is not empty", directory);
}

TestSuite(measure_disk, .init = make_directory, .fini = remove_directory);

Test(measure_disk, a_place_has_a_file_system_and_says_if_it_is_in_memory)
{
    struct measure_place place;
    cr_assert_eq(measure_place(directory, &place), 0);
    cr_expect_str_eq(place.directory, directory);
    cr_expect_str_neq(place.type, "unknown");
    if (access("/dev/shm", W_OK) == 0 &&
        measure_place("/dev/shm", &place) == 0 &&
        strcmp(place.type, "tmpfs") == 0)
        cr_expect(place.in_memory);
    cr_expect_eq(measure_place("/proc", &place), 0);
    cr_expect_str_eq(place.type, "proc", "the mount that lies on top");
    cr_expect_not(place.in_memory);
}

Test(measure_disk, what_is_not_there_cannot_be_measured)
{
    struct measure_place place;
    uint64_t value;
    char error[HOST_ERROR_SIZE];
    struct measure_commits commits = {
        .requests = 1, .values = &value, .count = 1};
    errno = 0;
    cr_expect_eq(measure_place("/nowhere/at/all", &place), -1);
    cr_expect_eq(errno, ENOENT);
    cr_expect_eq(measure_syncs("/nowhere/at/all", true, &value, 1), -1);
    cr_expect_eq(errno, ENOENT);
    cr_expect_eq(measure_commits("/nowhere/at/all", &commits, NULL, error), -1);
    cr_expect(strstr(error, "/nowhere/at/all: No such file"), "%s", error);
}

Test(measure_disk, every_sync_takes_some_time)
{
    uint64_t values[8] = {0};
    for (int grows = 0; grows < 2; grows++) {
        memset(values, 0, sizeof(values));
        cr_assert_eq(measure_syncs(directory, grows, values, 8), 0);
        for (int i = 0; i < 8; i++)
            cr_expect_gt(values[i], 0);
    }
}

Test(measure_disk, commits_go_through_round_after_round)
{
    /* More requests than there are runs and operations to go round. */
    uint64_t values[700] = {0};
    char error[HOST_ERROR_SIZE] = "";
    struct measure_commits commits = {
        .requests = 100, .sync_normal = true, .values = values, .count = 700};
    cr_assert_eq(measure_commits(directory, &commits, NULL, error), 0, "%s",
                 error);
    uint64_t sum = 0;
    for (int i = 0; i < 700; i++)
        sum += values[i];
    cr_expect_gt(values[699], 0);
    cr_expect_geq(commits.wall_ns, sum);
}

Test(measure_disk, an_interruption_ends_it_and_cleans_up)
{
    uint64_t values[4];
    char error[HOST_ERROR_SIZE] = "";
    volatile sig_atomic_t interrupted = 1;
    struct measure_commits commits = {
        .requests = 1, .values = values, .count = 4};
    cr_expect_eq(measure_commits(directory, &commits, &interrupted, error), -1);
    cr_expect(strstr(error, "interrupted"), "%s", error);
}

Test(measure_disk, a_larger_value_takes_longer_to_digest)
{
    cr_expect_gt(measure_blob_digest(1000000), measure_blob_digest(100));
}

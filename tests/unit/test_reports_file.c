#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/file.h"

static int count_files(const char *directory)
{
    DIR *dir = opendir(directory);
    cr_assert(dir);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

Test(reports_file, a_file_is_replaced_whole_and_nothing_is_left_beside_it)
{
    char directory[] = "/tmp/reports_file.XXXXXX";
    cr_assert(mkdtemp(directory));
    char path[64];
    snprintf(path, sizeof(path), "%s/report.json", directory);
    cr_assert_eq(report_file_write(path, "a longer text", 13), 0);
    cr_assert_eq(report_file_write(path, "short", 5), 0);
    char text[32] = "";
    FILE *file = fopen(path, "r");
    cr_assert(file);
    cr_assert_eq(fread(text, 1, sizeof(text), file), 5);
    fclose(file);
    cr_assert_str_eq(text, "short");
    cr_assert_eq(count_files(directory), 1);
    unlink(path);
    rmdir(directory);
}

Test(reports_file, a_failure_says_why_and_leaves_nothing)
{
    char directory[] = "/tmp/reports_file.XXXXXX";
    cr_assert(mkdtemp(directory));
    char path[64];
    snprintf(path, sizeof(path), "%s/none/report.json", directory);
    errno = 0;
    cr_assert_eq(report_file_write(path, "x", 1), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(report_file_write(directory, "x", 1), -1);
    cr_assert_eq(errno, EISDIR);
    cr_assert_eq(count_files(directory), 0);
    rmdir(directory);
}

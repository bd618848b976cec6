#include "scenarios/init_check.h"

#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/data.h"

#define HEADER                                                                 \
    "runtime,package,mem_mb,arch,n,min,p1,p5,p10,p25,p50,p75,p90,p95,p99,"     \
    "p999,max,first_ms\n"

struct worst {
    double error[INIT_CHECK_QUANTILES];
    double distance;
    char name[160];
};

static void note(void *self, const struct init_check_row *row)
{
    struct worst *worst = self;
    for (int i = 0; i < INIT_CHECK_QUANTILES; i++)
        if (row->error[i] > worst->error[i])
            worst->error[i] = row->error[i];
    if (row->distance > worst->distance)
        worst->distance = row->distance;
    if (!row->ok)
        memcpy(worst->name, row->name, sizeof(worst->name));
}

Test(scenarios_init_check, every_configuration_has_the_measured_quantiles)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct worst worst = {.distance = 0};
    struct init_check check = {
        .draws = 10000, .seed = 1, .seen = note, .self = &worst};
    struct json_error err = {0};
    size_t size;
    const char *text = files.bytes(files.self, "data/lambda-init.csv", &size);
    cr_assert(text);
    cr_assert(init_check_run(&check, "data/lambda-init.csv", text, size, &err),
              "%s", err.text);
    cr_assert_eq(check.rows, 620);
    cr_assert_eq(check.failed, 0,
                 "%u failed, last %s; worst p50 %f p95 %f p99 "
                 "%f distance %f",
                 check.failed, worst.name, worst.error[0], worst.error[1],
                 worst.error[2], worst.distance);
    data_dir_deinit(&dir);
}

Test(scenarios_init_check, a_row_says_what_was_expected_and_what_came)
{
    const char *text =
        HEADER "r,zip,512,arm64,10,1,2,3,4,5,6,7,8,9,10,11,12,1\n";
    struct init_check check = {.draws = 1000};
    struct json_error err = {0};
    cr_assert(init_check_run(&check, "t.csv", text, strlen(text), &err), "%s",
              err.text);
    cr_assert_eq(check.rows, 1);
    cr_assert_eq(check.failed, 0);
}

Test(scenarios_init_check, quantiles_that_fall_are_refused_at_their_place)
{
    const char *text =
        HEADER "r,zip,512,arm64,10,1,2,3,4,5,6,7,6,9,10,11,12,1\n";
    struct init_check check = {.draws = 1000};
    struct json_error err = {0};
    cr_assert_not(init_check_run(&check, "t.csv", text, strlen(text), &err));
    cr_assert_eq(err.line, 2);
    cr_assert(strstr(err.text, "found a quantile below the one before it"),
              "%s", err.text);
}

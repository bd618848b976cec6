#include "scenarios/init_times.h"

#include <criterion/criterion.h>
#include <string.h>

#define MS UINT64_C(1000000)

#define HEADER                                                                 \
    "runtime,package,mem_mb,arch,n,min,p1,p5,p10,p25,p50,p75,p90,p95,p99,"     \
    "p999,max,first_ms\n"
#define RISING "1,2,3,4,5,6,7,8,9,10,11,12"

static bool find(const char *text, uint32_t memory_mb, struct init_times *times,
                 struct json_error *err)
{
    struct init_times_key key = {.runtime = "go",
                                 .package = "zip",
                                 .arch = "arm64",
                                 .memory_mb = memory_mb,
                                 .vcpu_mb = 1769};
    *err = (struct json_error){0};
    return init_times_find("t.csv", text, strlen(text), &key, times, err);
}

static void expect_error(const char *text, const char *error)
{
    struct init_times times;
    struct json_error err;
    cr_assert_not(find(text, 128, &times, &err));
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

static const char two_sizes[] = HEADER "go,zip,512,arm64,90," RISING ",20\n"
                                       "go,zip,128,arm64,70," RISING ",80\n"
                                       "go,image,128,arm64,10," RISING ",1\n"
                                       "go,zip,128,x86_64,10," RISING ",1\n";

Test(scenarios_init_times, the_nearest_measured_memory_is_taken)
{
    static const struct {
        uint32_t asked_mb, taken_mb;
    } cases[] = {{128, 128}, {64, 128}, {320, 128}, {321, 512}, {10240, 512}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct init_times times;
        struct json_error err;
        cr_assert(find(two_sizes, cases[i].asked_mb, &times, &err), "%s",
                  err.text);
        cr_assert_eq(times.measured_mb, cases[i].taken_mb);
        cr_assert_eq(times.samples, times.measured_mb == 128 ? 70 : 90);
        cr_assert_eq(times.p50_ns, 6 * MS);
        cr_assert_eq(times.p99_ns, 10 * MS);
        cr_assert_eq(sim_dist_at(&times.init, 0), 1 * MS);
    }
}

Test(scenarios_init_times, first_work_is_inverse_to_memory)
{
    static const struct {
        uint32_t memory_mb;
        uint64_t ms;
    } cases[] = {{64, 160}, {128, 80}, {256, 40}, {512, 20}, {1024, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct init_times times;
        struct json_error err;
        cr_assert(find(two_sizes, cases[i].memory_mb, &times, &err));
        cr_assert_eq(times.first_ns, cases[i].ms * MS, "%u MB: %lu",
                     cases[i].memory_mb, (unsigned long)times.first_ns);
    }
}

Test(scenarios_init_times, a_bad_table_is_refused_with_its_place)
{
    expect_error("runtime\n", "t.csv:1:1: found another heading, allowed "
                              "runtime,package,mem_mb,arch,n,min,p1,p5,p10,"
                              "p25,p50,p75,p90,p95,p99,p999,max,first_ms");
    expect_error(HEADER "go,zip,128,arm64,9,1,2,3,4,5,4.9,7,8,9,10,11,12,1\n",
                 "t.csv:2:30: found a quantile below the one before it");
    expect_error(HEADER "c,zip,128,arm64,9,1,2,3,4,5,4,7,8,9,10,11,12,1\n",
                 "t.csv:2:29: found a quantile below the one before it");
    expect_error(HEADER "go,zip,128,arm64,9," RISING ",1\n"
                        "go,zip,128,arm64,9," RISING ",1\n",
                 "t.csv:3:8: found these quantiles twice");
    expect_error(HEADER "go,zip,0,arm64,9," RISING ",1\n",
                 "t.csv:2:8: found \"0\", which is out of range");
    expect_error(HEADER "go,zip,128,arm64,9," RISING "\n",
                 "t.csv:2:46: found 17 fields, allowed 18");
}

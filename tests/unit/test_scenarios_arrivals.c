#include "scenarios/arrivals.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

/* One file with this text, whatever its name. */
static const char *only(void *self, const char *name, size_t *size)
{
    const char *text = self;
    (void)name;
    *size = text != NULL ? strlen(text) : 0;
    return text;
}

static struct data_files holding(char *text)
{
    return (struct data_files){.bytes = only, .self = text};
}

static bool read_with(const char *json, const struct data_files *files,
                      struct arrivals *arrivals, struct json_error *err)
{
    struct json_doc *doc = NULL;
    *err = (struct json_error){0};
    if (json_read_bytes("s.json", json, strlen(json), &doc, err) != 0) {
        return false;
    }
    bool ok = arrivals_read(json_root(doc), files, arrivals, err);
    json_free(doc);
    return ok;
}

static struct arrivals arrivals_of(const char *json)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct arrivals arrivals;
    struct json_error err;
    cr_assert(read_with(json, &files, &arrivals, &err), "%s", err.text);
    data_dir_deinit(&dir);
    return arrivals;
}

static void expect_error(const char *json, char *text, const char *error)
{
    struct data_files files = holding(text);
    struct arrivals arrivals;
    struct json_error err;
    cr_assert_not(read_with(json, &files, &arrivals, &err), "%s", json);
    cr_assert_str_eq(err.text, error);
}

Test(scenarios_arrivals, even_ones_come_at_multiples)
{
    struct arrivals arrivals = arrivals_of("{\"every\": \"100ms\"}");
    cr_assert_eq(arrivals_time(&arrivals, 0), 0);
    cr_assert_eq(arrivals_time(&arrivals, 7), 700 * MS);
    arrivals_deinit(&arrivals);
}

Test(scenarios_arrivals, a_burst_comes_at_one_time)
{
    struct arrivals arrivals =
        arrivals_of("{\"burst\": 50, \"every\": \"10s\"}");
    cr_assert_eq(arrivals_time(&arrivals, 49), 0);
    cr_assert_eq(arrivals_time(&arrivals, 50), 10 * SECOND);
    cr_assert_eq(arrivals_time(&arrivals, 149), 20 * SECOND);
    arrivals_deinit(&arrivals);
}

Test(scenarios_arrivals, poisson_gaps_have_the_mean_and_the_spread)
{
    struct arrivals arrivals = arrivals_of("{\"rate\": \"5/s\"}");
    double sum = 0, squares = 0;
    uint64_t last = 0;
    arrivals_seed(&arrivals, 3);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t now = arrivals_time(&arrivals, i);
        double gap = (double)(now - last) / (double)SECOND;
        sum += gap;
        squares += gap * gap;
        last = now;
    }
    double mean = sum / 100000;
    double cv = sqrt(squares / 100000 - mean * mean) / mean;
    cr_assert_leq(fabs(mean - 0.2), 0.002);
    cr_assert_leq(fabs(cv - 1), 0.02);
    arrivals_deinit(&arrivals);
}

Test(scenarios_arrivals, poisson_times_depend_on_seed_and_index_alone)
{
    struct arrivals a = arrivals_of("{\"rate\": \"5/s\"}");
    struct arrivals b = a;
    uint64_t forwards[100];
    arrivals_seed(&a, 3);
    arrivals_seed(&b, 3);
    for (uint64_t i = 0; i < 100; i++) {
        forwards[i] = arrivals_time(&a, i);
    }
    for (uint64_t i = 100; i-- > 0;) {
        cr_assert_eq(arrivals_time(&b, i), forwards[i]);
    }
    arrivals_seed(&b, 4);
    cr_assert_neq(arrivals_time(&b, 50), forwards[50]);
    arrivals_deinit(&a);
}

Test(scenarios_arrivals, a_trace_keeps_its_gaps_and_starts_over)
{
    char text[] = "gap_us\n0\n1000\n3000\n";
    struct data_files files = holding(text);
    struct arrivals arrivals;
    struct json_error err;
    cr_assert(read_with("{\"trace\": \"t\"}", &files, &arrivals, &err), "%s",
              err.text);
    /* After 0, 1 and 4 ms a mean gap of 2 ms, then the same again. */
    static const uint64_t ms[] = {0, 1, 4, 6, 7, 10, 12};
    for (uint64_t i = 0; i < 7; i++) {
        cr_assert_eq(arrivals_time(&arrivals, i), ms[i] * MS);
    }
    arrivals_deinit(&arrivals);
}

Test(scenarios_arrivals, twice_the_speed_halves_every_time)
{
    struct arrivals plain = arrivals_of("{\"trace\": \"azure-llm-code\"}");
    struct arrivals fast =
        arrivals_of("{\"trace\": \"azure-llm-code\", \"speed\": 2}");
    for (uint64_t i = 0; i < 20000; i++) {
        cr_assert_eq(arrivals_time(&fast, i), arrivals_time(&plain, i) / 2);
    }
    arrivals_deinit(&plain);
    arrivals_deinit(&fast);
}

static void gap_statistics(const char *json, uint64_t count, double *rate,
                           double *cv)
{
    struct arrivals arrivals = arrivals_of(json);
    double squares = 0;
    cr_assert_eq(arrivals.count, count);
    for (uint64_t i = 1; i < count; i++) {
        double gap = (double)(arrivals_time(&arrivals, i) -
                              arrivals_time(&arrivals, i - 1)) /
                     (double)SECOND;
        squares += gap * gap;
    }
    double gaps = (double)(count - 1);
    double mean =
        (double)arrivals_time(&arrivals, count - 1) / (double)SECOND / gaps;
    *rate = 1 / mean;
    *cv = sqrt(squares / gaps - mean * mean) / mean;
    arrivals_deinit(&arrivals);
}

Test(scenarios_arrivals, the_recorded_traces_are_bursty_and_nearly_poisson)
{
    double rate, cv;
    gap_statistics("{\"trace\": \"azure-llm-code\"}", 8819, &rate, &cv);
    cr_assert_leq(fabs(rate - 2.57), 0.01, "%g", rate);
    cr_assert_leq(fabs(cv - 13.15), 0.05, "%g", cv);
    gap_statistics("{\"trace\": \"azure-llm-conv\"}", 19366, &rate, &cv);
    cr_assert_leq(fabs(rate - 5.53), 0.01, "%g", rate);
    cr_assert_leq(fabs(cv - 1.09), 0.01, "%g", cv);
}

Test(scenarios_arrivals, all_traces_that_are_named_can_be_read)
{
    size_t count;
    const char *const *names = arrivals_traces(&count);
    for (size_t i = 0; i < count; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"trace\": \"%s\"}", names[i]);
        struct arrivals arrivals = arrivals_of(json);
        arrivals_deinit(&arrivals);
    }
}

Test(scenarios_arrivals, times_never_fall_even_at_the_end_of_time)
{
    static const char *const forms[] = {
        "{\"trace\": \"azure-llm-code\", \"speed\": 0.001}",
        "{\"every\": \"3650d\"}", "{\"trace\": \"azure-llm-conv\"}"};
    for (int i = 0; i < 3; i++) {
        struct arrivals arrivals = arrivals_of(forms[i]);
        uint64_t last = 0;
        for (uint64_t index = 1; index < UINT64_MAX / 3; index *= 3) {
            uint64_t now = arrivals_time(&arrivals, index);
            cr_assert(now >= last && now <= ARRIVALS_MAX_NS);
            last = now;
        }
        arrivals_deinit(&arrivals);
    }
}

Test(scenarios_arrivals, a_wrong_form_is_refused_with_its_place)
{
    expect_error("{}", NULL,
                 "s.json:1:1: found no arrivals, allowed one of \"trace\", "
                 "\"rate\", \"every\" and \"at\"");
    expect_error("{\"trace\": \"azure-llm-cod\"}", NULL,
                 "s.json:1:11: found trace \"azure-llm-cod\", allowed "
                 "\"azure-llm-code\", \"azure-llm-conv\"; did you mean "
                 "\"azure-llm-code\"?");
    expect_error("{\"rate\": \"0/s\"}", NULL,
                 "s.json:1:10: found a rate that is out of range, allowed "
                 "1/3650d to 10000000/s");
    expect_error("{\"every\": \"0s\"}", NULL,
                 "s.json:1:11: found the string \"0s\" for \"every\", allowed "
                 "\"1ns\" to \"3650d\"");
}

Test(scenarios_arrivals, a_bad_trace_is_refused_with_file_and_line)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"gap\n0\n", "data/t.csv:1:1: found another heading, allowed gap_us"},
        {"gap_us\n5\n1\n", "data/t.csv:2:1: found a first gap of 5, allowed 0"},
        {"gap_us\n0\n1.5\n",
         "data/t.csv:3:1: found \"1.5\", allowed a number with at most 0 "
         "digits behind the point"},
        {"gap_us\n0\n\n1\n", "data/t.csv:3:1: found an empty field"},
        {"gap_us\n0\n-1\n",
         "data/t.csv:3:1: found \"-1\", allowed a number with at most 0 "
         "digits behind the point"},
        {"gap_us\n0\n99999999999999\n",
         "data/t.csv:3:1: found \"99999999999999\", which is out of range"},
        {"gap_us\n0\n", "s.json:1:11: found a trace without a gap, allowed at "
                        "least two arrivals at different times"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s", cases[i].text);
        expect_error("{\"trace\": \"t\"}", text, cases[i].error);
    }
}

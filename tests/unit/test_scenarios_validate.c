#include "scenarios/validate/validate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "scenarios/read_files.h"
#include "scenarios/validate/formulas.h"
#include "scenarios/validate/report.h"

static enum validate_verdict verdict(double expected, double got, double half,
                                     double allowed)
{
    struct validate v = {.near = 0.01};
    struct validate_row row = {
        .expected = expected, .got = got, .half = half, .allowed = allowed};
    validate_add(&v, &row);
    enum validate_verdict found = v.rows[0].verdict;
    validate_free(&v);
    return found;
}

Test(scenarios_validate, what_is_near_enough_holds)
{
    cr_expect_eq(verdict(100, 100.9, 0, 0.01), VALIDATE_HOLDS);
    cr_expect_eq(verdict(100, 101.1, 0, 0.01), VALIDATE_FAILS);
    cr_expect_eq(verdict(-100, -98.9, 0, 0.01), VALIDATE_FAILS);
}

Test(scenarios_validate, what_lies_in_its_interval_holds)
{
    cr_expect_eq(verdict(100, 103, 3.5, 0.01), VALIDATE_HOLDS);
    cr_expect_eq(verdict(100, 104, 3.5, 0.01), VALIDATE_FAILS);
}

Test(scenarios_validate, an_interval_that_nothing_could_miss_is_unsure)
{
    cr_expect_eq(verdict(100, 100, 6, 0.01), VALIDATE_UNSURE);
    cr_expect_eq(verdict(100, 100, INFINITY, 0.01), VALIDATE_UNSURE);
}

Test(scenarios_validate, a_bound_must_not_be_passed)
{
    struct validate v = {.near = 0.01};
    struct validate_row row = {.expected = 4, .got = 4.01, .at_most = true};
    validate_add(&v, &row);
    row.got = 4;
    validate_add(&v, &row);
    cr_expect_eq(v.rows[0].verdict, VALIDATE_FAILS);
    cr_expect_eq(v.rows[1].verdict, VALIDATE_HOLDS);
    cr_expect_eq(validate_total(&v).fails, 1);
    validate_free(&v);
}

/* The numbers were computed apart from this program, to nine digits. */
Test(scenarios_validate, the_formulas_give_the_numbers_known)
{
    cr_expect_float_eq(formula_erlang_c(8, 0.8), 0.457644925, 1e-8);
    cr_expect_float_eq(formula_mmc_wait(8, 0.8), 0.286028078, 1e-8);
    cr_expect_float_eq(formula_erlang_c(128, 0.95), 0.457786882, 1e-8);
    cr_expect_float_eq(formula_erlang_b(10, 8), 0.121661064, 1e-8);
    cr_expect_float_eq(formula_erlang_b(1000, 2016), 0.5044545819, 1e-9);
    cr_expect_float_eq(formula_mg1_wait(0.8, 16), 34, 1e-9);
    cr_expect_float_eq(formula_largest(1000), 7.485471, 1e-6);
    cr_expect_float_eq(formula_restart(1, 1, 0.1), 1.890110, 1e-6);
    cr_expect_float_eq(formula_restart(1, 24, 0), 1.021126, 1e-6);
    cr_expect_float_eq(formula_young(5, 3600), 189.737, 1e-3);
    cr_expect_float_eq(formula_daly(5, 3600), 186.418, 1e-3);
    cr_expect_float_eq(formula_daly(30, 21600), 1118.508, 1e-3);
}

/* Experiments that are read from memory, profiles from where they are. */
struct fixture {
    struct data_files shipped;
    const char *text;
    size_t size;
};

static const char *bytes(void *self, const char *name, size_t *size)
{
    struct fixture *fixture = self;
    if (strcmp(name, "e.csv") != 0)
        return fixture->shipped.bytes(fixture->shipped.self, name, size);
    *size = fixture->size;
    return fixture->text;
}

#define HEADER                                                                 \
    ",ArrivalRate,ServiceTimeWarm,ServiceTimeCold,IdleMinutesBeforeKill,"      \
    "AverageInstanceCount,ColdStartProbability\n"

/* Foretells the experiments in `text`; what went wrong in *error. */
static bool foretell(const char *text, size_t size, struct json_error *error,
                     struct validate_totals *totals)
{
    char here[] = "scenarios";
    struct read_files read = {.dir = here};
    struct fixture fixture = {read_files_data(&read), text, size};
    struct data_files files = {bytes, &fixture};
    struct validate v = {.files = &files,
                         .experiments = "e.csv",
                         .seed = 1,
                         .length = 0.001,
                         .near = 0.1};
    bool done = validate_experiments.run(&v);
    *error = v.error;
    *totals = validate_total(&v);
    validate_free(&v);
    read.dir = NULL;
    read_files_free(&read);
    return done;
}

static void expect_refused(const char *text, const char *words)
{
    struct json_error error;
    struct validate_totals totals;
    cr_expect_not(foretell(text, strlen(text), &error, &totals), "%s", text);
    cr_expect_not_null(strstr(error.text, words), "%s", error.text);
}

Test(scenarios_validate, experiments_that_fit_the_model_hold)
{
    struct json_error error;
    struct validate_totals totals;
    /* Some 6.85 s between arrivals, 2 s each, kept for 10 minutes. */
    const char text[] = HEADER "a,0.146,2000,2200,10,3.1,0.00495\n"
                               "\n"
                               "b,0.146,2000,2200,10,3.1,0.00495\r\n";
    cr_assert(foretell(text, sizeof(text) - 1, &error, &totals), "%s",
              error.text);
    cr_expect_eq(totals.fails + totals.unsure, 0);
    cr_expect_eq(totals.holds, 2, "two bounds");
}

Test(scenarios_validate, experiments_that_contradict_the_model_fail)
{
    struct json_error error;
    struct validate_totals totals;
    const char text[] = HEADER "a,0.146,2000,2200,10,6,0.01\n";
    cr_assert(foretell(text, sizeof(text) - 1, &error, &totals), "%s",
              error.text);
    cr_expect_eq(totals.fails, 2);
}

Test(scenarios_validate, columns_may_stand_in_any_order)
{
    struct json_error error;
    struct validate_totals totals;
    const char text[] =
        "ColdStartProbability,name,AverageInstanceCount,ServiceTimeWarm,"
        "ServiceTimeCold,IdleMinutesBeforeKill,ArrivalRate\n"
        "0.00495,a,3.1,2000,2200,10,0.146\n";
    cr_assert(foretell(text, sizeof(text) - 1, &error, &totals), "%s",
              error.text);
    cr_expect_eq(totals.holds, 2);
}

Test(scenarios_validate, bad_experiments_are_refused_at_their_place)
{
    expect_refused("", "e.csv:0:1: found no header");
    expect_refused("a,b\n", "no column ArrivalRate");
    expect_refused(HEADER, "found no experiment");
    expect_refused(HEADER "a,1,2\n", "e.csv:2:1: found 3 fields, allowed 7");
    expect_refused(HEADER "a,x,2000,2200,10,3,0.1\n",
                   "e.csv:2:3: found \"x\" for ArrivalRate");
    expect_refused(HEADER "a,-1,2000,2200,10,3,0.1\n", "ArrivalRate -1");
    expect_refused(HEADER "a,nan,2000,2200,10,3,0.1\n", "ArrivalRate nan");
    expect_refused(HEADER "a,1,2000,2200,10,3,1.5\n",
                   "ColdStartProbability 1.5, allowed");
    expect_refused(HEADER "a,1,2000,1e300,10,3,0.1\n", "ServiceTimeCold");
}

Test(scenarios_validate, a_line_that_is_too_long_or_binary_is_refused)
{
    static char text[8000];
    struct json_error error;
    struct validate_totals totals;
    memset(text, 'x', sizeof(text));
    cr_expect_not(foretell(text, sizeof(text), &error, &totals));
    cr_expect_not_null(strstr(error.text, "a line of 8000 bytes"), "%s",
                       error.text);
    memset(text, 0, sizeof(text));
    cr_expect_not(foretell(text, 100, &error, &totals));
    cr_expect_not_null(strstr(error.text, "a byte of 0"), "%s", error.text);
}

/* Faults that wait for executions, by the names of boundaries. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/lambda/faults.h"

Test(scenarios_lambda_faults, a_boundary_is_read_as_it_is_written)
{
    static const char *const names[] = {
        "before charge SUCCEED #1", "after charge the card RETRY #12",
        "before event #1",          "after return #3",
        "before effect charge #2",  "after line mail #1",
        "before state #1",          "after checkpoint #4",
        "before pay #2 START #1"};
    char out[LAMBDA_LABEL_SIZE];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct lambda_point point;
        cr_expect(lambda_point_read(names[i], &point), "%s", names[i]);
        cr_expect_str_eq(lambda_point_write(&point, out), names[i]);
    }
}

Test(scenarios_lambda_faults, the_first_of_its_name_needs_no_number)
{
    struct lambda_point point;

    cr_expect(lambda_point_read("after charge SUCCEED", &point));
    cr_expect_eq(point.occurrence, 1);
    cr_expect_str_eq(point.operation, "charge");
    cr_expect_str_eq(point.action, "SUCCEED");
}

Test(scenarios_lambda_faults, what_is_no_boundary_is_refused)
{
    static const char *const wrong[] = {"",
                                        "charge",
                                        "before",
                                        "before ",
                                        "during a",
                                        "before charge #0",
                                        "after x #-1",
                                        "after x #1x",
                                        "after x #99999999"};
    char name[LAMBDA_POINT_NAME + 16] = "before ";
    struct lambda_point point;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_expect_not(lambda_point_read(wrong[i], &point), "%s", wrong[i]);
    memset(name + 7, 'x', LAMBDA_POINT_NAME);
    cr_expect_not(lambda_point_read(name, &point));
}

static uint32_t add(struct lambda_faults *faults, const char *json,
                    struct json_error *err)
{
    struct json_doc *doc = NULL;
    uint32_t number;

    *err = (struct json_error){0};
    cr_assert_eq(json_read_bytes("body", json, strlen(json), &doc, err), 0);
    number = lambda_faults_add(faults, json_root(doc), err);
    json_free(doc);
    return number;
}

static enum lambda_act cross(struct lambda_faults *faults, uint64_t run,
                             const char *operation)
{
    const struct lambda_boundary boundary = {.function = "order",
                                             .place = LAMBDA_AT_CHECKPOINT,
                                             .after = true,
                                             .operation = operation,
                                             .action = "SUCCEED",
                                             .run = run};
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    lambda_faults_boundary(faults, &boundary, &decision);
    return decision.act;
}

Test(scenarios_lambda_faults, the_nth_time_of_one_execution_is_struck)
{
    struct lambda_faults *faults = lambda_faults_new();
    struct json_error err;

    cr_assert_eq(add(faults,
                     "{\"at\":\"after a SUCCEED #2\",\"fault\":\"crash\"}",
                     &err),
                 1, "%s", err.text);
    cr_expect_eq(cross(faults, 1, "a"), LAMBDA_PASS);
    cr_expect_eq(cross(faults, 2, "a"), LAMBDA_PASS, "the first of another");
    cr_expect_eq(cross(faults, 2, "b"), LAMBDA_PASS);
    cr_expect_eq(cross(faults, 1, "a"), LAMBDA_CRASH);
    cr_expect_eq(cross(faults, 2, "a"), LAMBDA_PASS, "it has struck");
    cr_expect_eq(cross(faults, 1, "a"), LAMBDA_PASS);
    lambda_faults_free(faults);
}

Test(scenarios_lambda_faults, times_in_a_row_strike_one_execution)
{
    struct lambda_faults *faults = lambda_faults_new();
    struct json_error err;

    (void)add(faults,
              "{\"at\":\"after a SUCCEED\",\"fault\":\"lost-reply\","
              "\"times\":2,\"function\":\"order\"}",
              &err);
    cr_expect_eq(cross(faults, 7, "a"), LAMBDA_LOSE);
    cr_expect_eq(cross(faults, 8, "a"), LAMBDA_PASS);
    cr_expect_eq(cross(faults, 7, "a"), LAMBDA_LOSE);
    cr_expect_eq(cross(faults, 7, "a"), LAMBDA_PASS);
    lambda_faults_free(faults);
}

Test(scenarios_lambda_faults, a_fault_of_another_function_waits)
{
    struct lambda_faults *faults = lambda_faults_new();
    struct json_error err;

    (void)add(faults,
              "{\"at\":\"after a SUCCEED\",\"fault\":\"crash\","
              "\"function\":\"refund\"}",
              &err);
    cr_expect_eq(cross(faults, 7, "a"), LAMBDA_PASS);
    cr_expect(lambda_faults_remove(faults, 1));
    cr_expect_not(lambda_faults_remove(faults, 1));
    cr_expect_eq(lambda_faults_count(faults), 0);
    lambda_faults_free(faults);
}

Test(scenarios_lambda_faults, what_cannot_strike_is_refused_with_its_place)
{
    static const struct {
        const char *json;
        const char *words;
    } cases[] = {
        {"{\"at\":\"after a SUCCEED\"}", "without \"fault\""},
        {"{\"fault\":\"crash\"}", "without \"at\""},
        {"{\"at\":\"a\",\"fault\":\"crash\"}", "found boundary \"a\""},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"throttle\"}",
         "where it cannot strike"},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"pages\"}",
         "where it cannot strike"},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"crush\"}",
         "did you mean \"crash\"?"},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"crash\",\"times\":0}",
         "body:1:"},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"crash\",\"seconds\":3}",
         "allowed with late-reply"},
        {"{\"at\":\"after a SUCCEED\",\"fault\":\"crash\",\"time\":3}",
         "did you mean \"times\"?"},
        {"[]", "body:1:1"},
    };
    struct lambda_faults *faults = lambda_faults_new();
    struct json_error err;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cr_expect_eq(add(faults, cases[i].json, &err), 0, "%s", cases[i].json);
        cr_expect(strstr(err.text, cases[i].words), "%s", err.text);
    }
    cr_expect_eq(lambda_faults_count(faults), 0);
    lambda_faults_free(faults);
}

/* A file is checked as what it looks like. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/validate_file.h"

static const char limits[] = "{\"profile\": \"p\", \"why\": \"w\", "
                             "\"extends\": \"aws\", \"limits\": {%s}}";

/* The error of a file with this text, without its place; "" if it has none. */
static const char *error_of(const char *text, struct json_error *error)
{
    char path[] = "/tmp/perdure-validate-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(close(fd), 0);
    bool good = validate_file(path, error);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(good, error->code == 0, "%s", error->text);
    return good ? "" : strstr(error->text, ": ") + 2;
}

Test(scenarios_validate_file, a_policy_is_known_by_its_schema)
{
    struct json_error error;
    cr_expect_str_eq(
        error_of("{\"schema\": \"perdure.gate-policy/1\"}", &error), "");
    cr_expect_str_eq(
        error_of("{\"schema\": \"perdure.gate-policy/2\"}", &error),
        "found the string \"perdure.gate-policy/2\" for \"schema\", allowed "
        "\"perdure.gate-policy/1\"; did you mean \"perdure.gate-policy/1\"?");
}

Test(scenarios_validate_file, a_workflow_may_invoke_one_that_is_elsewhere)
{
    struct json_error error;
    cr_expect_str_eq(
        error_of("{\"name\": \"o\", \"nodes\": [{\"name\": \"i\", \"type\": "
                 "\"invoke\", \"workflow\": \"elsewhere\"}]}",
                 &error),
        "");
    cr_expect_str_eq(error_of("{\"nodes\": [{\"name\": \"i\"}]}", &error),
                     "found an object without \"name\", allowed only with this "
                     "key");
}

Test(scenarios_validate_file, a_profile_of_limits_is_no_scenario)
{
    char text[256];
    struct json_error error;
    snprintf(text, sizeof(text), limits, "");
    cr_expect_str_eq(error_of(text, &error), "");
    snprintf(text, sizeof(text), limits, "\"input\": 5");
    cr_expect_str_eq(error_of(text, &error),
                     "found the number 5 for \"input\", allowed a size as a "
                     "string, e.g. \"16KB\"");
}

Test(scenarios_validate_file, anything_else_is_a_scenario)
{
    struct json_error error;
    cr_expect(validate_file("scenarios/small/order.json", &error));
    cr_expect_str_eq(error_of("{}", &error),
                     "found an object without \"why\", allowed only with this "
                     "key");
    cr_expect_str_eq(error_of("[", &error),
                     "found the end of the file, allowed a JSON value");
    cr_expect_not(validate_file("no-such-file.json", &error));
}

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/lambda/names.h"

Test(host_lambda_names, an_execution_arn_tells_its_run_again)
{
    struct lambda_arn arn;
    char text[LAMBDA_ARN_SIZE];

    for (uint64_t run = 1; run < (UINT64_C(1) << 40); run = run * 3 + 1) {
        lambda_arn_write("order", "$LATEST", "first", run, text);
        cr_assert(lambda_arn_parse(text, &arn), "%s", text);
        cr_assert_eq(arn.run, run);
        cr_assert_str_eq(arn.function, "order");
        cr_assert_str_eq(arn.qualifier, "$LATEST");
        cr_assert_str_eq(arn.name, "first");
    }
}

Test(host_lambda_names, an_arn_with_any_letter_changed_is_no_other_execution)
{
    struct lambda_arn arn;
    char text[LAMBDA_ARN_SIZE];

    lambda_arn_write("order", "$LATEST", "first", 77, text);
    const char *id = strrchr(text, '/') + 1;
    for (size_t i = (size_t)(id - text); text[i]; i++) {
        char was = text[i];
        for (const char *c = "0123456789abcdefZ/-"; *c; c++) {
            text[i] = *c;
            if (*c != was && lambda_arn_parse(text, &arn))
                cr_assert_fail("%s is run %lu", text, (unsigned long)arn.run);
        }
        text[i] = was;
    }
}

Test(host_lambda_names, a_token_that_was_not_given_is_refused)
{
    char text[LAMBDA_TOKEN_SIZE];
    uint64_t run;
    uint64_t token;

    lambda_token_write(9, (UINT64_C(4) << 32) | 7, text);
    cr_assert(lambda_token_parse(text, &run, &token));
    cr_assert_eq(run, 9);
    cr_assert_eq(token, (UINT64_C(4) << 32) | 7);
    for (size_t i = 0; text[i]; i++) {
        char was = text[i];
        for (int c = 33; c < 127; c++) {
            text[i] = (char)c;
            if (c != was)
                cr_assert_not(lambda_token_parse(text, &run, &token), "%s",
                              text);
        }
        text[i] = was;
    }
    cr_assert_not(lambda_token_parse("", &run, &token));
}

Test(host_lambda_names, a_function_is_known_by_name_partial_and_whole_arn)
{
    static const char *const forms[] = {
        "order", "order:$LATEST", "123456789012:function:order:$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:order"};
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        cr_assert(lambda_function_parse(forms[i], function, qualifier), "%s",
                  forms[i]);
        cr_assert_str_eq(function, "order", "%s", forms[i]);
    }
}

Test(host_lambda_names, what_names_no_function_is_refused)
{
    static const char *const forms[] = {
        "",
        "a b",
        "order:",
        ":$LATEST",
        "arn:aws:sqs:us-east-1:123456789012:function:order",
        "arn:aws:lambda:us-east-1:12345:function:order",
        "order/../other",
        "12345678901234567890123456789012345678901234567890123456789012345"};
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        cr_assert_not(lambda_function_parse(forms[i], function, qualifier),
                      "%s", forms[i]);
}

#include <criterion/criterion.h>
#include <stdlib.h>

#include "scenarios/lambda/effects.h"

/* One of each, and whether they are taken. */
static bool read_one(const char *effect, const char *answer, const char *line)
{
    const struct option_texts effects = {.texts = {effect}, .count = !!effect};
    const struct option_texts answers = {.texts = {answer}, .count = !!answer};
    const struct option_texts lines = {.texts = {line}, .count = !!line};
    const struct lambda_effects_texts texts = {
        .effects = &effects, .answers = &answers, .lines = &lines};
    struct lambda_effects *read = calloc(1, sizeof(*read));

    cr_assert_not_null(read);
    bool good = lambda_effects_read(read, &texts);
    lambda_effects_free(read);
    free(read);
    return good;
}

Test(scenarios_lambda_effects, answers_are_for_names_that_effects_can_have)
{
    cr_expect(read_one("http://a/*=pay", "pay=503", NULL));
    cr_expect(read_one("http://a/*=*", "pay=503", NULL));
    cr_expect_not(read_one("http://a/*=pay", "paid=503", NULL));
    cr_expect_not(read_one(NULL, "pay=503", NULL));
}

Test(scenarios_lambda_effects, an_answer_is_a_status_or_a_file)
{
    cr_expect(read_one("http://a/*=pay", "pay=LICENSE", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay=no/such/file", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay=", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay", NULL));
    cr_expect_not(read_one("http://a/*=pay", "=503", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay=199", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay=600", NULL));
    cr_expect_not(read_one("http://a/*=pay", "pay=5030", NULL));
}

Test(scenarios_lambda_effects, what_is_wrong_with_one_is_wrong_with_all)
{
    cr_expect(read_one("http://a/*", NULL, "mail=^sent"));
    cr_expect_not(read_one("http//a/*", NULL, "mail=^sent"));
    cr_expect_not(read_one("http://a/*", NULL, "mail=(sent"));
}

Test(scenarios_lambda_effects, requests_are_led_here_unless_all_are_let)
{
    const struct option_texts none = {.count = 0};
    struct lambda_effects_texts texts = {
        .effects = &none, .answers = &none, .lines = &none};
    struct lambda_effects *read = calloc(1, sizeof(*read));

    cr_assert_not_null(read);
    cr_expect(lambda_effects_read(read, &texts));
    cr_expect(read->outgoing.intercepts);
    texts.lets = true;
    cr_expect(lambda_effects_read(read, &texts));
    cr_expect_not(read->outgoing.intercepts);
    lambda_effects_free(read);
    free(read);
}

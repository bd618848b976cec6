/*
 * What platforms say of failures: no code that the engine would not know. The
 * beds of the models look at every cause that comes out of a run.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/cause.h"
#include "sim/platform/celery_parts.h"
#include "sim/platform/credentials.h"
#include "sim/platform/lambda_words.h"
#include "tests/support/cause_check.h"

static bool has_root(const struct sim_cause *cause, const char *begins)
{
    struct engine_text root =
        engine_cause_root(cause->words, strlen(cause->words));
    return root.size >= strlen(begins) &&
           memcmp(root.text, begins, strlen(begins)) == 0;
}

Test(sim_platform_causes, expired_credentials_are_the_root_on_every_platform)
{
    static const char *const kinds[] = {"lambda", "batch",  "kubernetes",
                                        "celery", "docker", "local"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct sim_cause cause = {.error = ENGINE_ERR_NONE};
        sim_credentials_say_expired(kinds[i], &cause);
        cr_expect_null(cause_fault(kinds[i], &cause), "%s", cause.words);
        cr_expect_eq(cause.error, ENGINE_ERR_AUTH_EXPIRED);
        cr_expect(has_root(&cause, "router: ExpiredToken: "), "%s",
                  cause.words);
    }
}

Test(sim_platform_causes, celery_has_a_code_for_each_of_its_failures)
{
    static const struct {
        enum celery_cause cause;
        uint32_t detail;
        const char *root;
        enum engine_error error;
    } seen[] = {
        {CELERY_WORKER_LOST, 137,
         "node: WorkerLostError: ", ENGINE_ERR_INTERRUPTED},
        {CELERY_WORKER_LOST, 1,
         "node: WorkerLostError: ", ENGINE_ERR_INTERRUPTED},
        {CELERY_TIME_LIMIT, 0,
         "node: TimeLimitExceeded: ", ENGINE_ERR_TIMED_OUT},
        {CELERY_UNREGISTERED, 0,
         "node: STALE_CODE: ", ENGINE_ERR_PLATFORM_START},
        {CELERY_CONFLICT, 0, "node: OSError: ", ENGINE_ERR_PLATFORM_START},
    };
    static const struct sim_demand demand = {.name = "charge"};
    struct sim_celery *celery = calloc(1, sizeof(*celery));

    cr_assert_not_null(celery);
    for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
        const struct celery_message message = {
            .demand = &demand,
            .cause = (uint8_t)seen[i].cause,
            .detail = (uint8_t)seen[i].detail,
        };
        celery_word_cause(celery, &message);
        cr_expect_null(cause_fault("celery", &celery->cause), "%s",
                       celery->cause.words);
        cr_expect(has_root(&celery->cause, seen[i].root), "%s",
                  celery->cause.words);
        cr_expect_eq(celery->cause.error, seen[i].error);
    }
    free(celery);
}

Test(sim_platform_causes, celery_refuses_what_its_broker_does_not_take)
{
    struct sim_celery *celery = calloc(1, sizeof(*celery));
    struct sim_cause cause = {.error = ENGINE_ERR_NONE};

    cr_assert_not_null(celery);
    celery_word_too_large(celery, 9000000, &cause);
    cr_assert_null(cause_fault("celery", &cause), "%s", cause.words);
    cr_assert_eq(cause.error, ENGINE_ERR_SIZE_LIMIT);
    free(celery);
}

Test(sim_platform_causes, lambda_has_a_code_for_each_of_its_failures)
{
    const struct sim_lambda_function function = {.timeout_ns = 3000000000,
                                                 .memory_mb = 128};
    struct sim_lambda_words words;
    struct sim_cause died, large;

    sim_lambda_words_init(&words, &function, 21600000000000);
    sim_lambda_say_died(&died, 137);
    sim_lambda_say_too_large(&large, 6291456, 6291457);
    cr_expect_null(cause_fault("lambda", &words.timeout));
    cr_expect(has_root(&words.timeout, "node: Sandbox.Timedout: "));
    cr_expect_null(cause_fault("lambda", &words.oom));
    cr_expect(has_root(&words.oom, "node: Runtime.OutOfMemory: "));
    cr_expect_null(cause_fault("lambda", &words.old));
    cr_expect_eq(words.old.error, ENGINE_ERR_TIMED_OUT);
    cr_expect_null(cause_fault("lambda", &died));
    cr_expect_eq(died.error, ENGINE_ERR_INTERRUPTED);
    cr_expect_null(cause_fault("lambda", &large));
    cr_expect_eq(large.error, ENGINE_ERR_SIZE_LIMIT);
}

Test(sim_platform_causes, words_that_no_table_has_are_found_out)
{
    struct sim_cause cause = {ENGINE_ERR_INTERRUPTED, "celery: FAILURE: x"};

    cr_expect_not_null(cause_fault("celery", &cause));
    strcpy(cause.words, "node: NoSuchCode: x");
    cr_expect_not_null(cause_fault("celery", &cause));
    strcpy(cause.words, "platform: WorkerLostError: x");
    cr_expect_not_null(cause_fault("celery", &cause));
    strcpy(cause.words, "node: TimeLimitExceeded: 1 s");
    cr_expect_not_null(cause_fault("celery", &cause));
    cr_expect_null(cause_fault("celery", NULL));
}

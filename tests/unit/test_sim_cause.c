#include <criterion/criterion.h>
#include <string.h>

#include "sim/platform/cause.h"

Test(sim_cause, the_last_line_gives_the_class_and_keeps_those_before_it)
{
    struct sim_cause cause = {.error = ENGINE_ERR_NONE};

    sim_cause_add(&cause, "kubernetes", "BackoffLimitExceeded", "%s", "6");
    cr_assert_eq(cause.error, ENGINE_ERR_INTERRUPTED);
    sim_cause_add(&cause, "kubernetes", "OOMKilled", "limit %u MiB", 512U);
    cr_assert_eq(cause.error, ENGINE_ERR_OOM);
    cr_assert_str_eq(cause.words, "platform: BackoffLimitExceeded: 6\n"
                                  "node: OOMKilled: limit 512 MiB");
}

Test(sim_cause, an_exit_code_has_a_row_of_its_own_or_that_of_all_others)
{
    struct sim_cause cause = {.error = ENGINE_ERR_NONE};

    sim_cause_add(&cause, "docker", "exit 127", "sh: x: not found");
    cr_assert_eq(cause.error, ENGINE_ERR_PLATFORM_START);
    sim_cause_add(&cause, "batch", "exit 42", "ended by itself");
    cr_assert_eq(cause.error, ENGINE_ERR_INTERRUPTED);
}

Test(sim_cause, the_root_stays_when_the_words_before_it_leave_no_room)
{
    char much[SIM_WORDS_MAX];
    struct sim_cause cause = {.error = ENGINE_ERR_NONE};

    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    for (unsigned lines = 0; lines < 3; lines++)
        sim_cause_add(&cause, "kubernetes", "ImagePullBackOff", "%s", much);
    sim_cause_add(&cause, "kubernetes", "ErrImagePull", "%s", much);
    cr_assert_not_null(strstr(cause.words, "node: ErrImagePull: xxx"));
    cr_assert_lt(strlen(cause.words), SIM_WORDS_MAX);
    cr_assert_eq(cause.error, ENGINE_ERR_PLATFORM_START);
}

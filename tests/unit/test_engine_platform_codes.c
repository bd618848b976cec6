#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/platform_codes.h"

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

Test(engine_platform_codes, no_code_of_any_platform_is_unmapped)
{
    static const char *const platforms[] = {"lambda", "batch",  "kubernetes",
                                            "celery", "docker", "local",
                                            "node",   NULL};
    static const char *const layers[] = {"router", "platform", "node", NULL};

    for (size_t i = 0; i < engine_platform_code_count(); i++) {
        const struct engine_platform_code *row = engine_platform_code_at(i);
        cr_assert(is_one_of(row->platform, platforms), "%s", row->code);
        cr_assert(is_one_of(row->layer, layers), "%s", row->code);
        cr_assert_neq(row->error, ENGINE_ERR_NONE, "%s", row->code);
        cr_assert_neq(row->error, ENGINE_ERR_UNKNOWN, "%s", row->code);
        cr_assert_lt(row->error, ENGINE_ERR_COUNT);
        cr_assert_neq(row->meaning[0], '\0', "%s", row->code);
        cr_assert_null(strstr(row->code, ": "), "%s", row->code);
    }
}

Test(engine_platform_codes, every_code_is_found_by_itself_and_with_its_words)
{
    char words[160];

    for (size_t i = 0; i < engine_platform_code_count(); i++) {
        const struct engine_platform_code *row = engine_platform_code_at(i);
        cr_assert_eq(engine_platform_code_find(row->platform, row->code), row,
                     "%s: %s", row->platform, row->code);
        snprintf(words, sizeof(words), "%s: words", row->code);
        cr_assert_eq(engine_platform_code_find(row->platform, words), row);
        snprintf(words, sizeof(words), "%sly", row->code);
        cr_assert_neq(engine_platform_code_find(row->platform, words), row);
    }
}

Test(engine_platform_codes, a_platform_stands_in_one_place)
{
    for (size_t i = 1; i < engine_platform_code_count(); i++)
        for (size_t k = i + 1; k < engine_platform_code_count(); k++)
            cr_assert(strcmp(engine_platform_code_at(i)->platform,
                             engine_platform_code_at(i - 1)->platform) == 0 ||
                          strcmp(engine_platform_code_at(k)->platform,
                                 engine_platform_code_at(i - 1)->platform) != 0,
                      "%s", engine_platform_code_at(k)->code);
}

Test(engine_platform_codes, what_batch_says_of_a_host_names_its_instance)
{
    const struct engine_platform_code *row = engine_platform_code_find(
        "batch", "Host EC2 (instance i-0123456789abcdef0) terminated.");

    cr_assert_not_null(row);
    cr_assert_eq(row->error, ENGINE_ERR_INTERRUPTED);
    cr_assert_null(engine_platform_code_find("batch", "Host EC2x"));
    cr_assert_null(engine_platform_code_find("celery", "OOMKilled"));
    cr_assert_null(engine_platform_code_find("kubernetes", ""));
}

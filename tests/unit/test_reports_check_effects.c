#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    return records;
}

Test(reports_check_effects, one_application_each_passes)
{
    struct records *records = stream();

    records_expect_pass(records, &check_effects);
    records_free(records);
}

Test(reports_check_effects, a_key_applied_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *applied =
        records_find(records, ENGINE_REC_EFFECT_APPLIED, 0);

    applied = records_repeat(records, applied);
    applied->attempt = 2;
    applied->a = 1;
    records_expect(records, &check_effects, applied,
                   "the effect of charge was applied again by attempt 2 under "
                   "the same key");
    records_free(records);
}

Test(reports_check_effects, a_key_that_changes_between_attempts_is_reported)
{
    struct records *records = stream();
    struct engine_record *applied =
        records_find(records, ENGINE_REC_EFFECT_APPLIED, 0);

    applied = records_repeat(records, applied);
    applied->attempt = 2;
    applied->key++;
    records_expect(records, &check_effects, applied, "under another key");
    records_free(records);
}

Test(reports_check_effects, receivers_declared_to_forget_excuse_a_repeat)
{
    struct records *records = stream();

    records->world.honest_effects = 0;
    records_find(records, ENGINE_REC_EFFECT_APPLIED, 0)->a = 1;
    cr_assert_eq(records_judge(records, &check_effects).verdict, CHECK_EXCUSED);
    records_free(records);
}

Test(reports_check_effects, an_irreversible_effect_repeated_is_reported)
{
    struct records *records = stream();
    struct engine_record *applied =
        records_find(records, ENGINE_REC_EFFECT_APPLIED, 1);

    applied = records_repeat(records, applied);
    applied->attempt = 2;
    records_expect(records, &check_effects, applied,
                   "the irreversible effect of ship was applied 2 times");
    records_free(records);
}

/* A world in which charge may be repeated and takes no key. */
static struct records *keyless(void)
{
    static const uint32_t effects[] = {1, 0, 1};
    struct records *records = stream();

    records->effects[0] = effects;
    return records;
}

Test(reports_check_effects, one_application_an_attempt_passes_without_a_key)
{
    struct records *records = keyless();
    struct engine_record *applied =
        records_find(records, ENGINE_REC_EFFECT_APPLIED, 0);

    records_repeat(records, applied)->attempt = 2;
    records_expect_pass(records, &check_effects);
    records_free(records);
}

Test(reports_check_effects, two_applications_of_one_attempt_are_reported)
{
    struct records *records = keyless();
    struct engine_record *applied =
        records_find(records, ENGINE_REC_EFFECT_APPLIED, 0);

    records_expect(records, &check_effects, records_repeat(records, applied),
                   "attempt 1 of charge applied its effect twice");
    records_free(records);
}

Test(reports_check_effects, a_success_whose_effect_was_lost_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_EFFECT_APPLIED, 1));
    records_expect(records, &check_effects,
                   records_find_event(records, ENGINE_EV_OP_SUCCEEDED, 2),
                   "ship succeeded in attempt 1, but its effect was never");
    records_free(records);
}

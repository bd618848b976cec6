#include "engine/operation.h"
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

/* Attempt n of a handler's step 1 applies its effect with this key. */
static struct engine_record *step_effect(struct records *records,
                                         uint32_t attempt, uint64_t key)
{
    struct engine_record *applied;

    records_work(records, ENGINE_REC_EFFECT_SENT, 1, 1, attempt)->key = key;
    applied = records_work(records, ENGINE_REC_EFFECT_APPLIED, 1, 1, attempt);
    applied->key = key;
    return applied;
}

static struct engine_record *step_event(struct records *records, unsigned kind,
                                        uint32_t attempt, unsigned options)
{
    records_checkpoint(records, 1);
    return records_operation(records, kind, 1,
                             ENGINE_OPERATION_STEP | options << 8, attempt);
}

Test(reports_check_effects, a_handlers_step_applied_again_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    step_effect(records, 1, 5);
    step_event(records, ENGINE_EV_OPERATION_RETRY, 1, 0);
    records_expect(records, &check_effects, step_effect(records, 2, 6),
                   "operation 1 was applied again by attempt 2 under another "
                   "key");
    records_free(records);
}

Test(reports_check_effects, a_step_without_a_key_may_be_repeated)
{
    static const uint32_t effects[] = {1};
    struct records *records = records_handlers_new();

    records->effects[1] = effects;
    records_trip(records, 1);
    step_effect(records, 1, 5);
    step_effect(records, 1, 5)->a = 1; /* begun anew, not yet durable */
    step_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 1, 0);
    records_expect_pass(records, &check_effects);
    records_free(records);
}

Test(reports_check_effects, an_at_most_once_step_applied_twice_is_reported)
{
    static const uint32_t effects[] = {1};
    struct records *records = records_handlers_new();

    records->effects[1] = effects;
    records_trip(records, 1);
    step_event(records, ENGINE_EV_OPERATION_STARTED, 1,
               ENGINE_OPTION_AT_MOST_ONCE);
    step_effect(records, 1, 5);
    records_expect(records, &check_effects, step_effect(records, 1, 5),
                   "attempt 1 of operation 1 applied its effect twice");
    records_free(records);
}

Test(reports_check_effects, an_irreversible_step_repeated_is_reported)
{
    static const uint32_t effects[] = {1};
    struct records *records = records_handlers_new();

    records->effects[1] = effects;
    records_trip(records, 1);
    step_event(records, ENGINE_EV_OPERATION_STARTED, 1,
               ENGINE_OPTION_IRREVERSIBLE);
    step_effect(records, 1, 5);
    records_expect(records, &check_effects, step_effect(records, 2, 6),
                   "the irreversible effect of operation 1");
    records_free(records);
}

Test(reports_check_effects, a_step_that_succeeds_without_its_effect_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_work(records, ENGINE_REC_EFFECT_SENT, 1, 1, 1);
    records_expect(records, &check_effects,
                   step_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 1, 0),
                   "but the effect it asked for was never applied");
    records_free(records);
}

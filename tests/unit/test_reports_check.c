#include <criterion/criterion.h>
#include <string.h>

#include "engine/operation.h"
#include "reports/check.h"
#include "reports/fold.h"
#include "tests/support/records.h"

static const struct check_result *judge_all(struct check_suite *suite,
                                            const struct records *records,
                                            size_t block, size_t *count)
{
    for (size_t i = 0; i < records->count; i += block) {
        size_t left = records->count - i;

        check_suite_feed(suite, &records->list[i], left < block ? left : block);
    }
    return check_suite_finish(suite, count);
}

/* It needs a fault with load after it, a worker that dies, or handlers. */
static int needs_more(const char *id)
{
    static const char *const ids[] = {"L7",  "L8", "S12", "S16", "S18",
                                      "S19", "S8", "S7",  "S13", "S20"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (strcmp(ids[i], id) == 0)
            return 1;
    return 0;
}

Test(reports_check, a_clean_life_passes_every_property_it_exercises)
{
    struct records *records = records_new();
    struct check_suite *suite = check_suite_new(&records->world);
    size_t count;

    for (uint64_t run = 1; run <= 3; run++)
        records_life(records, run, LIFE_ACKED);
    records_end(records);
    const struct check_result *results = judge_all(suite, records, 7, &count);
    cr_assert_eq(count, 29);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(results[i].absent, needs_more(results[i].id), "%s",
                     results[i].id);
        if (results[i].absent)
            continue;
        cr_assert_eq(results[i].verdict, CHECK_PASS, "%s: %s", results[i].id,
                     results[i].first.text);
        cr_assert_gt(results[i].checked, 0);
    }
    check_suite_free(suite);
    records_free(records);
}

Test(reports_check, a_stream_of_nothing_is_inconclusive_and_says_why)
{
    struct records *records = records_new();
    struct check_suite *suite = check_suite_new(&records->world);
    size_t count;
    const struct check_result *results = judge_all(suite, records, 1, &count);

    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(results[i].verdict, CHECK_INCONCLUSIVE);
        cr_assert_not_null(strstr(results[i].reason, check_all[i]->needs
                                                         ? check_all[i]->needs
                                                         : results[i].unit));
    }
    check_suite_free(suite);
    records_free(records);
}

/* A store that lost what it had acknowledged. */
static void lose_rows(struct records *records)
{
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a = 0;
}

Test(reports_check, a_lying_sync_excuses_what_comes_after_it)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_LIE;
    lose_rows(records);
    struct check_result result = records_judge(records, &check_durability);
    cr_assert_eq(result.verdict, CHECK_EXCUSED);
    cr_assert_not_null(strstr(result.reason, "sync"));
    cr_assert_eq(result.first.index, records->count - 1);
    records_free(records);
}

Test(reports_check, a_lying_sync_does_not_excuse_what_came_before_it)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    lose_rows(records);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_LIE;
    cr_assert_eq(records_judge(records, &check_durability).verdict, CHECK_FAIL);
    records_free(records);
}

Test(reports_check, a_fault_inside_the_envelope_excuses_nothing)
{
    struct records *records = records_new();

    records->world.envelope.honest_sync = 0; /* declared to be survived */
    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_LIE;
    lose_rows(records);
    cr_assert_eq(records_judge(records, &check_durability).verdict, CHECK_FAIL);
    records_free(records);
}

Test(reports_check, clocks_are_compared_with_one_another)
{
    struct records *records = records_new();
    struct engine_record *act;

    records_life(records, 1, LIFE_CREATED);
    records_add(records, ENGINE_REC_CLOCK_SET, 0, NODE_FIRST)->a =
        UINT64_C(0) - 600000000;
    records->now_ns += 11 * SECOND;
    records_grant(records, 1, NODE_SECOND);
    records->now_ns += 2 * SECOND;
    act = records_add(records, ENGINE_REC_ACTED, 1, NODE_FIRST);
    act->token = 1;
    cr_assert_eq(records_judge(records, &check_exclusivity).verdict,
                 CHECK_FAIL);
    records_find(records, ENGINE_REC_START_SENT, 0)->kind =
        ENGINE_REC_CLOCK_SET;
    records->list[0].node = NODE_SECOND;
    records->list[0].a = 600000000;
    struct check_result result = records_judge(records, &check_exclusivity);
    cr_assert_eq(result.verdict, CHECK_EXCUSED);
    cr_assert_not_null(strstr(result.reason, "clock"));
    records_free(records);
}

Test(reports_check, only_the_first_violation_is_kept)
{
    struct check_result result = {.id = "S1"};
    struct engine_record record = {.run = 7};

    check_violation(&result, &record, 3, "first %d", 1);
    check_violation(&result, &record, 4, "second");
    cr_assert_eq(result.violations, 2);
    cr_assert_eq(result.first.index, 3);
    cr_assert_str_eq(result.first.text, "first 1");
}

Test(reports_check, a_long_name_is_cut_between_characters)
{
    struct check_result result = {.id = "S1"};
    struct engine_record record = {.run = 7};
    char name[600];

    for (size_t i = 0; i + 2 < sizeof(name); i += 2)
        memcpy(&name[i], "\xc3\xa4", 3);
    check_violation(&result, &record, 0, "%s", name);
    cr_assert_eq(strlen(result.first.text), sizeof(result.first.text) - 2);
}

Test(reports_check, operations_of_finished_runs_are_forgotten)
{
    struct records *records = records_new();
    struct fold fold;

    cr_assert_eq(fold_init(&fold, &records->world), 0);
    records_life(records, 1, LIFE_SEEN);
    for (size_t i = 0; i < records->count; i++)
        fold_feed(&fold, &records->list[i]);
    cr_assert_not_null(fold.runs[1].ops);
    fold_feed(&fold,
              records_add(records, ENGINE_REC_OUTBOX_ACKED, 1, NODE_STORE));
    cr_assert_null(fold.runs[1].ops);
    fold_deinit(&fold);
    records_free(records);
}

Test(reports_check, records_that_name_no_run_of_the_world_are_ignored)
{
    struct records *records = records_new();
    struct check_suite *suite = check_suite_new(&records->world);
    size_t count;

    for (unsigned kind = 0; kind <= ENGINE_REC_COUNT; kind++) {
        struct engine_record *record =
            records_add(records, kind, RECORDS_RUNS + 1, 60000);

        record->op = 4096;
        record->peer = 60000;
        record->detail = 60000;
        record->state = 60000;
    }
    judge_all(suite, records, 100, &count);
    check_suite_free(suite);
    records_free(records);
}

Test(reports_check, sentences_call_nodes_by_their_names)
{
    static const char *const names[NODE_COUNT] = {
        [NODE_FIRST] = "coordinator 1", [NODE_SECOND] = "coordinator 2"};
    struct records *records = records_new();
    struct check_node word;

    records->world.node_names = names;
    records_life(records, 1, LIFE_CREATED);
    records_grant(records, 1, NODE_SECOND);
    records_expect(records, &check_exclusivity,
                   records_find(records, ENGINE_REC_LEASE_GRANTED, 1),
                   "coordinator 2 was granted the lease");
    cr_assert_str_eq(check_node(&word, &records->world, NODE_WORKER), "node 3");
    cr_assert_str_eq(check_node(&word, &records->world, 60000), "node 60000");
    records_free(records);
}

/* A chain of contexts, each with a wait; all but the run's own are closed. */
Test(reports_check, the_fold_of_a_deep_handler_counts_what_still_waits)
{
    enum {
        DEPTH = 3000
    };
    struct records *records = records_handlers_new();
    struct fold fold;
    uint64_t context = 0;

    records_trip(records, 1);
    records_row(records, 1, ENGINE_REQ_APPEND);
    for (uint32_t n = 0; n < DEPTH; n++) {
        struct engine_record *start =
            records_operation(records, ENGINE_EV_OPERATION_STARTED, 2 * n + 1,
                              ENGINE_OPERATION_CONTEXT, 0);
        start->key_hi = context;
        context = start->a;
        start = records_operation(records, ENGINE_EV_OPERATION_STARTED,
                                  2 * n + 2, ENGINE_OPERATION_WAIT, 0);
        start->key_hi = context;
    }
    cr_assert_eq(fold_init(&fold, &records->world), 0);
    for (size_t i = 0; i < records->count; i++)
        fold_feed(&fold, &records->list[i]);
    cr_assert_eq(fold.runs[1].handler->count, 2 * DEPTH);
    cr_assert_eq(fold.runs[1].handler->waiting, DEPTH);
    fold_feed(&fold,
              records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED,
                                2 * 1000 + 1, ENGINE_OPERATION_CONTEXT, 0));
    cr_assert_eq(fold.runs[1].handler->waiting, 1000);
    fold_feed(&fold, records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED,
                                       1, ENGINE_OPERATION_CONTEXT, 0));
    cr_assert_eq(fold.runs[1].handler->waiting, 0);
    fold_deinit(&fold);
    records_free(records);
}

Test(reports_check, invoked_runs_get_slots_behind_the_others)
{
    struct records *records = records_new();
    struct fold fold;

    cr_assert_eq(fold_init(&fold, &records->world), 0);
    for (uint64_t n = 1; n <= 1000; n++)
        cr_assert(fold_meet(&fold, FOLD_CHILD | n * n));
    cr_assert_not(fold_meet(&fold, RECORDS_RUNS + 1));
    cr_assert_not(fold_meet(&fold, UINT64_C(1) << 40 | FOLD_CHILD));
    cr_assert_eq(fold_count(&fold), RECORDS_RUNS + 1000);
    for (uint64_t n = 1; n <= 1000; n++) {
        cr_assert_eq(fold_slot(&fold, FOLD_CHILD | n * n), RECORDS_RUNS + n);
        cr_assert_eq(fold_number(&fold, RECORDS_RUNS + n), FOLD_CHILD | n * n);
    }
    cr_assert_null(fold_run(&fold, FOLD_CHILD | 2));
    fold_deinit(&fold);
    records_free(records);
}

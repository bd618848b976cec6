#include "reports/waits.h"

#include <criterion/criterion.h>

#include "tests/support/records.h"

/* The links of run 1 at the end of its records so far. */
static void chain(const struct records *records, char *text, size_t size)
{
    struct fold fold;

    cr_assert_eq(fold_init(&fold, &records->world), 0);
    for (size_t i = 0; i < records->count; i++)
        fold_feed(&fold, &records->list[i]);
    waits_chain(&fold, 1, records->now_ns, text, size);
    fold_deinit(&fold);
}

static void expect(struct records *records, const char *links)
{
    char text[240];

    chain(records, text, sizeof(text));
    cr_assert_str_eq(text, links);
    records_free(records);
}

static struct records *lived(enum life life)
{
    struct records *records = records_new();

    records_life(records, 1, life);
    return records;
}

Test(reports_waits, a_run_that_has_ended_waits_for_nothing)
{
    expect(lived(LIFE_ACKED), "run 1");
}

Test(reports_waits, a_timer_of_a_run_given_back_is_held_by_nobody)
{
    expect(lived(LIFE_WAITING),
           "run 1 -> hold (waiting) -> timer at 105.019000 s -> lease token 1 "
           "-> node 1 (gave it back) -> nobody");
}

Test(reports_waits, work_without_a_row_waits_for_nothing_that_is_there)
{
    struct records *records = lived(LIFE_SHIPPING);

    records_drop(records, records_find(records, ENGINE_REC_WORK_PUT, 1));
    expect(records, "run 1 -> ship (scheduled) -> work row of attempt 1 -> "
                    "nothing");
}

Test(reports_waits, an_attempt_whose_worker_is_down_leads_to_it)
{
    struct records *records = lived(LIFE_CLAIMED);

    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_WORKER)->detail =
        ENGINE_ACT_CRASH;
    expect(records, "run 1 -> charge (scheduled) -> claim of attempt 1 -> "
                    "node 3 (down)");
}

Test(reports_waits, a_report_of_a_run_whose_owner_is_down_leads_to_nobody)
{
    struct records *records = lived(LIFE_REPORTED);

    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_FIRST)->detail =
        ENGINE_ACT_CRASH;
    expect(records, "run 1 -> charge (scheduled) -> report of attempt 1 -> "
                    "lease token 1 -> node 1 (down) -> nobody");
}

Test(reports_waits, an_owner_that_is_cut_off_is_named)
{
    struct records *records = lived(LIFE_REPORTED);
    struct engine_record *cut =
        records_add(records, ENGINE_REC_FAULT, 0, NODE_FIRST);

    cut->detail = ENGINE_ACT_CUT;
    cut->a = 100 * SECOND;
    expect(records, "run 1 -> charge (scheduled) -> report of attempt 1 -> "
                    "lease token 1 -> node 1 (cut off)");
}

Test(reports_waits, words_that_do_not_fit_are_cut_off)
{
    struct records *records = lived(LIFE_WAITING);
    char text[16];

    chain(records, text, sizeof(text));
    cr_assert_str_eq(text, "run 1 -> hold (");
    records_free(records);
}

#include "scenarios/recovery.h"

#include <criterion/criterion.h>

enum {
    NODE = 9
};

static void feed(struct recovery *recovery, enum engine_record_kind kind,
                 uint64_t run, uint32_t op, unsigned detail)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = NODE,
        .run = run,
        .op = op,
        .attempt = 1,
        .detail = (uint16_t)detail,
    };
    recovery_feed(recovery, &record);
}

static void create(struct recovery *recovery, uint64_t run)
{
    feed(recovery, ENGINE_REC_START_SENT, run, 0, 0);
    feed(recovery, ENGINE_REC_EVENT, run, UINT32_MAX, ENGINE_EV_RUN_CREATED);
}

Test(scenarios_recovery, nothing_under_way_is_made_good_when_the_node_is_up)
{
    struct recovery recovery;
    recovery_init(&recovery);
    cr_expect_not(recovery_under_way(&recovery), "nothing was broken yet");
    recovery_begin(&recovery, NODE);
    cr_expect(recovery_under_way(&recovery));
    feed(&recovery, ENGINE_REC_PROC_UP, 0, UINT32_MAX, 0);
    cr_expect_not(recovery_under_way(&recovery));
    recovery_deinit(&recovery);
}

Test(scenarios_recovery, a_step_that_is_cut_off_is_waited_for_until_it_is_taken)
{
    struct recovery recovery;
    recovery_init(&recovery);
    create(&recovery, 1);
    feed(&recovery, ENGINE_REC_WORK_PUT, 1, 4, 0);
    recovery_begin(&recovery, 0);
    feed(&recovery, ENGINE_REC_WORK_CUT, 1, 4, 0);
    feed(&recovery, ENGINE_REC_WORK_PUT, 1, 4, 0);
    cr_expect(recovery_under_way(&recovery));
    feed(&recovery, ENGINE_REC_WORK_TAKEN, 1, 4, 0);
    cr_expect_not(recovery_under_way(&recovery));
    feed(&recovery, ENGINE_REC_WORK_PUT, 1, 5, 0);
    cr_expect_not(recovery_under_way(&recovery), "that came later");
    recovery_deinit(&recovery);
}

Test(scenarios_recovery, a_start_is_waited_for_until_it_is_durable)
{
    struct recovery recovery;
    recovery_init(&recovery);
    feed(&recovery, ENGINE_REC_START_SENT, 7, 0, 0);
    recovery_begin(&recovery, 0);
    create(&recovery, 8);
    cr_expect(recovery_under_way(&recovery), "8 was not sent before");
    feed(&recovery, ENGINE_REC_EVENT, 7, UINT32_MAX, ENGINE_EV_RUN_CREATED);
    cr_expect_not(recovery_under_way(&recovery));
    recovery_deinit(&recovery);
}

Test(scenarios_recovery, a_result_is_waited_for_until_it_is_acknowledged)
{
    struct recovery recovery;
    recovery_init(&recovery);
    create(&recovery, 1);
    feed(&recovery, ENGINE_REC_EVENT, 1, UINT32_MAX, ENGINE_EV_RUN_SUCCEEDED);
    recovery_begin(&recovery, 0);
    cr_expect(recovery_under_way(&recovery));
    feed(&recovery, ENGINE_REC_OUTBOX_ACKED, 1, UINT32_MAX, 0);
    cr_expect_not(recovery_under_way(&recovery));
    recovery_deinit(&recovery);
}

Test(scenarios_recovery, a_run_that_waits_or_is_blocked_owes_nothing)
{
    struct recovery recovery;
    recovery_init(&recovery);
    create(&recovery, 1);
    create(&recovery, 2);
    feed(&recovery, ENGINE_REC_WORK_PUT, 2, 0, 0);
    recovery_begin(&recovery, 0);
    cr_expect(recovery_under_way(&recovery));
    feed(&recovery, ENGINE_REC_EVENT, 2, UINT32_MAX, ENGINE_EV_RUN_BLOCKED);
    cr_expect_not(recovery_under_way(&recovery));
    recovery_deinit(&recovery);
}

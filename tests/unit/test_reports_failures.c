#include "reports/failures.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/engine_bed.h"

/* The end of a run in these words reaches the store. */
static void end(struct report_failures *failures, uint64_t run, uint32_t state,
                uint32_t outcome, const char *words)
{
    struct engine_block block = {0};
    const struct engine_item head = {.type = ENGINE_ITEM_EVENT,
                                     .kind = ENGINE_EV_RUN_FAILED,
                                     .op = UINT32_MAX,
                                     .a = ENGINE_ERR_OOM};
    const struct engine_reply reply = {.outcome = (uint16_t)outcome};

    engine_block_begin(&block, sizeof(struct engine_request));
    cr_assert_not_null(engine_block_item(&block, &head, words, strlen(words)));
    struct engine_request *request = (void *)block.bytes;
    request->kind = ENGINE_REQ_APPEND;
    request->size = (uint32_t)block.size;
    request->run = run;
    request->state = (uint16_t)state;
    report_failures_hear(failures, request, &reply);
    engine_block_free(&block);
}

static void fail(struct report_failures *failures, uint64_t run,
                 const char *words)
{
    end(failures, run, ENGINE_RUN_FAILED, ENGINE_COMMITTED, words);
}

Test(reports_failures, runs_of_one_root_cause_are_counted_together)
{
    static struct report_failures failures;

    fail(&failures, 7,
         "engine: OOM: step a, attempt 1\nnode: OOMKilled: 512 MB");
    fail(&failures, 8, "engine: OOM: step b, attempt 3\nnode: OOMKilled: 4 MB");
    fail(&failures, 9, "node: exit 137: by itself");
    cr_assert_eq(failures.count, 2);
    cr_expect_eq(failures.list[0].count, 2);
    cr_expect_eq(failures.list[0].run, 7);
    cr_expect_eq(failures.list[0].error, ENGINE_ERR_OOM);
    cr_expect_eq(failures.list[1].count, 1);
    cr_expect_eq(failures.list[1].run, 9);
}

Test(reports_failures, what_did_not_become_durable_is_not_counted)
{
    static struct report_failures failures;

    end(&failures, 7, ENGINE_RUN_FAILED, ENGINE_FENCED, "x");
    end(&failures, 7, ENGINE_RUN_RUNNING, ENGINE_COMMITTED, "x");
    cr_assert_eq(failures.count, 0);
}

Test(reports_failures, causes_beyond_the_room_are_counted_without_words)
{
    static struct report_failures failures;
    char words[] = "node: A: x";

    for (uint64_t run = 0; run < REPORT_FAILURES_MAX + 3; run++) {
        words[6] = (char)('A' + run);
        fail(&failures, run, words);
    }
    cr_expect_eq(failures.count, REPORT_FAILURES_MAX);
    cr_expect_eq(failures.others, 3);
}

#include "faults/defects.h"

#include <stdio.h>
#include <string.h>

#include "faults/points.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"

const struct fault_defect fault_defect_table[] = {
    [ENGINE_DEFECT_LEASE_NO_FENCE] =
        {"lease_no_fence", "Azure/azure-functions-durable-extension#38",
         "The store accepts writes of an owner whose lease has passed on.",
         SCENARIO("lease_no_fence"), "S2"},
    [ENGINE_DEFECT_LEASE_WALLCLOCK] =
        {"lease_wallclock", "johanhaleby/occurrent#662",
         "Expiry is judged by a node's own wall clock, so a skewed one takes "
         "over a lease that is still held.",
         SCENARIO("lease_wallclock"), "S3"},
    [ENGINE_DEFECT_LEASE_NO_SELF_FENCE] =
        {"lease_no_self_fence", "hatchet-dev/hatchet#2432",
         "A holder that could not renew goes on believing that it owns.",
         SCENARIO("lease_no_self_fence"), "S3"},
    [ENGINE_DEFECT_ATTEMPT_IN_MEMORY] =
        {"attempt_in_memory", "sidekiq/sidekiq#4633",
         "Attempts are counted in memory, so a crash gives them all back.",
         SCENARIO("attempt_in_memory"), "S4"},
    [ENGINE_DEFECT_OUTBOX_AFTER_COMMIT] =
        {"outbox_after_commit", "opendefender/OpenRisk#344",
         "The outbox row is written after the commit that it tells of.",
         SCENARIO("outbox_after_commit"), "L2"},
    [ENGINE_DEFECT_ACK_EARLY] =
        {"ack_early", "sidekiq/sidekiq#6829",
         "The store answers before the commit, so a crash takes back what it "
         "acknowledged.",
         SCENARIO("ack_early"), "S1"},
    [ENGINE_DEFECT_SPLIT_TXN_DISPATCH] =
        {"split_txn_dispatch", "temporalio/temporal#9118",
         "The event is written in one transaction and its work in another; a "
         "crash between them leaves a step scheduled that nobody does.",
         SCENARIO("split_txn_dispatch"), "S11"},
    [ENGINE_DEFECT_SYNC_OFF] = {"sync_off", "nats-io/nats-server#7564",
                                "Commits are acknowledged without a sync.",
                                SCENARIO("sync_off"), "S1"},
    [ENGINE_DEFECT_DEDUP_TTL_SHORT] =
        {"dedup_ttl_short", "Beldi, OSDI 2020, garbage collection",
         "The receiver forgets keys sooner than a retry can come.",
         SCENARIO("dedup_ttl_short"), "S5"},
    [ENGINE_DEFECT_STATUS_NO_CAS] =
        {"status_no_cas", "Azure/durabletask#1280",
         "A late write of the status brings a finished run back.",
         SCENARIO("status_no_cas"), "S9"},
    [ENGINE_DEFECT_RETRY_ALL] =
        {"retry_all", "aws/aws-durable-execution-sdk-python#342",
         "Every error is retried: permanent ones, and attempts that may have "
         "had an irreversible effect.",
         SCENARIO("retry_all"), "S4"},
    [ENGINE_DEFECT_TIMER_MEM_ONLY] =
        {"timer_mem_only", "lobehub/lobehub#19366",
         "Timers live in memory, so a restart leaves runs asleep for ever.",
         SCENARIO("timer_mem_only"), "L1"},
    [ENGINE_DEFECT_TIMER_EARLY] =
        {"timer_early", "Azure/azure-functions-durable-extension#1633",
         "A timer follows the wall clock and fires early when that is set.",
         SCENARIO("timer_early"), "S10"},
    [ENGINE_DEFECT_FSYNC_RETRY_OK] =
        {"fsync_retry_ok",
         "Can Applications Recover from fsync Failures?, ATC 2020",
         "A sync that succeeds after one that failed is believed to have "
         "saved what the failed one dropped.",
         SCENARIO("fsync_retry_ok"), "S1"},
    [ENGINE_DEFECT_RECOVER_RERUN_DONE] =
        {"recover_rerun_done", "Sketch of resumable workflows in nodetool",
         "Recovery runs operations again that were already done.",
         SCENARIO("recover_rerun_done"), "S4"},
    [ENGINE_DEFECT_LIMIT_OFF_BY_ONE] =
        {"limit_off_by_one", "Sketch of a durable-execution SDK: size limits",
         "One more than the limit is let through.",
         SCENARIO("limit_off_by_one"), "S15"},
};

_Static_assert(sizeof(fault_defect_table) / sizeof(fault_defect_table[0]) ==
                   ENGINE_DEFECT_COUNT,
               "each defect has its row");

const struct fault_defect *fault_defect_find(const char *name)
{
    for (size_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        if (strcmp(fault_defect_table[i].name, name) == 0)
            return &fault_defect_table[i];
    }
    return NULL;
}

int fault_defect_arm(struct fault_plan *plan, const char *name, char *message,
                     size_t size)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_DEFECT);
    int length = snprintf(rule.name, sizeof(rule.name), "defect/%s", name);
    uint32_t point =
        fault_point_find(plan->points, plan->point_count, rule.name);
    if (length >= (int)sizeof(rule.name) || point == plan->point_count) {
        snprintf(message, size, "there is no defect %s", name);
        return FAULT_EINVAL;
    }
    fault_rule_add_point(&rule, point);
    return fault_plan_add(plan, &rule, message, size);
}

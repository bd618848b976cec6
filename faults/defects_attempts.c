#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_ATTEMPTS_FIRST]

const struct fault_defect fault_defects_attempts[] = {
    ROW(ATTEMPT_IN_MEMORY) =
        {"attempt_in_memory", "sidekiq/sidekiq#4633",
         "Attempts are counted in memory, so a crash gives them all back.",
         SCENARIO("attempt_in_memory"), "S4"},
    ROW(RETRY_ALL) =
        {"retry_all", "aws/aws-durable-execution-sdk-python#342",
         "Every error is retried: permanent ones, and attempts that may have "
         "had an irreversible effect.",
         SCENARIO("retry_all"), "S4"},
    ROW(TIMER_MEM_ONLY) =
        {"timer_mem_only", "lobehub/lobehub#19366",
         "Timers live in memory, so a restart leaves runs asleep for ever.",
         SCENARIO("timer_mem_only"), "L1"},
    ROW(TIMER_EARLY) =
        {"timer_early", "Azure/azure-functions-durable-extension#1633",
         "A timer follows the wall clock and fires early when that is set.",
         SCENARIO("timer_early"), "S10"},
    ROW(LOGSTORE_COLLISION) =
        {"logstore_collision", "D59, log store of a workflow platform",
         "A repeated attempt's output is partly that of the attempt that was "
         "broken off, and the run goes on with it.",
         SCENARIO("logstore_collision"), "S8"},
    ROW(ATTEMPT_ON_REPORT_ONLY) =
        {"attempt_on_report_only", "aws/aws-durable-execution-docs#281",
         "A step that kills its worker is made again without end, since only "
         "reports are counted.",
         SCENARIO("attempt_on_report_only"), "L8"},
    ROW(RETRY_UNREAD) =
        {"retry_unread", "D02, simulation of durable workflows",
         "Nothing is ever tried again, whatever the policy says.",
         SCENARIO("retry_unread"), "S4"},
    ROW(ATTEMPTS_OFF_BY_ONE) =
        {"attempts_off_by_one", "class 40, field study of simulation",
         "A step is tried once more than its policy allows.",
         SCENARIO("attempts_off_by_one"), "S4"},
    ROW(ATTEMPT_ALWAYS_ONE) = {"attempt_always_one",
                               "D01, simulation of durable workflows",
                               "Whoever is to make the second attempt asks for "
                               "the first, which is over.",
                               SCENARIO("attempt_always_one"), "L1"},
    ROW(BACKOFF_NO_GROWTH) =
        {"backoff_no_growth", "stacksjs/stacks#2298",
         "Attempts follow one another as fast at the end as at the start.",
         SCENARIO("backoff_no_growth"), "S4"},
    ROW(BACKOFF_NO_CAP) =
        {"backoff_no_cap", "class 47, field study of simulation",
         "The delay doubles for ever: a step sleeps for hours.",
         SCENARIO("backoff_no_cap"), "S4"},
    ROW(JITTER_ON_TOP) = {"jitter_on_top", "apache/druid#1435",
                          "A delay is longer than the policy allows.",
                          SCENARIO("jitter_on_top"), "S4"},
    ROW(RETRY_DUE_LOST) = {"retry_due_lost",
                           "class 50, field study of simulation",
                           "A restart makes all retries due, and all steps "
                           "that failed are made at once.",
                           SCENARIO("retry_due_lost"), "S10"},
    ROW(TIMER_FIRE_THEN_MARK) = {"timer_fire_then_mark",
                                 "camunda/camunda#17128",
                                 "A timer fires again after a failover, since "
                                 "only its effect was durable.",
                                 SCENARIO("timer_fire_then_mark"), "S10"},
    ROW(TIMER_OVERFLOW) = {"timer_overflow",
                           "D31, simulation of durable workflows",
                           "A wait of 25 days is over at once.",
                           SCENARIO("timer_overflow"), "S10"},
    ROW(WAKE_LATEST) =
        {"wake_latest", "lobehub/lobehub#19366",
         "A run that sleeps on several timers wakes for the last of them.",
         SCENARIO("wake_latest"), "L5"},
    ROW(PAUSED_DEADLINE_LOST) =
        {"paused_deadline_lost", "class 50, field study of simulation",
         "A run that was paused and forgotten outlasts its deadline for ever.",
         SCENARIO("paused_deadline_lost"), "L1"},
    ROW(DISPATCH_MEM_ONLY) =
        {"dispatch_mem_only", "temporalio/sdk-python#783",
         "Work that a dead owner had put, and not yet sent, is never sent.",
         SCENARIO("dispatch_mem_only"), "L1"},
    ROW(ATTEMPT_NO_TIMEOUT) = {"attempt_no_timeout",
                               "D69, simulation of durable workflows",
                               "A step that hangs hangs for ever, since its "
                               "worker shows signs of life.",
                               SCENARIO("attempt_no_timeout"), "S4"},
    ROW(START_DEADLINE_UNREAD) = {"start_deadline_unread",
                                  "class 53, field study of simulation",
                                  "An attempt that nobody has begun in time is "
                                  "begun when it is too late.",
                                  SCENARIO("start_deadline_unread"), "S4"},
    ROW(CLOSE_DEADLINE_UNREAD) =
        {"close_deadline_unread", "D69, simulation of durable workflows",
         "A step is tried again after the time for all its attempts is over.",
         SCENARIO("close_deadline_unread"), "S4"},
    ROW(AMO_NO_INTERRUPT_ERR) =
        {"amo_no_interrupt_err", "aws/aws-durable-execution-sdk-java#394",
         "A step that was cut off is neither run nor failed.",
         SCENARIO("amo_no_interrupt_err"), "L1"},
    ROW(START_NOT_DURABLE) = {"start_not_durable",
                              "D79, simulation of durable workflows",
                              "A crash between effect and START makes a step "
                              "at most once happen twice.",
                              SCENARIO("start_not_durable"), "S5"},
    ROW(TIMER_ONE_PER_SCAN) = {"timer_one_per_scan", "camunda/camunda#11594",
                               "Runs that sleep until the same moment wake one "
                               "by one, minutes apart.",
                               SCENARIO("timer_one_per_scan"), "L5"},
};

_Static_assert(sizeof(fault_defects_attempts) /
                       sizeof(fault_defects_attempts[0]) ==
                   ENGINE_DEFECTS_ATTEMPTS_COUNT,
               "each defect has its row");

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
};

_Static_assert(sizeof(fault_defects_attempts) /
                       sizeof(fault_defects_attempts[0]) ==
                   ENGINE_DEFECTS_ATTEMPTS_COUNT,
               "each defect has its row");

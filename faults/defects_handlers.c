#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_HANDLERS_FIRST]

const struct fault_defect fault_defects_handlers[] = {
    ROW(TOKEN_REUSE) =
        {"token_reuse", "aws/aws-durable-execution-sdk-python#721",
         "A checkpoint whose answer was lost is sent again and applied again.",
         SCENARIO("token_reuse"), "S12"},
    ROW(REPLAY_USES_NOW) =
        {"replay_uses_now", "cadence-workflow/cadence-go-client#525",
         "Whoever takes a run over counts its time from when the log was read.",
         SCENARIO("replay_uses_now"), "S7"},
};

_Static_assert(sizeof(fault_defects_handlers) /
                       sizeof(fault_defects_handlers[0]) ==
                   ENGINE_DEFECTS_HANDLERS_COUNT,
               "each defect has its row");

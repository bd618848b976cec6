#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_OWNERSHIP_FIRST]

const struct fault_defect fault_defects_ownership[] = {
    ROW(LEASE_NO_FENCE) =
        {"lease_no_fence", "Azure/azure-functions-durable-extension#38",
         "The store accepts writes of an owner whose lease has passed on.",
         SCENARIO("lease_no_fence"), "S2"},
    ROW(LEASE_WALLCLOCK) =
        {"lease_wallclock", "johanhaleby/occurrent#662",
         "Expiry is judged by a node's own wall clock, so a skewed one takes "
         "over a lease that is still held.",
         SCENARIO("lease_wallclock"), "S3"},
    ROW(LEASE_NO_SELF_FENCE) =
        {"lease_no_self_fence", "hatchet-dev/hatchet#2432",
         "A holder that could not renew goes on believing that it owns.",
         SCENARIO("lease_no_self_fence"), "S3"},
    ROW(RECOVER_RERUN_DONE) =
        {"recover_rerun_done", "Sketch of resumable workflows in nodetool",
         "Recovery runs operations again that were already done.",
         SCENARIO("recover_rerun_done"), "S4"},
};

_Static_assert(sizeof(fault_defects_ownership) /
                       sizeof(fault_defects_ownership[0]) ==
                   ENGINE_DEFECTS_OWNERSHIP_COUNT,
               "each defect has its row");

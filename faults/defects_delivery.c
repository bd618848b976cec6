#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_DELIVERY_FIRST]

const struct fault_defect fault_defects_delivery[] = {
    ROW(ACK_EARLY) =
        {"ack_early", "sidekiq/sidekiq#6829",
         "The store answers before the commit, so a crash takes back what it "
         "acknowledged.",
         SCENARIO("ack_early"), "S1"},
    ROW(DEDUP_TTL_SHORT) =
        {"dedup_ttl_short", "Beldi, OSDI 2020, garbage collection",
         "The receiver forgets keys sooner than a retry can come.",
         SCENARIO("dedup_ttl_short"), "S5"},
};

_Static_assert(sizeof(fault_defects_delivery) /
                       sizeof(fault_defects_delivery[0]) ==
                   ENGINE_DEFECTS_DELIVERY_COUNT,
               "each defect has its row");

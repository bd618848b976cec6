#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_ATOMICITY_FIRST]

const struct fault_defect fault_defects_atomicity[] = {
    ROW(OUTBOX_AFTER_COMMIT) =
        {"outbox_after_commit", "opendefender/OpenRisk#344",
         "The outbox row is written after the commit that it tells of.",
         SCENARIO("outbox_after_commit"), "L2"},
    ROW(SPLIT_TXN_DISPATCH) =
        {"split_txn_dispatch", "temporalio/temporal#9118",
         "The event is written in one transaction and its work in another; a "
         "crash between them leaves a step scheduled that nobody does.",
         SCENARIO("split_txn_dispatch"), "S11"},
};

_Static_assert(sizeof(fault_defects_atomicity) /
                       sizeof(fault_defects_atomicity[0]) ==
                   ENGINE_DEFECTS_ATOMICITY_COUNT,
               "each defect has its row");

#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_ENDINGS_FIRST]

const struct fault_defect fault_defects_endings[] = {
    ROW(STATUS_NO_CAS) =
        {"status_no_cas", "Azure/durabletask#1280",
         "A late write of the status brings a finished run back.",
         SCENARIO("status_no_cas"), "S9"},
};

_Static_assert(sizeof(fault_defects_endings) /
                       sizeof(fault_defects_endings[0]) ==
                   ENGINE_DEFECTS_ENDINGS_COUNT,
               "each defect has its row");

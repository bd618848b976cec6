#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_LIMITS_FIRST]

const struct fault_defect fault_defects_limits[] = {
    ROW(LIMIT_OFF_BY_ONE) = {"limit_off_by_one",
                             "Sketch of a durable-execution SDK: size limits",
                             "One more than the limit is let through.",
                             SCENARIO("limit_off_by_one"), "S15"},
};

_Static_assert(sizeof(fault_defects_limits) / sizeof(fault_defects_limits[0]) ==
                   ENGINE_DEFECTS_LIMITS_COUNT,
               "each defect has its row");

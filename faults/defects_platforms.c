#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_PLATFORMS_FIRST]

const struct fault_defect fault_defects_platforms[] = {
    ROW(FALLBACK_IN_MEMORY) =
        {"fallback_in_memory", "Sketch of a pipeline runner: platforms tried",
         "After a take-over an attempt goes to the platform that could not "
         "begin the one before.",
         SCENARIO("fallback_in_memory"), "S4"},
    ROW(CAUSE_DROPPED) = {"cause_dropped", "D58, pipeline runner",
                          "A run fails without a word of why.",
                          SCENARIO("cause_dropped"), "S9"},
    ROW(WORD_OVER_CLAIM) = {"word_over_claim", "D66, pipeline runner",
                            "An attempt is ended and repeated while a worker "
                            "carries it out.",
                            SCENARIO("word_over_claim"), "S4"},
    ROW(FAILURE_SPREADS) = {"failure_spreads", "D71, pipeline runner",
                            "Attempts end of which their platform has said "
                            "nothing.",
                            SCENARIO("failure_spreads"), "S4"},
    ROW(EXPIRY_FATAL) = {"expiry_fatal", "D62, pipeline runner",
                         "A run fails for good since a token was a second too "
                         "old.",
                         SCENARIO("expiry_fatal"), "S4"},
    ROW(UNREGISTERED_ACKED) = {"unregistered_acked", "D75, pipeline runner",
                               "A run waits without end for an attempt that "
                               "nobody has.",
                               SCENARIO("unregistered_acked"), "L1"},
};

_Static_assert(sizeof(fault_defects_platforms) /
                       sizeof(fault_defects_platforms[0]) ==
                   ENGINE_DEFECTS_PLATFORMS_COUNT,
               "each defect has its row");

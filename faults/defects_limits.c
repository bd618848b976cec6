#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_LIMITS_FIRST]

const struct fault_defect fault_defects_limits[] = {
    ROW(LIMIT_OFF_BY_ONE) = {"limit_off_by_one",
                             "Sketch of a durable-execution SDK: size limits",
                             "One more than the limit is let through.",
                             SCENARIO("limit_off_by_one"), "S15"},
    ROW(PAYLOAD_KILOBYTES) = {"payload_kilobytes", "D36, durable-execution SDK",
                              "Values above the limit are let through.",
                              SCENARIO("payload_kilobytes"), "S15"},
    ROW(HISTORY_TOP_LEVEL) = {"history_top_level", "D37, durable-execution SDK",
                              "A map grows without bound.",
                              SCENARIO("history_top_level"), "S15"},
    ROW(WAIT_MIN_IGNORED) = {"wait_min_ignored", "D32, durable-execution SDK",
                             "A step is tried again after milliseconds.",
                             SCENARIO("wait_min_ignored"), "S15"},
    ROW(BATCH_OVERFLOW) = {"batch_overflow", "D23, durable-execution SDK",
                           "Checkpoints have more updates than they may.",
                           SCENARIO("batch_overflow"), "S15"},
    ROW(DEPTH_OF_PARENT) = {"depth_of_parent", "D36, durable-execution SDK",
                            "Runs are nested one deeper than they may.",
                            SCENARIO("depth_of_parent"), "S15"},
    ROW(SLOT_RELEASE_HAPPY_ONLY) =
        {"slot_release_happy_only", "kestra-io/kestra#14356",
         "After an outage its owner has no room left for new runs, with hardly "
         "any under way.",
         SCENARIO("slot_release_happy_only"), "L7"},
};

_Static_assert(sizeof(fault_defects_limits) / sizeof(fault_defects_limits[0]) ==
                   ENGINE_DEFECTS_LIMITS_COUNT,
               "each defect has its row");

#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_STORAGE_FIRST]

const struct fault_defect fault_defects_storage[] = {
    ROW(SYNC_OFF) = {"sync_off", "nats-io/nats-server#7564",
                     "Commits are acknowledged without a sync.",
                     SCENARIO("sync_off"), "S1"},
    ROW(FSYNC_RETRY_OK) =
        {"fsync_retry_ok",
         "Can Applications Recover from fsync Failures?, ATC 2020",
         "A sync that succeeds after one that failed is believed to have "
         "saved what the failed one dropped.",
         SCENARIO("fsync_retry_ok"), "S1"},
    ROW(SNAP_NAMES_LATER) =
        {"snap_names_later", "camunda/camunda#9645",
         "A run is read without the events that its snapshot wrongly claims.",
         SCENARIO("snap_names_later"), "S13"},
};

_Static_assert(sizeof(fault_defects_storage) /
                       sizeof(fault_defects_storage[0]) ==
                   ENGINE_DEFECTS_STORAGE_COUNT,
               "each defect has its row");

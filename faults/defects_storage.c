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
    ROW(SYNC_INTERVAL) =
        {"sync_interval", "nats-io/nats-server#7564",
         "What was acknowledged since the last sync is lost with the power.",
         SCENARIO("sync_interval"), "S1"},
    ROW(NO_DIRSYNC) = {"no_dirsync", "baidu/ins#32",
                       "A journal that was removed is back after a crash and "
                       "undoes a commit.",
                       SCENARIO("no_dirsync"), "S1"},
    ROW(JOURNAL_IN_MEMORY) = {"journal_in_memory",
                              "class 76, field study of simulation",
                              "A commit that was half done cannot be undone.",
                              SCENARIO("journal_in_memory"), "S1"},
    ROW(WAL_DISCARDED) = {"wal_discarded",
                          "class 76, field study of simulation",
                          "All commits since the last checkpoint are cut off.",
                          SCENARIO("wal_discarded"), "S1"},
    ROW(CHECKPOINT_UNSYNCED) =
        {"checkpoint_unsynced", "clockworklabs/SpacetimeDB#4886",
         "Pages that left the log have not reached the database.",
         SCENARIO("checkpoint_unsynced"), "S1"},
    ROW(ENOSPC_FATAL) =
        {"enospc_fatal", "D52, simulation of durable workflows",
         "A full disk stops the store for ever, although there is room again.",
         SCENARIO("enospc_fatal"), "L1"},
};

_Static_assert(sizeof(fault_defects_storage) /
                       sizeof(fault_defects_storage[0]) ==
                   ENGINE_DEFECTS_STORAGE_COUNT,
               "each defect has its row");

#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_ENDINGS_FIRST]

const struct fault_defect fault_defects_endings[] = {
    ROW(STATUS_NO_CAS) =
        {"status_no_cas", "Azure/durabletask#1280",
         "A late write of the status brings a finished run back.",
         SCENARIO("status_no_cas"), "S9"},
    ROW(CANCEL_NO_CAS) =
        {"cancel_no_cas", "dbos-inc/dbos-transact-py#703",
         "The client is told of a cancel, and the run has succeeded.",
         SCENARIO("cancel_no_cas"), "S9"},
    ROW(RESUME_TWICE) =
        {"resume_twice", "D70, resumable workflows",
         "A step that was resumed is begun once more while it runs.",
         SCENARIO("resume_twice"), "S12"},
    ROW(PAUSED_TIMERS) = {"paused_timers", "D31, resumable workflows",
                          "A run that is held goes on.",
                          SCENARIO("paused_timers"), "L5"},
    ROW(PAUSE_BUSY) = {"pause_busy", "D70, resumable workflows",
                       "Operators believe that a run is held, and it goes on.",
                       SCENARIO("pause_busy"), "S16"},
    ROW(JOIN_LOST_WAKEUP) = {"join_lost_wakeup", "argoproj/argo-workflows#3006",
                             "The parent waits for a child that has ended.",
                             SCENARIO("join_lost_wakeup"), "S18"},
    ROW(PARENT_END_FORGOTTEN) = {"parent_end_forgotten", "D48, mesh of agents",
                                 "Children work on for nobody.",
                                 SCENARIO("parent_end_forgotten"), "S18"},
    ROW(READY_IN_MEMORY) = {"ready_in_memory", "D26, resumable workflows",
                            "After a crash the next step is never scheduled.",
                            SCENARIO("ready_in_memory"), "L1"},
};

_Static_assert(sizeof(fault_defects_endings) /
                       sizeof(fault_defects_endings[0]) ==
                   ENGINE_DEFECTS_ENDINGS_COUNT,
               "each defect has its row");

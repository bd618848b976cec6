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
    ROW(PROJ_BEST_EFFORT) =
        {"proj_best_effort", "Azure/durabletask#1046",
         "The log says that the run is over, its row that it goes on.",
         SCENARIO("proj_best_effort"), "S11"},
    ROW(WORK_TAKE_LATE) = {"work_take_late",
                           "class 36, field study of simulation",
                           "A crash after the commit leaves a report in the "
                           "queue that has been used.",
                           SCENARIO("work_take_late"), "S11"},
    ROW(INBOX_TAKE_LATE) = {"inbox_take_late",
                            "class 39, field study of simulation",
                            "A crash after the commit leaves a signal in the "
                            "inbox: it is heard again.",
                            SCENARIO("inbox_take_late"), "S16"},
    ROW(INBOX_DELETE_FIRST) =
        {"inbox_delete_first", "class 39, field study of simulation",
         "A crash between reading a signal and using it loses the signal.",
         SCENARIO("inbox_delete_first"), "S16"},
    ROW(CHAIN_RESTARTED) =
        {"chain_restarted", "camunda/camunda#5360",
         "The chain of hashes breaks where the owner changes.",
         SCENARIO("chain_restarted"), "S11"},
    ROW(SEQ_NOT_TRANSACTIONAL) = {"seq_not_transactional",
                                  "Eventuous/eventuous#222",
                                  "A transaction that is rolled back leaves a "
                                  "gap in the positions of the log.",
                                  SCENARIO("seq_not_transactional"), "S1"},
    ROW(CACHE_SURVIVES_ROLLBACK) = {"cache_survives_rollback",
                                    "D14, simulation of durable workflows",
                                    "What was rolled back is still believed.",
                                    SCENARIO("cache_survives_rollback"), "S11"},
    ROW(APPEND_FAILURE_SWALLOWED) =
        {"append_failure_swallowed", "D13, simulation of durable workflows",
         "A run is said to be started that no store has heard of.",
         SCENARIO("append_failure_swallowed"), "S6"},
    ROW(RELEASED_EARLY) =
        {"released_early", "D22, simulation of durable workflows",
         "A step begins although the store has never heard of its START.",
         SCENARIO("released_early"), "S5"},
    ROW(RESULT_EARLY) = {"result_early", "D22, simulation of durable workflows",
                         "The client knows an end that a crash undoes.",
                         SCENARIO("result_early"), "S6"},
    ROW(OUTPUTS_LOST) =
        {"outputs_lost", "D04, simulation of durable workflows",
         "After a crash a run goes on, and ends, with empty values.",
         SCENARIO("outputs_lost"), "S8"},
    ROW(CREATE_IN_TWO) =
        {"create_in_two", "temporalio/temporal#1267",
         "A crash between two transactions leaves a log without a run.",
         SCENARIO("create_in_two"), "S11"},
    ROW(LOG_BY_TIME) =
        {"log_by_time", "D50, simulation of durable workflows",
         "A clock that is set back puts the events of a run in another order.",
         SCENARIO("log_by_time"), "S11"},
    ROW(BLOB_AFTER_LOG) = {"blob_after_log", "Azure/durabletask#891",
                           "A report is durable, and the blob that it refers "
                           "to was never written.",
                           SCENARIO("blob_after_log"), "S8"},
};

_Static_assert(sizeof(fault_defects_atomicity) /
                       sizeof(fault_defects_atomicity[0]) ==
                   ENGINE_DEFECTS_ATOMICITY_COUNT,
               "each defect has its row");

/*
 * Seeded defects of one area: what must be durable together: log, outbox,
 * inbox, blobs, projections. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_ATOMICITY_H
#define ENGINE_DEFECTS_ATOMICITY_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_ATOMICITY(X)                                            \
    X(OUTBOX_AFTER_COMMIT, "outbox_after_commit",                              \
      "the outbox row written in a transaction of its own after the run's "    \
      "end")                                                                   \
    X(SPLIT_TXN_DISPATCH, "split_txn_dispatch",                                \
      "work rows written in a second transaction after the log row that "      \
      "schedules them")                                                        \
    X(PROJ_BEST_EFFORT, "proj_best_effort",                                    \
      "the state row updated after the log, in a transaction of its own")      \
    X(WORK_TAKE_LATE, "work_take_late",                                        \
      "a report removed from the queue after the commit that has used it")     \
    X(INBOX_TAKE_LATE, "inbox_take_late",                                      \
      "a signal removed from the inbox after the commit that has used it")     \
    X(INBOX_DELETE_FIRST, "inbox_delete_first",                                \
      "a signal removed from the inbox when it is read")                       \
    X(CHAIN_RESTARTED, "chain_restarted",                                      \
      "a chain of hashes that begins anew with each owner")                    \
    X(SEQ_NOT_TRANSACTIONAL, "seq_not_transactional",                          \
      "positions of the log handed out by a counter that a rollback does "     \
      "not set back")                                                          \
    X(CACHE_SURVIVES_ROLLBACK, "cache_survives_rollback",                      \
      "rows kept in memory that a rollback does not drop")                     \
    X(APPEND_FAILURE_SWALLOWED, "append_failure_swallowed",                    \
      "an append that was not answered is taken for done")                     \
    X(RELEASED_EARLY, "released_early",                                        \
      "a worker told that its checkpoint is taken before it is durable")       \
    X(RESULT_EARLY, "result_early",                                            \
      "a client told the end of its run before it is durable")                 \
    X(OUTPUTS_LOST, "outputs_lost",                                            \
      "a state read back without the outputs of steps that have ended")        \
    X(CREATE_IN_TWO, "create_in_two",                                          \
      "a run whose log begins in one transaction and whose row comes in "      \
      "another")                                                               \
    X(LOG_BY_TIME, "log_by_time", "a log read in the order of its wall times") \
    X(BLOB_AFTER_LOG, "blob_after_log",                                        \
      "a report that refers to a blob sent beside it, not written before")

#endif

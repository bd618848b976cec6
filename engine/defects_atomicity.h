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
      "schedules them")

#endif

/*
 * Seeded defects: known bugs of real engines, off unless a harness switches
 * one on to prove that its checkers see it. Each is a point, asked where the
 * correct code stands; the engine library that users link has none of them.
 * Their ids in the switchboard begin where the host says: engine code adds
 * that base.
 */
#ifndef ENGINE_DEFECTS_H
#define ENGINE_DEFECTS_H

#include "engine/point.h"

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS(X)                                                      \
    X(LEASE_NO_FENCE, "lease_no_fence",                                        \
      "a store that does not compare fencing tokens: a paused owner "          \
      "wakes up and writes over its successor")                                \
    X(LEASE_WALLCLOCK, "lease_wallclock",                                      \
      "lease expiry judged by the caller's wall clock: a clock that is "       \
      "ahead steals leases that are held")                                     \
    X(LEASE_NO_SELF_FENCE, "lease_no_self_fence",                              \
      "an owner that does not stop by its own clock when it could not "        \
      "renew")                                                                 \
    X(ATTEMPT_IN_MEMORY, "attempt_in_memory",                                  \
      "attempts counted in memory: a crash gives a step its retries back")     \
    X(OUTBOX_AFTER_COMMIT, "outbox_after_commit",                              \
      "the outbox row written in a transaction of its own after the "          \
      "run's end")                                                             \
    X(ACK_EARLY, "ack_early",                                                  \
      "a request acknowledged before its group is durable")                    \
    X(SPLIT_TXN_DISPATCH, "split_txn_dispatch",                                \
      "work rows written in a second transaction after the log row that "      \
      "schedules them")                                                        \
    X(SYNC_OFF, "sync_off",                                                    \
      "a database run with synchronous=OFF: commits wait for no disk")         \
    X(DEDUP_TTL_SHORT, "dedup_ttl_short",                                      \
      "a receiver that forgets deduplication keys sooner than senders "        \
      "retry")                                                                 \
    X(STATUS_NO_CAS, "status_no_cas",                                          \
      "a state row updated without comparing what it was: a finished run "     \
      "is changed again")                                                      \
    X(RETRY_ALL, "retry_all",                                                  \
      "every error retried, also unknown ones and irreversible effects")       \
    X(TIMER_MEM_ONLY, "timer_mem_only",                                        \
      "a timer kept in memory only: nobody wakes the run after a crash")       \
    X(TIMER_EARLY, "timer_early",                                              \
      "a wait that ends by the caller's clock before the store's says so")     \
    X(FSYNC_RETRY_OK, "fsync_retry_ok",                                        \
      "a failed sync tried again and believed: the dirty pages are gone")      \
    X(RECOVER_RERUN_DONE, "recover_rerun_done",                                \
      "recovery that starts finished steps again")                             \
    X(LIMIT_OFF_BY_ONE, "limit_off_by_one",                                    \
      "a size limit compared with <= one byte too far")

enum engine_defect {
#define ENGINE_DEFECT_ID(id, name, simulates) ENGINE_DEFECT_##id,
    ENGINE_DEFECTS(ENGINE_DEFECT_ID)
#undef ENGINE_DEFECT_ID
    ENGINE_DEFECT_COUNT
};

/* ENGINE_DEFECT_COUNT entries, names as "defect/...". Harness only. */
extern const struct engine_point engine_defect_table[];

/* Where a component's defects start in armed[], with the port to ask. */
struct engine_defects {
    const struct engine_points *points; /* NULL: none */
    uint32_t base;
    uint32_t node;
};

/* True if this defect is on for this component. */
static inline bool engine_defect(const struct engine_defects *defects,
                                 enum engine_defect id)
{
    struct engine_decision decision;
    return engine_point_hit(defects->points, defects->base + (uint32_t)id,
                            defects->node, 0, 0, 0, &decision);
}

#endif

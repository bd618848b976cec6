/*
 * Seeded defects: known bugs of real engines, off unless a harness switches
 * one on to prove that its checkers see it. Each is a point, asked where the
 * correct code stands; the engine library that users link has none of them.
 * Ids follow the simulator's points in the switchboard: engine code adds the
 * base its host gave it.
 */
#ifndef ENGINE_DEFECTS_H
#define ENGINE_DEFECTS_H

#include "engine/point.h"

/* X(id, name) */
#define ENGINE_DEFECTS(X)                                                      \
    X(LEASE_NO_FENCE, "lease_no_fence")                                        \
    X(LEASE_WALLCLOCK, "lease_wallclock")                                      \
    X(LEASE_NO_SELF_FENCE, "lease_no_self_fence")                              \
    X(ATTEMPT_IN_MEMORY, "attempt_in_memory")                                  \
    X(OUTBOX_AFTER_COMMIT, "outbox_after_commit")                              \
    X(ACK_EARLY, "ack_early")                                                  \
    X(SPLIT_TXN_DISPATCH, "split_txn_dispatch")                                \
    X(SYNC_OFF, "sync_off")                                                    \
    X(DEDUP_TTL_SHORT, "dedup_ttl_short")                                      \
    X(STATUS_NO_CAS, "status_no_cas")                                          \
    X(RETRY_ALL, "retry_all")                                                  \
    X(TIMER_MEM_ONLY, "timer_mem_only")                                        \
    X(TIMER_EARLY, "timer_early")                                              \
    X(FSYNC_RETRY_OK, "fsync_retry_ok")                                        \
    X(RECOVER_RERUN_DONE, "recover_rerun_done")                                \
    X(LIMIT_OFF_BY_ONE, "limit_off_by_one")

enum engine_defect {
#define ENGINE_DEFECT_ID(id, name) ENGINE_DEFECT_##id,
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

#include "engine/defects.h"

#ifdef FIU_ENABLE

#define SIMULATES_LEASE_NO_FENCE                                               \
    "a store that does not compare fencing tokens: a paused owner wakes up "   \
    "and writes over its successor"
#define SIMULATES_LEASE_WALLCLOCK                                              \
    "lease expiry judged by the caller's wall clock: a clock that is ahead "   \
    "steals leases that are held"
#define SIMULATES_LEASE_NO_SELF_FENCE                                          \
    "an owner that does not stop by its own clock when it could not renew"
#define SIMULATES_ATTEMPT_IN_MEMORY                                            \
    "attempts counted in memory: a crash gives a step its retries back"
#define SIMULATES_OUTBOX_AFTER_COMMIT                                          \
    "the outbox row written in a transaction of its own after the run's end"
#define SIMULATES_ACK_EARLY "a request acknowledged before its group is durable"
#define SIMULATES_SPLIT_TXN_DISPATCH                                           \
    "work rows written in a second transaction after the log row that "        \
    "schedules them"
#define SIMULATES_SYNC_OFF                                                     \
    "a database run with synchronous=OFF: commits wait for no disk"
#define SIMULATES_DEDUP_TTL_SHORT                                              \
    "a receiver that forgets deduplication keys sooner than senders retry"
#define SIMULATES_STATUS_NO_CAS                                                \
    "a state row updated without comparing what it was: a finished run is "    \
    "changed again"
#define SIMULATES_RETRY_ALL                                                    \
    "every error retried, also unknown ones and irreversible effects"
#define SIMULATES_TIMER_MEM_ONLY                                               \
    "a timer kept in memory only: nobody wakes the run after a crash"
#define SIMULATES_TIMER_EARLY                                                  \
    "a wait that ends by the caller's clock before the store's says so"
#define SIMULATES_FSYNC_RETRY_OK                                               \
    "a failed sync tried again and believed: the dirty pages are gone"
#define SIMULATES_RECOVER_RERUN_DONE "recovery that starts finished steps again"
#define SIMULATES_LIMIT_OFF_BY_ONE                                             \
    "a size limit compared with <= one byte too far"

const struct engine_point engine_defect_table[] = {
#define ENGINE_DEFECT_ROW(id, text)                                            \
    [ENGINE_DEFECT_##id] = {"defect/" text, "inside", SIMULATES_##id},
    ENGINE_DEFECTS(ENGINE_DEFECT_ROW)
#undef ENGINE_DEFECT_ROW
};

#endif

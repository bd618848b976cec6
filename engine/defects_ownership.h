/*
 * Seeded defects of one area: leases, fencing, recovery of what others owned,
 * clocks of owners. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_OWNERSHIP_H
#define ENGINE_DEFECTS_OWNERSHIP_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_OWNERSHIP(X)                                            \
    X(LEASE_NO_FENCE, "lease_no_fence",                                        \
      "a store that does not compare fencing tokens: a paused owner wakes up " \
      "and writes over its successor")                                         \
    X(LEASE_WALLCLOCK, "lease_wallclock",                                      \
      "lease expiry judged by the caller's wall clock: a clock that is ahead " \
      "steals leases that are held")                                           \
    X(LEASE_NO_SELF_FENCE, "lease_no_self_fence",                              \
      "an owner that does not stop by its own clock when it could not renew")  \
    X(RECOVER_RERUN_DONE, "recover_rerun_done",                                \
      "recovery that starts finished steps again")

#endif

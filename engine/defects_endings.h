/*
 * Seeded defects of one area: terminal states and the races for them: cancel,
 * complete, time out. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_ENDINGS_H
#define ENGINE_DEFECTS_ENDINGS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_ENDINGS(X)                                              \
    X(STATUS_NO_CAS, "status_no_cas",                                          \
      "a state row updated without comparing what it was: a finished run is "  \
      "changed again")                                                         \
    X(CANCEL_NO_CAS, "cancel_no_cas",                                          \
      "a cancel confirmed without comparing with the end that the "            \
      "run has")                                                               \
    X(RESUME_TWICE, "resume_twice",                                            \
      "an operator's resume carried out again by a second one")                \
    X(PAUSED_TIMERS, "paused_timers",                                          \
      "timers that fire while an operator holds the run")                      \
    X(PAUSE_BUSY, "pause_busy",                                                \
      "a pause that is taken and forgotten while an invocation is "            \
      "under way")                                                             \
    X(JOIN_LOST_WAKEUP, "join_lost_wakeup",                                    \
      "runs that tell their parents of success only")                          \
    X(PARENT_END_FORGOTTEN, "parent_end_forgotten",                            \
      "a parent that ends without ending the runs it is to take "              \
      "with it")                                                               \
    X(READY_IN_MEMORY, "ready_in_memory",                                      \
      "what became ready while a run was held kept in memory only")

#endif

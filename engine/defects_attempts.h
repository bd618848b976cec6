/*
 * Seeded defects of one area: attempts, retries, timers and waits.
 * engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_ATTEMPTS_H
#define ENGINE_DEFECTS_ATTEMPTS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_ATTEMPTS(X)                                             \
    X(ATTEMPT_IN_MEMORY, "attempt_in_memory",                                  \
      "attempts counted in memory: a crash gives a step its retries back")     \
    X(RETRY_ALL, "retry_all",                                                  \
      "every error retried, also unknown ones and irreversible effects")       \
    X(TIMER_MEM_ONLY, "timer_mem_only",                                        \
      "a timer kept in memory only: nobody wakes the run after a crash")       \
    X(TIMER_EARLY, "timer_early",                                              \
      "a wait that ends by the caller's clock before the store's says so")     \
    X(LOGSTORE_COLLISION, "logstore_collision",                                \
      "attempts of a step that keep their output in one place: a repeated "    \
      "one is read back as the broken one had left it")                        \
    X(ATTEMPT_ON_REPORT_ONLY, "attempt_on_report_only",                        \
      "an attempt counted only when it reports: one that dies uses up no "     \
      "budget")                                                                \
    X(RETRY_UNREAD, "retry_unread",                                            \
      "a policy of retries that is never read: the first failure is the "      \
      "last")                                                                  \
    X(ATTEMPTS_OFF_BY_ONE, "attempts_off_by_one",                              \
      "attempts compared with <=: one more than the policy allows")            \
    X(ATTEMPT_ALWAYS_ONE, "attempt_always_one",                                \
      "every dispatch says attempt 1, whichever it is")                        \
    X(BACKOFF_NO_GROWTH, "backoff_no_growth",                                  \
      "a delay computed from the first attempt each time: it never grows")     \
    X(BACKOFF_NO_CAP, "backoff_no_cap",                                        \
      "a delay that grows beyond the longest the policy allows")               \
    X(JITTER_ON_TOP, "jitter_on_top",                                          \
      "jitter added to the delay, where it was to be taken from it")           \
    X(RETRY_DUE_LOST, "retry_due_lost",                                        \
      "when a retry is due is forgotten by a crash: it is made at once")       \
    X(TIMER_FIRE_THEN_MARK, "timer_fire_then_mark",                            \
      "a timer marked as fired in memory: it fires again after a failover")    \
    X(TIMER_OVERFLOW, "timer_overflow",                                        \
      "a timer of 32 bits of milliseconds: a longer wait is over at once")     \
    X(WAKE_LATEST, "wake_latest",                                              \
      "a sleeping run woken for the last of its timers, not for the first")    \
    X(PAUSED_DEADLINE_LOST, "paused_deadline_lost",                            \
      "a run that is paused gives up its deadline with its lease")             \
    X(DISPATCH_MEM_ONLY, "dispatch_mem_only",                                  \
      "dispatches kept in memory: a new owner leaves work that was put to "    \
      "nobody")                                                                \
    X(ATTEMPT_NO_TIMEOUT, "attempt_no_timeout",                                \
      "an attempt whose timeout nobody looks at while its worker lives")       \
    X(START_DEADLINE_UNREAD, "start_deadline_unread",                          \
      "a deadline for the start of an attempt that nobody looks at")           \
    X(CLOSE_DEADLINE_UNREAD, "close_deadline_unread",                          \
      "a deadline for all attempts looked at in none of them")                 \
    X(AMO_NO_INTERRUPT_ERR, "amo_no_interrupt_err",                            \
      "a step at most once that was cut off is neither failed nor made "       \
      "again")                                                                 \
    X(START_NOT_DURABLE, "start_not_durable",                                  \
      "the code of a step at most once begins before its START is durable")    \
    X(TIMER_ONE_PER_SCAN, "timer_one_per_scan",                                \
      "one sleeping run woken at each look, however many are due")

#endif

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
      "one is read back as the broken one had left it")

#endif

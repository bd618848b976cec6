/*
 * Seeded defects of one area: limits, slots, queues and fairness.
 * engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_LIMITS_H
#define ENGINE_DEFECTS_LIMITS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_LIMITS(X)                                               \
    X(LIMIT_OFF_BY_ONE, "limit_off_by_one",                                    \
      "a size limit compared with <= one byte too far")                        \
    X(PAYLOAD_KILOBYTES, "payload_kilobytes",                                  \
      "sizes in KB of 1024 compared with limits in KB of 1000")                \
    X(HISTORY_TOP_LEVEL, "history_top_level",                                  \
      "a limit of operations that does not count those inside "                \
      "contexts")                                                              \
    X(WAIT_MIN_IGNORED, "wait_min_ignored",                                    \
      "retry delays below the shortest wait let through")                      \
    X(BATCH_OVERFLOW, "batch_overflow",                                        \
      "the update that overflows a batch put into it")                         \
    X(DEPTH_OF_PARENT, "depth_of_parent",                                      \
      "the depth of who invokes compared with the limit, not of "              \
      "what is invoked")                                                       \
    X(SLOT_RELEASE_HAPPY_ONLY, "slot_release_happy_only",                      \
      "a place given back by runs that go well only: lost ones keep theirs")

#endif

/*
 * Seeded defects of one area: limits, slots, queues and fairness.
 * engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_LIMITS_H
#define ENGINE_DEFECTS_LIMITS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_LIMITS(X)                                               \
    X(LIMIT_OFF_BY_ONE, "limit_off_by_one",                                    \
      "a size limit compared with <= one byte too far")

#endif

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
      "changed again")

#endif

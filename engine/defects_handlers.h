/*
 * Seeded defects of one area: replayed handlers: operations, tokens,
 * checkpoints, callbacks, children. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_HANDLERS_H
#define ENGINE_DEFECTS_HANDLERS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_HANDLERS(X)                                             \
    X(TOKEN_REUSE, "token_reuse",                                              \
      "a checkpoint token accepted again: a repeated message is applied "      \
      "twice") \
    X(REPLAY_USES_NOW, "replay_uses_now",                                      \
      "a log folded with the time at which it is read in place of the time "   \
      "at which its first row was written")

#endif

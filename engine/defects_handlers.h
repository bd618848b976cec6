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
      "twice")                                                                 \
    X(REPLAY_USES_NOW, "replay_uses_now",                                      \
      "a log folded with the time at which it is read in place of the time "   \
      "at which its first row was written")                                    \
    X(AMO_RERUN, "amo_rerun",                                                  \
      "an at-most-once attempt found begun by a dead worker, and "             \
      "run again")                                                             \
    X(AMO_NOT_INTERRUPTED, "amo_not_interrupted",                              \
      "an at-most-once attempt that died is neither ended nor "                \
      "followed by another")                                                   \
    X(PAGE_SKIPS, "page_skips",                                                \
      "pages of the state that leave out the operation at their "              \
      "border")                                                                \
    X(REPLAY_RERUNS_DONE, "replay_reruns_done",                                \
      "a replay that does not look for what an earlier invocation "            \
      "has recorded")                                                          \
    X(PENDING_IDLE, "pending_idle",                                            \
      "an invocation near its time limit that says PENDING with "              \
      "nothing pending")                                                       \
    X(CALLBACK_TWICE, "callback_twice",                                        \
      "a second answer to a callback that overwrites the first")               \
    X(HEARTBEAT_EXTENDS, "heartbeat_extends",                                  \
      "heartbeats that move the deadline of a callback")                       \
    X(HEARTBEAT_UNWATCHED, "heartbeat_unwatched",                              \
      "heartbeats of callbacks asked for and not watched")                     \
    X(CHILD_ERROR_DROPPED, "child_error_dropped",                              \
      "the error of an invoked run taken for its result")                      \
    X(CHILD_ONLY_SUCCESS, "child_only_success",                                \
      "a wait for the success of an invoked run that never "                   \
      "notices failure")                                                       \
    X(EOS_LOST, "eos_lost",                                                    \
      "the end of a stream sent by those that succeed only")                   \
    X(UNREAD_UNANSWERED, "unread_unanswered",                                  \
      "messages that a run leaves unread are not answered")                    \
    X(COMPLETION_ANY_END, "completion_any_end",                                \
      "branches that failed counted towards min_successful")                   \
    X(TOLERANCE_IGNORED, "tolerance_ignored",                                  \
      "a batch that begins branches after too many have failed")               \
    X(MAP_OPEN_FORGOTTEN, "map_open_forgotten",                                \
      "branches that were open before a replay are not counted")               \
    X(UNDO_OWN_ONLY, "undo_own_only",                                          \
      "compensations kept in memory: an earlier invocation's are "             \
      "not undone")                                                            \
    X(UNDO_OLDEST_FIRST, "undo_oldest_first",                                  \
      "compensations in the order of their steps")                             \
    X(UNDO_TWICE, "undo_twice", "compensations begun anew by each invocation")

#endif

/*
 * Seeded defects of one area: platforms, their failures and what they say.
 * engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_PLATFORMS_H
#define ENGINE_DEFECTS_PLATFORMS_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_PLATFORMS(X)                                            \
    X(FALLBACK_IN_MEMORY, "fallback_in_memory",                                \
      "which platform an attempt goes to kept in memory: a take-over asks "    \
      "the first again")                                                       \
    X(CAUSE_DROPPED, "cause_dropped",                                          \
      "an error wrapped without the words of the one behind it")               \
    X(WORD_OVER_CLAIM, "word_over_claim",                                      \
      "a platform's word that an attempt has failed believed while its "       \
      "claim holds: another begins beside it")                                 \
    X(FAILURE_SPREADS, "failure_spreads",                                      \
      "what a platform says of one attempt taken for all that the run has "    \
      "under way")                                                             \
    X(EXPIRY_FATAL, "expiry_fatal",                                            \
      "credentials that have run out taken for a final error")                 \
    X(UNREGISTERED_ACKED, "unregistered_acked",                                \
      "a task acknowledged and dropped by workers that do not know it")

#endif

/*
 * Seeded defects of one area: messages between processes: acknowledged,
 * doubled, lost, recognised. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_DELIVERY_H
#define ENGINE_DEFECTS_DELIVERY_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_DELIVERY(X)                                             \
    X(ACK_EARLY, "ack_early",                                                  \
      "a request acknowledged before its group is durable")                    \
    X(DEDUP_TTL_SHORT, "dedup_ttl_short",                                      \
      "a receiver that forgets deduplication keys sooner than senders retry")

#endif

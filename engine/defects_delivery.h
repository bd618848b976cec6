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
      "a receiver that forgets deduplication keys sooner than senders retry")  \
    X(START_ACK_EARLY, "start_ack_early",                                      \
      "a start confirmed before the run is durable")                           \
    X(RESULT_ACK_UNSEEN, "result_ack_unseen",                                  \
      "a result taken out of the outbox when it was sent, not when it "        \
      "was seen")                                                              \
    X(NOTIFY_ONLY_FRESH, "notify_only_fresh",                                  \
      "a result told only by who saw the run end: a later owner does "         \
      "not")                                                                   \
    X(MESSAGE_ID_SALTED, "message_id_salted",                                  \
      "a message's id drawn anew each time it is sent")                        \
    X(DEDUP_BY_NAME, "dedup_by_name",                                          \
      "messages told apart by sender alone: the second one is taken "          \
      "for a copy")                                                            \
    X(INBOX_NO_DEDUP, "inbox_no_dedup",                                        \
      "an inbox that forgets what it has given out: a late copy is "           \
      "heard again")                                                           \
    X(RESUB_MISSING, "resub_missing",                                          \
      "a worker that waits for ever for an answer that was lost: its "         \
      "slot is dead")                                                          \
    X(VALIDATE_REJECT_LOOP, "validate_reject_loop",                            \
      "a controller that asks again and again for what is refused")            \
    X(START_REPLACES, "start_replaces",                                        \
      "a start that comes again begins the run again")                         \
    X(DISPATCH_ONCE, "dispatch_once",                                          \
      "work handed to the platform once, whether it arrives or not")           \
    X(ACCEPTED_TRUSTED, "accepted_trusted",                                    \
      "work that a platform has accepted is taken for done in time")           \
    X(SIGNAL_NO_WAKE, "signal_no_wake",                                        \
      "a signal put into the inbox of a sleeping run without waking "          \
      "it")                                                                    \
    X(RELEASE_OVER_UNSEEN, "release_over_unseen",                              \
      "a run put to sleep without looking for what came meanwhile")            \
    X(OUTBOX_ORDER, "outbox_order",                                            \
      "messages that could not be sent put behind later ones")                 \
    X(COURIER_GIVES_UP, "courier_gives_up",                                    \
      "messages between runs sent once and taken for delivered")               \
    X(KEY_PER_ATTEMPT, "key_per_attempt",                                      \
      "an idempotency key that names the attempt")                             \
    X(DISPATCH_REPEAT_BEGINS, "dispatch_repeat_begins",                        \
      "a worker that begins again what it is at, since the message "           \
      "came twice")                                                            \
    X(CHILD_ID_FRESH, "child_id_fresh",                                        \
      "a child's number drawn when it is created, not when it is "             \
      "asked for")                                                             \
    X(DEDUP_EPOCH_LEX, "dedup_epoch_lex",                                      \
      "signals of a former owner's time taken for heard by a new one")         \
    X(CANCEL_HEARD_ONLY, "cancel_heard_only",                                  \
      "a cancel that meets work in progress is taken and comes to nothing")

#endif

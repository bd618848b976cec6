/*
 * Seeded defects of one area: leases, fencing, recovery of what others owned,
 * clocks of owners. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_OWNERSHIP_H
#define ENGINE_DEFECTS_OWNERSHIP_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_OWNERSHIP(X)                                            \
    X(LEASE_NO_FENCE, "lease_no_fence",                                        \
      "a store that does not compare fencing tokens: a paused owner wakes up " \
      "and writes over its successor")                                         \
    X(LEASE_WALLCLOCK, "lease_wallclock",                                      \
      "lease expiry judged by the caller's wall clock: a clock that is ahead " \
      "steals leases that are held")                                           \
    X(LEASE_NO_SELF_FENCE, "lease_no_self_fence",                              \
      "an owner that does not stop by its own clock when it could not renew")  \
    X(RECOVER_RERUN_DONE, "recover_rerun_done",                                \
      "recovery that starts finished steps again")                             \
    X(RENEW_NO_OWNER, "renew_no_owner",                                        \
      "a renewal that extends the lease of whoever holds it, without "         \
      "asking who asks")                                                       \
    X(OUTBOX_UNFENCED, "outbox_unfenced",                                      \
      "a fence before the log that does not guard the outbox beside "          \
      "it")                                                                    \
    X(GRANT_NO_EPOCH, "grant_no_epoch",                                        \
      "a lease that passes on without a larger fencing token")                 \
    X(CLAIM_NO_FENCE, "claim_no_fence",                                        \
      "a report taken from whoever sends it: a worker that lost its "          \
      "attempt answers for its successor")                                     \
    X(CLAIM_NO_CAS, "claim_no_cas",                                            \
      "an attempt claimed by read and write without comparing: a "             \
      "second copy of the message takes it over")                              \
    X(OWNER_ID_HOSTNAME, "owner_id_hostname",                                  \
      "an owner known by its host name: restarted, it is taken for "           \
      "the one that died and its runs for held")                               \
    X(RECOVER_ONCE_SWALLOW, "recover_once_swallow",                            \
      "a recovery loop that ends for good at the first error of the "          \
      "store")                                                                 \
    X(ORPHAN_SCAN_ONCE, "orphan_scan_once",                                    \
      "a run that was taken over once is not looked for again when "           \
      "its new owner dies")                                                    \
    X(LOCK_ROBBED_BY_AGE, "lock_robbed_by_age",                                \
      "a lease taken for stale by its age, although it was renewed")           \
    X(APPLY_LOOP_DEAD, "apply_loop_dead",                                      \
      "an owner that renews its lease but has stopped to apply, since "        \
      "an answer never came")                                                  \
    X(LEASE_FROM_REPLY, "lease_from_reply",                                    \
      "a lease counted from when its answer came, not from when it "           \
      "was asked for")                                                         \
    X(RESCUE_IGNORE_HB, "rescue_ignore_hb",                                    \
      "work rescued by the time that has passed, whatever heartbeats "         \
      "say")                                                                   \
    X(HB_SAME_THREAD, "hb_same_thread",                                        \
      "heartbeats sent by the thread that runs the step: none while "          \
      "it works")                                                              \
    X(WORKER_NO_SELF_FENCE, "worker_no_self_fence",                            \
      "a worker whose heartbeat loop has died goes on with what it no "        \
      "longer holds")                                                          \
    X(WORKER_ID_REUSED, "worker_id_reused",                                    \
      "a claim known by the worker's host name: restarted, it takes "          \
      "up what its former process had begun")                                  \
    X(RESUME_NO_LEASE, "resume_no_lease",                                      \
      "a start that comes again makes its receiver the owner, without "        \
      "a lease")                                                               \
    X(APPEND_SEQ_BLIND, "append_seq_blind",                                    \
      "events numbered by what is in the log, whatever their writer "          \
      "has read of it")                                                        \
    X(DROP_UNKNOWN_INSTANCE, "drop_unknown_instance",                          \
      "an owner that removes messages that it cannot place yet")

#endif

/*
 * The named points of the simulated world: every place where a scenario can
 * make something go wrong. Each is asked where the real failure would strike,
 * with the acting node and, where it is known, run, operation and attempt.
 */
#ifndef SIM_POINTS_H
#define SIM_POINTS_H

#include "engine/point.h"

/* X(id, "name", "phase", "what it simulates") */
#define SIM_POINTS(X)                                                          \
    X(DISK_READ, "disk/read", "inside", "a read from the store's disk")        \
    X(DISK_WRITE, "disk/write", "before",                                      \
      "one write of a commit: error, short, full, slow, or power loss")        \
    X(DISK_SYNC_BEFORE, "disk/sync/before", "before",                          \
      "a sync: error, lie, slow, or power loss before it")                     \
    X(DISK_SYNC_AFTER, "disk/sync/after", "after",                             \
      "power loss right after a sync")                                         \
    X(DISK_TRUNCATE, "disk/truncate", "before", "a truncation of a file")      \
    X(DISK_DELETE, "disk/delete", "before", "removal of a journal")            \
    X(NET_SEND, "net/send", "before", "a message: lost, doubled, or late")     \
    X(NET_REQUEST, "net/request", "before", "a request on its way to a store") \
    X(NET_REPLY, "net/reply", "before",                                        \
      "a store's reply: lost after the commit it speaks of")                   \
    X(NET_LINK, "net/link", "timed", "a link or node cut off for a time")      \
    X(PROCESS, "process", "timed",                                             \
      "a process at a time of its own: killed, paused, slowed, out of memory") \
    X(CLOCK, "clock", "timed", "a node's clock: step, drift, freeze")          \
    X(COORD_START, "coordinator/start", "after", "a start request received")   \
    X(COORD_CREATE_BEFORE, "coordinator/create/before", "before",              \
      "the request that makes a run durable")                                  \
    X(COORD_CREATE_AFTER, "coordinator/create/after", "after",                 \
      "the run is durable, the client not told")                               \
    X(COORD_ACQUIRE_BEFORE, "coordinator/acquire/before", "before",            \
      "taking over a run")                                                     \
    X(COORD_ACQUIRE_AFTER, "coordinator/acquire/after", "after",               \
      "the lease is granted, recovery not begun")                              \
    X(COORD_APPEND_BEFORE, "coordinator/append/before", "before",              \
      "a decision made, not sent to the store")                                \
    X(COORD_APPEND_AFTER, "coordinator/append/after", "after",                 \
      "a decision durable, not yet acted on")                                  \
    X(COORD_DISPATCH_BEFORE, "coordinator/dispatch/before", "before",          \
      "work durable, not sent to the platform")                                \
    X(COORD_DISPATCH_AFTER, "coordinator/dispatch/after", "after",             \
      "work sent to the platform")                                             \
    X(COORD_RENEW_BEFORE, "coordinator/renew/before", "before",                \
      "renewal of leases")                                                     \
    X(COORD_RENEW_AFTER, "coordinator/renew/after", "after",                   \
      "renewal answered")                                                      \
    X(COORD_RESULT_BEFORE, "coordinator/result/before", "before",              \
      "the run has ended, the client not told")                                \
    X(COORD_ACK_BEFORE, "coordinator/ack/before", "before",                    \
      "the client knows, the outbox row still there")                          \
    X(WORKER_CLAIM_BEFORE, "worker/claim/before", "before",                    \
      "work received, not claimed")                                            \
    X(WORKER_CLAIM_AFTER, "worker/claim/after", "after",                       \
      "the attempt has started durably, its code not run")                     \
    X(WORKER_EFFECT_BEFORE, "worker/effect/before", "before",                  \
      "the step's code ran, its side effect not requested")                    \
    X(WORKER_EFFECT_AFTER, "worker/effect/after", "after",                     \
      "the side effect happened, nobody has been told")                        \
    X(WORKER_REPORT_BEFORE, "worker/report/before", "before",                  \
      "the step is done, its report not sent")                                 \
    X(WORKER_REPORT_AFTER, "worker/report/after", "after",                     \
      "the report is durable, the coordinator not hinted")                     \
    X(WORKER_HEARTBEAT, "worker/heartbeat", "before", "a claim's heartbeat")   \
    X(STORE_GROUP_BEFORE, "store/group/before", "before",                      \
      "requests received, none carried out")                                   \
    X(STORE_COMMIT_BEFORE, "store/commit/before", "before",                    \
      "a group carried out, not committed")                                    \
    X(STORE_COMMIT_AFTER, "store/commit/after", "after",                       \
      "a group durable, no reply sent")                                        \
    X(PLATFORM_INVOKE, "platform/invoke", "before",                            \
      "an invocation: throttled, doubled, lost, or killed at its limit")       \
    X(PLATFORM_RUN, "platform/run", "inside",                                  \
      "an environment that dies while it runs an attempt")                     \
    X(WORKER_STATE_BEFORE, "worker/state/before", "before",                    \
      "an invocation claimed, the run's state not asked for")                  \
    X(WORKER_CHECKPOINT_BEFORE, "worker/checkpoint/before", "before",          \
      "what a handler wants recorded, not sent to the run's owner")            \
    X(WORKER_CHECKPOINT_AFTER, "worker/checkpoint/after", "after",             \
      "it is durable and answered, the handler has not gone on")               \
    X(COORD_CHECKPOINT_AFTER, "coordinator/checkpoint/after", "after",         \
      "what a handler wanted is durable, the worker not told")                 \
    X(PLATFORM_HOST, "platform/host", "timed",                                 \
      "a host of a platform dies, with all that runs on it")                   \
    X(PLATFORM_OUTAGE, "platform/outage", "timed",                             \
      "a platform's broker or control plane is away for a time")

enum sim_point {
#define SIM_POINT_ID(id, name, phase, simulates) SIM_POINT_##id,
    SIM_POINTS(SIM_POINT_ID)
#undef SIM_POINT_ID
    SIM_POINT_COUNT
};

/* SIM_POINT_COUNT entries in the order of the ids. */
extern const struct engine_point sim_point_table[];

#endif

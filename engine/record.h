/*
 * Records are what a run of the engine leaves behind for judgement: one
 * fixed-size line for each thing that happened, in order. A simulated run and
 * a real run write the same records; the checkers in reports/ read nothing
 * else. The digest of the stream is the identity of a run: same scenario and
 * seed, same digest.
 *
 * What the records say is the ground truth where the world is simulated:
 * commits are written by the store's host when they are durable, effects by
 * the receiver after its own deduplication.
 */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "engine/wire.h"

/*
 * Kinds, with the meaning of their fields. node is always the node it happened
 * on; time is true time; wall and mono are that node's clocks.
 *
 * By the client:
 *   START_SENT      run; a = time it was due, op = workflow id
 *   START_OK        run
 *   RESULT_SEEN     run; a = state, b = 1 if it was a repeat
 *   START_REFUSED   run: there will be no such run
 * By whoever sends signals from outside:
 *   SIGNAL_SENT     run, op, a, b = id, detail = signal kind: the first time
 *                   that it asks; that it asks again is not told
 *   SIGNAL_ANSWERED the same; count = outcome of the request, state = 1 if
 *                   it had been put before. Unless that was COMMITTED, FENCED
 *                   or REFUSED it asks on
 * By the store's host, after the group is durable (detail = request kind,
 * peer = sender's node, token):
 *   APPENDED        run, a = seq of first event, b = position, count = events,
 *                   key/key_hi = row hash, detail, state = run state after
 *   EVENT           run, op, attempt, detail = event kind, a, b = of the item,
 *                   key = seq, count = payload bytes; one for each event of
 *                   an APPENDED row, after it. Of handlers' events:
 *                   CHECKPOINT: a, key_hi = client token, b = number of the
 *                   token it used up. OPERATION_..: a = id (low half), key_hi
 *                   = its context's, state = type | subtype
 *                   << 4 | options << 8 (engine_record_type() ..), b =
 *                   first_ns, or the root's hash if FAILED, token = second_ns
 *                   if STARTED, else the error class, count = bytes of the
 *                   value. Of others that say why (engine/cause.h): key_hi =
 *                   hash of the root cause, 0: there is none
 *   LEASE_GRANTED   run, token, peer = holder's node, a = expires (store ns)
 *   LEASE_RENEWED   run, token, a = expires
 *   LEASE_RELEASED  run, token, a = wake (store ns)
 *   WORK_PUT        run, op, attempt, key = input hash
 *   WORK_CLAIMED    run, op, attempt, peer, a = expires; count = 1 if the same
 *                   worker had claimed it before
 *   WORK_DONE       run, op, attempt, peer, detail = error, key = output hash
 *   WORK_TAKEN      run, op, attempt (into the log)
 *   WORK_CUT        run, op, attempt; claimed or not
 *   OUTBOX_PUT      run, detail = outbox kind, op = its number (UINT32_MAX:
 *                   1). CHILD: a = the child, b = the operation, count = its
 *                   depth. SIGNAL: a = the addressee, b = number, state =
 *                   signal kind, count = error, key = hash of sender and edge
 *   OUTBOX_ACKED    run, op as in OUTBOX_PUT
 *   INBOX_PUT       run, peer, a, b = id, detail = signal kind, op = the
 *                   operation it is for, key = number, key_hi = hash of sender
 *                   and edge, count = error
 *   INBOX_TAKEN     run, token, a, b = id
 *   RESTORED        run, a = last event in its snapshot; detail = 1: it and
 *                   the rows behind it fold to another state than the log
 *   REJECTED        run, token, detail = request kind, count = outcome
 *   BLOB_PUT        key/key_hi = first 16 bytes of the digest, a = size
 * By the store's host, otherwise:
 *   STORE_OPENED    a = last position found, b = runs found, count = 1 if the
 *                   file was refused as damaged
 *   AUDIT_ROW       a log row as found on disk: run, a = seq, b = position,
 *                   count, token, key/key_hi = hash; detail = 1 if the hash
 *                   did not verify. After each reopening: rows acknowledged
 *                   since the last one; at the end of the world: all rows
 *   AUDIT_RUN       a run row at the end: run, token, a = next seq, b = tail,
 *                   key/key_hi = hash, state
 *   AUDIT_WORK      a work row at the end: run, op, attempt, detail = state
 *   AUDIT_DONE      b = rows read, detail = 1: whole store, end of the world,
 *                   count = 1: the file could not be read to the end
 *   SYNC_FAILED     a commit's outcome is unknown
 * By a coordinator:
 *   ACTED           run, token: it sent a write as the run's owner
 *   OWNED, DISOWNED run, token: it believes so; detail = why
 *   SENT            run, op, attempt: dispatch sent; a = number of the platform
 *   REPLAYED        run, a = next seq after what it asks for; detail = 1: the
 *                   log and that fold to another state than it is in. Written
 *                   by the simulator around it, if it is asked to
 *   ENGINE_ERROR    detail: a defect of the engine's own (never expected)
 * By a worker:
 *   ATTEMPT_BEGIN   run, op, attempt: the step's code starts
 *   ATTEMPT_END     run, op, attempt, detail = error
 *   EFFECT_SENT     run, op, attempt, key/key_hi
 * By the receiver of side effects, after its deduplication:
 *   EFFECT_APPLIED  run, op, attempt, key/key_hi, a = times this key was
 *                   applied before; token = hash of what was asked for, the
 *                   same for every attempt; of a handler's step: b = low half
 *                   of its operation's id, count = its number, from 1
 *   EFFECT_REPEAT   the same, recognised and not applied again
 * By a platform (node = platform's front end, peer = environment):
 *   INVOKED         run, op, attempt; detail = 1 cold, 2 warm
 *   THROTTLED       run, op, attempt; detail = reason; a = in flight, b = limit
 *   ENV_STARTED     peer; a = start-up ns
 *   ENV_ENDED       peer; detail = reason; a = life ns
 *   KILLED          run, op, attempt, peer: over the platform's time limit
 *   GAUGE           a = in flight, b = limit (for limits and reports)
 *   PLATFORM        run, op, attempt, peer (0: none): its own log of a job;
 *                   count = 0: in state `detail`, 1: its place will be ended
 *                   at a, 2: given up, 3: refused; b = enum engine_error
 * By the world:
 *   FAULT           detail = action, key = point id, a = amount, peer = hits,
 *                   count = 1 if work was in flight, op/run/attempt of the
 *                   site, b = the hit's number, key_hi = the rule
 *   FAULT_ENDED     key = point id
 *   PROC_DOWN       detail = why (engine_action, 0 = shutdown), a = bytes used
 *   PROC_UP         a = incarnation
 *   PROC_PAUSED, PROC_RESUMED
 *   CLOCK_SET       a = wall offset (signed), b = drift ppb (signed)
 *   DISK_CRASH      a = writes kept, b = dropped, count = torn
 *   DISK_FAULT      detail = action, a = offset, b = bytes
 *   TAINT_READ      a corrupted sector was read: a = offset; detail = 1 if the
 *                   reader was told (checksum or error), 0 if it was believed
 *   WORLD_END       a = events left in the queue, detail = why it ended
 */
enum engine_record_kind {
    ENGINE_REC_START_SENT = 1,
    ENGINE_REC_START_OK,
    ENGINE_REC_RESULT_SEEN,
    ENGINE_REC_APPENDED,
    ENGINE_REC_EVENT,
    ENGINE_REC_LEASE_GRANTED,
    ENGINE_REC_LEASE_RENEWED,
    ENGINE_REC_LEASE_RELEASED,
    ENGINE_REC_WORK_PUT,
    ENGINE_REC_WORK_CLAIMED,
    ENGINE_REC_WORK_DONE,
    ENGINE_REC_WORK_TAKEN,
    ENGINE_REC_WORK_CUT,
    ENGINE_REC_OUTBOX_PUT,
    ENGINE_REC_OUTBOX_ACKED,
    ENGINE_REC_REJECTED,
    ENGINE_REC_BLOB_PUT,
    ENGINE_REC_STORE_OPENED,
    ENGINE_REC_AUDIT_ROW,
    ENGINE_REC_AUDIT_RUN,
    ENGINE_REC_AUDIT_WORK,
    ENGINE_REC_AUDIT_DONE,
    ENGINE_REC_SYNC_FAILED,
    ENGINE_REC_ACTED,
    ENGINE_REC_OWNED,
    ENGINE_REC_DISOWNED,
    ENGINE_REC_SENT,
    ENGINE_REC_ENGINE_ERROR,
    ENGINE_REC_ATTEMPT_BEGIN,
    ENGINE_REC_ATTEMPT_END,
    ENGINE_REC_EFFECT_SENT,
    ENGINE_REC_EFFECT_APPLIED,
    ENGINE_REC_EFFECT_REPEAT,
    ENGINE_REC_INVOKED,
    ENGINE_REC_THROTTLED,
    ENGINE_REC_ENV_STARTED,
    ENGINE_REC_ENV_ENDED,
    ENGINE_REC_KILLED,
    ENGINE_REC_GAUGE,
    ENGINE_REC_FAULT,
    ENGINE_REC_FAULT_ENDED,
    ENGINE_REC_PROC_DOWN,
    ENGINE_REC_PROC_UP,
    ENGINE_REC_PROC_PAUSED,
    ENGINE_REC_PROC_RESUMED,
    ENGINE_REC_CLOCK_SET,
    ENGINE_REC_DISK_CRASH,
    ENGINE_REC_DISK_FAULT,
    ENGINE_REC_TAINT_READ,
    ENGINE_REC_WORLD_END,
    ENGINE_REC_INBOX_PUT,
    ENGINE_REC_INBOX_TAKEN,
    ENGINE_REC_REPLAYED,
    ENGINE_REC_RESTORED,
    ENGINE_REC_START_REFUSED,
    ENGINE_REC_SIGNAL_SENT,
    ENGINE_REC_SIGNAL_ANSWERED,
    ENGINE_REC_PLATFORM,
    ENGINE_REC_COUNT
};

struct engine_record {
    uint64_t time_ns; /* true time; a real run: the host's wall clock */
    uint64_t wall_ns;
    uint64_t mono_ns;
    uint64_t run;
    uint64_t token;
    uint64_t key;
    uint64_t key_hi;
    uint64_t a;
    uint64_t b;
    uint32_t op; /* operation index; UINT32_MAX: none */
    uint32_t attempt;
    uint32_t count;
    uint16_t node;
    uint16_t peer;
    uint16_t kind;
    uint16_t detail;
    uint16_t state;
    uint16_t reserved; /* 0 */
};

/* What the state of an OPERATION_ event's record says of the operation. */
static inline unsigned engine_record_type(const struct engine_record *event)
{
    return event->state & 0xf;
}

static inline unsigned engine_record_subtype(const struct engine_record *event)
{
    return event->state >> 4 & 0xf;
}

static inline unsigned engine_record_options(const struct engine_record *event)
{
    return event->state >> 8;
}

/*
 * Where records go. The caller fills everything but time and clocks, which
 * the host knows and puts in.
 */
struct engine_sink {
    void (*emit)(void *self, const struct engine_record *record);
    void *self;
};

static inline void engine_emit(const struct engine_sink *sink,
                               const struct engine_record *record)
{
    if (sink && sink->emit)
        sink->emit(sink->self, record);
}

/* The rolling 128-bit digest of a record stream: XXH3 over blocks. */
struct engine_digest {
    struct engine_hash hash;
    uint64_t count;
};

void engine_digest_init(struct engine_digest *digest);
/* Folds count records in; splitting a stream differently changes nothing. */
void engine_digest_add(struct engine_digest *digest,
                       const struct engine_record *records, size_t count);

/*
 * Writes the records of one committed (or rejected) exchange with a store:
 * what the store's host emits for each request once the group is durable.
 */
void engine_record_exchange(const struct engine_sink *sink, uint16_t node,
                            const struct engine_request *request,
                            const struct engine_reply *reply);

const char *engine_record_name(unsigned kind);

#endif

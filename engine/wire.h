/*
 * What the engine's machines say to stores and to each other: requests,
 * replies and messages, each one flat block of bytes that can be copied,
 * queued, lost, sent down a pipe or hashed as it stands.
 *
 * A block is a fixed head followed by items. An item is a 40-byte head and
 * its payload, padded with zeros to 8 bytes, so that every head is aligned:
 *
 *     | head | item | payload.. 0 | item | item | payload ....... 0 |
 *
 * Integers are little-endian in memory; the build refuses other machines.
 * Blocks written by this version are read by this version only, except log
 * items, whose layout is covered by the store's schema version.
 */
#ifndef ENGINE_WIRE_H
#define ENGINE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "perdure's log format is little-endian"
#endif

struct engine_hash {
    uint64_t lo;
    uint64_t hi;
};

/* What an item is. */
enum engine_item_type {
    ENGINE_ITEM_EVENT = 1, /* one log event; kind is enum engine_event_kind */
    ENGINE_ITEM_WORK,      /* one work row; see struct engine_request */
    ENGINE_ITEM_OUTBOX,    /* one outbox row; kind is enum engine_outbox_kind */
    ENGINE_ITEM_BLOB,      /* bytes of a value above the inline limit */
    ENGINE_ITEM_LOG,       /* one log row, its events as payload */
    ENGINE_ITEM_RUN,       /* one run's row, in replies */
    ENGINE_ITEM_UPDATE,    /* what a handler wants recorded: operation.h */
    ENGINE_ITEM_OPERATION, /* an operation as it stands: operation.h */
    ENGINE_ITEM_INBOX,     /* one inbox row; kind is enum engine_signal_kind */
    ENGINE_ITEM_SNAPSHOT   /* fold of a run's log up to a sequence number */
};

/*
 * The head of every item. The meaning of a, b and flags is given with each
 * event kind and each request kind below.
 */
struct engine_item {
    uint32_t size; /* payload bytes, without padding */
    uint16_t type;
    uint16_t kind;
    uint32_t op; /* operation index in the graph; UINT32_MAX: the run */
    uint32_t attempt;
    uint64_t a;
    uint64_t b;
    uint32_t flags;
    uint32_t reserved; /* 0 */
};

/*
 * Events of the log. op and attempt are set where they mean something.
 *
 *   kind                  a                     b            payload
 *   RUN_CREATED           workflow id           client node  run input; with
 *                         flags ENGINE_CREATED_ORIGIN: struct engine_origin,
 *                         then the input
 *   RUN_SUSPENDED         next timer due or 0
 *   RUN_BLOCKED           reason (engine_error) claimed-at
 *   RUN_SUCCEEDED         result hash           (hi)         result
 *   RUN_FAILED            error class
 *   LEASE_ACQUIRED        token                 holder
 *   OP_SCHEDULED          inputs hash           (hi)
 *   ATTEMPT_STARTED       claimed at (store ns) worker
 *   ATTEMPT_SUCCEEDED     output hash           (hi)         output envelope
 *   ATTEMPT_FAILED        error class           retryable    words, as for
 *                         all that follow: a cause chain (engine/cause.h), or
 *                         none
 *   ATTEMPT_TIMED_OUT     error class           retryable    name of the
 *                         deadline, if it is not the attempt's own
 *   ATTEMPT_INTERRUPTED   error class           retryable
 *   ATTEMPT_AMBIGUOUS     error class
 *                         one that was not STARTED has not been begun by
 *                         anybody
 *   RETRY_SCHEDULED       delay ns              next attempt
 *   OP_SUCCEEDED
 *   OP_FAILED             between attempts, since the time for all is over:
 *                         TIMED_OUT             its end      the deadline
 *   WAIT_STARTED          duration ns
 *   WAIT_FIRED            due (store ns)
 *
 * Ends and holds of a run that come from outside or from its clock; the error
 * of RUN_FAILED has its words as payload:
 *   RUN_CANCELLED, RUN_TIMED_OUT, RUN_STOPPED           error, as payload
 *   RUN_PAUSED, RUN_UNPAUSED, RUN_UNBLOCKED
 *   OPERATOR_ACTION       enum engine_signal_kind       struct engine_signal
 *   LIMIT_NEAR            enum engine_limit  used; flags: per mille
 *
 * Replayed handlers. op 0 is the handler itself: each of its invocations is
 * an attempt. ATTEMPT_SUSPENDED ends one that waits for something. The other
 * operations are numbered from 1 in the order of their first update; a and b
 * are their id, flags their type and options, the payload is that of the
 * UPDATE item (engine/operation.h), unless said otherwise:
 *   CHECKPOINT            client token (lo)    (hi)     none; op 0, attempt =
 *                         invocation; flags = number of the token it used up.
 *                         Stands before the events of an accepted batch
 *   OPERATION_STARTED, OPERATION_SUCCEEDED, OPERATION_FAILED,
 *   OPERATION_RETRY, OPERATION_PROGRESS, OPERATION_CANCELLED
 *   OPERATION_READY       (timer: a retry is due)       none
 *   OPERATION_FIRED       (timer: a wait is over)       none
 *   OPERATION_TIMED_OUT   callback, heartbeat, invoke   struct engine_operation
 *   OPERATION_STOPPED     the run was stopped           none
 *   OPERATION_HEARTBEAT   a callback's sign of life     none
 *   INBOX_CONSUMED        id of the inbox row           none; op 0. If a
 *                         sender's stream ends with it: engine_stream_end
 *                         and the edge's name
 */
enum engine_event_kind {
    ENGINE_EV_RUN_CREATED = 1,
    ENGINE_EV_RUN_SUSPENDED,
    ENGINE_EV_RUN_BLOCKED,
    ENGINE_EV_RUN_SUCCEEDED,
    ENGINE_EV_RUN_FAILED,
    ENGINE_EV_LEASE_ACQUIRED,
    ENGINE_EV_OP_SCHEDULED,
    ENGINE_EV_ATTEMPT_STARTED,
    ENGINE_EV_ATTEMPT_SUCCEEDED,
    ENGINE_EV_ATTEMPT_FAILED,
    ENGINE_EV_ATTEMPT_TIMED_OUT,
    ENGINE_EV_ATTEMPT_INTERRUPTED,
    ENGINE_EV_ATTEMPT_AMBIGUOUS,
    ENGINE_EV_RETRY_SCHEDULED,
    ENGINE_EV_OP_SUCCEEDED,
    ENGINE_EV_OP_FAILED,
    ENGINE_EV_WAIT_STARTED,
    ENGINE_EV_WAIT_FIRED,
    ENGINE_EV_RUN_CANCELLED,
    ENGINE_EV_RUN_TIMED_OUT,
    ENGINE_EV_RUN_STOPPED,
    ENGINE_EV_RUN_PAUSED,
    ENGINE_EV_RUN_UNPAUSED,
    ENGINE_EV_RUN_UNBLOCKED,
    ENGINE_EV_OPERATOR_ACTION,
    ENGINE_EV_LIMIT_NEAR,
    ENGINE_EV_ATTEMPT_SUSPENDED,
    ENGINE_EV_CHECKPOINT,
    ENGINE_EV_OPERATION_STARTED,
    ENGINE_EV_OPERATION_SUCCEEDED,
    ENGINE_EV_OPERATION_FAILED,
    ENGINE_EV_OPERATION_RETRY,
    ENGINE_EV_OPERATION_PROGRESS,
    ENGINE_EV_OPERATION_CANCELLED,
    ENGINE_EV_OPERATION_READY,
    ENGINE_EV_OPERATION_FIRED,
    ENGINE_EV_OPERATION_TIMED_OUT,
    ENGINE_EV_OPERATION_STOPPED,
    ENGINE_EV_OPERATION_HEARTBEAT,
    ENGINE_EV_INBOX_CONSUMED,
    ENGINE_EV_COUNT
};

enum engine_run_state {
    ENGINE_RUN_RUNNING = 1,
    ENGINE_RUN_SUSPENDED,
    ENGINE_RUN_BLOCKED,
    ENGINE_RUN_SUCCEEDED,
    ENGINE_RUN_FAILED,
    ENGINE_RUN_CANCELLED,
    ENGINE_RUN_TIMED_OUT,
    ENGINE_RUN_STOPPED,
    ENGINE_RUN_PAUSED, /* not terminal: an operator holds it */
    ENGINE_RUN_STATE_COUNT
};

static inline int engine_run_state_terminal(uint32_t state)
{
    return state >= ENGINE_RUN_SUCCEEDED && state <= ENGINE_RUN_STOPPED;
}

/* Work rows: the dispatch outbox, the claim and the inbox of one attempt. */
enum engine_work_state {
    ENGINE_WORK_PENDING = 1, /* scheduled, nobody has claimed it */
    ENGINE_WORK_CLAIMED,     /* a worker holds it until expires */
    ENGINE_WORK_DONE         /* reported, not yet taken into the log */
};

enum engine_outbox_kind {
    ENGINE_OUTBOX_RESULT = 1, /* the run's end, for the client */
    ENGINE_OUTBOX_CHILD,      /* a run to be created: struct engine_child */
    ENGINE_OUTBOX_SIGNAL /* a signal to another run: struct engine_signal */
};

/*
 * What reaches a run from outside, through its inbox. The first group is for
 * one operation, the second for the run.
 */
enum engine_signal_kind {
    ENGINE_SIG_CALLBACK_SUCCEED = 1, /* value: the result */
    ENGINE_SIG_CALLBACK_FAIL,        /* value: the error's words */
    ENGINE_SIG_CALLBACK_HEARTBEAT,
    ENGINE_SIG_CHILD_ENDED,   /* error = its error class or NONE; value: result;
                                 number: the operation that invoked it */
    ENGINE_SIG_MESSAGE,       /* number: place on its edge, from 1 */
    ENGINE_SIG_END_OF_STREAM, /* number: one past the last message */
    ENGINE_SIG_MESSAGE_ACK,   /* number: last one consumed (back-pressure) */
    ENGINE_SIG_CANCEL,
    ENGINE_SIG_STOP,
    ENGINE_SIG_PAUSE,
    ENGINE_SIG_UNPAUSE,
    ENGINE_SIG_RESUME, /* a BLOCKED run: start the ambiguous attempt again */
    ENGINE_SIG_SKIP,   /* a BLOCKED run: take the operation as done; value */
    ENGINE_SIG_ABORT,  /* a BLOCKED run: take the operation as failed */
    ENGINE_SIG_COUNT
};

/*
 * RESUME, SKIP and ABORT name an operation, or none (UINT32_MAX) if only one
 * waits for an operator: else nothing comes of them. Who cannot know says ANY:
 * all of a graph, the first of a handler.
 */
#define ENGINE_SIGNAL_ANY (UINT32_MAX - 1)

/*
 * The payload of an INBOX item and of SIGNAL outbox rows: the head, then
 * actor, reason and edge as text, then the value. Sizes are without ends.
 */
struct engine_signal {
    uint64_t run;    /* the addressee */
    uint64_t number; /* see the kinds */
    uint32_t kind;
    uint32_t error; /* enum engine_error */
    uint16_t actor_size;
    uint16_t reason_size;
    uint16_t edge_size;
    uint16_t flags;
    uint32_t value_size;
    uint32_t reserved2;
};

enum {
    ENGINE_SIGNAL_BLOB = 1 /* flag: the value is a struct engine_blob_ref */
};

/* Who has ended what it sends on an edge of this run; then the edge's name. */
struct engine_stream_end {
    uint64_t sender; /* a run, or a hash of a source's name above 2^63 */
};

/* The payload of a CHILD outbox row: the head, the workflow's name, input. */
struct engine_child {
    uint64_t run;        /* the child's own number */
    uint64_t timeout_ns; /* 0: none */
    uint64_t parent;
    uint32_t parent_op;
    uint32_t depth;
    uint32_t name_size;
    uint32_t input_size;
};

/*
 * Where a run comes from, before the input in RUN_CREATED: of every run of a
 * handler and of every run that was invoked by another.
 */
struct engine_origin {
    uint64_t created_ns; /* what the run takes for the time of its creation */
    uint64_t seed;       /* of its random draws */
    uint64_t timeout_ns; /* by who started or invoked it, 0: none */
    uint64_t parent;     /* the run that invoked it, 0: none */
    uint32_t parent_op;
    uint32_t depth; /* 0: started by a client */
};

enum {
    ENGINE_CREATED_ORIGIN = 1 /* flag of RUN_CREATED */
};

/* The second value of an invocation's input envelope; the first is the run's
 * input. */
struct engine_invocation {
    uint64_t created_ns;
    uint64_t seed;
};

/* Error classes, from the taxonomy of the domain model. */
enum engine_error {
    ENGINE_ERR_NONE,
    ENGINE_ERR_USER,        /* the step's own error; retryable if it says so */
    ENGINE_ERR_TIMED_OUT,   /* attempt deadline */
    ENGINE_ERR_INTERRUPTED, /* the worker disappeared */
    ENGINE_ERR_AMBIGUOUS,   /* an irreversible effect may have happened */
    ENGINE_ERR_OOM,
    ENGINE_ERR_SIZE_LIMIT,
    ENGINE_ERR_UNKNOWN,        /* anything unmapped: never retried */
    ENGINE_ERR_VALIDATION,     /* input, duration, count, graph; not retried */
    ENGINE_ERR_THROTTLED,      /* retried after the time it says */
    ENGINE_ERR_NETWORK,        /* retried if surely not sent, else AMBIGUOUS */
    ENGINE_ERR_PLATFORM_START, /* image, capacity, quota; retried */
    ENGINE_ERR_AUTH_EXPIRED,   /* credentials; refreshed once */
    ENGINE_ERR_NONDETERMINISTIC, /* replay met another operation */
    ENGINE_ERR_SERIALIZATION,    /* a value that has no stored form */
    ENGINE_ERR_INTEGRITY,        /* digest or chain does not hold */
    ENGINE_ERR_STORAGE,          /* the store failed; retried with back-off */
    ENGINE_ERR_STORAGE_FULL,     /* the run is suspended until there is room */
    ENGINE_ERR_CONTRACT,         /* what was declared cannot be kept */
    ENGINE_ERR_CANCELLED,
    ENGINE_ERR_STOPPED,
    ENGINE_ERR_STALE_TOKEN, /* a checkpoint's token was used or is foreign */
    ENGINE_ERR_ORPHAN,      /* the parent context has closed */
    ENGINE_ERR_NOT_OWNER,   /* asked a coordinator that does not hold the run */
    ENGINE_ERR_PENDING,     /* not an error: the handler waits for something */
    ENGINE_ERR_COUNT
};

/* What can come of a request to a store. */
enum engine_outcome {
    ENGINE_COMMITTED = 1, /* survives a crash of everything */
    ENGINE_CONFLICT,      /* someone changed it first; nothing was applied */
    ENGINE_FENCED,        /* the token is older than one granted since */
    ENGINE_REFUSED,       /* a limit: actual and maximum are in the reply */
    ENGINE_FAILED,        /* an I/O error; surely not applied */
    ENGINE_UNKNOWN        /* may have been applied: re-read before acting */
};

/* Requests. Every one is atomic, and idempotent for the same sender and id. */
enum engine_request_kind {
    ENGINE_REQ_CREATE = 1, /* new run with its first events, leased to sender */
    ENGINE_REQ_ACQUIRE,    /* lease one due run and read it */
    ENGINE_REQ_LOAD,       /* read one run again (token must still hold) */
    ENGINE_REQ_APPEND,     /* events, work and outbox of one run */
    ENGINE_REQ_MAIL,       /* read the work rows of one run */
    ENGINE_REQ_RENEW,      /* extend the leases listed in RUN items */
    ENGINE_REQ_ACK,        /* remove one outbox row; op = its number */
    ENGINE_REQ_CLAIM,      /* worker: start attempt */
    ENGINE_REQ_HEARTBEAT,  /* worker: extend the claim */
    ENGINE_REQ_FINISH,     /* worker: report the attempt */
    ENGINE_REQ_PUT_BLOB,   /* content-addressed bytes */
    ENGINE_REQ_GET_BLOB,
    ENGINE_REQ_SIGNAL, /* anybody: put one row into a run's inbox */
    ENGINE_REQ_COUNT
};

enum {
    ENGINE_APPEND_RELEASE = 1, /* give the lease back; wake_ns says when next */
    ENGINE_APPEND_HEARD = 2,   /* CONFLICT if more rows wait in the inbox than
                                  op and the INBOX items say */
    ENGINE_CREATE_CHILD = 1,   /* another run invokes it */
    ENGINE_WORK_PUT = 1,       /* item flag: insert the row, PENDING */
    ENGINE_WORK_TAKE = 2,      /* item flag: remove the row; must be DONE */
    ENGINE_WORK_CUT = 3, /* item flag: remove a CLAIMED row; refused before b
                           (store ns), conflict if not CLAIMED or if its
                           expiry is not a */
    ENGINE_WORK_DROP = 4 /* item flag: remove a row that nobody has claimed;
                            conflict if it is not PENDING */
};

/*
 * INBOX items: a, b = id of the row, the same for every copy of the signal;
 * kind = enum engine_signal_kind; op = the operation it is for, UINT32_MAX:
 * the run; attempt = unused; payload: struct engine_signal and what follows.
 * In an APPEND it has no payload and takes the row out: CONFLICT if it is not
 * there. The store remembers its id as long as it keeps the run. Rows that a
 * run leaves behind when it ends are not shown any more.
 *
 * SNAPSHOT items: a = sequence number of the last event folded in; payload:
 * engine_run_save(). In an APPEND a snapshot stands after the events and
 * replaces the run's former one: a is the last event before the append or the
 * append's own last one, else it is REFUSED. In replies it stands between RUN
 * and LOG for the events up to a, which then are not sent. A snapshot that is
 * damaged is passed over while the log behind it is whole.
 */

/*
 * A request's head. Items follow.
 *
 *   CREATE     run, ttl_ns, wake is set by the store to the lease's expiry.
 *              Items: EVENT.., WORK with flag PUT... CONFLICT if run exists;
 *              the reply then has its RUN item and, with flag CHILD, the LOG
 *              item that the run began with if the store still has it.
 *   ACQUIRE    ttl_ns, now_ns (used only by a defect). The store picks the
 *              due run with the smallest (wake, run), sets token + 1, holder
 *              and expiry, and logs LEASE_ACQUIRED unless it has ended.
 *              Reply: RUN, LOG.., WORK.., OUTBOX.. ; no RUN item: nothing is
 *              due. wake_ns in the reply is the time the next run falls due,
 *              UINT64_MAX: none.
 *   LOAD       run, token. Same reply; FENCED if the token is not current.
 *   APPEND     run, token, seq (expected next), state (of the run after it),
 *              not_before_ns (REFUSED while store time is below), flags,
 *              wake_ns with RELEASE. Items: EVENT.., then WORK, OUTBOX, INBOX,
 *              SNAPSHOT in any order. op = inbox rows that its owner has seen
 *              and leaves there: if more wait, a run that is released or
 *              BLOCKED falls due at once, or when its lease expires.
 *   MAIL       run, token. Reply: WORK...
 *   RENEW      ttl_ns; items RUN (a = run, b = token). Reply: RUN for each
 *              lease that is lost (flags = 0) or has a DONE work row
 *              (flags = 1).
 *   ACK        run, token, op = outbox number. Sets the wake of a finished
 *              run to none.
 *   CLAIM      run, op, attempt, ttl_ns. CONFLICT if claimed by another,
 *              FENCED if the attempt is over. Reply: WORK with the input.
 *   HEARTBEAT  run, op, attempt, ttl_ns. FENCED if the claim is not ours.
 *   FINISH     run, op, attempt, error, retryable; item WORK: payload output,
 *              or the words of a handler's own error. An invocation that broke
 *              off is retryable.
 *              FENCED if the claim is not ours any more.
 *   PUT_BLOB   item BLOB (a, b unused): idempotent.
 *   GET_BLOB   blob = digest. Reply: BLOB; without it: not stored here.
 *   SIGNAL     run; one item INBOX. COMMITTED, with repeat = 1 if a row with
 *              its id was put before; CONFLICT: no such run; FENCED: the run
 *              has ended. A run whose lease is free falls due at once. The
 *              reply's holder says whom to hint, 0: nobody.
 *
 * HEARTBEAT, when COMMITTED, sets the reply's holder to the holder of the
 * run's lease. ACQUIRE, LOAD and MAIL reply INBOX.. as well, by arrival, after
 * WORK. RENEW says flags = 1 also for a run with a row in its inbox. ACK may
 * carry op = any outbox row of the run.
 *
 * A lease that was released is held by nobody: its token is FENCED like an
 * older one. ACQUIRE and LOAD verify the log they read; one that is broken is
 * REFUSED with actual = seq found, maximum = seq expected, and the run becomes
 * BLOCKED, its token raised and its wake none.
 */
struct engine_request {
    uint32_t size; /* of the whole block */
    uint16_t kind;
    uint16_t flags;
    uint64_t id;     /* chosen by the sender, unique in its incarnation */
    uint64_t sender; /* holder: node << 32 | incarnation, never 0 */
    uint64_t run;    /* from 1 */
    uint64_t token;
    uint64_t seq;
    uint64_t ttl_ns;
    uint64_t not_before_ns;
    uint64_t wake_ns;
    uint64_t now_ns;
    uint32_t op;
    uint32_t attempt;
    uint32_t state;
    uint32_t error;
    uint32_t retryable;
    uint32_t item_count;
    uint8_t blob[32];
};

/*
 * A reply's head. position and hash name the last log row of the run as it is
 * after a committed CREATE, ACQUIRE, LOAD or APPEND. actual and maximum are
 * set with REFUSED.
 *
 * Items: RUN (a = run, b = token, op = state, attempt = workflow id;
 * payload: struct engine_run_row), LOG (a = seq of its first event, b = token,
 * attempt = number of events, kind unused, flags unused; payload: time u64
 * then the EVENT items), WORK (kind = enum engine_work_state, op, attempt,
 * a = claimed at, b = expires, flags = error | retryable << 16; payload: the
 * input while PENDING or CLAIMED, the output when DONE), OUTBOX (kind, op =
 * number, payload).
 */
struct engine_reply {
    uint32_t size;
    uint16_t kind; /* of the request */
    uint16_t outcome;
    uint64_t id;
    uint64_t run;
    uint64_t token;
    uint64_t seq; /* next sequence number of the run */
    uint64_t store_time_ns;
    uint64_t wake_ns;
    uint64_t position;
    struct engine_hash hash;
    uint64_t actual;
    uint64_t maximum;
    uint64_t holder; /* of the run or claim, with CONFLICT and FENCED */
    uint32_t item_count;
    uint32_t repeat; /* 1: an earlier copy of the request had done it already */
};

/* A run's row as it stands in the store, payload of a RUN item. */
struct engine_run_row {
    uint64_t run;
    uint64_t token;
    uint64_t holder;
    uint64_t expires_ns;
    uint64_t wake_ns; /* UINT64_MAX: never */
    uint64_t next_seq;
    uint64_t tail; /* position of the last log row */
    struct engine_hash hash;
    uint32_t state;
    uint32_t workflow;
};

/* Messages between machines, over a network that may lose and repeat. */
enum engine_message_kind {
    ENGINE_MSG_START = 1,    /* client -> coordinator: run, a = workflow id,
                                b = of a handler's run: how long it may take,
                                0: as its workflow says; payload: input */
    ENGINE_MSG_STARTED,      /* coordinator -> client: run is durable */
    ENGINE_MSG_BUSY,         /* coordinator -> client: try another */
    ENGINE_MSG_DISPATCH,     /* coordinator -> platform -> worker: run, op,
                                attempt, a = workflow id, b = reply-to node;
                                flags ENGINE_DISPATCH_FRESH: a handler's first
                                invocation, token is its first token */
    ENGINE_MSG_ACCEPTED,     /* platform -> coordinator: will be delivered */
    ENGINE_MSG_THROTTLED,    /* platform -> coordinator: refused for now */
    ENGINE_MSG_HINT,         /* worker -> coordinator: there is mail for run */
    ENGINE_MSG_RESULT,       /* coordinator -> client: run, a = state */
    ENGINE_MSG_RESULT_ACK,   /* client -> coordinator: run */
    ENGINE_MSG_REQUEST,      /* to a store: payload is a request */
    ENGINE_MSG_REPLY,        /* from a store: payload is a reply */
    ENGINE_MSG_EFFECT,       /* worker -> receiver: key in (a, b) */
    ENGINE_MSG_EFFECT_DONE,  /* receiver -> worker: key in (a, b) */
    ENGINE_MSG_CHECKPOINT,   /* worker -> coordinator: run, attempt, token; a, b
                                = client token; payload: UPDATE items, may be
                                none */
    ENGINE_MSG_CHECKPOINTED, /* coordinator -> worker: run, attempt, op = enum
                               engine_error; token = the next one; a, b as in
                               the question; payload: OPERATION items that
                               changed since the last answer, or the error's
                               words */
    ENGINE_MSG_STATE,        /* worker -> coordinator: run, attempt, token (0:
                                not known yet); a = marker, 0 first */
    ENGINE_MSG_STATE_PAGE,   /* coordinator -> worker: run, attempt, op = enum
                                engine_error, token; a = asked marker, b = next
                                marker, 0: the end; payload: OPERATION items */
    ENGINE_MSG_WAKE,         /* anybody -> coordinator: run has an inbox row */
    ENGINE_MSG_REFUSED,      /* coordinator -> client: no such run will be: op =
                                enum engine_error, a = actual, b = maximum */
    ENGINE_MSG_FAILED,       /* platform -> coordinator: nothing will come of
                                what it was given: run, op, attempt, a = enum
                                engine_error; payload: its cause chain, words as
                                in engine/cause.h */
    ENGINE_MSG_COUNT
};

enum {
    ENGINE_DISPATCH_FRESH = 1 /* flag of DISPATCH: there is no state to load */
};

struct engine_message {
    uint32_t size;
    uint16_t kind;
    uint16_t flags;
    uint32_t from; /* nodes */
    uint32_t to;
    uint64_t run;
    uint32_t op;
    uint32_t attempt;
    uint64_t token;
    uint64_t a;
    uint64_t b;
};

/* The first item of a block whose head has head_size bytes, or NULL. */
const struct engine_item *engine_item_first(const void *block,
                                            size_t head_size);
/* The item after this one, or NULL at the end of the block. */
const struct engine_item *engine_item_next(const void *block,
                                           const struct engine_item *item);

static inline const void *engine_item_payload(const struct engine_item *item)
{
    return item + 1;
}

static inline size_t engine_item_span(uint32_t payload_size)
{
    return sizeof(struct engine_item) +
           (((size_t)payload_size + 7) & ~(size_t)7);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): item is declared here. */
#define ENGINE_REQUEST_ITEMS(request, item)                                    \
    for (const struct engine_item *item =                                      \
             engine_item_first((request), sizeof(struct engine_request));      \
         item; item = engine_item_next((request), item))

#define ENGINE_REPLY_ITEMS(reply, item)                                        \
    for (const struct engine_item *item =                                      \
             engine_item_first((reply), sizeof(struct engine_reply));          \
         item; item = engine_item_next((reply), item))
/* NOLINTEND(bugprone-macro-parentheses) */

/*
 * Checks that a block that came from outside is whole: sizes add up, items
 * are inside, counts agree. Returns 0 or -1. Call it before walking bytes
 * that another process or a disk has had in its hands.
 */
int engine_request_check(const void *block, size_t size);
int engine_reply_check(const void *block, size_t size);

struct engine_memory;

/*
 * A block under construction. Grows by doubling; out of memory is remembered
 * and reported by engine_block_ok().
 */
struct engine_block {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
    int failed;
    const struct engine_memory *memory; /* NULL: the C library's heap */
};

void engine_block_init(struct engine_block *block);
/* The same with its bytes in this memory: for what a process keeps. */
void engine_block_init_in(struct engine_block *block,
                          const struct engine_memory *memory);
void engine_block_free(struct engine_block *block);
/* Starts anew with a zeroed head of head_size bytes; returns it (or NULL). */
void *engine_block_begin(struct engine_block *block, size_t head_size);
/*
 * Appends an item with room for payload_size bytes, copies payload into it if
 * it is not NULL, zeroes the padding. Returns the item until the next call,
 * or NULL when out of memory. The block's head must begin with its uint32
 * size, which is kept up to date.
 */
struct engine_item *engine_block_item(struct engine_block *block,
                                      const struct engine_item *head,
                                      const void *payload, size_t payload_size);
static inline int engine_block_ok(const struct engine_block *block)
{
    return !block->failed;
}

const char *engine_event_name(unsigned kind);
const char *engine_request_name(unsigned kind);
const char *engine_outcome_name(unsigned outcome);
const char *engine_error_name(unsigned error);

#endif

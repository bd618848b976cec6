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
    ENGINE_ITEM_RUN        /* one run's row, in replies */
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
 *   RUN_CREATED           workflow id           client node  run input
 *   RUN_SUSPENDED         next timer due or 0
 *   RUN_BLOCKED           reason (engine_error) claimed-at
 *   RUN_SUCCEEDED         result hash           (hi)         result
 *   RUN_FAILED            error class
 *   LEASE_ACQUIRED        token                 holder
 *   OP_SCHEDULED          inputs hash           (hi)
 *   ATTEMPT_STARTED       claimed at (store ns) worker
 *   ATTEMPT_SUCCEEDED     output hash           (hi)         output envelope
 *   ATTEMPT_FAILED        error class           retryable
 *   ATTEMPT_TIMED_OUT     error class           retryable
 *   ATTEMPT_INTERRUPTED   error class           retryable
 *   ATTEMPT_AMBIGUOUS     error class
 *   RETRY_SCHEDULED       delay ns              next attempt
 *   OP_SUCCEEDED, OP_FAILED
 *   WAIT_STARTED          duration ns
 *   WAIT_FIRED            due (store ns)
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
    ENGINE_EV_COUNT
};

enum engine_run_state {
    ENGINE_RUN_RUNNING = 1,
    ENGINE_RUN_SUSPENDED,
    ENGINE_RUN_BLOCKED,
    ENGINE_RUN_SUCCEEDED,
    ENGINE_RUN_FAILED
};

static inline int engine_run_state_terminal(uint32_t state)
{
    return state == ENGINE_RUN_SUCCEEDED || state == ENGINE_RUN_FAILED;
}

/* Work rows: the dispatch outbox, the claim and the inbox of one attempt. */
enum engine_work_state {
    ENGINE_WORK_PENDING = 1, /* scheduled, nobody has claimed it */
    ENGINE_WORK_CLAIMED,     /* a worker holds it until expires */
    ENGINE_WORK_DONE         /* reported, not yet taken into the log */
};

enum engine_outbox_kind {
    ENGINE_OUTBOX_RESULT = 1 /* the run's end, for the client */
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
    ENGINE_ERR_UNKNOWN, /* anything unmapped: never retried */
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
    ENGINE_REQ_COUNT
};

enum {
    ENGINE_APPEND_RELEASE = 1, /* give the lease back; wake_ns says when next */
    ENGINE_WORK_PUT = 1,       /* item flag: insert the row, PENDING */
    ENGINE_WORK_TAKE = 2,      /* item flag: remove the row; must be DONE */
    ENGINE_WORK_CUT = 3 /* item flag: remove a CLAIMED row; refused before b
                           (store ns), conflict if not CLAIMED or if its
                           expiry is not a */
};

/*
 * A request's head. Items follow.
 *
 *   CREATE     run, ttl_ns, wake is set by the store to the lease's expiry.
 *              Items: EVENT.., WORK with flag PUT... CONFLICT if run exists;
 *              the reply then has its RUN item.
 *   ACQUIRE    ttl_ns, now_ns (used only by a defect). The store picks the
 *              due run with the smallest (wake, run), sets token + 1, holder
 *              and expiry, and logs LEASE_ACQUIRED unless it has ended.
 *              Reply: RUN, LOG.., WORK.., OUTBOX.. ; no RUN item: nothing is
 *              due. wake_ns in the reply is the time the next run falls due,
 *              UINT64_MAX: none.
 *   LOAD       run, token. Same reply; FENCED if the token is not current.
 *   APPEND     run, token, seq (expected next), state (of the run after it),
 *              not_before_ns (REFUSED while store time is below), flags,
 *              wake_ns with RELEASE. Items: EVENT.., WORK.., OUTBOX...
 *   MAIL       run, token. Reply: WORK...
 *   RENEW      ttl_ns; items RUN (a = run, b = token). Reply: RUN for each
 *              lease that is lost (flags = 0) or has a DONE work row
 *              (flags = 1).
 *   ACK        run, token, op = outbox number. Sets the wake of a finished
 *              run to none.
 *   CLAIM      run, op, attempt, ttl_ns. CONFLICT if claimed by another,
 *              FENCED if the attempt is over. Reply: WORK with the input.
 *   HEARTBEAT  run, op, attempt, ttl_ns. FENCED if the claim is not ours.
 *   FINISH     run, op, attempt, error, retryable; item WORK: payload output.
 *              FENCED if the claim is not ours any more.
 *   PUT_BLOB   item BLOB (a, b unused): idempotent.
 *   GET_BLOB   blob = digest. Reply: BLOB; without it: not stored here.
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
    ENGINE_MSG_START = 1,   /* client -> coordinator: run, a = workflow id;
                               payload: input */
    ENGINE_MSG_STARTED,     /* coordinator -> client: run is durable */
    ENGINE_MSG_BUSY,        /* coordinator -> client: try another */
    ENGINE_MSG_DISPATCH,    /* coordinator -> platform -> worker: run, op,
                               attempt, a = workflow id, b = reply-to node */
    ENGINE_MSG_ACCEPTED,    /* platform -> coordinator: will be delivered */
    ENGINE_MSG_THROTTLED,   /* platform -> coordinator: refused for now */
    ENGINE_MSG_HINT,        /* worker -> coordinator: there is mail for run */
    ENGINE_MSG_RESULT,      /* coordinator -> client: run, a = state */
    ENGINE_MSG_RESULT_ACK,  /* client -> coordinator: run */
    ENGINE_MSG_REQUEST,     /* to a store: payload is a request */
    ENGINE_MSG_REPLY,       /* from a store: payload is a reply */
    ENGINE_MSG_EFFECT,      /* worker -> receiver: key in (a, b) */
    ENGINE_MSG_EFFECT_DONE, /* receiver -> worker: key in (a, b) */
    ENGINE_MSG_COUNT
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

/*
 * A block under construction. Grows by doubling through realloc; out of
 * memory is remembered and reported by engine_block_ok().
 */
struct engine_block {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
    int failed;
};

void engine_block_init(struct engine_block *block);
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

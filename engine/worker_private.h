/*
 * What the files of the worker share: its slots, each with one attempt.
 *
 *     worker.c       claims, blobs, reports, time
 *     invocation.c   attempts that are invocations of a handler
 */
#ifndef ENGINE_WORKER_PRIVATE_H
#define ENGINE_WORKER_PRIVATE_H

#include "engine/worker.h"

enum engine_slot_state {
    ENGINE_SLOT_FREE,
    ENGINE_SLOT_CLAIMING,
    ENGINE_SLOT_FETCHING,  /* blobs of the input */
    ENGINE_SLOT_EXECUTING, /* a step's code */
    ENGINE_SLOT_LOADING,   /* handler: pages of the run's state */
    ENGINE_SLOT_GETTING,   /* handler: blobs of recorded results */
    ENGINE_SLOT_CALLING,   /* handler: steps are running */
    ENGINE_SLOT_PUTTING,   /* handler: blobs of new results */
    ENGINE_SLOT_ASKING,    /* handler: a checkpoint is under way */
    ENGINE_SLOT_SPILLING,  /* blobs of the output */
    ENGINE_SLOT_FINISHING
};

struct engine_worker_call; /* invocation.c */

struct engine_slot {
    struct engine_worker_call *call; /* of a handler, NULL: none */
    uint64_t token;                  /* of a fresh invocation */
    uint64_t run;
    uint64_t request_id;
    uint64_t request_ns;   /* mono: ask again */
    uint64_t asked_ns;     /* mono: when the claim was asked for or renewed */
    uint64_t claim_ns;     /* mono: let go before this */
    uint64_t heartbeat_ns; /* mono: next heartbeat */
    uint64_t heartbeat_id; /* in flight, 0: none */
    uint64_t heartbeat_asked_ns;
    uint64_t deadline_ns; /* mono: end of the attempt's time */
    unsigned char *value; /* input while fetching, output afterwards */
    uint32_t value_size;
    uint32_t next_value; /* handle looked at while fetching or spilling */
    uint32_t workflow;
    uint32_t op;
    uint32_t attempt;
    uint32_t reply_to;
    uint32_t error;
    uint32_t retryable;
    uint8_t state;
    uint8_t fresh;   /* the invocation needs not load anything */
    uint8_t payload; /* value goes with the report */
};

/* Attempts let go in the middle that may still be claimed by us. */
enum {
    ENGINE_LET_GO_MAX = 64
};

enum {
    ENGINE_LIKELY_MAX = 256
};

struct engine_worker_attempt {
    uint64_t run;
    uint32_t op;
    uint32_t attempt;
};

struct engine_worker {
    struct engine_worker_config config;
    struct engine_worker_attempt let_go[ENGINE_LET_GO_MAX]; /* a ring */
    uint32_t let_go_count;
    uint64_t sender;
    uint64_t next_id;
    uint64_t mono_ns;
    uint64_t wall_ns;
    uint64_t due_ns;                    /* mono: no slot is due before this */
    uint32_t likely[ENGINE_LIKELY_MAX]; /* slots, by run */
    uint32_t busy;
    struct engine_update *update;
    bool failed;
    struct engine_slot slots[];
};

/* worker.c ---------------------------------------------------------------- */

/* Begins a request in the scratch block, NULL: out of memory; sends it. */
struct engine_request *engine_worker_begin(struct engine_worker *w,
                                           const struct engine_slot *s,
                                           enum engine_request_kind kind);
void engine_worker_submit(struct engine_worker *w, struct engine_slot *s);
/* Reports the attempt: s->error, and s->value if s->payload is set. */
void engine_worker_finish(struct engine_worker *w, struct engine_slot *s);
void engine_worker_finish_error(struct engine_worker *w, struct engine_slot *s,
                                enum engine_error error);
/* Copies the bytes; false: out of memory. */
bool engine_worker_keep(struct engine_worker *w, struct engine_slot *s,
                        const void *bytes, uint32_t size);
/* Writes large values of the output as blobs, then reports. */
void engine_worker_spill(struct engine_worker *w, struct engine_slot *s);
/* Gives up an attempt whose code has begun. */
void engine_worker_let_go(struct engine_worker *w, struct engine_slot *s);
/* Sends a heartbeat, unless one is under way. */
void engine_worker_heartbeat(struct engine_worker *w, struct engine_slot *s);

/* invocation.c ------------------------------------------------------------ */

/* The handler of the slot's workflow, NULL: it is a graph. */
const struct engine_handler *engine_call_handler(const struct engine_worker *w,
                                                 uint32_t workflow);
/* Begins with the input in s->value. */
void engine_call_begin_work(struct engine_worker *w, struct engine_slot *s);
/* CHECKPOINTED or STATE_PAGE; others are not for it. The slot that it was for,
 * NULL: none. */
struct engine_slot *engine_call_message(struct engine_worker *w,
                                        const struct engine_message *message);
/* The answer to GET_BLOB or PUT_BLOB; NULL: the store has refused it. */
void engine_call_blob(struct engine_worker *w, struct engine_slot *s,
                      const struct engine_reply *reply);
void engine_call_ended(struct engine_worker *w, struct engine_slot *s,
                       const struct engine_ended *ended);
/* A step shows that it goes on, and may save how far it has come. */
void engine_call_progress(struct engine_worker *w, struct engine_slot *s,
                          const struct engine_ended *sign);
/* A heartbeat has said who owns the run. */
void engine_call_owner(struct engine_worker *w, struct engine_slot *s,
                       uint64_t holder);
/* Something of it is due. */
void engine_call_attend(struct engine_worker *w, struct engine_slot *s);
/* The next time for that. */
uint64_t engine_call_next(const struct engine_slot *s);
/* Tells the host to stop the steps that run, and forgets everything. */
void engine_call_free(struct engine_worker *w, struct engine_slot *s,
                      bool abandon);

/* The slot that most likely has an attempt of the run: to be looked at before
 * all others are. */
static inline struct engine_slot *engine_worker_likely(struct engine_worker *w,
                                                       uint64_t run)
{
    return &w->slots[w->likely[run % ENGINE_LIKELY_MAX]];
}

static inline bool engine_slot_calls(const struct engine_slot *s)
{
    return s->state >= ENGINE_SLOT_LOADING && s->state <= ENGINE_SLOT_ASKING;
}

#endif

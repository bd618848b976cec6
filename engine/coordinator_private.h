/*
 * What the files of the coordinator share: the runs it owns, and what is done
 * with them.
 *
 *     coordinator.c   messages, replies, leases, time
 *     owned.c         one owned run: requests, messages, deadlines
 *     advance.c       what is decided next about it, and what comes of that
 *     service.c       questions of its invocations: checkpoints, state
 *     inbox.c         signals to it, and its end when it is asked for
 *     courier.c       its outbox: other runs, and signals to them
 *     failed.c        what platforms say of its attempts
 *
 * Functions that may drop the run say so; all others leave it owned.
 */
#ifndef ENGINE_COORDINATOR_PRIVATE_H
#define ENGINE_COORDINATOR_PRIVATE_H

#include "engine/coordinator.h"
#include "engine/decide.h"
#include "engine/run.h"
#include "engine/table.h"
#include "engine/timers.h"

enum {
    ENGINE_ACQUIRES_MAX = 8
};

#define ENGINE_DISPATCH_SECOND UINT64_C(1000000000)

/* Where the dispatch of one operation stands. */
enum engine_dispatch_state {
    ENGINE_DISPATCH_NONE,
    ENGINE_DISPATCH_SENT,    /* not acknowledged: sent again at `at_ns` */
    ENGINE_DISPATCH_ACCEPTED /* the store is asked at `at_ns` how it goes */
};

struct engine_dispatch {
    uint64_t at_ns;
    uint32_t again_s; /* what its platform has taken is not sent before */
    uint8_t state;
    uint8_t tries;
    uint16_t attempt; /* its last bits: a later one is sent at once */
};

/* Bytes that grow: items side by side, or one message. */
struct engine_pile {
    unsigned char *bytes;
    uint32_t size;
    uint32_t capacity;
};

/* What is to be said to a question once what was decided is durable. */
enum engine_answer {
    ENGINE_ANSWER_NONE,
    ENGINE_ANSWER_ACCEPTED, /* a checkpoint: the next token and what changed */
    ENGINE_ANSWER_CHANGES,  /* the same again */
    ENGINE_ANSWER_POLL,     /* an empty one: what changed since the last */
    ENGINE_ANSWER_PAGE      /* a page of the state */
};

/* Where the first row of the outbox stands. */
enum engine_courier_state {
    ENGINE_COURIER_IDLE,
    ENGINE_COURIER_SENDING,   /* SIGNAL is in flight */
    ENGINE_COURIER_CHILD,     /* the run it makes is being created */
    ENGINE_COURIER_RETURNING, /* it cannot be delivered: the run is told so */
    ENGINE_COURIER_ACKING
};

/* What came of making a run for another. */
enum engine_courier_child {
    ENGINE_COURIER_CREATED,
    ENGINE_COURIER_REFUSED, /* the store takes no such run */
    ENGINE_COURIER_TAKEN    /* its number is that of another's run */
};

struct engine_courier {
    uint64_t request_id; /* in flight, 0: none */
    uint64_t again_ns;   /* mono: when it is tried again */
    uint8_t state;
    uint8_t refused; /* the row cannot be delivered: enum
                        engine_courier_child */
    uint8_t tries;   /* to reach a run that is not there */
};

/* A run this coordinator believes to own. */
struct engine_owned {
    struct engine_run *run; /* NULL until it has been read */
    uint64_t id;
    uint64_t token;
    uint64_t seq;
    uint64_t lease_ns;     /* mono: stop before this */
    uint64_t granted_ns;   /* mono: when the lease was asked for */
    uint64_t renew_id;     /* the request that renews it now, 0: none */
    uint64_t request_id;   /* in flight, 0: none */
    uint64_t request_ns;   /* mono: when it becomes unknown */
    uint64_t result_ns;    /* mono: when RESULT is sent again */
    uint64_t reload_ns;    /* mono: when to read it again, 0: not wanted */
    uint64_t timer_ns;     /* earliest entry in the timers, UINT64_MAX: none */
    uint64_t suspend_ns;   /* store time asked for by the request in flight */
    uint64_t snapshot_seq; /* last event in its snapshot, 0: none */
    struct engine_pile mail;     /* WORK items not yet taken into the log */
    struct engine_pile inbox;    /* INBOX items not yet taken */
    struct engine_pile outbox;   /* OUTBOX items not yet acknowledged, but
                                    RESULT */
    struct engine_pile words;    /* of platforms, about attempts: items whose a
                                    is the error, payload the cause chain */
    struct engine_pile question; /* CHECKPOINT or STATE, not yet answered */
    struct engine_courier courier;
    uint32_t outbox_durable; /* bytes of the outbox that are committed */
    uint32_t claim_op;       /* operation + 1 to claim, so that it can be cut */
    uint32_t client;         /* waits for STARTED, 0: none */
    uint8_t request_kind;
    uint8_t result_tries;
    uint8_t outbox_open;
    uint8_t durable; /* the store has the run: starts are confirmed */
    uint8_t acked;   /* the client has the result */
    uint8_t mail_wanted;
    uint8_t broken;           /* the log cannot be folded: block the run */
    uint8_t over_limit;       /* the history is full: fail the run */
    uint8_t snapshot_sent;    /* with the request in flight */
    uint8_t snapshot_refused; /* it has become too large */
    uint8_t ending;           /* its end is asked for, attempts are under way */
    uint8_t release;          /* the request in flight gives the lease back */
    uint8_t answer;           /* enum engine_answer, to the question */
    uint8_t confirmed;        /* a seeded defect has promised its cancel */
    struct engine_dispatch *dispatch; /* by operation */
};

struct engine_acquire {
    uint64_t id; /* 0: free */
    uint64_t sent_ns;
};

struct engine_coordinator {
    struct engine_coordinator_config config;
    struct engine_timers timers;
    struct engine_table owned;    /* struct engine_owned by run id */
    struct engine_table couriers; /* the same by courier's request id */
    struct engine_acquire acquires[ENGINE_ACQUIRES_MAX];
    uint64_t sender;
    uint64_t next_id;
    uint64_t mono_ns;
    uint64_t wall_ns;
    int64_t store_offset_ns; /* store time - mono, at the last reply */
    bool store_known;
    uint64_t scan_ns;  /* mono: next look for due runs */
    uint64_t due_ns;   /* mono: when one that is not owned is known to be due */
    uint64_t renew_ns; /* mono: next look at the leases */
    struct engine_update *update;
    uint32_t leaked; /* places of runs that a seeded defect never gave back */
    bool failed;     /* out of memory */
};

/* Why a run is owned no more; detail of DISOWNED. */
enum engine_disown {
    ENGINE_DISOWN_DONE = 1,
    ENGINE_DISOWN_SUSPENDED,
    ENGINE_DISOWN_FENCED,
    ENGINE_DISOWN_EXPIRED
};

static inline uint64_t engine_earlier(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

/* owned.c ----------------------------------------------------------------- */

struct engine_owned *engine_owned_find(const struct engine_coordinator *c,
                                       uint64_t id);
/* NULL when out of memory. asked_ns: mono, when the lease was asked for. */
struct engine_owned *engine_owned_adopt(struct engine_coordinator *c,
                                        uint64_t id, uint64_t token,
                                        uint64_t asked_ns);
void engine_owned_drop(struct engine_coordinator *c, struct engine_owned *o,
                       enum engine_disown why);
void engine_owned_free(struct engine_coordinator *c, struct engine_owned *o);
void engine_owned_note(struct engine_coordinator *c,
                       enum engine_record_kind kind,
                       const struct engine_owned *o, uint32_t op,
                       uint32_t attempt, unsigned detail);
/* Appends bytes to a pile, padded like items. False: out of memory. */
bool engine_owned_keep(struct engine_coordinator *c, struct engine_pile *pile,
                       const void *bytes, uint32_t size);

/* The same for an item. */
static inline bool engine_owned_keep_item(struct engine_coordinator *c,
                                          struct engine_pile *pile,
                                          const struct engine_item *item)
{
    return engine_owned_keep(c, pile, item,
                             (uint32_t)engine_item_span(item->size));
}

uint64_t engine_coordinator_store_now(const struct engine_coordinator *c);
/* When this clock will show it, if the store's clock runs like ours. */
uint64_t engine_coordinator_mono_of(const struct engine_coordinator *c,
                                    uint64_t store_ns);
/* Sets the timer for the next moment at which the run needs attention. */
void engine_owned_rearm(struct engine_coordinator *c, struct engine_owned *o);

/* Begins a request in the scratch block. NULL: out of memory. */
struct engine_request *engine_coordinator_begin(struct engine_coordinator *c,
                                                enum engine_request_kind kind);
/* Sends the request in the scratch block. */
void engine_coordinator_submit(struct engine_coordinator *c);
/* The same for a run that has none in flight. */
struct engine_request *engine_owned_begin(struct engine_coordinator *c,
                                          struct engine_owned *o,
                                          enum engine_request_kind kind);
void engine_owned_submit(struct engine_coordinator *c, struct engine_owned *o,
                         enum engine_request_kind kind);
/* A request without items. */
void engine_owned_ask(struct engine_coordinator *c, struct engine_owned *o,
                      enum engine_request_kind kind);
void engine_coordinator_send(struct engine_coordinator *c,
                             const struct engine_message *message,
                             const void *payload, size_t size);
void engine_owned_send(struct engine_coordinator *c,
                       enum engine_message_kind kind, uint32_t to,
                       const struct engine_owned *o, uint32_t op,
                       uint32_t attempt, uint64_t a, uint64_t b);
void engine_owned_dispatch(struct engine_coordinator *c, struct engine_owned *o,
                           uint32_t op);
/* An attempt that nobody has claimed by now will not be begun any more. */
bool engine_owned_is_late(const struct engine_coordinator *c,
                          const struct engine_owned *o, uint32_t op);
/* Looks at an attempt under way at that time, or when it must have been
 * claimed if that is to come before. */
void engine_owned_look_at(struct engine_coordinator *c, struct engine_owned *o,
                          uint32_t op, uint64_t at_ns);
void engine_owned_send_result(struct engine_coordinator *c,
                              struct engine_owned *o);
/* Forgets the run as it was decided and reads it again, after a while. */
void engine_owned_reload(struct engine_coordinator *c, struct engine_owned *o,
                         uint64_t delay_ns);
/* How long until the store is asked again about a running attempt. */
uint64_t engine_owned_check_delay(const struct engine_coordinator *c,
                                  struct engine_dispatch *d);

/* advance.c --------------------------------------------------------------- */

/* Makes the decisions of the run go into the scratch and rows blocks. */
struct engine_decide engine_owned_decide(struct engine_coordinator *c,
                                         struct engine_owned *o);
/* Moves a run on as far as can be decided without another answer. May drop
 * it. */
void engine_owned_advance(struct engine_coordinator *c, struct engine_owned *o);
/* Takes up the run that the reply holds. May drop it. */
void engine_owned_recover(struct engine_coordinator *c, struct engine_owned *o,
                          const struct engine_run_row *row,
                          const struct engine_reply *reply);
/* The store has the run: tells the client that waits to hear it. */
void engine_owned_confirm(struct engine_coordinator *c, struct engine_owned *o);
/* The answer to the run's request. May drop it. */
/* A defect: the append that was not answered is taken for done. */
bool engine_owned_swallow(struct engine_coordinator *c, struct engine_owned *o);
void engine_owned_answered(struct engine_coordinator *c, struct engine_owned *o,
                           const struct engine_reply *reply);
/*
 * Creates a run that has just been adopted: sets the rest of *origin. A
 * client's has no parent. The workflow is one of the config's.
 */
void engine_owned_create(struct engine_coordinator *c, struct engine_owned *o,
                         uint32_t workflow, uint32_t client,
                         struct engine_origin *origin, const void *input,
                         size_t size);

/* service.c --------------------------------------------------------------- */

/* A CHECKPOINT or STATE message. */
void engine_service_asked(struct engine_coordinator *c,
                          const struct engine_message *message);
/* Takes the question of the run's invocation into what is decided now. */
void engine_service_decide(struct engine_coordinator *c, struct engine_owned *o,
                           struct engine_decide *decide);
/* Gives the answer that was decided: everything decided is durable. */
void engine_service_answer(struct engine_coordinator *c,
                           struct engine_owned *o);
/* Answers the question, if there is one, with an error. */
void engine_service_refuse(struct engine_coordinator *c, struct engine_owned *o,
                           uint32_t error, const char *words);

/* inbox.c ----------------------------------------------------------------- */

/*
 * Ends the run if its inbox or its deadline asks for it. True: nothing else
 * is to be decided, since it ends, or must be read first (o->ending).
 */
bool engine_inbox_end(struct engine_owned *o, struct engine_decide *decide);
/* Whether a signal that is not yet taken asks for the end of the run. */
bool engine_inbox_wants_end(const struct engine_owned *o);
/* Ends the run with this event once its attempts are out of the way. True:
 * it has ended. */
bool engine_inbox_over(struct engine_owned *o, struct engine_decide *decide,
                       enum engine_event_kind kind, uint32_t error,
                       const void *words, size_t size);
/* Turns signals into events, as far as they can be taken now. */
void engine_inbox_decide(struct engine_owned *o, struct engine_decide *decide);
/*
 * The run has ended in what is decided: who sent it messages that it has not
 * received is told that they are done with. Those that come later the store
 * refuses, and the sender's courier says the same.
 */
void engine_inbox_close(struct engine_owned *o, struct engine_decide *decide);
/* Rows that were seen and are left. */
uint32_t engine_inbox_count(const struct engine_owned *o);

/* failed.c ---------------------------------------------------------------- */

enum {
    ENGINE_FAILED_BYTES_MAX = 1 << 20 /* of words of one run: enough */
};

/* Keeps what a FAILED message says, if it is news of an attempt under way.
 * True: it is to be looked at. */
bool engine_failed_take(struct engine_coordinator *c, struct engine_owned *o,
                        const struct engine_message *message);
/* What is known of an attempt, or NULL. */
const struct engine_item *engine_failed_find(const struct engine_pile *words,
                                             uint32_t op, uint32_t attempt);

/* courier.c --------------------------------------------------------------- */

/* Sends the first row of the outbox on its way, if none is. */
void engine_courier_go(struct engine_coordinator *c, struct engine_owned *o);
/* The time for it is over: again. */
void engine_courier_attend(struct engine_coordinator *c,
                           struct engine_owned *o);
/* Notes the outbox rows that were decided on: they go out when committed. */
void engine_courier_note(struct engine_coordinator *c, struct engine_owned *o);
/* The answer to a courier's request; false: it was none. May drop the run. */
bool engine_courier_answered(struct engine_coordinator *c,
                             const struct engine_reply *reply);
/* A run that another had asked for is there, or never will be. */
void engine_courier_child(struct engine_coordinator *c,
                          const struct engine_owned *child,
                          enum engine_courier_child outcome);
/* Before the run is dropped. */
void engine_courier_forget(struct engine_coordinator *c,
                           struct engine_owned *o);
/* Somebody has put a signal into this run's inbox; holder: of its lease. */
void engine_courier_wake(struct engine_coordinator *c, uint64_t run,
                         uint64_t holder);

#endif

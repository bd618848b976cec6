/*
 * The queue in front of asynchronous invocations, as a state machine: when an
 * event is delivered, again after an error, and when it is given up.
 *
 * The caller pops what is due, invokes the function with it and says how that
 * went. After an error of the function there are more attempts at fixed
 * delays; after a 429 the event goes back and waits longer each time, until it
 * is too old. The queue is eventually consistent: an event may be delivered
 * twice though nothing failed. Above its backlog it waits longer, by as many
 * times as it is too long, and may lose what the function does not keep up
 * with.
 */
#ifndef SIM_LAMBDA_QUEUE_H
#define SIM_LAMBDA_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_LAMBDA_QUEUE_NEVER UINT64_MAX
#define SIM_LAMBDA_QUEUE_RETRIES_MAX 2

enum sim_lambda_queue_error {
    SIM_LAMBDA_QUEUE_ENOMEM = -1,  /* no memory; said below, what is then */
    SIM_LAMBDA_QUEUE_ETOOBIG = -2, /* the payload is over the limit */
};

struct sim_lambda_queue_config {
    uint64_t payload_max;                            /* bytes */
    uint32_t retries;                                /* after function errors */
    uint64_t retry_ns[SIM_LAMBDA_QUEUE_RETRIES_MAX]; /* before each */
    uint64_t throttle_first_ns;                      /* then doubled ... */
    uint64_t throttle_max_ns;                        /* ... up to this */
    uint64_t age_max_ns;                             /* since it was pushed */
    uint32_t duplicate_ppb; /* chance that an event is delivered twice */
    uint32_t backlog;       /* events above which it is slower; 0: never */
    uint32_t drop_ppb;      /* of what is then throttled, this is lost */
};

/* An event as it is delivered. `id` is the queue's, `tag` the caller's. */
struct sim_lambda_queued {
    uint32_t id;
    uint32_t function;
    uint32_t attempt; /* from 1; throttled deliveries do not count */
    bool duplicate;   /* delivered although nothing asked for it */
    uint64_t pushed_ns;
    uint64_t payload_bytes;
    uint64_t tag;
};

enum sim_lambda_fate {
    SIM_LAMBDA_AGAIN,        /* it will be delivered once more */
    SIM_LAMBDA_GIVEN_UP,     /* all attempts failed */
    SIM_LAMBDA_GIVEN_UP_OLD, /* it would be too old */
    SIM_LAMBDA_DROPPED,      /* lost: the function does not keep up */
};

struct sim_lambda_queue;

/* An empty queue. NULL without memory. The caller frees it. */
struct sim_lambda_queue *
sim_lambda_queue_new(const struct sim_lambda_queue_config *config,
                     uint64_t seed);
void sim_lambda_queue_free(struct sim_lambda_queue *queue);

/*
 * Accepts an event; 0 or a sim_lambda_queue_error. Without memory it was not
 * accepted, or only its duplicate was not.
 */
int sim_lambda_queue_push(struct sim_lambda_queue *queue, uint64_t now_ns,
                          uint32_t function, uint64_t payload_bytes,
                          uint64_t tag);

/* When the next event is due, or SIM_LAMBDA_QUEUE_NEVER. */
uint64_t sim_lambda_queue_next(const struct sim_lambda_queue *queue);

/*
 * Takes an event that is due by `now_ns`; false when there is none. The caller
 * ends each delivery with one of the three below, in any order.
 */
bool sim_lambda_queue_pop(struct sim_lambda_queue *queue, uint64_t now_ns,
                          struct sim_lambda_queued *event);

/* The delivery succeeded: the event is forgotten, its id free. */
void sim_lambda_queue_done(struct sim_lambda_queue *queue, uint32_t id);

/*
 * The function failed, or was throttled, at `now_ns`. Returns what becomes of
 * the event, a sim_lambda_fate; given up, it is forgotten and its id free. Or
 * SIM_LAMBDA_QUEUE_ENOMEM, and it is still being delivered.
 */
int sim_lambda_queue_failed(struct sim_lambda_queue *queue, uint32_t id,
                            uint64_t now_ns);
int sim_lambda_queue_throttled(struct sim_lambda_queue *queue, uint32_t id,
                               uint64_t now_ns);

/* Events waiting or being delivered. */
uint32_t sim_lambda_queue_count(const struct sim_lambda_queue *queue);

#endif

/*
 * The parts of the Celery model, which see one another and nobody else does:
 * celery.c (the interface, publishing), celery_broker.c (queue, delivery, what
 * comes back), celery_host.c (main processes), celery_worker.c (children and
 * what they do), celery_about.c (words and money).
 *
 * A message is a job as the broker has it; there is one for each job, and it
 * is in one state. A hold is a worker's copy of a message: when a broker gives
 * a message again, there are two holds of it.
 */
#ifndef SIM_PLATFORM_CELERY_PARTS_H
#define SIM_PLATFORM_CELERY_PARTS_H

#include "sim/platform/celery.h"
#include "sim/platform/heap.h"

#define CELERY_NONE SIM_MODEL_NONE
#define CELERY_NEVER SIM_MODEL_NEVER

/* Timers of a host. The broker has the number 0 of all. */
enum celery_timer {
    CELERY_BOOT,  /* the next child is up, or the worker starts again */
    CELERY_LOOP,  /* what was received has arrived, or a poll is over */
    CELERY_LINK,  /* tries to connect */
    CELERY_SWEEP, /* Redis */
    CELERY_CHECK, /* RabbitMQ: consumer_timeout */
    CELERY_HOST_TIMERS,
};

/* Timers of pools: of the place, hold and message of one number. */
enum celery_pool_timer {
    CELERY_PLACE,
    CELERY_HOLD,
    CELERY_MESSAGE,
    CELERY_POOL_TIMERS,
};

enum celery_message_state {
    CELERY_FREE,
    CELERY_PUBLISHING, /* not in the broker yet */
    CELERY_QUEUED,
    CELERY_UNACKED, /* a worker has taken it */
    CELERY_GONE,    /* the broker knows nothing of it */
};

/* Why a job failed. */
enum celery_cause {
    CELERY_WORKER_LOST = 1,
    CELERY_TIME_LIMIT,
    CELERY_UNREGISTERED,
    CELERY_CONFLICT,
};

/* How a connection ends. */
enum celery_loss {
    CELERY_CUT,    /* the worker lives */
    CELERY_KILLED, /* it does not, and its kernel has closed it */
    CELERY_SILENT, /* nobody has closed it */
};

struct celery_message {
    const struct sim_demand *demand;
    uint64_t due_ns;       /* its ETA */
    uint64_t delivered_ns; /* last */
    uint64_t done_ns;
    uint32_t job;
    uint32_t hold;  /* of the last delivery, or NONE */
    uint32_t holds; /* of it, in all workers */
    uint32_t runs;  /* of these, running */
    uint32_t next;  /* in the queue or the list of the unacked, */
    uint32_t prev;  /* or free */
    uint8_t state;
    uint8_t cause; /* enum celery_cause; 0: it has not failed */
    bool started;
    bool done;
    bool again;      /* it has been delivered */
    uint32_t detail; /* of the cause: exit code */
    uint32_t host;   /* of the cause */
};

enum celery_hold_state {
    CELERY_COMING, /* on its way to the worker */
    CELERY_LOCAL,  /* waits for a child */
    CELERY_ETA,
    CELERY_RUNNING,
    CELERY_ENDING, /* done; result and ack are under way */
    CELERY_LOST,   /* its child has died */
};

struct celery_hold {
    uint32_t message;
    uint32_t host;
    uint32_t place;
    uint32_t next; /* of the host, or free */
    uint32_t prev;
    uint32_t line; /* next that waits for a child */
    uint32_t epoch;
    uint32_t detail;
    uint8_t state;
    bool counted; /* against the prefetch */
    bool acked;
};

enum celery_place_state {
    CELERY_CLOSED, /* and its child is starting, or it is free */
    CELERY_IDLE,
    CELERY_BUSY,
};

struct celery_place {
    uint64_t asked_ns; /* when its process began to start */
    uint64_t hard_ns;  /* of what runs */
    uint32_t host;
    uint32_t slot; /* which of its children */
    uint32_t hold;
    uint32_t tasks;
    uint32_t next; /* idle or free */
    uint8_t state;
    bool warned;
};

enum celery_host_state {
    CELERY_DOWN,    /* its supervisor waits */
    CELERY_FORKING, /* children are being started */
    CELERY_UP,
};

struct celery_host {
    uint64_t up_since_ns;
    uint64_t ticks_ns; /* the pool's timer began */
    uint64_t busy_ns;  /* the main process is, until then */
    uint64_t links_ns; /* last wait between two tries */
    uint64_t sweep_ns; /* its scan holds the mutex until then */
    uint32_t *slots;   /* places of its children */
    uint32_t forked;   /* of them, so far */
    uint32_t starts;
    uint32_t tries;
    uint32_t epoch; /* of its connection */
    uint32_t unacked;
    uint32_t held;
    uint32_t first_hold;
    uint32_t last_hold;
    uint32_t line; /* holds that wait for a child */
    uint32_t line_end;
    uint32_t idle;    /* children */
    uint32_t waiting; /* next host that waits for messages */
    uint8_t state;
    bool connected;
    bool receiving;
    bool waits;
    bool swept; /* since it connected */
    bool stale;
};

struct celery_list {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct sim_celery {
    struct sim_celery_config config;
    struct sim_heap heap;
    struct celery_host *hosts;
    uint32_t *slots; /* of all hosts */
    struct celery_place *places;
    uint32_t places_made, places_room, places_free;
    struct celery_hold *holds;
    uint32_t holds_made, holds_room, holds_free;
    struct celery_message *messages;
    uint32_t messages_made, messages_room, messages_free;
    struct celery_list queue;
    struct celery_list unacked;       /* by time of delivery */
    uint32_t waits_first, waits_last; /* hosts, the longest wait first */
    uint64_t away_ns;                 /* the broker is, until then */
    uint64_t mutex_ns;                /* of the sweep, until then */
    uint32_t mutex_host;              /* who has it */
    uint64_t controls[SIM_CELERY_CONTROLS_MAX]; /* each is busy until then */
    struct engine_stream rtts, starts, forks, replaces, stales, doubles,
        conflicts, silences, exits;
    uint64_t rtt_draws, start_draws, fork_draws, replace_draws, deliveries,
        executions, silence_draws, exit_draws;
    uint64_t begun_ns;
    uint64_t up_ns; /* of all workers, of periods that are over */
    uint64_t requests;
    uint64_t redelivered;
    uint32_t conflict_n; /* for which conflict_now was computed */
    uint32_t conflict_now;
    bool begun;
    bool failed; /* memory ran out */
    struct sim_model_counts counts;
    struct sim_cause cause; /* of the last FAIL or CLOSE */
};

/* celery.c */
uint64_t celery_rtt(struct sim_celery *c, uint32_t trips);
uint32_t celery_host_timer(uint32_t host, enum celery_timer timer);
uint32_t celery_timer(const struct sim_celery *c, uint32_t number,
                      enum celery_pool_timer timer);
void celery_state(struct sim_actions *actions, uint64_t now_ns, uint32_t job,
                  enum sim_celery_state state, uint32_t host);
/* Ends a job of which there is no copy any more. */
void celery_settle(struct sim_celery *c, uint64_t now_ns, uint32_t message,
                   struct sim_actions *actions);
/* A number for a new one of the pool, with its timer, or NONE. */
uint32_t celery_new_place(struct sim_celery *c);
uint32_t celery_new_hold(struct sim_celery *c);

/* celery_broker.c */
bool celery_away(const struct sim_celery *c, uint64_t now_ns);
/* The message is in the queue, at its head or its tail. */
void celery_enqueue(struct sim_celery *c, uint64_t now_ns, uint32_t message,
                    bool head, struct sim_actions *actions);
/* Gives what is in the queue to those who wait. */
void celery_serve(struct sim_celery *c, uint64_t now_ns);
/* The host may have room: it receives or waits. */
void celery_receive(struct sim_celery *c, uint64_t now_ns, uint32_t host);
void celery_unwait(struct sim_celery *c, uint32_t host);
/* The worker acknowledges; whether the broker takes that is its business. */
void celery_ack(struct sim_celery *c, uint32_t hold);
/* It gives the message back. */
void celery_reject(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                   struct sim_actions *actions);
/* The host's connection is gone: what of its messages comes back at once. */
void celery_channel_lost(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                         enum celery_loss loss, struct sim_actions *actions);
/* The message's timer: published, visible again, given up. */
void celery_message_due(struct sim_celery *c, uint64_t now_ns, uint32_t message,
                        struct sim_actions *actions);
void celery_sweep(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                  struct sim_actions *actions);
void celery_check(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                  struct sim_actions *actions);
void celery_outage(struct sim_celery *c, uint64_t now_ns, uint64_t until_ns,
                   struct sim_actions *actions);

/* celery_host.c */
void celery_boot(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                 struct sim_actions *actions);
void celery_booted(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                   struct sim_actions *actions);
void celery_link(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                 struct sim_actions *actions);
/* The worker has lost its connection, and what it had not begun. */
void celery_unlink(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                   struct sim_actions *actions);
bool celery_host_failed(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                        struct sim_actions *actions);

/* celery_worker.c */
void celery_arrived(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                    struct sim_actions *actions);
void celery_place_due(struct sim_celery *c, uint64_t now_ns, uint32_t place,
                      struct sim_actions *actions);
void celery_hold_due(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                     struct sim_actions *actions);
void celery_finished(struct sim_celery *c, uint64_t now_ns, uint32_t place,
                     uint32_t job, struct sim_actions *actions);
void celery_exited(struct sim_celery *c, uint64_t now_ns, uint32_t place,
                   uint32_t exit_code, struct sim_actions *actions);
/* The worker has nothing to do with it any more. */
void celery_drop(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                 struct sim_actions *actions);
/* The place has a process that can work. */
void celery_open_place(struct sim_celery *c, uint64_t now_ns, uint32_t place,
                       struct sim_actions *actions);
void celery_close_place(struct sim_celery *c, uint64_t now_ns, uint32_t place,
                        enum sim_celery_end end, struct sim_actions *actions);
void celery_free_place(struct sim_celery *c, uint32_t place);

/* celery_about.c: what the functions of the interface say. */
void celery_word_cause(struct sim_celery *c, const struct celery_message *m);
void celery_word_too_large(const struct sim_celery *c, uint64_t size,
                           struct sim_cause *cause);
bool celery_cost_line(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano);
uint64_t celery_cost_nano(const void *self, uint64_t now_ns);
void celery_explain(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size);
const char *celery_state_name(uint32_t code);
const char *celery_end_name(uint32_t code);
const char *celery_reason_name(uint32_t reason);

#endif

/*
 * Celery: workers with a pool of child processes, and a broker between them
 * and whoever submits, behind sim/platform/model.h. A host is a worker's main
 * process, a place is one child of its pool.
 *
 *     submit ─▶ (control node) ─▶ broker's queue ─▶ worker ─▶ child ─▶ ack
 *                                   ▲                │
 *                                   └── redelivery ◀─┘ nothing was acknowledged
 *
 * The broker keeps what a worker has taken and not acknowledged, and when it
 * gives that to somebody else is where the brokers differ: Redis and SQS after
 * the visibility timeout, however well the first one is doing; RabbitMQ when
 * the worker's connection has gone. What is acknowledged before it runs (the
 * default) is gone with the worker.
 *
 * A worker takes no more than its prefetch allows and keeps what it has taken
 * in its own memory, tasks with an ETA too, which do not count. The main
 * process is one server: round trips to the broker take its time.
 *
 * All workers begin to start at the time of the first call.
 */
#ifndef SIM_PLATFORM_CELERY_H
#define SIM_PLATFORM_CELERY_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/model.h"

enum sim_celery_broker {
    SIM_CELERY_REDIS,
    SIM_CELERY_RABBITMQ,
    SIM_CELERY_SQS,
};

/* What a failure of a host is. */
enum sim_celery_loss {
    SIM_CELERY_PROCESS, /* kill -9 of the main process: its children die with
                           it, its kernel closes the connection */
    SIM_CELERY_MACHINE, /* all is gone, and nobody tells the broker */
};

enum {
    SIM_CELERY_WORKERS_MAX = 4096,
    SIM_CELERY_CONTROLS_MAX = 64,
    SIM_CELERY_CHILDREN_MAX = 1 << 20, /* of all workers */
};

/* Times are nanoseconds; 0 means none where that is said. */
struct sim_celery_config {
    enum sim_celery_broker broker;
    enum sim_celery_loss loss;
    bool durable; /* the broker has its messages again after an outage */
    uint64_t payload_max;
    uint32_t workers;
    uint32_t concurrency; /* children of a worker */
    uint32_t cores;       /* of a worker's machine */
    uint32_t prefetch;    /* times concurrency; 0: no limit */
    bool acks_late;
    bool reject_on_worker_lost;
    uint32_t tasks_per_child; /* 0: no limit */
    uint32_t eta_limit;       /* ETA tasks in a worker's memory; 0: no limit */
    uint64_t soft_limit_ns;   /* 0: none */
    uint64_t hard_limit_ns;   /* 0: none */
    /* Redelivery. */
    uint64_t visibility_ns;       /* Redis, SQS */
    uint64_t sweep_ns;            /* Redis: workers look so often, */
    uint32_t sweep_every;         /* and each time of so many they scan, */
    uint64_t sweep_mutex_ns;      /* one at a time; the lock lasts so long */
    uint64_t heartbeat_ns;        /* RabbitMQ; looked at each heartbeat_ns, */
    uint32_t heartbeat_misses;    /* given up after so many in silence */
    uint64_t consumer_timeout_ns; /* RabbitMQ: unacknowledged; 0: none */
    uint64_t consumer_check_ns;
    uint32_t duplicate_ppb; /* of deliveries, without any reason */
    /* Receiving. */
    uint32_t receive_max;     /* messages in one receive */
    uint64_t poll_wait_ns;    /* SQS: a receive waits so long, */
    uint64_t poll_pause_ns;   /* and then the worker; both 0: it is told */
    struct sim_dist rtt;      /* a round trip to the broker or the results */
    uint32_t receive_trips;   /* of the main process */
    uint32_t result_trips;    /* of the child */
    uint32_t ack_trips;       /* of the main process */
    uint64_t message_ns;      /* the main process's own time for a task */
    uint64_t result_lasts_ns; /* result_expires */
    /* Processes. */
    struct sim_dist start;     /* of a worker until its first fork */
    struct sim_dist fork;      /* of a child as the worker starts */
    uint32_t crowded;          /* times longer for children beyond the cores */
    struct sim_dist replace;   /* of a child in place of a dead one */
    uint64_t restart_ns;       /* the supervisor's, after a worker's death */
    uint64_t lost_wait_ns;     /* a dead child may yet have sent a result */
    uint32_t exit_seen_ppb;    /* of dead children: seen at once, */
    uint64_t pool_tick_ns;     /* the others when the pool looks for them */
    uint64_t reconnect_ns;     /* between the first two tries, */
    uint64_t reconnect_max_ns; /* more by that each time, up to this, */
    uint32_t reconnects;       /* and after so many the worker ends */
    uint32_t publish_tries;    /* again, when the broker is away: at once, */
    uint64_t publish_step_ns;  /* then later by this each time, */
    uint64_t publish_max_ns;   /* up to this */
    /* What is told of the seed. */
    uint32_t controls;      /* control nodes, each a single server */
    uint64_t control_ns;    /* of a task through it; 0: there is none */
    uint32_t stale_ppb;     /* of workers: they do not know a new task */
    uint32_t conflict_at;   /* workers, */
    uint32_t conflict_ppb;  /* at which so many tasks meet a file conflict, */
    uint32_t conflict_rise; /* a power of the number of workers */
    /* Prices in pico-dollars. */
    uint64_t price_worker;  /* of a worker's machine for an hour */
    uint64_t price_broker;  /* for an hour */
    uint64_t price_request; /* for a million */
};

/* What SIM_ACTION_STATE says of a job. */
enum sim_celery_state {
    SIM_CELERY_PENDING = 1, /* in the broker's queue */
    SIM_CELERY_RECEIVED,    /* in a worker's memory */
    SIM_CELERY_HELD,        /* there until its ETA */
    SIM_CELERY_RESTORED,    /* in the queue once more */
    SIM_CELERY_SUCCESS,
    SIM_CELERY_FAILURE,
    SIM_CELERY_EXPIRED, /* its result is gone, a copy of it is not */
};

/* Why a place closed. */
enum sim_celery_end {
    SIM_CELERY_END_CRASH = 1, /* the child died */
    SIM_CELERY_END_LIMIT,     /* hard time limit */
    SIM_CELERY_END_RECYCLED,  /* max_tasks_per_child */
    SIM_CELERY_END_WORKER,    /* its worker died */
};

enum {
    SIM_CELERY_WARN_SOFT = 1, /* code of WARN */
};

enum sim_celery_reason {
    SIM_CELERY_BROKER_AWAY = 1,
};

/*
 * 0 and a model which ops->free() takes away; -1 without memory, -2 when the
 * numbers of `config` do not fit together. The config is copied.
 */
int sim_celery_model(struct sim_model *model,
                     const struct sim_celery_config *config, uint64_t seed);

/* Beyond the interface, for tests and reports. */

/* Unacknowledged messages that count against a worker's prefetch. */
uint32_t sim_celery_unacked(const struct sim_model *model, uint32_t host);

/* Tasks in a worker's memory that wait for their ETA. */
uint32_t sim_celery_held(const struct sim_model *model, uint32_t host);

/* The worker takes work: it is up and has its broker. */
bool sim_celery_ready(const struct sim_model *model, uint32_t host);

/* Deliveries of a message that had been delivered before. */
uint64_t sim_celery_redelivered(const struct sim_model *model);

#endif

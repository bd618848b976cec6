#include "scenarios/profile_values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define DAY (86400 * SECOND)
#define GIGABYTE UINT64_C(1000000000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */

enum {
    BROKER,
    WORKERS,
    CONCURRENCY,
    CORES,
    PREFETCH,
    ACKS_LATE,
    REJECT_LOST,
    TASKS_PER_CHILD,
    ETA_LIMIT,
    SOFT_LIMIT,
    HARD_LIMIT,
    HOST_LOSS,
    DURABLE,
    PAYLOAD_MAX,
    VISIBILITY,
    SWEEP,
    SWEEP_EVERY,
    SWEEP_MUTEX,
    HEARTBEAT,
    HEARTBEAT_MISSES,
    CONSUMER_TIMEOUT,
    CONSUMER_CHECK,
    DUPLICATES,
    RECEIVE_MAX,
    POLL_WAIT,
    POLL_PAUSE,
    ROUND_TRIP,
    RECEIVE_TRIPS,
    RESULT_TRIPS,
    ACK_TRIPS,
    TASK_OVERHEAD,
    RESULT_EXPIRES,
    START_UP,
    CHILD_START,
    CHILD_CROWDING,
    CHILD_REPLACE,
    RESTART_DELAY,
    LOST_WAIT,
    EXIT_SEEN,
    POOL_CHECK,
    RECONNECT_STEP,
    RECONNECT_MAX,
    RECONNECT_RETRIES,
    PUBLISH_RETRIES,
    PUBLISH_STEP,
    PUBLISH_MAX,
    CONTROL_NODES,
    CONTROL_TIME,
    STALE_WORKERS,
    CONFLICT_WORKERS,
    CONFLICT_RATE,
    CONFLICT_POWER,
    PRICE_WORKER,
    PRICE_BROKER,
    PRICE_REQUESTS,
    PARAMS,
};

static const char *const brokers[] = {"redis", "rabbitmq", "sqs", NULL};
static const char *const losses[] = {"process", "machine", NULL};
static const char *const answers[] = {"no", "yes", NULL};

#define COUNTED(name, unit, min, max, direct)                                  \
    {                                                                          \
        name, unit, min, max, NULL, PROFILE_COUNT, direct                      \
    }
#define CHOSEN(name, names, direct)                                            \
    {                                                                          \
        name, NULL, 0, 0, names, PROFILE_CHOICE, direct                        \
    }
#define TIMED(name, min, max, direct)                                          \
    {                                                                          \
        name, NULL, min, max, NULL, PROFILE_DURATION, direct                   \
    }
#define DRAWN(name)                                                            \
    {                                                                          \
        name, NULL, 0, 0, NULL, PROFILE_DIST, false                            \
    }
#define SHARED(name)                                                           \
    {                                                                          \
        name, NULL, 0, GIGABYTE, NULL, PROFILE_SHARE, false                    \
    }
#define PRICED(name, unit)                                                     \
    {                                                                          \
        name, unit, 0, 10 * DOLLAR, NULL, PROFILE_MONEY, false                 \
    }

static const struct profile_param params[] = {
    [BROKER] = CHOSEN("broker", brokers, false),
    [WORKERS] = COUNTED("workers", "workers", 1, SIM_CELERY_WORKERS_MAX, true),
    [CONCURRENCY] = COUNTED("concurrency", "children", 1, 10000, true),
    [CORES] = COUNTED("cores", "cores", 1, 1000, true),
    [PREFETCH] = COUNTED("prefetch_multiplier", "messages", 0, 10000, true),
    [ACKS_LATE] = CHOSEN("acks_late", answers, true),
    [REJECT_LOST] = CHOSEN("reject_on_worker_lost", answers, true),
    [TASKS_PER_CHILD] =
        COUNTED("max_tasks_per_child", "tasks", 0, 1000000, true),
    [ETA_LIMIT] = COUNTED("eta_task_limit", "tasks", 0, 1000000000, true),
    [SOFT_LIMIT] = TIMED("soft_time_limit", 0, 30 * DAY, true),
    [HARD_LIMIT] = TIMED("time_limit", 0, 30 * DAY, true),
    [HOST_LOSS] = CHOSEN("host_loss", losses, true),
    [DURABLE] = CHOSEN("broker_durable", answers, true),
    [PAYLOAD_MAX] = {"payload_max", NULL, 1, 10 * GIGABYTE, NULL, PROFILE_SIZE,
                     false},
    [VISIBILITY] = TIMED("visibility_timeout", 0, 30 * DAY, true),
    [SWEEP] = TIMED("restore_interval", 0, DAY, false),
    [SWEEP_EVERY] = COUNTED("restore_every", "calls", 1, 1000, false),
    [SWEEP_MUTEX] = TIMED("restore_mutex", 0, DAY, false),
    [HEARTBEAT] = TIMED("heartbeat", 0, DAY, false),
    [HEARTBEAT_MISSES] =
        COUNTED("heartbeat_misses", "intervals", 0, 100, false),
    [CONSUMER_TIMEOUT] = TIMED("consumer_timeout", 0, 30 * DAY, false),
    [CONSUMER_CHECK] = TIMED("consumer_check", 0, DAY, false),
    [DUPLICATES] = {"duplicates", NULL, 0, GIGABYTE / 2, NULL, PROFILE_SHARE,
                    false},
    [RECEIVE_MAX] = COUNTED("receive_max", "messages", 1, 10000, false),
    [POLL_WAIT] = TIMED("poll_wait", 0, 20 * SECOND, false),
    [POLL_PAUSE] = TIMED("poll_pause", 0, DAY, false),
    [ROUND_TRIP] = DRAWN("round_trip"),
    [RECEIVE_TRIPS] = COUNTED("receive_trips", "round trips", 0, 20, false),
    [RESULT_TRIPS] = COUNTED("result_trips", "round trips", 0, 20, false),
    [ACK_TRIPS] = COUNTED("ack_trips", "round trips", 0, 20, false),
    [TASK_OVERHEAD] = TIMED("task_overhead", 0, 60 * SECOND, false),
    [RESULT_EXPIRES] = TIMED("result_expires", 0, 365 * DAY, false),
    [START_UP] = DRAWN("start_up"),
    [CHILD_START] = DRAWN("child_start"),
    [CHILD_CROWDING] = COUNTED("child_crowding", "times", 1, 1000, false),
    [CHILD_REPLACE] = DRAWN("child_replace"),
    [RESTART_DELAY] = TIMED("restart_delay", 0, DAY, true),
    [LOST_WAIT] = TIMED("worker_lost_wait", 0, DAY, false),
    [EXIT_SEEN] = SHARED("exit_seen"),
    [POOL_CHECK] = TIMED("pool_check", MS, DAY, false),
    [RECONNECT_STEP] = TIMED("reconnect_step", MS, DAY, false),
    [RECONNECT_MAX] = TIMED("reconnect_max", MS, DAY, false),
    [RECONNECT_RETRIES] =
        COUNTED("reconnect_retries", "retries", 0, 1000000, false),
    [PUBLISH_RETRIES] = COUNTED("publish_retries", "retries", 0, 1000, false),
    [PUBLISH_STEP] = TIMED("publish_retry_step", 0, DAY, false),
    [PUBLISH_MAX] = TIMED("publish_retry_max", 0, DAY, false),
    [CONTROL_NODES] =
        COUNTED("control_nodes", "nodes", 1, SIM_CELERY_CONTROLS_MAX, true),
    [CONTROL_TIME] = TIMED("control_time", 0, 60 * SECOND, true),
    [STALE_WORKERS] = SHARED("stale_workers"),
    [CONFLICT_WORKERS] =
        COUNTED("conflict_workers", "workers", 1, 1000000, false),
    [CONFLICT_RATE] = SHARED("conflict_rate"),
    [CONFLICT_POWER] = COUNTED("conflict_power", "power", 0, 16, false),
    [PRICE_WORKER] = PRICED("price_worker", "USD/worker-hour"),
    [PRICE_BROKER] = PRICED("price_broker", "USD/hour"),
    [PRICE_REQUESTS] = PRICED("price_requests", "USD/million requests"),
};

static const char *const about[PARAMS] = {
    [BROKER] = "which broker: how messages come back",
    [WORKERS] = "main processes, each a host",
    [CONCURRENCY] = "child processes of a worker, each a place",
    [CORES] = "children beyond them start slower, by child_crowding",
    [PREFETCH] = "messages a worker may hold for each child",
    [ACKS_LATE] = "acknowledge after the task instead of before",
    [REJECT_LOST] = "give back what a dead child had, with acks_late",
    [TASKS_PER_CHILD] = "then the child is replaced",
    [ETA_LIMIT] = "no more is taken while so many wait for their ETA",
    [SOFT_LIMIT] = "the task is warned",
    [HARD_LIMIT] = "the child is killed and the task has failed",
    [HOST_LOSS] = "what the fault \"host\" does to a worker",
    [DURABLE] = "the broker has its messages after an outage",
    [PAYLOAD_MAX] = "larger messages are refused",
    [VISIBILITY] = "what is not acknowledged comes again after it",
    [SWEEP] = "how often a worker looks for that",
    [SWEEP_EVERY] = "one of so many looks scans",
    [SWEEP_MUTEX] = "no scan so long when a worker dies in its own",
    [HEARTBEAT] = "the broker looks for silent connections so often",
    [HEARTBEAT_MISSES] = "so many of them in silence end a connection",
    [CONSUMER_TIMEOUT] = "an unacknowledged message closes the channel",
    [CONSUMER_CHECK] = "how often that is looked for",
    [DUPLICATES] = "deliveries that come twice for no reason",
    [RECEIVE_MAX] = "messages in one receive",
    [POLL_WAIT] = "a receive waits so long for a message",
    [POLL_PAUSE] = "and the worker before the next one",
    [ROUND_TRIP] = "to the broker and back",
    [RECEIVE_TRIPS] = "of the main process for a receive",
    [RESULT_TRIPS] = "of the child to store a result",
    [ACK_TRIPS] = "of the main process to acknowledge",
    [TASK_OVERHEAD] = "the main process's own time for a message",
    [RESULT_EXPIRES] = "a result is gone after it",
    [START_UP] = "of a worker until its first child",
    [CHILD_START] = "of each child as a worker starts",
    [CHILD_CROWDING] = "times longer for children beyond the cores",
    [CHILD_REPLACE] = "of a new child for one that has gone",
    [RESTART_DELAY] = "before a dead worker is started again",
    [LOST_WAIT] = "before a dead child's task counts as lost",
    [EXIT_SEEN] = "children whose death is seen at once",
    [POOL_CHECK] = "when the others' is seen",
    [RECONNECT_STEP] = "first wait to connect again, and its growth",
    [RECONNECT_MAX] = "longest wait to connect again",
    [RECONNECT_RETRIES] = "then the worker ends",
    [PUBLISH_RETRIES] = "of a client while the broker is away",
    [PUBLISH_STEP] = "each waits longer by that",
    [PUBLISH_MAX] = "longest wait of a client",
    [CONTROL_NODES] = "servers through which every task goes",
    [CONTROL_TIME] = "of a task in one of them",
    [STALE_WORKERS] = "workers that do not know new tasks",
    [CONFLICT_WORKERS] = "children at which conflict_rate holds",
    [CONFLICT_RATE] = "tasks that meet a file conflict there",
    [CONFLICT_POWER] = "how that grows with children",
    [PRICE_WORKER] = "a worker's machine",
    [PRICE_BROKER] = "the broker's machine",
    [PRICE_REQUESTS] = "requests to the broker",
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS <= PROFILE_ROWS_MAX, "every parameter has a row");

static uint32_t number32(const struct profile_value *value)
{
    return (uint32_t)value->number;
}

static void redelivery(struct sim_celery_config *config,
                       const struct profile_value *v)
{
    config->visibility_ns = v[VISIBILITY].number;
    config->sweep_ns = v[SWEEP].number;
    config->sweep_every = number32(&v[SWEEP_EVERY]);
    config->sweep_mutex_ns = v[SWEEP_MUTEX].number;
    config->heartbeat_ns = v[HEARTBEAT].number;
    config->heartbeat_misses = number32(&v[HEARTBEAT_MISSES]);
    config->consumer_timeout_ns = v[CONSUMER_TIMEOUT].number;
    config->consumer_check_ns = v[CONSUMER_CHECK].number;
    config->duplicate_ppb = number32(&v[DUPLICATES]);
}

static void receiving(struct sim_celery_config *config,
                      const struct profile_value *v)
{
    config->receive_max = number32(&v[RECEIVE_MAX]);
    config->poll_wait_ns = v[POLL_WAIT].number;
    config->poll_pause_ns = v[POLL_PAUSE].number;
    config->rtt = v[ROUND_TRIP].dist;
    config->receive_trips = number32(&v[RECEIVE_TRIPS]);
    config->result_trips = number32(&v[RESULT_TRIPS]);
    config->ack_trips = number32(&v[ACK_TRIPS]);
    config->message_ns = v[TASK_OVERHEAD].number;
    config->result_lasts_ns = v[RESULT_EXPIRES].number;
}

static void processes(struct sim_celery_config *config,
                      const struct profile_value *v)
{
    config->start = v[START_UP].dist;
    config->fork = v[CHILD_START].dist;
    config->crowded = number32(&v[CHILD_CROWDING]);
    config->replace = v[CHILD_REPLACE].dist;
    config->restart_ns = v[RESTART_DELAY].number;
    config->exit_seen_ppb = number32(&v[EXIT_SEEN]);
    config->lost_wait_ns = v[LOST_WAIT].number;
    config->pool_tick_ns = v[POOL_CHECK].number;
    config->reconnect_ns = v[RECONNECT_STEP].number;
    config->reconnect_max_ns = v[RECONNECT_MAX].number;
    config->reconnects = number32(&v[RECONNECT_RETRIES]);
    config->publish_tries = number32(&v[PUBLISH_RETRIES]);
    config->publish_step_ns = v[PUBLISH_STEP].number;
    config->publish_max_ns = v[PUBLISH_MAX].number;
}

static void seed_effects(struct sim_celery_config *config,
                         const struct profile_value *v)
{
    config->controls = number32(&v[CONTROL_NODES]);
    config->control_ns = v[CONTROL_TIME].number;
    config->stale_ppb = number32(&v[STALE_WORKERS]);
    config->conflict_at = number32(&v[CONFLICT_WORKERS]);
    config->conflict_ppb = number32(&v[CONFLICT_RATE]);
    config->conflict_rise = number32(&v[CONFLICT_POWER]);
    config->price_worker = v[PRICE_WORKER].number;
    config->price_broker = v[PRICE_BROKER].number;
    config->price_request = v[PRICE_REQUESTS].number;
}

static struct sim_celery_config config_of(const struct profile_value *v)
{
    struct sim_celery_config config = {
        .broker = (enum sim_celery_broker)v[BROKER].number,
        .loss = (enum sim_celery_loss)v[HOST_LOSS].number,
        .durable = v[DURABLE].number != 0,
        .payload_max = v[PAYLOAD_MAX].number,
        .workers = number32(&v[WORKERS]),
        .concurrency = number32(&v[CONCURRENCY]),
        .cores = number32(&v[CORES]),
        .prefetch = number32(&v[PREFETCH]),
        .acks_late = v[ACKS_LATE].number != 0,
        .reject_on_worker_lost = v[REJECT_LOST].number != 0,
        .tasks_per_child = number32(&v[TASKS_PER_CHILD]),
        .eta_limit = number32(&v[ETA_LIMIT]),
        .soft_limit_ns = v[SOFT_LIMIT].number,
        .hard_limit_ns = v[HARD_LIMIT].number,
    };
    redelivery(&config, v);
    receiving(&config, v);
    processes(&config, v);
    seed_effects(&config, v);
    return config;
}

/* What a broker cannot do without, each with the place where it is missing. */
static bool check(const struct profile_value *v, struct json_error *err)
{
    bool rabbitmq = v[BROKER].number == SIM_CELERY_RABBITMQ;
    if (!rabbitmq && v[VISIBILITY].number == 0) {
        return json_fail(v[VISIBILITY].at, err,
                         "found no time, allowed above 0s: %s gives a message "
                         "to somebody else after it",
                         brokers[v[BROKER].number]);
    }
    if (v[BROKER].number == SIM_CELERY_REDIS && v[SWEEP].number == 0) {
        return json_fail(v[SWEEP].at, err, "found no time, allowed above 0s");
    }
    if (v[BROKER].number == SIM_CELERY_SQS && v[POLL_WAIT].number == 0) {
        return json_fail(v[POLL_WAIT].at, err,
                         "found no time, allowed above 0s");
    }
    if (rabbitmq && v[HEARTBEAT].number == 0) {
        return json_fail(v[HEARTBEAT].at, err,
                         "found no time, allowed above 0s");
    }
    if (rabbitmq && v[CONSUMER_TIMEOUT].number > 0 &&
        v[CONSUMER_CHECK].number == 0) {
        return json_fail(v[CONSUMER_CHECK].at, err,
                         "found no time, allowed above 0s");
    }
    if (v[SOFT_LIMIT].number > 0 && v[HARD_LIMIT].number > 0 &&
        v[SOFT_LIMIT].number >= v[HARD_LIMIT].number) {
        return json_fail(v[SOFT_LIMIT].at, err,
                         "found a soft limit that is not below time_limit, "
                         "allowed below it, or 0s");
    }
    return true;
}

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    struct sim_model tried;
    (void)files;
    if (!check(values, err)) {
        return false;
    }
    profile->celery.config = config_of(values);
    int error = sim_celery_model(&tried, &profile->celery.config, 0);
    if (error == -1) {
        return json_fail(values[WORKERS].at, err, "memory ran out");
    }
    if (error != 0) {
        return json_fail(values[WORKERS].at, err,
                         "found workers, children and a prefetch of which "
                         "there are too many together, allowed at most %d "
                         "children in all",
                         SIM_CELERY_CHILDREN_MAX);
    }
    tried.ops->free(tried.self);
    return true;
}

static int model(const struct profile *profile,
                 const struct sim_demand *demands, uint32_t count,
                 uint64_t seed, struct sim_model *made)
{
    (void)demands;
    (void)count;
    return sim_celery_model(made, &profile->celery.config, seed);
}

const struct profile_platform profile_celery_platform = {
    .name = "celery",
    .params = params,
    .about = about,
    .count = COUNT(params),
    .build = build,
    .model = model,
    .dispatch_timeout_ns = UINT64_C(120000000000),
    .dispatch_timeout_why = "celery: a task waits for a child of a pool",
};

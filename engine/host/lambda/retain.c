/*
 * How long executions are kept that have ended. Time alone removes nothing:
 * what is over is not to be seen from that moment on, and goes in some later
 * turn, so that a clock that skips does not go there by itself.
 */
#include "engine/host/lambda/service_private.h"
#include "engine/host/store_upkeep.h"

#define DAY (UINT64_C(86400) * UINT64_C(1000000000))
#define LATER (DAY / 24)

enum {
    DAYS = 14, /* where a function does not say */
    REMOVED_AT_ONCE = 64,
    PURGED_AT_ONCE = 4096
};

uint32_t lambda_retain_days(const struct lambda_function *function)
{
    return function->retention_days ? function->retention_days : DAYS;
}

static uint64_t over_at(const struct lambda_service *service,
                        const struct lambda_execution *execution)
{
    const struct lambda_function *function =
        &service->functions[execution->function];

    return execution->ended_ns + lambda_retain_days(function) * DAY;
}

bool lambda_retain_is_over(const struct lambda_service *service,
                           const struct lambda_execution *execution)
{
    return execution->ended_ns &&
           over_at(service, execution) <= lambda_core_now(service->core);
}

static void look_again(struct lambda_service *service, uint64_t at_ns,
                       uint64_t run)
{
    if (engine_timers_push(&service->retained, at_ns, run))
        service->failed = true;
}

void lambda_retain(struct lambda_service *service,
                   const struct lambda_execution *execution)
{
    look_again(service, over_at(service, execution), execution->run);
}

struct removal {
    struct lambda_service *service;
    bool done;
};

static int retire(void *self, const struct engine_run_row *run,
                  uint64_t closed_ns)
{
    struct removal *removal = self;
    struct engine_store *store = lambda_core_store(removal->service->core);

    removal->done = true;
    return store_retire(store, run, closed_ns) ||
                   lambda_keep_nothing(removal->service, run->run)
               ? -1
               : 0;
}

/* Out of reach, in the open group. 1; 0: it cannot go yet; -1: the store
 * failed. */
static int retire_one(struct lambda_service *service, uint64_t run)
{
    struct removal removal = {.service = service};

    if (store_scan_closed_to(lambda_core_store(service->core), run, run,
                             UINT64_MAX / 2, retire, &removal))
        return -1;
    return removal.done;
}

/* The next one whose time is over; NULL: there is none. */
static struct lambda_execution *next_over(struct lambda_service *service)
{
    uint64_t now_ns = lambda_core_now(service->core);

    while (engine_timers_next(&service->retained) <= now_ns) {
        uint64_t run = engine_timers_pop(&service->retained).key;
        struct lambda_execution *execution =
            lambda_execution_find(service, run);
        if (!execution)
            continue;
        if (lambda_retain_is_over(service, execution) && !execution->invocation)
            return execution;
        look_again(service,
                   execution->invocation ? now_ns + LATER
                                         : over_at(service, execution),
                   run);
    }
    return NULL;
}

/* One group for as many as there are. How many; -1. */
static int retire_some(struct lambda_service *service, uint64_t runs[])
{
    struct lambda_execution *execution;
    int count = 0;

    while (count < REMOVED_AT_ONCE && (execution = next_over(service))) {
        int retired = retire_one(service, execution->run);
        if (retired < 0)
            return -1;
        if (retired > 0)
            runs[count++] = execution->run;
        else
            look_again(service, lambda_core_now(service->core) + LATER,
                       execution->run);
    }
    return count;
}

/* What is out of reach leaves the file, as far as it comes first. */
static int clear(struct lambda_service *service, uint64_t now_ns)
{
    struct engine_store *store = lambda_core_store(service->core);
    uint64_t forgotten;

    return store_purge(store, now_ns, PURGED_AT_ONCE) < 0 ||
                   store_forget(store, now_ns, 0, REMOVED_AT_ONCE, &forgotten)
               ? -1
               : 0;
}

void lambda_retain_attend(struct lambda_service *service)
{
    struct engine_store *store = lambda_core_store(service->core);
    uint64_t now_ns = lambda_core_now(service->core);
    uint64_t runs[REMOVED_AT_ONCE];
    int count;

    if (engine_timers_next(&service->retained) > now_ns)
        return;
    if (store->ops->begin(store->self, now_ns)) {
        service->failed = true;
        return;
    }
    count = retire_some(service, runs);
    if (count < 0)
        store->ops->rollback(store->self);
    if (count < 0 || store->ops->commit(store->self) ||
        (count > 0 && clear(service, now_ns))) {
        service->failed = true;
        return;
    }
    for (int i = 0; i < count; i++)
        lambda_execution_drop(service, lambda_execution_find(service, runs[i]));
}
